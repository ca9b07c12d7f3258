package sast

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

const vectors = "../../../../../testdata/predicate"

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(vectors, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error with %q", err, want)
	}
}

// known are the severities that rules have a table for.
var known = map[string]bool{finding.Critical: true, finding.High: true, finding.Medium: true, finding.Low: true, finding.Unknown: true}

func TestResultsAreBounded(t *testing.T) {
	log := `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[` + strings.Repeat(`{"ruleId":"r"},`, finding.MaxFindings) + `{"ruleId":"r"}]}]}`
	if _, err := Read([]byte(log)); !errors.Is(err, jsonscan.ErrLimit) {
		t.Errorf("got %v, want ErrLimit", err)
	}
}

// seed gives a fuzz target real documents.
func seed(f *testing.F) {
	names, err := filepath.Glob(filepath.Join(vectors, "sarif/*"))
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

func run(rules, results string) []byte {
	return []byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","semanticVersion":"1.2.3","rules":[` + rules + `]}},"results":[` + results + `]}]}`)
}

func TestSARIFResultsBecomeFindings(t *testing.T) {
	s, err := Read(run(`{"id":"A","properties":{"security-severity":"9.8"}},{"id":"B","defaultConfiguration":{"level":"note"}},{"id":"C","properties":{"security-severity":4.5}}`, `
		{"ruleId":"A","level":"note","partialFingerprints":{"z":"last","b":"first"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.go"},"region":{"startLine":7}}}]},
		{"ruleId":"A","partialFingerprints":{"b":"first"},"baselineState":"unchanged"},
		{"ruleIndex":1,"fingerprints":{"x":"y"},"suppressions":[{"kind":"external","status":"accepted"}],"provenance":{"firstDetectionTimeUtc":"2026-01-01T00:00:00Z"}},
		{"rule":{"id":"C/1","index":2},"partialFingerprints":{"p":"q"},"suppressions":[{"kind":"inSource"},{"kind":"external","status":"accepted"},{"kind":"external","status":"rejected"}]},
		{"ruleId":"D","level":"error","partialFingerprints":{"p":"q"},"suppressions":[{"kind":"inSource","status":"accepted"},{"kind":"external"}]},
		{"ruleId":"C/2","partialFingerprints":{"p":"q"}},
		{"ruleId":"E","kind":"pass"},{"ruleId":"E","kind":"notApplicable"},{"ruleId":"E","kind":"review","partialFingerprints":{"p":"q"}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]gatekeep.SASTFinding{
		"A:first":   {Rule: "A", Severity: finding.Critical, Location: "a.go:7", BaselineState: "new"},
		"A:first#2": {Rule: "A", Severity: finding.Critical, BaselineState: "unchanged"},
		"B:y":       {Rule: "B", Severity: finding.Low, BaselineState: "new", FirstSeen: "2026-01-01T00:00:00Z", Suppression: "external"},
		"C/1:q":     {Rule: "C/1", Severity: finding.Medium, BaselineState: "new", Suppression: "rejected"},
		"C/2:q":     {Rule: "C/2", Severity: finding.Medium, BaselineState: "new"},
		"D:q":       {Rule: "D", Severity: finding.High, BaselineState: "new", Suppression: "in_source"},
		"E:q":       {Rule: "E", Severity: finding.Medium, BaselineState: "new"},
	}
	if diff := cmp.Diff(want, s.Findings); diff != "" || !s.Successful || s.Tool != "t" || s.ToolVersion != "1.2.3" || s.FilesAnalyzed != nil {
		t.Errorf("%+v: %s", s, diff)
	}
}

func TestSARIFWithoutFingerprintsIsNamedByPlace(t *testing.T) {
	at := func(line string) string {
		return `{"ruleId":"A","locations":[{"physicalLocation":{"artifactLocation":{"uri":"a"},"region":{"startLine":` + line + `}}}]}`
	}
	s, err := Read(run("", at("1")+","+at("2")+","+at("1")))
	if err != nil || len(s.Findings) != 3 {
		t.Fatalf("got %+v, %v; want three findings", s, err)
	}
	again, err := Read(run("", at("2")+","+at("1")+","+at("1")))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Findings, again.Findings); diff != "" {
		t.Errorf("fingerprints depend on the order: %s", diff)
	}
}

func TestRulesOfExtensionsAreFound(t *testing.T) {
	s, err := Read([]byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"CodeQL"},"extensions":[{"name":"x"},{"name":"go","rules":[{"id":"R","properties":{"security-severity":"7.1"}}]}]},
		"artifacts":[{"location":{"uri":"a.go"},"roles":["analysisTarget"]},{"location":{"uri":"b.go"}}],
		"results":[{"ruleId":"R","rule":{"index":0,"toolComponent":{"index":1}},"partialFingerprints":{"a":"1"},"locations":[{"physicalLocation":{"artifactLocation":{"index":1},"region":{"startLine":3}}}]},
			{"ruleId":"R","rule":{"index":9,"toolComponent":{"index":-1}},"partialFingerprints":{"a":"2"},"locations":[{"physicalLocation":{"artifactLocation":{"index":9}}}]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]gatekeep.SASTFinding{"R:1": {Rule: "R", Severity: finding.High, Location: "b.go:3", BaselineState: "new"}, "R:2": {Rule: "R", Severity: finding.High, BaselineState: "new"}}
	if diff := cmp.Diff(want, s.Findings); diff != "" || s.FilesAnalyzed == nil || *s.FilesAnalyzed != 1 {
		t.Errorf("%+v: %s", s, diff)
	}
}

func TestRunThatDidNotSucceedIsSeen(t *testing.T) {
	for text, want := range map[string]bool{
		`"results":[]`: true,
		`"results":[],"invocations":[{"executionSuccessful":true}]`:                               true,
		`"results":[],"invocations":[{"executionSuccessful":true},{"executionSuccessful":false}]`: false,
		`"results":[],"invocations":[{}]`:                                                         false,
		`"results":null`:                                                                          false,
		`"invocations":[{"executionSuccessful":true}]`:                                            false,
	} {
		s, err := Read([]byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"a"}},"results":[]},{"tool":{"driver":{"name":"a"}},` + text + `}]}`))
		if err != nil || s.Successful != want {
			t.Errorf("%s: got %+v, %v; want successful %v", text, s, err, want)
		}
	}
}

func TestSARIFThatHidesResultsIsRefused(t *testing.T) {
	tool := `"tool":{"driver":{"name":"a"}}`
	for text, want := range map[string]string{
		`{"version":"2.1.0"}`:                         "no runs",
		`{"version":"2.1.0","runs":[]}`:               "no runs",
		`{"version":"2.1.0","runs":null}`:             "no runs",
		`{"runs":[{` + tool + `}]}`:                   `version "" is not read`,
		`{"version":"2.0.0","runs":[{` + tool + `}]}`: `version "2.0.0"`,
		`{"version":"2.1.0","runs":[{"results":[]}]}`: "driver.name is missing",
		`{"version":"2.1.0","runs":[{` + tool + `,"results":[],"externalPropertyFileReferences":{"results":[{"location":{"uri":"x"}}]}}]}`: "in other files",
		string(run("", `{"ruleId":"a","level":"fatal"}`)):                            `unknown level "fatal"`,
		string(run("", `{"ruleId":"a","kind":"fine"}`)):                              `unknown kind "fine"`,
		string(run("", `{"ruleId":"a","baselineState":"old"}`)):                      `unknown baselineState "old"`,
		string(run("", `{"ruleId":"a","provenance":{"firstDetectionTimeUtc":"x"}}`)): "firstDetectionTimeUtc",
		string(run("", `"x"`)): "cannot unmarshal",
		`{"version":"2.1.0","runs":[{` + tool + `,"invocations":[{"endTimeUtc":"x"}]}]}`: "endTimeUtc",
	} {
		_, err := Read([]byte(text))
		wantError(t, err, want)
	}
}

func TestRealSARIF(t *testing.T) {
	for name, count := range map[string]int{"suppression.sarif": 5, "codeql-fingerprints.sarif": 2, "snyk-container.sarif": 3, "empty.sarif": 0, "flawfinder.sarif": 53} {
		s, err := Read(read(t, "sarif/"+name))
		if err != nil || len(s.Findings) != count {
			t.Errorf("%s: got %v, %d findings; want %d", name, err, len(s.Findings), count)
			continue
		}
		for key, f := range s.Findings {
			if f.Suppression == "external" {
				t.Errorf("%s: %s is suppressed by %q, though nobody accepted it", name, key, f.Suppression)
			}
		}
	}
}

func FuzzSARIF(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Read(data)
		if err != nil {
			return
		}
		var counted struct {
			Runs []struct{ Results []struct{ Kind string } }
		}
		if err := json.Unmarshal(data, &counted); err != nil {
			t.Fatal(err)
		}
		results := 0
		for _, run := range counted.Runs {
			for _, r := range run.Results {
				if r.Kind == "" || r.Kind == "fail" || r.Kind == "open" || r.Kind == "review" {
					results++
				}
			}
		}
		if len(s.Findings) != results {
			t.Fatalf("%d results became %d findings", results, len(s.Findings))
		}
		for key, f := range s.Findings {
			if f.Rule == "" || !known[f.Severity] {
				t.Fatalf("finding %s: %+v", key, f)
			}
		}
	})
}

// What is walked for each result is bounded.
func TestOverridesAreBounded(t *testing.T) {
	document := func(n int) string {
		one := `{"descriptor":{"id":"R"},"configuration":{"level":"error"}}`
		return `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"invocations":[{"executionSuccessful":true,"ruleConfigurationOverrides":[` +
			strings.TrimSuffix(strings.Repeat(one+",", n), ",") + `]}],"results":[]}]}`
	}
	if _, err := Read([]byte(document(maxOverrides))); err != nil {
		t.Error(err)
	}
	if _, err := Read([]byte(document(maxOverrides + 1))); !errors.Is(err, jsonscan.ErrLimit) {
		t.Errorf("got %v", err)
	}
}
