package conform

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
)

// Bounds on what a document may cost. The library has none.
const (
	// maxSteps allows one step for each schema that meets each value: some 20 seconds.
	// Real documents take one for each byte (SPDX 3) or fewer. Alternatives that hold
	// alternatives cost a power of their depth.
	maxSteps = 8_000_000
	// bytesPerStep are compared for "uniqueItems" in the time of a step.
	bytesPerStep = 64
	// maxMembers of one object; no format keeps its entries in a map. The library keeps
	// an error for every member that does not fit.
	maxMembers = 10_000
	// maxExponent and maxDigits keep numbers within what can be computed with; float64
	// ends before.
	maxExponent, maxDigits = 400, 400
)

// ours is put before keywords that this package answers itself. The library compares
// each item with each other for "uniqueItems", writes all permitted values into each
// error about "enum", and goes on through "items" whatever it has found: 100,000
// components would take minutes, 100,000 wrong licences gigabytes.
const ours = "gatekeep:"

// work counts down the steps of one validation.
type work struct{ left int }

func (w *work) spend(steps int) {
	if w.left -= steps; w.left < 0 {
		panic(ErrTooMuchWork) // the library has no other way out; see validate
	}
}

// rule is what the package checks of one schema.
type rule struct {
	*work
	unique bool
	enum   map[string]bool // canonical text of each value; nil: any
	items  *jsonschema.Schema
}

// Compile implements jsonschema.ExtCompiler. Every schema counts.
func (w *work) Compile(ctx jsonschema.CompilerContext, m map[string]any) (jsonschema.ExtSchema, error) {
	r := rule{work: w}
	r.unique, _ = m[ours+"uniqueItems"].(bool)
	if values, ok := m[ours+"enum"].([]any); ok {
		r.enum = make(map[string]bool, len(values))
		for _, v := range values {
			r.enum[string(canonical(nil, v))] = true
		}
	}
	if _, ok := m[ours+"items"]; ok {
		var err error
		if r.items, err = ctx.Compile(ours+"items", false); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Validate implements jsonschema.ExtSchema.
func (r rule) Validate(ctx jsonschema.ValidationContext, v any) error {
	r.spend(1)
	if r.enum != nil {
		if text := string(canonical(nil, v)); !r.enum[text] {
			return ctx.Error(ours+"enum", "%s is not among the permitted values", short(text))
		}
	}
	items, ok := v.([]any)
	if !ok {
		return nil
	}
	var wrong []error
	if r.unique {
		if err := r.distinct(ctx, items); err != nil {
			wrong = append(wrong, err)
		}
	}
	for i := 0; r.items != nil && i < len(items) && len(wrong) < MaxViolations; i++ {
		ctx.EvaluatedItem(i)
		if err := ctx.Validate(r.items, ours+"items", items[i], strconv.Itoa(i)); err != nil {
			wrong = append(wrong, err)
		}
	}
	if wrong == nil {
		return nil
	}
	return jsonschema.ValidationError{}.Group(ctx.Error(ours+"items", ""), wrong...)
}

func (r rule) distinct(ctx jsonschema.ValidationContext, items []any) error {
	seen := make(map[[sha256.Size]byte]int, len(items))
	var text []byte
	for i, item := range items {
		text = canonical(text[:0], item)
		r.spend(len(text) / bytesPerStep)
		sum := sha256.Sum256(text)
		if first, ok := seen[sum]; ok {
			return ctx.Error(ours+"uniqueItems", "items %d and %d are equal", first, i)
		}
		seen[sum] = i
	}
	return nil
}

// canonical appends a text that equal values share: members sorted, numbers by value.
func canonical(to []byte, v any) []byte {
	switch v := v.(type) {
	case json.Number:
		if n, ok := new(big.Rat).SetString(v.String()); ok {
			return append(to, n.RatString()...)
		}
		return append(to, v...)
	case string:
		return strconv.AppendQuote(to, v)
	case []any:
		to = append(to, '[')
		for _, item := range v {
			to = append(canonical(to, item), ',')
		}
		return append(to, ']')
	case map[string]any:
		to = append(to, '{')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			to = append(strconv.AppendQuote(to, name), ':')
			to = append(canonical(to, v[name]), ',')
		}
		return append(to, '}')
	}
	return fmt.Append(to, v) // true, false, <nil>
}

// bounded refuses what the library cannot cope with: it multiplies numbers out, and
// falls over those that are too large for that.
func bounded(v any) error {
	switch v := v.(type) {
	case json.Number:
		digits, exponent, _ := strings.Cut(strings.ToLower(v.String()), "e")
		n, err := strconv.Atoi(exponent)
		if len(digits) > maxDigits || exponent != "" && (err != nil || max(n, -n) > maxExponent) {
			return fmt.Errorf("reading number %s: out of range", short(v.String()))
		}
	case []any:
		for _, item := range v {
			if err := bounded(item); err != nil {
				return err
			}
		}
	case map[string]any:
		if len(v) > maxMembers {
			return fmt.Errorf("reading object: %d members, limit %d", len(v), maxMembers)
		}
		for _, item := range v {
			if err := bounded(item); err != nil {
				return err
			}
		}
	}
	return nil
}
