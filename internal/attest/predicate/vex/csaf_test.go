package vex

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
)

// advisory is a CSAF VEX with a product tree and a product status.
func advisory(status, tree, products, rest string) string {
	return `{"document":{"category":"csaf_vex","csaf_version":"2.0","publisher":{"category":"vendor","name":"Acme"},"tracking":{"id":"A-1","status":"` + status + `","version":"1",
		"current_release_date":"2026-11-01T00:00:00Z","revision_history":[{"date":"2026-11-01T00:00:00Z","number":"1"}]}},
		"product_tree":` + tree + `,"vulnerabilities":[{"cve":"CVE-1","ids":[{"text":"ACME-7"}],"notes":[{"category":"summary"}],"product_status":` + products + rest + `}]}`
}

// one is a product tree of one product, as full_product_names has it.
func one(helper string) string {
	return `{"full_product_names":[{"name":"A","product_id":"A","product_identification_helper":` + helper + `}]}`
}

func facts(d *Document) (all []gatekeep.VEXStatement) {
	for i := range d.Statements {
		for _, f := range d.Facts(&d.Statements[i]) {
			all = append(all, f.Statement)
		}
	}
	return all
}

func TestStatementsOfAnAdvisory(t *testing.T) {
	d := mustRead(t, advisory("final", `{"full_product_names":[{"product_id":"A","product_identification_helper":{"purl":"pkg:npm/a@1","hashes":[{"file_hashes":[{"algorithm":"sha256","value":"`+sha[7:]+`"}],"filename":"a"}]}},
		{"product_id":"B","product_identification_helper":{"purl":"pkg:npm/b@1"}},{"product_id":"C"}]}`,
		`{"known_not_affected":["A","C"],"first_fixed":["B"]}`, `,"flags":[{"label":"component_not_present","product_ids":["A"]}],"threats":[{"category":"impact","product_ids":["C"]}]`))
	names := []string{"ACME-7", "CVE-1"}
	at := "2026-11-01T00:00:00Z"
	want := &Document{Format: CSAF, Version: "2.0", ID: "A-1", Author: "Acme", Timestamp: at, Statements: []Statement{
		{Names: names, Status: Fixed, Timestamp: at, Products: []Product{{Name: "B", PURLs: []string{"pkg:npm/b@1"}}}},
		{Names: names, Status: NotAffected, Justification: "component_not_present", Timestamp: at, Products: []Product{{Name: "A", PURLs: []string{"pkg:npm/a@1"}, Digests: []string{sha}}}},
		{Names: names, Status: NotAffected, Timestamp: at, Products: []Product{{Name: "C"}}},
	}}
	// 6.1.27.7 wants one of four groups, and first_fixed is none of them: known_not_affected is.
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	// What nobody can recognise is not handed on.
	said := facts(d)
	if len(said) != 2 || !cmp.Equal(said[1].Products, []string{"pkg:npm/a@1", sha}) {
		t.Errorf("%+v", said)
	}
}

// TestWhatCannotBeTakenAtItsWordLiftsNothing has products of advisories of which it is
// open whether they are what a purl says.
func TestWhatCannotBeTakenAtItsWordLiftsNothing(t *testing.T) {
	within := func(whole, kind string) string {
		return `{"full_product_names":[{"product_id":"W"` + whole + `},{"product_id":"P","product_identification_helper":{"purl":"` + kind + `"}}],
			"relationships":[{"category":"default_component_of","product_reference":"P","relates_to_product_reference":"W","full_product_name":{"product_id":"A"}}]}`
	}
	image := `,"product_identification_helper":{"purl":"pkg:oci/app@` + sha + `"}`
	branch := func(category, name, purl string) string {
		return `{"branches":[{"category":"` + category + `","name":"` + name + `","product":{"product_id":"A","product_identification_helper":{"purl":"` + purl + `"}}}]}`
	}
	for name, c := range map[string]struct {
		status, tree, void string
		products           []string
		ranges             []gatekeep.VEXRange
		within             []string
	}{
		"a product":                        {"final", one(`{"purl":"pkg:npm/a@1"}`), "", []string{"pkg:npm/a@1"}, nil, nil},
		"an interim advisory":              {"interim", one(`{"purl":"pkg:npm/a@1"}`), "", []string{"pkg:npm/a@1"}, nil, nil},
		"a draft":                          {"draft", one(`{"purl":"pkg:npm/a@1"}`), "fixed, but the advisory is a draft", []string{"pkg:npm/a@1"}, nil, nil},
		"an advisory of no status":         {"", one(`{"purl":"pkg:npm/a@1"}`), "fixed, but the advisory is a draft", []string{"pkg:npm/a@1"}, nil, nil},
		"a library of an image":            {"final", within(image, "pkg:npm/a@1"), "", []string{"pkg:npm/a@1"}, nil, []string{sha}},
		"a package of a platform":          {"final", within("", "pkg:rpm/redhat/a@1-1.el9?arch=x86_64"), "", []string{"pkg:rpm/redhat/a@1-1.el9?arch=x86_64"}, nil, nil},
		"a library of a product":           {"final", within("", "pkg:npm/a@1"), `fixed, but it is part of "W", which has no digest`, []string{"pkg:npm/a@1"}, nil, nil},
		"a library of a product by purl":   {"final", within(`,"product_identification_helper":{"purl":"pkg:npm/w@1"}`, "pkg:npm/a@1"), `fixed, but it is part of "W", which has no digest`, []string{"pkg:npm/a@1"}, nil, nil},
		"a version":                        {"final", branch("product_version", "1", "pkg:npm/a@1"), "", []string{"pkg:npm/a@1"}, nil, nil},
		"a version that the purl lacks":    {"final", branch("product_version", "1", "pkg:npm/a"), `fixed, but it is version "1", and its purl is that of all versions`, []string{"pkg:npm/a"}, nil, nil},
		"a range":                          {"final", branch("product_version_range", "vers:npm/<2.0.0", "pkg:npm/a"), "", []string{}, []gatekeep.VEXRange{{PURL: "pkg:npm/a", Range: "vers:npm/<2.0.0"}}, nil},
		"a range of which one is the purl": {"final", branch("product_version_range", "<2", "pkg:npm/a@1?x=y"), "", []string{}, []gatekeep.VEXRange{{PURL: "pkg:npm/a?x=y", Range: "<2"}}, nil},
		"a purl of all versions":           {"final", branch("product_name", "a", "pkg:npm/a"), "", []string{"pkg:npm/a"}, nil, nil},
		"a purl with an empty version":     {"final", one(`{"purl":"pkg:npm/a@"}`), "fixed, but its purl ends in an empty version", []string{"pkg:npm/a"}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := mustRead(t, advisory(c.status, c.tree, `{"fixed":["A"]}`, ""))
			got := d.Facts(&d.Statements[0])
			want := gatekeep.VEXStatement{Products: c.products, Ranges: c.ranges, Status: Fixed, Timestamp: "2026-11-01T00:00:00Z", Void: c.void}
			if c.void != "" {
				want.Status = UnderInvestigation
			}
			if diff := cmp.Diff([]Fact{{Within: c.within, Statement: want}}, got); diff != "" {
				t.Error(diff)
			}
			// The same product is affected in any case.
			d = mustRead(t, strings.Replace(advisory(c.status, c.tree, `{"under_investigation":["A"]}`, ""), "x", "x", 1))
			if got := d.Facts(&d.Statements[0]); got[0].Statement.Void != "" || got[0].Statement.Status != UnderInvestigation {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestAnAdvisoryThatSaysNothingClearIsRefused(t *testing.T) {
	refused(t, map[string]string{
		advisory("final", `{}`, `{"fixed":["A"]}`, ""):                                                                          "mandatory test 6.1.1 fails at /vulnerabilities/0/product_status/fixed/0",
		advisory("final", one(`{"purl":"pkg:npm/"}`), `{"fixed":["A"]}`, ""):                                                    "mandatory test 6.1.13 fails at /product_tree/full_product_names/0/product_identification_helper/purl",
		advisory("final", one(`{}`), `{"fixed":["A"],"known_affected":["A"]}`, `,"remediations":[{"product_ids":["A"]}]`):       "mandatory test 6.1.6",
		strings.Replace(advisory("final", one(`{}`), `{"fixed":["A"]}`, ""), `2026-11-01T00:00:00Z"`, `soon"`, 1):               "document.tracking.current_release_date",
		strings.Replace(advisory("final", one(`{}`), `{"fixed":["A"]}`, ""), `"2.0"`, `"2.1"`, 1):                               "want 2.0",
		strings.Replace(advisory("final", one(`{}`), `{"fixed":["A"]}`, ""), `csaf_vex`, `csaf_base`, 1):                        "is neither csaf_vex nor csaf_security_advisory",
		strings.Replace(advisory("final", one(`{}`), `{"fixed":["A"]}`, ""), `"cve":"CVE-1","ids":[{"text":"ACME-7"}],`, "", 1): "6.1.27.8",
		strings.Replace(advisory("final", one(`{}`), `{"fixed":["A"]}`, ""), `"CVE-1","ids":[{"text":"ACME-7"}]`, `""`, 1):      "the vulnerability has no name",
		`{"document":7}`: "cannot unmarshal",
	})
}
