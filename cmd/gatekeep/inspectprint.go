package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/gatekeep-dev/gatekeep"
)

// print tells of one document in a few lines.
func (one *inspection) print(w *world) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w.out, "  %-10s %s\n", visible(name), visible(fmt.Sprintf(format, args...)))
	}
	if one.Reading == nil {
		fmt.Fprintf(w.out, "%s: not read\n", visible(one.Name))
		line("reason", "%s: %s", one.Reason, one.Detail)
		return
	}
	r := one.Reading
	fmt.Fprintf(w.out, "%s: %s\n", visible(one.Name), strings.TrimSpace(r.Title+" "+r.Version))
	line("digest", "%s, %d bytes", one.Digest, one.Size)
	if r.Kind != "" {
		line("kind", "%s", r.Kind)
	}
	if s := r.Signed; s != nil {
		if s.PredicateType != "" {
			line("says", "%s", s.PredicateType)
		}
		line("about", "%s", some(s.Subjects, 3))
		line("signed by", "%s", some(s.Signers, 5))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Says)) {
		line(name, "%s", r.Says[name])
	}
	var counts []string
	for _, name := range slices.Sorted(maps.Keys(r.Counts)) {
		counts = append(counts, fmt.Sprintf("%s %d", name, r.Counts[name]))
	}
	if len(counts) > 0 {
		line("counts", "%s", strings.Join(counts, ", "))
	}
	if r.Broken != "" {
		line("predicate", "%s: %s", gatekeep.ReasonPredicateMalformed, r.Broken)
	}
	switch c := one.Conforms; {
	case c == nil:
	case c.OK:
		line("conforms", "yes, to %s", c.Schema)
	case c.Unjudged != "":
		line("conforms", "not judged: %s", c.Unjudged)
	default:
		line("conforms", "no, to %s: %s %s%s", c.Schema, c.Violations[0].At, c.Violations[0].What, more(len(c.Violations)-1))
	}
	switch {
	case one.Reason != "":
		line("reason", "%s: %s", one.Reason, one.Detail)
	case one.Believed == nil:
	case *one.Believed:
		line("trust", "believed, on the word of %s", one.Signer)
	case one.Rejected != nil:
		line("trust", "not believed: %s: %s", one.Rejected.Reason, one.Rejected.Detail)
	}
}

// some is the first few of a list.
func some[T any](list []T, n int) string {
	if len(list) == 0 {
		return "nothing"
	}
	var words []string
	for _, one := range list[:min(n, len(list))] {
		words = append(words, fmt.Sprint(one))
	}
	return strings.Join(words, ", ") + more(len(list)-n)
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", n)
}

// visible is text of a document as it may be shown on a terminal: what would move the
// cursor, change colours or turn the order of letters round is written out, and what is
// long is cut.
func visible(text string) string {
	const longest = 600
	var b strings.Builder
	for n, r := range text {
		switch {
		case n > longest:
			return b.String() + "…"
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r):
			fmt.Fprintf(&b, "<%U>", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
