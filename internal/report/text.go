package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

const (
	defaultWidth = 80
	minWidth     = 20
	defaultLimit = 10
)

// Text writes a record for a terminal: the verdict, what it is about, the controls,
// then what stands against it and how to put that right.
func Text(w io.Writer, r gatekeep.Record, o Options) error {
	p := &page{width: o.Width, colour: o.Colour}
	if p.width == 0 {
		p.width = defaultWidth
	}
	p.width = max(p.width, minWidth)
	limit := limitOf(o)
	v := view.Of(r)
	verdict, s := view.Verdict(r)
	p.line("", s, verdict)
	p.head(r)
	for _, regime := range v.Regimes {
		p.regime(regime, limit)
	}
	p.items("What stands against it", v.ByStanding(view.Against), limit)
	p.items("What could not be judged", v.ByStanding(view.Unknown), limit)
	p.items("Warnings", v.Warnings(), limit)
	p.excused(v.ByStanding(view.Excused), limit)
	p.list("Notes", v.Notes, limit)
	p.list("Duties that it leaves", duties(r), limit)
	p.rejected(v.Rejected, limit)
	p.list("Sources that could not be looked at", failures(v.Failed), limit)
	p.end(o)
	if _, err := io.WriteString(w, p.out.String()); err != nil {
		return fmt.Errorf("writing text report: %w", err)
	}
	return nil
}

func limitOf(o Options) int {
	if o.Limit > 0 {
		return o.Limit
	}
	return defaultLimit
}

// page collects lines of at most width columns.
type page struct {
	out    strings.Builder
	width  int
	colour bool
}

// colours are SGR parameters by standing: red, magenta, yellow, cyan, green, grey.
var colours = [...]string{"31", "35", "33", "36", "32", "90"}

// plain is no standing: text in the colour of the terminal.
const plain view.Standing = -1

// line writes text behind a mark, wrapped, with further lines under the text. The
// mark is coloured; where there is none, the text is.
func (p *page) line(mark string, s view.Standing, text string) {
	indent := strings.Repeat(" ", len([]rune(mark)))
	for i, part := range wrap(text, max(p.width-len(indent), 8)) {
		lead := indent
		if i == 0 {
			lead = p.paint(s, mark)
		}
		if mark == "" {
			part = p.paint(s, part)
		}
		p.out.WriteString(strings.TrimRight(lead+part, " ") + "\n")
	}
}

func (p *page) paint(s view.Standing, text string) string {
	if !p.colour || s == plain || text == "" {
		return text
	}
	return "\x1b[" + colours[s] + "m" + text + "\x1b[0m"
}

func (p *page) heading(text string) {
	p.out.WriteString("\n")
	p.line("", plain, text)
}

func (p *page) more(indent string, n int) {
	p.line(indent, plain, fmt.Sprintf("… and %d more (see --format json)", n))
}

// head says what was asked, when, and by which policy.
func (p *page) head(r gatekeep.Record) {
	c := r.Case
	policy := view.Joined(", ", view.Joined(" ", view.Clean(c.Policy.Name), fmt.Sprintf("revision %d", c.Policy.Revision)), view.Short(c.Policy.Digest), trustOf(c.Policy))
	for _, row := range [][2]string{
		{"Subject", view.Joined(" ", view.Clean(c.Subject.Kind), view.Clean(c.Subject.Name))},
		{"Digest", view.Clean(c.Subject.Digest)},
		{"Action", view.Joined(" ", view.Clean(c.Request.Action), "of", view.Clean(c.Request.Service), "to", view.Clean(c.Request.Environment))},
		{"Stage", view.Clean(c.Request.Stage)},
		{"When", r.DecidedAt.UTC().Format(time.RFC3339)},
		{"Policy", policy},
		{"Decision", view.Clean(r.ID)},
		{"Binding", view.Clean(r.Facts.Binding)},
	} {
		if row[1] != "" {
			p.line(fmt.Sprintf("%-9s", row[0]), plain, row[1])
		}
	}
}

// trustOf says how a policy came to be trusted.
func trustOf(ref gatekeep.PolicyRef) string {
	switch {
	case ref.SignatureVerified:
		return view.Joined(" ", "signed by", view.Clean(ref.Signer))
	case ref.Origin == "embedded":
		return "part of the program"
	case ref.UnsignedAllowed:
		return "unsigned, which the caller allowed"
	}
	return "unsigned"
}

// regime shows a control a line. Rules that are content are part of that line;
// others have one of their own.
func (p *page) regime(v view.Regime, limit int) {
	p.heading(view.Joined(": ", v.ID, v.Title))
	if len(v.Controls) == 0 {
		p.line("  ? ", view.Unknown, "no rule of this regime gave a result")
		return
	}
	shown, cut := shorten(v.Controls, limit)
	for _, control := range shown {
		p.line("  "+control.Standing.Symbol()+" ", control.Standing, view.Joined(" ", control.ID, control.Title)+": "+control.Standing.String())
		for _, result := range control.Results {
			if s := view.StandingOf(result); s < view.Pass && len(control.Results) > 1 {
				p.line("      "+s.Symbol()+" ", s, view.Clean(result.Rule)+": "+s.String())
			}
		}
	}
	if cut != "" {
		p.line("    ", plain, cut)
	}
}

// shorten keeps all controls up to the limit; beyond it, the worst. It says of the
// others how many there are of each kind.
func shorten(controls []view.Control, limit int) (shown []view.Control, cut string) {
	if len(controls) <= limit {
		return controls, ""
	}
	all := slices.Clone(controls)
	slices.SortStableFunc(all, func(a, b view.Control) int { return cmp.Compare(a.Standing, b.Standing) })
	counts := map[view.Standing]int{}
	for _, control := range all[limit:] {
		counts[control.Standing]++
	}
	var parts []string
	for s := view.Against; s <= view.NotApplicable; s++ {
		if counts[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	return all[:limit], fmt.Sprintf("… and %d more: %s (see --format json)", len(all)-limit, strings.Join(parts, ", "))
}

// items shows findings in full: what, where, why and what to do.
func (p *page) items(title string, items []view.Item, limit int) {
	if len(items) == 0 {
		return
	}
	p.heading(fmt.Sprintf("%s (%d)", title, len(items)))
	for i, it := range items {
		if i == limit {
			p.more("  ", len(items)-limit)
			return
		}
		message := it.Message
		if it.Standing == view.Warning {
			message = it.Text()
		}
		p.line("  "+it.Standing.Symbol()+" ", it.Standing, view.Joined(": ", it.Rule, message))
		for _, row := range [][2]string{{"at  ", it.At}, {"for ", strings.Join(it.Controls, ", ")}, {"fix ", it.Remedy}} {
			if row[1] != "" {
				p.line("    "+row[0], plain, row[1])
			}
		}
	}
}

func (p *page) excused(items []view.Item, limit int) {
	var lines []string
	for _, it := range items {
		lines = append(lines, excusedLine(it))
	}
	p.list("Excused", lines, limit)
}

// excusedLine is a finding with the waiver or grant that excuses it.
func excusedLine(it view.Item) string {
	by := "by what is not said"
	if it.Excuse != "" {
		by = "by " + it.Excuse
	}
	at := ""
	if it.At != "" {
		at = "at " + it.At
	}
	return view.Joined(": ", it.Rule, view.Joined(", ", it.Message, at, by))
}

func (p *page) list(title string, lines []string, limit int) {
	if len(lines) == 0 {
		return
	}
	p.heading(fmt.Sprintf("%s (%d)", title, len(lines)))
	for i, line := range lines {
		if i == limit {
			p.more("  ", len(lines)-limit)
			return
		}
		p.line("  - ", plain, line)
	}
}

// rejected groups by reason, since one mistake often spoils many documents.
func (p *page) rejected(rejected []gatekeep.Rejection, limit int) {
	if len(rejected) == 0 {
		return
	}
	p.heading(fmt.Sprintf("Evidence that was not believed (%d)", len(rejected)))
	for i, r := range rejected {
		if i == limit {
			p.more("  ", len(rejected)-limit)
			return
		}
		if i == 0 || rejected[i-1].Reason != r.Reason {
			p.line("  ", plain, view.Clean(string(r.Reason)))
		}
		p.line("    - ", plain, rejectedLine(r))
	}
	p.line("  ", plain, "None of it was used. Have it signed by somebody whom the trust policy names for it, or remove it.")
}

func rejectedLine(r gatekeep.Rejection) string {
	from, kind := "", ""
	if r.Source != "" {
		from = "from " + view.Clean(r.Source)
	}
	if r.Kind != "" {
		kind = "(" + view.Clean(r.Kind) + ")"
	}
	return view.Joined(": ", view.Joined(" ", view.Clean(r.Name), kind, from), view.Clean(r.Detail))
}

// failures says of each source why it could not be looked at, and what that means.
func failures(failed []gatekeep.SourceReport) []string {
	var out []string
	for _, source := range failed {
		weight := "not required"
		if source.Required {
			weight = "required, so the gate stays shut"
		}
		out = append(out, view.Joined(": ", view.Clean(source.Name), view.Joined(", ", view.Clean(string(source.Reason)), view.Clean(source.Detail), weight)))
	}
	return out
}

// duties are the obligations that an opened gate leaves behind.
func duties(r gatekeep.Record) []string {
	var out []string
	for _, o := range r.Decision.Effects.Obligations {
		out = append(out, view.Joined(", ", view.Joined(" ", view.Clean(o.Kind), "of", view.Clean(o.Service), "by", view.Clean(o.Principal)), "due "+o.DueAt.UTC().Format(time.RFC3339)))
	}
	return out
}

func (p *page) end(o Options) {
	p.out.WriteString("\n")
	if o.EvidencePath != "" {
		// Neither is wrapped: they are there to be copied.
		p.out.WriteString("Evidence " + view.Stripped(o.EvidencePath) + "\n")
	} else {
		p.line("Evidence ", plain, "not sealed")
	}
	if o.VerifyCommand != "" {
		p.out.WriteString("Verify   " + view.Stripped(o.VerifyCommand) + "\n")
	}
	p.line("", plain, "Evidence for the controls above; not a statement of compliance.")
}

// wrap breaks text at spaces into lines of at most width runes; words that are
// longer are broken too. It gives at least one line.
func wrap(s string, width int) []string {
	var lines []string
	line := []rune{}
	for _, word := range strings.Fields(s) {
		rest := []rune(word)
		if len(line) > 0 && len(line)+1+len(rest) <= width {
			line = append(append(line, ' '), rest...)
			continue
		}
		if len(line) > 0 {
			lines, line = append(lines, string(line)), nil
		}
		for len(rest) > width {
			lines, rest = append(lines, string(rest[:width])), rest[width:]
		}
		line = rest
	}
	return append(lines, string(line))
}
