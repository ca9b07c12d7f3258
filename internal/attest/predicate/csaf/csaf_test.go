package csaf

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClaimsOfAnAdvisory(t *testing.T) {
	raw := changed(t, map[string]any{
		v0 + "/ids":            `[{"text":"GHSA-1"}]`,
		v0 + "/product_status": `{"first_affected":["C"],"known_affected":["C"],"fixed":["B"],"known_not_affected":["A","AB"],"under_investigation":[],"recommended":["B"]}`,
		tracked + "/status":    "interim",
	})
	a, err := Read(raw)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"CVE-1", "GHSA-1"}
	pa, pb, pc := &Product{ID: "A", PURL: "pkg:npm/a@1", Version: "1"}, &Product{ID: "B"}, &Product{ID: "C"}
	want := &Advisory{ID: "A-1", Publisher: "Acme", Released: "2026-11-02T00:00:00Z", Claims: []Claim{
		{Names: names, Status: "affected", Products: []*Product{pc, pc}},
		{Names: names, Status: "fixed", Products: []*Product{pb}},
		{Names: names, Status: "not_affected", Justification: "component_not_present", Products: []*Product{pa}},
		{Names: names, Status: "not_affected", Products: []*Product{{ID: "AB", PURL: "pkg:npm/a@1", Version: "1", Within: pb}}},
	}}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Error(diff)
	}
	for status, draft := range map[string]bool{"draft": true, "final": false, "interim": false, "": true, "later": true} {
		if a, err := Read(changed(t, map[string]any{tracked + "/status": status})); err != nil || a.Draft != draft {
			t.Errorf("%q: %+v, %v", status, a, err)
		}
	}
}

func TestTheProductTreeIsFlattened(t *testing.T) {
	sha := strings.Repeat("ab", 32)
	d := parsed(t, []byte(`{"document":{"csaf_version":"2.0"},"product_tree":{
		"branches":[{"category":"vendor","name":"V","branches":[
			{"category":"product_version_range","name":"vers:npm/<2","product":{"product_id":"range"},"branches":[{"category":"architecture","name":"x","product":{"product_id":"below"}}]},
			{"category":"product_version","name":"3","product":{"product_id":"three","product_identification_helper":{"hashes":[{"file_hashes":[{"algorithm":"sha256","value":"`+strings.ToUpper(sha)+`"},{"algorithm":"sha512","value":"`+sha+`"}]},{"file_hashes":[{"algorithm":"sha256","value":"beef"}]}]}}},
			{"category":"product_name","name":"N","product":{"product_id":"plain"}}]}],
		"full_product_names":[{"product_id":"os"},{"product_id":"image"}],
		"relationships":[
			{"product_reference":"three in image","relates_to_product_reference":"os","full_product_name":{"product_id":"three in image on os"}},
			{"product_reference":"three","relates_to_product_reference":"image","full_product_name":{"product_id":"three in image"}},
			{"product_reference":"three","relates_to_product_reference":"os","full_product_name":{"product_id":"own","product_identification_helper":{"purl":"pkg:npm/own@1"}}}]}}`))
	for id, want := range map[string]Product{
		"range":                {Range: "vers:npm/<2"},
		"below":                {Range: "vers:npm/<2"},
		"three":                {Version: "3", Hashes: []string{sha}},
		"plain":                {},
		"three in image":       {Version: "3", Hashes: []string{sha}, Within: &Product{ID: "image"}},
		"three in image on os": {Version: "3", Hashes: []string{sha}, Within: &Product{ID: "image"}},
		"own":                  {PURL: "pkg:npm/own@1", Within: &Product{ID: "os"}},
	} {
		want.ID = id
		if diff := cmp.Diff(&want, d.index.products[id]); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
}

func TestWhatIsNoAdvisoryIsRefused(t *testing.T) {
	many := func(n int, each string) string { return strings.TrimSuffix(strings.Repeat(each+",", n), ",") }
	for text, want := range map[string]string{
		`{`:                                   "want the name of a field",
		`{"document":{"csaf_version":"1.2"}}`: `is "1.2", want 2.0`,
		`{"document":{"csaf_version":2.0}}`:   "cannot unmarshal",
		`{"document":{"csaf_version":"2.0"},"Document":{}}`:                                                                                                         "in different case",
		`{"document":{"csaf_version":"2.0","category":"csaf_vex"},"product_tree":{},"vulnerabilities":[]}`:                                                          "it says nothing of any product",
		`{"document":{"csaf_version":"2.0","category":"report","lang":"EZ"}}`:                                                                                       "neither csaf_vex nor",
		`{"document":{"csaf_version":"2.0","category":"report","lang":"EZ"},"vulnerabilities":[]}`:                                                                  "mandatory test 6.1.12 fails at /document/lang",
		`{"document":{"csaf_version":"2.0"},"vulnerabilities":[` + many(maxVulnerabilities+1, "{}") + `]}`:                                                          "vulnerabilities, limit",
		string(bytes.Repeat([]byte("["), MaxDepth+1)):                                                                                                               "nested deeper",
		`{"document":{"csaf_version":"2.0"},"product_tree":{"branches":` + strings.Repeat(`[{"branches":`, MaxDepth) + `[]` + strings.Repeat(`}]`, MaxDepth) + `}}`: "nested deeper",
	} {
		if a, err := Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.120s: got %+v, %v; want %q", text, a, err, want)
		}
	}
	if _, err := Read(make([]byte, MaxBytes+1)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
	// A group of many products in many flags stands for more than memory holds.
	ids := make([]string, 0, 3000)
	for i := range 3000 {
		ids = append(ids, fmt.Sprintf(`"P%d"`, i))
	}
	bomb := `{"document":{"csaf_version":"2.0"},"product_tree":{"product_groups":[{"group_id":"G","product_ids":[` + strings.Join(ids, ",") + `]}]},"vulnerabilities":[{"flags":[` + many(2000, `{"label":"x","group_ids":["G"]}`) + `]}]}`
	if _, err := Read([]byte(bomb)); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

// TestCirclesOfRelationships has long chains, which are none, and circles of any length.
func TestCirclesOfRelationships(t *testing.T) {
	chain := func(n int, last string) string {
		var b strings.Builder
		b.WriteString(`{"document":{"csaf_version":"2.0"},"product_tree":{"full_product_names":[{"product_id":"end"},{"product_id":"w"}],"relationships":[`)
		for i := range n {
			next := fmt.Sprintf("p%d", i+1)
			if i == n-1 {
				next = last
			}
			fmt.Fprintf(&b, `{"product_reference":%q,"relates_to_product_reference":"w","full_product_name":{"product_id":"p%d"}},`, next, i)
		}
		return strings.TrimSuffix(b.String(), ",") + `]}}`
	}
	for _, n := range []int{1, 2, 3, 20_000} {
		if found := parsed(t, []byte(chain(n, "end"))).Violations(); len(found) > 0 {
			t.Errorf("chain of %d: %v", n, found)
		}
		for _, last := range []string{"p0", fmt.Sprintf("p%d", n-1)} {
			found := parsed(t, []byte(chain(n, last))).Violations()
			if len(found) != 1 || found[0].Test != "6.1.3" {
				t.Errorf("circle of %d by %s: %v", n, last, found)
			}
		}
	}
}

// TestALargeAdvisoryIsRead has 60,000 products: a quadratic reader would not end.
func TestALargeAdvisoryIsRead(t *testing.T) {
	large := func(n int) []byte {
		var names, rels, ids []string
		for i := range n {
			names = append(names, fmt.Sprintf(`{"category":"product_version","name":"%d","product":{"product_id":"p%d","product_identification_helper":{"purl":"pkg:rpm/redhat/p%d@1?arch=x86_64"}}}`, i, i, i))
			rels = append(rels, fmt.Sprintf(`{"category":"default_component_of","product_reference":"p%d","relates_to_product_reference":"os","full_product_name":{"product_id":"os:p%d"}}`, i, i))
			ids = append(ids, fmt.Sprintf(`"os:p%d"`, i))
		}
		list := strings.Join(ids, ",")
		return []byte(`{"document":{"csaf_version":"2.0","category":"csaf_vex","tracking":{"status":"final","version":"1","revision_history":[{"number":"1","date":"2026-11-01T00:00:00Z"}]}},
			"product_tree":{"branches":[{"category":"vendor","name":"v","branches":[` + strings.Join(names, ",") + `]}],"full_product_names":[{"product_id":"os"}],
			"relationships":[` + strings.Join(rels, ",") + `],"product_groups":[{"group_id":"G","product_ids":[` + list + `]}]},
			"vulnerabilities":[{"cve":"CVE-1","notes":[],"product_status":{"known_affected":[` + list + `]},"remediations":[{"product_ids":[` + list + `]}],"threats":[{"category":"impact","group_ids":["G"]}]}]}`)
	}
	const n = 60_000
	a, err := Read(large(n))
	if err != nil || len(a.Claims) != 1 || len(a.Claims[0].Products) != n {
		t.Fatal(err)
	}
}
