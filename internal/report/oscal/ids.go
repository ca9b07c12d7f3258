package oscal

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode"

	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// ids makes the names of one document: the same record has the same names.
type ids struct {
	decision string
	tokens   map[string]string // token -> what it stands for
}

// urlNamespace is that of names which are URLs (RFC 9562, section 6.6).
const urlNamespace = "\x6b\xa7\xb8\x11\x9d\xad\x11\xd1\x80\xb4\x00\xc0\x4f\xd4\x30\xc8"

// uuid is a UUID of version 5 over the decision and the parts of a name. OSCAL takes
// versions 4 and 5 only, and 4 is random. SHA-1 is part of version 5 (RFC 9562, section
// 5.5); nothing relies on it but that two names differ.
func (n ids) uuid(parts ...string) string {
	quoted := []string{fmt.Sprintf("%q", n.decision)}
	for _, p := range parts {
		quoted = append(quoted, fmt.Sprintf("%q", p))
	}
	sum := sha1.Sum([]byte(urlNamespace + NS + "#" + strings.Join(quoted, ",")))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	h := hex.EncodeToString(u)
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// token is a name as OSCAL's TokenDatatype wants it: a letter or underscore, then
// letters, digits, dots, hyphens and underscores. Names that the parts tell apart never
// share a token.
func (n ids) token(parts ...string) string {
	name, key := strings.Join(parts, "_"), fmt.Sprintf("%q", parts)
	out := strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsNumber(c) || strings.ContainsRune("._-", c) {
			return c
		}
		return '_'
	}, name)
	if first := []rune(out + "-")[0]; first != '_' && !unicode.IsLetter(first) {
		out = "_" + out
	}
	base := out
	for i := 2; n.tokens[out] != "" && n.tokens[out] != key; i++ {
		out = fmt.Sprintf("%s_%d", base, i)
	}
	n.tokens[out] = key
	return out
}

// props are properties in the namespace of gatekeep, from names and values by turns.
// Values are not empty, and are one line.
func props(pairs ...string) []property {
	var out []property
	for i := 0; i+1 < len(pairs); i += 2 {
		if value := view.Clean(pairs[i+1]); value != "" {
			out = append(out, property{pairs[i], NS, value})
		}
	}
	return out
}
