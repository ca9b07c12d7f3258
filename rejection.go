package gatekeep

// Reason is a stable code for why something was not believed or not seen. Codes
// are never renamed or reused; docs/rejections.md lists them.
type Reason string

// Reasons for which a document that was found is not believed.
const (
	ReasonEnvelopeMalformed  Reason = "envelope_malformed"  // not a bundle, envelope or statement
	ReasonStatementMalformed Reason = "statement_malformed" // signed, but not an in-toto statement
	ReasonPredicateMalformed Reason = "predicate_malformed" // not what its type says
	ReasonPredicateUnknown   Reason = "predicate_unknown"   // a type nobody here reads, and nobody is trusted for
	ReasonSchemaViolation    Reason = "schema_violation"    // readable, breaks its schema, and the trust policy is strict
	ReasonTooLarge           Reason = "too_large"           // over a named bound
	ReasonUnsigned           Reason = "unsigned"            // no signature, and the trust policy wants one
	ReasonSignatureInvalid   Reason = "signature_invalid"   // a signature that does not verify
	ReasonSignerUnknown      Reason = "signer_unknown"      // no key or identity of the trust policy made it
	ReasonSignerNotTrusted   Reason = "signer_not_trusted"  // a known signer that may not say this
	ReasonCertificateInvalid Reason = "certificate_invalid" // chain or usage does not hold
	ReasonExpired            Reason = "expired"             // certificate or key no longer valid
	ReasonNotYetValid        Reason = "not_yet_valid"       // certificate or key not valid yet
	ReasonNoTrustedTime      Reason = "no_trusted_time"     // nothing proves when it was signed
	ReasonLogInvalid         Reason = "log_invalid"         // transparency log proof does not hold
	ReasonLogKeyNotValid     Reason = "log_key_not_valid"   // key of the log or authority outside its window
	ReasonThresholdNotMet    Reason = "threshold_not_met"   // fewer trusted signatures than the trust policy asks for
	ReasonLayoutViolated     Reason = "layout_violated"     // links do not satisfy the signed in-toto layout
	ReasonSubjectMismatch    Reason = "subject_mismatch"    // about something else
)

// Reasons for which a source could not be looked at. Unlike "nothing there" they
// leave the gate unable to judge.
const (
	ReasonSourceUnreachable Reason = "source_unreachable" // no answer, or a server error
	ReasonSourceDenied      Reason = "source_denied"      // 401 or 403
	ReasonSourceTimeout     Reason = "source_timeout"     // no answer in time
	ReasonSourceLimited     Reason = "source_limited"     // 429
	ReasonSourceMalformed   Reason = "source_malformed"   // an answer that breaks its own protocol, or lies about a digest or size
	ReasonNotFound          Reason = "not_found"          // a subject that does not exist
)

// Rejection is a document that was found and not believed.
type Rejection struct {
	ID            string `json:"id"` // digest of the bytes
	PredicateType string `json:"predicate_type,omitempty"`
	Kind          string `json:"kind,omitempty"` // where the type is one that is read
	Reason        Reason `json:"reason"`
	Detail        string `json:"detail"`           // for people
	Signer        string `json:"signer,omitempty"` // name in the trust policy, where one matched
	Source        string `json:"source"`
	Name          string `json:"name"`
}
