package csaf

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

type change = map[string]any

// failing is every mandatory test that a document fails: "6.1.6 /vulnerabilities/0".
func failing(d *Document) []string {
	var all []string
	for _, v := range d.Violations() {
		all = append(all, strings.TrimSuffix(v.Test+" "+v.At, " "))
	}
	return all
}

// neighbours are documents beside one another: the first fails what is named and
// nothing else, the second, as near to it as can be, passes every test.
var neighbours = []struct {
	name          string
	fails, passes change
	want          []string
}{
	{"6.1.1 ids are compared with regard to case", change{v0 + "/remediations/-": `{"category":"x","product_ids":["a"]}`}, change{v0 + "/remediations/-": `{"category":"x","product_ids":["A"]}`}, []string{"6.1.1 " + v0 + "/remediations/1/product_ids/0"}},
	{"6.1.1 a group is no product", change{v0 + "/product_status/fixed": `["G"]`}, change{v0 + "/product_status/fixed": `["B"]`}, []string{"6.1.1 " + v0 + "/product_status/fixed/0"}},
	{"6.1.1 the empty id", change{v0 + "/product_status/first_fixed": `["B",""]`}, change{v0 + "/product_status/first_fixed": `["B"]`}, []string{"6.1.1 " + v0 + "/product_status/first_fixed/1"}},
	{"6.1.1 of a second score", change{scored + "/products": `["C","D"]`}, change{scored + "/products": `["C","B"]`}, []string{"6.1.1 " + scored + "/products/1"}},
	{"6.1.1 a relationship defines its product alone", change{"/product_tree/relationships/-": `{"product_reference":"X","relates_to_product_reference":"Y","full_product_name":{"product_id":"XY"}}`}, change{"/product_tree/relationships/-": `{"product_reference":"AB","relates_to_product_reference":"C","full_product_name":{"product_id":"XY"}}`},
		[]string{"6.1.1 /product_tree/relationships/1/product_reference", "6.1.1 /product_tree/relationships/1/relates_to_product_reference"}},
	{"6.1.2 in a branch", change{"/product_tree/branches/-": `{"category":"product_name","name":"n","product":{"product_id":"A"}}`}, change{"/product_tree/branches/-": `{"category":"product_name","name":"n","product":{"product_id":"a"}}`}, []string{"6.1.2 /product_tree/branches/1/product/product_id"}},
	{"6.1.2 the same definition again", change{products + "/-": `{"product_id":"C"}`}, change{products + "/-": `{"product_id":"C "}`}, []string{"6.1.2 " + products + "/2/product_id"}},
	{"6.1.3 of itself", change{"/product_tree/relationships/-": `{"product_reference":"O","relates_to_product_reference":"A","full_product_name":{"product_id":"O"}}`}, change{"/product_tree/relationships/-": `{"product_reference":"B","relates_to_product_reference":"A","full_product_name":{"product_id":"O"}}`},
		[]string{"6.1.3 /product_tree/relationships/1/full_product_name/product_id"}},
	{"6.1.3 of two", change{"/product_tree/relationships": `[{"product_reference":"A","relates_to_product_reference":"B","full_product_name":{"product_id":"AB"}},{"product_reference":"Y","relates_to_product_reference":"A","full_product_name":{"product_id":"X"}},{"product_reference":"A","relates_to_product_reference":"X","full_product_name":{"product_id":"Y"}}]`},
		change{"/product_tree/relationships": `[{"product_reference":"A","relates_to_product_reference":"B","full_product_name":{"product_id":"AB"}},{"product_reference":"Y","relates_to_product_reference":"A","full_product_name":{"product_id":"X"}},{"product_reference":"A","relates_to_product_reference":"C","full_product_name":{"product_id":"Y"}}]`},
		[]string{"6.1.3 /product_tree/relationships/2/full_product_name/product_id"}},
	{"6.1.4 a product is no group", change{v0 + "/threats/-": `{"category":"impact","group_ids":["A"]}`}, change{v0 + "/threats/-": `{"category":"impact","group_ids":["G"]}`}, []string{"6.1.4 " + v0 + "/threats/1/group_ids/0"}},
	{"6.1.4 groups are compared with regard to case", change{v0 + "/remediations/-": `{"category":"x","group_ids":["G","g"]}`}, change{v0 + "/remediations/-": `{"category":"x","group_ids":["G","G"]}`}, []string{"6.1.4 " + v0 + "/remediations/1/group_ids/1"}},
	{"6.1.5 with another between", change{"/product_tree/product_groups": `[{"group_id":"G","product_ids":["A","B"]},{"group_id":"H","product_ids":["A","B"]},{"group_id":"G","product_ids":["A","B"]}]`},
		change{"/product_tree/product_groups": `[{"group_id":"G","product_ids":["A","B"]},{"group_id":"H","product_ids":["A","B"]},{"group_id":"g","product_ids":["A","B"]}]`}, []string{"6.1.5 /product_tree/product_groups/2/group_id"}},
	{"6.1.7 of CVSS 2", change{v0 + "/scores/-": `{"products":["A","C"],"cvss_v2":{"version":"2.0","vectorString":"AV:N/AC:L/Au:N/C:C/I:C/A:C","baseScore":10}}`}, change{v0 + "/scores/-": `{"products":["A","B"],"cvss_v2":{"version":"2.0","vectorString":"AV:N/AC:L/Au:N/C:C/I:C/A:C","baseScore":10}}`},
		[]string{"6.1.7 " + v0 + "/scores/1/products/1"}},
	{"6.1.8 a vector of another version", change{scored + "/cvss_v3/version": "3.0"}, change{scored + "/cvss_v3": `{"version":"3.0","vectorString":"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H","baseScore":9.8,"baseSeverity":"CRITICAL"}`}, []string{"6.1.8 " + scored + "/cvss_v3"}},
	{"6.1.8 a value of another metric", change{scored + "/cvss_v3/attackComplexity": "MEDIUM"}, change{scored + "/cvss_v3/attackComplexity": "LOW"}, []string{"6.1.8 " + scored + "/cvss_v3/attackComplexity"}},
	{"6.1.8 a value of the other version", change{scored + "/cvss_v2/confidentialityImpact": "HIGH"}, change{scored + "/cvss_v2/confidentialityImpact": "COMPLETE"}, []string{"6.1.8 " + scored + "/cvss_v2/confidentialityImpact"}},
	{"6.1.8 an empty object", change{scored: `{"products":["C"],"cvss_v2":{}}`}, change{scored: `{"products":["C"]}`}, []string{"6.1.8 " + scored + "/cvss_v2/version", "6.1.8 " + scored + "/cvss_v2/vectorString", "6.1.8 " + scored + "/cvss_v2/baseScore"}},
	{"6.1.9 by a tenth", change{scored + "/cvss_v3/baseScore": 9.7}, change{scored + "/cvss_v3/baseScore": 9.8}, []string{"6.1.9 " + scored + "/cvss_v3/baseScore"}},
	{"6.1.9 a severity of no score", change{scored + "/cvss_v3/temporalSeverity": "HIGH"}, change{scored + "/cvss_v3/temporalSeverity": "CRITICAL"}, []string{"6.1.9 " + scored + "/cvss_v3/temporalSeverity"}},
	{"6.1.10 one metric", change{scored + "/cvss_v3/privilegesRequired": "LOW"}, change{scored + "/cvss_v3/privilegesRequired": "NONE"}, []string{"6.1.10 " + scored + "/cvss_v3/privilegesRequired"}},
	{"6.1.10 one that the vector leaves out", change{scored + "/cvss_v3/exploitCodeMaturity": "HIGH"}, change{scored + "/cvss_v3/exploitCodeMaturity": "NOT_DEFINED"}, []string{"6.1.10 " + scored + "/cvss_v3/exploitCodeMaturity"}},
	{"6.1.11 the id in lower case", change{v0 + "/cwe/id": "cwe-79"}, change{v0 + "/cwe/id": "CWE-79"}, []string{"6.1.11 " + v0 + "/cwe/id"}},
	{"6.1.11 an id that is the beginning of another", change{v0 + "/cwe": `{"id":"CWE-7","name":"J2EE Misconfiguration: Missing Custom Error Page "}`}, change{v0 + "/cwe": `{"id":"CWE-7","name":"J2EE Misconfiguration: Missing Custom Error Page"}`}, []string{"6.1.11 " + v0 + "/cwe/name"}},
	{"6.1.11 a name with a line break", change{v0 + "/cwe/name": "Improper\nNeutralization"}, change{v0 + "/cwe": nil}, []string{"6.1.11 " + v0 + "/cwe/id"}},
	{"6.1.12 no such region", change{"/document/lang": "en-AB"}, change{"/document/lang": "en-AQ"}, []string{"6.1.12 /document/lang"}},
	{"6.1.12 no such language", change{"/document/source_lang": "qq"}, change{"/document/source_lang": "gd"}, []string{"6.1.12 /document/source_lang"}},
	{"6.1.13 no name", change{products + "/-": `{"product_id":"P","product_identification_helper":{"purl":"pkg:npm"}}`}, change{products + "/-": `{"product_id":"P","product_identification_helper":{"purl":"pkg:npm/p"}}`}, []string{"6.1.13 " + products + "/2/product_identification_helper/purl"}},
	{"6.1.13 no scheme", change{"/product_tree/relationships/0/full_product_name/product_identification_helper": `{"purl":"npm/p@1"}`}, change{"/product_tree/relationships/0/full_product_name/product_identification_helper": `{"purl":"pkg:npm/p@1"}`},
		[]string{"6.1.13 /product_tree/relationships/0/full_product_name/product_identification_helper/purl"}},
	{"6.1.15 an empty language", change{"/document/publisher/category": "translator", "/document/source_lang": ""}, change{"/document/publisher/category": "translator"}, []string{"6.1.15 /document/source_lang"}},
	{"6.1.23 with another between", change{"/vulnerabilities/-": `{"cve":"CVE-2","notes":[],"product_status":{"fixed":["A"]}}`, "/vulnerabilities/0/cve": "CVE-2"}, change{"/vulnerabilities/-": `{"cve":"CVE-2","notes":[],"product_status":{"fixed":["A"]}}`}, []string{"6.1.23 /vulnerabilities/1/cve"}},
	{"6.1.24 the same moment in another zone", change{v0 + "/involvements": `[{"date":"2026-11-01T00:00:00Z","party":"user"},{"date":"2026-10-31T23:00:00-01:00","party":"user"}]`}, change{v0 + "/involvements": `[{"date":"2026-11-01T00:00:00Z","party":"user"},{"date":"2026-10-31T23:00:00+01:00","party":"user"}]`},
		[]string{"6.1.24 " + v0 + "/involvements/1"}},
	{"6.1.25 in one file", change{products + "/-": `{"product_id":"P","product_identification_helper":{"hashes":[{"file_hashes":[{"algorithm":"md5","value":"0"},{"algorithm":"sha1","value":"0"},{"algorithm":"md5","value":"1"}]}]}}`}, change{products + "/-": `{"product_id":"P","product_identification_helper":{"hashes":[{"file_hashes":[{"algorithm":"md5","value":"0"},{"algorithm":"sha1","value":"0"}]},{"file_hashes":[{"algorithm":"md5","value":"1"}]}]}}`},
		[]string{"6.1.25 " + products + "/2/product_identification_helper/hashes/0/file_hashes/2"}},
	{"6.1.26 the value with a dash", change{"/document/category": "csaf-security-advisory"}, change{"/document/category": "csaf security"}, []string{"6.1.26 /document/category"}},
	{"6.1.27.1 a note of another category", change{"/document/category": "csaf_informational_advisory", "/vulnerabilities": nil, "/document/references": `[{}]`, "/document/notes": `[{"category":"faq"},{"category":"other"}]`}, change{"/document/category": "csaf_informational_advisory", "/vulnerabilities": nil, "/document/references": `[{}]`, "/document/notes": `[{"category":"faq"},{"category":"general"}]`},
		[]string{"6.1.27.1 /document/notes"}},
	{"6.1.27.2 no reference", change{"/document/category": "csaf_security_incident_response", "/document/notes": `[{"category":"summary"}]`}, change{"/document/category": "csaf_security_incident_response", "/document/notes": `[{"category":"summary"}]`, "/document/references": `[{"category":"self"},{"category":"external"}]`},
		[]string{"6.1.27.2 /document/references"}},
	{"6.1.27.3 an empty list is there", change{"/document/category": "csaf_informational_advisory", "/vulnerabilities": `[]`, "/document/references": `[{}]`, "/document/notes": `[{"category":"summary"}]`}, change{"/document/category": "csaf_informational_advisory", "/vulnerabilities": nil, "/document/references": `[{}]`, "/document/notes": `[{"category":"summary"}]`},
		[]string{"6.1.27.3 /vulnerabilities"}},
	{"6.1.27.5 of the second vulnerability", change{"/vulnerabilities/-": `{"cve":"CVE-2","product_status":{"fixed":["A"]}}`}, change{"/vulnerabilities/-": `{"cve":"CVE-2","notes":[],"product_status":{"fixed":["A"]}}`}, []string{"6.1.27.5 /vulnerabilities/1/notes"}},
	{"6.1.27.6 only advisories need it", change{"/document/category": "csaf_security_advisory", "/vulnerabilities/-": `{"notes":[]}`}, change{"/document/category": "csaf_base", "/vulnerabilities/-": `{"notes":[]}`}, []string{"6.1.27.6 /vulnerabilities/1/product_status"}},
	{"6.1.27.7 an empty status", change{v0 + "/product_status": `{}`}, change{v0 + "/product_status": `{"under_investigation":["A"]}`}, []string{"6.1.27.7 " + v0 + "/product_status"}},
	{"6.1.27.8 neither id", change{"/vulnerabilities/-": `{"notes":[],"product_status":{"fixed":["A"]}}`}, change{"/vulnerabilities/-": `{"ids":[{"text":"X-1"}],"notes":[],"product_status":{"fixed":["A"]}}`}, []string{"6.1.27.8 /vulnerabilities/1"}},
	{"6.1.27.9 a group without the product", change{"/product_tree/product_groups/0/product_ids": `["B","C"]`, v0 + "/flags/0": `{"label":"component_not_present","group_ids":["G"]}`}, change{"/product_tree/product_groups/0/product_ids": `["A","C"]`, v0 + "/flags/0": `{"label":"component_not_present","group_ids":["G"]}`},
		[]string{"6.1.27.9 " + v0 + "/product_status/known_not_affected/0"}},
	{"6.1.27.10 an answer for another product", change{v0 + "/remediations/0/product_ids": `["A","B"]`}, change{v0 + "/remediations/0/product_ids": `["A","C"]`}, []string{"6.1.27.10 " + v0 + "/product_status/known_affected/0"}},
	{"6.1.28 the same language", change{"/document/lang": "de"}, change{"/document/lang": "de-AT"}, []string{"6.1.28 /document/lang"}},
	{"6.1.29 neither products nor groups", change{v0 + "/remediations/-": `{"category":"workaround","details":"d"}`}, change{v0 + "/remediations/-": `{"category":"workaround","group_ids":["G"]}`}, []string{"6.1.29 " + v0 + "/remediations/1"}},
	{"6.1.31 a range in brackets", change{"/product_tree/branches/0/branches/0/name": "4.2 (and earlier)"}, change{"/product_tree/branches/0/branches/0/name": "4.2 (and-earlier)"}, []string{"6.1.31 /product_tree/branches/0/branches/0/name"}},
	{"6.1.31 a range and a comma", change{"/product_tree/branches/0/branches/0/name": "all, but 4"}, change{"/product_tree/branches/0/branches/0/name": "overall, but 4"}, []string{"6.1.31 /product_tree/branches/0/branches/0/name"}},
	{"6.1.32 a date alone", change{v0 + "/flags/-": `{"label":"vulnerable_code_not_present","date":"2026-11-01T00:00:00Z"}`}, change{v0 + "/flags/-": `{"label":"vulnerable_code_not_present","product_ids":["B"]}`}, []string{"6.1.32 " + v0 + "/flags/1"}},
	{"6.1.33 the same justification twice", change{v0 + "/flags/-": `{"label":"component_not_present","product_ids":["B","A"]}`}, change{v0 + "/flags/-": `{"label":"component_not_present","product_ids":["B","C"]}`}, []string{"6.1.33 " + v0 + "/flags/1"}},
}

func TestNearestDocumentsPass(t *testing.T) {
	for _, n := range neighbours {
		if got := failing(parsed(t, changed(t, n.fails))); !slices.Equal(got, n.want) {
			t.Errorf("%s: fails %q, want %q", n.name, got, n.want)
		}
		if got := failing(parsed(t, changed(t, n.passes))); len(got) > 0 {
			t.Errorf("%s: what is beside it fails %q", n.name, got)
		}
	}
}

// TestContradictingStatusesAreThoseOfTheStandard asks of each pair of groups whether a
// product may be in both: the four contradiction groups of 6.1.6, and "recommended",
// which is in none.
func TestContradictingStatusesAreThoseOfTheStandard(t *testing.T) {
	meaning := map[string]string{
		"first_affected": "affected", "known_affected": "affected", "last_affected": "affected",
		"known_not_affected": "not affected", "first_fixed": "fixed", "fixed": "fixed",
		"under_investigation": "open", "recommended": "",
	}
	names := slices.Sorted(maps.Keys(meaning))
	for i, a := range names {
		for _, b := range names[i+1:] {
			raw := changed(t, change{
				v0 + "/product_status": fmt.Sprintf(`{"%s":["B","C"],"%s":["A","C"]}`, a, b), v0 + "/scores": `[]`,
				v0 + "/flags/0": `{"label":"component_not_present","product_ids":["A","B","C"]}`, v0 + "/remediations/0": `{"category":"mitigation","product_ids":["A","B","C"]}`,
			})
			got := slices.ContainsFunc(parsed(t, raw).Violations(), func(v Violation) bool { return v.Test == "6.1.6" })
			if want := meaning[a] != "" && meaning[b] != "" && meaning[a] != meaning[b]; got != want {
				t.Errorf("%s and %s: contradiction %v", a, b, got)
			}
		}
	}
}

// TestProfilesAskForTheirOwnParts takes parts away from a document of each category.
func TestProfilesAskForTheirOwnParts(t *testing.T) {
	for part, c := range map[string]struct {
		changes change
		vex     string // the tests that a VEX fails
		sa      string // a security advisory
		base    string // one of no profile
	}{
		"nothing":                {change{}, "", "", ""},
		"the product tree":       {change{"/product_tree": nil, "/vulnerabilities": `[]`}, "6.1.27.4", "6.1.27.4", ""},
		"the vulnerabilities":    {change{"/vulnerabilities": nil}, "6.1.27.11", "6.1.27.11", ""},
		"the notes":              {change{v0 + "/notes": nil}, "6.1.27.5", "6.1.27.5", ""},
		"the product status":     {change{v0 + "/product_status": nil}, "6.1.27.7", "6.1.27.6", ""},
		"the ids":                {change{v0 + "/cve": nil}, "6.1.27.8", "", ""},
		"the impact statements":  {change{v0 + "/flags": nil, v0 + "/threats": nil}, "6.1.27.9 6.1.27.9", "", ""},
		"the action statements":  {change{v0 + "/remediations": nil}, "6.1.27.10", "", ""},
		"all but a status":       {change{v0: `{"product_status":{"known_affected":["C"],"known_not_affected":["A"]}}`}, "6.1.27.5 6.1.27.8 6.1.27.9 6.1.27.10", "6.1.27.5", ""},
		"threats of other kinds": {change{v0 + "/flags": nil, v0 + "/threats/0": `{"category":"exploit_status","product_ids":["A","AB"]}`}, "6.1.27.9 6.1.27.9", "", ""},
	} {
		for category, want := range map[string]string{profileVEX: c.vex, profileAdvisory: c.sa, "csaf_base": c.base, "Acme Notice": c.base} {
			changes := maps.Clone(c.changes)
			changes["/document/category"] = category
			var got []string
			for _, v := range parsed(t, changed(t, changes)).Violations() {
				got = append(got, v.Test)
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s without %s: fails %q, want %q", category, part, got, want)
			}
		}
	}
}

// TestEveryTestHasItsPlace: tests run in the order of the standard, each once, and what
// is only reported is what no claim rests on.
func TestEveryTestHasItsPlace(t *testing.T) {
	var order []string
	for i := 1; i <= 33; i++ {
		if i != 27 {
			order = append(order, fmt.Sprintf("6.1.%d", i))
			continue
		}
		for j := 1; j <= 11; j++ {
			order = append(order, fmt.Sprintf("6.1.27.%d", j))
		}
	}
	for i, m := range mandatory {
		if i >= len(order) || m.number != order[i] {
			t.Fatalf("%s stands at %d", m.number, i)
		}
	}
	// Products, their identification and status, drafts and flags decide on claims.
	for _, test := range []string{"6.1.1", "6.1.2", "6.1.3", "6.1.4", "6.1.5", "6.1.6", "6.1.13", "6.1.17", "6.1.18", "6.1.19", "6.1.20", "6.1.23", "6.1.25", "6.1.26", "6.1.27.9", "6.1.29", "6.1.31", "6.1.32", "6.1.33"} {
		if !(Violation{Test: test}).Refuses() {
			t.Errorf("%s is only reported", test)
		}
	}
	if len(mandatory) != len(order) || len(cosmetic) != 14 {
		t.Errorf("%d tests, of which %d refuse nothing", len(mandatory), len(cosmetic))
	}
}
