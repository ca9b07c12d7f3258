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
// Names that stand beside one another are of one vulnerability, and so are those
// that are linked through a third (GO-1 with GHSA-1, GHSA-1 with CVE-1), but for
// two limits: different CVEs are never one, and a name that stands beside several
// CVEs, as that of an advisory does, links nothing.
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
func cveOf(f *gatekeep.SCAFinding) string {
	if isCVE(f.ID) {
		return f.ID
	}
	known := ""
	for _, alias := range f.Aliases {
		if isCVE(alias) && known != "" && alias != known {
			return ""
		}
		if isCVE(alias) {
			known = alias
		}
	}
	return known
}

// alike groups the findings of one component.
func alike(list []gatekeep.SCAFinding, members []int) [][]int {
	if len(members) == 1 {
		return [][]int{members}
	}
	beside := map[string]string{} // name -> the CVE it stands beside
	several := map[string]bool{}  // names that stand beside more than one
	for _, i := range members {
		cve := cveOf(&list[i])
		for _, name := range names(&list[i]) {
			if known := beside[name]; known != "" && cve != "" && known != cve {
				several[name] = true
			}
			beside[name] = Either(beside[name], cve)
		}
	}
	all := linked(list, members, several)
	var groups [][]int
	for _, group := range all {
		byCVE := map[string][]int{}
		for _, i := range group {
			cve := cveOf(&list[i])
			byCVE[cve] = append(byCVE[cve], i)
		}
		rest, open := byCVE[""]
		if len(byCVE) == 1 || len(byCVE) == 2 && open {
			groups = append(groups, group)
			continue
		}
		// A chain of names leads to several CVEs: which of them the rest is about
		// cannot be told.
		delete(byCVE, "")
		for _, cve := range slices.Sorted(maps.Keys(byCVE)) {
			groups = append(groups, byCVE[cve])
		}
		groups = append(groups, linked(list, rest, several)...)
	}
	return groups
}

// names are those by which findings of one component are linked, each CVE only for
// the finding that is about it.
func names(f *gatekeep.SCAFinding) []string {
	all := []string{f.ID}
	for _, alias := range f.Aliases {
		if !isCVE(alias) {
			all = append(all, alias)
		}
	}
	return all
}

// linked are the groups that shared names make, but for those that link nothing.
func linked(list []gatekeep.SCAFinding, members []int, several map[string]bool) [][]int {
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
		cve := cveOf(&list[i])
		links := append([]string{cve}, names(&list[i])...)
		for _, name := range links {
			// Findings without a CVE that have one id would have one key.
			if name == "" || several[name] && (cve != "" || name != list[i].ID) {
				continue
			}
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
		// Not an alias, unless it is a CVE: another finding may have it for its id.
		ids = append(ids, Either(cveOf(f), f.ID))
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
		all.FirstSeen = earliest(all.FirstSeen, f.FirstSeen)
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
	case strings.HasPrefix(id, "GHSA-"):
		return 1
	}
	return 2
}

// earliest compares two checked times, of which either may be missing.
func earliest(a, b string) string {
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
