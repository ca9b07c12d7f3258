package evidence

import (
	"bytes"
	"crypto"
	"fmt"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigstore"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/logged"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/place"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// maxDrift is how far the authority's time may lie from that of the decision. A gate
// stamps within seconds; its clock may be off by some minutes.
const maxDrift = 10 * time.Minute

// maxProof bounds a proof: 63 hashes and a checkpoint with some signers.
const maxProof = 64 << 10

// checkVouchers holds what others vouch for against what the record promises: nothing
// that was promised may be stripped, and nothing that was not may be added.
func (s sealed) checkVouchers(r gatekeep.Record, recordErr error, e signing.Envelope, envelopeErr error, opts VerifyOptions) []Check {
	if recordErr != nil || envelopeErr != nil {
		return nil // said already
	}
	seal := gatekeep.Seal{}
	if r.Seal != nil {
		seal = *r.Seal
	}
	out := s.checkLog(seal, e, opts.Key)
	out = append(out, checkStamp(seal, e)...)
	if opts.Threshold > 0 {
		out = append(out, checkWitnesses(e, opts))
	}
	if seal.Log == "" && seal.Timestamp == "" {
		return out
	}
	return append(out, s.checkTrusted(seal, e, opts))
}

// checkWitnesses counts those who signed the checkpoint, so that the log cannot show
// others another one.
func checkWitnesses(e signing.Envelope, opts VerifyOptions) Check {
	const name, what = "witnesses", "checkpoint of the log"
	against := fmt.Sprintf("%d of %d witnesses", opts.Threshold, len(opts.Witnesses))
	signed := 0
	if e.Entry != nil {
		var err error
		if signed, err = audit.Witnessed([]byte(e.Entry.Checkpoint), opts.Witnesses); err != nil {
			return failed(name, what, against, archive.Refuse(string(entry.ReasonWitnessThreshold), "", "%v", err))
		}
	}
	if signed < opts.Threshold {
		return failed(name, what, against, archive.Refuse(string(entry.ReasonWitnessThreshold), "", "%d of them signed it", signed))
	}
	return held(name, what, against, fmt.Sprintf("%d signed it", signed))
}

// checkLog checks the entry of the log and all that repeats it.
func (s sealed) checkLog(seal gatekeep.Seal, e signing.Envelope, key crypto.PublicKey) []Check {
	const name = "log"
	bad := func(path, reason, format string, args ...any) []Check {
		return []Check{failed(name, path, "log "+seal.Log, archive.Refuse(reason, path, format, args...))}
	}
	_, proof := s.sums[layout.PathProof]
	_, growth := s.sums[layout.PathConsistency]
	_, remembered := s.sums[layout.PathRemembered]
	if seal.Log == "" {
		if e.Entry != nil || proof || growth || remembered {
			return bad(layout.PathSignature, ReasonLogMismatch, "the record says that the decision is not logged, and the bundle holds a proof of a log")
		}
		return nil
	}
	if e.Entry == nil || !proof {
		return bad(layout.PathProof, ReasonLogMissing, "the record says that log %q holds the decision, and the proof is not here", clip(seal.Log))
	}
	there := logged.Place(seal.Log, e.Entry)
	if key == nil { // the signature check says that no key was given
		var err error
		if key, err = s.ownKey(); err != nil {
			return []Check{failed(name, layout.PathKey, "log "+seal.Log, err)}
		}
	}
	if err := there.Check(e.Payload, e.Signature, key); err != nil {
		return bad(layout.PathSignature, ReasonLogMismatch, "%v", err)
	}
	want, err := there.Text()
	if err != nil {
		return bad(layout.PathProof, ReasonLogMismatch, "%v", err)
	}
	if got, err := s.read(layout.PathProof, maxProof); err != nil || !bytes.Equal(got, want) {
		return bad(layout.PathProof, ReasonLogMismatch, "it is not the proof in %s", layout.PathSignature)
	}
	out := []Check{held(name, fmt.Sprintf("leaf %d of %d", there.Index, there.Size), "log "+seal.Log, "the proof leads to its checkpoint")}
	if growth != remembered {
		return append(out, bad(layout.PathConsistency, ReasonLogMissing, "of a remembered checkpoint and its proof the bundle holds only one")...)
	}
	if !remembered {
		return out
	}
	earlier, err := s.read(layout.PathRemembered, maxProof)
	if err == nil {
		var text []byte
		if text, err = s.read(layout.PathConsistency, maxProof); err == nil {
			err = place.CheckGrowth(earlier, there.Checkpoint, text)
		}
	}
	if err != nil {
		return append(out, bad(layout.PathConsistency, ReasonLogForked, "%v", err)...)
	}
	return append(out, held(name, layout.PathRemembered, "the checkpoint of the proof", "the log has only grown since"))
}

// ownKey is evidence.pub. It vouches for nothing.
func (s sealed) ownKey() (crypto.PublicKey, error) {
	data, err := s.read(layout.PathKey, maxProof)
	if err != nil {
		return nil, err
	}
	key, err := signing.LoadPublicKey(data)
	if err != nil {
		return nil, archive.Refuse(ReasonLogMismatch, layout.PathKey, "%v", err)
	}
	return key, nil
}

// checkStamp tells whether a timestamp is there exactly where one was promised.
func checkStamp(seal gatekeep.Seal, e signing.Envelope) []Check {
	const name, what = "time", "timestamp"
	switch {
	case seal.Timestamp == "" && e.Stamp != nil:
		return []Check{failed(name, what, layout.PathRecord, archive.Refuse(ReasonTimestampInvalid, layout.PathSignature, "the record promises none, and there is one"))}
	case seal.Timestamp != "" && e.Stamp == nil:
		return []Check{failed(name, what, layout.PathRecord, archive.Refuse(ReasonTimestampMissing, layout.PathSignature, "%s was to say when, and its timestamp is not here", clip(seal.Timestamp)))}
	}
	return nil
}

// checkTrusted verifies log and time against the keys that the verifier brought: the
// signature of the log on its checkpoint, that of the authority on the time, and that
// each key was valid then.
func (s sealed) checkTrusted(seal gatekeep.Seal, e signing.Envelope, opts VerifyOptions) Check {
	const name, what = "time", "signatures of log and time"
	if opts.Root == nil {
		return failed(name, what, "the trusted root given", archive.Refuse(ReasonTrustMissing, "", "no trusted root given; get it from the gate's owner, not from the bundle"))
	}
	against := "trusted root " + opts.Root.Name
	if opts.Key == nil {
		return failed(name, what, against, archive.Refuse(ReasonKeyMissing, "", "no key given"))
	}
	raw, err := s.read(layout.PathSignature, signing.MaxBundleBytes)
	if err != nil {
		return failed(name, what, against, err)
	}
	bundle, why := sigstore.ReadBundle(raw)
	if why != nil {
		return failed(name, what, against, archive.Refuse(string(why.Reason), layout.PathSignature, "%s", why.Detail))
	}
	times, why := opts.Root.VerifyKeyTimes(bundle, opts.Key, sigstore.Content{})
	if why != nil {
		return failed(name, what, against, archive.Refuse(string(why.Reason), layout.PathSignature, "%s", why.Detail))
	}
	summary, err := summaryOf(e)
	if err != nil {
		return failed(name, what, against, err)
	}
	for _, at := range times {
		if apart := at.Sub(summary.Time).Abs(); apart > maxDrift {
			return failed(name, what, against, archive.Refuse(ReasonBackdated, layout.PathSignature, "the decision says %s and the authority %s: %s apart; %s are allowed",
				summary.Time.UTC().Format(time.RFC3339), at.UTC().Format(time.RFC3339), apart.Round(time.Second), maxDrift))
		}
	}
	detail := "stamped " + times[0].UTC().Format(time.RFC3339)
	if seal.Timestamp == gatekeep.TimestampOwn {
		detail += " by an authority of the gate's own, which proves no more than its clock"
	}
	return held(name, what, against, detail)
}
