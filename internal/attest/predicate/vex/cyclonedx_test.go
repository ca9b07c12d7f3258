package vex

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
)

// bomOf is a BOM with components and one vulnerability.
func bomOf(components, vulnerability string) string {
	return `{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:3E671687-395b-41f5-a30f-a58921a69b79","version":1,
		"metadata":{"timestamp":"2026-11-01T00:00:00Z","supplier":{"name":"Acme"},"component":{"type":"application","name":"app","bom-ref":"app","components":[{"type":"library","name":"in","bom-ref":"in","purl":"pkg:npm/in@1"}]}},
		"components":[` + components + `],"vulnerabilities":[` + vulnerability + `]}`
}

const library = `{"type":"library","name":"a","bom-ref":"a","purl":"pkg:npm/a@1.5.0"},{"type":"library","name":"b","bom-ref":"b","purl":"pkg:npm/b"}`

func TestStatesAndJustificationsOfCycloneDX(t *testing.T) {
	for _, c := range []struct{ state, justification, status, word string }{
		{"not_affected", "code_not_present", NotAffected, "vulnerable_code_not_present"},
		{"not_affected", "code_not_reachable", NotAffected, "vulnerable_code_not_in_execute_path"},
		{"not_affected", "protected_by_compiler", NotAffected, "inline_mitigations_already_exist"},
		{"not_affected", "protected_at_runtime", NotAffected, "inline_mitigations_already_exist"},
		{"not_affected", "protected_by_mitigating_control", NotAffected, "inline_mitigations_already_exist"},
		{"not_affected", "protected_at_perimeter", NotAffected, "protected_at_perimeter"},
		{"not_affected", "requires_configuration", NotAffected, "requires_configuration"},
		{"not_affected", "requires_dependency", NotAffected, "requires_dependency"},
		{"not_affected", "requires_environment", NotAffected, "requires_environment"},
		{"not_affected", "", NotAffected, ""},
		{"false_positive", "code_not_present", NotAffected, "vulnerable_code_not_present"},
		{"resolved", "code_not_present", Fixed, ""},
		{"resolved_with_pedigree", "", Fixed, ""},
		{"exploitable", "", Affected, ""},
		{"in_triage", "", UnderInvestigation, ""},
		{"", "", UnderInvestigation, ""},
	} {
		analysis := fmt.Sprintf(`{"state":%q,"justification":%q}`, c.state, c.justification)
		d := mustRead(t, bomOf(library, `{"id":"CVE-1","references":[{"id":"GHSA-1"}],"analysis":`+analysis+`,"affects":[{"ref":"a"}]}`))
		want := &Document{Format: CycloneDX, Version: "1.6", ID: "urn:uuid:3E671687-395b-41f5-a30f-a58921a69b79", Author: "Acme", Timestamp: "2026-11-01T00:00:00Z",
			Statements: []Statement{{Names: []string{"CVE-1", "GHSA-1"}, Status: c.status, Justification: c.word, Timestamp: "2026-11-01T00:00:00Z",
				Products: []Product{{Name: "a", PURLs: []string{"pkg:npm/a@1.5.0"}}}}}}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Errorf("%s: %s", analysis, diff)
		}
	}
}

// TestProductsOfCycloneDX has what "affects" may name, and what becomes of it where
// the analysis says that the product is not affected, and where it says that it is.
func TestProductsOfCycloneDX(t *testing.T) {
	hashed := `,{"type":"container","name":"c","bom-ref":"c","hashes":[{"alg":"SHA-1","content":"00"},{"alg":"SHA-256","content":"` + sha[7:] + `"}]},
		{"type":"library","name":"v","bom-ref":"v","version":"1","purl":"pkg:npm/v"},{"type":"library","name":"r","bom-ref":"r","versionRange":"vers:npm/<3.0.0","purl":"pkg:npm/r"}`
	void := func(why string, products ...string) gatekeep.VEXStatement {
		return gatekeep.VEXStatement{Products: products, Status: UnderInvestigation, Void: "not_affected, but " + why}
	}
	said := func(products ...string) gatekeep.VEXStatement {
		return gatekeep.VEXStatement{Products: products, Status: NotAffected, Justification: "vulnerable_code_not_present"}
	}
	ranges := func(s gatekeep.VEXStatement, list ...string) gatekeep.VEXStatement {
		s.Products = []string{}
		for i := 0; i < len(list); i += 2 {
			s.Ranges = append(s.Ranges, gatekeep.VEXRange{PURL: list[i], Range: list[i+1]})
		}
		return s
	}
	link := "urn:cdx:3e671687-395B-41f5-a30f-a58921a69b79/1#"
	for affects, want := range map[string][]gatekeep.VEXStatement{
		``:                          {{Products: []string{}, Status: NotAffected, Justification: "vulnerable_code_not_present"}},
		`{"ref":"a"}`:               {said("pkg:npm/a@1.5.0")},
		`{"ref":"in"}`:              {said("pkg:npm/in@1")},
		`{"ref":"a"},{"ref":"b"}`:   {said("pkg:npm/a@1.5.0", "pkg:npm/b")},
		`{"ref":"` + link + `a"}`:   {said("pkg:npm/a@1.5.0")},
		`{"ref":"` + link + `%61"}`: {said("pkg:npm/a@1.5.0")},
		`{"ref":"urn:cdx:00000000-395b-41f5-a30f-a58921a69b79/1#a"}`:           {said("urn:cdx:00000000-395b-41f5-a30f-a58921a69b79/1#a")},
		`{"ref":"urn:cdx:00000000-395b-41f5-a30f-a58921a69b79/1#pkg:npm/z@1"}`: {said("pkg:npm/z@1")},
		`{"ref":"pkg:npm/z@1"}`: {said("pkg:npm/z@1")},
		`{"ref":"app"}`:         {said("app")},
		`{"ref":"c"}`:           {said(sha)},
		`{"ref":"v"}`:           {void(`it is version "1", and its purl is that of all versions`, "pkg:npm/v")},
		`{"ref":"r"}`:           {ranges(said(), "pkg:npm/r", "vers:npm/<3.0.0")},
		// Versions of a component that has none.
		`{"ref":"b","versions":[{"version":"1.0.0","status":"unaffected"},{"range":"vers:npm/<0.5.0","status":"unaffected"}]}`: {ranges(said(), "pkg:npm/b", "vers:generic/1.0.0", "pkg:npm/b", "vers:npm/<0.5.0")},
		`{"ref":"v","versions":[{"version":"1","status":"unaffected"}]}`:                                                       {ranges(said(), "pkg:npm/v", "vers:generic/1")},
		`{"ref":"r","versions":[{"version":"1","status":"unaffected"}]}`:                                                       {ranges(void("its range is narrowed by another"), "pkg:npm/r", "vers:npm/<3.0.0")},
		// Versions of a component that has one.
		`{"ref":"a","versions":[{"version":"1.5.0","status":"unaffected"}]}`:         {said("pkg:npm/a@1.5.0")},
		`{"ref":"a","versions":[{"range":"vers:npm/<2.0.0","status":"unaffected"}]}`: {said("pkg:npm/a@1.5.0")},
		`{"ref":"a","versions":[{"range":"vers:npm/<1.0.0","status":"unaffected"}]}`: {void(`its own version is not known to be in "vers:npm/<1.0.0"`, "pkg:npm/a@1.5.0")},
		`{"ref":"a","versions":[{"range":"vers:deb/<2.0.0","status":"unaffected"}]}`: {void(`its own version is not known to be in "vers:deb/<2.0.0"`, "pkg:npm/a@1.5.0")},
		`{"ref":"a","versions":[{"range":"below 2","status":"unaffected"}]}`:         {void(`its own version is not known to be in "below 2"`, "pkg:npm/a@1.5.0")},
		// The analysis says one thing, the version another.
		`{"ref":"a","versions":[{"version":"1.5.0","status":"affected"}]}`: {void("its versions are said to be affected", "pkg:npm/a@1.5.0")},
		`{"ref":"a","versions":[{"version":"1.5.0"}]}`:                     {void("its versions are said to be affected", "pkg:npm/a@1.5.0")},
		`{"ref":"a","versions":[{"version":"1.5.0","status":"unknown"}]}`:  {void("nothing is known of its versions", "pkg:npm/a@1.5.0")},
	} {
		d := mustRead(t, bomOf(library+hashed, `{"id":"CVE-1","analysis":{"state":"not_affected","justification":"code_not_present"},"affects":[`+affects+`]}`))
		for i := range want {
			want[i].Timestamp = "2026-11-01T00:00:00Z"
		}
		if diff := cmp.Diff(want, facts(d)); diff != "" {
			t.Errorf("%s: %s", affects, diff)
		}
		d = mustRead(t, bomOf(library+hashed, `{"id":"CVE-1","analysis":{"state":"exploitable"},"affects":[`+affects+`]}`))
		for _, f := range facts(d) {
			if f.Status != Affected || f.Void != "" {
				t.Errorf("%s: exploitable, and said is %+v", affects, f)
			}
		}
	}
}

func TestDateOfAnAnalysis(t *testing.T) {
	for _, c := range []struct{ state, analysis, record, want string }{
		{"resolved", ``, `2026-11-05T00:00:00Z`, "2026-11-01T00:00:00Z"},
		{"resolved", `,"lastUpdated":"2026-10-01T00:00:00Z","firstIssued":"2026-09-01T00:00:00Z"`, ``, "2026-10-01T00:00:00Z"},
		{"resolved", `,"firstIssued":"2026-09-01T00:00:00Z"`, ``, "2026-09-01T00:00:00Z"},
		// What speaks against a product is as new as it can be.
		{"exploitable", `,"lastUpdated":"2026-10-01T00:00:00Z"`, `2026-11-05T00:00:00Z`, "2026-11-05T00:00:00Z"},
		{"exploitable", `,"lastUpdated":"2026-12-01T00:00:00Z"`, ``, "2026-12-01T00:00:00Z"},
	} {
		d := mustRead(t, bomOf(library, `{"id":"CVE-1","updated":"`+c.record+`","analysis":{"state":"`+c.state+`"`+c.analysis+`},"affects":[{"ref":"a"}]}`))
		if got := d.Statements[0].Timestamp; got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
	// A document that does not tell lifts nothing: the rules find no date.
	d := mustRead(t, `{"bomFormat":"CycloneDX","specVersion":"1.4","vulnerabilities":[{"id":"CVE-1","analysis":{"state":"resolved"}}]}`)
	if got := d.Statements[0].Timestamp; got != "" {
		t.Error(got)
	}
}

func TestCycloneDXThatSaysNothingClearIsRefused(t *testing.T) {
	refused(t, map[string]string{
		bomOf(library, ``): "no statements",
		bomOf(library, `{"id":"CVE-1","analysis":{"state":"fine"}}`):                                               `unknown analysis.state "fine"`,
		bomOf(library, `{"id":"CVE-1","analysis":{"state":"not_affected","justification":"trust"}}`):               `unknown analysis.justification "trust"`,
		bomOf(library, `{"analysis":{"state":"resolved"}}`):                                                        "has no id",
		bomOf(library, `{"id":"CVE-1","analysis":{"state":"resolved","lastUpdated":"now"}}`):                       "vulnerabilities[0]: time",
		bomOf(library, `{"id":"CVE-1","affects":[{"ref":"a","versions":[{"status":"affected"}]}]}`):                "neither a version nor a range",
		bomOf(library, `{"id":"CVE-1","affects":[{"ref":"a","versions":[{"version":"1","range":"vers:npm/1"}]}]}`): "both a version and a range",
		bomOf(library, `{"id":"CVE-1","affects":[{"ref":"a","versions":[{"version":"1","status":"perhaps"}]}]}`):   `unknown status "perhaps"`,
		bomOf(library+`,`+library, `{"id":"CVE-1"}`):                                                               `the bom-ref "a" stands twice`,
		bomOf(`{"type":"library","name":"x","bom-ref":"app"}`, `{"id":"CVE-1"}`):                                   `the bom-ref "app" stands twice`,
		strings.Replace(bomOf(library, `{"id":"CVE-1"}`), `"1.6"`, `"1.3"`, 1):                                     "no analysis of vulnerabilities",
		strings.Replace(bomOf(library, `{"id":"CVE-1"}`), `"1.6"`, `"9"`, 1):                                       "invalid specification version",
		strings.Replace(bomOf(library, `{"id":"CVE-1"}`), `"CycloneDX"`, `"cyclonedx"`, 1):                         "is not CycloneDX",
		strings.Replace(bomOf(library, `{"id":"CVE-1"}`), `2026-11-01T00:00:00Z`, `now`, 1):                        "metadata.timestamp",
		strings.Replace(bomOf(library, `{"id":"CVE-1"}`), `"version":1,`, `"version":[],`, 1):                      "cannot unmarshal",
	})
}

// xmlOf is a BOM in XML with the inside of one vulnerability.
func xmlOf(inside string) string {
	return `<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.5" serialNumber="urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79" version="1"><metadata><timestamp>2026-11-01T00:00:00Z</timestamp></metadata>
	<components><component type="library" bom-ref="a"><name>a</name><purl>pkg:npm/a@1</purl></component></components>
	<vulnerabilities><vulnerability>` + inside + `</vulnerability></vulnerabilities></bom>`
}

func TestCycloneDXInXML(t *testing.T) {
	inside := `<id>CVE-1</id><references><reference><id>GHSA-1</id></reference></references><analysis><state>resolved</state></analysis><affects><target><ref>a</ref></target></affects>`
	want := []Statement{{Names: []string{"CVE-1", "GHSA-1"}, Status: Fixed, Timestamp: "2026-11-01T00:00:00Z", Products: []Product{{Name: "a", PURLs: []string{"pkg:npm/a@1"}}}}}
	text := xmlOf(inside)
	for _, document := range []string{text, "\ufeff" + text, fmt.Sprintf("%q", strings.ReplaceAll(text, "\t", " "))} {
		d := mustRead(t, document)
		if diff := cmp.Diff(want, d.Statements); d.Version != "1.5" || diff != "" {
			t.Errorf("%s: %s", d.Version, diff)
		}
	}
	refused(t, map[string]string{
		xmlOf(`<id>CVE-1</id><id>CVE-2</id>`): "id stands twice",
		xmlOf(`<id>CVE-1</id><analysis><state>exploitable</state><state>resolved</state></analysis>`):                     "state stands twice",
		xmlOf(`<id>CVE-1</id><analysis><state>exploitable</state><x:state xmlns:x="urn:x">resolved</x:state></analysis>`): "state is of another namespace",
		xmlOf(`<id>CVE-1</id><analysis><state>fine</state></analysis>`):                                                   "unknown analysis.state",
		xmlOf(strings.Repeat(`<x>`, MaxDepth) + strings.Repeat(`</x>`, MaxDepth)):                                         "nested deeper",
		strings.Replace(text, "bom/1.5", "bom/1.3", 1):                                                                    "no analysis",
		strings.Replace(text, "cyclonedx.org", "example.org", 1):                                                          "is not that of CycloneDX",
		text + `<bom xmlns="http://cyclonedx.org/schema/bom/1.5"/>`:                                                       "a second root element",
		text + `more`:   "text outside the root element",
		`<!-- none -->`: "no root element",
		`<bom`:          "unexpected EOF",
		strings.Replace(text, `version="1"`, `version="one"`, 1):                         "invalid syntax",
		`<!DOCTYPE b [<!ENTITY x "y">]>` + strings.Replace(text, "CVE-1", "&x;", 1)[21:]: "invalid character entity",
	})
}
