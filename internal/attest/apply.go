package attest

import (
	"maps"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/vex"
)

// Apply fills what rules read with what was believed. f.Subject must be set: it
// tells which artifacts there are. Lists and maps come out empty rather than nil,
// and the same envelopes give the same facts in whatever order they were found.
func (ev *Evidence) Apply(f *gatekeep.Facts) {
	f.Attestations = gatekeep.AttestationFacts{Items: map[string]gatekeep.Attestation{}, ByKind: map[string][]string{}}
	f.Rejected = map[string]gatekeep.Rejection{}
	f.SBOMs = map[string][]gatekeep.SBOMRef{}
	f.Findings = gatekeep.FindingFacts{SCA: map[string]gatekeep.SCAFinding{}, SAST: map[string]gatekeep.SASTFinding{}}
	f.VEX = map[string][]gatekeep.VEXStatement{}
	f.Resources = map[string]gatekeep.Resource{}
	f.DataFlow = gatekeep.DataFlow{Processors: []gatekeep.Processor{}, Transfers: []gatekeep.Transfer{}}
	f.Approvals = map[string]gatekeep.Approval{}
	f.Waivers = []gatekeep.Waiver{}
	f.Grants = map[string]gatekeep.Grant{}
	f.Exemptions = []gatekeep.Exemption{}
	f.Rollout = gatekeep.Rollout{}
	f.State.Incidents = map[string]gatekeep.Incident{}
	f.Source.Contributors = []string{}
	for _, r := range ev.Rejected {
		f.Rejected[r.ID] = r
	}
	for _, s := range ev.Statements {
		f.Attestations.Items[s.ID] = s.Attestation
		f.Attestations.ByKind[s.Kind] = append(f.Attestations.ByKind[s.Kind], s.ID)
		applySBOM(f, s)
		applyScans(f, s)
		applyPlaces(f, s)
		applyGovernance(f, s)
		applySource(f, s)
	}
	ev.applyFindings(f)
	vex.Narrow(f)
	sortDataFlow(&f.DataFlow)
}

// applySBOM puts an SBOM under the artifacts that it is about. Only the artifact's
// own digest counts: an SBOM of an index lists no platform's packages.
func applySBOM(f *gatekeep.Facts, s Statement) {
	b := s.Content.SBOM
	if b == nil {
		return
	}
	for _, d := range s.SubjectDigests {
		if _, runs := f.Subject.Artifacts[d]; runs {
			f.SBOMs[d] = append(f.SBOMs[d], gatekeep.SBOMRef{
				Attestation: s.ID, Ref: b.Ref, Format: b.Format, SpecVersion: b.SpecVersion,
				ComponentCount: b.ComponentCount, UnidentifiedCount: b.UnidentifiedCount,
			})
		}
	}
}

// applyScans takes what is told of flaws and of vulnerabilities; applyFindings has the
// vulnerabilities themselves.
func applyScans(f *gatekeep.Facts, s Statement) {
	for _, fingerprint := range slices.Sorted(maps.Keys(s.Content.SAST)) {
		found := s.Content.SAST[fingerprint]
		found.Attestation = s.ID
		keep(f.Findings.SAST, fingerprint, found, s.ID, func(known gatekeep.SASTFinding) bool {
			known.Attestation = s.ID
			return known == found
		})
	}
	for _, id := range slices.Sorted(maps.Keys(s.Content.VEX)) {
		for _, v := range s.Content.VEX[id] {
			v.Attestation = s.ID
			f.VEX[id] = append(f.VEX[id], v)
		}
	}
}

// union is sorted, each text once; nil where both are empty.
func union(a, b []string) []string {
	if len(a)+len(b) == 0 {
		return nil
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}

// keep puts a value under its key. Where another statement says something else of
// the same thing, both are kept, the later one as "key@attestation": neither may
// hide the other.
func keep[V any](m map[string]V, key string, value V, attestation string, same func(V) bool) {
	known, taken := m[key]
	switch {
	case !taken:
		m[key] = value
	case !same(known):
		m[key+"@"+attestation] = value
	}
}

func applyPlaces(f *gatekeep.Facts, s Statement) {
	for _, r := range s.Content.Resources {
		r.Attestation = s.ID
		keep(f.Resources, r.Address, r, s.ID, func(known gatekeep.Resource) bool {
			known.Attestation = s.ID
			return sameJSON(known, r)
		})
	}
	if d := s.Content.DataFlow; d != nil {
		f.DataFlow.Declared = true
		f.DataFlow.Processors = append(f.DataFlow.Processors, d.Processors...)
		f.DataFlow.Transfers = append(f.DataFlow.Transfers, d.Transfers...)
	}
}

func applyGovernance(f *gatekeep.Facts, s Statement) {
	c := s.Content
	if c.Approval != nil {
		approval := *c.Approval
		approval.Verification = s.Verification
		f.Approvals[s.ID] = approval
	}
	if c.Waiver != nil {
		waiver := *c.Waiver
		waiver.Verification = s.Verification
		f.Waivers = append(f.Waivers, waiver)
	}
	if c.Exemption != nil {
		exemption := *c.Exemption
		exemption.Verification = s.Verification
		f.Exemptions = append(f.Exemptions, exemption)
	}
	if c.Grant != nil {
		grant := *c.Grant
		grant.Verification = s.Verification
		keep(f.Grants, grant.ID, grant, s.ID, func(known gatekeep.Grant) bool {
			return sameJSON(known, grant)
		})
	}
	if c.Incident != nil {
		incident := *c.Incident
		keep(f.State.Incidents, incident.ID, incident, s.ID, func(known gatekeep.Incident) bool { return known == incident })
	}
	if c.Rollout != nil && (!f.Rollout.Declared || slower(*c.Rollout, f.Rollout)) {
		f.Rollout = *c.Rollout
		f.Rollout.Declared = true
	}
}

// slower tells whether a rollout takes longer than another, by which rules look ahead; of
// two plans the one that reaches further counts, whatever order they were found in. One
// that does not say how long it takes may take for ever.
func slower(a, b gatekeep.Rollout) bool {
	switch {
	case a.MaxDurationNS == nil || b.MaxDurationNS == nil:
		if (a.MaxDurationNS == nil) != (b.MaxDurationNS == nil) {
			return a.MaxDurationNS == nil
		}
	case *a.MaxDurationNS != *b.MaxDurationNS:
		return *a.MaxDurationNS > *b.MaxDurationNS
	}
	return a.Strategy < b.Strategy
}

func applySource(f *gatekeep.Facts, s Statement) {
	c := s.Content.Source
	if c == nil {
		return
	}
	if f.Source.Repo == "" || c.Repo != "" && c.Repo < f.Source.Repo {
		f.Source.Repo = c.Repo
	}
	if len(c.Contributors) > 0 {
		f.Source.Contributors = union(f.Source.Contributors, c.Contributors)
	}
}

// sortDataFlow orders what several statements declared, and drops what two of them
// declared alike.
func sortDataFlow(d *gatekeep.DataFlow) {
	d.Processors = sortedByJSON(d.Processors)
	d.Transfers = sortedByJSON(d.Transfers)
}

// Signed lists what was believed for the record of the decision.
func (ev *Evidence) Signed() []gatekeep.Signed {
	signed := []gatekeep.Signed{}
	for _, s := range ev.Statements {
		signed = append(signed, gatekeep.Signed{
			ID: s.ID, Kind: s.Kind, PredicateType: s.PredicateType,
			Signer: s.Verification.Signer, Status: s.Verification.Status, Source: s.Source,
		})
	}
	slices.SortFunc(signed, func(a, b gatekeep.Signed) int { return strings.Compare(a.ID, b.ID) })
	return signed
}
