package view

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gatekeep-dev/gatekeep"
)

func TestCleanIsOneBoundedLineOfWhatShows(t *testing.T) {
	for text, want := range map[string]string{
		"a\tb\r\nc":                         "a b c",
		"  a  ":                             "a",
		"\x1b[31mred\x1b[0m":                "red",
		"\x1b]8;;https://evil\x07link":      "link",
		"a\x1bPb\x1b\\c\x1b]d":              "acd",
		"a\u009db\u009cc\x1b_d\x07\x1b(Be":  "ace",
		"a\u202eb\u200bc\u2066":             "abc",
		"\xffa":                             "\uFFFDa",
		"a\u00a0b\u2028c":                   "a b c",
		strings.Repeat("é", maxText):        strings.Repeat("é", maxText),
		strings.Repeat("é", maxText+1):      strings.Repeat("é", maxText) + "…",
		strings.Repeat("\u200b", maxRaw+10): "…", // nothing of it shows, and it is not whole
	} {
		if got := Clean(text); got != want {
			t.Errorf("%.40q became %.40q, not %.40q", text, got, want)
		}
	}
	if got := Clean(strings.Repeat("世", maxRaw)); !utf8.ValidString(got) || utf8.RuneCountInString(got) != maxText+1 {
		t.Errorf("cut text is %d runes", utf8.RuneCountInString(got))
	}
}

// Commands that never end are met at each of their beginnings: work that grows with the
// square of the text would not end here.
func TestStrippedIsLinear(t *testing.T) {
	for _, part := range []string{"\x1b]", "\x1b[", "\x1b", "\u009d", "\x1b]\x07", "\x1b[0 ", "\x1b    "} {
		if got := Stripped(strings.Repeat(part, 1<<20)); strings.Contains(got, "\x1b") {
			t.Errorf("%q is left", part)
		}
	}
}

// Worst of all rules; what does not apply does not count, unless nothing applies.
func TestOutcomeOfARegimeIsItsWorst(t *testing.T) {
	const pass, na, waived, fail, unknown, odd = gatekeep.Pass, gatekeep.NotApplicable, gatekeep.Waived, gatekeep.Fail, gatekeep.Indeterminate, gatekeep.Outcome(99)
	for _, c := range []struct {
		said []gatekeep.Outcome
		want gatekeep.Outcome
	}{
		{nil, unknown}, {[]gatekeep.Outcome{pass}, pass}, {[]gatekeep.Outcome{na}, na}, {[]gatekeep.Outcome{na, pass}, pass}, {[]gatekeep.Outcome{pass, na}, pass},
		{[]gatekeep.Outcome{pass, waived, na}, waived}, {[]gatekeep.Outcome{waived, fail}, fail}, {[]gatekeep.Outcome{fail, unknown, pass}, unknown},
		{[]gatekeep.Outcome{pass, odd}, unknown}, {[]gatekeep.Outcome{odd, pass}, unknown}, {[]gatekeep.Outcome{-1, pass}, unknown},
	} {
		d := gatekeep.Decision{Results: []gatekeep.Result{{Regime: "other", Outcome: fail}}}
		for _, o := range c.said {
			d.Results = append(d.Results, gatekeep.Result{Regime: "r", Outcome: o})
		}
		if got := Result(d, "r"); got != c.want {
			t.Errorf("%v is %v, not %v", c.said, got, c.want)
		}
	}
}

func TestControlsCarryTheirCatalogue(t *testing.T) {
	v := Of(gatekeep.Record{
		Regimes: []gatekeep.Regime{{ID: "r", Authority: "A", Version: "1", ActivatedBy: "always", Controls: []gatekeep.Control{{ID: "c", Citation: "C", Strength: "partial", Limits: "L\nM"}}}},
		Decision: gatekeep.Decision{Results: []gatekeep.Result{
			{Regime: "r", Control: "c", Rule: "a/b", Outcome: gatekeep.Pass},
			{Regime: "r", Control: "c", Rule: "a/c", Outcome: gatekeep.Waived},
			{Regime: "r", Control: "unlisted", Rule: "a/c", Outcome: gatekeep.Pass},
		}},
	})
	r := v.Regimes[0]
	if c := r.Controls[0]; c.Citation != "C" || c.Strength != "partial" || c.Limits != "L M" || c.Standing != Excused || len(c.Results) != 2 {
		t.Errorf("control: %+v", c)
	}
	if r.Authority != "A" || r.Version != "1" || r.ActivatedBy != "always" || r.Outcome != gatekeep.Waived || r.Controls[1].Citation != "" {
		t.Errorf("regime: %+v", r)
	}
	if v.Silence == nil || v.Silence.Rule != DecisionRule {
		t.Error("a decision that nothing opens or shuts is not silent")
	}
}
