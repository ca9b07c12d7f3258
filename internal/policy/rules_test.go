package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/policies"
)

func TestRulesAreReadFromMetadata(t *testing.T) {
	rules, err := Rules(library(2))
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(rules[1])
	if err != nil {
		t.Fatal(err)
	}
	want, _ := json.Marshal(gatekeep.Rule{
		ID: "family_1/rule-1", Title: "Data stays in an allowed region",
		Description: "every store that holds personal data is in an allowed region",
		Severity:    "block", Remedy: "Move the store to an allowed region.",
		Stages: []string{"predeploy", "admission"}, Evidence: []string{"plan"}, Waivable: true,
		References: []string{"https://eur-lex.europa.eu/eli/reg/2016/679/oj"},
	})
	if len(rules) != 2 || !bytes.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMetadataThatMeansNothingIsRefused(t *testing.T) {
	const id = "family_0/rule-0"
	for name, c := range map[string]struct{ old, new, want string }{
		"no METADATA":       {"# METADATA\n# title: Data", "# title: Data", "METADATA is missing"},
		"severity":          {"severity: block", "severity: high", "custom.severity"},
		"no severity":       {"#   severity: block\n", "", "custom.severity"},
		"no remedy":         {"#   remedy: Move the store to an allowed region.\n", "", "custom.remedy"},
		"stage":             {"[predeploy, admission]", "[deploy]", "custom.stages"},
		"no stages":         {"#   stages: [predeploy, admission]\n", "", "custom.stages"},
		"empty stages":      {"[predeploy, admission]", "[]", "custom.stages"},
		"waivable text":     {"waivable: true", `waivable: "yes"`, "custom.waivable"},
		"no evidence":       {"#   evidence: [plan]\n", "", "custom.evidence"},
		"evidence number":   {"[plan]", "[1]", "custom.evidence"},
		"unknown member":    {"waivable: true", "waivable: true\n#   waiveable: false", "custom.waiveable"},
		"effective_on":      {"waivable: true", "waivable: true\n#   effective_on: next year", "custom.effective_on"},
		"no title":          {"# title: Data stays in an allowed region\n", "", "title or description"},
		"other package":     {`["rule-0"]`, `["rule-1"]`, "should be package"},
		"violations a list": {"violations contains finding if {", "violations := [finding |", "violations"},
		"violations absent": {"violations contains", "violation contains", "must define violations"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := library(1)
			text := string(tree[ruleFile(id)].Data)
			if !strings.Contains(text, c.old) {
				t.Fatalf("the rule does not hold %q", c.old)
			}
			tree[ruleFile(id)] = &fstest.MapFile{Data: []byte(strings.Replace(text, c.old, c.new, 1))}
			_, err := Rules(tree)
			if name == "violations a list" {
				if err == nil {
					t.Error("read")
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), ruleFile(id)) {
				t.Errorf("got %v, want it to name %q and the file", err, c.want)
			}
		})
	}
}

func TestRuleThatOnlyFailsToSeeIsARule(t *testing.T) {
	tree := library(1)
	text := string(tree[ruleFile("family_0/rule-0")].Data)
	blind := strings.Replace(text, "violations contains finding if {", "violations := set()\n\nunseen contains finding if {", 1)
	mute := strings.Replace(text, "violations contains finding if {", "violations := set()\n\nelsewhere contains finding if {", 1)
	tree[ruleFile("family_0/rule-0")] = &fstest.MapFile{Data: []byte(blind)}
	if _, err := Rules(tree); err != nil {
		t.Error(err)
	}
	tree[ruleFile("family_0/rule-0")] = &fstest.MapFile{Data: []byte(mute)}
	if _, err := Rules(tree); err == nil {
		t.Error("a rule that can never keep the gate shut was let through")
	}
}

func TestRuleFoldersHoldOneRule(t *testing.T) {
	for _, name := range []string{
		"gatekeep/rules/family_0/rule-0/second.rego",
		"gatekeep/rules/family_0/other/rule_0.rego",
		"gatekeep/rules/family_0/lost.rego",
		"gatekeep/rules/Family/rule/rule.rego",
		"gatekeep/rules/family_0/rule-0/data.yaml",
	} {
		tree := library(1)
		tree[name] = &fstest.MapFile{Data: []byte(ruleSource("family_0", "rule-0"))}
		if _, err := Rules(tree); err == nil || !strings.Contains(err.Error(), "rules/") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAllMistakesAreReportedTogether(t *testing.T) {
	tree := library(3)
	for _, id := range []string{"family_0/rule-0", "family_2/rule-2"} {
		tree[ruleFile(id)].Data = bytes.Replace(tree[ruleFile(id)].Data, []byte("severity: block"), []byte("severity: x"), 1)
	}
	_, err := Rules(tree)
	if err == nil || !strings.Contains(err.Error(), "rule_0.rego") || !strings.Contains(err.Error(), "rule_2.rego") {
		t.Errorf("got %v", err)
	}
}

func TestIndexHoldsWhatTheRouterReads(t *testing.T) {
	tree := library(2)
	dated := "waivable: true\n#   effective_on: \"2027-01-31T00:00:00Z\""
	tree[ruleFile("family_1/rule-1")].Data = bytes.Replace(tree[ruleFile("family_1/rule-1")].Data, []byte("waivable: true"), []byte(dated), 1)
	raw, err := Index(tree)
	if err != nil {
		t.Fatal(err)
	}
	var index map[string]entry
	if err := json.Unmarshal(raw, &index); err != nil {
		t.Fatal(err)
	}
	e := index["family_1/rule-1"]
	if len(index) != 2 || e.EffectiveOn != "2027-01-31T00:00:00Z" || !e.Waivable || e.Severity != "block" || len(e.Stages) != 2 {
		t.Errorf("got %s", raw)
	}
	tree[IndexFile] = &fstest.MapFile{Data: raw}
	if again, err := Index(tree); err != nil || !bytes.Equal(raw, again) {
		t.Errorf("the index depends on itself (%v)", err)
	}
}

func TestCheckHoldsRulesToTheSchema(t *testing.T) {
	schemas := fstest.MapFS{"input.json": {Data: []byte(`{"type": "object", "additionalProperties": false,
		"properties": {"resources": {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": false, "properties": {"region": {"type": "string"}}}}, "request": {"type": "object", "properties": {"nonce": {"type": "string"}}}}}`)}}
	tree := library(1)
	tree["gatekeep/gatekeep.rego"] = &fstest.MapFile{Data: []byte("# METADATA\n# scope: subpackages\n# schemas:\n#   - input: schema.input\npackage gatekeep\n")}
	if err := Check(t.Context(), Source{Rego: tree}, schemas); err != nil {
		t.Fatal(err)
	}
	name := ruleFile("family_0/rule-0")
	tree[name].Data = bytes.Replace(tree[name].Data, []byte("input.resources\n"), []byte("input.resourcez\n"), 1)
	if err := Check(t.Context(), Source{Rego: tree}, schemas); err == nil || !strings.Contains(err.Error(), "resourcez") {
		t.Errorf("a misspelt fact was let through: %v", err)
	}
	if _, err := Load(t.Context(), Source{Rego: tree}, libraryRules(1)); err != nil {
		t.Errorf("Load repeats what Check does: %v", err)
	}
}

func TestCapabilitiesFileIsCurrent(t *testing.T) {
	want, err := Capabilities()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, policies.Capabilities) {
		t.Error("policies/capabilities.json is stale: run go run ./cmd/gatekeep-docs")
	}
	if !bytes.Contains(want, []byte(`"allow_net": []`)) {
		t.Error("the capabilities let schemas be fetched from anywhere")
	}
	for _, b := range capabilities().Builtins {
		if b.Nondeterministic || isForbidden(b.Name) {
			t.Errorf("%s is still there", b.Name)
		}
	}
}

// The built-in policy.

func TestBuiltInPolicyHoldsToItsSchema(t *testing.T) {
	rego, err := policies.Rego()
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := policies.Schemas()
	if err != nil {
		t.Fatal(err)
	}
	if err := Check(t.Context(), Source{Rego: rego}, schemas); err != nil {
		t.Error(err)
	}
}

func TestBuiltInIndexIsCurrent(t *testing.T) {
	rego, err := policies.Rego()
	if err != nil {
		t.Fatal(err)
	}
	want, err := Index(rego)
	if err != nil {
		t.Fatal(err)
	}
	files, err := read(rego)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, files[IndexFile]) {
		t.Error("the index of rules is stale: run go run ./cmd/gatekeep-docs")
	}
}

func TestMetadataIsReadWhereARuleAsksForIt(t *testing.T) {
	const module = "# METADATA\n# title: A title\n# custom: {severity: block}\npackage gatekeep.rules.a[\"b\"]\n\n" +
		"# METADATA\n# title: Of the rule\nx := %s\n"
	for call, want := range map[string]int{
		"rego.metadata.chain()": 2, "rego.metadata.rule()": 2, "1": 0,
	} {
		const name = "gatekeep/lib/a.rego"
		modules, err := parse(map[string][]byte{name: fmt.Appendf(nil, module, call)}, []string{name}, false, capabilities())
		if err != nil {
			t.Fatal(err)
		}
		got := modules[name].Annotations
		if len(got) != want || want > 0 && (got[0].Scope != "package" || got[0].Custom["severity"] != "block") {
			t.Errorf("%s: got %v, want %d blocks", call, got, want)
		}
	}
}

func TestBuiltInRouterFindsRulesAndDecides(t *testing.T) {
	e := load(t, realRouter(t, 4), libraryRules(4)...)
	for region, want := range map[string]gatekeep.Outcome{"eu-west-1": gatekeep.Pass, "us-east-1": gatekeep.Fail} {
		d, err := e.Decide(t.Context(), question(region), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range d.Results {
			if r.Outcome != want {
				t.Errorf("%s in %s: got %v, want %v", r.Rule, region, r.Outcome, want)
			}
		}
		if len(d.Results) != 4 {
			t.Errorf("got %d results", len(d.Results))
		}
	}
}
