package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// SampleMethod says how a sample is drawn, in words that anybody can follow.
const SampleMethod = "rows in ascending order of SHA-256(seed || leaf hash); the first n"

// Drawn is a row of a sample.
type Drawn struct {
	Rank string `json:"rank"` // SHA-256 over the bytes of the seed and the 32 bytes of the leaf hash, in hex
	Row
}

// Sample draws n rows, or all where there are fewer. It follows from the seed and the
// hashes of the leaves alone, so that anybody who has the rows draws the same. Whoever
// writes the log must not know the seed beforehand: he could choose leaves by it.
func (p Population) Sample(seed string, n int) ([]Drawn, error) {
	out := make([]Drawn, len(p.Rows))
	for i, r := range p.Rows {
		leaf, err := hex.DecodeString(r.Leaf)
		if err != nil || len(leaf) != sha256.Size {
			return nil, fmt.Errorf("drawing a sample: row of leaf %d has no hash of its leaf", r.Index)
		}
		rank := sha256.Sum256(append([]byte(seed), leaf...))
		out[i] = Drawn{hex.EncodeToString(rank[:]), r}
	}
	slices.SortFunc(out, func(a, b Drawn) int {
		return cmp.Or(strings.Compare(a.Rank, b.Rank), cmp.Compare(a.Index, b.Index))
	})
	return out[:min(n, len(out))], nil
}
