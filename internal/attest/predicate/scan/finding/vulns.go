package finding

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/package-url/packageurl-go"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
)

var errLimit = jsonscan.ErrLimit

// Vulns collects the known vulnerabilities of one report.
type Vulns struct {
	Scanner string // name of the tool, which every finding gets
	list    []gatekeep.SCAFinding
}

// Add takes an entry with its id, purl and whatever the report says besides; severity,
// score and vector come from the ratings. An entry that stands for several CVEs, or for
// several GHSAs without a CVE, such as an advisory of a distribution, becomes one finding
// for each of them: they are never one vulnerability, and what lifts the one must not
// lift the other.
func (v *Vulns) Add(f gatekeep.SCAFinding, ratings ...Rating) error {
	if f.ID = ID(f.ID); f.ID == "" {
		return errors.New("a finding has no id")
	}
	if len(f.Aliases) > MaxAliases {
		return fmt.Errorf("more than %d aliases: %w", MaxAliases, errLimit)
	}
	f.PURL = strings.TrimSpace(f.PURL)
	if canonical, ok := sbom.Canonical(f.PURL); ok {
		if strings.ContainsAny(f.PURL, "?#") {
			f.PURLs = []string{whole(f.PURL)}
		}
		f.PURL = canonical
	}
	if v.Scanner != "" {
		f.Scanners = []string{v.Scanner}
		for i := range f.Suppressed {
			f.Suppressed[i] = gatekeep.Suppression{By: v.Scanner, Reason: Line(f.Suppressed[i].Reason)}
		}
	}
	if f.Severity == "" {
		rate(&f, ratings)
	}
	for i := range f.Locations {
		f.Locations[i] = Line(f.Locations[i])
	}
	f.Locations = few(f.Locations)
	own, others := f.ID, union(aliasesOf(&f))
	ids := slices.DeleteFunc(slices.Clone(others), func(name string) bool { return !isCVE(name) })
	if len(ids) == 0 && !isGHSA(own) {
		ids = slices.DeleteFunc(slices.Clone(others), func(name string) bool { return !isGHSA(name) })
	}
	if len(ids) == 0 {
		ids = []string{own}
	}
	for _, id := range ids {
		if len(v.list) >= MaxFindings {
			return fmt.Errorf("more than %d findings: %w", MaxFindings, errLimit)
		}
		f.ID = id
		f.Aliases = slices.DeleteFunc(slices.Clone(others), func(name string) bool { return isCVE(name) || name == id })
		if len(ids) > 1 && (id != own || !isCVE(id)) {
			// To which of them a further name belongs cannot be told.
			f.Aliases = slices.DeleteFunc([]string{own}, func(name string) bool { return isCVE(name) || name == id })
		}
		v.list = append(v.list, f)
	}
	return nil
}

// aliasesOf are all names of a finding, its id among them, as their authorities write them.
func aliasesOf(f *gatekeep.SCAFinding) []string {
	all := []string{f.ID}
	for _, name := range f.Aliases {
		all = append(all, ID(name))
	}
	return all
}

// List is what was found, one entry for each vulnerability of each component, sorted
// by id and purl.
func (v *Vulns) List() ([]gatekeep.SCAFinding, error) {
	merged := Merge(v.list)
	for _, f := range merged {
		if len(f.Aliases) > MaxAliases {
			return nil, fmt.Errorf("%s has more than %d aliases: %w", f.ID, MaxAliases, errLimit)
		}
	}
	return merged, nil
}

// ID writes the id of a vulnerability as its authority does: CVE and GHSA ids are
// compared without regard to case.
func ID(id string) string {
	id = strings.TrimSpace(id)
	switch {
	case len(id) > 4 && strings.EqualFold(id[:4], "CVE-"):
		return strings.ToUpper(id)
	case len(id) > 5 && strings.EqualFold(id[:5], "GHSA-"):
		return "GHSA-" + strings.ToLower(id[5:])
	}
	return id
}

func isCVE(id string) bool  { return strings.HasPrefix(id, "CVE-") }
func isGHSA(id string) bool { return strings.HasPrefix(id, "GHSA-") }

// ofOne are the beginnings of ids that are given to one vulnerability each. What is not
// among them may be an advisory about several, as those of distributions are.
var ofOne = []string{"CVE-", "GHSA-", "GO-", "PYSEC-", "RUSTSEC-", "OSV-", "MAL-", "HSEC-", "SNYK-", "NPM-"}

// OfOne tells whether a name is given to one vulnerability alone.
func OfOne(id string) bool {
	return slices.ContainsFunc(ofOne, func(prefix string) bool { return strings.HasPrefix(id, prefix) })
}

// whole is a purl in canonical form with its qualifiers and subpath.
func whole(purl string) string {
	if p, err := packageurl.FromString(purl); err == nil {
		return p.ToString()
	}
	return purl
}

// few sorts places, drops those that stand twice, and keeps no more than
// MaxLocations; nil where there are none.
func few(places []string) []string {
	places = union(places)
	return places[:min(len(places), MaxLocations)]
}

// union is sorted, each text once and none empty; nil where there are none.
func union(texts []string) []string {
	all := slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return text == "" })
	if len(all) == 0 {
		return nil
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Either is the first text that is not empty.
func Either(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
