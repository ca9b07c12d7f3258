package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
	"github.com/gatekeep-dev/gatekeep/internal/signing/stamp"
)

// vouchFlags name who vouches for evidence beside the key that signs it.
type vouchFlags struct{ ledger, logKey, timestamp string }

func (f *vouchFlags) register(fs *pflag.FlagSet) {
	fs.StringVar(&f.ledger, "ledger", "", "folder of the ledger that keeps the decision; needs --log-key and --timestamp")
	fs.StringVar(&f.logKey, "log-key", "", "private log key of the ledger, which signs its checkpoints")
	fs.StringVar(&f.timestamp, "timestamp", "", "RFC 3161 authority that says when: its URL, or the file of one of your own ('gatekeep key timestamp')")
}

func (f vouchFlags) remote() bool { return strings.Contains(f.timestamp, "://") }

// sensible refuses flags that contradict each other. Stated tells that the time of the
// decision is not this machine's.
func (f vouchFlags) sensible(out string, stated bool) error {
	switch {
	case (f.ledger != "" || f.timestamp != "") && out == "":
		return usage("--ledger and --timestamp vouch for evidence: pass --out and --key too")
	case f.ledger != "" && f.logKey == "":
		return usage("--ledger needs --log-key, the private key that signs its checkpoints")
	case f.ledger == "" && f.logKey != "":
		return usage("--log-key signs the checkpoints of a ledger: pass --ledger too, or leave it out")
	case f.ledger != "" && f.timestamp == "":
		return usage("--ledger needs --timestamp: the log has no clock, and stock tools ask for a time (make an authority of your own with 'gatekeep key timestamp')")
	case f.remote() && stated:
		return usage("--at states the time, and %s would say another: leave one of the two out", f.timestamp)
	case f.ledger != "":
		return isFolder("--ledger", f.ledger)
	}
	return nil
}

// vouchers vouch for evidence. Those that are not asked are nil.
type vouchers struct {
	folder    string // of the log
	log       *ledger.Ledger
	authority stamp.Authority
}

// open reads the keys and opens the ledger. An authority of one's own says now.
func (f vouchFlags) open(ctx context.Context, signer signing.Signer, now time.Time) (v vouchers, err error) {
	switch {
	case f.remote():
		v.authority = stamp.Remote(f.timestamp)
	case f.timestamp != "":
		private, err := readFile(f.timestamp, maxKey)
		if err != nil {
			return v, usage("reading --timestamp: %w", err)
		}
		if v.authority, err = stamp.ReadOwn(private, func() time.Time { return now }); err != nil {
			return v, usage("%s: %w", f.timestamp, err)
		}
	}
	if f.ledger == "" {
		return v, nil
	}
	private, err := readFile(f.logKey, maxLogKey)
	if err != nil {
		return v, usage("reading log key: %w", err)
	}
	key, err := entry.ReadKey(private)
	if err != nil {
		return v, usage("%s: %w", f.logKey, err)
	}
	if err := entry.CheckKey(signer.Public()); err != nil {
		return v, usage("reading --key: %w", err)
	}
	ledger.LogTo(nil) // every error comes back as one
	v.folder = f.ledger
	v.log, err = ledger.Open(ctx, f.ledger, ledger.Options{Key: key, Entry: signer, Now: time.Now})
	return v, err
}

// seal is what the record says of them.
func (f vouchFlags) seal(v vouchers) *gatekeep.Seal {
	s := gatekeep.Seal{Timestamp: f.timestamp}
	if f.timestamp != "" && !f.remote() {
		s.Timestamp = gatekeep.TimestampOwn
	}
	if v.log != nil {
		s.Log = v.log.Origin()
	}
	if s == (gatekeep.Seal{}) {
		return nil
	}
	return &s
}
