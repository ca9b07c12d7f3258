// Package difference tells where two JSON documents say something else.
package difference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// First names the first path, in the order of a canonical document, at
// which two documents differ.
func First(sealed, again []byte) string {
	var a, b any
	for data, into := range map[*[]byte]*any{&sealed: &a, &again: &b} {
		decoder := json.NewDecoder(bytes.NewReader(*data))
		decoder.UseNumber()
		if err := decoder.Decode(into); err != nil {
			return fmt.Sprintf("one of them is no JSON: %v", err)
		}
	}
	at, differs := Of(a, b, true)
	if !differs {
		return "they say the same, and one is not in its canonical form"
	}
	if at == "" {
		at = "the whole document"
	}
	return fmt.Sprintf("%s differs first", at)
}

// Of is the first path at which got is not want. Members that only got has
// count where exact is set; otherwise a newer writer may have added them.
func Of(want, got any, exact bool) (at string, differs bool) {
	switch want := want.(type) {
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			return "", true
		}
		names := slices.Collect(maps.Keys(want))
		if exact {
			for name := range got {
				if _, ok := want[name]; !ok {
					names = append(names, name)
				}
			}
		}
		slices.Sort(names)
		for _, name := range names {
			_, inWant := want[name]
			other, inGot := got[name]
			if !inWant || !inGot {
				return name, true
			}
			if at, differs := Of(want[name], other, exact); differs {
				return join(name, at), true
			}
		}
		return "", false
	case []any:
		got, ok := got.([]any)
		if !ok {
			return "", true
		}
		for i := range min(len(want), len(got)) {
			if at, differs := Of(want[i], got[i], exact); differs {
				return join(fmt.Sprintf("[%d]", i), at), true
			}
		}
		if len(want) != len(got) {
			return fmt.Sprintf("[%d]", min(len(want), len(got))), true
		}
		return "", false
	}
	switch got.(type) {
	case map[string]any, []any:
		return "", true
	}
	return "", want != got
}

func join(name, rest string) string {
	if rest == "" || rest[0] == '[' {
		return name + rest
	}
	return name + "." + rest
}
