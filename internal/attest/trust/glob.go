package trust

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// maxGlob bounds a glob, so that two can be compared. The longest real identities have
// some 200 characters.
const maxGlob = 512

// compileGlob makes a matcher of a whole text: "*" stands for any run of
// characters but "/", "**" for any run at all, everything else for itself.
func compileGlob(glob string) (*regexp.Regexp, error) {
	if len(glob) > maxGlob {
		return nil, fmt.Errorf("%.40q... has %d characters; at most %d", glob, len(glob), maxGlob)
	}
	var b strings.Builder
	b.WriteString(`\A`)
	for rest := glob; rest != ""; {
		literal, after, found := strings.Cut(rest, "*")
		b.WriteString(regexp.QuoteMeta(literal))
		if !found {
			break
		}
		switch {
		case strings.HasPrefix(after, "**"):
			return nil, fmt.Errorf("%q has three stars in a row", glob)
		case strings.HasPrefix(after, "*"):
			b.WriteString(`(?s:.*)`)
			after = after[1:]
		default:
			b.WriteString(`[^/]*`)
		}
		rest = after
	}
	b.WriteString(`\z`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return nil, fmt.Errorf("compiling %q: %w", glob, err)
	}
	return re, nil
}

func checkNoRegexp(glob string) error {
	if i := strings.IndexAny(glob, `^$\()[]{}|?`); i >= 0 || strings.Contains(glob, ".*") || strings.Contains(glob, ".+") {
		return fmt.Errorf("%q looks like a regular expression; it is a glob: * stands for any characters within one segment, ** also across /, and the whole identity is compared", glob)
	}
	return nil
}

// sharedHosts are those where anybody has workflows of their own, below a name that they
// choose.
var sharedHosts = []string{"github.com", "gitlab.com"}

// checkIdentityGlob refuses patterns that say something else than their author
// thinks: regular expressions, and globs that leave open who the signer is.
func checkIdentityGlob(glob string) error {
	if err := checkNoRegexp(glob); err != nil {
		return err
	}
	scheme, rest, isURL := strings.Cut(glob, "://")
	if isURL {
		host, below, found := strings.Cut(rest, "/")
		if !found || host == "" || strings.Contains(scheme+host, "*") {
			return fmt.Errorf("%q leaves the host open; write scheme and host without *", glob)
		}
		if owner, _, _ := strings.Cut(below, "/"); slices.Contains(sharedHosts, host) && strings.Contains(owner, "*") {
			return fmt.Errorf("%q leaves the owner open, and %s gives a name to whoever asks; write the owner without *", glob, host)
		}
		return nil
	}
	_, domain, found := strings.Cut(glob, "@")
	if !found || domain == "" || strings.ContainsAny(domain, "*@") || strings.Contains(glob, "**") {
		return fmt.Errorf("%q leaves the domain open; write a URL with its host, or *@ and a domain", glob)
	}
	return nil
}

// checkNameGlob is checkIdentityGlob for certificates of one's own authority, which
// may also be issued to hosts: "*.build.acme.example".
func checkNameGlob(glob string) error {
	domain, isHost := strings.CutPrefix(glob, "*.")
	if isHost && !strings.ContainsAny(domain, "*@:/") && strings.Contains(domain, ".") {
		return checkNoRegexp(domain)
	}
	return checkIdentityGlob(glob)
}

// checkRefGlob wants a Git reference below refs: "refs/tags/v*".
func checkRefGlob(glob string) error {
	// Tags such as v1.* are common; the star is the only character that is special.
	if err := checkNoRegexp(strings.ReplaceAll(glob, ".*", "*")); err != nil {
		return err
	}
	kind, _, _ := strings.Cut(strings.TrimPrefix(glob, "refs/"), "/")
	if !strings.HasPrefix(glob, "refs/") || kind == "" || strings.Contains(kind, "*") {
		return fmt.Errorf("%q leaves open what it is a reference to; write refs/heads/ or refs/tags/ without *", glob)
	}
	return nil
}

// mayOverlap tells whether one text could match both globs, by walking both at once.
// A text without star is a glob of itself.
func mayOverlap(a, b string) bool {
	if len(a) > maxGlob || len(b) > maxGlob {
		return true
	}
	known := map[[2]int]bool{}
	var walk func(i, j int) bool
	walk = func(i, j int) bool {
		at := [2]int{i, j}
		if answer, ok := known[at]; ok {
			return answer
		}
		known[at] = step(a, b, i, j, walk)
		return known[at]
	}
	return walk(0, 0)
}

// step is one step of mayOverlap: a star stands for nothing, or for the next character
// of the other side and remains.
func step(a, b string, i, j int, walk func(i, j int) bool) bool {
	aStar, bStar := star(a, i), star(b, j)
	switch {
	case i == len(a) && j == len(b):
		return true
	case aStar > 0 && walk(i+aStar, j), bStar > 0 && walk(i, j+bStar):
		return true
	case i == len(a) || j == len(b):
		return false
	case aStar > 0 && bStar > 0:
		return false // whatever both stand for, one of them could have stopped at
	case aStar > 0:
		return (aStar == 2 || b[j] != '/') && walk(i, j+1)
	case bStar > 0:
		return (bStar == 2 || a[i] != '/') && walk(i+1, j)
	}
	return a[i] == b[j] && walk(i+1, j+1)
}

// star is the length of the star at a place of a glob, or 0.
func star(glob string, at int) int {
	switch {
	case strings.HasPrefix(glob[at:], "**"):
		return 2
	case strings.HasPrefix(glob[at:], "*"):
		return 1
	}
	return 0
}
