package trust

import (
	"errors"
	"fmt"

	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// Root is one Sigstore instance: its authorities, logs and timestampers, and the
// verifier that asks of a bundle what this instance gives.
type Root struct {
	Name     string
	Material sigroot.TrustedMaterial
	Verifier *verify.Verifier
}

// newRoot reads a trusted_root.json.
func newRoot(name string, data []byte) (*Root, error) {
	material, err := sigroot.NewTrustedRootFromJSON(data)
	if err != nil {
		return nil, fmt.Errorf("reading Sigstore trusted root: %w", err)
	}
	return rootOf(name, material)
}

// rootOf derives the requirements from what the root lists: a log entry where it
// lists logs, an SCT where it lists certificate logs, and always a trusted time.
// GitHub's own instance has neither log; asking for them everywhere would refuse
// all of its bundles, asking nowhere would accept too much.
func rootOf(name string, material sigroot.TrustedMaterial) (*Root, error) {
	if len(material.FulcioCertificateAuthorities()) == 0 {
		return nil, errors.New("lists no certificate authority; no certificate could ever chain to it")
	}
	logs, timestampers := len(material.RekorLogs()) > 0, len(material.TimestampingAuthorities()) > 0
	options := []verify.VerifierOption{verify.WithoutStatementPredicate()}
	switch {
	case logs:
		options = append(options, verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1))
	case timestampers:
		options = append(options, verify.WithSignedTimestamps(1))
	default:
		return nil, errors.New("lists neither a transparency log nor a timestamp authority; nothing could prove when a certificate was used")
	}
	if len(material.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	verifier, err := verify.NewVerifier(material, options...)
	if err != nil {
		return nil, fmt.Errorf("preparing verifier: %w", err)
	}
	return &Root{name, material, verifier}, nil
}
