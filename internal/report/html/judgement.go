package html

import (
	"maps"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// reasonsFor is what stands against the request, with what to do about it.
func reasonsFor(v view.View) section {
	out := section{ID: "findings", Title: "Findings, and what to do"}
	for _, part := range []struct {
		title string
		items []view.Item
	}{
		{"What stands against it", v.ByStanding(view.Against)},
		{"What could not be judged", v.ByStanding(view.Unknown)},
		{"Warnings", v.Warnings()},
	} {
		if len(part.items) == 0 {
			continue
		}
		t := table{Title: part.title, Caption: part.title, Class: "findings", Heads: []string{"Finding", "About", "Asked for by", "What to do"}}
		for _, it := range part.items {
			t.add(badge(it.Standing, it.Standing.String()).with(say(it.Text()), lines("note", prefixed("rule ", it.Rule))),
				code(it.At), say(strings.Join(it.Controls, ", ")), say(it.Remedy))
		}
		out.Tables = append(out.Tables, t)
	}
	if len(out.Tables) == 0 {
		out.Text = []string{"No rule has a finding that stands against the request, could not judge it, or warns."}
	}
	return out
}

// controls are all of them, by regime.
func controls(v view.View) section {
	out := section{ID: "controls", Title: "Regimes and controls", Text: []string{
		"Each control names a passage of its regime and the rules that give evidence for it. To pass them is evidence for that passage, within the stated strength and limits; it is not a statement of compliance."}}
	for _, regime := range v.Regimes {
		t := table{Title: view.Joined(": ", regime.ID, regime.Title), Class: "controls", Caption: "Controls of " + regime.ID,
			Heads: []string{"Control", "Citation", "Strength and limits", "Outcome", "Rules"}}
		t.Text = []string{view.Joined(". ", view.Joined(", ", regime.Authority, prefixed("version ", regime.Version)),
			prefixed("Brought in by: ", regime.ActivatedBy), "Outcome over all of its rules: "+outcomes[regime.Outcome]) + "."}
		for _, c := range regime.Controls {
			rules := cell{}
			for _, result := range c.Results {
				s := view.StandingOf(result)
				rules = append(rules, text{Words: view.Joined(": ", clean(result.Rule), s.String()), Mark: s.Symbol(), Class: "rule " + classes[s]})
			}
			t.add(code(c.ID).with(say(c.Title)), say(c.Citation), say(c.Strength).with(lines("note", prefixed("limits: ", c.Limits))),
				badge(c.Standing, c.Standing.String()), rules)
		}
		if len(t.Rows) == 0 {
			t.add(code(regime.ID), nil, nil, badge(view.Unknown, view.Unknown.String()), say("no rule of this regime gave a result"))
		}
		out.Tables = append(out.Tables, t)
	}
	if len(out.Tables) == 0 {
		out.Text = []string{"No regime was active, and no rule gave a result."}
	}
	return out
}

// outcomes are the words for the outcome of a regime.
var outcomes = [...]string{
	gatekeep.Indeterminate: "could not be judged", gatekeep.Fail: "fail", gatekeep.Waived: "waived: at least one finding is excused",
	gatekeep.NotApplicable: "does not apply", gatekeep.Pass: "pass",
}

// exceptions are the waivers, grants and exemptions that were used, and the duties
// that they leave behind.
func exceptions(r gatekeep.Record, v view.View) section {
	out := section{ID: "exceptions", Title: "Waivers, grants and exemptions"}
	e := r.Decision.Effects
	if items := v.ByStanding(view.Excused); len(items) > 0 {
		t := table{Title: "Findings that are excused", Caption: "Findings that are excused", Class: "findings", Heads: []string{"Finding", "About", "Asked for by", "Excused by"}}
		for _, it := range items {
			by := say("what is not said")
			if it.Excuse != "" {
				by = say(kindOf(e, it.Excuse)).with(code(it.Excuse))
			}
			t.add(badge(view.Excused, "waived").with(say(it.Message), lines("note", prefixed("rule ", it.Rule), prefixed("to mend it: ", it.Remedy))),
				code(it.At), say(strings.Join(it.Controls, ", ")), by)
		}
		out.Tables = append(out.Tables, t)
	}
	used := facts("Grants and exemptions that this decision used")
	used.fact("Emergency grants used", code(e.UseGrants...))
	used.fact("Exemptions from a freeze used", code(e.UseExemptions...))
	used.fact("Duties that it closes", code(e.CloseObligations...))
	if len(used.Rows) > 0 {
		used.Title = "What the decision uses"
		out.Tables = append(out.Tables, used)
	}
	if len(e.Obligations) > 0 {
		t := table{Title: "Duties that it leaves", Caption: "Duties that the decision leaves", Class: "parts", Heads: []string{"Duty", "Of", "Due"}}
		for _, o := range e.Obligations {
			t.add(say(known(duties, o.Kind)).with(code(o.ID), lines("note", prefixed("grant ", o.Grant))),
				say(view.Joined(", service ", o.Principal, o.Service)), say(when(o.DueAt)).with(lines("note", o.Status)))
		}
		out.Tables = append(out.Tables, t)
	}
	if len(out.Tables) == 0 {
		out.Text = []string{"None was used."}
	}
	return out
}

// kindOf tells what an excuse is: what is used up is named in the effects, and only
// waivers excuse without being used up.
func kindOf(e gatekeep.Effects, id string) string {
	is := func(other string) bool { return clean(other) == id }
	switch {
	case slices.ContainsFunc(e.UseGrants, is):
		return "emergency grant"
	case slices.ContainsFunc(e.UseExemptions, is):
		return "exemption from a freeze"
	}
	return "waiver"
}

// notes are what rules said whatever their outcome.
func notes(v view.View) section {
	if len(v.Notes) == 0 {
		return section{}
	}
	t := table{Caption: "Notes of the rules", Class: "facts", Heads: []string{"Rule", "Note"}}
	for _, note := range v.Notes {
		rule, words, found := strings.Cut(note, ": ")
		if !found {
			rule, words = "", note
		}
		t.add(code(rule), say(words))
	}
	return section{ID: "notes", Title: "Notes", Tables: []table{t}}
}

// sboms tell what came of looking into the artifacts.
func sboms(r gatekeep.Record) section {
	if len(r.Case.SBOMChecks) == 0 {
		return section{}
	}
	t := table{Caption: "Attested component lists against what was found in the artifacts", Class: "findings",
		Heads: []string{"Artifact", "Found in it", "In it, and not declared", "Declared, and not in it"}}
	for _, d := range slices.Sorted(maps.Keys(r.Case.SBOMChecks)) {
		for _, c := range r.Case.SBOMChecks[d] {
			t.add(code(d).with(lines("note", prefixed("list ", c.Ref))), say(count(c.Components, "component", "components")).with(lines("note", prefixed("by ", c.Generator))),
				say(count(c.UndeclaredCount, "component", "components")).with(code(c.Undeclared...)),
				say(count(c.AbsentCount, "component", "components")).with(code(c.Absent...)))
		}
	}
	return section{ID: "sboms", Title: "Component lists checked against the artifacts", Tables: []table{t}}
}
