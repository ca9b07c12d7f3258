package inventory

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/package-url/packageurl-go"
)

func TestPURLsAreCanonical(t *testing.T) {
	for purl, want := range map[string][]string{
		"pkg:npm/left@1.0.0":                          {"pkg:npm/left@1.0.0"},
		"pkg:npm/left@1.0.0?arch=x":                   {"pkg:npm/left@1.0.0", "pkg:npm/left@1.0.0?arch=x"},
		"pkg:npm/@babel/core@7":                       {"pkg:npm/%40babel/core@7", "pkg:npm/@babel/core@7"},
		"pkg:npm/%40babel/core@7":                     {"pkg:npm/%40babel/core@7", "pkg:npm/@babel/core@7"},
		"pkg:PyPI/Foo_Bar@1":                          {"pkg:pypi/foo-bar@1", "pkg:PyPI/Foo_Bar@1"},
		"pkg:pypi/foo_bar@1_0":                        {"pkg:pypi/foo-bar@1_0", "pkg:pypi/foo_bar@1_0"},
		"pkg:golang/github.com/A/b@v1#sub":            {"pkg:golang/github.com/a/b@v1", "pkg:golang/github.com/A/b@v1#sub"},
		"pkg:deb/debian/libc++1@1:1.0~rc1?a=b%20c":    {"pkg:deb/debian/libc%2B%2B1@1:1.0~rc1", "pkg:deb/debian/libc++1@1:1.0~rc1?a=b%20c", "pkg:deb/debian/libc++1@1:1.0~rc1"},
		"pkg:nuget/Newtonsoft.Json@13.0.1-RC":         {"pkg:nuget/Newtonsoft.Json@13.0.1-RC", "pkg:nuget/newtonsoft.json@13.0.1-rc"},
		"pkg:oci/app@sha256%3Aab?repository_url=r.io": {"pkg:oci/app@sha256:ab", "pkg:oci/app@sha256%3Aab?repository_url=r.io"},
	} {
		if got, ok := Spellings(purl); !ok || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", purl, got, ok, want)
		}
	}
	for _, text := range []string{"", "left", "pkg:", "pkg:npm", "pkg:npm/", "pkg:npm/a@1?k=%zz", "pkg:/a", "http://pkg:npm/a"} {
		if got, ok := Spellings(text); ok || !slices.Equal(got, []string{text}) {
			t.Errorf("%q: got %q, %v; want itself, false", text, got, ok)
		}
	}
}

// FuzzPURL checks the short cut for plain texts against packageurl-go.
func FuzzPURL(f *testing.F) {
	for _, seed := range []string{"pkg:npm/left@1.0.0?a=b&c=d", "pkg:pypi/a_b@1", "pkg:maven/g/A@1", "pkg:golang/a/B@v1", "pkg:npm/a@", "pkg:npm//a@1?x", "pkg:deb/a/b@1:2~3?arch=a#b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		end, ok := plain(text)
		if !ok {
			return
		}
		p, err := packageurl.FromString(text[:end])
		if err != nil {
			t.Fatalf("%q is taken as plain: %v", text, err)
		}
		if p.ToString() != text[:end] {
			t.Fatalf("%q is taken as plain, canonical is %q", text[:end], p.ToString())
		}
	})
}

// TestPURLsAreThoseOfTheSpecification runs the suite of the purl specification: what
// it parses is an identity, listed in its canonical form without qualifiers and
// subpath; what it does not parse is none.
func TestPURLsAreThoseOfTheSpecification(t *testing.T) {
	names, err := filepath.Glob("../../../../testdata/corpus/purl/*/*.json")
	if err != nil || len(names) < 22 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	tested := map[string]int{}
	for _, name := range names {
		var suite struct {
			Tests []struct {
				Type    string          `json:"test_type"`
				Input   json.RawMessage `json:"input"`
				Output  json.RawMessage `json:"expected_output"`
				Failure bool            `json:"expected_failure"`
			} `json:"tests"`
		}
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &suite); err != nil {
			t.Fatal(err)
		}
		for _, c := range suite.Tests {
			var input string
			if c.Type == "build" || json.Unmarshal(c.Input, &input) != nil {
				continue // this package builds none
			}
			spellings, ok := Spellings(input)
			if tested[fmt.Sprint(c.Type, !c.Failure)]++; ok == c.Failure {
				t.Errorf("%s: %s: identified %v", name, input, ok)
			}
			if c.Failure {
				continue
			}
			if want := canonicalOf(t, c.Output); spellings[0] != want || !slices.Contains(spellings, input) {
				t.Errorf("%s: %s: got %q, want %q first", name, input, spellings, want)
			}
		}
	}
	for what, least := range map[string]int{"parsetrue": 60, "parsefalse": 20, "validatetrue": 70} {
		if tested[what] < least {
			t.Errorf("%s: %d tests, want %d and more", what, tested[what], least)
		}
	}
}

// canonicalOf is the purl that a test expects, as a text or as its parts.
func canonicalOf(t *testing.T, output json.RawMessage) string {
	t.Helper()
	var text string
	if json.Unmarshal(output, &text) == nil {
		if end := strings.IndexAny(text, "?#"); end >= 0 {
			text = text[:end]
		}
		return text
	}
	var parts struct{ Type, Namespace, Name, Version string }
	if err := json.Unmarshal(output, &parts); err != nil {
		t.Fatal(err)
	}
	p := packageurl.PackageURL{Type: parts.Type, Namespace: parts.Namespace, Name: parts.Name, Version: parts.Version}
	return p.ToString()
}
