package scan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// specimen is a report of one tool with one finding.
type specimen struct {
	format, kind, text string
	// quiet are edits after which nothing is listed, and the tool means it: the place,
	// the edit, and why.
	quiet map[string]string
}

// specimens have the fields of each tool's documentation that say whether something
// was found, and where.
var specimens = []specimen{
	{"grype", finding.KindVulns, `{"matches":[{"vulnerability":{"id":"CVE-2026-1","namespace":"nvd:cpe","severity":"High","fix":{"versions":["2"],"state":"fixed"},"cvss":[{"version":"3.1","vector":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H","metrics":{"baseScore":7.5}}]},
		"relatedVulnerabilities":[{"id":"GHSA-aaaa-bbbb-cccc","namespace":"github:language:go"}],"artifact":{"name":"a","version":"1","purl":"pkg:npm/a@1","locations":[{"path":"/a"}]}}],
		"descriptor":{"name":"grype","version":"0.80","timestamp":"2026-11-20T10:00:00Z","db":{"status":{"built":"2026-11-20T00:00:00Z"}}}}`, nil},
	{"trivy", finding.KindVulns, `{"SchemaVersion":2,"Trivy":{"Version":"0.60.0"},"CreatedAt":"2026-11-20T10:00:00Z","Results":[{"Target":"app","Class":"lang-pkgs","Type":"npm",
		"Vulnerabilities":[{"VulnerabilityID":"CVE-2026-1","PkgName":"a","PkgIdentifier":{"PURL":"pkg:npm/a@1"},"InstalledVersion":"1","FixedVersion":"2","Severity":"HIGH","SeveritySource":"nvd","CVSS":{"nvd":{"V3Score":7.5}}}]}]}`,
		map[string]string{
			"/Results/0/Vulnerabilities removed": "Trivy leaves the list out where a target has none",
			"/Results/0/Vulnerabilities null":    "and old versions write null",
		}},
	{"osv-scanner", finding.KindVulns, `{"results":[{"source":{"path":"go.mod","type":"lockfile"},"packages":[{"package":{"name":"a","version":"1","ecosystem":"npm"},"vulnerabilities":[{"id":"GHSA-aaaa-bbbb-cccc","aliases":["CVE-2026-1"],"severity":[{"type":"CVSS_V3","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}]}],
		"groups":[{"ids":["GHSA-aaaa-bbbb-cccc"],"aliases":["CVE-2026-1"],"max_severity":"7.5"}]}]}]}`, nil},
	{"snyk", finding.KindVulns, `{"ok":false,"packageManager":"npm","displayTargetFile":"package.json","vulnerabilities":[{"id":"SNYK-JS-A-1","identifiers":{"CVE":["CVE-2026-1"],"GHSA":[]},"severity":"high","CVSSv3":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H","cvssScore":7.5,
		"packageName":"a","version":"1","fixedIn":["2"],"reachability":"no-info"}]}`, nil},
	{"npm-audit", finding.KindVulns, `{"auditReportVersion":2,"vulnerabilities":{"a":{"name":"a","severity":"high","via":[{"source":1,"name":"a","url":"https://github.com/advisories/GHSA-aaaa-bbbb-cccc","severity":"high","cvss":{"score":7.5,"vectorString":null}}],"nodes":["node_modules/a"]}},
		"metadata":{"vulnerabilities":{"high":1,"total":1}}}`, nil},
	{"npm-audit", finding.KindVulns, `{"advisories":{"1":{"id":1,"module_name":"a","cves":["CVE-2026-1"],"url":"https://npmjs.com/advisories/1","severity":"high","patched_versions":">=2","findings":[{"version":"1"}]}},"metadata":{"vulnerabilities":{"high":1}}}`, nil},
	{"govulncheck", finding.KindVulns, `[{"config":{"protocol_version":"v1.0.0","scanner_name":"govulncheck","scanner_version":"v1.1","db_last_modified":"2026-11-20T00:00:00Z","scan_level":"symbol"}},{"osv":{"id":"GO-2026-1","aliases":["CVE-2026-1"]}},
		{"finding":{"osv":"GO-2026-1","fixed_version":"v2","trace":[{"module":"m","version":"v1","function":"F"}]}}]`, nil},
	{"cyclonedx", finding.KindVulns, `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"a","bom-ref":"a","purl":"pkg:npm/a@1"}],"vulnerabilities":[{"id":"CVE-2026-1","ratings":[{"severity":"high","method":"CVSSv31","score":7.5}],"affects":[{"ref":"a"}]}]}`, nil},
	{"gitleaks", finding.KindSecrets, `[{"RuleID":"aws","File":"a","Commit":"c","StartLine":3,"StartColumn":1,"Fingerprint":"c:a:aws:3"}]`, nil},
	{"trufflehog", finding.KindSecrets, `{"SourceMetadata":{"Data":{"Git":{"commit":"c","file":"a","line":3}}},"SourceName":"trufflehog - git","DetectorName":"AWS","DecoderName":"PLAIN","Verified":false}`, nil},
	{"gitlab-secrets", finding.KindSecrets, `{"version":"15.0.0","vulnerabilities":[{"name":"AWS","identifiers":[{"type":"gitleaks_rule_id","value":"aws"}],"location":{"file":"a","start_line":3,"commit":{"sha":"c"}}}],
		"scan":{"type":"secret_detection","status":"success","end_time":"2026-11-20T10:00:00","scanner":{"id":"gitleaks","version":"8"}}}`, nil},
	{"sarif", finding.KindSAST, `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t","version":"1","rules":[{"id":"r","properties":{"security-severity":"7.5"}}]}},"invocations":[{"executionSuccessful":true,"endTimeUtc":"2026-11-20T10:00:00Z"}],
		"results":[{"ruleId":"r","ruleIndex":0,"kind":"fail","level":"error","message":{"text":"m"},"partialFingerprints":{"p":"q"},"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.go"},"region":{"startLine":3}}}]}]}]}`, nil},
	{"semgrep", finding.KindSAST, `{"version":"1.100.0","results":[{"check_id":"r","path":"a.go","start":{"line":3},"extra":{"message":"m","severity":"ERROR","fingerprint":"f","is_ignored":false}}],"errors":[],"paths":{"scanned":["a.go"]}}`, nil},
	{"checkov", finding.KindIaC, `{"check_type":"terraform","results":{"failed_checks":[{"check_id":"CKV_1","severity":"HIGH","file_path":"/a.tf","file_line_range":[3,4],"resource":"r"}],"skipped_checks":[],"parsing_errors":[]},"summary":{"failed":1,"checkov_version":"3"}}`, nil},
	{"checkov", finding.KindVulns, `[{"check_type":"sca_package","results":{"failed_checks":[{"check_id":"CKV_CVE_1","file_path":"/go.mod","vulnerability_details":{"id":"CVE-2026-1","severity":"high","package_name":"a","package_version":"1"}}],"skipped_checks":[],"parsing_errors":[]},"summary":{"failed":1}}]`,
		map[string]string{
			"/0/results/failed_checks/0/vulnerability_details removed": "a check without details is one of configuration",
			"/0/results/failed_checks/0/vulnerability_details null":    "the same",
		}},
	{PredicateFormat, finding.KindVulns, string(inToto(`,"result":[{"id":"CVE-2026-1","severity":[{"method":"nvd","score":"high"}],"annotations":[{"purl":"pkg:npm/a@1"}]}]`)), nil},
}

// foundOf is how many things of a kind a report lists.
func foundOf(r *finding.Report, kind string) int {
	switch kind {
	case finding.KindVulns:
		return len(r.Vulns)
	case finding.KindSecrets:
		return len(r.Secrets)
	}
	return len(r.Flaws)
}

func TestSpecimensAreWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range specimens {
		seen[s.format] = true
		r, err := ReadReportAs(s.format, []byte(s.text))
		if err != nil || r.Check(s.kind) != nil || foundOf(r, s.kind) != 1 || r.Format != s.format {
			t.Errorf("%s: %+v, %v", s.format, r, err)
		}
		known, err := ReadReport([]byte(s.text))
		if err != nil || known.Format != s.format {
			t.Errorf("%s is taken for %+v, %v", s.format, known, err)
		}
	}
	for _, format := range Formats() {
		if !seen[format] {
			t.Errorf("no specimen of %s", format)
		}
	}
}

// edits calls do with every text that one edit makes of a document: a member or an item
// taken away, made null, or made a value of another type. at is a JSON pointer, with
// the edit behind it.
func edits(t *testing.T, text string, do func(at string, edited []byte)) {
	t.Helper()
	var root any
	if err := json.Unmarshal([]byte(text), &root); err != nil {
		t.Fatal(err)
	}
	tell := func(at string) {
		edited, err := json.Marshal(root)
		if err != nil {
			t.Fatal(err)
		}
		do(at, edited)
	}
	var walk func(at string, node any)
	each := func(at string, value any, put func(any)) {
		put(nil)
		tell(at + " null")
		put(another(value))
		tell(at + " of another type")
		put(value)
		walk(at, value)
	}
	walk = func(at string, node any) {
		switch v := node.(type) {
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				here, value := at+"/"+name, v[name]
				delete(v, name)
				tell(here + " removed")
				each(here, value, func(x any) { v[name] = x })
			}
		case []any:
			for i := range v {
				each(fmt.Sprintf("%s/%d", at, i), v[i], func(x any) { v[i] = x })
			}
		}
	}
	walk("", root)
}

// another is a value that no decoder takes for one of the same type.
func another(value any) any {
	switch value.(type) {
	case map[string]any:
		return "text"
	case []any:
		return "text"
	case string:
		return map[string]any{"not": "text"}
	}
	return []any{"neither number nor truth"}
}

// TestNoSingleEditEmptiesAReport: a report that lost a part, or has something else in
// its place, is refused, is no evidence, or still lists what was found. Of the edits
// that leave it a report without findings each is named with its reason.
func TestNoSingleEditEmptiesAReport(t *testing.T) {
	for _, s := range specimens {
		tried := 0
		unused := maps.Clone(s.quiet)
		edits(t, s.text, func(at string, edited []byte) {
			tried++
			r, err := ReadReportAs(s.format, edited)
			if err != nil || r.Check(s.kind) != nil || foundOf(r, s.kind) > 0 {
				return
			}
			if s.quiet[at] == "" {
				t.Errorf("%s: %s: nothing was found, it says: %s", s.format, at, edited)
			}
			delete(unused, at)
		})
		if tried < 20 {
			t.Errorf("%s: %d edits", s.format, tried)
		}
		for at := range unused {
			t.Errorf("%s: %s leaves findings, or is refused", s.format, at)
		}
	}
}

// TestTruncatedReportsAreRefused cuts each specimen at every byte.
func TestTruncatedReportsAreRefused(t *testing.T) {
	for _, s := range specimens {
		for n := range len(s.text) {
			if n == 0 && s.format == "trufflehog" {
				continue // which writes nothing where it found nothing
			}
			if r, err := ReadReportAs(s.format, []byte(s.text[:n])); err == nil {
				t.Fatalf("%s: %d of %d bytes: %+v", s.format, n, len(s.text), r)
			}
		}
	}
}

// TestNamesThatStandTwiceAreRefused gives every object of each specimen a second member
// of a name that it has, in the same spelling and in another.
func TestNamesThatStandTwiceAreRefused(t *testing.T) {
	for _, s := range specimens {
		for at := range len(s.text) {
			if s.text[at] != '{' || s.text[at+1] != '"' {
				continue
			}
			name := s.text[at+2 : at+2+strings.IndexByte(s.text[at+2:], '"')]
			for _, second := range []string{name, strings.ToUpper(name), strings.ToLower(name)} {
				text := s.text[:at+1] + `"` + second + `":null,` + s.text[at+1:]
				if second == "" || strings.ToUpper(second) == strings.ToLower(second) {
					continue
				}
				if r, err := ReadReportAs(s.format, []byte(text)); err == nil {
					t.Errorf("%s: a second %q, at byte %d: %+v", s.format, second, at, r)
				}
			}
		}
	}
}

// TestErrorMessagesAreNoReports has what the tools and their wrappers write in place of
// a report, read as that of each tool and as that of any.
func TestErrorMessagesAreNoReports(t *testing.T) {
	for _, text := range []string{
		`{"error":"could not open database"}`,
		`{"error":{"code":"ENOLOCK","summary":"This command requires an existing lockfile."}}`,
		`{"ok":false,"error":"Authentication failed","path":"/app"}`,
		`{"message":"Not Found","documentation_url":"https://docs.github.com/rest"}`,
		`{"errors":[{"message":"timeout"}]}`,
		`{"status":500,"title":"Internal Server Error"}`,
		`{"level":"fatal","msg":"no such image"}`,
		`[{"error":"x"}]`,
		`"could not open database"`,
		`false`,
		`0`,
		`FATAL scan error: unable to find image`,
		`<!DOCTYPE html><html><body>502 Bad Gateway</body></html>`,
		`<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>`,
		"\x00\x00\x00\x00",
		"\xff\xfe{\x00}\x00",
	} {
		if r, err := ReadReport([]byte(text)); err == nil {
			t.Errorf("%q: %+v", text, r)
		}
		for _, format := range Formats() {
			if r, err := ReadReportAs(format, []byte(text)); err == nil {
				t.Errorf("%q as %s: %+v", text, format, r)
			}
		}
	}
}

// TestNoReaderTakesTheReportOfAnother reads each specimen as every other format.
func TestNoReaderTakesTheReportOfAnother(t *testing.T) {
	for _, s := range specimens {
		for _, format := range Formats() {
			if format == s.format {
				continue
			}
			if r, err := ReadReportAs(format, []byte(s.text)); err == nil {
				t.Errorf("%s as %s: %+v", s.format, format, r)
			}
		}
	}
}

// TestReportsSayNothingAboutOtherKinds: a scan for secrets is no evidence that somebody
// looked for vulnerabilities.
func TestReportsSayNothingAboutOtherKinds(t *testing.T) {
	kinds := []string{finding.KindVulns, finding.KindSAST, finding.KindSecrets, finding.KindIaC, finding.KindLicense}
	for _, s := range specimens {
		r, err := ReadReportAs(s.format, []byte(s.text))
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range kinds {
			if err := r.Check(kind); (err == nil) != (kind == s.kind) {
				t.Errorf("%s about %s: %v", s.format, kind, err)
			}
		}
	}
}

// TestCosignPredicatesHoldWholeReports puts each specimen into the predicate of cosign,
// and each edit of it, which must not come out as a scan that found nothing.
func TestCosignPredicatesHoldWholeReports(t *testing.T) {
	for _, s := range specimens {
		if !strings.HasPrefix(s.text, "{") || s.format == PredicateFormat {
			continue
		}
		v, err := Cosign(inToto(`,"result":` + s.text))
		if s.kind != finding.KindVulns {
			wantError(t, err, "says nothing about vulns")
			continue
		}
		if err != nil || len(v.Findings) != 1 || v.Entries != 1 {
			t.Errorf("%s: %+v, %v", s.format, v, err)
		}
		edits(t, s.text, func(at string, edited []byte) {
			if v, err := Cosign(inToto(`,"result":` + string(edited))); err == nil && len(v.Findings) == 0 && s.quiet[at] == "" {
				t.Errorf("%s: %s: nothing was found, it says: %s", s.format, at, edited)
			}
		})
	}
}
