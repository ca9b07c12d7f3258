package attest

import (
	"crypto/x509"
	"slices"
	"sync"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
	"github.com/gatekeep-dev/gatekeep/internal/attest/pki"
	"github.com/gatekeep-dev/gatekeep/internal/attest/refusal"
	"github.com/gatekeep-dev/gatekeep/internal/attest/trust"
)

// proof is one signature that holds: the signers whose it may be, and what their
// certificate says where there is one.
type proof struct {
	word        trust.Word
	issuer, san string
}

// authenticate finds who signed. Several names may fit one signature, and several
// signers may have signed; which of them has the right to is asked later.
func (j *judgement) authenticate(d *envelope.Document) ([]proof, *refusal.Refusal) {
	if d.Bundle != nil {
		return j.byBundle(d)
	}
	if len(d.Signatures) == 0 {
		return nil, refusal.New(gatekeep.ReasonUnsigned, "the envelope holds no signature")
	}
	found, late := j.byKey(d)
	var why *refusal.Refusal
	for _, s := range d.Signatures {
		if len(s.Cert) == 0 || len(j.trust.Certified()) == 0 {
			continue
		}
		p, no := j.byText(d, s)
		if found = append(found, p...); no != nil && why == nil {
			why = no
		}
	}
	switch {
	case len(found) > 0:
		return found, nil
	case late != nil:
		return nil, late
	case why != nil:
		return nil, why
	}
	return nil, j.whyNoKey(d)
}

// byKey finds the key signers that made one of the envelope's signatures, in the
// order of their names, and are within the window of their key; and else why the
// first is not.
//
// DSSE protocol: keyid is an unauthenticated hint and MUST NOT be used for security
// decisions; every key is tried whatever it says.
func (j *judgement) byKey(d *envelope.Document) (valid []proof, late *refusal.Refusal) {
	message := d.Signed()
	for _, s := range j.trust.Keys() {
		if !slices.ContainsFunc(d.Signatures, func(by envelope.Signature) bool { return message.SignedBy(s.Key, by.Sig) }) {
			continue
		}
		if why := validAt(s, j.now); why == nil {
			valid = append(valid, proof{word: trust.Word{{Signer: s, Key: s.KeyID}}})
		} else if late == nil {
			late = why
		}
	}
	return valid, late
}

// validAt checks the window of a key, both ends inclusive as in RFC 5280 section
// 4.1.2.5. A plain key has no trusted time of signing, so the moment is that of
// the decision.
func validAt(s *trust.Signer, now time.Time) *refusal.Refusal {
	switch {
	case !s.NotBefore.IsZero() && now.Before(s.NotBefore):
		return refusal.New(gatekeep.ReasonNotYetValid, "key of %q is valid from %s", s.Name, s.NotBefore.UTC().Format(time.RFC3339)).Of(s.Name)
	case !s.NotAfter.IsZero() && now.After(s.NotAfter):
		return refusal.New(gatekeep.ReasonExpired, "key of %q was valid until %s", s.Name, s.NotAfter.UTC().Format(time.RFC3339)).Of(s.Name)
	}
	return nil
}

// whyNoKey tells why no signature counts, from evidence. A hint that names a known key
// means that this key's signature does not hold: signature_invalid. A certificate,
// or hints that name only other keys, mean another signer. Without hints a changed
// payload and a stranger's signature look alike; where any key of the policy may make
// such statements the signature counts as invalid.
func (j *judgement) whyNoKey(d *envelope.Document) *refusal.Refusal {
	strangers := 0
	for _, sig := range d.Signatures {
		if sig.Hint == "" {
			continue
		}
		strangers++
		for _, s := range j.trust.Keys() {
			if slices.Contains(s.Hints, sig.Hint) {
				return refusal.New(gatekeep.ReasonSignatureInvalid, "the signature names the key of this signer and does not verify with it").Of(s.Name)
			}
		}
	}
	switch {
	case d.HasCertificate():
		return refusal.New(gatekeep.ReasonNoTrustedTime, "signed with a certificate, and neither a log entry nor a timestamp proves when; a Sigstore bundle carries both")
	case strangers == len(d.Signatures):
		return refusal.New(gatekeep.ReasonSignerUnknown, "no key of the trust policy made it; it names the key %.100q", d.Signatures[0].Hint)
	case j.keyExpected(d):
		return refusal.New(gatekeep.ReasonSignatureInvalid, "no key of the trust policy verifies it")
	}
	return refusal.New(gatekeep.ReasonSignerUnknown, "no key of the trust policy verifies it, and none is trusted for such statements")
}

// byText tries the certificate that a signature of a bare envelope carries as PEM.
// Such an envelope has no place for a timestamp.
func (j *judgement) byText(d *envelope.Document, s envelope.Signature) ([]proof, *refusal.Refusal) {
	chain, err := pki.ParsePEM(s.Cert)
	if err != nil {
		return nil, refusal.New(gatekeep.ReasonCertificateInvalid, "reading certificate of the signature: %v", err)
	}
	return j.byAuthority(d, chain, s.Sig, nil)
}

// byBundle finds the identities that the certificate of a bundle was issued to.
func (j *judgement) byBundle(d *envelope.Document) ([]proof, *refusal.Refusal) {
	found, public, known := j.byInstance(d)
	if len(found) > 0 || known || len(j.trust.Certified()) == 0 {
		return found, public
	}
	chain, err := chainOf(d.Bundle)
	if err != nil {
		return nil, refusal.New(gatekeep.ReasonCertificateInvalid, "reading certificate: %v", err)
	}
	stamps, err := d.Bundle.Timestamps()
	if err != nil {
		return nil, refusal.New(gatekeep.ReasonNoTrustedTime, "reading timestamps: %v", err)
	}
	return j.byAuthority(d, chain, d.Signatures[0].Sig, stamps)
}

// byAuthority finds the signers that an authority of the organisation's own vouches
// for: chain holds the certificate of the signature first. The certificate must have
// been valid when the signature is first proven to have existed, or else be so at
// the time of the decision.
func (j *judgement) byAuthority(d *envelope.Document, chain []*x509.Certificate, sig []byte, stamps [][]byte) ([]proof, *refusal.Refusal) {
	leaf, between := chain[0], chain[1:]
	if err := pki.CheckWork(chain...); err != nil {
		return nil, refusal.New(gatekeep.ReasonCertificateInvalid, "%v", err)
	}
	key, err := pki.KeyID(leaf.PublicKey)
	if err != nil {
		return nil, refusal.New(gatekeep.ReasonCertificateInvalid, "reading key of the certificate: %v", err)
	}
	// Asked of certificates only that somebody vouches for: it takes long with a long key.
	made := sync.OnceValue(func() bool { return d.Signed().SignedBy(leaf.PublicKey, sig) })
	var why *refusal.Refusal
	var word trust.Word
	var san string
	for _, s := range j.trust.Certified() {
		if !s.Authority.Knows(leaf, between) {
			continue
		}
		no := refusal.New(gatekeep.ReasonSignatureInvalid, "the key of the certificate did not make the signature")
		holds := made()
		name, called := s.Called(leaf)
		if holds {
			no = refusal.New(gatekeep.ReasonSignerUnknown, "no signer of the trust policy is called %.200q", pki.Names(leaf))
		}
		if holds && called {
			at, proven := s.Timestampers.Earliest(stamps, sig)
			if !proven {
				at = j.now
			}
			if no = s.Authority.Check(leaf, between, at); no != nil {
				no = no.Of(s.Name)
			}
		}
		switch {
		case no == nil && (len(word) == 0 || san == name):
			word, san = append(word, trust.Maker{Signer: s, Key: key}), name
		// A signer whom the certificate names stands nearer to it than others.
		case no != nil && (why == nil || why.Signer == "" && no.Signer != ""):
			why = no
		}
	}
	switch {
	case len(word) > 0:
		return []proof{{word: word, san: san}}, nil
	case why != nil:
		return nil, why
	}
	return nil, refusal.New(gatekeep.ReasonCertificateInvalid, "the certificate chains to no authority of the trust policy")
}
