package attest

import (
	"slices"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/layout"
	"github.com/gatekeep-dev/gatekeep/internal/attest/refusal"
	"github.com/gatekeep-dev/gatekeep/internal/attest/trust"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// A layout that holds is a statement of this kind and type about what its last step
// made. It stands in the place of a link of that step: every statement is a document
// that was found.
const (
	layoutKind = "layout"
	layoutType = "https://in-toto.io/layout"
)

// layouts are what became of the layouts of the trust policy.
type layouts struct {
	statements map[string]Statement // by digest of the link that they stand for
	violated   []gatekeep.Rejection
}

// satisfyLayouts holds the links among documents against each layout of the trust
// policy. Links are judged by the functionaries whom the layout names, not by the
// rules of the trust policy. Without any link nothing is said: a rule that wants the
// layout finds no statement.
func satisfyLayouts(found []named, t *Trust, about About, now time.Time) layouts {
	done := layouts{statements: map[string]Statement{}}
	wanted := t.Layouts()
	if len(wanted) == 0 {
		return done
	}
	var links []named
	var raw [][]byte
	for _, e := range found {
		if layout.IsLink(e.Bytes) {
			links, raw = append(links, e), append(raw, e.Bytes)
		}
	}
	if len(links) == 0 {
		return done
	}
	for _, l := range wanted {
		s, why := satisfy(l, raw, about, now)
		if why == nil {
			done.believe(l, s, links)
		} else {
			done.violated = append(done.violated, gatekeep.Rejection{
				ID: digest.Of(l.Document), PredicateType: layoutType, Kind: layoutKind, Reason: why.Reason,
				Detail: why.Detail, Signer: l.Owners[0].Name, Source: "trust policy", Name: l.File,
			})
		}
	}
	return done
}

// satisfy asks whether links make one layout hold, and about the subject.
func satisfy(l trust.Layout, links [][]byte, about About, now time.Time) (*layout.Summary, *refusal.Refusal) {
	var owners []layout.Key
	for _, o := range l.Owners {
		if why := validAt(o, now); why != nil {
			return nil, why
		}
		owners = append(owners, layout.Key{Name: o.Name, Key: o.Key})
	}
	s, err := layout.Verify(l.Document, links, owners, now)
	if err != nil {
		return nil, refusal.New(gatekeep.ReasonLayoutViolated, "%v", err)
	}
	if !slices.ContainsFunc(about.Digests, func(d string) bool { return slices.Contains(s.Products, d) }) {
		return nil, refusal.New(gatekeep.ReasonSubjectMismatch, "the layout holds, and its last step did not make the subject")
	}
	return s, nil
}

// believe puts a layout in the place of a link of its last step. Where layouts end in
// the same link, its statement names them all.
func (done *layouts) believe(l trust.Layout, s *layout.Summary, links []named) {
	last := links[s.Final[0]]
	if known, ok := done.statements[last.id]; ok {
		names, _ := known.Claims["layouts"].([]string)
		known.Claims["layouts"] = append(names, l.Name)
		return
	}
	used := []string{}
	for _, place := range s.Links {
		used = append(used, links[place].id)
	}
	owner := l.Owners[0]
	done.statements[last.id] = Statement{
		Name: last.Name,
		Attestation: gatekeep.Attestation{
			ID: last.id, Kind: layoutKind, PredicateType: layoutType, SubjectDigests: s.Products, Source: last.Source,
			Verification: gatekeep.Verification{Status: gatekeep.StatusVerified, Signer: owner.Name, Principal: owner.Principal, KeyID: owner.KeyID},
			Claims: map[string]any{
				"layouts": []string{l.Name}, "steps": s.Steps, "links": used, "other_commands": append([]string{}, s.OtherCommands...),
				"expires": s.Expires.UTC().Format(time.RFC3339),
			},
		},
	}
}
