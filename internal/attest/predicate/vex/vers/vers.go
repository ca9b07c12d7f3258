// Package vers tells whether a version lies in a range of versions written as a
// "vers" URI: vers:npm/>=1.0.0|<2.0.0.
// https://github.com/package-url/vers-spec/blob/main/VERSION-RANGE-SPEC.rst
//
// There are three answers. How versions of an ecosystem are ordered is known here for
// few of them, and where it is not the answer is Unknown, never a guess.
package vers

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Bounds of one range.
const (
	maxBytes       = 16 << 10 // the longest seen, of one Linux CVE, has 2 KB
	maxConstraints = 500
)

// Answer says where a version lies.
type Answer int

// What a range says of a version. The zero value claims nothing.
const (
	Unknown Answer = iota
	In
	Out
)

// Range is one vers URI, read.
type Range struct {
	// Scheme is the versioning scheme, in lower case: "npm", "deb", "semver".
	Scheme      string
	all         bool
	constraints []constraint
}

type constraint struct{ op, version string }

// Parse reads a vers URI. Errors say what is wrong with it.
func Parse(text string) (Range, error) {
	if len(text) > maxBytes {
		return Range{}, fmt.Errorf("reading version range: %d bytes, limit %d", len(text), maxBytes)
	}
	rest, ok := strings.CutPrefix(text, "vers:")
	scheme, list, found := strings.Cut(rest, "/")
	if !ok || !found || scheme == "" {
		return Range{}, fmt.Errorf("reading version range %.80q: want vers:<scheme>/<constraints>", text)
	}
	r := Range{Scheme: strings.ToLower(scheme)}
	// "Remove all spaces and tabs", "Strip leading and trailing pipes".
	list = strings.Trim(strings.NewReplacer(" ", "", "\t", "").Replace(list), "|")
	if list == "*" {
		r.all = true
		return r, nil
	}
	for part := range strings.SplitSeq(list, "|") {
		c, err := parseConstraint(part)
		if err != nil {
			return Range{}, fmt.Errorf("reading version range %.80q: %w", text, err)
		}
		r.constraints = append(r.constraints, c)
		if len(r.constraints) > maxConstraints {
			return Range{}, fmt.Errorf("reading version range %.80q: more than %d constraints", text, maxConstraints)
		}
	}
	return r, nil
}

func parseConstraint(text string) (constraint, error) {
	c := constraint{op: "="}
	for _, op := range []string{">=", "<=", "!=", "<", ">", "="} {
		if rest, ok := strings.CutPrefix(text, op); ok {
			c.op, text = op, rest
			break
		}
	}
	version, err := url.PathUnescape(text) // "The version must be URL-quoted"
	switch {
	case err != nil:
		return c, fmt.Errorf("constraint %.80q: %w", text, err)
	case version == "":
		return c, errors.New("a constraint has no version")
	case version == "*":
		return c, errors.New(`"*" stands beside other constraints`)
	}
	c.version = version
	return c, nil
}

// distributions are purl types whose versions are not those of who wrote the software.
var distributions = []string{"deb", "rpm", "apk", "alpine", "alpm", "ebuild", "portage", "bitnami", "qpkg"}

// semantic are purl types whose versions are ordered by https://semver.org, or are
// refused by it.
var semantic = []string{"npm", "golang", "cargo", "hex", "pub", "swift", "generic", "github", "gitlab", "bitbucket", "oci", "docker"}

// For tells whether the range is of an order that a package of this purl type has:
// vers:deb says nothing of an npm package.
func (r Range) For(purlType string) bool {
	switch r.Scheme {
	case "all", "generic", "intdot":
		// Distributions number what they build: a revision, an epoch or a suffix stands beside
		// the version that others know.
		return r.all || !slices.Contains(distributions, purlType)
	case "semver":
		return r.all || slices.Contains(semantic, purlType)
	case "apk", "alpine":
		return purlType == "apk" || purlType == "alpine"
	}
	return r.Scheme == purlType
}

// Contains tells whether a version is in the range, by the algorithm of the
// specification ("Checking if a version is contained within a range").
func (r Range) Contains(version string) Answer {
	if r.all {
		return In
	}
	if version == "" {
		return Unknown
	}
	unknown, met, answer := false, false, Unknown
	var bounds []constraint
	for _, c := range r.constraints {
		equal, known := r.equal(version, c.version)
		// "If the tested version is equal to the any of the constraint version where the
		// constraint comparator is for equality (any of =, <=, or >=) then the tested
		// version is in the range", and "!=" takes it out. "Versions must be unique": of
		// two constraints on it, neither counts.
		switch {
		case known && equal && met:
			return Unknown
		case known && equal && c.op == "!=":
			met, answer = true, Out
		case known && equal:
			if met = true; c.op != "<" && c.op != ">" {
				answer = In
			}
		case !known:
			unknown = true
		}
		if c.op != "=" && c.op != "!=" {
			bounds = append(bounds, c)
		}
	}
	switch {
	case answer != Unknown:
		return answer
	case unknown:
		return Unknown
	case len(bounds) == 0:
		if slices.ContainsFunc(r.constraints, func(c constraint) bool { return c.op == "=" }) {
			return Out
		}
		return In // nothing but "!=", and it is none of those
	}
	return r.between(version, bounds)
}

// between walks the bounds in ascending order. Two of the same direction beside each
// other mean that the range is not a valid one: nothing is concluded from it.
func (r Range) between(version string, bounds []constraint) Answer {
	slices.SortStableFunc(bounds, func(a, b constraint) int {
		n, _ := compare(r.Scheme, a.version, b.version)
		return n
	})
	for i := range bounds {
		upper := bounds[i].op[0] == '<'
		if i == 0 {
			continue
		}
		if n, known := compare(r.Scheme, bounds[i-1].version, bounds[i].version); !known || n == 0 {
			return Unknown
		}
		if before := bounds[i-1].op[0] == '<'; before == upper {
			return Unknown
		}
	}
	below := func(c constraint) bool { n, _ := compare(r.Scheme, version, c.version); return n < 0 }
	first, last := bounds[0], bounds[len(bounds)-1]
	switch {
	case first.op[0] == '<' && below(first):
		return In
	case last.op[0] == '>' && !below(last) && !r.same(version, last.version):
		return In
	}
	for i := 1; i < len(bounds); i++ {
		low, high := bounds[i-1], bounds[i]
		if low.op[0] == '>' && high.op[0] == '<' && !below(low) && !r.same(version, low.version) && below(high) {
			return In
		}
	}
	return Out
}

func (r Range) same(a, b string) bool {
	equal, known := r.equal(a, b)
	return known && equal
}

// equal tells whether two texts are the same version; known is false where no order
// is known that would tell 1.0 from 1.0.0.
func (r Range) equal(a, b string) (equal, known bool) {
	if a == b {
		return true, true
	}
	n, known := compare(r.Scheme, a, b)
	return n == 0, known
}
