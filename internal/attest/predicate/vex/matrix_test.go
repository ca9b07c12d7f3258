package vex

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
)

// TestStatesInEveryVersionOfCycloneDX has each state in JSON and in XML of each version
// that has an analysis, and of those that have none.
func TestStatesInEveryVersionOfCycloneDX(t *testing.T) {
	for state, want := range map[string]string{
		"not_affected": NotAffected, "false_positive": NotAffected, "resolved": Fixed, "resolved_with_pedigree": Fixed,
		"exploitable": Affected, "in_triage": UnderInvestigation, "NOT_AFFECTED": "", "fixed": "", "affected": "", "unknown": "", "resolved ": "",
	} {
		for _, version := range []string{"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7", "2.0", "", "1.04"} {
			known := slices.Contains(cycloneDXVersions, version)
			for kind, text := range map[string]string{
				"json": strings.Replace(bomOf(library, `{"id":"CVE-1","analysis":{"state":"`+state+`"},"affects":[{"ref":"a"}]}`), `"specVersion":"1.6"`, `"specVersion":"`+version+`"`, 1),
				"xml":  strings.Replace(xmlOf(`<id>CVE-1</id><analysis><state>`+state+`</state></analysis><affects><target><ref>a</ref></target></affects>`), "bom/1.5", "bom/"+version, 1),
			} {
				d, err := Read([]byte(text))
				switch {
				case !known || want == "":
					if err == nil {
						t.Errorf("%s %s in %s: %+v", version, state, kind, d)
					}
				case err != nil || d.Version != version || len(d.Statements) != 1 || d.Statements[0].Status != want:
					t.Errorf("%s %s in %s: %+v, %v; want %s", version, state, kind, d, err, want)
				}
			}
		}
	}
}

// TestStateAndVersionsMustAgree has each state with each status of the versions. What
// lifts a finding does so only where both say it.
func TestStateAndVersionsMustAgree(t *testing.T) {
	for state, lifted := range map[string]bool{"not_affected": true, "false_positive": true, "resolved": true, "resolved_with_pedigree": true, "exploitable": false, "in_triage": false} {
		for status, agrees := range map[string]bool{`"status":"unaffected"`: true, `"status":"affected"`: false, `"status":"unknown"`: false, `"x":0`: false} {
			for version, mine := range map[string]bool{`"version":"1.5.0"`: true, `"range":"vers:npm/<2.0.0"`: true, `"version":"1.4.0"`: false, `"range":"vers:npm/<1.0.0"`: false, `"range":"vers:npm/1.x"`: false, `"range":"all"`: false} {
				d := mustRead(t, bomOf(library, fmt.Sprintf(`{"id":"CVE-1","analysis":{"state":%q},"affects":[{"ref":"a","versions":[{%s,%s}]}]}`, state, version, status)))
				for _, said := range facts(d) {
					if got, want := lifts(said.Status) && said.Void == "", lifted && agrees && mine; got != want {
						t.Errorf("%s, %s, %s: lifts %v: %+v", state, version, status, got, said)
					}
				}
				if !lifted && strings.Contains(status, "unaffected") != (len(d.Statements[0].Products) == 0) {
					t.Errorf("%s, %s: %+v", state, status, d.Statements[0].Products)
				}
			}
		}
	}
}

// TestRequiredFieldsOfOpenVEX takes away, empties or replaces each field of a whole
// document. A document without the field is refused, or says what it does not lift.
func TestRequiredFieldsOfOpenVEX(t *testing.T) {
	const whole = `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"urn:1","author":"acme","timestamp":"2026-11-01T00:00:00Z","version":1,
		"statements":[{"vulnerability":{"name":"CVE-1"},"products":[{"@id":"pkg:npm/a@1"}],"status":"not_affected","justification":"component_not_present"}]}`
	if d := mustRead(t, whole); len(facts(d)) != 1 || !lifts(facts(d)[0].Status) {
		t.Fatalf("%+v", d)
	}
	for _, c := range []struct{ old, new, want string }{
		{`"@context"`, `"context"`, "neither OpenVEX"},
		{`"https://openvex.dev/ns/v0.2.0"`, `""`, "is not OpenVEX"},
		{`"https://openvex.dev/ns/v0.2.0"`, `"https://openvex.dev/ns/v0.2.0/"`, "is not OpenVEX"},
		{`"https://openvex.dev/ns/v0.2.0"`, `"https://openvex.dev/ns/v0.2"`, "is not OpenVEX"},
		{`"https://openvex.dev/ns/v0.2.0"`, `["https://openvex.dev/ns/v0.2.0"]`, "cannot unmarshal"},
		{`"@id":"urn:1",`, ``, "@id is missing"},
		{`"@id":"urn:1"`, `"@id":null`, "@id is missing"},
		{`"author":"acme",`, ``, "author is missing"},
		{`"author":"acme"`, `"author":""`, "author is missing"},
		{`"author":"acme"`, `"author":{"name":"acme"}`, "cannot unmarshal"},
		{`"timestamp":"2026-11-01T00:00:00Z",`, ``, "timestamp"},
		{`"2026-11-01T00:00:00Z"`, `"2026-11-01"`, "timestamp"},
		{`"2026-11-01T00:00:00Z"`, `"2026-11-01T00:00:00"`, "timestamp"},
		{`"2026-11-01T00:00:00Z"`, `1761955200`, "cannot unmarshal"},
		{`"version":1`, `"version":1.5`, "neither an integer nor a text"},
		{`"version":1`, `"version":true`, "neither an integer nor a text"},
		{`"statements":[`, `"statement":[`, "no statements"},
		{`"statements":[`, `"statements":null,"s":[`, "no statements"},
		{`"statements":[`, `"statements":{},"s":[`, "cannot unmarshal"},
		{`"vulnerability":{"name":"CVE-1"},`, ``, "the vulnerability has no name"},
		{`{"name":"CVE-1"}`, `{}`, "the vulnerability has no name"},
		{`{"name":"CVE-1"}`, `{"aliases":["CVE-1"]}`, "the vulnerability has no name"},
		{`{"name":"CVE-1"}`, `{"@id":"https://nvd.nist.gov/CVE-1"}`, "the vulnerability has no name"},
		{`{"name":"CVE-1"}`, `""`, "the vulnerability has no name"},
		{`{"name":"CVE-1"}`, `["CVE-1"]`, "cannot unmarshal"},
		{`"status":"not_affected"`, `"state":"not_affected"`, `unknown status ""`},
		{`"not_affected"`, `"Not_Affected"`, "unknown status"},
		{`"not_affected"`, `"known_not_affected"`, "unknown status"},
		{`"not_affected"`, `["not_affected"]`, "cannot unmarshal"},
		{`[{"@id":"pkg:npm/a@1"}]`, `{"@id":"pkg:npm/a@1"}`, "cannot unmarshal"},
		{`[{"@id":"pkg:npm/a@1"}]`, `[{"@id":"pkg:npm/a@1","hashes":["a"]}]`, "cannot unmarshal"},
	} {
		if strings.Count(whole, c.old) != 1 {
			t.Fatalf("%s stands %d times", c.old, strings.Count(whole, c.old))
		}
		refused(t, map[string]string{strings.Replace(whole, c.old, c.new, 1): c.want})
	}
	// Without products, or with one that nothing names, it is about no component.
	for _, products := range []string{`[]`, `null`, `[{}]`, `[null]`, `[""]`, `[{"identifiers":{"cpe23":"cpe:2.3:a:a:a:1"}}]`, `[{"@id":"pkg:npm/"}]`, `[{"@id":"a@1"}]`} {
		for _, said := range facts(mustRead(t, strings.Replace(whole, `[{"@id":"pkg:npm/a@1"}]`, products, 1))) {
			if slices.ContainsFunc(said.Products, func(p string) bool { return strings.HasPrefix(p, "pkg:npm/a") || strings.HasPrefix(p, "sha256:") }) || len(said.Ranges) > 0 {
				t.Errorf("%s: %+v", products, said)
			}
		}
	}
	// A justification counts for what is not affected alone.
	for status, want := range map[string]string{NotAffected: "component_not_present", Affected: "", Fixed: "", UnderInvestigation: ""} {
		if got := mustRead(t, strings.Replace(whole, `"not_affected"`, `"`+status+`"`, 1)).Statements[0]; got.Justification != want || got.Status != status {
			t.Errorf("%s: %+v", status, got)
		}
	}
}

// TestNewestWordAgainstAProductCounts has the dates of a statement, of its last update
// and of its document, and the date that counts for each status.
func TestNewestWordAgainstAProductCounts(t *testing.T) {
	day := func(n int) string { return fmt.Sprintf("2026-11-%02dT00:00:00Z", n) }
	for _, c := range []struct{ document, statement, updated, forIt, against int }{
		{5, 0, 0, 5, 5},
		{5, 3, 0, 3, 3},
		{5, 3, 4, 3, 4},
		{5, 3, 9, 3, 9},
		{5, 3, 2, 3, 3},
		{5, 0, 9, 5, 9},
		{5, 9, 0, 9, 9},
	} {
		for status, want := range map[string]int{NotAffected: c.forIt, Fixed: c.forIt, Affected: c.against, UnderInvestigation: c.against} {
			dates := ""
			if c.statement > 0 {
				dates = `,"timestamp":"` + day(c.statement) + `"`
			}
			if c.updated > 0 {
				dates += `,"last_updated":"` + day(c.updated) + `"`
			}
			d := mustRead(t, strings.Replace(open(`{"vulnerability":"CVE-1","status":"`+status+`"`+dates+`}`), day(1), day(c.document), 1))
			if got := d.Statements[0].Timestamp; got != day(want) {
				t.Errorf("%+v %s: %s, want %s", c, status, got, day(want))
			}
		}
	}
}

// TestFactsArePartedByWhyTheyAreVoid has products of one statement that differ in what
// confines them and in what speaks against taking them at their word.
func TestFactsArePartedByWhyTheyAreVoid(t *testing.T) {
	d := &Document{Format: OpenVEX}
	products := []Product{
		{Name: "a", PURLs: []string{"pkg:npm/a@1"}},
		{Name: "b", PURLs: []string{"pkg:npm/b@1", "pkg:npm/b@2"}, Digests: []string{sha}},
		{Name: "c", PURLs: []string{"pkg:npm/c"}, Range: "vers:npm/<2"},
		{Name: "c", PURLs: []string{"pkg:npm/c"}, Range: "vers:npm/<2"},
		{Name: "d", PURLs: []string{"pkg:npm/d@1"}, Void: "why"},
		{Name: "e", PURLs: []string{"pkg:npm/e@1"}, Void: "why"},
		{Name: "f", PURLs: []string{"pkg:npm/f@1"}, Void: "else"},
		{Name: "g", PURLs: []string{"pkg:npm/g@1"}, Within: []string{sha}},
		{Name: "h", PURLs: []string{"pkg:npm/h@1"}, Within: []string{other}},
		{Name: "i", PURLs: []string{"pkg:npm/i@1"}, Within: []string{other}, Void: "why"},
		{Name: "nameless"},
	}
	line := func(f Fact) string {
		s := f.Statement
		return fmt.Sprint(len(f.Within), " ", s.Status, " ", s.Justification, " ", s.Void, " ", s.Products, " ", s.Ranges)
	}
	for status, want := range map[string][]string{
		NotAffected: {
			"0 not_affected j  [nameless pkg:npm/a@1 pkg:npm/b@1 pkg:npm/b@2 " + sha + "] [{pkg:npm/c vers:npm/<2}]",
			"0 under_investigation  not_affected, but why [pkg:npm/d@1 pkg:npm/e@1] []",
			"0 under_investigation  not_affected, but else [pkg:npm/f@1] []",
			"1 not_affected j  [pkg:npm/g@1] []", "1 not_affected j  [pkg:npm/h@1] []", "1 under_investigation  not_affected, but why [pkg:npm/i@1] []",
		},
		// Against a product there is no doubt.
		Affected: {
			"0 affected j  [ pkg:npm/a@1 pkg:npm/b@1 pkg:npm/b@2 pkg:npm/d@1 pkg:npm/e@1 pkg:npm/f@1 " + sha + "] [{pkg:npm/c vers:npm/<2}]",
			"1 affected j  [pkg:npm/g@1] []", "1 affected j  [pkg:npm/h@1 pkg:npm/i@1] []",
		},
	} {
		var got []string
		for _, f := range d.Facts(&Statement{Status: status, Justification: "j", Products: products}) {
			got = append(got, line(f))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", status, diff)
		}
	}
	// What an advisory names and nobody can recognise is left out, and with it the fact.
	if got := (&Document{Format: CSAF}).Facts(&Statement{Status: Fixed, Products: []Product{{Name: "x"}}}); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

// TestNarrowNeverDecidesBetweenVersions: whatever the statement is about, Narrow keeps
// it for each finding of which it may speak, and drops none that speaks against one.
func TestNarrowNeverDecidesBetweenVersions(t *testing.T) {
	const found = "pkg:deb/debian/a@1:2.0-1"
	for text, kept := range map[string]struct {
		products []string
		open     bool
		dropped  bool
	}{
		"vers:deb/<1:2.0-2":    {products: []string{found}},
		"vers:deb/<=1:2.0-1":   {products: []string{found}},
		"vers:deb/1:2.0-1":     {products: []string{found}},
		"vers:deb/!=1:2.0-2":   {products: []string{found}},
		"vers:deb/*":           {products: []string{found}},
		"vers:deb/<1:2.0-1":    {dropped: true},
		"vers:deb/2.0-1":       {dropped: true}, // another epoch
		"vers:deb/!=1:2.0-1":   {dropped: true},
		"vers:rpm/<1:2.0-2":    {open: true},
		"vers:npm/*":           {open: true},
		"vers:generic/<3.0":    {open: true},
		"vers:deb/latest":      {open: true},
		"vers:deb/<1:2|<1:3":   {open: true},
		"vers:deb/":            {open: true},
		"before 3":             {open: true},
		"":                     {open: true},
		"vers:deb/<1:2.0-2|*":  {open: true},
		"vers:deb/<1%3A2.0-2":  {products: []string{found}},
		"vers:deb/<1%3A2.0~rc": {dropped: true},
	} {
		for _, status := range []string{Affected, Fixed} {
			f := findings(map[string][]gatekeep.VEXStatement{"CVE-1": {{Products: []string{}, Status: status, Ranges: []gatekeep.VEXRange{{PURL: "pkg:deb/debian/a", Range: text}}}}}, found)
			Narrow(f)
			got := f.VEX["CVE-1"]
			switch {
			case kept.dropped:
				if len(got) > 0 {
					t.Errorf("%q, %s: %+v", text, status, got)
				}
			case len(got) != 1 || !slices.Equal(got[0].Products, kept.products) || (len(got[0].Ranges) == 1) != kept.open || got[0].Status != status:
				t.Errorf("%q, %s: %+v", text, status, got)
			}
		}
	}
}

// TestADocumentIsOfOneFormat puts the marks of the formats beside each other.
func TestADocumentIsOfOneFormat(t *testing.T) {
	marks := map[string]string{
		OpenVEX:   `"@context":"https://openvex.dev/ns/v0.2.0","@id":"i","author":"a","timestamp":"2026-11-01T00:00:00Z","version":1,"statements":[{"vulnerability":"CVE-1","status":"fixed"}]`,
		CSAF:      strings.TrimSuffix(strings.TrimPrefix(advisory("final", one(`{"purl":"pkg:npm/a@1"}`), `{"fixed":["A"]}`, ""), "{"), "}"),
		CycloneDX: `"bomFormat":"CycloneDX","specVersion":"1.6","vulnerabilities":[{"id":"CVE-1","analysis":{"state":"resolved"}}]`,
	}
	names := slices.Sorted(maps.Keys(marks))
	for i, a := range names {
		if d := mustRead(t, "{"+marks[a]+"}"); d.Format != a || d.Statements[0].Status != Fixed {
			t.Errorf("%s: %+v", a, d)
		}
		if d := mustRead(t, fmt.Sprintf("%q", strings.NewReplacer("\t", "", "\n", "").Replace("{"+marks[a]+"}"))); d.Format != a {
			t.Errorf("%s in a text: %+v", a, d)
		}
		for _, b := range names[i+1:] {
			mark := map[string]string{OpenVEX: `"@context":""`, CSAF: `"document":{}`, CycloneDX: `"bomFormat":""`}
			refused(t, map[string]string{"{" + marks[a] + "," + mark[b] + "}": "it could be", "{" + mark[a] + "," + marks[b] + "}": "it could be"})
		}
		for n := 1; n < len(marks[a]); n += 7 { // cut anywhere
			if d, err := Read([]byte("{" + marks[a][:n])); err == nil {
				t.Fatalf("%s, %d bytes: %+v", a, n, d)
			}
		}
	}
	refused(t, map[string]string{`null`: "want an object", `"null"`: "want an object", `7`: "want an object", `{"@context":null}`: "is not OpenVEX", `{"document":null}`: "csaf_version", `{"bomFormat":null}`: "is not CycloneDX", `"<bom/>"`: "is not that of CycloneDX", `""`: ""})
}
