package conform

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// beyond checks rules of a specification that its schema cannot say.
//
// CycloneDX: "Every bom-ref MUST be unique within the BOM" (JSON schemas from 1.2 on, at
// each bom-ref). The XML schemas enforce it with xs:unique; JSON Schema has no word for
// it. It is held against what dependencies and vulnerabilities point at, components and
// services; the valid examples of the specification repeat workspaces of a formulation.
func (s schema) beyond(document any) []Violation {
	if s.Name != "cyclonedx-json" {
		return nil
	}
	r := references{first: map[string]string{}}
	bom, _ := document.(map[string]any) // the schema has seen to that
	for _, name := range []string{"metadata", "components", "services"} {
		r.walk(bom[name], "/"+name)
	}
	return r.repeated
}

// references are the identifiers of a BOM, with where each stands first.
type references struct {
	first    map[string]string
	repeated []Violation
}

func (r *references) walk(v any, at string) {
	if len(r.repeated) == MaxViolations {
		return
	}
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			r.walk(item, fmt.Sprintf("%s/%d", at, i))
		}
	case map[string]any:
		if ref, ok := v["bom-ref"].(string); ok {
			if first, taken := r.first[ref]; taken {
				r.repeated = append(r.repeated, Violation{at + "/bom-ref", short(fmt.Sprintf("%q is taken by %s", ref, first))})
			} else {
				r.first[ref] = at
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			switch v[name].(type) {
			case []any, map[string]any:
				r.walk(v[name], at+"/"+escape(name))
			}
		}
	}
}

// escape writes a member name into a JSON pointer (RFC 6901, section 3).
func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
