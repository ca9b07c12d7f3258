package vex

import (
	"fmt"
	"slices"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/csaf"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/instant"
)

// readCSAF takes the claims of an advisory as statements of the day on which it was
// released: with it the issuer says all of them again.
func readCSAF(raw []byte) (*Document, error) {
	a, err := csaf.Read(raw)
	if err != nil {
		return nil, err
	}
	if err := instant.Check(a.Released); err != nil {
		return nil, fmt.Errorf("document.tracking.current_release_date: %w", err)
	}
	d := &Document{Format: CSAF, Version: "2.0", ID: a.ID, Author: a.Publisher, Timestamp: a.Released}
	for _, v := range a.Violations {
		d.Violations = append(d.Violations, v.Error())
	}
	// A product stands in many claims, and is made once.
	known := map[*csaf.Product]*Product{}
	for _, c := range a.Claims {
		s := Statement{Names: slices.Clone(c.Names), Status: c.Status, Justification: c.Justification, Timestamp: a.Released}
		for _, p := range c.Products {
			if known[p] == nil {
				known[p] = csafProduct(p)
			}
			product := *known[p]
			// "draft: This value indicates, that this is a pre-release, intended for issuing
			// party's internal use only".
			if a.Draft {
				product.Void = "the advisory is a draft"
			}
			s.Products = append(s.Products, product)
		}
		d.Statements = append(d.Statements, s)
	}
	return d, nil
}

// packages are the purl types of packages of distributions. Such a package is the same
// wherever it is installed: its version names the build.
var packages = []string{"pkg:rpm/", "pkg:deb/", "pkg:apk/", "pkg:alpm/"}

// csafProduct tells what a product of the tree is known by. An advisory speaks of all
// that a vendor makes: what holds for a library in one product holds in no other.
func csafProduct(c *csaf.Product) *Product {
	p := &Product{Name: c.ID}
	p.identify([]string{c.PURL}, c.Hashes)
	switch {
	case c.Range != "":
		// The product is a range of versions, whatever version its purl has.
		p.Range = c.Range
		p.unversioned()
	case c.Version != "" && !p.versioned():
		p.Void = fmt.Sprintf("it is version %.80q, and its purl is that of all versions", c.Version)
	}
	if whole := c.Within; whole != nil {
		var w Product
		w.identify([]string{whole.PURL}, whole.Hashes)
		p.Within = w.Digests
		if len(w.Digests) == 0 && !p.isPackage() && p.Void == "" {
			p.Void = fmt.Sprintf("it is part of %.80q, which has no digest", whole.ID)
		}
	}
	return p
}

// isPackage tells whether every purl is that of a package of a distribution.
func (p *Product) isPackage() bool {
	for _, purl := range p.PURLs {
		if !slices.ContainsFunc(packages, func(prefix string) bool { return len(purl) > len(prefix) && purl[:len(prefix)] == prefix }) {
			return false
		}
	}
	return len(p.PURLs) > 0
}
