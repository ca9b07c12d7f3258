// Package audit checks a ledger from its folder and the public key of its log alone:
// that no leaf was changed, removed, hidden or doubled, and which entries lie in a
// period. It writes nothing, and may look at a copy of the folder.
package audit

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	fnote "github.com/transparency-dev/formats/note"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/rfc6962"
	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/tree"
)

// maxProblems are told apart; a ledger with more is beyond listing.
const maxProblems = 1000

// VerifyOptions are what the verifier knows by another way than from the folder.
type VerifyOptions struct {
	LogKey []byte // public log key, PEM or NAME+HASH+KEY: any that the log ever had
	// Remembered is a checkpoint that the log showed earlier; nil where there is none.
	// Without it, a log that was truncated or rewritten by whoever holds its key passes.
	Remembered []byte
	Witnesses  []string // public keys of witnesses, NAME+HASH+KEY (C2SP tlog-cosignature, Ed25519)
	Threshold  int      // how many of them must have signed the checkpoint
	// Heartbeat is how often a gate says in the log that it is at work; 0 where nobody
	// promised that. Until is how long it must have gone on; zero is the newest entry.
	Heartbeat time.Duration
	Until     time.Time
	// Policy says the same as Witnesses and Threshold, in the words of a ledger; nil asks nothing.
	Policy *tree.Witnesses
}

// Check is one thing that was looked at.
type Check struct {
	What    string `json:"what"`
	Against string `json:"against"`
	OK      bool   `json:"ok"`
	Detail  string `json:"detail"`
}

// Report is what a verification found. OK is true only where every check holds.
type Report struct {
	OK       bool            `json:"ok"`
	Origin   string          `json:"origin"`
	Size     uint64          `json:"size"`
	Root     string          `json:"root"` // base64, as in the checkpoint
	Newest   time.Time       `json:"newest"`
	Checks   []Check         `json:"checks"`
	Problems []entry.Problem `json:"problems"` // the first 1,000
}

// Verify walks every leaf of a ledger and checks that the leaves give the root of the
// checkpoint, that the log key of that moment signed it, that it continues the
// remembered one, that every statement is the one that was logged, signed by a key that
// the log introduced, and that every sequence is without gap. An error says that it
// could not be judged.
func Verify(ctx context.Context, dir string, o VerifyOptions) (Report, error) {
	return Examine(ctx, dir, o, nil)
}

// Examine is Verify, and hands each entry that can be read to each, in their order.
func Examine(ctx context.Context, dir string, o VerifyOptions, each func(ledger.LoggedEntry)) (Report, error) {
	x := &examination{dir: dir, opts: o}
	if err := x.run(ctx, func(e ledger.LoggedEntry, _ []byte) {
		if each != nil {
			each(e)
		}
	}); err != nil {
		return Report{}, fmt.Errorf("verifying ledger %s: %w", dir, err)
	}
	return x.report, nil
}

// examination is a verification under way.
type examination struct {
	dir    string
	opts   VerifyOptions
	report Report

	raw   []byte
	cp    log.Checkpoint
	vkey  string
	chain *entry.Chain

	remembered     *log.Checkpoint
	rememberedRoot []byte // of our leaves at that size
	root           []byte // of our leaves
	count          map[entry.Reason]int
}

func (x *examination) log() string { return filepath.Join(x.dir, ledger.LogFolder) }

func (x *examination) add(p *entry.Problem) {
	if p == nil {
		return
	}
	if x.count[p.Reason]++; len(x.report.Problems) < maxProblems {
		x.report.Problems = append(x.report.Problems, *p)
	}
}

// check writes the line of a check, which holds where none of these reasons was found.
func (x *examination) check(what, against, detail string, reasons ...entry.Reason) {
	c := Check{What: what, Against: against, OK: true, Detail: detail}
	for _, r := range reasons {
		if n := x.count[r]; n > 0 {
			if c.OK {
				c.Detail = ""
			}
			c.OK = false
			c.Detail = strings.TrimPrefix(fmt.Sprintf("%s, %d × %s", c.Detail, n, r), ", ")
		}
	}
	x.report.Checks = append(x.report.Checks, c)
}

// run does it all, and hands each entry that can be read to each.
func (x *examination) run(ctx context.Context, each visit) error {
	x.count, x.report.Problems, x.report.Checks = map[entry.Reason]int{}, []entry.Problem{}, []Check{}
	if err := x.open(); err != nil {
		var p *entry.Problem
		if !errors.As(err, &p) {
			return err
		}
		x.add(p)
		x.check("checkpoint", "log key", "", p.Reason)
		return nil
	}
	beat := &pulse{every: x.opts.Heartbeat, last: map[string]time.Time{}}
	if err := x.leaves(ctx, func(e ledger.LoggedEntry, data []byte) {
		beat.entry(e)
		if each != nil {
			each(e, data)
		}
	}); err != nil {
		return err
	}
	x.signature()
	x.memory()
	if err := x.witnesses(); err != nil {
		return err
	}
	if err := x.revoked(ctx); err != nil {
		return err
	}
	whole := x.count[entry.ReasonLogTruncated]+x.count[entry.ReasonLogRewritten]+x.count[entry.ReasonLeafMalformed] == 0
	if whole && x.cp.Size > 0 {
		x.tiles(ctx)
	}
	x.lines()
	if x.opts.Heartbeat > 0 {
		x.heartbeats(beat)
	}
	x.report.OK = len(x.report.Problems) == 0
	return nil
}

// open reads the checkpoint and what the verifier brought along.
func (x *examination) open() error {
	var err error
	if x.raw, x.cp, err = tree.ReadCheckpoint(x.log()); err != nil {
		if x.raw == nil {
			return entry.Problemf(entry.ReasonCheckpointMissing, "%v", err)
		}
		return entry.Problemf(entry.ReasonCheckpointMalformed, "%v", err)
	}
	if x.vkey, err = entry.ReadPublic(x.opts.LogKey, x.cp.Origin); err != nil {
		return err
	}
	if name, _, _ := strings.Cut(x.vkey, "+"); name != x.cp.Origin {
		return entry.Problemf(entry.ReasonOriginMismatch, "the checkpoint is that of %q, and the key that of %q", x.cp.Origin, name)
	}
	x.chain = entry.NewChain(x.cp.Origin)
	x.report.Origin, x.report.Size = x.cp.Origin, x.cp.Size
	x.report.Root = base64.StdEncoding.EncodeToString(x.cp.Hash)
	if x.opts.Remembered != nil {
		x.remembered = &log.Checkpoint{}
		if _, err := x.remembered.Unmarshal(x.opts.Remembered); err != nil {
			return fmt.Errorf("reading the remembered checkpoint: %w", err)
		}
		if x.remembered.Origin != x.cp.Origin {
			return entry.Problemf(entry.ReasonOriginMismatch, "the checkpoint is that of %q, and the remembered one that of %q", x.cp.Origin, x.remembered.Origin)
		}
	}
	return nil
}

// signature checks who signed the checkpoint.
func (x *examination) signature() {
	keys := x.chain.Signers(x.cp.Size)
	if !slices.ContainsFunc(x.chain.Log, func(k entry.Reign) bool { return k.Key == x.vkey }) {
		// C2SP tlog-checkpoint: a signature by a key that nobody vouches for says nothing.
		keys = []string{x.vkey}
		if x.chain.Active() != "" {
			x.add(entry.Problemf(entry.ReasonLogKeyUnknown, "the log has keys of its own, and %s is not one of them", x.vkey))
		}
	}
	if !slices.ContainsFunc(keys, func(k string) bool { return entry.SignedBy(x.raw, k) }) {
		x.add(entry.Problemf(entry.ReasonCheckpointSignature, "the checkpoint of %d leaves is not signed with the log key of that moment, %s", x.cp.Size, strings.Join(keys, " or ")))
	}
}

// memory holds the log against the remembered checkpoint.
func (x *examination) memory() {
	switch {
	case x.remembered == nil:
	case x.remembered.Size > x.cp.Size:
		x.add(entry.Problemf(entry.ReasonLogTruncated, "the log has %d leaves, and had %d when its checkpoint was remembered", x.cp.Size, x.remembered.Size))
	case !bytes.Equal(x.rememberedRoot, x.remembered.Hash):
		x.add(entry.Problemf(entry.ReasonLogForked, "the first %d leaves are not those of the remembered checkpoint", x.remembered.Size))
	}
}

// witnesses counts cosignatures (C2SP tlog-cosignature): one for each witness.
func (x *examination) witnesses() error {
	if x.opts.Threshold > len(x.opts.Witnesses) {
		return fmt.Errorf("%d witnesses are wanted, and %d are known; give their keys", x.opts.Threshold, len(x.opts.Witnesses))
	}
	if p := x.opts.Policy; p != nil && !p.Satisfied(x.raw) {
		x.add(entry.Problemf(entry.ReasonWitnessThreshold, "the checkpoint does not have the signatures of witnesses that the policy wants"))
	}
	if x.opts.Threshold == 0 {
		return nil
	}
	signed, err := Witnessed(x.raw, x.opts.Witnesses)
	if err != nil {
		return err
	}
	if signed < x.opts.Threshold {
		x.add(entry.Problemf(entry.ReasonWitnessThreshold, "%d of %d witnesses signed the checkpoint; %d are wanted", signed, len(x.opts.Witnesses), x.opts.Threshold))
	}
	return nil
}

// Witnessed tells how many of these witnesses signed a checkpoint.
func Witnessed(checkpoint []byte, keys []string) (int, error) {
	signed := map[string]bool{}
	for _, key := range keys {
		verifier, err := fnote.NewVerifierForCosignatureV1(strings.TrimSpace(key))
		if err != nil {
			return 0, fmt.Errorf("reading witness key %q: %w", key, err)
		}
		if _, err := note.Open(checkpoint, note.VerifierList(verifier)); err == nil {
			signed[fmt.Sprint(verifier.Name(), verifier.KeyHash())] = true
		}
	}
	return len(signed), nil
}

// tiles checks that the tiles, which proofs are made from, follow from the leaves.
func (x *examination) tiles(ctx context.Context) {
	hash := func(raw []byte) ([][]byte, error) {
		var b api.EntryBundle
		if err := b.UnmarshalText(raw); err != nil {
			return nil, err
		}
		out := make([][]byte, len(b.Entries))
		for i, e := range b.Entries {
			out[i] = rfc6962.DefaultHasher.HashLeaf(e)
		}
		return out, nil
	}
	// Who signed was judged above; here any signature of the right log will do.
	verifier, err := note.NewVerifier(x.vkey)
	for _, k := range x.chain.Signers(x.cp.Size) {
		if v, bad := note.NewVerifier(k); bad == nil && entry.SignedBy(x.raw, k) {
			verifier = v
		}
	}
	if err != nil || verifier == nil || x.count[entry.ReasonCheckpointSignature] > 0 {
		return
	}
	if err := fsck.New(x.cp.Origin, verifier, client.FileFetcher{Root: x.log()}, hash, fsck.Opts{N: 1}).Check(ctx); err != nil {
		x.add(entry.Problemf(entry.ReasonTileInvalid, "the tiles do not follow from the leaves: %v", err))
	}
}

// lines writes what was looked at, against what, and how it came out.
func (x *examination) lines() {
	n := fmt.Sprintf("%d leaves", x.cp.Size)
	x.check("checkpoint", "log key "+strings.Join(strings.SplitN(x.vkey, "+", 3)[:2], "+"), fmt.Sprintf("signed; %d log keys so far", len(x.chain.Log)),
		entry.ReasonCheckpointSignature, entry.ReasonLogKeyUnknown, entry.ReasonOriginMismatch)
	x.check("tree", "leaves", n+" give the root of the checkpoint", entry.ReasonLogTruncated, entry.ReasonLogRewritten, entry.ReasonLeafMalformed, entry.ReasonTileInvalid)
	if x.remembered != nil {
		x.check("history", fmt.Sprintf("remembered checkpoint of %d leaves", x.remembered.Size), "continued", entry.ReasonLogForked, entry.ReasonLogTruncated)
	}
	if x.opts.Threshold > 0 {
		x.check("witnesses", fmt.Sprintf("%d of %d", x.opts.Threshold, len(x.opts.Witnesses)), "signed", entry.ReasonWitnessThreshold)
	}
	if p := x.opts.Policy; p != nil {
		x.check("witnesses", fmt.Sprintf("policy of %d witnesses", p.Number()), "signed", entry.ReasonWitnessThreshold)
	}
	x.check("entries", "digests in the leaves", n+" with their statements", entry.ReasonEntryMissing, entry.ReasonEntryAltered, entry.ReasonEntryMalformed, entry.ReasonEntryDoubled)
	x.check("signatures", "keys that the log introduced", fmt.Sprintf("%d keys", len(x.chain.Keys)),
		entry.ReasonEntrySignature, entry.ReasonEntryKeyUnknown, entry.ReasonEntryKeyRetired, entry.ReasonEntryKeyRevoked, entry.ReasonKeyChangeInvalid)
	x.check("sequences", "numbers from 1, and the entry before", fmt.Sprintf("%d sequences without gap", len(x.chain.Series)),
		entry.ReasonSequenceGap, entry.ReasonSequenceRepeated, entry.ReasonPreviousMismatch)
	x.check("times", "order of the leaves", "do not go back", entry.ReasonTimeReversed)
}
