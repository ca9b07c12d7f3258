package sast

import (
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// outcome is what a report that was edited is worth: an error, no evidence, or so many
// flaws.
func outcome(t *testing.T, text, kind string, read func(*finding.Document) (*finding.Report, error)) (int, string) {
	t.Helper()
	d, err := finding.Open([]byte(text))
	if err != nil {
		return -1, err.Error()
	}
	r, err := read(d)
	if err == nil {
		err = r.Check(kind)
	}
	if err != nil {
		return -1, err.Error()
	}
	return len(r.Flaws) + len(r.Secrets), ""
}

// TestBrokenReportsOfStaticAnalysis replaces one text in a report with one flaw. -1 is
// for an error, or a report that is no evidence, with the reason.
func TestBrokenReportsOfStaticAnalysis(t *testing.T) {
	const (
		sarif   = `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"invocations":[{"executionSuccessful":true}],"results":[{"ruleId":"r","level":"error","kind":"fail"}]}]}`
		semgrep = `{"results":[{"check_id":"r","path":"a","start":{"line":1},"extra":{"severity":"ERROR"}}],"errors":[],"paths":{"scanned":["a"]}}`
		checkov = `{"check_type":"terraform","results":{"failed_checks":[{"check_id":"CKV_1","file_path":"a"}],"skipped_checks":[],"parsing_errors":[]},"summary":{"failed":1}}`
	)
	for _, c := range []struct {
		report, old, new string
		flaws            int
		why              string
	}{
		{sarif, `"r"`, `"r"`, 1, ""},
		{sarif, `"kind":"fail"`, `"kind":"open"`, 1, ""},
		{sarif, `"kind":"fail"`, `"kind":"review"`, 1, ""},
		{sarif, `"kind":"fail"`, `"kind":"pass"`, 0, ""}, // section 3.27.9
		{sarif, `"kind":"fail"`, `"kind":"Fail"`, -1, "unknown kind"},
		{sarif, `"error"`, `"none"`, 1, ""},
		{sarif, `"error"`, `"ERROR"`, -1, "unknown level"},
		{sarif, `"ruleId":"r"`, `"message":{}`, 1, ""},
		{sarif, `"executionSuccessful":true`, `"executionSuccessful":false`, -1, "did not succeed"},
		{sarif, `"executionSuccessful":true`, `"exitCode":0`, -1, "did not succeed"},
		{sarif, `"executionSuccessful":true`, `"executionSuccessful":"true"`, -1, "cannot unmarshal"},
		{sarif, `"invocations":[{"executionSuccessful":true}],`, ``, 1, ""},
		{sarif, `"results":[`, `"result":[`, -1, "did not succeed"},
		{sarif, `"results":[`, `"results":null,"r":[`, -1, "did not succeed"},
		{sarif, `"results":[`, `"results":{},"r":[`, -1, "cannot unmarshal"},
		{sarif, `"results":[`, `"results":[],"r":[`, 0, ""},
		{sarif, `"name":"t"`, `"fullName":"t"`, -1, "driver.name is missing"},
		{sarif, `"version":"2.1.0"`, `"version":"2.1"`, -1, "is not read"},
		{semgrep, `"r"`, `"r"`, 1, ""},
		{semgrep, `"ERROR"`, `"error"`, 1, ""},
		{semgrep, `"ERROR"`, `"INVENTORY"`, 1, ""},
		{semgrep, `"ERROR"`, `"HIGHEST"`, -1, "unknown severity"},
		{semgrep, `"check_id":"r"`, `"rule":"r"`, -1, "no check_id"},
		{semgrep, `"errors":[]`, `"errors":[{"level":"error"}]`, -1, "did not succeed"},
		{semgrep, `"errors":[]`, `"errors":[{"message":"m"}]`, -1, "did not succeed"},
		{semgrep, `"errors":[]`, `"errors":[{"level":"warn"}]`, 1, ""},
		{semgrep, `"errors":[]`, `"errors":null`, -1, "no list of results or of errors"},
		{semgrep, `"results":[`, `"results":null,"r":[`, -1, "no list of results or of errors"},
		{semgrep, `"results":[`, `"results":{},"r":[`, -1, "cannot unmarshal"},
		{checkov, `"CKV_1"`, `"CKV_1"`, 1, ""},
		{checkov, `"check_id":"CKV_1"`, `"bc_check_id":"BC_1"`, 1, ""},
		{checkov, `"check_id":"CKV_1"`, `"check":"CKV_1"`, -1, "a check has no id"},
		{checkov, `"check_type":"terraform",`, ``, -1, "no check_type"},
		{checkov, `"failed_checks":[`, `"failed":[`, -1, "counts 1 failed checks"},
		{checkov, `"summary":{"failed":1}`, `"summary":{"failed":2}`, -1, "counts 2 failed checks, and 1 are listed"},
		{checkov, `"summary":{"failed":1}`, `"summary":{}`, 1, ""},
		{checkov, `"parsing_errors":[]`, `"parsing_errors":["a","b"]`, -1, "2 files could not be parsed, the first is a"},
		{checkov, `"skipped_checks":[]`, `"skipped_checks":[{"check_id":"CKV_2"}]`, 2, ""},
		{checkov, `"skipped_checks":[]`, `"skipped_checks":[{}]`, -1, "skipped_checks[0]: a check has no id"},
		{checkov, `"results":{`, `"results":null,"r":{`, -1, "no check_type or no results"},
		{checkov, `"results":{`, `"results":[],"r":{`, -1, "cannot unmarshal"},
		{checkov, `{"failed_checks":[{"check_id":"CKV_1","file_path":"a"}],"skipped_checks":[],"parsing_errors":[]},"summary":{"failed":1}`, `{}`, -1, "no list of failed checks"},
		{checkov, `{"failed_checks":[{"check_id":"CKV_1","file_path":"a"}],"skipped_checks":[],"parsing_errors":[]},"summary":{"failed":1}`, `{"failed_checks":null}`, -1, "no list of failed checks"},
	} {
		kind, read := finding.KindSAST, SARIFReport
		switch c.report {
		case semgrep:
			read = Semgrep
		case checkov:
			kind, read = finding.KindIaC, Checkov
		}
		if strings.Count(c.report, c.old) != 1 {
			t.Fatalf("%s stands %d times", c.old, strings.Count(c.report, c.old))
		}
		if n, why := outcome(t, strings.Replace(c.report, c.old, c.new, 1), kind, read); n != c.flaws || !strings.Contains(why, c.why) {
			t.Errorf("%s for %s: %d flaws, %q; want %d, %q", c.new, c.old, n, why, c.flaws, c.why)
		}
	}
}

// TestResultsElsewhereAndErrorsOfTheToolAreNoCleanRun has runs that list no results here.
func TestResultsElsewhereAndErrorsOfTheToolAreNoCleanRun(t *testing.T) {
	const run = `{"tool":{"driver":{"name":"t"}},"results":[]`
	for _, text := range []string{
		`{"version":"2.1.0","inlineExternalProperties":[{"results":[]}],"runs":[` + run + `}]}`,
		`{"version":"2.1.0","runs":[` + run + `,"externalPropertyFileReferences":{"invocations":[{}]}}]}`,
		`{"version":"2.1.0","runs":[` + run + `,"externalPropertyFileReferences":{"driver":{}}}]}`,
	} {
		if _, err := Read([]byte(text)); err == nil {
			t.Errorf("%s is read", text)
		}
	}
	s, err := Read([]byte(`{"version":"2.1.0","runs":[` + run + `,"invocations":[{"executionSuccessful":true,"toolExecutionNotifications":[{"level":"error"}]}]}]}`))
	if err != nil || s.Successful {
		t.Errorf("got %+v, %v", s, err)
	}
}

// TestARuleIsFoundByItsGUID has a severity that only the rule states.
func TestARuleIsFoundByItsGUID(t *testing.T) {
	s, err := Read([]byte(`{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"},"extensions":[{"name":"e","rules":[
		{"id":"A","guid":"11111111-1111-1111-1111-111111111111","properties":{"security-severity":"9.5"}}]}]},
		"results":[{"rule":{"guid":"11111111-1111-1111-1111-111111111111"},"level":"note"}]}]}`))
	if err != nil || len(s.Findings) != 1 {
		t.Fatalf("got %+v, %v", s, err)
	}
	for _, f := range s.Findings {
		if f.Severity != "critical" || f.Rule != "A" {
			t.Errorf("got %+v", f)
		}
	}
}
