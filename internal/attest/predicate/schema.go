package predicate

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/instant"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
)

// Schemas holds schemas/<kind>.v1.json, the JSON Schema (draft 7) of each
// gatekeep.dev predicate.
//
//go:embed schemas/*.json
var Schemas embed.FS

// maxComplaints is the number of breaches that an error lists.
const maxComplaints = 3

// governed makes the decoder of a gatekeep.dev type: the text is held against the
// schema of its kind, which is compiled at first use, and then read into a T.
// Since the schema refuses every name it does not list, encoding/json cannot take a
// name in other case for a field.
func governed[T any](kind string, content func(*T) (*Content, error)) func([]byte) (*Content, error) {
	schema := sync.OnceValues(func() (*jsonschema.Schema, error) { return compile(kind) })
	return func(raw []byte) (*Content, error) {
		if err := bounded(raw); err != nil {
			return nil, fmt.Errorf("reading %s: %w", kind, err)
		}
		s, err := schema()
		if err != nil {
			return nil, err
		}
		if err := conform(s, raw); err != nil {
			return nil, fmt.Errorf("reading %s: %w", kind, err)
		}
		var predicate T
		if err := json.Unmarshal(raw, &predicate); err != nil {
			return nil, fmt.Errorf("reading %s: %w", kind, err)
		}
		c, err := content(&predicate)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", kind, err)
		}
		if c.Claims == nil {
			c.Claims = map[string]any{}
		}
		return c, nil
	}
}

// bounded refuses a predicate that is too long to be read.
func bounded(raw []byte) error {
	if len(raw) > MaxBytes {
		return fmt.Errorf("%d bytes, limit %d: %w", len(raw), MaxBytes, ErrTooLarge)
	}
	return nil
}

// lenient reads a predicate that others have specified: fields that are not known
// are passed over.
func lenient(raw []byte, into any) error {
	if err := unambiguous(raw); err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}

// unambiguous refuses a text that is too long, or that encoding/json, which takes
// names without regard to case, could read in another way than others do.
func unambiguous(raw []byte) error {
	if err := bounded(raw); err != nil {
		return err
	}
	return jsonscan.RefuseFolded(raw, MaxDepth)
}

func compile(kind string) (*jsonschema.Schema, error) {
	name := "schemas/" + kind + ".v1.json"
	text, err := Schemas.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading schema of %s: %w", kind, err)
	}
	c := jsonschema.NewCompiler()
	c.Draft = jsonschema.Draft7
	// The library's own check takes leap seconds and times that rules cannot count.
	c.Formats["date-time"] = func(v any) bool {
		text, isText := v.(string)
		return !isText || instant.Check(text) == nil
	}
	if err := c.AddResource(name, bytes.NewReader(text)); err != nil {
		return nil, fmt.Errorf("reading schema of %s: %w", kind, err)
	}
	schema, err := c.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("compiling schema of %s: %w", kind, err)
	}
	return schema, nil
}

// conform holds a text against a schema.
func conform(schema *jsonschema.Schema, raw []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return err
	}
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(document); errors.As(err, &invalid) {
		complaints := leaves(invalid, nil)
		slices.Sort(complaints)
		complaints = slices.Compact(complaints)
		if more := len(complaints) - maxComplaints; more > 0 {
			complaints = append(complaints[:maxComplaints], fmt.Sprintf("and %d more", more))
		}
		return errors.New(strings.Join(complaints, "; "))
	} else if err != nil {
		return err
	}
	return nil
}

// leaves are the innermost breaches, each with the place in the document.
func leaves(e *jsonschema.ValidationError, found []string) []string {
	if len(e.Causes) == 0 {
		at := strings.ReplaceAll(strings.TrimPrefix(e.InstanceLocation, "/"), "/", ".")
		if at == "" {
			return append(found, e.Message)
		}
		return append(found, at+": "+e.Message)
	}
	for _, cause := range e.Causes {
		found = leaves(cause, found)
	}
	return found
}
