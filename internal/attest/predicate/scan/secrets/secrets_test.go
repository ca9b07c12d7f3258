package secrets

import (
	"fmt"
	"strings"
	"testing"

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

func wantSecrets(t *testing.T, text string, r reader, want ...string) {
	t.Helper()
	report, err := read(t, text, r)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return
	}
	var got []string
	for _, s := range report.Secrets {
		if strings.HasPrefix(s.Fingerprint, "sha256:") {
			s.Fingerprint = "place"
		}
		got = append(got, fmt.Sprint(s.Kind, " ", s.Location, " ", s.Fingerprint, " ", s.Live, " ", s.Suppressed))
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || report.Entries != len(want) || report.Check(finding.KindSecrets) != nil {
		t.Errorf("%s: got %q, %+v", text, got, report)
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

func TestGitleaks(t *testing.T) {
	wantSecrets(t, `[{"RuleID":"aws","File":"a","Commit":"c","StartLine":3,"Secret":"S","Match":"S","Fingerprint":"c:a:aws:3"},{"RuleID":"aws","File":"a","StartLine":3,"StartColumn":9}]`, Gitleaks,
		"aws a:3 c:a:aws:3 false ", "aws a:3 place false ")
	wantSecrets(t, `[{"rule":"AWS","offender":"S","line":"S","file":"a","lineNumber":7,"commit":"c"}]`, Gitleaks, "AWS a:7 place false ")
	wantSecrets(t, `[]`, Gitleaks)
	wantSecrets(t, `null`, Gitleaks)
	wantErrors(t, Gitleaks, map[string]string{
		`{}`:                "not an array",
		``:                  "not an array",
		`{"RuleID":"a"} {}`: "not an array",
		`[{}]`:              "neither file nor commit",
		`[{"File":"a"}]`:    "no rule",
		`[{"RuleID":7}]`:    "cannot unmarshal",
	})
}

// Two secrets on one line are two, and one secret has one name in every scan.
func TestPlacesTellSecretsApart(t *testing.T) {
	const text = `[{"RuleID":"aws","File":"a","Commit":"c","StartLine":3,"StartColumn":1},{"RuleID":"aws","File":"a","Commit":"c","StartLine":3,"StartColumn":40},{"RuleID":"aws","File":"a","Commit":"d","StartLine":3,"StartColumn":1}]`
	one, err := read(t, text, Gitleaks)
	if err != nil {
		t.Fatal(err)
	}
	again, err := read(t, text, Gitleaks)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for i, s := range one.Secrets {
		if seen[s.Fingerprint] || s.Fingerprint != again.Secrets[i].Fingerprint {
			t.Errorf("%+v", s)
		}
		seen[s.Fingerprint] = true
	}
}

func TestTruffleHog(t *testing.T) {
	wantSecrets(t, `{"SourceMetadata":{"Data":{"Git":{"commit":"c","file":"keys","line":4,"repository":"https://user:pass@h"}}},"SourceName":"trufflehog - git","DetectorName":"AWS","Verified":true,"Raw":"S","RawV2":"S"}
		{"SourceMetadata":{"Data":{"Docker":{"image":"app","layer":"sha256:1"}}},"DetectorName":"URI"}
		{"SourceMetadata":{"Data":{"S3":{"bucket":"b","key":"k"}}},"DetectorName":"URI"}
		{"SourceMetadata":{"Data":{"Filesystem":{"file":"f"}}},"DetectorName":"URI"}
		{"SourceMetadata":{"Data":null},"SourceName":"stdin","DetectorName":"URI"}`, TruffleHog,
		"AWS keys:4 place true ", "URI app sha256:1 place false ", "URI b/k place false ", "URI f place false ", "URI stdin place false ")
	wantSecrets(t, `{"reason":"High Entropy","path":"a","commitHash":"c","stringsFound":["S","T"],"diff":"S"}`, TruffleHog, "High Entropy a place false ")
	wantSecrets(t, ``, TruffleHog)
	wantSecrets(t, `{"level":"info-0","logger":"trufflehog","msg":"finished scanning"}`, TruffleHog)
	if r, err := read(t, `{"level":"error","logger":"trufflehog","msg":"cannot clone"}`, TruffleHog); err != nil || r.Check(finding.KindSecrets) == nil {
		t.Errorf("a scan that failed is evidence: %+v, %v", r, err)
	}
	wantErrors(t, TruffleHog, map[string]string{
		`{}`:                        "neither a finding",
		`null`:                      "neither a finding",
		`[]`:                        "an array",
		`{"error":"x"}`:             "neither a finding",
		`{"DetectorName":"A"} {}`:   "[1]: neither a finding",
		`{"reason":"r","path":"a"}`: "neither a finding",
	})
}

func TestGitLab(t *testing.T) {
	const scan = `"scan":{"type":"secret_detection","status":"success","end_time":"2026-11-20T10:00:00","scanner":{"id":"gitleaks","version":"8"}}`
	wantSecrets(t, `{"version":"15","vulnerabilities":[{"name":"Stripe","category":"secret_detection","raw_source_code_extract":"S","cve":"a:S:b","identifiers":[{"type":"gitleaks_rule_id","value":"stripe-key"}],"location":{"file":"a","start_line":2}},
		{"name":"AWS","location":{"file":"b"},"flags":[{"type":"flagged-as-likely-false-positive","origin":"vet"}]}],`+scan+`}`, GitLab,
		"stripe-key a:2 place false ", "AWS b place false vet")
	wantSecrets(t, `{"vulnerabilities":[],`+scan+`}`, GitLab)
	if r, err := read(t, `{"vulnerabilities":[],`+strings.Replace(scan, "success", "failure", 1)+`}`, GitLab); err != nil || r.Check(finding.KindSecrets) == nil {
		t.Errorf("a scan that failed is evidence: %+v, %v", r, err)
	}
	wantErrors(t, GitLab, map[string]string{
		`{` + scan + `}`: "no list of vulnerabilities",
		`{"vulnerabilities":[],"scan":{"type":"sast","status":"success"}}`:                              `type "sast"`,
		`{"vulnerabilities":[{}],` + scan + `}`:                                                         "no rule",
		`{"vulnerabilities":[],"scan":{"type":"secret_detection","status":"success","end_time":"now"}}`: "scan.end_time",
	})
}
