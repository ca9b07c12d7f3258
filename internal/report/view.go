package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
)

// standing says how a finding or a control stands to the gate. The order is that in
// which a reader needs them.
type standing int

const (
	against standing = iota // keeps the gate shut
	unknown                 // keeps it shut, since nothing could be said
	warning                 // would do either, and is only a warning
	excused
	pass
	notApplicable
)

// words are the names of a standing for people.
var words = [...]string{"fail", "unknown", "warning", "waived", "pass", "n.a."}

func (s standing) String() string { return words[s] }

// symbols stand before a name.
var symbols = [...]string{"✗", "?", "!", "~", "✓", "–"}

// standingOf is that of one result. A rule whose severity is "warn" keeps no gate
// shut, whether it fails or cannot tell.
func standingOf(r gatekeep.Result) standing {
	switch r.Outcome {
	case gatekeep.Pass:
		return pass
	case gatekeep.NotApplicable:
		return notApplicable
	case gatekeep.Waived:
		return excused
	}
	switch {
	case r.Severity == severityWarn:
		return warning
	case r.Outcome == gatekeep.Fail:
		return against
	}
	return unknown
}

const severityWarn = "warn"

// item is a finding as a reader sees it: once, with all the controls that ask for
// it, and with its text made harmless.
type item struct {
	standing standing
	unseen   bool // could not be judged
	rule     string
	message  string
	at       string
	remedy   string
	excuse   string
	controls []string // "pci_dss 6.3.3"
}

// controlView is a control with the results of its rules.
type controlView struct {
	id, title string
	standing  standing
	results   []gatekeep.Result
}

// regimeView is a regime with its controls, in the order of the results.
type regimeView struct {
	id, title string
	controls  []controlView
}

// view is a record put into the order in which it is read.
type view struct {
	regimes  []regimeView
	items    []item // sorted by standing
	notes    []string
	rejected []gatekeep.Rejection // sorted by reason, name and detail
	failed   []gatekeep.SourceReport
}

func viewOf(r gatekeep.Record) view {
	v := view{regimes: regimesOf(r)}
	seen := map[string]int{}
	noted := map[string]bool{}
	for _, result := range r.Decision.Results {
		for _, it := range itemsOf(result) {
			key := strings.Join([]string{it.standing.String(), it.rule, it.message, it.at, it.excuse}, "\x00")
			if i, ok := seen[key]; ok {
				if !slices.Contains(v.items[i].controls, it.controls[0]) {
					v.items[i].controls = append(v.items[i].controls, it.controls[0])
				}
				continue
			}
			seen[key] = len(v.items)
			v.items = append(v.items, it)
		}
		for _, note := range result.Notes {
			if line := joined(": ", clean(result.Rule), clean(note)); !noted[line] {
				noted[line] = true
				v.notes = append(v.notes, line)
			}
		}
	}
	if it, ok := silence(r, v.items); ok {
		v.items = append(v.items, it)
	}
	slices.SortStableFunc(v.items, func(a, b item) int { return cmp.Compare(a.standing, b.standing) })
	v.rejected = slices.Clone(r.Rejected)
	slices.SortFunc(v.rejected, func(a, b gatekeep.Rejection) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Detail, b.Detail), cmp.Compare(a.ID, b.ID))
	})
	for _, source := range r.Case.Sources {
		if source.Status == gatekeep.SourceFailed {
			v.failed = append(v.failed, source)
		}
	}
	return v
}

// itemsOf are the findings of one result.
func itemsOf(r gatekeep.Result) []item {
	s := standingOf(r)
	if s == pass || s == notApplicable {
		return nil
	}
	own := item{
		standing: s, unseen: r.Outcome == gatekeep.Indeterminate, rule: clean(r.Rule),
		controls: []string{joined(" ", clean(r.Regime), clean(r.Control))},
	}
	var out []item
	for _, f := range r.Findings {
		it := own
		it.message, it.at, it.remedy, it.excuse = clean(f.Message), clean(f.At), clean(f.Remedy), clean(f.Excuse)
		if f.Excuse != "" {
			it.standing = excused
		}
		out = append(out, it)
	}
	// A result that stands against the gate and does not say why must be seen too.
	if !slices.ContainsFunc(out, func(it item) bool { return it.standing == s }) {
		own.message = "the rule says " + r.Outcome.String() + " and gives no reason"
		out = append(out, own)
	}
	return out
}

// silence is the item of a shut gate that nothing stands against: where no rule
// spoke for it, no rule need have spoken against it.
func silence(r gatekeep.Record, items []item) (item, bool) {
	if r.Decision.Outcome.Opens() || slices.ContainsFunc(items, func(it item) bool { return it.standing <= unknown }) {
		return item{}, false
	}
	return item{
		standing: unknown, unseen: true, rule: decisionRule,
		message:  "no rule stands against the request, and none outside the core looked at anything and was content",
		at:       clean(r.Case.Subject.Digest),
		remedy:   "Ask for a regime whose rules apply at this stage.",
		controls: []string{"decision"},
	}, true
}

// decisionRule stands in for a rule where the decision as a whole is meant.
const decisionRule = "gatekeep/decision"

// regimesOf groups the results by regime and control, in their own order. Active
// regimes that gave no result come last.
func regimesOf(r gatekeep.Record) []regimeView {
	titles := map[string]gatekeep.Regime{}
	for _, regime := range r.Regimes {
		titles[regime.ID] = regime
	}
	var out []regimeView
	at := map[string]int{}
	open := func(id string) *regimeView {
		i, ok := at[id]
		if !ok {
			i, at[id] = len(out), len(out)
			out = append(out, regimeView{id: clean(id), title: clean(titles[id].Title)})
		}
		return &out[i]
	}
	for _, result := range r.Decision.Results {
		regime := open(result.Regime)
		id := clean(result.Control)
		i := slices.IndexFunc(regime.controls, func(c controlView) bool { return c.id == id })
		if i < 0 {
			i = len(regime.controls)
			regime.controls = append(regime.controls, controlView{id: id, title: controlTitle(titles[result.Regime], result.Control), standing: notApplicable})
		}
		control := &regime.controls[i]
		control.standing = min(control.standing, standingOf(result))
		control.results = append(control.results, result)
	}
	for _, regime := range r.Regimes {
		open(regime.ID)
	}
	return out
}

func controlTitle(regime gatekeep.Regime, id string) string {
	for _, control := range regime.Controls {
		if control.ID == id {
			return clean(control.Title)
		}
	}
	return ""
}

// verdictOf is the answer in one line, and its standing.
func verdictOf(r gatekeep.Record) (string, standing) {
	word, s := "SHUT (could not judge)", unknown
	switch {
	case r.Decision.Outcome.Opens():
		word, s = "OPEN", pass
	case r.Decision.Outcome == gatekeep.Fail:
		word, s = "SHUT", against
	}
	switch r.Mode {
	case gatekeep.Enforce:
	case gatekeep.Warn:
		word += " — mode warn: reported, nothing is stopped"
	case gatekeep.Observe:
		word += " — mode observe: recorded, nothing is stopped"
	default:
		word += fmt.Sprintf(" — mode %q is not known", clean(string(r.Mode)))
	}
	return word, s
}

// joined joins the parts that are not empty.
func joined(by string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), by)
}

// of are the items with one standing.
func (v view) of(s standing) []item {
	var out []item
	for _, it := range v.items {
		if it.standing == s {
			out = append(out, it)
		}
	}
	return out
}

// warnings are those that say more than the list of what was not believed, which
// names each document with its reason already.
func (v view) warnings() []item {
	return slices.DeleteFunc(v.of(warning), func(it item) bool {
		return slices.ContainsFunc(v.rejected, func(r gatekeep.Rejection) bool { return clean(r.ID) == it.at })
	})
}

// unseenMessage is the message with what a reader must not overlook before it.
func (it item) unseenMessage() string {
	if it.unseen {
		return "could not judge: " + it.message
	}
	return it.message
}
