package vers

import (
	"slices"
	"strings"
	"testing"
)

func TestVersionsOfARange(t *testing.T) {
	for _, c := range []struct {
		text, version string
		want          Answer
	}{
		{"vers:npm/1.2.3|>=2.0.0|<5.0.0", "1.2.3", In},
		{"vers:npm/1.2.3|>=2.0.0|<5.0.0", "1.2.4", Out},
		{"vers:npm/1.2.3|>=2.0.0|<5.0.0", "2.0.0", In},
		{"vers:npm/1.2.3|>=2.0.0|<5.0.0", "4.99.0", In},
		{"vers:npm/1.2.3|>=2.0.0|<5.0.0", "5.0.0", Out},
		{"vers:npm/1.2.3|>=2.0.0|<5.0.0", "5.0.0-rc.1", In},
		{"vers:npm/>1.0.0", "1.0.0", Out},
		{"vers:npm/>1.0.0", "1.0.1", In},
		{"vers:npm/>1.0.0|<2.0.0", "1.0.0", Out},
		{"vers:npm/<=1.0.0", "1.0.0", In},
		{"vers:npm/<=1.0.0", "1.0.1", Out},
		{"vers:npm/!=1.0.0", "1.0.0", Out},
		{"vers:npm/!=1.0.0", "1.0.1", In},
		{"vers:npm/!=1.5.0|>=1.0.0|<2.0.0", "1.5.0", Out},
		{"vers:npm/!=1.5.0|>=1.0.0|<2.0.0", "1.6.0", In},
		{"vers:npm/1.0.0|2.0.0", "3.0.0", Out},
		{"vers:npm/*", "anything", In},
		{"vers:semver/<7.0.0|>=1.5.0", "2.0.0", In},   // between: a range is read in ascending order
		{"vers:semver/<1.5.0|>=7.0.0", "2.0.0", Out},  // outside
		{"vers:semver/<1.5.0|>=7.0.0", "1.0.0", In},   //
		{"vers:semver/<1.5.0|>=7.0.0", "8.0.0", In},   //
		{"vers:generic/>=2.9|<=4.1", "3.0", In},       // numbers between dots have one order
		{"vers:generic/>=2.9|<=4.1", "3.0b", Unknown}, // and this has none that is known
		{"vers:maven/>=1.0|<2.0", "1.0.0", In},
		{"vers:maven/>=1.0|<2.0", "1.5-jre", Unknown},
		{"vers:maven/1.5-jre", "1.5-jre", In},
		{"vers:maven/1.5-jre", "1.5", Unknown},
		{"vers:golang/>=v1.2.0|<v1.3.0", "1.2.5", In},
		{"vers:golang/>=1.2.0|<1.3.0", "v1.2.5", In},
		{"vers:npm/>=1.0.0|>=2.0.0", "1.5.0", Unknown}, // not a valid range
		{"vers:npm/<1.0.0|<2.0.0", "1.5.0", Unknown},
		{"vers:npm/<2.0.0|>2.0.0", "1.5.0", Unknown}, // the same version twice
		{"vers:deb/>=1:2.0-1|<1:2.0-3", "1:2.0-2", In},
		{"vers:deb/<2.0", "2.0~rc1", In},
		{"vers:deb/<2.0", "1:1.0", Out},
		{"vers:rpm/<3.0.7-25.el9", "3.0.7-24.el9_3", In},
		{"vers:npm/>=1.0.0", "", Unknown},
		{"vers:npm/ >= 1.0.0 | < 2.0.0 |", "1.5.0", In},
		{"vers:npm/1.0.0%2Bbuild", "1.0.0+build", In},
	} {
		r, err := Parse(c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := r.Contains(c.version); got != c.want {
			t.Errorf("%s: %q is %d, want %d", c.text, c.version, got, c.want)
		}
	}
}

func TestWhatIsNoRangeIsRefused(t *testing.T) {
	many := "vers:npm/" + strings.Repeat("1.0.0|", maxConstraints+1) + "2.0.0"
	for text, want := range map[string]string{
		"":                  "want vers:",
		"npm/1.0.0":         "want vers:",
		"vers:npm":          "want vers:",
		"vers:/1.0.0":       "want vers:",
		"vers:npm/":         "no version",
		"vers:npm/>=":       "no version",
		"vers:npm/1.0||2.0": "no version",
		"vers:npm/*|1.0.0":  "beside",
		"vers:npm/1.0%zz":   "invalid URL escape",
		"vers:npm/" + strings.Repeat("1", maxBytes): "limit",
		many: "constraints",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: got %v, want %q", text, err, want)
		}
	}
}

func TestARangeIsOfAnEcosystem(t *testing.T) {
	for _, c := range []struct {
		scheme, purl string
		want         bool
	}{
		{"npm", "npm", true}, {"npm", "deb", false}, {"semver", "npm", true}, {"generic", "maven", true},
		{"alpine", "apk", true}, {"apk", "apk", true}, {"apk", "deb", false}, {"DEB", "deb", true},
	} {
		r, err := Parse("vers:" + c.scheme + "/1.0")
		if err != nil {
			t.Fatal(err)
		}
		if got := r.For(c.purl); got != c.want {
			t.Errorf("%s for %s: %v", c.scheme, c.purl, got)
		}
	}
}

// TestOrderOfVersions has lists in ascending order, from the specification of each
// scheme; every pair is compared both ways.
func TestOrderOfVersions(t *testing.T) {
	for scheme, list := range map[string]string{
		"semver": "0.9.9 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.2.0 1.10.0 99999999999999999999.0.0",
		"deb":    "0~ 0 1.0~~ 1.0~~a 1.0~ 1.0 1.0a 1.0+1 1.0.1 1.2 1.10 1:0.5 1:0.5-1 1:0.5-1.1 2:0",
		"rpm":    "1.0~rc1 1.0 1.0^git1 1.0a 1.0.1~rc 1.0.1 1.2 1.10 1.10-1.el8 1.10-1.el9 1.10-10.el9 1:0.1",
		"pypi":   "1 1.0.1 1.2 1.10 2",
	} {
		versions := strings.Fields(list)
		for i, a := range versions {
			for j, b := range versions {
				n, known := compare(scheme, a, b)
				if !known || (n < 0) != (i < j) || (n == 0) != (i == j) {
					t.Errorf("%s: %s against %s gives %d (known %v)", scheme, a, b, n, known)
				}
			}
		}
	}
	for _, same := range [][3]string{{"pypi", "1.0", "1.0.0"}, {"semver", "1.0.0+a", "1.0.0+b"}, {"rpm", "1.0.1", "1_0_1"}, {"deb", "1.01", "1.1"}, {"npm", "01.0.0", "1.0.0"}} {
		if n, known := compare(same[0], same[1], same[2]); n != 0 || !known {
			t.Errorf("%v: %d, %v", same, n, known)
		}
	}
	if _, known := compare("semver", "1.0.0-", "1.0.0-a..b"); known {
		t.Error("an empty pre-release field has an order")
	}
}

// FuzzContains: a range that is sorted otherwise gives the same answer, and nothing
// is both in a range and in what it leaves out.
func FuzzContains(f *testing.F) {
	f.Add("vers:npm/1.2.3|>=2.0.0|<5.0.0", "1.2.3")
	f.Add("vers:deb/>=1:2.0~1|<2", "1:2.0")
	f.Add("vers:rpm/<3.0^a|>4", "3.0~")
	f.Fuzz(func(t *testing.T, text, version string) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		got := r.Contains(version)
		if n, known := compare(r.Scheme, version, version); known && n != 0 {
			t.Fatalf("%q is not equal to itself: %d", version, n)
		}
		slices.Reverse(r.constraints)
		if again := r.Contains(version); got != again && got != Unknown && again != Unknown {
			t.Fatalf("%s: %q is %d, and %d when read backwards", text, version, got, again)
		}
	})
}
