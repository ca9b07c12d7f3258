package trust

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
)

// Custom is the kind of statements of types that nobody here reads, from a signer who
// is trusted for exactly that type.
const Custom = "custom"

// rule lets signers make statements of some types in some environments.
type rule struct {
	types        []string // kinds or predicate types
	signers      []string
	threshold    int // of signers that must have signed; at least 1
	unsigned     bool
	strict       bool
	environments []matcher // empty: everywhere
}

// matcher is a compiled glob of environments.
type matcher struct{ re *regexp.Regexp }

// addRule takes one entry of "statements". Errors begin with the field.
func (p *Policy) addRule(doc ruleFile) error {
	r := rule{types: doc.Types, signers: doc.Signers, threshold: max(doc.Threshold, 1), unsigned: doc.Unsigned, strict: doc.Strict}
	for _, typ := range doc.Types {
		if err := checkType(typ, doc.Unsigned); err != nil {
			return fmt.Errorf("types: %w", err)
		}
	}
	for _, name := range doc.Signers {
		if p.signers[name] == nil {
			return fmt.Errorf("signers: there is no signer named %q; add it under signers or correct the name", name)
		}
	}
	if err := p.checkThreshold(doc); err != nil {
		return fmt.Errorf("threshold: %w", err)
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

// checkType judges a word of "types".
func checkType(word string, unsigned bool) error {
	switch _, read := kindOf(word); {
	case word == Custom:
		return errors.New(`"custom" is no kind that can be trusted as a whole; name the URI of each predicate type`)
	case read:
		return nil
	case !isURI(word):
		return fmt.Errorf("%q is no kind of statement and no predicate type that is read here; known kinds are %s, and any other type is named by its whole URI", word, strings.Join(predicate.Kinds(), ", "))
	case unsigned:
		return fmt.Errorf("%q is not read here, so its statements are believed on the word of a signer only; leave out unsigned", word)
	}
	return nil
}

// isURI tells an absolute URI, RFC 3986 section 4.3, that stands for itself.
func isURI(word string) bool {
	const longest = 512 // of a predicate type; the longest real one has 90
	u, err := url.Parse(word)
	return err == nil && u.Scheme != "" && (u.Host != "" || u.Opaque != "") && len(word) <= longest && !strings.ContainsAny(word, "* \t\r\n")
}

// checkThreshold wants a number that the signers of a rule can reach, each counted
// once.
func (p *Policy) checkThreshold(doc ruleFile) error {
	if doc.Threshold == 0 {
		return nil
	}
	who := map[string]bool{}
	for i, name := range doc.Signers {
		who[p.signers[name].person()] = true
		for _, other := range doc.Signers[:i] {
			if a, b := p.signers[name], p.signers[other]; a != b && mayBeOne(a, b) {
				return fmt.Errorf("signers %q and %q may be one identity, and a threshold counts signers; narrow the patterns", other, name)
			}
		}
	}
	if doc.Threshold > len(who) {
		return fmt.Errorf("%d is more than the %d signers of the rule (signers of one principal count once)", doc.Threshold, len(who))
	}
	return nil
}

// person is who a signer counts as where several must sign: two keys of one principal
// are one.
func (s *Signer) person() string {
	if s.Principal != "" {
		return "principal " + s.Principal
	}
	return "signer " + s.Name
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
// environment, alone or with others.
func (p *Policy) May(signer string, typ predicate.Type, uri, environment string) bool {
	return p != nil && slices.ContainsFunc(p.rules, func(r rule) bool {
		return slices.Contains(r.signers, signer) && r.covers(typ, uri, environment)
	})
}

// MayUnsigned tells whether a type is believed without signature in an environment,
// and whether its content must then conform to its schema.
func (p *Policy) MayUnsigned(typ predicate.Type, uri, environment string) (may, strict bool) {
	if p == nil {
		return false, false
	}
	for _, r := range p.rules {
		if r.unsigned && r.covers(typ, uri, environment) {
			may, strict = true, strict || r.strict
		}
	}
	return may, strict
}

// HasThresholds tells whether any rule asks for several signers.
func (p *Policy) HasThresholds() bool {
	return p != nil && slices.ContainsFunc(p.rules, func(r rule) bool { return r.threshold > 1 })
}

// Word is what one signature is worth: the signers whose it may be, sorted by name.
type Word []Maker

// Maker is a signer whose a signature may be, with the key that verified it.
type Maker struct {
	*Signer
	Key string // as of pki.KeyID
}

// Permission is what the rules say of a statement and its signatures.
type Permission struct {
	Signer  string   // first by name that may make it; "" where none may
	Signers []string // where several must sign: all that count, sorted by name
	Strict  bool     // the content must conform to its schema
	// Where too few signed: the signers that count, how many more are needed, and of
	// how many in all.
	Signed       []string
	Missing, All int
}

// Permits asks the rules about a statement. Own are the signatures of its envelope;
// all are those over the same bytes, wherever they were found, own ones among them.
// Only a signer of its own envelope can speak for it.
func (p *Policy) Permits(own, all []Word, typ predicate.Type, uri, environment string) Permission {
	var granted Permission
	if p == nil {
		return granted
	}
	for _, r := range p.rules {
		speaker := r.speaker(own)
		if speaker == "" || !r.covers(typ, uri, environment) {
			continue
		}
		counted, people := r.count(all, speaker)
		if missing := r.threshold - people; missing > 0 {
			if granted.Missing == 0 || missing < granted.Missing {
				granted.Signed, granted.Missing, granted.All = counted, missing, r.threshold
			}
			continue
		}
		if granted.Signer == "" || speaker < granted.Signer {
			granted.Signer = speaker
		}
		if r.threshold > 1 {
			granted.Signers = append(granted.Signers, counted...)
		}
		granted.Strict = granted.Strict || r.strict
	}
	slices.Sort(granted.Signers)
	granted.Signers = slices.Compact(granted.Signers)
	return granted
}

// speaker is the first signer of the rule, by name, among signatures.
func (r rule) speaker(words []Word) string {
	first := ""
	for _, w := range words {
		for _, m := range w {
			if slices.Contains(r.signers, m.Name) && (first == "" || m.Name < first) {
				first = m.Name
			}
		}
	}
	return first
}

// count names the signers of the rule among signatures, sorted, and how many people
// they count as. One key counts for one of them, whatever certificates it has and
// however often it signed, and one person under all names for one key: the most people
// that can be paired with keys so. The speaker, one of the signers, is among them.
func (r rule) count(words []Word, speaker string) (names []string, people int) {
	signed := map[string]map[string]string{} // names of signers, by person and key
	first := ""
	for _, w := range words {
		for _, m := range w {
			who := m.person()
			if !slices.Contains(r.signers, m.Name) {
				continue
			}
			if signed[who] == nil {
				signed[who] = map[string]string{}
			}
			if name := signed[who][m.Key]; name == "" || m.Name < name {
				signed[who][m.Key] = m.Name
			}
			if m.Name == speaker {
				first = who
			}
		}
	}
	// A maximum matching by augmenting paths: who has a key once keeps one.
	holder := map[string]string{} // person, by key
	var pair func(who string, tried map[string]bool) bool
	pair = func(who string, tried map[string]bool) bool {
		for _, key := range slices.Sorted(maps.Keys(signed[who])) {
			if tried[key] {
				continue
			}
			tried[key] = true
			if other, taken := holder[key]; !taken || pair(other, tried) {
				holder[key] = who
				return true
			}
		}
		return false
	}
	pair(first, map[string]bool{})
	for _, who := range slices.Sorted(maps.Keys(signed)) {
		if who != first {
			pair(who, map[string]bool{})
		}
	}
	names = []string{speaker}
	for key, who := range holder {
		names = append(names, signed[who][key])
	}
	slices.Sort(names)
	return slices.Compact(names), len(holder)
}
