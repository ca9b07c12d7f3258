package trust

import "testing"

func TestGlobsAreAnchoredAndKnowSegments(t *testing.T) {
	for _, c := range []struct {
		glob, text string
		want       bool
	}{
		{"a*c", "abc", true}, {"a*c", "ac", true}, {"a*c", "a/c", false}, {"a**c", "a/b/c", true},
		{"a*c", "xabc", false}, {"a*c", "abcx", false}, {"a.c", "abc", false}, {"a*", "a\nb", true}, {"a**", "a\n/b", true},
		{"https://github.com/acme/*/.github/workflows/b.yml@refs/heads/**", "https://github.com/acme/app/.github/workflows/b.yml@refs/heads/x/y", true},
		{"https://github.com/acme/*/.github/workflows/b.yml@refs/heads/**", "https://github.com/acme/app/evil/.github/workflows/b.yml@refs/heads/x", false},
		{"https://github.com/acme/*/.github/workflows/b.yml@refs/heads/**", "https://github.com/acme-evil/app/.github/workflows/b.yml@refs/heads/x", false},
		{"", "", true}, {"", "a", false}, {"*", "", true},
	} {
		re, err := compileGlob(c.glob)
		if err != nil {
			t.Fatal(err)
		}
		if re.MatchString(c.text) != c.want {
			t.Errorf("%q on %q: want %v", c.glob, c.text, c.want)
		}
	}
}

func TestOverlapIsOnlyDeniedWhereItIsPlain(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"prod", "prod", true}, {"prod", "dev", false}, {"prod-*", "prod-eu", true}, {"prod-eu", "prod-*", true},
		{"prod-*", "dev", false}, {"prod-*", "dev-*", false}, {"prod-*", "*-eu", true}, {"*-us", "*-eu", false}, {"*", "dev", true}, {"p*", "prod-*", true},
	} {
		if mayOverlap(c.a, c.b) != c.want || mayOverlap(c.b, c.a) != c.want {
			t.Errorf("%q and %q: want %v", c.a, c.b, c.want)
		}
	}
}
