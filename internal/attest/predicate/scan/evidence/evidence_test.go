package evidence

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
)

const corpus = "../../../../../testdata/corpus"

func real(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpus, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var (
	now     = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	options = Options{Now: now, DBLastUpdate: now.Add(-time.Hour), Commit: strings.Repeat("c", 40), Scopes: []string{"source_history"}}
)

// readVulns reads a wrapped scan as verification does.
func readVulns(t *testing.T, uri string, raw []byte) (int, map[string]any) {
	t.Helper()
	if uri == reportURI {
		var p Report
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		findings, claims, err := p.Read()
		if err != nil {
			t.Fatal(err)
		}
		return len(findings), claims
	}
	read := map[string]func([]byte) (*scan.Vulnerabilities, error){scan.CosignVuln: scan.Cosign, scan.VulnsV01: scan.InToto, scan.VulnsV02: scan.InToto}[uri]
	findings, claims, err := Vulns(raw, read)
	if err != nil {
		t.Fatal(err)
	}
	return len(findings), claims
}

func TestReportsOfAllScannersAreWrapped(t *testing.T) {
	const given = "2026-11-23T10:00:00Z"
	for file, want := range map[string]struct {
		uri, scanner, finished, updated string
		findings                        int
	}{
		"reports/ampel/osv.json":                                   {scan.CosignVuln, "pkg:github/google/osv-scanner", given, "2026-11-23T09:00:00Z", 2},
		"reports/defectdojo/snyk/single_project_one_vuln.json":     {scan.CosignVuln, "pkg:npm/snyk", given, "2026-11-23T09:00:00Z", 1},
		"reports/defectdojo/snyk/all-projects_no_vulns.json":       {reportURI, "pkg:npm/snyk", given, "2026-11-23T09:00:00Z", 0},
		"reports/defectdojo/npm_audit/one_vuln.json":               {scan.CosignVuln, "pkg:npm/npm", given, "2026-11-23T09:00:00Z", 1},
		"reports/govulncheck/binary.json":                          {reportURI, "pkg:golang/golang.org/x/vuln", given, "2026-11-23T09:00:00Z", 2},
		"reports/defectdojo/govulncheck/no_vulns_new_version.json": {reportURI, "pkg:golang/golang.org/x/vuln@v1.0.1", given, "2024-01-04T18:39:51Z", 0},
		"reports/trivy-golden/pip.json.golden":                     {scan.CosignVuln, "pkg:github/aquasecurity/trivy@dev", "2021-08-25T12:20:30.000000005Z", "2026-11-23T09:00:00Z", 2},
		"reports/trivy-golden/npm-cyclonedx.json.golden":           {scan.CosignVuln, "trivy@dev", "2021-08-25T12:20:30+00:00", "2026-11-23T09:00:00Z", 1},
		"intoto/collector/vulns-v02.json":                          {scan.VulnsV02, "pkg:github/aquasecurity/trivy@244fd47e07d1004f0aed9", "2021-08-06T17:50:50.52Z", "2021-08-06T17:45:50.52Z", 1},
	} {
		uri, raw, err := WrapVulns(real(t, file), options)
		if err != nil || uri != want.uri {
			t.Errorf("%s: got %s, %v", file, uri, err)
			continue
		}
		n, claims := readVulns(t, uri, raw)
		if n != want.findings || claims["scanner_uri"] != want.scanner || claims["scan_finished_on"] != want.finished || claims["db_last_update"] != want.updated {
			t.Errorf("%s: got %d findings, %v", file, n, claims)
		}
	}
}

func TestWhatIsNoScanForVulnerabilitiesIsNotWrapped(t *testing.T) {
	for file, want := range map[string]string{
		"reports/trivy-golden/alpine-39-skip.json.golden": "looked at nothing", "reports/trivy-golden/dockerfile.json.golden": "says nothing about vulns",
		"reports/gitleaks/json_simple.json": "says nothing about vulns", "reports/gitleaks/empty.json": "it is empty", "reports/defectdojo/trivy/legacy_no_vuln.json": "it is empty",
		"reports/defectdojo/sarif/suppression_test.sarif": "says nothing about vulns", "vex/guac-cdx/cyclonedx-vex.xml": "have the tool write JSON",
	} {
		if uri, _, err := WrapVulns(real(t, file), options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %s, %v; want %q", file, uri, err, want)
		}
	}
	if _, _, err := WrapVulns(real(t, "reports/ampel/osv.json"), Options{}); err == nil || !strings.Contains(err.Error(), "no time is given") {
		t.Errorf("a scan of no time: %v", err)
	}
	if _, _, err := WrapVulns([]byte(`{"results":[]}`), options); err == nil {
		t.Error("a list of nothing is taken for a scan")
	}
	if _, _, err := WrapVulns(real(t, "reports/ampel/osv.json"), Options{Now: now, Tool: "trivy"}); err == nil {
		t.Error("the report of another tool than the one named is taken")
	}
}

func TestSecretsAreWrappedWithoutTheSecrets(t *testing.T) {
	for file, want := range map[string]struct {
		tool string
		n    int
	}{
		"materials/chainloop/gitleaks-report-violations.json": {"gitleaks", 2}, "materials/chainloop/gl-secret-detection-report.json": {"gitleaks", 1},
		"reports/defectdojo/trufflehog/v3_git.json": {"trufflehog", 4}, "reports/gitleaks/empty.json": {"gitleaks", 0}, "reports/gitleaks/json_simple.json": {"gitleaks", 1},
	} {
		uri, raw, err := WrapSecrets(real(t, file), options)
		if err != nil || uri != secretURI {
			t.Errorf("%s: got %s, %v", file, uri, err)
			continue
		}
		var p SecretScan
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		claims, err := p.Read()
		if err != nil || len(claims["findings"].([]any)) != want.n || p.Tool["name"] != want.tool || p.ToCommit != options.Commit {
			t.Errorf("%s: got %s, %v", file, raw, err)
		}
		for _, f := range p.Findings {
			if f.Status != "open" {
				t.Errorf("%s: %+v", file, f)
			}
		}
		for _, secret := range []string{"7a6bc1e3207144b38e9066861e1de0ff", "sk_live", "a secret", "Match", "Raw"} {
			if strings.Contains(string(raw), secret) {
				t.Errorf("%s: %s is carried along", file, secret)
			}
		}
	}
}

func TestSecretScanThatSaysTooLittleIsRefused(t *testing.T) {
	unsaid := options
	unsaid.Scopes = nil
	named := options
	named.Tool = "trufflehog"
	for name, c := range map[string]struct {
		file []byte
		o    Options
		want string
	}{
		"no scope":              {real(t, "reports/gitleaks/json_simple.json"), unsaid, "name the scopes"},
		"no time":               {[]byte(`[]`), Options{Scopes: options.Scopes}, "no time is given"},
		"an empty file":         {nil, options, ""},
		"null":                  {[]byte(`null`), options, "it is empty"},
		"vulnerabilities":       {real(t, "reports/ampel/grype.json"), options, "says nothing about secret-scan"},
		"a failed scan":         {[]byte(`{"level":"error","logger":"trufflehog","msg":"m"}`), options, "did not succeed"},
		"of another tool":       {real(t, "reports/gitleaks/json_simple.json"), named, "an array"},
		"an array of that tool": {[]byte(`[]`), named, "it is empty"},
	} {
		if uri, raw, err := WrapSecrets(c.file, c.o); err == nil && uri != "" || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %s %s, %v; want %q", name, uri, raw, err, c.want)
		}
	}
	// Nothing at all is what TruffleHog writes where it found nothing.
	if uri, _, err := WrapSecrets(nil, named); err != nil || uri != secretURI {
		t.Errorf("got %s, %v", uri, err)
	}
	for _, made := range []string{`{"scopes":["artifact"],"findings":[]}`, "scopes: [artifact]\nfindings: []\n"} {
		if uri, _, err := WrapSecrets([]byte(made), options); err != nil || uri != "" {
			t.Errorf("a predicate is taken for a report: %s, %v", uri, err)
		}
	}
}

func TestStaticAnalysisIsWrapped(t *testing.T) {
	const semgrep = `{"version":"1","results":[{"check_id":"r","path":"a","extra":{"severity":"ERROR","fingerprint":"f"}}],"errors":[ERRORS],"paths":{"scanned":["a"]}}`
	for text, successful := range map[string]bool{strings.Replace(semgrep, "ERRORS", "", 1): true, strings.Replace(semgrep, "ERRORS", `{"level":"error"}`, 1): false} {
		uri, raw, err := WrapSAST([]byte(text), options)
		if err != nil || uri != sastURI {
			t.Fatalf("got %s, %v", uri, err)
		}
		var p SAST
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		findings, claims, err := p.Read()
		if err != nil || findings["r:f"].Severity != "high" || claims["execution_successful"] != successful || claims["tool"] != "semgrep" || claims["files_analyzed"] != 1 {
			t.Errorf("got %v, %v, %v", findings, claims, err)
		}
	}
	if uri, _, err := WrapSAST(real(t, "reports/snyk-kosli/sarif-os.json"), options); err != nil || uri != sastURI {
		t.Errorf("got %s, %v", uri, err)
	}
	for _, made := range []string{`{"sarif":{}}`, "sarif: {}\n", `{"results":[]}`} {
		if uri, _, err := WrapSAST([]byte(made), options); err != nil || uri != "" {
			t.Errorf("%s: got %s, %v", made, uri, err)
		}
	}
	for _, bad := range []string{`{"runs":[]}`, `{"results":[{}],"errors":[],"paths":{}}`} {
		if uri, _, err := WrapSAST([]byte(bad), options); err == nil {
			t.Errorf("%s: got %s", bad, uri)
		}
	}
	if _, err := (&SecretScan{}).Read(); err != nil {
		t.Error(err)
	}
}

func TestFeedsAreWrapped(t *testing.T) {
	uri, raw, err := WrapExploits([]byte(`{"catalogVersion":"7","count":1,"vulnerabilities":[{"cveID":"CVE-1"}]}`), options)
	if err != nil || uri != feedURI {
		t.Fatalf("got %s, %v", uri, err)
	}
	var p Exploits
	if err := json.Unmarshal(raw, &p); err != nil {
		t.Fatal(err)
	}
	claims, err := p.Read()
	want := map[string]any{"source": "cisa-kev 7", "fetched_at": "2026-11-23T10:00:00Z", "exploited_count": 1, "epss_count": 0}
	if diff := cmp.Diff(want, claims); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if _, raw, err = WrapExploits([]byte("cve,epss\nCVE-1,0.5\n"), options); err != nil || !strings.Contains(string(raw), `"exploited":[]`) {
		t.Errorf("got %s, %v", raw, err)
	}
	if _, _, err := WrapExploits([]byte("cve,epss\nCVE-1,0.5\n"), Options{}); err == nil {
		t.Error("a feed of no time is taken")
	}
	if uri, _, err := WrapExploits([]byte(fmt.Sprintf(`{"exploited":[],"source":%q}`, "s")), options); uri != "" || err != nil {
		t.Errorf("a predicate is taken for a feed: %s, %v", uri, err)
	}
}
