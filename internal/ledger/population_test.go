package ledger_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
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
func (h *house) store(t *testing.T) []audit.Bundle {
	var out []audit.Bundle
	for _, l := range h.links(t)[2:] {
		m := must(entry.ReadStatement(l.statement))(t)
		out = append(out, audit.Bundle{Path: m.ID + ".zip", ID: m.ID, Statement: digest.Of(l.statement), Environment: m.Environment, Time: m.Time})
	}
	return out
}

// without is a store without the bundles of an id.
func without(store []audit.Bundle, id string) []audit.Bundle {
	return slices.DeleteFunc(slices.Clone(store), func(b audit.Bundle) bool { return b.ID == id })
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
	if p := h.populate(t, audit.Query{Store: store}); !p.Complete || *p.Rows[0].Bundle != "prod-0.zip" {
		t.Fatalf("found %v", p.Problems)
	}
	links := h.links(t)
	hidden := slices.IndexFunc(links, func(l link) bool { return bytes.Contains(l.statement, []byte(`"id":"prod-7"`)) })
	h.forge(t, slices.Delete(links, hidden, hidden+1)...)
	p := h.populate(t, audit.Query{Store: without(store, "prod-4")})
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

// TestEveryBundleIsHeldAgainstTheLog: what is wrong in a store is named with its file.
func TestEveryBundleIsHeldAgainstTheLog(t *testing.T) {
	t.Parallel()
	h := month(t)
	good := h.store(t)
	at := slices.IndexFunc(good, func(b audit.Bundle) bool { return b.ID == "prod-2" })
	change := func(do func(*audit.Bundle)) []audit.Bundle {
		out := slices.Clone(good)
		do(&out[at])
		return out
	}
	other := good[at]
	other.Path, other.Statement = "copy.zip", digest.Of(nil)
	for name, c := range map[string]struct {
		store []audit.Bundle
		want  []string // what is found: reason, id, and how the detail begins
	}{
		"all":              {good, nil},
		"a second copy":    {append(slices.Clone(good), good[at]), nil},
		"none":             {[]audit.Bundle{}, slices.Repeat([]string{"bundle_missing"}, 12)},
		"deleted":          {without(good, "prod-2"), []string{`bundle_missing prod-2 decision "prod-2", sequence 3 of environment "prod", has no bundle`}},
		"exchanged":        {change(func(b *audit.Bundle) { b.Statement = digest.Of(nil) }), []string{"bundle_altered prod-2 prod-2.zip: decision"}},
		"moved":            {change(func(b *audit.Bundle) { b.Statement, b.Time = digest.Of(nil), start.Add(-time.Hour) }), []string{"bundle_altered prod-2 prod-2.zip"}},
		"a bad copy":       {append(slices.Clone(good), other), []string{"bundle_altered prod-2 copy.zip"}},
		"a bad copy first": {append([]audit.Bundle{other}, good...), []string{"bundle_altered prod-2 copy.zip"}},
		"renamed":          {change(func(b *audit.Bundle) { b.ID = "x" }), []string{"bundle_missing prod-2", "leaf_hidden x prod-2.zip: decision \"x\" has a bundle"}},
		"of another log":   {append(slices.Clone(good), audit.Bundle{Path: "x.zip", ID: "x", Environment: "moon", Time: start}), nil},
		"of another month": {append(slices.Clone(good), audit.Bundle{Path: "x.zip", ID: "x", Environment: "prod", Time: start.Add(-time.Hour)}), nil},
		"inside changed": {change(func(b *audit.Bundle) {
			b.Problem = entry.Problemf(entry.ReasonBundleAltered, "its manifest is another")
		}),
			[]string{"bundle_altered prod-2 prod-2.zip: its manifest is another"}},
		"pending": {change(func(b *audit.Bundle) { b.Path, b.Pending = "prod-2.zip.pending", true }),
			[]string{"bundle_pending prod-2 prod-2.zip.pending: decision"}},
		"made whole":   {append(slices.Clone(good), audit.Bundle{Path: "prod-2.zip.pending", ID: "prod-2", Statement: good[at].Statement, Pending: true}), nil},
		"never logged": {append(slices.Clone(good), audit.Bundle{Path: "x.zip.pending", ID: "x", Environment: "prod", Time: start.Add(time.Hour), Pending: true}), nil},
		"no bundle": {change(func(b *audit.Bundle) {
			*b = audit.Bundle{Path: b.Path, Problem: entry.Problemf(entry.ReasonBundleUnreadable, "no zip")}
		}), []string{"bundle_missing prod-2", "bundle_unreadable  prod-2.zip: no zip"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := h.populate(t, audit.Query{Store: c.store, Environment: "prod", From: start, To: start.Add(24 * time.Hour)})
			if p.Complete != (len(c.want) == 0) || p.Found != len(c.want) || len(p.Problems) != len(c.want) {
				t.Fatalf("complete: %v, %d found: %v", p.Complete, p.Found, p.Problems)
			}
			for i, problem := range p.Problems {
				if got := fmt.Sprint(problem.Reason, " ", problem.ID, " ", problem.Detail); !strings.HasPrefix(got, c.want[i]) {
					t.Errorf("found %q, not %q", got, c.want[i])
				}
			}
		})
	}
}

// TestDecisionsWithoutANumberProveNothing: a gate that keeps no sequence may leave out
// what it likes before it logs.
func TestDecisionsWithoutANumberProveNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	must(h.Append(t.Context(), ledger.Entry{Kind: entry.Decision, ID: "d", Environment: "prod", Make: func(s ledger.Slot) ([]byte, error) {
		return bytes.Replace(summary(s.ID, 1, "", digest.Of(nil), s.Time), []byte(`"sequence":1`), []byte(`"sequence":null`), 1), nil
	}}))(t)
	h.holds(t)
	p := h.populate(t, audit.Query{})
	if p.Complete || len(p.Problems) != 1 || p.Problems[0].Reason != entry.ReasonSequenceUnnumbered || p.Problems[0].Environment != "prod" || p.Spans[0].Complete {
		t.Errorf("found %v, %+v", p.Problems, p.Spans)
	}
}

// TestASampleFollowsFromTheSeedAndTheLeaves holds samples against values that were worked
// out with sha256sum.
func TestASampleFollowsFromTheSeedAndTheLeaves(t *testing.T) {
	t.Parallel()
	p := audit.Population{}
	for i, leaf := range []string{"00", "01", "02", "03", "04"} {
		p.Rows = append(p.Rows, audit.Row{Index: uint64(i), Leaf: strings.Repeat(leaf, 32)})
	}
	drawn := must(p.Sample("engagement 2026-11", 3))(t)
	var got []string
	for _, d := range drawn {
		got = append(got, fmt.Sprint(d.Index, " ", d.Rank))
	}
	want := []string{
		"0 179d21ec29aef8a9324561259921d56f76333b766eda52ef6ea18fd7233a18f7",
		"3 353ed53d9a5f378f91e66556e8613cb390ad9261d6fc5ba7c172839d80921293",
		"1 63d2c33796a9ca0bbb8b984146dd080c0e43b72ac1d3c2ec7bb186e8e1f3e861",
	}
	if !slices.Equal(got, want) {
		t.Errorf("drew %q", got)
	}
	slices.Reverse(p.Rows)
	if again := must(p.Sample("engagement 2026-11", 3))(t); !slices.Equal(again, drawn) {
		t.Errorf("in another order: %v", again)
	}
	if other := must(p.Sample("another seed", 3))(t); slices.Equal(other, drawn) {
		t.Error("another seed draws the same")
	}
	if all := must(p.Sample("s", 25))(t); len(all) != 5 {
		t.Errorf("of five, 25 are %d", len(all))
	}
	if _, err := (audit.Population{Rows: []audit.Row{{Leaf: "00"}}}).Sample("s", 1); err == nil {
		t.Error("a row without the hash of its leaf is drawn")
	}
}

// TestRowsHaveTheHashesOfTheirLeaves: RFC 6962, section 2.1.
func TestRowsHaveTheHashesOfTheirLeaves(t *testing.T) {
	t.Parallel()
	h := month(t)
	links := h.links(t)
	for _, r := range h.populate(t, audit.Query{Environment: "dev"}).Rows {
		if want := fmt.Sprintf("%x", sha256.Sum256(append([]byte{0}, links[r.Index].leaf...))); r.Leaf != want {
			t.Errorf("leaf %d: %s, not %s", r.Index, r.Leaf, want)
		}
	}
}

func TestALostStatementIsNamedByItsLeaf(t *testing.T) {
	t.Parallel()
	h := month(t)
	e := must(ledger.Read(t.Context(), h.dir, 5))(t)
	remove(t, h.path("entries", entry.File(e.Leaf.Data)))
	p := h.populate(t, audit.Query{})
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
	if len(rows) != 2 || len(rows[0]) != 11 || rows[1][2] != "'=cmd|calc" || rows[1][5] != `'@id, with "quotes"` || rows[1][3] != "1" {
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
