package sca

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// npmAudit is the part of the result of "npm audit --json" that is read.
type npmAudit struct {
	Error      json.RawMessage         `json:"error"`
	Message    string                  `json:"message"`
	Version    int                     `json:"auditReportVersion"`
	Advisories *map[string]npmAdvisory `json:"advisories"`      // npm 6, pnpm
	Vulns      *map[string]npmPackage  `json:"vulnerabilities"` // npm 7 and later
	Muted      []npmAdvisory           `json:"muted"`
	Metadata   struct {
		Vulns map[string]int  `json:"vulnerabilities"`
		Total *int            `json:"totalDependencies"` // npm 6
		Deps  json.RawMessage `json:"dependencies"`      // npm 6: a number; npm 7: an object with total
	} `json:"metadata"`
}

// npmAdvisory is what npm 6 lists.
type npmAdvisory struct {
	ID       json.Number `json:"id"`
	Module   string      `json:"module_name"`
	GHSA     string      `json:"github_advisory_id"`
	CVEs     []string    `json:"cves"`
	URL      string      `json:"url"`
	Severity string      `json:"severity"`
	Patched  string      `json:"patched_versions"`
	CVSS     npmCVSS     `json:"cvss"`
	Findings []struct {
		Version string `json:"version"`
	} `json:"findings"`
}

// npmPackage is what npm 7 lists: a package, and why it is vulnerable. A name in via
// is a package that brings the vulnerability along, and is listed itself.
type npmPackage struct {
	Name  string            `json:"name"`
	Via   []json.RawMessage `json:"via"`
	Nodes []string          `json:"nodes"`
}

type npmVia struct {
	Source   json.Number `json:"source"`
	Name     string      `json:"name"`
	URL      string      `json:"url"`
	Severity string      `json:"severity"`
	CVSS     npmCVSS     `json:"cvss"`
}

type npmCVSS struct {
	Score  float64 `json:"score"`
	Vector any     `json:"vectorString"` // null or an empty list where there is none
}

func (c npmCVSS) rating() finding.Rating {
	vector, _ := c.Vector.(string)
	return finding.Rating{From: "ghsa", Vector: vector, Score: c.Score}
}

// nothing tells a project without dependencies, of which npm has nothing to say.
func (a *npmAudit) nothing() bool {
	if a.Metadata.Total != nil {
		return *a.Metadata.Total == 0
	}
	var deps struct {
		Total *int `json:"total"`
	}
	return json.Unmarshal(a.Metadata.Deps, &deps) == nil && deps.Total != nil && *deps.Total == 0
}

// ghsa finds the id of a GitHub advisory in its address.
var ghsa = regexp.MustCompile(`(?i)GHSA(-[0-9a-z]{4}){3}`)

// NPM reads the JSON of "npm audit" of npm 6 (advisories) and npm 7 (packages). The
// report of npm 7 does not say which version is installed: its components have none.
func NPM(d *finding.Document) (*finding.Report, error) {
	r := &finding.Report{Format: "npm-audit", Tool: "npm-audit"}
	found := finding.Vulns{Scanner: "npm-audit"}
	err := finding.Each(d, func(_ int, a *npmAudit) error {
		if len(a.Error) > 0 && string(a.Error) != "null" {
			return fmt.Errorf("an error message and no result: %s", finding.Line(string(a.Error)))
		}
		if a.Advisories == nil == (a.Vulns == nil) {
			return errors.New("neither advisories, as npm 6 lists them, nor vulnerabilities, as npm 7 does")
		}
		if a.Metadata.Vulns == nil {
			return errors.New("metadata.vulnerabilities is missing: nobody counted")
		}
		counted := 0
		for _, n := range a.Metadata.Vulns {
			counted += n
		}
		if !a.nothing() {
			r.Looked(finding.KindVulns)
		}
		listed, err := 0, error(nil)
		if a.Advisories != nil {
			listed, err = len(*a.Advisories)+len(a.Muted), a.old(r, &found)
		} else {
			listed, err = len(*a.Vulns), a.new(r, &found)
		}
		if err == nil && counted > 0 && listed == 0 {
			err = fmt.Errorf("metadata counts %d vulnerabilities, and none is listed", counted)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	r.Vulns, err = found.List()
	return r, err
}

func (a *npmAudit) old(r *finding.Report, found *finding.Vulns) error {
	for _, key := range slices.Sorted(maps.Keys(*a.Advisories)) {
		advisory := (*a.Advisories)[key]
		if err := advisory.add(r, found, key, ""); err != nil {
			return fmt.Errorf("advisories.%s: %w", key, err)
		}
	}
	for i := range a.Muted {
		if err := a.Muted[i].add(r, found, "", "muted"); err != nil {
			return fmt.Errorf("muted[%d]: %w", i, err)
		}
	}
	return nil
}

func (a *npmAdvisory) add(r *finding.Report, found *finding.Vulns, key, suppressed string) error {
	if err := r.Count(); err != nil {
		return err
	}
	number := finding.Either(a.ID.String(), key)
	if a.Module == "" || number == "" {
		return errors.New("an advisory has no module_name or no id")
	}
	versions := map[string]bool{}
	for _, f := range a.Findings {
		versions[f.Version] = true
	}
	if len(versions) == 0 {
		versions[""] = true
	}
	for _, version := range slices.Sorted(maps.Keys(versions)) {
		f := gatekeep.SCAFinding{ID: finding.Either(a.GHSA, ghsa.FindString(a.URL), "NPM-"+number), Aliases: slices.Clone(a.CVEs),
			PURL: finding.Component("npm", a.Module, version), FixedIn: patched(a.Patched)}
		if suppressed != "" {
			f.Suppressed = []gatekeep.Suppression{{Reason: suppressed}}
		}
		err := found.Add(f, finding.Rating{From: "npm", Word: a.Severity}, a.CVSS.rating())
		if err != nil {
			return err
		}
	}
	return nil
}

// patched is a range of versions as one word; "<0.0.0" is how npm says that there is
// none.
func patched(versions string) string {
	if versions == "<0.0.0" {
		return ""
	}
	return strings.TrimPrefix(versions, ">=")
}

// new reads what npm 7 lists. Every package has to lead to an advisory that is
// listed: those that name only one another would all be passed over.
func (a *npmAudit) new(r *finding.Report, found *finding.Vulns) error {
	brings := map[string][]string{} // package -> those that are vulnerable through it
	var rooted []string
	for _, name := range slices.Sorted(maps.Keys(*a.Vulns)) {
		p := (*a.Vulns)[name]
		if err := r.Count(); err != nil {
			return err
		}
		for i, raw := range p.Via {
			var other string
			if json.Unmarshal(raw, &other) == nil {
				brings[other] = append(brings[other], name)
				continue
			}
			var via npmVia
			if err := json.Unmarshal(raw, &via); err != nil {
				return fmt.Errorf("vulnerabilities.%s.via[%d]: %w", name, i, err)
			}
			if err := via.add(found, finding.Either(p.Name, name), p.Nodes); err != nil {
				return fmt.Errorf("vulnerabilities.%s.via[%d]: %w", name, i, err)
			}
			rooted = append(rooted, name)
		}
	}
	reached := map[string]bool{}
	for len(rooted) > 0 {
		name := rooted[len(rooted)-1]
		rooted = rooted[:len(rooted)-1]
		if !reached[name] {
			reached[name] = true
			rooted = append(rooted, brings[name]...)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(*a.Vulns)) {
		if !reached[name] {
			return fmt.Errorf("vulnerabilities.%s leads to no advisory that is listed", name)
		}
	}
	return nil
}

func (v *npmVia) add(found *finding.Vulns, name string, nodes []string) error {
	id := ghsa.FindString(v.URL)
	if _, err := strconv.Atoi(v.Source.String()); id == "" && err == nil {
		id = "NPM-" + v.Source.String()
	}
	return found.Add(gatekeep.SCAFinding{ID: id, PURL: finding.Component("npm", finding.Either(v.Name, name), ""), Locations: slices.Clone(nodes)},
		finding.Rating{From: "npm", Word: v.Severity}, v.CVSS.rating())
}
