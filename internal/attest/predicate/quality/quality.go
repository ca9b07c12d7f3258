// Package quality reads what tools that measure a build write as XML: JUnit test
// reports and Cobertura coverage.
//
// Neither format has a standard. JUnit is read as Ant, Surefire, pytest and their kin
// write it: test cases anywhere within suites anywhere within the root, each with at
// most a verdict of its own; the totals that a suite states are not believed.
package quality

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"

	"golang.org/x/net/html/charset"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
)

// ErrTooLarge marks a document that is over a bound.
var ErrTooLarge = jsonscan.ErrLimit

// Bounds of one document.
const (
	// MaxBytes holds the longest report seen, 20 MB with the output of its tests.
	MaxBytes = 64 << 20
	// MaxTests is ten times the largest suite seen.
	MaxTests = 500_000
	maxDepth = 64 // suites in suites; 4 have been seen
)

// Tests is what a JUnit report says. A test counts once: as what its first verdict
// says, or as passed.
type Tests struct {
	Total, Failures, Errors, Skipped int
	Failed                           []string // names of tests with a failure or an error, in order
	Passed                           []string
	SkippedNames                     []string
}

var version11 = regexp.MustCompile(`^\s*<\?xml version\s*=\s*["'](1\.1)["']`)

// document walks an XML document. Every element is handed to open with the names of
// those around it, the root first, and its end to closed.
func document(data []byte, open func(path []string, e xml.StartElement) error, closed func(path []string)) error {
	if len(data) > MaxBytes {
		return fmt.Errorf("%d bytes, limit %d: %w", len(data), MaxBytes, ErrTooLarge)
	}
	// Java tools write XML 1.1, which allows more control characters and names; what is
	// read here is the same in both, and Go's decoder takes 1.0 only.
	if m := version11.FindSubmatchIndex(data); m != nil {
		data = slices.Concat(data[:m[2]], []byte("1.0"), data[m[3]:])
	}
	d := xml.NewDecoder(bytes.NewReader(data))
	d.CharsetReader = charset.NewReaderLabel
	var path []string
	seen := false
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			if !seen {
				return errors.New("the document has no element")
			}
			return nil
		}
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.Directive:
			// Reports have no document type; with one come entities and files of others.
			if bytes.HasPrefix(token, []byte("DOCTYPE")) {
				return errors.New("it has a document type declaration, which is not read")
			}
		case xml.StartElement:
			if len(path) == 0 && seen {
				return errors.New("it has a second root element")
			}
			if path = append(path, token.Name.Local); len(path) > maxDepth {
				return fmt.Errorf("elements nested deeper than %d: %w", maxDepth, ErrTooLarge)
			}
			seen = true
			if err := open(path, token); err != nil {
				return err
			}
		case xml.EndElement:
			closed(path)
			path = path[:len(path)-1]
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// JUnit reads a JUnit report.
func JUnit(data []byte) (*Tests, error) {
	var t Tests
	var name, verdict string // of the test that is open
	err := document(data, func(path []string, e xml.StartElement) error {
		if len(path) == 1 && path[0] != "testsuites" && path[0] != "testsuite" {
			return fmt.Errorf("the root element is %.40q, neither testsuites nor testsuite", path[0])
		}
		switch e.Name.Local {
		case "testcase":
			if slices.Contains(path[:len(path)-1], "testcase") {
				return errors.New("a test case stands within another")
			}
			if t.Total++; t.Total > MaxTests {
				return fmt.Errorf("more than %d tests: %w", MaxTests, ErrTooLarge)
			}
			name, verdict = attribute(e, "name"), ""
			if class := attribute(e, "classname"); class != "" {
				name = class + "." + name
			}
		case "failure", "error", "skipped":
			if len(path) > 1 && path[len(path)-2] == "testcase" && worse(e.Name.Local, verdict) {
				verdict = e.Name.Local
			}
		}
		return nil
	}, func(path []string) {
		if path[len(path)-1] == "testcase" {
			t.count(name, verdict)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("reading JUnit report: %w", err)
	}
	return &t, nil
}

// worse tells whether a verdict says more than the one before it: a test that was
// skipped and failed has failed.
func worse(verdict, than string) bool {
	order := []string{"", "skipped", "error", "failure"}
	return slices.Index(order, verdict) > slices.Index(order, than)
}

func (t *Tests) count(name, verdict string) {
	switch verdict {
	case "failure":
		t.Failures++
		t.Failed = append(t.Failed, name)
	case "error":
		t.Errors++
		t.Failed = append(t.Failed, name)
	case "skipped":
		t.Skipped++
		t.SkippedNames = append(t.SkippedNames, name)
	default:
		t.Passed = append(t.Passed, name)
	}
}

// Coverage is what a Cobertura report says: rates from 0 to 1.
type Coverage struct {
	LineRate   float64
	BranchRate float64
	Lines      int // that can be covered, as far as the report counts them
	Covered    int
}

// Cobertura reads a Cobertura coverage report.
func Cobertura(data []byte) (*Coverage, error) {
	c := Coverage{}
	err := document(data, func(path []string, e xml.StartElement) error {
		if len(path) > 1 {
			return nil
		}
		if path[0] != "coverage" {
			return fmt.Errorf("the root element is %.40q, not coverage", path[0])
		}
		var err error
		if c.LineRate, err = rate(e, "line-rate"); err != nil {
			return err
		}
		if c.BranchRate, err = rate(e, "branch-rate"); err != nil {
			return err
		}
		c.Lines, c.Covered = number(e, "lines-valid"), number(e, "lines-covered")
		return nil
	}, func([]string) {})
	if err != nil {
		return nil, fmt.Errorf("reading Cobertura report: %w", err)
	}
	return &c, nil
}

func rate(e xml.StartElement, name string) (float64, error) {
	text := attribute(e, name)
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || !(value >= 0 && value <= 1) {
		return 0, fmt.Errorf("%s is %.40q, not a number from 0 to 1", name, text)
	}
	return value, nil
}

// number is a count that a report may leave out.
func number(e xml.StartElement, name string) int {
	n, err := strconv.Atoi(attribute(e, name))
	if err != nil || n < 0 {
		return 0
	}
	return n
}
