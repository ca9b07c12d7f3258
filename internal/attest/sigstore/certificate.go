package sigstore

import (
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/pki"
)

// VerifyCertificate verifies a bundle that is signed with a certificate, and tells what
// the certificate says of the signer, whom the caller then compares: SAN and issuer (OID
// 1.3.6.1.4.1.57264.1.8, else .1.1) as whole strings. The failure is nil where the
// bundle holds; never put it into a variable of type error before looking at it.
func (r *Root) VerifyCertificate(b *bundle.Bundle, what Content) (*certificate.Summary, *Failure) {
	e, why := r.admit(b)
	if why != nil {
		return nil, why
	}
	leaf, summary, why := r.leafOf(e)
	if why != nil {
		return nil, why
	}
	if why := r.verifyUse(e, leaf, what); why != nil {
		why.Chained = true
		return nil, why
	}
	return summary, nil
}

// leafOf reads the signing certificate, which chains to a CA of the root at some time.
func (r *Root) leafOf(e *entity) (*x509.Certificate, *certificate.Summary, *Failure) {
	invalid := func(format string, args ...any) (*x509.Certificate, *certificate.Summary, *Failure) {
		return nil, nil, fail(gatekeep.ReasonCertificateInvalid, format, args...)
	}
	content, err := e.VerificationContent()
	if err != nil {
		return invalid("reading certificate: %v", err)
	}
	leaf := content.Certificate()
	if leaf == nil {
		return nil, nil, fail(gatekeep.ReasonSignerUnknown, "signed with a key, and no key was given to verify it")
	}
	if err := r.CertificateReady(); err != nil {
		return invalid("root %q %v", r.Name, err)
	}
	// VerificationMaterial: the certificate "MUST be a leaf certificate conveying the
	// signing key".
	if leaf.IsCA {
		return invalid("signed with the certificate of a CA")
	}
	// Fulcio, certificate-specification.md: an issued certificate has the extended key
	// usage for code signing and the key usage for digital signatures. To crypto/x509 a
	// certificate without extension is good for everything.
	if !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageCodeSigning) || leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return invalid("the certificate is not for digital signatures of code")
	}
	summary, err := certificate.SummarizeCertificate(leaf)
	if err == nil {
		err = preferNewIssuer(leaf, &summary)
	}
	if err == nil {
		err = nameAsWritten(leaf, &summary)
	}
	if err != nil {
		return invalid("reading certificate: %v", err)
	}
	dropNameOID(leaf)
	// The certificate is valid in the middle of its own validity if at all.
	middle := leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
	if len(chains(r.eternal, leaf, middle)) == 0 {
		return invalid("the certificate does not chain to root %q", r.Name)
	}
	return leaf, &summary, nil
}

// verifyUse verifies that the certificate made this signature, at a time when it could.
func (r *Root) verifyUse(e *entity, leaf *x509.Certificate, what Content) *Failure {
	// Section 4.5: "The Verifier MUST verify the provided signature for the constructed
	// payload against the key in the leaf of the certificate chain."
	if why := e.signedBy(leaf.PublicKey, what); why != nil {
		return why
	}
	for _, entry := range e.entries {
		if at := entry.IntegratedTime(); !at.IsZero() {
			if why := within(leaf, at); why != nil {
				return why
			}
		}
	}
	times, why := r.observed(e, r.Material)
	if why != nil {
		return why
	}
	var paths [][]*x509.Certificate
	for _, at := range times {
		if paths, why = r.chainsAt(leaf, at); why != nil {
			return why
		}
	}
	if why := r.logged6962(paths); why != nil {
		return why
	}
	return e.about(what)
}

// chainsAt validates the path at a time. Section 4.3: "The Verifier MUST perform
// certification path validation (RFC 5280 section 6) of the certificate chain with the
// pre-distributed Fulcio root certificate(s) as a trust anchor, but with a fake current
// time. [...] If both are available, the Verifier performs path validation twice. If
// either fails, verification fails." CertificateAuthority.valid_for: "Clients MUST check
// timestamps against *both* the valid_for time range *and* the entire certificate
// chain."
func (r *Root) chainsAt(leaf *x509.Certificate, at time.Time) ([][]*x509.Certificate, *Failure) {
	if why := within(leaf, at); why != nil {
		return nil, why
	}
	if paths := chains(r.Material, leaf, at); len(paths) > 0 {
		return paths, nil
	}
	if len(chains(r.eternal, leaf, at)) > 0 {
		return nil, fail(gatekeep.ReasonLogKeyNotValid, "signed at %s, outside the window in which root %q trusts the certificate authority", stamp(at), r.Name)
	}
	return nil, fail(gatekeep.ReasonExpired, "a certificate between that of the signer and root %q was not valid at %s", r.Name, stamp(at))
}

// chains are the paths to any CA. The library stops at the first CA, whose chain need
// not be the one in the SCT where two CAs go by one name.
func chains(material sigroot.TrustedMaterial, leaf *x509.Certificate, at time.Time) [][]*x509.Certificate {
	var all [][]*x509.Certificate
	for _, ca := range material.FulcioCertificateAuthorities() {
		if paths, err := ca.Verify(leaf, at); err == nil {
			all = append(all, paths...)
		}
	}
	return all
}

// logged6962 verifies the SCT. Section 4.3: "the Verifier MUST extract the
// SignedCertificateTimestamp embedded in the leaf certificate, and verify it as in RFC
// 6962 section 3.2, using the verification key from the Certificate Transparency Log."
func (r *Root) logged6962(paths [][]*x509.Certificate) *Failure {
	if len(r.Material.CTLogs()) == 0 {
		return nil
	}
	err := verify.VerifySignedCertificateTimestamp(paths, 1, r.Material)
	if err == nil {
		return nil
	}
	if verify.VerifySignedCertificateTimestamp(paths, 1, r.eternal) == nil {
		return fail(gatekeep.ReasonLogKeyNotValid, "the certificate was logged outside the window in which root %q trusts the certificate log", r.Name)
	}
	return fail(gatekeep.ReasonCertificateInvalid, "verifying SCT: %v", err)
}

// preferNewIssuer takes the issuer of OID 1.3.6.1.4.1.57264.1.8 over that of .1.1, which
// Fulcio has deprecated, in whatever order they stand; the library takes the last.
func preferNewIssuer(leaf *x509.Certificate, summary *certificate.Summary) error {
	for _, extension := range leaf.Extensions {
		if extension.Id.Equal(certificate.OIDIssuerV2) {
			return certificate.ParseDERString(extension.Value, &summary.Issuer)
		}
	}
	return nil
}

// nameAsWritten takes the name as it stands in the certificate: the library writes a URI
// anew. A URI without scheme, or an otherName, that reads like an address or a URI is
// refused: identities are compared by their text.
func nameAsWritten(leaf *x509.Certificate, summary *certificate.Summary) error {
	kind, text := pki.KindDNS, summary.SubjectAlternativeName // an otherName is neither URI nor address
	if names := pki.Names(leaf); len(names) > 0 && names[0].Kind != pki.KindDNS {
		kind, text = names[0].Kind, names[0].Text
	}
	if kind != pki.KindAddress && pki.KindOf(text) != kind {
		return fmt.Errorf("its name %.200q reads like one of another kind", text)
	}
	summary.SubjectAlternativeName = text
	return nil
}

// within checks a time against the validity of a certificate, RFC 5280 section 4.1.2.5:
// from notBefore through notAfter, inclusive.
func within(leaf *x509.Certificate, at time.Time) *Failure {
	switch {
	case at.Before(leaf.NotBefore):
		return fail(gatekeep.ReasonNotYetValid, "used at %s, before the certificate was valid", stamp(at))
	case at.After(leaf.NotAfter):
		return fail(gatekeep.ReasonExpired, "used at %s, after the certificate expired", stamp(at))
	}
	return nil
}

// dropNameOID forgets that a subject alternative name of a form that Go does not read
// is critical, as sigstore-go does: it reads that form itself.
func dropNameOID(leaf *x509.Certificate) {
	rest := leaf.UnhandledCriticalExtensions[:0:0]
	for _, oid := range leaf.UnhandledCriticalExtensions {
		if !oid.Equal(cryptoutils.SANOID) {
			rest = append(rest, oid)
		}
	}
	leaf.UnhandledCriticalExtensions = rest
}
