package handwritten

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
)

func TestYAMLAndJSONReadAlike(t *testing.T) {
	for text, want := range map[string]string{
		"a: b":                              `{"a":"b"}`,
		`{"a":"b","n":12345678901234567}`:   `{"a":"b","n":12345678901234567}`,
		"at: 2026-11-23T10:00:00Z":          `{"at":"2026-11-23T10:00:00Z"}`,
		"start: 2026-12-20T00:00:00":        `{"start":"2026-12-20T00:00:00"}`,
		"n: 3\nf: 0.5\nt: true\nx:":         `{"f":0.5,"n":3,"t":true,"x":null}`,
		"list: [a, 'true', \"7\"]":          `{"list":["a","true","7"]}`,
		"# comment\n---\na:\n  b: [{c: d}]": `{"a":{"b":[{"c":"d"}]}}`,
	} {
		object, err := Object([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := json.Marshal(object); err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestWhatCanBeReadInTwoWaysIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "EOF",
		"- a":              "no object",
		"[]":               "no object",
		"a: 1\na: 2":       `field "a" stands twice`,
		"a: &x [1]\nb: *x": "aliases are not taken",
		"a: 1\n---\nb: 2":  "more than one document",
		"1: a":             "not a plain text",
		"? [a]\n: b":       "not a plain text",
		"a: !!binary aGk=": "type !!binary is not taken",
		"a: !custom x":     "type !custom is not taken",
		"a: .nan":          "not a number",
		"a: .inf":          "not a number",
		"a: 0x10":          "not a whole number",
		"a: [":             "reading YAML",
		`{"a":1,"a":2}`:    "duplicate",
		`{"a":1} {}`:       "after the end",
		"\x00":             "reading YAML",
	} {
		if object, err := Object([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v; want %q", text, object, err, want)
		}
	}
}

func TestBoundsAreKept(t *testing.T) {
	if _, err := Object(make([]byte, maxBytes+1)); !errors.Is(err, jsonscan.ErrLimit) {
		t.Errorf("bytes: got %v", err)
	}
	if _, err := Object([]byte("a: " + strings.Repeat("[", 40) + strings.Repeat("]", 40))); !errors.Is(err, jsonscan.ErrLimit) {
		t.Errorf("depth: got %v", err)
	}
}

func FuzzObject(f *testing.F) {
	for _, seed := range []string{"a: b\nc: [1, 2.5, true, null, 2026-01-01]\n", `{"a":{"b":[1]}}`, "a: &x 1\nb: *x", "<<: {a: 1}", "? a\n: b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		object, err := Object(data)
		if err != nil {
			return
		}
		if _, err := json.Marshal(object); err != nil {
			t.Fatalf("accepted what is not JSON: %v", err)
		}
	})
}
