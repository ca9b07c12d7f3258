package csaf

import "slices"

// test27x1, Document Notes: "It MUST be tested that at least one item in
// /document/notes exists which has a category of description, details, general or
// summary."
func test27x1(d *Document, r *report) {
	if d.profile("csaf_informational_advisory", "csaf_security_incident_response") && !slices.ContainsFunc(d.Header.Notes, func(n item) bool {
		return slices.Contains([]string{"description", "details", "general", "summary"}, n.Category)
	}) {
		r.fail("/document/notes", "no note of category description, details, general or summary")
	}
}

// test27x2, Document References: "It MUST be tested that at least one item in
// /document/references exists that has links to an external source." The category is
// "external" where it is left out, by the schema.
func test27x2(d *Document, r *report) {
	if d.profile("csaf_informational_advisory", "csaf_security_incident_response") && !slices.ContainsFunc(d.Header.References, func(n item) bool {
		return n.Category == "external" || n.Category == ""
	}) {
		r.fail("/document/references", "no reference of category external")
	}
}

// test27x3, Vulnerabilities: "It MUST be tested that the element /vulnerabilities does
// not exist."
func test27x3(d *Document, r *report) {
	if d.profile("csaf_informational_advisory") && d.Vulnerabilities != nil {
		r.fail("/vulnerabilities", "an informational advisory has no vulnerabilities")
	}
}

// test27x4, Product Tree: "It MUST be tested that the element /product_tree exists."
func test27x4(d *Document, r *report) {
	if d.profile(profileAdvisory, profileVEX) && d.Tree == nil {
		r.fail("/product_tree", "it is missing")
	}
}

// test27x5, Vulnerability Notes: "For each item in /vulnerabilities it MUST be tested
// that the element notes exists."
func test27x5(d *Document, r *report) {
	if !d.profile(profileAdvisory, profileVEX) {
		return
	}
	for i, v := range d.Vulnerabilities {
		if v.Notes == nil {
			r.fail(pointer("vulnerabilities", i, "notes"), "it is missing")
		}
	}
}

// test27x6, Product Status: "For each item in /vulnerabilities it MUST be tested that
// the element product_status exists."
func test27x6(d *Document, r *report) {
	if !d.profile(profileAdvisory) {
		return
	}
	for i, v := range d.Vulnerabilities {
		if v.Status == nil {
			r.fail(pointer("vulnerabilities", i, "product_status"), "it is missing")
		}
	}
}

// test27x7, VEX Product Status: "For each item in /vulnerabilities it MUST be tested
// that at least one of the elements fixed, known_affected, known_not_affected, or
// under_investigation is present in product_status."
func test27x7(d *Document, r *report) {
	if !d.profile(profileVEX) {
		return
	}
	for i, v := range d.Vulnerabilities {
		if s := v.Status; s == nil || s.Fixed == nil && s.KnownAffected == nil && s.KnownNotAffected == nil && s.UnderInvestigation == nil {
			r.fail(pointer("vulnerabilities", i, "product_status"), "none of fixed, known_affected, known_not_affected and under_investigation")
		}
	}
}

// test27x8, Vulnerability ID: "For each item in /vulnerabilities it MUST be tested that
// at least one of the elements cve or ids is present."
func test27x8(d *Document, r *report) {
	if !d.profile(profileVEX) {
		return
	}
	for i, v := range d.Vulnerabilities {
		if v.CVE == nil && v.IDs == nil {
			r.fail(pointer("vulnerabilities", i), "neither cve nor ids")
		}
	}
}

// test27x9, Impact Statement: "For each item in
// /vulnerabilities[]/product_status/known_not_affected it MUST be tested that a
// corresponding impact statement exist in /vulnerabilities[]/flags or
// /vulnerabilities[]/threats. For the latter one, the category value for such a
// statement MUST be impact."
func test27x9(d *Document, r *report) {
	if !d.profile(profileVEX) {
		return
	}
	for i := range d.Vulnerabilities {
		v := &d.Vulnerabilities[i]
		if v.Status == nil {
			continue
		}
		explained := d.covered(v.Flags, "")
		for id := range d.covered(v.Threats, "impact") {
			explained[id] = true
		}
		for j, id := range v.Status.KnownNotAffected {
			if !explained[id] {
				r.fail(pointer("vulnerabilities", i, "product_status", "known_not_affected", j), "no impact statement for product %.80q", id)
			}
		}
	}
}

// test27x10, Action Statement: "For each item in
// /vulnerabilities[]/product_status/known_affected it MUST be tested that a
// corresponding action statement exist in /vulnerabilities[]/remediations."
func test27x10(d *Document, r *report) {
	if !d.profile(profileVEX) {
		return
	}
	for i := range d.Vulnerabilities {
		v := &d.Vulnerabilities[i]
		if v.Status == nil || len(v.Status.KnownAffected) == 0 {
			continue
		}
		answered := d.covered(v.Remediations, "")
		for j, id := range v.Status.KnownAffected {
			if !answered[id] {
				r.fail(pointer("vulnerabilities", i, "product_status", "known_affected", j), "no action statement for product %.80q", id)
			}
		}
	}
}

// covered are the products that flags, threats or remediations are about; of one
// category, where it is not empty.
func (d *Document) covered(list []targeted, category string) map[string]bool {
	all := map[string]bool{}
	for _, t := range list {
		if category == "" || t.Category == category {
			d.index.each(&t, func(id string) { all[id] = true })
		}
	}
	return all
}

// test27x11, Vulnerabilities: "It MUST be tested that the element /vulnerabilities
// exists."
func test27x11(d *Document, r *report) {
	if d.profile(profileAdvisory, profileVEX) && d.Vulnerabilities == nil {
		r.fail("/vulnerabilities", "it is missing")
	}
}

// test23, Multiple Use of Same CVE: "It MUST be tested that a CVE is not used in
// multiple vulnerability items."
func test23(d *Document, r *report) {
	seen := map[string]int{}
	for i, v := range d.Vulnerabilities {
		if v.CVE == nil {
			continue
		}
		if other, twice := seen[*v.CVE]; twice {
			r.fail(pointer("vulnerabilities", i, "cve"), "%.40q stands in vulnerabilities/%d too", *v.CVE, other)
			continue
		}
		seen[*v.CVE] = i
	}
}

// test24, Multiple Definition in Involvements: "It MUST be tested that items of the
// list of involvements do not contain the same party regardless of its status more
// than once at any date." Without a date there is none that could be the same.
func test24(d *Document, r *report) {
	for i, v := range d.Vulnerabilities {
		seen := map[[2]string]bool{}
		for j, in := range v.Involvements {
			if in.Date == nil {
				continue
			}
			key := [2]string{in.Party, instantOf(*in.Date)}
			if seen[key] {
				r.fail(pointer("vulnerabilities", i, "involvements", j), "%.40q stands twice at %s", in.Party, *in.Date)
			}
			seen[key] = true
		}
	}
}
