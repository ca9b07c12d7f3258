// Package report shows a record. Every format is a function of the record and of
// nothing else, so none can say more than another, and none decides anything.
//
// Three rules hold in every format. What could not be judged never looks clean: it
// is an error, not a pass and not an absence. A mode softens the exit code and not
// the report. Text that came from outside is data: it cannot move the cursor,
// close a tag, start a link or call for a person.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/report/html"
	"github.com/gatekeep-dev/gatekeep/internal/report/oscal"
)

// Options are about the place where a report is read. Their zero value is a plain
// terminal of 80 columns.
type Options struct {
	Colour        bool   // text may hold ANSI colours
	Width         int    // columns of text; 0 means 80, and less than 20 counts as 20
	Limit         int    // entries shown of one list in text and markdown; 0 means 10
	EvidencePath  string // where the evidence was sealed; "" where it was not
	VerifyCommand string // how to check the evidence; shown as it is, on one line
}

// Format writes one record. Errors are those of the writer; svr and oscal also refuse
// records of which their standard cannot speak, and then write nothing.
type Format func(io.Writer, gatekeep.Record, Options) error

// Formats are all of them, by the name that a user gives.
var Formats = map[string]Format{
	"text":     Text,
	"json":     JSON,
	"sarif":    SARIF,
	"junit":    JUnit,
	"markdown": Markdown,
	"csv":      CSV,
	"svr":      SVR,
	"html":     func(w io.Writer, r gatekeep.Record, _ Options) error { return html.Write(w, r) },
	"oscal":    func(w io.Writer, r gatekeep.Record, _ Options) error { return oscal.Write(w, r) },
}

// Names are the names of the formats, sorted.
func Names() []string { return slices.Sorted(maps.Keys(Formats)) }

// JSON writes the record itself, indented. The lengths of its lists are not cut.
func JSON(w io.Writer, r gatekeep.Record, _ Options) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(r); err != nil {
		return fmt.Errorf("writing json report: %w", err)
	}
	return nil
}
