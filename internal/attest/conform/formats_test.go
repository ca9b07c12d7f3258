package conform_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/attest/conform"
)

// breach is one text of a document replaced by another, and where that is found; an
// empty place where the document still conforms.
type breach struct{ old, new, at string }

// smallest are documents of each format that conform, with as little in them as shows
// each rule, and what breaks them.
var smallest = []struct {
	format, version, document string
	breaches                  []breach
}{
	{"cyclonedx-json", "1.6", `{"bomFormat":"CycloneDX","specVersion":"1.6","serialNumber":"urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79","version":1,"metadata":{"timestamp":"2026-11-01T00:00:00Z"},
		"components":[{"type":"library","name":"a","hashes":[{"alg":"SHA-256","content":"` + hex64 + `"}],"licenses":[{"license":{"id":"MIT"}}]}],"dependencies":[{"ref":"a"}]}`, []breach{
		{`"CycloneDX"`, `"cyclonedx"`, "/bomFormat"},
		{`"bomFormat":"CycloneDX",`, ``, "@"},
		{`"specVersion":"1.6",`, ``, "@"},
		{`"version":1`, `"version":0`, "/version"},
		{`"version":1`, `"version":"1"`, "/version"},
		{`urn:uuid:3e671687`, `3e671687`, "/serialNumber"},
		{`"2026-11-01T00:00:00Z"`, `"yesterday"`, "/metadata/timestamp"},
		{`"type":"library"`, `"type":"package"`, "/components/0/type"},
		{`"type":"library",`, ``, "/components/0"},
		{`"name":"a",`, ``, "/components/0"},
		{`"name":"a"`, `"name":null`, "/components/0/name"},
		{`"SHA-256"`, `"sha256"`, "/components/0/hashes/0/alg"},
		{hex64, `beef`, "/components/0/hashes/0/content"},
		{`"MIT"`, `"MIT License"`, "/components/0/licenses/0/license/id"},
		{`"ref":"a"`, `"of":"a"`, "/dependencies/0"},
		{`"dependencies"`, `"dependants"`, "@"},
		{`{"ref":"a"}`, `{"ref":"a"},{"ref":"a"}`, "/dependencies"},
	}},
	{"cyclonedx-xml", "1.5", `<bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1"><metadata><timestamp>2026-11-01T00:00:00Z</timestamp></metadata><components><component type="library" bom-ref="a"><name>a</name><version>1</version></component></components></bom>`, []breach{
		{`bom/1.5`, `bom/1.4`, "/bom"},
		{`version="1"`, `version="one"`, "/bom"},
		{`2026-11-01T00:00:00Z`, `2026-11-01`, "/bom/metadata/timestamp"},
		{`type="library"`, `type="package"`, "/bom/components/component"},
		{`type="library" `, ``, "/bom/components/component"},
		{`<name>a</name>`, ``, "/bom/components/component"},
		{`<name>a</name><version>1</version>`, `<version>1</version><name>a</name>`, "/bom/components/component"},
		{`<version>1</version>`, `<version>1</version><version>2</version>`, "/bom/components/component"},
		{`<components>`, `<components><thing/>`, "/bom/components"},
		{`<components>`, `text<components>`, "/bom"},
		{`<version>1</version>`, ``, ""},
	}},
	{"spdx-json", "2.3", `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"n","dataLicense":"CC0-1.0","documentNamespace":"https://acme.example/1","creationInfo":{"created":"2026-11-01T00:00:00Z","creators":["Tool: t"]},
		"packages":[{"SPDXID":"SPDXRef-a","name":"a","downloadLocation":"NOASSERTION","checksums":[{"algorithm":"SHA256","checksumValue":"00"}]}],"relationships":[{"spdxElementId":"SPDXRef-DOCUMENT","relatedSpdxElement":"SPDXRef-a","relationshipType":"DESCRIBES"}]}`, []breach{
		{`"spdxVersion":"SPDX-2.3",`, ``, "@"},
		{`"SPDXID":"SPDXRef-DOCUMENT",`, ``, "@"},
		{`"name":"n",`, ``, "@"},
		{`"dataLicense":"CC0-1.0",`, ``, "@"},
		{`"created":"2026-11-01T00:00:00Z",`, ``, "/creationInfo"},
		{`["Tool: t"]`, `"Tool: t"`, "/creationInfo/creators"},
		{`["Tool: t"]`, `[]`, "/creationInfo/creators"},
		{`,"downloadLocation":"NOASSERTION"`, ``, "/packages/0"},
		{`"name":"a",`, ``, "/packages/0"},
		{`"SHA256"`, `"SHA-256"`, "/packages/0/checksums/0/algorithm"},
		{`"DESCRIBES"`, `"describes"`, "/relationships/0/relationshipType"},
		{`,"relatedSpdxElement":"SPDXRef-a"`, ``, "/relationships/0"},
		{`"packages":[`, `"packages":[null,`, "/packages/0"},
	}},
	{"sarif", "2.1.0", `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[{"ruleId":"r","level":"error","message":{"text":"m"}}]}]}`, []breach{
		{`"version":"2.1.0"`, `"version":"2.0.0"`, "/version"},
		{`"version":"2.1.0",`, ``, "@"},
		{`"runs":[`, `"run":[`, "@"},
		{`"tool":{"driver":{"name":"t"}},`, ``, "/runs/0"},
		{`"name":"t"`, `"title":"t"`, "/runs/0/tool/driver"},
		{`"error"`, `"fatal"`, "/runs/0/results/0/level"},
		{`,"message":{"text":"m"}`, ``, "/runs/0/results/0"},
		{`"ruleId":"r"`, `"ruleId":7`, "/runs/0/results/0/ruleId"},
	}},
	{"openvex", "0.2.0", `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://acme.example/1","author":"a","timestamp":"2026-11-01T00:00:00Z","version":1,"statements":[{"vulnerability":{"name":"CVE-1"},"products":[{"@id":"pkg:npm/a@1"}],"status":"fixed"}]}`, []breach{
		{`"@id":"https://acme.example/1",`, ``, "@"},
		{`"author":"a",`, ``, "@"},
		{`"timestamp":"2026-11-01T00:00:00Z",`, ``, "@"},
		{`"version":1`, `"version":"1"`, "/version"},
		{`"fixed"`, `"Fixed"`, "/statements/0/status"},
		{`"vulnerability":{"name":"CVE-1"},`, ``, "/statements/0"},
		{`{"name":"CVE-1"}`, `"CVE-1"`, "/statements/0/vulnerability"},
		{`[{"@id":"pkg:npm/a@1"}]`, `["pkg:npm/a@1"]`, "/statements/0/products/0"},
		{`"fixed"`, `"not_affected"`, "/statements/0"},
		{`"fixed"`, `"not_affected","impact_statement":"i"`, ""},
	}},
	{"csaf", "2.0", `{"document":{"category":"csaf_base","csaf_version":"2.0","title":"t","publisher":{"category":"vendor","name":"n","namespace":"https://acme.example"},
		"tracking":{"id":"A-1","status":"final","version":"1","initial_release_date":"2026-11-01T00:00:00Z","current_release_date":"2026-11-01T00:00:00Z","revision_history":[{"date":"2026-11-01T00:00:00Z","number":"1","summary":"s"}]}}}`, []breach{
		{`"csaf_version":"2.0"`, `"csaf_version":"2.1"`, "/document/csaf_version"},
		{`"title":"t",`, ``, "/document"},
		{`"category":"vendor"`, `"category":"maker"`, "/document/publisher/category"},
		{`"final"`, `"released"`, "/document/tracking/status"},
		{`"version":"1"`, `"version":"01"`, "/document/tracking/version"},
		{`"version":"1"`, `"version":"1.0"`, "/document/tracking/version"},
		{`"version":"1"`, `"version":1`, "/document/tracking/version"},
		{`"id":"A-1",`, ``, "/document/tracking"},
		{`"id":"A-1"`, `"id":"A\n1"`, "/document/tracking/id"},
		{`,"summary":"s"`, ``, "/document/tracking/revision_history/0"},
		{`"summary":"s"`, `"summary":""`, "/document/tracking/revision_history/0/summary"},
		{`"namespace":"https://acme.example"`, `"namespace":"acme"`, "/document/publisher/namespace"},
	}},
	{"oscal", "1.1.2", `{"catalog":{"uuid":"3e671687-395b-41f5-a30f-a58921a69b79","metadata":{"title":"t","last-modified":"2026-11-01T00:00:00Z","version":"1","oscal-version":"1.1.2"},"controls":[{"id":"ac-1","title":"t"}]}}`, []breach{
		{`3e671687-395b-41f5`, `3e671687-395b-01f5`, "/catalog/uuid"},
		{`"title":"t","last-modified"`, `"last-modified"`, "/catalog/metadata"},
		{`"last-modified":"2026-11-01T00:00:00Z"`, `"last-modified":"2026-11-01"`, "/catalog/metadata/last-modified"},
		{`"id":"ac-1"`, `"id":"1 ac"`, "/catalog/controls/0/id"},
		{`"id":"ac-1",`, ``, "/catalog/controls/0"},
		{`[{"id":"ac-1","title":"t"}]`, `[]`, "/catalog/controls"},
		{`"controls"`, `"control"`, "/catalog"},
		{`{"catalog":`, `{"catalogue":`, "@"},
	}},
	{"spdx3-json", "3.0.1", `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"CreationInfo","@id":"_:c","specVersion":"3.0.1","created":"2026-11-01T00:00:00Z","createdBy":["https://acme.example/a"]}]}`, []breach{
		{`3.0.1/spdx-context`, `3.0.0/spdx-context`, "/@context"},
		{`"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld",`, ``, "@"},
		{`"created":"2026-11-01T00:00:00Z",`, ``, "/@graph"},
		{`"created":"2026-11-01T00:00:00Z"`, `"created":"2026-11-01"`, "/@graph"},
	}},
}

const hex64 = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// TestEachRuleIsFoundWhereItIsBroken: the smallest document of each format conforms, and
// what is done to it is found, at its place ("@" for the document as a whole).
func TestEachRuleIsFoundWhereItIsBroken(t *testing.T) {
	var c conform.Checker
	for _, s := range smallest {
		result, err := c.Check(s.format, s.version, []byte(s.document))
		if err != nil || !result.OK() {
			t.Errorf("%s %s: %v, %v", s.format, s.version, result.Violations, err)
			continue
		}
		if format, version := conform.Identify([]byte(s.document)); format != s.format || version != s.version {
			t.Errorf("%s %s is taken for %s %s", s.format, s.version, format, version)
		}
		for _, b := range s.breaches {
			if strings.Count(s.document, b.old) != 1 {
				t.Fatalf("%s: %s stands %d times", s.format, b.old, strings.Count(s.document, b.old))
			}
			result, err := c.Check(s.format, s.version, []byte(strings.Replace(s.document, b.old, b.new, 1)))
			at := ""
			if len(result.Violations) > 0 {
				if at = result.Violations[0].At; at == "" {
					at = "@"
				}
			}
			// An XML path has positions, and leads to the element that holds the breach.
			if s.format == "cyclonedx-xml" && b.at != "" && strings.HasPrefix(at, b.at) {
				at = b.at
			}
			if err != nil || at != b.at || result.OK() != (b.at == "") {
				t.Errorf("%s: %s for %s: %v, %v; want it at %q", s.format, b.new, b.old, result.Violations, err, b.at)
			}
		}
	}
}

// TestADocumentOfOneFormatBreaksEveryOther holds each smallest document against the
// schema of each other format.
func TestADocumentOfOneFormatBreaksEveryOther(t *testing.T) {
	var c conform.Checker
	for _, s := range smallest {
		for _, f := range conform.Formats() {
			if f.Name == s.format {
				continue
			}
			if result, err := c.Check(f.Name, f.Version, []byte(s.document)); err == nil && result.OK() {
				t.Errorf("%s conforms to %s %s", s.format, f.Name, f.Version)
			}
		}
	}
}

// TestTruncatedDocumentsAreNotJudged cuts each document at every byte.
func TestTruncatedDocumentsAreNotJudged(t *testing.T) {
	var c conform.Checker
	for _, s := range smallest {
		for n := range len(s.document) {
			if result, err := c.Check(s.format, s.version, []byte(s.document[:n])); err == nil {
				t.Fatalf("%s, %d bytes: %+v", s.format, n, result)
			}
			if format, _ := conform.Identify([]byte(s.document[:n])); format != "" && !strings.HasSuffix(format, "xml") {
				t.Fatalf("%s, %d bytes: identified as %s", s.format, n, format)
			}
		}
	}
}

// TestMembersThatStandTwiceAreNotJudged: which of two a reader takes nobody knows.
func TestMembersThatStandTwiceAreNotJudged(t *testing.T) {
	var c conform.Checker
	for _, s := range smallest {
		if !strings.HasPrefix(s.document, `{"`) {
			continue
		}
		name, _, _ := strings.Cut(s.document[2:], `"`)
		text := fmt.Sprintf(`{%q:null,%s`, name, s.document[1:])
		if result, err := c.Check(s.format, s.version, []byte(text)); err == nil || !strings.Contains(err.Error(), "duplicate") {
			t.Errorf("%s: %+v, %v", s.format, result, err)
		}
	}
}
