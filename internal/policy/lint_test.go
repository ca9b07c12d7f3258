package policy_test

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/gatekeep-dev/gatekeep/policies"
)

// library is every module of the built-in policy but its tests, as written and as
// compiled.
type library struct {
	written  map[string]*ast.Module
	compiler *ast.Compiler
}

func readLibrary(t *testing.T) library {
	t.Helper()
	tree, err := policies.Rego()
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{}
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || path.Ext(name) != ".rego" || strings.HasSuffix(name, "_test.rego") {
			return err
		}
		text, err := fs.ReadFile(tree, name)
		sources[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return compileLibrary(t, sources)
}

func compileLibrary(t *testing.T, sources map[string]string) library {
	t.Helper()
	l := library{written: map[string]*ast.Module{}}
	for name, text := range sources {
		m, err := ast.ParseModuleWithOpts(name, text, ast.ParserOptions{ProcessAnnotation: true, RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		l.written[name] = m
	}
	c := ast.NewCompiler()
	if c.Compile(l.written); c.Failed() {
		t.Fatal(c.Errors)
	}
	l.compiler = c
	return l
}

// modules calls f for each module in order of their names.
func modules(of map[string]*ast.Module, f func(name string, m *ast.Module)) {
	for _, name := range slices.Sorted(maps.Keys(of)) {
		f(name, of[name])
	}
}

func isRuleModule(name string) bool { return strings.HasPrefix(name, "gatekeep/rules/") }

// ruleName is the first part of the name of a rule: of "exempt[id]" it is "exempt".
func ruleName(r *ast.Rule) string {
	return strings.SplitN(r.Head.Ref().String(), "[", 2)[0]
}

// lint is one thing that is wrong, where and why.
func unannotated(l library) []string {
	var wrong []string
	modules(l.written, func(name string, m *ast.Module) {
		packaged, described := false, map[string]bool{}
		for _, a := range m.Annotations {
			switch rule := a.GetTargetPath(); {
			case a.Scope == "package" || a.Scope == "subpackages":
				packaged = a.Title != "" && a.Description != ""
				if isRuleModule(name) {
					for _, key := range []string{"severity", "stages", "waivable", "evidence", "remedy"} {
						if a.Custom[key] == nil {
							wrong = append(wrong, fmt.Sprintf("%s: METADATA lacks custom.%s", name, key))
						}
					}
				}
			case a.Description != "":
				described[strings.TrimPrefix(rule.String(), m.Package.Path.String()+".")] = true
			}
		}
		if !packaged {
			wrong = append(wrong, fmt.Sprintf("%s: the package lacks METADATA with title and description", name))
		}
		for _, r := range m.Rules {
			public := !strings.HasPrefix(ruleName(r), "_")
			found := false
			for target := range described {
				found = found || strings.SplitN(target, "[", 2)[0] == ruleName(r)
			}
			if public && !found {
				wrong = append(wrong, fmt.Sprintf("%s: %s lacks METADATA with a description", name, ruleName(r)))
				described[ruleName(r)] = true
			}
		}
	})
	return wrong
}

func TestMetadataIsComplete(t *testing.T) {
	for _, w := range unannotated(readLibrary(t)) {
		t.Error(w)
	}
}

// unmade lists the rules whose violations and unseen hold anything but what
// result.fail made of their own METADATA: a finding made by hand would lack what the
// index says of the rule, and one with an undefined member would vanish.
func unmade(l library) []string {
	var wrong []string
	modules(l.written, func(name string, m *ast.Module) {
		for _, r := range m.Rules {
			if !isRuleModule(name) || ruleName(r) != "violations" && ruleName(r) != "unseen" {
				continue
			}
			empty := r.Head.Key == nil && r.Head.Value != nil && r.Head.Value.Equal(ast.SetTerm())
			if !empty && !(r.Head.Key != nil && madeByFail(r.Body, r.Head.Key)) {
				wrong = append(wrong, fmt.Sprintf("%s:%d: %s is not made by result.fail(rego.metadata.chain(), ...)",
					name, r.Location.Row, ruleName(r)))
			}
		}
	})
	return wrong
}

// madeByFail is true where one expression of the body says finding := result.fail(...),
// with the chain of METADATA that the rule stands under.
func madeByFail(body ast.Body, finding *ast.Term) bool {
	for _, e := range body {
		if !e.IsAssignment() && !e.IsEquality() || e.Negated || len(e.With) > 0 || !e.Operand(0).Equal(finding) {
			continue
		}
		call, ok := e.Operand(1).Value.(ast.Call)
		if ok && call[0].String() == "result.fail" && call[1].String() == "rego.metadata.chain()" {
			return true
		}
	}
	return false
}

func TestFindingsAreMadeInOnePlace(t *testing.T) {
	for _, w := range unmade(readLibrary(t)) {
		t.Error(w)
	}
}

// hidden lists negations that are undefined where they look true. OPA evaluates what
// a call, a lookup or a set is made of before the expression, outside the negation:
// "not f(input.missing)" is undefined, so the rest of the body is not reached. The
// compiled body shows that: the negated expression reads a generated variable that
// may have no value.
func hidden(l library) []string {
	var found []string
	modules(l.compiler.Modules, func(name string, m *ast.Module) {
		ast.WalkBodies(m, func(body ast.Body) bool {
			// what the compiler took out of expressions, by the variable it put there
			taken := map[ast.Var]*ast.Expr{}
			for _, e := range body {
				if e.Generated {
					if v, ok := takenInto(e); ok {
						taken[v] = e
					}
				}
				if e.Negated && mayBeUndefined(l.compiler, e, taken) {
					text, _, _ := strings.Cut(string(e.Location.Text), "\n")
					found = append(found, name+": "+text)
				}
			}
			return false
		})
	})
	return found
}

// takenInto is the variable that a generated expression binds: the left side of an
// equality, or the last operand of a call.
func takenInto(e *ast.Expr) (ast.Var, bool) {
	operands := e.Operands()
	if len(operands) == 0 {
		return "", false
	}
	bound := operands[len(operands)-1]
	if e.IsEquality() {
		bound = operands[0]
	}
	v, ok := bound.Value.(ast.Var)
	return v, ok
}

// mayBeUndefined is true where an expression reads a taken-out variable whose
// expression is not certainly defined.
func mayBeUndefined(c *ast.Compiler, e *ast.Expr, taken map[ast.Var]*ast.Expr) bool {
	own, _ := takenInto(e)
	undefined := false
	ast.WalkTerms(e, func(term *ast.Term) bool {
		switch v := term.Value.(type) {
		case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
			return true // always defined, whatever its body reads
		case ast.Var:
			from := taken[v]
			if from == nil || from == e || e.Generated && v == own {
				return false
			}
			undefined = undefined || !certain(c, from) || mayBeUndefined(c, from, taken)
		}
		return undefined
	})
	return undefined
}

// certain is true for what has a value whatever the input holds: a comprehension, a
// rule without conditions, and a set or an object that rules add to.
func certain(c *ast.Compiler, e *ast.Expr) bool {
	if !e.IsEquality() {
		return false
	}
	switch v := e.Operand(1).Value.(type) {
	case *ast.ArrayComprehension, *ast.SetComprehension, *ast.ObjectComprehension:
		return true
	case ast.Ref:
		rules := c.GetRulesExact(v)
		return slices.ContainsFunc(rules, func(r *ast.Rule) bool {
			return r.Default || r.Head.Key != nil || r.Head.Value.IsGround() && r.Body.Equal(ast.NewBody(ast.NewExpr(ast.BooleanTerm(true))))
		})
	}
	return false
}

// reviewed are the hidden negations that do no harm, and why.
var reviewed = map[string]string{
	"gatekeep/lib/approval/approval.rego: not approval.nonce in input.state.consumed_nonces":                                                        "a check that must be true to pass; undefined fails it",
	"gatekeep/lib/approval/approval.rego: not person.id(approval.principal) in conflicted":                                                          "a check that must be true to pass; an approver whom nobody knows fails it",
	"gatekeep/lib/excuse/excuse.rego: not who in interested(waiver)":                                                                                "part of what makes a granter; interested is a union of sets that are always there",
	"gatekeep/lib/grant/grant.rego: not granter in askers(grant)":                                                                                   "a check that must be true to pass; askers is a union of sets that are always there",
	"gatekeep/lib/person/person.rego: not dimension in object.keys(scope)":                                                                          "asked of an object only, which always has keys",
	"gatekeep/main/main.rego: not result.outcome in {\"pass\", \"waived\", \"not_applicable\"}":                                                     "the router writes an outcome into every result",
	"gatekeep/rules/gate/input-incomplete/input_incomplete.rego: not _typed(object.get(input, split(path, \"/\"), null), type)":                     "paths are keys of a table in the policy's own data, and keys are text",
	"gatekeep/rules/gate/request-replayed/request_replayed.rego: not input.request.nonce in input.state.consumed_nonces":                            "proof that the nonce is unused; undefined proves nothing",
	"gatekeep/rules/supply_chain/sast-blocking/sast_blocking.rego: not flaw.severity in data.gatekeep.params.supply_chain.sast_block":               "proof that the flaw may stay; undefined proves nothing",
	"gatekeep/rules/supply_chain/sast-missing-or-stale/sast_missing_or_stale.rego: not _proven(results, _checks - {\"another commit\"})":            "the difference of two sets that are written out",
	"gatekeep/rules/supply_chain/secret-scan-missing-or-failed/secret_scan_missing_or_failed.rego: not text.field(secret, \"status\") in _closed":   "text.field has a value for anything",
	"gatekeep/rules/supply_chain/vex-untrusted-ignored/vex_untrusted_ignored.rego: not text.field(said, \"attestation\") in statement.ids(\"vex\")": "text.field and statement.ids have a value for anything",
	"gatekeep/verdict/verdict.rego: not input.stage in stages":                                                                                      "proof that the rule is not for this stage; undefined proves nothing",
}

func TestNoNegationIsHidden(t *testing.T) {
	agree(t, hidden(readLibrary(t)), reviewed)
}

// agree wants what a lint found to be what was reviewed, and no entry to be stale.
func agree(t *testing.T, found []string, reviewed map[string]string) {
	t.Helper()
	for _, f := range found {
		if reviewed[f] == "" {
			t.Errorf("not reviewed: %s", f)
		}
	}
	for _, f := range slices.Sorted(maps.Keys(reviewed)) {
		if !slices.Contains(found, f) {
			t.Errorf("reviewed and no longer there: %s", f)
		}
	}
}

// sections are the parts of an SBOM index that are looked up by key.
var sections = []string{"by_purl", "by_name", "by_license", "unidentified_by_name"}

// walked lists what reads the SBOM indexes otherwise than by a reference and a key
// that something else has bound: an index of 50,000 components is never iterated.
func walked(l library) []string {
	var wrong []string
	modules(l.compiler.Modules, func(name string, m *ast.Module) {
		ast.WalkRules(m, func(r *ast.Rule) bool {
			ast.WalkRefs(r, func(ref ast.Ref) bool {
				if ref.HasPrefix(ast.MustParseRef("data.sboms")) && !isLookup(r, ref) {
					wrong = append(wrong, fmt.Sprintf("%s: %s reads %s", name, ruleName(r), ref))
				}
				return false
			})
			return false
		})
	})
	return wrong
}

func isConstant(t *ast.Term) bool { _, ok := t.Value.(ast.String); return ok }

// isLookup is true for data.sboms[ref].section and data.sboms[ref].section[key].
func isLookup(r *ast.Rule, ref ast.Ref) bool {
	if len(ref) != 4 && len(ref) != 5 {
		return false
	}
	section, ok := ref[3].Value.(ast.String)
	if !ok || !slices.Contains(sections, string(section)) {
		return false
	}
	return boundElsewhere(r, ref[2]) && (len(ref) == 4 || boundElsewhere(r, ref[4]))
}

// boundElsewhere is true for a constant and for a variable that occurs in the rule
// beside the references into data.sboms.
func boundElsewhere(r *ast.Rule, key *ast.Term) bool {
	if isConstant(key) {
		return true
	}
	v, ok := key.Value.(ast.Var)
	bound := false
	ast.WalkTerms(r, func(t *ast.Term) bool {
		if ref, isRef := t.Value.(ast.Ref); isRef && ref.HasPrefix(ast.MustParseRef("data.sboms")) {
			return true
		}
		bound = bound || t.Value.Compare(v) == 0
		return false
	})
	return ok && bound
}

func TestNoRuleWalksAnSBOM(t *testing.T) {
	for _, w := range walked(readLibrary(t)) {
		t.Error(w)
	}
}

// partial are the builtins that hold a part of a text against something.
var partial = []string{
	"startswith", "endswith", "contains", "indexof", "indexof_n", "trim_prefix", "trim_suffix",
	"regex.match", "regex.find_n", "regex.globs_match", "glob.match",
	"strings.any_prefix_match", "strings.any_suffix_match",
}

// loose lists comparisons of a part of a text: "https://github.com/acme" also begins
// "https://github.com/acme.evil.example". A pattern that is written out, from ^ to $,
// compares the whole.
func loose(l library) []string {
	var found []string
	modules(l.written, func(name string, m *ast.Module) {
		add := func(terms []*ast.Term) {
			operator := terms[0].String()
			if !slices.Contains(partial, operator) {
				return
			}
			pattern, _ := terms[1].Value.(ast.String)
			if operator == "regex.match" && strings.HasPrefix(string(pattern), "^") && strings.HasSuffix(string(pattern), "$") {
				return
			}
			found = append(found, fmt.Sprintf("%s: %s", name, ast.Call(terms)))
		}
		ast.WalkExprs(m, func(e *ast.Expr) bool {
			if e.IsCall() {
				add(e.Terms.([]*ast.Term))
			}
			return false
		})
		ast.WalkTerms(m, func(t *ast.Term) bool {
			if call, ok := t.Value.(ast.Call); ok {
				add(call)
			}
			return false
		})
	})
	return found
}

// compared are the comparisons of parts that are meant, and why.
var compared = map[string]string{
	"gatekeep/lib/clock/clock.rego: startswith(date, \"1900\")":                                                                                        "four digits of a date whose form is known",
	"gatekeep/lib/clock/clock.rego: startswith(date, \"2100\")":                                                                                        "four digits of a date whose form is known",
	"gatekeep/lib/person/person.rego: startswith(person, \"p-\")":                                                                                      "the form of a person's name, not who it is",
	"gatekeep/rules/gate/binding-mismatch/binding_mismatch.rego: contains(target, \",\")":                                                              "refuses where it is found",
	`gatekeep/rules/gate/binding-mismatch/binding_mismatch.rego: regex.match("[\\r\\n]", target)`:                                                      "refuses where it is found",
	`gatekeep/rules/gate/binding-mismatch/binding_mismatch.rego: regex.match("[\\r\\n]", text.show(path))`:                                             "refuses where it is found",
	"gatekeep/rules/supply_chain/component-denied/component_denied.rego: trim_prefix(lower(trim_space(version)), \"v\")":                               "a version, not an identity",
	"gatekeep/rules/supply_chain/provenance-unexpected/provenance_unexpected.rego: glob.match(_expectation.ref_glob, [\"/\"], item.claims.source_ref)": "a glob compares the whole, part by part between slashes",
	"gatekeep/rules/supply_chain/sast-missing-or-stale/sast_missing_or_stale.rego: trim_prefix(version, \"v\")":                                        "a version, not an identity",
}

func TestIdentitiesAreComparedWhole(t *testing.T) {
	agree(t, loose(readLibrary(t)), compared)
}

// Each lint finds what it is there for.
func TestLintsFindWhatIsWrong(t *testing.T) {
	const head = "# METADATA\n# title: T\n# description: D\n# custom: {severity: warn, stages: [build], waivable: false, evidence: [], remedy: R}\n" +
		"package gatekeep.rules.a[\"b\"]\n\nimport data.gatekeep.result\n\n"
	const packaged = "# METADATA\n# title: T\n# description: D\n"
	const described = "# METADATA\n# description: D\n"
	const made = "finding := result.fail(rego.metadata.chain(), \"m\", \"at\")"
	for name, c := range map[string]struct {
		lint func(library) []string
		body string
		want bool
	}{
		"described":          {unannotated, described + "violations contains finding if " + made, false},
		"not described":      {unannotated, "violations contains finding if " + made, true},
		"private":            {unannotated, "_x := data.gatekeep.result.y", false},
		"made":               {unmade, "violations contains finding if " + made, false},
		"nothing to make":    {unmade, "violations := set()", false},
		"by hand":            {unmade, "violations contains finding if finding := {\"rule\": \"a/b\"}", true},
		"another is made":    {unmade, "unseen contains \"x\" if { " + made + "; finding != 1 }", true},
		"negated call":       {hidden, "x if not startswith(input.a, \"b\")", true},
		"negated membership": {hidden, "x if not input.a in {1}", true},
		"negated lookup":     {hidden, "x if not input.a[input.b] == 1", true},
		"nested call":        {hidden, "x if not is_string(upper(input.a))", true},
		"in a comprehension": {hidden, "x := {y | some y in input.a; not y.b < 1}", true},
		"in every":           {hidden, "x if every y in input.a { not y.b < 1 }", true},
		"negated reference":  {hidden, "x if not input.a", false},
		"negated equality":   {hidden, "x if not input.a == 1", false},
		"total argument":     {hidden, "x if not 1 in {y | some y in input.a}", false},
		"total set":          {hidden, "y contains 1 if input.a\n\nx if not 1 in y", false},
		"local argument":     {hidden, "x if { some y in input.a; not y in {1} }", false},
		"lookup":             {walked, "x if { some e in input.a; data.sboms[e.ref].by_purl[e.purl] }", false},
		"whole index":        {walked, "x := data.sboms[input.ref]", true},
		"any reference":      {walked, "x if { some ref; data.sboms[ref].by_purl[\"a\"] }", true},
		"any component":      {walked, "x if { some purl; data.sboms[input.ref].by_purl[purl] }", true},
		"each component":     {walked, "x if { some purl, _ in data.sboms[input.ref].by_purl; purl == input.a }", false},
		"prefix":             {loose, "x if startswith(input.a, \"https://a.example\")", true},
		"in a term":          {loose, "x := [1 | endswith(input.a, \"b\") == true]", true},
		"open pattern":       {loose, "x if regex.match(`^https://a`, input.a)", true},
		"unknown pattern":    {loose, "x if regex.match(input.b, input.a)", true},
		"whole pattern":      {loose, "x if regex.match(`^a$`, input.a)", false},
	} {
		t.Run(name, func(t *testing.T) {
			l := compileLibrary(t, map[string]string{
				"gatekeep/rules/a/b/b.rego":   head + c.body + "\n",
				"gatekeep/result/result.rego": packaged + "package gatekeep.result\n\n" + described + "fail(_, message, at) := {\"message\": message, \"at\": at}\n",
			})
			if found := c.lint(l); (len(found) > 0) != c.want {
				t.Errorf("found %q", found)
			}
		})
	}
}
