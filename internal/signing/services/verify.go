package services

import (
	"bytes"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"

	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// verify reads the result as a stranger would, who trusts the root and nobody else.
// Every service that was asked must have done its part. Errors wrap ErrOwnResult.
func (r Request) verify(trusted *root.TrustedRoot, data []byte, content sign.Content) error {
	var b bundle.Bundle
	if err := b.UnmarshalJSON(data); err != nil {
		return fmt.Errorf("%w: %w", ErrOwnResult, err)
	}
	material := root.TrustedMaterialCollection{trusted}
	identity := verify.WithoutIdentitiesUnsafe() // whose it is was asked of Fulcio just now
	if r.Key != nil {
		identity = verify.WithKey()
		key, err := pinned(r.Key)
		if err != nil {
			return err
		}
		material = append(material, key)
	}
	verifier, err := verify.NewVerifier(material, r.wanted(trusted)...)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrOwnResult, err)
	}
	about := verify.WithoutArtifactUnsafe() // a statement names what it is about itself
	if plain, ok := content.(*sign.PlainData); ok {
		about = verify.WithArtifact(bytes.NewReader(plain.Data))
	}
	if _, err := verifier.Verify(&b, verify.NewPolicy(about, identity)); err != nil {
		return fmt.Errorf("%w against the trusted root: %w (nothing was written; pass the root of these services)", ErrOwnResult, err)
	}
	return nil
}

// wanted is what the bundle must hold, from the services that were asked.
func (r Request) wanted(trusted *root.TrustedRoot) []verify.VerifierOption {
	var options []verify.VerifierOption
	if n := len(r.Services.Logs); n > 0 {
		options = append(options, verify.WithTransparencyLog(n))
	}
	switch {
	case len(r.Services.Timestamps) > 0:
		options = append(options, verify.WithSignedTimestamps(len(r.Services.Timestamps)))
	case r.Key == nil:
		options = append(options, verify.WithIntegratedTimestamps(1))
	default:
		options = append(options, verify.WithNoObserverTimestamps())
	}
	if r.Key == nil && len(trusted.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	return options
}

// pinned trusts one key at all times.
func pinned(signer signing.Signer) (root.TrustedMaterial, error) {
	hash, err := signing.HashOf(signer.Public())
	if err != nil {
		return nil, err
	}
	verifier, err := signature.LoadVerifier(signer.Public(), hash)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOwnResult, err)
	}
	return root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		return root.NewExpiringKey(verifier, time.Time{}, time.Time{}), nil
	}), nil
}
