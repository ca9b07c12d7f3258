package attest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"math/big"
	"slices"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/trust"
)

// hashes are the digests of what was signed, each computed once however many keys
// and signatures are tried, and without a copy of the payload.
type hashes struct {
	head, payload  []byte // what was signed is the one and then the other
	s256, s384, s5 []byte
}

// hashesOf follows the DSSE protocol:
//
//	PAE(type, body) = "DSSEv1" + SP + LEN(type) + SP + type + SP + LEN(body) + SP + body
//
// where LEN is the number of bytes in ASCII decimal.
func hashesOf(payloadType string, payload []byte) *hashes {
	return &hashes{head: fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(payloadType), payloadType, len(payload)), payload: payload}
}

// message is all of it, for the one algorithm that takes no digest.
func (h *hashes) message() []byte { return slices.Concat(h.head, h.payload) }

func (h *hashes) sum(digest hash.Hash) []byte {
	digest.Write(h.head)
	digest.Write(h.payload)
	return digest.Sum(nil)
}

func (h *hashes) sha256() []byte {
	if h.s256 == nil {
		h.s256 = h.sum(sha256.New())
	}
	return h.s256
}

func (h *hashes) sha384() []byte {
	if h.s384 == nil {
		h.s384 = h.sum(sha512.New384())
	}
	return h.s384
}

func (h *hashes) sha512() []byte {
	if h.s5 == nil {
		h.s5 = h.sum(sha512.New())
	}
	return h.s5
}

// verifies tells whether key made sig over the message. The algorithm follows from
// the key alone, never from the envelope.
func verifies(key crypto.PublicKey, h *hashes, sig []byte) bool {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, h.message(), sig)
	case *ecdsa.PublicKey:
		// SHA-256 is what older cosign used with every curve; the larger hashes are
		// those of the Sigstore algorithm registry.
		digests := [][]byte{h.sha256()}
		switch key.Curve.Params().BitSize {
		case 384:
			digests = append(digests, h.sha384())
		case 521:
			digests = append(digests, h.sha512())
		}
		return slices.ContainsFunc(digests, func(d []byte) bool { return verifiesECDSA(key, d, sig) })
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, h.sha256(), sig) == nil ||
			rsa.VerifyPSS(key, crypto.SHA256, h.sha256(), sig, nil) == nil
	}
	return false
}

// verifiesECDSA reads a signature as ASN.1 DER, and else as r||s of IEEE P1363,
// which some signing services write.
func verifiesECDSA(key *ecdsa.PublicKey, digest, sig []byte) bool {
	if ecdsa.VerifyASN1(key, digest, sig) {
		return true
	}
	size := (key.Curve.Params().BitSize + 7) / 8
	if len(sig) != 2*size {
		return false
	}
	r, s := new(big.Int).SetBytes(sig[:size]), new(big.Int).SetBytes(sig[size:])
	return ecdsa.Verify(key, digest, r, s)
}

// byKey finds the key signers that made one of the envelope's signatures, in the
// order of their names, and are within the window of their key.
//
// Where none did, the reason follows from evidence. A hint that names a known key
// means that this key's signature does not hold: signature_invalid. A certificate,
// or hints that name only other keys, mean another signer. Without hints a changed
// payload and a stranger's signature look alike; trusted tells whether any key of
// the policy may make such statements, and if so the signature counts as invalid.
//
// DSSE protocol: keyid is an unauthenticated hint and MUST NOT be used for security
// decisions; every key is tried whatever it says.
func byKey(t *Trust, e *envelope, now time.Time, trusted func() bool) ([]*trust.Signer, *refusal) {
	if len(e.signatures) == 0 {
		return nil, refuse(gatekeep.ReasonUnsigned, "the envelope holds no signature")
	}
	// DSSE protocol: the signature is over PAE(UTF8(payloadType), payload), so that
	// the type is authenticated with the bytes.
	h := hashesOf(e.payloadType, e.payload)
	var made []*trust.Signer
	for _, s := range t.Keys() {
		if slices.ContainsFunc(e.signatures, func(r rawSignature) bool { return verifies(s.Key, h, r.sig) }) {
			made = append(made, s)
		}
	}
	if len(made) == 0 {
		return nil, whyNoKey(t, e, trusted)
	}
	var late *refusal
	valid := made[:0:0]
	for _, s := range made {
		if r := validAt(s, now); r == nil {
			valid = append(valid, s)
		} else if late == nil {
			late = r
		}
	}
	if len(valid) == 0 {
		return nil, late
	}
	return valid, nil
}

// validAt checks the window of a key, both ends inclusive as in RFC 5280 section
// 4.1.2.5. A plain key has no trusted time of signing, so the moment is that of
// the decision.
func validAt(s *trust.Signer, now time.Time) *refusal {
	switch {
	case !s.NotBefore.IsZero() && now.Before(s.NotBefore):
		return &refusal{gatekeep.ReasonNotYetValid, fmt.Sprintf("key of %q is valid from %s", s.Name, s.NotBefore.UTC().Format(time.RFC3339)), s.Name}
	case !s.NotAfter.IsZero() && now.After(s.NotAfter):
		return &refusal{gatekeep.ReasonExpired, fmt.Sprintf("key of %q was valid until %s", s.Name, s.NotAfter.UTC().Format(time.RFC3339)), s.Name}
	}
	return nil
}

func whyNoKey(t *Trust, e *envelope, trusted func() bool) *refusal {
	strangers := 0
	for _, sig := range e.signatures {
		if sig.hint == "" {
			continue
		}
		strangers++
		for _, s := range t.Keys() {
			if slices.Contains(s.Hints, sig.hint) {
				return &refusal{gatekeep.ReasonSignatureInvalid, "the signature names the key of this signer and does not verify with it", s.Name}
			}
		}
	}
	switch {
	case e.bareCert:
		return refuse(gatekeep.ReasonNoTrustedTime, "signed with a certificate, and neither a log entry nor a timestamp proves when; a Sigstore bundle carries both")
	case strangers == len(e.signatures):
		return refuse(gatekeep.ReasonSignerUnknown, "no key of the trust policy made it; it names the key %.100q", e.signatures[0].hint)
	case trusted():
		return refuse(gatekeep.ReasonSignatureInvalid, "no key of the trust policy verifies it")
	}
	return refuse(gatekeep.ReasonSignerUnknown, "no key of the trust policy verifies it, and none is trusted for such statements")
}
