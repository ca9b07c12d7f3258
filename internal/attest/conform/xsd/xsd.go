// Package xsd judges XML documents against W3C XML Schemas 1.0, in as much of the
// language as the CycloneDX schemas are written in. A schema that uses anything else is
// refused when it is loaded: half a schema would let documents through.
package xsd

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Namespace is where the words of the schema language live.
const Namespace = "http://www.w3.org/2001/XMLSchema"

// ErrUnsupported is wrapped by errors about schemas in words this package does not know.
var ErrUnsupported = errors.New("not supported")

// Schema is a loaded schema. Nothing changes in it after Load.
type Schema struct {
	namespace string
	elements  map[string]*element // the global ones, by local name
}

// TargetNamespace is the namespace of the documents that the schema describes.
func (s *Schema) TargetNamespace() string { return s.namespace }

// element is a declaration. An element without type may hold anything.
type element struct {
	name      xml.Name
	simple    *simpleType
	complex   *complexType
	unique    []string // attributes whose values no two elements below may share
	defaulted bool     // empty, it has a value that the schema states (Part 1, 3.3.4: clause 5.1)
}

// attribute of a complex type; all are unqualified.
type attribute struct {
	simple   *simpleType
	required bool
}

// complexType has simple content, or a model of its children, or neither: empty.
type complexType struct {
	simple     *simpleType
	model      *model
	mixed      bool
	attributes map[string]attribute
	wild       string // namespace of further attributes: "##any", "##other" or none
}

// node is an element of a schema document; annotations are left out.
type node struct {
	name     xml.Name
	attrs    map[string]string
	prefixes map[string]string
	kids     []*node
}

// readTree reads a schema document.
func readTree(data []byte) (*node, error) {
	d := xml.NewDecoder(bytes.NewReader(data))
	var root *node
	var open []*node
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading schema: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if t.Name == word("annotation") {
				if err := d.Skip(); err != nil {
					return nil, fmt.Errorf("reading annotation of schema: %w", err)
				}
				continue
			}
			n := &node{name: t.Name, attrs: map[string]string{}}
			if len(open) == 0 {
				root = n
			} else {
				parent := open[len(open)-1]
				parent.kids = append(parent.kids, n)
				n.prefixes = parent.prefixes
			}
			n.take(t.Attr)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		}
	}
	if root == nil || root.name != word("schema") {
		return nil, errors.New("reading schema: the root is no xs:schema")
	}
	return root, nil
}

// take keeps unqualified attributes and the prefixes that they may use. Attributes of
// other namespaces say nothing about documents.
func (n *node) take(attrs []xml.Attr) {
	inherited := true
	for _, a := range attrs {
		prefix, declares := a.Name.Local, a.Name.Space == "xmlns"
		if a.Name == (xml.Name{Local: "xmlns"}) {
			prefix, declares = "", true
		}
		switch {
		case declares:
			if inherited {
				own := map[string]string{}
				for k, v := range n.prefixes {
					own[k] = v
				}
				n.prefixes, inherited = own, false
			}
			n.prefixes[prefix] = a.Value
		case a.Name.Space == "":
			n.attrs[a.Name.Local] = a.Value
		}
	}
}

func word(local string) xml.Name { return xml.Name{Space: Namespace, Local: local} }

// qname resolves a prefixed name that stands in an attribute.
func (n *node) qname(text string) (xml.Name, error) {
	prefix, local, found := strings.Cut(strings.TrimSpace(text), ":")
	if !found {
		prefix, local = "", prefix
	}
	space, ok := n.prefixes[prefix]
	if !ok && prefix != "" {
		return xml.Name{}, fmt.Errorf("resolving %q: the prefix is not declared", text)
	}
	return xml.Name{Space: space, Local: local}, nil
}

// only refuses attributes that are not among names.
func (n *node) only(names ...string) error {
	for name := range n.attrs {
		known := name == "id"
		for _, k := range names {
			known = known || k == name
		}
		if !known {
			return fmt.Errorf("reading xs:%s: attribute %s is %w", n.name.Local, name, ErrUnsupported)
		}
	}
	return nil
}

// unsupported is what each reader says of a child it does not expect.
func (n *node) unsupported(kid *node) error {
	return fmt.Errorf("reading xs:%s: xs:%s there is %w", n.name.Local, kid.name.Local, ErrUnsupported)
}
