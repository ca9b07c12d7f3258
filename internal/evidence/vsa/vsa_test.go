package vsa

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
)

func id(digit string) string { return "sha256:" + strings.Repeat(digit, 64) }

func record() gatekeep.Record {
	return gatekeep.Record{
		ID: "dec-1", Mode: gatekeep.Observe, Engine: gatekeep.Engine{Gatekeep: "1.0.0", OPA: "1.22.2"},
		Case: gatekeep.Case{
			Request: gatekeep.Request{Environment: "prod"},
			Subject: gatekeep.Subject{Name: "registry.example/app", Digest: id("1"), Artifacts: map[string]gatekeep.Artifact{
				id("2"): {Name: "registry.example/app", Platform: "linux/arm64"},
				id("3"): {Platform: "linux/amd64"},
			}},
			Clock:  gatekeep.Clock{Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))},
			Policy: gatekeep.PolicyRef{Name: "de fault", Digest: id("4")},
		},
		Accepted: []gatekeep.Signed{{ID: id("6")}, {ID: id("5")}, {ID: id("6")}},
		Regimes:  []gatekeep.Regime{{ID: "soc2", Version: "2017"}, {ID: "core", Version: "1"}},
		Decision: gatekeep.Decision{Outcome: gatekeep.Pass, Results: []gatekeep.Result{
			{Regime: "core", Outcome: gatekeep.Pass}, {Regime: "soc2", Outcome: gatekeep.Pass},
		}},
	}
}

func statement(t *testing.T, s Source) map[string]any {
	t.Helper()
	s.InputURI = func(d string) string { return "at/" + d[7:9] }
	data, err := Statement(s)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestTheStatementIsTheOneOfTheSpecification pins every member.
func TestTheStatementIsTheOneOfTheSpecification(t *testing.T) {
	got := statement(t, Source{Record: record(), Lists: []List{{"manifest.json", id("8")}, {"SHA256SUMS", id("9")}}})
	var want map[string]any
	text := `{"_type":"https://in-toto.io/Statement/v1","predicateType":"https://slsa.dev/verification_summary/v1",
	"subject":[
	 {"name":"registry.example/app","digest":{"sha256":"1"}},
	 {"name":"registry.example/app#linux/amd64","digest":{"sha256":"3"}},
	 {"name":"registry.example/app#linux/arm64","digest":{"sha256":"2"}},
	 {"name":"manifest.json","digest":{"sha256":"8"}},{"name":"SHA256SUMS","digest":{"sha256":"9"}}],
	"predicate":{"verifier":{"id":"https://gatekeep.dev/verifier/v1","version":{"gatekeep":"1.0.0","opa":"1.22.2"}},
	 "timeVerified":"2026-01-02T02:04:05Z","resourceUri":"registry.example/app",
	 "policy":{"uri":"urn:gatekeep:policy:de%20fault","digest":{"sha256":"4"}},
	 "inputAttestations":[{"uri":"at/55","digest":{"sha256":"5"}},{"uri":"at/66","digest":{"sha256":"6"}}],
	 "verificationResult":"PASSED","verifiedLevels":["GATEKEEP_CORE","GATEKEEP_SOC2"],"slsaVersion":"1.2",
	 "https://gatekeep.dev/vsa/ext/v1":{"decisionID":"dec-1","environment":"prod","sequence":null,"previousDecision":null,
	  "notAfter":null,"mode":"observe","outcome":"pass","regimes":[{"id":"core","version":"1","result":"pass"},
	  {"id":"soc2","version":"2017","result":"pass"}],"grant":null,"exceptions":[],"window":null,"approvals":[]}}}`
	for digit := range strings.SplitSeq("1 2 3 4 5 6 8 9", " ") {
		text = strings.ReplaceAll(text, `"sha256":"`+digit+`"`, `"sha256":"`+strings.Repeat(digit, 64)+`"`)
	}
	if err := json.Unmarshal([]byte(text), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statement (-want +got):\n%s", diff)
	}
}

func TestOnlyAnOpenGatePassesAndOnlyWholeRegimesAreLevels(t *testing.T) {
	result := func(regime string, o gatekeep.Outcome) gatekeep.Result {
		return gatekeep.Result{Regime: regime, Outcome: o}
	}
	tests := map[string]struct {
		outcome gatekeep.Outcome
		results []gatekeep.Result
		want    string
		levels  []any
		said    map[string]string // regimes' results
	}{
		"pass":                  {gatekeep.Pass, []gatekeep.Result{result("core", gatekeep.Pass), result("soc2", gatekeep.Pass)}, "PASSED", []any{"GATEKEEP_CORE", "GATEKEEP_SOC2"}, nil},
		"a control that waits":  {gatekeep.Pass, []gatekeep.Result{result("core", gatekeep.NotApplicable), result("core", gatekeep.Pass), result("core", gatekeep.NotApplicable)}, "PASSED", []any{"GATEKEEP_CORE"}, map[string]string{"core": "pass", "soc2": "indeterminate"}},
		"nothing applies":       {gatekeep.Pass, []gatekeep.Result{result("core", gatekeep.NotApplicable)}, "PASSED", []any{}, map[string]string{"core": "not_applicable"}},
		"waived is not passed":  {gatekeep.Pass, []gatekeep.Result{result("core", gatekeep.Pass), result("core", gatekeep.Waived)}, "PASSED", []any{}, map[string]string{"core": "waived"}},
		"a warning":             {gatekeep.Pass, []gatekeep.Result{result("core", gatekeep.Fail), result("core", gatekeep.Pass)}, "PASSED", []any{}, map[string]string{"core": "fail"}},
		"no results":            {gatekeep.Pass, nil, "PASSED", []any{}, map[string]string{"core": "indeterminate"}},
		"fail":                  {gatekeep.Fail, []gatekeep.Result{result("core", gatekeep.Pass)}, "FAILED", []any{"FAILED"}, map[string]string{"core": "pass"}},
		"indeterminate":         {gatekeep.Indeterminate, []gatekeep.Result{result("core", gatekeep.Pass)}, "FAILED", []any{"FAILED"}, nil},
		"waived as a whole":     {gatekeep.Waived, []gatekeep.Result{result("core", gatekeep.Pass)}, "FAILED", []any{"FAILED"}, nil},
		"out of range":          {gatekeep.Outcome(99), []gatekeep.Result{result("core", gatekeep.Pass)}, "FAILED", []any{"FAILED"}, nil},
		"unknown beside a pass": {gatekeep.Pass, []gatekeep.Result{result("core", gatekeep.Pass), result("core", gatekeep.Indeterminate)}, "PASSED", []any{}, map[string]string{"core": "indeterminate"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := record()
			r.Decision = gatekeep.Decision{Outcome: test.outcome, Results: test.results}
			predicate := statement(t, Source{Record: r})["predicate"].(map[string]any)
			if got := predicate["verificationResult"]; got != test.want {
				t.Errorf("result %v, want %s", got, test.want)
			}
			if diff := cmp.Diff(test.levels, predicate["verifiedLevels"]); diff != "" {
				t.Errorf("levels (-want +got):\n%s", diff)
			}
			extension := predicate[ExtensionURI].(map[string]any)
			if extension["outcome"] != test.outcome.String() {
				t.Errorf("outcome %v", extension["outcome"])
			}
			for _, g := range extension["regimes"].([]any) {
				g := g.(map[string]any)
				if want := test.said[g["id"].(string)]; want != "" && g["result"] != want {
					t.Errorf("regime %v", g)
				}
			}
		})
	}
}

func TestTwoRegimesOfOneLevelMustBothHold(t *testing.T) {
	r := record()
	r.Regimes = []gatekeep.Regime{{ID: "a.b"}, {ID: "a-b"}}
	r.Decision.Results = []gatekeep.Result{{Regime: "a.b", Outcome: gatekeep.Pass}, {Regime: "a-b", Outcome: gatekeep.Fail}}
	if got := levelsOf(r); len(got) != 0 {
		t.Errorf("levels %q", got)
	}
}

func TestEverythingThatExcusedAFindingIsSaid(t *testing.T) {
	r := record()
	r.Case.State = gatekeep.State{Declared: true, Sequence: 12, Previous: id("7")}
	r.Decision.Results[0].Findings = []gatekeep.Finding{{Excuse: "w-2"}, {Excuse: "g-1"}, {Excuse: "w-1"}, {Excuse: "w-2"}, {}}
	r.Decision.Effects = gatekeep.Effects{UseGrants: []string{"g-2", "g-1"}, UseExemptions: []string{"e-1"}, Approvals: []string{id("6"), id("5")}}
	x := statement(t, Source{Record: r, NotAfter: time.Date(2027, 1, 1, 1, 0, 0, 0, time.FixedZone("", 3600))})["predicate"].(map[string]any)[ExtensionURI].(map[string]any)
	e := func(kind, id string) any { return map[string]any{"kind": kind, "id": id} }
	want := []any{e("exemption", "e-1"), e("grant", "g-1"), e("grant", "g-2"), e("waiver", "w-1"), e("waiver", "w-2")}
	if diff := cmp.Diff(want, x["exceptions"]); diff != "" {
		t.Errorf("exceptions (-want +got):\n%s", diff)
	}
	if x["grant"] != "g-1" || x["sequence"] != 12.0 || x["previousDecision"] != id("7") || x["notAfter"] != "2027-01-01T00:00:00Z" {
		t.Errorf("%v", x)
	}
	if diff := cmp.Diff([]any{id("5"), id("6")}, x["approvals"]); diff != "" {
		t.Errorf("approvals (-want +got):\n%s", diff)
	}
}

func TestMoreSubjectsThanStockToolsReadAreRefused(t *testing.T) {
	r := record()
	r.Case.Subject.Artifacts = map[string]gatekeep.Artifact{}
	for i := range maxSubjects {
		r.Case.Subject.Artifacts[id(string(rune('a'+i)))] = gatekeep.Artifact{}
	}
	if _, err := Statement(Source{Record: r, InputURI: func(string) string { return "" }}); err == nil {
		t.Error("made a statement that cosign does not read")
	}
}

func TestParseReadsStatementsOfNewerGates(t *testing.T) {
	got, err := Parse([]byte(`{"newer":1,"subject":[{"name":"a","digest":{"sha256":"00","sha512":"11"}},{"name":"b","digest":{"sha1":"22"}}],` +
		`"predicate":{"https://gatekeep.dev/vsa/ext/v1":{"notAfter":"2027-01-01T00:00:00Z","newer":1}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Summary{Subjects: []List{{"a", "sha256:00"}, {"b", ""}}, NotAfter: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	for _, bad := range []string{``, `[]`, `{"subject":1}`, `{"subject":[],"subject":[]}`, `{} {}`,
		`{"predicate":{"https://gatekeep.dev/vsa/ext/v1":{"notAfter":"tomorrow"}}}`} {
		if _, err := Parse([]byte(bad)); err == nil {
			t.Errorf("read %s", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	data, err := Statement(Source{Record: record(), InputURI: func(d string) string { return d }, NotAfter: time.Unix(0, 0)})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"subject":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := Parse(data); err == nil && !json.Valid(data) {
			t.Error("read what is not JSON")
		}
	})
}
