package scan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// TestFindingsOfRealReports has a few of each tool, read by hand.
func TestFindingsOfRealReports(t *testing.T) {
	yes, no := true, false
	none := []string{}
	const log4j = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"
	for _, c := range []struct {
		file, format string
		want         gatekeep.SCAFinding
	}{
		{"reports/ampel/grype.json", "grype", gatekeep.SCAFinding{ID: "CVE-2026-33816", Aliases: []string{"GHSA-9jj7-4m8r-rfcm"}, Severity: "critical", SeverityFrom: "ghsa",
			PURL: "pkg:golang/github.com/jackc/pgx/v5@v5.8.0", FixedIn: "5.9.0", Score: 9.8, Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
			Locations: []string{"/go.mod"}, Scanners: []string{"grype"}}},
		{"reports/defectdojo/anchore_grype/many_vulns4.json", "grype", gatekeep.SCAFinding{ID: "CVE-2005-0861", Severity: "high", SeverityFrom: "nvd",
			PURL: "pkg:npm/delegate@3.2.0", Score: 7.5, Vector: "AV:N/AC:L/Au:N/C:P/I:P/A:P", Locations: []string{"components/yarn.lock"}, Scanners: []string{"grype"}}},
		{"reports/trivy-golden/ubuntu-gp2-x86-vm.json.golden", "trivy", gatekeep.SCAFinding{ID: "CVE-2022-3715", Severity: "high", SeverityFrom: "nvd",
			PURL:  "pkg:deb/ubuntu/bash@5.1-6ubuntu1",
			PURLs: []string{"pkg:deb/ubuntu/bash@5.1-6ubuntu1?arch=amd64&distro=ubuntu-22.04"}, Score: 7.8, Vector: "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", Locations: []string{"disk.img (ubuntu 22.04)"},
			Scanners: []string{"trivy"}}},
		{"reports/trivy-golden/minikube-kbom.json.golden", "trivy", gatekeep.SCAFinding{ID: "CVE-2023-2431", Severity: "low", SeverityFrom: "k8s",
			PURL: "pkg:k8s/k8s.io%2Fkubelet@1.27.0", FixedIn: "1.24.14, 1.25.9, 1.26.4, 1.27.1", Score: 3.4, Vector: "CVSS:3.1/AV:L/AC:L/PR:H/UI:N/S:U/C:L/I:L/A:N",
			Locations: []string{"Kubernetes"}, Scanners: []string{"trivy"}}},
		{"reports/ampel/osv-scanner.json", "osv-scanner", gatekeep.SCAFinding{ID: "CVE-2025-21614", Aliases: []string{"GHSA-r9px-m959-cxf4", "GO-2025-3367"},
			Severity: "high", SeverityFrom: "ghsa", PURL: "pkg:golang/github.com/go-git/go-git/v5@v5.12.0", FixedIn: "5.13.0", Score: 7.5,
			Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Locations: []string{"/home/urbano/projects/release/go.mod"}, Scanners: []string{"osv-scanner"}}},
		{"reports/defectdojo/osv_scanner/some_findings.json", "osv-scanner", gatekeep.SCAFinding{ID: "GHSA-8348-2q94-ffjx", Aliases: []string{"MAL-2023-1035"},
			Severity: "unknown", PURL: "pkg:npm/flot-axis@0.0.0", Locations: []string{"/tmp/components/yarn.lock"}, Scanners: []string{"osv-scanner"}}},
		{"reports/defectdojo/snyk/single_project_one_vuln.json", "snyk", gatekeep.SCAFinding{ID: "CVE-2019-12400", Aliases: []string{"SNYK-JAVA-ORGAPACHESANTUARIO-460281"},
			Severity: "medium", SeverityFrom: "snyk", PURL: "pkg:maven/org.apache.santuario/xmlsec@2.1.1", FixedIn: "2.1.4", Score: 6.5,
			Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:L", Locations: []string{"pom.xml"}, Scanners: []string{"snyk"}}},
		{"reports/defectdojo/npm_audit/one_vuln.json", "npm-audit", gatekeep.SCAFinding{ID: "CVE-2017-16042", Aliases: []string{"NPM-146"}, Severity: "critical",
			SeverityFrom: "npm", PURL: "pkg:npm/growl@1.9.2", FixedIn: "1.10.2", Scanners: []string{"npm-audit"}}},
		{"reports/defectdojo/npm_audit_7_plus/many_vulns.json", "npm-audit", gatekeep.SCAFinding{ID: "GHSA-3787-6prv-h9w3", Severity: "low", SeverityFrom: "npm",
			PURL: "pkg:npm/undici", Score: 3.9, Vector: "CVSS:3.1/AV:N/AC:H/PR:H/UI:R/S:U/C:L/I:L/A:L", Locations: []string{"node_modules/undici"}, Scanners: []string{"npm-audit"}}},
		{"reports/govulncheck/convert_input.json", "govulncheck", gatekeep.SCAFinding{ID: "CVE-2021-38561", Aliases: []string{"GHSA-ppp9-7jff-5vj2", "GO-2021-0113"},
			Severity: "unknown", PURL: "pkg:golang/golang.org/x/text@v0.3.0", FixedIn: "v0.3.7", Reachable: &yes, Locations: []string{".../vuln.go:13"}, Scanners: []string{"govulncheck"}}},
		{"reports/govulncheck/convert_input.json", "govulncheck", gatekeep.SCAFinding{ID: "CVE-2020-36067", Aliases: []string{"GHSA-p64j-r5f4-pwwx", "GO-2021-0054"},
			Severity: "unknown", PURL: "pkg:golang/github.com/tidwall/gjson@v1.6.5", FixedIn: "v1.6.6", Reachable: &no, Scanners: []string{"govulncheck"}}},
		{"reports/govulncheck/module-vuln.json", "govulncheck", gatekeep.SCAFinding{ID: "GO-0000-0001", Severity: "unknown", PURL: "pkg:golang/golang.org/vmod@v0.0.1",
			FixedIn: "v0.1.3", Scanners: []string{"govulncheck"}}},
		{"intoto/collector/vulns-v02.json", "vulns-predicate", gatekeep.SCAFinding{ID: "CVE-123", Severity: "medium", SeverityFrom: "nvd", Scanners: []string{"trivy"}}},
		{"vex/guac-cdx/cyclonedx-vex-affected.json", "cyclonedx", gatekeep.SCAFinding{ID: "CVE-2021-44228", Severity: "critical", SeverityFrom: "nvd", PURL: "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#product-ABC",
			Score: 10, Vector: log4j, Scanners: []string{"cyclonedx"}}},
		{"vex/guac-cdx/cyclonedx-vex.xml", "cyclonedx", gatekeep.SCAFinding{ID: "CVE-2018-7489", Severity: "critical", SeverityFrom: "nvd",
			PURL:       "urn:cdx:3e671687-395b-41f5-a30f-a58921a69b79/1#jackson-databind-2.8.0",
			Suppressed: []gatekeep.Suppression{{By: "cyclonedx", Reason: "not_affected code_not_reachable"}}, Scanners: []string{"cyclonedx"}}},
		{"sbom/bom-examples/VEX/CISA-Use-Cases/Case-2/vex.json", "cyclonedx", gatekeep.SCAFinding{ID: "CVE-2020-11896", Severity: "critical", SeverityFrom: "example company",
			PURL: "ABC@4.2", Score: 10, Vector: "", Suppressed: []gatekeep.Suppression{{By: "cyclonedx", Reason: "not_affected code_not_reachable"}}, Scanners: []string{"cyclonedx"}}},
	} {
		c.want.Attestations = none
		got := find(t, c.file, c.format, c.want.ID, c.want.PURL)
		if c.want.Vector == "" && c.want.Score > 0 {
			got.Vector = "" // with all environmental metrics
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.file, diff)
		}
	}
}

// One record of the Go database stands for two CVEs, each of which has a GitHub
// advisory of its own: which belongs to which it does not say.
func TestRecordOfTwoCVEsIsTwoFindings(t *testing.T) {
	for _, id := range []string{"CVE-2021-42248", "CVE-2021-42836"} {
		f := find(t, "reports/govulncheck/convert_input.json", "govulncheck", id, "pkg:golang/github.com/tidwall/gjson@v1.6.5")
		if !slices.Equal(f.Aliases, []string{"GO-2021-0265"}) || f.Reachable == nil || !*f.Reachable {
			t.Errorf("got %+v", f)
		}
	}
}

func TestReportSaysWhoMadeItAndWhen(t *testing.T) {
	for file, want := range map[string]finding.Report{
		"reports/ampel/grype.json":                                      {Format: "grype", Tool: "grype", Version: "0.111.0"},
		"reports/trivy-golden/npm-with-dev.json.golden":                 {Format: "trivy", Tool: "trivy", Version: "dev", CreatedAt: "2021-08-25T12:20:30.000000005Z"},
		"reports/defectdojo/govulncheck/no_vulns_new_version.json":      {Format: "govulncheck", Tool: "govulncheck", Version: "v1.0.1", DBLastUpdate: "2024-01-04T18:39:51Z"},
		"materials/chainloop/gl-secret-detection-report.json":           {Format: "gitlab-secrets", Tool: "gitleaks", Version: ":SKIP:", CreatedAt: "2021-09-15T08:36:25Z"},
		"reports/trivy-golden/npm-cyclonedx.json.golden":                {Format: "cyclonedx", Tool: "trivy", Version: "dev", CreatedAt: "2021-08-25T12:20:30+00:00"},
		"intoto/collector/vulns-v02.json":                               {Format: "vulns-predicate", Tool: "trivy", Version: "0.19.2", CreatedAt: "2021-08-06T17:50:50.52Z", DBLastUpdate: "2021-08-06T17:45:50.52Z"},
		"reports/defectdojo/snyk/all-projects_no_vulns.json":            {Format: "snyk", Tool: "snyk"},
		"materials/chainloop/checkmarx-rules-without-findings.sarif":    {Format: "sarif", Tool: "Checkmarx One", Version: "1.0"},
		"reports/defectdojo/trufflehog/v3_git.json":                     {Format: "trufflehog", Tool: "trufflehog"},
		"reports/defectdojo/npm_audit_7_plus/many_vulns.json":           {Format: "npm-audit", Tool: "npm-audit"},
		"reports/ampel/osv-scanner.json":                                {Format: "osv-scanner", Tool: "osv-scanner"},
		"materials/chainloop/gitleaks-report-violations.json":           {Format: "gitleaks", Tool: "gitleaks"},
		"reports/defectdojo/govulncheck/many_vulns_new_version.json":    {Format: "govulncheck", Tool: "govulncheck", Version: "v1.0.0", DBLastUpdate: "2023-08-11T01:41:48Z"},
		"reports/trivy-golden/helm_testchart.overridden.json.golden":    {Format: "trivy", Tool: "trivy", Version: "dev", CreatedAt: "2021-08-25T12:20:30.000000005Z"},
		"reports/trivy-golden/fluentd-multiple-lockfiles.json.golden":   {Format: "trivy", Tool: "trivy", Version: "dev", CreatedAt: "2021-08-25T12:20:30.000000005Z"},
		"reports/defectdojo/anchore_grype/no_vuln.json":                 {Format: "grype", Tool: "grype", Version: "0.7.0"},
		"sbom/bom-examples/VEX/CISA-Use-Cases/Case-1/vex-affected.json": {Format: "cyclonedx", Tool: "cyclonedx", CreatedAt: "2022-03-03T00:00:00Z"},
	} {
		r, err := ReadReport(real(t, file))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		got := finding.Report{Format: r.Format, Tool: r.Tool, Version: r.Version, CreatedAt: r.CreatedAt, DBLastUpdate: r.DBLastUpdate}
		if strings.HasSuffix(file, "ampel/grype.json") {
			got.CreatedAt, got.DBLastUpdate = "", "" // they are there
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

func TestKindsAreThoseThatWereLookedFor(t *testing.T) {
	for file, want := range map[string][]string{
		"reports/ampel/grype.json": {finding.KindVulns}, "reports/trivy-golden/dockerfile.json.golden": {finding.KindIaC},
		"reports/trivy-golden/alpine-39-skip.json.golden": nil, "reports/trivy-golden/helm_badname.json.golden": nil,
		"reports/trivy-golden/cargo.lock.json.golden": {finding.KindVulns}, "reports/gitleaks/json_simple.json": {finding.KindSecrets},
		"reports/snyk-kosli/sarif-os.json": {finding.KindSAST},
	} {
		r, err := ReadReport(real(t, file))
		if err != nil || !slices.Equal(r.Kinds, want) {
			t.Errorf("%s: got %v, %v; want %v", file, r.Kinds, err, want)
			continue
		}
		for _, kind := range []string{finding.KindVulns, finding.KindSAST, finding.KindSecrets, finding.KindIaC, finding.KindLicense} {
			if err := r.Check(kind); (err == nil) != slices.Contains(want, kind) {
				t.Errorf("%s as evidence of %s: %v", file, kind, err)
			}
		}
	}
}

func TestSecretsThemselvesAreNotRead(t *testing.T) {
	for _, file := range []string{"materials/chainloop/gitleaks-report-violations.json", "materials/chainloop/gl-secret-detection-report.json", "reports/gitleaks/json_simple.json"} {
		r, err := ReadReport(real(t, file))
		if err != nil || len(r.Secrets) == 0 {
			t.Fatal(file, err)
		}
		for _, s := range r.Secrets {
			for _, text := range []string{s.Fingerprint, s.Kind, s.Location, s.Suppressed} {
				for _, secret := range []string{"7a6bc1e3207144b38e9066861e1de0ff", "AKIA", "sk_live", "a secret", "2b9c281612c8f9c2151e86e275ce75b9cb29fe0bdc33874322a8afd1288bca0f"} {
					if strings.Contains(text, secret) {
						t.Errorf("%s: %q is carried in %+v", file, secret, s)
					}
				}
			}
		}
	}
}
