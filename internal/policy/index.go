package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/util"
)

// IndexFile is where the index stands below Source.Rego.
const IndexFile = root + "/index/data.json"

// entry is what the router knows of a rule before it asks it.
type entry struct {
	Title       string   `json:"title"`
	Severity    string   `json:"severity"`
	Stages      []string `json:"stages"`
	Waivable    bool     `json:"waivable"`
	Evidence    []string `json:"evidence"`
	Remedy      string   `json:"remedy"`
	EffectiveOn string   `json:"effective_on,omitempty"`
	References  []string `json:"references"`
}

// Index is what IndexFile should hold: the METADATA of every rule by its id, as
// data that the router reads, so that a rule that is not loaded is still known.
func Index(fsys fs.FS) ([]byte, error) {
	rules, err := Rules(fsys)
	if err != nil {
		return nil, err
	}
	index := make(map[string]entry, len(rules))
	for _, r := range rules {
		index[r.ID] = entry{
			Title: r.Title, Severity: r.Severity, Stages: r.Stages, Waivable: r.Waivable,
			Evidence: r.Evidence, Remedy: r.Remedy, EffectiveOn: r.EffectiveOn,
			References: append([]string{}, r.References...),
		}
	}
	out, err := json.MarshalIndent(index, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("writing index: %w", err)
	}
	return append(out, '\n'), nil
}

// Check compiles a whole policy, every rule of it, and checks types against the
// schemas that its METADATA names, schema.input for input.json. It is for tests
// and for policies that come from somewhere else; Load does not repeat it.
func Check(ctx context.Context, src Source, schemas fs.FS) error {
	files, err := read(src.Rego)
	if err != nil {
		return err
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(files)), func(name string) bool {
		return path.Ext(name) != ".rego"
	})
	caps := capabilities()
	modules, err := parse(files, names, true, caps)
	if err != nil {
		return fmt.Errorf("checking policy: %w", err)
	}
	data, err := documents(files, src.Overlay)
	if err != nil {
		return fmt.Errorf("checking policy: %w", err)
	}
	set, err := schemaSet(schemas)
	if err != nil {
		return fmt.Errorf("checking policy: %w", err)
	}
	e := &Engine{store: newLayered(data)}
	if err := e.compile(ctx, modules, compilation{caps: caps, schemas: set}); err != nil {
		return fmt.Errorf("checking policy: %w", err)
	}
	return nil
}

// schemaSet reads schemas by the names that METADATA uses for them.
func schemaSet(fsys fs.FS) (*ast.SchemaSet, error) {
	names, err := fs.Glob(fsys, "*.json")
	if err != nil {
		return nil, err
	}
	set := ast.NewSchemaSet()
	for _, name := range names {
		raw, err := readFile(fsys, name)
		if err != nil {
			return nil, fmt.Errorf("reading schema: %w", err)
		}
		var doc any
		if err := util.UnmarshalJSON(raw, &doc); err != nil {
			return nil, fmt.Errorf("reading schema %s: %w", name, err)
		}
		word := strings.TrimSuffix(name, ".json")
		set.Put(ast.SchemaRootRef.Append(ast.StringTerm(word)), doc)
	}
	return set, nil
}

// Activation is what the organisation's data says about which regimes are active.
type Activation struct {
	Baseline []string            // always
	Triggers map[string][]string // by class of data
}

// Activates reads data.gatekeep.org as it stands with the overlay laid over it, so
// that the host loads the rules of the very regimes that the router will find.
func Activates(src Source) (Activation, error) {
	name := root + "/org/data.yaml"
	files := map[string][]byte{}
	base, err := readFile(src.Rego, name)
	switch {
	case err == nil:
		files[name] = base
	case !errors.Is(err, fs.ErrNotExist):
		return Activation{}, fmt.Errorf("reading policy: %w", err)
	}
	data, err := documents(files, src.Overlay)
	if err != nil {
		return Activation{}, err
	}
	below, _ := data[root].(map[string]any)
	raw, err := json.Marshal(below["org"])
	if err != nil {
		return Activation{}, fmt.Errorf("reading org: %w", err)
	}
	var org struct {
		Baseline []string            `json:"baseline_regimes"`
		Triggers map[string][]string `json:"regime_triggers"`
	}
	if err := json.Unmarshal(raw, &org); err != nil {
		return Activation{}, fmt.Errorf("reading org: %w", err)
	}
	return Activation{org.Baseline, org.Triggers}, nil
}
