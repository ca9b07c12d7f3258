// Package delivery reads the documents that say how software is delivered: Kubernetes
// manifests and admission reviews, rollouts of Argo and Flagger, flagd flags, and the
// reports of database migration tools.
package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// ErrTooLarge marks a document that is over a bound.
var ErrTooLarge = jsonscan.ErrLimit

// Bounds of one file.
const (
	// MaxBytes is ten times the largest rendered chart seen.
	MaxBytes = 32 << 20
	// MaxDocuments bounds the objects of one file or list; a rendered cluster has 3,000.
	MaxDocuments = 20_000
	maxDepth     = 100 // of nesting; Kubernetes objects have 20
)

// documents reads a stream of YAML documents, or one JSON document, as plain values.
// Empty documents are left out. YAML's own bounds on aliases hold.
func documents(data []byte) ([]map[string]any, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%d bytes, limit %d: %w", len(data), MaxBytes, ErrTooLarge)
	}
	// What looks like JSON is read as strictly as JSON is everywhere else.
	if head := bytes.TrimSpace(data); len(head) > 0 && head[0] == '{' {
		if err := strictjson.Check(data, strictjson.Limits{Bytes: MaxBytes, Depth: maxDepth}); err != nil {
			return nil, err
		}
	}
	var found []map[string]any
	d := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc any
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		if doc == nil {
			continue
		}
		object, ok := doc.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("document %d is no object", len(found)+1)
		}
		if deeper(object, maxDepth) {
			return nil, fmt.Errorf("document %d is nested deeper than %d: %w", len(found)+1, maxDepth, ErrTooLarge)
		}
		if found = append(found, object); len(found) > MaxDocuments {
			return nil, fmt.Errorf("more than %d documents: %w", MaxDocuments, ErrTooLarge)
		}
	}
}

func deeper(v any, depth int) bool {
	if depth == 0 {
		return true
	}
	switch v := v.(type) {
	case map[string]any:
		for _, e := range v {
			if deeper(e, depth-1) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, func(e any) bool { return deeper(e, depth-1) })
	}
	return false
}

// at walks down maps by name; nil where the way ends.
func at(v any, names ...string) any {
	for _, name := range names {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

func text(v any, names ...string) string {
	s, _ := at(v, names...).(string)
	return s
}

func items(v any, names ...string) []any {
	list, _ := at(v, names...).([]any)
	return list
}

// number is an integer that YAML reads as one of several types.
func number(v any) (float64, bool) {
	switch n := v.(type) {
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}
