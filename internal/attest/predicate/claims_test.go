package predicate

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/imagesignature"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/intoto"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// said is a predicate of a type that only makes claims, with some of those.
type said struct {
	uri, kind string
	about     []About
	raw       string
	claims    map[string]any
}

const (
	newSummary = `{"verifier":{"id":"https://v.example/1"},"timeVerified":"2026-11-01T10:00:00Z","resourceUri":"pkg:oci/app","policy":{"uri":"p"},
		"verificationResult":"PASSED","verifiedLevels":["SLSA_BUILD_LEVEL_3"]}`
	oldSummary = `{"verifier":{"id":"https://v.example/1"},"time_verified":"2026-11-01T10:00:00Z","resource_uri":"pkg:oci/app","policy":{"uri":"p"},
		"policy_level":"SLSA_LEVEL_3","verification_result":"FAILED"}`
	verified     = `{"verifier":{"id":"https://v.example/2"},"timeCreated":"2026-11-01T10:00:00Z","properties":["SLSA_BUILD_LEVEL_3"]}`
	attributes   = `{"attributes":[{"attribute":"WITH_STACK_PROTECTION"}],"producer":{"uri":"https://gcc.example"}}`
	sourceLine   = `{"repo_uri":"https://github.com/o/r","activity_type":"pr_merge","actor":"bob","branch":"refs/heads/main","created_on":"2026-01-02T03:04:05Z","controls":[]}`
	sourceTag    = `{"repo_uri":"https://github.com/o/r","actor":"bob","tag":"v1","created_on":"2026-01-02T03:04:05Z","controls":[]}`
	scorecard    = `{"date":"2026-01-01","repo":{"name":"github.com/o/r","commit":"c"},"scorecard":{"version":"v5"},"score":8.7,"checks":[{"name":"Fuzzing","score":-1}]}`
	atlas        = `{"Env":{"Driver":"postgres","Dir":"m"},"Files":[{"Name":"1.sql","Reports":[{"Text":"t","Diagnostics":[{"Text":"drops pets","Code":"DS102"}]}]}]}`
	flyway       = `{"database":"app","flywayVersion":"10","operation":"info","migrations":[{"version":"1","state":"Success"},{"version":"2","state":"Pending"},{"version":"3","state":"Failed"}]}`
	liquibase    = "2 changesets have not been applied to app@jdbc:h2:mem\n     c.xml::1::bob\n     c.xml::2::ann\n"
	podJSON      = `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","namespace":"n"},"spec":{"containers":[{"image":"b:1"},{"image":"a:1"}]}}`
	oneFlag      = `{"flags":{"b":{"state":"DISABLED","variants":{"on":true}},"a":{"state":"ENABLED","variants":{"on":true},"targeting":{"if":[]}}}}`
	npmPublish   = "https://github.com/npm/attestation/tree/main/specs/publish/v0.1"
	pypiPublish  = "https://docs.pypi.org/attestations/publish/v1"
	runtimeTrace = `{"monitor":{"type":"https://tetragon.io/v1"},"monitoredProcess":{"hostID":"h","type":"t","event":"push"},"monitorLog":{"process":[{}],"network":[],"fileAccess":[{},{}]}}`
)

func carrying(tool, document string) string {
	return `{"tool":"` + tool + `","document":` + document + `}`
}

// quoted is a text as JSON.
func quoted(text string) string {
	out, err := json.Marshal(text)
	if err != nil {
		panic(err) // a text is always JSON
	}
	return string(out)
}

// whatIsSaid has every type that only makes claims.
var whatIsSaid = []said{
	{imagesignature.Type, "image-signature", []About{Artifact}, `{}`, map[string]any{}},
	{imagesignature.Type, "image-signature", []About{Artifact}, `null`, map[string]any{}},
	{slsaVSA + "v1", "verification-summary", []About{Artifact, Commit}, newSummary, map[string]any{"verifier_id": "https://v.example/1", "verification_result": "PASSED", "verified_levels": []any{"SLSA_BUILD_LEVEL_3"}}},
	{slsaVSA + "v0.2", "verification-summary", []About{Artifact, Commit}, oldSummary, map[string]any{"verifier_id": "https://v.example/1", "verification_result": "FAILED", "verified_levels": []any{"SLSA_LEVEL_3"}}},
	{slsaVSA + "v0.1", "verification-summary", []About{Artifact, Commit}, oldSummary, map[string]any{"verification_result": "FAILED"}},
	{framework + "svr/v0.2", "verification-result", []About{Artifact, Commit}, verified, map[string]any{"verifier_id": "https://v.example/2", "properties": []any{"SLSA_BUILD_LEVEL_3"}}},
	{framework + "svr/v0.1", "verification-result", []About{Artifact, Commit}, verified, map[string]any{"time_created": "2026-11-01T10:00:00Z"}},
	{framework + "test-result/v0.1", "test-result", []About{Artifact, Commit}, `{"result":"FAILED","configuration":[{"name":"ci.yml"}],"passedTests":["a","b"],"failedTests":["c"]}`,
		map[string]any{"result": "FAILED", "passed": 2, "failed": 1, "suites": []any{"ci.yml"}}},
	{framework + "release/v0.1", "release", []About{Artifact}, `{"purl":"pkg:npm/left@1"}`, map[string]any{"purl": "pkg:npm/left@1", "tag": ""}},
	{framework + "release/v0.2", "release", []About{Artifact}, `{"purl":"pkg:github/o/r@v1","repository":"o/r","tag":"v1"}`, map[string]any{"repository": "o/r", "tag": "v1"}},
	{framework + "reference/v0.1", "reference", []About{Artifact, Commit}, `{"attester":{"id":"a"},"references":[{"downloadLocation":"https://x","digest":{"sha256":"ab"}}]}`,
		map[string]any{"attester": "a", "references": []any{map[string]any{"location": "https://x", "digest": map[string]any{"sha256": "ab"}, "media_type": ""}}}},
	{framework + "scai/v0.3", "scai", []About{Artifact, Commit}, attributes, map[string]any{"producer": "https://gcc.example"}},
	{framework + "scai/attribute-report/v0.2", "scai", []About{Artifact, Commit}, attributes, map[string]any{"producer": "https://gcc.example"}},
	{framework + "runtime-trace/v0.1", "runtime-trace", []About{Artifact}, runtimeTrace, map[string]any{"monitor": "https://tetragon.io/v1", "processes": 1, "file_accesses": 2}},
	{sourceTrack + "source-provenance/v1-draft", "source-provenance", []About{Commit}, sourceLine, map[string]any{"repo": "https://github.com/o/r", "activity": "pr_merge", "tag": ""}},
	{sourceTrack + "tag-provenance/v1-draft", "source-provenance", []About{Commit}, sourceTag, map[string]any{"repo": "https://github.com/o/r", "activity": "tag", "tag": "v1"}},
	{npmPublish, "publication", []About{Artifact}, `{"name":"left","version":"1","registry":"https://registry.example"}`, map[string]any{"name": "left", "version": "1"}},
	{pypiPublish, "publication", []About{Artifact}, `null`, map[string]any{"name": "", "version": "", "registry": ""}},
	{pypiPublish, "publication", []About{Artifact}, `{}`, map[string]any{"name": ""}},
	{"https://scorecard.dev/result/v0.1", "scorecard", []About{Artifact, Commit}, scorecard, map[string]any{"repo": "github.com/o/r", "score": 8.7, "checks": map[string]any{"Fuzzing": -1.0}}},
	{own("flag-config"), "flag-config", []About{Artifact, Commit, Self}, carrying("flagd", oneFlag),
		map[string]any{"tool": "flagd", "flags": []any{"a", "b"}, "enabled": 1, "disabled": 1, "with_targeting": 1}},
	{own("migration-plan"), "migration-plan", []About{Artifact, Commit}, carrying("flyway", flyway), map[string]any{"tool": "flyway", "database": "app", "pending": 1, "failed": 1}},
	{own("migration-plan"), "migration-plan", []About{Artifact, Commit}, carrying("atlas", atlas), map[string]any{"tool": "atlas", "database": "postgres", "pending": 1, "failed": 0,
		"items": []any{map[string]any{"id": "1.sql", "state": "pending", "lint": []any{map[string]any{"code": "DS102", "text": "drops pets"}}}}}},
	{own("migration-plan"), "migration-plan", []About{Artifact, Commit}, carrying("liquibase", quoted(liquibase)), map[string]any{"tool": "liquibase", "pending": 2,
		"items": []any{map[string]any{"id": "c.xml::1::bob", "state": "pending", "lint": []any{}}, map[string]any{"id": "c.xml::2::ann", "state": "pending", "lint": []any{}}}}},
	{own("manifests"), "manifests", []About{Artifact, Commit}, carrying("kubernetes", podJSON), map[string]any{"tool": "kubernetes",
		"objects": []any{map[string]any{"api_version": "v1", "kind": "Pod", "namespace": "n", "name": "p", "images": []any{"a:1", "b:1"}}}}},
	{own("manifests"), "manifests", []About{Artifact, Commit}, carrying("kubernetes", `{"apiVersion":"v1","kind":"List","items":[`+podJSON+`,`+podJSON+`]}`), nil},
}

func TestWhatOthersSayBecomesClaims(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range whatIsSaid {
		seen[c.uri] = true
		t.Run(c.kind+" "+digest.Of([]byte(c.raw))[7:13], func(t *testing.T) {
			row, ok := Lookup(c.uri)
			if !ok || row.Kind != c.kind || !slices.Equal(row.About, c.about) {
				t.Fatalf("%s is %q about %v", c.uri, row.Kind, row.About)
			}
			got, err := row.Decode([]byte(c.raw))
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range c.claims {
				if diff := cmp.Diff(want, got.Claims[name]); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
			if got.Claims == nil || len(c.claims) == 0 && c.kind == "image-signature" && len(got.Claims) != 0 {
				t.Errorf("got claims %v", got.Claims)
			}
			if got.SBOM != nil || got.SCA != nil || got.SAST != nil || got.VEX != nil || got.Approval != nil || got.Waiver != nil || got.Grant != nil {
				t.Errorf("what only makes claims is taken for more: %+v", got)
			}
		})
	}
	for _, row := range Types {
		for _, uri := range row.URIs {
			if slices.ContainsFunc(whatIsSaid, func(c said) bool { return c.kind == row.Kind }) && !seen[uri] {
				t.Errorf("there is no example of %s", uri)
			}
		}
	}
}

// encoding/json takes "Result" for "result": a text with both would have two readings.
func TestNamesThatDifferInCaseOnlyAreRefused(t *testing.T) {
	for _, c := range whatIsSaid {
		start := strings.IndexByte(c.raw, '"')
		if start < 0 {
			continue // nothing to name
		}
		name := c.raw[start+1 : start+1+strings.IndexByte(c.raw[start+1:], '"')]
		folded := strings.ToUpper(name[:1]) + name[1:]
		if folded == name {
			folded = strings.ToLower(name)
		}
		row, _ := Lookup(c.uri)
		if got, err := row.Decode([]byte(strings.Replace(c.raw, "{", `{"`+folded+`":null,`, 1))); err == nil {
			t.Errorf("%s takes %q beside %q: %v", c.uri, folded, name, got.Claims)
		}
	}
	for _, c := range []struct{ kind, tool, document string }{
		{"flag-config", "flagd", strings.Replace(oneFlag, `"state"`, `"State":"DISABLED","state"`, 1)},
		{"manifests", "kubernetes", strings.Replace(podJSON, `"image"`, `"Image":"c:1","image"`, 1)},
		{"migration-plan", "flyway", strings.Replace(flyway, `"state"`, `"State":"Success","state"`, 1)},
		{"migration-plan", "flyway", quoted(strings.Replace(flyway, `"state"`, `"state":"Success","state"`, 1))},
		{"migration-plan", "flyway", quoted(strings.Replace(flyway, `"state"`, `"State":"Success","state"`, 1))},
	} {
		row, _ := Lookup(own(c.kind))
		if got, err := row.Decode([]byte(carrying(c.tool, c.document))); err == nil {
			t.Errorf("%s with two readings: %v", c.kind, got.Claims)
		}
	}
}

func TestWhatSaysNothingReliableIsRefused(t *testing.T) {
	for name, c := range map[string]struct{ uri, raw, want string }{
		"an image signature that is a list":  {imagesignature.Type, `[]`, "reading image signature"},
		"a new summary under the old type":   {slsaVSA + "v0.2", newSummary, "resource_uri is missing"},
		"an old summary under the new type":  {slsaVSA + "v1", oldSummary, "resourceUri is missing"},
		"a result that is another word":      {framework + "test-result/v0.1", `{"result":"passed","configuration":[]}`, "none of PASSED"},
		"a source line under the tag's type": {sourceTrack + "tag-provenance/v1-draft", sourceLine, "tag is missing"},
		"a publication that is a text":       {npmPublish, `"left"`, "reading publication"},
		"a scorecard without checks":         {"https://scorecard.dev/result/v0.1", `{"repo":{"name":"r"},"score":1,"checks":[]}`, "checks is missing"},
		"flags without a tool":               {own("flag-config"), `{"document":` + oneFlag + `}`, "'tool'"},
		"flags of another tool":              {own("flag-config"), carrying("unleash", oneFlag), "tool: "},
		"flags in a text":                    {own("flag-config"), carrying("flagd", quoted(oneFlag)), "document: "},
		"flags that are not in it":           {own("flag-config"), carrying("flagd", `{}`), "flags is missing"},
		"a plan under another tool's name":   {own("migration-plan"), carrying("atlas", flyway), "a report of flyway, not of atlas"},
		"a plan that nobody made":            {own("migration-plan"), carrying("liquibase", `"hello"`), "document: "},
		"manifests of nothing":               {own("manifests"), carrying("kubernetes", `{"apiVersion":"v1","kind":"List","items":[]}`), "it holds no object"},
		"a manifest without kind":            {own("manifests"), carrying("kubernetes", `{"apiVersion":"v1"}`), "kind is missing"},
		"manifests beside a field":           {own("manifests"), `{"tool":"kubernetes","document":` + podJSON + `,"more":1}`, "'more'"},
		"nothing":                            {framework + "svr/v0.2", ``, "reading predicate"},
	} {
		t.Run(name, func(t *testing.T) {
			row, ok := Lookup(c.uri)
			if !ok {
				t.Fatalf("no type %s", c.uri)
			}
			if got, err := row.Decode([]byte(c.raw)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v; want %q", got, err, c.want)
			}
		})
	}
	if _, err := saying(func([]byte) (intoto.Claims, error) { return intoto.Claims{}, nil })([]byte(`{"a":1,"A":2}`)); err == nil {
		t.Error("a reader was asked about a text with two readings")
	}
}

func TestProvenanceOfTheFirstVersionIsRead(t *testing.T) {
	row, _ := Lookup(slsaV01)
	got, err := row.Decode([]byte(`{"builder":{"id":"https://ci.example"},"recipe":{"type":"https://ci.example/make","definedInMaterial":0,"entryPoint":"release"},
		"metadata":{"buildInvocationId":"1"},"materials":[{"uri":"git+https://git.example/r@refs/heads/main","digest":{"sha1":"` + hash + `"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Claims["builder_id"] != "https://ci.example" || got.Claims["build_type"] != "https://ci.example/make" || got.Claims["source_commit"] != hash {
		t.Errorf("got %v", got.Claims)
	}
	for _, uri := range []string{slsaV1, slsaV02} {
		other, _ := Lookup(uri)
		if got, err := other.Decode([]byte(`{"builder":{"id":"https://ci.example"},"recipe":{"type":"t"}}`)); err == nil {
			t.Errorf("%s takes a predicate of v0.1: %v", uri, got.Claims)
		}
	}
}

const (
	leftXML      = `<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1"><components><component type="library"><name>left</name><version>2</version><purl>pkg:npm/left@2</purl></component></components></bom>`
	leftTagValue = "SPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\nPackageName: left\nPackageVersion: 2\nExternalRef: PACKAGE-MANAGER purl pkg:npm/left@2\n"
	leftSPDX3    = `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"CreationInfo","@id":"_:c","specVersion":"3.0.1"},
		{"type":"software_Package","spdxId":"urn:left","name":"left","software_packageVersion":"2","software_packageUrl":"pkg:npm/left@2"}]}`
)

// What is no JSON is attested as a text, the way cosign does it; it says what the same
// document says as JSON.
func TestAnSBOMOfEveryFormIsAPredicate(t *testing.T) {
	for name, c := range map[string]struct{ uri, raw, format, version string }{
		"XML in a text":                  {cycloneDX, quoted(leftXML), sbom.CycloneDX, "1.5"},
		"XML in a text, of a version":    {cycloneDX + "/v1.5", quoted(leftXML), sbom.CycloneDX, "1.5"},
		"XML after a byte order mark":    {cycloneDX, quoted("\ufeff" + leftXML), sbom.CycloneDX, "1.5"},
		"tag-value in a text":            {spdxDocument, quoted(leftTagValue), sbom.SPDX, "2.3"},
		"SPDX 3":                         {spdxDocument + "/v3", leftSPDX3, sbom.SPDX, "3.0.1"},
		"SPDX 3 under the plain type":    {spdxDocument, leftSPDX3, sbom.SPDX, "3.0.1"},
		"JSON in a text, as cosign does": {spdxDocument, quoted(leftSPDX3), sbom.SPDX, "3.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			row, _ := Lookup(c.uri)
			got, err := row.Decode([]byte(c.raw))
			if err != nil {
				t.Fatal(err)
			}
			s := got.SBOM
			if s.Format != c.format || s.SpecVersion != c.version || s.ComponentCount != 1 || s.UnidentifiedCount != 0 || s.Ref != digest.Of([]byte(c.raw)) {
				t.Errorf("got %+v", s)
			}
			if diff := cmp.Diff(map[string]any{"pkg:npm/left@2": "left"}, s.Index["by_purl"]); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(map[string]any{"content_digest": s.Ref, "spec_version": c.version, "component_count": 1, "format": c.format}, got.Claims); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, c := range map[string]struct{ uri, raw string }{
		"XML under the type of SPDX":        {spdxDocument, quoted(leftXML)},
		"tag-value under CycloneDX's":       {cycloneDX, quoted(leftTagValue)},
		"JSON with two readings, in a text": {spdxDocument, quoted(strings.Replace(leftSPDX3, "{", `{"@graph":[],`, 1))},
		"a text within a text":              {cycloneDX, quoted(quoted(leftXML))},
		"an empty text":                     {cycloneDX, `""`},
		"half a text":                       {cycloneDX, `"<bom`},
		"an XML with entities":              {cycloneDX, quoted(`<!DOCTYPE b [<!ENTITY a "aa">]>` + leftXML)},
		"null":                              {spdxDocument, `null`},
	} {
		row, _ := Lookup(c.uri)
		if got, err := row.Decode([]byte(c.raw)); err == nil {
			t.Errorf("%s: got %+v", name, got.SBOM)
		}
	}
}
