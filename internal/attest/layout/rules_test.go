package layout

import (
	"strings"
	"testing"

	"github.com/in-toto/in-toto-golang/in_toto"
)

// In-toto specification 1.0, section 4.3.3: what each rule consumes of the queue, and
// that the queue passes from rule to rule.
func TestRulesConsumeWhatTheySpeakOf(t *testing.T) {
	hash := func(text string) in_toto.HashObj { return in_toto.HashObj{"sha256": text} }
	files := func(names ...string) artifacts {
		all := artifacts{}
		for _, name := range names {
			name, content, _ := strings.Cut(name, "=")
			all[name] = hash(content)
		}
		return all
	}
	fetch := in_toto.Link{Name: "fetch", Materials: files("list=l"), Products: files("out/a=1", "out/d/b=2", "out/evil=9", "c=3")}
	for _, c := range []struct {
		materials, products artifacts
		rules               []string // of the materials
		broken              string
	}{
		{files("out/a=1"), nil, []string{"MATCH out/* WITH PRODUCTS FROM fetch", "DISALLOW *"}, ""},
		{files("out/a=8"), nil, []string{"MATCH out/* WITH PRODUCTS FROM fetch", "DISALLOW *"}, "DISALLOW *"},
		{files("list=l"), nil, []string{"MATCH list WITH MATERIALS FROM fetch", "DISALLOW *"}, ""},
		{files("list=l"), nil, []string{"MATCH list WITH PRODUCTS FROM fetch", "DISALLOW *"}, "DISALLOW *"},
		{files("list=l"), nil, []string{"MATCH list WITH MATERIALS FROM nobody", "DISALLOW *"}, "DISALLOW *"},
		{files("src/a=1", "src/d/b=2"), nil, []string{"MATCH * IN src WITH PRODUCTS IN out FROM fetch", "DISALLOW *"}, ""},
		{files("src/a=1"), nil, []string{"MATCH * IN ./src/ WITH PRODUCTS IN out/ FROM fetch", "DISALLOW *"}, ""},
		{files("./a"), nil, []string{"ALLOW *"}, ""},
		// Outside the prefix: consumed by in-toto-golang 0.11.
		{files("src/a=1", "evil=9"), nil, []string{"MATCH * IN src WITH PRODUCTS IN out FROM fetch", "DISALLOW *"}, "DISALLOW *"},
		{files("src2/a=1"), nil, []string{"MATCH * IN src WITH PRODUCTS IN out FROM fetch", "DISALLOW *"}, "DISALLOW *"},
		{files("srca=1"), nil, []string{"MATCH * IN src WITH PRODUCTS IN out FROM fetch", "DISALLOW *"}, "DISALLOW *"},
		{files("src/a=1"), nil, []string{"MATCH src/* IN src WITH PRODUCTS IN out FROM fetch", "DISALLOW *"}, "DISALLOW *"},
		{files("src/c=3"), nil, []string{"MATCH * IN src WITH PRODUCTS FROM fetch", "DISALLOW *"}, ""},
		{files("c=3"), nil, []string{"MATCH * IN . WITH PRODUCTS FROM fetch", "DISALLOW *"}, ""},
		{files("a=1"), nil, []string{"MATCH * WITH PRODUCTS IN out FROM fetch", "DISALLOW *"}, ""},
		{files("x"), nil, []string{"DISALLOW *", "ALLOW *"}, "DISALLOW *"},
		{files("x"), nil, []string{"ALLOW *", "DISALLOW *"}, ""},
		{files("x/y"), nil, []string{"DISALLOW x"}, ""},
		{files("x/y/z"), nil, []string{"DISALLOW x*z"}, "DISALLOW x*z"},
		{files("x"), nil, []string{"allow X", "DISALLOW *"}, "DISALLOW *"},
		{files("x"), nil, []string{"ALLOW *", "REQUIRE x"}, "REQUIRE x"},
		{files("x"), nil, []string{"REQUIRE x", "ALLOW *", "DISALLOW *"}, ""},
		{nil, nil, []string{"REQUIRE x"}, "REQUIRE x"},
		{files("x=1"), files("x=1"), []string{"DELETE *", "CREATE *", "MODIFY *", "DISALLOW *"}, "DISALLOW *"},
		{files("x=1"), files("x=2"), []string{"MODIFY *", "DISALLOW *"}, ""},
		{files("x=1"), nil, []string{"MODIFY *", "CREATE *", "DISALLOW *"}, "DISALLOW *"},
		{files("x=1"), nil, []string{"DELETE *", "DISALLOW *"}, ""},
		{files("x=1"), nil, nil, ""},
		{nil, nil, []string{"DISALLOW *"}, ""},
	} {
		step := in_toto.Step{SupplyChainItem: in_toto.SupplyChainItem{Name: "build"}}
		for _, rule := range c.rules {
			step.ExpectedMaterials = append(step.ExpectedMaterials, strings.Fields(rule))
		}
		reported := map[string]in_toto.Link{"fetch": fetch, "build": {Name: "build", Materials: c.materials, Products: c.products}}
		err := obey(step, reported)
		switch {
		case c.broken == "" && err != nil:
			t.Errorf("%v of %v: %v", c.rules, c.materials, err)
		case c.broken != "" && (err == nil || !strings.HasSuffix(err.Error(), "its materials break the rule "+c.broken)):
			t.Errorf("%v of %v: %v, want %q broken", c.rules, c.materials, err, c.broken)
		}
	}
}
