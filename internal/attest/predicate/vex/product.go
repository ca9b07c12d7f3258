package vex

import (
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// identify fills in what a product is known by: purls among the texts, in canonical
// form; digests that purls and names of images end with, and SHA-256 hashes.
func (p *Product) identify(texts, hashes []string) {
	for _, text := range texts {
		if text == "" {
			continue
		}
		if parsed, err := packageurl.FromString(text); err == nil {
			p.PURLs = append(p.PURLs, parsed.ToString())
			if path, _, _ := strings.Cut(text, "?"); strings.HasSuffix(path, "@") {
				p.Void = "its purl ends in an empty version" // not a word on all of them
			}
			text = parsed.Name + "@" + parsed.Version // without percent-encoding
		}
		if i := strings.LastIndexByte(text, '@'); i >= 0 && digest.Valid(text[i+1:]) {
			p.Digests = append(p.Digests, text[i+1:])
		}
	}
	for _, hash := range hashes {
		if d := "sha256:" + strings.ToLower(hash); digest.Valid(d) {
			p.Digests = append(p.Digests, d)
		}
	}
	for _, list := range []*[]string{&p.PURLs, &p.Digests} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
}

// identified tells whether the product can be recognised at all.
func (p *Product) identified() bool { return len(p.PURLs)+len(p.Digests) > 0 }

// unversioned takes the versions out of the purls.
func (p *Product) unversioned() {
	for i, text := range p.PURLs {
		if parsed, err := packageurl.FromString(text); err == nil {
			parsed.Version = ""
			p.PURLs[i] = parsed.ToString()
		}
	}
	slices.Sort(p.PURLs)
	p.PURLs = slices.Compact(p.PURLs)
}

// versioned tells whether every purl names a version.
func (p *Product) versioned() bool {
	return !slices.ContainsFunc(p.PURLs, func(text string) bool { _, version := split(text); return version == "" })
}

// split takes a canonical purl apart: type, namespace and name; version as it is
// encoded. Qualifiers and subpath are left out.
func split(purl string) (name, version string) {
	path, _, _ := strings.Cut(purl, "#")
	path, _, _ = strings.Cut(path, "?")
	last := strings.LastIndexByte(path, '/') + 1
	if i := strings.IndexByte(path[last:], '@'); i >= 0 {
		return path[:last+i], path[last+i+1:]
	}
	return path, ""
}
