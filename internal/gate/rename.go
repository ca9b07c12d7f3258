package gate

import (
	"slices"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/people"
)

// renameIn renames people wherever evidence names them as such. Rules compare names with
// each other only, so what they decide stays.
func renameIn(ev *attest.Evidence, n *people.Names) {
	for i := range ev.Statements {
		s := &ev.Statements[i]
		s.Name, s.Source = n.Label(s.Name), n.Label(s.Source)
		s.Verification = renamed(s.Verification, n)
		s.Claims = renamedClaims(s.Claims, n)
		s.Content = renamedContent(s.Content, n)
	}
	for i := range ev.Rejected {
		r := &ev.Rejected[i]
		r.Signer, r.Detail, r.Source, r.Name = n.Text(r.Signer), n.Text(r.Detail), n.Label(r.Source), n.Label(r.Name)
	}
	for i := range ev.Reviews {
		r := &ev.Reviews[i]
		r.Reviewers, r.Verification = renamedAll(r.Reviewers, n), renamed(r.Verification, n)
	}
}

func renamed(v gatekeep.Verification, n *people.Names) gatekeep.Verification {
	v.Signer, v.Principal, v.SAN, v.Signers = n.Name(v.Signer), n.Name(v.Principal), n.Name(v.SAN), renamedAll(v.Signers, n)
	slices.Sort(v.Signers)
	return v
}

func renamedAll(list []string, n *people.Names) []string {
	if list == nil {
		return nil
	}
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, n.Name(s))
	}
	return out
}

// renamedClaims renames claims that are a name, or a list of them.
func renamedClaims(claims map[string]any, n *people.Names) map[string]any {
	out := make(map[string]any, len(claims))
	for name, claim := range claims {
		switch c := claim.(type) {
		case string:
			claim = n.Claim(c)
		case []string:
			list := make([]string, 0, len(c))
			for _, one := range c {
				list = append(list, n.Claim(one))
			}
			claim = list
		case []any:
			list := make([]any, 0, len(c))
			for _, one := range c {
				if text, ok := one.(string); ok {
					one = n.Claim(text)
				}
				list = append(list, one)
			}
			claim = list
		}
		out[name] = claim
	}
	return out
}

func renamedContent(c predicate.Content, n *people.Names) predicate.Content {
	c.Claims = renamedClaims(c.Claims, n)
	if c.Approval != nil {
		a := *c.Approval
		a.Principal = n.Name(a.Principal)
		c.Approval = &a
	}
	if c.Waiver != nil {
		w := *c.Waiver
		w.RequestedBy, w.GrantedBy, w.Reason = n.Name(w.RequestedBy), renamedAll(w.GrantedBy, n), n.Mask(w.Reason)
		c.Waiver = &w
	}
	if c.Grant != nil {
		g := *c.Grant
		g.Principal, g.GrantedBy, g.Reason = n.Name(g.Principal), n.Name(g.GrantedBy), n.Mask(g.Reason)
		c.Grant = &g
	}
	if c.Exemption != nil {
		e := *c.Exemption
		e.GrantedBy, e.Reason = renamedAll(e.GrantedBy, n), n.Mask(e.Reason)
		c.Exemption = &e
	}
	if c.Review != nil {
		r := *c.Review
		r.Reviewers = renamedAll(r.Reviewers, n)
		c.Review = &r
	}
	if c.Source != nil {
		s := *c.Source
		s.Contributors = renamedAll(s.Contributors, n)
		c.Source = &s
	}
	return c
}
