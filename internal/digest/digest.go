// Package digest names bytes and documents by SHA-256, in the one spelling that
// the gate uses: "sha256:" and 64 lower-case hex digits.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/gowebpki/jcs"
)

const prefix = "sha256:"

// Of is the digest of bytes.
func Of(b []byte) string {
	sum := sha256.Sum256(b)
	return prefix + hex.EncodeToString(sum[:])
}

// Valid tells whether s is a digest as Of writes them. Upper-case hex is refused,
// so that two spellings never name one thing.
func Valid(s string) bool {
	if len(s) != len(prefix)+2*sha256.Size || s[:len(prefix)] != prefix {
		return false
	}
	for i := len(prefix); i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// JCS is the canonical form of v after RFC 8785, and its digest. What encoding/json
// makes of v is what is canonicalised; JSON text is given as json.RawMessage.
//
// RFC 8785 section 3.2.2.3 writes numbers as IEEE 754 doubles: an integer beyond
// 2^53 comes out rounded. What must keep every digit belongs in a string.
func JCS(v any) (canonical []byte, digest string, err error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, "", fmt.Errorf("encoding document: %w", err)
	}
	canonical, err = jcs.Transform(raw)
	if err != nil {
		return nil, "", fmt.Errorf("canonicalising document: %w", err)
	}
	return canonical, Of(canonical), nil
}
