package audit

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
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
	// Bundles is what the store holds, by id; nil where it is not to be compared.
	Bundles map[string]Bundle
	Verify  VerifyOptions
}

// Bundle is a sealed decision in a store.
type Bundle struct {
	Statement   string // digest of the statement in it; empty where it is not known
	Environment string
	Time        time.Time
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
	Bundle      *bool      `json:"bundle"`    // whether the store holds it; null where it was not asked
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
	Rows        []Row           `json:"rows"`
	Checks      []Check         `json:"checks"`
	Problems    []entry.Problem `json:"problems"`
}

// Populate verifies the whole ledger and lists the entries that a query asks for. It
// names what is hidden (a gap in a sequence, or a bundle without a leaf), missing (a leaf
// without its statement or bundle) and doubled.
func Populate(ctx context.Context, dir string, q Query) (Population, error) {
	q.Kind = cmp.Or(q.Kind, entry.Decision)
	x := &examination{dir: dir, opts: q.Verify}
	g := &gathering{query: q, spans: map[string]*Span{}, ids: map[string]bool{}, rows: []Row{}}
	if err := x.run(ctx, g.entry); err != nil {
		return Population{}, fmt.Errorf("listing entries of ledger %s: %w", dir, err)
	}
	g.store(x)
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
	p.Complete = len(p.Problems) == 0
	return p, nil
}

// gathering collects rows during a walk.
type gathering struct {
	query Query
	spans map[string]*Span
	ids   map[string]bool // in the log, of the kind, in any period
	rows  []Row
	seen  bool // anything of the environment
}

func (g *gathering) entry(e ledger.LoggedEntry) {
	q := g.query
	if e.Kind != q.Kind || q.Environment != "" && e.Environment != q.Environment {
		return
	}
	g.seen = true
	if q.Bundles != nil {
		g.ids[e.ID] = true
	}
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
	g.rows = append(g.rows, Row{
		Index: e.Index, Kind: e.Kind, Environment: e.Environment, Sequence: e.Sequence, Time: e.Time.UTC(), ID: e.ID,
		Outcome: e.Outcome, Subject: e.Meta.Subject, Statement: digest.Of(e.Statement),
	})
}

// store compares the rows with what the store holds, both ways.
func (g *gathering) store(x *examination) {
	if g.query.Bundles == nil {
		return
	}
	for i := range g.rows {
		r := &g.rows[i]
		bundle, there := g.query.Bundles[r.ID]
		r.Bundle = &there
		at := int64(r.Index)
		name := fmt.Sprintf("%s %q, sequence %d of environment %q", r.Kind, r.ID, r.Sequence, r.Environment)
		p := entry.Problem{Index: &at, ID: r.ID, Environment: r.Environment, Sequence: r.Sequence}
		switch {
		case !there:
			p.Reason, p.Detail = entry.ReasonBundleMissing, name+" has no bundle in the store"
			x.add(&p)
		case bundle.Statement != "" && bundle.Statement != r.Statement:
			p.Reason, p.Detail = entry.ReasonBundleAltered, name+" has a bundle in the store with another statement"
			x.add(&p)
		}
	}
	var hidden []string
	for id, b := range g.query.Bundles {
		q := g.query
		outside := q.Environment != "" && b.Environment != q.Environment ||
			!q.From.IsZero() && b.Time.Before(q.From) || !q.To.IsZero() && !b.Time.Before(q.To)
		if !outside && !g.ids[id] {
			hidden = append(hidden, id)
		}
	}
	slices.Sort(hidden)
	for _, id := range hidden {
		x.add(&entry.Problem{Reason: entry.ReasonLeafHidden, ID: id, Environment: g.query.Bundles[id].Environment,
			Detail: fmt.Sprintf("%s %q has a bundle in the store, and the log does not show its leaf", g.query.Kind, id)})
	}
	x.check("store", "leaves", fmt.Sprintf("%d entries with their bundles", len(g.rows)), entry.ReasonBundleMissing, entry.ReasonBundleAltered, entry.ReasonLeafHidden)
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
	rows := [][]string{{"index", "kind", "environment", "sequence", "time", "id", "outcome", "subject", "statement", "bundle"}}
	for _, r := range p.Rows {
		bundle := ""
		if r.Bundle != nil {
			bundle = strconv.FormatBool(*r.Bundle)
		}
		rows = append(rows, []string{
			strconv.FormatUint(r.Index, 10), string(r.Kind), cell(r.Environment), strconv.FormatInt(r.Sequence, 10), r.Time.Format(time.RFC3339Nano),
			cell(r.ID), cell(r.Outcome), cell(r.Subject), r.Statement, bundle,
		})
	}
	return out.WriteAll(rows)
}

func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
