package csaf

import (
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
)

// Product is one full product name of the tree, with what it is known by.
type Product struct {
	ID string // "CSAFPID-0001"
	// PURL is the package URL as the document has it. A relationship without one of its
	// own has that of the product that it is about.
	PURL   string
	Hashes []string // SHA-256 of files, 64 lower-case hex digits
	// Version is the name of the branch "product_version" that it stands under.
	Version string
	// Range is the name of the branch "product_version_range" that it stands under: a
	// vers URI, or a text.
	Range string
	// Within is the product that it is a component of or installed on, the nearest one;
	// nil where there is none.
	Within *Product
}

// defined is where a product id is defined.
type defined struct {
	id, path string
	helper   *helper
}

// index is the flattened product tree.
type index struct {
	products map[string]*Product
	defined  []defined // in the order of the document, with ids that stand twice
	groups   map[string][]string
	ranges   []place // branches whose name looks like a range of versions
	circles  []place // relationships that end in themselves
}

// place is a name with where it stands.
type place struct{ path, name string }

func newIndex(d *Document) *index {
	x := &index{products: map[string]*Product{}, groups: map[string][]string{}}
	t := d.Tree
	if t == nil {
		return x
	}
	x.branches(t.Branches, "/product_tree", Product{})
	for i := range t.Names {
		x.define(&t.Names[i], "/product_tree/full_product_names/"+strconv.Itoa(i), Product{})
	}
	for i := range t.Relationships {
		r := &t.Relationships[i]
		x.define(&r.FullName, "/product_tree/relationships/"+strconv.Itoa(i)+"/full_product_name", Product{})
	}
	for _, g := range t.Groups {
		if _, known := x.groups[g.ID]; !known {
			x.groups[g.ID] = g.Products
		}
	}
	x.relate(t.Relationships)
	return x
}

// branches walks the tree; what stands under a version or a range of versions is of
// these.
func (x *index) branches(list []branch, at string, under Product) {
	for i := range list {
		b := &list[i]
		path := at + "/branches/" + strconv.Itoa(i)
		here := under
		switch b.Category {
		case "product_version":
			here.Version = b.Name
			if looksLikeRange(b.Name) {
				x.ranges = append(x.ranges, place{path + "/name", b.Name})
			}
		case "product_version_range":
			here.Range = b.Name
		}
		if b.Product != nil {
			x.define(b.Product, path+"/product", here)
		}
		x.branches(b.Branches, path, here)
	}
}

func (x *index) define(n *fullName, path string, p Product) {
	x.defined = append(x.defined, defined{n.ID, path, n.Helper})
	if _, known := x.products[n.ID]; known {
		return // 6.1.2 refuses it
	}
	p.ID = n.ID
	if h := n.Helper; h != nil {
		if h.PURL != nil {
			p.PURL = *h.PURL
		}
		for _, of := range h.Hashes {
			for _, hash := range of.FileHashes {
				value := strings.ToLower(hash.Value)
				if raw, err := hex.DecodeString(value); err == nil && len(raw) == 32 && strings.EqualFold(hash.Algorithm, "sha256") {
					p.Hashes = append(p.Hashes, value)
				}
			}
		}
	}
	x.products[n.ID] = &p
}

// relate gives the products of relationships what they are known by, and finds
// circles, depth first without recursion: a chain may be as long as the document.
func (x *index) relate(list []relationship) {
	const (
		fresh = iota
		open
		done
	)
	of := make(map[string]int, len(list)) // product id to its relationship
	for i := range list {
		if _, twice := of[list[i].FullName.ID]; !twice {
			of[list[i].FullName.ID] = i
		}
	}
	state := make([]int, len(list))
	for start := range list {
		stack := []int{start}
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			r := &list[i]
			if state[i] == fresh {
				state[i] = open
				for _, reference := range []string{r.Reference, r.RelatesTo} {
					next, known := of[reference]
					if !known {
						continue
					}
					switch state[next] {
					case fresh:
						stack = append(stack, next)
					case open:
						x.circles = append(x.circles, place{"/product_tree/relationships/" + strconv.Itoa(i) + "/full_product_name/product_id", r.FullName.ID})
					}
				}
				continue
			}
			stack = stack[:len(stack)-1]
			if state[i] == open {
				state[i] = done
				x.inherit(r)
			}
		}
	}
}

// inherit says what a relationship makes of its product: "openssl as a component of
// app" is known as openssl is, within app; installed on something, it still is so.
func (x *index) inherit(r *relationship) {
	p, part, whole := x.products[r.FullName.ID], x.products[r.Reference], x.products[r.RelatesTo]
	if p == nil || part == nil || whole == nil || p == part || p == whole {
		return
	}
	if p.PURL == "" && len(p.Hashes) == 0 {
		p.PURL, p.Hashes, p.Version, p.Range = part.PURL, part.Hashes, part.Version, part.Range
	}
	if p.Within = part.Within; p.Within == nil {
		p.Within = whole
	}
}

// each calls f for every product that a flag, threat or remediation is about.
func (x *index) each(t *targeted, f func(id string)) {
	for _, id := range t.Products {
		f(id)
	}
	for _, g := range t.Groups {
		for _, id := range x.groups[g] {
			f(id)
		}
	}
}

// resolved counts what each would call for, over the whole document.
func (x *index) resolved(d *Document) int {
	n := 0
	for i := range d.Vulnerabilities {
		v := &d.Vulnerabilities[i]
		for _, list := range [][]targeted{v.Flags, v.Threats, v.Remediations} {
			for _, t := range list {
				for _, g := range t.Groups {
					n += len(x.groups[g])
				}
				if n > maxResolved {
					return n
				}
			}
		}
	}
	return n
}

// "it is deemed sufficient that, when converted to lower case, the value of name does
// not contain any of the following strings" (6.1.31).
var rangeSigns = []string{"<", ">"}

var rangeWords = []string{"after", "all", "before", "earlier", "later", "prior", "versions"}

// looksLikeRange looks for whole words, without brackets and stops around them: the
// test files of the standard have the version "after-eight" for valid (6-1-31-12).
func looksLikeRange(name string) bool {
	lower := strings.ToLower(name)
	for _, sign := range rangeSigns {
		if strings.Contains(lower, sign) {
			return true
		}
	}
	for word := range strings.FieldsSeq(lower) {
		if slices.Contains(rangeWords, strings.Trim(word, "()[]{},;:.")) {
			return true
		}
	}
	return false
}
