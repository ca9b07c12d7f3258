package regimes

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/policies"
)

const gdpr = `title: GDPR
authority: European Union
version: 2016/679
url: https://eur-lex.europa.eu/eli/reg/2016/679/oj
activated_by: personal data
controls:
  - id: art-32
    title: Security of processing
    citation: Art. 32(1)
    strength: partial
    limits: It sees deployments only.
    rules: [gdpr/region-allowed, supply_chain/sbom-missing]
  - id: art-44
    title: Transfers
    rules:
      - gdpr/region-allowed
`

func tree(regimes map[string]string) fstest.MapFS {
	out := fstest.MapFS{
		"gatekeep/rules/gdpr/region-allowed/region_allowed.rego":        {Data: []byte("package x")},
		"gatekeep/rules/supply_chain/sbom-missing/sbom_missing.rego":    {Data: []byte("package x")},
		"gatekeep/rules/supply_chain/folder-only/folder_only_test.rego": {Data: []byte("package x")},
	}
	for id, text := range regimes {
		out["gatekeep/regimes/"+id+"/data.yaml"] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

func TestCatalogueIsReadInFull(t *testing.T) {
	c, err := Load(tree(map[string]string{"gdpr": gdpr}))
	if err != nil {
		t.Fatal(err)
	}
	want := gatekeep.Regime{
		ID: "gdpr", Title: "GDPR", Authority: "European Union", Version: "2016/679",
		URL: "https://eur-lex.europa.eu/eli/reg/2016/679/oj", ActivatedBy: "personal data",
		Controls: []gatekeep.Control{
			{
				ID: "art-32", Title: "Security of processing", Citation: "Art. 32(1)", Strength: "partial",
				Limits: "It sees deployments only.", Rules: []string{"gdpr/region-allowed", "supply_chain/sbom-missing"},
			},
			{ID: "art-44", Title: "Transfers", Rules: []string{"gdpr/region-allowed"}},
		},
	}
	if got := fmt.Sprintf("%+v", c["gdpr"]); got != fmt.Sprintf("%+v", want) {
		t.Errorf("got  %s\nwant %+v", got, want)
	}
}

func TestMistakesInACatalogueAreNamed(t *testing.T) {
	for name, c := range map[string]struct{ old, new, want string }{
		"unknown field":       {"authority:", "autority:", "line 2: field autority not found"},
		"unknown control":     {"    citation:", "    citatoin:", "field citatoin not found"},
		"duplicate key":       {"version: 2016/679", "version: a\nversion: b", "already defined"},
		"no title":            {"title: GDPR\n", "", "title, authority or version"},
		"no controls":         {gdpr[strings.Index(gdpr, "controls:"):], "controls: []\n", "controls is empty"},
		"control twice":       {"id: art-44", "id: art-32", `"art-32" is there twice`},
		"no control id":       {"id: art-44", `id: ""`, "controls[1]: id or title"},
		"strength":            {"strength: partial", "strength: full", `strength is "full"`},
		"no rules":            {"    rules:\n      - gdpr/region-allowed\n", "", "control art-44: rules is empty"},
		"rule twice":          {"      - gdpr/region-allowed", "      - gdpr/region-allowed\n      - gdpr/region-allowed", "gdpr/region-allowed is there twice"},
		"rule not written":    {"      - gdpr/region-allowed", "      - gdpr/other", "no rule gdpr/other"},
		"rule with test only": {"      - gdpr/region-allowed", "      - supply_chain/folder-only", "no rule supply_chain/folder-only"},
		"rule outside":        {"      - gdpr/region-allowed", "      - ../main/main", "not the id of a rule"},
		"second document":     {"activated_by: personal data\n", "activated_by: personal data\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(gdpr, c.old, c.new, 1)
			if name == "second document" {
				text, c.want = gdpr+"---\ntitle: x\n", "second YAML document"
			} else if text == gdpr {
				t.Fatal("the case changes nothing")
			}
			_, err := Load(tree(map[string]string{"gdpr": text}))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "gatekeep/regimes/gdpr/data.yaml") {
				t.Errorf("got %v, want it to name the file and %q", err, c.want)
			}
		})
	}
	for id, text := range map[string]string{"GDPR": gdpr, "empty": "", "large": strings.Repeat("#", maxBytes+1)} {
		if _, err := Load(tree(map[string]string{id: text})); err == nil {
			t.Errorf("loaded %s", id)
		}
	}
}

func TestUnknownRegimeNamesTheKnownOnes(t *testing.T) {
	c, err := Load(tree(map[string]string{"gdpr": gdpr, "core": gdpr}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Rules([]string{"core", "pci", "gdrp"})
	var unknown *UnknownError
	if !errors.As(err, &unknown) {
		t.Fatalf("got %v, want an *UnknownError", err)
	}
	if !slices.Equal(unknown.Unknown, []string{"gdrp", "pci"}) || !slices.Equal(unknown.Known, []string{"core", "gdpr"}) {
		t.Errorf("got %+v", unknown)
	}
	if got := err.Error(); !strings.Contains(got, "gdrp, pci") || !strings.Contains(got, "core, gdpr") {
		t.Errorf("got %q", got)
	}
}

func TestRulesOfActiveRegimesAreThoseToLoad(t *testing.T) {
	c, err := Load(tree(map[string]string{"gdpr": gdpr, "core": strings.ReplaceAll(gdpr, "gdpr/region-allowed, ", "")}))
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Rules([]string{"gdpr", "core"})
	if err != nil || !slices.Equal(got, []string{"gdpr/region-allowed", "supply_chain/sbom-missing"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := c.Rules(nil); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v for no regimes", got, err)
	}
	orphans := c.Orphans([]gatekeep.Rule{{ID: "z/z"}, {ID: "gdpr/region-allowed"}, {ID: "a/a"}})
	if !slices.Equal(orphans, []string{"a/a", "z/z"}) {
		t.Errorf("got orphans %v", orphans)
	}
}

func TestRegimesOnlyAdd(t *testing.T) {
	full := Derivation{
		Asked: []string{"soc2"}, Baseline: []string{"freeze"}, Service: []string{"rbac", "soc2"}, Environment: []string{"pci"},
		DataClasses: []string{"ephi", "none"}, Triggers: map[string][]string{"ephi": {"hipaa", "gdpr"}, "card": {"never"}},
	}
	if got := strings.Join(Derive(full), " "); got != "core freeze gdpr hipaa pci rbac soc2" {
		t.Errorf("got %s", got)
	}
	if got := strings.Join(Derive(Derivation{}), " "); got != "core" {
		t.Errorf("got %s for nothing at all", got)
	}
}

func TestBuiltInCataloguesHold(t *testing.T) {
	rego, err := policies.Rego()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(rego)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := c[Core]; !ok {
		t.Error("the regime core is not declared")
	}
}
