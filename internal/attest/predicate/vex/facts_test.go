package vex

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

func TestAFactIsConfinedToWhatItsProductIsPartOf(t *testing.T) {
	d := mustRead(t, open(`{"vulnerability":"CVE-1","status":"fixed","products":["pkg:npm/b@1",{"@id":"pkg:oci/app@`+sha+`","subcomponents":["pkg:npm/a@1","pkg:npm/a@2"]}]}`))
	got := d.Facts(&d.Statements[0])
	want := []Fact{
		{Statement: gatekeep.VEXStatement{Products: []string{"pkg:npm/b@1"}, Status: Fixed, Timestamp: d.Timestamp}},
		{Within: []string{sha}, Statement: gatekeep.VEXStatement{Products: []string{"pkg:npm/a@1", "pkg:npm/a@2"}, Status: Fixed, Timestamp: d.Timestamp}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	for _, c := range []struct {
		digests []string
		want    []bool
	}{{[]string{sha}, []bool{true, true}}, {[]string{other}, []bool{true, false}}, {nil, []bool{true, false}}, {[]string{other, sha}, []bool{true, true}}} {
		for i := range got {
			if got[i].Confined(c.digests) != c.want[i] {
				t.Errorf("%d with %q: %v", i, c.digests, !c.want[i])
			}
		}
	}
}

// findings are facts with one finding of CVE-1 for each purl.
func findings(vex map[string][]gatekeep.VEXStatement, purls ...string) *gatekeep.Facts {
	f := &gatekeep.Facts{VEX: vex, Findings: gatekeep.FindingFacts{SCA: map[string]gatekeep.SCAFinding{}}}
	f.Subject.Digest = sha
	f.Subject.Artifacts = map[string]gatekeep.Artifact{sha: {CoveredBy: []string{sha, other}}}
	for _, purl := range purls {
		f.Findings.SCA["CVE-1 "+purl] = gatekeep.SCAFinding{ID: "CVE-1", Aliases: []string{"GHSA-1"}, PURL: purl}
	}
	return f
}

func TestNarrowKeepsWhatFindingsAreAbout(t *testing.T) {
	third := "sha256:" + strings.Repeat("c", 64)
	for name, c := range map[string]struct{ products, kept []string }{
		"the component":               {[]string{"pkg:npm/a@1.5.0", "pkg:npm/z@1"}, []string{"pkg:npm/a@1.5.0"}},
		"another version of it":       {[]string{"pkg:npm/a@2"}, []string{"pkg:npm/a@2"}},
		"all versions of it":          {[]string{"pkg:npm/a"}, []string{"pkg:npm/a"}},
		"with qualifiers":             {[]string{"pkg:npm/a@2?x=y#z"}, []string{"pkg:npm/a@2?x=y#z"}},
		"in a namespace":              {[]string{"pkg:npm/%40x/a@1"}, nil},
		"the subject":                 {[]string{sha, third}, []string{sha}},
		"what covers it":              {[]string{other}, []string{other}},
		"another thing":               {[]string{third}, nil},
		"no name":                     {[]string{""}, []string{""}},
		"nothing":                     {[]string{}, []string{}},
		"a name that is no purl":      {[]string{"libssl@1"}, nil},
		"the same that is no purl":    {[]string{"plain"}, []string{"plain"}},
		"an empty product beside one": {[]string{"", "pkg:npm/z@1"}, []string{""}},
	} {
		f := findings(map[string][]gatekeep.VEXStatement{"GHSA-1": {{Products: c.products, Status: Fixed}}, "CVE-2": {{Products: c.products}}}, "pkg:npm/a@1.5.0", "plain")
		Narrow(f)
		want := map[string][]gatekeep.VEXStatement{}
		if c.kept != nil {
			want["GHSA-1"] = []gatekeep.VEXStatement{{Products: c.kept, Status: Fixed}}
		}
		if diff := cmp.Diff(want, f.VEX); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestNarrowTellsWhichComponentsLieInARange(t *testing.T) {
	at := func(purl, text string) gatekeep.VEXRange { return gatekeep.VEXRange{PURL: purl, Range: text} }
	for name, c := range map[string]struct {
		ranges   []gatekeep.VEXRange
		products []string
		open     []gatekeep.VEXRange
	}{
		"in":                     {[]gatekeep.VEXRange{at("pkg:npm/a", "vers:npm/<2.0.0")}, []string{"pkg:npm/a@1.5.0"}, nil},
		"in, with a qualifier":   {[]gatekeep.VEXRange{at("pkg:npm/a?x=y", "vers:npm/<2.0.0")}, []string{"pkg:npm/a@1.5.0?x=y"}, nil},
		"one in, one out":        {[]gatekeep.VEXRange{at("pkg:npm/a", "vers:npm/>=3.0.0")}, []string{"pkg:npm/a@3.0.0"}, nil},
		"both in":                {[]gatekeep.VEXRange{at("pkg:npm/a", "vers:npm/*")}, []string{"pkg:npm/a@1.5.0", "pkg:npm/a@3.0.0"}, nil},
		"out":                    {[]gatekeep.VEXRange{at("pkg:npm/a", "vers:npm/<1.0.0")}, nil, nil},
		"of another package":     {[]gatekeep.VEXRange{at("pkg:npm/z", "vers:npm/*")}, nil, nil},
		"of another ecosystem":   {[]gatekeep.VEXRange{at("pkg:npm/a", "vers:deb/<2")}, []string{}, []gatekeep.VEXRange{at("pkg:npm/a", "vers:deb/<2")}},
		"in a text":              {[]gatekeep.VEXRange{at("pkg:npm/a", "before 2")}, []string{}, []gatekeep.VEXRange{at("pkg:npm/a", "before 2")}},
		"an encoded version out": {[]gatekeep.VEXRange{at("pkg:deb/debian/d", "vers:deb/<1:2.0+b1")}, nil, nil},
		"an encoded version in":  {[]gatekeep.VEXRange{at("pkg:deb/debian/d", "vers:deb/<=1:2.0+b1")}, []string{"pkg:deb/debian/d@1:2.0%2Bb1"}, nil},
	} {
		f := findings(map[string][]gatekeep.VEXStatement{"CVE-1": {{Products: []string{}, Ranges: c.ranges}}}, "pkg:npm/a@1.5.0", "pkg:npm/a@3.0.0", "pkg:deb/debian/d@1:2.0%2Bb1")
		Narrow(f)
		want := map[string][]gatekeep.VEXStatement{}
		if c.products != nil {
			want["CVE-1"] = []gatekeep.VEXStatement{{Products: c.products, Ranges: c.open}}
		}
		if diff := cmp.Diff(want, f.VEX); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestNarrowDropsStatementsWithoutAFinding(t *testing.T) {
	f := findings(map[string][]gatekeep.VEXStatement{"CVE-1": {{Products: []string{"pkg:npm/a@1"}}}})
	Narrow(f)
	if len(f.VEX) != 0 {
		t.Errorf("%+v", f.VEX)
	}
}

// FuzzRead: whatever is read has what rules rely on, and a statement with a mark of
// doubt lifts nothing.
func FuzzRead(f *testing.F) {
	for _, r := range rows(f) {
		data, err := os.ReadFile(filepath.Join(corpus, r.file))
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 8_000 {
			f.Add(data)
		}
	}
	f.Add([]byte(bomOf(library, `{"id":"CVE-1","affects":[{"ref":"a","versions":[{"range":"vers:npm/<2.0.0","status":"unaffected"}]}]}`)))
	f.Add([]byte(xmlOf(`<id>CVE-1</id><affects><target><ref>a</ref></target></affects>`)))
	f.Add([]byte(advisory("draft", one(`{"purl":"pkg:npm/a"}`), `{"fixed":["A"]}`, "")))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Read(data)
		if err != nil {
			if d != nil {
				t.Fatal("a document and an error")
			}
			return
		}
		if len(d.Statements) == 0 || !slices.Contains([]string{OpenVEX, CSAF, CycloneDX}, d.Format) {
			t.Fatalf("%+v", d)
		}
		vex := map[string][]gatekeep.VEXStatement{}
		for i := range d.Statements {
			s := &d.Statements[i]
			if len(s.Names) == 0 || slices.Contains(s.Names, "") || !slices.IsSorted(s.Names) {
				t.Fatalf("names %q", s.Names)
			}
			for _, p := range s.Products {
				if slices.ContainsFunc(append(p.Digests, p.Within...), func(d string) bool { return !digest.Valid(d) }) {
					t.Fatalf("%+v", p)
				}
			}
			for _, fact := range d.Facts(s) {
				if fact.Statement.Products == nil || fact.Statement.Void != "" && fact.Statement.Status != UnderInvestigation {
					t.Fatalf("%+v", fact)
				}
				for _, name := range s.Names {
					vex[name] = append(vex[name], fact.Statement)
				}
			}
		}
		Narrow(findings(vex, "pkg:npm/a@1.5.0"))
		if _, err := json.Marshal(vex); err != nil {
			t.Fatal(err)
		}
	})
}

// Lifting wants a certain match; against a component a possible one is enough.
func TestWhatMayBeTheComponentSpeaksAgainstIt(t *testing.T) {
	for product, want := range map[string][]string{
		"registry.example/app:1.0":                           {Anything},
		"cpe:2.3:a:acme:app:1.0:*:*:*:*:*:*:*":               {Anything},
		"https://acme.example/products/app":                  {Anything},
		"pkg:oci/app?tag=1.0":                                {Anything, "pkg:oci/app?tag=1.0"},
		"pkg:generic/app@1.0":                                {Anything, "pkg:generic/app@1.0"},
		"pkg:oci/app@" + strings.ReplaceAll(sha, ":", "%3A"): {"pkg:oci/app@" + sha, sha},
		"pkg:npm/a@1":                                        {"pkg:npm/a@1"},
	} {
		for _, status := range []string{Affected, UnderInvestigation, NotAffected} {
			d := mustRead(t, open(`{"vulnerability":"CVE-1","status":"`+status+`","justification":"component_not_present","action_statement":"x","products":["`+product+`"]}`))
			facts := d.Facts(&d.Statements[0])
			if len(facts) != 1 {
				t.Fatalf("%s: %v", product, facts)
			}
			got := facts[0].Statement.Products
			unknown := slices.Contains(got, Anything)
			if against := status != NotAffected; unknown != (against && want[0] == Anything) || against && !slices.Equal(got, want) {
				t.Errorf("%s %s: %q", product, status, got)
			}
		}
	}
}

func TestNamesCountHoweverTheyAreWrittenAgainstAndExactlyFor(t *testing.T) {
	for name, want := range map[string]string{
		"cve-2026-1":   "CVE-2026-1",
		" CVE-2026-1 ": "CVE-2026-1",
		"https://nvd.nist.gov/vuln/detail/CVE-2026-1":           "CVE-2026-1",
		"https://github.com/advisories/ghsa-AAAA-bbbb-cccc?x#y": "GHSA-aaaa-bbbb-cccc",
		"Log4Shell (CVE-2026-1)":                                "CVE-2026-1",
		"rhsa-2026:1":                                           "rhsa-2026:1",
	} {
		s := Statement{Names: []string{name}}
		if got := s.NamesFor(Fact{Statement: gatekeep.VEXStatement{Status: NotAffected}}); !slices.Equal(got, []string{name}) {
			t.Errorf("for: %q", got)
		}
		if got := s.NamesFor(Fact{Statement: gatekeep.VEXStatement{Status: Affected}}); !slices.Contains(got, want) || !slices.Contains(got, name) {
			t.Errorf("against: %q", got)
		}
	}
}
