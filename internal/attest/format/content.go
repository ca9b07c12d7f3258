package format

import (
	"bytes"
	"encoding/json"

	"github.com/gatekeep-dev/gatekeep/internal/attest/conform"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
)

// content counts what the content of a predicate holds.
func (r *Reading) content(c *predicate.Content) {
	if c == nil {
		return
	}
	add := func(name string, n int) {
		if n > 0 {
			r.Counts = with(r.Counts, name, r.Counts[name]+n)
		}
	}
	if c.SBOM != nil || c.VEX != nil {
		// Cosign attests documents that are no JSON as a string.
		if text := ""; bytes.HasPrefix(r.inner, []byte(`"`)) && json.Unmarshal(r.inner, &text) == nil {
			r.inner = []byte(text)
		}
		r.schema, r.schemaVersion = conform.Identify(r.inner)
	}
	if c.SBOM != nil {
		r.Counts = with(r.Counts, "components", c.SBOM.ComponentCount)
		r.Counts = with(r.Counts, "unidentified components", c.SBOM.UnidentifiedCount)
	}
	for _, f := range c.SCA {
		add(f.Severity, 1)
	}
	add("vulnerabilities", len(c.SCA))
	for _, f := range c.SAST {
		add(f.Severity, 1)
	}
	add("findings", len(c.SAST))
	for _, statements := range c.VEX {
		for _, s := range statements {
			add("statements: "+s.Status, 1)
		}
	}
	add("resources", len(c.Resources))
}
