package attest

import (
	"fmt"
	"slices"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/statement"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// About is what statements may be about, and where the subject would run. What is
// empty matches nothing.
type About struct {
	Digests     []string // of the subject, its artifacts and what covers them; "sha256:.."
	Commit      string   // full hash of the source commit
	Binding     string   // digest of the request's binding lines
	Plan        string   // digest of the infrastructure plan
	Environment string   // name
	Service     string   // name
	// Covers has, for each artifact, the digests of what it is part of, itself among them.
	// Nil where nobody knows.
	Covers map[string][]string
}

// Covers tells what covers each artifact of a subject.
func Covers(s gatekeep.Subject) map[string][]string {
	covers := make(map[string][]string, len(s.Artifacts))
	for d, a := range s.Artifacts {
		covers[d] = append([]string{d}, a.CoveredBy...)
	}
	return covers
}

// AboutSubject collects the digests of a subject, its artifacts and what covers
// them, sorted.
func AboutSubject(s gatekeep.Subject) []string {
	digests := []string{}
	if s.Digest != "" {
		digests = append(digests, s.Digest)
	}
	for d, a := range s.Artifacts {
		digests = append(append(digests, d), a.CoveredBy...)
	}
	slices.Sort(digests)
	return slices.Compact(digests)
}

// isAbout tells whether a statement of a type is about what was asked, as far as
// that shows without reading the predicate as its type.
func isAbout(st *statement.Statement, typ predicate.Type, about About) bool {
	return slices.ContainsFunc(typ.About, func(kind predicate.About) bool {
		switch kind {
		case predicate.Artifact:
			return slices.ContainsFunc(about.Digests, st.Has)
		case predicate.Commit:
			// In-toto DigestSet: gitCommit names a commit; GitHub writes sha1.
			return about.Commit != "" && (st.Has("gitCommit:"+about.Commit) || st.Has("sha1:"+about.Commit))
		case predicate.Plan:
			return about.Plan != "" && st.Has(about.Plan)
		case predicate.Self:
			_, d, err := digest.JCS(st.Predicate)
			return err == nil && st.Has(d)
		}
		return false
	})
}

// looksAtThis tells whether a scan or an SBOM that names the images it is of is of what the
// statement is about: the same thing, the index that it is part of, or a part of it. A
// document of another image says nothing of this one, whoever signs that it does.
func looksAtThis(st *statement.Statement, targets []string, about About) bool {
	if len(targets) == 0 || about.Covers == nil {
		return true
	}
	return slices.ContainsFunc(targets, func(target string) bool {
		if st.Has(target) {
			return true
		}
		for artifact, covers := range about.Covers {
			if artifact == target && slices.ContainsFunc(covers, st.Has) || st.Has(artifact) && slices.Contains(covers, target) {
				return true
			}
		}
		return false
	})
}

// bindingHolds checks a statement about a request. It need not be this request:
// rules report an approval of another one. But the digest that the statement is
// about must be the binding that its predicate states, or one could be shown and
// the other counted.
func bindingHolds(st *statement.Statement, typ predicate.Type, c *predicate.Content) bool {
	binding := bindingOf(c)
	return slices.Contains(typ.About, predicate.Binding) && digest.Valid(binding) && st.Has(binding)
}

// bindingOf is the binding that a predicate states, or "".
func bindingOf(c *predicate.Content) string {
	switch {
	case c.Approval != nil:
		return c.Approval.Binding
	case c.Exemption != nil:
		return c.Exemption.Binding
	}
	binding, _ := c.Claims["binding"].(string)
	return binding
}

// elsewhere names the service, environment or plan that a statement claims to be
// about where that is another than the one asked about. A statement whose subject
// is its own content is tied to the request by nothing else.
func elsewhere(claims map[string]any, about About) string {
	for _, tie := range [...]struct{ claim, asked string }{
		{"service", about.Service}, {"environment", about.Environment}, {"plan_digest", about.Plan},
	} {
		claimed, _ := claims[tie.claim].(string)
		// A request without a plan may rest on the plan that was attested of the image.
		if claimed == "" || claimed == tie.asked || (tie.claim == "plan_digest" && tie.asked == "") {
			continue
		}
		return fmt.Sprintf("%s %.80q, not %.80q", tie.claim, claimed, tie.asked)
	}
	return ""
}
