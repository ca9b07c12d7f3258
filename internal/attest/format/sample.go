package format

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// shape is what the bytes of a document are, before asking what they mean.
type shape int

const (
	shapeText   shape = iota // nothing of the below
	shapeObject              // one JSON object
	shapeArray               // one JSON array
	shapeLines               // several JSON objects, one after another
	shapeXML
	shapeYAML
)

// sample is a document with the little that tells formats apart: the members of its
// outermost object, or the name of its root element.
type sample struct {
	data    []byte
	shape   shape
	members map[string]json.RawMessage // of the object, of the first of the array or of the lines
	root    xml.Name
	yaml    map[string]any // the first document
}

// jsonLimits are those of one document; SBOMs are the largest, SARIF the deepest.
func jsonLimits() strictjson.Limits { return strictjson.Limits{Bytes: sbom.MaxBytes, Depth: 256} }

// yamlHead bounds what is read of YAML to tell its format. Objects of Kubernetes have
// their kind in the first lines; flag sets have one key at the top.
const yamlHead = 4 << 20

// look finds the shape of a document. JSON that breaks RFC 8259, or says a name twice,
// is an error here, whatever it was meant to be.
func look(data []byte) (*sample, error) {
	s := &sample{data: data}
	head := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")
	switch {
	case len(head) == 0:
		return nil, errors.New("the file is empty")
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf{")):
		// RFC 8259 section 8.1: "Implementations MUST NOT add a byte order mark"; a parser
		// may ignore it, and several tools on Windows write one.
		s.data = data[3:]
		return s, s.object()
	case head[0] == '{':
		return s, s.object()
	case head[0] == '[':
		return s, s.array()
	case head[0] == '<':
		return s, s.element()
	case bytes.HasPrefix(head, []byte("-----BEGIN")) || bytes.HasPrefix(head, []byte("SPDXVersion:")):
		return s, nil
	}
	s.document()
	return s, nil
}

// object reads the members of one JSON object; more than one after another are lines.
func (s *sample) object() error {
	members, err := strictjson.Members(s.data, jsonLimits())
	if err == nil {
		s.shape, s.members = shapeObject, members
		return nil
	}
	first, more := s.firstOfLines()
	if !more {
		return err
	}
	s.shape, s.members = shapeLines, first
	return nil
}

// firstOfLines is the first of several JSON values that stand one after another. Each is
// checked where it is read.
func (s *sample) firstOfLines() (members map[string]json.RawMessage, more bool) {
	d := json.NewDecoder(bytes.NewReader(s.data))
	var one json.RawMessage
	if d.Decode(&one) != nil {
		return nil, false
	}
	members, err := strictjson.Members(one, jsonLimits())
	if err != nil {
		return nil, false
	}
	var next json.RawMessage
	return members, d.Decode(&next) == nil && len(next) > 0 && next[0] == '{'
}

func (s *sample) array() error {
	if err := strictjson.Check(s.data, jsonLimits()); err != nil {
		return err
	}
	s.shape = shapeArray
	d := json.NewDecoder(bytes.NewReader(s.data))
	if _, err := d.Token(); err != nil {
		return err
	}
	if d.More() {
		// Elements that are no object leave the members empty.
		_ = d.Decode(&s.members)
	}
	return nil
}

// element reads the root element of XML.
func (s *sample) element() error {
	s.shape = shapeXML
	d := xml.NewDecoder(bytes.NewReader(s.data))
	d.CharsetReader = func(_ string, input io.Reader) (io.Reader, error) { return input, nil }
	for {
		token, err := d.RawToken()
		if err != nil {
			return fmt.Errorf("reading XML: %w", err)
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		s.root.Local = start.Name.Local
		for _, a := range start.Attr {
			if a.Name.Local == "xmlns" && a.Name.Space == "" && start.Name.Space == "" ||
				a.Name.Space == "xmlns" && a.Name.Local == start.Name.Space {
				s.root.Space = a.Value
			}
		}
		return nil
	}
}

// document reads the first YAML document that holds an object, if there is one.
func (s *sample) document() {
	d := yaml.NewDecoder(bytes.NewReader(s.data[:min(len(s.data), yamlHead)]))
	for {
		var doc any
		if d.Decode(&doc) != nil {
			return
		}
		if object, ok := doc.(map[string]any); ok {
			s.shape, s.yaml = shapeYAML, object
			return
		}
		if doc != nil {
			return
		}
	}
}

// has tells whether the object has all of these members.
func (s *sample) has(names ...string) bool {
	for _, name := range names {
		_, inJSON := s.members[name]
		_, inYAML := s.yaml[name]
		if !inJSON && !inYAML {
			return false
		}
	}
	return len(names) > 0
}

// text is a member that is text, or "".
func (s *sample) text(name string) string {
	if t, ok := s.yaml[name].(string); ok {
		return t
	}
	var t string
	_ = json.Unmarshal(s.members[name], &t) // what is no text is none
	return t
}

// starts tells whether the text begins with a word.
func (s *sample) starts(word string) bool {
	return strings.HasPrefix(string(bytes.TrimLeft(s.data[:min(len(s.data), 256)], " \t\r\n\xef\xbb\xbf")), word)
}
