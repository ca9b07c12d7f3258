package predicate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/vex"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// maxVEXViolations is how many rules that a document breaks are named in its claims.
const maxVEXViolations = 20

func decodeVEX(raw []byte) (*Content, error)          { return vexContent(raw, vex.OpenVEX) }
func decodeCSAF(raw []byte) (*Content, error)         { return vexContent(raw, vex.CSAF) }
func decodeCycloneDXVEX(raw []byte) (*Content, error) { return vexContent(raw, vex.CycloneDX) }

// vexContent lists the statements of a document under every name of their
// vulnerability. What an SBOM says of vulnerabilities is not read: its signer may be
// believed for what there is, and not for what it means.
func vexContent(raw []byte, format string) (*Content, error) {
	if err := bounded(raw); err != nil {
		return nil, fmt.Errorf("reading VEX: %w", err)
	}
	d, err := vex.Read(raw)
	if err != nil {
		return nil, err
	}
	if d.Format != format {
		return nil, fmt.Errorf("reading VEX: the predicate type says %s, the document is %s", format, d.Format)
	}
	c := &Content{VEX: map[string][]gatekeep.VEXStatement{}, within: map[string][]vex.Fact{}}
	for i := range d.Statements {
		for _, fact := range d.Facts(&d.Statements[i]) {
			for _, id := range d.Statements[i].NamesFor(fact) {
				// The name of an advisory may be that of other vulnerabilities too: under it
				// nothing lifts, where another name says which vulnerability is meant.
				lifts := fact.Statement.Status == vex.NotAffected || fact.Statement.Status == vex.Fixed
				if lifts && !finding.OfOne(id) && slices.ContainsFunc(d.Statements[i].Names, finding.OfOne) {
					continue
				}
				c.VEX[id] = append(c.VEX[id], fact.Statement)
				c.within[id] = append(c.within[id], fact)
			}
		}
	}
	violations := d.Violations[:min(len(d.Violations), maxVEXViolations)]
	c.Claims = map[string]any{"format": d.Format, "spec_version": d.Version, "document_id": d.ID, "author": d.Author,
		"timestamp": d.Timestamp, "statement_count": len(d.Statements), "violations": list(violations)}
	return c, nil
}

// wrapVEX finds the type of a document. One that is no JSON becomes a text.
func wrapVEX(file []byte, _ WrapOptions) (string, []byte, error) {
	raw := file
	if text := bytes.TrimLeft(file, " \t\r\n\ufeff"); bytes.HasPrefix(text, []byte("<")) {
		var err error
		if raw, err = json.Marshal(string(text)); err != nil {
			return "", nil, err
		}
	}
	if err := strictjson.Check(raw, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth}); err != nil {
		return "", nil, err
	}
	d, err := vex.Read(raw)
	switch {
	case err != nil:
		return "", nil, err
	case d.Format == vex.CSAF:
		return csafSchema, raw, nil
	case d.Format == vex.CycloneDX:
		return cycloneDXVEX, raw, nil
	case d.Version == "0.2.0":
		return openVEX + "/v0.2.0", raw, nil
	}
	return openVEX, raw, nil
}

// ConfineVEX drops the VEX statements about parts of a product that is none of the
// digests given: "libssl in image A" says nothing of image B. Call it with the
// digests of the subject, its artifacts and what covers them.
func (c *Content) ConfineVEX(digests []string) {
	for id, facts := range c.within {
		var kept []gatekeep.VEXStatement
		var confined []vex.Fact
		for _, fact := range facts {
			if fact.Confined(digests) {
				kept, confined = append(kept, fact.Statement), append(confined, fact)
			}
		}
		if c.VEX[id], c.within[id] = kept, confined; len(kept) == 0 {
			delete(c.VEX, id)
			delete(c.within, id)
		}
	}
}
