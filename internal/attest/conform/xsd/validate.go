package xsd

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

const instance = "http://www.w3.org/2001/XMLSchema-instance"

// Limits bound one validation.
type Limits struct {
	Depth      int // of elements in each other
	Violations int // that are kept; those in document order come first
}

// Violation is one breach of the schema.
type Violation struct {
	At   string // path of the element, "/bom/components/component[2]/name"
	What string
}

// frame is an element that is open.
type frame struct {
	segment  string // with index among its like
	decl     *element
	states   []int // of the model of decl
	broken   bool  // a child has been reported; what follows cannot be judged
	text     []byte
	seen     map[string]int // children by name
	declares []string       // namespaces with prefixes from here on
	unique   []map[string]string
}

// run is one validation.
type run struct {
	schema     *Schema
	limits     Limits
	open       []*frame
	spaces     map[string]int // namespaces in scope, by how many frames declare them
	violations []Violation
}

// Validate judges a document. No violations means that it keeps the schema. An error
// means that it is no XML that could be judged: ill-formed, with a document type
// declaration, or over the limits.
func (s *Schema) Validate(data []byte, limits Limits) ([]Violation, error) {
	r := &run{schema: s, limits: limits, spaces: map[string]int{}}
	d := xml.NewDecoder(bytes.NewReader(data))
	rooted := false
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading XML: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if len(r.open) == 0 && rooted {
				return nil, errors.New("reading XML: more than one root element")
			}
			rooted = true
			if err := r.start(t); err != nil {
				return nil, fmt.Errorf("reading XML: element %s: %w", t.Name.Local, err)
			}
		case xml.EndElement:
			r.end()
		case xml.CharData:
			if len(r.open) > 0 {
				r.characters(t)
			} else if len(bytes.TrimSpace(t)) > 0 {
				return nil, errors.New("reading XML: text outside of the root element")
			}
		case xml.Directive:
			return nil, errors.New("reading XML: it has a document type declaration; those are refused")
		}
	}
	if !rooted {
		return nil, errors.New("reading XML: no element")
	}
	return r.violations, nil
}

func (r *run) report(format string, args ...any) {
	if len(r.violations) < r.limits.Violations {
		r.violations = append(r.violations, Violation{r.path(), fmt.Sprintf(format, args...)})
	}
}

func (r *run) path() string {
	var b strings.Builder
	for _, f := range r.open {
		b.WriteString("/" + f.segment)
	}
	return b.String()
}

func (r *run) start(t xml.StartElement) error {
	f := &frame{segment: t.Name.Local}
	if len(r.open) > 0 {
		f.segment = r.open[len(r.open)-1].count(t.Name.Local)
	}
	if len(r.open) >= r.limits.Depth {
		return fmt.Errorf("more than %d elements in each other", r.limits.Depth)
	}
	decl := r.declaration(t.Name)
	r.open = append(r.open, f)
	if err := r.names(f, t); err != nil {
		return err
	}
	f.decl, f.states = decl, []int{0}
	if decl == nil {
		if len(r.open) == 1 {
			r.report("the root element {%s}%s is not declared in %s", t.Name.Space, t.Name.Local, r.schema.namespace)
		}
	} else {
		r.attributes(f, t.Attr)
		f.unique = make([]map[string]string, len(decl.unique))
	}
	r.uniqueness(t.Attr)
	return nil
}

// count numbers a child among its like; the first has no number.
func (f *frame) count(name string) string {
	if f.seen == nil {
		f.seen = map[string]int{}
	}
	f.seen[name]++
	if n := f.seen[name]; n > 1 {
		return fmt.Sprintf("%s[%d]", name, n)
	}
	return name
}

// names checks what encoding/xml does not: Namespaces in XML 1.0, section 5 ("the
// prefix MUST have been declared") and 6.3 (no two attributes of the same name).
func (r *run) names(f *frame, t xml.StartElement) error {
	seen := map[xml.Name]bool{}
	for _, a := range t.Attr {
		if seen[a.Name] {
			return fmt.Errorf("attribute %s stands twice", a.Name.Local)
		}
		seen[a.Name] = true
		if a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}) {
			f.declares = append(f.declares, a.Value)
			r.spaces[a.Value]++
		}
	}
	if !r.declared(t.Name.Space) {
		return fmt.Errorf("prefix %s is not declared", t.Name.Space)
	}
	for _, a := range t.Attr {
		if a.Name.Space != "xmlns" && !r.declared(a.Name.Space) {
			return fmt.Errorf("prefix %s is not declared", a.Name.Space)
		}
	}
	return nil
}

// declared: the decoder leaves an undeclared prefix where the namespace should stand.
func (r *run) declared(space string) bool {
	return space == "" || r.spaces[space] > 0 || space == "http://www.w3.org/XML/1998/namespace"
}

// declaration finds what the schema says of the next child, and moves the parent's
// model over it. Below a wildcard with lax processing, an element is judged if it is
// declared globally.
func (r *run) declaration(name xml.Name) *element {
	global := func() *element {
		if name.Space == r.schema.namespace {
			return r.schema.elements[name.Local]
		}
		return nil
	}
	if len(r.open) == 0 {
		return global()
	}
	parent := r.open[len(r.open)-1]
	if parent.decl == nil || parent.decl.simple == nil && parent.decl.complex == nil {
		return global()
	}
	c := parent.decl.complex
	if c == nil || c.model == nil {
		if !parent.broken {
			r.report("element %s is not allowed here, there may be none", name.Local)
		}
		parent.broken = true
		return nil
	}
	next, leaf := c.model.step(parent.states, name)
	if leaf == nil {
		if !parent.broken {
			r.report("element %s is not allowed here; expected: %s", describe(name, r.schema.namespace), c.model.expected(parent.states))
		}
		parent.broken = true
		return c.model.declared(name)
	}
	parent.states = next
	if leaf.element == nil {
		return global()
	}
	return leaf.element
}

func describe(name xml.Name, home string) string {
	if name.Space == home {
		return name.Local
	}
	return fmt.Sprintf("{%s}%s", name.Space, name.Local)
}

func (r *run) attributes(f *frame, attrs []xml.Attr) {
	var allowed map[string]attribute
	wild := ""
	switch {
	case f.decl.complex != nil:
		allowed, wild = f.decl.complex.attributes, f.decl.complex.wild
	case f.decl.simple == nil:
		wild = "##any"
	}
	given := map[string]bool{}
	for _, a := range attrs {
		if a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}) {
			continue
		}
		if a.Name.Space == instance {
			// No element here is nillable, and no type stands for another.
			if a.Name.Local == "nil" || a.Name.Local == "type" {
				r.report("xsi:%s is not allowed", a.Name.Local)
			}
			continue
		}
		if decl, ok := allowed[a.Name.Local]; ok && a.Name.Space == "" {
			given[a.Name.Local] = true
			if decl.simple == nil {
				continue
			}
			if why := decl.simple.check(a.Value); why != "" {
				r.report("attribute %s: %s", a.Name.Local, why)
			}
			continue
		}
		if wild == "##any" || wild == "##other" && a.Name.Space != "" && a.Name.Space != r.schema.namespace {
			continue
		}
		r.report("attribute %s is not allowed", describe(a.Name, ""))
	}
	for _, name := range slices.Sorted(maps.Keys(allowed)) {
		if allowed[name].required && !given[name] {
			r.report("attribute %s is missing", name)
		}
	}
}

// uniqueness looks at the newest element for every xs:unique of those above it.
func (r *run) uniqueness(attrs []xml.Attr) {
	for _, above := range r.open[:len(r.open)-1] {
		if above.decl == nil {
			continue
		}
		for i, name := range above.decl.unique {
			for _, a := range attrs {
				if a.Name != (xml.Name{Local: name}) {
					continue
				}
				if above.unique[i] == nil {
					above.unique[i] = map[string]string{}
				}
				if first, taken := above.unique[i][a.Value]; taken {
					r.report("%s %s is taken by %s", name, quote(a.Value), first)
					continue
				}
				above.unique[i][a.Value] = r.path()
			}
		}
	}
}

func (r *run) characters(text []byte) {
	f := r.open[len(r.open)-1]
	switch d := f.decl; {
	case d == nil, d.simple == nil && d.complex == nil, d.complex != nil && d.complex.mixed:
	case d.simple != nil, d.complex.simple != nil:
		f.text = append(f.text, text...)
	case len(bytes.TrimFunc(text, isSpace)) > 0 && !f.broken:
		r.report("text %s is not allowed between elements", quote(strings.TrimSpace(string(text))))
		f.broken = true
	}
}

func (r *run) end() {
	f := r.open[len(r.open)-1]
	if d := f.decl; d != nil {
		simple := d.simple
		if d.complex != nil {
			simple = d.complex.simple
		}
		if simple != nil && (len(f.text) > 0 || !d.defaulted) {
			if why := simple.check(string(f.text)); why != "" {
				r.report("%s", why)
			}
		}
		if d.complex != nil && d.complex.model != nil && !f.broken && !d.complex.model.complete(f.states) {
			r.report("it ends too early; expected: %s", d.complex.model.expected(f.states))
		}
	}
	for _, space := range f.declares {
		r.spaces[space]--
	}
	r.open = r.open[:len(r.open)-1]
}
