package trust

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
)

// reviews are the kinds that judge a build. Who builds must not also be the one
// who finds the build good.
var reviews = []string{"vulns", "sast", "secret-scan", "approval", "vex"}

// lint refuses policies whose parts undo each other.
func (p *Policy) lint(doc trustFile) error {
	if err := p.checkPrincipals(); err != nil {
		return err
	}
	for i, r := range doc.Statements {
		for j, other := range doc.Statements {
			if i == j || !typesOverlap(r.Types, other.Types) || !environmentsOverlap(r.Environments, other.Environments) {
				continue
			}
			if r.Unsigned && len(r.Environments) == 0 && len(other.Signers) > 0 {
				return fmt.Errorf("statements[%d] and statements[%d]: the first believes anybody, without signature and everywhere, what the second asks signers for; "+
					"give the first environments, or leave out the second", i, j)
			}
			if name, undone := p.undone(r, other); undone {
				return fmt.Errorf("statements[%d] and statements[%d]: the first asks %d signers to agree, and by the second %q alone is enough; "+
					"leave it out there, or give it the same threshold", i, j, r.Threshold, name)
			}
		}
	}
	if doc.AllowMixedRoles {
		return nil
	}
	return p.checkRoles(doc.Statements)
}

// checkPrincipals refuses two spellings of one account: a threshold counts accounts, and
// would count it twice.
func (p *Policy) checkPrincipals() error {
	spelled := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(p.signers)) {
		principal := p.signers[name].Principal
		plain := strings.ToLower(strings.TrimSpace(principal))
		if other, known := spelled[plain]; known && other != principal || principal != strings.TrimSpace(principal) {
			return fmt.Errorf("signers.%s.principal: %q is the account of another signer in another spelling, or has a space around it; write one account one way", name, principal)
		}
		spelled[plain] = principal
	}
	return nil
}

// undone names a signer of a rule with a threshold whom another rule believes alone.
func (p *Policy) undone(r, other ruleFile) (string, bool) {
	if r.Threshold < 2 || other.Threshold > 1 {
		return "", false
	}
	for _, name := range other.Signers {
		if slices.ContainsFunc(r.Signers, func(of string) bool { return mayBeOne(p.signers[name], p.signers[of]) }) {
			return name, true
		}
	}
	return "", false
}

// checkRoles refuses a signer that both builds and reviews in one environment.
func (p *Policy) checkRoles(rules []ruleFile) error {
	for i, build := range rules {
		if !speaksOf(build, []string{"provenance"}) {
			continue
		}
		for j, review := range rules {
			if !speaksOf(review, reviews) || !environmentsOverlap(build.Environments, review.Environments) {
				continue
			}
			if who, both := p.inBoth(build, review); both {
				return fmt.Errorf("statements[%d] and statements[%d]: %s may make both provenance and a review of it (%s); "+
					"give each role a signer of its own, or set allowMixedRoles: true where one key must do both", i, j, who, strings.Join(reviews, ", "))
			}
		}
	}
	return nil
}

// inBoth finds a signer of both rules, under one name or two.
func (p *Policy) inBoth(build, review ruleFile) (who string, both bool) {
	for _, builder := range build.Signers {
		for _, reviewer := range review.Signers {
			switch {
			case builder == reviewer:
				return fmt.Sprintf("signer %q", builder), true
			case mayBeOne(p.signers[builder], p.signers[reviewer]):
				return fmt.Sprintf("one identity, as signer %q and as %q,", builder, reviewer), true
			}
		}
	}
	return "", false
}

// mayBeOne tells whether one key or certificate could be both signers'. Where it is
// not plain that none could, the answer is true.
func mayBeOne(a, b *Signer) bool {
	switch {
	case a == b:
		return true
	case a.Key != nil || b.Key != nil:
		return false // addSigner sees to it that two have different keys
	case a.Authority != nil && b.Authority != nil:
		return a.Authority.Shares(b.Authority) && mayOverlap(a.calledAs(), b.calledAs())
	case a.Authority != nil || b.Authority != nil:
		return false
	}
	// One workload has the same issuer and subject in every Sigstore instance, so the
	// roots are not compared.
	return a.issuer == b.issuer && mayOverlap(a.calledAs(), b.calledAs()) && fieldsOverlap(a.fields, b.fields)
}

// calledAs is the name of a signer as a glob.
func (s *Signer) calledAs() string { return s.subject + s.glob }

func fieldsOverlap(a, b []field) bool {
	for _, x := range a {
		for _, y := range b {
			if x.name == y.name && !mayOverlap(x.exact+x.glob, y.exact+y.glob) {
				return false
			}
		}
	}
	return true
}

// sameIn finds a signer that says the same as another under its own name.
func sameIn(signers []*Signer, s *Signer) *Signer {
	for _, other := range signers {
		same := other.subject == s.subject && other.glob == s.glob && other.issuer == s.issuer && other.root == s.root &&
			slices.EqualFunc(other.fields, s.fields, func(x, y field) bool { return x.name == y.name && x.exact == y.exact && x.glob == y.glob })
		if same && (s.Authority == nil || s.Authority.Shares(other.Authority)) {
			return other
		}
	}
	return nil
}

func speaksOf(r ruleFile, kinds []string) bool {
	return slices.ContainsFunc(r.Types, func(word string) bool {
		kind, _ := kindOf(word)
		return slices.Contains(kinds, kind)
	})
}

// typesOverlap tells whether two lists of types speak of one. A kind holds all of its
// types.
func typesOverlap(a, b []string) bool {
	for _, x := range a {
		for _, y := range b {
			kind, _ := kindOf(x)
			other, _ := kindOf(y)
			isKind := slices.Contains(predicate.Kinds(), x) || slices.Contains(predicate.Kinds(), y)
			if x == y || isKind && kind != "" && kind == other {
				return true
			}
		}
	}
	return false
}

func environmentsOverlap(a, b []string) bool {
	if len(a) == 0 || len(b) == 0 {
		return true
	}
	for _, x := range a {
		for _, y := range b {
			if mayOverlap(x, y) {
				return true
			}
		}
	}
	return false
}
