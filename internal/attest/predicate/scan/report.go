package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/instant"
)

// Report is what a scanner writes by itself.
type Report struct {
	Tool         string // "grype" or "trivy"
	Version      string
	CreatedAt    string // RFC 3339; empty where the report does not say
	DBLastUpdate string // RFC 3339; empty where the report does not say
	Findings     []gatekeep.SCAFinding
}

// ReadReport reads the JSON of Grype (matches) or Trivy (SchemaVersion 2), and
// refuses any other.
func ReadReport(raw []byte) (*Report, error) {
	var shape struct {
		Matches       json.RawMessage `json:"matches"`
		SchemaVersion any             `json:"SchemaVersion"`
	}
	if err := json.Unmarshal(raw, &shape); err != nil {
		return nil, fmt.Errorf("reading scanner report: %w", err)
	}
	switch {
	case shape.Matches != nil && shape.SchemaVersion != nil:
		return nil, errors.New("reading scanner report: it has matches, as Grype's, and SchemaVersion, as Trivy's")
	case shape.Matches != nil:
		return readGrype(raw)
	case shape.SchemaVersion == float64(2):
		return readTrivy(raw)
	}
	return nil, errors.New("reading scanner report: neither Grype JSON (matches) nor Trivy JSON (SchemaVersion 2)")
}

// grype is the part of a Grype report that is read.
type grype struct {
	Matches *[]struct {
		Vulnerability struct {
			ID       string `json:"id"`
			Severity string `json:"severity"`
			Fix      struct {
				Versions []string `json:"versions"`
			} `json:"fix"`
		} `json:"vulnerability"`
		Related []struct {
			ID       string `json:"id"`
			Severity string `json:"severity"`
		} `json:"relatedVulnerabilities"`
		Artifact struct {
			Name    string `json:"name"`
			Version string `json:"version"`
			PURL    string `json:"purl"`
		} `json:"artifact"`
	} `json:"matches"`
	Descriptor struct {
		Name      string `json:"name"`
		Version   string `json:"version"`
		Timestamp string `json:"timestamp"`
		DB        struct {
			Built  string `json:"built"` // up to version 0.87
			Status struct {
				Built string `json:"built"`
			} `json:"status"`
		} `json:"db"`
	} `json:"descriptor"`
}

func readGrype(raw []byte) (*Report, error) {
	var g grype
	if err := json.Unmarshal(raw, &g); err != nil {
		return nil, fmt.Errorf("reading Grype report: %w", err)
	}
	if g.Matches == nil || g.Descriptor.Name != "grype" {
		return nil, errors.New("reading Grype report: no list of matches, or descriptor.name is not grype")
	}
	r := &Report{Tool: "grype", Version: g.Descriptor.Version, CreatedAt: g.Descriptor.Timestamp,
		DBLastUpdate: either(g.Descriptor.DB.Status.Built, g.Descriptor.DB.Built)}
	if err := errors.Join(instant.Optional(r.CreatedAt), instant.Optional(r.DBLastUpdate)); err != nil {
		return nil, fmt.Errorf("reading Grype report: descriptor: %w", err)
	}
	var found findings
	for i, m := range *g.Matches {
		f := gatekeep.SCAFinding{ID: m.Vulnerability.ID, Severity: severity(m.Vulnerability.Severity),
			PURL: component(m.Artifact.PURL, m.Artifact.Name, m.Artifact.Version)}
		for _, related := range m.Related {
			f.Aliases = append(f.Aliases, related.ID)
			if f.Severity == unknown {
				f.Severity = severity(related.Severity)
			}
		}
		if len(m.Vulnerability.Fix.Versions) > 0 {
			f.FixedIn = m.Vulnerability.Fix.Versions[0]
		}
		if err := found.add(f); err != nil {
			return nil, fmt.Errorf("reading Grype report: matches[%d]: %w", i, err)
		}
	}
	r.Findings = found.list
	return r, nil
}

// trivy is the part of a Trivy report that is read.
type trivy struct {
	Trivy struct {
		Version string `json:"Version"`
	} `json:"Trivy"`
	CreatedAt any `json:"CreatedAt"` // a number of seconds in old versions
	Results   []struct {
		Class           string `json:"Class"`
		Vulnerabilities []struct {
			VulnerabilityID string   `json:"VulnerabilityID"`
			VendorIDs       []string `json:"VendorIDs"`
			PkgName         string   `json:"PkgName"`
			PkgIdentifier   struct {
				PURL string `json:"PURL"`
			} `json:"PkgIdentifier"`
			InstalledVersion string `json:"InstalledVersion"`
			FixedVersion     string `json:"FixedVersion"`
			Severity         string `json:"Severity"`
		} `json:"Vulnerabilities"`
	} `json:"Results"`
}

func readTrivy(raw []byte) (*Report, error) {
	var t trivy
	if err := json.Unmarshal(raw, &t); err != nil {
		return nil, fmt.Errorf("reading Trivy report: %w", err)
	}
	r := &Report{Tool: "trivy", Version: t.Trivy.Version}
	switch at := t.CreatedAt.(type) {
	case string:
		r.CreatedAt = at
	case float64:
		r.CreatedAt = time.Unix(int64(at), 0).UTC().Format(time.RFC3339)
	}
	if err := instant.Optional(r.CreatedAt); err != nil {
		return nil, fmt.Errorf("reading Trivy report: CreatedAt: %w", err)
	}
	looked := false
	var found findings
	for i, result := range t.Results {
		// Results of class config, secret and license come from other scanners of Trivy.
		if strings.HasSuffix(result.Class, "-pkgs") || len(result.Vulnerabilities) > 0 {
			looked = true
		}
		for _, v := range result.Vulnerabilities {
			fixed, _, _ := strings.Cut(v.FixedVersion, ",")
			err := found.add(gatekeep.SCAFinding{ID: v.VulnerabilityID, Aliases: v.VendorIDs, Severity: severity(v.Severity),
				PURL: component(v.PkgIdentifier.PURL, v.PkgName, v.InstalledVersion), FixedIn: strings.TrimSpace(fixed)})
			if err != nil {
				return nil, fmt.Errorf("reading Trivy report: Results[%d]: %w", i, err)
			}
		}
	}
	if !looked {
		return nil, errors.New("reading Trivy report: it looked at no packages, so it says nothing about vulnerabilities; scan with --scanners vuln")
	}
	r.Findings = found.list
	return r, nil
}

// component names what a finding is about: its purl, or as much as is known.
func component(purl, name, version string) string {
	if purl != "" || name == "" {
		return purl
	}
	return name + "@" + version
}

// earlier compares two checked times.
func earlier(a, b string) bool {
	ta, _ := time.Parse(time.RFC3339, a)
	tb, _ := time.Parse(time.RFC3339, b)
	return ta.Before(tb)
}
