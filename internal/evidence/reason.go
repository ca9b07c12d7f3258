package evidence

import (
	"errors"

	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
)

// Stable codes for why a check does not hold, beside those of package archive. They
// are never renamed or reused; docs/evidence-format.md lists them.
const (
	// The files are not those that were sealed; package archive has the codes for files
	// that are missing, changed or out of order.
	ReasonFileExtra = "file_extra"

	// The files do not say the same.
	ReasonManifestMalformed  = layout.ReasonManifestMalformed
	ReasonSumsMismatch       = "sums_mismatch"
	ReasonRecordMalformed    = "record_malformed"
	ReasonDecisionMismatch   = "decision_mismatch"
	ReasonInputMismatch      = "input_mismatch"
	ReasonCaseMismatch       = "case_mismatch"
	ReasonEnvelopeMissing    = "envelope_missing"
	ReasonEnvelopeExtra      = "envelope_extra"
	ReasonEnvelopeChanged    = "envelope_changed"
	ReasonPolicyMismatch     = "policy_mismatch"
	ReasonSubjectMismatch    = "subject_mismatch"
	ReasonStatementMalformed = "statement_malformed"
	ReasonStatementMismatch  = "statement_mismatch"

	// The signature, and what time does to it.
	ReasonKeyMissing         = "key_missing" // no key was given to verify with
	ReasonSignatureMalformed = "signature_malformed"
	ReasonSignatureInvalid   = "signature_invalid"
	ReasonSignerUnknown      = "signer_unknown" // another key signed
	ReasonExpired            = "expired"

	// What others vouch for. Beside these, a check against the trusted root gives the
	// reasons of package sigstore, which docs/rejections.md lists.
	ReasonTrustMissing     = "trust_missing"     // no trusted root was given to verify with
	ReasonLogMissing       = "log_missing"       // promised, and not there
	ReasonLogMismatch      = "log_mismatch"      // not the proof of this statement
	ReasonLogForked        = "log_forked"        // not a continuation of the checkpoint before it
	ReasonTimestampMissing = "timestamp_missing" // promised, and not there
	ReasonTimestampInvalid = "timestamp_invalid" // not promised, and there
	ReasonBackdated        = "backdated"         // the authority saw it at another time
	ReasonSuperseded       = "superseded"        // a later decision took its place

	// Names of people, and what was erased with them.
	ReasonPeopleMismatch = "people_mismatch" // a name that no commitment of the case is of
	ReasonErasureInvalid = "erasure_invalid" // nothing in the log says so

	// What the verifier wanted it to be about.
	ReasonEnvironmentMismatch = "environment_mismatch"
	ReasonOutcomeMismatch     = "outcome_mismatch"

	// A replay came to something else.
	ReasonInputDiffers    = "input_differs"
	ReasonDecisionDiffers = "decision_differs"
)

// reasonOf is the code of an error, or the given one where it has none.
func reasonOf(err error, otherwise string) string {
	var r *archive.Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return otherwise
}
