package conform

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v5"

	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// jsonSchema is a compiled schema with the counter that its rules share.
type jsonSchema struct {
	*jsonschema.Schema
	work *work
}

func (c *Checker) checkJSON(s schema, data []byte) ([]Violation, error) {
	if err := strictjson.Check(data, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth}); err != nil {
		return nil, fmt.Errorf("reading document: %w", err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var document any
	if err := d.Decode(&document); err != nil {
		return nil, fmt.Errorf("reading document: %w", err)
	}
	compiled, err := c.compile(s)
	if err != nil {
		return nil, err
	}
	if err := bounded(document); err != nil {
		return nil, fmt.Errorf("reading document: %w", err)
	}
	compiled.work.left = maxSteps
	err = compiled.validate(document)
	var invalid *jsonschema.ValidationError
	switch {
	case err == nil:
		return s.beyond(document), nil
	case errors.As(err, &invalid):
		return s.violations(invalid, document), nil
	}
	return nil, err
}

// validate lets the counter stop the library. Should a document bring the library down,
// nothing has been judged.
func (s *jsonSchema) validate(document any) (err error) {
	defer func() {
		switch r := recover(); {
		case r == nil:
		case r == any(ErrTooMuchWork):
			err = ErrTooMuchWork
		default:
			err = fmt.Errorf("validating: the validator failed: %v", r)
		}
	}()
	return s.Validate(document)
}

func (c *Checker) compile(s schema) (*jsonSchema, error) {
	if compiled, ok := c.json[s.file]; ok {
		return compiled, nil
	}
	w := &work{}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat = true
	compiler.Formats["idn-email"] = isEmail
	compiler.RegisterExtension("gatekeep", nil, w)
	// Nothing is ever fetched: a schema is here or it is an error.
	compiler.LoadURL = func(url string) (io.ReadCloser, error) {
		file, ok := locations[url]
		if url == s.Schema {
			file, ok = s.file, true
		}
		if !ok {
			return nil, fmt.Errorf("reading schema %s: it is not shipped", url)
		}
		return open(file)
	}
	compiled, err := compiler.Compile(s.Schema)
	if err != nil {
		return nil, fmt.Errorf("compiling %s: %w", s.file, err)
	}
	if c.json == nil {
		c.json = map[string]*jsonSchema{}
	}
	c.json[s.file] = &jsonSchema{compiled, w}
	return c.json[s.file], nil
}

// keywords are those that extension.go answers. "items" with a list is another keyword
// than with one schema, and stays.
var keywords = regexp.MustCompile(`"(?:(enum|uniqueItems)"\s*:|(items)"\s*:\s*(\{))`)

// open reads a schema and renames what extension.go does in place of the library.
func open(file string) (io.ReadCloser, error) {
	text, err := schemas.ReadFile("schemas/" + file)
	if err != nil {
		return nil, fmt.Errorf("reading schema: %w", err)
	}
	text = keywords.ReplaceAll(text, []byte(`"`+ours+`$1$2":$3`))
	// SPDX 3.0.1 asks for an IRI that is no blank node with a look-ahead, which RE2 does
	// not have. This says the same without.
	text = bytes.ReplaceAll(text, []byte(`"^(?!_:).+:.+"`), []byte(`"^(?:[^_\\n]|_[^:\\n]).*:.+"`))
	return io.NopCloser(bytes.NewReader(text)), nil
}

// address is an addr-spec with any Unicode in its local part and domain (RFC 6531).
var address = regexp.MustCompile(`^[^\s@]+@[^\s@]+$`)

// isEmail follows JSON Schema, section 7.3.2: the "Mailbox" rule of RFC 5321, extended
// by RFC 6531. Anything but text passes: formats say nothing of other types.
func isEmail(v any) bool {
	text, ok := v.(string)
	if !ok {
		return true
	}
	if _, err := mail.ParseAddress(text); err != nil {
		return false
	}
	return address.MatchString(text)
}

// violations takes the errors at the leaves. The library walks members in any order, so
// they are sorted: the same document must give the same result.
func (s schema) violations(e *jsonschema.ValidationError, document any) []Violation {
	all := leaves(e)
	if s.ignore != "" {
		all = slices.DeleteFunc(all, func(v Violation) bool { return v.At == s.ignore })
		if len(all) == 0 {
			return s.beyond(document)
		}
	}
	all = slices.Compact(all)
	return all[:min(len(all), MaxViolations)]
}

// leaves is sorted. Where none of several alternatives fits, only the one that fits
// best is told: a document that breaks one rule should not seem to break twenty.
func leaves(e *jsonschema.ValidationError) []Violation {
	if len(e.Causes) == 0 {
		at := e.InstanceLocation
		return []Violation{{at, short(e.Message)}}
	}
	var out []Violation
	alternatives := strings.HasSuffix(e.KeywordLocation, "/anyOf") || strings.HasSuffix(e.KeywordLocation, "/oneOf")
	for _, cause := range e.Causes {
		found := leaves(cause)
		switch {
		case !alternatives:
			out = append(out, found...)
		case out == nil || better(found, out):
			out = found
		}
	}
	slices.SortFunc(out, compare)
	return out
}

// better prefers few violations, then those further down: that alternative went along
// with the document longest.
func better(a, b []Violation) bool {
	return cmp.Or(
		cmp.Compare(len(a), len(b)),
		cmp.Compare(strings.Count(b[0].At, "/"), strings.Count(a[0].At, "/")),
		slices.CompareFunc(a, b, compare),
	) < 0
}

func compare(a, b Violation) int {
	return cmp.Or(strings.Compare(a.At, b.At), strings.Compare(a.What, b.What))
}
