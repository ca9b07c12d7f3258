package finding

import (
	"testing"

	"github.com/gatekeep-dev/gatekeep"
)

func TestSeverityWordsAndScores(t *testing.T) {
	for text, want := range map[string]string{"CRITICAL": Critical, "High": High, "important": High, "moderate": Medium, " low ": Low, "Negligible": Negligible,
		"UNKNOWN": Unknown,
		"":        Unknown,
		"9.0":     Critical,
		"8.9":     High,
		"7":       High,
		"4.0":     Medium,
		"3.9":     Low,
		"0.1":     Low,
		"0":       Unknown,
		"0.0":     Unknown,
		"none":    Negligible,
		"10.1":    Unknown, "-1": Unknown, "NaN": Unknown, "CVSS:3.1/AV:N/AC:H": Unknown, "<nil>": Unknown} {
		if got := Severity(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	if Flaw("info") != Low || Flaw("HIGH") != High || Flaw("") != Unknown {
		t.Error("a flaw has a severity that facts about flaws do not know")
	}
}

const (
	v40 = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N" // 9.3
	v31 = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"                    // 7.5
	v30 = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:N/A:N"                    // 5.3
	v2  = "AV:N/AC:L/Au:N/C:C/I:C/A:C"                                      // 10
)

func TestGravestRatingCounts(t *testing.T) {
	for name, c := range map[string]struct {
		ratings        []Rating
		severity, from string
		score          float64
		vector         string
	}{
		"nothing":                       {nil, Unknown, "", 0, ""},
		"a word":                        {[]Rating{{From: "debian", Word: "Low"}}, Low, "debian", 0, ""},
		"a vector":                      {[]Rating{{From: "nvd", Vector: v31}}, High, "nvd", 7.5, v31},
		"a graver vector than the word": {[]Rating{{From: "debian", Word: "low"}, {From: "nvd", Vector: v31}}, High, "nvd", 7.5, v31},
		"a graver word than the vector": {[]Rating{{From: "ghsa", Word: "critical"}, {From: "nvd", Vector: v31}}, Critical, "ghsa", 7.5, v31},
		"word and vector alike":         {[]Rating{{From: "ghsa", Word: "high"}, {From: "nvd", Vector: v31}}, High, "ghsa", 7.5, v31},
		"two vectors":                   {[]Rating{{From: "nvd", Vector: v31}, {From: "ghsa", Vector: v40}}, Critical, "ghsa", 9.3, v40},
		"CVSS 2 alone":                  {[]Rating{{From: "nvd", Vector: v2}}, Critical, "nvd", 10, v2},
		"CVSS 2 in parentheses":         {[]Rating{{From: "nvd", Vector: "(" + v2 + ")"}}, Critical, "nvd", 10, v2},
		"CVSS 2 beside 3 of one source": {[]Rating{{From: "nvd", Vector: v2}, {From: "nvd", Vector: v30}}, Medium, "nvd", 5.3, v30},
		"CVSS 2 beside 3 of another":    {[]Rating{{From: "nvd", Vector: v2}, {From: "redhat", Vector: v30}}, Critical, "nvd", 10, v2},
		"without prefix, 3.1":           {[]Rating{{From: "nvd", Vector: v31[9:]}}, High, "nvd", 7.5, v31},
		"without prefix, 3.0":           {[]Rating{{From: "nvd", Vector: v30[9:], Version: "3"}}, Medium, "nvd", 5.3, v30},
		"without prefix, 4.0":           {[]Rating{{From: "nvd", Vector: v40[9:], Version: "4"}}, Critical, "nvd", 9.3, v40},
		"a vector that cannot be read":  {[]Rating{{From: "nvd", Vector: "CVSS:3.1/AV:N"}}, Unknown, "", 0, ""},
		"the same with a score":         {[]Rating{{From: "nvd", Vector: "AN/AC:L", Score: 9.8}}, Critical, "nvd", 0, ""},
		"a version that nobody made":    {[]Rating{{From: "nvd", Vector: "CVSS:5.0/AV:N", Score: 5}}, Medium, "nvd", 0, ""},
		"a score out of range":          {[]Rating{{From: "nvd", Score: 11}}, Unknown, "", 0, ""},
		"a score as a word":             {[]Rating{{From: "osv", Word: "7.5"}}, High, "osv", 0, ""},
		"no impact":                     {[]Rating{{From: "nvd", Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"}}, Negligible, "nvd", 0, "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N"},
		"unknown and known":             {[]Rating{{From: "trivy", Word: "UNKNOWN"}, {From: "nvd", Word: "low"}}, Low, "nvd", 0, ""},
	} {
		var f gatekeep.SCAFinding
		rate(&f, c.ratings)
		if f.Severity != c.severity || f.SeverityFrom != c.from || f.Score != c.score || f.Vector != c.vector {
			t.Errorf("%s: got %s from %q, %v %q", name, f.Severity, f.SeverityFrom, f.Score, f.Vector)
		}
	}
}

func TestSourceFollowsFromTheID(t *testing.T) {
	for id, want := range map[string]string{"GHSA-1": "ghsa", "GO-1": "go", "PYSEC-1": "pysec", "openSUSE-SU-1": "suse", "XYZ-1": "osv"} {
		if got := Source(id, "osv"); got != want {
			t.Errorf("%s: got %s, want %s", id, got, want)
		}
	}
}

func TestComponentsGetPURLs(t *testing.T) {
	for _, c := range [][4]string{
		{"npm", "@babel/core", "7.0.0", "pkg:npm/%40babel/core@7.0.0"},
		{"Go", "github.com/a/b/v2", "2.0.0", "pkg:golang/github.com/a/b/v2@v2.0.0"},
		{"Go", "stdlib", "1.20.1", "pkg:golang/stdlib@v1.20.1"},
		{"Maven", "org.a:b", "1", "pkg:maven/org.a/b@1"},
		{"PyPI", "Django", "3", "pkg:pypi/Django@3"}, // Add makes it canonical
		{"Debian:12", "curl", "7", "pkg:deb/debian/curl@7"},
		{"opensuse-tumbleweed", "curl", "7", "pkg:rpm/opensuse/curl@7"},
		{"crates.io", "serde", "1", "pkg:cargo/serde@1"},
		{"npm", "a", "", "pkg:npm/a"},
		{"Amiga", "a", "1", "a@1"},
		{"", "a", "", "a"},
		{"npm", "", "1", ""},
	} {
		if got := Component(c[0], c[1], c[2]); got != c[3] {
			t.Errorf("%v: got %s", c, got)
		}
	}
}
