package attest

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
)

// scanned is a believed statement with a predicate as it stands on the wire.
func scanned(t testing.TB, id, uri, raw string, subjects ...string) Statement {
	t.Helper()
	row, ok := predicate.Lookup(uri)
	if !ok {
		t.Fatalf("no type %s", uri)
	}
	c, err := row.Decode([]byte(raw))
	if err != nil {
		t.Fatalf("%s: %v", id, err)
	}
	return believed(id, row.Kind, *c, subjects...)
}

func cosignVuln(report string) string {
	return `{"scanner":{"uri":"u","result":` + report + `},"metadata":{"scanFinishedOn":"2026-11-23T09:00:00Z"}}`
}

func merged(statements ...Statement) map[string]gatekeep.SCAFinding {
	f := twoPlatforms()
	evidenceOf(statements...).Apply(&f)
	return f.Findings.SCA
}

const (
	grypeGHSA = `{"matches":[{"vulnerability":{"id":"GHSA-aaaa-bbbb-cccc","namespace":"github:language:go","severity":"Medium","fix":{"versions":["1.1.0"]}},
		"relatedVulnerabilities":[{"id":"CVE-2026-1","namespace":"nvd:cpe"}],"artifact":{"name":"x/y","version":"v1.0.0","purl":"pkg:golang/x/y@v1.0.0","locations":[{"path":"/app"}]}}],"descriptor":{"name":"grype"}}`
	trivyCVE = `{"SchemaVersion":2,"Results":[{"Target":"app","Class":"lang-pkgs","Type":"gobinary","Vulnerabilities":[{"VulnerabilityID":"CVE-2026-1","PkgName":"x/y","InstalledVersion":"v1.0.0","FixedVersion":"1.1.0",
		"PkgIdentifier":{"PURL":"pkg:golang/x/y@v1.0.0"},"Severity":"HIGH","SeveritySource":"nvd","CVSS":{"nvd":{"V3Vector":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H","V3Score":7.5}}}]}]}`
	osvGO    = `{"results":[{"source":{"path":"go.mod"},"packages":[{"package":{"name":"x/y","version":"1.0.0","ecosystem":"Go"},"vulnerabilities":[{"id":"GO-2026-7","aliases":["GHSA-aaaa-bbbb-cccc"]}],"groups":[{"ids":["GO-2026-7"]}]}]}]}`
	govulnGO = `{"format":"govulncheck","finishedAt":"2026-11-23T09:00:00Z","report":[{"config":{"protocol_version":"v1.0.0","scan_level":"symbol"}},{"finding":{"osv":"GO-2026-7","fixed_version":"v1.1.0","trace":[{"module":"x/y","version":"v1.0.0"}]}}]}`

	trivyURI = "https://trivy.dev/report"
	osvURI   = "https://ossf.github.io/osv-schema/results@v1"
	ownURI   = "https://gatekeep.dev/scan-report/v1"
)

// Each scanner knows the vulnerability by another name, and none but one knows its CVE
// with all the others.
func TestOneVulnerabilityFoundByFourScannersIsOneFinding(t *testing.T) {
	no := false
	statements := []Statement{
		scanned(t, "a", scan.CosignVuln, cosignVuln(grypeGHSA), amd), scanned(t, "b", trivyURI, trivyCVE, amd),
		scanned(t, "c", osvURI, osvGO, amd), scanned(t, "d", ownURI, govulnGO, amd),
	}
	want := map[string]gatekeep.SCAFinding{"CVE-2026-1 pkg:golang/x/y@v1.0.0": {ID: "CVE-2026-1", Aliases: []string{"GHSA-aaaa-bbbb-cccc", "GO-2026-7"}, Severity: "high", SeverityFrom: "nvd",
		PURL: "pkg:golang/x/y@v1.0.0", FixedIn: "1.1.0, v1.1.0", Score: 7.5, Vector: "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H", Locations: []string{"/app", "app", "go.mod"},
		Attestations: []string{"a", "b", "c", "d"}, Scanners: []string{"govulncheck", "grype", "osv-scanner", "trivy"}, Reachable: &no}}
	for range 24 {
		if diff := cmp.Diff(want, merged(statements...)); diff != "" {
			t.Fatal(diff)
		}
		rand.Shuffle(len(statements), func(i, j int) { statements[i], statements[j] = statements[j], statements[i] })
	}
	// Without the statement that links the names there are two.
	rest := slices.DeleteFunc(statements, func(s Statement) bool { return s.ID == "a" })
	if got := merged(rest...); len(got) != 2 || len(got["CVE-2026-1 pkg:golang/x/y@v1.0.0"].Scanners) != 1 || len(got["GHSA-aaaa-bbbb-cccc pkg:golang/x/y@v1.0.0"].Scanners) != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestSuppressedByOneScannerIsOpenByAnother(t *testing.T) {
	hidden := strings.Replace(strings.Replace(grypeGHSA, `"matches":[`, `"matches":[],"ignoredMatches":[`, 1), `"artifact"`, `"appliedIgnoreRules":[{"reason":"accepted"}],"artifact"`, 1)
	a, b := scanned(t, "a", scan.CosignVuln, cosignVuln(hidden), amd), scanned(t, "b", trivyURI, trivyCVE, amd)
	for _, statements := range [][]Statement{{a, b}, {b, a}, {a}} {
		got := merged(statements...)["CVE-2026-1 pkg:golang/x/y@v1.0.0"]
		if len(got.Scanners) != len(statements) || !slices.Equal(got.Suppressed, []gatekeep.Suppression{{By: "grype", Reason: "accepted"}}) {
			t.Errorf("got %+v", got)
		}
	}
}

// That nothing calls it in one artifact says nothing of the other.
func TestUnreachableHoldsForWhatWasLookedAt(t *testing.T) {
	called := strings.Replace(govulnGO, `"version":"v1.0.0"`, `"version":"v1.0.0","function":"F"`, 1)
	no, yes := false, true
	for name, c := range map[string]struct {
		statements []Statement
		want       *bool
	}{
		"same artifact":      {[]Statement{scanned(t, "a", osvURI, osvGO, amd), scanned(t, "b", ownURI, govulnGO, amd)}, &no},
		"another artifact":   {[]Statement{scanned(t, "a", osvURI, osvGO, arm), scanned(t, "b", ownURI, govulnGO, amd)}, nil},
		"one of two":         {[]Statement{scanned(t, "a", osvURI, osvGO, amd, arm), scanned(t, "b", ownURI, govulnGO, amd)}, nil},
		"both":               {[]Statement{scanned(t, "a", osvURI, osvGO, amd), scanned(t, "b", ownURI, govulnGO, amd, arm)}, &no},
		"no artifact at all": {[]Statement{scanned(t, "a", osvURI, osvGO), scanned(t, "b", ownURI, govulnGO, amd)}, nil},
		"called elsewhere":   {[]Statement{scanned(t, "a", ownURI, called, arm), scanned(t, "b", ownURI, govulnGO, amd)}, &yes},
		"nobody looked":      {[]Statement{scanned(t, "a", osvURI, osvGO, amd)}, nil},
	} {
		got := merged(c.statements...)["GO-2026-7 pkg:golang/x/y@v1.0.0"]
		if got.ID == "" {
			got = merged(c.statements...)["GHSA-aaaa-bbbb-cccc pkg:golang/x/y@v1.0.0"]
		}
		if diff := cmp.Diff(c.want, got.Reachable); diff != "" || got.ID == "" {
			t.Errorf("%s: %+v %s", name, got, diff)
		}
	}
}

func TestFeedsTellOfExploitation(t *testing.T) {
	const feed = "https://gatekeep.dev/exploit-feed/v1"
	a := scanned(t, "a", scan.CosignVuln, cosignVuln(grypeGHSA), amd)
	kev := scanned(t, "k", feed, `{"source":"kev","fetchedAt":"2026-11-23T09:00:00Z","exploited":["cve-2026-1"],"epss":{}}`)
	epss := scanned(t, "e", feed, `{"source":"epss","fetchedAt":"2026-11-23T09:00:00Z","exploited":["CVE-2026-9"],"epss":{"CVE-2026-1":0.25,"GHSA-aaaa-bbbb-cccc":0.125}}`)
	later := scanned(t, "l", feed, `{"source":"epss","fetchedAt":"2026-11-24T09:00:00Z","exploited":[],"epss":{"CVE-2026-1":0.0625}}`)
	const key = "CVE-2026-1 pkg:golang/x/y@v1.0.0"
	for _, statements := range [][]Statement{{a, kev, epss, later}, {later, epss, kev, a}} {
		if got := merged(statements...)[key]; !got.Exploited || got.EPSS == nil || *got.EPSS != 0.25 || !slices.Equal(got.Attestations, []string{"a"}) {
			t.Errorf("got %+v", got)
		}
	}
	if got := merged(a, epss)[key]; got.Exploited {
		t.Errorf("got %+v", got)
	}
	if got := merged(a)[key]; got.Exploited || got.EPSS != nil {
		t.Errorf("without a feed: %+v", got)
	}
	if kev.Kind != "exploit-feed" || len(kev.Content.Claims) != 4 {
		t.Errorf("got %+v", kev)
	}
}

// TestRealReportsMergeWithoutLoss believes every real report there is, of whatever: each
// vulnerability of each component is there once, and none is gone.
func TestRealReportsMergeWithoutLoss(t *testing.T) {
	var statements []Statement
	reported := 0
	for _, pattern := range []string{"ampel/*", "trivy-golden/*", "govulncheck/*", "defectdojo/*/*"} {
		files, err := filepath.Glob(filepath.Join("../../testdata/corpus/reports", pattern))
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r, err := scan.ReadReport(data)
			if err != nil || len(r.Vulns) == 0 {
				continue
			}
			statements = append(statements, believed(file, "vulns", predicate.Content{SCA: r.Vulns}, amd))
			reported += len(r.Vulns)
		}
	}
	got := merged(statements...)
	if len(statements) < 40 || len(got) >= reported {
		t.Errorf("%d reports of %d findings became %d", len(statements), reported, len(got))
	}
	for _, s := range statements {
		for _, f := range s.Content.SCA {
			known, ok := got[f.ID+" "+f.PURL]
			for _, g := range got {
				if !ok && g.PURL == f.PURL && slices.Contains(g.Aliases, f.ID) {
					known, ok = g, true
				}
			}
			if !ok || !slices.Contains(known.Attestations, s.ID) || !slices.Contains(known.Scanners, f.Scanners[0]) {
				t.Errorf("%s: %s in %s is gone: %+v", s.ID, f.ID, f.PURL, known)
			}
		}
	}
	slices.Reverse(statements)
	one, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	if two, err := json.Marshal(merged(statements...)); err != nil || string(one) != string(two) {
		t.Error("the order of statements counts")
	}
	several := 0
	for _, f := range got {
		if len(f.Scanners) > 1 {
			several++
		}
	}
	t.Logf("%d reports, %d findings, %d after merging, %d by several scanners", len(statements), reported, len(got), several)
}
