package attest

import (
	"crypto/x509"
	"errors"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/trust"
)

// verifyBundle checks everything about a bundle but who signed it and what it is about:
// both are compared by the caller, against the trust policy and the request.
func verifyBundle(r *trust.Root, b *bundle.Bundle) (*certificate.Summary, error) {
	result, err := r.Verifier.Verify(b, verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithoutIdentitiesUnsafe()))
	if err != nil {
		return nil, err
	}
	if result.Signature == nil || result.Signature.Certificate == nil {
		return nil, errors.New("the bundle was verified without a certificate")
	}
	return result.Signature.Certificate, nil
}

// byCertificate finds the identities that a bundle's certificate was issued to, in
// the order of their names.
func byCertificate(t *Trust, b *bundle.Bundle) ([]*trust.Signer, *certificate.Summary, *refusal) {
	var first, chained *refusal
	for _, r := range t.Roots() {
		summary, err := verifyBundle(r, b)
		if err != nil {
			why, chains := diagnose(r, b, err)
			if first == nil {
				first = why
			}
			if chains && chained == nil {
				chained = why
			}
			continue
		}
		var who []*trust.Signer
		for _, s := range t.Identities(r) {
			if s.Is(summary.Issuer, summary.SubjectAlternativeName) {
				who = append(who, s)
			}
		}
		if len(who) > 0 {
			return who, summary, nil
		}
		chained = refuse(gatekeep.ReasonSignerUnknown, "no signer of the trust policy is %.200q of issuer %.200q", summary.SubjectAlternativeName, summary.Issuer)
	}
	switch {
	case chained != nil:
		return nil, nil, chained
	case first != nil:
		return nil, nil, first
	}
	return nil, nil, refuse(gatekeep.ReasonSignerUnknown, "signed with a certificate, and the trust policy names no signer by identity")
}

// diagnose finds which step a refused bundle fails, by taking the steps one by one;
// the text of an error is for people only. It also tells whether the certificate
// chains to this root at all.
func diagnose(r *trust.Root, b *bundle.Bundle, cause error) (why *refusal, chains bool) {
	content, err := b.VerificationContent()
	if err != nil || content.Certificate() == nil {
		return refuse(gatekeep.ReasonCertificateInvalid, "reading certificate: %v", cause), false
	}
	leaf := content.Certificate()
	dropNameOID(leaf)
	// The certificate is valid in the middle of its own validity if at all.
	middle := leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
	if _, err := verify.VerifyLeafCertificate(middle, leaf, r.Material); err != nil {
		return refuse(gatekeep.ReasonCertificateInvalid, "the certificate does not chain to root %q", r.Name), false
	}
	envelope := b.GetDsseEnvelope()
	signed := hashesOf(envelope.GetPayloadType(), envelope.GetPayload())
	if !verifies(leaf.PublicKey, signed, envelope.GetSignatures()[0].GetSig()) {
		return refuse(gatekeep.ReasonSignatureInvalid, "the key of the certificate did not make the signature"), true
	}
	if late := outside(b, leaf); late != nil {
		return late, true
	}
	logged, err := r.Verifier.VerifyTransparencyLogInclusion(b)
	if err != nil {
		return refuse(gatekeep.ReasonLogInvalid, "%v", err), true
	}
	times, err := r.Verifier.VerifyObserverTimestamps(b, logged)
	if err != nil {
		return refuse(gatekeep.ReasonNoTrustedTime, "%v", err), true
	}
	for _, at := range times {
		if why := within(leaf, at.Timestamp); why != nil {
			return why, true
		}
		if _, err := verify.VerifyLeafCertificate(at.Timestamp, leaf, r.Material); err != nil {
			return refuse(gatekeep.ReasonExpired, "the certificate does not chain to root %q at its time of use", r.Name), true
		}
	}
	if _, why := parseStatement(envelope.GetPayload()); why != nil {
		return why, true
	}
	return refuse(gatekeep.ReasonCertificateInvalid, "%v", cause), true
}

// outside finds a log entry that was integrated while the certificate was not
// valid.
func outside(b *bundle.Bundle, leaf *x509.Certificate) *refusal {
	entries, err := b.TlogEntries()
	if err != nil {
		return refuse(gatekeep.ReasonLogInvalid, "%v", err)
	}
	for _, entry := range entries {
		if at := entry.IntegratedTime(); !at.IsZero() {
			if why := within(leaf, at); why != nil {
				return why
			}
		}
	}
	return nil
}

// within checks a time against the validity of a certificate, RFC 5280 section
// 4.1.2.5: from notBefore through notAfter, inclusive.
func within(leaf *x509.Certificate, at time.Time) *refusal {
	switch {
	case at.Before(leaf.NotBefore):
		return refuse(gatekeep.ReasonNotYetValid, "used at %s, before the certificate was valid", at.UTC().Format(time.RFC3339))
	case at.After(leaf.NotAfter):
		return refuse(gatekeep.ReasonExpired, "used at %s, after the certificate expired", at.UTC().Format(time.RFC3339))
	}
	return nil
}

// dropNameOID forgets that a subject alternative name of a form that Go does not
// read is critical, as sigstore-go does: it reads that form itself.
func dropNameOID(leaf *x509.Certificate) {
	var rest = leaf.UnhandledCriticalExtensions[:0:0]
	for _, oid := range leaf.UnhandledCriticalExtensions {
		if !oid.Equal(cryptoutils.SANOID) {
			rest = append(rest, oid)
		}
	}
	leaf.UnhandledCriticalExtensions = rest
}
