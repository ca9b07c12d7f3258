// Package imagesignature reads the predicate of a signature on an image, as cosign
// writes it: it says nothing beyond its subject.
package imagesignature

import (
	"encoding/json"
	"fmt"
)

// Type is the predicate type (sigstore/cosign, specs/BUNDLE_SPEC.md and
// pkg/types/predicate.go of version 3), compared whole.
const Type = "https://sigstore.dev/cosign/sign/v1"

// MaxBytes bounds a predicate that should be empty.
const MaxBytes = 64 << 10

// Check reads a raw predicate: an object, or nothing. Its fields are passed over, as
// the in-toto Attestation Framework asks of what is not known.
func Check(raw []byte) error {
	if len(raw) > MaxBytes {
		return fmt.Errorf("reading image signature: %d bytes, limit %d", len(raw), MaxBytes)
	}
	var empty map[string]json.RawMessage
	if err := json.Unmarshal(raw, &empty); err != nil {
		return fmt.Errorf("reading image signature: %w", err)
	}
	return nil
}
