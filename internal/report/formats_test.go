package report

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/report/oscal"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// sealed are the records of real bundles. With -update they are taken anew from the
// bundles, so that these tests stand still while bundles change.
func sealed(t testing.TB) map[string]gatekeep.Record {
	t.Helper()
	if *update {
		takeRecords(t)
	}
	out := map[string]gatekeep.Record{}
	for _, name := range []string{"open", "shut", "could-not-judge", "waived", "emergency", "release"} {
		data, err := os.ReadFile(filepath.Join("testdata", "records", name+".record.json"))
		if err != nil {
			t.Fatal(err)
		}
		var r gatekeep.Record
		decoder := json.NewDecoder(bytes.NewReader(data))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[name] = r
	}
	return out
}

func takeRecords(t testing.TB) {
	t.Helper()
	bundles, err := filepath.Glob("../../testdata/evidence/*.zip")
	if err != nil || len(bundles) == 0 {
		t.Fatal("no bundles", err)
	}
	for _, path := range bundles {
		bundle, err := zip.OpenReader(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := bundle.Open("decision/record.json")
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close(), bundle.Close()); err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".zip")
		if err := os.WriteFile(filepath.Join("testdata", "records", name+".record.json"), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

var sealedEndings = map[string]string{"html": "html", "csv": "csv", "oscal": "oscal.json", "svr": "svr.json"}

func TestReportsOfSealedRecordsAreTheGoldens(t *testing.T) {
	for name, r := range sealed(t) {
		for format, ending := range sealedEndings {
			if format == "oscal" && !slices.Contains([]string{"could-not-judge", "waived", "release"}, name) {
				continue // they are long, and these three have all that there is
			}
			golden(t, "records/"+name+"."+ending, render(t, format, r, options))
		}
	}
}

// What is sealed in a bundle must not depend on where or how somebody asked for it.
func TestReportsForAuditorsIgnoreTheOptions(t *testing.T) {
	for name, r := range sealed(t) {
		for format := range sealedEndings {
			if diff := cmp.Diff(render(t, format, r, options), render(t, format, r, Options{Colour: true, Width: 20, Limit: 1})); diff != "" {
				t.Errorf("%s %s: %s", name, format, diff)
			}
		}
	}
}

var (
	hexDigest = regexp.MustCompile(`[0-9a-f]{40,}`)
	moment    = regexp.MustCompile(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z`)
	vuln      = regexp.MustCompile(`CVE-[0-9]+-[0-9]+`)
	account   = regexp.MustCompile(`\bp-[a-z-]+`)
)

// A report has no digest, moment, vulnerability or person that the record has not.
func TestReportsSayNothingThatTheRecordDoesNot(t *testing.T) {
	for name, r := range sealed(t) {
		record := render(t, "json", r, options)
		for format := range sealedEndings {
			got := render(t, format, r, options)
			for _, pattern := range []*regexp.Regexp{hexDigest, moment, vuln, account} {
				for _, found := range pattern.FindAllString(got, -1) {
					if !strings.Contains(record, found) {
						t.Errorf("%s %s: %q is not in the record", name, format, found)
					}
				}
			}
		}
	}
}

// Cells of the table are texts of the record, counts, or words for its outcomes.
func TestCSVHasOnlyCellsOfTheRecord(t *testing.T) {
	known := regexp.MustCompile(`^(indeterminate|fail|waived|not_applicable|pass|[0-9]+|)$`)
	for name, r := range sealed(t) {
		texts := map[string]bool{}
		eachString(reflect.ValueOf(&r).Elem(), func(s reflect.Value) { texts[view.Clean(s.String())] = true })
		texts[r.DecidedAt.Format(time.RFC3339)] = true
		for _, row := range rows(t, r)[1:] {
			for i, cell := range row {
				if !texts[cell] && !known.MatchString(cell) {
					t.Errorf("%s: %s is %q", name, columns[i], cell)
				}
			}
		}
	}
}

// eachString visits every string in a value, in maps too.
func eachString(v reflect.Value, visit func(reflect.Value)) {
	switch v.Kind() {
	case reflect.String:
		visit(v)
	case reflect.Pointer:
		if !v.IsNil() {
			eachString(v.Elem(), visit)
		}
	case reflect.Struct:
		if _, ok := v.Interface().(time.Time); ok {
			return
		}
		for i := range v.NumField() {
			eachString(v.Field(i), visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachString(v.Index(i), visit)
		}
	case reflect.Map:
		fresh := reflect.MakeMap(v.Type())
		for _, key := range v.MapKeys() {
			k, e := reflect.New(key.Type()).Elem(), reflect.New(v.Type().Elem()).Elem()
			k.Set(key)
			e.Set(v.MapIndex(key))
			eachString(k, visit)
			eachString(e, visit)
			fresh.SetMapIndex(k, e)
		}
		if v.CanSet() && !v.IsNil() {
			v.Set(fresh)
		}
	}
}

// poisoned is a record with the same hostile text in every place where text can be.
func poisoned(t testing.TB, text string) gatekeep.Record {
	t.Helper()
	r := hostile()
	r.Case.Request.Emergency, r.Case.State.Declared, r.Case.State.Sequence = true, true, 1
	r.Case.Request.Targets = []string{"x"}
	r.Case.Subject.Artifacts = map[string]gatekeep.Artifact{"x": {CoveredBy: []string{"y"}}}
	r.Case.Catalogue.Identities = map[string]gatekeep.Identity{"x": {Groups: []string{"y"}}}
	r.Case.SBOMChecks = map[string][]gatekeep.SBOMCheck{"x": {{Undeclared: []string{"y"}, Absent: []string{"z"}}}}
	r.Case.Envelopes = []gatekeep.EnvelopeRef{{}}
	r.Accepted = []gatekeep.Signed{{}}
	r.Decision.Effects = gatekeep.Effects{UseGrants: []string{"x"}, UseExemptions: []string{"x"}, Approvals: []string{"x"}, CloseObligations: []string{"x"}, Obligations: []gatekeep.Obligation{{}}}
	severity := r.Decision.Results[2].Severity
	eachString(reflect.ValueOf(&r).Elem(), func(s reflect.Value) { s.SetString(text) })
	r.Decision.Results[2].Severity = severity
	return r
}

func TestHostileTextIsInertInEveryReport(t *testing.T) {
	for _, text := range []string{
		attack, `"><script>alert(1)</script>`, `</style><script>alert(1)</script>`, `</title><img src=x onerror=alert(1)>`, `javascript:alert(1)`,
		"{{.}}", "`${alert(1)}`", "\u202e\u2066\u200f\u061c", "=HYPERLINK(\"https://evil.example\")", "\x00\x01\x02", "]]>", "\xff\xfe", "\u2028", `\u003cscript\u003e`,
	} {
		r := poisoned(t, text)
		for _, format := range []string{"html", "csv", "oscal"} {
			got := render(t, format, r, options)
			if !utf8.ValidString(got) {
				t.Errorf("%s of %q is not UTF-8", format, text)
			}
			for _, c := range got {
				if c != '\n' && c != '\r' && (unicode.Is(unicode.C, c) || unicode.In(c, unicode.Zl, unicode.Zp)) {
					t.Errorf("%s of %q has character %U", format, text, c)
				}
			}
			for _, bad := range []string{"<script", "<img", "onerror=alert(1)>", "{{"} {
				if format == "html" && bad != "{{" && strings.Contains(got, bad) {
					t.Errorf("html of %q has %q", text, bad)
				}
			}
		}
		var doc any
		if err := json.Unmarshal([]byte(render(t, "oscal", r, options)), &doc); err != nil {
			t.Errorf("oscal of %q: %v", text, err)
		}
	}
}

// A field of many megabytes costs no more than a long one, and is seen to be cut.
func TestHugeTextIsCutAndSaysSo(t *testing.T) {
	r := poisoned(t, strings.Repeat("<b>long\u202e ", 1<<20))
	for _, format := range []string{"html", "csv", "oscal"} {
		got := render(t, format, r, options)
		if len(got) > 1<<20 || !strings.Contains(got, "…") {
			t.Errorf("%s has %d bytes", format, len(got))
		}
	}
	if !strings.Contains(render(t, "html", r, options), "Texts that end in “…” were cut at 400 characters") {
		t.Error("the page does not say what an ellipsis means")
	}
}

func rows(t testing.TB, r gatekeep.Record) [][]string {
	t.Helper()
	reader := csv.NewReader(strings.NewReader(render(t, "csv", r, options)))
	reader.FieldsPerRecord = len(columns)
	all, err := reader.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func column(t testing.TB, name string) int {
	t.Helper()
	i := slices.Index(columns, name)
	if i < 0 {
		t.Fatalf("no column %s", name)
	}
	return i
}

func TestCSVHasARowForEachRuleUnderEachControl(t *testing.T) {
	for name, r := range sealed(t) {
		all := rows(t, r)
		if len(all) != 1+len(r.Decision.Results) {
			t.Errorf("%s: %d rows for %d results", name, len(all)-1, len(r.Decision.Results))
		}
		for i, result := range r.Decision.Results {
			got := []string{all[i+1][column(t, "regime")], all[i+1][column(t, "control")], all[i+1][column(t, "rule")], all[i+1][column(t, "outcome")]}
			if diff := cmp.Diff([]string{result.Regime, result.Control, result.Rule, result.Outcome.String()}, got); diff != "" {
				t.Errorf("%s row %d: %s", name, i+1, diff)
			}
		}
		for line := range strings.Lines(render(t, "csv", r, options)) {
			if !strings.HasSuffix(line, "\r\n") {
				t.Errorf("%s: line end of %q", name, line)
			}
		}
	}
}

func TestCSVNamesOnlyEvidenceThatAFindingIsAbout(t *testing.T) {
	r := shut()
	r.Accepted = []gatekeep.Signed{{ID: "sha256:11"}, {ID: "sha256:22"}}
	r.Decision.Results[2].Findings = []gatekeep.Finding{{At: "sha256:22"}, {At: "CVE-2026-9999"}, {At: "sha256:22"}, {At: "sha256:1"}}
	all := rows(t, r)
	if got := all[3][column(t, "evidence_ids")]; got != "sha256:1 sha256:22" { // the first is one that was rejected
		t.Errorf("evidence_ids is %q", got)
	}
	if got := all[3][column(t, "findings")]; got != "4" {
		t.Errorf("findings is %q", got)
	}
	if got := all[1][column(t, "evidence_ids")]; got != "" {
		t.Errorf("evidence_ids of a rule that names none is %q", got)
	}
}

// OWASP, "CSV Injection".
func TestCSVCellsAreNoFormulas(t *testing.T) {
	for text, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'=1", "\r\n=1": "'=1", "  =1": "'=1", "\u200b=1": "'=1",
		"＝1": "'＝1", "a;=1": "a;'=1", `a; "=1`: `a; "'=1`, "a=b-c": "a=b-c", "a,b": "a,b", "": "", `say "x"`: `say "x"`,
	} {
		r := record()
		r.Case.Request.Service = text
		if got := rows(t, r)[1][column(t, "service")]; got != want {
			t.Errorf("%q became %q, not %q", text, got, want)
		}
	}
}

// neverClean holds the reports for auditors of a gate that is shut.
func neverClean(t *testing.T, where string, r gatekeep.Record) {
	t.Helper()
	if got := render(t, "html", r, Options{}); !regexp.MustCompile(`<h1><span[^>]*>[^<]+</span> SHUT`).MatchString(got) {
		t.Errorf("%s: html does not begin with SHUT", where)
	}
	all := rows(t, r)
	if len(all) < 2 {
		t.Errorf("%s: csv has no row", where)
	}
	for _, row := range all[1:] {
		if row[column(t, "decision_outcome")] == "pass" {
			t.Errorf("%s: csv says pass", where)
		}
	}
	if err := SVR(io.Discard, r, Options{}); !errors.Is(err, ErrNoSVR) {
		t.Errorf("%s: svr is %v", where, err)
	}
	var out bytes.Buffer
	if err := Formats["oscal"](&out, r, Options{}); err != nil {
		if !errors.Is(err, oscal.ErrNoTime) || !r.DecidedAt.IsZero() {
			t.Errorf("%s: oscal is %v", where, err)
		}
		return
	}
	if !strings.Contains(out.String(), `"value": "SHUT`) || strings.Contains(out.String(), `"value": "OPEN`) {
		t.Errorf("%s: oscal does not say SHUT", where)
	}
}
