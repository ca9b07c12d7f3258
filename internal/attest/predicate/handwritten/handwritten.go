// Package handwritten reads the YAML and JSON files that people write, as strictly
// as statements are read: no field twice, no aliases, one document.
package handwritten

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Bounds of a file that people write.
const (
	maxBytes = 8 << 20
	maxDepth = 32
)

// Object reads one YAML or JSON document that is an object. Errors name the line of
// YAML, or the byte of JSON.
func Object(file []byte) (map[string]any, error) {
	if len(file) > maxBytes {
		return nil, fmt.Errorf("%d bytes, limit %d: %w", len(file), maxBytes, jsonscan.ErrLimit)
	}
	var document any
	if bytes.HasPrefix(bytes.TrimLeft(file, " \t\r\n"), []byte("{")) {
		if err := strictjson.Check(file, strictjson.Limits{Bytes: maxBytes, Depth: maxDepth}); err != nil {
			return nil, err
		}
		decoder := json.NewDecoder(bytes.NewReader(file))
		decoder.UseNumber()
		if err := decoder.Decode(&document); err != nil {
			return nil, err
		}
	} else {
		var node, more yaml.Node
		decoder := yaml.NewDecoder(bytes.NewReader(file))
		if err := decoder.Decode(&node); err != nil {
			return nil, fmt.Errorf("reading YAML: %w", err)
		}
		if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
			return nil, errors.New("reading YAML: more than one document")
		}
		var err error
		if document, err = plainValue(&node, 0); err != nil {
			return nil, fmt.Errorf("reading YAML: %w", err)
		}
	}
	object, ok := document.(map[string]any)
	if !ok {
		return nil, errors.New("the file is no object of fields and values")
	}
	return object, nil
}

// plainValue turns YAML into what JSON has. Times stay the text they are written
// as, since local times have no zone. Aliases are refused: they make small files
// large, and JSON has none.
func plainValue(n *yaml.Node, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("line %d: nested deeper than %d: %w", n.Line, maxDepth, jsonscan.ErrLimit)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		return plainValue(n.Content[0], depth+1)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			value, err := plainValue(item, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, nil
	case yaml.MappingNode:
		object := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			key := n.Content[i]
			if key.Kind != yaml.ScalarNode || key.Tag != "!!str" {
				return nil, fmt.Errorf("line %d: the name of a field is not a plain text", key.Line)
			}
			if _, twice := object[key.Value]; twice {
				return nil, fmt.Errorf("line %d: field %q stands twice", key.Line, key.Value)
			}
			value, err := plainValue(n.Content[i+1], depth+1)
			if err != nil {
				return nil, err
			}
			object[key.Value] = value
		}
		return object, nil
	case yaml.ScalarNode:
		return plainScalar(n)
	}
	return nil, fmt.Errorf("line %d: aliases are not taken; write the value out", n.Line)
}

func plainScalar(n *yaml.Node) (any, error) {
	switch n.Tag {
	case "!!str", "!!timestamp":
		return n.Value, nil
	case "!!bool":
		var value bool
		if err := n.Decode(&value); err != nil {
			return nil, fmt.Errorf("line %d: %q is neither true nor false", n.Line, n.Value)
		}
		return value, nil
	case "!!int":
		value, err := strconv.ParseInt(n.Value, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is not a whole number", n.Line, n.Value)
		}
		return value, nil
	case "!!float":
		value, err := strconv.ParseFloat(n.Value, 64)
		if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
			return nil, fmt.Errorf("line %d: %q is not a number", n.Line, n.Value)
		}
		return value, nil
	case "!!null":
		return nil, nil
	}
	return nil, fmt.Errorf("line %d: type %s is not taken", n.Line, n.Tag)
}
