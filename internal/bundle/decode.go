package bundle

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"
	"go.yaml.in/yaml/v3"
)

// schemas hold one JSON Schema for each YAML file, by its name.
//
//go:embed schemas/*.json
var schemas embed.FS

// Whether a file must be there.
const (
	required = true
	optional = false
)

// decode reads one file: unknown fields and duplicate names first, since yaml knows
// their lines, then the schema.
func decode(files map[string][]byte, name string, must bool, into any) error {
	data, ok := files[name]
	if !ok {
		if must {
			return fmt.Errorf("%s is missing", name)
		}
		return nil
	}
	doc, err := parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err = check(name, doc)
	return err
}

// decodeOverlay reads a file of data as a document.
func decodeOverlay(files map[string][]byte, name string, into *map[string]any) error {
	data, ok := files[name]
	if !ok {
		return nil
	}
	doc, err := parse(data)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	plain, err := check(name, doc)
	if err != nil {
		return err
	}
	*into, ok = plain.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: line %d: it is not a mapping", name, doc.Line)
	}
	return nil
}

// parse reads exactly one YAML document. What looks like a date stays the text that
// was written: rules compare text and numbers only.
func parse(data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	if err := dec.Decode(&doc); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty")
		}
		return nil, err
	}
	if err := dec.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("the file holds a second YAML document; keep one")
	}
	return &doc, textDates(&doc)
}

func textDates(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for i, child := range n.Content {
		// JSON has names that are text, and nothing else.
		if n.Kind == yaml.MappingNode && i%2 == 0 && child.Tag != "!!str" && child.Tag != "!!merge" {
			return fmt.Errorf("line %d: the name %s is not text; quote it", child.Line, child.Value)
		}
		if err := textDates(child); err != nil {
			return err
		}
	}
	return nil
}

// check holds a document against the schema of its file, and returns it as JSON
// would be read.
func check(name string, doc *yaml.Node) (any, error) {
	var tree any
	if err := doc.Decode(&tree); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	// The validator knows the types of encoding/json only.
	raw, err := json.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	file := strings.TrimSuffix(name, ".yaml") + ".json"
	text, err := schemas.ReadFile("schemas/" + file)
	if err != nil {
		return nil, fmt.Errorf("reading schema of %s: %w", name, err)
	}
	schema, err := jsonschema.CompileString(file, string(text))
	if err != nil {
		return nil, fmt.Errorf("reading schema of %s: %w", name, err)
	}
	err = schema.Validate(plain)
	var invalid *jsonschema.ValidationError
	if errors.As(err, &invalid) {
		for len(invalid.Causes) > 0 {
			invalid = invalid.Causes[0]
		}
		return nil, fmt.Errorf("%s: line %d: %s: %s", name, line(doc, invalid.InstanceLocation),
			strings.TrimPrefix(invalid.InstanceLocation, "/"), invalid.Message)
	}
	return plain, err
}

// line is where the value that a JSON pointer names stands, or the last line on the
// way to it that is known.
func line(n *yaml.Node, pointer string) int {
	if n.Kind == yaml.DocumentNode {
		n = n.Content[0]
	}
	for key := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		key = strings.NewReplacer("~1", "/", "~0", "~").Replace(key)
		next := below(n, key)
		if next == nil {
			break
		}
		n = next
	}
	return n.Line
}

func below(n *yaml.Node, key string) *yaml.Node {
	switch n.Kind {
	case yaml.AliasNode:
		return below(n.Alias, key)
	case yaml.SequenceNode:
		if i, err := strconv.Atoi(key); err == nil && i >= 0 && i < len(n.Content) {
			return n.Content[i]
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == key {
				return n.Content[i+1]
			}
		}
	}
	return nil
}
