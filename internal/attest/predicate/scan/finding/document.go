package finding

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Bounds of a report as text.
const (
	MaxBytes = 64 << 20 // the largest reports seen have 40 MB
	MaxDepth = 128      // SARIF code flows are the deepest
)

// Document is the text of a report, looked at just far enough to tell whose it is.
type Document struct {
	Raw []byte
	// Items are the values of a JSON array, or of one after another in a text; nil
	// where the text is one object.
	Items  []json.RawMessage
	Stream bool // several values, and not an array
	XML    bool
	fields map[string]json.RawMessage
}

// Open looks at a text: a JSON object, a JSON array of objects, JSON objects one after
// another, or XML. Each JSON text is held to strictjson and may not have names that
// differ in case only, for encoding/json would take one for the other. XML is not
// checked.
func Open(raw []byte) (*Document, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("%d bytes, limit %d: %w", len(raw), MaxBytes, jsonscan.ErrLimit)
	}
	raw = bytes.TrimSpace(bytes.TrimPrefix(raw, []byte("\xef\xbb\xbf")))
	d := &Document{Raw: raw}
	if bytes.HasPrefix(raw, []byte("<")) {
		d.XML = true
		return d, nil
	}
	values, err := split(raw)
	if err != nil {
		return nil, err
	}
	for _, v := range values {
		if err := strictjson.Check(v, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth}); err != nil {
			return nil, err
		}
		if err := jsonscan.RefuseFolded(v, MaxDepth); err != nil {
			return nil, err
		}
	}
	switch {
	case len(values) == 1 && values[0][0] == '[':
		d.Items = []json.RawMessage{}
		err = json.Unmarshal(raw, &d.Items)
	case len(values) == 1:
		err = d.open(values[0])
		return d, err
	default:
		d.Items, d.Stream = values, true
	}
	if err == nil && len(d.Items) > 0 {
		err = d.open(d.Items[0])
	}
	return d, err
}

// open reads the names of an object; of null there are none.
func (d *Document) open(value json.RawMessage) error {
	if err := json.Unmarshal(value, &d.fields); err != nil {
		return fmt.Errorf("want an object: %w", err)
	}
	return nil
}

// split cuts a text into its JSON values.
func split(raw []byte) ([]json.RawMessage, error) {
	var values []json.RawMessage
	for decoder := json.NewDecoder(bytes.NewReader(raw)); ; {
		var value json.RawMessage
		err := decoder.Decode(&value)
		switch {
		case errors.Is(err, io.EOF):
			return values, nil
		case err != nil:
			return nil, fmt.Errorf("byte %d: %w", decoder.InputOffset(), err)
		case len(values) >= MaxFindings:
			return nil, fmt.Errorf("more than %d values: %w", MaxFindings, jsonscan.ErrLimit)
		}
		values = append(values, value)
	}
}

// Has tells whether the object, or the first of several, has all of these fields, in
// this spelling.
func (d *Document) Has(names ...string) bool {
	for _, name := range names {
		if _, ok := d.fields[name]; !ok {
			return false
		}
	}
	return !d.XML
}

// Empty tells a text without any value, null, or an empty array: what many tools
// write where they found nothing, and what is left behind where one never ran.
func (d *Document) Empty() bool {
	return !d.XML && (len(d.Raw) == 0 || string(d.Raw) == "null" || d.Items != nil && len(d.Items) == 0)
}

// Single tells that the text is one object.
func (d *Document) Single() bool { return d.Items == nil && !d.Stream && !d.XML }

// Field is the text of a field of the object, nil where there is none.
func (d *Document) Field(name string) json.RawMessage { return d.fields[name] }

// Each reads every value of an array or of a stream, or the one object.
func Each[T any](d *Document, take func(i int, value *T) error) error {
	items := d.Items
	if d.Single() {
		items = []json.RawMessage{d.Raw}
	}
	for i, item := range items {
		var value T
		if err := json.Unmarshal(item, &value); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
		if err := take(i, &value); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}
