package predicate

import (
	"encoding/json"
	"errors"
	"fmt"

	link "github.com/in-toto/attestation/go/predicates/link/v0"
	"github.com/in-toto/in-toto-golang/in_toto"
	"google.golang.org/protobuf/encoding/protojson"
)

// Types of in-toto links: that of the Attestation Framework, and that of
// in-toto-golang's statements.
const (
	linkV03 = "https://in-toto.io/attestation/link/v0.3"
	linkV1  = "https://in-toto.io/Link/v1"
)

// decodeLink reads a link predicate v0.3 (in-toto/attestation, spec/predicates/link.md):
// what one step of a supply chain ran, and on what.
func decodeLink(raw []byte) (*Content, error) {
	if err := unambiguous(raw); err != nil {
		return nil, fmt.Errorf("reading link: %w", err)
	}
	var l link.Link
	if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(raw, &l); err != nil {
		return nil, fmt.Errorf("reading link: %w", err)
	}
	// spec/predicates/link.md: "name string, required"
	if l.GetName() == "" {
		return nil, errors.New("reading link: name is empty")
	}
	return linkContent(l.GetName(), l.GetCommand(), len(l.GetMaterials()), 0), nil
}

// decodeOldLink reads the link of in-toto-golang, as in-toto-run wraps it.
func decodeOldLink(raw []byte) (*Content, error) {
	if err := unambiguous(raw); err != nil {
		return nil, fmt.Errorf("reading link: %w", err)
	}
	var l in_toto.Link
	if err := json.Unmarshal(raw, &l); err != nil {
		return nil, fmt.Errorf("reading link: %w", err)
	}
	// in-toto specification 1.0, section 4.4: "_type" is "link".
	if l.Type != "link" {
		return nil, fmt.Errorf("reading link: _type is %.40q, not \"link\"", l.Type)
	}
	if l.Name == "" {
		return nil, errors.New("reading link: name is empty")
	}
	return linkContent(l.Name, l.Command, len(l.Materials), len(l.Products)), nil
}

func linkContent(name string, command []string, materials, products int) *Content {
	words := make([]any, 0, len(command))
	for _, w := range command {
		words = append(words, w)
	}
	return &Content{Claims: map[string]any{"name": name, "command": words, "materials": materials, "products": products}}
}

// wrapLink tells the two shapes apart by the "_type" that only the older one has,
// signed by in-toto-run within "signed".
func wrapLink(file []byte, _ WrapOptions) (string, []byte, error) {
	var shape struct {
		Type   string          `json:"_type"`
		Signed json.RawMessage `json:"signed"`
	}
	if err := lenient(file, &shape); err != nil {
		return "", nil, err
	}
	switch {
	case shape.Signed != nil:
		return linkV1, shape.Signed, nil
	case shape.Type != "":
		return linkV1, file, nil
	}
	return linkV03, file, nil
}
