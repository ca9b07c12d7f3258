// Package conform tells whether a document keeps the published schema of its format.
// That is another question than whether it can be read: much of what real tools write
// is readable and breaks its schema. A decoder answers the first, this package the
// second, and neither asks the other.
package conform

import (
	"embed"
	"errors"
	"fmt"
	"sync"

	"github.com/gatekeep-dev/gatekeep/internal/attest/conform/xsd"
)

// Bounds of one check.
const (
	// MaxBytes is more than twice the largest document met: 23 MB of CSAF for one CVE.
	MaxBytes = 64 << 20
	// MaxDepth is as deep as SBOMs are read.
	MaxDepth = 128
	// MaxViolations is as many as anybody reads.
	MaxViolations = 20
	// maxWhat keeps quoted values from filling reports; in bytes.
	maxWhat = 240
)

// ErrUnknownFormat is wrapped by errors about formats and versions without a schema.
var ErrUnknownFormat = errors.New("no schema for this format and version")

// ErrTooMuchWork is wrapped by errors about documents built to keep a validator busy.
var ErrTooMuchWork = errors.New("the document takes too many steps")

// Violation is one breach of a schema. At is a JSON pointer ("/components/0/type"), or
// for XML a path of elements ("/bom/components/component[2]"). What is for people.
type Violation struct{ At, What string }

// Result is what a schema says of a document. Schema is the identifier that the schema
// gives itself. Violations are at most MaxViolations, in a fixed order.
type Result struct {
	Schema     string
	Violations []Violation
}

// OK tells whether the document conforms. The zero Result does not: no schema judged.
func (r Result) OK() bool { return r.Schema != "" && len(r.Violations) == 0 }

//go:embed schemas/*.json schemas/*.xsd
var schemas embed.FS

// Format is one version of a format with the schema that judges it.
type Format struct{ Name, Version, Schema string }

// schema is a row of the table of formats.
type schema struct {
	Format
	file   string
	ignore string // a member that the schema is wrong about, as JSON pointer
}

// Formats lists what can be checked, by name and version.
func Formats() []Format {
	var all []Format
	for _, s := range table {
		all = append(all, s.Format)
	}
	return all
}

// Known tells whether there is a schema for a format and version.
func Known(format, version string) bool {
	_, ok := find(format, version)
	return ok
}

func find(format, version string) (schema, bool) {
	for _, s := range table {
		if s.Name == format && s.Version == version {
			return s, true
		}
	}
	return schema{}, false
}

// Checker keeps the schemas that it has compiled. The zero value is ready for use, by
// several at once; they wait for each other.
type Checker struct {
	mu   sync.Mutex
	json map[string]*jsonSchema // by file
	xml  map[string]*xsd.Schema
}

// Check judges one document with a fresh Checker. Who has many keeps a Checker.
func Check(format, version string, data []byte) (Result, error) {
	return new(Checker).Check(format, version, data)
}

// Check judges a document against the schema of a version of a format, whatever
// version the document states: most schemas look at that themselves. An error means
// that nothing can be said: no such schema, or no document within bounds that has one
// reading only (package strictjson).
func (c *Checker) Check(format, version string, data []byte) (Result, error) {
	s, ok := find(format, version)
	if !ok {
		return Result{}, fmt.Errorf("checking %s %s: %w", format, version, ErrUnknownFormat)
	}
	if len(data) > MaxBytes {
		return Result{}, fmt.Errorf("checking %s %s: %d bytes, limit %d", format, version, len(data), MaxBytes)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var violations []Violation
	var err error
	if s.isXML() {
		violations, err = c.checkXML(s, data)
	} else {
		violations, err = c.checkJSON(s, data)
	}
	if err != nil {
		return Result{}, fmt.Errorf("checking %s %s: %w", format, version, err)
	}
	return Result{s.Schema, violations}, nil
}

// short cuts a message between characters.
func short(text string) string {
	if len(text) <= maxWhat {
		return text
	}
	cut := maxWhat
	for cut > 0 && text[cut]&0xC0 == 0x80 {
		cut--
	}
	return text[:cut] + "..."
}
