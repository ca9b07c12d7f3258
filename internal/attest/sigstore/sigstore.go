// Package sigstore verifies one Sigstore bundle against one trusted root, offline. It
// follows the Sigstore client specification, section 4 (github.com/sigstore/
// architecture-docs, client-spec.md), and the comments of sigstore_bundle.proto,
// sigstore_rekor.proto and sigstore_trustroot.proto of protobuf-specs v0.5.
//
// The steps themselves are those of sigstore-go, called one by one, so that what
// refuses a bundle is known by the step and never read from the text of an error.
// Added are the rules that it leaves open: the window of every key that is relied on,
// the exact media types, certificates that have no place in a bundle, the whole of an
// inclusion proof, the kind of a log entry, and every timestamp instead of the first.
//
// Nothing here asks who signed: the caller compares the identity.
package sigstore

import (
	"fmt"
	"time"

	"github.com/gatekeep-dev/gatekeep"
)

// Bounds on what one bundle may ask of the verifier. Real bundles have one log entry
// and at most two timestamps; sigstore-go stops at the same number.
const (
	maxEntries    = 32
	maxTimestamps = 32
)

// Failure is why a bundle does not hold. Its reason is one of envelope_malformed,
// statement_malformed, too_large, signer_unknown, certificate_invalid, expired,
// not_yet_valid, signature_invalid, log_invalid, log_key_not_valid, no_trusted_time
// and subject_mismatch.
type Failure struct {
	Reason gatekeep.Reason
	Detail string // for people
	// Chained tells that the certificate chains to a CA of this root: where several
	// roots are tried, this is the failure to show.
	Chained bool
}

// Error is the reason with its detail.
func (f *Failure) Error() string { return string(f.Reason) + ": " + f.Detail }

func fail(reason gatekeep.Reason, format string, args ...any) *Failure {
	return &Failure{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}

// window is when a key may be relied on. TimeRange of sigstore_common.proto: "The time
// range is closed and includes both the start and end times, (i.e., [start, end])."
// A start is always there; an end that is zero is open.
type window struct{ start, end time.Time }

func (w window) holds(at time.Time) bool {
	return !w.start.IsZero() && !at.Before(w.start) && (w.end.IsZero() || !at.After(w.end))
}

func (w window) String() string {
	if w.end.IsZero() {
		return "from " + stamp(w.start)
	}
	return "from " + stamp(w.start) + " to " + stamp(w.end)
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
