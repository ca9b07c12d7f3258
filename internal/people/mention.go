package people

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// shortest is how long a name must be to be looked for in what is no text: shorter ones
// stand by chance in any certificate.
const shortest = 6

// deepest is how often something may be encoded within something.
const deepest = 4

// Mentioned are the commitments of those whose names stand in a document, sorted: in the
// clear, in any letter case, or in what is encoded within it, such as the statement in an
// envelope and the certificate beside it.
func Mentioned(data []byte, list []Person) []string {
	found := map[string]bool{}
	least := 0 // bytes of the shortest name
	for _, p := range list {
		if n := len(p.Claims.Name); n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	if least == 0 {
		return nil
	}
	level := [][]byte{data}
	for range deepest {
		var next [][]byte
		for _, text := range level {
			mentioned(text, list, found)
			next = append(next, encodedIn(text, least)...)
		}
		level = next
	}
	return slices.Sorted(maps.Keys(found))
}

func mentioned(text []byte, list []Person, found map[string]bool) {
	texts := [][]byte{bytes.ToLower(text)}
	binary := !utf8.Valid(text)
	// JSON may write any letter otherwise than it looks.
	var tree any
	if !binary && bytes.ContainsRune(text, '\\') && json.Unmarshal(text, &tree) == nil {
		var plain bytes.Buffer
		spell(tree, &plain)
		texts = append(texts, bytes.ToLower(plain.Bytes()))
	}
	for _, p := range list {
		if found[p.ID] || p.Claims.Name == "" {
			continue
		}
		name := []byte(strings.ToLower(p.Claims.Name))
		for _, t := range texts {
			if binary && len(name) >= shortest && bytes.Contains(t, name) || !binary && hasWord(t, name) {
				found[p.ID] = true
			}
		}
	}
}

// spell writes every text of a JSON document on a line of its own.
func spell(tree any, out *bytes.Buffer) {
	switch v := tree.(type) {
	case string:
		out.WriteString(v + "\n")
	case []any:
		for _, one := range v {
			spell(one, out)
		}
	case map[string]any:
		for name, one := range v {
			out.WriteString(name + "\n")
			spell(one, out)
		}
	}
}

// hasWord tells whether a name stands in a text as a word of its own.
func hasWord(text, name []byte) bool {
	outside := func(i int, beside byte) bool {
		return i < 0 || i >= len(text) || !wordy(text[i]) || !wordy(beside)
	}
	for from := 0; ; {
		i := bytes.Index(text[from:], name)
		if i < 0 {
			return false
		}
		at := from + i
		if outside(at-1, name[0]) && outside(at+len(name), name[len(name)-1]) {
			return true
		}
		from = at + 1
	}
}

// mends are the marks that JSON writes for characters of base64, and the lines of PEM.
var mends = []struct{ from, to string }{
	{"-----", " "}, {`\u002b`, "+"}, {`\u002B`, "+"}, {`\/`, "/"}, {`\u003d`, "="}, {`\u003D`, "="}, {`\n`, ""}, {`\r`, ""}, {"\n", ""}, {"\r", ""},
}

// encodedIn is what is encoded as base64 in a text, of at least so many bytes.
func encodedIn(text []byte, least int) [][]byte {
	if !utf8.Valid(text) {
		return nil
	}
	for _, m := range mends {
		if bytes.Contains(text, []byte(m.from)) {
			text = bytes.ReplaceAll(text, []byte(m.from), []byte(m.to))
		}
	}
	var out [][]byte
	start := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && isBase64(text[i]) {
			continue
		}
		if run := text[start:i]; base64.RawStdEncoding.DecodedLen(len(run)) >= least {
			out = append(out, decoded(run)...)
		}
		start = i + 1
	}
	return out
}

func isBase64(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || c == '-' || c == '_'
}

func decoded(run []byte) [][]byte {
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		inner := make([]byte, e.DecodedLen(len(run)))
		if n, err := e.Decode(inner, run); err == nil {
			return [][]byte{inner[:n]}
		}
	}
	return nil
}

// Left is a name, of the list, that stands in a document as a word, and some of what
// stands before it; false where none does.
func Left(document []byte, list []Person) (before string, found bool) {
	words := wordsOf(list)
	if words == nil {
		return "", false
	}
	at := words.FindIndex(document)
	if at == nil {
		return "", false
	}
	return string(document[max(0, at[0]-40):at[0]]), true
}

// maxPolicy bounds the files of a policy together.
const maxPolicy = 96 << 20

// InPolicy tells the file of a packed policy that names one of these people. A rule that
// does would decide otherwise about a commitment.
func InPolicy(packed []byte, list []Person) (file string, found bool, err error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", false, err
	}
	for r := tar.NewReader(io.LimitReader(unpacked, maxPolicy)); ; {
		header, err := r.Next()
		if err == io.EOF {
			return "", false, nil
		}
		if err != nil {
			return "", false, err
		}
		data, err := io.ReadAll(r)
		if err != nil {
			return "", false, err
		}
		for _, p := range list {
			for _, quote := range []string{`"`, "`", `'`} {
				if bytes.Contains(data, []byte(quote+p.Claims.Name+quote)) {
					return header.Name, true, nil
				}
			}
			if strings.Contains(p.Claims.Name, "@") && hasWord(data, []byte(p.Claims.Name)) {
				return header.Name, true, nil
			}
		}
	}
}
