package services

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// ownKey is a signer in the shape that sigstore-go wants.
type ownKey struct {
	signer  signing.Signer
	details signature.AlgorithmDetails
}

func newOwnKey(signer signing.Signer, logs int) (ownKey, error) {
	// Rekor logs digests, so it wants Ed25519ph (RFC 8032 section 5.1), and that is
	// another algorithm than the one that keys are used with everywhere else.
	if _, ed := signer.Public().(ed25519.PublicKey); ed && logs > 0 {
		return ownKey{}, errors.New("choosing services: Rekor takes no Ed25519 signature of statements; leave the log out, or sign with an ECDSA key")
	}
	details, err := signature.GetDefaultAlgorithmDetails(signer.Public())
	if err != nil {
		return ownKey{}, fmt.Errorf("reading key: %w", err)
	}
	if logs > 0 {
		signer = signing.Randomized(signer)
	}
	return ownKey{signer, details}, nil
}

// GetHashAlgorithm is the hash that is signed.
func (k ownKey) GetHashAlgorithm() protocommon.HashAlgorithm { return k.details.GetProtoHashType() }

// GetSigningAlgorithm is the algorithm, after the Sigstore registry.
func (k ownKey) GetSigningAlgorithm() protocommon.PublicKeyDetails {
	return k.details.GetSignatureAlgorithm()
}

// GetHint names the key in a bundle, as signing.SignStatement does.
func (k ownKey) GetHint() []byte {
	sum, err := hex.DecodeString(strings.TrimPrefix(signing.KeyID(k.signer.Public()), "sha256:"))
	if err != nil {
		return nil // cannot be: KeyID writes hex
	}
	return []byte(base64.StdEncoding.EncodeToString(sum))
}

// GetKeyAlgorithm is what Fulcio would be told; it certifies no keys of one's own here.
func (k ownKey) GetKeyAlgorithm() string { return "" }

// GetPublicKey is the public half.
func (k ownKey) GetPublicKey() crypto.PublicKey { return k.signer.Public() }

// GetPublicKeyPem is the public half in PEM.
func (k ownKey) GetPublicKeyPem() (string, error) {
	data, err := signing.PublicPEM(k.signer.Public())
	return string(data), err
}

// SignData signs the whole of data, and tells what of it the algorithm takes: its
// digest, or for Ed25519 itself.
func (k ownKey) SignData(_ context.Context, data []byte) (made, signed []byte, err error) {
	if made, err = k.signer.Sign(data); err != nil {
		return nil, nil, err
	}
	signed = data
	if hash := k.details.GetHashType(); hash != 0 {
		h := hash.New()
		h.Write(data)
		signed = h.Sum(nil)
	}
	return made, signed, nil
}
