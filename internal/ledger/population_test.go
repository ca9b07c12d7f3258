package ledger_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// month is a ledger with a decision of prod each hour and one of dev each other hour.
func month(t *testing.T) *house {
	h := newHouse(t)
	for i := range 12 {
		h.clock.Store(int64(i) * 3600)
		must(h.Append(t.Context(), decision("prod", fmt.Sprint("prod-", i))))(t)
		if i%2 == 0 {
			must(h.Append(t.Context(), decision("dev", fmt.Sprint("dev-", i))))(t)
		}
	}
	return h
}

func (h *house) populate(t *testing.T, q audit.Query) audit.Population {
	t.Helper()
	q.Verify.LogKey = h.public
	return must(audit.Populate(t.Context(), h.dir, q))(t)
}

// store is what a store would hold if every decision were sealed.
func (h *house) store(t *testing.T) map[string]audit.Bundle {
	out := map[string]audit.Bundle{}
	for _, l := range h.links(t)[2:] {
		m := must(entry.ReadStatement(l.statement))(t)
		out[m.ID] = audit.Bundle{Statement: digest.Of(l.statement), Environment: m.Environment, Time: m.Time}
	}
	return out
}

func TestAPeriodIsListedWithItsNeighbours(t *testing.T) {
	t.Parallel()
	h := month(t)
	p := h.populate(t, audit.Query{Environment: "prod", From: start.Add(3 * time.Hour), To: start.Add(6 * time.Hour)})
	if !p.Complete || len(p.Problems) != 0 {
		t.Fatalf("found %v", p.Problems)
	}
	var ids []string
	for _, r := range p.Rows {
		ids = append(ids, r.ID)
		if r.Environment != "prod" || r.Outcome != "pass" || !digest.Valid(r.Statement) || r.Bundle != nil || r.Subject == "" {
			t.Errorf("row %+v", r)
		}
	}
	if !slices.Equal(ids, []string{"prod-3", "prod-4", "prod-5"}) {
		t.Errorf("listed %v", ids)
	}
	if len(p.Spans) != 1 {
		t.Fatalf("spans %+v", p.Spans)
	}
	s := p.Spans[0]
	if s.First != 4 || s.Last != 6 || s.Rows != 3 || !s.Complete || s.Before == nil || !s.Before.Before(*p.From) || s.After == nil || s.After.Before(*p.To) {
		t.Errorf("span %+v", s)
	}
	if *p.FirstIndex != p.Rows[0].Index || *p.LastIndex != p.Rows[2].Index || p.Size != 20 {
		t.Errorf("leaves %d to %d of %d", *p.FirstIndex, *p.LastIndex, p.Size)
	}
	if !entry.SignedBy([]byte(p.Checkpoint), h.opts.Key.Public) {
		t.Error("the checkpoint is not there")
	}
	if all := h.populate(t, audit.Query{}); len(all.Rows) != 18 || len(all.Spans) != 2 || all.From != nil || all.Spans[0].Before != nil || all.Spans[0].After != nil {
		t.Errorf("without bounds: %d rows, %+v", len(all.Rows), all.Spans)
	}
	if keys := h.populate(t, audit.Query{Kind: entry.KeyChange}); len(keys.Rows) != 2 || !keys.Complete {
		t.Errorf("changes of keys: %+v", keys.Rows)
	}
	if none := h.populate(t, audit.Query{Environment: "prod", From: start.Add(100 * time.Hour)}); !none.Complete || len(none.Rows) != 0 || none.FirstIndex != nil {
		t.Errorf("an empty period: %+v", none)
	}
	if wrong := h.populate(t, audit.Query{Environment: "production"}); wrong.Complete || wrong.Problems[0].Reason != entry.ReasonEnvironmentUnknown {
		t.Errorf("an environment that was never seen: %+v", wrong.Problems)
	}
}

// TestADeletedBundleAndAHiddenLeafAreNamed: one bundle is gone from the store, and he
// who holds the log key has left one leaf out of the log.
func TestADeletedBundleAndAHiddenLeafAreNamed(t *testing.T) {
	t.Parallel()
	h := month(t)
	store := h.store(t)
	if p := h.populate(t, audit.Query{Bundles: store}); !p.Complete || *p.Rows[0].Bundle != true {
		t.Fatalf("found %v", p.Problems)
	}
	links := h.links(t)
	hidden := slices.IndexFunc(links, func(l link) bool { return bytes.Contains(l.statement, []byte(`"id":"prod-7"`)) })
	h.forge(t, slices.Delete(links, hidden, hidden+1)...)
	delete(store, "prod-4")
	p := h.populate(t, audit.Query{Bundles: store})
	named := map[entry.Reason]entry.Problem{}
	for _, problem := range p.Problems {
		named[problem.Reason] = problem
	}
	if p.Complete || named[entry.ReasonBundleMissing].ID != "prod-4" || named[entry.ReasonLeafHidden].ID != "prod-7" {
		t.Errorf("found %v", p.Problems)
	}
	if gap := named[entry.ReasonSequenceGap]; gap.Environment != "prod" || gap.Sequence != 9 {
		t.Errorf("the gap is %+v", gap)
	}
	if want := `decision of environment "prod": sequence 8 is missing before 9`; named[entry.ReasonSequenceGap].Detail != want {
		t.Errorf("the gap reads %q", named[entry.ReasonSequenceGap].Detail)
	}
	for _, s := range p.Spans {
		if s.Complete != (s.Environment == "dev") {
			t.Errorf("span %+v", s)
		}
	}
}

func TestAnExchangedBundleIsNamed(t *testing.T) {
	t.Parallel()
	h := month(t)
	store := h.store(t)
	b := store["prod-2"]
	b.Statement = digest.Of(nil)
	store["prod-2"] = b
	p := h.populate(t, audit.Query{Bundles: store, Environment: "prod"})
	if len(p.Problems) != 1 || p.Problems[0].Reason != entry.ReasonBundleAltered || p.Problems[0].ID != "prod-2" {
		t.Errorf("found %v", p.Problems)
	}
	b.Statement = "" // not known
	store["prod-2"] = b
	if p := h.populate(t, audit.Query{Bundles: maps.Clone(store), Environment: "prod"}); !p.Complete {
		t.Errorf("found %v", p.Problems)
	}
}

func TestALostStatementIsNamedByItsLeaf(t *testing.T) {
	t.Parallel()
	h := month(t)
	e := must(ledger.Read(t.Context(), h.dir, 5))(t)
	remove(t, h.path("entries", entry.File(e.Leaf.Data)))
	p := h.populate(t, audit.Query{Bundles: nil})
	reasons := map[entry.Reason]bool{}
	for _, problem := range p.Problems {
		reasons[problem.Reason] = true
		if problem.Reason == entry.ReasonEntryMissing && *problem.Index != 5 {
			t.Errorf("found %v", problem)
		}
	}
	if !reasons[entry.ReasonEntryMissing] || p.Complete {
		t.Errorf("found %v", p.Problems)
	}
}

func TestRowsAreWrittenAsTables(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	must(h.Append(t.Context(), decision("=cmd|calc", "@id, with \"quotes\"")))(t)
	p := h.populate(t, audit.Query{})
	var out bytes.Buffer
	if err := p.WriteCSV(&out); err != nil {
		t.Fatal(err)
	}
	rows := must(csv.NewReader(&out).ReadAll())(t)
	if len(rows) != 2 || len(rows[0]) != 10 || rows[1][2] != "'=cmd|calc" || rows[1][5] != `'@id, with "quotes"` || rows[1][3] != "1" {
		t.Errorf("rows %q", rows)
	}
	out.Reset()
	if err := p.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	var back audit.Population
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Rows) != 1 || back.Rows[0].ID != "@id, with \"quotes\"" || !back.Complete {
		t.Errorf("came back as %+v", back)
	}
}
