package policy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/open-policy-agent/opa/v1/storage"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

func load(tb testing.TB, tree fstest.MapFS, rules ...string) *Engine {
	tb.Helper()
	e, err := Load(tb.Context(), Source{Rego: tree}, rules)
	if err != nil {
		tb.Fatalf("loading: %v", err)
	}
	return e
}

// speaking is a policy whose whole decision is the given Rego value.
func speaking(value string) fstest.MapFS {
	return fstest.MapFS{"gatekeep/main/main.rego": {Data: []byte("package gatekeep.main\n\ndecision := " + value + "\n")}}
}

const emptyEffects = `{"consume_nonces": [], "use_grants": [], "use_exemptions": [], "approvals": [], "obligations": [], "close_obligations": []}`

func saying(outcome, results string) fstest.MapFS {
	return speaking(fmt.Sprintf(`{"outcome": %s, "results": %s, "effects": %s}`, outcome, results, emptyEffects))
}

func TestDecisionCarriesOutcomeFindingsAndDigests(t *testing.T) {
	tree := library(4)
	e := load(t, tree, libraryRules(4)...)
	input := question("us-east-1")
	d, err := e.Decide(t.Context(), input, nil)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Digest(Source{Rego: tree})
	if err != nil {
		t.Fatal(err)
	}
	if d.Outcome != gatekeep.Fail || len(d.Results) != 4 || d.Policy != want || d.Policy != e.Digest() || d.Input != digest.Of(input) {
		t.Fatalf("got %+v", d)
	}
	finding := gatekeep.Finding{
		Rule: "family_0/rule-0", Message: "a is in us-east-1", At: "a",
		Severity: "block", Remedy: "Move the store to an allowed region.",
	}
	if got := d.Results[0].Findings; len(got) != 1 || got[0] != finding {
		t.Errorf("got findings %+v, want %+v", got, finding)
	}
	if d.Effects.UseGrants == nil || d.Effects.Obligations == nil || d.Results[0].Notes == nil {
		t.Error("an empty list is nil; it would be written as null")
	}
	if d, err = e.Decide(t.Context(), question("eu-west-1"), nil); err != nil || d.Outcome != gatekeep.Pass {
		t.Errorf("got %v, %v; want pass", d.Outcome, err)
	}
}

func TestResultsAreSortedWhateverOrderRulesSpeakIn(t *testing.T) {
	result := func(regime, control, rule string) string {
		return fmt.Sprintf(`{"regime": %q, "control": %q, "rule": %q, "outcome": "fail", "severity": "block", "notes": ["z", "a"], "findings": [
			{"rule": "r", "message": "m", "at": "b", "severity": "block", "remedy": ""},
			{"rule": "r", "message": "m", "at": "a", "severity": "block", "remedy": "", "excuse": "w"}]}`, regime, control, rule)
	}
	list := "[" + strings.Join([]string{result("b", "1", "x"), result("a", "2", "x"), result("a", "1", "y"), result("a", "1", "x")}, ",") + "]"
	d, err := load(t, saying(`"fail"`, list)).Decide(t.Context(), []byte(`{}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, r := range d.Results {
		order = append(order, r.Regime+r.Control+r.Rule)
	}
	if got := strings.Join(order, " "); got != "a1x a1y a2x b1x" {
		t.Errorf("got order %s", got)
	}
	if f := d.Results[0].Findings; f[0].At != "a" || f[0].Excuse != "w" || d.Results[0].Notes[0] != "a" {
		t.Errorf("got findings %+v and notes %v", f, d.Results[0].Notes)
	}
}

func TestMalformedDecisionIsAnErrorNotAnOutcome(t *testing.T) {
	result := `{"regime": "r", "control": "c", "rule": "f/r", "outcome": "pass", "severity": "block", "findings": [], "notes": []}`
	for name, tree := range map[string]fstest.MapFS{
		"unknown word":         saying(`"allow"`, "["+result+"]"),
		"waived as a whole":    saying(`"waived"`, "["+result+"]"),
		"pass without results": saying(`"pass"`, "[]"),
		"no outcome":           speaking(`{"results": [], "effects": ` + emptyEffects + `}`),
		"null outcome":         saying(`null`, "[]"),
		"no effects":           speaking(`{"outcome": "fail", "results": []}`),
		"results no list":      saying(`"fail"`, `{}`),
		"member beside":        speaking(`{"outcome": "fail", "results": [], "allow": true, "effects": ` + emptyEffects + `}`),
		"result without notes": saying(`"fail"`, `[`+strings.Replace(result, `, "notes": []`, "", 1)+`]`),
		"result of a word":     saying(`"fail"`, `["pass"]`),
		"unknown severity":     saying(`"fail"`, `[`+strings.Replace(result, `"block"`, `"high"`, 1)+`]`),
		"unknown result word":  saying(`"fail"`, `[`+strings.Replace(result, `"pass"`, `"ok"`, 1)+`]`),
		"finding without rule": saying(`"fail"`, `[`+strings.Replace(result, `"findings": []`, `"findings": [{"message": "", "at": "", "severity": "block", "remedy": ""}]`, 1)+`]`),
		"finding unsure":       saying(`"fail"`, `[`+strings.Replace(result, `"findings": []`, `"findings": [{"rule": "", "message": "", "at": "", "severity": "none", "remedy": ""}]`, 1)+`]`),
		"rule is a number":     saying(`"fail"`, `[`+strings.Replace(result, `"f/r"`, `7`, 1)+`]`),
		"null in a list":       saying(`"fail"`, `[`+strings.Replace(result, `"notes": []`, `"notes": [null]`, 1)+`]`),
		"effect is no list":    speaking(`{"outcome": "fail", "results": [], "effects": ` + strings.Replace(emptyEffects, `[]`, `"n"`, 1) + `}`),
		"obligation half":      speaking(`{"outcome": "fail", "results": [], "effects": ` + strings.Replace(emptyEffects, `"obligations": []`, `"obligations": [{"id": "a"}]`, 1) + `}`),
		"no object":            speaking(`true`),
		"undefined":            {"gatekeep/main/main.rego": {Data: []byte("package gatekeep.main\n\ndecision := true if input.never\n")}},
		"no main":              {"gatekeep/result/result.rego": {Data: []byte(testResult)}},
		"two values":           {"gatekeep/main/main.rego": {Data: []byte("package gatekeep.main\n\ndecision := 1\n\ndecision := 2 if input\n")}},
	} {
		t.Run(name, func(t *testing.T) {
			if d, err := load(t, tree).Decide(t.Context(), []byte(`{}`), nil); err == nil {
				t.Errorf("decided %+v", d)
			}
		})
	}
	if _, err := load(t, saying(`"pass"`, "["+result+"]")).Decide(t.Context(), []byte(`{}`), nil); err != nil {
		t.Errorf("the decision that the others differ from does not hold: %v", err)
	}
}

func TestBuiltinErrorStopsTheEvaluation(t *testing.T) {
	tree := saying(`"fail"`, `[x | x := time.parse_rfc3339_ns(input.t)]`)
	if d, err := load(t, tree).Decide(t.Context(), []byte(`{"t": "garbage"}`), nil); err == nil {
		t.Errorf("decided %+v", d)
	}
}

func TestEngineThatIsNotLoadedDecidesNothing(t *testing.T) {
	for name, e := range map[string]*Engine{"nil": nil, "zero": {}} {
		if _, err := e.Decide(t.Context(), []byte(`{}`), nil); err == nil {
			t.Errorf("%s engine decided", name)
		}
	}
}

func TestFactsThatAreNoOneObjectAreRefused(t *testing.T) {
	e := load(t, saying(`"fail"`, `[]`))
	for _, input := range []string{"", "[]", "{", "{} {}", `"x"`, "null x"} {
		if _, err := e.Decide(t.Context(), []byte(input), nil); err == nil {
			t.Errorf("decided over %q", input)
		}
	}
}

func TestDeadlineStopsTheEvaluation(t *testing.T) {
	tree := saying(`"fail"`, `[z | some x in numbers.range(1, 5000); some y in numbers.range(1, 5000); x * y < 0; z := x]`)
	e := load(t, tree)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if _, err := e.Decide(ctx, []byte(`{}`), nil); err == nil {
		t.Error("decided after the deadline")
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := load(t, saying(`"fail"`, `[]`)).Decide(over, []byte(`{}`), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if _, err := Load(over, Source{Rego: library(1)}, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("loading: got %v, want context.Canceled", err)
	}
}

func TestDecisionsSeeTheirOwnSBOMsAtTheSameTime(t *testing.T) {
	note := `{"regime": "r", "control": "c", "rule": "f/r", "outcome": "fail", "severity": "block", "findings": [],
		"notes": [n | some n in data.sboms[input.ref].by_name[input.name]]}`
	e := load(t, saying(`"fail"`, "["+note+"]"))
	var wait sync.WaitGroup
	for i := range 50 {
		wait.Go(func() {
			ref := fmt.Sprintf("sha256:%d", i%7)
			sboms := map[string]map[string]any{ref: {"by_name": map[string]any{"left": []any{fmt.Sprint("seen by ", i)}}}}
			d, err := e.Decide(context.Background(), fmt.Appendf(nil, `{"ref": %q, "name": "left"}`, ref), sboms)
			if err != nil || len(d.Results[0].Notes) != 1 || d.Results[0].Notes[0] != fmt.Sprint("seen by ", i) {
				t.Errorf("decision %d: got %+v, %v", i, d.Results, err)
			}
		})
	}
	wait.Wait()
	d, err := e.Decide(t.Context(), []byte(`{"ref": "sha256:1", "name": "left"}`), nil)
	if err != nil || len(d.Results[0].Notes) != 0 {
		t.Errorf("an index outlived its decision: %+v, %v", d.Results, err)
	}
}

func TestWholeOfDataCannotBeRead(t *testing.T) {
	store := newLayered(map[string]any{"gatekeep": map[string]any{}})
	txn, err := store.begin(t.Context(), map[string]map[string]any{"a": {"by_name": map[string]any{}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Read(t.Context(), txn, storage.Path{}); err == nil {
		t.Error("all of data was read at once")
	}
	for _, path := range []storage.Path{{"gatekeep"}, {"sboms", "a", "by_name"}} {
		if _, err := store.Read(t.Context(), txn, path); err != nil {
			t.Errorf("reading %v: %v", path, err)
		}
	}
	if _, err := store.NewTransaction(t.Context(), storage.WriteParams); err == nil {
		t.Error("policy data can be written")
	}
}

func TestOnlyNamedRulesAreLoaded(t *testing.T) {
	tree := library(4)
	tree[ruleFile("family_3/rule-3")].Data = []byte("this is not Rego")
	e := load(t, tree, "family_0/rule-0", "family_1/rule-1")
	d, err := e.Decide(t.Context(), question("eu-west-1"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]gatekeep.Outcome{
		"family_0/rule-0": gatekeep.Pass, "family_1/rule-1": gatekeep.Pass,
		"family_2/rule-2": gatekeep.Indeterminate, "family_3/rule-3": gatekeep.Indeterminate,
	}
	for _, r := range d.Results {
		if r.Outcome != want[r.Rule] {
			t.Errorf("%s: got %v, want %v", r.Rule, r.Outcome, want[r.Rule])
		}
	}
	if d.Outcome != gatekeep.Indeterminate {
		t.Errorf("a rule that is not loaded leaves the gate at %v", d.Outcome)
	}
	if _, err := Load(t.Context(), Source{Rego: tree}, []string{"family_3/rule-3"}); err == nil {
		t.Error("the broken rule was not loaded when it was named")
	}
}

func TestRuleWhoseFindingsWouldVanishIsNotLoaded(t *testing.T) {
	for _, line := range []string{
		"# METADATA\n# title", "#   severity: block\n", "#   remedy: Move the store to an allowed region.\n",
	} {
		tree := library(1)
		name := ruleFile("family_0/rule-0")
		text := strings.Replace(string(tree[name].Data), line, "# title", 1)
		tree[name] = &fstest.MapFile{Data: []byte(text)}
		if _, err := Load(t.Context(), Source{Rego: tree}, libraryRules(1)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %q: got %v", line, err)
		}
	}
}

func TestRuleIDsCannotLeaveTheirFolder(t *testing.T) {
	for _, id := range []string{"", "a", "../main/main", "a/../b", "a/b/c", "A/b", "a/b_c", "a-b/c", "a//b", "a/b-"} {
		if _, err := Load(t.Context(), Source{Rego: library(1)}, []string{id}); err == nil {
			t.Errorf("loaded %q", id)
		}
	}
}

func TestForbiddenBuiltinsAreRefusedWhenLoading(t *testing.T) {
	for _, call := range []string{
		"time.now_ns()", `http.send({"method": "get", "url": "http://localhost"})`, "opa.runtime()",
		`rand.intn("a", 5)`, `uuid.rfc4122("a")`, `net.lookup_ip_addr("localhost")`,
		`time.clock([1, "Europe/Berlin"])`, `io.jwt.decode_verify("a", {})`,
		`crypto.x509.parse_and_verify_certificates("a")`, `json.match_schema({}, {})`,
	} {
		_, err := Load(t.Context(), Source{Rego: saying(`"fail"`, "["+call+"]")}, nil)
		if err == nil || !strings.Contains(err.Error(), strings.SplitN(call, "(", 2)[0]) {
			t.Errorf("%s: got %v", call, err)
		}
	}
}

func TestStrictModeHolds(t *testing.T) {
	tree := saying(`"fail"`, `[]`)
	tree["gatekeep/lib/a/a.rego"] = &fstest.MapFile{Data: []byte("package gatekeep.lib.a\n\nimport data.gatekeep.unused\n\nx := 1\n")}
	if _, err := Load(t.Context(), Source{Rego: tree}, nil); err == nil {
		t.Error("an unused import was let through")
	}
}

func TestDataCannotStandInForARule(t *testing.T) {
	tree := library(1)
	tree["gatekeep/main/decision/data.yaml"] = &fstest.MapFile{Data: []byte("outcome: pass\n")}
	if _, err := Load(t.Context(), Source{Rego: tree}, nil); err == nil {
		t.Error("data at the path of a rule was let through")
	}
}
