package audit

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// Query asks for all entries of a kind in a period.
type Query struct {
	Kind        entry.Kind // Decision where empty
	Environment string     // all where empty
	From, To    time.Time  // from the first up to the second, exclusive; zero is without end
	Store       []Bundle   // what the store holds; nil where it is not to be compared
	Verify      VerifyOptions
}

// Row is one entry of a population.
type Row struct {
	Index       uint64     `json:"index"`
	Kind        entry.Kind `json:"kind"`
	Environment string     `json:"environment"`
	Sequence    int64      `json:"sequence"`
	Time        time.Time  `json:"time"`
	ID          string     `json:"id"`
	Outcome     string     `json:"outcome"`
	Subject     string     `json:"subject"`
	Statement   string     `json:"statement"` // digest
	Leaf        string     `json:"leaf"`      // RFC 6962 hash of the leaf, in hex
	Bundle      *string    `json:"bundle"`    // path in the store, empty where it holds none; null where it was not asked
}

// Span is the part of one sequence that lies in the period. A sequence without gap
// whose neighbours outside lie before and after the period is complete in it.
type Span struct {
	Environment string     `json:"environment"`
	First       int64      `json:"first"`
	Last        int64      `json:"last"`
	Rows        int64      `json:"rows"`
	Before      *time.Time `json:"before"` // time of the entry before the first; null where there is none
	After       *time.Time `json:"after"`  // time of the entry after the last; null where there is none yet
	Complete    bool       `json:"complete"`
	unnumbered  int64
}

// Population is all entries of a period, with what proves that none is missing.
type Population struct {
	Complete    bool            `json:"complete"` // nothing is hidden, missing or doubled
	Kind        entry.Kind      `json:"kind"`
	Environment string          `json:"environment,omitempty"`
	From        *time.Time      `json:"from,omitempty"`
	To          *time.Time      `json:"to,omitempty"`
	Checkpoint  string          `json:"checkpoint"` // the signed note that all of this follows from
	Size        uint64          `json:"size"`
	Root        string          `json:"root"`
	Remembered  string          `json:"remembered,omitempty"` // checkpoint that the log was held against
	FirstIndex  *uint64         `json:"firstIndex"`           // of the rows; null where there are none
	LastIndex   *uint64         `json:"lastIndex"`
	Spans       []Span          `json:"spans"`
	Checks      []Check         `json:"checks"`
	Found       int             `json:"found"`    // problems in all
	Problems    []entry.Problem `json:"problems"` // the first 1,000
	Rows        []Row           `json:"rows"`
}

// Populate verifies the whole ledger and lists the entries that a query asks for. It
// names what is hidden (a gap in a sequence, or a bundle without a leaf), missing (a leaf
// without its statement or bundle) and doubled.
func Populate(ctx context.Context, dir string, q Query) (Population, error) {
	q.Kind = cmp.Or(q.Kind, entry.Decision)
	x := &examination{dir: dir, opts: q.Verify}
	g := &gathering{query: q, spans: map[string]*Span{}, store: newShelf(q.Store), rows: []Row{}}
	if err := x.run(ctx, g.entry); err != nil {
		return Population{}, fmt.Errorf("listing entries of ledger %s: %w", dir, err)
	}
	g.unnumbered(x)
	g.compare(x)
	p := Population{
		Kind: q.Kind, Environment: q.Environment, Checkpoint: string(x.raw), Size: x.cp.Size, Root: base64.StdEncoding.EncodeToString(x.cp.Hash),
		Remembered: string(q.Verify.Remembered), Rows: g.rows, Spans: []Span{}, Checks: x.report.Checks,
	}
	if q.Environment != "" && !g.seen {
		x.add(entry.Problemf(entry.ReasonEnvironmentUnknown, "the log holds no %s of environment %q at all", q.Kind, q.Environment))
	}
	if !q.From.IsZero() {
		p.From = &q.From
	}
	if !q.To.IsZero() {
		p.To = &q.To
	}
	if n := len(g.rows); n > 0 {
		p.FirstIndex, p.LastIndex = &g.rows[0].Index, &g.rows[n-1].Index
	}
	for _, s := range g.spans {
		if s.Rows > 0 {
			s.Complete = s.First > 0 && s.Last-s.First+1 == s.Rows
			p.Spans = append(p.Spans, *s)
		}
	}
	slices.SortFunc(p.Spans, func(a, b Span) int { return strings.Compare(a.Environment, b.Environment) })
	p.Problems = x.report.Problems
	for _, n := range x.count {
		p.Found += n
	}
	p.Complete = len(p.Problems) == 0
	return p, nil
}

// gathering collects rows during a walk.
type gathering struct {
	query Query
	spans map[string]*Span
	store shelf
	rows  []Row
	seen  bool // anything of the environment
}

func (g *gathering) entry(e ledger.LoggedEntry, hash []byte) {
	q := g.query
	if e.Kind != q.Kind {
		return
	}
	g.store.logged(e)
	if q.Environment != "" && e.Environment != q.Environment {
		return
	}
	g.seen = true
	s := g.spans[e.Environment]
	if s == nil {
		s = &Span{Environment: e.Environment}
		g.spans[e.Environment] = s
	}
	switch {
	case !q.From.IsZero() && e.Time.Before(q.From):
		if s.Rows == 0 {
			s.Before = &e.Time
		}
		return
	case !q.To.IsZero() && !e.Time.Before(q.To):
		if s.After == nil {
			s.After = &e.Time
		}
		return
	}
	if s.Rows == 0 {
		s.First = e.Sequence
	}
	s.Last = max(s.Last, e.Sequence)
	s.Rows++
	if e.Sequence == 0 {
		s.unnumbered++
	}
	g.rows = append(g.rows, Row{
		Index: e.Index, Kind: e.Kind, Environment: e.Environment, Sequence: e.Sequence, Time: e.Time.UTC(), ID: e.ID,
		Outcome: e.Outcome, Subject: e.Meta.Subject, Statement: digest.Of(e.Statement), Leaf: hex.EncodeToString(hash),
	})
}

// unnumbered names environments with entries that have no number: one that was left out
// before it was logged would leave no gap.
func (g *gathering) unnumbered(x *examination) {
	for _, environment := range slices.Sorted(maps.Keys(g.spans)) {
		if s := g.spans[environment]; s.unnumbered > 0 {
			x.add(&entry.Problem{Reason: entry.ReasonSequenceUnnumbered, Environment: environment,
				Detail: fmt.Sprintf("%d of %d entries (%s) of environment %q have no number, and nothing shows whether others were left out", s.unnumbered, s.Rows, g.query.Kind, environment)})
		}
	}
}

// WriteJSON writes the population with its proof material.
func (p Population) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(p)
}

// WriteCSV writes the rows, one a line, under a header. A cell that a spreadsheet would
// take for a formula is given an apostrophe.
func (p Population) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"index", "kind", "environment", "sequence", "time", "id", "outcome", "subject", "statement", "leaf", "bundle"}}
	for _, r := range p.Rows {
		bundle := ""
		if r.Bundle != nil {
			bundle = cmp.Or(*r.Bundle, "missing")
		}
		rows = append(rows, []string{
			strconv.FormatUint(r.Index, 10), string(r.Kind), Cell(r.Environment), strconv.FormatInt(r.Sequence, 10), r.Time.Format(time.RFC3339Nano),
			Cell(r.ID), Cell(r.Outcome), Cell(r.Subject), r.Statement, r.Leaf, Cell(bundle),
		})
	}
	return out.WriteAll(rows)
}

// Cell is a text in CSV, which no spreadsheet takes for a formula.
func Cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
