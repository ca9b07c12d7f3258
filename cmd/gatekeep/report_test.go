package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/conform"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/intoto"
	"github.com/gatekeep-dev/gatekeep/internal/report"
	"github.com/gatekeep-dev/gatekeep/internal/report/oscal"
)

// reportRecords are records of real bundles, and the same with text in every place that
// tries to leave the format it is put into.
func reportRecords(t *testing.T) map[string]gatekeep.Record {
	t.Helper()
	paths, err := filepath.Glob("../../internal/report/testdata/records/*.record.json")
	if err != nil || len(paths) < 6 {
		t.Fatal(paths, err)
	}
	out := map[string]gatekeep.Record{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".record.json")
		for suffix, text := range map[string]string{"": "", " empty": "", " hostile": "\x1b[2J </script>\u202e\x00 \"'`=1+1\t#6.3.3", " number": "6.3.3", " space": " \u00a0 "} {
			var doc any
			if err := json.Unmarshal(data, &doc); err != nil {
				t.Fatal(err)
			}
			if suffix != "" {
				doc = withText(doc, "", text)
			}
			changed, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			var r gatekeep.Record
			if err := json.Unmarshal(changed, &r); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			out[name+suffix] = r
		}
	}
	return out
}

// withText puts a text in place of every text, but for times and outcomes.
func withText(v any, key, text string) any {
	switch v := v.(type) {
	case string:
		if strings.HasSuffix(key, "_at") || key == "now" || key == "outcome" {
			return v
		}
		return text
	case []any:
		for i := range v {
			v[i] = withText(v[i], key, text)
		}
	case map[string]any:
		for k := range v {
			v[k] = withText(v[k], k, text)
		}
	}
	return v
}

// The schema is that of NIST for all models of OSCAL 1.1.3.
func TestOSCALReportHoldsToTheOfficialSchema(t *testing.T) {
	var checker conform.Checker
	for name, r := range reportRecords(t) {
		var out bytes.Buffer
		if err := report.Formats["oscal"](&out, r, report.Options{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		result, err := checker.Check("oscal", oscal.Version, out.Bytes())
		if err != nil || !result.OK() {
			t.Errorf("%s: %v %+v", name, err, result.Violations)
		}
	}
	result, err := checker.Check("oscal", oscal.Version, []byte(`{"assessment-results":{"uuid":"1"}}`))
	if err != nil || result.OK() {
		t.Errorf("results without results hold to the schema: %v", err)
	}
}

func TestSARIFReportHoldsToTheOfficialSchema(t *testing.T) {
	var checker conform.Checker
	for name, r := range reportRecords(t) {
		var out bytes.Buffer
		if err := report.Formats["sarif"](&out, r, report.Options{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if result, err := checker.Check("sarif", "2.1.0", out.Bytes()); err != nil || !result.OK() {
			t.Errorf("%s: %v %+v", name, err, result.Violations)
		}
	}
}

// What the gate says of an artifact, a gate can read.
func TestSVRReportIsReadAsOne(t *testing.T) {
	n := 0
	for name, r := range reportRecords(t) {
		if !r.Decision.Outcome.Opens() || strings.Contains(name, " ") {
			continue
		}
		var out bytes.Buffer
		if err := report.Formats["svr"](&out, r, report.Options{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var statement struct {
			PredicateType string          `json:"predicateType"`
			Predicate     json.RawMessage `json:"predicate"`
		}
		if err := json.Unmarshal(out.Bytes(), &statement); err != nil {
			t.Fatal(err)
		}
		claims, err := intoto.SVR(statement.Predicate)
		if err != nil || statement.PredicateType != "https://in-toto.io/attestation/svr/v0.2" || claims["policies"] != 1 {
			t.Errorf("%s: %v %v", name, claims, err)
		}
		n++
	}
	if n < 4 {
		t.Errorf("%d statements", n)
	}
}
