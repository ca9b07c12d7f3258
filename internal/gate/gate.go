package gate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/bundle"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/people"
	"github.com/gatekeep-dev/gatekeep/internal/regimes"
	"github.com/gatekeep-dev/gatekeep/internal/state"
)

// Question is one request about one subject, with everything that answering it
// needs from the outside world.
type Question struct {
	Request gatekeep.Request
	Subject gatekeep.Subject
	Clock   gatekeep.Clock     // FloorNS is filled in from the state
	Policy  gatekeep.PolicyRef // FloorRevision is filled in from the state
	Mode    gatekeep.Mode
	// ModeOfBundle tells that the mode is the bundle's word and not the operator's.
	ModeOfBundle bool
	Engine       gatekeep.Engine
	Sources      []attest.Source
	State        state.Store
	Law          Law
	// Catalogue says what the names of the request stand for.
	Catalogue *bundle.Bundle
	// Archive is the exact policy, as it is sealed into evidence.
	Archive []byte
	// PolicySignature is the bundle that signs the policy, where there is one.
	PolicySignature []byte
	// Generate makes the SBOM of an artifact anew, so that the attested one can be held
	// against it. Nil: the attested one is not checked.
	Generate Generator
	// People commits to names of people. Nil: names stand as they are.
	People People
	// Seal says who is to vouch for the evidence; nil where only the key does.
	Seal *gatekeep.Seal
}

// Answer is the record of a decision and all that it was made from, ready to be
// sealed.
type Answer struct {
	Record   gatekeep.Record
	Contents evidence.Contents
	update   state.Update
	store    state.Store
}

// Check gathers, judges and records. It changes nothing: Commit does, once the
// evidence is safe. An error means that the gate could not judge.
func Check(ctx context.Context, q Question) (*Answer, error) {
	// A name that the bundle does not know is the caller's mistake, found before
	// anything is asked of the outside world.
	if _, err := catalogueOf(q, nil); err != nil {
		return nil, err
	}
	documents, reports := attest.Gather(ctx, q.Sources, q.Subject)
	if err := ctx.Err(); err != nil {
		return nil, outOfTime(err, reports)
	}
	c, err := caseOf(ctx, q, documents, reports)
	if err != nil {
		return nil, err
	}
	believed, binding, err := verify(c, documents, q.Law)
	if err != nil {
		return nil, err
	}
	if c.Catalogue, err = catalogueOf(q, principals(c, believed)); err != nil {
		return nil, err
	}
	if c.SBOMChecks, err = checkSBOMs(ctx, q, believed); err != nil {
		return nil, err
	}
	var persons []people.Person
	if q.People != nil {
		if c, persons, err = withhold(ctx, q, c, believed); err != nil {
			return nil, err
		}
	}
	judged, err := decide(ctx, c, believed, binding, q.Law)
	if err != nil {
		return nil, err
	}
	canonicalCase, id, err := identify(c)
	if err != nil {
		return nil, err
	}
	record := recordOf(q, c, believed, judged, id)
	answer := &Answer{Record: record, store: q.State, update: updateOf(c, record, judged)}
	answer.Contents = evidence.Contents{
		Record: record, Decision: judged.Decided, Input: judged.Input, Case: canonicalCase,
		Envelopes: map[string][]byte{}, Policy: q.Archive, PolicySignature: q.PolicySignature,
		Trust: labelled(q.Law.Trust.Files(), persons), People: persons,
	}
	if err := checkWithheld(answer.Contents, persons); err != nil {
		return nil, err
	}
	for _, d := range documents {
		answer.Contents.Envelopes[d.Digest()] = d.Bytes
	}
	return answer, nil
}

// outOfTime names what took the time, since no record will.
func outOfTime(err error, reports []gatekeep.SourceReport) error {
	var failed []string
	for _, r := range reports {
		if r.Status == gatekeep.SourceFailed {
			failed = append(failed, fmt.Sprintf("%s (%s)", r.Name, r.Reason))
		}
	}
	if len(failed) == 0 {
		return fmt.Errorf("gathering evidence: %w", err)
	}
	return fmt.Errorf("gathering evidence: %w: could not look at %s; restore the source or allow more time", err, strings.Join(failed, ", "))
}

// Place gives the decision its place among those of its environment in a log, which
// counts for itself: the number from 1, and the digest of the decision before it.
// Nothing that was judged depends on it.
func (a *Answer) Place(sequence int64, previous string) error {
	c := a.Record.Case
	c.State.Environment, c.State.Sequence, c.State.Previous = c.Request.Environment, sequence, previous
	canonical, id, err := identify(c)
	if err != nil {
		return err
	}
	a.Record.Case, a.Record.ID = c, id
	a.Contents.Record, a.Contents.Case = a.Record, canonical
	a.update.DecisionID = id
	return nil
}

// identify is the canonical form of a case, and the id of the decision on it.
func identify(c gatekeep.Case) (canonical []byte, id string, err error) {
	canonical, sum, err := digest.JCS(c)
	if err != nil {
		return nil, "", fmt.Errorf("writing case: %w", err)
	}
	return canonical, "dec-" + strings.TrimPrefix(sum, "sha256:")[:32], nil
}

// Commit makes the gate remember the decision. Until it returns nil the decision
// must not be acted on: another gate may have used the same sequence or nonce. Before,
// where given, runs when nothing but a failing disk can refuse the decision any more.
func (a *Answer) Commit(ctx context.Context, before func(context.Context) error) error {
	a.update.Before = before
	if err := a.store.Commit(ctx, a.update); err != nil {
		return fmt.Errorf("remembering decision %s: %w", a.Record.ID, err)
	}
	return nil
}

// caseOf collects the case: the question, what was gathered, and what the gate
// remembers of it.
func caseOf(ctx context.Context, q Question, documents []attest.Envelope, reports []gatekeep.SourceReport) (gatekeep.Case, error) {
	c := gatekeep.Case{
		Schema: gatekeep.CaseSchema, Request: q.Request, Subject: q.Subject,
		Clock: q.Clock, Policy: q.Policy, Sources: list(reports), Envelopes: attest.Refs(documents),
	}
	snapshot, err := q.State.Read(ctx, state.Query{
		Environment: q.Request.Environment, Service: q.Request.Service, Policy: q.Policy.Name,
	})
	if err != nil {
		return c, fmt.Errorf("recalling earlier decisions: %w", err)
	}
	c.State = snapshot.State
	if q.People != nil {
		if c.State, err = recall(c.State, q.People); err != nil {
			return c, fmt.Errorf("recalling earlier decisions: %w", err)
		}
	}
	if snapshot.State.Declared {
		c.Clock.FloorNS = &snapshot.ClockFloorNS
		c.Policy.FloorRevision = &snapshot.PolicyFloor
	}
	return c, nil
}

// catalogueOf looks up the names of the request, and the accounts that the
// evidence mentions, in the bundle.
func catalogueOf(q Question, principals []string) (gatekeep.Catalogue, error) {
	environment, err := q.Catalogue.Environment(q.Request.Environment)
	if err != nil {
		return gatekeep.Catalogue{}, err
	}
	service, err := q.Catalogue.Service(q.Request.Service)
	if err != nil {
		return gatekeep.Catalogue{}, err
	}
	return gatekeep.Catalogue{
		Regimes: list(q.Catalogue.Regimes()), Environment: environment, Service: service,
		Identities: q.Catalogue.Identities(principals),
	}, nil
}

func recordOf(q Question, c gatekeep.Case, ev *attest.Evidence, j *Judgement, id string) gatekeep.Record {
	return gatekeep.Record{
		Schema: gatekeep.RecordSchema, ID: id, DecidedAt: c.Clock.Now, Mode: modeOf(q, j.Decision), Engine: q.Engine, Case: c,
		Facts:    gatekeep.Digests{Input: digest.Of(j.Input), Decision: digest.Of(j.Decided), Binding: j.Binding},
		Accepted: list(ev.Signed()), Rejected: list(ev.Rejected), Regimes: j.Regimes, Decision: j.Decision,
		Seal: q.Seal,
	}
}

// modeOf is the mode that is applied. A bundle's word on it counts only while the
// gate's own invariants hold: a bundle that is forged, expired or older than before
// could otherwise let everything through by saying "observe" of itself.
func modeOf(q Question, d gatekeep.Decision) gatekeep.Mode {
	broken := slices.ContainsFunc(d.Results, func(r gatekeep.Result) bool {
		return r.Regime == regimes.Core && r.Severity != "warn" &&
			(r.Outcome == gatekeep.Fail || r.Outcome == gatekeep.Indeterminate)
	})
	if q.ModeOfBundle && broken {
		return gatekeep.Enforce
	}
	return q.Mode
}

// updateOf is what the gate has to remember: that the decision was made, the
// newest time and policy seen, and what an opened gate used up.
func updateOf(c gatekeep.Case, r gatekeep.Record, j *Judgement) state.Update {
	u := state.Update{
		DecisionID: r.ID, DecisionDigest: r.Facts.Decision, Environment: c.Request.Environment,
		Service: c.Request.Service, Sequence: c.State.Sequence, Previous: c.State.Previous,
		PolicyName: c.Policy.Name, PolicyRevision: c.Policy.Revision,
		ConsumeNonces: j.Decision.Effects.ConsumeNonces, Obligations: j.Decision.Effects.Obligations,
		CloseObligations: j.Decision.Effects.CloseObligations,
		GrantUses:        append(grantIDs(j), j.Decision.Effects.UseExemptions...),
	}
	for _, o := range j.Decision.Effects.Obligations {
		u.BreakGlassUses = append(u.BreakGlassUses, gatekeep.BreakGlassUse{
			ID: o.ID, Grant: o.Grant, Service: o.Service, Principal: o.Principal, UsedAt: c.Clock.Now,
		})
	}
	// A time that the caller stated is no proof of what time it is.
	if c.Clock.Source != ClockStated {
		u.NowNS = c.Clock.NowNS
	}
	return u
}

// grantIDs are the ids of the grants that were used. Where two documents share an
// id, facts hold one of them under a longer name; its uses count all the same.
func grantIDs(j *Judgement) []string {
	ids := []string{}
	for _, name := range j.Decision.Effects.UseGrants {
		if g, ok := j.Facts.Grants[name]; ok {
			name = g.ID
		}
		ids = append(ids, name)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Sources of the time of a decision.
const (
	ClockSystem = "system"
	ClockStated = "stated"
)

// Now is the time of a decision as a fact. It is cut to the second, which the
// uncertainty must cover: facts are canonical JSON (RFC 8785), whose numbers are
// doubles, and whole seconds in nanoseconds are the finest that they hold exactly.
func Now(t time.Time, uncertainty time.Duration, source, tzdata string) gatekeep.Clock {
	t = t.UTC().Truncate(time.Second)
	return gatekeep.Clock{
		Now: t, NowNS: t.UnixNano(), UncertaintyNS: int64(uncertainty), Source: source, TZData: tzdata,
	}
}
