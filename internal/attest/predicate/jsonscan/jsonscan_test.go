package jsonscan

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// whole reads one value and nothing after it.
func whole(data []byte, read func(*Scanner)) error {
	s := New(data, 100)
	read(s)
	s.End()
	return s.Err()
}

func TestFieldsAndItemsComeInOrder(t *testing.T) {
	s := New([]byte(` { "a" : [1, {"b":null}, "x\u00e9\ud83d\ude00\n\/"] , "\u0063":true } `), 10)
	var seen []string
	s.Object()
	for key, ok := s.Field(); ok; key, ok = s.Field() {
		seen = append(seen, string(key))
		if string(key) != "a" {
			s.Skip()
			continue
		}
		s.Array()
		for s.Item() {
			switch s.Kind() {
			case '"':
				seen = append(seen, string(s.Text()))
			default:
				seen = append(seen, s.Path())
				s.Skip()
			}
		}
	}
	s.End()
	if got := strings.Join(seen, " "); s.Err() != nil || got != "a $.a[0] $.a[1] xé😀\n/ c" {
		t.Errorf("got %q, %v", got, s.Err())
	}
}

func TestBrokenGrammarIsRefusedWithItsPlace(t *testing.T) {
	walk := func(s *Scanner) {
		s.Object()
		for _, ok := s.Field(); ok; _, ok = s.Field() {
			s.Array()
			for s.Item() {
				s.Text()
			}
		}
	}
	for text, want := range map[string]string{
		``:                       "$ (byte 0): want an object",
		`[]`:                     "want an object",
		`{"a"}`:                  "want a colon",
		`{"a":}`:                 "$.a (byte 5): want an array",
		`{"a":["x" "y"]}`:        `want a comma or ']'`,
		`{"a":["x",]}`:           "$.a[1] (byte 10): want a string",
		`{"a":[],}`:              "want the name of a field",
		`{"a":[]`:                `want a comma or '}'`,
		`{a:1}`:                  "want the name of a field",
		`{"a":["x]}`:             "string does not end",
		`{"a":["\x"]}`:           "unknown escape",
		`{"a":["\u12g4"]}`:       "unknown escape",
		`{"a":["\udc00"]}`:       "half of a surrogate pair",
		`{"a":["\ud800\u0041"]}`: "half of a surrogate pair",
		"{\"a\":[\"\x01\"]}":     "control character",
		"{\"a\":[\"\xff\"]}":     "not UTF-8",
		`{"a":[]} x`:             "something follows",
		"{\"a\":[]}\x00":         "something follows",
	} {
		if err := whole([]byte(text), walk); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

func TestDepthIsBounded(t *testing.T) {
	for depth, refused := range map[int]bool{100: false, 101: true, 1_000_000: true} {
		text := []byte(strings.Repeat("[", depth) + strings.Repeat("]", depth))
		for name, read := range map[string]func(*Scanner){"skipping": (*Scanner).Skip, "walking": (*Scanner).folded} {
			if err := whole(text, read); errors.Is(err, ErrLimit) != refused || (err != nil) != refused {
				t.Errorf("%s %d deep: got %v", name, depth, err)
			}
		}
	}
}

func TestNamesThatDifferInCaseOnlyAreRefused(t *testing.T) {
	var many strings.Builder
	for i := range 100 {
		many.WriteString(`"field` + strings.Repeat("x", i) + `":0,`)
	}
	for text, refused := range map[string]bool{
		`{"result":[],"Result":[]}`:                true,
		`{"a":{"b":[{"x":1,"X":2}]}}`:              true,
		`{"k":1,"\u212a":2}`:                       true, // the Kelvin sign
		`{"s":1,"ſ":2}`:                            true, // the long s
		`{` + many.String() + `"Fieldx":1}`:        true,
		`{` + many.String() + `"other":1}`:         false,
		`{"a":{"x":1},"b":{"X":1}}`:                false,
		`[{"a":1},{"A":1}]`:                        false,
		`{"ß":1,"ss":2}`:                           false,
		`{"a":1`:                                   true,
		`"just a text"`:                            false,
		`{"purl":1,"PURL2":2,"pURL":3,"x":{"y":0}`: true,
	} {
		if err := RefuseFolded([]byte(text), 100); (err != nil) != refused {
			t.Errorf("%.60s: got %v, want refused %v", text, err, refused)
		}
	}
}

func TestAtReadsAValueThatWasSkipped(t *testing.T) {
	s := New([]byte(`{"list":["a","b"],"kind":"x"}`), 10)
	s.Object()
	s.Field()
	at := s.Pos()
	s.Skip()
	again := s.At(at, "list")
	again.Array()
	again.Item()
	if got := again.Path() + " " + string(again.Text()); got != "$.list[0] a" || again.Err() != nil {
		t.Errorf("got %q, %v", got, again.Err())
	}
}

func FuzzSkip(f *testing.F) {
	for _, seed := range []string{`{"a":[1,-0.5e+3,"x\u00e9",true,false,null,{}]}`, `[]`, `01`, `-`, `1.`, `"\ud800"`, `{"a":1,}`, `nul`, "\"\xff\"", `[[[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := whole(data, (*Scanner).Skip)
		if errors.Is(err, ErrLimit) {
			return
		}
		if (err == nil) != json.Valid(data) {
			t.Fatalf("got %v; encoding/json says valid is %v", err, json.Valid(data))
		}
		// Reading by fields and skipping agree, but for strings that are not UTF-8.
		if walked := whole(data, (*Scanner).folded); walked == nil && err != nil {
			t.Fatalf("walked through what is not JSON: %v", err)
		}
	})
}

func FuzzText(f *testing.F) {
	for _, seed := range []string{`"a\"b\\\/\b\f\n\r\t"`, `"\u0041\ud83d\ude00"`, `"\ud800"`, `"é"`, `""`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got string
		err := whole(data, func(s *Scanner) { got = string(s.Text()) })
		if err != nil {
			return
		}
		var want string
		if err := json.Unmarshal(data, &want); err != nil || got != want {
			t.Fatalf("got %q; encoding/json has %q, %v", got, want, err)
		}
		if !utf8.ValidString(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
	})
}
