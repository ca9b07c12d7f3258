package attest

import (
	"bytes"
	"encoding/json"
	"slices"
)

// sameJSON tells whether two values are written alike. Both are plain nouns, whose
// encoding cannot fail.
func sameJSON(a, b any) bool { return bytes.Equal(encode(a), encode(b)) }

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

// sortedByJSON orders values by their encoding, each once.
func sortedByJSON[V any](values []V) []V {
	slices.SortStableFunc(values, func(a, b V) int { return bytes.Compare(encode(a), encode(b)) })
	return slices.CompactFunc(values, func(a, b V) bool { return sameJSON(a, b) })
}
