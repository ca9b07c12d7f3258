package finding

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
)

const a1 = "pkg:npm/a@1"

func named(purl, id string, aliases ...string) gatekeep.SCAFinding {
	return gatekeep.SCAFinding{ID: id, Aliases: aliases, PURL: purl, Severity: Unknown}
}

// keys are the findings by id and purl, with their aliases.
func keys(list []gatekeep.SCAFinding) []string {
	var all []string
	for _, f := range list {
		all = append(all, fmt.Sprint(f.ID, " ", f.PURL, " ", f.Aliases))
	}
	return all
}

func TestOneVulnerabilityOfOneComponentIsOneFinding(t *testing.T) {
	for name, c := range map[string]struct {
		list []gatekeep.SCAFinding
		want []string
	}{
		"the same id":           {[]gatekeep.SCAFinding{named(a1, "CVE-1"), named(a1, "CVE-1")}, []string{"CVE-1 pkg:npm/a@1 []"}},
		"an alias":              {[]gatekeep.SCAFinding{named(a1, "CVE-1"), named(a1, "GHSA-1", "CVE-1")}, []string{"CVE-1 pkg:npm/a@1 [GHSA-1]"}},
		"a name that is linked": {[]gatekeep.SCAFinding{named(a1, "GO-1", "GHSA-1"), named(a1, "GHSA-1", "CVE-1")}, []string{"CVE-1 pkg:npm/a@1 [GHSA-1 GO-1]"}},
		"a chain":               {[]gatekeep.SCAFinding{named(a1, "GO-A", "GO-B"), named(a1, "GO-B", "GO-C"), named(a1, "GO-C", "GO-D"), named(a1, "GO-D", "CVE-1")}, []string{"CVE-1 pkg:npm/a@1 [GO-A GO-B GO-C GO-D]"}},
		"no CVE at all":         {[]gatekeep.SCAFinding{named(a1, "PYSEC-1", "GHSA-1"), named(a1, "GHSA-1")}, []string{"GHSA-1 pkg:npm/a@1 [PYSEC-1]"}},
		"an id is not taken from another": {[]gatekeep.SCAFinding{named(a1, "PYSEC-1", "GHSA-1"), named("pkg:npm/b@1", "GHSA-1")},
			[]string{"GHSA-1 pkg:npm/a@1 [PYSEC-1]", "GHSA-1 pkg:npm/b@1 []"}},
		"another component":           {[]gatekeep.SCAFinding{named(a1, "CVE-1"), named("pkg:npm/b@1", "CVE-1")}, []string{"CVE-1 pkg:npm/a@1 []", "CVE-1 pkg:npm/b@1 []"}},
		"another version":             {[]gatekeep.SCAFinding{named(a1, "CVE-1"), named("pkg:npm/a@2", "CVE-1")}, []string{"CVE-1 pkg:npm/a@1 []", "CVE-1 pkg:npm/a@2 []"}},
		"a version that is not known": {[]gatekeep.SCAFinding{named(a1, "CVE-1"), named("pkg:npm/a", "CVE-1")}, []string{"CVE-1 pkg:npm/a []", "CVE-1 pkg:npm/a@1 []"}},
		"the v of Go":                 {[]gatekeep.SCAFinding{named("pkg:golang/a@1.2", "CVE-1"), named("pkg:golang/a@v1.2", "CVE-1")}, []string{"CVE-1 pkg:golang/a@v1.2 []"}},
		"the v of others":             {[]gatekeep.SCAFinding{named("pkg:npm/a@1.2", "CVE-1"), named("pkg:npm/a@v1.2", "CVE-1")}, []string{"CVE-1 pkg:npm/a@1.2 []", "CVE-1 pkg:npm/a@v1.2 []"}},
		"an advisory of two CVEs": {[]gatekeep.SCAFinding{named(a1, "CVE-1", "RHSA-1"), named(a1, "CVE-2", "RHSA-1"), named(a1, "RHSA-1")},
			[]string{"CVE-1 pkg:npm/a@1 [RHSA-1]", "CVE-2 pkg:npm/a@1 [RHSA-1]", "RHSA-1 pkg:npm/a@1 []"}},
		"such an advisory does not hinder others": {[]gatekeep.SCAFinding{named(a1, "CVE-1", "RHSA-1", "GHSA-1"), named(a1, "CVE-2", "RHSA-1"), named(a1, "GHSA-1")},
			[]string{"CVE-1 pkg:npm/a@1 [GHSA-1 RHSA-1]", "CVE-2 pkg:npm/a@1 [RHSA-1]"}},
		"a chain between two CVEs": {[]gatekeep.SCAFinding{named(a1, "CVE-1", "GO-A"), named(a1, "GO-A", "GO-B"), named(a1, "GO-B"), named(a1, "CVE-2", "GO-B")},
			[]string{"CVE-1 pkg:npm/a@1 [GO-A]", "CVE-2 pkg:npm/a@1 [GO-B]", "GO-A pkg:npm/a@1 [GO-B]"}},
		"an advisory without a second CVE": {[]gatekeep.SCAFinding{named(a1, "CVE-1", "DSA-1"), named(a1, "TEMP-1", "DSA-1"), named(a1, "TEMP-2", "DSA-1")},
			[]string{"CVE-1 pkg:npm/a@1 [DSA-1]", "TEMP-1 pkg:npm/a@1 [DSA-1]", "TEMP-2 pkg:npm/a@1 [DSA-1]"}},
		"a GO id of two GHSAs": {[]gatekeep.SCAFinding{named(a1, "GHSA-1", "GO-1"), named(a1, "GHSA-2", "GO-1"), named(a1, "GO-1")},
			[]string{"GHSA-1 pkg:npm/a@1 [GO-1]", "GHSA-2 pkg:npm/a@1 [GO-1]", "GO-1 pkg:npm/a@1 []"}},
		"two GHSAs of one CVE": {[]gatekeep.SCAFinding{named(a1, "GHSA-1", "CVE-1"), named(a1, "GHSA-2", "CVE-1"), named(a1, "GHSA-2")},
			[]string{"CVE-1 pkg:npm/a@1 [GHSA-1 GHSA-2]"}},
		"a GHSA of two CVEs": {[]gatekeep.SCAFinding{named(a1, "CVE-1", "GHSA-1"), named(a1, "CVE-2", "GHSA-1"), named(a1, "GHSA-1")},
			[]string{"CVE-1 pkg:npm/a@1 [GHSA-1]", "CVE-2 pkg:npm/a@1 [GHSA-1]", "GHSA-1 pkg:npm/a@1 []"}},
		"no component": {[]gatekeep.SCAFinding{named("", "CVE-1"), named("", "CVE-1"), named(a1, "CVE-1")}, []string{"CVE-1  []", "CVE-1 pkg:npm/a@1 []"}},
		"nothing":      {nil, nil},
	} {
		for range 20 {
			got := keys(Merge(c.list))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
				break
			}
			rand.Shuffle(len(c.list), func(i, j int) { c.list[i], c.list[j] = c.list[j], c.list[i] })
		}
	}
}

// Two findings must never have one key: the second would take the place of the first.
func TestNoFindingIsLostWhateverTheNames(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"CVE-1", "CVE-2", "CVE-3", "GHSA-1", "GHSA-2", "GO-1", "RHSA-1"}
	for range 3000 {
		var list []gatekeep.SCAFinding
		for range 2 + r.IntN(6) {
			f := named([]string{a1, "pkg:golang/x@1", "pkg:golang/x@v1"}[r.IntN(3)], names[r.IntN(len(names))])
			for range r.IntN(3) {
				f.Aliases = append(f.Aliases, names[3+r.IntN(4)])
			}
			list = append(list, f)
		}
		merged, seen := Merge(list), map[string]bool{}
		for _, f := range merged {
			if seen[f.ID+" "+f.PURL] || slices.Contains(f.Aliases, f.ID) {
				t.Fatalf("%v becomes %v", keys(list), keys(merged))
			}
			seen[f.ID+" "+f.PURL] = true
		}
		for _, f := range list {
			if !slices.ContainsFunc(merged, func(m gatekeep.SCAFinding) bool {
				return component(m.PURL) == component(f.PURL) && (m.ID == f.ID || slices.Contains(m.Aliases, f.ID))
			}) {
				t.Fatalf("%s of %v is not in %v", f.ID, keys(list), keys(merged))
			}
			if isCVE(f.ID) && !slices.ContainsFunc(merged, func(m gatekeep.SCAFinding) bool { return m.ID == f.ID }) {
				t.Fatalf("%s of %v is hidden in %v", f.ID, keys(list), keys(merged))
			}
		}
		slices.Reverse(list)
		if diff := cmp.Diff(merged, Merge(list)); diff != "" {
			t.Fatalf("the order counts: %s", diff)
		}
		if diff := cmp.Diff(merged, Merge(merged)); diff != "" {
			t.Fatalf("merging again changes something: %s", diff)
		}
	}
}

func TestJoinKeepsTheGraverWord(t *testing.T) {
	yes, no := true, false
	one := gatekeep.SCAFinding{ID: "CVE-1", PURL: a1, Severity: Low, SeverityFrom: "debian", Score: 5, Vector: "x", FirstSeen: "2026-02-01T00:00:00Z", FixedIn: "1.2, 2.0",
		Attestations: []string{"b"}, Scanners: []string{"trivy"}, Locations: []string{"z"}, Reachable: &no, Suppressed: []gatekeep.Suppression{{By: "trivy", Reason: "r"}},
		PURLs: []string{a1 + "?arch=x"}}
	two := gatekeep.SCAFinding{ID: "GHSA-1", Aliases: []string{"CVE-1"}, PURL: a1, Severity: High, SeverityFrom: "nvd", Score: 7.5, Vector: "y", FirstSeen: "2026-01-31T23:30:00-01:00",
		FixedIn: "1.2", Attestations: []string{"a"}, Scanners: []string{"grype"}, Locations: []string{"y"}, Reachable: &yes}
	three := gatekeep.SCAFinding{ID: "CVE-1", PURL: a1, Severity: High, SeverityFrom: "ghsa", Attestations: []string{"a"}, Scanners: []string{"grype"}}
	want := gatekeep.SCAFinding{ID: "CVE-1", Aliases: []string{"GHSA-1"}, PURL: a1, PURLs: []string{a1, a1 + "?arch=x"}, Severity: High, SeverityFrom: "ghsa", Score: 7.5, Vector: "y",
		FirstSeen: "2026-02-01T00:00:00Z", FixedIn: "1.2, 2.0", Attestations: []string{"a", "b"}, Scanners: []string{"grype", "trivy"}, Locations: []string{"y", "z"}, Reachable: &yes,
		Suppressed: []gatekeep.Suppression{{By: "trivy", Reason: "r"}}}
	members := []gatekeep.SCAFinding{one, two, three}
	for range 10 {
		if diff := cmp.Diff(want, Join(members)); diff != "" {
			t.Fatal(diff)
		}
		rand.Shuffle(3, func(i, j int) { members[i], members[j] = members[j], members[i] })
	}
	for _, c := range []struct{ a, b, want *bool }{{nil, nil, nil}, {&no, nil, &no}, {nil, &no, &no}, {&yes, &no, &yes}, {&no, &yes, &yes}, {nil, &yes, &yes}} {
		got := Join([]gatekeep.SCAFinding{{ID: "CVE-1", Reachable: c.a}, {ID: "CVE-1", Reachable: c.b}}).Reachable
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestEntriesOfSeveralCVEsAreSplit(t *testing.T) {
	v := Vulns{Scanner: "s"}
	for _, f := range []gatekeep.SCAFinding{
		{ID: "ALAS-1", Aliases: []string{"cve-2026-2", "CVE-2026-1", "GHSA-X"}, PURL: "pkg:rpm/amazon/a@1?arch=x"},
		{ID: "CVE-2026-3", Aliases: []string{"CVE-2026-4", "GHSA-Y"}, PURL: a1},
		{ID: "GO-5", Aliases: []string{"GHSA-M", "GHSA-N"}, PURL: a1},
	} {
		if err := v.Add(f, Rating{From: "amazon", Word: "high"}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := v.List()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"CVE-2026-1 pkg:rpm/amazon/a@1 [ALAS-1]", "CVE-2026-2 pkg:rpm/amazon/a@1 [ALAS-1]", "CVE-2026-3 pkg:npm/a@1 [GHSA-y]", "CVE-2026-4 pkg:npm/a@1 []",
		"GHSA-m pkg:npm/a@1 [GO-5]", "GHSA-n pkg:npm/a@1 [GO-5]"}
	if diff := cmp.Diff(want, keys(list)); diff != "" {
		t.Error(diff)
	}
	if f := list[0]; f.Severity != High || !slices.Equal(f.Scanners, []string{"s"}) || !slices.Equal(f.PURLs, []string{"pkg:rpm/amazon/a@1?arch=x"}) {
		t.Errorf("got %+v", f)
	}
}

func TestBoundsOfFindings(t *testing.T) {
	var v Vulns
	if err := v.Add(gatekeep.SCAFinding{ID: " "}); err == nil {
		t.Error("a finding without id is taken")
	}
	many := make([]string, MaxAliases+1)
	for i := range many {
		many[i] = fmt.Sprint("GO-", i)
	}
	if err := v.Add(gatekeep.SCAFinding{ID: "a", Aliases: many}); !errors.Is(err, jsonscan.ErrLimit) {
		t.Errorf("aliases: %v", err)
	}
	for i := range 3 { // each within the bound, and over it together
		if err := v.Add(gatekeep.SCAFinding{ID: "a", Aliases: many[i*400 : min(i*400+400, len(many))]}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.List(); !errors.Is(err, jsonscan.ErrLimit) {
		t.Errorf("aliases together: %v", err)
	}
	if err := v.Add(gatekeep.SCAFinding{ID: "b", Locations: many}); err != nil || len(v.list[3].Locations) != MaxLocations {
		t.Errorf("locations: %v", err)
	}
	v.list = make([]gatekeep.SCAFinding, MaxFindings)
	if err := v.Add(gatekeep.SCAFinding{ID: "c"}); !errors.Is(err, jsonscan.ErrLimit) {
		t.Errorf("findings: %v", err)
	}
	r := Report{Entries: MaxFindings}
	if err := r.AddSecret(Secret{Kind: "k"}); !errors.Is(err, jsonscan.ErrLimit) {
		t.Errorf("secrets: %v", err)
	}
}
