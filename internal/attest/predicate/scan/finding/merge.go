package finding

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
)

// Merge makes one finding of all that speak of one vulnerability in one component,
// sorted by id and purl. The result does not depend on the order.
func Merge(list []gatekeep.SCAFinding) []gatekeep.SCAFinding {
	merged := make([]gatekeep.SCAFinding, 0, len(list))
	for _, group := range Groups(list) {
		members := make([]gatekeep.SCAFinding, 0, len(group))
		for _, i := range group {
			members = append(members, list[i])
		}
		merged = append(merged, Join(members))
	}
	slices.SortFunc(merged, func(a, b gatekeep.SCAFinding) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.PURL, b.PURL))
	})
	return merged
}

// Groups are the indexes of findings that speak of one vulnerability in one component.
// What a finding is about is its CVE or, where no CVE is known, its GHSA; different
// ones are never one. Further names that are given to one vulnerability each link those
// of which neither is known (GO-1 with PYSEC-1, PYSEC-1 with CVE-1), but for those that
// stand beside several. The names of advisories (DSA, RHSA, USN, ...) link nothing: an
// advisory may be about several vulnerabilities of which the scan shows one.
func Groups(list []gatekeep.SCAFinding) [][]int {
	components := map[string][]int{}
	for i := range list {
		key := component(list[i].PURL)
		components[key] = append(components[key], i)
	}
	var groups [][]int
	for _, key := range slices.Sorted(maps.Keys(components)) {
		groups = append(groups, alike(list, components[key])...)
	}
	return groups
}

// component is what two purls of one component have in common. Go versions have a
// "v" that OSV and others leave out.
func component(purl string) string {
	if at := strings.LastIndexByte(purl, '@'); at >= 0 && strings.HasPrefix(purl, "pkg:golang/") {
		return purl[:at+1] + strings.TrimPrefix(purl[at+1:], "v")
	}
	return purl
}

// cveOf is the CVE that a finding is about, if one alone is known.
func cveOf(f *gatekeep.SCAFinding) string { return sole(f, isCVE) }

// standsFor is what a finding is about, as far as it says itself: its CVE, else its GHSA.
func standsFor(f *gatekeep.SCAFinding) string {
	cve := cveOf(f)
	if cve != "" || slices.ContainsFunc(f.Aliases, isCVE) {
		return cve
	}
	return sole(f, isGHSA)
}

// several tells a finding that names more than one thing that it may be about.
func several(f *gatekeep.SCAFinding) bool {
	return standsFor(f) == "" && slices.ContainsFunc(f.Aliases, func(name string) bool { return isCVE(name) || isGHSA(name) })
}

// sole is the id of a finding, or its one alias, of a kind of name.
func sole(f *gatekeep.SCAFinding, kind func(string) bool) string {
	if kind(f.ID) {
		return f.ID
	}
	known := ""
	for _, alias := range f.Aliases {
		switch {
		case !kind(alias) || alias == known:
		case known != "":
			return ""
		default:
			known = alias
		}
	}
	return known
}

// identities tells what each finding of one component is about; empty where that is not
// known. A GHSA is that of the one CVE beside which it stands.
func identities(list []gatekeep.SCAFinding, members []int) map[int]string {
	cves := map[string]string{} // GHSA -> its CVE; itself where there are several
	for _, i := range members {
		if cve := cveOf(&list[i]); cve != "" {
			for _, name := range names(&list[i]) {
				if known := cves[name]; isGHSA(name) && known != "" && known != cve {
					cves[name] = name
				} else if isGHSA(name) {
					cves[name] = cve
				}
			}
		}
	}
	about := make(map[int]string, len(members))
	for _, i := range members {
		own := standsFor(&list[i])
		if isGHSA(own) {
			own = Either(cves[own], own)
		}
		about[i] = own
	}
	return about
}

// alike groups the findings of one component.
func alike(list []gatekeep.SCAFinding, members []int) [][]int {
	if len(members) == 1 {
		return [][]int{members}
	}
	about := identities(list, members)
	groups := map[string][]int{}
	beside := map[string]map[string]bool{} // name -> what it stands beside
	var rest []int
	for _, i := range members {
		own := about[i]
		if own == "" {
			rest = append(rest, i)
			continue
		}
		groups[own] = append(groups[own], i)
		for _, name := range names(&list[i]) {
			if beside[name] == nil {
				beside[name] = map[string]bool{}
			}
			beside[name][own] = true
		}
	}
	var alone [][]int
	for _, chain := range linked(list, rest) {
		found := map[string]bool{}
		for _, i := range chain {
			if several(&list[i]) {
				found[""], found[list[i].ID] = true, true
			}
			for _, name := range links(&list[i]) {
				maps.Copy(found, beside[name])
			}
		}
		if len(found) != 1 {
			// Of several, which of them it is about cannot be told.
			alone = append(alone, chain)
			continue
		}
		for own := range found {
			groups[own] = append(groups[own], chain...)
		}
	}
	var all [][]int
	for _, own := range slices.Sorted(maps.Keys(groups)) {
		all = append(all, groups[own])
	}
	return append(all, alone...)
}

// names are those of a finding but for CVEs, which are only of the finding about them, and
// but for another GHSA where nothing but its own GHSA tells what the finding is about.
func names(f *gatekeep.SCAFinding) []string {
	all, alone := []string{f.ID}, isGHSA(f.ID) && cveOf(f) == ""
	for _, alias := range f.Aliases {
		if !isCVE(alias) && !(alone && isGHSA(alias)) {
			all = append(all, alias)
		}
	}
	return all
}

// links are the names that tell of two findings that they are one: those that are given
// to one vulnerability each. A GHSA links only the findings that are about it.
func links(f *gatekeep.SCAFinding) []string {
	return slices.DeleteFunc(names(f), func(name string) bool { return isGHSA(name) || !OfOne(name) })
}

// linked are the groups of findings that have an id in common, or a name that links.
func linked(list []gatekeep.SCAFinding, members []int) [][]int {
	root := make(map[int]int, len(members))
	var find func(int) int
	find = func(i int) int {
		if root[i] != i {
			root[i] = find(root[i])
		}
		return root[i]
	}
	owner := map[string]int{}
	for _, i := range members {
		root[i] = i
		// Findings that have one id would have one key.
		for _, name := range append(links(&list[i]), list[i].ID) {
			if first, known := owner[name]; known {
				root[find(i)] = find(first)
			} else {
				owner[name] = i
			}
		}
	}
	byRoot := map[int][]int{}
	var order []int
	for _, i := range members {
		r := find(i)
		if byRoot[r] == nil {
			order = append(order, r)
		}
		byRoot[r] = append(byRoot[r], i)
	}
	groups := make([][]int, 0, len(order))
	for _, r := range order {
		groups = append(groups, byRoot[r])
	}
	return groups
}

// Join makes one finding of several about one vulnerability in one component: the
// CVE where one is known, all names, scanners and places, the gravest rating, the
// earliest sighting. It can be reached where any tool found it to be. What one
// scanner suppressed and another shows is noted as suppressed, which lifts nothing.
func Join(members []gatekeep.SCAFinding) gatekeep.SCAFinding {
	all := members[0]
	var known, ids, fixes, attestations, scanners, locations []string
	var suppressed []gatekeep.Suppression
	for i := range members {
		f := &members[i]
		// No other alias: another finding may have it for its id.
		ids = append(ids, Either(standsFor(f), f.ID))
		known = append(append(known, names(f)...), cveOf(f))
		fixes = append(fixes, strings.Split(f.FixedIn, ", ")...)
		attestations = append(attestations, f.Attestations...)
		scanners = append(scanners, f.Scanners...)
		locations = append(locations, f.Locations...)
		suppressed = append(suppressed, f.Suppressed...)
		all.PURL = max(all.PURL, f.PURL) // the one with the "v" of a Go version
		if worse := Worse(all.Severity, f.Severity); worse != all.Severity {
			all.Severity, all.SeverityFrom = f.Severity, f.SeverityFrom
		} else if f.Severity == all.Severity && f.SeverityFrom != "" && (all.SeverityFrom == "" || f.SeverityFrom < all.SeverityFrom) {
			all.SeverityFrom = f.SeverityFrom
		}
		if f.Score > all.Score || f.Score == all.Score && f.Vector > all.Vector {
			all.Score, all.Vector = f.Score, f.Vector
		}
		all.FirstSeen = Earliest(all.FirstSeen, f.FirstSeen)
		if all.Reachable == nil || f.Reachable != nil && *f.Reachable {
			all.Reachable = f.Reachable
		}
	}
	if len(members) > 1 {
		slices.Sort(fixes)
	}
	all.FixedIn, all.PURLs = Versions(fixes...), spelled(members)
	all.ID = slices.MinFunc(ids, func(a, b string) int { return cmp.Or(cmp.Compare(standing(a), standing(b)), strings.Compare(a, b)) })
	all.Aliases = union(known)
	if all.Aliases = slices.DeleteFunc(all.Aliases, func(name string) bool { return name == all.ID }); len(all.Aliases) == 0 {
		all.Aliases = nil
	}
	if all.Attestations = union(attestations); all.Attestations == nil {
		all.Attestations = []string{}
	}
	all.Scanners, all.Locations = union(scanners), few(locations)
	slices.SortFunc(suppressed, func(a, b gatekeep.Suppression) int {
		return cmp.Or(strings.Compare(a.By, b.By), strings.Compare(a.Reason, b.Reason))
	})
	all.Suppressed = slices.Compact(suppressed)
	return all
}

// spelled are the purls of one component with their qualifiers, where any has some. Of
// a scanner that gave none the bare purl stands among them: what is said of one
// variant alone is not said of what that scanner found.
func spelled(members []gatekeep.SCAFinding) []string {
	var all []string
	for _, f := range members {
		all = append(all, f.PURLs...)
	}
	if len(all) > 0 {
		for _, f := range members {
			if len(f.PURLs) == 0 {
				all = append(all, f.PURL)
			}
		}
	}
	return few(all)
}

// standing orders names by how likely other documents are to use them.
func standing(id string) int {
	switch {
	case isCVE(id):
		return 0
	case isGHSA(id):
		return 1
	}
	return 2
}

// Earliest is the earlier of two checked times, of which either may be missing.
func Earliest(a, b string) string {
	ta, errA := time.Parse(time.RFC3339, a)
	tb, errB := time.Parse(time.RFC3339, b)
	switch {
	case errA != nil:
		return Either(b, a)
	case errB != nil:
		return a
	case ta.Equal(tb):
		return min(a, b)
	case tb.Before(ta):
		return b
	}
	return a
}
