package attest

import (
	"encoding/json"
	"fmt"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/trust"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Bounds of a predicate that nobody here reads. It goes into the facts as it stands,
// where rules walk it; those who need more of it take the few fields they judge by.
const (
	customBytes = 1 << 20
	customDepth = 64
)

// typeOf is the row of a predicate type, and else that of a type nobody reads: only a
// signer who is trusted for exactly this URI is believed with it.
func typeOf(uri string) (typ predicate.Type, known bool) {
	if typ, known = predicate.Lookup(uri); known {
		return typ, true
	}
	return predicate.Type{
		Kind: trust.Custom, URIs: []string{uri}, About: []predicate.About{predicate.Artifact, predicate.Commit}, Decode: rawClaims,
	}, false
}

// rawClaims hands a predicate on as the claim "predicate". In-toto Attestation
// Framework v1, "Statement": the predicate is an object, and may be left out.
func rawClaims(raw []byte) (*predicate.Content, error) {
	if len(raw) > customBytes {
		return nil, fmt.Errorf("%w: a predicate of %d bytes is over the bound of %d for types that are not read here", predicate.ErrTooLarge, len(raw), customBytes)
	}
	if err := strictjson.Check(raw, strictjson.Limits{Bytes: customBytes, Depth: customDepth}); err != nil {
		return nil, fmt.Errorf("reading predicate: %w", err)
	}
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("reading predicate: %w", err)
	}
	if object == nil {
		object = map[string]any{}
	}
	return &predicate.Content{Claims: map[string]any{"predicate": object}}, nil
}
