package layout

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/in-toto/in-toto-golang/in_toto"
)

// checkRule refuses a rule that in-toto-golang would take for one that never matches,
// or fall over: a broken pattern in DISALLOW would disallow nothing.
func checkRule(rule []string) error {
	if len(rule) == 0 {
		return errors.New("a rule is empty")
	}
	parts, err := in_toto.UnpackRule(rule)
	if err != nil {
		return fmt.Errorf("%.200q is no rule for artifacts", rule)
	}
	if parts["type"] == "match" && parts["dstType"] != "materials" && parts["dstType"] != "products" {
		return fmt.Errorf("%.200q matches with neither MATERIALS nor PRODUCTS", rule)
	}
	// Both negate a class of characters, one by "!" and the other by "^"; a pattern must
	// be whole either way.
	for _, pattern := range []string{parts["pattern"], path.Clean(parts["pattern"])} {
		for _, form := range []string{pattern, strings.ReplaceAll(pattern, "[!", "[^")} {
			if _, err := path.Match(form, ""); err != nil {
				return fmt.Errorf("%.200q holds a broken pattern", rule)
			}
		}
	}
	return nil
}

// obey holds what was reported against the rules of one step. In-toto specification
// 1.0, section 4.3.3. Where they fail, the first rule that does is named; the
// library's own words list files in any order.
func obey(step in_toto.Step, reported map[string]in_toto.Metadata) error {
	if work(step, reported) > maxWork {
		return errors.New("its artifacts and rules are too many to be held against each other")
	}
	if in_toto.VerifyArtifacts([]any{step}, reported) == nil {
		return nil
	}
	for _, side := range []struct {
		name  string
		rules [][]string
		set   func(*in_toto.Step, [][]string)
	}{
		{"materials", step.ExpectedMaterials, func(s *in_toto.Step, rules [][]string) { s.ExpectedMaterials = rules }},
		{"products", step.ExpectedProducts, func(s *in_toto.Step, rules [][]string) { s.ExpectedProducts = rules }},
	} {
		broken := func(rules [][]string) bool {
			only := step
			only.ExpectedMaterials, only.ExpectedProducts = nil, nil
			side.set(&only, rules)
			return in_toto.VerifyArtifacts([]any{only}, reported) != nil
		}
		// Rules go on after those before them, so once broken is always broken.
		at, _ := slices.BinarySearchFunc(prefixes(side.rules), 0, func(rules [][]string, _ int) int {
			if broken(rules) {
				return 1
			}
			return -1
		})
		if at < len(side.rules) {
			return fmt.Errorf("its %s break the rule %s", side.name, strings.Join(side.rules[at], " "))
		}
	}
	return errors.New("its artifacts break the rules")
}

// prefixes are the first rule, the first two, and so on.
func prefixes(rules [][]string) [][][]string {
	var all [][][]string
	for i := range rules {
		all = append(all, rules[:i+1])
	}
	return all
}

// work is how much the rules of a step have to look at: each walks over the names of
// its own link and, to match, those of another.
func work(step in_toto.Step, reported map[string]in_toto.Metadata) int {
	names := 0
	for _, of := range reported {
		link, _ := of.GetPayload().(in_toto.Link)
		for name := range link.Materials {
			names += len(name) + 1
		}
		for name := range link.Products {
			names += len(name) + 1
		}
	}
	return names * (len(step.ExpectedMaterials) + len(step.ExpectedProducts))
}
