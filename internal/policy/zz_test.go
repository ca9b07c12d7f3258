package policy

import (
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
)

func TestZZ(t *testing.T) {
	tree := library(1)
	files, _ := read(tree)
	names, _ := modulesFor(files, libraryRules(1))
	for _, all := range []bool{true, false} {
		mods, _ := parse(files, names, all)
		for _, n := range names {
			t.Log(n, mods[n].Annotations)
			for _, a := range mods[n].Annotations {
				t.Log(a.GetTargetPath(), a.Location)
			}
		}
		c := ast.NewCompiler().WithSkipStages(ast.StageCheckTypes, ast.StageParseMetadataBlocks)
		c.Compile(mods)
		t.Log(c.Errors)
		as := c.GetAnnotationSet()
		for _, r := range c.Modules[ruleFile("family_0/rule-0")].Rules {
			t.Log(as.Chain(r), r.Body)
		}
	}
}
