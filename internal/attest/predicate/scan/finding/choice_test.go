package finding

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
)

var ladder = []string{Unknown, Negligible, Low, Medium, High, Critical}

// TestWorseIsTheLadderOfSeverities holds every pair against the ladder: any word counts
// more than none.
func TestWorseIsTheLadderOfSeverities(t *testing.T) {
	for i, a := range ladder {
		for j, b := range ladder {
			if got := Worse(a, b); got != ladder[max(i, j)] {
				t.Errorf("%s and %s: %s", a, b, got)
			}
			// Two ratings, and two findings that become one, go by the same ladder.
			var f gatekeep.SCAFinding
			rate(&f, []Rating{{From: "a", Word: a}, {From: "b", Word: b}})
			joined := Join([]gatekeep.SCAFinding{{ID: "CVE-1", Severity: a, SeverityFrom: "a"}, {ID: "CVE-1", Severity: b, SeverityFrom: "b"}})
			from := "a" // of two alike the first
			if j > i {
				from = "b"
			}
			if f.Severity != ladder[max(i, j)] || f.SeverityFrom != from && max(i, j) > 0 {
				t.Errorf("rated %s by a and %s by b: %s from %s", a, b, f.Severity, f.SeverityFrom)
			}
			if joined.Severity != ladder[max(i, j)] || joined.SeverityFrom != from {
				t.Errorf("found %s by a and %s by b: %s from %s", a, b, joined.Severity, joined.SeverityFrom)
			}
		}
	}
}

// TestScoresAtTheEdges has the scores around each edge of the scale, as words and as
// scores without a vector.
func TestScoresAtTheEdges(t *testing.T) {
	for score, want := range map[float64]string{
		0: Unknown, 0.1: Low, 3.9: Low, 3.95: Low, 4: Medium, 6.9: Medium, 7: High, 8.9: High, 8.99: High, 9: Critical, 10: Critical, 10.01: Unknown, -0.1: Unknown,
	} {
		if got := Severity(fmt.Sprint(score)); got != want {
			t.Errorf("%v as a word: %s, want %s", score, got, want)
		}
		var f gatekeep.SCAFinding
		rate(&f, []Rating{{From: "x", Score: score}})
		if f.Severity != want {
			t.Errorf("%v as a score: %s, want %s", score, f.Severity, want)
		}
	}
	for _, text := range []string{"", " ", "high!", "7,5", "7.5/10", "0x9", "1e400", "Inf", "+Inf", "seven", "HIGH CRITICAL", "нigh"} {
		if got := Severity(text); got != Unknown {
			t.Errorf("%q: %s", text, got)
		}
	}
}

// TestChoiceOfVectors has vectors of several sources and versions, and the one whose
// score a finding shows: the gravest; of one source never CVSS 2 beside a newer one.
func TestChoiceOfVectors(t *testing.T) {
	const low31 = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N" // 1.8
	for name, c := range map[string]struct {
		ratings  []Rating
		vector   string
		severity string
	}{
		"of three versions the gravest":        {[]Rating{{From: "a", Vector: v30}, {From: "a", Vector: v31}, {From: "a", Vector: v40}}, v40, Critical},
		"in any order":                         {[]Rating{{From: "a", Vector: v40}, {From: "a", Vector: v31}, {From: "a", Vector: v30}}, v40, Critical},
		"a newer one that is milder":           {[]Rating{{From: "a", Vector: v31}, {From: "b", Vector: low31}}, v31, High},
		"CVSS 2 of one, milder 3.1 of another": {[]Rating{{From: "a", Vector: v2}, {From: "b", Vector: low31}}, v2, Critical},
		"CVSS 2 and milder 3.1 of one":         {[]Rating{{From: "a", Vector: v2}, {From: "a", Vector: low31}}, low31, Low},
		"CVSS 2 and a 3.1 that is none":        {[]Rating{{From: "a", Vector: v2}, {From: "a", Vector: "CVSS:3.1/AV:N"}}, v2, Critical},
		"a graver word leaves the vector":      {[]Rating{{From: "a", Word: "critical"}, {From: "a", Vector: low31}}, low31, Critical},
		"a milder word leaves the severity":    {[]Rating{{From: "a", Word: "low"}, {From: "a", Vector: v31}}, v31, High},
		"a graver score without vector":        {[]Rating{{From: "a", Score: 9.9}, {From: "b", Vector: low31}}, low31, Critical},
		"a score beside its vector":            {[]Rating{{From: "a", Score: 9.9, Vector: low31}}, low31, Low},
		"two alike: the later by its text":     {[]Rating{{From: "a", Vector: "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}, {From: "b", Vector: v31}}, v31, High},
		"a temporal score does not count":      {[]Rating{{From: "a", Vector: v31 + "/E:U/RL:O/RC:U"}}, v31 + "/E:U/RL:O/RC:U", High},
		"metrics twice":                        {[]Rating{{From: "a", Vector: v31 + "/A:N"}}, "", Unknown},
		"in lower case":                        {[]Rating{{From: "a", Vector: strings.ToLower(v31)}}, "", Unknown},
		"within a text":                        {[]Rating{{From: "a", Vector: "score " + v31}}, "", Unknown},
		"of the version beside it":             {[]Rating{{From: "a", Vector: v31[9:], Version: "v3.1"}}, v31, High},
		"of another version than it says":      {[]Rating{{From: "a", Vector: v31, Version: "4"}}, v31, High},
		"CVSS 2 that says 3":                   {[]Rating{{From: "a", Vector: v2, Version: "3"}}, v2, Critical},
	} {
		var f gatekeep.SCAFinding
		rate(&f, c.ratings)
		if f.Vector != c.vector || f.Severity != c.severity || (f.Score > 0) != (c.vector != "") {
			t.Errorf("%s: %s %v %q", name, f.Severity, f.Score, f.Vector)
		}
	}
}

// TestEarliestSightingCounts has times in several zones, and times that are missing.
func TestEarliestSightingCounts(t *testing.T) {
	for _, c := range [][3]string{
		{"", "", ""},
		{"2026-01-01T00:00:00Z", "", "2026-01-01T00:00:00Z"},
		{"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"},
		{"2026-01-01T00:00:00Z", "2026-01-01T00:30:00+01:00", "2026-01-01T00:30:00+01:00"},
		{"2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01T00:00:00Z"},
		{"2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00Z"},
	} {
		for _, order := range [][2]string{{c[0], c[1]}, {c[1], c[0]}} {
			if got := Earliest(order[0], order[1]); got != c[2] {
				t.Errorf("%q: %q, want %q", order, got, c[2])
			}
		}
	}
}

// TestWhatOneScannerHidesAnotherShows: what is suppressed by one is noted, and the
// finding stays what the others say of it.
func TestWhatOneScannerHidesAnotherShows(t *testing.T) {
	hidden := gatekeep.SCAFinding{ID: "CVE-1", PURL: a1, Severity: Low, Suppressed: []gatekeep.Suppression{{By: "trivy", Reason: "z"}, {By: "grype", Reason: "a"}}}
	again := gatekeep.SCAFinding{ID: "CVE-1", PURL: a1, Severity: Low, Suppressed: []gatekeep.Suppression{{By: "grype", Reason: "a"}}}
	shown := gatekeep.SCAFinding{ID: "GHSA-1", Aliases: []string{"CVE-1"}, PURL: a1, Severity: Critical, SeverityFrom: "ghsa"}
	got := Merge([]gatekeep.SCAFinding{hidden, shown, again})
	want := []gatekeep.Suppression{{By: "grype", Reason: "a"}, {By: "trivy", Reason: "z"}}
	if len(got) != 1 || got[0].Severity != Critical || got[0].SeverityFrom != "ghsa" || !slices.Equal(got[0].Suppressed, want) {
		t.Errorf("%+v", got)
	}
}

// TestIDsAreWrittenOneWay: names are compared as texts once they are read.
func TestIDsAreWrittenOneWay(t *testing.T) {
	for text, want := range map[string]string{
		"cve-2026-1": "CVE-2026-1", " CVE-2026-1\n": "CVE-2026-1", "Cve-2026-1a": "CVE-2026-1A", "ghsa-ABCD-efgh-IJKL": "GHSA-abcd-efgh-ijkl", "GHSA-abcd": "GHSA-abcd",
		"CVE-": "CVE-", "ghsa-": "ghsa-", "go-2026-1": "go-2026-1", "": "", "xCVE-2026-1": "xCVE-2026-1",
	} {
		if got := ID(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestMetricsOfAnEnvironmentDoNotLowerAScore(t *testing.T) {
	for _, base := range []string{"CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"} {
		more := map[string][]string{"CVSS:4.0": {"/E:U", "/E:U/CR:L/IR:L/AR:L", "/MVC:N/MVI:N/MVA:N", "/MAV:P"}, "CVSS:3.1": {"/E:U", "/MC:N/MI:N/MA:N"}}[base[:8]]
		want := parse(base, "").score
		for _, metrics := range more {
			if got := parse(base+metrics, "").score; got != want || want < 9 {
				t.Errorf("%s%s: score %v, want %v", base, metrics, got, want)
			}
		}
	}
}
