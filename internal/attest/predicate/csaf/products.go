package csaf

import (
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"
)

// test1, Missing Definition of Product ID: "For each element of type
// /$defs/product_id_t which is not inside a Full Product Name [...] and therefore
// reference an element within the product_tree it MUST be tested that the Full Product
// Name element with the matching product_id exists. The same applies for all items of
// elements of type /$defs/products_t."
func test1(d *Document, r *report) {
	want := func(id string, at func() string) {
		if d.index.products[id] == nil {
			r.fail(at(), "product %.80q is not defined", id)
		}
	}
	if t := d.Tree; t != nil {
		for i, g := range t.Groups {
			for j, id := range g.Products {
				want(id, func() string { return pointer("product_tree", "product_groups", i, "product_ids", j) })
			}
		}
		for i, rel := range t.Relationships {
			want(rel.Reference, func() string { return pointer("product_tree", "relationships", i, "product_reference") })
			want(rel.RelatesTo, func() string { return pointer("product_tree", "relationships", i, "relates_to_product_reference") })
		}
	}
	for i := range d.Vulnerabilities {
		v := &d.Vulnerabilities[i]
		for _, g := range v.Status.groups() {
			for j, id := range g.products {
				want(id, func() string { return pointer("vulnerabilities", i, "product_status", g.name, j) })
			}
		}
		for _, part := range v.targets() {
			for j, t := range part.list {
				for k, id := range t.Products {
					want(id, func() string { return pointer("vulnerabilities", i, part.name, j, "product_ids", k) })
				}
			}
		}
		for j, s := range v.Scores {
			for k, id := range s.Products {
				want(id, func() string { return pointer("vulnerabilities", i, "scores", j, "products", k) })
			}
		}
	}
}

// test2, Multiple Definition of Product ID: "For each Product ID (type
// /$defs/product_id_t) in Full Product Name elements (type: /$defs/full_product_name_t)
// it MUST be tested that the product_id was not already defined within the same
// document."
func test2(d *Document, r *report) {
	seen := make(map[string]bool, len(d.index.defined))
	for _, p := range d.index.defined {
		if seen[p.id] {
			r.fail(p.path+"/product_id", "product %.80q is defined twice", p.id)
		}
		seen[p.id] = true
	}
}

// test3, Circular Definition of Product ID: "For each new defined Product ID (type
// /$defs/product_id_t) in items of relationships (/product_tree/relationships) it MUST
// be tested that the product_id does not end up in a circle."
func test3(d *Document, r *report) {
	for _, c := range d.index.circles {
		r.fail(c.path, "product %.80q is defined by itself", c.name)
	}
}

// test4, Missing Definition of Product Group ID: "For each element of type
// /$defs/product_group_id_t which is not inside a Product Group
// (/product_tree/product_groups[]) and therefore reference an element within the
// product_tree it MUST be tested that the Product Group element with the matching
// group_id exists."
func test4(d *Document, r *report) {
	for i := range d.Vulnerabilities {
		for _, part := range d.Vulnerabilities[i].targets() {
			for j, t := range part.list {
				for k, id := range t.Groups {
					if _, known := d.index.groups[id]; !known {
						r.fail(pointer("vulnerabilities", i, part.name, j, "group_ids", k), "product group %.80q is not defined", id)
					}
				}
			}
		}
	}
}

// test5, Multiple Definition of Product Group ID: "For each Product Group ID (type
// /$defs/product_group_id_t) Product Group elements (/product_tree/product_groups[])
// it MUST be tested that the group_id was not already defined within the same
// document."
func test5(d *Document, r *report) {
	if d.Tree == nil {
		return
	}
	seen := map[string]bool{}
	for i, g := range d.Tree.Groups {
		if seen[g.ID] {
			r.fail(pointer("product_tree", "product_groups", i, "group_id"), "product group %.80q is defined twice", g.ID)
		}
		seen[g.ID] = true
	}
}

// test6, Contradicting Product Status: "For each item in /vulnerabilities it MUST be
// tested that the same Product ID is not member of contradicting product status
// groups. The sets formed by the contradicting groups within one vulnerability item
// MUST be pairwise disjoint."
func test6(d *Document, r *report) {
	for i := range d.Vulnerabilities {
		meaning := map[string]string{}
		for _, g := range d.Vulnerabilities[i].Status.groups() {
			if g.meaning == "" {
				continue
			}
			for j, id := range g.products {
				if other := meaning[id]; other != "" && other != g.meaning {
					r.fail(pointer("vulnerabilities", i, "product_status", g.name, j), "product %.80q is both %s and %s", id, other, g.meaning)
				}
				meaning[id] = g.meaning
			}
		}
	}
}

// test13, PURL: "It MUST be tested that given PURL is valid."
func test13(d *Document, r *report) {
	for _, p := range d.index.defined {
		if p.helper == nil || p.helper.PURL == nil {
			continue
		}
		if _, err := packageurl.FromString(*p.helper.PURL); err != nil {
			r.fail(p.path+"/product_identification_helper/purl", "%.120q is no package URL: %v", *p.helper.PURL, err)
		}
	}
}

// test25, Multiple Use of Same Hash Algorithm: "It MUST be tested that the same hash
// algorithm is not used multiple times in one item of hashes."
func test25(d *Document, r *report) {
	for _, p := range d.index.defined {
		if p.helper == nil {
			continue
		}
		for i, of := range p.helper.Hashes {
			seen := map[string]bool{}
			for j, hash := range of.FileHashes {
				if seen[hash.Algorithm] {
					r.fail(p.path+"/product_identification_helper"+pointer("hashes", i, "file_hashes", j), "a second hash of algorithm %.40q", hash.Algorithm)
				}
				seen[hash.Algorithm] = true
			}
		}
	}
}

// test29, Remediation without Product Reference: "For each item in
// /vulnerabilities[]/remediations it MUST be tested that it includes at least one of
// the elements group_ids or product_ids."
func test29(d *Document, r *report) {
	for i := range d.Vulnerabilities {
		for j, t := range d.Vulnerabilities[i].Remediations {
			if t.Groups == nil && t.Products == nil {
				r.fail(pointer("vulnerabilities", i, "remediations", j), "neither group_ids nor product_ids")
			}
		}
	}
}

// test31, Version Range in Product Version: "For each element of type
// /$defs/branches_t with category of product_version it MUST be tested that the value
// of name does not contain a version range."
func test31(d *Document, r *report) {
	for _, p := range d.index.ranges {
		r.fail(p.path, "the product version %.80q is a range of versions", p.name)
	}
}

// test32, Flag without Product Reference: "For each item in /vulnerabilities[]/flags it
// MUST be tested that it includes at least one of the elements group_ids or
// product_ids."
func test32(d *Document, r *report) {
	for i := range d.Vulnerabilities {
		for j, t := range d.Vulnerabilities[i].Flags {
			if t.Groups == nil && t.Products == nil {
				r.fail(pointer("vulnerabilities", i, "flags", j), "neither group_ids nor product_ids")
			}
		}
	}
}

// test33, Multiple Flags with VEX Justification Codes per Product: "For each item in
// /vulnerabilities[] it MUST be tested that a Product is not member of more than one
// Flag item with a VEX justification code (see section 3.2.3.5). This takes indirect
// relations through Product Groups into account."
func test33(d *Document, r *report) {
	for i := range d.Vulnerabilities {
		flag := map[string]int{}
		for j, t := range d.Vulnerabilities[i].Flags {
			if !slices.Contains(justifications, t.Label) {
				continue
			}
			d.index.each(&t, func(id string) {
				if other, flagged := flag[id]; flagged && other != j {
					r.fail(pointer("vulnerabilities", i, "flags", j), "product %.80q has a flag already, flags/%d", id, other)
				}
				flag[id] = j
			})
		}
	}
}

// justifications are the VEX justification codes, the labels of flags.
var justifications = []string{
	"component_not_present", "inline_mitigations_already_exist", "vulnerable_code_cannot_be_controlled_by_adversary",
	"vulnerable_code_not_in_execute_path", "vulnerable_code_not_present",
}

// test26, Prohibited Document Category Name: "It MUST be tested that the document
// category is not equal to the (case insensitive) name (without the prefix csaf_) or
// value of any other profile than "CSAF Base". Any occurrences of dash, whitespace,
// and underscore characters are removed from the values on both sides before the
// match. Also the value MUST NOT start with the reserved prefix csaf_ except if the
// value is csaf_base."
func test26(d *Document, r *report) {
	category := d.Header.Category
	if d.profile("csaf_base", "csaf_security_incident_response", "csaf_informational_advisory", profileAdvisory, profileVEX) {
		return
	}
	lower := strings.ToLower(category)
	if strings.HasPrefix(lower, "csaf_") {
		r.fail("/document/category", "%.80q begins with the reserved prefix csaf_", category)
		return
	}
	bare := strings.ReplaceAll(strings.ReplaceAll(strings.Join(strings.Fields(lower), ""), "-", ""), "_", "")
	for _, name := range []string{"securityincidentresponse", "informationaladvisory", "securityadvisory", "vex"} {
		if bare == name || bare == "csaf"+name {
			r.fail("/document/category", "%.80q is the name of a profile, and not its value", category)
		}
	}
}
