package evidence

import (
	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
)

// Bounds of a policy, packed and unpacked; those of whom packs it are no wider.
const (
	maxPolicy         = 16 << 20
	maxPolicyUnpacked = 96 << 20 // with the padding of tar
	maxPolicyFiles    = 6_000
)

// checkPolicy holds the rules in the bundle against the policy that the record says
// has judged, by the digest over the files.
func (s sealed) checkPolicy(r gatekeep.Record, err error) Check {
	const name = "policy"
	if err != nil {
		return failed(name, layout.PathPolicy, layout.PathRecord, err)
	}
	data, err := s.read(layout.PathPolicy, maxPolicy)
	if err != nil {
		return failed(name, layout.PathPolicy, layout.PathRecord, err)
	}
	got, err := archive.Packed(data, maxPolicyUnpacked, maxPolicyFiles)
	if err != nil {
		return failed(name, layout.PathPolicy, layout.PathRecord, archive.Refuse(ReasonPolicyMismatch, layout.PathPolicy, "%v", err))
	}
	for _, said := range []string{r.Case.Policy.Digest, r.Decision.Policy} {
		if said != got {
			return failed(name, layout.PathPolicy, layout.PathRecord, archive.Refuse(ReasonPolicyMismatch, layout.PathPolicy, "its files have the digest %s; the record says %q", got, clip(said)))
		}
	}
	return held(name, layout.PathPolicy, layout.PathRecord, got)
}
