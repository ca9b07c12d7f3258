package conform

import (
	"encoding/json"
	"errors"
	"path"
	"strings"
	"testing"
)

func decode(t *testing.T, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEqualValuesHaveOneText(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true},
		{`1`, `10e-1`, true},
		{`-0`, `0`, true},
		{`1`, `"1"`, false},
		{`1`, `2`, false},
		{`{"a":1,"b":2}`, `{"b":2.0,"a":1}`, true},
		{`{"a":1}`, `{"a":1,"b":2}`, false},
		{`{"a":[1]}`, `{"a":1}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`["a,b"]`, `["a","b"]`, false},
		{`"\u0061"`, `"a"`, true},
		{`null`, `"<nil>"`, false},
		{`true`, `"true"`, false},
		{`true`, `1`, false},
		{`{}`, `[]`, false},
		{`""`, `null`, false},
	} {
		a, b := string(canonical(nil, decode(t, c.a))), string(canonical(nil, decode(t, c.b)))
		if (a == b) != c.want {
			t.Errorf("%s and %s are written %s and %s", c.a, c.b, a, b)
		}
	}
}

// A schema that gives its work to the extension judges like the library. The table is
// checked through a schema that uses the keywords: OpenVEX.
func TestKeywordsMeanWhatTheyMeant(t *testing.T) {
	document := func(statements string) string {
		return `{"@context":"https://openvex.dev/ns","@id":"urn:x","author":"a","timestamp":"2024-01-01T00:00:00Z","version":1,"statements":` + statements + `}`
	}
	good := `{"vulnerability":{"name":"CVE-1","aliases":["a","b"]},"status":"fixed"}`
	for name, c := range map[string]struct{ statements, at string }{
		"fine":           {`[` + good + `]`, ""},
		"enum":           {`[{"vulnerability":{"name":"CVE-1"},"status":"mended"}]`, "/statements/0/status"},
		"repeated":       {`[` + good + `,` + good + `]`, "/statements"},
		"repeated below": {`[{"vulnerability":{"name":"CVE-1","aliases":["a","a"]},"status":"fixed"}]`, "/statements/0/vulnerability/aliases"},
		"second item":    {`[` + good + `,{"status":"fixed"}]`, "/statements/1"},
		"no list":        {`{}`, "/statements"},
		"empty":          {`[]`, "/statements"},
		"not affected":   {`[{"vulnerability":{"name":"CVE-1"},"status":"not_affected"}]`, "/statements/0"},
		"why not":        {`[{"vulnerability":{"name":"CVE-1"},"status":"not_affected","justification":"component_not_present"}]`, ""},
		"affected":       {`[{"vulnerability":{"name":"CVE-1"},"status":"affected"}]`, "/statements/0"},
		"what to do":     {`[{"vulnerability":{"name":"CVE-1"},"status":"affected","action_statement":"update"}]`, ""},
		"hash":           {`[{"vulnerability":{"name":"CVE-1"},"status":"fixed","products":[{"hashes":{"crc":"1"}}]}]`, "/statements/0/products/0/hashes/crc"},
		"no product":     {`[{"vulnerability":{"name":"CVE-1"},"status":"fixed","products":[{}]}]`, "/statements/0/products/0"},
	} {
		result, err := Check("openvex", "0.2.0", []byte(document(c.statements)))
		if err != nil {
			t.Fatal(name, err)
		}
		if c.at == "" != result.OK() || c.at != "" && result.Violations[0].At != c.at {
			t.Errorf("%s: got %v, want a violation at %q", name, result.Violations, c.at)
		}
	}
}

// Keywords are renamed in the text; a property of that name would be renamed as well.
func TestNoSchemaHasAPropertyNamedLikeAKeyword(t *testing.T) {
	files, err := schemas.ReadDir("schemas")
	if err != nil {
		t.Fatal(err)
	}
	var walk func(file string, v any, names bool)
	walk = func(file string, v any, names bool) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(file, item, false)
			}
		case map[string]any:
			for name, item := range v {
				if names && (name == "enum" || name == "items" || name == "uniqueItems") {
					t.Errorf("%s has a property %s", file, name)
				}
				walk(file, item, !names && (name == "properties" || name == "patternProperties"))
			}
		}
	}
	for _, f := range files {
		if path.Ext(f.Name()) != ".json" {
			continue
		}
		text, err := schemas.ReadFile("schemas/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		walk(f.Name(), decode(t, string(text)), false)
	}
}

func TestEverySchemaIsInUse(t *testing.T) {
	used := map[string]bool{}
	for _, s := range table {
		used[s.file] = true
	}
	for _, file := range locations {
		used[file] = true
	}
	for _, file := range imports {
		used[file] = true
	}
	files, err := schemas.ReadDir("schemas")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !used[f.Name()] {
			t.Errorf("%s judges nothing", f.Name())
		}
	}
}

func TestTooManyStepsAreAnError(t *testing.T) {
	var c Checker
	s, _ := find("cyclonedx-json", "1.6")
	compiled, err := c.compile(s)
	if err != nil {
		t.Fatal(err)
	}
	document := decode(t, `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"a"}]}`)
	for left, want := range map[int]error{3: ErrTooMuchWork, 1000: nil} {
		compiled.work.left = left
		if err := compiled.validate(document); !errors.Is(err, want) {
			t.Errorf("with %d steps: got %v, want %v", left, err, want)
		}
	}
	// Comparing costs too.
	long := strings.Repeat("x", 100_000)
	compiled.work.left = 1000
	if err := compiled.validate(decode(t, `{"components":[{"name":"`+long+`"},{"name":"`+long+`"}]}`)); !errors.Is(err, ErrTooMuchWork) {
		t.Errorf("got %v", err)
	}
}

// Should the library fall over, nothing has been judged.
func TestPanicOfTheLibraryIsAnError(t *testing.T) {
	var c Checker
	s, _ := find("cyclonedx-json", "1.6")
	compiled, err := c.compile(s)
	if err != nil {
		t.Fatal(err)
	}
	compiled.work.left = maxSteps
	if err := compiled.validate(map[string]any{"components": struct{}{}}); err == nil {
		t.Error("a value that is no JSON was judged")
	}
	compiled.work.left = maxSteps
	if err := compiled.validate(map[string]any{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": json.Number("1e999999999")}); err == nil {
		t.Error("a number that cannot be computed with was judged")
	}
}

func TestEmailMayHaveUnicode(t *testing.T) {
	for text, want := range map[any]bool{
		"a@example.com": true, "jürgen@bücher.example": true, "a": false, "": false, "a@": false,
		"A <a@example.com>": false, "a b@example.com": false, json.Number("1"): true, nil: true,
	} {
		if isEmail(text) != want {
			t.Errorf("%v: got %v", text, !want)
		}
	}
}

// Of alternatives, the one that went along longest is told.
func TestOnlyTheBestAlternativeIsTold(t *testing.T) {
	result, err := Check("cyclonedx-json", "1.6", []byte(
		`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"a","licenses":[{"license":{"id":"no"}}]}]}`))
	if err != nil || len(result.Violations) != 1 || result.Violations[0].At != "/components/0/licenses/0/license/id" {
		t.Errorf("got %v, %v", result.Violations, err)
	}
}

func TestPointersAreEscaped(t *testing.T) {
	if got := escape("a/b~c"); got != "a~1b~0c" {
		t.Errorf("got %s", got)
	}
}
