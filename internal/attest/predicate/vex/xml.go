package vex

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// namespace begins that of CycloneDX XML, which ends with the version.
const namespace = "http://cyclonedx.org/schema/bom/"

// once are elements that stand once within another. encoding/xml would take the last
// of two, and other readers the first.
var once = []string{
	"metadata", "timestamp", "components", "vulnerabilities", "purl", "hashes", "id", "references", "updated",
	"analysis", "state", "justification", "firstIssued", "lastUpdated", "affects", "ref", "versions", "range", "status",
}

// readCycloneDXML reads a BOM in XML.
func readCycloneDXML(raw []byte) (*Document, error) {
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	version, err := checkXML(raw)
	if err != nil {
		return nil, err
	}
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(raw), cdx.BOMFileFormatXML).Decode(&bom); err != nil {
		return nil, err
	}
	return fromBOM(&bom, version)
}

// checkXML walks a document to its end, and refuses what could be read in two ways.
func checkXML(raw []byte) (version string, err error) {
	d := xml.NewDecoder(bytes.NewReader(raw))
	var open []map[string]int
	var space string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.StartElement:
			line, _ := d.InputPos()
			switch {
			case len(open) == 0 && space != "":
				return "", fmt.Errorf("line %d: a second root element", line)
			case len(open) == 0:
				space = t.Name.Space
				found := false
				if version, found = strings.CutPrefix(space, namespace); !found || t.Name.Local != "bom" {
					return "", fmt.Errorf("the root element %.40q in namespace %.80q is not that of CycloneDX", t.Name.Local, space)
				}
			case t.Name.Space != space && slices.Contains(once, t.Name.Local):
				return "", fmt.Errorf("line %d: %s is of another namespace", line, t.Name.Local)
			default:
				parent := open[len(open)-1]
				if parent[t.Name.Local]++; parent[t.Name.Local] > 1 && slices.Contains(once, t.Name.Local) {
					return "", fmt.Errorf("line %d: %s stands twice", line, t.Name.Local)
				}
			}
			if len(open) >= MaxDepth {
				return "", fmt.Errorf("line %d: nested deeper than %d: %w", line, MaxDepth, ErrTooLarge)
			}
			open = append(open, map[string]int{})
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) == 0 && len(bytes.TrimSpace(t)) > 0 {
				return "", errors.New("text outside the root element")
			}
		}
	}
	if space == "" {
		return "", errors.New("no root element")
	}
	return version, nil
}
