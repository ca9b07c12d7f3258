package sbom

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom/inventory"
)

// packages3 are the classes of SPDX 3 whose instances are packages (SPDX 3.0.1,
// Software/Package and its subclasses).
var packages3 = map[string]bool{"software_Package": true, "ai_AIPackage": true, "dataset_DatasetPackage": true}

// termsSPDX3 begins the long names of classes and properties, which JSON-LD has
// beside the short ones.
const termsSPDX3 = "https://spdx.org/rdf/"

// graph is what is kept of an SPDX 3 document until its end, since its relations may
// stand before what they relate.
type graph struct {
	packages    []package3
	licensed    map[string][]string // identifier of an element → of its licences
	licenses    map[string]license3
	identifiers map[string][]byte // purls that are nodes of their own
	ids         map[string]bool
	unnamed     int
}

type package3 struct {
	inventory.Entry
	id    string
	purls []string // identifiers of external identifiers
}

// license3 is a licence or a set of them.
type license3 struct {
	texts   [][]byte
	members []string
}

// node3 is one object with the properties that are read of any class.
type node3 struct {
	inventory.Entry
	id, class, relation, from string
	to, members, purls        []string
	expression                []byte
	identifier, scheme        []byte
}

// lone reads a document whose only element is the top-level object itself, as SPDX
// 3.0.1 clause 5 allows.
func (d *decoder) lone() {
	if d.Err() == nil {
		d.Scanner = jsonscan.New(d.data, MaxDepth)
		d.node(true)
	}
}

// node reads one object of the graph and those within it, since an element may stand
// in the place of a reference to it. The result is its identifier. A lone one is the
// document itself.
func (d *decoder) node(lone bool) string {
	var n node3
	d.Object()
	for key, ok := d.Field(); ok; key, ok = d.Field() {
		switch string(key) {
		case "type":
			n.class = string(d.Text())
		case "spdxId", "@id":
			n.id = string(d.Text())
		case "name":
			n.Name = d.Text()
		case "software_packageVersion":
			n.Version = d.Text()
		case "software_packageUrl":
			n.AddPURL(d.Text())
		case "software_primaryPurpose":
			n.Kind = d.Text()
		case "externalIdentifier":
			n.purls = append(n.purls, d.nodes()...)
		case "externalIdentifierType":
			n.scheme = d.Text()
		case "identifier":
			n.identifier = d.Text()
		case "relationshipType":
			n.relation = string(d.Text())
		case "from":
			from := d.nodes()
			if len(from) != 1 {
				d.Fail(nil, "want one element that the relation begins at")
				break
			}
			n.from = from[0]
		case "rootElement":
			for _, id := range d.nodes() {
				d.Describe(id)
			}
		case "to":
			n.to = d.nodes()
		case "simplelicensing_licenseExpression":
			n.expression = d.Text()
		case "expandedlicensing_member", "expandedlicensing_subjectLicense",
			"expandedlicensing_subjectExtendableLicense", "expandedlicensing_subjectAddition":
			n.members = append(n.members, d.nodes()...)
		default:
			d.property(string(key), lone)
		}
	}
	if lone && n.class == "" {
		d.Fail(nil, "neither @graph nor type: nothing of SPDX 3 is in it")
	}
	if d.Err() != nil {
		return ""
	}
	return d.keep(&n)
}

// property reads a property that is not kept, for what may be within it. What JSON-LD
// has beside the serialization of SPDX 3 (its clause 5: short names, and no keyword
// but @id) is refused: a package could hide in it.
func (d *decoder) property(key string, lone bool) {
	if strings.HasPrefix(key, "@") && !(lone && key == "@context") || strings.HasPrefix(key, termsSPDX3) {
		d.Fail(nil, "%q is not of the serialization of SPDX 3; want its short names", key)
	}
	d.within()
}

func (d *decoder) within() {
	switch d.Kind() {
	case '{':
		d.node(false)
	case '[':
		d.each(d.within)
	default:
		d.Skip()
	}
}

// nodes reads references, or elements in their place, and gives their identifiers.
func (d *decoder) nodes() (ids []string) {
	one := func() {
		switch d.Kind() {
		case '{':
			ids = append(ids, d.node(false))
		default:
			ids = append(ids, string(d.Text()))
		}
	}
	if d.Kind() == '[' {
		d.each(one)
	} else {
		one()
	}
	return ids
}

// keep takes from an object what the index is made of.
func (d *decoder) keep(n *node3) (id string) {
	if d.graph == nil {
		d.graph = &graph{licensed: map[string][]string{}, licenses: map[string]license3{},
			identifiers: map[string][]byte{}, ids: map[string]bool{}}
	}
	g := d.graph
	if strings.HasPrefix(n.class, termsSPDX3) {
		d.Fail(nil, "type %q is not of the serialization of SPDX 3; want its short name", n.class)
	}
	if n.id == "" {
		g.unnamed++
		n.id = "#" + strconv.Itoa(g.unnamed) // no IRI is relative, so no other is the same
	} else {
		// RDF would take two nodes of one name for one, whose parts add up.
		if n.class == "" || g.ids[n.id] {
			d.Fail(nil, "%q has no type, or stands twice", n.id)
		}
		g.ids[n.id] = true
	}
	switch {
	case packages3[n.class]:
		d.counted()
		g.packages = append(g.packages, package3{n.Entry, n.id, n.purls})
	case n.class == "ExternalIdentifier":
		g.identifiers[n.id] = nil
		if inventory.IsReference(n.scheme, n.identifier) {
			g.identifiers[n.id] = n.identifier
		}
	case n.relation == "hasDeclaredLicense" || n.relation == "hasConcludedLicense":
		g.licensed[n.from] = append(g.licensed[n.from], n.to...)
	case strings.HasPrefix(n.class, "simplelicensing_") || strings.HasPrefix(n.class, "expandedlicensing_"):
		g.licenses[n.id] = n.license()
	}
	return n.id
}

// license is what a licence element is listed under: its expression; else, but for a
// set of others, the name that it has and the one that its identifier ends with.
func (n *node3) license() license3 {
	l := license3{members: n.members}
	switch {
	case n.expression != nil:
		l.texts = append(l.texts, n.expression)
	case len(n.members) == 0:
		short := n.id[strings.LastIndexAny(n.id, "/#")+1:]
		if strings.HasPrefix(n.id, "https://spdx.org/licenses/") || strings.HasPrefix(short, "LicenseRef-") {
			l.texts = append(l.texts, []byte(short))
		}
		if len(n.Name) > 0 && string(n.Name) != short {
			l.texts = append(l.texts, n.Name)
		}
	}
	return l
}

// graphEnd adds the packages to the index, now that all relations are known.
func (d *decoder) graphEnd() {
	if d.graph == nil {
		return
	}
	for i := range d.graph.packages {
		if d.Err() != nil {
			return
		}
		p := &d.graph.packages[i]
		for _, id := range p.purls {
			purl, found := d.graph.identifiers[id]
			if !found {
				d.Fail(nil, "package %q has external identifier %q, which is not in the document", p.id, id)
			}
			// The same purl may stand as property and as identifier.
			if !bytes.Equal(purl, p.PURL) {
				p.AddPURL(purl)
			}
		}
		left := inventory.MaxLicenses
		for _, id := range d.graph.licensed[p.id] {
			d.licensesOf(p, id, &left)
		}
		p.ID = []byte(p.id)
		d.Add(p.Entry)
	}
}

// licensesOf lists a licence, or what a set of licences consists of. left bounds
// sets that hold each other.
func (d *decoder) licensesOf(p *package3, id string, left *int) {
	if *left--; *left < 0 {
		d.Fail(ErrTooLarge, "package %q has more than %d licences", p.id, inventory.MaxLicenses)
	}
	if d.Err() != nil {
		return
	}
	l, found := d.graph.licenses[id]
	if !found {
		l.texts = [][]byte{foreignLicense(id)}
	}
	for _, text := range l.texts {
		if !inventory.NoLicense(text) && len(text) > 0 {
			p.Licenses = append(p.Licenses, text)
		}
	}
	for _, member := range l.members {
		d.licensesOf(p, member, left)
	}
}

// foreignLicense is the name of a licence that is not in the document: one of the
// SPDX list, one of the two individuals that mean none (SPDX 3.0.1,
// ExpandedLicensing/NoneLicense and NoAssertionLicense), or any other by its IRI.
func foreignLicense(iri string) []byte {
	if short, ok := strings.CutPrefix(iri, "https://spdx.org/licenses/"); ok {
		return []byte(short)
	}
	short := strings.TrimPrefix(iri[strings.LastIndexByte(iri, '/')+1:], "expandedlicensing_")
	if short == "NoneLicense" || short == "NoAssertionLicense" {
		return nil
	}
	return []byte(iri)
}
