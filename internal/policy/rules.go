package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/gatekeep-dev/gatekeep"
)

// stages are the words that custom.stages may hold.
var stages = []string{
	gatekeep.StageBuild, gatekeep.StagePlan, gatekeep.StagePredeploy,
	gatekeep.StageAdmission, gatekeep.StagePostdeploy, gatekeep.StagePeriodic,
}

// Rules reads the METADATA of every rule, sorted by id. All mistakes are reported
// together, each with its file: a rule without METADATA, or with words that do not
// mean anything; a package that is not where its path says; a rule that defines no
// violations, and so could never fail.
func Rules(fsys fs.FS) ([]gatekeep.Rule, error) {
	files, err := read(fsys)
	if err != nil {
		return nil, err
	}
	var (
		rules []gatekeep.Rule
		wrong []error
	)
	for _, id := range ruleFolders(files) {
		rule, err := ruleOf(files, id)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		rules = append(rules, rule)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if inner, ok := strings.CutPrefix(name, root+"/rules/"); ok && name != ruleFile(path.Dir(inner)) {
			wrong = append(wrong, fmt.Errorf("%s: a rule is one file, rules/family/rule-name/rule_name.rego", name))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fmt.Errorf("reading rules: %w", err)
	}
	return rules, nil
}

// ruleFolders are the ids that the folders with modules in them claim.
func ruleFolders(files map[string][]byte) []string {
	ids := map[string]bool{}
	for name := range files {
		inner, ok := strings.CutPrefix(name, root+"/rules/")
		if ok && strings.HasSuffix(name, ".rego") {
			ids[path.Dir(inner)] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

// ruleOf reads one rule.
func ruleOf(files map[string][]byte, id string) (gatekeep.Rule, error) {
	name := ruleFile(id)
	if !ruleID.MatchString(id) {
		return gatekeep.Rule{}, fmt.Errorf("rules/%s: the folders of a rule are called family_name/rule-name", id)
	}
	if files[name] == nil {
		return gatekeep.Rule{}, fmt.Errorf("%s: the file is missing", name)
	}
	modules, err := parse(files, []string{name}, true, capabilities())
	if err != nil {
		return gatekeep.Rule{}, err
	}
	module := modules[name]
	family, rule, _ := strings.Cut(id, "/")
	want := ast.DefaultRootRef.Concat([]*ast.Term{
		ast.StringTerm(root), ast.StringTerm("rules"), ast.StringTerm(family), ast.StringTerm(rule),
	})
	if !module.Package.Path.Equal(want) {
		return gatekeep.Rule{}, fmt.Errorf("%s: %s should be package gatekeep.rules.%s[%q]", name, module.Package, family, rule)
	}
	if !canSpeak(module) {
		return gatekeep.Rule{}, fmt.Errorf("%s: it must define violations as a set: violations contains finding if { ... };"+
			" a rule that can only be unable to judge writes violations := set() and defines unseen", name)
	}
	r, err := fromMetadata(module)
	if err != nil {
		return gatekeep.Rule{}, fmt.Errorf("%s: %w", name, err)
	}
	r.ID = id
	return r, nil
}

// canSpeak wants a set of violations, or the empty set beside a set of what could
// not be seen: anything else could never keep the gate shut.
func canSpeak(module *ast.Module) bool {
	isSet := func(name string) bool {
		return slices.ContainsFunc(module.Rules, func(r *ast.Rule) bool {
			return r.Head.RuleKind() == ast.MultiValue && r.Head.Ref().String() == name
		})
	}
	isEmpty := slices.ContainsFunc(module.Rules, func(r *ast.Rule) bool {
		return r.Head.Ref().String() == "violations" && r.Head.Value != nil && r.Head.Value.Value.Compare(ast.NewSet()) == 0
	})
	return isSet("violations") || isEmpty && isSet("unseen")
}

// fromMetadata reads the annotations of scope package.
func fromMetadata(module *ast.Module) (gatekeep.Rule, error) {
	i := slices.IndexFunc(module.Annotations, func(a *ast.Annotations) bool { return a.Scope == "package" })
	if i < 0 {
		return gatekeep.Rule{}, errors.New("METADATA is missing above the package")
	}
	a := module.Annotations[i]
	m := metadata{custom: a.Custom}
	r := gatekeep.Rule{
		Title: a.Title, Description: a.Description,
		Severity: m.text("severity"), Remedy: m.text("remedy"),
		Stages: m.texts("stages"), Evidence: m.texts("evidence"), Waivable: m.boolean("waivable"),
	}
	if _, dated := a.Custom["effective_on"]; dated {
		r.EffectiveOn = m.text("effective_on")
		if _, err := time.Parse(time.RFC3339, r.EffectiveOn); err != nil {
			m.wrong("custom.effective_on is %q; write it as \"2027-01-31T00:00:00Z\"", r.EffectiveOn)
		}
	}
	for _, ref := range a.RelatedResources {
		r.References = append(r.References, ref.Ref.String())
	}
	if r.Title == "" || r.Description == "" {
		m.wrong("title or description is missing")
	}
	if !isSeverity(r.Severity) {
		m.wrong("custom.severity is %q; write block or warn", r.Severity)
	}
	if len(r.Stages) == 0 {
		m.wrong("custom.stages is empty; write one or more of %s", strings.Join(stages, ", "))
	}
	for _, s := range r.Stages {
		if !slices.Contains(stages, s) {
			m.wrong("custom.stages holds %q; write one or more of %s", s, strings.Join(stages, ", "))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(a.Custom)) {
		if !slices.Contains(customKeys, key) {
			m.wrong("custom.%s is not known; the members are %s", key, strings.Join(customKeys, ", "))
		}
	}
	return r, errors.Join(m.errs...)
}

var customKeys = []string{"effective_on", "evidence", "remedy", "severity", "stages", "waivable"}

// metadata reads members of custom and collects what is wrong with them.
type metadata struct {
	custom map[string]any
	errs   []error
}

func (m *metadata) wrong(format string, args ...any) {
	m.errs = append(m.errs, fmt.Errorf(format, args...))
}

func (m *metadata) text(key string) string {
	s, ok := m.custom[key].(string)
	if !ok || strings.TrimSpace(s) == "" {
		m.wrong("custom.%s is missing or not text", key)
	}
	return strings.TrimSpace(s)
}

func (m *metadata) boolean(key string) bool {
	b, ok := m.custom[key].(bool)
	if !ok {
		m.wrong("custom.%s is missing or not true or false", key)
	}
	return b
}

func (m *metadata) texts(key string) []string {
	list, ok := m.custom[key].([]any)
	if !ok {
		m.wrong("custom.%s is missing or not a list", key)
	}
	out := make([]string, 0, len(list))
	for _, item := range list {
		s, ok := item.(string)
		if !ok || s == "" {
			m.wrong("custom.%s holds something that is not text", key)
		}
		out = append(out, s)
	}
	return out
}
