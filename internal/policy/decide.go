package policy

import (
	"context"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// maxFindings bounds what one decision may say: nobody reads more, and a rule that
// says more has gone wrong.
const maxFindings = 100_000

// Decide judges facts: canonical JSON, and the SBOM indexes that it refers to, by
// reference, which rules read at data.sboms. The indexes may not change meanwhile.
// The same engine, input and indexes always give the same decision. An evaluation
// that fails, runs out of time, or says anything but exactly one well-formed
// decision is an error.
func (e *Engine) Decide(ctx context.Context, input []byte, sboms map[string]map[string]any) (gatekeep.Decision, error) {
	if e == nil || e.digest == "" {
		return gatekeep.Decision{}, errors.New("deciding: no policy is loaded")
	}
	var document map[string]any
	if err := util.UnmarshalJSON(input, &document); err != nil {
		return gatekeep.Decision{}, fmt.Errorf("reading facts: %w", err)
	}
	value, err := ast.InterfaceToValue(document)
	if err != nil {
		return gatekeep.Decision{}, fmt.Errorf("reading facts: %w", err)
	}
	txn, err := e.store.begin(ctx, sboms)
	if err != nil {
		return gatekeep.Decision{}, fmt.Errorf("opening policy data: %w", err)
	}
	defer e.store.Abort(ctx, txn)
	results, err := e.query.Eval(ctx, rego.EvalParsedInput(value), rego.EvalTransaction(txn))
	if err != nil {
		return gatekeep.Decision{}, fmt.Errorf("evaluating policy: %w", err)
	}
	// OPA may notice a deadline only at its next step, or not at all when it has none.
	if err := ctx.Err(); err != nil {
		return gatekeep.Decision{}, fmt.Errorf("evaluating policy: %w", err)
	}
	if len(results) != 1 || len(results[0].Expressions) != 1 {
		return gatekeep.Decision{}, fmt.Errorf("evaluating policy: %s has %d results; it must have one", entrypoint, len(results))
	}
	d, err := decode(results[0].Expressions[0].Value)
	if err != nil {
		return gatekeep.Decision{}, fmt.Errorf("reading decision: %w", err)
	}
	d.Policy, d.Input = e.digest, digest.Of(input)
	return d, nil
}

// spoken is what the entry point says: a Decision without what the host adds.
type spoken struct {
	Outcome gatekeep.Outcome  `json:"outcome"`
	Results []gatekeep.Result `json:"results"`
	Effects gatekeep.Effects  `json:"effects"`
}

// decode reads a decision strictly. A member that is missing would silently become
// a zero value, so shape is checked first, and what it says after.
func decode(v any) (gatekeep.Decision, error) {
	if err := checkShape(v, reflect.TypeFor[spoken](), "decision"); err != nil {
		return gatekeep.Decision{}, err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return gatekeep.Decision{}, err
	}
	var said spoken
	if err := json.Unmarshal(raw, &said); err != nil {
		return gatekeep.Decision{}, err
	}
	d := gatekeep.Decision{Outcome: said.Outcome, Results: said.Results, Effects: said.Effects}
	if err := checkWords(d); err != nil {
		return gatekeep.Decision{}, err
	}
	order(&d)
	return d, nil
}

// checkShape wants every member that the type has and is not marked omitempty, none
// of them null, and no other.
func checkShape(v any, t reflect.Type, at string) error {
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return nil // a word or a time, which reads itself strictly
	}
	switch t.Kind() {
	case reflect.Slice:
		list, ok := v.([]any)
		if !ok {
			return fmt.Errorf("%s is not a list", at)
		}
		for i, item := range list {
			if err := checkShape(item, t.Elem(), fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case reflect.Struct:
		object, ok := v.(map[string]any)
		if !ok {
			return fmt.Errorf("%s is not an object", at)
		}
		known := 0
		for i := range t.NumField() {
			name, flags, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			value, there := object[name]
			if there {
				known++
			}
			if value == nil && (there || flags != "omitempty") {
				return fmt.Errorf("%s.%s is missing", at, name)
			}
			if there {
				if err := checkShape(value, t.Field(i).Type, at+"."+name); err != nil {
					return err
				}
			}
		}
		if known != len(object) {
			return fmt.Errorf("%s has members that are not known", at)
		}
	default:
		if _, ok := v.(string); !ok {
			return fmt.Errorf("%s is not text", at)
		}
	}
	return nil
}

// checkWords refuses words that would be read as something harmless further on.
func checkWords(d gatekeep.Decision) error {
	// Silence is never a pass.
	if d.Outcome.Opens() && len(d.Results) == 0 {
		return errors.New("the gate would open though no rule said anything")
	}
	switch d.Outcome {
	case gatekeep.Pass, gatekeep.Fail, gatekeep.Indeterminate:
	default:
		return fmt.Errorf("a whole decision cannot be %q", d.Outcome)
	}
	findings := 0
	for _, r := range d.Results {
		if findings += len(r.Findings); findings > maxFindings {
			return fmt.Errorf("more than %d findings", maxFindings)
		}
		if !isSeverity(r.Severity) {
			return fmt.Errorf("result of %s: unknown severity %q", r.Rule, r.Severity)
		}
		for _, f := range r.Findings {
			if !isSeverity(f.Severity) {
				return fmt.Errorf("finding of %s: unknown severity %q", f.Rule, f.Severity)
			}
		}
	}
	return nil
}

func isSeverity(word string) bool { return word == "block" || word == "warn" }

// order makes the bytes of a decision independent of the order in which rules are
// asked.
func order(d *gatekeep.Decision) {
	slices.SortFunc(d.Results, func(a, b gatekeep.Result) int {
		return compare(a.Regime, b.Regime, a.Control, b.Control, a.Rule, b.Rule)
	})
	for i := range d.Results {
		slices.Sort(d.Results[i].Notes)
		slices.SortFunc(d.Results[i].Findings, func(a, b gatekeep.Finding) int {
			return compare(a.Rule, b.Rule, a.At, b.At, a.Message, b.Message, a.Excuse, b.Excuse)
		})
	}
	e := d.Effects
	for _, list := range [][]string{e.ConsumeNonces, e.UseGrants, e.UseExemptions, e.Approvals, e.CloseObligations} {
		slices.Sort(list)
	}
	slices.SortFunc(e.Obligations, func(a, b gatekeep.Obligation) int { return compare(a.ID, b.ID) })
}

// compare takes pairs, and the first that differ decide.
func compare(pairs ...string) int {
	for i := 0; i+1 < len(pairs); i += 2 {
		if c := strings.Compare(pairs[i], pairs[i+1]); c != 0 {
			return c
		}
	}
	return 0
}
