package html

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// glance is who asked for what, where and when.
func glance(r gatekeep.Record) section {
	q, c := r.Case.Request, r.Case.Catalogue
	t := facts("Who asked for what, where and when")
	t.fact("Who asked", code(q.Actor.Principal).with(
		lines("note", prefixed("identity ", view.Joined(" of ", q.Actor.Subject, q.Actor.Issuer)))))
	t.fact("On behalf of", code(q.OnBehalfOf))
	t.fact("What", say(view.Joined(" of ", q.Action, q.Service)).with(lines("note", prefixed("owner of the service: ", c.Service.Owner),
		prefixed("tier of the service: ", c.Service.Tier), prefixed("classes of data: ", strings.Join(c.Service.DataClasses, ", ")))))
	if q.Emergency {
		t.fact("Emergency", badge(view.Warning, "yes: asked for as an emergency"))
	}
	t.fact("Where", say(q.Environment).with(lines("note", prefixed("tier: ", c.Environment.Tier),
		prefixed("provider and region: ", view.Joined(", ", c.Environment.Provider, c.Environment.Region)),
		prefixed("targets of this wave: ", strings.Join(q.Targets, ", ")))))
	t.fact("Stage", say(q.Stage))
	t.fact("When decided", say(when(r.DecidedAt)).with(lines("note", clockOf(r.Case.Clock))))
	if !q.RequestedAt.IsZero() {
		t.fact("When asked", say(when(q.RequestedAt)))
	}
	t.fact("Change record", code(q.Change))
	t.fact("Commit of the source", code(q.Commit))
	t.fact("Infrastructure plan", code(q.Plan))
	t.fact("Strategy", say(q.Strategy))
	t.fact("Decision", code(r.ID))
	if s := r.Case.State; s.Declared && s.Sequence > 0 {
		t.fact("Number", say(fmt.Sprintf("%d of this environment", s.Sequence)).with(lines("note", prefixed("decision before it: ", s.Previous))))
	} else if !s.Declared {
		t.fact("Number", say("none: the gate is declared to keep no memory of earlier decisions"))
	}
	return section{ID: "request", Title: "Who, what, where, when", Tables: []table{t}}
}

// clockOf says how far the time of the decision can be trusted.
func clockOf(c gatekeep.Clock) string {
	origin := map[string]string{"system": "clock of the machine", "stated": "time stated by the caller"}
	out := known(origin, c.Source)
	if c.UncertaintyNS > 0 {
		out = view.Joined(", ", out, "give or take "+time.Duration(c.UncertaintyNS).String())
	}
	return view.Joined(", ", out, prefixed("time zone data ", c.TZData))
}

// subject is what would be deployed.
func subject(r gatekeep.Record) section {
	s := r.Case.Subject
	t := facts("The subject")
	t.fact("Name", code(s.Name))
	t.fact("Kind", say(known(kinds, s.Kind)))
	t.fact("As the caller wrote it", code(s.Ref))
	t.fact("Digest", code(s.Digest))
	out := section{ID: "subject", Title: "What would be deployed", Text: []string{
		"A digest is the fingerprint of the exact bytes: another artifact, or the same one changed, has another digest."}}
	if len(t.Rows) > 0 {
		out.Tables = append(out.Tables, t)
	}
	parts := table{Caption: "What would run, by platform", Class: "parts", Heads: []string{"Name", "Platform", "Digest"}}
	for _, d := range slices.Sorted(maps.Keys(s.Artifacts)) {
		a := s.Artifacts[d]
		covered := slices.DeleteFunc(slices.Clone(a.CoveredBy), func(by string) bool { return by == d })
		parts.add(code(a.Name), say(a.Platform), code(d).with(lines("note", prefixed("also covered by statements about ", strings.Join(covered, ", ")))))
	}
	if len(parts.Rows) > 0 {
		out.Tables = append(out.Tables, parts)
	}
	return out
}

// approvals are those that counted, and the accounts that the evidence mentions.
func approvals(r gatekeep.Record) section {
	out := section{ID: "approvals", Title: "Approvals that counted"}
	ids := r.Decision.Effects.Approvals
	if len(ids) == 0 {
		out.Text = []string{"No approval counted for this decision."}
		if !r.Decision.Outcome.Opens() {
			out.Text = []string{"The record names no approval that counted: approvals are named, and used up, only when the gate opens."}
		}
	}
	if len(ids) > 0 {
		t := table{Caption: "Approvals that counted", Class: "evidence", Heads: []string{"Signer", "Belief", "Found in", "Document"}}
		for _, id := range ids {
			i := slices.IndexFunc(r.Accepted, func(s gatekeep.Signed) bool { return s.ID == id })
			if i < 0 {
				t.add(badge(view.Unknown, "not known"), say("this record does not list the document as accepted"), nil, code(id))
				continue
			}
			s := r.Accepted[i]
			t.add(code(s.Signer), say(known(trusts, s.Status)), say(s.Source), code(nameOf(r, id), id))
		}
		out.Text = []string{"Signers are named as in the trust policy."}
		out.Tables = append(out.Tables, t)
	}
	if t := accounts(r); len(t.Rows) > 0 {
		out.Tables = append(out.Tables, t)
	}
	return out
}

func accounts(r gatekeep.Record) table {
	t := table{Title: "Accounts that the evidence mentions", Caption: "Accounts that the evidence mentions, as the directory of the policy has them", Class: "accounts",
		Heads: []string{"Account", "Kind and status", "Person or team", "Groups", "Second factor"}}
	ids := r.Case.Catalogue.Identities
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		who := ids[id]
		t.add(code(id), say(view.Joined(", ", who.Type, who.Status)), code(who.Person), say(strings.Join(who.Groups, ", ")), say(yesNo(who.MFA)))
	}
	return t
}

// nameOf is the name under which a document was found.
func nameOf(r gatekeep.Record, id string) string {
	for _, e := range r.Case.Envelopes {
		if e.Digest == id {
			return e.Name
		}
	}
	return ""
}
