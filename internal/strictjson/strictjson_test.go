package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var roomy = Limits{Bytes: 1 << 24, Depth: 500}

func TestOnlyOneReadingIsAccepted(t *testing.T) {
	for _, c := range []struct{ name, doc, reason string }{
		{"object", `{"a":1,"b":[true,false,null],"c":{"a":2}}`, ""},
		{"text at top level", `"x"`, ""},
		{"same name in sister objects", `[{"a":1},{"a":2}]`, ""},
		{"same name in an inner object", `{"a":{"a":{"a":1}},"b":{"a":1}}`, ""},
		{"names that differ in case", `{"a":1,"A":2}`, ""},
		{"duplicate", `{"a":1,"a":2}`, "duplicate key"},
		{"duplicate by escape", `{"a":1,"\u0061":2}`, "duplicate key"},
		{"duplicate by escaped solidus", `{"a/b":1,"a\/b":2}`, "duplicate key"},
		{"duplicate by surrogate pair", `{"😀":1,"\uD83D\ude00":2}`, "duplicate key"},
		{"duplicate empty", `{"":1,"":2}`, "duplicate key"},
		{"duplicate after an inner object", `{"a":{"b":1},"c":1,"a":2}`, "duplicate key"},
		{"duplicate inside an array", `[[{"a":1,"b":1,"b":1}]]`, "duplicate key"},
		{"control escapes", `{"\b\f\n\r\t\"\\":1,"\u0008\u000c\u000a\u000d\u0009\u0022\u005c":1}`, "duplicate key"},
		{"trailing data", `{} {}`, "data after the end"},
		{"trailing nul", "{}\x00", "data after the end"},
		{"invalid UTF-8", "{\"a\":\"\xff\"}", "invalid UTF-8"},
		{"byte order mark", "\ufeff{}", "expected a value"},
		{"lone high surrogate", `"\ud800"`, "unpaired surrogate"},
		{"lone low surrogate", `"\udc00"`, "unpaired surrogate"},
		{"high surrogate twice", `"\ud800\ud800"`, "unpaired surrogate"},
		{"control character", "\"a long enough text \x01 here\"", "control character"},
		{"empty", "", "ends too early"},
		{"cut", `{"a":`, "ends too early"},
		{"cut in a string", `{"a`, "ends too early"},
		{"leading zero", `01`, "data after the end"},
		{"NaN", `NaN`, "expected a value"},
		{"comment", `{}//`, "data after the end"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Check([]byte(c.doc), roomy)
			switch {
			case c.reason == "" && err != nil:
				t.Fatalf("refused: %v", err)
			case c.reason != "" && err == nil:
				t.Fatalf("accepted, want %q", c.reason)
			case c.reason != "" && !strings.Contains(err.Error(), c.reason):
				t.Fatalf("got %q, want %q", err, c.reason)
			}
		})
	}
}

func TestDuplicateAmongManyNamesIsFoundWhereItStands(t *testing.T) {
	for _, n := range []int{2, pairwise, pairwise + 1, 500} {
		for _, at := range []int{0, n / 2, n - 1} {
			var doc bytes.Buffer
			doc.WriteByte('{')
			for i := range n {
				fmt.Fprintf(&doc, `"k%d":%d,`, i, i)
			}
			want := int64(doc.Len())
			fmt.Fprintf(&doc, `"\u006b%d":0,"k%d":0}`, at, at)
			var e *Error
			if err := Check(doc.Bytes(), roomy); !errors.As(err, &e) || e.Offset != want {
				t.Errorf("%d names, repeating number %d: got %v, want offset %d", n, at, err, want)
			}
		}
	}
}

func TestBoundsAreInclusive(t *testing.T) {
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	for _, c := range []struct {
		name   string
		doc    []byte
		limits Limits
		ok     bool
	}{
		{"depth at the bound", nested(5), Limits{100, 5}, true},
		{"depth over the bound", nested(6), Limits{100, 5}, false},
		{"objects count too", []byte(`{"a":[{}]}`), Limits{100, 2}, false},
		{"bytes at the bound", nested(5), Limits{10, 5}, true},
		{"bytes over the bound", nested(5), Limits{9, 5}, false},
		{"zero bytes refuse all", []byte("1"), Limits{0, 5}, false},
		{"zero depth refuses all but scalars", []byte("[]"), Limits{10, 0}, false},
		{"no caller gets deeper than the decoder goes", nested(maxDepth + 1), Limits{1 << 20, 1 << 20}, false},
	} {
		if err := Check(c.doc, c.limits); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestUnmarshalChecksBeforeItDecodes(t *testing.T) {
	var into struct{ A int }
	if err := Unmarshal([]byte(`{"A":1,"A":2}`), roomy, &into); err == nil || into.A != 0 {
		t.Fatalf("got %v and %+v", err, into)
	}
	if err := Unmarshal([]byte(`{"A":1,"unknown":2}`), roomy, &into); err != nil || into.A != 1 {
		t.Fatalf("got %v and %+v", err, into)
	}
	if err := Unmarshal([]byte(`{"A":"x"}`), roomy, &into); err == nil {
		t.Fatal("a text was decoded into a number")
	}
}

func TestMembersKeepNamesExact(t *testing.T) {
	m, err := Members([]byte(`{"payload":1,"Payload":2}`), roomy)
	if err != nil || string(m["payload"]) != "1" || string(m["Payload"]) != "2" {
		t.Fatalf("got %v, %v", m, err)
	}
	m, err = Members([]byte(` {"\u0061": {"b":[1, 2]} , "c":"d"}`), roomy)
	if err != nil || len(m) != 2 || string(m["a"]) != `{"b":[1, 2]}` || string(m["c"]) != `"d"` {
		t.Fatalf("got %q, %v", m, err)
	}
	for _, doc := range []string{`[{"a":1}]`, `null`, `[]`, `1`} {
		if _, err := Members([]byte(doc), roomy); err == nil {
			t.Errorf("%s was read as an object", doc)
		}
	}
}

func TestNumbersBeyondADoubleAreRefusedAtTheirPlace(t *testing.T) {
	for doc, want := range map[string]bool{
		`[1e308]`: true, `[1e309]`: false, `[-1e999999999]`: false, `[1e-999999999]`: true, `[0e99999]`: true,
		`[` + strings.Repeat("9", 308) + `]`: true, `[` + strings.Repeat("9", 400) + `]`: false,
	} {
		if err := Check([]byte(doc), roomy); (err == nil) != want {
			t.Errorf("%.20s: %v", doc, err)
		}
	}
	var at *Error
	if err := Check([]byte(`{"a":1e999}`), roomy); !errors.As(err, &at) || at.Offset != 5 {
		t.Errorf("got %v", err)
	}
}

// In the suite y_ must be accepted, n_ must not, i_ is up to the parser. Here the
// i_ cases that two parsers read in two ways are refused.
func TestSuiteOfOthers(t *testing.T) {
	refused := map[string]bool{
		"y_object_duplicated_key.json":              true,
		"i_string_UTF-8_invalid_sequence.json":      true,
		"i_string_inverted_surrogates_U+1D11E.json": true,
		"i_structure_UTF-8_BOM_empty_object.json":   true,
		"i_object_key_lone_2nd_surrogate.json":      true,
		"i_number_huge_exp.json":                    true,
		"i_number_neg_int_huge_exp.json":            true,
		"i_number_pos_double_huge_exp.json":         true,
		"i_number_real_neg_overflow.json":           true,
		"i_number_real_pos_overflow.json":           true,
	}
	for name, doc := range suite(t) {
		want := !strings.HasPrefix(name, "n_") && !refused[name]
		if err := Check(doc, roomy); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func suite(t testing.TB) map[string][]byte {
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) < 30 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	docs := map[string][]byte{}
	for _, p := range paths {
		if docs[filepath.Base(p)], err = os.ReadFile(p); err != nil {
			t.Fatal(err)
		}
	}
	return docs
}

func FuzzCheck(f *testing.F) {
	for _, doc := range suite(f) {
		f.Add(doc)
	}
	f.Add([]byte(`{"a":"0123456789abcdef\\0123456789","a":"\u0061"}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		err := Check(doc, roomy)
		if err == nil && !json.Valid(doc) {
			t.Fatalf("accepted what is not JSON: %q", doc)
		}
		if again := Check(doc, roomy); fmt.Sprint(again) != fmt.Sprint(err) {
			t.Fatalf("two answers: %v, %v", err, again)
		}
		if err != nil {
			return
		}
		// Nothing is lost on decoding: what was accepted has no name twice.
		var v any
		dec := json.NewDecoder(bytes.NewReader(doc))
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("accepted and not decoded: %v", err)
		}
		if got, want := count(v), colons(doc); got != want {
			t.Fatalf("%d members were decoded of %d", got, want)
		}
	})
}

// count is the number of members of all objects of a decoded document.
func count(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		n = len(v)
		for _, m := range v {
			n += count(m)
		}
	case []any:
		for _, m := range v {
			n += count(m)
		}
	}
	return n
}

// colons is the number of members that the text has, before any is merged.
func colons(doc []byte) int {
	n, inText := 0, false
	for i := 0; i < len(doc); i++ {
		switch {
		case inText && doc[i] == '\\':
			i++
		case doc[i] == '"':
			inText = !inText
		case doc[i] == ':' && !inText:
			n++
		}
	}
	return n
}

func BenchmarkEnvelope(b *testing.B) {
	payload := bytes.Repeat([]byte("eyJhIjoi"), 7_600_000/8)
	doc := []byte(`{"payload":"` + string(payload) + `","payloadType":"x","signatures":[{"sig":"AA=="}]}`)
	b.SetBytes(int64(len(doc)))
	for b.Loop() {
		if err := Check(doc, roomy); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkManyNames(b *testing.B) {
	var doc bytes.Buffer
	doc.WriteString(`[{}`)
	for i := 0; doc.Len() < 7_600_000; i++ {
		fmt.Fprintf(&doc, `,{"type":"library","name":"lib-%d","version":"1.0.%d","purl":"pkg:npm/lib-%d@1.0.%d","licenses":[{"license":{"id":"MIT"}}]}`, i, i, i, i)
	}
	doc.WriteByte(']')
	b.SetBytes(int64(doc.Len()))
	b.ReportAllocs()
	for b.Loop() {
		if err := Check(doc.Bytes(), roomy); err != nil {
			b.Fatal(err)
		}
	}
}
