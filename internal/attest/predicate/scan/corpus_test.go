package scan

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

const corpus = "../../../../testdata/corpus"

// readerOf are the names of readers for the formats of expected.tsv.
var readerOf = map[string]string{"cyclonedx-json-vex": "cyclonedx", "cyclonedx-vex": "cyclonedx"}

// row is a line of expected.tsv about a report.
type row struct{ file, format, expectation, facts string }

func rows(t testing.TB) []row {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(corpus, "expected.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var all []row
	for line := range strings.Lines(string(text)) {
		parts := append(strings.Split(strings.TrimRight(line, "\n"), "\t"), "", "")
		format := finding.Either(readerOf[parts[1]], parts[1])
		if slices.Contains(Formats(), format) {
			all = append(all, row{parts[0], format, parts[2], parts[3]})
		}
	}
	if len(all) < 100 {
		t.Fatalf("%d rows", len(all))
	}
	return all
}

func real(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpus, file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// listed is what the facts of a row count, for each format.
var listed = map[string][]string{
	"grype": {"matches", "ignored"}, "trivy": {"vulns", "misconfigs", "secrets", "licenses"}, "osv-scanner": {"vulnerabilities"},
	"snyk": {"vuln_entries"}, "npm-audit": {"advisories", "packages"}, "govulncheck": {"findings"}, "gitleaks": {"entries"},
	"trufflehog": {"lines"}, "sarif": {"results"}, "cyclonedx": {"vulnerabilities"},
}

// empty says nothing of whose report it is.
var empty = []string{"materials/chainloop/trufflehog-clean-scan.jsonl", "reports/defectdojo/gitleaks/no_findings.json", "reports/gitleaks/empty.json"}

func TestRealReportsAreReadWithRightCounts(t *testing.T) {
	for _, r := range rows(t) {
		data := real(t, r.file)
		report, err := ReadReportAs(r.format, data)
		if r.expectation != "accept" {
			if err == nil && report.Entries == 0 && report.Problem == "" {
				t.Errorf("%s: need not be read, and counts as a clean scan of %v", r.file, report.Kinds)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", r.file, err)
			continue
		}
		if want, told := count(t, r); told && report.Entries != want {
			t.Errorf("%s: %d entries, want %d of %s", r.file, report.Entries, want, r.facts)
		}
		sniffed, err := ReadReport(data)
		if slices.Contains(empty, r.file) {
			if err == nil {
				t.Errorf("%s: an empty file is taken for a report of %s", r.file, sniffed.Format)
			}
			continue
		}
		if err != nil || sniffed.Format != r.format {
			t.Errorf("%s: it is not known for a report of %s: %v", r.file, r.format, err)
		}
		for _, f := range report.Vulns {
			checkVuln(t, r.file, f)
		}
	}
}

func count(t *testing.T, r row) (total int, told bool) {
	for _, name := range listed[r.format] {
		if m := regexp.MustCompile(`[ ;:]` + name + `=(\d+)`).FindStringSubmatch(r.facts); m != nil {
			n, err := strconv.Atoi(m[1])
			if err != nil {
				t.Fatal(err)
			}
			total, told = total+n, true
		}
	}
	// Of these files, which hold the messages in an array, the facts count the array.
	return total, told && !strings.Contains(r.facts, "messages=1;")
}

// severities that rules have a table for.
var severities = []string{finding.Critical, finding.High, finding.Medium, finding.Low, finding.Negligible, finding.Unknown}

func checkVuln(t testing.TB, at string, f gatekeep.SCAFinding) {
	switch {
	case f.ID == "", !slices.Contains(severities, f.Severity), len(f.Scanners) != 1, f.Attestations == nil:
		t.Fatalf("%s: %+v", at, f)
	case slices.Contains(f.Aliases, f.ID), (f.Severity == finding.Unknown) != (f.SeverityFrom == ""):
		t.Fatalf("%s: %+v", at, f)
	case (f.Vector == "") != (f.Score == 0) && f.Score != 0, f.Score < 0 || f.Score > 10:
		t.Fatalf("%s: %+v", at, f)
	}
}

// find is the finding of an id in a component.
func find(t *testing.T, file, format, id, purl string) gatekeep.SCAFinding {
	t.Helper()
	r, err := ReadReportAs(format, real(t, file))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Vulns {
		if f.ID == id && f.PURL == purl {
			return f
		}
	}
	t.Fatalf("%s has no %s in %s: %+v", file, id, purl, r.Vulns)
	return gatekeep.SCAFinding{}
}
