package oscal

import (
	"fmt"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// regime is one result: its controls as findings, its rules as observations.
func (x *writer) regime(g view.Regime) {
	key := fmt.Sprint(len(x.doc.Results), " ", g.ID)
	out := x.open(key, view.Joined(": ", g.ID, g.Title), "What the rules say that this regime names. Outcome over all of them: "+g.Outcome.String()+".",
		"regime", g.ID, "regime-version", g.Version, "authority", g.Authority, "activated-by", g.ActivatedBy, "outcome", g.Outcome.String())
	controls := &out.Reviewed.Controls[0]
	var objectives []objectiveRef
	for i, c := range g.Controls {
		ref := controlRef{x.token(c.ID)}
		observations := x.rules(fmt.Sprint(key, " ", i), c)
		out.Observations = append(out.Observations, observations...)
		if c.Standing == view.NotApplicable {
			controls.Exclude = append(controls.Exclude, ref)
			continue
		}
		goal := x.objective(g, c, ref.ID)
		controls.Include = append(controls.Include, ref)
		objectives = append(objectives, objectiveRef{goal})
		out.Findings = append(out.Findings, x.finding(fmt.Sprint(key, " ", i), goal, c, observations))
	}
	controls.Description = "Controls of the regime whose rules were asked. Those whose rules do not apply to this request are excluded."
	if len(g.Controls) == 0 {
		controls.Description = "None: no rule of this regime gave a result, so it could not be judged."
	}
	if len(objectives) > 0 {
		out.Reviewed.Objectives = []objectiveSelection{{objectives}}
	}
	x.doc.Results = append(x.doc.Results, out)
}

// objective defines what is assessed of a control: its rules, and nothing beyond.
func (x *writer) objective(g view.Regime, c view.Control, control string) string {
	id := x.token(g.ID, c.ID, "rules")
	var rules []string
	for _, r := range c.Results {
		rules = append(rules, view.Clean(r.Rule))
	}
	if x.doc.Local == nil {
		x.doc.Local = &objectSet{}
	}
	x.doc.Local.Objectives = append(x.doc.Local.Objectives, objective{
		Control: control, Description: view.Joined(" ", "What gatekeep assesses of", g.ID, c.ID, c.Title),
		Props: props("regime", g.ID, "control", c.ID, "citation", c.Citation, "strength", c.Strength, "limits", c.Limits),
		Parts: []part{{ID: id, Name: "objective", Prose: "These rules hold for the subject: " + strings.Join(rules, ", ") + "."}},
	})
	return id
}

// states of an objective by standing. What is waived is excused and not satisfied.
var states = [...]status{
	view.Against: {State: "not-satisfied", Reason: "fail"},
	view.Unknown: {State: "not-satisfied", Reason: "other", Remarks: "It could not be judged."},
	view.Warning: {State: "not-satisfied", Reason: "fail", Remarks: "By a rule that only warns; it keeps no gate shut."},
	view.Excused: {State: "not-satisfied", Reason: "other", Remarks: "A finding is excused by what its observation names."},
	view.Pass:    {State: "satisfied", Reason: "pass"},
}

func (x *writer) finding(key, objective string, c view.Control, observations []observation) finding {
	out := finding{
		UUID: x.uuid("finding", key), Title: view.Joined(" ", c.ID, c.Title),
		Description: "Whether the rules hold that the regime names for this control: " + c.Standing.String() + ".",
		Props:       props("control", c.ID, "citation", c.Citation, "strength", c.Strength, "limits", c.Limits, "standing", c.Standing.String()),
		Origins:     x.origins(), Target: target{"objective-id", objective, states[c.Standing]},
	}
	if c.Strength != "" && c.Strength != "direct" {
		out.Remarks = "The strength of this evidence for the control is " + c.Strength + ". To satisfy the objective is not to satisfy the control."
	}
	for _, o := range observations {
		out.Observations = append(out.Observations, relatedObs{o.UUID})
	}
	return out
}

// rules are the observations of a control: one for each rule, then its findings.
func (x *writer) rules(key string, c view.Control) []observation {
	var out []observation
	for i, r := range c.Results {
		place := []string{"rule", key, fmt.Sprint(i)}
		rule := x.observe(place, "Rule "+view.Clean(r.Rule), "The rule says "+r.Outcome.String()+".", "control-objective",
			props("rule", r.Rule, "outcome", r.Outcome.String(), "severity", r.Severity, "findings", fmt.Sprint(len(r.Findings))))
		var notes []string
		for _, note := range r.Notes {
			notes = append(notes, view.Clean(note))
		}
		rule.Remarks = view.Joined("\n\n", notes...)
		out = append(out, rule)
		for j, f := range r.Findings {
			text := view.Clean(f.Message)
			if r.Outcome == gatekeep.Indeterminate {
				text = "could not judge: " + text
			}
			seen := x.observe(append(place, fmt.Sprint(j)), "Finding of "+view.Clean(r.Rule), text, "finding",
				props("rule", r.Rule, "severity", r.Severity, "at", f.At, "remedy", f.Remedy, "excused-by", f.Excuse))
			if x.believed(f.At) {
				seen.Evidence = []evidence{{"#" + x.uuid("evidence", f.At), "The document that the finding is about."}}
			}
			out = append(out, seen)
		}
	}
	return out
}

// believed tells whether a resource stands for a document.
func (x *writer) believed(id string) bool {
	for _, s := range x.r.Accepted {
		if s.ID == id {
			return digest.Valid(id)
		}
	}
	return false
}

func (x *writer) observe(place []string, title, description, kind string, p []property) observation {
	return observation{
		UUID: x.uuid(append([]string{"observation"}, place...)...), Title: title, Description: description, Props: p,
		Methods: []string{"TEST"}, Types: []string{kind}, Origins: x.origins(), Collected: x.time,
		Subjects: []subjectRef{{x.uuid("subject"), "component"}},
	}
}

func (x *writer) origins() []origin {
	return []origin{{[]actor{{"tool", x.uuid("tool")}}}}
}
