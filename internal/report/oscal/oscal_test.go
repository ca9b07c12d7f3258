package oscal

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
)

func read(t testing.TB, name string) gatekeep.Record {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../testdata/records", name+".record.json"))
	if err != nil {
		t.Fatal(err)
	}
	var r gatekeep.Record
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

var names = []string{"open", "shut", "could-not-judge", "waived", "emergency", "release"}

func assess(t testing.TB, r gatekeep.Record) assessment {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, r); err != nil {
		t.Fatal(err)
	}
	var doc document
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Results
}

func value(p []property, name string) string {
	for _, one := range p {
		if one.Name == name {
			return one.Value
		}
	}
	return ""
}

// RFC 9562, section 5.5: version 5, variant 10. OSCAL asks for 4 or 5.
func TestNamesAreUniqueAndOfVersion5(t *testing.T) {
	v5 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for _, name := range names {
		doc := assess(t, read(t, name))
		seen := map[string]bool{}
		add := func(id string) {
			if seen[id] || !v5.MatchString(id) {
				t.Errorf("%s: uuid %q", name, id)
			}
			seen[id] = true
		}
		add(doc.UUID)
		for _, r := range doc.Results {
			add(r.UUID)
			for _, o := range r.Observations {
				add(o.UUID)
			}
			for _, f := range r.Findings {
				add(f.UUID)
			}
		}
		for _, r := range doc.Back.Resources {
			add(r.UUID)
		}
	}
}

func TestNamesFollowFromTheDecision(t *testing.T) {
	a, b := read(t, "open"), read(t, "open")
	b.ID = "dec-other"
	if assess(t, a).UUID == assess(t, b).UUID {
		t.Error("two decisions have one name")
	}
	n := ids{decision: "dec"}
	if n.uuid("a", "b c") == n.uuid("a b", "c") {
		t.Error("names run together")
	}
}

// What a document refers to is in it.
func TestReferencesResolve(t *testing.T) {
	for _, name := range names {
		doc := assess(t, read(t, name))
		there := map[string]bool{}
		for _, r := range doc.Back.Resources {
			there["#"+r.UUID] = true
		}
		if !there[doc.Plan.Href] {
			t.Errorf("%s: import-ap points to %s", name, doc.Plan.Href)
		}
		objectives := map[string]string{}
		for _, o := range doc.Local.Objectives {
			objectives[o.Parts[0].ID] = o.Control
		}
		for _, r := range doc.Results {
			known := map[string]bool{r.Local.Assets.Components[0].UUID: true, r.Local.Components[0].UUID: true}
			for _, o := range r.Observations {
				known[o.UUID] = true
				for _, e := range o.Evidence {
					if !there[e.Href] {
						t.Errorf("%s: evidence %s", name, e.Href)
					}
				}
				if !known[o.Subjects[0].UUID] || !known[o.Origins[0].Actors[0].UUID] {
					t.Errorf("%s: subject or origin of %s", name, o.Title)
				}
			}
			for _, f := range r.Findings {
				if objectives[f.Target.ID] == "" || len(f.Observations) == 0 {
					t.Errorf("%s: target %s", name, f.Target.ID)
				}
				for _, o := range f.Observations {
					if !known[o.UUID] {
						t.Errorf("%s: observation %s", name, o.UUID)
					}
				}
			}
		}
	}
}

// A control is satisfied only where all its rules that apply pass.
func TestSatisfiedMeansThatEveryRulePassed(t *testing.T) {
	for _, name := range names {
		r := read(t, name)
		doc := assess(t, r)
		if len(doc.Results) != len(r.Regimes) {
			t.Errorf("%s: %d results for %d regimes", name, len(doc.Results), len(r.Regimes))
		}
		for _, result := range doc.Results {
			for _, f := range result.Findings {
				var outcomes []gatekeep.Outcome
				for _, x := range r.Decision.Results {
					if x.Regime == value(result.Props, "regime") && x.Control == value(f.Props, "control") && x.Outcome != gatekeep.NotApplicable {
						outcomes = append(outcomes, x.Outcome)
					}
				}
				passed := len(outcomes) > 0 && !slices.ContainsFunc(outcomes, func(o gatekeep.Outcome) bool { return o != gatekeep.Pass })
				if got := f.Target.Status.State == "satisfied"; got != passed {
					t.Errorf("%s %s: %v, and the rules say %v", name, f.Title, f.Target.Status, outcomes)
				}
			}
		}
	}
}

func TestStatesOfWhatIsNoPass(t *testing.T) {
	for _, c := range []struct{ record, control, state, reason string }{
		{"shut", "ssdf-rv", "not-satisfied", "fail"},
		{"waived", "ssdf-rv", "not-satisfied", "other"},
		{"emergency", "ac-5", "not-satisfied", "other"},
		{"could-not-judge", "evidence", "not-satisfied", "other"},
		{"open", "ssdf-rv", "satisfied", "pass"},
		{"open", "ac-2-2", "", ""}, // does not apply
	} {
		state, reason, excluded := "", "", false
		for _, r := range assess(t, read(t, c.record)).Results {
			for _, f := range r.Findings {
				if value(f.Props, "control") == c.control {
					state, reason = f.Target.Status.State, f.Target.Status.Reason
				}
			}
			excluded = excluded || slices.Contains(r.Reviewed.Controls[0].Exclude, controlRef{c.control})
		}
		if state != c.state || reason != c.reason || excluded != (c.state == "") {
			t.Errorf("%s %s: %s %s, excluded %v", c.record, c.control, state, reason, excluded)
		}
	}
}

// Citation, strength and limits stand with each objective and each finding.
func TestStrengthAndLimitsAreSaid(t *testing.T) {
	r := read(t, "open")
	n := 0
	for _, result := range assess(t, r).Results {
		for _, f := range result.Findings {
			for _, g := range r.Regimes {
				for _, c := range g.Controls {
					if g.ID != value(result.Props, "regime") || c.ID != value(f.Props, "control") {
						continue
					}
					n++
					if value(f.Props, "strength") != c.Strength || value(f.Props, "citation") != c.Citation || (value(f.Props, "limits") == "") != (c.Limits == "") {
						t.Errorf("%s: %+v", c.ID, f.Props)
					}
					if weak := c.Strength != "direct"; weak != strings.Contains(f.Remarks, "is not to satisfy the control") {
						t.Errorf("%s is %s: %q", c.ID, c.Strength, f.Remarks)
					}
				}
			}
		}
	}
	if n < 10 {
		t.Errorf("%d controls", n)
	}
}

func TestWaiversAreNamed(t *testing.T) {
	for _, r := range assess(t, read(t, "waived")).Results {
		for _, o := range r.Observations {
			if value(o.Props, "excused-by") == "W-1" && value(o.Props, "at") == "CVE-2026-1111" {
				return
			}
		}
	}
	t.Error("no observation names the waiver")
}

// Control ids of regimes are often no OSCAL tokens. "6.3.3" is none: it begins with a digit.
func TestTokens(t *testing.T) {
	n := ids{tokens: map[string]string{}}
	token := regexp.MustCompile(`^(\p{L}|_)(\p{L}|\p{N}|[.\-_])*$`)
	used := map[string]string{}
	for _, id := range []string{"ac-2-2", "6.3.3", "_6.3.3", "164.308(a)(8)", "164.308_a__8_", "", "-", "§ 5", "Ümlaut", "1", "\u0301x", "a\x00b"} {
		got := n.token(id)
		if !token.MatchString(got) || used[got] != "" || n.token(id) != got {
			t.Errorf("%q became %q, as did %q", id, got, used[got])
		}
		used[got] = "?" + id
	}
	if n.token("a", "b_c") == n.token("a_b", "c") {
		t.Error("parts run together")
	}
}

func TestSilentDecisionHasAResultOfItsOwn(t *testing.T) {
	r := gatekeep.Record{ID: "dec-1", DecidedAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	doc := assess(t, r)
	if len(doc.Results) != 1 || len(doc.Results[0].Observations) != 1 || !strings.Contains(doc.Results[0].Observations[0].Description, "could not judge") {
		t.Errorf("results: %+v", doc.Results)
	}
	r = read(t, "open")
	r.Decision.Outcome = gatekeep.Indeterminate
	if doc := assess(t, r); len(doc.Results) != len(r.Regimes)+1 {
		t.Errorf("%d results: none says why the gate is shut", len(doc.Results))
	}
}

func TestRegimeWithoutResultsIsNotReviewed(t *testing.T) {
	r := read(t, "open")
	r.Regimes = append(r.Regimes, gatekeep.Regime{ID: "pci_dss", Controls: []gatekeep.Control{{ID: "6.3.3"}}})
	doc := assess(t, r)
	last := doc.Results[len(doc.Results)-1]
	if value(last.Props, "outcome") != "indeterminate" || len(last.Findings) != 0 || len(last.Reviewed.Controls[0].Include) != 0 {
		t.Errorf("result: %+v", last)
	}
}

func TestRecordWithoutTimeIsRefused(t *testing.T) {
	for _, at := range []time.Time{{}, time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1899, 12, 31, 23, 59, 59, 0, time.UTC)} {
		r := read(t, "open")
		r.DecidedAt = at
		var out bytes.Buffer
		if err := Write(&out, r); !errors.Is(err, ErrNoTime) || out.Len() > 0 {
			t.Errorf("%v: %v", at, err)
		}
	}
}
