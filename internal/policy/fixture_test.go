package policy

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/policies"
)

// fixtureDocument is the request that the tests of the rules patch, as they see it.
func fixtureDocument(t *testing.T) []byte {
	t.Helper()
	tree, err := policies.Rego()
	if err != nil {
		t.Fatal(err)
	}
	const name = "gatekeep/fixture/fixture_test.rego"
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		t.Fatal(err)
	}
	files, err := read(tree)
	if err != nil {
		t.Fatal(err)
	}
	data, err := documents(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	said, err := rego.New(
		rego.Query("data.gatekeep.fixture.input_doc"), rego.Module(name, string(text)), rego.Store(inmem.NewFromObject(data)),
	).Eval(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(said) != 1 {
		t.Fatalf("the fixture says %d documents, want 1", len(said))
	}
	document, err := json.Marshal(said[0].Expressions[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

func inputSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat = true
	if err := compiler.AddResource("input.json", bytes.NewReader(policies.InputSchema)); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("input.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func tree(t *testing.T, document []byte) map[string]any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var out map[string]any
	if err := decoder.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// What the rules are tested with must be what the gate can hand over. A field that
// only the fixture has would let a rule pass its tests and never fire.
func TestFixtureOfTheRulesMeetsTheInputSchema(t *testing.T) {
	document, schema := fixtureDocument(t), inputSchema(t)
	if err := schema.Validate(tree(t, document)); err != nil {
		t.Errorf("%#v", err)
	}
	for _, member := range []string{"clock", "completeness", "evidence_errors", "subject"} {
		less := tree(t, document)
		delete(less, member)
		if schema.Validate(less) == nil {
			t.Errorf("without %s the document meets the schema too", member)
		}
	}
	more := tree(t, document)
	more["subject"].(map[string]any)["colour"] = "blue"
	if schema.Validate(more) == nil {
		t.Error("with a field that nobody knows the document meets the schema too")
	}
}

// The schema may lag behind the program; the program's own type does not.
func TestFixtureOfTheRulesHasNoFieldThatTheProgramLacks(t *testing.T) {
	decoder := json.NewDecoder(bytes.NewReader(fixtureDocument(t)))
	decoder.DisallowUnknownFields()
	var facts gatekeep.Facts
	if err := decoder.Decode(&facts); err != nil {
		t.Error(err)
	}
	if facts.Schema != gatekeep.FactsSchema || len(facts.Attestations.Items) == 0 || len(facts.Approvals) == 0 {
		t.Errorf("the fixture is empty: %+v", facts)
	}
}
