package trust

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
)

// matcher is a compiled glob of environments.
type matcher struct{ re *regexp.Regexp }

// addRule takes one entry of "statements". Errors begin with the field.
func (p *Policy) addRule(doc ruleFile, known map[string]signerFile) error {
	r := rule{types: doc.Types, signers: doc.Signers, unsigned: doc.Unsigned}
	for _, typ := range doc.Types {
		if _, ok := kindOf(typ); !ok {
			return fmt.Errorf("types: %q is no kind of statement and no predicate type that is read here; known kinds are %s", typ, strings.Join(predicate.Kinds(), ", "))
		}
	}
	for _, name := range doc.Signers {
		if _, ok := known[name]; !ok {
			return fmt.Errorf("signers: there is no signer named %q; add it under signers or correct the name", name)
		}
	}
	for _, env := range doc.Environments {
		re, err := compileGlob(env)
		if err != nil {
			return fmt.Errorf("environments: %w", err)
		}
		r.environments = append(r.environments, matcher{re})
	}
	p.rules = append(p.rules, r)
	return nil
}

// kindOf is the kind that a word of "types" stands for, which is a kind itself or
// a predicate type.
func kindOf(word string) (kind string, ok bool) {
	if slices.Contains(predicate.Kinds(), word) {
		return word, true
	}
	typ, ok := predicate.Lookup(word)
	return typ.Kind, ok
}

// covers tells whether the rule speaks of a predicate type in an environment. An
// environment without name is covered only by rules that hold everywhere.
func (r rule) covers(typ predicate.Type, uri, environment string) bool {
	if !slices.Contains(r.types, typ.Kind) && !slices.Contains(r.types, uri) {
		return false
	}
	if len(r.environments) == 0 {
		return true
	}
	return environment != "" && slices.ContainsFunc(r.environments, func(m matcher) bool { return m.re.MatchString(environment) })
}

// May tells whether a signer, by name, may make statements of a type in an
// environment.
func (p *Policy) May(signer string, typ predicate.Type, uri, environment string) bool {
	return p != nil && slices.ContainsFunc(p.rules, func(r rule) bool {
		return slices.Contains(r.signers, signer) && r.covers(typ, uri, environment)
	})
}

// MayUnsigned tells whether a type is believed without signature in an environment.
func (p *Policy) MayUnsigned(typ predicate.Type, uri, environment string) bool {
	return p != nil && slices.ContainsFunc(p.rules, func(r rule) bool {
		return r.unsigned && r.covers(typ, uri, environment)
	})
}

// reviews are the kinds that judge a build. Who builds must not also be the one
// who finds the build good.
var reviews = []string{"vulns", "sast", "secret-scan", "approval", "vex"}

// checkRoles refuses a signer that both builds and reviews in one environment.
func checkRoles(rules []ruleFile) error {
	for i, build := range rules {
		if !speaksOf(build, []string{"provenance"}) {
			continue
		}
		for j, review := range rules {
			if !speaksOf(review, reviews) || !environmentsOverlap(build.Environments, review.Environments) {
				continue
			}
			for _, name := range build.Signers {
				if slices.Contains(review.Signers, name) {
					return fmt.Errorf("statements[%d] and statements[%d]: signer %q may make both provenance and a review of it (%s); "+
						"give each role a signer of its own, or set allowMixedRoles: true where one key must do both", i, j, name, strings.Join(reviews, ", "))
				}
			}
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

var errKeyAndIdentity = errors.New(": a signer is either a key (key or pem) or an identity (issuer with subject or subjectPattern, and root); this one is both")
