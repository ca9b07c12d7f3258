package sca

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

type reader = func(*finding.Document) (*finding.Report, error)

func read(t *testing.T, text string, r reader) (*finding.Report, error) {
	t.Helper()
	d, err := finding.Open([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return r(d)
}

func mustRead(t *testing.T, text string, r reader) *finding.Report {
	t.Helper()
	report, err := read(t, text, r)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// short is a finding as one line.
func short(f gatekeep.SCAFinding) string {
	line := strings.Join([]string{f.ID, f.PURL, f.Severity, f.SeverityFrom, f.FixedIn, strings.Join(f.Aliases, ","), strings.Join(f.Locations, ",")}, " | ")
	if f.Reachable != nil {
		line += map[bool]string{true: " | reachable", false: " | not reachable"}[*f.Reachable]
	}
	for _, s := range f.Suppressed {
		line += " | hidden by " + s.By + ": " + s.Reason
	}
	return line
}

func wantFindings(t *testing.T, r *finding.Report, want ...string) {
	t.Helper()
	var got []string
	for _, f := range r.Vulns {
		got = append(got, short(f))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func wantErrors(t *testing.T, r reader, texts map[string]string) {
	t.Helper()
	for text, want := range texts {
		if report, err := read(t, text, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v; want %q", text, report, err, want)
		}
	}
}

const (
	grave = `"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"` // 9.8
	fair  = `"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"` // 5.3
)

func TestGrypeKeepsWhatItsRulesHide(t *testing.T) {
	r := mustRead(t, `{"matches":[
		{"vulnerability":{"id":"ELSA-1","namespace":"oracle:distro:oraclelinux:8","severity":"Medium"},"relatedVulnerabilities":[{"id":"CVE-2026-1","namespace":"nvd:cpe","severity":"Low"},{"id":"CVE-2026-2","namespace":"nvd:cpe","severity":"Critical"}],
		 "artifact":{"name":"a","version":"1","purl":"pkg:rpm/ol/a@1?arch=x"}},
		{"vulnerability":{"id":"GHSA-AAAA-bbbb-cccc","namespace":"github:language:go","severity":"Unknown"},"relatedVulnerabilities":[{"id":"CVE-2026-3","namespace":"nvd:cpe","severity":"High","cvss":[{"version":"3.1","vector":`+fair+`}]}],
		 "artifact":{"name":"github.com/x/y","version":"v1.0.0","language":"go"}}],
		"ignoredMatches":[{"vulnerability":{"id":"CVE-2026-4","severity":"High"},"artifact":{"name":"k","version":"1","purl":"pkg:deb/debian/k@1"},
		 "appliedIgnoreRules":[{"reason":"accepted","vulnerability":"CVE-2026-4"},{"vex-status":"not_affected","vex-justification":"component_not_present"}]},
		 {"vulnerability":{"id":"CVE-2026-5","severity":"Low"},"artifact":{"name":"k","version":"1","purl":"pkg:deb/debian/k@1"}}],
		"descriptor":{"name":"grype","version":"1"}}`, Grype)
	wantFindings(t, r,
		"CVE-2026-1 | pkg:rpm/ol/a@1 | medium | oracle |  | ELSA-1 | ",
		"CVE-2026-2 | pkg:rpm/ol/a@1 | medium | oracle |  | ELSA-1 | ",
		"CVE-2026-3 | pkg:golang/github.com/x/y@v1.0.0 | high | nvd |  | GHSA-aaaa-bbbb-cccc | ",
		"CVE-2026-4 | pkg:deb/debian/k@1 | high | grype |  |  |  | hidden by grype: accepted CVE-2026-4 not_affected component_not_present",
		"CVE-2026-5 | pkg:deb/debian/k@1 | low | grype |  |  |  | hidden by grype: ignore rule")
	if r.Entries != 4 {
		t.Errorf("%d entries", r.Entries)
	}
	if r := mustRead(t, `{"matches":[],"descriptor":{"name":"grype","db":{"status":{"error":"db is gone"}}}}`, Grype); r.Check(finding.KindVulns) == nil {
		t.Error("a scan without database counts")
	}
	wantErrors(t, Grype, map[string]string{
		`{"matches":null,"descriptor":{"name":"grype"}}`: "no list of matches",
		`{"matches":[]}`: "descriptor.name is not grype",
		`{"matches":[{}],"descriptor":{"name":"grype"}}`:                     "matches[0]: a finding has no id",
		`{"matches":[],"ignoredMatches":[{}],"descriptor":{"name":"grype"}}`: "ignoredMatches[0]: a finding has no id",
		`{"matches":[],"descriptor":{"name":"grype","db":{"built":"x"}}}`:    "descriptor",
		`{"matches":[{"vulnerability":7}],"descriptor":{"name":"grype"}}`:    "cannot unmarshal",
		`{"matches":{},"descriptor":{"name":"grype"}}`:                       "cannot unmarshal",
		`{"matches":[],"descriptor":{"name":"syft"}}`:                        "descriptor.name is not grype",
	})
}

func TestTrivyReadsAllItsScanners(t *testing.T) {
	r := mustRead(t, `{"SchemaVersion":2,"Trivy":{"Version":"0.60"},"CreatedAt":1700000000,"Results":[
		{"Target":"app (debian 12)","Class":"os-pkgs","Type":"debian","Vulnerabilities":[
			{"VulnerabilityID":"CVE-2026-1","VendorIDs":["DSA-1"],"PkgName":"a","InstalledVersion":"1","FixedVersion":"2, 3","Severity":"LOW","SeveritySource":"debian","CVSS":{"nvd":{"V3Vector":`+grave+`,"V3Score":9.8,"V2Vector":"AV:N/AC:L/Au:N/C:C/I:C/A:C","V2Score":10}}},
			{"VulnerabilityID":"CVE-2026-2","PkgName":"b","InstalledVersion":"1","Severity":"UNKNOWN","VendorSeverity":{"redhat":2,"ubuntu":3,"x":0}},
			{"VulnerabilityID":"CVE-2026-3","PkgName":"b","InstalledVersion":"1","Severity":"MEDIUM","SeveritySource":"nvd","CVSS":{"nvd":{"V2Score":10}}}],
		 "ExperimentalModifiedFindings":[{"Type":"vulnerability","Status":"not_affected","Statement":"code_not_reachable","Source":"vex.json","Finding":{"VulnerabilityID":"CVE-2026-4","PkgName":"c","PkgIdentifier":{"PURL":"pkg:deb/debian/c@1?arch=amd64"},"Severity":"HIGH"}}]},
		{"Target":"main.tf","Class":"config","Type":"terraform","MisconfSummary":{"Successes":1,"Failures":1},"Misconfigurations":[
			{"ID":"AVD-1","Severity":"HIGH","Status":"FAIL","Message":"m","CauseMetadata":{"Resource":"r","StartLine":7}},{"ID":"AVD-2","Severity":"HIGH","Status":"PASS"},{"ID":"AVD-3","Severity":"INFO","Status":"EXCEPTION"}],
		 "ExperimentalModifiedFindings":[{"Type":"misconfiguration","Status":"ignored","Source":".trivyignore","Finding":{"ID":"AVD-4","Severity":"LOW"}}]},
		{"Target":"/key.pem","Class":"secret","Secrets":[{"RuleID":"private-key","Category":"AsymmetricPrivateKey","StartLine":1,"Match":"TOP","Code":{"Lines":[{"Content":"TOP"}]}}]},
		{"Target":"OS Packages","Class":"license","Licenses":[{"Severity":"HIGH","Category":"restricted","PkgName":"bash","Name":"GPL-3.0"}]}]}`, Trivy)
	wantFindings(t, r,
		"CVE-2026-1 | pkg:deb/debian/a@1 | critical | nvd | 2, 3 | DSA-1 | app (debian 12)",
		"CVE-2026-2 | pkg:deb/debian/b@1 | high | ubuntu |  |  | app (debian 12)",
		"CVE-2026-3 | pkg:deb/debian/b@1 | critical | nvd |  |  | app (debian 12)",
		"CVE-2026-4 | pkg:deb/debian/c@1 | high | trivy |  |  | app (debian 12) | hidden by trivy: not_affected code_not_reachable vex.json")
	if want := []string{"iac-scan", "license-scan", "secret-scan", "vulns"}; !slices.Equal(r.Kinds, want) || r.Entries != 10 || r.CreatedAt != "2023-11-14T22:13:20Z" {
		t.Errorf("got %+v", r)
	}
	var flaws []string
	for _, f := range r.Flaws {
		flaws = append(flaws, strings.Join([]string{f.Rule, f.Severity, f.Location, f.Suppression}, " "))
	}
	slices.Sort(flaws)
	if want := []string{"AVD-1 high main.tf:7 ", "AVD-3 low main.tf scanner", "AVD-4 low main.tf scanner", "license/GPL-3.0 high bash "}; !slices.Equal(flaws, want) {
		t.Errorf("got %q", flaws)
	}
	if len(r.Secrets) != 1 || r.Secrets[0].Kind != "private-key" || r.Secrets[0].Location != "/key.pem:1" {
		t.Errorf("got %+v", r.Secrets)
	}
}

func TestTrivyOfClustersAndOldVersions(t *testing.T) {
	const vuln = `"Results":[{"Target":"t","Class":"os-pkgs","Type":"alpine","Vulnerabilities":[{"VulnerabilityID":"CVE-1","PkgName":"a","InstalledVersion":"1","Severity":"LOW"}]}]`
	for _, list := range []string{"Resources", "Findings", "Vulnerabilities"} {
		r := mustRead(t, `{"ClusterName":"c","`+list+`":[{"Namespace":"n","Kind":"Pod","Name":"p",`+vuln+`},{"Kind":"Node","Name":"x","Results":[{"Target":"k","Class":"config"}]}]}`, Trivy)
		wantFindings(t, r, "CVE-1 | pkg:apk/alpine/a@1 | low | trivy |  |  | n/Pod/p/t")
	}
	r := mustRead(t, `{"ClusterName":"c","Resources":[{"Kind":"Pod","Name":"p","Error":"no such image"},{"Kind":"Pod","Name":"q",`+vuln+`}]}`, Trivy)
	if err := r.Check(finding.KindVulns); err == nil || !strings.Contains(err.Error(), "no such image") {
		t.Errorf("got %v", err)
	}
	r = mustRead(t, `[{"Target":"a (alpine 3.9)","Type":"alpine","Vulnerabilities":[{"VulnerabilityID":"CVE-1","PkgName":"a","InstalledVersion":"1","Severity":"HIGH"}]},{"Target":"b","Type":"npm","Vulnerabilities":null}]`, Trivy)
	wantFindings(t, r, "CVE-1 | pkg:apk/alpine/a@1 | high | trivy |  |  | a (alpine 3.9)")
	wantErrors(t, Trivy, map[string]string{
		`{}`:                                  "SchemaVersion",
		`{"SchemaVersion":3}`:                 "SchemaVersion",
		`{"SchemaVersion":"2"}`:               "SchemaVersion",
		`{"ClusterName":"c"}`:                 "lists no resources",
		`[{"Type":"alpine"}]`:                 "no target",
		`{"SchemaVersion":2,"CreatedAt":"x"}`: "CreatedAt",
		`{"SchemaVersion":2,"Results":[{"Vulnerabilities":[{}]}]}`:                                          "a finding has no id",
		`{"SchemaVersion":2,"Results":[{"Misconfigurations":[{}]}]}`:                                        "no id",
		`{"SchemaVersion":2,"Results":[{"Secrets":[{}]}]}`:                                                  "no rule",
		`{"SchemaVersion":2,"Results":[{"Licenses":[{}]}]}`:                                                 "no name",
		`{"SchemaVersion":2,"Results":[{"ExperimentalModifiedFindings":[{"Type":"other"}]}]}`:               "unknown type",
		`{"SchemaVersion":2,"Results":[{"ExperimentalModifiedFindings":[{"Type":"secret","Finding":[]}]}]}`: "cannot unmarshal",
		`{"SchemaVersion":2,"Results":[{"ExperimentalModifiedFindings":[{"Type":"vulnerability"}]}]}`:       "ExperimentalModifiedFindings[0]",
	})
}

func TestOSVGroupsAreOneFinding(t *testing.T) {
	r := mustRead(t, `{"results":[{"source":{"path":"go.mod"},"packages":[{"package":{"name":"x/y","version":"1.0.0","ecosystem":"Go"},
		"vulnerabilities":[
			{"id":"GHSA-1","aliases":["CVE-2026-1"],"severity":[{"type":"CVSS_V3","score":`+fair+`}],"database_specific":{"severity":"MODERATE"},"affected":[
				{"package":{"name":"x/y","ecosystem":"Go"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.1.0"}]},{"type":"GIT","events":[{"fixed":"abc"}]}]},{"package":{"name":"other"},"ranges":[{"type":"SEMVER","events":[{"fixed":"9"}]}]}]},
			{"id":"GO-1","database_specific":{"url":"u"}},
			{"id":"DEBIAN-CVE-2026-9","upstream":["CVE-2026-9"],"severity":[{"type":"Ubuntu","score":"negligible"}],"affected":[{"package":{"name":"x/y"},"severity":[{"type":"CVSS_V2","score":"AV:N/AC:L/Au:N/C:P/I:P/A:P"}]}]}],
		"groups":[{"ids":["GHSA-1","GO-1"],"aliases":["CVE-2026-1","GHSA-1","GO-1"],"max_severity":"9.1","experimentalAnalysis":{"GO-1":{"called":false}}},{"ids":["DEBIAN-CVE-2026-9"],"experimental_analysis":{"DEBIAN-CVE-2026-9":{"called":true}}}]}]}]}`, OSV)
	wantFindings(t, r,
		"CVE-2026-1 | pkg:golang/x/y@v1.0.0 | critical | osv-scanner | 1.1.0 | GHSA-1,GO-1 | go.mod | not reachable",
		"CVE-2026-9 | pkg:golang/x/y@v1.0.0 | high | debian |  | DEBIAN-CVE-2026-9 | go.mod | reachable")
	if r := mustRead(t, `{"results":[]}`, OSV); len(r.Vulns) != 0 || r.Check(finding.KindVulns) == nil {
		t.Errorf("got %+v", r)
	}
	if r := mustRead(t, `{"results":[{"source":{"path":"go.mod"},"packages":[{"package":{"name":"x/y","version":"1","ecosystem":"Go"}}]}]}`, OSV); len(r.Vulns) != 0 || r.Check(finding.KindVulns) != nil {
		t.Errorf("got %+v", r)
	}
	many := strings.Repeat(`"x",`, finding.MaxAliases) + `"x"`
	wantErrors(t, OSV, map[string]string{
		`{"results":[{"packages":[{"groups":[{"ids":[` + many + `]}]}]}]}`: "groups[0] has more than",
		`{"results":[{"packages":[{"package":{"name":"a"},"vulnerabilities":[{"id":"GHSA-1"}],"groups":[` + strings.Repeat(`{"ids":["GHSA-1"]},`, maxGroups) + `{"ids":["GHSA-1"]}]}]}]}`: "of more than 8 groups",
		`{}`:               "no list of results",
		`{"results":null}`: "no list of results",
		`{"results":[{"packages":[{"package":{"name":"a"},"vulnerabilities":[{}]}]}]}`:        "no id",
		`{"results":[{"packages":[{"package":{"name":"a"},"groups":[{"ids":["GHSA-1"]}]}]}]}`: "no vulnerability that is listed",
	})
}

func TestSnykReadsProjectsAndWhatPoliciesHide(t *testing.T) {
	const vuln = `{"id":"SNYK-JS-A-1","identifiers":{"CVE":["CVE-2026-1"],"GHSA":["GHSA-1"],"CWE":["CWE-1"],"NSP":[118]},"severity":"high","severityWithCritical":"critical","CVSSv3":` + fair + `,
		"packageName":"a","version":"1.0.0","fixedIn":["1.1.0","2.0.0"],"reachability":"function"}`
	r := mustRead(t, `[{"ok":false,"packageManager":"npm","displayTargetFile":"package.json","vulnerabilities":[`+vuln+`,{"id":"snyk:lic:npm:b:GPL-3.0","type":"license","license":"GPL-3.0","severity":"medium","name":"b","version":"1"}],
		"filtered":{"ignore":[{"id":"SNYK-JS-C-1","severity":"low","name":"c","version":"1","filtered":{"ignored":[{"reason":"no fix"}]}}],"patch":[{"id":"SNYK-JS-D-1","severity":"low","name":"d","version":"1","reachability":"not-reachable"}]}},
		{"ok":true,"packageManager":"deb","vulnerabilities":[],"applications":[{"ok":false,"packageManager":"pip","vulnerabilities":[{"id":"SNYK-PYTHON-E-1","name":"E","version":"1","cvssScore":5,"cvssDetails":[{"assigner":"NVD","cvssV3Vector":`+grave+`}],"cvssSources":[{"assigner":"Snyk","severity":"low","vector":`+fair+`,"cvssVersion":"3.1"}]}]}]}]`, Snyk)
	wantFindings(t, r,
		"CVE-2026-1 | pkg:npm/a@1.0.0 | critical | snyk | 1.1.0, 2.0.0 | GHSA-1,SNYK-JS-A-1 | package.json | reachable",
		"SNYK-JS-C-1 | pkg:npm/c@1 | low | snyk |  |  | package.json | hidden by snyk: no fix",
		"SNYK-JS-D-1 | pkg:npm/d@1 | low | snyk |  |  | package.json | not reachable | hidden by snyk: patched",
		"SNYK-PYTHON-E-1 | pkg:pypi/e@1 | critical | nvd |  |  | ")
	if len(r.Flaws) != 1 || r.Entries != 5 || !slices.Equal(r.Kinds, []string{"license-scan", "vulns"}) {
		t.Errorf("got %+v", r)
	}
	wantErrors(t, Snyk, map[string]string{
		`{"ok":false,"error":"Could not detect supported target files","path":"/"}`:        "an error message and no result: Could not detect",
		`[{"ok":true,"vulnerabilities":[]},{"ok":false,"error":"x","vulnerabilities":[]}]`: "[1]: an error message",
		`{"ok":true}`:                        "no list of vulnerabilities",
		`{"vulnerabilities":[]}`:             "no word on whether all is ok",
		`{"ok":false,"vulnerabilities":[]}`:  "nothing is listed",
		`{"ok":true,"vulnerabilities":[{}]}`: "no id",
		`{"ok":true,"vulnerabilities":[],"applications":[{"ok":true}]}`: "applications[0]",
		`{"ok":true,"vulnerabilities":[],"filtered":{"ignore":[{}]}}`:   "filtered.ignore[0]",
		`{"ok":true,"vulnerabilities":[],"filtered":{"patch":[{}]}}`:    "filtered.patch[0]",
	})
}

const counts = `"metadata":{"vulnerabilities":{"high":1}}`

func TestNPMAuditLeadsToAdvisories(t *testing.T) {
	r := mustRead(t, `{"advisories":{"1":{"id":1,"module_name":"a","cves":[],"url":"https://github.com/advisories/GHSA-aaaa-bbbb-cccc","severity":"high","patched_versions":"<0.0.0","findings":[{"version":"1.0.0"},{"version":"2.0.0"},{"version":"1.0.0"}]},
		"2":{"id":2,"module_name":"b","cves":["CVE-2026-1","CVE-2026-2"],"severity":"low","patched_versions":">=2","cvss":{"score":0,"vectorString":[]}}},"muted":[{"id":3,"module_name":"c","severity":"high"}],`+counts+`}`, NPM)
	wantFindings(t, r,
		"CVE-2026-1 | pkg:npm/b | low | npm | 2 | NPM-2 | ",
		"CVE-2026-2 | pkg:npm/b | low | npm | 2 | NPM-2 | ",
		"GHSA-aaaa-bbbb-cccc | pkg:npm/a@1.0.0 | high | npm |  |  | ",
		"GHSA-aaaa-bbbb-cccc | pkg:npm/a@2.0.0 | high | npm |  |  | ",
		"NPM-3 | pkg:npm/c | high | npm |  |  |  | hidden by npm-audit: muted")
	r = mustRead(t, `{"auditReportVersion":2,"vulnerabilities":{"top":{"name":"top","via":["mid"]},"mid":{"name":"mid","via":["@x/low"]},
		"@x/low":{"name":"@x/low","via":[{"source":7,"name":"@x/low","url":"https://npmjs.com/advisories/7","severity":"moderate","cvss":{"score":9.8,"vectorString":`+grave+`}}],"nodes":["node_modules/@x/low"]}},`+counts+`}`, NPM)
	wantFindings(t, r, "NPM-7 | pkg:npm/%40x/low | critical | ghsa |  |  | node_modules/@x/low")
	if r.Entries != 3 {
		t.Errorf("%d entries", r.Entries)
	}
	wantErrors(t, NPM, map[string]string{
		`{"error":{"code":"ENOLOCK","summary":"no lockfile"}}`:                     "an error message",
		`{"auditReportVersion":2,` + counts + `}`:                                  "neither advisories",
		`{"advisories":{},"vulnerabilities":{},` + counts + `}`:                    "neither advisories",
		`{"auditReportVersion":2,"vulnerabilities":{}}`:                            "nobody counted",
		`{"auditReportVersion":2,"vulnerabilities":{},` + counts + `}`:             "counts 1 vulnerabilities",
		`{"advisories":{},` + counts + `}`:                                         "counts 1 vulnerabilities",
		`{"advisories":{"1":{"id":1}},` + counts + `}`:                             "no module_name",
		`{"advisories":{},"muted":[{}],` + counts + `}`:                            "muted[0]",
		`{"vulnerabilities":{"a":{"via":[]}},` + counts + `}`:                      "leads to no advisory",
		`{"vulnerabilities":{"a":{"via":["gone"]}},` + counts + `}`:                "leads to no advisory",
		`{"vulnerabilities":{"a":{"via":["b"]},"b":{"via":["a"]}},` + counts + `}`: "leads to no advisory",
		`{"vulnerabilities":{"a":{"via":[{"name":"a"}]}},` + counts + `}`:          "no id",
		`{"vulnerabilities":{"a":{"via":[7]}},` + counts + `}`:                     "cannot unmarshal",
	})
}

func TestGovulncheckTellsCallsFromImports(t *testing.T) {
	const config = `{"config":{"protocol_version":"v1.0.0","scanner_version":"v1.1","db_last_modified":"2026-11-20T00:00:00Z","scan_level":"LEVEL"}}`
	const rest = `{"progress":{"message":"m"}}{"SBOM":{"go_version":"go1.26"}}{"osv":{"id":"GO-1","aliases":["CVE-2026-1"]}}
		{"finding":{"osv":"GO-1","fixed_version":"v1.1","trace":[{"module":"m","version":"v1"}]}}
		{"finding":{"osv":"GO-1","fixed_version":"v1.1","trace":[{"module":"m","version":"v1","package":"p","function":"F"},{"module":"app","function":"main","position":{"filename":"main.go","line":3}}]}}
		{"finding":{"osv":"GO-2","trace":[{"module":"stdlib","version":"v1.20","package":"net/http"}]}}`
	wantFindings(t, mustRead(t, strings.Replace(config, "LEVEL", "symbol", 1)+rest, Govulncheck),
		"CVE-2026-1 | pkg:golang/m@v1 | unknown |  | v1.1 | GO-1 | main.go:3 | reachable",
		"GO-2 | pkg:golang/stdlib@v1.20 | unknown |  |  |  |  | not reachable")
	wantFindings(t, mustRead(t, strings.Replace(config, "LEVEL", "package", 1)+rest, Govulncheck),
		"CVE-2026-1 | pkg:golang/m@v1 | unknown |  | v1.1 | GO-1 | main.go:3",
		"GO-2 | pkg:golang/stdlib@v1.20 | unknown |  |  |  | ")
	wantErrors(t, Govulncheck, map[string]string{
		rest:               "no config",
		config + config:    "a second config",
		config + `{"x":1}`: "none of config",
		config + `{"finding":{"osv":"GO-1","trace":[]}}`:   "names no module",
		config + `{"finding":{"osv":"GO-1","trace":[{}]}}`: "names no module",
		config + `{"finding":{"trace":[{"module":"m"}]}}`:  "no id",
		`{"config":{}}`: "is not of a scan",
		`{"config":{"protocol_version":"v1","scan_mode":"query"}}`:            "is not of a scan",
		`{"config":{"protocol_version":"v1","db_last_modified":"yesterday"}}`: "RFC 3339",
	})
}

func TestCycloneDXNamesComponents(t *testing.T) {
	const bom = `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"metadata":{"tools":[{"name":"Tool","version":"2"}],"component":{"type":"application","name":"app","version":"1","bom-ref":"app"}},
		"components":[{"type":"library","name":"a","version":"1","bom-ref":"ref-a","purl":"pkg:npm/a@1","components":[{"type":"library","group":"g","name":"b","version":"2","bom-ref":"ref-b"}]}],"vulnerabilities":[VULNS]}`
	r := mustRead(t, strings.Replace(bom, "VULNS", `
		{"id":"CVE-1","references":[{"id":"GHSA-1","source":{"name":"GitHub"}}],"source":{"name":"NVD"},"ratings":[{"severity":"low","method":"OWASP","vector":"SL:1"},{"score":7.5,"method":"CVSSv31","source":{"name":"GHSA"}}],"affects":[{"ref":"ref-a"},{"ref":"ref-b"},{"ref":"app"},{"ref":"lost"}]},
		{"id":"CVE-2","ratings":[{"method":"CVSSv2","vector":"AV:N/AC:L/Au:N/C:P/I:P/A:P"}],"analysis":{"state":"false_positive"},"affects":[{"ref":"urn:cdx:1/1#pkg:npm/c@1"},{"ref":"urn:cdx:1/1#pkg%3Anpm%2Fd%401"}]},
		{"id":"CVE-3","analysis":{"state":"in_triage"}}`, 1), CycloneDX)
	wantFindings(t, r,
		"CVE-1 | app@1 | high | ghsa |  | GHSA-1 | ", "CVE-1 | g/b@2 | high | ghsa |  | GHSA-1 | ", "CVE-1 | lost | high | ghsa |  | GHSA-1 | ", "CVE-1 | pkg:npm/a@1 | high | ghsa |  | GHSA-1 | ",
		"CVE-2 | pkg:npm/c@1 | high | cyclonedx |  |  |  | hidden by tool: false_positive", "CVE-2 | pkg:npm/d@1 | high | cyclonedx |  |  |  | hidden by tool: false_positive",
		"CVE-3 |  | unknown |  |  |  | ")
	if r.Tool != "tool" || r.Version != "2" || r.Entries != 3 {
		t.Errorf("got %+v", r)
	}
	if r := mustRead(t, `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"timestamp":"x"},"vulnerabilities":[{"id":"CVE-1"}]}`, CycloneDX); r.CreatedAt != "" || len(r.Vulns) != 1 {
		t.Errorf("got %+v", r)
	}
	for _, none := range []string{strings.Replace(bom, "VULNS", "", 1), `{"bomFormat":"CycloneDX","specVersion":"1.6"}`, `<bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1"></bom>`} {
		if r, err := read(t, none, CycloneDX); err == nil || !strings.Contains(err.Error(), "lists no vulnerabilities") {
			t.Errorf("got %+v, %v", r, err)
		}
	}
	wantErrors(t, CycloneDX, map[string]string{
		strings.Replace(bom, "VULNS", `{}`, 1):                                              "vulnerabilities[0]: a finding has no id",
		`<bom xmlns="http://cyclonedx.org/schema/bom/1.5"><vulnerabilities><vulnerability>`: "",
	})
}
