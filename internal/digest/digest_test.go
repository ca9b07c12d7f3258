package digest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOfIsTheKnownDigestOfNothing(t *testing.T) {
	const want = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if got := Of(nil); got != want || !Valid(got) {
		t.Fatalf("got %s", got)
	}
}

func TestValidKnowsOneSpelling(t *testing.T) {
	hex := strings.Repeat("a0", 32)
	for s, want := range map[string]bool{
		"sha256:" + hex:                  true,
		"sha256:" + strings.ToUpper(hex): false,
		"sha256:" + hex[1:]:              false,
		"sha256:" + hex + "a":            false,
		"sha512:" + hex:                  false,
		"SHA256:" + hex:                  false,
		hex:                              false,
		"":                               false,
		"sha256:" + hex[:63] + "g":       false,
	} {
		if Valid(s) != want {
			t.Errorf("%q: want %v", s, want)
		}
	}
}

func TestJCSForgetsOrderSpaceAndEscapes(t *testing.T) {
	a, da, err := JCS(json.RawMessage(`{ "b" : 1.0, "a": "\u003c" }`))
	if err != nil {
		t.Fatal(err)
	}
	b, db, err := JCS(map[string]any{"a": "<", "b": 1})
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != `{"a":"<","b":1}` || string(a) != string(b) || da != db || da != Of(a) {
		t.Fatalf("%s %s, %s %s", a, da, b, db)
	}
}

// The inputs and outputs are those of the authors of RFC 8785.
func TestJCSWritesWhatItsAuthorsWrite(t *testing.T) {
	inputs, err := filepath.Glob("../../testdata/corpus/jcs/input_*.json")
	if err != nil || len(inputs) < 6 {
		t.Fatalf("%d inputs, %v", len(inputs), err)
	}
	for _, name := range inputs {
		input, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(strings.Replace(name, "input_", "output_", 1))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := JCS(json.RawMessage(input))
		if err != nil || string(got) != strings.TrimSpace(string(want)) {
			t.Errorf("%s: %s, %v", filepath.Base(name), got, err)
		}
	}
}

func TestJCSRefusesWhatHasNoCanonicalForm(t *testing.T) {
	for _, v := range []any{func() {}, json.RawMessage(`{`), json.RawMessage(`1e999`)} {
		if _, d, err := JCS(v); err == nil || d != "" {
			t.Errorf("%v: got %q, %v", v, d, err)
		}
	}
}

func FuzzJCS(f *testing.F) {
	f.Add([]byte(`{"a":[1,2.5,"x"],"b":null}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		once, digest, err := JCS(json.RawMessage(doc))
		if err != nil {
			return
		}
		twice, again, err := JCS(json.RawMessage(once))
		if err != nil || string(once) != string(twice) || digest != again {
			t.Fatalf("not a fixed point: %s, %s, %v", once, twice, err)
		}
	})
}
