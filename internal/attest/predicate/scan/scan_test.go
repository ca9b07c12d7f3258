package scan

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want an error with %q", err, want)
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
		{"id":"CVE-2026-9","severity":[{"method":"cvss","score":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]},{"id":"CVE-2026-8"}]`))
	if err != nil {
		t.Fatal(err)
	}
	by, none := []string{"u"}, []string{}
	want := &Vulnerabilities{ScannerURI: "u", ScannerVersion: "1", StartedOn: "2026-11-23T09:00:00Z", FinishedOn: "2026-11-23T09:01:00Z", DBLastUpdate: "2026-11-23T06:00:00Z", Entries: 4,
		Findings: []gatekeep.SCAFinding{
			{ID: "CVE-2026-1", Aliases: []string{"GHSA-1"}, Severity: "critical", SeverityFrom: "x", PURL: "pkg:npm/a@1", PURLs: []string{"pkg:npm/a@1", "pkg:npm/a@1?x=y"}, FirstSeen: "2026-10-01T00:00:00+02:00",
				FixedIn: "2", Attestations: none, Scanners: by},
			{ID: "CVE-2026-2", Aliases: []string{"GHSA-1"}, Severity: "high", SeverityFrom: "cvss", PURL: "pkg:npm/a@1", PURLs: []string{"pkg:npm/a@1?x=y"}, FirstSeen: "2026-11-01T00:00:00Z", FixedIn: "2",
				Attestations: none, Scanners: by},
			{ID: "CVE-2026-8", Severity: "unknown", Attestations: none, Scanners: by},
			{ID: "CVE-2026-9", Severity: "critical", SeverityFrom: "cvss", Score: 9.8, Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", Attestations: none, Scanners: by},
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
		``:               "it is empty",
		`,"result":null`: "it is empty",
		`,"result":{}`:   "of no tool that is known",
		`,"result":[]`:   "it is empty",
		`,"result":{"matches":null,"descriptor":{"name":"grype"}}`:                             "no list of matches",
		`,"result":{"matches":[]}`:                                                             "of no tool that is known",
		`,"result":{"matches":[],"descriptor":{},"SchemaVersion":2}`:                           "of grype or of trivy",
		`,"result":{"SchemaVersion":2,"Results":[]}`:                                           "looked at nothing",
		`,"result":{"SchemaVersion":2}`:                                                        "looked at nothing",
		`,"result":{"SchemaVersion":2,"Results":[{"Class":"secret"}]}`:                         "about secret-scan and says nothing about vulns",
		`,"result":{"ClusterName":"c","Resources":[{"Name":"p","Error":"no image"}]}`:          "did not succeed: p: no image",
		`,"result":{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"t"}},"results":[]}]}`: "about sast and says nothing about vulns",
		`,"result":` + string(inToto(`,"result":[]`)):                                          "of no tool that is known",
	} {
		_, err := Cosign(inToto(result))
		wantError(t, err, want)
	}
}

// What is no report, or not of a scan that ended, is never a report without findings.
func TestWhatIsNoReportIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		``:                         "it is empty",
		` `:                        "it is empty",
		`null`:                     "it is empty",
		`[]`:                       "it is empty",
		`{}`:                       "of no tool that is known",
		`[{}]`:                     "of no tool that is known",
		`{"results":[]}`:           "of no tool that is known",
		`{"vulnerabilities":[]}`:   "of no tool that is known",
		`{"error":"not found"}`:    "an error message",
		`{"ok":false,"error":"x"}`: "an error message",
		`{"matches":[]`:            "unexpected EOF",
		`Error: no such image`:     "invalid character",
		`<html></html>`:            "of no tool that is known",
		`{"progress":{}}`:          "no config",
		`{"matches":[],"Matches":[{"vulnerability":{"id":"CVE-1"}}],"descriptor":{"name":"grype"}}`:  "in different case",
		`{"matches":[],"matches":[{"vulnerability":{"id":"CVE-1"}}],"descriptor":{"name":"grype"}}`:  "",
		`{"matches":[],"descriptor":{"name":"grype"}}{"matches":[{"vulnerability":{"id":"CVE-1"}}]}`: "of no tool that is known",
	} {
		r, err := ReadReport([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v; want %q", text, r, err, want)
		}
	}
	for _, format := range Formats() {
		for _, text := range []string{``, `null`, `[]`, `[{}]`, `{}`, `{}{}`, `<x/>`, `{"error":"x"}`, `[{"matches":[],"descriptor":{"name":"grype"}}]`} {
			r, err := ReadReportAs(format, []byte(text))
			known := format == "gitleaks" && (text == `null` || text == `[]`) || format == "trufflehog" && text == ``
			if (err == nil) != known {
				t.Errorf("%q as %s: got %+v, %v", text, format, r, err)
			}
		}
	}
	if _, err := ReadReportAs("mystery", []byte(`{}`)); err == nil {
		t.Error("a reader of no name")
	}
}

func TestRawPredicatesTellWhatReportsTell(t *testing.T) {
	v, err := Raw("trivy", real(t, "reports/trivy-golden/alpine-39-high-critical.json.golden"))
	if err != nil || len(v.Findings) != 2 || v.FinishedOn != "2021-08-25T12:20:30.000000005Z" || v.ScannerURI != "pkg:github/aquasecurity/trivy@dev" {
		t.Errorf("got %+v, %v", v, err)
	}
	if v, err := Raw("osv-scanner", []byte(`{"results":[{"source":{"path":"a"},"packages":[{"package":{"name":"x","version":"1","ecosystem":"npm"}}]}]}`)); err != nil || v.FinishedOn != "" || len(v.Findings) != 0 {
		t.Errorf("got %+v, %v", v, err)
	}
	for file, want := range map[string]string{"trivy-golden/dockerfile.json.golden": "says nothing about vulns", "trivy-golden/alpine-39-skip.json.golden": "looked at nothing", "ampel/grype.json": "SchemaVersion"} {
		_, err := Raw("trivy", real(t, "reports/"+file))
		wantError(t, err, want)
	}
}

func TestTypesOfPredicatesFollowFromTheirShape(t *testing.T) {
	for result, want := range map[string]string{`,"result":{"matches":[]}`: CosignVuln, `,"result":[{"vulnerability":{"id":"a"}}]`: VulnsV01, `,"result":[{"id":"a"}]`: VulnsV02, ``: VulnsV02} {
		if got := TypeOf(inToto(result)); got != want {
			t.Errorf("%s: got %s", result, got)
		}
	}
	for uri, want := range map[string]string{"pkg:github/aquasecurity/trivy@1": "trivy", "pkg:npm/snyk": "snyk", "https://osv.dev": "https://osv.dev"} {
		if got := toolOf(uri); got != want {
			t.Errorf("%s: got %s", uri, got)
		}
	}
}

func TestFindingsAreBounded(t *testing.T) {
	same := `,"result":[` + strings.Repeat(`{"id":"a"},`, finding.MaxFindings) + `{"id":"a"}]`
	var aliases []string
	for i := range finding.MaxAliases + 1 {
		aliases = append(aliases, fmt.Sprintf("%q", fmt.Sprint(i)))
	}
	alias := `,"result":[{"id":"a","annotations":[{"aliases":[` + strings.Join(aliases, ",") + `]}]}]`
	for name, result := range map[string]string{"findings": same, "aliases": alias} {
		if _, err := InToto(inToto(result)); !errors.Is(err, jsonscan.ErrLimit) {
			t.Errorf("%s: got %v, want ErrLimit", name, err)
		}
	}
}

// maxSeed keeps the seeds of the fuzz target small: it is to try many texts.
const maxSeed = 40_000

func FuzzReadReport(f *testing.F) {
	for _, r := range rows(f) {
		if data := real(f, r.file); len(data) < maxSeed {
			f.Add(data)
		}
	}
	names, err := filepath.Glob("../../../../testdata/predicate/vulns/*")
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add(inToto(`,"result":[{"id":"a","severity":[{"score":"CVSS:4.0/AV:N"}]}]`))
	f.Add(inToto(`,"result":{"matches":[],"descriptor":{"name":"grype"}}`))
	f.Add([]byte(`{"check_type":"terraform","results":{"failed_checks":[{"check_id":"a"}]}}`))
	f.Add([]byte(`{"results":[{"check_id":"r","extra":{"severity":"ERROR"}}],"errors":[],"paths":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := ReadReport(data)
		if err != nil {
			return
		}
		keys := map[string]bool{}
		for _, v := range r.Vulns {
			checkVuln(t, r.Format, v)
			if key := v.ID + " " + v.PURL; keys[key] {
				t.Fatalf("two findings of %s", key)
			} else {
				keys[key] = true
			}
		}
		for key, flaw := range r.Flaws {
			if flaw.Rule == "" || flaw.BaselineState == "" || flaw.Severity == finding.Negligible {
				t.Fatalf("flaw %s: %+v", key, flaw)
			}
		}
		for _, s := range r.Secrets {
			if s.Kind == "" || s.Location == "" || s.Fingerprint == "" {
				t.Fatalf("secret %+v", s)
			}
		}
		if len(r.Vulns) > 0 && r.Entries == 0 {
			t.Fatalf("findings of no entries: %+v", r)
		}
		again, err := ReadReport(data)
		if diff := cmp.Diff(r, again); err != nil || diff != "" {
			t.Fatalf("read again: %v %s", err, diff)
		}
	})
}

// TestAWrapperDoesNotMakeAScanFresher has a fresh predicate around an old report.
func TestAWrapperDoesNotMakeAScanFresher(t *testing.T) {
	v, err := Cosign(inToto(`,"result":{"matches":[],"descriptor":{"name":"grype","timestamp":"2024-01-02T00:00:00Z","db":{"built":"2024-01-01T00:00:00Z"}}}`))
	if err != nil || v.FinishedOn != "2024-01-02T00:00:00Z" || v.DBLastUpdate != "2024-01-01T00:00:00Z" {
		t.Errorf("got %+v, %v", v, err)
	}
}
