// Package sigbundle reads Sigstore bundles without believing them. The library checks
// signatures as it reads log entries, with keys that anybody may have put there: here
// both are measured before.
package sigbundle

import (
	"errors"
	"fmt"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Bounds on the body of a log entry, which holds digests, a signature and a
// certificate: real ones have 4448 bytes at most. With it the signatures are bounded
// that the library checks.
const (
	MaxBody      = 64 << 10
	maxBodyDepth = 64
)

// ErrTooLarge is what errors wrap where a part of the bundle is over its bound.
var ErrTooLarge = errors.New("is over the bound")

// Read reads the JSON of one bundle, which the caller has bounded.
func Read(data []byte) (*bundle.Bundle, error) {
	pb := new(bundlepb.Bundle)
	if err := protojson.Unmarshal(data, pb); err != nil {
		return nil, err
	}
	for i, entry := range pb.GetVerificationMaterial().GetTlogEntries() {
		if err := CheckBody(entry.GetCanonicalizedBody()); err != nil {
			return nil, fmt.Errorf("log entry %d: %w", i, err)
		}
	}
	return bundle.NewBundle(pb)
}

// CheckBody measures the body of a log entry. An empty one is left to the library.
func CheckBody(body []byte) error {
	if len(body) == 0 {
		return nil
	}
	if len(body) > MaxBody {
		return fmt.Errorf("its body of %d bytes %w of %d", len(body), ErrTooLarge, MaxBody)
	}
	var content any
	if err := strictjson.Unmarshal(body, strictjson.Limits{Bytes: MaxBody, Depth: maxBodyDepth}, &content); err != nil {
		return fmt.Errorf("reading its body: %w", err)
	}
	return checkKeysIn(content)
}
