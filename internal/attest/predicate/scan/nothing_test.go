package scan

import (
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// A scan that looked at nothing, or did not get to its end, is no evidence that nothing
// is there; beside each stands one that looked and found nothing.
func TestWhoLookedAtNothingSaysNothing(t *testing.T) {
	const config = `{"config":{"protocol_version":"v1.0.0","scanner_name":"govulncheck","scanner_version":"v1.1.4","db_last_modified":"2026-11-01T00:00:00Z","scan_level":"symbol","scan_mode":"source"}}`
	npm6 := func(total string) string {
		return `{"advisories":{},"muted":[],"metadata":{"vulnerabilities":{"high":0},"dependencies":` + total + `,"totalDependencies":` + total + `}}`
	}
	npm7 := func(total string) string {
		return `{"auditReportVersion":2,"vulnerabilities":{},"metadata":{"vulnerabilities":{"high":0},"dependencies":{"prod":1,"total":` + total + `}}}`
	}
	checkov := func(passed, parsing string) string {
		return `{"check_type":"terraform","results":{"passed_checks":[],"failed_checks":[],"skipped_checks":[],"parsing_errors":[` + parsing + `]},"summary":{"passed":` + passed + `,"failed":0,"skipped":0,"checkov_version":"3"}}`
	}
	semgrep := func(scanned, problems string) string {
		return `{"version":"1.100.0","results":[],"errors":[` + problems + `],"paths":{"scanned":[` + scanned + `]}}`
	}
	const timeout, partial = `{"level":"warn","type":"Timeout","message":"m"}`, `{"level":"warn","type":["PartialParsing",[]],"message":"m"}`
	for name, c := range map[string]struct {
		format, kind, nothing, something string
	}{
		"govulncheck that did not begin": {"govulncheck", finding.KindVulns, config, config + `{"progress":{"message":"Scanning"}}`},
		"OSV-Scanner without packages":   {"osv-scanner", finding.KindVulns, `{"results":[]}`, `{"results":[{"source":{"path":"a"},"packages":[{"package":{"name":"x","version":"1","ecosystem":"npm"}}]}]}`},
		"npm 6 without dependencies":     {"npm-audit", finding.KindVulns, npm6("0"), npm6("7")},
		"npm 7 without dependencies":     {"npm-audit", finding.KindVulns, npm7("0"), npm7("7")},
		"Snyk without dependencies":      {"snyk", finding.KindVulns, `{"ok":true,"vulnerabilities":[],"dependencyCount":0}`, `{"ok":true,"vulnerabilities":[],"dependencyCount":5}`},
		"Checkov without checks":         {"checkov", finding.KindIaC, checkov("0", ""), checkov("3", "")},
		"Checkov that could not parse":   {"checkov", finding.KindIaC, checkov("3", `"a.tf"`), checkov("3", "")},
		"Semgrep without files":          {"semgrep", finding.KindSAST, semgrep("", ""), semgrep(`"a.go"`, "")},
		"Semgrep that gave up":           {"semgrep", finding.KindSAST, semgrep(`"a.go"`, timeout), semgrep(`"a.go"`, partial)},
		"SARIF of a run without results": {"sarif", finding.KindSAST, `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":null}]}`, `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"x"}},"results":[]}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			if r, err := ReadReportAs(c.format, []byte(c.nothing)); err == nil && r.Check(c.kind) == nil {
				t.Errorf("it is evidence: %+v", r)
			}
			r, err := ReadReportAs(c.format, []byte(c.something))
			if err == nil {
				err = r.Check(c.kind)
			}
			if err != nil {
				t.Errorf("one that looked is none: %v", err)
			}
		})
	}
}
