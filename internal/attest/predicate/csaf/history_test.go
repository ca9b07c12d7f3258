package csaf

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// revised is the base with a status, a version, and a revision history of "number@day"
// in the order of the document.
func revised(t *testing.T, status, version, history string) *Document {
	t.Helper()
	revisions := []revision{}
	for entry := range strings.FieldsSeq(history) {
		number, day, _ := strings.Cut(entry, "@")
		revisions = append(revisions, revision{Date: fmt.Sprintf("2026-11-%02sT00:00:00Z", day), Number: number})
	}
	raw, err := json.Marshal(revisions)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(`"Date"`, `"date"`, `"Number"`, `"number"`).Replace(string(raw))
	return parsed(t, changed(t, change{tracked + "/status": status, tracked + "/version": version, tracked + "/revision_history": text}))
}

// TestTracking holds status, version and revision history against 6.1.14, 6.1.16 to
// 6.1.22 and 6.1.30 together, and has every test that is failed, in their order.
func TestTracking(t *testing.T) {
	for _, c := range []struct{ status, version, history, fails string }{
		// Integers.
		{"final", "1", "1@1", ""},
		{"interim", "2", "1@1 2@2", ""},
		{"final", "2", "2@2 1@1", ""}, // in any order of the document
		{"draft", "0", "0@1", ""},
		{"draft", "1", "0@1 1@2", ""},
		{"final", "10", "1@1 2@2 3@3 4@4 5@5 6@6 7@7 8@8 9@9 10@10", ""}, // 10 comes after 9
		{"final", "1", "2@2 1@1", "16"},
		{"final", "2", "1@1", "16"},
		{"final", "1", "1@2 2@1", "14 21"},
		{"final", "3", "1@1 3@2", "21"},
		{"final", "2", "2@1", "21"},
		{"draft", "2", "0@1 2@2", "21"},
		{"final", "1", "0@1 1@2", "18"},
		{"interim", "1", "0@1 1@2", "18"},
		{"final", "0", "0@1", "17 18"},
		{"interim", "0", "0@1", "17 18"},
		{"final", "2", "1@1 2@2 2@2", "22"},
		{"final", "2", "1@1 2@2 2@3", "22"},
		{"final", "1", "1@1 1@2 1@3", "22 22"},
		// Semantic versions.
		{"final", "1.0.0", "1.0.0@1", ""},
		{"final", "1.2.3", "1.0.0@1 1.2.3@2", ""}, // minor versions may be left out
		{"final", "2.0.0", "1.5.0@1 2.0.0@2", ""},
		{"final", "1.10.0", "1.9.0@1 1.10.0@2", ""},
		{"draft", "0.1.0", "0.1.0@1", ""},
		{"draft", "1.0.0", "0.9.0@1 1.0.0@2", ""},
		{"draft", "1.0.0-rc.1", "0.9.0@1 1.0.0@2", ""},
		{"draft", "1.0.0-rc.1+b5", "1.0.0+b7@1", ""},
		{"final", "1.0.0+b5", "1.0.0+b7@1", ""},
		{"final", "1.0.0", "1.0.1@1", "16"},
		{"final", "1.0.0", "1.1.0@1", "16"},
		{"draft", "1.0.0-rc.1", "1.0.1@1", "16"},
		{"final", "1.1.0", "1.0.0@1 1.2.0@2 1.1.0@3", "14"},
		{"final", "3.0.0", "1.0.0@1 3.0.0@2", "21"},
		{"final", "2.0.0", "2.0.0@1", "21"},
		{"final", "0.9.9", "0.9.9@1", "17 18"},
		{"final", "1.0.0", "0.9.0@1 1.0.0@2", "18"},
		{"final", "1.0.0", "1.0.0-rc@1 1.0.0@2", "19"},
		{"draft", "1.0.0-rc", "1.0.0-rc@1", "19"},
		{"final", "1.0.0-rc", "1.0.0-rc@1", "17 19 20"},
		{"final", "1.0.0-rc", "1.0.0@1", "16 17 20"},
		{"interim", "1.0.0-0", "1.0.0@1", "16 17 20"},
		{"final", "1.0.0", "1.0.0@1 1.0.0@2", "22"},
		{"final", "1.0.0", "1.0.0+a@1 1.0.0+b@1", ""}, // two builds are two numbers
		// Both, or neither.
		{"final", "1", "1.0.0@1", "16 30"},
		{"final", "1.0.0", "1@1", "16 30"},
		{"final", "2.0.0", "1@1 2.0.0@2", "30"},
		{"final", "2", "1.0.0@1 2@2", "30"},
	} {
		var got []string
		for _, v := range revised(t, c.status, c.version, c.history).Violations() {
			got = append(got, strings.TrimPrefix(v.Test, "6.1."))
		}
		if strings.Join(got, " ") != c.fails {
			t.Errorf("%s %s with %s: fails %q, want %q", c.status, c.version, c.history, got, c.fails)
		}
	}
}

// TestRevisionsNamePlaces: the place is that of the document, also where the history is
// sorted for the test.
func TestRevisionsNamePlaces(t *testing.T) {
	const history = tracked + "/revision_history"
	for _, c := range []struct{ status, version, history, want string }{
		{"final", "2", "2@3 0@1 1@2", "6.1.18 " + history + "/1/number"},
		{"final", "2.0.0", "2.0.0@3 1.0.0@1 2.0.0-rc@2", "6.1.19 " + history + "/2/number"},
		{"final", "2", "2@3 1@1 2@2", "6.1.22 " + history + "/2/number"},
		{"final", "2", "2@3 1.0.0@1", "6.1.30 " + history + "/1/number"},
		{"final", "3", "3@3 1@1", "6.1.21 " + history},
		{"final", "4", "3@3 1@1 2@2", "6.1.16 " + tracked + "/version"},
	} {
		if got := strings.Join(failing(revised(t, c.status, c.version, c.history)), ", "); got != c.want {
			t.Errorf("%s with %s: %s, want %s", c.version, c.history, got, c.want)
		}
	}
}

// TestHistoriesAreSortedByMoment: 6.1.14 counts moments, and not the texts of dates.
func TestHistoriesAreSortedByMoment(t *testing.T) {
	for _, c := range []struct {
		first, second string // dates of 1.0.0 and of 1.1.0
		fails         string
	}{
		{"2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", ""},
		{"2026-11-02T01:30:00+02:00", "2026-11-02T00:00:00Z", ""},
		{"2026-11-01T23:30:00-01:00", "2026-11-02T00:00:00Z", "6.1.14 6.1.16"},
		{"2026-11-02T00:00:00.001Z", "2026-11-02T00:00:00Z", "6.1.14 6.1.16"},
		{"2026-11-02T00:00:00.000Z", "2026-11-02T00:00:00Z", ""},
		{"2027-01-01T00:00:00Z", "2026-12-31T23:59:59Z", "6.1.14 6.1.16"},
		{"2026-11-02T00:00:00Z", "2026-11-02T00:00:00+00:00", ""},
	} {
		raw := changed(t, change{tracked + "/version": "1.1.0", tracked + "/revision_history": fmt.Sprintf(`[{"date":%q,"number":"1.0.0"},{"date":%q,"number":"1.1.0"}]`, c.first, c.second)})
		var got []string
		for _, v := range parsed(t, raw).Violations() {
			got = append(got, v.Test)
		}
		if strings.Join(got, " ") != c.fails {
			t.Errorf("%s and %s: %q, want %q", c.first, c.second, got, c.fails)
		}
	}
}

// TestRelationshipsHandDownWhatAProductIsKnownBy has chains of relationships, and what
// the last product of each is known by.
func TestRelationshipsHandDownWhatAProductIsKnownBy(t *testing.T) {
	sha := strings.Repeat("ab", 32)
	relation := func(part, whole, id, helper string) string {
		if helper != "" {
			helper = `,"product_identification_helper":` + helper
		}
		return fmt.Sprintf(`{"category":"default_component_of","product_reference":%q,"relates_to_product_reference":%q,"full_product_name":{"product_id":%q%s}}`, part, whole, id, helper)
	}
	for name, c := range map[string]struct {
		relations              []string
		purl, hash, version    string
		within, withinOfWithin string
	}{
		"one":                             {[]string{relation("lib", "app", "X", "")}, "pkg:npm/lib@1", sha, "1", "app", ""},
		"the whole within another":        {[]string{relation("app", "os", "app on os", ""), relation("lib", "app on os", "X", "")}, "pkg:npm/lib@1", sha, "1", "app on os", "os"},
		"the part within another":         {[]string{relation("lib", "app", "lib in app", ""), relation("lib in app", "os", "X", "")}, "pkg:npm/lib@1", sha, "1", "app", ""},
		"both, told in the other order":   {[]string{relation("lib in app", "app on os", "X", ""), relation("app", "os", "app on os", ""), relation("lib", "app", "lib in app", "")}, "pkg:npm/lib@1", sha, "1", "app", ""},
		"with a purl of its own":          {[]string{relation("lib", "app", "X", `{"purl":"pkg:npm/x@2"}`)}, "pkg:npm/x@2", "", "", "app", ""},
		"with a hash of its own":          {[]string{relation("lib", "app", "X", `{"hashes":[{"file_hashes":[{"algorithm":"SHA256","value":"`+strings.Repeat("CD", 32)+`"}]}]}`)}, "", strings.Repeat("cd", 32), "", "app", ""},
		"with a hash that tells nothing":  {[]string{relation("lib", "app", "X", `{"hashes":[{"file_hashes":[{"algorithm":"sha512","value":"`+strings.Repeat("cd", 32)+`"},{"algorithm":"sha256","value":"cd"},{"algorithm":"sha256","value":"`+strings.Repeat("xy", 32)+`"}]}]}`)}, "pkg:npm/lib@1", sha, "1", "app", ""},
		"of what nobody defined":          {[]string{relation("lost", "app", "X", "")}, "", "", "", "", ""},
		"within what nobody defined":      {[]string{relation("lib", "lost", "X", "")}, "", "", "", "", ""},
		"of itself":                       {[]string{relation("X", "app", "X", "")}, "", "", "", "", ""},
		"within itself":                   {[]string{relation("lib", "X", "X", "")}, "", "", "", "", ""},
		"of a product known by its range": {[]string{relation("range", "app", "X", "")}, "pkg:npm/range", "", "", "app", ""},
	} {
		d := parsed(t, []byte(`{"document":{"csaf_version":"2.0"},"product_tree":{"branches":[
			{"category":"product_version","name":"1","product":{"product_id":"lib","product_identification_helper":{"purl":"pkg:npm/lib@1","hashes":[{"file_hashes":[{"algorithm":"sha256","value":"`+sha+`"}]}]}}},
			{"category":"product_version_range","name":"<2","product":{"product_id":"range","product_identification_helper":{"purl":"pkg:npm/range"}}}],
			"full_product_names":[{"product_id":"app"},{"product_id":"os"}],"relationships":[`+strings.Join(c.relations, ",")+`]}}`))
		p := d.index.products["X"]
		var within, outer string
		if p.Within != nil {
			if within = p.Within.ID; p.Within.Within != nil {
				outer = p.Within.Within.ID
			}
		}
		if p.PURL != c.purl || strings.Join(p.Hashes, " ") != c.hash || p.Version != c.version || within != c.within || outer != c.withinOfWithin {
			t.Errorf("%s: %+v within %q within %q", name, p, within, outer)
		}
		if want := map[bool]string{true: "<2"}[c.purl == "pkg:npm/range"]; p.Range != want {
			t.Errorf("%s: range %q", name, p.Range)
		}
	}
}

// TestFlagsJustifyTheProductsThatTheyName parts what is not affected by its flag.
func TestFlagsJustifyTheProductsThatTheyName(t *testing.T) {
	for name, c := range map[string]struct{ flags, want string }{
		"none":                       {`[]`, "not_affected  A B C"},
		"of one product":             {`[{"label":"component_not_present","product_ids":["B"]}]`, "not_affected  A C; not_affected component_not_present B"},
		"of a group":                 {`[{"label":"component_not_present","group_ids":["G"]}]`, "not_affected component_not_present A B; not_affected  C"},
		"of each its own":            {`[{"label":"component_not_present","product_ids":["A"]},{"label":"vulnerable_code_not_present","product_ids":["C","B"]}]`, "not_affected component_not_present A; not_affected vulnerable_code_not_present B C"},
		"of a product that is fixed": {`[{"label":"component_not_present","product_ids":["D"]}]`, "not_affected  A B C"},
		"through two groups":         {`[{"label":"component_not_present","group_ids":["G","H"]}]`, "not_affected component_not_present A B C"},
	} {
		a, err := Read(changed(t, change{
			products + "/-": `{"product_id":"D"}`, "/product_tree/product_groups/-": `{"group_id":"H","product_ids":["B","C"]}`, v0 + "/flags": c.flags,
			v0 + "/threats/0":      `{"category":"impact","product_ids":["A","B","C"]}`,
			v0 + "/product_status": `{"known_not_affected":["A","B","C"],"fixed":["D"]}`,
		}))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got []string
		for _, claim := range a.Claims[1:] {
			line := claim.Status + " " + claim.Justification
			for _, p := range claim.Products {
				line += " " + p.ID
			}
			got = append(got, line)
		}
		if strings.Join(got, "; ") != c.want || a.Claims[0].Status != "fixed" || a.Claims[0].Justification != "" {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
