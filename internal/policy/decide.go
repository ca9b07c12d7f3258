package policy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// Members of the parts of a decision; those in optional may be missing, and there
// may be no others.
var (
	decisionMembers   = []string{"outcome", "results", "effects"}
	resultMembers     = []string{"regime", "control", "rule", "outcome", "severity", "findings", "notes"}
	findingMembers    = []string{"rule", "message", "at", "severity", "remedy"}
	effectMembers     = []string{"consume_nonces", "use_grants", "use_exemptions", "approvals", "obligations"}
	obligationMembers = []string{"id", "kind", "principal", "service", "status", "due_at"}
	optionalMembers   = []string{"excuse"}
)

// decode reads a decision strictly. A member that is missing would silently become
// a zero value, so shape is checked first, and what it says after.
func decode(v any) (gatekeep.Decision, error) {
	var d gatekeep.Decision
	if err := checkShape(v); err != nil {
		return d, err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return d, err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&d); err != nil {
		return gatekeep.Decision{}, err
	}
	if err := checkWords(d); err != nil {
		return gatekeep.Decision{}, err
	}
	order(&d)
	return d, nil
}

// checkShape walks the decision and wants every member that it must have.
func checkShape(v any) error {
	decision, err := members(v, "decision", decisionMembers)
	if err != nil {
		return err
	}
	findings := 0
	err = each(decision["results"], "results", resultMembers, func(result map[string]any, at string) error {
		return each(result["findings"], at+".findings", findingMembers, func(map[string]any, string) error {
			if findings++; findings > maxFindings {
				return fmt.Errorf("more than %d findings", maxFindings)
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	effects, err := members(decision["effects"], "effects", effectMembers)
	if err != nil {
		return err
	}
	return each(effects["obligations"], "effects.obligations", obligationMembers,
		func(map[string]any, string) error { return nil })
}

// members is v as an object with exactly these members, none of them null.
func members(v any, at string, want []string) (map[string]any, error) {
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s is not an object", at)
	}
	for _, name := range want {
		if object[name] == nil {
			return nil, fmt.Errorf("%s.%s is missing", at, name)
		}
	}
	for name := range object {
		if !slices.Contains(want, name) && !slices.Contains(optionalMembers, name) {
			return nil, fmt.Errorf("%s.%s is not known", at, name)
		}
	}
	return object, nil
}

func each(v any, at string, want []string, visit func(map[string]any, string) error) error {
	list, ok := v.([]any)
	if !ok {
		return fmt.Errorf("%s is not a list", at)
	}
	for i, item := range list {
		here := fmt.Sprintf("%s[%d]", at, i)
		object, err := members(item, here, want)
		if err != nil {
			return err
		}
		if err := visit(object, here); err != nil {
			return err
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
	for _, r := range d.Results {
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
	for _, list := range [][]string{d.Effects.ConsumeNonces, d.Effects.UseGrants, d.Effects.UseExemptions, d.Effects.Approvals} {
		slices.Sort(list)
	}
	slices.SortFunc(d.Effects.Obligations, func(a, b gatekeep.Obligation) int { return compare(a.ID, b.ID) })
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
