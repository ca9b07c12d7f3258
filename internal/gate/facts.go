package gate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/calendar"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// The stretch of time for which windows are expanded: a day back for clocks that
// differ, two weeks ahead for the longest rollout that anybody plans.
const (
	horizonBack  = 24 * time.Hour
	horizonAhead = 14 * 24 * time.Hour
)

// Binding is the digest that approvals of a request are bound to. A field that
// holds a line break could pass for two fields and is refused.
func Binding(r gatekeep.Request, subjectDigest string) (string, error) {
	lines := gatekeep.BindingLines(r, subjectDigest)
	for _, line := range lines {
		if strings.ContainsAny(line, "\r\n") {
			return "", fmt.Errorf("computing binding: %q holds a line break", line)
		}
	}
	return digest.Of([]byte(strings.Join(lines, "\n"))), nil
}

// factsOf assembles the document that rules read: what the gate observed itself,
// what the catalogue of the bundle says, and what was verified.
func factsOf(c gatekeep.Case, ev *attest.Evidence, binding string, version string) (gatekeep.Facts, error) {
	f := gatekeep.Facts{
		Schema:      gatekeep.FactsSchema,
		Stage:       c.Request.Stage,
		Regimes:     list(append(slices.Clone(c.Catalogue.Regimes), c.Request.Regimes...)),
		Clock:       c.Clock,
		Gate:        gatekeep.GateFacts{Version: version, Policy: c.Policy, StateDeclared: c.State.Declared},
		Subject:     gatekeep.SubjectFacts{Subject: c.Subject, Commit: c.Request.Commit},
		Service:     c.Catalogue.Service,
		Environment: c.Catalogue.Environment,
		Identities:  c.Catalogue.Identities,
		Action:      gatekeep.ActionFacts{Type: c.Request.Action, Targets: list(c.Request.Targets)},
		Request: gatekeep.RequestFacts{
			ID: c.Request.ID, Nonce: c.Request.Nonce, RequestedAt: c.Request.RequestedAt, Binding: binding,
			Actor: c.Request.Actor, OnBehalfOf: c.Request.OnBehalfOf, Emergency: c.Request.Emergency,
			Change: c.Request.Change, Plan: c.Request.Plan, Strategy: c.Request.Strategy,
		},
		EvidenceErrors: []gatekeep.EvidenceError{},
		SBOMChecks:     c.SBOMChecks,
		State: gatekeep.StateFacts{
			ConsumedNonces: list(c.State.ConsumedNonces),
			Incidents:      map[string]gatekeep.Incident{},
			Obligations:    list(c.State.Obligations),
			BreakGlassUses: list(c.State.BreakGlassUses),
		},
	}
	for _, s := range c.Sources {
		if s.Status == gatekeep.SourceFailed {
			f.EvidenceErrors = append(f.EvidenceErrors, gatekeep.EvidenceError{
				Source: s.Name, Kind: s.Reason, Detail: s.Detail, Required: s.Required,
			})
		}
	}
	ev.Apply(&f)
	f.Reviews = reviews(ev)
	useUp(&f, c.State.GrantUses)
	if err := expandCalendar(&f, c, ev); err != nil {
		return gatekeep.Facts{}, err
	}
	f.Completeness = completeness(f)
	return f, nil
}

// reviews are the believed reviews of earlier emergencies.
func reviews(ev *attest.Evidence) []gatekeep.Review {
	out := []gatekeep.Review{}
	for _, r := range ev.Reviews {
		out = append(out, gatekeep.Review{
			Grant: r.Grant, Uses: list(r.Uses), Outcome: r.Outcome, Reviewers: list(r.Reviewers),
			ReviewedAt: r.ReviewedAt, Verification: r.Verification,
		})
	}
	return out
}

// useUp adds the uses that the gate remembers to grants and exemptions.
func useUp(f *gatekeep.Facts, uses map[string]int) {
	for id, g := range f.Grants {
		g.Uses = uses[g.ID]
		f.Grants[id] = g
	}
	for i := range f.Exemptions {
		f.Exemptions[i].Uses = uses[f.Exemptions[i].ID]
	}
}

// expandCalendar turns the newest believed calendar into instants.
func expandCalendar(f *gatekeep.Facts, c gatekeep.Case, ev *attest.Evidence) error {
	doc, ok := newest(ev.Calendars)
	if !ok {
		return nil
	}
	from, to := c.Clock.Now.Add(-horizonBack), c.Clock.Now.Add(horizonAhead)
	occurrences, err := calendar.Expand(doc, from, to)
	if err != nil {
		return fmt.Errorf("expanding calendar revision %d: %w", doc.Revision, err)
	}
	f.Calendar = &gatekeep.Calendar{
		Verified: true, Revision: doc.Revision, System: doc.Source.System, FetchedNS: doc.Source.FetchedAt.UnixNano(),
		TZData: c.Clock.TZData, HorizonStartNS: from.UnixNano(), HorizonEndNS: to.UnixNano(),
		Occurrences: occurrences, Attestation: doc.Attestation,
	}
	return nil
}

// newest is the calendar with the highest revision; of two with the same revision
// the one read last, and then the one whose digest sorts first, so that the order
// in which they were found never decides.
func newest(docs []gatekeep.CalendarDocument) (gatekeep.CalendarDocument, bool) {
	var best gatekeep.CalendarDocument
	for i, d := range docs {
		order := cmp.Or(
			cmp.Compare(d.Revision, best.Revision),
			d.Source.FetchedAt.Compare(best.Source.FetchedAt),
			strings.Compare(best.Attestation, d.Attestation),
		)
		if i == 0 || order > 0 {
			best = d
		}
	}
	return best, len(docs) > 0
}

// principals are all accounts that the case and the evidence mention.
func principals(c gatekeep.Case, ev *attest.Evidence) []string {
	out := []string{c.Request.Actor.Principal, c.Request.OnBehalfOf}
	for _, o := range c.State.Obligations {
		out = append(out, o.Principal)
	}
	for _, st := range ev.Statements {
		content := st.Content
		if content.Source != nil {
			out = append(out, content.Source.Contributors...)
		}
		if content.Approval != nil {
			out = append(out, content.Approval.Principal)
		}
		if g := content.Grant; g != nil {
			out = append(out, g.Principal, g.GrantedBy)
		}
		if content.Exemption != nil {
			out = append(out, content.Exemption.GrantedBy...)
		}
		if w := content.Waiver; w != nil {
			out = append(append(out, w.RequestedBy), w.GrantedBy...)
		}
		if content.Review != nil {
			out = append(out, content.Review.Reviewers...)
		}
	}
	return out
}

// completeness tells the length of every list that is handed over, by path, so
// that rules see a truncated one.
func completeness(f gatekeep.Facts) map[string]int {
	n := map[string]int{
		"approvals":             len(f.Approvals),
		"attestations/items":    len(f.Attestations.Items),
		"calendar/occurrences":  0,
		"evidence_errors":       len(f.EvidenceErrors),
		"findings/sast":         len(f.Findings.SAST),
		"findings/sca":          len(f.Findings.SCA),
		"freeze_exemptions":     len(f.Exemptions),
		"grants":                len(f.Grants),
		"rejected":              len(f.Rejected),
		"resources":             len(f.Resources),
		"sboms":                 len(f.SBOMs),
		"source/contributors":   len(f.Source.Contributors),
		"state/consumed_nonces": len(f.State.ConsumedNonces),
		"vex":                   len(f.VEX),
		"waivers":               len(f.Waivers),
	}
	if f.Calendar != nil {
		n["calendar/occurrences"] = len(f.Calendar.Occurrences)
	}
	return n
}

// list is the slice itself, or an empty one in place of nil: facts hold no nulls.
func list[T any](xs []T) []T {
	if xs == nil {
		return []T{}
	}
	return xs
}
