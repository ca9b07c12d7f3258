package sca

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// maxGroups is how many groups a record may be of; it is of one.
const maxGroups = 8

// osvResults is the part of the results of OSV-Scanner that is read.
type osvResults struct {
	Results *[]struct {
		Source struct {
			Path string `json:"path"`
		} `json:"source"`
		Packages *[]osvPackage `json:"packages"`
	} `json:"results"`
}

type osvPackage struct {
	Package struct {
		Name      string `json:"name"`
		Version   string `json:"version"`
		Ecosystem string `json:"ecosystem"`
		Commit    string `json:"commit"`
		PURL      string `json:"purl"`
	} `json:"package"`
	Vulns  []osvRecord `json:"vulnerabilities"`
	Groups []struct {
		IDs         []string           `json:"ids"`
		Aliases     []string           `json:"aliases"`
		MaxSeverity string             `json:"max_severity"`
		Analysis    map[string]osvCall `json:"experimental_analysis"`
		OldAnalysis map[string]osvCall `json:"experimentalAnalysis"`
	} `json:"groups"`
}

type osvCall struct {
	Called      *bool `json:"called"`
	Unimportant bool  `json:"unimportant"`
}

// osvRecord is a record of the OSV schema.
type osvRecord struct {
	ID       string        `json:"id"`
	Aliases  []string      `json:"aliases"`
	Upstream []string      `json:"upstream"`
	Severity []osvSeverity `json:"severity"`
	Affected []struct {
		Package struct {
			Name      string `json:"name"`
			Ecosystem string `json:"ecosystem"`
		} `json:"package"`
		Severity []osvSeverity `json:"severity"`
		Ranges   []struct {
			Type   string `json:"type"`
			Events []struct {
				Fixed string `json:"fixed"`
			} `json:"events"`
		} `json:"ranges"`
	} `json:"affected"`
	Specific json.RawMessage `json:"database_specific"`
}

type osvSeverity struct {
	Type  string `json:"type"`
	Score string `json:"score"` // a vector; a word where the type is a distribution's
}

// OSV reads the results of google/osv-scanner: JSON with results, packages, records of
// the OSV schema and groups of those that are one vulnerability.
func OSV(d *finding.Document) (*finding.Report, error) {
	r := &finding.Report{Format: "osv-scanner", Tool: "osv-scanner"}
	found := finding.Vulns{Scanner: "osv-scanner"}
	err := finding.Each(d, func(_ int, o *osvResults) error {
		if o.Results == nil {
			return errors.New("no list of results")
		}
		// A list of nothing is also what it writes where it found no package: with
		// --all-packages it lists those that it looked at.
		if len(*o.Results) > 0 {
			r.Looked(finding.KindVulns)
		}
		for i, result := range *o.Results {
			if result.Packages == nil {
				return fmt.Errorf("results[%d] has no list of packages", i)
			}
			for j := range *result.Packages {
				if err := (*result.Packages)[j].add(r, &found, result.Source.Path); err != nil {
					return fmt.Errorf("results[%d].packages[%d]: %w", i, j, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	r.Vulns, err = found.List()
	return r, err
}

func (p *osvPackage) add(r *finding.Report, found *finding.Vulns, path string) error {
	purl := finding.Either(p.Package.PURL, finding.Component(p.Package.Ecosystem, p.Package.Name, finding.Either(p.Package.Version, p.Package.Commit)))
	if purl == "" && p.Package.Commit == "" && len(p.Vulns)+len(p.Groups) == 0 {
		return errors.New("neither a package nor a commit is named")
	}
	listed := map[string]bool{}
	groups := map[string][]int{} // by id
	for i, g := range p.Groups {
		if len(g.IDs)+len(g.Aliases) > finding.MaxAliases {
			return fmt.Errorf("groups[%d] has more than %d names: %w", i, finding.MaxAliases, jsonscan.ErrLimit)
		}
		for _, id := range g.IDs {
			groups[id] = append(groups[id], i)
		}
	}
	for i := range p.Vulns {
		v := &p.Vulns[i]
		if err := r.Count(); err != nil {
			return err
		}
		listed[v.ID] = true
		f := gatekeep.SCAFinding{ID: v.ID, PURL: purl, Aliases: slices.Concat(v.Aliases, v.Upstream), FixedIn: v.fixes(p.Package.Name)}
		if path != "" {
			f.Locations = []string{path}
		}
		ratings := v.ratings(p.Package.Name)
		if len(groups[v.ID]) > maxGroups {
			return fmt.Errorf("%s is of more than %d groups: %w", v.ID, maxGroups, jsonscan.ErrLimit)
		}
		for _, at := range groups[v.ID] {
			g := p.Groups[at]
			// The aliases of a group are those of all its ids together.
			f.Aliases = append(append(f.Aliases, g.IDs...), g.Aliases...)
			ratings = append(ratings, finding.Rating{From: "osv-scanner", Word: g.MaxSeverity})
			for _, analysis := range []map[string]osvCall{g.Analysis, g.OldAnalysis} {
				if call := analysis[v.ID].Called; call != nil && (f.Reachable == nil || *call) {
					f.Reachable = call
				}
			}
		}
		if err := found.Add(f, ratings...); err != nil {
			return fmt.Errorf("vulnerabilities[%d]: %w", i, err)
		}
	}
	for _, g := range p.Groups {
		if !slices.ContainsFunc(g.IDs, func(id string) bool { return listed[id] }) {
			return fmt.Errorf("the group of %s has no vulnerability that is listed", strings.Join(g.IDs, ", "))
		}
	}
	return nil
}

// ratings are the vectors of a record, of the record as a whole and of the package,
// and the word of those databases that state one.
func (v *osvRecord) ratings(name string) []finding.Rating {
	from := finding.Source(v.ID, "osv")
	var specific struct {
		Severity any `json:"severity"`
	}
	var ratings []finding.Rating
	if json.Unmarshal(v.Specific, &specific) == nil {
		if word, ok := specific.Severity.(string); ok {
			ratings = append(ratings, finding.Rating{From: from, Word: word})
		}
	}
	all := slices.Clone(v.Severity)
	for _, a := range v.Affected {
		if a.Package.Name == name {
			all = append(all, a.Severity...)
		}
	}
	for _, s := range all {
		if version, ok := strings.CutPrefix(s.Type, "CVSS_V"); ok {
			ratings = append(ratings, finding.Rating{From: from, Vector: s.Score, Version: version})
		} else {
			ratings = append(ratings, finding.Rating{From: from, Word: s.Score})
		}
	}
	return ratings
}

// fixes are the versions of a package in which its affected ranges end.
func (v *osvRecord) fixes(name string) string {
	var versions []string
	for _, a := range v.Affected {
		if a.Package.Name != name {
			continue
		}
		for _, r := range a.Ranges {
			for _, e := range r.Events {
				if r.Type != "GIT" {
					versions = append(versions, e.Fixed)
				}
			}
		}
	}
	return finding.Versions(versions...)
}
