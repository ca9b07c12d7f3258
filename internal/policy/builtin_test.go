package policy

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatekeep-dev/gatekeep/policies"
)

func TestBuiltInPolicyDecidesTheSameWhicheverStagesAreSkipped(t *testing.T) {
	rego, err := policies.Rego()
	if err != nil {
		t.Fatal(err)
	}
	rules, err := Rules(rego)
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]string, len(rules))
	for i, r := range rules {
		ids[i] = r.ID
	}
	src := Source{Rego: rego, Overlay: map[string]any{"org": map[string]any{
		"baseline_regimes": []any{"freeze", "gdpr", "hipaa", "rbac", "supply_chain"},
	}}}
	careful, err := Load(t.Context(), src, ids)
	if err != nil {
		t.Fatal(err)
	}
	src.BuiltIn = true
	quick, err := Load(t.Context(), src, ids)
	if err != nil {
		t.Fatal(err)
	}
	if careful.Digest() != quick.Digest() {
		t.Errorf("BuiltIn changes the digest")
	}
	for _, region := range []string{"eu-west-1", "us-east-1"} {
		want, err := careful.Decide(t.Context(), question(region), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := quick.Decide(t.Context(), question(region), nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(want.Results) < len(ids) || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", region, got, want)
		}
	}
}

func TestMistakesAreFoundWhateverTheSourceSaysOfItself(t *testing.T) {
	for name, c := range map[string]struct {
		module string
		always bool // in the built-in policy too
		want   string
	}{
		"recursion":          {"a if b\n\nb if a", false, "recursive"},
		"variable of a head": {"f(x) := y", false, "unsafe"},
		"unused import":      {"import data.gatekeep.other", false, "unused"},
		"unknown function":   {"a := no.such(1)", true, "undefined function"},
		"unsafe body":        {"a if x > 1", true, "unsafe"},
		"forbidden builtin":  {"a := http.send({})", true, "undefined function"},
		"clash with data":    {"clash := 1", true, "conflicting"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := withMain(fstest.MapFS{
				"gatekeep/lib/x/x.rego":          {Data: []byte("package gatekeep.lib.x\n\n" + c.module + "\n")},
				"gatekeep/lib/x/clash/data.yaml": {Data: []byte("y: 1\n")},
			}, "set()")
			for _, builtIn := range []bool{false, true} {
				_, err := Load(t.Context(), Source{Rego: tree, BuiltIn: builtIn}, nil)
				refused := err != nil && strings.Contains(err.Error(), c.want)
				if want := c.always || !builtIn; refused != want {
					t.Errorf("built-in %v: got %v, want refused %v for %q", builtIn, err, want, c.want)
				}
			}
		})
	}
}
