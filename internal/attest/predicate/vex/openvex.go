package vex

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/instant"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
)

// openVEXContexts are the contexts of the versions that are read. The one without a
// version stands in documents of 0.0.1 and, written by older tools, 0.2.0.
// https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
var openVEXContexts = map[string]string{
	"https://openvex.dev/ns":        "0.0.1",
	"https://openvex.dev/ns/v0.0.1": "0.0.1",
	"https://openvex.dev/ns/v0.2.0": "0.2.0",
}

type openVEX struct {
	Context    string             `json:"@context"`
	ID         string             `json:"@id"`
	Author     string             `json:"author"`
	Timestamp  string             `json:"timestamp"`
	Version    openVersion        `json:"version"`
	Statements []openVEXStatement `json:"statements"`
}

type openVEXStatement struct {
	Vulnerability openVulnerability `json:"vulnerability"`
	Timestamp     string            `json:"timestamp"`
	LastUpdated   string            `json:"last_updated"`
	Products      []openProduct     `json:"products"`
	Status        string            `json:"status"`
	Justification string            `json:"justification"`
}

// openVersion is an integer, or in 0.0.1 a text.
type openVersion struct{}

// UnmarshalJSON takes both forms, and nothing else.
func (openVersion) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return nil
	}
	var n int64
	if err := json.Unmarshal(raw, &n); err != nil {
		return fmt.Errorf("version %.40s is neither an integer nor a text", raw)
	}
	return nil
}

// openVulnerability is an object, or in 0.0.1 a text.
type openVulnerability struct {
	Name    string   `json:"name"`
	Aliases []string `json:"aliases"`
}

// UnmarshalJSON reads both forms.
func (v *openVulnerability) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &v.Name)
	}
	type plain openVulnerability
	return json.Unmarshal(raw, (*plain)(v))
}

// openProduct is an object, or in 0.0.1 a text.
type openProduct struct {
	ID            string            `json:"@id"`
	Identifiers   map[string]string `json:"identifiers"`
	Hashes        map[string]string `json:"hashes"`
	Subcomponents []openProduct     `json:"subcomponents"`
}

// UnmarshalJSON reads both forms.
func (p *openProduct) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &p.ID)
	}
	type plain openProduct
	return json.Unmarshal(raw, (*plain)(p))
}

// maxOpenVEXDepth leaves products eight levels of subcomponents; real documents have one.
// Each level is read once more for those around it.
const maxOpenVEXDepth = 24

func readOpenVEX(raw []byte) (*Document, error) {
	if err := jsonscan.RefuseFolded(raw, maxOpenVEXDepth); err != nil {
		return nil, err
	}
	var doc openVEX
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, err
	}
	version, known := openVEXContexts[doc.Context]
	if !known {
		return nil, fmt.Errorf("@context %.80q is not OpenVEX 0.0.1 or 0.2.0", doc.Context)
	}
	// "@id: The IRI identifying the VEX document", "author: Author is the identifier for
	// the author of the VEX statement": both are required.
	switch {
	case doc.ID == "":
		return nil, errors.New("@id is missing")
	case doc.Author == "":
		return nil, errors.New("author is missing")
	case len(doc.Statements) > maxStatements:
		return nil, fmt.Errorf("%d statements, limit %d: %w", len(doc.Statements), maxStatements, ErrTooLarge)
	}
	d := &Document{Format: OpenVEX, Version: version, ID: doc.ID, Author: doc.Author, Timestamp: doc.Timestamp}
	if err := instant.Optional(doc.Timestamp); err != nil {
		return nil, fmt.Errorf("timestamp: %w", err)
	}
	for i := range doc.Statements {
		s, err := doc.Statements[i].read(doc.Timestamp)
		if err != nil {
			return nil, fmt.Errorf("statements[%d]: %w", i, err)
		}
		d.Statements = append(d.Statements, s)
	}
	return d, nil
}

// read makes a statement of one of OpenVEX.
func (o *openVEXStatement) read(issued string) (Statement, error) {
	s := Statement{Names: append([]string{o.Vulnerability.Name}, o.Vulnerability.Aliases...), Status: o.Status,
		Justification: o.Justification, Timestamp: o.Timestamp}
	if o.Vulnerability.Name == "" {
		return s, errors.New("the vulnerability has no name")
	}
	if s.Timestamp == "" {
		s.Timestamp = issued // "Cascades": a document speaks for its statements
	}
	if err := instant.Check(s.Timestamp); err != nil {
		return s, fmt.Errorf("timestamp: %w", err)
	}
	if err := instant.Optional(o.LastUpdated); err != nil {
		return s, fmt.Errorf("last_updated: %w", err)
	}
	// What speaks against a product does so from its last change on; what speaks for it
	// is as old as it says: an older statement never wins by either.
	if !lifts(s.Status) && after(o.LastUpdated, s.Timestamp) {
		s.Timestamp = o.LastUpdated
	}
	// "For statements with a not_affected status, a VEX Statement MUST include either a
	// status justification or an impact_statement". One with neither, or with a word for
	// a justification that is not of the list, stays without one, and rules then find
	// none to accept. "For a statement with affected status, a VEX Statement MUST include
	// a statement that SHOULD describe actions": one without is as affected as others.
	if s.Status != NotAffected {
		s.Justification = ""
	}
	for i := range o.Products {
		s.Products = append(s.Products, o.Products[i].read()...)
	}
	return s, nil
}

// read makes products of one of OpenVEX. One with subcomponents says something about
// these only, and only where they are part of it: they become the products, within
// what has the digests of the product.
func (o *openProduct) read() []Product {
	p := Product{Name: o.ID}
	p.identify([]string{o.ID, o.Identifiers["purl"]}, []string{o.Hashes["sha-256"], o.Hashes["sha256"]})
	if len(o.Subcomponents) == 0 {
		return []Product{p}
	}
	var parts []Product
	for i := range o.Subcomponents {
		for _, part := range o.Subcomponents[i].read() {
			switch {
			case len(p.Digests) > 0:
				// What is said of a part of a part is said of it there: the outer product decides.
				part.Within = p.Digests
			case len(part.Within) == 0 && part.Void == "" && !part.isPackage() && !p.isImage():
				part.Void = fmt.Sprintf("it is part of %.80q, which has no digest", o.ID)
			}
			parts = append(parts, part)
		}
	}
	return parts
}

// isImage tells whether a product is an image by its purl. An image without a digest is
// the one that the document is attested of.
func (p *Product) isImage() bool {
	return len(p.PURLs) > 0 && !slices.ContainsFunc(p.PURLs, func(purl string) bool {
		return !strings.HasPrefix(purl, "pkg:oci/") && !strings.HasPrefix(purl, "pkg:docker/")
	})
}

// after tells whether one time is later than another; an empty one is not.
func after(a, b string) bool {
	x, err := time.Parse(time.RFC3339, a)
	if err != nil {
		return false
	}
	y, err := time.Parse(time.RFC3339, b)
	return err != nil || x.After(y)
}
