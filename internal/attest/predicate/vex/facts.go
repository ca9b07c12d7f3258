package vex

import (
	"net/url"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/vex/vers"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// Fact is a statement as rules read it. Attestation is left for the caller.
type Fact struct {
	Within    []string // digests of the only things that it is about; empty for any
	Statement gatekeep.VEXStatement
}

// Products of statements that speak against a component and that nobody can compare with
// it: a free text, a CPE, a name of an image, or what may hold it.
const (
	Anything = ""             // it may be the component, or hold it
	InTree   = "product-tree" // the same, but that the advisory itself sets it apart from its other products
)

// holders are purl types of what holds components of other types.
var holders = []string{"pkg:oci/", "pkg:docker/", "pkg:generic/", "pkg:github/", "pkg:gitlab/", "pkg:bitbucket/", "pkg:swid/", "pkg:huggingface/", "pkg:mlflow/"}

// incomparable tells whether a product could be, or hold, any component.
func (p *Product) incomparable() bool {
	if len(p.Digests) > 0 {
		return false
	}
	return len(p.PURLs) == 0 || slices.ContainsFunc(p.PURLs, func(purl string) bool {
		return slices.ContainsFunc(holders, func(prefix string) bool { return strings.HasPrefix(purl, prefix) })
	})
}

// Facts parts a statement by what its products are confined to and by why it cannot be
// taken at its word. For lifting, a product that nothing identifies stands under the name
// that the document gives it, which no component has; those of an advisory's product
// tree, of which there are thousands, are left out. Against a component, what cannot be
// compared with it may be it.
func (d *Document) Facts(s *Statement) []Fact {
	base := gatekeep.VEXStatement{Status: s.Status, Justification: s.Justification, Timestamp: s.Timestamp}
	if len(s.Products) == 0 {
		base.Products = []string{}
		return []Fact{{Statement: base}}
	}
	var facts []Fact
	at := map[string]int{}
	for i := range s.Products {
		p := &s.Products[i]
		against := !lifts(s.Status) || p.Void != ""
		if !p.identified() && d.Format == CSAF && !against {
			continue
		}
		void := p.Void
		if !lifts(s.Status) {
			void = "" // what speaks against a product does so in any case
		}
		key := void + "\x00" + strings.Join(p.Within, " ")
		n, known := at[key]
		if !known {
			n = len(facts)
			at[key] = n
			f := Fact{Within: p.Within, Statement: base}
			f.Statement.Products = []string{}
			if void != "" {
				f.Statement.Void = s.Status + ", but " + void
				f.Statement.Status, f.Statement.Justification = UnderInvestigation, ""
			}
			facts = append(facts, f)
		}
		said := &facts[n].Statement
		if against && p.incomparable() {
			said.Products = append(said.Products, d.unknown())
		}
		switch {
		case !p.identified() && against:
		case !p.identified():
			said.Products = append(said.Products, p.Name)
		case p.Range != "":
			for _, purl := range p.PURLs {
				said.Ranges = append(said.Ranges, gatekeep.VEXRange{PURL: purl, Range: p.Range})
			}
		default:
			said.Products = append(append(said.Products, p.PURLs...), p.Digests...)
		}
	}
	for i := range facts {
		said := &facts[i].Statement
		slices.Sort(said.Products)
		said.Products = slices.Compact(said.Products)
		slices.SortFunc(said.Ranges, compareRanges)
		said.Ranges = slices.Compact(said.Ranges)
	}
	return slices.DeleteFunc(facts, func(f Fact) bool { return len(f.Statement.Products)+len(f.Statement.Ranges) == 0 })
}

// unknown is how the format speaks of a product that cannot be compared.
func (d *Document) unknown() string {
	if d.Format == CSAF {
		return InTree
	}
	return Anything
}

func compareRanges(a, b gatekeep.VEXRange) int {
	if a.PURL != b.PURL {
		return strings.Compare(a.PURL, b.PURL)
	}
	return strings.Compare(a.Range, b.Range)
}

// Narrow leaves of f.VEX what the findings are about: an advisory of a distribution
// names thousands of packages, and a rule that asks about one reads them all. What is
// dropped is certainly about something else, so rules decide as they would without.
// It also tells which components lie in a range of versions: those become products,
// and a range in which a component may lie stays. Call it when f has all findings,
// statements and the subject.
func Narrow(f *gatekeep.Facts) {
	components := map[string][]string{} // vulnerability to purls of findings
	written := map[string][]string{}    // these to what scanners wrote for them
	for _, found := range f.Findings.SCA {
		for _, id := range append([]string{found.ID}, found.Aliases...) {
			components[id] = append(components[id], found.PURL)
		}
		written[found.PURL] = append(append(written[found.PURL], found.PURL), found.PURLs...)
	}
	subject := map[string]bool{f.Subject.Digest: true}
	for d, artifact := range f.Subject.Artifacts {
		subject[d] = true
		for _, covered := range artifact.CoveredBy {
			subject[covered] = true
		}
	}
	for id, statements := range f.VEX {
		names := map[string]bool{}
		purls := components[id]
		slices.Sort(purls)
		purls = slices.Compact(purls)
		for _, purl := range purls {
			name, _ := split(purl)
			names[name], names[purl] = true, true
		}
		var kept []gatekeep.VEXStatement
		for _, s := range statements {
			if len(purls) > 0 && narrow(&s, names, purls, written, subject) {
				kept = append(kept, s)
			}
		}
		if f.VEX[id] = kept; len(kept) == 0 {
			delete(f.VEX, id)
		}
	}
}

// narrow drops products that are none of the names, and reports whether the statement
// may still be about one of the components.
func narrow(s *gatekeep.VEXStatement, names map[string]bool, purls []string, written map[string][]string, subject map[string]bool) bool {
	if len(s.Products)+len(s.Ranges) == 0 {
		return true // it names nothing, and may be about anything
	}
	products := []string{}
	for _, p := range s.Products {
		name, _ := split(p)
		if names[p] || names[name] || subject[p] || p == Anything || p == InTree {
			products = append(products, p)
		}
	}
	var open []gatekeep.VEXRange
	for _, r := range s.Ranges {
		name, _ := split(r.PURL)
		parsed, err := vers.Parse(r.Range)
		for _, purl := range purls {
			if other, version := split(purl); other == name {
				answer := vers.Unknown
				if err == nil {
					answer = lies(parsed, purl, written[purl])
				}
				switch answer {
				case vers.In:
					products = append(products, name+"@"+version+strings.TrimPrefix(r.PURL, name))
				case vers.Unknown:
					open = append(open, r)
				}
			}
		}
	}
	slices.Sort(products)
	slices.SortFunc(open, compareRanges)
	s.Products, s.Ranges = slices.Compact(products), slices.Compact(open)
	return len(s.Products)+len(s.Ranges) > 0
}

// lies tells where the version of a purl lies in a range. A range of another kind of
// package says nothing.
func lies(r vers.Range, purl string, written []string) vers.Answer {
	kind, _, _ := strings.Cut(strings.TrimPrefix(purl, "pkg:"), "/")
	_, version := split(purl)
	decoded, err := url.PathUnescape(version)
	if err != nil || !r.For(kind) {
		return vers.Unknown
	}
	epoch, known := epochOf(written)
	if !known {
		return vers.Unknown
	}
	if epoch != "" && !strings.Contains(decoded, ":") {
		decoded = epoch + ":" + decoded
	}
	return r.Contains(decoded)
}

// epochOf is the epoch of a package of a distribution, which purls write as a qualifier
// (purl-spec, types: "The epoch for rpm"). It is not known where they contradict.
func epochOf(written []string) (epoch string, known bool) {
	seen := map[string]bool{}
	for _, purl := range written {
		path, _, _ := strings.Cut(purl, "#")
		_, query, _ := strings.Cut(path, "?")
		for pair := range strings.SplitSeq(query, "&") {
			if value, ok := strings.CutPrefix(pair, "epoch="); ok && value != "0" {
				epoch, seen[value] = value, true
			}
		}
	}
	return epoch, len(seen) <= 1
}

// Confined tells whether a fact may be about one of the digests: "libssl in image A"
// says nothing of image B.
func (f *Fact) Confined(digests []string) bool {
	return len(f.Within) == 0 || slices.ContainsFunc(f.Within, func(d string) bool { return digest.Valid(d) && slices.Contains(digests, d) })
}
