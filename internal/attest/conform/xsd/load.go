package xsd

import (
	"encoding/xml"
	"fmt"
	"slices"
)

// loader resolves names between schema documents.
type loader struct {
	roots     map[string]*node // by target namespace
	simples   map[xml.Name]*simpleType
	complexes map[xml.Name]*complexType
}

// Load reads a schema. Each xs:import is looked up in imports by its namespace; the
// location it states is not followed, and nothing is fetched.
func Load(data []byte, imports map[string][]byte) (*Schema, error) {
	root, err := readTree(data)
	if err != nil {
		return nil, err
	}
	space := root.attrs["targetNamespace"]
	l := &loader{map[string]*node{space: root}, map[xml.Name]*simpleType{}, map[xml.Name]*complexType{}}
	if err := root.only("targetNamespace", "elementFormDefault", "version"); err != nil {
		return nil, err
	}
	if root.attrs["elementFormDefault"] != "qualified" {
		return nil, fmt.Errorf("reading schema: unqualified elements are %w", ErrUnsupported)
	}
	s := &Schema{namespace: space, elements: map[string]*element{}}
	for _, kid := range root.kids {
		switch kid.name {
		case word("import"):
			text, ok := imports[kid.attrs["namespace"]]
			if !ok {
				return nil, fmt.Errorf("reading schema: import of %q, which is not given", kid.attrs["namespace"])
			}
			if l.roots[kid.attrs["namespace"]], err = readTree(text); err != nil {
				return nil, err
			}
		case word("simpleType"), word("complexType"), word("element"), word("attributeGroup"):
		default:
			return nil, root.unsupported(kid)
		}
	}
	for _, kid := range root.kids {
		if kid.name != word("element") {
			continue
		}
		e, err := l.element(space, kid)
		if err != nil {
			return nil, err
		}
		s.elements[e.name.Local] = e
	}
	return s, nil
}

// find returns the top-level definition of a kind and name.
func (l *loader) find(kind string, name xml.Name) (*node, error) {
	if root := l.roots[name.Space]; root != nil {
		for _, kid := range root.kids {
			if kid.name == word(kind) && kid.attrs["name"] == name.Local {
				return kid, nil
			}
		}
	}
	return nil, fmt.Errorf("resolving xs:%s {%s}%s: no such definition", kind, name.Space, name.Local)
}

func (l *loader) element(space string, n *node) (*element, error) {
	if err := n.only("name", "type", "minOccurs", "maxOccurs", "default"); err != nil {
		return nil, err
	}
	_, defaulted := n.attrs["default"]
	e := &element{name: xml.Name{Space: space, Local: n.attrs["name"]}, defaulted: defaulted}
	if t, ok := n.attrs["type"]; ok {
		if err := l.typed(e, n, t); err != nil {
			return nil, fmt.Errorf("reading element %s: %w", e.name.Local, err)
		}
	}
	for _, kid := range n.kids {
		var err error
		switch kid.name {
		case word("simpleType"):
			e.simple, err = l.simple(kid)
		case word("complexType"):
			e.complex = &complexType{}
			err = l.complex(space, kid, e.complex)
		case word("unique"):
			err = e.constrain(kid)
		default:
			err = n.unsupported(kid)
		}
		if err != nil {
			return nil, fmt.Errorf("reading element %s: %w", e.name.Local, err)
		}
	}
	return e, nil
}

func (l *loader) typed(e *element, n *node, ref string) error {
	name, err := n.qname(ref)
	if err != nil {
		return err
	}
	if _, err := l.find("complexType", name); err == nil {
		e.complex, err = l.namedComplex(name)
		return err
	}
	e.simple, err = l.namedSimple(name)
	return err
}

// constrain reads xs:unique. All below, with one attribute is all that is written with it.
func (e *element) constrain(n *node) error {
	if len(n.kids) != 2 || n.kids[0].name != word("selector") || n.kids[1].name != word("field") || n.kids[0].attrs["xpath"] != ".//*" {
		return fmt.Errorf("reading xs:unique: its selector is %w", ErrUnsupported)
	}
	field := n.kids[1].attrs["xpath"]
	if len(field) < 2 || field[0] != '@' {
		return fmt.Errorf("reading xs:unique: its field is %w", ErrUnsupported)
	}
	e.unique = append(e.unique, field[1:])
	return nil
}

// namedComplex is remembered before it is read: a component holds components.
func (l *loader) namedComplex(name xml.Name) (*complexType, error) {
	if t, ok := l.complexes[name]; ok {
		return t, nil
	}
	n, err := l.find("complexType", name)
	if err != nil {
		return nil, err
	}
	t := &complexType{}
	l.complexes[name] = t
	return t, l.complex(name.Space, n, t)
}

func (l *loader) complex(space string, n *node, t *complexType) error {
	if err := n.only("name", "mixed"); err != nil {
		return err
	}
	t.mixed, t.attributes = n.attrs["mixed"] == "true", map[string]attribute{}
	for _, kid := range n.kids {
		var err error
		switch kid.name {
		case word("sequence"), word("choice"):
			var p particle
			if p, err = l.particle(space, kid); err == nil {
				t.model = newModel(p)
			}
		case word("simpleContent"):
			err = l.simpleContent(kid, t)
		default:
			err = l.attributes(n, kid, t)
		}
		if err != nil {
			return fmt.Errorf("reading type %s: %w", n.attrs["name"], err)
		}
	}
	return nil
}

// attributes reads one child of a type or group that says something about attributes.
func (l *loader) attributes(parent, n *node, t *complexType) error {
	switch n.name {
	case word("attribute"):
		return l.attribute(n, t)
	case word("anyAttribute"):
		t.wild = n.attrs["namespace"]
		if !slices.Contains([]string{"##any", "##other"}, t.wild) || n.attrs["processContents"] != "lax" {
			return fmt.Errorf("reading xs:anyAttribute of %q: %w", t.wild, ErrUnsupported)
		}
		return nil
	case word("attributeGroup"):
		name, err := n.qname(n.attrs["ref"])
		if err != nil {
			return err
		}
		group, err := l.find("attributeGroup", name)
		if err != nil {
			return err
		}
		for _, kid := range group.kids {
			if kid.name == word("attributeGroup") {
				return group.unsupported(kid) // a group in a group might hold itself
			}
			if err := l.attributes(group, kid, t); err != nil {
				return err
			}
		}
		return nil
	}
	return parent.unsupported(n)
}

func (l *loader) attribute(n *node, t *complexType) error {
	if err := n.only("name", "type", "use", "default"); err != nil {
		return err
	}
	if use := n.attrs["use"]; !slices.Contains([]string{"", "optional", "required"}, use) {
		return fmt.Errorf("reading attribute %s: use=%q is %w", n.attrs["name"], use, ErrUnsupported)
	}
	a := attribute{required: n.attrs["use"] == "required"}
	var err error
	if ref, ok := n.attrs["type"]; ok {
		var name xml.Name
		if name, err = n.qname(ref); err == nil {
			a.simple, err = l.namedSimple(name)
		}
	}
	for _, kid := range n.kids {
		if kid.name != word("simpleType") {
			return n.unsupported(kid)
		}
		a.simple, err = l.simple(kid)
	}
	if err != nil {
		return fmt.Errorf("reading attribute %s: %w", n.attrs["name"], err)
	}
	t.attributes[n.attrs["name"]] = a
	return nil
}

// simpleContent is text of a simple type that carries attributes.
func (l *loader) simpleContent(n *node, t *complexType) error {
	if len(n.kids) != 1 || n.kids[0].name != word("extension") {
		return fmt.Errorf("reading xs:simpleContent: anything but one xs:extension is %w", ErrUnsupported)
	}
	extension := n.kids[0]
	name, err := extension.qname(extension.attrs["base"])
	if err != nil {
		return err
	}
	if t.simple, err = l.namedSimple(name); err != nil {
		return err
	}
	for _, kid := range extension.kids {
		if err := l.attributes(extension, kid, t); err != nil {
			return err
		}
	}
	return nil
}
