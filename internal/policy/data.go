package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/util"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// overlayable are the members of data.gatekeep that an organisation may change.
// Rules, their index and the catalogues of regimes are not among them.
var overlayable = []string{"org", "params"}

// documents builds the data document: each data.yaml and data.json below the
// folders it lies in, then the overlay on top.
func documents(files map[string][]byte, overlay map[string]any) (map[string]any, error) {
	data := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch path.Base(name) {
		case "data.yaml", "data.json":
		default:
			if path.Ext(name) != ".rego" {
				return nil, fmt.Errorf("reading %s: a policy holds .rego, data.yaml and data.json only", name)
			}
			continue
		}
		var doc any
		if err := util.Unmarshal(files[name], &doc); err != nil {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		if err := place(data, strings.Split(path.Dir(name), "/"), doc); err != nil {
			return nil, fmt.Errorf("placing %s: %w", name, err)
		}
	}
	if len(overlay) == 0 {
		return data, nil
	}
	if err := overlays(overlay); err != nil {
		return nil, err
	}
	plain, err := canonicalOverlay(overlay)
	if err != nil {
		return nil, err
	}
	var over map[string]any
	if err := util.UnmarshalJSON(plain, &over); err != nil {
		return nil, fmt.Errorf("reading overlay: %w", err)
	}
	base, _ := data[root].(map[string]any)
	if data[root], err = merge(base, over, root); err != nil {
		return nil, err
	}
	return data, nil
}

// place puts doc at keys, and refuses to put two documents in one place.
func place(data map[string]any, keys []string, doc any) error {
	for _, key := range keys[:len(keys)-1] {
		below, ok := data[key].(map[string]any)
		if !ok {
			if data[key] != nil {
				return fmt.Errorf("another file already says what %s is", key)
			}
			below = map[string]any{}
			data[key] = below
		}
		data = below
	}
	last := keys[len(keys)-1]
	if data[last] != nil {
		return fmt.Errorf("another file already says what %s is", last)
	}
	data[last] = doc
	return nil
}

// overlays refuses an overlay that reaches beyond what may be changed.
func overlays(overlay map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(overlay)) {
		if !slices.Contains(overlayable, key) {
			return fmt.Errorf("laying %s over the policy: only %s may be changed", key, strings.Join(overlayable, " and "))
		}
		if _, ok := overlay[key].(map[string]any); !ok {
			return fmt.Errorf("laying %s over the policy: it is not an object", key)
		}
	}
	return nil
}

// canonicalOverlay is the one spelling of an overlay: what is digested, archived
// and loaded, so that a replay loads what was judged by.
func canonicalOverlay(overlay map[string]any) ([]byte, error) {
	if overlay == nil {
		overlay = map[string]any{}
	}
	raw, err := json.Marshal(overlay)
	if err != nil {
		return nil, fmt.Errorf("writing overlay: %w", err)
	}
	plain, _, err := digest.JCS(json.RawMessage(raw))
	if err != nil {
		return nil, fmt.Errorf("writing overlay: %w", err)
	}
	return plain, nil
}

// merge lays over upon base: objects are merged, everything else is replaced. A list
// or an object may not turn into something else: a rule that walks what is no longer
// there would find nothing wrong.
func merge(base, over map[string]any, at string) (map[string]any, error) {
	out := maps.Clone(base)
	if out == nil {
		out = map[string]any{}
	}
	for key, value := range over {
		b, isObject := out[key].(map[string]any)
		o, overIsObject := value.(map[string]any)
		_, isList := out[key].([]any)
		_, overIsList := value.([]any)
		switch {
		case isObject != overIsObject && (isObject || out[key] != nil), isList && !overIsList:
			return nil, fmt.Errorf("reading overlay: data.%s.%s is %s in the policy and %s in the overlay: keep its kind", at, key, kind(out[key]), kind(value))
		case isObject:
			merged, err := merge(b, o, at+"."+key)
			if err != nil {
				return nil, err
			}
			out[key] = merged
		default:
			out[key] = value
		}
	}
	return out, nil
}

func kind(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	}
	return "a plain value"
}
