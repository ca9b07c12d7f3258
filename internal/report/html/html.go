// Package html writes a record as one page for people: static, self-contained, made
// to be read on a screen and on paper by somebody who has never seen the gate.
package html

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// maxRows bounds one table. A page of many thousand rows is read by nobody, and no
// printer gets to its end; the record has them all.
const maxRows = 1000

//go:embed page.tmpl
var source string

//go:embed style.css
var style string

var layout = template.Must(template.New("page").Parse(source))

// page is all that the template shows. Text in it is clean already, and is escaped
// by the template.
type page struct {
	Style    template.CSS // this package's own
	Title    string
	Standing string // class of the verdict
	Symbol   string
	Word     string
	Meaning  []string
	Alarm    string // where the record contradicts itself
	Sections []section
}

// section is a part of the page with its own heading.
type section struct {
	ID       string
	Title    string
	Text     []string
	Tables   []table
	Commands []command
}

// command is something to type, and why.
type command struct {
	Why   string
	Lines []string
}

// table has a heading for each column. The first cell of a row is its heading.
type table struct {
	Title   string // where a section has several
	Text    []string
	Caption string
	Class   string
	Heads   []string
	Rows    [][]cell
	More    int // rows that were left out
}

// Short tells a table that is better not parted by the end of a page.
func (t table) Short() bool { return len(t.Rows) <= 5 }

// cell is a list of short texts, each in a line of its own.
type cell []text

// text is one of them.
type text struct {
	Words string
	Class string // "code", "note", or a standing
	Mark  string // symbol before the words
}

// Write writes one record as a page of HTML. It is a function of the record alone.
// Errors are those of the writer.
func Write(w io.Writer, r gatekeep.Record) error {
	if err := layout.Execute(w, pageOf(r)); err != nil {
		return fmt.Errorf("writing html report: %w", err)
	}
	return nil
}

func pageOf(r gatekeep.Record) page {
	v := view.Of(r)
	_, standing := view.Verdict(r)
	p := page{
		Style: template.CSS(style), Title: "Deployment decision " + clean(r.ID),
		Standing: classes[standing], Symbol: standing.Symbol(), Word: wordOf(r), Meaning: meaningOf(r, v),
	}
	if r.Decision.Outcome.Opens() && len(v.ByStanding(view.Against))+len(v.ByStanding(view.Unknown)) > 0 {
		p.Alarm = "This record contradicts itself: it says that the gate is open, and holds results that keep it shut. Do not rely on it before it was verified and replayed."
	}
	for _, s := range []section{
		glance(r), subject(r), reasonsFor(v), approvals(r), controls(v), exceptions(r, v), notes(v),
		accepted(r), rejected(v), sources(r), sboms(r), policy(r), verify(r), reading(),
	} {
		if len(s.Text)+len(s.Tables)+len(s.Commands) > 0 {
			p.Sections = append(p.Sections, s)
		}
	}
	return p
}

// classes are the names of standings in the style sheet.
var classes = [...]string{"against", "unknown", "warning", "excused", "pass", "none"}

// wordOf is the verdict in one or two words.
func wordOf(r gatekeep.Record) string {
	switch {
	case r.Decision.Outcome.Opens():
		return "OPEN"
	case r.Decision.Outcome == gatekeep.Fail:
		return "SHUT"
	}
	return "SHUT: could not judge"
}

// meaningOf says what the verdict means, and what the mode made of it.
func meaningOf(r gatekeep.Record, v view.View) []string {
	var out []string
	switch {
	case r.Decision.Outcome.Opens():
		out = append(out, "The gate is open: no rule that can shut it stands against this request.")
		if n := len(v.ByStanding(view.Excused)); n > 0 {
			out = append(out, count(n, "finding was excused, by what is named with it.", "findings were excused, each by what is named with it."))
		}
	case r.Decision.Outcome == gatekeep.Fail:
		out = append(out, "The gate is shut: "+count(len(v.ByStanding(view.Against)), "finding stands against this request.", "findings stand against this request.")+
			" What stands against it, and what to do, is said below.")
	default:
		out = append(out, "The gate is shut, because something that it needs could not be seen or judged. This does not say that anything is wrong; it says that nobody could tell. What is missing is said below.")
	}
	if n := len(v.ByStanding(view.Unknown)); n > 0 && r.Decision.Outcome == gatekeep.Fail {
		out = append(out, "Besides, "+count(n, "thing could not be judged.", "things could not be judged."))
	}
	switch r.Mode {
	case gatekeep.Enforce:
		out = append(out, "Mode enforce: the outcome is binding. A shut gate stops the deployment.")
	case gatekeep.Warn:
		out = append(out, "Mode warn: the outcome was reported, and nothing was stopped by it. The deployment could go on whatever the gate said.")
	case gatekeep.Observe:
		out = append(out, "Mode observe: the outcome was recorded, and nothing was stopped by it. The deployment could go on whatever the gate said.")
	default:
		out = append(out, fmt.Sprintf("Mode %q is not known: it cannot be said what was done with the outcome.", clean(string(r.Mode))))
	}
	return out
}

// count puts a number before the singular or the plural.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
