package trust

import (
	"fmt"
	"regexp"
	"strings"
)

// compileGlob makes a matcher of a whole text: "*" stands for any run of
// characters but "/", "**" for any run at all, everything else for itself.
func compileGlob(glob string) (*regexp.Regexp, error) {
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

// checkIdentityGlob refuses patterns that say something else than their author
// thinks: regular expressions, and globs that leave open who the signer is.
func checkIdentityGlob(glob string) error {
	if i := strings.IndexAny(glob, `^$\()[]{}|?`); i >= 0 || strings.Contains(glob, ".*") || strings.Contains(glob, ".+") {
		return fmt.Errorf("%q looks like a regular expression; it is a glob: * stands for any characters within one segment, ** also across /, and the whole identity is compared", glob)
	}
	scheme, rest, isURL := strings.Cut(glob, "://")
	if isURL {
		host, _, found := strings.Cut(rest, "/")
		if !found || host == "" || strings.Contains(scheme+host, "*") {
			return fmt.Errorf("%q leaves the host open; write scheme and host without *", glob)
		}
		return nil
	}
	_, domain, found := strings.Cut(glob, "@")
	if !found || domain == "" || strings.ContainsAny(domain, "*@") || strings.Contains(glob, "**") {
		return fmt.Errorf("%q leaves the domain open; write a URL with its host, or *@ and a domain", glob)
	}
	return nil
}

// mayOverlap tells whether one text could match both globs. Where it is not plain
// that none could, the answer is true.
func mayOverlap(a, b string) bool {
	aStar, bStar := strings.Contains(a, "*"), strings.Contains(b, "*")
	switch {
	case !aStar && !bStar:
		return a == b
	case !aStar || !bStar:
		if !bStar {
			a, b = b, a
		}
		re, err := compileGlob(b)
		return err != nil || re.MatchString(a)
	}
	aHead, bHead := a[:strings.Index(a, "*")], b[:strings.Index(b, "*")]
	aTail, bTail := a[strings.LastIndex(a, "*")+1:], b[strings.LastIndex(b, "*")+1:]
	heads := strings.HasPrefix(aHead, bHead) || strings.HasPrefix(bHead, aHead)
	tails := strings.HasSuffix(aTail, bTail) || strings.HasSuffix(bTail, aTail)
	return heads && tails
}
