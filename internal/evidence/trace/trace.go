// Package trace holds bundles against the whole ledger that keeps their decisions.
package trace

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// History is a ledger that was walked once, or a copy of one.
type History struct {
	dir    string
	report audit.Report
	leaves []leaf
	newest map[matter]ledger.LoggedEntry // the last decision on it
}

// leaf is what is kept of an entry.
type leaf struct {
	statement [sha256.Size]byte
	matter    matter
	sequence  int64
	seen      bool // its statement could be read
}

// matter is what decisions follow one another about.
type matter struct{ environment, subject string }

// Read walks a ledger and checks all of it: that it is sound, and has only grown since
// the checkpoint that the verifier remembers. An error means that it could not be judged.
func Read(ctx context.Context, dir string, o audit.VerifyOptions) (*History, error) {
	h := &History{dir: dir, newest: map[matter]ledger.LoggedEntry{}}
	report, err := audit.Examine(ctx, dir, o, h.entry)
	if err != nil {
		return nil, fmt.Errorf("reading history: %w", err)
	}
	h.report = report
	return h, nil
}

func (h *History) entry(e ledger.LoggedEntry) {
	for uint64(len(h.leaves)) <= e.Index { // one whose statement is gone is skipped
		h.leaves = append(h.leaves, leaf{})
	}
	l := leaf{statement: sha256.Sum256(e.Statement), sequence: e.Sequence, seen: true}
	if e.Kind == entry.Decision {
		l.matter = matter{e.Environment, e.Meta.Subject}
		e.Statement, e.Leaf = nil, entry.Leaf{}
		h.newest[l.matter] = e
	}
	h.leaves[e.Index] = l
}

// Bundle holds a bundle against the ledger: that the ledger is sound and holds the
// decision at its place, that the key which signed it was not retired or stolen by then,
// and, where current is asked, that no later decision took its place. It believes the
// bundle: evidence.Verify first.
func (h *History) Bundle(b *evidence.Bundle, current bool) (evidence.Verification, error) {
	record, envelope, err := b.Signed()
	if err != nil {
		return evidence.Verification{}, fmt.Errorf("tracing bundle: %w", err)
	}
	var v evidence.Verification
	if envelope.Entry == nil {
		v.Checks = append(v.Checks, h.failed("ledger", "decision "+record.ID, evidence.ReasonLogMissing, "the bundle says of no log that it holds it"))
		return v, nil
	}
	index := uint64(envelope.Entry.Index)
	v.Checks = append(v.Checks, h.sound(), h.place(index, sha256.Sum256(envelope.Payload)), h.signer(index))
	if current && v.OK() {
		v.Checks = append(v.Checks, h.current(index))
	}
	return v, nil
}

// sound is the outcome of all that was looked at in the ledger.
func (h *History) sound() evidence.Check {
	what := fmt.Sprintf("%d leaves of log %s", h.report.Size, h.report.Origin)
	if h.report.OK {
		return h.held("ledger", what, fmt.Sprintf("%d checks hold", len(h.report.Checks)))
	}
	detail := h.report.Problems[0].String()
	if n := len(h.report.Problems); n > 1 {
		detail += fmt.Sprintf(", and %d more ('gatekeep ledger verify' tells)", n-1)
	}
	return h.failed("ledger", what, string(h.report.Problems[0].Reason), "%s", detail)
}

// place tells whether the ledger holds the statement where the bundle says.
func (h *History) place(index uint64, statement [sha256.Size]byte) evidence.Check {
	what := fmt.Sprintf("leaf %d", index)
	switch {
	case index >= uint64(len(h.leaves)) || !h.leaves[index].seen:
		return h.failed("ledger", what, string(entry.ReasonLeafHidden), "the ledger has %d leaves and does not show this one", h.report.Size)
	case h.leaves[index].statement != statement:
		return h.failed("ledger", what, evidence.ReasonLogMismatch, "the ledger holds another statement there")
	}
	l := h.leaves[index]
	return h.held("ledger", what, fmt.Sprintf("decision %d of environment %q", l.sequence, l.matter.environment))
}

// signer tells whether anything speaks against the key that signed this entry.
func (h *History) signer(index uint64) evidence.Check {
	const what = "key that signed"
	for _, p := range h.report.Problems {
		if p.Index != nil && uint64(*p.Index) == index {
			return h.failed("ledger", what, string(p.Reason), "%s", p.Detail)
		}
	}
	return h.held("ledger", what, "in use then, and not reported stolen")
}

// current tells whether a later decision took the place of this one.
func (h *History) current(index uint64) evidence.Check {
	const what = "newest decision on the subject"
	last := h.newest[h.leaves[index].matter]
	if last.Index == index {
		return h.held("validity", what, "")
	}
	return h.failed("validity", what, evidence.ReasonSuperseded, "decision %s (%s) of %s took its place",
		last.ID, last.Outcome, last.Time.UTC().Format(time.RFC3339))
}

func (h *History) held(name, what, detail string) evidence.Check {
	return evidence.Check{Name: name, What: what, Against: h.dir, OK: true, Detail: detail}
}

func (h *History) failed(name, what, reason, format string, args ...any) evidence.Check {
	return evidence.Check{Name: name, What: what, Against: h.dir, Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
