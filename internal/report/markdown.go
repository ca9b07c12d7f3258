package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// Markdown writes a record for a comment on a pull request (GitHub flavoured
// Markdown, which GitLab and Gitea read too): the verdict and what stands against it
// in the open, the controls folded away.
func Markdown(w io.Writer, r gatekeep.Record, o Options) error {
	m := &comment{limit: limitOf(o)}
	v := view.Of(r)
	verdict, s := view.Verdict(r)
	m.put("## %s gatekeep: %s\n\n", s.Symbol(), escape(verdict))
	m.head(r)
	m.items("What stands against it", v.ByStanding(view.Against))
	m.items("What could not be judged", v.ByStanding(view.Unknown))
	m.items("Warnings", v.Warnings())
	var lines []string
	for _, it := range v.ByStanding(view.Excused) {
		lines = append(lines, excusedLine(it))
	}
	m.list("Excused", lines)
	m.list("Notes", v.Notes)
	m.list("Duties that it leaves", duties(r))
	lines = nil
	for _, rejected := range v.Rejected {
		lines = append(lines, view.Joined(": ", view.Clean(string(rejected.Reason)), rejectedLine(rejected)))
	}
	m.list("Evidence that was not believed", lines)
	m.list("Sources that could not be looked at", failures(v.Failed))
	m.cut(maxFindings)
	findings := m.out.Len()
	m.controls(v.Regimes)
	if m.out.Len() > maxComment {
		kept := m.out.String()[:findings]
		m.out.Reset()
		m.put("%s_The controls are too many for a comment: see the json report._\n\n", kept)
	}
	if o.EvidencePath != "" {
		m.put("Evidence: %s\n\n", code(o.EvidencePath))
	}
	if o.VerifyCommand != "" {
		m.put("Verify: %s\n\n", code(o.VerifyCommand))
	}
	m.put("<sub>Evidence for the controls above; not a statement of compliance.</sub>\n")
	if _, err := io.WriteString(w, m.out.String()); err != nil {
		return fmt.Errorf("writing markdown report: %w", err)
	}
	return nil
}

type comment struct {
	out   strings.Builder
	limit int
}

func (m *comment) put(format string, args ...any) { fmt.Fprintf(&m.out, format, args...) }

func (m *comment) head(r gatekeep.Record) {
	m.put("| | |\n|---|---|\n")
	for _, row := range [][2]string{
		{"Subject", code(r.Case.Subject.Name)},
		{"Digest", code(r.Case.Subject.Digest)},
		{"Action", escape(view.Joined(" ", view.Clean(r.Case.Request.Action), "of", view.Clean(r.Case.Request.Service), "to", view.Clean(r.Case.Request.Environment)))},
		{"When", r.DecidedAt.UTC().Format(time.RFC3339)},
		{"Policy", escape(fmt.Sprintf("%s revision %d, ", view.Clean(r.Case.Policy.Name), r.Case.Policy.Revision)) + code(view.Short(r.Case.Policy.Digest)) + escape(", "+trustOf(r.Case.Policy))},
		{"Decision", code(r.ID)},
		{"Binding", code(r.Facts.Binding)},
	} {
		if row[1] != "" {
			m.put("| %s | %s |\n", row[0], row[1])
		}
	}
	m.put("\n")
}

func (m *comment) items(title string, items []view.Item) {
	if len(items) == 0 {
		return
	}
	m.put("### %s (%d)\n\n", title, len(items))
	for i, it := range items {
		if i == m.limit {
			m.put("- … and %d more: see the json report\n", len(items)-m.limit)
			break
		}
		message := it.Message
		if it.Standing == view.Warning {
			message = it.Text()
		}
		m.put("- %s **%s** %s\n", it.Standing.Symbol(), escape(it.Rule), escape(message))
		for _, row := range [][2]string{{"at ", code(it.At)}, {"for ", escape(strings.Join(it.Controls, ", "))}, {"fix: ", escape(it.Remedy)}} {
			if row[1] != "" {
				m.put("  - %s%s\n", row[0], row[1])
			}
		}
	}
	m.put("\n")
}

func (m *comment) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	m.put("### %s (%d)\n\n", title, len(lines))
	for i, line := range lines {
		if i == m.limit {
			m.put("- … and %d more: see the json report\n", len(lines)-m.limit)
			break
		}
		m.put("- %s\n", escape(line))
	}
	m.put("\n")
}

// Bounds in bytes. GitHub refuses a comment of more than 65,536 characters, and a
// report that was refused is silence.
const (
	maxFindings = 40_000
	maxComment  = 60_000
)

// cut ends what was written at the last whole line within n bytes. A line is whole
// by itself: no markup goes on in the next.
func (m *comment) cut(n int) {
	if m.out.Len() <= n {
		return
	}
	kept := m.out.String()[:n]
	kept = kept[:strings.LastIndexByte(kept, '\n')+1]
	m.out.Reset()
	m.put("%s\n_The rest is too long for a comment: see the json report._\n\n", kept)
}

// controls is a folded table of all controls.
func (m *comment) controls(regimes []view.Regime) {
	m.put("<details><summary>Controls</summary>\n\n| | Control | Outcome | Rules |\n|---|---|---|---|\n")
	for _, regime := range regimes {
		if len(regime.Controls) == 0 {
			m.put("| %s | %s | %s | |\n", view.Unknown.Symbol(), escape(view.Joined(": ", regime.ID, regime.Title)), "no rule gave a result")
		}
		for _, control := range regime.Controls {
			var rules []string
			for _, result := range control.Results {
				if result.Rule != "" {
					rules = append(rules, escape(view.Clean(result.Rule))+": "+view.StandingOf(result).String())
				}
			}
			m.put("| %s | %s | %s | %s |\n", control.Standing.Symbol(), escape(view.Joined(" ", regime.ID, control.ID, control.Title)), control.Standing, strings.Join(rules, "<br>"))
		}
	}
	m.put("\n</details>\n\n")
}

// escape makes text inert in Markdown: punctuation that could be markup becomes a
// character reference. References are no help against what a host links after
// rendering (people, issues, addresses), so an empty comment breaks those up.
func escape(s string) string {
	var out strings.Builder
	runes := []rune(view.Stripped(s))
	for i, r := range runes {
		switch {
		case r == '@' || r == '#':
			fmt.Fprintf(&out, "&#%d;<!-- -->", r)
		case r == ':' && i+1 < len(runes) && runes[i+1] == '/':
			out.WriteString("&#58;<!-- -->")
		case (r == 'w' || r == 'W') && i+1 < len(runes) && (runes[i+1] == 'w' || runes[i+1] == 'W'):
			out.WriteString(string(r) + "<!-- -->")
		case strings.ContainsRune("\\`*_[]<>|~&$", r), i == 0 && strings.ContainsRune("-+=", r):
			fmt.Fprintf(&out, "&#%d;", r)
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}

// code is text in a code span, inert but for its end. Backticks and pipes, which end
// a span or a cell of a table, have no escape in one; so text that has them is
// escaped text instead.
func code(s string) string {
	s = view.Clean(s)
	switch {
	case s == "":
		return ""
	case strings.ContainsAny(s, "`|\\"):
		return escape(s)
	}
	return "`" + s + "`"
}
