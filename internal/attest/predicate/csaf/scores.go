package csaf

import "github.com/gatekeep-dev/gatekeep/internal/attest/predicate/csaf/cvss"

// test7, Multiple Scores with same Version per Product: "For each item in
// /vulnerabilities it MUST be tested that the same Product ID is not member of more
// than one CVSS-Vectors with the same version."
func test7(d *Document, r *report) {
	for i := range d.Vulnerabilities {
		seen := map[[2]string]bool{}
		for j, s := range d.Vulnerabilities[i].Scores {
			for _, object := range []map[string]any{s.V2, s.V3} {
				version, _ := object["version"].(string)
				if version == "" {
					continue
				}
				for k, id := range s.Products {
					key := [2]string{id, version}
					if seen[key] {
						r.fail(pointer("vulnerabilities", i, "scores", j, "products", k), "product %.80q has a score of CVSS %.10s already", id, version)
					}
					seen[key] = true
				}
			}
		}
	}
}

// test8, Invalid CVSS: "It MUST be tested that the given CVSS object is valid according
// to the referenced schema."
func test8(d *Document, r *report) { d.scores(r, cvss.Invalid) }

// test9, Invalid CVSS computation: "It MUST be tested that the given CVSS object has the
// values computed correctly according to the definition. The vectorString SHOULD take
// precedence."
func test9(d *Document, r *report) { d.scores(r, cvss.Miscalculated) }

// test10, Inconsistent CVSS: "It MUST be tested that the given CVSS properties do not
// contradict the CVSS vector."
func test10(d *Document, r *report) { d.scores(r, cvss.Contradicted) }

// scores runs a check over every CVSS object of the document.
func (d *Document) scores(r *report, check func(fields map[string]any, major int) []cvss.Problem) {
	for i := range d.Vulnerabilities {
		for j, s := range d.Vulnerabilities[i].Scores {
			for k, fields := range []map[string]any{s.V2, s.V3} {
				if fields == nil {
					continue
				}
				at := pointer("vulnerabilities", i, "scores", j, []string{"cvss_v2", "cvss_v3"}[k])
				for _, p := range check(fields, k+2) {
					if p.At != "" {
						p.At = "/" + p.At
					}
					r.fail(at+p.At, "%s", p.What)
				}
			}
		}
	}
}
