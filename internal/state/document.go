package state

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// Schema names the shape of the stored document.
const Schema = "gatekeep.dev/state/v1"

// Bounds. What is remembered is never pruned by itself: a nonce that was forgotten
// could be used again. Every commit rewrites the document, so it must stay small
// enough for that.
const (
	maxNonces      = 200_000 // some 25 MB; at three a deployment 180 deployments a day for a year
	maxEnvironment = 10_000
	maxPolicies    = 1_000
	maxGrants      = 100_000
	maxUses        = 100_000 // of break glass
	maxObligations = 100_000
	maxText        = 1_024 // bytes of a name, id or nonce
	maxChanges     = 1_000 // nonces, uses or obligations in one update
)

// document is the stored state. Canonical JSON (RFC 8785) writes numbers as IEEE
// doubles, which would round nanoseconds, so integers are strings.
type document struct {
	Schema         string                         `json:"schema"`
	ClockFloorNS   int64                          `json:"clock_floor_ns,string"`
	Environments   map[string]chain               `json:"environments"`
	Policies       map[string]revision            `json:"policies"`
	Nonces         map[string]consumed            `json:"nonces"`
	GrantUses      map[string]uses                `json:"grant_uses"`
	BreakGlassUses []gatekeep.BreakGlassUse       `json:"break_glass_uses"`
	Obligations    map[string]gatekeep.Obligation `json:"obligations"`
}

// chain is the newest decision of an environment.
type chain struct {
	Sequence int64  `json:"sequence,string"`
	Decision string `json:"decision"` // id
	Digest   string `json:"digest"`
	Service  string `json:"service"`
}

type revision struct {
	Newest int64 `json:"newest,string"`
}

type consumed struct {
	Decision string `json:"decision"`     // id of the decision that consumed it
	AtNS     int64  `json:"at_ns,string"` // 0 where its time was stated
}

type uses struct {
	Count int64 `json:"count,string"`
}

func newDocument() *document {
	return &document{
		Schema: Schema, Environments: map[string]chain{}, Policies: map[string]revision{},
		Nonces: map[string]consumed{}, GrantUses: map[string]uses{},
		BreakGlassUses: []gatekeep.BreakGlassUse{}, Obligations: map[string]gatekeep.Obligation{},
	}
}

// check refuses a document that no commit can have written.
func (d *document) check() error {
	switch {
	case d.Schema != Schema:
		return fmt.Errorf("schema is %q, this program reads %q", d.Schema, Schema)
	case d.Environments == nil || d.Policies == nil || d.Nonces == nil || d.GrantUses == nil || d.BreakGlassUses == nil || d.Obligations == nil:
		return fmt.Errorf("a part of the state is missing")
	case d.ClockFloorNS < 0:
		return fmt.Errorf("clock_floor_ns is negative")
	}
	for name, c := range d.Environments {
		if c.Sequence < 1 || !digest.Valid(c.Digest) || c.Decision == "" {
			return fmt.Errorf("environments: %q names no decision", name)
		}
	}
	for name, r := range d.Policies {
		if r.Newest < 0 {
			return fmt.Errorf("policies: %q has a negative revision", name)
		}
	}
	for name, n := range d.Nonces {
		if n.Decision == "" {
			return fmt.Errorf("nonces: %q names no decision", name)
		}
	}
	for id, g := range d.GrantUses {
		if g.Count < 1 {
			return fmt.Errorf("grant_uses: %q has no use", id)
		}
	}
	for id, o := range d.Obligations {
		if o.ID != id || (o.Status != statusOpen && o.Status != statusClosed) {
			return fmt.Errorf("obligations: %q is neither open nor closed", id)
		}
	}
	return nil
}

// Statuses of an obligation.
const (
	statusOpen   = "open"
	statusClosed = "closed"
)

// answer looks up what a query asks for.
func (d *document) answer(q Query) Snapshot {
	last := d.Environments[q.Environment]
	s := Snapshot{
		ClockFloorNS: d.ClockFloorNS, PolicyFloor: d.Policies[q.Policy].Newest, Fresh: len(d.Environments) == 0,
		State: gatekeep.State{
			Declared: true, Environment: q.Environment, Sequence: last.Sequence + 1, Previous: last.Digest,
			BreakGlassUses: slices.Clone(d.BreakGlassUses), GrantUses: map[string]int{},
		},
	}
	nonces := q.Nonces
	if nonces == nil {
		nonces = slices.Collect(maps.Keys(d.Nonces))
	}
	for _, nonce := range nonces {
		if _, ok := d.Nonces[nonce]; ok {
			s.State.ConsumedNonces = append(s.State.ConsumedNonces, nonce)
		}
	}
	slices.Sort(s.State.ConsumedNonces)
	s.State.ConsumedNonces = slices.Compact(s.State.ConsumedNonces)
	grants := q.Grants
	if grants == nil {
		grants = slices.Collect(maps.Keys(d.GrantUses))
	}
	for _, id := range grants {
		if g, ok := d.GrantUses[id]; ok {
			s.State.GrantUses[id] = int(g.Count)
		}
	}
	for _, o := range d.Obligations {
		if o.Status == statusOpen {
			s.State.Obligations = append(s.State.Obligations, o)
		}
	}
	slices.SortFunc(s.State.Obligations, func(a, b gatekeep.Obligation) int { return cmp.Compare(a.ID, b.ID) })
	return s
}

// apply makes the changes of an update, or none: where it returns an error the
// document must be thrown away.
func (d *document) apply(u Update) error {
	if err := u.check(); err != nil {
		return err
	}
	last := d.Environments[u.Environment]
	if u.Sequence != last.Sequence+1 || u.Previous != last.Digest {
		return fmt.Errorf("decision %d of environment %q: its newest decision is number %d: %w", u.Sequence, u.Environment, last.Sequence, ErrConflict)
	}
	for _, nonce := range u.ConsumeNonces {
		if before, ok := d.Nonces[nonce]; ok {
			return fmt.Errorf("nonce %q, consumed by decision %s: %w", nonce, before.Decision, ErrNonceConsumed)
		}
		d.Nonces[nonce] = consumed{Decision: u.DecisionID, AtNS: u.NowNS}
	}
	for _, id := range u.GrantUses {
		d.GrantUses[id] = uses{Count: d.GrantUses[id].Count + 1}
	}
	for _, o := range u.Obligations {
		if _, ok := d.Obligations[o.ID]; ok {
			return fmt.Errorf("obligation %q is there already", o.ID)
		}
		d.Obligations[o.ID] = o
	}
	for _, id := range u.CloseObligations {
		o, ok := d.Obligations[id]
		if !ok {
			return fmt.Errorf("closing obligation %q: it was never created", id)
		}
		o.Status = statusClosed
		d.Obligations[id] = o
	}
	d.BreakGlassUses = append(d.BreakGlassUses, u.BreakGlassUses...)
	d.Environments[u.Environment] = chain{Sequence: u.Sequence, Decision: u.DecisionID, Digest: u.DecisionDigest, Service: u.Service}
	// Floors only rise. Rules hold a clock or a policy below them against the
	// request; an approved exception must not lower them for the next one.
	d.ClockFloorNS = max(d.ClockFloorNS, u.NowNS)
	d.Policies[u.PolicyName] = revision{Newest: max(d.Policies[u.PolicyName].Newest, u.PolicyRevision)}
	return d.checkSize()
}

func (d *document) checkSize() error {
	for _, part := range []struct {
		name     string
		n, bound int
	}{
		{"nonces", len(d.Nonces), maxNonces},
		{"environments", len(d.Environments), maxEnvironment},
		{"policies", len(d.Policies), maxPolicies},
		{"grants", len(d.GrantUses), maxGrants},
		{"break-glass uses", len(d.BreakGlassUses), maxUses},
		{"obligations", len(d.Obligations), maxObligations},
	} {
		if part.n > part.bound {
			return fmt.Errorf("%d %s, more than %d: %w; keep the folder and start a new one for the environments that go on, with new nonces", part.n, part.name, part.bound, ErrFull)
		}
	}
	return nil
}

// check refuses an update that would leave something unusable behind.
func (u Update) check() error {
	for _, field := range []struct{ name, value string }{
		{"DecisionID", u.DecisionID}, {"Environment", u.Environment}, {"PolicyName", u.PolicyName},
	} {
		if err := checkText(field.name, field.value); err != nil {
			return err
		}
	}
	switch {
	case len(u.Service) > maxText:
		return fmt.Errorf("service is longer than %d bytes", maxText)
	case !digest.Valid(u.DecisionDigest):
		return fmt.Errorf("decision digest %q is not a digest", u.DecisionDigest)
	case u.Sequence < 1:
		return fmt.Errorf("sequence %d is less than 1", u.Sequence)
	case u.NowNS < 0:
		return fmt.Errorf("time %d is negative", u.NowNS)
	case u.PolicyRevision < 0:
		return fmt.Errorf("policy revision %d is negative", u.PolicyRevision)
	case len(u.ConsumeNonces)+len(u.GrantUses)+len(u.BreakGlassUses)+len(u.Obligations)+len(u.CloseObligations) > maxChanges:
		return fmt.Errorf("more than %d changes in one update", maxChanges)
	}
	ids := map[string][]string{"ConsumeNonces": u.ConsumeNonces, "GrantUses": u.GrantUses, "CloseObligations": u.CloseObligations}
	for _, o := range u.Obligations {
		if o.Status != statusOpen {
			return fmt.Errorf("obligation %q is new and its status is %q, not %q", o.ID, o.Status, statusOpen)
		}
		ids["Obligations"] = append(ids["Obligations"], o.ID)
	}
	for _, use := range u.BreakGlassUses {
		ids["BreakGlassUses"] = append(ids["BreakGlassUses"], use.ID)
	}
	for _, name := range slices.Sorted(maps.Keys(ids)) {
		for _, id := range ids[name] {
			if err := checkText(name, id); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkText(name, value string) error {
	if value == "" || len(value) > maxText {
		return fmt.Errorf("%s has a value of %d bytes; it must have 1 to %d", name, len(value), maxText)
	}
	return nil
}
