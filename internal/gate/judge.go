// Package gate is the whole trip: gather what there is about a subject, verify it
// into facts, let the policy decide, and leave a record of all of it.
package gate

import (
	"context"
	"fmt"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/policy"
	"github.com/gatekeep-dev/gatekeep/internal/regimes"
)

// Law is what a case is judged by: the rules, with the organisation's data laid
// over them, and who may say what.
type Law struct {
	Policy  policy.Source
	Trust   *attest.Trust
	Version string // of this program, a fact like any other
	// Schema is the JSON Schema that facts must meet. A replay leaves it out: its
	// facts met the schema of their own time.
	Schema []byte
}

// Judgement is what the law makes of a case.
type Judgement struct {
	Facts    gatekeep.Facts
	Input    []byte // canonical JSON of the facts, as judged
	Decision gatekeep.Decision
	Decided  []byte // canonical JSON of the decision
	Binding  string
	Regimes  []gatekeep.Regime // those that were active
}

// Judge decides a case. It reads no clock, no file and no network, so the same
// case, documents and law always give the same bytes. An error means that the
// case could not be judged; a denial is a Decision.
func Judge(ctx context.Context, c gatekeep.Case, documents []attest.Envelope, law Law) (*Judgement, error) {
	evidence, binding, err := verify(c, documents, law)
	if err != nil {
		return nil, err
	}
	return decide(ctx, c, evidence, binding, law)
}

// verify sorts documents into what is believed and what is not.
func verify(c gatekeep.Case, documents []attest.Envelope, law Law) (*attest.Evidence, string, error) {
	if err := checkClock(c.Clock); err != nil {
		return nil, "", err
	}
	binding, err := Binding(c.Request, c.Subject.Digest)
	if err != nil {
		return nil, "", err
	}
	evidence, err := attest.Verify(documents, law.Trust, attest.About{
		Digests: attest.AboutSubject(c.Subject), Covers: attest.Covers(c.Subject), Commit: c.Request.Commit, Binding: binding,
		Plan: c.Request.Plan, Environment: c.Request.Environment, Service: c.Request.Service,
	}, c.Clock.Now)
	if err != nil {
		return nil, "", fmt.Errorf("verifying evidence: %w", err)
	}
	return evidence, binding, nil
}

// checkClock refuses a clock that tells two times: certificates are judged by the
// one and rules by the other. A year that nanoseconds do not reach is one such.
func checkClock(c gatekeep.Clock) error {
	if c.NowNS%int64(time.Second) != 0 || !c.Now.Equal(time.Unix(0, c.NowNS)) {
		return fmt.Errorf("checking clock: now is %s and now_ns is %d; they must be one time in whole seconds, in the years 1678 to 2261",
			c.Now.Format(time.RFC3339Nano), c.NowNS)
	}
	return nil
}

// decide turns what is believed into facts, and facts into a decision.
func decide(ctx context.Context, c gatekeep.Case, evidence *attest.Evidence, binding string, law Law) (*Judgement, error) {
	facts, err := factsOf(c, evidence, binding, law.Version)
	if err != nil {
		return nil, err
	}
	input, _, err := digest.JCS(facts)
	if err != nil {
		return nil, fmt.Errorf("writing facts: %w", err)
	}
	if law.Schema != nil {
		if err := meetSchema(input, string(law.Schema)); err != nil {
			return nil, fmt.Errorf("checking facts: %w", err)
		}
	}
	active, rules, err := activeRules(law.Policy, facts)
	if err != nil {
		return nil, err
	}
	engine, err := policy.Load(ctx, law.Policy, rules)
	if err != nil {
		return nil, fmt.Errorf("loading policy: %w", err)
	}
	// What was signed and is recorded must be what judges, also where the files of a
	// policy change meanwhile.
	if engine.Digest() != c.Policy.Digest {
		return nil, fmt.Errorf("loading policy: it is %s, and the case names %s: it changed meanwhile; ask again", engine.Digest(), c.Policy.Digest)
	}
	decision, err := engine.Decide(ctx, input, evidence.Indexes)
	if err != nil {
		return nil, fmt.Errorf("deciding: %w", err)
	}
	decided, _, err := digest.JCS(decision)
	if err != nil {
		return nil, fmt.Errorf("writing decision: %w", err)
	}
	return &Judgement{
		Facts: facts, Input: input, Decision: decision, Decided: decided, Binding: binding, Regimes: active,
	}, nil
}

// activeRules finds the regimes that the facts bring in, and the rules that their
// controls name, so that only those are loaded. The policy derives the regimes
// again: one that is missed here has no rules loaded, and keeps the gate shut.
func activeRules(src policy.Source, f gatekeep.Facts) ([]gatekeep.Regime, []string, error) {
	catalogue, err := regimes.Load(src.Rego)
	if err != nil {
		return nil, nil, fmt.Errorf("reading regimes: %w", err)
	}
	activation, err := policy.Activates(src)
	if err != nil {
		return nil, nil, fmt.Errorf("reading regimes: %w", err)
	}
	ids := regimes.Derive(regimes.Derivation{
		Asked: f.Regimes, Baseline: activation.Baseline, Triggers: activation.Triggers,
		Service: f.Service.Regimes, Environment: f.Environment.Regimes, DataClasses: f.Service.DataClasses,
	})
	rules, err := catalogue.Rules(ids)
	if err != nil {
		return nil, nil, err
	}
	active := make([]gatekeep.Regime, 0, len(ids))
	for _, id := range ids {
		active = append(active, catalogue[id])
	}
	return active, rules, nil
}
