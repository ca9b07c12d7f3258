package audit

import (
	"fmt"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// Bundle is a sealed decision in a store, as it presents itself: nothing of it is
// believed but what the log says too.
type Bundle struct {
	Path        string // in the store
	ID          string
	Environment string
	Time        time.Time
	Statement   string         // digest of the signed statement
	Problem     *entry.Problem // why it is no bundle, or not the one that was signed
	Pending     bool           // a crash left it without the proof of the log
}

// shelf is a store while the log is walked.
type shelf struct {
	asked   bool
	bundles []Bundle
	byID    map[string][]int
	known   []bool // the log holds the id
	same    []bool // with this statement
}

func newShelf(bundles []Bundle) shelf {
	s := shelf{asked: bundles != nil, bundles: bundles, byID: make(map[string][]int, len(bundles)),
		known: make([]bool, len(bundles)), same: make([]bool, len(bundles))}
	for i, b := range bundles {
		if b.ID != "" {
			s.byID[b.ID] = append(s.byID[b.ID], i)
		}
	}
	return s
}

// logged takes an entry of the log into account, whatever its period and environment.
func (s *shelf) logged(e ledger.LoggedEntry) {
	for _, i := range s.byID[e.ID] {
		s.known[i] = true
		if !s.same[i] { // an id that was logged twice is reported as such
			s.same[i] = s.bundles[i].Statement == digest.Of(e.Statement)
		}
	}
}

// compare holds the rows against what the store holds, both ways.
func (g *gathering) compare(x *examination) {
	s := g.store
	if !s.asked {
		return
	}
	for i := range g.rows {
		r := &g.rows[i]
		path := ""
		there := s.byID[r.ID]
		for _, n := range there {
			if s.same[n] && s.bundles[n].Problem == nil && !s.bundles[n].Pending {
				path = s.bundles[n].Path
				break
			}
		}
		r.Bundle = &path
		if len(there) == 0 {
			at := int64(r.Index)
			x.add(&entry.Problem{Reason: entry.ReasonBundleMissing, Index: &at, ID: r.ID, Environment: r.Environment, Sequence: r.Sequence,
				Detail: fmt.Sprintf("%s %q, sequence %d of environment %q, has no bundle in the store", r.Kind, r.ID, r.Sequence, r.Environment)})
		}
	}
	rows := make(map[string]*Row, len(g.rows))
	for i := range g.rows {
		rows[g.rows[i].ID] = &g.rows[i]
	}
	for i, b := range s.bundles {
		g.stray(x, b, s.known[i], s.same[i], rows[b.ID])
	}
	x.check("store", "leaves", fmt.Sprintf("%d entries with their bundles", len(g.rows)),
		entry.ReasonBundleMissing, entry.ReasonBundleAltered, entry.ReasonBundleUnreadable, entry.ReasonBundlePending, entry.ReasonLeafHidden)
}

// stray names a bundle that is not what was logged. One that presents itself as from
// outside of what is asked for is passed over: a store may serve several logs.
func (g *gathering) stray(x *examination, b Bundle, known, same bool, row *Row) {
	p := entry.Problem{ID: b.ID, Environment: b.Environment}
	if row != nil {
		at := int64(row.Index)
		p.Index, p.Environment, p.Sequence = &at, row.Environment, row.Sequence
	}
	switch {
	case b.Pending && (row == nil || *row.Bundle != ""):
		return // not in the log, and then the gate did not open on it; or made whole since
	case b.Pending:
		p.Reason, p.Detail = entry.ReasonBundlePending, fmt.Sprintf("%s: %s %q was logged, and its bundle does not hold the proof", b.Path, g.query.Kind, b.ID)
	case b.Problem != nil:
		p.Reason, p.Detail = b.Problem.Reason, b.Path+": "+b.Problem.Detail
	case row == nil && g.outside(b), same:
		return
	case known:
		p.Reason, p.Detail = entry.ReasonBundleAltered, fmt.Sprintf("%s: %s %q in the store has another statement than was logged", b.Path, g.query.Kind, b.ID)
	default:
		p.Reason, p.Detail = entry.ReasonLeafHidden, fmt.Sprintf("%s: %s %q has a bundle in the store, and the log does not show its leaf", b.Path, g.query.Kind, b.ID)
	}
	x.add(&p)
}

func (g *gathering) outside(b Bundle) bool {
	q := g.query
	return q.Environment != "" && b.Environment != q.Environment ||
		!q.From.IsZero() && b.Time.Before(q.From) || !q.To.IsZero() && !b.Time.Before(q.To)
}
