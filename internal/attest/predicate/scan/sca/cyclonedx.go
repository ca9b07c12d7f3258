package sca

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// maxNested is how deep components may stand in components; six has been seen.
const maxNested = 32

// CycloneDX reads the vulnerabilities of a CycloneDX document, JSON or XML, of any
// version. One without vulnerabilities is refused: tools that did not look write an
// empty list too.
func CycloneDX(d *finding.Document) (*finding.Report, error) {
	format := cyclonedx.BOMFileFormatJSON
	switch {
	case d.XML:
		format = cyclonedx.BOMFileFormatXML
	case !d.Has("bomFormat") && !d.Has("specVersion"):
		return nil, errors.New("neither bomFormat nor specVersion: it is no BOM")
	}
	var bom cyclonedx.BOM
	if err := cyclonedx.NewBOMDecoder(bytes.NewReader(d.Raw), format).Decode(&bom); err != nil {
		return nil, err
	}
	if bom.Vulnerabilities == nil || len(*bom.Vulnerabilities) == 0 {
		return nil, errors.New("the BOM lists no vulnerabilities: it does not say that somebody looked")
	}
	r := &finding.Report{Format: "cyclonedx", Tool: "cyclonedx"}
	purls := map[string]string{}
	if m := bom.Metadata; m != nil {
		r.CreatedAt = m.Timestamp
		if m.Tools != nil && m.Tools.Components != nil && len(*m.Tools.Components) > 0 {
			r.Tool, r.Version = strings.ToLower((*m.Tools.Components)[0].Name), (*m.Tools.Components)[0].Version
		} else if m.Tools != nil && m.Tools.Tools != nil && len(*m.Tools.Tools) > 0 { //nolint:staticcheck // documents before 1.5 have it
			r.Tool, r.Version = strings.ToLower((*m.Tools.Tools)[0].Name), (*m.Tools.Tools)[0].Version
		}
		if m.Component != nil {
			collect(purls, []cyclonedx.Component{*m.Component}, 0)
		}
	}
	if bom.Components != nil {
		collect(purls, *bom.Components, 0)
	}
	if r.Dated() != nil {
		r.CreatedAt = "" // of no time, rather than not read at all
	}
	r.Looked(finding.KindVulns)
	found := finding.Vulns{Scanner: finding.Either(r.Tool, "cyclonedx")}
	for i := range *bom.Vulnerabilities {
		v := &(*bom.Vulnerabilities)[i]
		if err := r.Count(); err != nil {
			return nil, err
		}
		if err := addCycloneDX(&found, v, purls); err != nil {
			return nil, fmt.Errorf("vulnerabilities[%d]: %w", i, err)
		}
	}
	var err error
	r.Vulns, err = found.List()
	return r, err
}

// collect notes the purl of every component under its reference.
func collect(purls map[string]string, components []cyclonedx.Component, depth int) {
	for _, c := range components {
		name := c.Name
		if c.Group != "" {
			name = c.Group + "/" + name
		}
		if purl := finding.Either(c.PackageURL, finding.Component("", name, c.Version)); c.BOMRef != "" {
			purls[c.BOMRef] = purl
		}
		if c.Components != nil && depth < maxNested {
			collect(purls, *c.Components, depth+1)
		}
	}
}

// addCycloneDX makes a finding for each component that is affected; where none is
// named, one that is about no component.
func addCycloneDX(found *finding.Vulns, v *cyclonedx.Vulnerability, purls map[string]string) error {
	f := gatekeep.SCAFinding{ID: v.ID}
	if v.References != nil {
		for _, r := range *v.References {
			f.Aliases = append(f.Aliases, r.ID)
		}
	}
	from := ""
	if v.Source != nil {
		from = strings.ToLower(v.Source.Name)
	}
	var ratings []finding.Rating
	if v.Ratings != nil {
		for _, r := range *v.Ratings {
			one := finding.Rating{From: finding.Either(from, "cyclonedx"), Word: string(r.Severity), Vector: r.Vector, Version: cvssOf[r.Method]}
			if r.Source != nil && r.Source.Name != "" {
				one.From = strings.ToLower(r.Source.Name)
			}
			if r.Score != nil && strings.HasPrefix(string(r.Method), "CVSS") {
				one.Score = *r.Score
			}
			if !strings.HasPrefix(string(r.Method), "CVSS") && r.Method != "" {
				one.Vector = "" // OWASP, SSVC and others
			}
			ratings = append(ratings, one)
		}
	}
	if a := v.Analysis; a != nil {
		switch a.State {
		case cyclonedx.IASNotAffected, cyclonedx.IASFalsePositive, cyclonedx.IASResolved, cyclonedx.IASResolvedWithPedigree:
			f.Suppressed = []gatekeep.Suppression{{Reason: strings.TrimSpace(string(a.State) + " " + string(a.Justification))}}
		}
	}
	if v.Affects == nil || len(*v.Affects) == 0 {
		return found.Add(f, ratings...)
	}
	for _, affected := range *v.Affects {
		one := f
		one.PURL = purlOf(affected.Ref, purls)
		one.Suppressed = slices.Clone(f.Suppressed)
		if err := found.Add(one, ratings...); err != nil {
			return err
		}
	}
	return nil
}

// cvssOf is the version of CVSS of a method of rating.
var cvssOf = map[cyclonedx.ScoringMethod]string{
	cyclonedx.ScoringMethodCVSSv2: "2", cyclonedx.ScoringMethodCVSSv3: "3", cyclonedx.ScoringMethodCVSSv31: "3.1", cyclonedx.ScoringMethodCVSSv4: "4",
}

// purlOf is the component behind a reference: one of the document, or the fragment of
// a link to another (urn:cdx:serial/version#bom-ref), where that is a purl.
func purlOf(ref string, purls map[string]string) string {
	if purl, ok := purls[ref]; ok {
		return purl
	}
	_, fragment, linked := strings.Cut(ref, "#")
	if !linked || !strings.HasPrefix(ref, "urn:cdx:") {
		return ref
	}
	if decoded, err := url.PathUnescape(fragment); err == nil && strings.HasPrefix(decoded, "pkg:") {
		return decoded
	}
	if strings.HasPrefix(fragment, "pkg:") {
		return fragment
	}
	return ref
}
