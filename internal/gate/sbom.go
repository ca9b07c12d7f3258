package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// Generator makes the SBOM of one artifact by looking into it, in any form that is
// read, and names the program that did.
type Generator func(ctx context.Context, artifact gatekeep.Artifact, digest string) (document []byte, program string, err error)

// maxNamed bounds the components that a check names; the counts are whole.
const maxNamed = 200

// checkSBOMs holds every believed SBOM of every artifact against one that is made now.
// What cannot be made cannot be judged: an SBOM that nobody checked would count as true.
func checkSBOMs(ctx context.Context, q Question, ev *attest.Evidence) (map[string][]gatekeep.SBOMCheck, error) {
	if q.Generate == nil {
		return nil, nil
	}
	if len(q.Subject.Artifacts) == 0 {
		return nil, errors.New("checking SBOMs: the subject has no artifact to look into")
	}
	checks := map[string][]gatekeep.SBOMCheck{}
	for d, artifact := range q.Subject.Artifacts {
		document, program, err := q.Generate(ctx, artifact, d)
		if err != nil {
			return nil, fmt.Errorf("checking SBOMs: making that of %s: %w", d, err)
		}
		found, err := sbom.Read(document)
		if err != nil {
			return nil, fmt.Errorf("checking SBOMs: that of %s, as %s made it: %w", d, program, err)
		}
		checks[d] = []gatekeep.SBOMCheck{}
		for _, st := range ev.Statements {
			attested := st.Content.SBOM
			if attested == nil || !slices.Contains(st.SubjectDigests, d) {
				continue
			}
			// Who finds nothing in what is said to hold something has not looked, or cannot.
			// The system or a file without purl is no look at packages.
			check := compare(attested.Index, found.Index)
			nothing := found.Components == 0 && attested.ComponentCount > 0
			if nothing || len(components(found.Index)) == 0 && check.AbsentCount > 0 {
				return nil, fmt.Errorf("checking SBOMs: %s found no component with a package URL in %s, and its attested SBOM declares %d components: it cannot look into it", program, d, attested.ComponentCount)
			}
			check.Attestation, check.Ref = st.ID, attested.Ref
			check.Generator, check.Generated, check.Components = program, digest.Of(document), found.Components
			checks[d] = append(checks[d], check)
		}
	}
	return checks, nil
}

// compare tells which components stand in one index only.
func compare(attested, found map[string]any) gatekeep.SBOMCheck {
	declared, present := components(attested), components(found)
	c := gatekeep.SBOMCheck{}
	c.Undeclared, c.UndeclaredCount = without(present, declared)
	c.Absent, c.AbsentCount = without(declared, present)
	return c
}

// components are the purls of an index, without qualifiers, each in one spelling. An image
// is the thing described, which generators name or do not, and no part of itself.
func components(index map[string]any) map[string]bool {
	byPURL, _ := index["by_purl"].(map[string]any)
	set := make(map[string]bool, len(byPURL))
	for purl := range byPURL {
		if canonical, ok := sbom.Canonical(purl); ok && !strings.HasPrefix(canonical, "pkg:oci/") {
			set[canonical] = true
		}
	}
	return set
}

func without(a, b map[string]bool) (first []string, n int) {
	first = []string{}
	for purl := range a {
		if !b[purl] {
			first = append(first, purl)
		}
	}
	slices.Sort(first)
	return first[:min(len(first), maxNamed)], len(first)
}
