package csaf

import (
	"slices"
	"testing"
)

// TestVersionsOfDocumentsAreOrdered has versions in ascending order, as
// https://semver.org/spec/v2.0.0.html has it; each is compared with each.
func TestVersionsOfDocumentsAreOrdered(t *testing.T) {
	list := []string{
		"0",
		"0.9.0",
		"1.0.0-1",
		"1.0.0-2",
		"1.0.0-10",
		"1.0.0-alpha",
		"1.0.0-alpha.1",
		"1.0.0-beta",
		"1.0.0",
		"1.2.0",
		"1.10.0",
		"2",
		"10",
	}
	for i, a := range list {
		for j, b := range list {
			n := versionOf(a).compare(versionOf(b))
			if (n < 0) != (i < j) || (n == 0) != (i == j) {
				t.Errorf("%s against %s: %d", a, b, n)
			}
		}
	}
	if n := versionOf("1").compare(versionOf("1.0.0+build")); n != 0 {
		t.Errorf("1 and 1.0.0: %d", n)
	}
}

func TestFormsOfVersions(t *testing.T) {
	for _, c := range []struct {
		text            string
		valid, semantic bool
	}{
		{"1", true, false},
		{"0", true, false},
		{"01", false, false},
		{"1.0", false, false},
		{"1.0.0", true, true},
		{"1.0.0-a.b+c", true, true},
		{"01.0.0", false, false},
		{"v1", false, false},
		{"", false, false},
	} {
		if v := versionOf(c.text); v.valid() != c.valid || v.semantic != c.semantic {
			t.Errorf("%q: valid %v, semantic %v", c.text, v.valid(), v.semantic)
		}
	}
	for text, want := range map[string][2]string{
		"1.0.0-rc+b": {"1.0.0-rc", "1.0.0"},
		"1.0.0+b-c":  {"1.0.0", "1.0.0"},
		"7":          {"7", "7"},
	} {
		v := versionOf(text)
		if v.without(false) != want[0] || v.without(true) != want[1] {
			t.Errorf("%s: %s, %s", text, v.without(false), v.without(true))
		}
	}
}

func TestRevisionsAreSortedByDate(t *testing.T) {
	history := func(entries ...string) []string {
		var tr tracking
		for i := 0; i < len(entries); i += 2 {
			tr.RevisionHistory = append(tr.RevisionHistory, revision{Date: entries[i], Number: entries[i+1]})
		}
		var sorted []string
		for _, v := range tr.history() {
			sorted = append(sorted, v.text)
		}
		return sorted
	}
	for _, c := range []struct{ entries, want []string }{
		{nil, nil},
		{[]string{"2026-11-02T00:00:00Z", "2", "2026-11-01T00:00:00Z", "1"}, []string{"1", "2"}},
		{[]string{"2026-11-02T00:00:00Z", "2", "2026-11-02T01:00:00+02:00", "1"}, []string{"1", "2"}},
		{[]string{"2026-11-02T00:00:00Z", "2", "2026-11-02T00:00:00Z", "1"}, []string{"1", "2"}},
		{[]string{"2026-11-02T00:00:00Z", "2", "soon", "3"}, []string{"3", "2"}},
	} {
		if got := history(c.entries...); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.entries, got, c.want)
		}
	}
}

func TestLanguages(t *testing.T) {
	for tag, want := range map[string]bool{
		"de":              true,
		"DE":              true,
		"en-US":           true,
		"en-us":           true,
		"es-419":          true,
		"zh-Hant-TW":      true,
		"sl-rozaj-biske":  true,
		"frc":             true,
		"de-x-acme":       true,
		"x-acme":          true,
		"i-default":       true,
		"en-QM":           true, // a region for private use
		"en-XK":           true,
		"EZ":              false, // a region, and no language
		"jp":              false, // Japan; the language is ja
		"en-QA":           true,
		"en-QB":           false,
		"en-UK":           false,
		"e":               false,
		"english":         false,
		"en_US":           false,
		"":                false,
		"en-":             false,
		"en-US-":          false,
		"en-US-x":         false,
		"en-US US":        false,
		"en\n":            false,
		"e1":              false,
		"en-u-co-phonebk": true,
	} {
		if got := isLanguage(tag); got != want {
			t.Errorf("%q: %v", tag, got)
		}
	}
}

func TestNamesThatLookLikeRanges(t *testing.T) {
	for name, want := range map[string]bool{
		"<4.2":            true,
		"<=4.2":           true,
		">4.2":            true,
		"4.2 and >= 3":    true,
		"Prior to 4.2":    true,
		"4.2 and later":   true,
		"ALL":             true,
		"3.x versions":    true,
		"before 4":        true,
		"after 4":         true,
		"4.1 and earlier": true,
		"4.2":             false,
		"after-eight":     false,
		"firewall 1":      false,
		"version 3":       false,
		"":                false,
	} {
		if got := looksLikeRange(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}
