package attest

import (
	"crypto/x509"
	"errors"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
	"github.com/gatekeep-dev/gatekeep/internal/attest/pki"
	"github.com/gatekeep-dev/gatekeep/internal/attest/refusal"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigstore"
	"github.com/gatekeep-dev/gatekeep/internal/attest/trust"
)

// byInstance finds the identities that a Sigstore instance of the trust policy vouches
// for, in the order of their names. Known tells whether the certificate chains to one
// of the instances at all.
func (j *judgement) byInstance(d *envelope.Document) (found []proof, why *refusal.Refusal, known bool) {
	var first, chained *refusal.Refusal
	for _, r := range j.trust.Roots() {
		summary, no, chains := attested(r, d)
		if no != nil {
			if first == nil {
				first = no
			}
			if chains && chained == nil {
				chained = no
			}
			continue
		}
		key, err := keyOf(d.Bundle)
		if err != nil {
			return nil, refusal.New(gatekeep.ReasonCertificateInvalid, "reading key of the certificate: %v", err), true
		}
		var word trust.Word
		for _, s := range j.trust.Identities(r) {
			if s.Is(*summary) {
				word = append(word, trust.Maker{Signer: s, Key: key})
			}
		}
		if len(word) > 0 {
			return []proof{{word, summary.Issuer, summary.SubjectAlternativeName}}, nil, true
		}
		chained = refusal.New(gatekeep.ReasonSignerUnknown, "no signer of the trust policy is %.200q of issuer %.200q with such a certificate", summary.SubjectAlternativeName, summary.Issuer)
	}
	switch {
	case chained != nil:
		return nil, chained, true
	case first != nil:
		return nil, first, false
	}
	return nil, refusal.New(gatekeep.ReasonSignerUnknown, "signed with a certificate, and the trust policy names no signer by identity"), false
}

// attested checks everything about a bundle but who signed it and what it is about:
// both are compared by the caller, against the trust policy and the request. Chains
// tells of a refusal whether the certificate chains to this root.
func attested(r *trust.Root, d *envelope.Document) (summary *certificate.Summary, why *refusal.Refusal, chains bool) {
	var what sigstore.Content
	if d.Image {
		what = sigstore.Artifact(d.Payload)
	}
	summary, no := r.VerifyCertificate(d.Bundle, what)
	if no != nil {
		return nil, refusal.New(no.Reason, "%s", no.Detail), no.Chained
	}
	return summary, nil, true
}

// keyOf names the key of the certificate of a bundle.
func keyOf(b *bundle.Bundle) (string, error) {
	chain, err := chainOf(b)
	if err != nil {
		return "", err
	}
	return pki.KeyID(chain[0].PublicKey)
}

// chainOf reads the certificate of a bundle and, where it brings them, those that
// lead to its root.
func chainOf(b *bundle.Bundle) ([]*x509.Certificate, error) {
	material := b.GetVerificationMaterial()
	raw := [][]byte{material.GetCertificate().GetRawBytes()}
	if brought := material.GetX509CertificateChain().GetCertificates(); len(brought) > 0 {
		raw = raw[:0]
		for _, c := range brought {
			raw = append(raw, c.GetRawBytes())
		}
	}
	if len(raw) > pki.MaxCertificates {
		return nil, errors.New("the chain is too long")
	}
	var chain []*x509.Certificate
	for _, der := range raw {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	return chain, nil
}
