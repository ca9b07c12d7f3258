package predicate

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/instant"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// Bounds of one document; the feeds of distributions have 50,000 statements.
const (
	maxVEXStatements = 100_000
	maxVEXAliases    = 100 // of one vulnerability; five have been seen
)

// vexDocument is the part of an OpenVEX document that is read, of versions 0.0.1
// and 0.2.0. https://github.com/openvex/spec
type vexDocument struct {
	Context    string         `json:"@context"`
	Timestamp  string         `json:"timestamp"`
	Statements []vexStatement `json:"statements"`
}

type vexStatement struct {
	Vulnerability vexVulnerability `json:"vulnerability"`
	Timestamp     string           `json:"timestamp"`
	Products      []vexProduct     `json:"products"`
	Status        string           `json:"status"`
	Justification string           `json:"justification"`
}

// vexVulnerability is an object, or in 0.0.1 a text.
type vexVulnerability struct {
	Name    string   `json:"name"`
	Aliases []string `json:"aliases"`
}

// UnmarshalJSON reads both forms.
func (v *vexVulnerability) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &v.Name)
	}
	type plain vexVulnerability
	return json.Unmarshal(raw, (*plain)(v))
}

// vexProduct is an object, or in 0.0.1 a text.
type vexProduct struct {
	ID            string            `json:"@id"`
	Identifiers   map[string]string `json:"identifiers"`
	Hashes        map[string]string `json:"hashes"`
	Subcomponents []vexProduct      `json:"subcomponents"`
}

// UnmarshalJSON reads both forms.
func (p *vexProduct) UnmarshalJSON(raw []byte) error {
	if len(raw) > 0 && raw[0] == '"' {
		return json.Unmarshal(raw, &p.ID)
	}
	type plain vexProduct
	return json.Unmarshal(raw, (*plain)(p))
}

// names are the purls, as written and in canonical form, and the digests by which a
// product is known.
func (p *vexProduct) names() (names []string) {
	for _, text := range append([]string{p.ID}, p.Identifiers["purl"]) {
		if text == "" {
			continue
		}
		spellings, _ := sbom.Spellings(text)
		names = append(names, spellings...)
		names = append(names, pinned(spellings)...)
	}
	for _, algorithm := range []string{"sha-256", "sha256"} {
		if hash := "sha256:" + strings.ToLower(p.Hashes[algorithm]); digest.Valid(hash) {
			names = append(names, hash)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// pinned are the digests that names of images end with: registry/app@sha256:..., or
// pkg:oci/app@sha256:....
func pinned(names []string) (digests []string) {
	for _, name := range names {
		if i := strings.LastIndexByte(name, '@'); i >= 0 && digest.Valid(name[i+1:]) {
			digests = append(digests, name[i+1:])
		}
	}
	return digests
}

func decodeVEX(raw []byte) (*Content, error) {
	var doc vexDocument
	if err := lenient(raw, &doc); err != nil {
		return nil, fmt.Errorf("reading VEX: %w", err)
	}
	if !slices.Contains([]string{openVEX, openVEX + "/v0.0.1", openVEX + "/v0.2.0"}, doc.Context) {
		return nil, fmt.Errorf("reading VEX: @context %q is not OpenVEX 0.0.1 or 0.2.0", doc.Context)
	}
	switch n := len(doc.Statements); {
	case n == 0:
		return nil, errors.New("reading VEX: no statements")
	case n > maxVEXStatements:
		return nil, fmt.Errorf("reading VEX: %d statements, limit %d: %w", n, maxVEXStatements, ErrTooLarge)
	}
	c := &Content{Claims: map[string]any{}, VEX: map[string][]gatekeep.VEXStatement{}, within: map[string][][]string{}}
	for i := range doc.Statements {
		s := &doc.Statements[i]
		if s.Timestamp == "" {
			s.Timestamp = doc.Timestamp // "Cascades": a document speaks for its statements
		}
		if err := c.addVEX(s); err != nil {
			return nil, fmt.Errorf("reading VEX: statements[%d]: %w", i, err)
		}
	}
	return c, nil
}

// addVEX takes one statement. A product with subcomponents says something about
// these only, and only where they are part of it: they become the products, and the
// digests of the product confine the statement.
func (c *Content) addVEX(s *vexStatement) error {
	if s.Vulnerability.Name == "" {
		return errors.New("vulnerability has no name")
	}
	if len(s.Vulnerability.Aliases) > maxVEXAliases {
		return fmt.Errorf("more than %d aliases: %w", maxVEXAliases, ErrTooLarge)
	}
	if !slices.Contains([]string{"not_affected", "affected", "fixed", "under_investigation"}, s.Status) {
		return fmt.Errorf("unknown status %q", s.Status)
	}
	if err := instant.Check(s.Timestamp); err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	said := gatekeep.VEXStatement{Status: s.Status, Justification: s.Justification, Timestamp: s.Timestamp, Products: []string{}}
	parts := 0
	for i := range s.Products {
		p := &s.Products[i]
		if len(p.Subcomponents) == 0 {
			said.Products = append(said.Products, p.names()...)
			continue
		}
		parts++
		part := said
		part.Products = []string{}
		for j := range p.Subcomponents {
			part.Products = append(part.Products, p.Subcomponents[j].names()...)
		}
		c.sayVEX(s, part, slices.DeleteFunc(p.names(), func(name string) bool { return !digest.Valid(name) }))
	}
	if parts == 0 || len(said.Products) > 0 {
		c.sayVEX(s, said, nil)
	}
	return nil
}

// sayVEX lists a statement under every name of its vulnerability.
func (c *Content) sayVEX(s *vexStatement, said gatekeep.VEXStatement, within []string) {
	slices.Sort(said.Products)
	said.Products = slices.Compact(said.Products)
	ids := append([]string{s.Vulnerability.Name}, s.Vulnerability.Aliases...)
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if id == "" {
			continue
		}
		c.VEX[id] = append(c.VEX[id], said)
		c.within[id] = append(c.within[id], within)
	}
}

// ConfineVEX drops the VEX statements about parts of a product that is none of the
// digests given: "libssl in image A" says nothing of image B. Call it with the
// digests of the subject, its artifacts and what covers them.
func (c *Content) ConfineVEX(digests []string) {
	for id, statements := range c.VEX {
		var kept []gatekeep.VEXStatement
		var confined [][]string
		for i, within := range c.within[id] {
			if len(within) > 0 && !slices.ContainsFunc(within, func(d string) bool { return slices.Contains(digests, d) }) {
				continue
			}
			kept, confined = append(kept, statements[i]), append(confined, within)
		}
		if c.VEX[id], c.within[id] = kept, confined; len(kept) == 0 {
			delete(c.VEX, id)
			delete(c.within, id)
		}
	}
}
