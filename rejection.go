package gatekeep

// Reason is a stable code for why something was not believed or not seen. Codes
// are never renamed or reused; docs/rejections.md lists them.
type Reason string

// Reasons for which a document that was found is not believed.
const (
	ReasonEnvelopeMalformed  Reason = "envelope_malformed"  // not a bundle, envelope or statement -> Look at it with `gatekeep evidence inspect`, and sign the document again.
	ReasonStatementMalformed Reason = "statement_malformed" // signed, but not an in-toto statement -> Make the statement anew (`gatekeep attest`); the place is in the detail.
	ReasonPredicateMalformed Reason = "predicate_malformed" // not what its type says -> Run the tool that made it again; the field is in the detail.
	ReasonPredicateUnknown   Reason = "predicate_unknown"   // a type nobody here reads, and nobody is trusted for -> If it is wanted, name the type URI in the trust policy; it is then kept as claims for rules.
	ReasonSchemaViolation    Reason = "schema_violation"    // readable, breaks its schema, and the trust policy is strict -> Have the tool mended, or take `strict` from the types of the trust policy.
	ReasonTooLarge           Reason = "too_large"           // over a named bound -> Split the document; the bound is in the detail.
	ReasonUnsigned           Reason = "unsigned"            // no signature, and the trust policy wants one -> Sign it (`gatekeep attest`), or allow the type unsigned where that is enough.
	ReasonSignatureInvalid   Reason = "signature_invalid"   // a signature that does not verify -> Take it for tampering until the signer has looked. Fetch or sign it again.
	ReasonSignerUnknown      Reason = "signer_unknown"      // no key or identity of the trust policy made it -> Add the key or identity to the trust policy if it is known by another way.
	ReasonSignerNotTrusted   Reason = "signer_not_trusted"  // a known signer that may not say this -> Let a signer sign it that the trust policy names for this type and environment.
	ReasonCertificateInvalid Reason = "certificate_invalid" // chain or usage does not hold -> Check that the root in the trust policy is the one that issued the certificate.
	ReasonExpired            Reason = "expired"             // certificate or key no longer valid -> Sign it again with a key that is valid.
	ReasonNotYetValid        Reason = "not_yet_valid"       // certificate or key not valid yet -> Check the clock of the signer, and the window of the key.
	ReasonNoTrustedTime      Reason = "no_trusted_time"     // nothing proves when it was signed -> Sign with a transparency log or a timestamp authority, so that a bundle carries the time.
	ReasonLogInvalid         Reason = "log_invalid"         // transparency log proof does not hold -> Take it for tampering until the signer has looked. Fetch the bundle again.
	ReasonLogKeyNotValid     Reason = "log_key_not_valid"   // key of the log or authority outside its window -> Take a newer trusted root (`gatekeep trust refresh`); if it lists the key as ended, sign again.
	ReasonThresholdNotMet    Reason = "threshold_not_met"   // fewer trusted signatures than the trust policy asks for -> Have more of the signers that the trust policy names sign the same statement.
	ReasonLayoutViolated     Reason = "layout_violated"     // links do not satisfy the signed in-toto layout -> The detail names the step or rule of the layout: do that step as the layout says.
	ReasonSubjectMismatch    Reason = "subject_mismatch"    // about something else -> Make the statement about the digest that is deployed.
)

// Reasons for which a source could not be looked at. Unlike "nothing there" they
// leave the gate unable to judge.
const (
	ReasonSourceUnreachable Reason = "source_unreachable" // no usable answer before the deadline, however often it was asked -> Restore the place, or wait: it was asked several times until the deadline.
	ReasonSourceDenied      Reason = "source_denied"      // 401 or 403 -> Log in to the registry, or let the account read it.
	ReasonSourceTimeout     Reason = "source_timeout"     // no answer in time -> Recorded by earlier versions; now source_unreachable.
	ReasonSourceLimited     Reason = "source_limited"     // asked too often -> Recorded by earlier versions; now source_unreachable.
	ReasonSourceMalformed   Reason = "source_malformed"   // an answer that breaks its own protocol, or lies about a digest or size -> Ask whoever runs the place: what it answers breaks its own protocol.
	ReasonNotFound          Reason = "not_found"          // a subject that does not exist -> Check the name; what was pushed under it is gone, or never was.
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
