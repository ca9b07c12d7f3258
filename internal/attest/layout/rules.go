package layout

import (
	"errors"
	"fmt"
	"maps"
	"path"
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

// obey holds what was reported against the rules of one step, in their order. In-toto
// specification 1.0, section 4.3.3: each rule works on the artifacts that those before
// it left in the queue, and takes out those that it consumes. What no rule speaks of is
// allowed.
func obey(step in_toto.Step, reported map[string]in_toto.Link) error {
	if work(step, reported) > maxWork {
		return errors.New("its artifacts and rules are too many to be held against each other")
	}
	link := reported[step.Name]
	for _, side := range []struct {
		name      string
		rules     [][]string
		artifacts artifacts
	}{{"materials", step.ExpectedMaterials, link.Materials}, {"products", step.ExpectedProducts, link.Products}} {
		queue := namesOf(side.artifacts)
		for _, rule := range side.rules {
			consumed, err := apply(rule, queue, side.artifacts, link, reported)
			if err != nil {
				return fmt.Errorf("its %s break the rule %s", side.name, strings.Join(rule, " "))
			}
			queue = queue.Difference(consumed)
		}
	}
	return nil
}

// artifacts are what a link reports, by their shortest names.
type artifacts = map[string]in_toto.HashObj

func namesOf(a artifacts) in_toto.Set {
	names := in_toto.NewSet()
	for name := range a {
		names.Add(name)
	}
	return names
}

var errBroken = errors.New("the rule is broken")

// apply is what one rule consumes of the queue.
func apply(rule []string, queue in_toto.Set, from artifacts, link in_toto.Link, reported map[string]in_toto.Link) (in_toto.Set, error) {
	parts, err := in_toto.UnpackRule(rule)
	if err != nil {
		return nil, err
	}
	found := queue.Filter(path.Clean(parts["pattern"]))
	consumed := in_toto.NewSet()
	take := func(holds func(name string) bool) {
		for name := range found {
			if holds(name) {
				consumed.Add(name)
			}
		}
	}
	switch parts["type"] {
	case "match":
		return matched(parts, queue, from, reported), nil
	case "allow":
		return found, nil
	case "create":
		take(func(name string) bool { return link.Materials[name] == nil && link.Products[name] != nil })
	case "delete":
		take(func(name string) bool { return link.Materials[name] != nil && link.Products[name] == nil })
	case "modify":
		take(func(name string) bool {
			before, after := link.Materials[name], link.Products[name]
			return before != nil && after != nil && !maps.Equal(before, after)
		})
	case "disallow":
		if len(found) > 0 {
			return nil, errBroken
		}
	case "require":
		if !queue.Has(parts["pattern"]) {
			return nil, errBroken
		}
	default:
		return nil, errBroken
	}
	return consumed, nil
}

// matched is what a MATCH rule consumes. Section 4.3.3: artifacts "filtered in using
// source-path-prefix/pattern" must be those of the other step at
// "destination-path-prefix/pattern". One outside the prefix is not filtered in, which
// in-toto-golang does.
func matched(parts map[string]string, queue in_toto.Set, from artifacts, reported map[string]in_toto.Link) in_toto.Set {
	other := artifacts(reported[parts["dstName"]].Products)
	if parts["dstType"] == "materials" {
		other = reported[parts["dstName"]].Materials
	}
	prefix := folder(parts["srcPrefix"])
	inside := in_toto.NewSet()
	for name := range queue {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			inside.Add(rest)
		}
	}
	consumed := in_toto.NewSet()
	for rest := range inside.Filter(path.Clean(parts["pattern"])) {
		if there, ok := other[path.Join(parts["dstPrefix"], rest)]; ok && maps.Equal(there, from[prefix+rest]) {
			consumed.Add(prefix + rest)
		}
	}
	return consumed
}

// folder is a prefix as the names in it begin; none, and ".", are that of all names.
func folder(prefix string) string {
	switch clean := path.Clean(prefix); {
	case prefix == "" || clean == ".":
		return ""
	case strings.HasSuffix(clean, "/"):
		return clean
	default:
		return clean + "/"
	}
}

// work is how much the rules of a step have to look at: each walks over the names of
// its own link and, to match, those of another.
func work(step in_toto.Step, reported map[string]in_toto.Link) int {
	names := 0
	for _, link := range reported {
		for name := range link.Materials {
			names += len(name) + 1
		}
		for name := range link.Products {
			names += len(name) + 1
		}
	}
	return names * (len(step.ExpectedMaterials) + len(step.ExpectedProducts))
}
