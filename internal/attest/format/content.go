package format

import "github.com/gatekeep-dev/gatekeep/internal/attest/predicate"

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
	if c.SBOM != nil {
		r.schema, r.schemaVersion = c.SBOM.Format+"-json", c.SBOM.SpecVersion
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
