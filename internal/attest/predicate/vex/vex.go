// Package vex reads what vulnerabilities mean for products, in the formats in which
// vendors say so: OpenVEX 0.0.1 and 0.2.0, CSAF 2.0, and CycloneDX 1.4 to 1.7 in JSON
// and XML.
//
// All of them come out as the same statements. A statement keeps how the document
// names its products; which components those are is for package vers and the rules to
// say. What a document leaves open never speaks for it: a statement that cannot be
// taken at its word says why in Void, and then lifts nothing.
package vex

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// ErrTooLarge marks a document that is over a bound.
var ErrTooLarge = jsonscan.ErrLimit

// Bounds of a document.
const (
	// MaxBytes holds the largest advisory seen, 23 MB of CSAF for one CVE.
	MaxBytes = 64 << 20
	// MaxDepth leaves branches and components 55 levels; real documents have 10.
	MaxDepth = 128
	// maxStatements is twice that of the largest feeds of distributions.
	maxStatements = 100_000
	maxAliases    = 100 // of one vulnerability; five have been seen
	// maxProducts bounds the products of all statements, each counted where it stands:
	// 700,000 have been seen in a document of 23 MB.
	maxProducts = 5_000_000
)

// Formats of a document.
const (
	OpenVEX   = "openvex"
	CSAF      = "csaf"
	CycloneDX = "cyclonedx"
)

// Statuses of a statement, in the words of OpenVEX.
const (
	NotAffected        = "not_affected"
	Affected           = "affected"
	Fixed              = "fixed"
	UnderInvestigation = "under_investigation"
)

// Document is what is kept of a VEX document.
type Document struct {
	Format    string // OpenVEX, CSAF or CycloneDX
	Version   string // of the format: "0.2.0", "2.0", "1.5"
	ID        string
	Author    string // as the document names it; who signed it decides, not this
	Timestamp string // when it was issued, RFC 3339; empty where it does not tell
	// Statements has them in the order of the document. There is at least one.
	Statements []Statement
	// Violations are rules of the format that the document breaks, and on which no
	// statement rests: "mandatory test 6.1.16 fails at ...".
	Violations []string
}

// Statement says what one vulnerability means for products.
type Statement struct {
	Names         []string // of the vulnerability: its id and aliases, sorted, each once
	Status        string   // NotAffected, Affected, Fixed or UnderInvestigation
	Justification string   // in the words of OpenVEX; empty where there is none
	Timestamp     string   // RFC 3339; empty where neither statement nor document tells
	Products      []Product
}

// Product is one thing that a statement is about.
type Product struct {
	Name string // as the document names it
	// PURLs are canonical, with qualifiers and subpath, as package sbom writes them.
	PURLs []string
	// Digests are those that name the product itself: "sha256:...".
	Digests []string
	// Range is the versions that are meant, a vers URI or a text of no known form; its
	// PURLs then have no version. Empty where a purl names the version, or all are meant.
	Range string
	// Within are digests of the thing that this is a part of. The statement is about
	// nothing else. Empty where it is not confined, or the thing has no digest.
	Within []string
	// Void says why the statement cannot be taken at its word for this product.
	Void string
}

// readers are the formats, with what tells them apart.
var readers = []struct {
	format string
	field  string // at the top level
	read   func(raw []byte) (*Document, error)
}{
	{OpenVEX, "@context", readOpenVEX},
	{CSAF, "document", readCSAF},
	{CycloneDX, "bomFormat", readCycloneDX},
}

// Read reads a document of any of the formats: JSON that strictjson.Check has passed,
// XML, or a JSON string that holds either, as attestations carry what is not a JSON
// object. A document without statements is an error. Errors name the place, and wrap
// ErrTooLarge where a bound is exceeded.
func Read(raw []byte) (*Document, error) {
	if len(raw) > MaxBytes {
		return nil, fmt.Errorf("reading VEX: %d bytes, limit %d: %w", len(raw), MaxBytes, ErrTooLarge)
	}
	raw, err := unwrap(raw)
	if err != nil {
		return nil, fmt.Errorf("reading VEX: %w", err)
	}
	doc, err := read(raw)
	if err != nil {
		return nil, fmt.Errorf("reading VEX: %w", err)
	}
	if len(doc.Statements) == 0 {
		return nil, errors.New("reading VEX: no statements")
	}
	if n := len(doc.Statements); n > maxStatements {
		return nil, fmt.Errorf("reading VEX: %d statements, limit %d: %w", n, maxStatements, ErrTooLarge)
	}
	products := 0
	for i := range doc.Statements {
		if err := doc.Statements[i].check(); err != nil {
			return nil, fmt.Errorf("reading VEX: statement %d: %w", i, err)
		}
		products += len(doc.Statements[i].Products)
	}
	if products > maxProducts {
		return nil, fmt.Errorf("reading VEX: %d products, limit %d: %w", products, maxProducts, ErrTooLarge)
	}
	return doc, nil
}

// unwrap takes a document out of the JSON string that holds it. The check of the
// envelope has not seen what is in the string.
func unwrap(raw []byte) ([]byte, error) {
	if len(raw) == 0 || raw[0] != '"' {
		return raw, nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, err
	}
	if isXML([]byte(text)) {
		return []byte(text), nil
	}
	if err := strictjson.Check([]byte(text), strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth}); err != nil {
		return nil, fmt.Errorf("the text that holds the document: %w", err)
	}
	return []byte(text), nil
}

func isXML(raw []byte) bool {
	return strings.HasPrefix(strings.TrimLeft(string(raw[:min(len(raw), 256)]), " \t\r\n\ufeff"), "<")
}

// read tells the format and reads it.
func read(raw []byte) (*Document, error) {
	if isXML(raw) {
		return readCycloneDXML(raw)
	}
	if err := jsonscan.RefuseFolded(raw, MaxDepth); err != nil {
		return nil, err
	}
	var found []int
	s := jsonscan.New(raw, MaxDepth)
	s.Object()
	for key, ok := s.Field(); ok; key, ok = s.Field() {
		for i, r := range readers {
			if string(key) == r.field {
				found = append(found, i)
			}
		}
		s.Skip()
	}
	s.End()
	if err := s.Err(); err != nil {
		return nil, err
	}
	switch len(found) {
	case 0:
		return nil, errors.New(`neither OpenVEX ("@context"), CSAF ("document") nor CycloneDX ("bomFormat")`)
	case 1:
		return readers[found[0]].read(raw)
	}
	return nil, fmt.Errorf("it could be %s and %s", readers[found[0]].format, readers[found[1]].format)
}

// check holds what every format promises of a statement.
func (s *Statement) check() error {
	slices.Sort(s.Names)
	s.Names = slices.DeleteFunc(slices.Compact(s.Names), func(name string) bool { return name == "" })
	switch {
	case len(s.Names) == 0:
		return errors.New("the vulnerability has no name")
	case len(s.Names) > maxAliases+1:
		return fmt.Errorf("more than %d aliases: %w", maxAliases, ErrTooLarge)
	case !slices.Contains([]string{NotAffected, Affected, Fixed, UnderInvestigation}, s.Status):
		return fmt.Errorf("unknown status %.40q", s.Status)
	}
	return nil
}

// lifts tells whether a status may lift a finding.
func lifts(status string) bool { return status == NotAffected || status == Fixed }
