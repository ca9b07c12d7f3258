package vers

import (
	"cmp"
	"slices"
	"strings"
)

// compare orders two versions of a scheme; known is false where the order is not
// known here.
func compare(scheme, a, b string) (order int, known bool) {
	switch scheme {
	case "deb":
		return compareDeb(a, b), numbered(a) && numbered(b)
	case "rpm":
		return compareRPM(a, b), numbered(a) && numbered(b)
	case "apk", "alpine", "alpm", "ebuild", "cpan":
		return 0, a == b // suffixes, zeros in front and decimals have a meaning of their own
	case "semver", "npm", "golang", "cargo", "hex":
		if scheme == "golang" {
			a, b = strings.TrimPrefix(a, "v"), strings.TrimPrefix(b, "v")
		}
		x, ok := parseSemver(a)
		if y, also := parseSemver(b); ok && also {
			return x.compare(y), true
		}
	}
	// Numbers between dots have the same order in every other ecosystem that has them;
	// whether 1.0 is 1.0.0 is known of those that fill up with zeros.
	order, known = compareDotted(a, b)
	return order, known && (order != 0 || a == b || slices.Contains(padded, scheme))
}

var padded = []string{"semver", "npm", "golang", "cargo", "hex", "maven", "pypi", "gem", "nuget", "composer", "intdot"}

// numbered tells whether a version of Debian or RPM begins with a number, as those do
// of which somebody knows it: "latest" has no place in their order.
func numbered(text string) bool {
	_, upstream, _ := debParts(text)
	return upstream != "" && upstream[0] >= '0' && upstream[0] <= '9'
}

// compareDotted orders 1.2 and 1.10; a number that is missing counts as 0.
func compareDotted(a, b string) (order int, known bool) {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		p, q := "0", "0"
		if i < len(x) {
			p = x[i]
		}
		if i < len(y) {
			q = y[i]
		}
		if !digits(p) || !digits(q) {
			return 0, false
		}
		if order == 0 {
			order = compareNumber(p, q)
		}
	}
	return order, true
}

func digits(text string) bool {
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// compareNumber orders digits of any length.
func compareNumber(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if n := cmp.Compare(len(a), len(b)); n != 0 {
		return n
	}
	return strings.Compare(a, b)
}

// semver is a version of https://semver.org/spec/v2.0.0.html.
type semver struct {
	core []string // major, minor, patch
	pre  []string
}

func parseSemver(text string) (semver, bool) {
	text, _, _ = strings.Cut(text, "+") // "Build metadata MUST be ignored when determining version precedence."
	core, pre, hasPre := strings.Cut(text, "-")
	v := semver{core: strings.Split(core, ".")}
	if len(v.core) != 3 || !digits(v.core[0]) || !digits(v.core[1]) || !digits(v.core[2]) {
		return v, false
	}
	if hasPre {
		v.pre = strings.Split(pre, ".")
		for _, p := range v.pre {
			if p == "" {
				return v, false
			}
		}
	}
	return v, true
}

func (v semver) compare(w semver) int {
	for i := range v.core {
		if n := compareNumber(v.core[i], w.core[i]); n != 0 {
			return n
		}
	}
	// "a pre-release version has lower precedence than a normal version".
	switch {
	case len(v.pre) == 0 || len(w.pre) == 0:
		return cmp.Compare(min(len(w.pre), 1), min(len(v.pre), 1))
	}
	for i := range min(len(v.pre), len(w.pre)) {
		if n := comparePre(v.pre[i], w.pre[i]); n != 0 {
			return n
		}
	}
	return cmp.Compare(len(v.pre), len(w.pre)) // "A larger set of pre-release fields has a higher precedence"
}

// comparePre: "Identifiers consisting of only digits are compared numerically",
// others "lexically in ASCII sort order", and "Numeric identifiers always have lower
// precedence than non-numeric identifiers".
func comparePre(a, b string) int {
	switch {
	case digits(a) && digits(b):
		return compareNumber(a, b)
	case digits(a):
		return -1
	case digits(b):
		return 1
	}
	return strings.Compare(a, b)
}

// compareDeb orders [epoch:]upstream[-revision].
// https://www.debian.org/doc/debian-policy/ch-controlfields.html#version
func compareDeb(a, b string) int {
	ea, ua, ra := debParts(a)
	eb, ub, rb := debParts(b)
	if n := compareNumber(ea, eb); n != 0 {
		return n
	}
	if n := compareDebPart(ua, ub); n != 0 {
		return n
	}
	return compareDebPart(ra, rb)
}

func debParts(text string) (epoch, upstream, revision string) {
	epoch, upstream = "0", text
	if e, rest, ok := strings.Cut(text, ":"); ok && digits(e) {
		epoch, upstream = e, rest
	}
	if i := strings.LastIndexByte(upstream, '-'); i >= 0 {
		upstream, revision = upstream[:i], upstream[i+1:]
	}
	return epoch, upstream, revision
}

// compareDebPart takes turns: "the initial part of each string consisting entirely of
// non-digit characters", then "the initial part of the remainder [...] consisting
// entirely of digit characters".
func compareDebPart(a, b string) int {
	for a != "" || b != "" {
		var x, y string
		x, a = cutSpan(a, false)
		y, b = cutSpan(b, false)
		if n := compareLetters(x, y); n != 0 {
			return n
		}
		x, a = cutSpan(a, true)
		y, b = cutSpan(b, true)
		if n := compareNumber(x, y); n != 0 {
			return n
		}
	}
	return 0
}

func cutSpan(text string, digit bool) (span, rest string) {
	i := 0
	for i < len(text) && (text[i] >= '0' && text[i] <= '9') == digit {
		i++
	}
	return text[:i], text[i:]
}

// compareLetters: "all the letters sort earlier than all the non-letters and so that a
// tilde sorts before anything, even the end of a part".
func compareLetters(a, b string) int {
	weight := func(text string, i int) int {
		switch {
		case i >= len(text):
			return 0
		case text[i] == '~':
			return -1
		case text[i]|0x20 >= 'a' && text[i]|0x20 <= 'z':
			return int(text[i])
		}
		return int(text[i]) + 256
	}
	for i := range max(len(a), len(b)) {
		if n := cmp.Compare(weight(a, i), weight(b, i)); n != 0 {
			return n
		}
	}
	return 0
}

// compareRPM orders [epoch:]version[-release] as rpmvercmp does.
func compareRPM(a, b string) int {
	ea, va, ra := debParts(a)
	eb, vb, rb := debParts(b)
	if n := compareNumber(ea, eb); n != 0 {
		return n
	}
	if n := compareRPMPart(va, vb); n != 0 {
		return n
	}
	return compareRPMPart(ra, rb)
}

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// compareRPMPart walks both texts segment by segment. What is neither letter nor
// digit only parts segments, but for "~", which sorts before everything, and "^",
// which sorts after the end and before everything else.
func compareRPMPart(a, b string) int {
	skip := func(text string) string {
		for text != "" && !alphanumeric(text[0]) && text[0] != '~' && text[0] != '^' {
			text = text[1:]
		}
		return text
	}
	for a != "" || b != "" {
		a, b = skip(a), skip(b)
		if at, bt := strings.HasPrefix(a, "~"), strings.HasPrefix(b, "~"); at || bt {
			if at != bt {
				return map[bool]int{true: -1, false: 1}[at]
			}
			a, b = a[1:], b[1:]
			continue
		}
		if ac, bc := strings.HasPrefix(a, "^"), strings.HasPrefix(b, "^"); ac || bc {
			switch {
			case ac && bc:
				a, b = a[1:], b[1:]
				continue
			case ac:
				return map[bool]int{true: 1, false: -1}[b == ""]
			}
			return map[bool]int{true: -1, false: 1}[a == ""]
		}
		if a == "" || b == "" {
			break
		}
		n, restA, restB := compareSegment(a, b)
		if n != 0 {
			return n
		}
		a, b = restA, restB
	}
	return cmp.Compare(min(len(a), 1), min(len(b), 1)) // whichever has segments left is newer
}

// compareSegment takes a run of digits, or one of letters, as the first text begins.
// "A numeric segment is always newer than an alphabetic one".
func compareSegment(a, b string) (order int, restA, restB string) {
	isDigit := func(c byte) bool { return c >= '0' && c <= '9' }
	span := func(text string, digit bool) int {
		i := 0
		for i < len(text) && alphanumeric(text[i]) && isDigit(text[i]) == digit {
			i++
		}
		return i
	}
	digit := isDigit(a[0])
	i, j := span(a, digit), span(b, digit)
	if j == 0 {
		return map[bool]int{true: 1, false: -1}[digit], a, b
	}
	if digit {
		return compareNumber(a[:i], b[:j]), a[i:], b[j:]
	}
	return strings.Compare(a[:i], b[:j]), a[i:], b[j:]
}
