package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
)

// Markdown writes a record for a comment on a pull request (GitHub flavoured
// Markdown, which GitLab and Gitea read too): the verdict and what stands against it
// in the open, the controls folded away.
func Markdown(w io.Writer, r gatekeep.Record, o Options) error {
	m := &comment{limit: limitOf(o)}
	v := viewOf(r)
	verdict, s := verdictOf(r)
	m.put("## %s gatekeep: %s\n\n", symbols[s], escape(verdict))
	m.head(r)
	m.items("What stands against it", v.of(against))
	m.items("What could not be judged", v.of(unknown))
	m.items("Warnings", v.warnings())
	var lines []string
	for _, it := range v.of(excused) {
		lines = append(lines, excusedLine(it))
	}
	m.list("Excused", lines)
	m.list("Notes", v.notes)
	m.list("Duties that it leaves", duties(r))
	lines = nil
	for _, rejected := range v.rejected {
		lines = append(lines, joined(": ", clean(string(rejected.Reason)), rejectedLine(rejected)))
	}
	m.list("Evidence that was not believed", lines)
	m.list("Sources that could not be looked at", failures(v.failed))
	m.cut(maxFindings)
	findings := m.out.Len()
	m.controls(v.regimes)
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
		{"Action", escape(joined(" ", clean(r.Case.Request.Action), "of", clean(r.Case.Request.Service), "to", clean(r.Case.Request.Environment)))},
		{"When", r.DecidedAt.UTC().Format(time.RFC3339)},
		{"Policy", escape(fmt.Sprintf("%s revision %d, ", clean(r.Case.Policy.Name), r.Case.Policy.Revision)) + code(short(r.Case.Policy.Digest)) + escape(", "+trustOf(r.Case.Policy))},
		{"Decision", code(r.ID)},
		{"Binding", code(r.Facts.Binding)},
	} {
		if row[1] != "" {
			m.put("| %s | %s |\n", row[0], row[1])
		}
	}
	m.put("\n")
}

func (m *comment) items(title string, items []item) {
	if len(items) == 0 {
		return
	}
	m.put("### %s (%d)\n\n", title, len(items))
	for i, it := range items {
		if i == m.limit {
			m.put("- … and %d more: see the json report\n", len(items)-m.limit)
			break
		}
		message := it.message
		if it.standing == warning {
			message = it.unseenMessage()
		}
		m.put("- %s **%s** %s\n", symbols[it.standing], escape(it.rule), escape(message))
		for _, row := range [][2]string{{"at ", code(it.at)}, {"for ", escape(strings.Join(it.controls, ", "))}, {"fix: ", escape(it.remedy)}} {
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
func (m *comment) controls(regimes []regimeView) {
	m.put("<details><summary>Controls</summary>\n\n| | Control | Outcome | Rules |\n|---|---|---|---|\n")
	for _, regime := range regimes {
		if len(regime.controls) == 0 {
			m.put("| %s | %s | %s | |\n", symbols[unknown], escape(joined(": ", regime.id, regime.title)), "no rule gave a result")
		}
		for _, control := range regime.controls {
			var rules []string
			for _, result := range control.results {
				if result.Rule != "" {
					rules = append(rules, escape(clean(result.Rule))+": "+standingOf(result).String())
				}
			}
			m.put("| %s | %s | %s | %s |\n", symbols[control.standing], escape(joined(" ", regime.id, control.id, control.title)), control.standing, strings.Join(rules, "<br>"))
		}
	}
	m.put("\n</details>\n\n")
}

// escape makes text inert in Markdown: punctuation that could be markup becomes a
// character reference. References are no help against what a host links after
// rendering (people, issues, addresses), so an empty comment breaks those up.
func escape(s string) string {
	var out strings.Builder
	runes := []rune(stripped(s))
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
	s = clean(s)
	switch {
	case s == "":
		return ""
	case strings.ContainsAny(s, "`|\\"):
		return escape(s)
	}
	return "`" + s + "`"
}
