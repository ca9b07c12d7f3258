package csaf

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// base is a CSAF VEX that passes every test.
const base = `{"document":{"category":"csaf_vex","csaf_version":"2.0","lang":"en-US","source_lang":"de",
	"publisher":{"category":"vendor","name":"Acme","namespace":"https://acme.example"},
	"tracking":{"id":"A-1","status":"final","version":"2","current_release_date":"2026-11-02T00:00:00Z",
		"revision_history":[{"date":"2026-11-01T00:00:00Z","number":"1"},{"date":"2026-11-02T00:00:00Z","number":"2"}]}},
	"product_tree":{
		"branches":[{"category":"vendor","name":"Acme","branches":[{"category":"product_version","name":"1","product":{"product_id":"A","product_identification_helper":{"purl":"pkg:npm/a@1"}}}]}],
		"full_product_names":[{"product_id":"B"},{"product_id":"C"}],
		"product_groups":[{"group_id":"G","product_ids":["A","B"]}],
		"relationships":[{"category":"installed_on","product_reference":"A","relates_to_product_reference":"B","full_product_name":{"product_id":"AB"}}]},
	"vulnerabilities":[{"cve":"CVE-1","cwe":{"id":"CWE-79","name":"Improper Neutralization of Input During Web Page Generation ('Cross-site Scripting')"},"notes":[{"category":"summary"}],
		"involvements":[{"date":"2026-11-01T00:00:00Z","party":"vendor"},{"party":"vendor"},{"party":"vendor"},{"date":"2026-11-01T00:00:00Z","party":"other"}],
		"product_status":{"known_not_affected":["A","AB"],"known_affected":["C"],"recommended":["A"]},
		"flags":[{"label":"component_not_present","product_ids":["A"]}],"threats":[{"category":"impact","product_ids":["AB"]}],
		"remediations":[{"category":"mitigation","product_ids":["C"]}],
		"scores":[{"products":["C"],"cvss_v3":{"version":"3.1","vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H","baseScore":9.8,"baseSeverity":"CRITICAL","attackVector":"NETWORK"},
			"cvss_v2":{"version":"2.0","vectorString":"AV:N/AC:L/Au:N/C:C/I:C/A:C","baseScore":10,"accessVector":"NETWORK"}}]}]}`

// changed is the base with values at JSON pointers replaced or, by "-" at the end of a
// list, added; nil takes one away.
func changed(t testing.TB, changes map[string]any) []byte {
	t.Helper()
	var doc any
	if err := json.Unmarshal([]byte(base), &doc); err != nil {
		t.Fatal(err)
	}
	for at, value := range changes {
		if text, ok := value.(string); ok && json.Valid([]byte(text)) && strings.ContainsAny(text[:1], "[{") {
			value = json.RawMessage(text)
		}
		parts := strings.Split(at[1:], "/")
		set(t, &doc, parts, value)
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func set(t testing.TB, at *any, parts []string, value any) {
	t.Helper()
	switch v := (*at).(type) {
	case map[string]any:
		if len(parts) == 1 {
			if v[parts[0]] = value; value == nil {
				delete(v, parts[0])
			}
			return
		}
		child := v[parts[0]]
		set(t, &child, parts[1:], value)
		v[parts[0]] = child
	case []any:
		i, err := strconv.Atoi(parts[0])
		switch {
		case parts[0] == "-":
			*at = append(v, value)
		case err != nil || i >= len(v):
			t.Fatalf("no %v", parts)
		case len(parts) == 1:
			v[i] = value
		default:
			set(t, &v[i], parts[1:], value)
		}
	default:
		t.Fatalf("no %v", parts)
	}
}

const (
	v0       = "/vulnerabilities/0"
	scored   = v0 + "/scores/0"
	tracked  = "/document/tracking"
	products = "/product_tree/full_product_names"
)

// breaches are changes that break one test each, with the place that is named. Many
// are the examples of section 6.1.
var breaches = []struct {
	test, at string
	changes  map[string]any
}{
	{
		test: "6.1.1", at: "/product_tree/product_groups/0/product_ids/1",
		changes: map[string]any{
			"/product_tree/product_groups/0/product_ids": `["A","X"]`,
		},
	},
	{
		test: "6.1.1", at: "/product_tree/relationships/0/product_reference",
		changes: map[string]any{
			"/product_tree/relationships/0/product_reference": "X",
		},
	},
	{
		test: "6.1.1", at: "/product_tree/relationships/0/relates_to_product_reference",
		changes: map[string]any{
			"/product_tree/relationships/0/relates_to_product_reference": "X",
		},
	},
	{
		test: "6.1.1", at: v0 + "/product_status/fixed/0",
		changes: map[string]any{
			v0 + "/product_status/fixed": `["X"]`,
		},
	},
	{
		test: "6.1.1", at: v0 + "/product_status/recommended/0",
		changes: map[string]any{
			v0 + "/product_status/recommended": `["X"]`,
		},
	},
	{
		test: "6.1.1", at: v0 + "/flags/1/product_ids/0",
		changes: map[string]any{
			v0 + "/flags/-": `{"label":"component_not_present","product_ids":["X"]}`,
		},
	},
	{
		test: "6.1.1", at: v0 + "/threats/1/product_ids/0",
		changes: map[string]any{
			v0 + "/threats/-": `{"category":"impact","product_ids":["X"]}`,
		},
	},
	{
		test: "6.1.1", at: v0 + "/remediations/1/product_ids/1",
		changes: map[string]any{
			v0 + "/remediations/-": `{"category":"impact","product_ids":["A","X"]}`,
		},
	},
	{
		test: "6.1.1", at: scored + "/products/0",
		changes: map[string]any{
			scored + "/products": `["X"]`,
		},
	},
	{
		test: "6.1.2", at: products + "/2/product_id",
		changes: map[string]any{
			products + "/-": `{"product_id":"A"}`,
		},
	},
	{
		test: "6.1.2", at: "/product_tree/relationships/1/full_product_name/product_id",
		changes: map[string]any{
			"/product_tree/relationships/-": `{"product_reference":"A","relates_to_product_reference":"B","full_product_name":{"product_id":"AB"}}`,
		},
	},
	{
		test: "6.1.3", at: "/product_tree/relationships/1/full_product_name/product_id",
		changes: map[string]any{
			"/product_tree/relationships/-": `{"product_reference":"A","relates_to_product_reference":"O","full_product_name":{"product_id":"O"}}`,
		},
	},
	{
		test: "6.1.4", at: v0 + "/flags/1/group_ids/0",
		changes: map[string]any{
			v0 + "/flags/-": `{"label":"x","group_ids":["X"]}`,
		},
	},
	{
		test: "6.1.4", at: v0 + "/threats/1/group_ids/0",
		changes: map[string]any{
			v0 + "/threats/-": `{"category":"x","group_ids":["X"]}`,
		},
	},
	{
		test: "6.1.4", at: v0 + "/remediations/1/group_ids/1",
		changes: map[string]any{
			v0 + "/remediations/-": `{"category":"x","group_ids":["G","X"]}`,
		},
	},
	{
		test: "6.1.5", at: "/product_tree/product_groups/1/group_id",
		changes: map[string]any{
			"/product_tree/product_groups/-": `{"group_id":"G","product_ids":["C"]}`,
		},
	},
	{
		test: "6.1.6", at: v0 + "/product_status/known_not_affected/0",
		changes: map[string]any{
			v0 + "/product_status/fixed": `["A"]`,
		},
	},
	{
		test: "6.1.6", at: v0 + "/product_status/last_affected/0",
		changes: map[string]any{
			v0 + "/product_status/last_affected": `["A"]`,
		},
	},
	{
		test: "6.1.6", at: v0 + "/product_status/under_investigation/1",
		changes: map[string]any{
			v0 + "/product_status/under_investigation": `["B","C"]`,
		},
	},
	{
		test: "6.1.7", at: v0 + "/scores/1/products/0",
		changes: map[string]any{
			v0 + "/scores/-": `{"products":["C"],"cvss_v3":{"version":"3.1","vectorString":"CVSS:3.1/AV:L/AC:L/PR:H/UI:R/S:U/C:H/I:H/A:H","baseScore":6.5,"baseSeverity":"MEDIUM"}}`,
		},
	},
	{
		test: "6.1.8", at: scored + "/cvss_v3/baseSeverity",
		changes: map[string]any{
			scored + "/cvss_v3/baseSeverity": nil,
		},
	},
	{
		test: "6.1.8", at: scored + "/cvss_v2/baseScore",
		changes: map[string]any{
			scored + "/cvss_v2/baseScore": nil,
		},
	},
	{
		test: "6.1.8", at: scored + "/cvss_v3",
		changes: map[string]any{
			scored + "/cvss_v3/vectorString": "CVSS:3.1/AV:N",
		},
	},
	{
		test: "6.1.8", at: scored + "/cvss_v3",
		changes: map[string]any{
			scored + "/cvss_v3/version": "4.0",
		},
	},
	{
		test: "6.1.8", at: scored + "/cvss_v3/attackVector",
		changes: map[string]any{
			scored + "/cvss_v3/attackVector": "SPACE",
		},
	},
	{
		test: "6.1.8", at: scored + "/cvss_v3/temporalScore",
		changes: map[string]any{
			scored + "/cvss_v3/temporalScore": "high",
		},
	},
	{
		test: "6.1.9", at: scored + "/cvss_v3/baseScore",
		changes: map[string]any{
			scored + "/cvss_v3/baseScore": 6.5,
		},
	},
	{
		test: "6.1.9", at: scored + "/cvss_v3/baseSeverity",
		changes: map[string]any{
			scored + "/cvss_v3/baseSeverity": "LOW",
		},
	},
	{
		test: "6.1.9", at: scored + "/cvss_v2/environmentalScore",
		changes: map[string]any{
			scored + "/cvss_v2/environmentalScore": 1.0,
		},
	},
	{
		test: "6.1.10", at: scored + "/cvss_v3/attackVector",
		changes: map[string]any{
			scored + "/cvss_v3/attackVector": "LOCAL",
		},
	},
	{
		test: "6.1.10", at: scored + "/cvss_v3/modifiedScope",
		changes: map[string]any{
			scored + "/cvss_v3/modifiedScope": "CHANGED",
		},
	},
	{
		test: "6.1.10", at: scored + "/cvss_v2/accessVector",
		changes: map[string]any{
			scored + "/cvss_v2/accessVector": "LOCAL",
		},
	},
	{
		test: "6.1.11", at: v0 + "/cwe/name",
		changes: map[string]any{
			v0 + "/cwe/name": "Improper Input Validation",
		},
	},
	{
		test: "6.1.11", at: v0 + "/cwe/id",
		changes: map[string]any{
			v0 + "/cwe/id": "CWE-99999",
		},
	},
	{
		test: "6.1.11", at: v0 + "/cwe/id",
		changes: map[string]any{
			v0 + "/cwe/id": "CWE-79\tx",
		},
	},
	{
		test: "6.1.12", at: "/document/lang",
		changes: map[string]any{
			"/document/lang": "EZ",
		},
	},
	{
		test: "6.1.12", at: "/document/source_lang",
		changes: map[string]any{
			"/document/source_lang": "en-DF",
		},
	},
	{
		test: "6.1.12", at: "/document/lang",
		changes: map[string]any{
			"/document/lang": "english",
		},
	},
	{
		test: "6.1.13", at: products + "/2/product_identification_helper/purl",
		changes: map[string]any{
			products + "/-": `{"product_id":"P","product_identification_helper":{"purl":"pkg:maven/@1.3.4"}}`,
		},
	},
	{
		test: "6.1.13", at: products + "/2/product_identification_helper/purl",
		changes: map[string]any{
			products + "/-": `{"product_id":"P","product_identification_helper":{"purl":""}}`,
		},
	},
	{
		test: "6.1.14", at: tracked + "/revision_history",
		changes: map[string]any{
			tracked + "/version":          "1.1.0",
			tracked + "/revision_history": `[{"date":"2026-11-01T00:00:00Z","number":"1.0.0"},{"date":"2026-11-02T00:00:00Z","number":"1.2.0"},{"date":"2026-11-03T00:00:00Z","number":"1.1.0"}]`,
		},
	},
	{
		test: "6.1.15", at: "/document/source_lang",
		changes: map[string]any{
			"/document/publisher/category": "translator",
			"/document/source_lang":        nil,
		},
	},
	{
		test: "6.1.16", at: tracked + "/version",
		changes: map[string]any{
			tracked + "/version": "1",
		},
	},
	{
		test: "6.1.17", at: tracked + "/status",
		changes: map[string]any{
			tracked + "/version":          "0.9.5",
			tracked + "/status":           "x",
			tracked + "/revision_history": `[{"date":"2026-11-01T00:00:00Z","number":"0.9.5"}]`,
		},
	},
	{
		test: "6.1.18", at: tracked + "/revision_history/0/number",
		changes: map[string]any{
			tracked + "/revision_history": `[{"date":"2026-11-01T00:00:00Z","number":"0"},{"date":"2026-11-02T00:00:00Z","number":"1"}]`,
			tracked + "/version":          "1",
		},
	},
	{
		test: "6.1.19", at: tracked + "/revision_history/0/number",
		changes: map[string]any{
			tracked + "/revision_history": `[{"date":"2026-11-01T00:00:00Z","number":"1.0.0-rc"},{"date":"2026-11-02T00:00:00Z","number":"1.0.0"}]`,
			tracked + "/version":          "1.0.0",
		},
	},
	{
		test: "6.1.20", at: tracked + "/version",
		changes: map[string]any{
			tracked + "/status":           "interim",
			tracked + "/version":          "2.0.0-alpha",
			tracked + "/revision_history": `[{"date":"2026-11-01T00:00:00Z","number":"1.0.0"}]`,
		},
	},
	{
		test: "6.1.21", at: tracked + "/revision_history",
		changes: map[string]any{
			tracked + "/revision_history": `[{"date":"2026-11-01T00:00:00Z","number":"1"},{"date":"2026-11-02T00:00:00Z","number":"3"}]`,
			tracked + "/version":          "3",
		},
	},
	{
		test: "6.1.21", at: tracked + "/revision_history",
		changes: map[string]any{
			tracked + "/revision_history": `[{"date":"2026-11-01T00:00:00Z","number":"2"}]`,
		},
	},
	{
		test: "6.1.22", at: tracked + "/revision_history/1/number",
		changes: map[string]any{
			tracked + "/revision_history/1/number": "1",
			tracked + "/version":                   "1",
		},
	},
	{
		test: "6.1.23", at: "/vulnerabilities/1/cve",
		changes: map[string]any{
			"/vulnerabilities/-": `{"cve":"CVE-1","notes":[],"product_status":{"fixed":["A"]}}`,
		},
	},
	{
		test: "6.1.24", at: v0 + "/involvements/4",
		changes: map[string]any{
			v0 + "/involvements/-": `{"date":"2026-11-01T01:00:00+01:00","party":"vendor"}`,
		},
	},
	{
		test: "6.1.25", at: products + "/2/product_identification_helper/hashes/1/file_hashes/1",
		changes: map[string]any{
			products + "/-": `{"product_id":"P","product_identification_helper":{"hashes":[{"file_hashes":[{"algorithm":"sha256","value":"00"}]},{"file_hashes":[{"algorithm":"sha256","value":"00"},{"algorithm":"sha256","value":"01"}]}]}}`,
		},
	},
	{
		test: "6.1.27.1", at: "/document/notes",
		changes: map[string]any{
			"/document/category":   "csaf_security_incident_response",
			"/document/references": `[{"category":"external"}]`,
			"/document/notes":      `[{"category":"legal_disclaimer"}]`,
		},
	},
	{
		test: "6.1.27.2", at: "/document/references",
		changes: map[string]any{
			"/document/category":   "csaf_security_incident_response",
			"/document/references": `[{"category":"self"}]`,
			"/document/notes":      `[{"category":"details"}]`,
		},
	},
	{
		test: "6.1.27.3", at: "/vulnerabilities",
		changes: map[string]any{
			"/document/category":   "csaf_informational_advisory",
			"/document/references": `[{}]`,
			"/document/notes":      `[{"category":"details"}]`,
		},
	},
	{
		test: "6.1.27.4", at: "/product_tree",
		changes: map[string]any{
			"/product_tree":    nil,
			"/vulnerabilities": `[]`,
		},
	},
	{
		test: "6.1.27.5", at: v0 + "/notes",
		changes: map[string]any{
			v0 + "/notes": nil,
		},
	},
	{
		test: "6.1.27.6", at: v0 + "/product_status",
		changes: map[string]any{
			"/document/category":   "csaf_security_advisory",
			v0 + "/product_status": nil,
		},
	},
	{
		test: "6.1.27.7", at: v0 + "/product_status",
		changes: map[string]any{
			v0 + "/product_status": `{"first_fixed":["A"],"recommended":["A"]}`,
		},
	},
	{
		test: "6.1.27.7", at: v0 + "/product_status",
		changes: map[string]any{
			v0 + "/product_status": nil,
		},
	},
	{
		test: "6.1.27.8", at: v0,
		changes: map[string]any{
			v0 + "/cve": nil,
		},
	},
	{
		test: "6.1.27.9", at: v0 + "/product_status/known_not_affected/1",
		changes: map[string]any{
			v0 + "/threats/0/category": "target_set",
		},
	},
	{
		test: "6.1.27.9", at: v0 + "/product_status/known_not_affected/0",
		changes: map[string]any{
			v0 + "/flags": nil,
		},
	},
	{
		test: "6.1.27.10", at: v0 + "/product_status/known_affected/0",
		changes: map[string]any{
			v0 + "/remediations": nil,
		},
	},
	{
		test: "6.1.27.10", at: v0 + "/product_status/known_affected/0",
		changes: map[string]any{
			v0 + "/remediations/0": `{"group_ids":["G"]}`,
		},
	},
	{
		test: "6.1.27.11", at: "/vulnerabilities",
		changes: map[string]any{
			"/vulnerabilities": nil,
		},
	},
	{
		test: "6.1.28", at: "/document/lang",
		changes: map[string]any{
			"/document/source_lang": "en-US",
		},
	},
	{
		test: "6.1.29", at: v0 + "/remediations/1",
		changes: map[string]any{
			v0 + "/remediations/-": `{"category":"no_fix_planned"}`,
		},
	},
	{
		test: "6.1.30", at: tracked + "/revision_history/0/number",
		changes: map[string]any{
			tracked + "/revision_history/0/number": "1.0.0",
		},
	},
	{
		test: "6.1.31", at: "/product_tree/branches/0/branches/0/name",
		changes: map[string]any{
			"/product_tree/branches/0/branches/0/name": "prior to 4.2",
		},
	},
	{
		test: "6.1.31", at: "/product_tree/branches/0/branches/0/name",
		changes: map[string]any{
			"/product_tree/branches/0/branches/0/name": "<=4",
		},
	},
	{
		test: "6.1.32", at: v0 + "/flags/1",
		changes: map[string]any{
			v0 + "/flags/-": `{"label":"component_not_present"}`,
		},
	},
	{
		test: "6.1.33", at: v0 + "/flags/1",
		changes: map[string]any{
			v0 + "/flags/-": `{"label":"vulnerable_code_not_present","group_ids":["G"]}`,
		},
	},
}

func parsed(t testing.TB, raw []byte) *Document {
	t.Helper()
	d, err := Parse(raw)
	if err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	return d
}

func TestTheBasePassesEveryTest(t *testing.T) {
	if v := parsed(t, []byte(base)).Violations(); len(v) > 0 {
		t.Fatal(v)
	}
	a, err := Read([]byte(base))
	if err != nil || len(a.Claims) != 3 {
		t.Fatalf("%+v, %v", a, err)
	}
}

// TestEachMandatoryTestFindsItsBreach has a document for each test that fails it, and
// no other.
func TestEachMandatoryTestFindsItsBreach(t *testing.T) {
	seen := map[string]bool{}
	for _, b := range breaches {
		seen[b.test] = true
		raw := changed(t, b.changes)
		found := parsed(t, raw).Violations()
		if b.test == "6.1.20" { // such a version is not the last one, and one of a draft
			found = slices.DeleteFunc(found, func(v Violation) bool { return v.Test == "6.1.16" || v.Test == "6.1.17" })
		}
		if len(found) != 1 || found[0].Test != b.test || found[0].At != b.at {
			t.Errorf("%s at %s: got %v\n%v", b.test, b.at, found, b.changes)
			continue
		}
		a, err := Read(raw)
		refuses := found[0].Refuses()
		switch {
		case refuses && (err == nil || !strings.Contains(err.Error(), "mandatory test "+b.test+" fails at "+b.at)):
			t.Errorf("%s: not refused: %v", b.test, err)
		case !refuses && (err != nil || len(a.Claims) != 3 || len(a.Violations) != 1):
			t.Errorf("%s: %+v, %v", b.test, a, err)
		}
	}
	for _, m := range mandatory {
		if !seen[m.number] && m.number != "6.1.26" {
			t.Errorf("nothing fails %s", m.number)
		}
	}
}

// TestProhibitedCategoryNames are the examples of 6.1.26.
func TestProhibitedCategoryNames(t *testing.T) {
	for category, fails := range map[string]bool{
		"Csaf_a": true, "Informational Advisory": true, "security-incident-response": true, "Security      Advisory": true, "veX": true, "V_eX": true,
		"Security_Incident_Response": true, "csaf_Base": true, "csaf-vex": true,
		"csaf_base": false, "Example Company Security Notice": false, "vexed": false, "csaf_security_advisory": false,
	} {
		found := parsed(t, changed(t, map[string]any{"/document/category": category})).Violations()
		if (len(found) == 1 && found[0].Test == "6.1.26" && found[0].At == "/document/category") != fails || !fails && len(found) > 0 {
			t.Errorf("%q: %v", category, found)
		}
	}
}

// TestWhatLooksLikeABreachAndIsNone has documents that pass.
func TestWhatLooksLikeABreachAndIsNone(t *testing.T) {
	for name, changes := range map[string]map[string]any{
		"a product that is recommended and affected": {
			v0 + "/product_status/recommended": `["C"]`,
		},
		"scores of two versions": {
			v0 + "/scores/-": `{"products":["C"],"cvss_v3":{"version":"3.0","vectorString":"CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H","baseScore":9.8,"baseSeverity":"CRITICAL"}}`,
		},
		"a severity of none": {
			scored + "/cvss_v3": `{"version":"3.1","vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N","baseScore":0,"baseSeverity":"NONE"}`,
		},
		"all scores": {
			scored + "/cvss_v3": `{"version":"3.1","vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H/E:P/RL:O/RC:C","baseScore":9.8,"baseSeverity":"CRITICAL","temporalScore":8.8,"temporalSeverity":"HIGH","environmentalScore":8.8,"environmentalSeverity":"HIGH","exploitCodeMaturity":"PROOF_OF_CONCEPT"}`,
		},
		"a metric that is not defined": {
			scored + "/cvss_v3/modifiedScope": "NOT_DEFINED",
		},
		"an older name of a weakness": {
			v0 + "/cwe/name": "Failure to Preserve Web Page Structure ('Cross-site Scripting')",
		},
		"a language with all parts": {
			"/document/lang": "zh-Hant-TW-x-private",
		},
		"the default language": {
			"/document/lang": "i-default",
		},
		"a private language": {
			"/document/lang": "x-acme",
		},
		"a translation into another dialect": {
			"/document/source_lang": "en-GB",
		},
		"revisions in another order": {
			tracked + "/revision_history": `[{"date":"2026-11-02T01:00:00+02:00","number":"1"},{"date":"2026-11-02T00:00:00Z","number":"2"}]`,
		},
		"revisions of one moment": {
			tracked + "/revision_history/0/date": "2026-11-02T00:00:00Z",
		},
		"build metadata": {
			tracked + "/version":          "1.1.0+a",
			tracked + "/revision_history": `[{"date":"2026-11-01T00:00:00Z","number":"1.0.0"},{"date":"2026-11-02T00:00:00Z","number":"1.1.0+b"}]`,
		},
		"a draft of a version": {
			tracked + "/version":          "1.0.0-rc.1",
			tracked + "/status":           "draft",
			tracked + "/revision_history": `[{"date":"2026-11-01T00:00:00Z","number":"0.1.0"},{"date":"2026-11-02T00:00:00Z","number":"1.0.0"}]`,
		},
		"version 0 of a draft": {
			tracked + "/version":          "0",
			tracked + "/status":           "draft",
			tracked + "/revision_history": `[{"date":"2026-11-01T00:00:00Z","number":"0"}]`,
		},
		"ten versions": {
			tracked + "/version":          "1.10.0",
			tracked + "/revision_history": `[{"date":"2026-11-01T00:00:00Z","number":"1.9.0"},{"date":"2026-11-02T00:00:00Z","number":"1.10.0"}]`,
		},
		"two hashes of different algorithms": {
			products + "/-": `{"product_id":"P","product_identification_helper":{"hashes":[{"file_hashes":[{"algorithm":"sha256","value":"00"},{"algorithm":"sha512","value":"01"}]}]}}`,
		},
		"a version with a word in it": {
			"/product_tree/branches/0/branches/0/name": "after-eight",
		},
		"a range in its own category": {
			"/product_tree/branches/0/branches/0/name":     "<4.2",
			"/product_tree/branches/0/branches/0/category": "product_version_range",
		},
		"an impact statement through a group": {
			v0 + "/flags/0": `{"label":"component_not_present","group_ids":["G"]}`,
		},
		"a flag that is no justification": {
			v0 + "/flags/-": `{"label":"seen","product_ids":["A"]}`,
		},
		"a product twice in one flag": {
			v0 + "/flags/0": `{"label":"component_not_present","group_ids":["G"],"product_ids":["A"]}`,
		},
		"an advisory without action statements": {
			"/document/category": "csaf_security_advisory",
			v0 + "/remediations": nil,
		},
		"an advisory with ids alone": {
			v0 + "/cve": nil,
			v0 + "/ids": `[{"text":"GHSA-1"}]`,
		},
		"a relationship of a relationship": {
			"/product_tree/relationships/-": `{"product_reference":"AB","relates_to_product_reference":"C","full_product_name":{"product_id":"ABC"}}`,
		},
		"two relationships that need each other's products": {
			"/product_tree/relationships/-": `{"product_reference":"B","relates_to_product_reference":"AB","full_product_name":{"product_id":"BAB"}}`,
		},
	} {
		if found := parsed(t, changed(t, changes)).Violations(); len(found) > 0 {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// TestFilesOfTheStandard has the committee's own files: those numbered up to 10 fail
// the test that their name ends with, the others pass all.
func TestFilesOfTheStandard(t *testing.T) {
	name := regexp.MustCompile(`2021-(6-1-[0-9-]+)-(\d\d)\.json$`)
	files, err := filepath.Glob("testdata/mandatory/*.json")
	if err != nil || len(files) < 20 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m := name.FindStringSubmatch(file)
		test := strings.ReplaceAll(strings.ReplaceAll(m[1], "-0", "-"), "-", ".")
		found := parsed(t, raw).Violations()
		failed := slices.ContainsFunc(found, func(v Violation) bool { return v.Test == test })
		if want := m[2] <= "10"; failed != want || !want && len(found) > 0 {
			t.Errorf("%s: %v", file, found)
		}
		// They say nothing of a product. The error names the test all the same.
		if _, err := Read(raw); err == nil || failed != strings.Contains(err.Error(), "mandatory test "+test+" fails") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestFewViolationsAreKept(t *testing.T) {
	missing := make([]string, 50)
	for i := range missing {
		missing[i] = `"X` + strconv.Itoa(i) + `"`
	}
	found := parsed(t, changed(t, map[string]any{v0 + "/product_status/fixed": `[` + strings.Join(missing, ",") + `]`})).Violations()
	if len(found) != 3 {
		t.Errorf("%d violations", len(found))
	}
	if v := (Violation{"6.1.1", "", "x"}); v.Error() != "mandatory test 6.1.1 fails at the document: x" {
		t.Error(v)
	}
}
