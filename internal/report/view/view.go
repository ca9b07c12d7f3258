// Package view puts a record into the order and the words in which people read it.
// Every format begins here, so that none can say what another does not.
package view

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
)

// Standing says how a finding or a control stands to the gate. The order is that in
// which a reader needs them.
type Standing int

// The standings.
const (
	Against Standing = iota // keeps the gate shut
	Unknown                 // keeps it shut, since nothing could be said
	Warning                 // would do either, and is only a warning
	Excused
	Pass
	NotApplicable
)

// words are the names of a standing for people.
var words = [...]string{"fail", "unknown", "warning", "waived", "pass", "n.a."}

// String is the name for people.
func (s Standing) String() string { return words[s] }

// symbols stand before a name.
var symbols = [...]string{"✗", "?", "!", "~", "✓", "–"}

// Symbol is one character that stands before a name.
func (s Standing) Symbol() string { return symbols[s] }

// StandingOf is that of one result. A rule whose severity is "warn" keeps no gate
// shut, whether it fails or cannot tell.
func StandingOf(r gatekeep.Result) Standing {
	switch r.Outcome {
	case gatekeep.Pass:
		return Pass
	case gatekeep.NotApplicable:
		return NotApplicable
	case gatekeep.Waived:
		return Excused
	}
	switch {
	case r.Severity == severityWarn:
		return Warning
	case r.Outcome == gatekeep.Fail:
		return Against
	}
	return Unknown
}

const severityWarn = "warn"

// Item is a finding as a reader sees it: once, with all the controls that ask for
// it, and with its text made harmless.
type Item struct {
	Standing Standing
	Unseen   bool // could not be judged
	Rule     string
	Message  string
	At       string
	Remedy   string
	Excuse   string
	Controls []string // "pci_dss 6.3.3"
}

// Text is the message with what a reader must not overlook before it.
func (it Item) Text() string {
	if it.Unseen {
		return "could not judge: " + it.Message
	}
	return it.Message
}

// Control is a control with the results of its rules. Standing is the worst of them.
type Control struct {
	ID, Title string
	// Citation, Strength and Limits are as the catalogue of the record gives them.
	Citation, Strength, Limits string
	Standing                   Standing
	Results                    []gatekeep.Result
}

// Regime is a regime with its controls, in the order of the results.
type Regime struct {
	ID, Title string
	// Authority, Version and ActivatedBy are as the catalogue of the record gives them.
	Authority, Version, ActivatedBy string
	Outcome                         gatekeep.Outcome // over all of its results
	Controls                        []Control
}

// View is a record put into the order in which it is read.
type View struct {
	Regimes  []Regime
	Items    []Item // sorted by standing
	Notes    []string
	Rejected []gatekeep.Rejection // sorted by reason, name and detail
	Failed   []gatekeep.SourceReport
	Silence  *Item // among the items: that of a shut gate which nothing stands against
}

// Of is the view of a record.
func Of(r gatekeep.Record) View {
	v := View{Regimes: regimesOf(r)}
	seen := map[string]int{}
	noted := map[string]bool{}
	for _, result := range r.Decision.Results {
		for _, it := range ItemsOf(result) {
			key := strings.Join([]string{it.Standing.String(), it.Rule, it.Message, it.At, it.Excuse}, "\x00")
			if i, ok := seen[key]; ok {
				if !slices.Contains(v.Items[i].Controls, it.Controls[0]) {
					v.Items[i].Controls = append(v.Items[i].Controls, it.Controls[0])
				}
				continue
			}
			seen[key] = len(v.Items)
			v.Items = append(v.Items, it)
		}
		for _, note := range result.Notes {
			if line := Joined(": ", Clean(result.Rule), Clean(note)); !noted[line] {
				noted[line] = true
				v.Notes = append(v.Notes, line)
			}
		}
	}
	if it, ok := silence(r, v.Items); ok {
		v.Items, v.Silence = append(v.Items, it), &it
	}
	slices.SortStableFunc(v.Items, func(a, b Item) int { return cmp.Compare(a.Standing, b.Standing) })
	v.Rejected = slices.Clone(r.Rejected)
	slices.SortFunc(v.Rejected, func(a, b gatekeep.Rejection) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Detail, b.Detail), cmp.Compare(a.ID, b.ID))
	})
	for _, source := range r.Case.Sources {
		if source.Status == gatekeep.SourceFailed {
			v.Failed = append(v.Failed, source)
		}
	}
	return v
}

// ItemsOf are the findings of one result.
func ItemsOf(r gatekeep.Result) []Item {
	s := StandingOf(r)
	if s == Pass || s == NotApplicable {
		return nil
	}
	own := Item{
		Standing: s, Unseen: r.Outcome == gatekeep.Indeterminate, Rule: Clean(r.Rule),
		Controls: []string{Joined(" ", Clean(r.Regime), Clean(r.Control))},
	}
	var out []Item
	for _, f := range r.Findings {
		it := own
		it.Message, it.At, it.Remedy, it.Excuse = Clean(f.Message), Clean(f.At), Clean(f.Remedy), Clean(f.Excuse)
		if f.Excuse != "" {
			it.Standing = Excused
		}
		out = append(out, it)
	}
	// A result that stands against the gate and does not say why must be seen too.
	if !slices.ContainsFunc(out, func(it Item) bool { return it.Standing == s }) {
		own.Message = "the rule says " + r.Outcome.String() + " and gives no reason"
		out = append(out, own)
	}
	return out
}

// silence is the item of a shut gate that nothing stands against: where no rule
// spoke for it, no rule need have spoken against it.
func silence(r gatekeep.Record, items []Item) (Item, bool) {
	if r.Decision.Outcome.Opens() || slices.ContainsFunc(items, func(it Item) bool { return it.Standing <= Unknown }) {
		return Item{}, false
	}
	return Item{
		Standing: Unknown, Unseen: true, Rule: DecisionRule,
		Message:  "no rule stands against the request, and none outside the core looked at anything and was content",
		At:       Clean(r.Case.Subject.Digest),
		Remedy:   "Ask for a regime whose rules apply at this stage.",
		Controls: []string{"decision"},
	}, true
}

// DecisionRule stands in for a rule where the decision as a whole is meant.
const DecisionRule = "gatekeep/decision"

// regimesOf groups the results by regime and control, in their own order. Active
// regimes that gave no result come last.
func regimesOf(r gatekeep.Record) []Regime {
	catalogue := map[string]gatekeep.Regime{}
	for _, regime := range r.Regimes {
		catalogue[regime.ID] = regime
	}
	var out []Regime
	at := map[string]int{}
	open := func(id string) *Regime {
		i, ok := at[id]
		if !ok {
			i, at[id] = len(out), len(out)
			c := catalogue[id]
			out = append(out, Regime{
				ID: Clean(id), Title: Clean(c.Title), Authority: Clean(c.Authority), Version: Clean(c.Version),
				ActivatedBy: Clean(c.ActivatedBy), Outcome: Result(r.Decision, id),
			})
		}
		return &out[i]
	}
	for _, result := range r.Decision.Results {
		regime := open(result.Regime)
		id := Clean(result.Control)
		i := slices.IndexFunc(regime.Controls, func(c Control) bool { return c.ID == id })
		if i < 0 {
			i = len(regime.Controls)
			regime.Controls = append(regime.Controls, controlOf(catalogue[result.Regime], result.Control))
		}
		control := &regime.Controls[i]
		control.Standing = min(control.Standing, StandingOf(result))
		control.Results = append(control.Results, result)
	}
	for _, regime := range r.Regimes {
		open(regime.ID)
	}
	return out
}

func controlOf(regime gatekeep.Regime, id string) Control {
	out := Control{ID: Clean(id), Standing: NotApplicable}
	for _, c := range regime.Controls {
		if c.ID == id {
			out.Title, out.Citation, out.Strength, out.Limits = Clean(c.Title), Clean(c.Citation), Clean(c.Strength), Clean(c.Limits)
			break
		}
	}
	return out
}

// Result is the worst that any rule says under a regime. What does not apply does
// not count, unless nothing applies; a regime without results could not be judged.
func Result(d gatekeep.Decision, regime string) gatekeep.Outcome {
	worst, seen := gatekeep.NotApplicable, false
	for _, r := range d.Results {
		if r.Regime != regime {
			continue
		}
		said := r.Outcome
		if said < 0 || said > gatekeep.Pass {
			said = gatekeep.Indeterminate // no outcome that there is
		}
		switch {
		case !seen || worst == gatekeep.NotApplicable:
			worst = said
		case said != gatekeep.NotApplicable:
			worst = min(worst, said)
		}
		seen = true
	}
	if !seen {
		return gatekeep.Indeterminate
	}
	return worst
}

// Verdict is the answer in one line, and its standing.
func Verdict(r gatekeep.Record) (string, Standing) {
	word, s := "SHUT (could not judge)", Unknown
	switch {
	case r.Decision.Outcome.Opens():
		word, s = "OPEN", Pass
	case r.Decision.Outcome == gatekeep.Fail:
		word, s = "SHUT", Against
	}
	switch r.Mode {
	case gatekeep.Enforce:
	case gatekeep.Warn:
		word += " — mode warn: reported, nothing is stopped"
	case gatekeep.Observe:
		word += " — mode observe: recorded, nothing is stopped"
	default:
		word += fmt.Sprintf(" — mode %q is not known", Clean(string(r.Mode)))
	}
	return word, s
}

// Joined joins the parts that are not empty.
func Joined(by string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), by)
}

// ByStanding are the items with one standing.
func (v View) ByStanding(s Standing) []Item {
	var out []Item
	for _, it := range v.Items {
		if it.Standing == s {
			out = append(out, it)
		}
	}
	return out
}

// Warnings are those that say more than the list of what was not believed, which
// names each document with its reason already.
func (v View) Warnings() []Item {
	return slices.DeleteFunc(v.ByStanding(Warning), func(it Item) bool {
		return slices.ContainsFunc(v.Rejected, func(r gatekeep.Rejection) bool { return Clean(r.ID) == it.At })
	})
}
