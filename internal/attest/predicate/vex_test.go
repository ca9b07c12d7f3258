package predicate

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
)

var (
	aVEX = `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://acme.example/1","author":"acme","timestamp":"2026-11-01T00:00:00Z","version":1,"statements":[
		{"vulnerability":{"name":"CVE-1","aliases":["GHSA-1"]},"status":"not_affected","justification":"component_not_present","products":["pkg:npm/a@1"]},
		{"vulnerability":{"name":"CVE-2"},"status":"fixed","products":["pkg:npm/b@1",{"@id":"pkg:oci/app@` + sha + `","subcomponents":["pkg:npm/c@1"]}]}]}`
	aBOM = `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"timestamp":"2026-11-01T00:00:00Z"},
		"components":[{"type":"library","name":"a","bom-ref":"a","purl":"pkg:npm/a@1"}],
		"vulnerabilities":[{"id":"CVE-1","analysis":{"state":"not_affected","justification":"code_not_present"},"affects":[{"ref":"a"}]}]}`
	aCSAF = `{"document":{"category":"csaf_vex","csaf_version":"2.0","publisher":{"category":"vendor","name":"Acme"},"tracking":{"id":"A-1","status":"final","version":"1",
		"current_release_date":"2026-11-01T00:00:00Z","revision_history":[{"date":"2026-11-01T00:00:00Z","number":"1"},{"date":"2026-11-01T00:00:01Z","number":"2"}]}},
		"product_tree":{"full_product_names":[{"product_id":"A","product_identification_helper":{"purl":"pkg:npm/a@1"}}]},
		"vulnerabilities":[{"cve":"CVE-1","notes":[],"product_status":{"fixed":["A"]}}]}`
)

func TestVEXStandsUnderEveryNameAndForItsProduct(t *testing.T) {
	c, err := decodeVEX([]byte(aVEX))
	if err != nil {
		t.Fatal(err)
	}
	at := "2026-11-01T00:00:00Z"
	first := gatekeep.VEXStatement{Products: []string{"pkg:npm/a@1"}, Status: "not_affected", Justification: "component_not_present", Timestamp: at}
	b := gatekeep.VEXStatement{Products: []string{"pkg:npm/b@1"}, Status: "fixed", Timestamp: at}
	part := gatekeep.VEXStatement{Products: []string{"pkg:npm/c@1"}, Status: "fixed", Timestamp: at}
	want := map[string][]gatekeep.VEXStatement{"CVE-1": {first}, "GHSA-1": {first}, "CVE-2": {b, part}}
	if diff := cmp.Diff(want, c.VEX); diff != "" {
		t.Error(diff)
	}
	claims := map[string]any{"format": "openvex", "spec_version": "0.2.0", "document_id": "https://acme.example/1", "author": "acme",
		"timestamp": at, "statement_count": 2, "violations": []any{}}
	if diff := cmp.Diff(claims, c.Claims); diff != "" {
		t.Error(diff)
	}
	c.ConfineVEX([]string{sha})
	if diff := cmp.Diff(want, c.VEX); diff != "" {
		t.Errorf("confined to the image: %s", diff)
	}
	c.ConfineVEX([]string{"sha256:" + strings.Repeat("0", 64)})
	want["CVE-2"] = want["CVE-2"][:1]
	if diff := cmp.Diff(want, c.VEX); diff != "" {
		t.Errorf("confined to another image: %s", diff)
	}
}

func TestAStatementAboutAnotherImageAloneIsDropped(t *testing.T) {
	c, err := decodeVEX([]byte(strings.Replace(aVEX, `"pkg:npm/b@1",`, "", 1)))
	if err != nil {
		t.Fatal(err)
	}
	c.ConfineVEX(nil)
	if _, there := c.VEX["CVE-2"]; there || len(c.VEX) != 2 {
		t.Errorf("%+v", c.VEX)
	}
}

// TestAPredicateTypeHoldsItsOwnFormat: a document under another type is refused, so
// that a trust policy may tell them apart.
func TestAPredicateTypeHoldsItsOwnFormat(t *testing.T) {
	documents := map[string]string{
		openVEX:      aVEX,
		csafSchema:   aCSAF,
		cycloneDXVEX: aBOM,
	}
	for uri := range documents {
		for of, text := range documents {
			row, ok := Lookup(uri)
			if !ok || row.Kind != "vex" {
				t.Fatal(uri, row)
			}
			c, err := row.Decode([]byte(text))
			if uri != of && (err == nil || !strings.Contains(err.Error(), "the predicate type says")) {
				t.Errorf("%s under %s: %v", of, uri, err)
			}
			if uri == of && (err != nil || len(c.VEX["CVE-1"]) != 1) {
				t.Errorf("%s: %+v, %v", uri, c, err)
			}
		}
	}
	for _, text := range []string{`{}`, ``, `[]`, `"<bom/>"`, string(make([]byte, MaxBytes+1))} {
		if c, err := decodeVEX([]byte(text)); err == nil {
			t.Errorf("%.20q: %+v", text, c)
		}
	}
}

// TestAnSBOMNeverSpeaksAsVEX: whoever may say what there is may not say what it means.
func TestAnSBOMNeverSpeaksAsVEX(t *testing.T) {
	row, ok := Lookup(cycloneDX)
	if !ok || row.Kind != "sbom" {
		t.Fatal(row)
	}
	c, err := row.Decode([]byte(aBOM))
	if err != nil || c.SBOM == nil || len(c.VEX) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestViolationsAreClaimed(t *testing.T) {
	c, err := decodeCSAF([]byte(aCSAF))
	if err != nil {
		t.Fatal(err)
	}
	want := []any{`mandatory test 6.1.16 fails at /document/tracking/version: it is "1", and the last revision is "2"`}
	if diff := cmp.Diff(want, c.Claims["violations"]); diff != "" {
		t.Error(diff)
	}
}

func TestVEXOfAnyFormatIsWrapped(t *testing.T) {
	xml, err := os.ReadFile(filepath.Join("../../../testdata/corpus", "vex/guac-cdx/cyclonedx-vex.xml"))
	if err != nil {
		t.Fatal(err)
	}
	for text, uri := range map[string]string{
		aVEX:        openVEX + "/v0.2.0",
		aCSAF:       csafSchema,
		aBOM:        cycloneDXVEX,
		string(xml): cycloneDXVEX,
		strings.Replace(aVEX, "/v0.2.0", "/v0.0.1", 1): openVEX,
	} {
		w, err := Wrap("vex", []byte(text), options)
		if err != nil || w.Type != uri || w.Kind != "vex" || !slices.Equal(w.About, []About{Artifact}) {
			t.Errorf("%.40s: %+v, %v", text, w, err)
			continue
		}
		row, _ := Lookup(w.Type)
		if c, err := row.Decode(w.Predicate); err != nil || len(c.VEX) == 0 {
			t.Errorf("%.40s: wrapped, and then %v", text, err)
		}
	}
	for text, want := range map[string]string{
		`<bom>`:                       "is not that of CycloneDX",
		`{"@context":1,"@context":2}`: "wrapping vex",
		`{}`:                          "neither OpenVEX",
		``:                            "wrapping vex",
	} {
		if w, err := Wrap("vex", []byte(text), options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v", text, w, err)
		}
	}
}

// TestVEXOfOneVulnerabilityDoesNotLiftTheRestOfAnAdvisory has an alias that other
// vulnerabilities share: under it stands only what speaks against them.
func TestVEXOfOneVulnerabilityDoesNotLiftTheRestOfAnAdvisory(t *testing.T) {
	for status, want := range map[string]bool{"not_affected": false, "affected": true} {
		text := strings.Replace(strings.Replace(aVEX, `"not_affected"`, `"`+status+`"`, 1), `"GHSA-1"`, `"DSA-1"`, 1)
		c, err := decodeVEX([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(c.VEX["DSA-1"]) > 0; got != want || len(c.VEX["CVE-1"]) != 1 {
			t.Errorf("%s: %+v", status, c.VEX)
		}
	}
}
