package evidence

import (
	"errors"

	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
)

// Stable codes for why a check does not hold, beside those of package archive. They
// are never renamed or reused; docs/evidence-format.md lists them.
const (
	// The files are not those that were sealed; package archive has the codes for files
	// that are missing, changed or out of order.
	ReasonFileExtra = "file_extra"

	// The files do not say the same.
	ReasonManifestMalformed  = "manifest_malformed"
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
