package predicate

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

var options = WrapOptions{
	Now:         time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
	ValidFor:    24 * time.Hour,
	Principal:   "bob",
	Nonce:       "n-1",
	Binding:     sha,
	Digest:      sha,
	Environment: "prod",
	Service:     "payments",
	Commit:      hash,
	Languages:   []string{"go"},
}

func TestEveryNameIsDescribed(t *testing.T) {
	var own []string
	for _, name := range Names() {
		name, line, ok := strings.Cut(name, "\t")
		if !ok || line == "" || strings.ContainsAny(line, "\t\n") {
			t.Errorf("%q has no line", name)
		}
		own = append(own, name)
	}
	for _, kind := range Kinds() {
		// Cosign signs images, and registries say what they take in.
		if !slices.Contains(own, kind) && kind != "image-signature" && kind != "publication" {
			t.Errorf("%s cannot be wrapped", kind)
		}
	}
	if len(own) != len(slices.Compact(slices.Sorted(slices.Values(own)))) {
		t.Errorf("a name stands twice: %v", own)
	}
	if w, err := Wrap("mystery", []byte("{}"), options); err == nil {
		t.Errorf("got %+v", w)
	}
}

// TestRealFiles wraps every vector: a name that ends in _fail is refused, and what is
// accepted is read again as verification reads it.
func TestRealFiles(t *testing.T) {
	for folder, name := range map[string]string{"sbom": "sbom", "vulns": "vulns", "sarif": "sarif", "vex": "vex", "provenance": "provenance", "plan": "plan"} {
		files, err := filepath.Glob(filepath.Join(vectors, folder, "*"))
		if err != nil || len(files) == 0 {
			t.Fatal(folder, err)
		}
		for _, file := range files {
			base := filepath.Base(file)
			fails := strings.Contains(base, "_fail") || base == "invalid-cyclonedx.json" || base == "invalid-spdx.json" || base == "null-package.json"
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w, err := Wrap(name, data, options)
			if (err != nil) != fails {
				t.Errorf("%s/%s: got %v, want refused %v", folder, base, err, fails)
			}
			if err != nil {
				continue
			}
			row, ok := Lookup(w.Type)
			if !ok || row.Kind != w.Kind || !slices.Equal(row.About, w.About) {
				t.Errorf("%s/%s: got %s %s %v", folder, base, w.Type, w.Kind, w.About)
			}
			// A statement holds the predicate compactly.
			compact, err := json.Marshal(json.RawMessage(w.Predicate))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := row.Decode(compact); err != nil {
				t.Errorf("%s/%s: wrapped, and then refused: %v", folder, base, err)
			}
		}
	}
}

func TestTypeFollowsFromTheFile(t *testing.T) {
	for _, c := range []struct{ name, file, uri string }{
		{"sbom", "sbom/alpine.cdx.json", cycloneDX},
		{"sbom", "sbom/alpine-small.spdx.json", spdxDocument},
		{"vulns", "vulns/grype.json", scan.CosignVuln},
		{"vulns", "vulns/trivy-alpine.json", scan.CosignVuln},
		{"vulns", "vulns/in-toto-v0.2.json", scan.VulnsV02},
		{"vulns", "vulns/osv-scanner.json", scan.CosignVuln},
		{"vulns", "vulns/govulncheck.json", own("scan-report")},
		{"sast", "sarif/empty.sarif", own("sast")},
		{"vex", "vex/v0.2.0.json", openVEX + "/v0.2.0"},
		{"vex", "vex/v0.0.1.json", openVEX},
		{"vex", "vex/csaf.json", csafSchema},
		{"provenance", "provenance/v0.2.json", slsaV02},
		{"sarif", "sarif/empty.sarif", own("sast")},
		{"plan", "plan/aws.json", own("iac-plan")},
	} {
		if w, err := Wrap(c.name, read(t, c.file), options); err != nil || w.Type != c.uri {
			t.Errorf("%s: got %s, %v; want %s", c.file, w.Type, err, c.uri)
		}
	}
	for text, uri := range map[string]string{
		`{"scanner":{"uri":"u","result":[{"vulnerability":{"id":"a"}}]},"metadata":{"scanFinishedOn":"2026-11-23T08:00:00Z"}}`:               scan.VulnsV01,
		`{"scanner":{"uri":"u","result":{"matches":[],"descriptor":{"name":"grype"}}},"metadata":{"scanFinishedOn":"2026-11-23T08:00:00Z"}}`: scan.CosignVuln,
	} {
		if w, err := Wrap("vulns", []byte(text), options); err != nil || w.Type != uri {
			t.Errorf("%s: got %s, %v; want %s", text, w.Type, err, uri)
		}
	}
	if w, err := Wrap("provenance", []byte(`{"buildDefinition":{"buildType":"t"},"runDetails":{"builder":{"id":"b"}}}`), options); err != nil || w.Type != slsaV1 {
		t.Errorf("got %s, %v; want %s", w.Type, err, slsaV1)
	}
}

func TestStatementIsNotTakenForItsPredicate(t *testing.T) {
	for _, name := range []string{"provenance", "vulns", "sbom", "vex", "sarif", "plan", "approval"} {
		if w, err := Wrap(name, []byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"x","predicate":{}}`), options); err == nil {
			t.Errorf("%s: got %+v", name, w)
		}
	}
}

func TestReportIsDatedByItself(t *testing.T) {
	claims := func(file string, o WrapOptions) map[string]any {
		t.Helper()
		w, err := Wrap("vulns", read(t, file), o)
		if err != nil {
			t.Fatal(err)
		}
		row, _ := Lookup(w.Type)
		c, err := row.Decode(w.Predicate)
		if err != nil {
			t.Fatal(err)
		}
		return c.Claims
	}
	trivy := map[string]any{"scanner_uri": "pkg:github/aquasecurity/trivy@dev", "scanner_version": "dev", "scan_started_on": "2021-08-25T12:20:30.000000005Z",
		"scan_finished_on": "2021-08-25T12:20:30.000000005Z", "db_last_update": "2026-11-23T06:00:00Z"}
	o := options
	o.DBLastUpdate = o.Now.Add(-4 * time.Hour)
	if diff := cmp.Diff(trivy, claims("vulns/trivy-alpine.json", o)); diff != "" {
		t.Error(diff)
	}
	if got := claims("vulns/grype.json", o); got["db_last_update"] == "2026-11-23T06:00:00Z" || got["db_last_update"] == "" {
		t.Errorf("the report says when its database was made, the claim is %v", got["db_last_update"])
	}
	if got := claims("vulns/grype-none.json", options)["scan_finished_on"]; got != "2026-11-23T10:00:00Z" {
		t.Errorf("got %v; want the time given", got)
	}
	if w, err := Wrap("vulns", read(t, "vulns/grype-none.json"), WrapOptions{}); err == nil {
		t.Errorf("dated without any time: %s", w.Predicate)
	}
}

func TestSARIFIsWrappedWithItsCommit(t *testing.T) {
	decode := func(o WrapOptions) map[string]any {
		t.Helper()
		w, err := Wrap("sarif", read(t, "sarif/suppression.sarif"), o)
		if err != nil {
			t.Fatal(err)
		}
		row, _ := Lookup(w.Type)
		c, err := row.Decode(w.Predicate)
		if err != nil {
			t.Fatal(err)
		}
		return c.Claims
	}
	want := map[string]any{"tool": "CodeScanner", "tool_version": "", "ruleset": "", "ruleset_version": "", "source_commit": hash, "scope": "full",
		"languages": []any{"go"}, "execution_successful": true, "finished_at": "2026-11-23T10:00:00Z"}
	if diff := cmp.Diff(want, decode(options)); diff != "" {
		t.Error(diff)
	}
	o := options
	o.FilesAnalyzed = ptr(0)
	if got := decode(o)["files_analyzed"]; got != 0 {
		t.Errorf("got %v files, want 0", got)
	}
	for name, o := range map[string]WrapOptions{"no commit": {Now: options.Now}, "short commit": {Now: options.Now, Commit: "c0ffee"}, "no time": {Commit: hash}} {
		if w, err := Wrap("sarif", read(t, "sarif/suppression.sarif"), o); err == nil {
			t.Errorf("%s: got %s", name, w.Predicate)
		}
	}
}

func TestWhatAFileLeavesOutIsFilledIn(t *testing.T) {
	w, err := Wrap("approval", []byte("decision: approve\n"), options)
	if err != nil {
		t.Fatal(err)
	}
	row, _ := Lookup(w.Type)
	c, err := row.Decode(w.Predicate)
	if err != nil {
		t.Fatal(err)
	}
	want := gatekeep.Approval{Principal: "bob", Decision: "approve", Intent: "deploy", Binding: sha, Digest: sha, Environment: "prod",
		ApprovedAt: "2026-11-23T10:00:00Z", ExpiresAt: "2026-11-24T10:00:00Z", Nonce: "n-1"}
	if diff := cmp.Diff(want, *c.Approval); diff != "" || w.Subject != sha {
		t.Errorf("subject %s: %s", w.Subject, diff)
	}
	for name, text := range map[string]string{
		"waiver":             "{id: W, rule: a/b, scope: {environments: [p], services: [s]}, reason: r, ticket: t, requestedBy: alice, grantedBy: [bob]}",
		"break-glass-grant":  "{id: G, principal: alice, incident: I, covers: [a/b], maxUses: 1, reason: r}",
		"break-glass-review": "{grant: G, uses: [{decisionId: d}], findings: none, outcome: justified}",
		"freeze-exemption":   "{id: E, window: w, reason: r, grantedBy: [bob], maxUses: 1}",
		"calendar":           "{revision: 1, windows: [{id: w, kind: freeze, title: t, tz: Europe/Berlin, recurrence: {start: 2026-12-20T00:00:00, endLocal: 2026-12-21T00:00:00}}]}",
		"rollout-plan":       "{strategy: canary, maxDurationSeconds: 60}",
		"data-flow":          "{processors: [], transfers: []}",
		"residency":          "{resources: [{address: a, provider: aws, region: eu-west-1}]}",
		"incident":           "{id: I, status: open}",
	} {
		text = "---\n" + text
		w, err := Wrap(name, []byte(text), options)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		_, own, err := digest.JCS(json.RawMessage(w.Predicate))
		if err != nil {
			t.Fatal(err)
		}
		switch want := w.Subject; {
		case name == "freeze-exemption" || name == "rollout-plan":
			if want != sha {
				t.Errorf("%s is about %s, want the binding", name, want)
			}
		case want != own:
			t.Errorf("%s is about %s, want its own digest %s", name, want, own)
		}
		if w, err := Wrap(name, []byte(text), WrapOptions{}); err == nil && name != "residency" {
			t.Errorf("%s without options: got %s", name, w.Predicate)
		}
	}
}

func TestWhatAFileSaysStands(t *testing.T) {
	for kind, text := range good {
		if kind == "scan-report" {
			continue // made of what vulns wraps
		}
		w, err := Wrap(kind, []byte(text), options)
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		var got, want map[string]any
		if err := json.Unmarshal(w.Predicate, &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		for field, value := range want {
			if diff := cmp.Diff(value, got[field]); diff != "" {
				t.Errorf("%s: %s was changed: %s", kind, field, diff)
			}
		}
	}
	if w, err := Wrap("approval", []byte(`{"decision":"approve","nonce":""}`), options); err == nil {
		t.Errorf("an empty nonce was filled in: %s", w.Predicate)
	}
}

func TestPlanIsNamedByItsContent(t *testing.T) {
	w, err := Wrap("plan", read(t, "plan/aws.json"), options)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := PlanDigest(read(t, "plan/aws.json"))
	if err != nil || w.Subject != sum || !digest.Valid(sum) {
		t.Errorf("got %s and %s, %v", w.Subject, sum, err)
	}
	var document any
	if err := json.Unmarshal(read(t, "plan/aws.json"), &document); err != nil {
		t.Fatal(err)
	}
	spaced, err := json.MarshalIndent(document, "", "    ")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := PlanDigest(spaced); err != nil || again != sum {
		t.Errorf("spaces change the digest: %s, %v", again, err)
	}
	if sum, err := PlanDigest([]byte(`{"a":1,"a":2}`)); err == nil {
		t.Errorf("got %s for a document that can be read in two ways", sum)
	}
}

func FuzzDecode(f *testing.F) {
	for _, text := range good {
		f.Add([]byte(text))
	}
	for _, folder := range []string{"vulns", "vex", "provenance", "sbom"} {
		files, err := filepath.Glob(filepath.Join(vectors, folder, "*"))
		if err != nil || len(files) == 0 {
			f.Fatal(folder, err)
		}
		for _, file := range files {
			if data, err := os.ReadFile(file); err != nil {
				f.Fatal(err)
			} else if len(data) < 20_000 {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, row := range Types {
			c, err := row.Decode(data)
			if err != nil {
				continue
			}
			if c == nil || c.Claims == nil {
				t.Fatalf("%s: no content and no error", row.URIs[0])
			}
			if _, err := json.Marshal(c.Claims); err != nil {
				t.Fatalf("%s: claims that are no JSON: %v", row.URIs[0], err)
			}
			if a := c.Approval; a != nil && (a.Principal == "" || a.Nonce == "" || !digest.Valid(a.Binding)) {
				t.Fatalf("approval %+v", a)
			}
			c.ConfineVEX([]string{sha})
		}
	})
}

func FuzzWrap(f *testing.F) {
	for name, text := range good {
		f.Add(name, []byte(text))
	}
	f.Add("vulns", []byte(`{"matches":[],"descriptor":{"name":"grype"}}`))
	f.Add("sarif", []byte(log))
	f.Add("plan", []byte(`{"format_version":"1.2","planned_values":{}}`))
	f.Add("calendar", []byte("revision: 1\nwindows: []\n"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		w, err := Wrap(name, data, options)
		if err != nil {
			return
		}
		compact, err := json.Marshal(json.RawMessage(w.Predicate))
		if err != nil {
			t.Fatal(err)
		}
		row, ok := Lookup(w.Type)
		if !ok {
			t.Fatalf("unknown type %s", w.Type)
		}
		if _, err := row.Decode(compact); err != nil {
			t.Fatalf("wrapped, and then refused: %v", err)
		}
	})
}
