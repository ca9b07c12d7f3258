package predicate

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
)

// wrapped is a file as a predicate, read again from a statement that holds it.
func wrapped(t *testing.T, name, file string) (Wrapped, *Content) {
	t.Helper()
	w, err := Wrap(name, []byte(file), options)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	compact, err := json.Marshal(json.RawMessage(w.Predicate))
	if err != nil {
		t.Fatal(err)
	}
	row, ok := Lookup(w.Type)
	if !ok || row.Kind != w.Kind {
		t.Fatalf("%s: %s is of kind %q, wrapped as %q", name, w.Type, row.Kind, w.Kind)
	}
	content, err := row.Decode(compact)
	if err != nil {
		t.Fatalf("%s: wrapped, and then refused: %v", name, err)
	}
	return w, content
}

// What verification reads as it stands is wrapped as it stands.
func TestAPredicateThatIsReadyStaysWhatItIs(t *testing.T) {
	names := map[string]string{"verification-summary": slsaVSA + "v1", "verification-result": framework + "svr/v0.2", "release": framework + "release/v0.1",
		"reference": framework + "reference/v0.1", "scai": framework + "scai/v0.3", "runtime-trace": framework + "runtime-trace/v0.1",
		"source-provenance": sourceTrack + "source-provenance/v1-draft", "scorecard": "https://scorecard.dev/result/v0.1", "test-result": framework + "test-result/v0.1",
		"flag-config": own("flag-config"), "migration-plan": own("migration-plan"), "manifests": own("manifests")}
	done := map[string]bool{}
	for _, c := range whatIsSaid {
		if names[c.kind] != c.uri {
			continue
		}
		done[c.kind] = true
		w, content := wrapped(t, c.kind, c.raw)
		if w.Type != c.uri || string(w.Predicate) != c.raw {
			t.Errorf("%s: got %s: %s", c.kind, w.Type, w.Predicate)
		}
		for name, want := range c.claims {
			if diff := cmp.Diff(want, content.Claims[name]); diff != "" {
				t.Errorf("%s: %s: %s", c.kind, name, diff)
			}
		}
		if twice := strings.Replace(c.raw, "{", `{"tool":1,"tool":2,`, 1); c.raw != twice {
			if w, err := Wrap(c.kind, []byte(twice), options); err == nil {
				t.Errorf("%s with a name twice: %s", c.kind, w.Predicate)
			}
		}
	}
	if len(done) != len(names) {
		t.Errorf("only %v of %d names were tried", done, len(names))
	}
}

func TestATestResultIsTheWorstThatATestSays(t *testing.T) {
	suite := func(cases string) string { return `<testsuite name="s">` + cases + `</testsuite>` }
	const pass, skip = `<testcase classname="c" name="passes"/>`, `<testcase name="skips"><skipped/></testcase>`
	for name, c := range map[string]struct {
		file, result           string
		passed, warned, failed int
	}{
		"passed":                   {suite(pass), "PASSED", 1, 0, 0},
		"passed and skipped":       {suite(pass + skip), "PASSED", 1, 1, 0},
		"failed":                   {suite(pass + `<testcase name="a"><failure/></testcase>`), "FAILED", 1, 0, 1},
		"an error":                 {suite(skip + `<testcase name="a"><error/></testcase>`), "FAILED", 0, 1, 1},
		"failures behind a mark":   {"\ufeff" + suite(`<testcase name="a"><failure/></testcase>`), "FAILED", 0, 0, 1},
		"totals that say less":     {`<testsuites failures="0" tests="1"><testsuite failures="0"><testcase name="a"><failure/></testcase></testsuite></testsuites>`, "FAILED", 0, 0, 1},
		"with white space":         {"\n " + suite(pass), "PASSED", 1, 0, 0},
		"a predicate made already": {`{"result":"WARNED","configuration":[],"warnedTests":["a"]}`, "WARNED", 0, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, content := wrapped(t, "test-result", c.file)
			want := map[string]any{"result": c.result, "passed": c.passed, "warned": c.warned, "failed": c.failed}
			for claim, value := range want {
				if got := content.Claims[claim]; got != value {
					t.Errorf("%s is %v, want %v", claim, got, value)
				}
			}
		})
	}
	w, _ := wrapped(t, "test-result", suite(pass))
	if !strings.Contains(string(w.Predicate), `"passedTests":["c.passes"]`) {
		t.Errorf("got %s", w.Predicate)
	}
	for name, c := range map[string]struct{ file, want string }{
		"skipped only": {suite(skip), "no test that ran"},
		"no tests":     {suite(""), "no test that ran"},
		"half a file":  {`<testsuite><testcase name="a">`, "reading JUnit report"},
		"other XML":    {`<coverage line-rate="1" branch-rate="1"/>`, "neither testsuites nor testsuite"},
		"text":         {`ok`, "invalid JSON"},
		"nothing":      {``, "invalid JSON"},
	} {
		if w, err := Wrap("test-result", []byte(c.file), options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %s, %v; want %q", name, w.Predicate, err, c.want)
		}
	}
}

func TestADocumentOfAToolIsCarriedWhole(t *testing.T) {
	const flagsYAML = "# flags of the shop\nflags:\n  b: {state: DISABLED, variants: {'on': true}}\n  a:\n    state: ENABLED\n    variants: {'on': true}\n    targeting: {if: []}\n"
	const podYAML = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: n}\nspec: {containers: [{image: 'b:1'}, {image: 'a:1'}]}\n"
	pod := map[string]any{"api_version": "v1", "kind": "Pod", "namespace": "n", "name": "p", "images": []any{"a:1", "b:1"}}
	for name, c := range map[string]struct {
		kind, file string
		claims     map[string]any
	}{
		"flags in JSON":            {"flag-config", oneFlag, map[string]any{"tool": "flagd", "flags": []any{"a", "b"}, "enabled": 1, "disabled": 1}},
		"flags in YAML":            {"flag-config", flagsYAML, map[string]any{"tool": "flagd", "flags": []any{"a", "b"}, "enabled": 1, "with_targeting": 1}},
		"one object":               {"manifests", podYAML, map[string]any{"tool": "kubernetes", "objects": []any{pod}}},
		"a stream of objects":      {"manifests", "---\n" + podYAML + "---\n# nothing\n---\n" + podYAML, map[string]any{"objects": []any{pod, pod}}},
		"a list beside an object":  {"manifests", "apiVersion: v1\nkind: List\nitems: [" + podJSON + "]\n---\n" + podYAML, map[string]any{"objects": []any{pod, pod}}},
		"an object in JSON":        {"manifests", podJSON, map[string]any{"objects": []any{pod}}},
		"Atlas":                    {"migration-plan", atlas, map[string]any{"tool": "atlas", "pending": 1}},
		"Flyway":                   {"migration-plan", flyway, map[string]any{"tool": "flyway", "pending": 1, "failed": 1}},
		"Liquibase, which is text": {"migration-plan", liquibase, map[string]any{"tool": "liquibase", "database": "app@jdbc:h2:mem", "pending": 2}},
		"nothing to migrate":       {"migration-plan", "app@jdbc:h2:mem is up to date\n", map[string]any{"tool": "liquibase", "pending": 0, "items": []any{}}},
	} {
		t.Run(name, func(t *testing.T) {
			w, content := wrapped(t, c.kind, c.file)
			if w.Type != own(c.kind) {
				t.Errorf("got %s", w.Type)
			}
			for claim, value := range c.claims {
				if diff := cmp.Diff(value, content.Claims[claim]); diff != "" {
					t.Errorf("%s: %s", claim, diff)
				}
			}
			// A predicate that was made is taken as it is.
			if again, _ := wrapped(t, c.kind, string(w.Predicate)); string(again.Predicate) != string(w.Predicate) {
				t.Errorf("wrapped twice: %s", again.Predicate)
			}
		})
	}
	for name, c := range map[string]struct{ kind, file, want string }{
		"flags that are none":         {"flag-config", "flags: [a]\n", "flags is missing"},
		"two sets of flags":           {"flag-config", flagsYAML + "---\n" + flagsYAML, "2 documents; want one"},
		"a YAML name twice":           {"flag-config", "flags: {}\nflags: {}\n", "already defined"},
		"manifests of nothing":        {"manifests", "# empty\n", "it holds no object"},
		"one object of two is none":   {"manifests", podYAML + "---\nhello: world\n", "document 2"},
		"a log of Liquibase":          {"migration-plan", "Unexpected error running Liquibase\n", "reading migration report"},
		"a report that failed":        {"migration-plan", `{"flywayVersion":"10","operation":"info","error":{"message":"no"},"migrations":[]}`, "wrapping migration-plan"},
		"a ready one of another tool": {"migration-plan", carrying("flyway", atlas), "a report of atlas, not of flyway"},
	} {
		if w, err := Wrap(c.kind, []byte(c.file), options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %s, %v; want %q", name, w.Predicate, err, c.want)
		}
	}
}

func TestAnSBOMOfEveryFormIsWrappedUnderItsType(t *testing.T) {
	const spdx2 = `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[{"SPDXID":"SPDXRef-a","name":"left","versionInfo":"2",
		"externalRefs":[{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:npm/left@2"}]}]}`
	const cdx = `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"type":"library","name":"left","version":"2","purl":"pkg:npm/left@2"}]}`
	for name, c := range map[string]struct {
		file, uri string
		text      bool
	}{
		"CycloneDX":                        {cdx, cycloneDX, false},
		"CycloneDX with a byte order mark": {"\ufeff" + cdx, cycloneDX, false},
		"CycloneDX in XML":                 {leftXML, cycloneDX, true},
		"XML with a byte order mark":       {"\ufeff" + leftXML, cycloneDX, true},
		"SPDX 2":                           {spdx2, spdxDocument, false},
		"SPDX 2 as text":                   {leftTagValue, spdxDocument, true},
		"SPDX 3":                           {leftSPDX3, spdxDocument + "/v3", false},
		"SPDX 3 with a byte order mark":    {"\ufeff" + leftSPDX3, spdxDocument + "/v3", false},
	} {
		t.Run(name, func(t *testing.T) {
			w, content := wrapped(t, "sbom", c.file)
			if w.Type != c.uri || (w.Predicate[0] == '"') != c.text {
				t.Errorf("got %s: %.40s", w.Type, w.Predicate)
			}
			if !c.text && strings.HasPrefix(string(w.Predicate), "\ufeff") {
				t.Error("a statement would hold a byte order mark, which is no JSON")
			}
			if diff := cmp.Diff(map[string]any{"pkg:npm/left@2": "left"}, content.SBOM.Index["by_purl"]); diff != "" {
				t.Error(diff)
			}
		})
	}
	const syft = `{"artifacts":[{"id":"1","name":"left","version":"2","type":"npm","purl":"pkg:npm/left@2"}],"descriptor":{"name":"syft","version":"1"},
		"schema":{"version":"16.0.0","url":"https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.0.json"}}`
	for name, c := range map[string]struct{ file, want string }{
		"Syft's own form":    {syft, "no predicate type for " + sbom.Syft},
		"YAML":               {"spdxVersion: SPDX-2.3\npackages: []\n", "YAML is not read here"},
		"a name twice":       {strings.Replace(cdx, "{", `{"components":[],`, 1), "duplicate key"},
		"two documents":      {cdx + cdx, "after the end"},
		"nothing":            {"", "wrapping sbom"},
		"other XML":          {"<html/>", "wrapping sbom"},
		"UTF-16":             {"\xff\xfe{\x00}\x00", "UTF-16"},
		"a text of a number": {"1", "not an SBOM"},
	} {
		if w, err := Wrap("sbom", []byte(c.file), options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %.60s, %v; want %q", name, w.Predicate, err, c.want)
		}
	}
}

func TestWhatIsTooLargeIsNotWrapped(t *testing.T) {
	large := strings.Repeat("# \n", 32<<20/3+1)
	for _, kind := range []string{"flag-config", "manifests"} {
		if w, err := Wrap(kind, []byte(large), options); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: got %.40s, %v", kind, w.Predicate, err)
		}
	}
}
