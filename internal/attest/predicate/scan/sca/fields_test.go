package sca

import (
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// field is what becomes of a minimal report when one text in it is replaced: a finding,
// written by short, or an error.
type field struct {
	name, old, new string
	want           string // of the finding; of several, parted by a line break
	err            string
}

// wantFields replaces in a report one text after another, each in the report as it was.
func wantFields(t *testing.T, base string, r reader, fields []field) {
	t.Helper()
	for _, f := range fields {
		if strings.Count(base, f.old) != 1 {
			t.Fatalf("%s: %q stands %d times in the report", f.name, f.old, strings.Count(base, f.old))
		}
		report, err := read(t, strings.Replace(base, f.old, f.new, 1), r)
		if f.err != "" || err != nil {
			if err == nil || f.err == "" || !strings.Contains(err.Error(), f.err) {
				t.Errorf("%s: got %+v, %v; want an error with %q", f.name, report, err, f.err)
			}
			continue
		}
		var got []string
		for _, v := range report.Vulns {
			got = append(got, strings.TrimRight(short(v), "| "))
		}
		if strings.Join(got, "\n") != f.want || report.Check(finding.KindVulns) != nil {
			t.Errorf("%s: got %q, %v; want %q", f.name, got, report.Check(finding.KindVulns), f.want)
		}
	}
}

func TestFieldsOfGrype(t *testing.T) {
	wantFields(t, `{"matches":[{"vulnerability":{"id":"CVE-1","namespace":"debian:distro:debian:12","severity":"Low","fix":{"versions":[]},"cvss":[]},"relatedVulnerabilities":[],
		"artifact":{"name":"a","version":"1","type":"npm","language":"javascript","purl":"pkg:npm/a@1","locations":[]}}],"ignoredMatches":[],"descriptor":{"name":"grype","timestamp":"2026-11-20T10:00:00Z","db":{}}}`, Grype, []field{
		{"nothing", `"CVE-1"`, `"CVE-1"`, "CVE-1 | pkg:npm/a@1 | low | debian", ""},
		{"another word", `"Low"`, `"Negligible"`, "CVE-1 | pkg:npm/a@1 | negligible | debian", ""},
		{"no word", `"Low"`, `""`, "CVE-1 | pkg:npm/a@1 | unknown", ""},
		{"a word that nobody knows", `"Low"`, `"Defcon"`, "CVE-1 | pkg:npm/a@1 | unknown", ""},
		{"the records of GitHub", `"debian:distro:debian:12"`, `"github:language:javascript"`, "CVE-1 | pkg:npm/a@1 | low | ghsa", ""},
		{"no namespace", `"debian:distro:debian:12"`, `""`, "CVE-1 | pkg:npm/a@1 | low | grype", ""},
		{"a graver vector", `"cvss":[]`, `"cvss":[{"version":"3.1","vector":` + grave + `}]`, "CVE-1 | pkg:npm/a@1 | critical | debian", ""},
		{"a vector that is none, with a score", `"cvss":[]`, `"cvss":[{"version":"3.1","vector":"AV:?","metrics":{"baseScore":7.1}}]`, "CVE-1 | pkg:npm/a@1 | high | debian", ""},
		{"two fixes", `"versions":[]`, `"versions":["1.1","2","1.1"]`, "CVE-1 | pkg:npm/a@1 | low | debian | 1.1, 2", ""},
		{"the fix of old versions", `"fix":{"versions":[]}`, `"fixedInVersion":"1.1"`, "CVE-1 | pkg:npm/a@1 | low | debian | 1.1", ""},
		{"a related record with a graver vector", `"relatedVulnerabilities":[]`, `"relatedVulnerabilities":[{"id":"GHSA-1","namespace":"nvd:cpe","cvss":[{"version":"3.1","vector":` + grave + `}]}]`, "CVE-1 | pkg:npm/a@1 | critical | nvd |  | GHSA-1", ""},
		{"the word of a related record", `"relatedVulnerabilities":[]`, `"relatedVulnerabilities":[{"id":"GHSA-1","namespace":"nvd:cpe","severity":"Critical"}]`, "CVE-1 | pkg:npm/a@1 | low | debian |  | GHSA-1", ""},
		{"a package without purl", `"purl":"pkg:npm/a@1"`, `"purl":""`, "CVE-1 | pkg:npm/a@1 | low | debian", ""},
		{"qualifiers", `"pkg:npm/a@1"`, `"pkg:npm/a@1?arch=x#y"`, "CVE-1 | pkg:npm/a@1 | low | debian", ""},
		{"where it was found", `"locations":[]`, `"locations":[{"path":"/b"},{"path":"/a"}]`, "CVE-1 | pkg:npm/a@1 | low | debian |  |  | /a,/b", ""},
		{"an ignored match", `"ignoredMatches":[]`, `"ignoredMatches":[{"vulnerability":{"id":"CVE-2","severity":"High"},"artifact":{"name":"b"},"appliedIgnoreRules":[{"fix-state":"wont-fix","package":{"name":"b"}}]}]`,
			"CVE-1 | pkg:npm/a@1 | low | debian\nCVE-2 | b | high | grype |  |  |  | hidden by grype: wont-fix b", ""},
		{"no matches", `"matches":[{`, `"matched":[{`, "", "no list of matches"},
		{"an object for the matches", `"matches":[{`, `"matches":{},"m":[{`, "", "cannot unmarshal"},
		{"no id", `"CVE-1"`, `""`, "", "matches[0]: a finding has no id"},
		{"another tool", `"name":"grype"`, `"name":"syft"`, "", "descriptor.name"},
		{"a time that is none", `"2026-11-20T10:00:00Z"`, `"today"`, "", "descriptor: "},
		{"a database of no time", `"db":{}`, `"db":{"status":{"built":"2026"}}`, "", "descriptor: "},
		{"a number for a severity", `"Low"`, `3`, "", "cannot unmarshal"},
	})
}

func TestFieldsOfTrivy(t *testing.T) {
	wantFields(t, `{"SchemaVersion":2,"CreatedAt":"2026-11-20T10:00:00Z","Results":[{"Target":"t","Class":"os-pkgs","Type":"debian","Vulnerabilities":[
		{"VulnerabilityID":"CVE-1","VendorIDs":[],"PkgName":"a","PkgPath":"","PkgIdentifier":{},"InstalledVersion":"1","FixedVersion":"","Severity":"LOW","SeveritySource":"debian","VendorSeverity":{},"CVSS":{}}]}]}`, Trivy, []field{
		{"nothing", `"CVE-1"`, `"CVE-1"`, "CVE-1 | pkg:deb/debian/a@1 | low | debian |  |  | t", ""},
		{"a schema of old", `"SchemaVersion":2`, `"SchemaVersion":1`, "CVE-1 | pkg:deb/debian/a@1 | low | debian |  |  | t", ""},
		{"a path", `"PkgPath":""`, `"PkgPath":"usr/a"`, "CVE-1 | pkg:deb/debian/a@1 | low | debian |  |  | usr/a", ""},
		{"a purl", `"PkgIdentifier":{}`, `"PkgIdentifier":{"PURL":"pkg:deb/debian/a@1-2?arch=x"}`, "CVE-1 | pkg:deb/debian/a@1-2 | low | debian |  |  | t", ""},
		{"two fixes", `"FixedVersion":""`, `"FixedVersion":"2, 3,2"`, "CVE-1 | pkg:deb/debian/a@1 | low | debian | 2, 3 |  | t", ""},
		{"the name of a vendor", `"VendorIDs":[]`, `"VendorIDs":["DSA-1"]`, "CVE-1 | pkg:deb/debian/a@1 | low | debian |  | DSA-1 | t", ""},
		{"no source of the severity", `"SeveritySource":"debian"`, `"SeveritySource":""`, "CVE-1 | pkg:deb/debian/a@1 | low | trivy |  |  | t", ""},
		{"a graver vector of another", `"CVSS":{}`, `"CVSS":{"ghsa":{"V3Vector":` + grave + `},"nvd":{"V3Vector":` + fair + `}}`, "CVE-1 | pkg:deb/debian/a@1 | critical | ghsa |  |  | t", ""},
		{"a graver score of another", `"CVSS":{}`, `"CVSS":{"ghsa":{"V40Score":9.3}}`, "CVE-1 | pkg:deb/debian/a@1 | critical | ghsa |  |  | t", ""},
		{"CVSS 2 beside a score of 3", `"CVSS":{}`, `"CVSS":{"nvd":{"V2Score":10,"V2Vector":"AV:N/AC:L/Au:N/C:C/I:C/A:C","V3Score":5}}`, "CVE-1 | pkg:deb/debian/a@1 | medium | nvd |  |  | t", ""},
		{"CVSS 2 alone", `"CVSS":{}`, `"CVSS":{"nvd":{"V2Vector":"AV:N/AC:L/Au:N/C:C/I:C/A:C"}}`, "CVE-1 | pkg:deb/debian/a@1 | critical | nvd |  |  | t", ""},
		{"the words of vendors count where there is none", `"Severity":"LOW","SeveritySource":"debian","VendorSeverity":{}`, `"Severity":"","SeveritySource":"","VendorSeverity":{"a":1,"b":4,"c":0}`, "CVE-1 | pkg:deb/debian/a@1 | critical | b |  |  | t", ""},
		{"and not beside one", `"VendorSeverity":{}`, `"VendorSeverity":{"b":4}`, "CVE-1 | pkg:deb/debian/a@1 | low | debian |  |  | t", ""},
		{"words of vendors as words", `"Severity":"LOW","SeveritySource":"debian","VendorSeverity":{}`, `"VendorSeverity":{"a":"HIGH"}`, "CVE-1 | pkg:deb/debian/a@1 | high | a |  |  | t", ""},
		{"what a setting of Trivy hid", `"Class":"os-pkgs"`, `"Class":"os-pkgs","ExperimentalModifiedFindings":[{"Type":"vulnerability","Status":"ignored","Finding":{"VulnerabilityID":"CVE-2","PkgName":"b","InstalledVersion":"1"}}]`,
			"CVE-1 | pkg:deb/debian/a@1 | low | debian |  |  | t\nCVE-2 | pkg:deb/debian/b@1 | unknown |  |  |  | t | hidden by trivy: ignored", ""},
		{"no id", `"CVE-1"`, `""`, "", "Vulnerabilities[0]: a finding has no id"},
		{"another schema", `"SchemaVersion":2`, `"SchemaVersion":2.5`, "", "SchemaVersion 2.5"},
		{"no schema", `"SchemaVersion":2`, `"Version":2`, "", "SchemaVersion <nil>"},
		{"a time that is none", `"2026-11-20T10:00:00Z"`, `"20.11.2026"`, "", "CreatedAt"},
		{"an object for the results", `"Results":[{`, `"Results":{},"R":[{`, "", "cannot unmarshal"},
		{"a list for a vector", `"CVSS":{}`, `"CVSS":{"nvd":{"V3Vector":[]}}`, "", "cannot unmarshal"},
	})
}

func TestFieldsOfOSVScanner(t *testing.T) {
	wantFields(t, `{"results":[{"source":{"path":"p"},"packages":[{"package":{"name":"a","version":"1","ecosystem":"npm"},"vulnerabilities":[{"id":"GHSA-1","aliases":[],"upstream":[],"severity":[],"affected":[],"database_specific":{}}],
		"groups":[{"ids":["GHSA-1"],"aliases":[],"max_severity":""}]}]}]}`, OSV, []field{
		{"nothing", `"GHSA-1","`, `"GHSA-1","`, "GHSA-1 | pkg:npm/a@1 | unknown |  |  |  | p", ""},
		{"an alias", `"aliases":[],"upstream"`, `"aliases":["CVE-1"],"upstream"`, "CVE-1 | pkg:npm/a@1 | unknown |  |  | GHSA-1 | p", ""},
		{"what it is made of", `"upstream":[]`, `"upstream":["CVE-1"]`, "CVE-1 | pkg:npm/a@1 | unknown |  |  | GHSA-1 | p", ""},
		{"an alias of the group", `"aliases":[],"max_severity"`, `"aliases":["CVE-1"],"max_severity"`, "CVE-1 | pkg:npm/a@1 | unknown |  |  | GHSA-1 | p", ""},
		{"a vector", `"severity":[]`, `"severity":[{"type":"CVSS_V3","score":` + grave + `}]`, "GHSA-1 | pkg:npm/a@1 | critical | ghsa |  |  | p", ""},
		{"CVSS 2 beside 3", `"severity":[]`, `"severity":[{"type":"CVSS_V2","score":"AV:N/AC:L/Au:N/C:C/I:C/A:C"},{"type":"CVSS_V3","score":` + fair + `}]`, "GHSA-1 | pkg:npm/a@1 | medium | ghsa |  |  | p", ""},
		{"the word of a distribution", `"severity":[]`, `"severity":[{"type":"Ubuntu","score":"high"}]`, "GHSA-1 | pkg:npm/a@1 | high | ghsa |  |  | p", ""},
		{"the word of a database", `"database_specific":{}`, `"database_specific":{"severity":"MODERATE"}`, "GHSA-1 | pkg:npm/a@1 | medium | ghsa |  |  | p", ""},
		{"a database that has no word for it", `"database_specific":{}`, `"database_specific":{"severity":[7]}`, "GHSA-1 | pkg:npm/a@1 | unknown |  |  |  | p", ""},
		{"the score of the group", `"max_severity":""`, `"max_severity":"9.8"`, "GHSA-1 | pkg:npm/a@1 | critical | osv-scanner |  |  | p", ""},
		{"a vector of the package", `"affected":[]`, `"affected":[{"package":{"name":"b"},"severity":[{"type":"CVSS_V3","score":` + grave + `}]},{"package":{"name":"a"},"severity":[{"type":"CVSS_V3","score":` + fair + `}]}]`, "GHSA-1 | pkg:npm/a@1 | medium | ghsa |  |  | p", ""},
		{"the fix of the package", `"affected":[]`, `"affected":[{"package":{"name":"b"},"ranges":[{"events":[{"fixed":"9"}]}]},{"package":{"name":"a"},"ranges":[{"events":[{"introduced":"0"},{"fixed":"2"}]},{"type":"GIT","events":[{"fixed":"abc"}]}]}]`,
			"GHSA-1 | pkg:npm/a@1 | unknown |  | 2 |  | p", ""},
		{"a package with a purl", `"name":"a"`, `"name":"a","purl":"pkg:npm/z@3"`, "GHSA-1 | pkg:npm/z@3 | unknown |  |  |  | p", ""},
		{"an ecosystem with a release", `"npm"`, `"Debian:12"`, "GHSA-1 | pkg:deb/debian/a@1 | unknown |  |  |  | p", ""},
		{"a commit for a version", `"version":"1"`, `"commit":"abc"`, "GHSA-1 | pkg:npm/a@abc | unknown |  |  |  | p", ""},
		{"it is called", `"max_severity":""`, `"experimental_analysis":{"GHSA-1":{"called":true}}`, "GHSA-1 | pkg:npm/a@1 | unknown |  |  |  | p | reachable", ""},
		{"it is not called", `"max_severity":""`, `"experimentalAnalysis":{"GHSA-1":{"called":false}}`, "GHSA-1 | pkg:npm/a@1 | unknown |  |  |  | p | not reachable", ""},
		{"another one is not called", `"max_severity":""`, `"experimentalAnalysis":{"GHSA-2":{"called":false}}`, "GHSA-1 | pkg:npm/a@1 | unknown |  |  |  | p", ""},
		{"no results", `"results":[`, `"result":[`, "", "no list of results"},
		{"no packages", `"packages":[`, `"package":[`, "", "results[0] has no list of packages"},
		{"no vulnerabilities", `"vulnerabilities":[`, `"vulns":[`, "", "no vulnerability that is listed"},
		{"a group of another", `"ids":["GHSA-1"]`, `"ids":["GHSA-2"]`, "", "the group of GHSA-2"},
		{"no id", `"id":"GHSA-1"`, `"id":""`, "", "a finding has no id"},
		{"a number for a score", `"severity":[]`, `"severity":[{"type":"CVSS_V3","score":9.8}]`, "", "cannot unmarshal"},
	})
	// The reports of other tools have "Results" too, which encoding/json takes for it.
	wantErrors(t, OSV, map[string]string{
		`{"SchemaVersion":2,"Results":[{"Target":"a","Class":"os-pkgs","Vulnerabilities":[{"VulnerabilityID":"CVE-1"}]}]}`: "no list of packages",
		`{"results":[{"check_id":"r","path":"a.go"}],"errors":[]}`:                                                         "no list of packages",
		`{"results":[null]}`:                "no list of packages",
		`{"results":[{"packages":[{}]}]}`:   "neither a package nor a commit",
		`{"results":[{"packages":[null]}]}`: "neither a package nor a commit",
	})
}

func TestFieldsOfSnyk(t *testing.T) {
	wantFields(t, `{"ok":false,"packageManager":"npm","vulnerabilities":[{"id":"SNYK-1","identifiers":{},"alternativeIds":[],"severity":"low","packageName":"a","version":"1","fixedIn":[],"cvssSources":[]}]}`, Snyk, []field{
		{"nothing", `"SNYK-1"`, `"SNYK-1"`, "SNYK-1 | pkg:npm/a@1 | low | snyk", ""},
		{"ids of others", `"identifiers":{}`, `"identifiers":{"CVE":["CVE-1"],"GHSA":["GHSA-1"],"RHSA":["RHSA-1"],"CWE":["CWE-79"]}`, "CVE-1 | pkg:npm/a@1 | low | snyk |  | GHSA-1,RHSA-1,SNYK-1", ""},
		{"two CVEs are two findings", `"identifiers":{}`, `"identifiers":{"CVE":["CVE-1","CVE-2"]}`, "CVE-1 | pkg:npm/a@1 | low | snyk |  | SNYK-1\nCVE-2 | pkg:npm/a@1 | low | snyk |  | SNYK-1", ""},
		{"an older id", `"alternativeIds":[]`, `"alternativeIds":["npm:a:2020"]`, "SNYK-1 | pkg:npm/a@1 | low | snyk |  | npm:a:2020", ""},
		{"a graver word", `"severity":"low"`, `"severity":"high","severityWithCritical":"critical"`, "SNYK-1 | pkg:npm/a@1 | critical | snyk", ""},
		{"a graver vector", `"severity":"low"`, `"severity":"low","CVSSv3":` + grave, "SNYK-1 | pkg:npm/a@1 | critical | snyk", ""},
		{"a graver score", `"severity":"low"`, `"severity":"low","cvssScore":7`, "SNYK-1 | pkg:npm/a@1 | high | snyk", ""},
		{"what another assigns", `"cvssSources":[]`, `"cvssSources":[{"assigner":"Red Hat","severity":"critical","cvssVersion":"3.1"}]`, "SNYK-1 | pkg:npm/a@1 | critical | red hat", ""},
		{"a package of another manager", `"packageName":"a"`, `"packageName":"a","packageManager":"pip"`, "SNYK-1 | pkg:pypi/a@1 | low | snyk", ""},
		{"a package of no manager", `"packageManager":"npm"`, `"packageManager":"unmanaged"`, "SNYK-1 | a@1 | low | snyk", ""},
		{"fixes", `"fixedIn":[]`, `"fixedIn":["2","3"]`, "SNYK-1 | pkg:npm/a@1 | low | snyk | 2, 3", ""},
		{"reachable", `"version":"1"`, `"version":"1","reachability":"package"`, "SNYK-1 | pkg:npm/a@1 | low | snyk |  |  |  | reachable", ""},
		{"unreachable", `"version":"1"`, `"version":"1","reachability":"not-reachable"`, "SNYK-1 | pkg:npm/a@1 | low | snyk |  |  |  | not reachable", ""},
		{"nothing known of that", `"version":"1"`, `"version":"1","reachability":"no-info"`, "SNYK-1 | pkg:npm/a@1 | low | snyk", ""},
		{"an error beside it", `"ok":false`, `"ok":false,"error":"timeout"`, "", "an error message and no result: timeout"},
		{"no word on whether all is ok", `"ok":false`, `"ok":null`, "", "no word on whether all is ok"},
		{"no list", `"vulnerabilities":[`, `"issues":[`, "", "no list of vulnerabilities"},
		{"not ok, and nothing listed", `"vulnerabilities":[`, `"vulnerabilities":[],"issues":[`, "", "not ok, and yet nothing is listed"},
		{"an application without list", `"ok":false`, `"ok":false,"applications":[{"ok":true}]`, "", "applications[0]: no list"},
		{"no id", `"SNYK-1"`, `""`, "", "vulnerabilities[0]: a finding has no id"},
		{"a text for the list", `"fixedIn":[]`, `"fixedIn":"2"`, "", "cannot unmarshal"},
	})
}

func TestFieldsOfNPMAudit(t *testing.T) {
	wantFields(t, `{"auditReportVersion":2,"vulnerabilities":{"a":{"name":"a","via":[{"source":7,"name":"a","url":"https://github.com/advisories/ghsa-aaaa-bbbb-cccc","severity":"low","cvss":{"score":0}}],"nodes":[]}},"metadata":{"vulnerabilities":{"low":1}}}`, NPM, []field{
		{"nothing", `"source":7`, `"source":7`, "GHSA-aaaa-bbbb-cccc | pkg:npm/a | low | npm", ""},
		{"an advisory of npm", `https://github.com/advisories/ghsa-aaaa-bbbb-cccc`, `https://npmjs.com/advisories/7`, "NPM-7 | pkg:npm/a | low | npm", ""},
		{"a graver vector", `"score":0`, `"score":9.8,"vectorString":` + grave, "GHSA-aaaa-bbbb-cccc | pkg:npm/a | critical | ghsa", ""},
		{"a graver score", `"score":0`, `"score":7.5,"vectorString":null`, "GHSA-aaaa-bbbb-cccc | pkg:npm/a | high | ghsa", ""},
		{"a package that has it from another", `"nodes":[]}`, `"nodes":[]},"top":{"name":"top","via":["a"]}`, "GHSA-aaaa-bbbb-cccc | pkg:npm/a | low | npm", ""},
		{"where it lies", `"nodes":[]`, `"nodes":["node_modules/a"]`, "GHSA-aaaa-bbbb-cccc | pkg:npm/a | low | npm |  |  | node_modules/a", ""},
		{"an error beside it", `"auditReportVersion":2`, `"error":{"summary":"ENOTFOUND"}`, "", "an error message and no result"},
		{"nobody counted", `"metadata":{"vulnerabilities":{"low":1}}`, `"metadata":{}`, "", "nobody counted"},
		{"an empty list that was counted", `"vulnerabilities":{"a"`, `"vulnerabilities":{},"v":{"a"`, "", "counts 1 vulnerabilities"},
		{"no list", `"vulnerabilities":{"a"`, `"v":{"a"`, "", "neither advisories"},
		{"a package that leads nowhere", `"nodes":[]}`, `"nodes":[]},"top":{"name":"top","via":["b"]}`, "", "vulnerabilities.top leads to no advisory"},
		{"neither address nor number", `"source":7,"name":"a","url":"https://github.com/advisories/ghsa-aaaa-bbbb-cccc"`, `"name":"a"`, "", "a finding has no id"},
		{"a number for the list", `"nodes":[]`, `"nodes":1`, "", "cannot unmarshal"},
	})
}

func TestFieldsOfGovulncheck(t *testing.T) {
	wantFields(t, `{"config":{"protocol_version":"v1.0.0","scan_level":"symbol","db_last_modified":"2026-11-20T00:00:00Z"}}
		{"osv":{"id":"GO-1","aliases":["CVE-1"],"severity":[]}} {"finding":{"osv":"GO-1","fixed_version":"v2","trace":[{"module":"m","version":"v1","package":"p","function":"F"}]}}`, Govulncheck, []field{
		{"nothing", `"GO-1","aliases"`, `"GO-1","aliases"`, "CVE-1 | pkg:golang/m@v1 | unknown |  | v2 | GO-1 |  | reachable", ""},
		{"not called", `,"function":"F"`, ``, "CVE-1 | pkg:golang/m@v1 | unknown |  | v2 | GO-1 |  | not reachable", ""},
		{"a scan of modules tells nothing of calls", `"symbol"`, `"module"`, "CVE-1 | pkg:golang/m@v1 | unknown |  | v2 | GO-1", ""},
		{"a vector", `"severity":[]`, `"severity":[{"type":"CVSS_V3","score":` + grave + `}]`, "CVE-1 | pkg:golang/m@v1 | critical | go | v2 | GO-1 |  | reachable", ""},
		{"no record of it", `{"osv":{"id":"GO-1",`, `{"osv":{"id":"GO-2",`, "GO-1 | pkg:golang/m@v1 | unknown |  | v2 |  |  | reachable", ""},
		{"no version", `"version":"v1",`, ``, "CVE-1 | pkg:golang/m | unknown |  | v2 | GO-1 |  | reachable", ""},
		{"no config", `{"config":`, `{"progress":`, "", "no config"},
		{"a config of no scan", `"scan_level":"symbol"`, `"scan_mode":"query"`, "", "is not of a scan"},
		{"no module", `"module":"m",`, ``, "", "names no module"},
		{"no trace", `"trace":[`, `"traces":[`, "", "names no module"},
		{"no id", `{"finding":{"osv":"GO-1"`, `{"finding":{"osv":""`, "", "no id"},
		{"a message of no kind", `{"finding":`, `{"found":`, "", "a message that is none of"},
		{"a finding within a record", `"severity":[]}} {"finding"`, `"severity":[]},"finding"`, "", "a finding and something else"},
		{"a time that is none", `"2026-11-20T00:00:00Z"`, `"2026-11"`, "", "RFC 3339"},
	})
	wantErrors(t, Govulncheck, map[string]string{
		`{"config":{"protocol_version":"v1.0.0"},"finding":{"osv":"GO-1","trace":[{"module":"m"}]}}`: "a finding and something else",
		`{"config":{"protocol_version":"v1.0.0"}} {"finding":null}`:                                  "a message that is none of",
		`{"config":{"protocol_version":"v1.0.0"}} {}`:                                                "a message that is none of",
	})
}

func TestFieldsOfCycloneDX(t *testing.T) {
	wantFields(t, `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","group":"g","name":"a","version":"1","bom-ref":"a","purl":"pkg:npm/a@1"}],"vulnerabilities":[{"id":"CVE-1","ratings":[{"severity":"low"}],"affects":[{"ref":"a"}]}]}`, CycloneDX, []field{
		{"nothing", `"CVE-1"`, `"CVE-1"`, "CVE-1 | pkg:npm/a@1 | low | cyclonedx", ""},
		{"a component without purl", `,"purl":"pkg:npm/a@1"`, ``, "CVE-1 | g/a@1 | low | cyclonedx", ""},
		{"a component of another name", `"ref":"a"}]`, `"ref":"b"}]`, "CVE-1 | b | low | cyclonedx", ""},
		{"no component", `,"affects":[{"ref":"a"}]`, ``, "CVE-1 |  | low | cyclonedx", ""},
		{"a source", `"id":"CVE-1"`, `"id":"CVE-1","source":{"name":"NVD"}`, "CVE-1 | pkg:npm/a@1 | low | nvd", ""},
		{"another name", `"id":"CVE-1"`, `"id":"X-1","references":[{"id":"CVE-1","source":{}}]`, "CVE-1 | pkg:npm/a@1 | low | cyclonedx |  | X-1", ""},
		{"a vector", `{"severity":"low"}`, `{"severity":"low"},{"method":"CVSSv31","vector":` + grave + `}`, "CVE-1 | pkg:npm/a@1 | critical | cyclonedx", ""},
		{"a score of another method", `{"severity":"low"}`, `{"severity":"low"},{"method":"SSVC","score":9,"vector":` + grave + `}`, "CVE-1 | pkg:npm/a@1 | low | cyclonedx", ""},
		{"an analysis that hides it", `"id":"CVE-1"`, `"id":"CVE-1","analysis":{"state":"not_affected","justification":"code_not_present"}`, "CVE-1 | pkg:npm/a@1 | low | cyclonedx |  |  |  | hidden by cyclonedx: not_affected code_not_present", ""},
		{"an analysis that does not", `"id":"CVE-1"`, `"id":"CVE-1","analysis":{"state":"exploitable"}`, "CVE-1 | pkg:npm/a@1 | low | cyclonedx", ""},
		{"no id", `"CVE-1"`, `""`, "", "a finding has no id"},
		{"no list", `"vulnerabilities":[`, `"v":[`, "", "lists no vulnerabilities"},
		{"no BOM", `"bomFormat":"CycloneDX","specVersion":"1.6"`, `"format":"CycloneDX"`, "", "it is no BOM"},
	})
}
