package policy_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gatekeep-dev/gatekeep/internal/policy"
)

// A parameter that loses its kind would silence the rules that walk it.
func TestAnOverlayKeepsTheKindOfWhatItReplaces(t *testing.T) {
	tree := fstest.MapFS{
		"gatekeep/params/f/data.yaml": {Data: []byte("list: [a]\nobject: {a: 1}\nnumber: 3\nnothing: null\n")},
		"gatekeep/main/main.rego":     {Data: []byte("package gatekeep.main\n\ndecision := {}\n")},
	}
	for name, c := range map[string]struct {
		value any
		key   string
		ok    bool
	}{
		"another list":         {[]any{}, "list", true},
		"another number":       {4, "number", true},
		"no number":            {nil, "number", true},
		"more of an object":    {map[string]any{"b": 2}, "object", true},
		"something of nothing": {[]any{"x"}, "nothing", true},
		"a new one":            {map[string]any{"x": 1}, "new", true},
		"no list":              {nil, "list", false},
		"no object":            {nil, "object", false},
		"a text for a list":    {"a", "list", false},
		"a list for an object": {[]any{}, "object", false},
		"an object for a list": {map[string]any{}, "list", false},
		"an object for a text": {map[string]any{}, "number", false},
	} {
		t.Run(name, func(t *testing.T) {
			overlay := map[string]any{"params": map[string]any{"f": map[string]any{c.key: c.value}}}
			_, err := policy.Load(t.Context(), policy.Source{Rego: tree, Overlay: overlay}, nil)
			switch {
			case c.ok && err != nil:
				t.Error(err)
			case !c.ok && (err == nil || !strings.Contains(err.Error(), "data.gatekeep.params.f."+c.key)):
				t.Errorf("got %v, want an error that names the parameter", err)
			}
		})
	}
}
