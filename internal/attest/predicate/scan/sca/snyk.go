package sca

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// snyk is the part of the result of "snyk test --json" for one project that is read.
type snyk struct {
	Vulns    *[]snykVuln `json:"vulnerabilities"`
	OK       *bool       `json:"ok"`
	Error    any         `json:"error"`
	Manager  string      `json:"packageManager"`
	Target   string      `json:"displayTargetFile"`
	Deps     *int        `json:"dependencyCount"`
	Filtered struct {
		Ignore []snykVuln `json:"ignore"`
		Patch  []snykVuln `json:"patch"`
	} `json:"filtered"`
	Applications []snyk `json:"applications"` // found in an image
}

type snykVuln struct {
	ID           string           `json:"id"`
	Type         string           `json:"type"`        // "license" for what is no vulnerability
	Identifiers  map[string][]any `json:"identifiers"` // some schemes have numbers
	Alternatives []string         `json:"alternativeIds"`
	Severity     string           `json:"severity"`
	WithCritical string           `json:"severityWithCritical"`
	CVSSv3       string           `json:"CVSSv3"`
	Score        float64          `json:"cvssScore"`
	Details      []struct {
		Assigner string  `json:"assigner"`
		Severity string  `json:"severity"`
		Vector   string  `json:"cvssV3Vector"`
		Score    float64 `json:"cvssV3BaseScore"`
	} `json:"cvssDetails"`
	Sources []struct {
		Assigner string  `json:"assigner"`
		Severity string  `json:"severity"`
		Vector   string  `json:"vector"`
		Score    float64 `json:"baseScore"`
		Version  string  `json:"cvssVersion"`
	} `json:"cvssSources"`
	Name        string   `json:"name"`
	PackageName string   `json:"packageName"`
	Version     string   `json:"version"`
	Manager     string   `json:"packageManager"`
	FixedIn     []string `json:"fixedIn"`
	License     string   `json:"license"`
	Reachable   string   `json:"reachability"`
	Filtered    struct {
		Ignored []struct {
			Reason string `json:"reason"`
		} `json:"ignored"`
	} `json:"filtered"`
}

// Snyk reads the JSON of "snyk test" and "snyk container test", of one project or of
// several in an array.
func Snyk(d *finding.Document) (*finding.Report, error) {
	s := &snykReader{r: &finding.Report{Format: "snyk", Tool: "snyk"}, found: finding.Vulns{Scanner: "snyk"}}
	err := finding.Each(d, func(_ int, project *snyk) error { return s.project(project) })
	if err != nil {
		return nil, err
	}
	s.r.Flaws = s.flaws.All
	s.r.Vulns, err = s.found.List()
	return s.r, err
}

type snykReader struct {
	r     *finding.Report
	found finding.Vulns
	flaws finding.Flaws
}

func (s *snykReader) project(p *snyk) error {
	switch {
	case p.Error != nil && p.Error != "":
		return fmt.Errorf("an error message and no result: %s", finding.Line(fmt.Sprint(p.Error)))
	case p.Vulns == nil || p.OK == nil:
		return errors.New("no list of vulnerabilities, or no word on whether all is ok")
	case !*p.OK && len(*p.Vulns) == 0 && !anyNotOK(p.Applications):
		return errors.New("not ok, and yet nothing is listed")
	}
	if p.Deps == nil || *p.Deps > 0 || len(*p.Vulns) > 0 {
		s.r.Looked(finding.KindVulns)
	}
	for i := range *p.Vulns {
		if err := s.add(&(*p.Vulns)[i], p, ""); err != nil {
			return fmt.Errorf("vulnerabilities[%d]: %w", i, err)
		}
	}
	for i := range p.Filtered.Ignore {
		v := &p.Filtered.Ignore[i]
		reason := "ignored"
		for _, said := range v.Filtered.Ignored {
			reason = finding.Either(said.Reason, reason)
		}
		if err := s.add(v, p, reason); err != nil {
			return fmt.Errorf("filtered.ignore[%d]: %w", i, err)
		}
	}
	for i := range p.Filtered.Patch {
		if err := s.add(&p.Filtered.Patch[i], p, "patched"); err != nil {
			return fmt.Errorf("filtered.patch[%d]: %w", i, err)
		}
	}
	for i := range p.Applications {
		if err := s.project(&p.Applications[i]); err != nil {
			return fmt.Errorf("applications[%d]: %w", i, err)
		}
	}
	return nil
}

func anyNotOK(applications []snyk) bool {
	for _, a := range applications {
		if a.OK != nil && !*a.OK {
			return true
		}
	}
	return false
}

func (s *snykReader) add(v *snykVuln, p *snyk, suppressed string) error {
	if err := s.r.Count(); err != nil {
		return err
	}
	name := finding.Either(v.Name, v.PackageName)
	if v.Type == "license" || strings.HasPrefix(v.ID, "snyk:lic:") {
		s.r.Looked(finding.KindLicense)
		at := name + "@" + v.Version
		s.flaws.Add("license:"+finding.Place(v.ID, at), gatekeep.SASTFinding{Rule: finding.Either("license/"+v.License, v.ID),
			Severity: finding.Flaw(v.Severity), Location: at, BaselineState: "new", Suppression: hidden(suppressed)})
		return nil
	}
	f := gatekeep.SCAFinding{ID: v.ID, FixedIn: finding.Versions(v.FixedIn...),
		PURL: finding.Component(finding.Either(v.Manager, p.Manager), name, v.Version)}
	for _, scheme := range []string{"CVE", "GHSA", "RHSA"} {
		for _, id := range v.Identifiers[scheme] {
			f.Aliases = append(f.Aliases, fmt.Sprint(id))
		}
	}
	f.Aliases = append(f.Aliases, v.Alternatives...)
	if p.Target != "" {
		f.Locations = []string{p.Target}
	}
	if suppressed != "" {
		f.Suppressed = []gatekeep.Suppression{{Reason: suppressed}}
	}
	switch v.Reachable {
	case "function", "package", "reachable":
		yes := true
		f.Reachable = &yes
	case "not-reachable", "unreachable":
		no := false
		f.Reachable = &no
	}
	ratings := []finding.Rating{{From: "snyk", Word: v.WithCritical}, {From: "snyk", Word: v.Severity},
		{From: "snyk", Vector: v.CVSSv3, Version: "3.1", Score: v.Score}}
	for _, c := range v.Details {
		ratings = append(ratings, finding.Rating{From: strings.ToLower(c.Assigner), Word: c.Severity, Vector: c.Vector, Version: "3.1", Score: c.Score})
	}
	for _, c := range v.Sources {
		ratings = append(ratings, finding.Rating{From: strings.ToLower(c.Assigner), Word: c.Severity, Vector: c.Vector, Version: c.Version, Score: c.Score})
	}
	return s.found.Add(f, ratings...)
}
