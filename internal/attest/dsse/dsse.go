// Package dsse is the arithmetic of signatures: what exactly is signed, and whether
// a key signed it. It follows the DSSE protocol v1.0.2.
package dsse

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
)

// Message is what was signed, with its digests: each is computed once however many
// keys and signatures are tried, and without a copy of the payload.
type Message struct {
	head, payload  []byte // what was signed is the one and then the other
	s256, s384, s5 []byte
}

// PAE is the message of a DSSE envelope:
//
//	PAE(type, body) = "DSSEv1" + SP + LEN(type) + SP + type + SP + LEN(body) + SP + body
//
// where LEN is the number of bytes in ASCII decimal.
func PAE(payloadType string, payload []byte) *Message {
	return &Message{head: fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(payloadType), payloadType, len(payload)), payload: payload}
}

// Raw is a message that is signed as it stands: a file, or the canonical form of an
// in-toto metablock.
func Raw(message []byte) *Message { return &Message{payload: message} }

// bytes are all of it, for the one algorithm that takes no digest.
func (m *Message) bytes() []byte { return slices.Concat(m.head, m.payload) }

func (m *Message) sum(digest hash.Hash) []byte {
	digest.Write(m.head)
	digest.Write(m.payload)
	return digest.Sum(nil)
}

func (m *Message) sha256() []byte {
	if m.s256 == nil {
		m.s256 = m.sum(sha256.New())
	}
	return m.s256
}

func (m *Message) sha384() []byte {
	if m.s384 == nil {
		m.s384 = m.sum(sha512.New384())
	}
	return m.s384
}

func (m *Message) sha512() []byte {
	if m.s5 == nil {
		m.s5 = m.sum(sha512.New())
	}
	return m.s5
}

// SignedBy tells whether key made sig over the message. The algorithm follows from
// the key alone, never from the envelope.
func (m *Message) SignedBy(key crypto.PublicKey, sig []byte) bool {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, m.bytes(), sig)
	case *ecdsa.PublicKey:
		// SHA-256 is what older cosign used with every curve; the larger hashes are
		// those of the Sigstore algorithm registry.
		digests := [][]byte{m.sha256()}
		switch key.Curve.Params().BitSize {
		case 384:
			digests = append(digests, m.sha384())
		case 521:
			digests = append(digests, m.sha512())
		}
		return slices.ContainsFunc(digests, func(d []byte) bool { return verifiesECDSA(key, d, sig) })
	case *rsa.PublicKey:
		return VerifiesRSA(key, crypto.SHA256, m.sha256(), sig) || VerifiesRSA(key, crypto.SHA384, m.sha384(), sig) ||
			VerifiesRSA(key, crypto.SHA512, m.sha512(), sig)
	}
	return false
}

// VerifiesRSA reads a signature over a digest as PKCS #1 v1.5, and else as PSS: key
// services offer both, with SHA-256 and the larger hashes (RFC 8017, section 8).
func VerifiesRSA(key *rsa.PublicKey, hash crypto.Hash, digest, sig []byte) bool {
	return rsa.VerifyPKCS1v15(key, hash, digest, sig) == nil || rsa.VerifyPSS(key, hash, digest, sig, nil) == nil
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
