package vers

import (
	"cmp"
	"slices"
	"strings"
	"testing"
)

// pairs compares two versions both ways: "a < b", "a = b".
func pairs(t *testing.T, order func(a, b string) int, lines []string) {
	t.Helper()
	for _, line := range lines {
		f := strings.Fields(line)
		want := map[string]int{"<": -1, "=": 0, ">": 1}[f[1]]
		if got, back := order(f[0], f[2]), order(f[2], f[0]); cmp.Compare(got, 0) != want || cmp.Compare(back, 0) != -want {
			t.Errorf("%s: %d, and %d the other way", line, got, back)
		}
	}
}

// TestVersionsOfDebianAreOrderedAsDpkgDoes has the examples of Debian Policy 5.6.12 and
// pairs that dpkg and apt hold their own comparison against.
func TestVersionsOfDebianAreOrderedAsDpkgDoes(t *testing.T) {
	pairs(t, compareDeb, []string{
		// "~~, ~~a, ~, the empty part, a"
		"1~~ < 1~~a", "1~~a < 1~", "1~ < 1", "1 < 1a",
		// Letters come before what is neither letter nor digit.
		"1a < 1+", "1Z < 1a", "1z < 1.", "1.0+b1 > 1.0", "1.0.1 > 1.0+b1",
		// An epoch counts before all else, and is 0 where there is none.
		"0:1 = 1", "1:0.1 > 99", "9:1 < 10:1", "01:1 = 1:1", "1:1.2-3 < 2:0.1-1",
		// What stands before a colon and is no number is no epoch.
		"1.18.36:5.4 < 1.18.36:5.5", "a:1 = a:1",
		// Without a revision it is revision 0, and the last hyphen parts it.
		"1.0 = 1.0-0", "1.0-1 > 1.0", "1.0-1 < 1.0-1.1", "1.2-3-1 > 1.2-2-9", "1.0-1~bpo12+1 < 1.0-1", "1.0-1+deb12u1 > 1.0-1",
		// Numbers are compared as numbers, whatever zeros stand before them.
		"1.002 = 1.2", "1.9 < 1.10", "1.0.0 = 1.00.0", "99999999999999999999 < 100000000000000000000",
		// Pre-releases, as Debian writes them.
		"2.2~rc-4 < 2.2-1", "2.0.7pre1-4 < 2.0.7r-1", "1.0~beta1~svn1245 < 1.0~beta1", "1.0~beta1 < 1.0", "7.6p2-4 > 7.6-0", "1.0.3-3 > 1.0-1", "1.3 > 1.2.2-2",
		"1.0.0 > 1.0", // 1.0 is not 1.0.0
	})
}

// TestVersionsOfRPMAreOrderedAsRpmvercmpDoes has pairs of rpm's own test suite
// (tests/rpmvercmp.at).
func TestVersionsOfRPMAreOrderedAsRpmvercmpDoes(t *testing.T) {
	pairs(t, compareRPM, []string{
		"1.0 = 1.0", "1.0 < 2.0", "2.0 < 2.0.1", "2.0.1 = 2.0.1", "2.0.1a > 2.0.1", "5.5p1 < 5.5p2", "5.5p1 < 5.5p10", "10xyz < 10.1xyz",
		"xyz10 < xyz10.1", "xyz.4 < 8", "xyz.4 < 2", "5.5p2 < 5.6p1", "5.6p1 < 6.5p1", "6.0.rc1 > 6.0", "10b2 > 10a1", "1.0aa > 1.0a",
		"10.0001 = 10.1", "10.0001 < 10.0039", "4.999.9 < 5.0", "20101121 < 20101122", "2_0 = 2.0", "a+ = a_", "+a = _a", "+ = _",
		"1.0~rc1 < 1.0", "1.0~rc1 < 1.0~rc2", "1.0~rc1~git123 < 1.0~rc1",
		"1.0^ > 1.0", "1.0^git1 > 1.0", "1.0^git1 < 1.0^git2", "1.0^git1 < 1.01", "1.0^20160101 < 1.0.1", "1.0^20160101^git1 > 1.0^20160101",
		"1.0^20160102 > 1.0^20160101^git1", "1.0~rc1^git1 > 1.0~rc1", "1.0^git1~pre < 1.0^git1", "1.0^git1~pre < 1.0^git1", "1.0^git1 = 1.0^git1",
		"1b.fc17 < 1.fc17", "1g.fc17 > 1.fc17",
		// Epoch, version and release, each for itself.
		"0:1.0-1 = 1.0-1", "1:1.0-1 > 2.0-1", "2.0-1 > 1.9-99", "1.0-1.el9 < 1.0-1.el10", "1.0-1.el9_3 > 1.0-1.el9", "1.0-1 < 1.0-1.1",
	})
}

// TestVersionsOfSemVerAreOrderedAsItSays has the examples of section 11, and what
// npm, Cargo, Hex and Go write.
func TestVersionsOfSemVerAreOrderedAsItSays(t *testing.T) {
	for _, scheme := range []string{"semver", "npm", "cargo", "hex", "golang"} {
		order := func(a, b string) int {
			n, known := compare(scheme, a, b)
			if !known {
				t.Errorf("%s: the order of %s and %s is not known", scheme, a, b)
			}
			return n
		}
		pairs(t, order, []string{
			"1.0.0 < 2.0.0", "2.0.0 < 2.1.0", "2.1.0 < 2.1.1", "1.9.0 < 1.10.0",
			"1.0.0-alpha < 1.0.0", "1.0.0-alpha < 1.0.0-alpha.1", "1.0.0-alpha.1 < 1.0.0-alpha.beta", "1.0.0-alpha.beta < 1.0.0-beta",
			"1.0.0-beta.2 < 1.0.0-beta.11", "1.0.0-beta.11 < 1.0.0-rc.1",
			"1.0.0-0 < 1.0.0-1", "1.0.0-9 < 1.0.0-10", "1.0.0-99 < 1.0.0-a", "1.0.0-A < 1.0.0-a", "1.0.0-a-b > 1.0.0-a", "1.0.0-0.0.0 > 1.0.0-0",
			"1.0.0+a = 1.0.0+b", "1.0.0+a = 1.0.0", "1.0.0-rc+a = 1.0.0-rc+b", "1.0.0-rc+a < 1.0.0+a",
			"1.0.0-99999999999999999999 < 1.0.0-100000000000000000000",
		})
	}
	pairs(t, func(a, b string) int { n, _ := compare("golang", a, b); return n }, []string{
		"v1.2.3 = 1.2.3", "v0.0.0-20240101000000-abcdefabcdef < v0.0.0-20250101000000-abcdefabcdef", "v0.0.0-20240101000000-abcdefabcdef < v0.1.0", "v2.0.0+incompatible = v2.0.0",
	})
}

// TestOrdersThatAreNotKnown has versions that this package must not put in an order:
// neither is in a range that the other bounds, nor out of it.
func TestOrdersThatAreNotKnown(t *testing.T) {
	for _, c := range []struct{ scheme, a, b string }{
		// Letters mean something else in each ecosystem.
		{"maven", "1.0", "1.0-SNAPSHOT"}, {"maven", "1.0-alpha-1", "1.0-beta-1"}, {"maven", "31.1-jre", "31.1-android"},
		{"pypi", "1.0", "1.0rc1"}, {"pypi", "1.0", "1.0.post1"}, {"pypi", "1.0", "1!0.5"}, {"pypi", "1.0", "1.0+local"}, {"pypi", "1.0", "1.0.dev3"},
		{"gem", "1.0", "1.0.pre"}, {"nuget", "1.0.0-a", "1.0.0"}, {"composer", "1.0", "1.0-RC1"}, {"composer", "1.0", "dev-main"},
		{"apk", "1.2.3-r0", "1.2.3-r1"}, {"apk", "1.2.3", "1.2.3_rc1"}, {"openssl", "1.1.1k", "1.1.1l"}, {"generic", "1.0", "1.0b"}, {"mystery", "x", "y"},
		// What breaks the scheme has no place in it.
		{"semver", "1.0.0", "1.0.0-"}, {"semver", "1.0.0", "1.0.0-a..b"}, {"semver", "1.0.0", "v1.0.0"}, {"semver", "1.0.0", "1.0.x"}, {"semver", "1.0.0", "latest"},
		{"npm", "1.0.0", "^1.0.0"}, {"npm", "1.0.0", ">=0"}, {"npm", "1.0.0", "file:../a"}, {"golang", "v1.0.0", "(devel)"}, {"golang", "v1.0.0", "main"},
		{"generic", "1.0", "-1.0"}, {"generic", "1.0", "1..0"}, {"generic", "1.0", "1.0."}, {"generic", "1.0", "1,0"}, {"generic", "1.0", "١.0"},
		// A package whose version nobody knew.
		{"deb", "1.0-1", "latest"}, {"deb", "1.0-1", "UNKNOWN"}, {"deb", "1.0-1", "(none)"}, {"deb", "1.0-1", "~"}, {"deb", "1.0-1", "1:"},
		{"rpm", "1.0-1.el9", "UNKNOWN"}, {"rpm", "1.0-1.el9", "(none)"}, {"rpm", "1.0-1.el9", "^"},
		// Alpine, Arch and Gentoo read zeros in front as decimals, or have them count; so
		// do the decimal versions of Perl.
		{"apk", "1.1", "1.02"}, {"alpine", "1.1", "1.02"}, {"alpm", "1.0", "1.0.0"}, {"ebuild", "1.1", "1.02"}, {"cpan", "1.2", "1.10"},
		// In R and Haskell 1.0 comes before 1.0.0, and of a generic range nobody knows.
		{"cran", "1.0", "1.0.0"}, {"hackage", "1.0", "1.0.0"}, {"generic", "1.0", "1.0.0"}, {"generic", "1.0", "1.00"},
	} {
		for _, op := range []string{"", "=", "!=", "<", "<=", ">", ">="} {
			for _, v := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
				r, err := Parse("vers:" + c.scheme + "/" + op + strings.NewReplacer("|", "%7C", "<", "%3C", ">", "%3E", "=", "%3D", "!", "%21").Replace(v[0]))
				if err != nil {
					t.Fatal(c, err)
				}
				if got := r.Contains(v[1]); got != Unknown {
					t.Errorf("%s: %q in %s%s is %d", c.scheme, v[1], op, v[0], got)
				}
			}
		}
	}
}

// TestVersionsAreThemselves: whatever the scheme, a text is the same version as itself.
func TestVersionsAreThemselves(t *testing.T) {
	for _, scheme := range []string{"npm", "deb", "rpm", "apk", "maven", "cpan", "mystery"} {
		for _, version := range []string{"1.0", "latest", "1.2.3-r0", "(none)", "1.0-SNAPSHOT"} {
			for op, want := range map[string]Answer{"": In, "=": In, "<=": In, ">=": In, "!=": Out} {
				r := Range{Scheme: scheme, constraints: []constraint{{cmp.Or(op, "="), version}}}
				if got := r.Contains(version); got != want {
					t.Errorf("%s: %q in %s%s is %d", scheme, version, op, version, got)
				}
			}
		}
	}
}

// TestRangesAgainstTheirMeaning holds Contains against the plain meaning of ranges with
// one and two bounds, over every choice of versions in ascending order.
func TestRangesAgainstTheirMeaning(t *testing.T) {
	for scheme, list := range map[string]string{
		"semver":  "0.9.0 1.0.0-rc.1 1.0.0 1.0.1 1.10.0 2.0.0",
		"deb":     "0.9 1.0~rc1 1.0 1.0+b1 1.0.1-1 1:0.1",
		"rpm":     "0.9 1.0~rc1 1.0 1.0^git1 1.0.1-1.el9 1:0.1",
		"maven":   "0.9 1.0 1.0.1 1.1 1.10 2",
		"generic": "0.9 1.0 1.0.1 1.1 1.10 2",
	} {
		versions := strings.Fields(list)
		meaning := map[string]func(i, bound int) bool{
			"=": func(i, b int) bool { return i == b }, "!=": func(i, b int) bool { return i != b },
			"<": func(i, b int) bool { return i < b }, "<=": func(i, b int) bool { return i <= b },
			">": func(i, b int) bool { return i > b }, ">=": func(i, b int) bool { return i >= b },
		}
		ask := func(text string, i int, want bool) {
			r, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Contains(versions[i]); got != map[bool]Answer{true: In, false: Out}[want] {
				t.Errorf("%s: %s is %d", text, versions[i], got)
			}
		}
		for i := range versions {
			for low := range versions {
				for op, holds := range meaning {
					ask("vers:"+scheme+"/"+op+versions[low], i, holds(i, low))
				}
				for high := low + 1; high < len(versions); high++ {
					for _, from := range []string{">", ">="} {
						for _, to := range []string{"<", "<="} {
							between := from + versions[low] + "|" + to + versions[high]
							outside := to + versions[low] + "|" + from + versions[high]
							ask("vers:"+scheme+"/"+between, i, meaning[from](i, low) && meaning[to](i, high))
							ask("vers:"+scheme+"/"+outside, i, meaning[to](i, low) || meaning[from](i, high))
						}
					}
				}
			}
		}
	}
}

// TestRangesThatContradictThemselvesSayNothing: "versions must be unique" in a range.
// What a range says must not depend on which of two constraints stands first.
func TestRangesThatContradictThemselvesSayNothing(t *testing.T) {
	for _, c := range []struct{ list, version string }{
		{"1.0.0|!=1.0.0", "1.0.0"},
		{">=1.0.0|!=1.0.0", "1.0.0"},
		{"<=1.0.0|!=1.0.0", "1.0.0"},
		{"1.0.0|<1.0.0", "1.0.0"},
		{"<1.0.0|>1.0.0", "1.0.0"},
		{">=1.0.0+a|!=1.0.0+b", "1.0.0"},
		{">1.0.0|>2.0.0", "3.0.0"},
		{">1.0.0|>2.0.0", "1.5.0"},
		{"<1.0.0|<2.0.0", "0.5.0"},
		{">=1.0.0|<=1.0.0", "0.5.0"},
		{">1.0.0|<2.0.0|<3.0.0", "2.5.0"},
	} {
		parts := strings.Split(c.list, "|")
		for range 2 {
			r, err := Parse("vers:npm/" + strings.Join(parts, "|"))
			if err != nil {
				t.Fatal(err)
			}
			if got := r.Contains(c.version); got != Unknown {
				t.Errorf("%s: %s is %d", parts, c.version, got)
			}
			slices.Reverse(parts)
		}
	}
}

// TestRangesAreReadAsTheSpecificationWritesThem has texts that mean the same range.
func TestRangesAreReadAsTheSpecificationWritesThem(t *testing.T) {
	for text, want := range map[string][]constraint{
		"vers:npm/1.2.3":                  {{"=", "1.2.3"}},
		"vers:npm/=1.2.3":                 {{"=", "1.2.3"}},
		"vers:NPM/1.2.3":                  {{"=", "1.2.3"}},
		"vers:npm/ 1.2.3 ":                {{"=", "1.2.3"}},
		"vers:npm/|>=1.0.0|<2.0.0|":       {{">=", "1.0.0"}, {"<", "2.0.0"}},
		"vers:npm/>= 1.0.0 |\t< 2.0.0":    {{">=", "1.0.0"}, {"<", "2.0.0"}},
		"vers:deb/>=1%3A2.0%2Bdfsg-1":     {{">=", "1:2.0+dfsg-1"}},
		"vers:npm/!=1.0.0|!=2.0.0":        {{"!=", "1.0.0"}, {"!=", "2.0.0"}},
		"vers:npm/1.0.0%7C2.0.0":          {{"=", "1.0.0|2.0.0"}},
		"vers:golang/v1.0.0+incompatible": {{"=", "v1.0.0+incompatible"}}, // "+" is no space
	} {
		r, err := Parse(text)
		if err != nil || !slices.Equal(r.constraints, want) || r.Scheme != strings.ToLower(r.Scheme) || r.all {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
	for _, text := range []string{"vers:npm/*", "vers:npm/ * ", "vers:npm/|*|"} {
		if r, err := Parse(text); err != nil || !r.all || len(r.constraints) > 0 {
			t.Errorf("%s: %+v, %v", text, r, err)
		}
	}
	for _, text := range []string{"VERS:npm/1", " vers:npm/1", "vers: npm", "vers://1", "vers:npm", "vers:npm/!", "vers:npm/<>", "vers:npm/1|*", "vers:npm/>=*", "vers:npm/%", "vers:npm/|", "vers:npm/ "} {
		r, err := Parse(text)
		if err == nil && (r.Contains("1") == In || r.all) {
			t.Errorf("%q is taken for a range of everything: %+v", text, r)
		}
	}
}
