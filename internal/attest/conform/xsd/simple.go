package xsd

import (
	"encoding/xml"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// simpleType is a built-in type, a restriction of another, or a union.
type simpleType struct {
	builtin  string // set on built-in types only
	base     *simpleType
	union    []*simpleType
	enum     map[string]bool
	patterns []*regexp.Regexp // of one step of derivation: one must match
	length   [2]int           // at least, and at most if not 0
	min, max *big.Rat
}

// builtins are the built-in types in use, with what they do to white space (XML Schema
// 1.0 Part 2, 4.3.6).
var builtins = map[string]string{
	"string": "preserve", "normalizedString": "replace", "token": "collapse", "anyURI": "collapse",
	"boolean": "collapse", "decimal": "collapse", "integer": "collapse", "nonNegativeInteger": "collapse",
	"positiveInteger": "collapse", "date": "collapse", "dateTime": "collapse",
}

func (l *loader) namedSimple(name xml.Name) (*simpleType, error) {
	if t, ok := l.simples[name]; ok {
		if t == nil {
			return nil, fmt.Errorf("reading simple type %s: it is made of itself", name.Local)
		}
		return t, nil
	}
	if name.Space == Namespace {
		if builtins[name.Local] == "" {
			return nil, fmt.Errorf("resolving type xs:%s: %w", name.Local, ErrUnsupported)
		}
		l.simples[name] = &simpleType{builtin: name.Local}
		return l.simples[name], nil
	}
	n, err := l.find("simpleType", name)
	if err != nil {
		return nil, err
	}
	l.simples[name] = nil
	t, err := l.simple(n)
	l.simples[name] = t
	return t, err
}

func (l *loader) simple(n *node) (*simpleType, error) {
	if err := n.only("name", "final"); err != nil {
		return nil, err
	}
	if len(n.kids) != 1 {
		return nil, fmt.Errorf("reading simple type %s: %d definitions", n.attrs["name"], len(n.kids))
	}
	t, kid := &simpleType{}, n.kids[0]
	switch kid.name {
	case word("union"):
		for _, ref := range strings.Fields(kid.attrs["memberTypes"]) {
			name, err := kid.qname(ref)
			if err != nil {
				return nil, err
			}
			member, err := l.namedSimple(name)
			if err != nil {
				return nil, err
			}
			t.union = append(t.union, member)
		}
		if len(kid.kids) > 0 {
			return nil, kid.unsupported(kid.kids[0])
		}
		return t, nil
	case word("restriction"):
		name, err := kid.qname(kid.attrs["base"])
		if err != nil {
			return nil, err
		}
		if t.base, err = l.namedSimple(name); err != nil {
			return nil, err
		}
		for _, facet := range kid.kids {
			if err := t.facet(kid, facet); err != nil {
				return nil, fmt.Errorf("reading simple type %s: %w", n.attrs["name"], err)
			}
		}
		return t, nil
	}
	return nil, n.unsupported(kid)
}

func (t *simpleType) facet(parent, n *node) error {
	value := n.attrs["value"]
	var err error
	switch n.name {
	case word("enumeration"):
		if t.enum == nil {
			t.enum = map[string]bool{}
		}
		t.enum[value] = true
	case word("pattern"):
		var p *regexp.Regexp
		if p, err = pattern(value); err == nil {
			t.patterns = append(t.patterns, p)
		}
	case word("minLength"):
		t.length[0], err = strconv.Atoi(value)
	case word("maxLength"):
		t.length[1], err = strconv.Atoi(value)
	case word("minInclusive"):
		t.min, err = number(value)
	case word("maxInclusive"):
		t.max, err = number(value)
	default:
		err = parent.unsupported(n)
	}
	if err != nil {
		return fmt.Errorf("reading facet %s=%q: %w", n.name.Local, value, err)
	}
	return nil
}

// pattern translates a regular expression of XML Schema, which is anchored at both ends.
// What means something else to Go is refused: classes that hold all of Unicode there and
// ASCII here, subtraction of classes, and ^ and $ as plain characters.
func pattern(text string) (*regexp.Regexp, error) {
	inClass := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			if i++; i < len(text) && strings.IndexByte("icICdDwWsSpP", text[i]) >= 0 {
				return nil, fmt.Errorf("translating pattern %q: \\%c is %w", text, text[i], ErrUnsupported)
			}
		case c == '[' && inClass, (c == '^' || c == '$') && !inClass:
			return nil, fmt.Errorf("translating pattern %q: a bare %c is %w", text, c, ErrUnsupported)
		case c == '[':
			inClass = true
		case c == ']':
			inClass = false
		}
	}
	return regexp.Compile(`^(?:` + text + `)$`)
}

// maxDigits bounds numbers that are compared: processors must know 18 digits (Part 2,
// 3.2.3), and arithmetic on a megabyte of them takes minutes.
const maxDigits = 100

func number(text string) (*big.Rat, error) {
	if len(text) > maxDigits {
		return nil, fmt.Errorf("reading number: more than %d characters", maxDigits)
	}
	r, ok := new(big.Rat).SetString(strings.TrimPrefix(text, "+"))
	if !ok {
		return nil, fmt.Errorf("reading number %q: not decimal", text)
	}
	return r, nil
}

// space is what the type does to white space; a union leaves that to its members.
func (t *simpleType) space() string {
	for t.base != nil {
		t = t.base
	}
	return builtins[t.builtin]
}

func normalize(text, space string) string {
	switch space {
	case "collapse":
		return strings.Join(strings.FieldsFunc(text, isSpace), " ")
	case "replace":
		return strings.NewReplacer("\t", " ", "\n", " ", "\r", " ").Replace(text)
	}
	return text
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\n' || r == '\r' }

// check says what is wrong with a text as it stands in the document, or nothing.
func (t *simpleType) check(text string) string {
	if t.union != nil {
		for _, member := range t.union {
			if member.check(text) == "" {
				return ""
			}
		}
		return quote(text) + " is of none of the permitted types"
	}
	text = normalize(text, t.space())
	for step := t; step != nil; step = step.base {
		if step.union != nil {
			if why := step.check(text); why != "" {
				return why
			}
			continue
		}
		if why := step.own(text); why != "" {
			return why
		}
	}
	return ""
}

// own checks one step of derivation.
func (t *simpleType) own(text string) string {
	if t.builtin != "" && !lexical(t.builtin, text) {
		return quote(text) + " is no " + t.builtin
	}
	if t.enum != nil && !t.enum[text] {
		return quote(text) + " is not among the permitted values"
	}
	if !matchesAny(t.patterns, text) {
		return quote(text) + " does not match " + quote(strings.TrimSuffix(strings.TrimPrefix(t.patterns[0].String(), "^(?:"), ")$"))
	}
	if n := utf8.RuneCountInString(text); n < t.length[0] || t.length[1] > 0 && n > t.length[1] {
		return fmt.Sprintf("%s has %d characters", quote(text), n)
	}
	if t.min == nil && t.max == nil {
		return ""
	}
	n, err := number(text)
	if err != nil || t.min != nil && n.Cmp(t.min) < 0 || t.max != nil && n.Cmp(t.max) > 0 {
		return quote(text) + " is out of range"
	}
	return ""
}

func matchesAny(patterns []*regexp.Regexp, text string) bool {
	for _, p := range patterns {
		if p.MatchString(text) {
			return true
		}
	}
	return len(patterns) == 0
}

// quote keeps messages short.
func quote(text string) string {
	const most = 80
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "..."
	}
	return strconv.Quote(text)
}
