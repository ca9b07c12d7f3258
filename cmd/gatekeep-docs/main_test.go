package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const rule = `# METADATA
# title: Title | with a bar
# description: it is described
# related_resources:
#   - ref: https://example.com/rule
# custom:
#   severity: warn
#   stages: [predeploy]
#   waivable: false
#   evidence: []
#   remedy: Do
#     something.
package gatekeep.rules.change["approved-twice"]

violations contains 1 if input.x
`

const regime = `title: A regime
authority: Somebody
version: "1"
url: https://example.com/regime
activated_by: always on
controls:
  - id: c-1
    title: A control
    citation: Section 1
    strength: partial
    limits: it sees little
    rules: [change/approved-twice]
`

const reasons = `package gatekeep

// Reasons of one
// kind.
const (
	ReasonOne Reason = "one" // the first -> Do it again.
	ReasonTwo Reason = "two" // the | second -> Do | that.
)
`

// project is a small checkout.
func project(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"policies/rego/gatekeep/rules/change/approved-twice/approved_twice.rego": rule,
		"policies/rego/gatekeep/regimes/sample/data.yaml":                        regime,
		"rejection.go":                    reasons,
		"internal/ledger/entry/reason.go": "package entry\n\n// Reasons of a ledger.\nconst ReasonThree Reason = \"three\" // the third -> Do a third thing.\n",
		"docs/regimes/withdrawn.md":       "old",
	} {
		if err := write(filepath.Join(root, filepath.FromSlash(name)), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

var all = []string{
	"docs/formats.md", "docs/regimes/sample.md", "docs/regimes/withdrawn.md", "docs/rejections.md", "docs/rules.md",
	"policies/capabilities.json", "policies/rego/gatekeep/index/data.json",
}

func TestCheckNamesStaleFilesAndWritesNothing(t *testing.T) {
	root := project(t)
	stale, err := run(root, true)
	if err != nil || !slices.Equal(stale, all) {
		t.Fatalf("got %v, %v; want %v", stale, err, all)
	}
	if _, err := os.Stat(filepath.Join(root, "docs", "rules.md")); err == nil {
		t.Error("-check wrote a file")
	}
	if wrote, err := run(root, false); err != nil || !slices.Equal(wrote, all) {
		t.Fatalf("got %v, %v; want %v", wrote, err, all)
	}
	if _, err := os.Stat(filepath.Join(root, "docs", "regimes", "withdrawn.md")); err == nil {
		t.Error("the page of a regime that is gone is still there")
	}
	if stale, err := run(root, true); err != nil || len(stale) != 0 {
		t.Errorf("got %v, %v right after writing", stale, err)
	}
	page := filepath.Join(root, "docs", "rules.md")
	if err := os.WriteFile(page, []byte("edited"), 0o644); err != nil {
		t.Fatal(err)
	}
	if stale, err := run(root, true); err != nil || !slices.Equal(stale, []string{"docs/rules.md"}) {
		t.Errorf("got %v, %v after an edit", stale, err)
	}
}

func TestPagesHoldWhatThePolicySays(t *testing.T) {
	root := project(t)
	if _, err := run(root, false); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"docs/regimes/sample.md": {
			"# A regime", "Somebody, 1.", "<https://example.com/regime>", "Active: always on.", "## c-1: A control",
			"- Citation: Section 1", "- Strength: partial", "- Limits: It sees little.",
			`| [change/approved-twice](../rules.md#changeapproved-twice) | Title \| with a bar | warn | predeploy | none | Do something. |`,
		},
		"docs/rules.md": {
			"## change", "### change/approved-twice", "It is described.", "| Waivable | no |",
			"[sample c-1](regimes/sample.md)", "<https://example.com/rule>",
		},
		"docs/rejections.md": {"Reasons of one kind.", "| `one` | the first | Do it again. |", "| `two` | the \\| second | Do \\| that. |", "Reasons of a ledger.", "| `three` | the third | Do a third thing. |"},
	} {
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(string(text), w) {
				t.Errorf("%s does not hold %q:\n%s", name, w, text)
			}
		}
	}
}

func TestBrokenPolicyIsNotDocumented(t *testing.T) {
	for _, name := range []string{
		"policies/rego/gatekeep/rules/change/approved-twice/approved_twice.rego",
		"policies/rego/gatekeep/regimes/sample/data.yaml",
		"rejection.go", "internal/ledger/entry/reason.go",
	} {
		root := project(t)
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), []byte("broken {"), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := run(root, false); err == nil {
			t.Errorf("documented with a broken %s", name)
		}
	}
}
