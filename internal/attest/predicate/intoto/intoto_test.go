package intoto

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// corpus is where the examples of the specifications lie.
const corpus = "../../../../testdata/corpus/"

// predicateOf is the predicate of a bare statement.
func predicateOf(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpus, name))
	if err != nil {
		t.Fatal(err)
	}
	var statement struct {
		Predicate json.RawMessage `json:"predicate"`
	}
	if err := json.Unmarshal(data, &statement); err != nil {
		t.Fatal(err)
	}
	return statement.Predicate
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpus, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const (
	vsa = `{"verifier":{"id":"https://v.example/1"},"timeVerified":"2026-11-01T10:00:00Z","resourceUri":"pkg:oci/app",
		"policy":{"uri":"https://v.example/policy","digest":{"sha256":"ab"}},"inputAttestations":[{"uri":"x"}],
		"verificationResult":"PASSED","verifiedLevels":["SLSA_BUILD_LEVEL_3"],"dependencyLevels":{"SLSA_BUILD_LEVEL_2":5},"slsaVersion":"1.1"}`
	oldVSA = `{"verifier":{"id":"https://v.example/1"},"time_verified":"2026-11-01T10:00:00Z","resource_uri":"pkg:oci/app",
		"policy":{"uri":"p"},"policy_level":"SLSA_LEVEL_3","verification_result":"FAILED","dependency_levels":{}}`
	trace = `{"monitor":{"type":"https://tetragon.io/v1"},"monitoredProcess":{"hostID":"h","type":"https://github.com/Attestations/GitHubHostedActions@v1","event":"push"},
		"monitorLog":{"process":[{},{}],"network":[{}],"fileAccess":[]}}`
	sourceDoc = `{"prev_commit":"aa","repo_uri":"https://github.com/o/r","activity_type":"pr_merge","actor":"bob","branch":"refs/heads/main",
		"created_on":"2026-01-02T03:04:05.678Z","controls":[{"name":"CONTINUITY_ENFORCED","since":"2025-12-01T00:00:00Z"}]}`
	tagDoc  = `{"repo_uri":"https://github.com/o/r","actor":"bob","tag":"v1","created_on":"2026-01-02T03:04:05Z","controls":[],"vsa_summaries":[]}`
	publish = `{"name":"left","version":"1.0.0","registry":"https://registry.example"}`
)

func TestPredicatesSayWhatRulesAsk(t *testing.T) {
	for name, c := range map[string]struct {
		read func([]byte) (Claims, error)
		raw  []byte
		want Claims
	}{
		"VSA": {VSA, []byte(vsa), Claims{"verifier_id": "https://v.example/1", "time_verified": "2026-11-01T10:00:00Z",
			"resource_uri": "pkg:oci/app", "policy_uri": "https://v.example/policy", "policy_digest": map[string]any{"sha256": "ab"},
			"verification_result": "PASSED", "verified_levels": []any{"SLSA_BUILD_LEVEL_3"}, "input_attestations": 1, "slsa_version": "1.1"}},
		"VSA v0.2": {OldVSA, []byte(oldVSA), Claims{"verifier_id": "https://v.example/1", "time_verified": "2026-11-01T10:00:00Z",
			"resource_uri": "pkg:oci/app", "policy_uri": "p", "policy_digest": map[string]any{}, "verification_result": "FAILED",
			"verified_levels": []any{"SLSA_LEVEL_3"}, "input_attestations": 0, "slsa_version": ""}},
		"SVR": {SVR, predicateOf(t, "intoto/spec-examples/svr-0.json"), Claims{"verifier_id": "https://example.com/publication_verifier/v2",
			"time_created": "1985-04-12T23:20:50.52Z", "policies": 0, "properties": []any{"SLSA_BUILD_LEVEL_3", "SLSA_SOURCE_LEVEL_3",
				"ORG_SOURCE_STATIC_ANALYSIS", "CONFORMA_HERMETIC_BUILD_TASK", "COMPANY_RELEASE_APPROVED"}}},
		"release": {Release, predicateOf(t, "intoto/spec-examples/release-0.json"), Claims{"purl": "pkg:npm/@angular/http@7.2.16",
			"package_id": "1234567890", "release_id": "", "repository": "", "tag": ""}},
		"reference": {Reference, predicateOf(t, "intoto/spec-examples/reference-0.json"), Claims{"attester": "https://my-builder.com/v1",
			"references": []any{map[string]any{"location": "https://cloud.com/my-sboms/sbom.spdx.json", "media_type": "application/spdx+json",
				"digest": map[string]any{"sha256": "3b0d19b348f1e46a571c6e9df32897637c20dd9803261c2fc9cbe38b0c8422c4"}}}}},
		"SCAI": {SCAI, predicateOf(t, "intoto/spec-examples/scai-0.json"), Claims{"producer": "gcc9.3.0",
			"attributes": []any{map[string]any{"attribute": "WITH_STACK_PROTECTION", "target": "", "has_evidence": false}}}},
		"runtime trace": {RuntimeTrace, []byte(trace), Claims{"monitor": "https://tetragon.io/v1", "host": "h",
			"process_type": "https://github.com/Attestations/GitHubHostedActions@v1", "event": "push", "processes": 2, "network_events": 1, "file_accesses": 0}},
		"source": {SourceProvenance, []byte(sourceDoc), Claims{"repo": "https://github.com/o/r", "prev_commit": "aa", "activity": "pr_merge",
			"actor": "bob", "branch": "refs/heads/main", "tag": "", "created_on": "2026-01-02T03:04:05.678Z",
			"controls": map[string]any{"CONTINUITY_ENFORCED": "2025-12-01T00:00:00Z"}}},
		"tag": {TagProvenance, []byte(tagDoc), Claims{"repo": "https://github.com/o/r", "prev_commit": "", "activity": "tag", "actor": "bob",
			"branch": "", "tag": "v1", "created_on": "2026-01-02T03:04:05Z", "controls": map[string]any{}}},
		"publish": {Publish, []byte(publish), Claims{"name": "left", "version": "1.0.0", "registry": "https://registry.example"}},
		"PEP 740": {Publish, []byte(`null`), Claims{"name": "", "version": "", "registry": ""}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.read(c.raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTestResultCountsAndNamesItsTests(t *testing.T) {
	got, err := TestResult(predicateOf(t, "intoto/spec-examples/test-result-0.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got["result"] != "PASSED" || got["passed"] != 13 || got["failed"] != 0 || got["suites"].([]any)[0] != ".github/workflows/ci.yml" {
		t.Errorf("got %v", got)
	}
}

func TestScorecardKeepsEveryCheck(t *testing.T) {
	got, err := Scorecard(file(t, "scorecard/scorecard-kubernetes-1ff66136acfd7717292f65447b2ebff162570f46.json"))
	if err != nil {
		t.Fatal(err)
	}
	if got["score"] != 8.7 || got["repo"] != "github.com/kubernetes/kubernetes" || len(got["checks"].(map[string]any)) != 9 {
		t.Errorf("got %v", got)
	}
}

func TestWhatSaysTooLittleIsRefused(t *testing.T) {
	edit := func(doc, old, new string) []byte {
		if !strings.Contains(doc, old) {
			t.Fatalf("%q is not in the document", old)
		}
		return []byte(strings.Replace(doc, old, new, 1))
	}
	for name, c := range map[string]struct {
		read func([]byte) (Claims, error)
		raw  []byte
		want string
	}{
		"VSA without verifier":         {VSA, edit(vsa, `"https://v.example/1"`, `""`), "verifier.id is missing"},
		"VSA without result":           {VSA, edit(vsa, `"PASSED"`, `""`), "neither PASSED nor FAILED"},
		"VSA with another word":        {VSA, edit(vsa, `"PASSED"`, `"passed"`), "neither PASSED nor FAILED"},
		"VSA with a time that is none": {VSA, edit(vsa, `2026-11-01T10:00:00Z`, `yesterday`), "timeVerified"},
		"VSA about nothing":            {VSA, edit(vsa, `"pkg:oci/app"`, `""`), "resourceUri is missing"},
		"old VSA in new words":         {OldVSA, []byte(vsa), "resource_uri is missing"},
		"new VSA in old words":         {VSA, []byte(oldVSA), "resourceUri is missing"},
		"SVR without properties":       {SVR, []byte(`{"verifier":{"id":"v"},"timeCreated":"2026-01-01T00:00:00Z","properties":[]}`), "no properties"},
		"SVR without time":             {SVR, []byte(`{"verifier":{"id":"v"},"properties":["A"]}`), "timeCreated is missing"},
		"release without purl":         {Release, []byte(`{"packageId":"1"}`), "purl is missing"},
		"reference to anything":        {Reference, []byte(`{"attester":{"id":"a"},"references":[{"downloadLocation":"x"}]}`), "no digest"},
		"SCAI without attributes":      {SCAI, []byte(`{"attributes":[]}`), "no attributes"},
		"trace without log":            {RuntimeTrace, edit(trace, `"monitorLog"`, `"monitorLogs"`), "monitorLog is missing"},
		"tests that passed and failed": {TestResult, []byte(`{"result":"PASSED","configuration":[],"failedTests":["a"]}`), "1 tests failed"},
		"tests of nothing":             {TestResult, []byte(`{"result":"PASSED"}`), "configuration is missing"},
		"tests with another word":      {TestResult, []byte(`{"result":"OK","configuration":[]}`), "none of PASSED"},
		"source without repository":    {SourceProvenance, edit(sourceDoc, `"https://github.com/o/r"`, `""`), "repo_uri is missing"},
		"control without name":         {SourceProvenance, edit(sourceDoc, `"CONTINUITY_ENFORCED"`, `""`), "controls[0].name is missing"},
		"tag without name":             {TagProvenance, edit(tagDoc, `"v1"`, `""`), "tag is missing"},
		"no scorecard":                 {Scorecard, file(t, "materials/chainloop/scorecard-invalid.json"), "repo.name, score or checks is missing"},
		"a list":                       {Publish, []byte(`[]`), "reading publication"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.read(c.raw)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want an error with %q", got, err, c.want)
			}
		})
	}
}

func TestListsAreBounded(t *testing.T) {
	many := `{"verifier":{"id":"v"},"timeCreated":"2026-01-01T00:00:00Z","properties":["A"` + strings.Repeat(`,"A"`, maxItems) + `]}`
	if _, err := SVR([]byte(many)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

// readers are all of them; the fuzz target takes one by number.
var readers = []func([]byte) (Claims, error){Release, Reference, SCAI, RuntimeTrace, TestResult, VSA, OldVSA, SVR,
	SourceProvenance, TagProvenance, Publish, Scorecard}

func FuzzRead(f *testing.F) {
	for i, seed := range []string{`{"purl":"pkg:npm/a@1"}`, `{"attester":{"id":"a"}}`, `{"attributes":[{"attribute":"A"}]}`, trace,
		`{"result":"PASSED","configuration":[]}`, vsa, oldVSA, `{"verifier":{"id":"v"},"timeCreated":"2026-01-01T00:00:00Z","properties":["A"]}`,
		sourceDoc, tagDoc, publish, `{"repo":{"name":"r"},"score":1,"checks":[{"name":"c","score":-1}]}`} {
		f.Add(uint8(i), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, which uint8, raw []byte) {
		claims, err := readers[int(which)%len(readers)](raw)
		if (claims == nil) == (err == nil) {
			t.Fatalf("claims %v and error %v", claims, err)
		}
		if err == nil {
			if _, err := json.Marshal(claims); err != nil {
				t.Fatal(err)
			}
		}
	})
}
