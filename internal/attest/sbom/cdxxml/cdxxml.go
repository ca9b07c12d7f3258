// Package cdxxml reads CycloneDX XML 1.0 to 1.7 into an inventory.
package cdxxml

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom/inventory"
)

// namespace begins the namespace of CycloneDX XML, which ends with the
// version.
const namespace = "http://cyclonedx.org/schema/bom/"

// maxElements leaves a component 60 elements; Syft writes 30.
const maxElements = 60 * inventory.MaxComponents

// known are the versions that are read.
var known = []string{"1.0", "1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"}

// decoder is one walk through a document. encoding/xml sees to it that the text is
// well-formed and UTF-8, and knows no entities but the five of XML itself.
type decoder struct {
	*xml.Decoder
	*inventory.Index
	space    string   // the namespace of the root
	open     []string // names of the elements being read
	elements int
	licenses [][]byte // of the components being read, the innermost last
}

// Is tells whether the first element is of CycloneDX, of whatever version. The text may
// be cut off after it.
func Is(head []byte) bool {
	root, err := (&decoder{Decoder: xml.NewDecoder(bytes.NewReader(head))}).root()
	return err == nil && strings.HasPrefix(root.Name.Space, namespace)
}

// Decode reads a document. version is that of its namespace, such as "1.6". Errors say
// where they are, and wrap inventory.ErrTooLarge where a bound is exceeded. Document
// type declarations, and with them entities, are refused, and so is any encoding but
// UTF-8.
func Decode(data []byte) (version string, index *inventory.Index, err error) {
	d := decoder{Decoder: xml.NewDecoder(bytes.NewReader(data)), Index: inventory.New(len(data))}
	d.CharsetReader = func(charset string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("encoding %q is not read; want UTF-8", charset)
	}
	if version, err = d.document(); err != nil {
		line, _ := d.InputPos()
		return "", nil, fmt.Errorf("/%s (line %d): %w", strings.Join(d.open, "/"), line, err)
	}
	return version, d.Index, nil
}

func (d *decoder) document() (version string, err error) {
	root, err := d.root()
	if err != nil {
		return "", err
	}
	version, ok := strings.CutPrefix(root.Name.Space, namespace)
	switch {
	case !ok || root.Name.Local != "bom":
		return "", fmt.Errorf("%s is not read here; CycloneDX XML is", rootName(root))
	case !slices.Contains(known, version):
		return "", fmt.Errorf("version %q is not read; 1.0 to 1.7 are", version)
	}
	d.space = root.Name.Space
	var seen names
	err = d.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "metadata":
			return seen.once("metadata", d.metadata)
		case "components":
			return seen.once("components", d.components)
		}
		return d.skip()
	})
	if err != nil {
		return "", err
	}
	return version, d.end()
}

// root goes to the first element. Neither text nor elements may stand beside it (XML
// 1.0 section 2.1).
func (d *decoder) root() (xml.StartElement, error) {
	for {
		token, err := d.next()
		if err == io.EOF {
			return xml.StartElement{}, errors.New("no element")
		} else if err != nil {
			return xml.StartElement{}, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			return t, nil
		case xml.CharData:
			if len(bytes.TrimSpace(t)) > 0 {
				return xml.StartElement{}, errors.New("text before the document")
			}
		}
	}
}

func (d *decoder) end() error {
	for {
		token, err := d.next()
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if text, ok := token.(xml.CharData); ok && len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		return errors.New("something follows the document")
	}
}

// next is the next token that is an element's beginning or end, or text.
func (d *decoder) next() (xml.Token, error) {
	for {
		token, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if d.elements++; d.elements > maxElements {
				return nil, fmt.Errorf("more than %d elements: %w", maxElements, inventory.ErrTooLarge)
			}
			if len(d.open) >= inventory.MaxDepth {
				return nil, fmt.Errorf("nested deeper than %d: %w", inventory.MaxDepth, inventory.ErrTooLarge)
			}
			d.open = append(d.open, t.Name.Local)
			return t, nil
		case xml.EndElement:
			d.open = d.open[:len(d.open)-1]
			return t, nil
		case xml.CharData:
			return t, nil
		case xml.Directive:
			// A document type may define entities that grow without end, or that are
			// read from elsewhere. CycloneDX has none.
			return nil, errors.New("document type declarations are not read")
		}
	}
}

// children reads the elements of the root's namespace in the one just begun. Those of
// others are extensions (CycloneDX XML schema: any element of ##other) and are passed
// over; but not those of another version of CycloneDX, where components could hide.
func (d *decoder) children(read func(xml.StartElement) error) error {
	for {
		token, err := d.next()
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			switch {
			case t.Name.Space == d.space:
				err = read(t)
			case strings.HasPrefix(t.Name.Space, namespace):
				err = fmt.Errorf("namespace %q in a document of %q", t.Name.Space, d.space)
			default:
				err = d.skip()
			}
			if err != nil {
				return err
			}
		}
	}
}

// skip reads over the element just begun.
func (d *decoder) skip() error {
	for depth := len(d.open); len(d.open) >= depth; {
		if _, err := d.next(); err != nil {
			return err
		}
	}
	return nil
}

// text reads the text of the element just begun, without the white space around it:
// the types of XML schema that CycloneDX gives to names, versions and purls are
// normalized strings and URIs.
func (d *decoder) text() ([]byte, error) {
	var text []byte
	for {
		token, err := d.next()
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.CharData:
			text = append(text, t...)
		case xml.EndElement:
			return bytes.TrimSpace(text), nil
		case xml.StartElement:
			return nil, errors.New("want text and no element")
		}
	}
}

func (d *decoder) metadata() error {
	var seen names
	return d.children(func(e xml.StartElement) error {
		if e.Name.Local != "component" {
			return d.skip()
		}
		if err := seen.add("component"); err != nil {
			return err
		}
		return d.entry(e, true)
	})
}

func (d *decoder) components() error {
	return d.children(func(e xml.StartElement) error {
		if e.Name.Local != "component" {
			return errors.New("want component")
		}
		return d.component(e)
	})
}

// component reads one component and those within it.
func (d *decoder) component(e xml.StartElement) error {
	if err := d.Count(); err != nil {
		return err
	}
	return d.entry(e, false)
}

// entry reads a component, or the thing that is described.
func (d *decoder) entry(e xml.StartElement, described bool) error {
	mark := len(d.licenses)
	c := inventory.Entry{Described: described}
	var err error
	if c.Kind, err = attribute(e, "type"); err != nil {
		return err
	}
	var seen names
	err = d.children(func(e xml.StartElement) (err error) {
		name := e.Name.Local
		switch name {
		case "name":
			c.Name, err = d.text()
		case "group":
			c.Group, err = d.text()
		case "version":
			c.Version, err = d.text()
		case "purl":
			c.PURL, err = d.text()
		case "licenses":
			err = d.licenseChoice()
		case "components":
			err = d.components()
		default:
			return d.skip()
		}
		if err != nil {
			return err
		}
		return seen.add(name)
	})
	if err != nil {
		return err
	}
	c.Licenses = d.licenses[mark:]
	d.Add(c)
	d.licenses = d.licenses[:mark]
	return nil
}

// licenseChoice reads <license>, <expression>, and <expression-detailed> of 1.7.
func (d *decoder) licenseChoice() error {
	license := func(text []byte, err error) error {
		if len(text) > 0 {
			d.licenses = append(d.licenses, text)
		}
		return err
	}
	return d.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "expression":
			return license(d.text())
		case "expression-detailed":
			if err := license(attribute(e, "expression")); err != nil {
				return err
			}
			return d.skip()
		case "license":
			return d.children(func(e xml.StartElement) error {
				if e.Name.Local == "id" || e.Name.Local == "name" {
					return license(d.text())
				}
				return d.skip()
			})
		}
		return d.skip()
	})
}

// attribute is an attribute without namespace. encoding/xml lets one stand twice,
// which XML does not (XML 1.0 section 3.1).
func attribute(e xml.StartElement, name string) (value []byte, err error) {
	found := false
	for _, a := range e.Attr {
		if a.Name.Space != "" || a.Name.Local != name {
			continue
		}
		if found {
			return nil, fmt.Errorf("attribute %s stands twice", name)
		}
		value, found = []byte(a.Value), true
	}
	return value, nil
}

// names are those of elements that may stand once.
type names []string

func (n *names) add(name string) error {
	if slices.Contains(*n, name) {
		return fmt.Errorf("%s stands twice", name)
	}
	*n = append(*n, name)
	return nil
}

func (n *names) once(name string, read func() error) error {
	if err := n.add(name); err != nil {
		return err
	}
	return read()
}

// rootName says what another document is.
func rootName(root xml.StartElement) string {
	switch {
	case root.Name.Space == "http://www.w3.org/1999/02/22-rdf-syntax-ns#":
		return "RDF/XML"
	case root.Name.Local == "Document" && root.Name.Space == "":
		return "SPDX XML"
	case root.Name.Local == "bom":
		return "a bom of namespace " + root.Name.Space
	}
	return "XML of another kind (" + root.Name.Local + ")"
}
