package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../../../testdata/predicate", name))
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

func TestSeverityWordsAndScores(t *testing.T) {
	for text, want := range map[string]string{"CRITICAL": critical, "High": high, "important": high, "moderate": medium, " low ": low, "Negligible": negligible,
		"UNKNOWN": unknown,
		"":        unknown,
		"9.0":     critical,
		"8.9":     high,
		"7":       high,
		"4.0":     medium,
		"3.9":     low,
		"0.1":     low,
		"0":       negligible,
		"10.1":    unknown, "-1": unknown, "NaN": unknown, "CVSS:3.1/AV:N/AC:H": unknown, "<nil>": unknown} {
		if got := severity(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

const metadata = `"metadata":{"scanStartedOn":"2026-11-23T09:00:00Z","scanFinishedOn":"2026-11-23T09:01:00Z"}`

func inToto(result string) []byte {
	return []byte(`{"scanner":{"uri":"u","version":"1","db":{"lastUpdate":"2026-11-23T06:00:00Z"}` + result + `},` + metadata + `}`)
}

func TestInTotoResultsBecomeFindings(t *testing.T) {
	v, err := InToto(inToto(`,"result":[
		{"id":"GHSA-1","severity":[{"method":"nvd","score":"medium"},{"method":"cvss","score":7.5}],
		 "annotations":[{"purl":"pkg:NPM/a@1?x=y","firstSeen":"2026-11-01T00:00:00Z","fixedIn":"2","aliases":["CVE-2026-2","CVE-2026-1"]}]},
		{"vulnerability":{"id":"CVE-2026-1","severity":[{"method":"x","score":"critical"}]},"annotations":[{"purl":"pkg:npm/a@1","firstSeen":"2026-10-01T00:00:00+02:00"}]},
		{"id":"CVE-2026-9"}]`))
	if err != nil {
		t.Fatal(err)
	}
	want := &Vulnerabilities{ScannerURI: "u", ScannerVersion: "1", StartedOn: "2026-11-23T09:00:00Z", FinishedOn: "2026-11-23T09:01:00Z", DBLastUpdate: "2026-11-23T06:00:00Z",
		Findings: []gatekeep.SCAFinding{
			{ID: "CVE-2026-1", Aliases: []string{"CVE-2026-2", "GHSA-1"}, Severity: critical, PURL: "pkg:npm/a@1", FirstSeen: "2026-10-01T00:00:00+02:00", FixedIn: "2", Attestations: []string{}},
			{ID: "CVE-2026-9", Aliases: []string{}, Severity: unknown, Attestations: []string{}},
		}}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Error(diff)
	}
	if v, err := InToto(inToto(`,"result":[]`)); err != nil || len(v.Findings) != 0 {
		t.Errorf("empty list: got %+v, %v", v, err)
	}
}

func TestScanThatSaysNothingIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		string(inToto(``)):                                                                 "scanner.result is missing",
		string(inToto(`,"result":null`)):                                                   "scanner.result is missing",
		string(inToto(`,"result":{}`)):                                                     "scanner.result",
		string(inToto(`,"result":[{}]`)):                                                   "scanner.result[0]: a finding has no id",
		string(inToto(`,"result":[{"vulnerability":{}}]`)):                                 "a finding has no id",
		string(inToto(`,"result":[{"id":"a","vulnerability":{"id":"b"}}]`)):                "outside and inside",
		string(inToto(`,"result":[{"id":"a","annotations":[{"firstSeen":"yesterday"}]}]`)): "RFC 3339",
		string(inToto(`,"result":["CVE-1"]`)):                                              "cannot unmarshal",
		`{"scanner":{"result":[]},` + metadata + `}`:                                       "scanner.uri is missing",
		`{"scanner":{"uri":"u","result":[]}}`:                                              "metadata.scanFinishedOn",
		`{"scanner":{"uri":"u","result":[]},"metadata":{"scanFinishedOn":"soon"}}`:         "metadata.scanFinishedOn",
		`{"scanner":{"uri":"u","db":{"lastUpdate":"x"},"result":[]},` + metadata + `}`:     "scanner.db.lastUpdate",
		`[]`: "cannot unmarshal",
	} {
		_, err := InToto([]byte(text))
		wantError(t, err, want)
	}
	for result, want := range map[string]string{
		``:               "neither Grype JSON",
		`,"result":null`: "neither Grype JSON",
		`,"result":{}`:   "neither Grype JSON",
		`,"result":[]`:   "cannot unmarshal",
		`,"result":{"matches":null,"descriptor":{"name":"grype"}}`:                      "no list of matches",
		`,"result":{"matches":[]}`:                                                      "descriptor.name is not grype",
		`,"result":{"matches":[],"SchemaVersion":2}`:                                    "as Trivy's",
		`,"result":{"SchemaVersion":1,"Results":[]}`:                                    "neither Grype JSON",
		`,"result":{"SchemaVersion":2,"Results":[]}`:                                    "looked at no packages",
		`,"result":{"SchemaVersion":2}`:                                                 "looked at no packages",
		`,"result":{"SchemaVersion":2,"Results":[{"Class":"secret"}]}`:                  "looked at no packages",
		`,"result":{"SchemaVersion":2,"Results":[{"Vulnerabilities":[{}]}]}`:            "Results[0]: a finding has no id",
		`,"result":{"SchemaVersion":2,"CreatedAt":"x","Results":[{"Class":"os-pkgs"}]}`: "CreatedAt",
		`,"result":{"matches":[{}],"descriptor":{"name":"grype"}}`:                      "matches[0]: a finding has no id",
		`,"result":{"matches":[],"descriptor":{"name":"grype","db":{"built":"x"}}}`:     "descriptor",
	} {
		_, err := Cosign(inToto(result))
		wantError(t, err, want)
	}
}

func TestRealReportsOfScanners(t *testing.T) {
	r, err := ReadReport(read(t, "vulns/grype.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := []gatekeep.SCAFinding{
		{ID: "CVE-2026-33816", Aliases: []string{"GHSA-9jj7-4m8r-rfcm"}, Severity: critical, PURL: "pkg:golang/github.com/jackc/pgx/v5@v5.8.0", FixedIn: "5.9.0", Attestations: []string{}},
		{ID: "CVE-2026-39883", Aliases: []string{"GHSA-hfvc-g4fc-pqhx"}, Severity: high, PURL: r.Findings[1].PURL, FixedIn: "1.43.0", Attestations: []string{}},
	}
	if diff := cmp.Diff(want, r.Findings); diff != "" || r.Tool != "grype" || r.Version != "0.111.0" || r.CreatedAt == "" || r.DBLastUpdate == "" {
		t.Errorf("%+v: %s", r, diff)
	}
	r, err = ReadReport(read(t, "vulns/trivy-alpine.json"))
	if err != nil {
		t.Fatal(err)
	}
	first := gatekeep.SCAFinding{ID: "CVE-2019-14697", Aliases: []string{}, Severity: critical, PURL: "pkg:apk/alpine/musl@1.1.20-r4", FixedIn: "1.1.20-r5", Attestations: []string{}}
	if diff := cmp.Diff(first, r.Findings[0]); diff != "" || len(r.Findings) != 2 || r.Tool != "trivy" || r.CreatedAt != "2021-08-25T12:20:30.000000005Z" {
		t.Errorf("%+v: %s", r, diff)
	}
	for _, name := range []string{"grype-none.json", "trivy-none.json"} {
		if r, err := ReadReport(read(t, "vulns/"+name)); err != nil || len(r.Findings) != 0 {
			t.Errorf("%s: got %+v, %v; want no findings", name, r, err)
		}
	}
	for _, name := range []string{"trivy-config_fail.json", "trivy-skip_fail.json", "trivy-null_fail.json", "govulncheck_fail.json", "osv-scanner_fail.json"} {
		if r, err := ReadReport(read(t, "vulns/"+name)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, r)
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	same := `,"result":[` + strings.Repeat(`{"id":"a"},`, MaxFindings) + `{"id":"a"}]`
	var aliases []string
	for i := range maxAliases + 1 {
		aliases = append(aliases, fmt.Sprintf("%q", fmt.Sprint(i)))
	}
	alias := `,"result":[{"id":"a","annotations":[{"aliases":[` + strings.Join(aliases, ",") + `]}]}]`
	for name, result := range map[string]string{"findings": same, "aliases": alias} {
		if _, err := InToto(inToto(result)); !errors.Is(err, jsonscan.ErrLimit) {
			t.Errorf("%s: got %v, want ErrLimit", name, err)
		}
	}
	log := `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[` + strings.Repeat(`{"ruleId":"r"},`, MaxFindings) + `{"ruleId":"r"}]}]}`
	if _, err := ReadSARIF([]byte(log)); !errors.Is(err, jsonscan.ErrLimit) {
		t.Errorf("SARIF: got %v, want ErrLimit", err)
	}
}

func run(rules, results string) []byte {
	return []byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","semanticVersion":"1.2.3","rules":[` + rules + `]}},"results":[` + results + `]}]}`)
}

func TestSARIFResultsBecomeFindings(t *testing.T) {
	s, err := ReadSARIF(run(`{"id":"A","properties":{"security-severity":"9.8"}},{"id":"B","defaultConfiguration":{"level":"note"}},{"id":"C","properties":{"security-severity":4.5}}`, `
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
		"A:first":   {Rule: "A", Severity: critical, Location: "a.go:7", BaselineState: "new"},
		"A:first#2": {Rule: "A", Severity: critical, BaselineState: "unchanged"},
		"B:y":       {Rule: "B", Severity: low, BaselineState: "new", FirstSeen: "2026-01-01T00:00:00Z", Suppression: "external"},
		"C/1:q":     {Rule: "C/1", Severity: medium, BaselineState: "new"},
		"C/2:q":     {Rule: "C/2", Severity: medium, BaselineState: "new"},
		"D:q":       {Rule: "D", Severity: high, BaselineState: "new"},
		"E:q":       {Rule: "E", Severity: medium, BaselineState: "new"},
	}
	if diff := cmp.Diff(want, s.Findings); diff != "" || !s.Successful || s.Tool != "t" || s.ToolVersion != "1.2.3" || s.FilesAnalyzed != nil {
		t.Errorf("%+v: %s", s, diff)
	}
}

func TestSARIFWithoutFingerprintsIsNamedByPlace(t *testing.T) {
	at := func(line string) string {
		return `{"ruleId":"A","locations":[{"physicalLocation":{"artifactLocation":{"uri":"a"},"region":{"startLine":` + line + `}}}]}`
	}
	s, err := ReadSARIF(run("", at("1")+","+at("2")+","+at("1")))
	if err != nil || len(s.Findings) != 3 {
		t.Fatalf("got %+v, %v; want three findings", s, err)
	}
	again, err := ReadSARIF(run("", at("2")+","+at("1")+","+at("1")))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Findings, again.Findings); diff != "" {
		t.Errorf("fingerprints depend on the order: %s", diff)
	}
}

func TestRulesOfExtensionsAreFound(t *testing.T) {
	s, err := ReadSARIF([]byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"CodeQL"},"extensions":[{"name":"x"},{"name":"go","rules":[{"id":"R","properties":{"security-severity":"7.1"}}]}]},
		"artifacts":[{"location":{"uri":"a.go"},"roles":["analysisTarget"]},{"location":{"uri":"b.go"}}],
		"results":[{"ruleId":"R","rule":{"index":0,"toolComponent":{"index":1}},"partialFingerprints":{"a":"1"},"locations":[{"physicalLocation":{"artifactLocation":{"index":1},"region":{"startLine":3}}}]},
			{"ruleId":"R","rule":{"index":9,"toolComponent":{"index":-1}},"partialFingerprints":{"a":"2"},"locations":[{"physicalLocation":{"artifactLocation":{"index":9}}}]}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]gatekeep.SASTFinding{"R:1": {Rule: "R", Severity: high, Location: "b.go:3", BaselineState: "new"}, "R:2": {Rule: "R", Severity: high, BaselineState: "new"}}
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
		s, err := ReadSARIF([]byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"a"}},"results":[]},{"tool":{"driver":{"name":"a"}},` + text + `}]}`))
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
		string(run("", `{"level":"error"}`)):                                             "ruleId is missing",
		string(run("", `{"ruleId":"a","level":"fatal"}`)):                                `unknown level "fatal"`,
		string(run("", `{"ruleId":"a","kind":"fine"}`)):                                  `unknown kind "fine"`,
		string(run("", `{"ruleId":"a","baselineState":"old"}`)):                          `unknown baselineState "old"`,
		string(run("", `{"ruleId":"a","provenance":{"firstDetectionTimeUtc":"x"}}`)):     "firstDetectionTimeUtc",
		string(run("", `"x"`)):                                                           "cannot unmarshal",
		`{"version":"2.1.0","runs":[{` + tool + `,"invocations":[{"endTimeUtc":"x"}]}]}`: "endTimeUtc",
	} {
		_, err := ReadSARIF([]byte(text))
		wantError(t, err, want)
	}
}

func TestRealSARIF(t *testing.T) {
	for name, count := range map[string]int{"suppression.sarif": 5, "codeql-fingerprints.sarif": 2, "snyk-container.sarif": 3, "empty.sarif": 0, "flawfinder.sarif": 53} {
		s, err := ReadSARIF(read(t, "sarif/"+name))
		if err != nil || len(s.Findings) != count {
			t.Errorf("%s: got %v, %d findings; want %d", name, err, len(s.Findings), count)
			continue
		}
		for key, f := range s.Findings {
			if f.Suppression != "" {
				t.Errorf("%s: %s is suppressed by %q, though nobody accepted it", name, key, f.Suppression)
			}
		}
	}
}

// seed gives a fuzz target the files of a folder.
func seed(f *testing.F, folder string) {
	names, err := filepath.Glob(filepath.Join("../../../../testdata/predicate", folder, "*"))
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds in", folder, err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// known are the severities that rules have a table for.
var known = map[string]bool{critical: true, high: true, medium: true, low: true, negligible: true, unknown: true}

func FuzzVulnerabilities(f *testing.F) {
	seed(f, "vulns")
	f.Add(inToto(`,"result":{"matches":[],"descriptor":{"name":"grype"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var all []gatekeep.SCAFinding
		if r, err := ReadReport(data); err == nil {
			all = append(all, r.Findings...)
		}
		for _, read := range []func([]byte) (*Vulnerabilities, error){InToto, Cosign} {
			if v, err := read(data); err == nil {
				all = append(all, v.Findings...)
			}
		}
		for _, finding := range all {
			if finding.ID == "" || !known[finding.Severity] {
				t.Fatalf("finding %+v", finding)
			}
		}
	})
}

func FuzzSARIF(f *testing.F) {
	seed(f, "sarif")
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ReadSARIF(data)
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
		for key, finding := range s.Findings {
			if finding.Rule == "" || !known[finding.Severity] {
				t.Fatalf("finding %s: %+v", key, finding)
			}
		}
	})
}
