package sast

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

func TestOnlyAnAcceptedDecisionOutsideTheCodeExcuses(t *testing.T) {
	for suppressions, want := range map[string]string{
		``:                    "",
		`{"kind":"inSource"}`: "in_source",
		`{"kind":"external"}`: "external_undecided",
		`{"kind":"external","status":"accepted"}`:                                            "external",
		`{"kind":"inSource"},{"kind":"external","status":"accepted"}`:                        "external",
		`{"kind":"external","status":"accepted"},{"kind":"external","status":"underReview"}`: "under_review",
		`{"kind":"external","status":"underReview"},{"kind":"external","status":"accepted"}`: "under_review",
		`{"kind":"external","status":"rejected"},{"kind":"external","status":"accepted"}`:    "rejected",
		`{"kind":"external","status":"underReview"},{"kind":"external","status":"rejected"}`: "rejected",
		`{"kind":"inSource","status":"accepted"},{"kind":"inSource"}`:                        "in_source",
	} {
		s, err := Read(run("", `{"ruleId":"r","partialFingerprints":{"a":"b"},"suppressions":[`+suppressions+`]}`))
		if err != nil || s.Findings["r:b"].Suppression != want {
			t.Errorf("%s: got %+v, %v; want %q", suppressions, s, err, want)
		}
	}
}

func TestLevelsAndScores(t *testing.T) {
	for name, c := range map[string]struct{ rules, result, invocations, want string }{
		"none stated":              {``, `"kind":"fail"`, ``, finding.Medium},
		"error":                    {``, `"level":"error"`, ``, finding.High},
		"none":                     {``, `"level":"none"`, ``, finding.Low},
		"of the rule":              {`{"id":"r","defaultConfiguration":{"level":"note"}}`, `"kind":"open"`, ``, finding.Low},
		"of the invocation":        {`{"id":"r","defaultConfiguration":{"level":"note"}}`, `"kind":"fail"`, `{"executionSuccessful":true,"ruleConfigurationOverrides":[{"descriptor":{"id":"r"},"configuration":{"level":"error"}}]}`, finding.High},
		"of another invocation":    {`{"id":"r","defaultConfiguration":{"level":"note"}}`, `"provenance":{"invocationIndex":1}`, `{"executionSuccessful":true,"ruleConfigurationOverrides":[{"descriptor":{"id":"r"},"configuration":{"level":"error"}}]}`, finding.Low},
		"of another rule":          {`{"id":"r"}`, `"kind":"fail"`, `{"executionSuccessful":true,"ruleConfigurationOverrides":[{"descriptor":{"id":"s"},"configuration":{"level":"error"}}]}`, finding.Medium},
		"score of the rule":        {`{"id":"r","properties":{"security-severity":"9.1"}}`, `"level":"note"`, ``, finding.Critical},
		"score of the result":      {`{"id":"r","properties":{"security-severity":"4.1"}}`, `"level":"note","properties":{"security-severity":8.0}`, ``, finding.High},
		"a score that is no score": {`{"id":"r","properties":{"security-severity":"bad"}}`, `"level":"note"`, ``, finding.Low},
		"a score of nothing":       {`{"id":"r","properties":{"security-severity":"0.0"}}`, `"level":"error"`, ``, finding.High},
	} {
		log := strings.Replace(string(run(c.rules, `{"ruleId":"r","partialFingerprints":{"a":"b"},`+c.result+`}`)), `"results"`, `"invocations":[`+c.invocations+`],"results"`, 1)
		s, err := Read([]byte(log))
		if err != nil || s.Findings["r:b"].Severity != c.want {
			t.Errorf("%s: got %+v, %v; want %s", name, s, err, c.want)
		}
	}
}

func TestResultWithoutRuleIsOfTheTool(t *testing.T) {
	s, err := Read(run("", `{"level":"error","partialFingerprints":{"a":"b"}}`))
	if err != nil || s.Findings["t:b"].Rule != "t" {
		t.Errorf("got %+v, %v", s, err)
	}
}

func TestRunsOfSeveralToolsAreOneReport(t *testing.T) {
	d := &finding.Document{Raw: []byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"b","version":"1"}},"results":[{"ruleId":"r","baselineState":"absent"}]},
		{"tool":{"driver":{"name":"a"}},"results":[{"ruleId":"r","kind":"pass"},{"ruleId":"r"}],"invocations":[{"executionSuccessful":true,"endTimeUtc":"2026-11-20T00:00:00"}]}]}`)}
	r, err := SARIFReport(d)
	if err != nil || r.Entries != 3 || len(r.Flaws) != 2 || r.Tool != "b" || r.CreatedAt != "2026-11-20T00:00:00Z" || r.Check(finding.KindSAST) != nil {
		t.Fatalf("got %+v, %v", r, err)
	}
	d.Raw = []byte(strings.Replace(string(d.Raw), `"executionSuccessful":true`, `"executionSuccessful":false`, 1))
	if r, err := SARIFReport(d); err != nil || r.Check(finding.KindSAST) == nil {
		t.Errorf("a failed run is evidence: %+v, %v", r, err)
	}
}

const semgrepJSON = `{"version":"1.100.0","results":[
	{"check_id":"go.sqli","path":"a.go","start":{"line":7},"extra":{"message":"bad\n thing","severity":"ERROR","fingerprint":"abc_0"}},
	{"check_id":"go.sqli","path":"a.go","start":{"line":9},"extra":{"severity":"WARNING","fingerprint":"requires login","is_ignored":true}},
	{"check_id":"go.rce","path":"b.go","start":{"line":1},"extra":{"severity":"CRITICAL","fingerprint":"x"}},
	{"check_id":"go.style","path":"b.go","start":{"line":2},"extra":{"severity":"info","fingerprint":"y"}}],
	"errors":[{"level":"warn","message":"partial"}],"paths":{"scanned":["a.go","b.go","c.go"]}}`

func TestSemgrepBecomesSARIF(t *testing.T) {
	log, err := ToSARIF([]byte(semgrepJSON))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Read(log)
	if err != nil {
		t.Fatal(err)
	}
	at := "go.sqli:" + strings.TrimPrefix(finding.Place("go.sqli", "a.go", "9"), "sha256:")
	want := map[string]gatekeep.SASTFinding{
		"go.sqli:abc_0": {Rule: "go.sqli", Severity: finding.High, Location: "a.go:7", BaselineState: "new"},
		at:              {Rule: "go.sqli", Severity: finding.Medium, Location: "a.go:9", BaselineState: "new", Suppression: "in_source"},
		"go.rce:x":      {Rule: "go.rce", Severity: finding.Critical, Location: "b.go:1", BaselineState: "new"},
		"go.style:y":    {Rule: "go.style", Severity: finding.Low, Location: "b.go:2", BaselineState: "new"},
	}
	if diff := cmp.Diff(want, s.Findings); diff != "" || !s.Successful || s.Tool != "semgrep" || s.ToolVersion != "1.100.0" || *s.FilesAnalyzed != 3 {
		t.Errorf("%+v: %s", s, diff)
	}
	d, err := finding.Open([]byte(strings.Replace(semgrepJSON, `"warn"`, `"error"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if r, err := Semgrep(d); err != nil || r.Format != "semgrep" || r.Entries != 4 || r.Check(finding.KindSAST) == nil {
		t.Errorf("a scan with errors: %+v, %v", r, err)
	}
	for text, want := range map[string]string{
		`{"results":[],"paths":{}}`:                                "no list of results or of errors",
		`{"results":null,"errors":[]}`:                             "no list of results",
		`{"results":[{"check_id":"r"}],"errors":[]}`:               "unknown severity",
		`{"results":[{"extra":{"severity":"ERROR"}}],"errors":[]}`: "no check_id",
		`[]`: "cannot unmarshal",
	} {
		_, err := ToSARIF([]byte(text))
		wantError(t, err, want)
	}
}

func checkovOf(t *testing.T, text string) (*finding.Report, error) {
	t.Helper()
	d, err := finding.Open([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return Checkov(d)
}

func TestCheckovReadsEachFramework(t *testing.T) {
	r, err := checkovOf(t, `[{"check_type":"terraform","results":{"failed_checks":[{"check_id":"CKV_AWS_1","severity":null,"file_path":"/main.tf","file_line_range":[3,9],"resource":"r"}],
		"skipped_checks":[{"check_id":"CKV_AWS_2","severity":"HIGH","file_path":"/main.tf","resource":"r","check_result":{"result":"SKIPPED","suppress_comment":"known"}}],"parsing_errors":[]},"summary":{"failed":1,"checkov_version":"3.2"}},
		{"check_type":"secrets","results":{"failed_checks":[{"check_id":"CKV_SECRET_2","file_path":"/k","file_line_range":[1,2]}]},"summary":{"failed":1}},
		{"check_type":"sca_package","results":{"failed_checks":[{"check_id":"CKV_CVE_2026_1","file_path":"/go.mod","vulnerability_details":{"id":"CVE-2026-1","severity":"high","package_name":"a","package_version":"1","package_type":"npm","cvss":9.8}}],
		 "skipped_checks":[{"check_id":"CKV_CVE_2026_2","file_path":"/go.mod","vulnerability_details":{"id":"CVE-2026-2","package_name":"b","package_version":"1"}}]},"summary":{"failed":1}}]`)
	if err != nil {
		t.Fatal(err)
	}
	var flaws []string
	for _, f := range r.Flaws {
		flaws = append(flaws, strings.Join([]string{f.Rule, f.Severity, f.Location, f.Suppression}, " "))
	}
	slices.Sort(flaws)
	if want := []string{"CKV_AWS_1 unknown /main.tf:3 ", "CKV_AWS_2 high /main.tf scanner"}; !slices.Equal(flaws, want) {
		t.Errorf("got %q", flaws)
	}
	if len(r.Secrets) != 1 || r.Secrets[0].Location != "/k:1" || r.Entries != 5 || !slices.Equal(r.Kinds, []string{"iac-scan", "secret-scan", "vulns"}) {
		t.Errorf("got %+v", r)
	}
	if len(r.Vulns) != 2 || r.Vulns[0].Severity != finding.Critical || r.Vulns[0].PURL != "pkg:npm/a@1" || r.Vulns[1].Suppressed[0].By != "checkov" {
		t.Errorf("got %+v", r.Vulns)
	}
}

func TestCheckovThatSawNothingIsNoEvidence(t *testing.T) {
	if r, err := checkovOf(t, `{"passed":0,"failed":0,"skipped":0,"parsing_errors":0,"resource_count":0,"checkov_version":"2.0"}`); err != nil || r.Check(finding.KindIaC) == nil {
		t.Errorf("got %+v, %v", r, err)
	}
	if r, err := checkovOf(t, `{"check_type":"terraform","results":{"failed_checks":[],"parsing_errors":["/main.tf"]},"summary":{}}`); err != nil || r.Check(finding.KindIaC) == nil {
		t.Errorf("got %+v, %v", r, err)
	}
	for text, want := range map[string]string{
		`{"check_type":"terraform"}`:       "no results",
		`{"results":{"failed_checks":[]}}`: "no check_type",
		`{"resource_count":3,"failed":1}`:  "no check_type",
		`{"check_type":"terraform","results":{"failed_checks":[]},"summary":{"failed":2}}`:        "counts 2 failed checks",
		`{"check_type":"terraform","results":{"failed_checks":[{}]}}`:                             "no id",
		`{"check_type":"secrets","results":{"skipped_checks":[{}]}}`:                              "no rule",
		`{"check_type":"sca_package","results":{"failed_checks":[{"vulnerability_details":{}}]}}`: "no id",
	} {
		_, err := checkovOf(t, text)
		wantError(t, err, want)
	}
}
