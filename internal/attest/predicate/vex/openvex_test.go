package vex

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	govex "github.com/openvex/go-vex/pkg/vex"
)

var (
	sha   = "sha256:" + strings.Repeat("a", 64)
	other = "sha256:" + strings.Repeat("b", 64)
)

// open is an OpenVEX document around statements.
func open(statements string) string {
	return `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://acme.example/1","author":"acme","timestamp":"2026-11-01T00:00:00Z","version":1,"statements":[` + statements + `]}`
}

func mustRead(t *testing.T, text string) *Document {
	t.Helper()
	d, err := Read([]byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return d
}

// refused reads documents that must be refused, each with a part of its error.
func refused(t *testing.T, documents map[string]string) {
	t.Helper()
	for text, want := range documents {
		if d, err := Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.200s: got %+v, %v; want %q", text, d, err, want)
		}
	}
}

func TestStatementsOfOpenVEX(t *testing.T) {
	d := mustRead(t, open(`
		{"vulnerability":{"name":"CVE-1","aliases":["GHSA-1","CVE-1",""]},"status":"not_affected","justification":"component_not_present","products":[
			{"@id":"pkg:oci/app@sha256%3A`+sha[7:]+`?repository_url=r"},{"@id":"x","identifiers":{"purl":"pkg:NPM/a@1"},"hashes":{"sha-256":"`+strings.ToUpper(other[7:])+`"}}]},
		{"vulnerability":{"name":"CVE-2"},"status":"fixed","justification":"component_not_present","timestamp":"2026-11-02T00:00:00Z","products":[
			{"@id":"pkg:oci/app@`+sha+`","subcomponents":[{"@id":"pkg:apk/alpine/libssl3@3.0.8-r3"}]},
			{"@id":"r.io/other@`+other+`","subcomponents":["pkg:apk/alpine/libssl3@2"]},{"@id":"anywhere","subcomponents":[{"@id":"pkg:apk/alpine/zlib@1"}]},"pkg:npm/b@1"]},
		{"vulnerability":"CVE-3","status":"affected","last_updated":"2026-11-03T00:00:00Z"},
		{"vulnerability":"CVE-4","status":"fixed","last_updated":"2026-11-03T00:00:00Z"}`))
	want := &Document{Format: OpenVEX, Version: "0.2.0", ID: "https://acme.example/1", Author: "acme", Timestamp: "2026-11-01T00:00:00Z", Statements: []Statement{
		{Names: []string{"CVE-1", "GHSA-1"}, Status: NotAffected, Justification: "component_not_present", Timestamp: "2026-11-01T00:00:00Z", Products: []Product{
			{Name: "pkg:oci/app@sha256%3A" + sha[7:] + "?repository_url=r", PURLs: []string{"pkg:oci/app@" + sha + "?repository_url=r"}, Digests: []string{sha}},
			{Name: "x", PURLs: []string{"pkg:npm/a@1"}, Digests: []string{other}}}},
		{Names: []string{"CVE-2"}, Status: Fixed, Timestamp: "2026-11-02T00:00:00Z", Products: []Product{
			{Name: "pkg:apk/alpine/libssl3@3.0.8-r3", PURLs: []string{"pkg:apk/alpine/libssl3@3.0.8-r3"}, Within: []string{sha}},
			{Name: "pkg:apk/alpine/libssl3@2", PURLs: []string{"pkg:apk/alpine/libssl3@2"}, Within: []string{other}},
			{Name: "pkg:apk/alpine/zlib@1", PURLs: []string{"pkg:apk/alpine/zlib@1"}},
			{Name: "pkg:npm/b@1", PURLs: []string{"pkg:npm/b@1"}}}},
		// The last change counts where it speaks against the product, and not for it.
		{Names: []string{"CVE-3"}, Status: Affected, Timestamp: "2026-11-03T00:00:00Z"},
		{Names: []string{"CVE-4"}, Status: Fixed, Timestamp: "2026-11-01T00:00:00Z"},
	}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
}

func TestOpenVEXThatSaysNothingClearIsRefused(t *testing.T) {
	aliases := strings.Repeat(`"a",`, maxAliases+1) + `"b"`
	var many []string
	for i := range maxAliases + 1 {
		many = append(many, `"a`+string(rune('a'+i%26))+string(rune('a'+i/26))+`"`)
	}
	refused(t, map[string]string{
		`{}`: "neither OpenVEX",
		`{"@context":"https://openvex.dev/ns/v9","statements":[{}]}`:                     "@context",
		`{"@context":"https://openvex.dev/ns","author":"a","statements":[]}`:             "@id is missing",
		`{"@context":"https://openvex.dev/ns","@id":"a","statements":[]}`:                "author is missing",
		`{"@context":"https://openvex.dev/ns","@id":"a","author":"a","timestamp":"now"}`: "timestamp: ",
		`{"@context":"https://openvex.dev/ns","@id":"a","author":"a","version":[1]}`:     "neither an integer nor a text",
		`{"@context":"https://openvex.dev/ns","@id":"a","author":"a","document":{}}`:     "openvex and csaf",
		open(``):                   "no statements",
		open(`{"status":"fixed"}`): "statements[0]: the vulnerability has no name",
		open(`{"vulnerability":{"name":"a"},"status":"fine"}`):                                                               `unknown status "fine"`,
		open(`{"vulnerability":"a","status":"fixed","timestamp":"now"}`):                                                     "timestamp: ",
		open(`{"vulnerability":"a","status":"fixed","last_updated":"now"}`):                                                  "last_updated: ",
		open(`{"vulnerability":7,"status":"fixed"}`):                                                                         "cannot unmarshal",
		open(`{"vulnerability":"a","status":"fixed","products":[7]}`):                                                        "cannot unmarshal",
		open(`{"vulnerability":"a","status":"affected","Status":"fixed"}`):                                                   "in different case",
		open(`{"vulnerability":{"name":"z","aliases":[` + strings.Join(many, ",") + `]},"status":"fixed"}`):                  "aliases",
		`{"@context":"https://openvex.dev/ns","@id":"a","author":"a","statements":[{"vulnerability":"a","status":"fixed"}]}`: "timestamp: ",
		`"{\"@context\":1,\"@context\":2}"`:                                                                                  "the text that holds the document",
		`"unfinished`:                                                                                                        "unexpected end",
		`[]`:                                                                                                                 "want an object",
	})
	// The same alias a hundred times is one.
	mustRead(t, open(`{"vulnerability":{"name":"z","aliases":[`+aliases+`]},"status":"fixed"}`))
	if _, err := Read(make([]byte, MaxBytes+1)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	deep := open(`{"vulnerability":"a","status":"fixed","products":[` + strings.Repeat(`{"subcomponents":[`, MaxDepth) + strings.Repeat(`]}`, MaxDepth) + `]}`)
	if _, err := Read([]byte(deep)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// TestStatementsThatLackWhatTheStandardWantsStayAndLiftNothing: dropping a statement
// that says "affected" would let an older one stand.
func TestStatementsThatLackWhatTheStandardWantsStayAndLiftNothing(t *testing.T) {
	d := mustRead(t, open(`{"vulnerability":"CVE-1","status":"not_affected","products":["pkg:npm/a@1"]},{"vulnerability":"CVE-2","status":"affected","products":["pkg:npm/a@1"]}`))
	if len(d.Statements) != 2 || d.Statements[0].Justification != "" || d.Statements[1].Status != Affected {
		t.Errorf("%+v", d.Statements)
	}
}

func TestADocumentMayBeATextInJSON(t *testing.T) {
	d := mustRead(t, `"{\"@context\":\"https://openvex.dev/ns/v0.0.1\",\"@id\":\"a\",\"author\":\"a\",\"version\":\"1\",\"timestamp\":\"2026-11-01T00:00:00Z\",\"statements\":[{\"vulnerability\":\"CVE-1\",\"status\":\"fixed\"}]}"`)
	if d.Version != "0.0.1" || len(d.Statements) != 1 {
		t.Errorf("%+v", d)
	}
}

// TestOpenVEXAgreesWithGoVEX asks the reference library of each document that it reads.
func TestOpenVEXAgreesWithGoVEX(t *testing.T) {
	compared := 0
	for _, r := range rows(t) {
		data, err := os.ReadFile(filepath.Join(corpus, r.file))
		if err != nil {
			t.Fatal(err)
		}
		if r.format != "openvex" || r.expectation != "accept" {
			continue
		}
		want, err := govex.Parse(data)
		if err != nil {
			t.Fatal(r.file, err)
		}
		d := mustRead(t, string(data))
		if len(want.Statements) != len(d.Statements) || want.Author != d.Author {
			t.Fatalf("%s: %d statements, want %d", r.file, len(d.Statements), len(want.Statements))
		}
		for i, s := range want.Statements {
			got := d.Statements[i]
			at, err := time.Parse(time.RFC3339, got.Timestamp)
			if err != nil {
				t.Fatal(err)
			}
			stamp := want.Timestamp
			if s.Timestamp != nil {
				stamp = s.Timestamp
			}
			if string(s.Status) != got.Status || string(s.Justification) != got.Justification || !at.Equal(*stamp) || !slices.Contains(got.Names, string(s.Vulnerability.Name)) {
				t.Errorf("%s: got %+v, want %+v", r.file, got, s)
			}
			var ids []string
			for _, p := range s.Products {
				if len(p.Subcomponents) == 0 {
					ids = append(ids, p.ID)
				}
				for _, part := range p.Subcomponents {
					ids = append(ids, part.ID)
				}
			}
			var names []string
			for _, p := range got.Products {
				names = append(names, p.Name)
			}
			if !slices.Equal(ids, names) {
				t.Errorf("%s: products %q, want %q", r.file, names, ids)
			}
			compared++
		}
	}
	if compared < 10 {
		t.Errorf("compared %d statements", compared)
	}
}

// TestPartOfAProductWithoutDigestLiftsNothingElsewhere: OpenVEX "zlib in <product>" of a
// product that has no digest speaks of zlib in that product alone. CSAF says the same and
// is void ("it is part of W, which has no digest"); OpenVEX lifts zlib everywhere.
func TestPartOfAProductWithoutDigestLiftsNothingElsewhere(t *testing.T) {
	for _, product := range []string{"pkg:npm/other-app@1", "r.io/app:1"} {
		d := mustRead(t, open(`{"vulnerability":"CVE-1","status":"not_affected","justification":"vulnerable_code_not_present","products":[{"@id":"`+product+`","subcomponents":[{"@id":"pkg:npm/lodash@4.17.0"}]}]}`))
		for _, f := range d.Facts(&d.Statements[0]) {
			if f.Confined([]string{other}) && lifts(f.Statement.Status) {
				t.Errorf("%s: %+v lifts lodash in another subject", product, f)
			}
		}
	}
}

// TestNestedSubcomponentsAreConfinedToTheOutermost: Within means "any of", so the digest of
// the inner product is enough, though the statement is about it within the outer one.
func TestNestedSubcomponentsAreConfinedToTheOutermost(t *testing.T) {
	d := mustRead(t, open(`{"vulnerability":"CVE-1","status":"fixed","products":[{"@id":"pkg:oci/app@`+sha+`","subcomponents":[{"@id":"pkg:oci/base@`+other+`","subcomponents":["pkg:npm/a@1"]}]}]}`))
	if f := d.Facts(&d.Statements[0])[0]; f.Confined([]string{other}) {
		t.Errorf("%+v holds for the inner image alone", f)
	}
}

// Parts of parts are read as often as they nest.
func TestPartsNestAFewTimesOnly(t *testing.T) {
	nested := func(levels int) string {
		return `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"x","author":"a","timestamp":"2026-01-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"CVE-1"},"status":"affected","action_statement":"x","products":[` +
			strings.Repeat(`{"@id":"pkg:npm/a@1","subcomponents":[`, levels) + `{"@id":"pkg:npm/b@1"}` + strings.Repeat(`]}`, levels) + `]}]}`
	}
	if _, err := Read([]byte(nested(8))); err != nil {
		t.Error(err)
	}
	if _, err := Read([]byte(nested(12))); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}
