package vex

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/instant"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/vex/vers"
)

// cycloneDXVersions are those that have vulnerabilities with an analysis.
var cycloneDXVersions = []string{"1.4", "1.5", "1.6", "1.7"}

// states are those of an analysis, in the words of OpenVEX.
// https://cyclonedx.org/docs/1.6/json/#vulnerabilities_items_analysis_state
var states = map[cdx.ImpactAnalysisState]string{
	"not_affected":           NotAffected,
	"false_positive":         NotAffected,
	"resolved":               Fixed,
	"resolved_with_pedigree": Fixed,
	"exploitable":            Affected,
	"in_triage":              UnderInvestigation,
	// "The vulnerability has not been analysed": what has no state is the same.
	"": UnderInvestigation,
}

// reasons are the justifications of CycloneDX, in the words of OpenVEX where these have
// one of the same meaning. That another setting, dependency or environment would be
// needed is a word on where the product runs, and none of OpenVEX says so: it stays as
// it is, for a policy to accept or not.
var reasons = map[cdx.ImpactAnalysisJustification]string{
	"code_not_present":                "vulnerable_code_not_present",
	"code_not_reachable":              "vulnerable_code_not_in_execute_path",
	"protected_by_compiler":           "inline_mitigations_already_exist",
	"protected_at_runtime":            "inline_mitigations_already_exist",
	"protected_by_mitigating_control": "inline_mitigations_already_exist",
	"protected_at_perimeter":          "protected_at_perimeter", // not inline: the perimeter may be another's
	"requires_configuration":          "requires_configuration",
	"requires_dependency":             "requires_dependency",
	"requires_environment":            "requires_environment",
	"":                                "",
}

func readCycloneDX(raw []byte) (*Document, error) {
	var bom cdx.BOM
	if err := json.Unmarshal(raw, &bom); err != nil {
		return nil, err
	}
	if bom.BOMFormat != "CycloneDX" {
		return nil, fmt.Errorf("bomFormat %.40q is not CycloneDX", bom.BOMFormat)
	}
	return fromBOM(&bom, bom.SpecVersion.String())
}

// bom is what statements need of a BOM, beside its vulnerabilities.
type bom struct {
	serial     string // UUID, lower case
	components map[string]*cdx.Component
	issued     string
}

func fromBOM(b *cdx.BOM, version string) (*Document, error) {
	if !slices.Contains(cycloneDXVersions, version) {
		return nil, fmt.Errorf("CycloneDX %.20q has no analysis of vulnerabilities, or is not known; want one of %s", version, strings.Join(cycloneDXVersions, ", "))
	}
	d := &Document{Format: CycloneDX, Version: version, ID: b.SerialNumber}
	own := bom{serial: strings.ToLower(strings.TrimPrefix(b.SerialNumber, "urn:uuid:")), components: map[string]*cdx.Component{}}
	if m := b.Metadata; m != nil {
		d.Timestamp, d.Author = m.Timestamp, authorOf(m)
		if m.Component != nil {
			if err := own.add([]cdx.Component{*m.Component}); err != nil {
				return nil, err
			}
		}
	}
	if err := instant.Optional(d.Timestamp); err != nil {
		return nil, fmt.Errorf("metadata.timestamp: %w", err)
	}
	own.issued = d.Timestamp
	if b.Components != nil {
		if err := own.add(*b.Components); err != nil {
			return nil, err
		}
	}
	if b.Vulnerabilities == nil {
		return d, nil
	}
	for i := range *b.Vulnerabilities {
		s, err := own.read(&(*b.Vulnerabilities)[i])
		if err != nil {
			return nil, fmt.Errorf("vulnerabilities[%d]: %w", i, err)
		}
		d.Statements = append(d.Statements, s)
	}
	return d, nil
}

// authorOf names who made the document, as far as it tells.
func authorOf(m *cdx.Metadata) string {
	if m.Authors != nil {
		for _, a := range *m.Authors {
			if name := cmp.Or(a.Name, a.Email); name != "" {
				return name
			}
		}
	}
	for _, o := range []*cdx.OrganizationalEntity{m.Manufacturer, m.Manufacture, m.Supplier} {
		if o != nil && o.Name != "" {
			return o.Name
		}
	}
	return ""
}

// add lists components by their bom-ref, which "must be unique within the BOM".
func (b *bom) add(list []cdx.Component) error {
	for i := range list {
		c := &list[i]
		if c.BOMRef != "" {
			if _, twice := b.components[c.BOMRef]; twice {
				return fmt.Errorf("the bom-ref %.80q stands twice", c.BOMRef)
			}
			b.components[c.BOMRef] = c
		}
		if c.Components != nil {
			if err := b.add(*c.Components); err != nil {
				return err
			}
		}
	}
	return nil
}

// read makes a statement of a vulnerability with its analysis.
func (b *bom) read(v *cdx.Vulnerability) (Statement, error) {
	analysis := v.Analysis
	if analysis == nil {
		analysis = &cdx.VulnerabilityAnalysis{}
	}
	status, known := states[analysis.State]
	if !known {
		return Statement{}, fmt.Errorf("unknown analysis.state %.40q", analysis.State)
	}
	reason, known := reasons[analysis.Justification]
	if !known {
		return Statement{}, fmt.Errorf("unknown analysis.justification %.40q", analysis.Justification)
	}
	if status != NotAffected {
		reason = ""
	}
	s := Statement{Names: []string{v.ID}, Status: status, Justification: reason}
	if v.ID == "" {
		return s, errors.New("the vulnerability has no id")
	}
	if v.References != nil {
		for _, r := range *v.References { // "the equivalent of the vulnerability specified"
			s.Names = append(s.Names, r.ID)
		}
	}
	if err := s.date(analysis.LastUpdated, analysis.FirstIssued, b.issued, v.Updated); err != nil {
		return s, err
	}
	if v.Affects != nil {
		for i := range *v.Affects {
			products, err := b.products(&(*v.Affects)[i], status)
			if err != nil {
				return s, fmt.Errorf("affects[%d]: %w", i, err)
			}
			s.Products = append(s.Products, products...)
		}
	}
	return s, nil
}

// date takes the time of the analysis, else that of the document, else that of the
// vulnerability's record in it. What speaks against a product does so from the latest
// of them on.
func (s *Statement) date(updated, issued, document, record string) error {
	for _, text := range []string{updated, issued, document, record} {
		if err := instant.Optional(text); err != nil {
			return err
		}
	}
	s.Timestamp = cmp.Or(updated, issued, document, record)
	if !lifts(s.Status) {
		for _, text := range []string{issued, document, record} {
			if after(text, s.Timestamp) {
				s.Timestamp = text
			}
		}
	}
	return nil
}

// products are those of one entry of "affects", which may be parted by versions.
func (b *bom) products(a *cdx.Affects, status string) ([]Product, error) {
	p := b.product(a.Ref)
	if a.Range == nil || len(*a.Range) == 0 {
		return []Product{p}, nil
	}
	var products []Product
	for i := range *a.Range {
		v := &(*a.Range)[i]
		part, err := p.narrowed(v)
		if err != nil {
			return nil, fmt.Errorf("versions[%d]: %w", i, err)
		}
		switch v.Status {
		case "", cdx.VulnerabilityStatusAffected: // "affected" where it is left out
			if lifts(status) {
				// Analysis and version say different things; often the ranges of an upstream
				// advisory are repeated so. Nothing is lifted.
				part.Void = "its versions are said to be affected"
			}
		case cdx.VulnerabilityStatusUnknown:
			if lifts(status) {
				part.Void = "nothing is known of its versions"
			}
		case cdx.VulnerabilityStatusNotAffected:
			if !lifts(status) {
				continue // the statement is not about these
			}
		default:
			return nil, fmt.Errorf("versions[%d]: unknown status %.40q", i, v.Status)
		}
		products = append(products, part)
	}
	return products, nil
}

// product finds what a reference names: a component of this BOM, or of another one by
// BOM-Link ("urn:cdx:serialNumber/version#bom-ref"). Of another BOM nothing is at hand
// but the bom-ref, and that is a purl where tools choose one for it.
// https://cyclonedx.org/capabilities/bomlink/
func (b *bom) product(ref string) Product {
	p := Product{Name: ref}
	local := ref
	if rest, isLink := strings.CutPrefix(ref, "urn:cdx:"); isLink {
		link, fragment, _ := strings.Cut(rest, "#")
		serial, _, _ := strings.Cut(link, "/")
		if decoded, err := url.PathUnescape(fragment); err == nil {
			fragment = decoded
		}
		if b.serial == "" || strings.ToLower(serial) != b.serial {
			p.identify([]string{fragment}, nil)
			return p
		}
		local = fragment
	}
	c := b.components[local]
	if c == nil {
		p.identify([]string{local}, nil)
		return p
	}
	var hashes []string
	if c.Hashes != nil {
		for _, h := range *c.Hashes {
			if h.Algorithm == cdx.HashAlgoSHA256 {
				hashes = append(hashes, h.Value)
			}
		}
	}
	p.identify([]string{c.PackageURL}, hashes)
	if c.VersionRange != "" { // of an external component, since 1.7
		p.Range = c.VersionRange
		p.unversioned()
		return p
	}
	if c.Version != "" && !p.versioned() {
		p.Void = fmt.Sprintf("it is version %.80q, and its purl is that of all versions", c.Version)
	}
	return p
}

// narrowed is the product in one version, or in a range of them.
func (p Product) narrowed(v *cdx.AffectedVersions) (Product, error) {
	p.PURLs, p.Digests = slices.Clone(p.PURLs), slices.Clone(p.Digests)
	text := v.Range
	switch {
	case v.Version != "" && v.Range != "":
		return p, errors.New("both a version and a range")
	case v.Version != "":
		text = "vers:generic/" + url.PathEscape(v.Version)
	case v.Range == "":
		return p, errors.New("neither a version nor a range")
	}
	if p.Range != "" {
		p.Void = "its range is narrowed by another"
		return p, nil
	}
	if !p.versioned() || len(p.PURLs) == 0 {
		p.Range, p.Void = text, "" // the version that the purl lacks is given here
		return p, nil
	}
	// The component has a version of its own: it must be among those meant.
	r, err := vers.Parse(text)
	for _, purl := range p.PURLs {
		if err != nil || lies(r, purl, []string{purl}) != vers.In {
			p.Void = fmt.Sprintf("its own version is not known to be in %.80q", text)
		}
	}
	return p, nil
}
