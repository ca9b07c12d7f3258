// Package sca reads what scanners for known vulnerabilities write: Grype, Trivy,
// OSV-Scanner, Snyk, npm audit, govulncheck, and vulnerabilities in a CycloneDX
// document. Each reader takes a text of its own kind only: an error message, or a
// document without the list that would name what was found, is an error and never a
// report without findings.
package sca

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// grype is the part of a Grype report that is read.
type grype struct {
	Matches    *[]grypeMatch `json:"matches"`
	Ignored    []grypeMatch  `json:"ignoredMatches"`
	Descriptor struct {
		Name      string `json:"name"`
		Version   string `json:"version"`
		Timestamp string `json:"timestamp"`
		DB        struct {
			Built  string `json:"built"` // up to version 0.87
			Error  any    `json:"error"`
			Status struct {
				Built string `json:"built"`
				Error any    `json:"error"`
			} `json:"status"`
		} `json:"db"`
	} `json:"descriptor"`
}

type grypeMatch struct {
	Vulnerability struct {
		grypeRecord
		Fix struct {
			Versions []string `json:"versions"`
		} `json:"fix"`
		FixedIn string `json:"fixedInVersion"` // before version 0.10
	} `json:"vulnerability"`
	Related  []grypeRecord `json:"relatedVulnerabilities"`
	Artifact struct {
		Name      string `json:"name"`
		Version   string `json:"version"`
		PURL      string `json:"purl"`
		Type      string `json:"type"`
		Language  string `json:"language"`
		Locations []struct {
			Path string `json:"path"`
		} `json:"locations"`
	} `json:"artifact"`
	Rules []struct {
		Reason        string `json:"reason"`
		Vulnerability string `json:"vulnerability"`
		FixState      string `json:"fix-state"`
		VEXStatus     string `json:"vex-status"`
		Justification string `json:"vex-justification"`
		Package       struct {
			Name string `json:"name"`
		} `json:"package"`
	} `json:"appliedIgnoreRules"`
}

type grypeRecord struct {
	ID        string `json:"id"`
	Namespace string `json:"namespace"`
	Severity  string `json:"severity"`
	CVSS      []struct {
		Version string `json:"version"`
		Vector  string `json:"vector"`
		Metrics struct {
			BaseScore float64 `json:"baseScore"`
		} `json:"metrics"`
	} `json:"cvss"`
}

// Grype reads the JSON of anchore/grype. What its ignore rules hide is kept, as
// suppressed.
func Grype(d *finding.Document) (*finding.Report, error) {
	r := &finding.Report{Format: "grype", Tool: "grype"}
	err := finding.Each(d, func(_ int, g *grype) error {
		if g.Matches == nil || g.Descriptor.Name != "grype" {
			return errors.New("no list of matches, or descriptor.name is not grype")
		}
		db := g.Descriptor.DB
		r.Version, r.CreatedAt, r.DBLastUpdate = g.Descriptor.Version, g.Descriptor.Timestamp, finding.Either(db.Status.Built, db.Built)
		if err := r.Dated(); err != nil {
			return fmt.Errorf("descriptor: %w", err)
		}
		for _, problem := range []any{db.Error, db.Status.Error} {
			if problem != nil && problem != "" {
				r.Fail("its database: %v", problem)
			}
		}
		r.Looked(finding.KindVulns)
		found := finding.Vulns{Scanner: "grype"}
		for i := range *g.Matches {
			if err := (*g.Matches)[i].add(r, &found, false); err != nil {
				return fmt.Errorf("matches[%d]: %w", i, err)
			}
		}
		for i := range g.Ignored {
			if err := g.Ignored[i].add(r, &found, true); err != nil {
				return fmt.Errorf("ignoredMatches[%d]: %w", i, err)
			}
		}
		var err error
		r.Vulns, err = found.List()
		return err
	})
	return r, err
}

func (m *grypeMatch) add(r *finding.Report, found *finding.Vulns, ignored bool) error {
	a := m.Artifact
	f := gatekeep.SCAFinding{ID: m.Vulnerability.ID, PURL: a.PURL, FixedIn: finding.Versions(append(m.Vulnerability.Fix.Versions, m.Vulnerability.FixedIn)...)}
	if f.PURL == "" {
		f.PURL = finding.Component(finding.Either(a.Language, a.Type), a.Name, a.Version)
	}
	for _, l := range a.Locations {
		f.Locations = append(f.Locations, l.Path)
	}
	ratings := m.Vulnerability.ratings(nil)
	stated := finding.Severity(m.Vulnerability.Severity) != finding.Unknown
	for i := range m.Related {
		f.Aliases = append(f.Aliases, m.Related[i].ID)
		of := m.Related[i].ratings(nil)
		if stated {
			of = of[1:] // its word is for whoever states none
		}
		ratings = append(ratings, of...)
	}
	if ignored {
		f.Suppressed = []gatekeep.Suppression{{Reason: m.reason()}}
	}
	if err := r.Count(); err != nil {
		return err
	}
	return found.Add(f, ratings...)
}

// ratings are the word of a record, first, and its vectors.
func (v *grypeRecord) ratings(of []finding.Rating) []finding.Rating {
	from := grypeSource(v.Namespace)
	of = append(of, finding.Rating{From: from, Word: v.Severity})
	for _, c := range v.CVSS {
		of = append(of, finding.Rating{From: from, Vector: c.Vector, Version: c.Version, Score: c.Metrics.BaseScore})
	}
	return of
}

// grypeSource is who keeps the records of a namespace: "github:language:go" is ghsa,
// "debian:distro:debian:10" is debian.
func grypeSource(namespace string) string {
	first, _, _ := strings.Cut(namespace, ":")
	switch first {
	case "":
		return "grype"
	case "github":
		return "ghsa"
	}
	return first
}

// reason tells why Grype hid a match, as far as the rules say.
func (m *grypeMatch) reason() string {
	var said []string
	for _, rule := range m.Rules {
		for _, part := range []string{rule.Reason, rule.VEXStatus, rule.Justification, rule.FixState, rule.Vulnerability, rule.Package.Name} {
			if part != "" {
				said = append(said, part)
			}
		}
	}
	return finding.Either(strings.Join(said, " "), "ignore rule")
}
