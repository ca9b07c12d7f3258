package inventory

import (
	"maps"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// document is how SPDX 2 refers to the document itself (SPDX 2.3 clause 6.3).
const document = "SPDXRef-DOCUMENT"

// images are what a document says of which image it is. Only a purl of type oci is
// certain: its version is the digest of a manifest. That of type docker may be the
// digest of a configuration, and so may a bare version or hash.
type images struct {
	of        map[string][]string // identifier of a package → digests of images that it is
	described map[string]bool     // identifiers of what the document describes
	certain   []string            // digests of what is described without identifier
}

// Describe notes that the document is about the package of an identifier.
func (x *Index) Describe(id string) {
	if x.images.described == nil {
		x.images.described = map[string]bool{}
	}
	x.images.described[id] = true
}

// Relate takes a relation of SPDX 2 (2.3 clause 11.1), for those that say what the
// document describes.
func (x *Index) Relate(from, kind, to string) {
	switch {
	case kind == "DESCRIBES" && from == document:
		x.Describe(to)
	case kind == "DESCRIBED_BY" && to == document:
		x.Describe(from)
	}
}

// Images are the digests of the images that the document says it is of, sorted; none
// where it names none with certainty. All is added and described by then.
func (x *Index) Images() []string {
	found := slices.Clone(x.images.certain)
	for id := range maps.Keys(x.images.described) {
		found = append(found, x.images.of[id]...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// addImage keeps the digests of an entry that may be what is described.
func (x *Index) addImage(c *Entry) {
	if !c.Described && len(c.ID) == 0 {
		return
	}
	for _, purl := range c.purls() {
		d := imageDigest(purl)
		switch {
		case d == "":
		case c.Described:
			x.images.certain = append(x.images.certain, d)
		default:
			if x.images.of == nil {
				x.images.of = map[string][]string{}
			}
			x.images.of[string(c.ID)] = append(x.images.of[string(c.ID)], d)
		}
	}
}

// imageDigest is the digest that a purl names an image by, or "".
func imageDigest(purl []byte) string {
	canonical, ok := Canonical(strings.TrimSpace(string(purl)))
	if !ok || !strings.HasPrefix(canonical, "pkg:oci/") {
		return ""
	}
	if _, version, found := strings.Cut(canonical, "@"); found && digest.Valid(version) {
		return version
	}
	return ""
}
