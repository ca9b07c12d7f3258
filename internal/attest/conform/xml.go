package conform

import (
	"fmt"

	"github.com/gatekeep-dev/gatekeep/internal/attest/conform/xsd"
)

func (c *Checker) checkXML(s schema, data []byte) ([]Violation, error) {
	loaded, err := c.loadXML(s.file)
	if err != nil {
		return nil, err
	}
	found, err := loaded.Validate(data, xsd.Limits{Depth: MaxDepth, Violations: MaxViolations})
	if err != nil {
		return nil, err
	}
	var out []Violation
	for _, v := range found {
		out = append(out, Violation{v.At, short(v.What)})
	}
	return out, nil
}

func (c *Checker) loadXML(file string) (*xsd.Schema, error) {
	if s, ok := c.xml[file]; ok {
		return s, nil
	}
	text, err := schemas.ReadFile("schemas/" + file)
	if err != nil {
		return nil, fmt.Errorf("reading schema: %w", err)
	}
	others := map[string][]byte{}
	for space, name := range imports {
		if others[space], err = schemas.ReadFile("schemas/" + name); err != nil {
			return nil, fmt.Errorf("reading schema: %w", err)
		}
	}
	s, err := xsd.Load(text, others)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", file, err)
	}
	if c.xml == nil {
		c.xml = map[string]*xsd.Schema{}
	}
	c.xml[file] = s
	return s, nil
}
