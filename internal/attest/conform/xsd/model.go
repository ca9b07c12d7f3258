package xsd

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// particle is a term of a content model with how often it occurs. The schemas know
// once, optional, and any number; other counts are refused.
type particle struct {
	optional, repeated bool
	kind               string // of the node: element, any, sequence or choice
	element            *element
	other              string // xs:any: every namespace but this, and not none
	kids               []particle
}

func (l *loader) particle(space string, n *node) (particle, error) {
	p := particle{kind: n.name.Local}
	for name, value := range map[string]string{"minOccurs": n.attrs["minOccurs"], "maxOccurs": n.attrs["maxOccurs"]} {
		switch name + "=" + value {
		case "minOccurs=", "maxOccurs=", "minOccurs=1", "maxOccurs=1":
		case "minOccurs=0":
			p.optional = true
		case "maxOccurs=unbounded":
			p.repeated = true
		default:
			return p, fmt.Errorf("reading xs:%s: %s=%q is %w", n.name.Local, name, value, ErrUnsupported)
		}
	}
	var err error
	switch n.name {
	case word("element"):
		p.element, err = l.element(space, n)
		return p, err
	case word("any"):
		if n.attrs["namespace"] != "##other" || n.attrs["processContents"] != "lax" {
			return p, fmt.Errorf("reading xs:any of %q: %w", n.attrs["namespace"], ErrUnsupported)
		}
		p.other = space
		return p, nil
	case word("sequence"), word("choice"):
		if err := n.only("minOccurs", "maxOccurs"); err != nil {
			return p, err
		}
	default:
		return p, fmt.Errorf("reading content: xs:%s is %w", n.name.Local, ErrUnsupported)
	}
	for _, kid := range n.kids {
		k, err := l.particle(space, kid)
		if err != nil {
			return p, err
		}
		p.kids = append(p.kids, k)
	}
	return p, nil
}

// model is the position automaton of a content model (Glushkov): a position is an
// element or wildcard as it stands in the schema, and follow says which may come next.
// Position 0 is the start. It never goes back, so a document costs one step a child.
type model struct {
	leaves []particle // leaves[0] is no leaf
	follow [][]int    // sorted, without repetition
	final  []bool
}

// piece is what is known of a part of the model.
type piece struct {
	empty       bool
	first, last []int
}

func newModel(p particle) *model {
	m := &model{leaves: make([]particle, 1), follow: make([][]int, 1)}
	whole := m.add(p)
	m.link([]int{0}, whole.first)
	m.final = make([]bool, len(m.leaves))
	m.final[0] = whole.empty
	for _, i := range whole.last {
		m.final[i] = true
	}
	for i := range m.follow {
		slices.Sort(m.follow[i])
		m.follow[i] = slices.Compact(m.follow[i])
	}
	return m
}

func (m *model) link(from, to []int) {
	for _, i := range from {
		m.follow[i] = append(m.follow[i], to...)
	}
}

func (m *model) add(p particle) piece {
	var out piece
	switch p.kind {
	case "sequence":
		out.empty = true
		for _, kid := range p.kids {
			k := m.add(kid)
			m.link(out.last, k.first)
			if out.empty {
				out.first = append(out.first, k.first...)
			}
			if !k.empty {
				out.last = nil
			}
			out.last = append(out.last, k.last...)
			out.empty = out.empty && k.empty
		}
	case "choice":
		for _, kid := range p.kids {
			k := m.add(kid)
			out.first, out.last = append(out.first, k.first...), append(out.last, k.last...)
			out.empty = out.empty || k.empty
		}
	default:
		m.leaves, m.follow = append(m.leaves, p), append(m.follow, nil)
		at := []int{len(m.leaves) - 1}
		out.first, out.last = at, slices.Clone(at)
	}
	if p.repeated {
		m.link(out.last, out.first)
	}
	out.empty = out.empty || p.optional
	return out
}

// matches tells whether a child may stand at this leaf.
func (p particle) matches(name xml.Name) bool {
	if p.element != nil {
		return p.element.name == name
	}
	return name.Space != "" && name.Space != p.other
}

// step moves over one child. Schemas are unambiguous (XML Schema 1.0 Part 1, 3.8.6:
// Unique Particle Attribution), so the first leaf that matches says what it is.
func (m *model) step(states []int, name xml.Name) (next []int, leaf *particle) {
	for _, s := range states {
		for _, i := range m.follow[s] {
			if !m.leaves[i].matches(name) || slices.Contains(next, i) {
				continue
			}
			next = append(next, i)
			if leaf == nil {
				leaf = &m.leaves[i]
			}
		}
	}
	return next, leaf
}

// declared finds an element by name wherever it may stand: children that stand in the
// wrong place are still looked into.
func (m *model) declared(name xml.Name) *element {
	for _, p := range m.leaves[1:] {
		if p.element != nil && p.element.name == name {
			return p.element
		}
	}
	return nil
}

func (m *model) complete(states []int) bool {
	return slices.ContainsFunc(states, func(s int) bool { return m.final[s] })
}

// expected names what may come next, at most a handful.
func (m *model) expected(states []int) string {
	const handful = 6
	var names []string
	for _, s := range states {
		for _, i := range m.follow[s] {
			name := "an element of another namespace"
			if e := m.leaves[i].element; e != nil {
				name = e.name.Local
			}
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		return "nothing more"
	}
	if len(names) > handful {
		names = append(names[:handful], "...")
	}
	return strings.Join(names, ", ")
}
