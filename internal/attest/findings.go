package attest

import (
	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// applyFindings makes one finding of what all scans say of one vulnerability in one
// component, and puts in what feeds know of its exploitation.
func (ev *Evidence) applyFindings(f *gatekeep.Facts) {
	var list []gatekeep.SCAFinding
	var from []int // statement of each
	exploited, epss := map[string]bool{}, map[string]float64{}
	for i, s := range ev.Statements {
		for _, found := range s.Content.SCA {
			found.Attestations = []string{s.ID}
			list, from = append(list, found), append(from, i)
		}
		if feed := s.Content.Exploits; feed != nil {
			for _, id := range feed.Exploited {
				exploited[finding.ID(id)] = true
			}
			for id, score := range feed.EPSS {
				id = finding.ID(id)
				epss[id] = max(epss[id], score) // of two feeds the graver word
			}
		}
	}
	for _, group := range finding.Groups(list) {
		members := make([]gatekeep.SCAFinding, 0, len(group))
		for _, i := range group {
			members = append(members, list[i])
		}
		found := finding.Join(members)
		if found.Reachable != nil && !*found.Reachable && !ev.everywhere(group, list, from) {
			found.Reachable = nil
		}
		for _, id := range append([]string{found.ID}, found.Aliases...) {
			found.Exploited = found.Exploited || exploited[id]
			if score, told := epss[id]; told && (found.EPSS == nil || score > *found.EPSS) {
				found.EPSS = &score
			}
		}
		f.Findings.SCA[found.ID+" "+found.PURL] = found
	}
}

// everywhere tells whether for each thing in which the group was found some tool looked
// whether it can be reached. That nothing calls it in one artifact says nothing of
// another.
func (ev *Evidence) everywhere(group []int, list []gatekeep.SCAFinding, from []int) bool {
	looked := map[string]bool{}
	for _, i := range group {
		if list[i].Reachable != nil {
			for _, d := range ev.Statements[from[i]].SubjectDigests {
				looked[d] = true
			}
		}
	}
	for _, i := range group {
		subjects := ev.Statements[from[i]].SubjectDigests
		if len(subjects) == 0 && list[i].Reachable == nil {
			return false
		}
		for _, d := range subjects {
			if !looked[d] {
				return false
			}
		}
	}
	return true
}
