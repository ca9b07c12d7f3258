// Package signing makes and checks signatures with key pairs: it reads and makes
// keys in the forms that cosign and openssl use, and wraps in-toto statements in
// Sigstore bundles that stock cosign verifies. It knows nothing of certificates,
// logs or timestamps.
package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// Signer signs messages with one private key, wherever that is kept.
type Signer interface {
	// Public is the public half of the key.
	Public() crypto.PublicKey
	// Sign signs the whole message, which it hashes itself where its algorithm does.
	Sign(message []byte) ([]byte, error)
}

// Bounds of RSA keys in bits: below the first nothing is safe, above the second
// verifying is a way to waste a verifier's time.
const (
	minRSABits = 2048
	maxRSABits = 8192
)

// keySigner signs with a key that is held in memory.
type keySigner struct {
	key    crypto.Signer
	hash   crypto.Hash
	random io.Reader // nil: the same message gives the same signature
}

func newKeySigner(key crypto.Signer) (Signer, error) {
	hash, err := HashOf(key.Public())
	if err != nil {
		return nil, err
	}
	return keySigner{key: key, hash: hash}, nil
}

func (s keySigner) Public() crypto.PublicKey { return s.key.Public() }

// Sign is deterministic, unless Randomized: crypto/ecdsa follows RFC 6979 where it is given no source
// of randomness, and the other algorithms need none. So sealing the same contents
// twice gives the same bytes, and a bad random generator leaks no key.
func (s keySigner) Sign(message []byte) ([]byte, error) {
	signature, err := s.key.Sign(s.random, hashed(message, s.hash), s.hash)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return signature, nil
}

// Randomized is the signer with fresh randomness in each ECDSA signature. A log keeps
// a signature once, so signing the same statement again must give another. Signers
// that keep their key elsewhere, and other algorithms, stay as they are.
func Randomized(signer Signer) Signer {
	if s, ok := signer.(keySigner); ok {
		s.random = rand.Reader
		return s
	}
	return signer
}

// HashOf is the hash that signatures with this key are made over, after the
// Sigstore algorithm registry: SHA-256 for ECDSA P-256 and RSA, SHA-384 for P-384,
// SHA-512 for P-521, and none (zero) for Ed25519, which takes the message whole.
// It refuses every other key, and RSA keys outside 2048 to 8192 bits.
func HashOf(key crypto.PublicKey) (crypto.Hash, error) {
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		switch key.Curve.Params().BitSize {
		case 256:
			return crypto.SHA256, nil
		case 384:
			return crypto.SHA384, nil
		case 521:
			return crypto.SHA512, nil
		}
		return 0, fmt.Errorf("checking key: ECDSA on %s is not supported; use P-256, P-384 or P-521", key.Curve.Params().Name)
	case ed25519.PublicKey:
		return 0, nil
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return 0, fmt.Errorf("checking key: RSA with %d bits is not supported; use %d to %d", bits, minRSABits, maxRSABits)
		}
		return crypto.SHA256, nil
	case nil:
		return 0, errors.New("checking key: no key given")
	}
	return 0, fmt.Errorf("checking key: %T is not supported; use ECDSA, Ed25519 or RSA", key)
}

func hashed(message []byte, hash crypto.Hash) []byte {
	if hash == 0 {
		return message
	}
	h := hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// verifies tells whether key made signature over message. The algorithm follows
// from the key alone, never from what is signed.
func verifies(key crypto.PublicKey, message, signature []byte) (bool, error) {
	hash, err := HashOf(key)
	if err != nil {
		return false, err
	}
	switch key := key.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, signature), nil
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, hash, hashed(message, hash), signature) == nil, nil
	case *ecdsa.PublicKey:
		// SHA-256 is what cosign before the algorithm registry used with every curve.
		return ecdsa.VerifyASN1(key, hashed(message, hash), signature) ||
			hash != crypto.SHA256 && ecdsa.VerifyASN1(key, hashed(message, crypto.SHA256), signature), nil
	}
	return false, nil
}

// KeyID names a public key: "sha256:" and the hex SHA-256 of its DER form
// (SubjectPublicKeyInfo, RFC 5280 section 4.1.2.7). It is "" for what is no key.
func KeyID(key crypto.PublicKey) string {
	sum, err := fingerprint(key)
	if err != nil {
		return ""
	}
	return "sha256:" + hex.EncodeToString(sum)
}

func fingerprint(key crypto.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return sum[:], nil
}

// Check tells whether key made signature over the whole message. Errors wrap
// ErrSignature where it did not.
func Check(key crypto.PublicKey, message, signature []byte) error {
	ok, err := verifies(key, message, signature)
	if err != nil {
		return fmt.Errorf("checking signature: %w", err)
	}
	if !ok {
		return fmt.Errorf("checking signature: %w: key %s did not make it", ErrSignature, KeyID(key))
	}
	return nil
}
