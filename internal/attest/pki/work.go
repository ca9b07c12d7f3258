package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
)

// MaxRSABits bounds a modulus: the work of checking one signature grows with its
// square, takes over a minute at a million bits, and cannot be interrupted. The
// longest keys in use have 16384 bits.
const MaxRSABits = 16384

// maxExponent is the largest public exponent that crypto/rsa takes; RFC 8017 section
// 3.1 wants an odd one of at least 3.
const maxExponent = 1<<31 - 1

// KeyID names a public key: "sha256:" and hex of its DER form, RFC 5280 section
// 4.1.2.7. The form is made anew: parsers let bytes through that change nothing of the
// key, and one key must have one name.
func KeyID(key crypto.PublicKey) (string, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("encoding public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// CheckWork refuses certificates whose keys take too long to check a signature with. It
// says nothing of whether they are good, and comes before any signature is checked
// with a key that anybody may have brought.
func CheckWork(certificates ...*x509.Certificate) error {
	for i, c := range certificates {
		if err := CheckWorkOf(c.PublicKey); err != nil {
			return fmt.Errorf("checking the key of certificate %d: %w", i, err)
		}
	}
	return nil
}

// CheckWorkOf is CheckWork for one public key.
func CheckWorkOf(key crypto.PublicKey) error {
	switch key := key.(type) {
	case ed25519.PublicKey:
	case *ecdsa.PublicKey:
		if key == nil || key.Curve == nil || key.Curve.Params().BitSize > 521 {
			return errors.New("the curve is not known")
		}
	case *rsa.PublicKey:
		switch {
		case key == nil || key.N == nil:
			return errors.New("the RSA key has no modulus")
		case key.N.BitLen() > MaxRSABits:
			return fmt.Errorf("RSA key of %d bits is too long; use %d or fewer", key.N.BitLen(), MaxRSABits)
		case key.E < 3 || key.E > maxExponent || key.E%2 == 0:
			return fmt.Errorf("RSA key has the exponent %d; use 65537", key.E)
		}
	default:
		return fmt.Errorf("keys of type %T are not supported; use ECDSA, Ed25519 or RSA", key)
	}
	return nil
}
