package csaf

import (
	"fmt"
	"slices"
	"strconv"
)

// Violation is a mandatory test that a document fails, at one place.
type Violation struct {
	Test string // "6.1.6"
	At   string // JSON pointer of the place: "/vulnerabilities/0/product_status"
	What string
}

// Error has the number of the test, the place and what is wrong.
func (v Violation) Error() string {
	at := v.At
	if at == "" {
		at = "the document"
	}
	return fmt.Sprintf("mandatory test %s fails at %s: %s", v.Test, at, v.What)
}

// Refuses tells whether a document with this violation is refused. It is not where no
// claim about a product rests on what the test looks at: scores, weaknesses,
// languages, and the numbering of revisions. Advisories that vendors publish break
// those, and are reported with them.
func (v Violation) Refuses() bool { return !slices.Contains(cosmetic, v.Test) }

var cosmetic = []string{
	"6.1.7", "6.1.8", "6.1.9", "6.1.10", "6.1.11", // scores and weaknesses rate a vulnerability
	"6.1.12", "6.1.15", "6.1.28", // languages
	"6.1.14", "6.1.16", "6.1.21", "6.1.22", "6.1.30", // numbers of revisions; claims go by the date of release
	"6.1.24", // involvements
}

// maxViolations is how many are kept for one document; the first ones tell enough.
const maxViolations = 20

// mandatory are the tests of section 6.1, in its order.
var mandatory = []struct {
	number string
	run    func(*Document, *report)
}{
	{"6.1.1", test1}, {"6.1.2", test2}, {"6.1.3", test3}, {"6.1.4", test4}, {"6.1.5", test5}, {"6.1.6", test6},
	{"6.1.7", test7}, {"6.1.8", test8}, {"6.1.9", test9}, {"6.1.10", test10}, {"6.1.11", test11}, {"6.1.12", test12},
	{"6.1.13", test13}, {"6.1.14", test14}, {"6.1.15", test15}, {"6.1.16", test16}, {"6.1.17", test17}, {"6.1.18", test18},
	{"6.1.19", test19}, {"6.1.20", test20}, {"6.1.21", test21}, {"6.1.22", test22}, {"6.1.23", test23}, {"6.1.24", test24},
	{"6.1.25", test25}, {"6.1.26", test26}, {"6.1.27.1", test27x1}, {"6.1.27.2", test27x2}, {"6.1.27.3", test27x3},
	{"6.1.27.4", test27x4}, {"6.1.27.5", test27x5}, {"6.1.27.6", test27x6}, {"6.1.27.7", test27x7}, {"6.1.27.8", test27x8},
	{"6.1.27.9", test27x9}, {"6.1.27.10", test27x10}, {"6.1.27.11", test27x11}, {"6.1.28", test28}, {"6.1.29", test29},
	{"6.1.30", test30}, {"6.1.31", test31}, {"6.1.32", test32}, {"6.1.33", test33},
}

// Violations holds the document against the mandatory tests of section 6.1, and lists
// those that fail, with the first place of each, or a few, in the order of the tests.
func (d *Document) Violations() []Violation {
	r := &report{}
	for _, t := range mandatory {
		r.test, r.here = t.number, 0
		t.run(d, r)
	}
	return r.found
}

// report collects violations; of one test no more than three.
type report struct {
	test  string
	here  int
	found []Violation
}

func (r *report) fail(at, format string, args ...any) {
	r.here++
	if r.here <= 3 && len(r.found) < maxViolations {
		r.found = append(r.found, Violation{r.test, at, fmt.Sprintf(format, args...)})
	}
}

// pointer is a JSON pointer of names and indexes.
func pointer(parts ...any) string {
	var b []byte
	for _, p := range parts {
		b = append(b, '/')
		if i, ok := p.(int); ok {
			b = strconv.AppendInt(b, int64(i), 10)
		} else {
			b = append(b, p.(string)...)
		}
	}
	return string(b)
}

// group of product_status.
type statusGroup struct {
	name, meaning string
	products      []string
}

// groups of product_status, in the order of the schema. Meaning is the contradiction
// group of 6.1.6; "recommended" has none.
func (s *status) groups() []statusGroup {
	if s == nil {
		return nil
	}
	return []statusGroup{
		{"first_affected", "Affected", s.FirstAffected},
		{"first_fixed", "Fixed", s.FirstFixed},
		{"fixed", "Fixed", s.Fixed},
		{"known_affected", "Affected", s.KnownAffected},
		{"known_not_affected", "Not affected", s.KnownNotAffected},
		{"last_affected", "Affected", s.LastAffected},
		{"recommended", "", s.Recommended},
		{"under_investigation", "Under investigation", s.UnderInvestigation},
	}
}

// targets are the parts of a vulnerability that name products and groups of products.
func (v *vulnerability) targets() []struct {
	name string
	list []targeted
} {
	return []struct {
		name string
		list []targeted
	}{{"flags", v.Flags}, {"remediations", v.Remediations}, {"threats", v.Threats}}
}

// profile tells whether the document is of one of the categories.
func (d *Document) profile(categories ...string) bool {
	return slices.Contains(categories, d.Header.Category)
}
