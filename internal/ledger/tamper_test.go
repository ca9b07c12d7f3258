package ledger_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	fnote "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// found fails the test unless the verification finds this reason.
func (h *house) found(t *testing.T, want entry.Reason, change ...func(*audit.VerifyOptions)) []entry.Problem {
	t.Helper()
	r := h.verify(t, change...)
	if r.OK {
		t.Fatalf("the ledger verifies; want %s", want)
	}
	if !slices.ContainsFunc(r.Problems, func(p entry.Problem) bool { return p.Reason == want }) {
		t.Errorf("want %s, found %v", want, r.Problems)
	}
	if !slices.ContainsFunc(r.Checks, func(c audit.Check) bool { return !c.OK }) {
		t.Error("every check holds, though there are problems")
	}
	return r.Problems
}

func (h *house) path(parts ...string) string {
	return filepath.Join(append([]string{h.dir}, parts...)...)
}

func (h *house) checkpoint(t testing.TB) []byte {
	t.Helper()
	raw, _, err := ledger.Checkpoint(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func remembering(cp []byte) func(*audit.VerifyOptions) {
	return func(o *audit.VerifyOptions) { o.Remembered = cp }
}

// change rewrites one file of the ledger.
func (h *house) change(t testing.TB, with func([]byte) []byte, parts ...string) {
	t.Helper()
	put(t, h.path(parts...), with(must(os.ReadFile(h.path(parts...)))(t)))
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte { b[at] ^= 1; return b }
}

func statementFile(r ledger.Receipt) string {
	leaf, _ := entry.ParseLeaf(r.Leaf)
	return entry.File(leaf.Data)
}

func TestEachTamperingWithTheFolderHasItsReason(t *testing.T) {
	t.Parallel()
	for want, tamper := range map[entry.Reason]func(t *testing.T, h *house, r []ledger.Receipt){
		entry.ReasonCheckpointMissing:   func(t *testing.T, h *house, _ []ledger.Receipt) { remove(t, h.path("log", "checkpoint")) },
		entry.ReasonCheckpointMalformed: func(t *testing.T, h *house, _ []ledger.Receipt) { put(t, h.path("log", "checkpoint"), []byte("{}")) },
		entry.ReasonLogTruncated:        func(t *testing.T, h *house, _ []ledger.Receipt) { remove(t, h.path("log", "tile", "entries", "000.p")) },
		entry.ReasonLogRewritten: func(t *testing.T, h *house, _ []ledger.Receipt) {
			h.change(t, swapLeaves, "log", "tile", "entries", "000.p", "12")
		},
		entry.ReasonLeafMalformed: func(t *testing.T, h *house, _ []ledger.Receipt) {
			h.change(t, flip(4), "log", "tile", "entries", "000.p", "12")
		},
		entry.ReasonTileInvalid: func(t *testing.T, h *house, _ []ledger.Receipt) {
			h.change(t, flip(40), "log", "tile", "0", "000.p", "12")
		},
		entry.ReasonEntryMissing: func(t *testing.T, h *house, r []ledger.Receipt) { remove(t, h.path("entries", statementFile(r[3]))) },
		entry.ReasonEntryAltered: func(t *testing.T, h *house, r []ledger.Receipt) {
			h.change(t, flip(60), "entries", statementFile(r[3]))
		},
		entry.ReasonCheckpointSignature: func(t *testing.T, h *house, _ []ledger.Receipt) { h.sign(t, newKey(t, host).Signer) },
	} {
		t.Run(string(want), func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			receipts := h.fill(t, "prod", 10)
			h.holds(t)
			tamper(t, h, receipts)
			h.found(t, want)
		})
	}
}

func remove(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}

// swapLeaves exchanges the third and the fourth leaf of a file of leaves.
func swapLeaves(b []byte) []byte {
	at := []int{0}
	for len(at) < 5 {
		i := at[len(at)-1]
		at = append(at, i+2+int(b[i])<<8+int(b[i+1]))
	}
	return slices.Concat(b[:at[2]], b[at[3]:at[4]], b[at[2]:at[3]], b[at[4]:])
}

func newKey(t testing.TB, name string) entry.LogKey {
	t.Helper()
	private, _, err := entry.GenerateKey(name)
	if err != nil {
		t.Fatal(err)
	}
	return must(entry.ReadKey(private))(t)
}

func TestOnlyTheKeyOfTheLogVouchesForIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, "prod", 3)
	with := func(public []byte) func(*audit.VerifyOptions) {
		return func(o *audit.VerifyOptions) { o.LogKey = public }
	}
	h.holds(t, with([]byte(h.opts.Key.Public)))
	other := newKey(t, host)
	h.found(t, entry.ReasonLogKeyUnknown, with(must(other.PEM())(t)))
	h.found(t, entry.ReasonOriginMismatch, with([]byte(newKey(t, "other.example").Public)))
	if _, err := audit.Verify(t.Context(), h.dir, audit.VerifyOptions{LogKey: []byte("no key")}); err == nil {
		t.Error("a ledger is judged without a key")
	}
	// Whoever signs the checkpoint too is another: the log itself names its keys.
	h.sign(t, other.Signer)
	h.found(t, entry.ReasonLogKeyUnknown, with([]byte(other.Public)))
	stranger := newHouse(t)
	put(t, h.path("log", "checkpoint"), stranger.checkpoint(t))
	h.found(t, entry.ReasonLogRewritten)
}

func TestARememberedCheckpointShowsTruncationAndForks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, "prod", 3)
	early, short := h.checkpoint(t), h.links(t)
	h.fill(t, "dev", 300)
	late, all := h.checkpoint(t), h.links(t)
	h.holds(t, remembering(early))
	h.holds(t, remembering(late))

	h.forge(t, short...)
	h.holds(t) // alone, it looks like an earlier copy
	h.holds(t, remembering(early))
	h.found(t, entry.ReasonLogTruncated, remembering(late))

	last := all[4]
	h.forge(t, append(slices.Clone(short), h.says(t, nth(4, last.statement)))...)
	h.holds(t, remembering(early))
	h.forge(t, append(short[:4:4], h.says(t, nth(3, short[3].statement)), h.says(t, nth(4, nil)))...)
	h.found(t, entry.ReasonLogForked, remembering(early))
	if _, err := audit.Verify(t.Context(), h.dir, audit.VerifyOptions{LogKey: h.public, Remembered: []byte("x")}); err == nil {
		t.Error("a checkpoint that cannot be read is taken for remembered")
	}
	h.found(t, entry.ReasonOriginMismatch, remembering(bytes.Replace(early, []byte(host), []byte("other.example"), 1)))
}

// TestAForgerWithTheLogKeyIsFoundByTheEntries: every signature of the log holds.
func TestAForgerWithTheLogKeyIsFoundByTheEntries(t *testing.T) {
	t.Parallel()
	stranger := newSigner(t)
	for _, c := range []struct {
		name string
		want entry.Reason
		make func(h *house, l []link) []link
	}{
		{"hidden", entry.ReasonSequenceGap, func(_ *house, l []link) []link { return slices.Delete(l, 3, 4) }},
		{"hidden at the start", entry.ReasonSequenceGap, func(_ *house, l []link) []link { return slices.Delete(l, 2, 3) }},
		{"doubled", entry.ReasonSequenceRepeated, func(_ *house, l []link) []link { return append(l, l[3]) }},
		{"one id twice", entry.ReasonEntryDoubled, func(h *house, l []link) []link {
			m := nth(4, l[4].statement)
			m.ID = "prod-0"
			return append(l, h.says(t, m))
		}},
		{"reordered", entry.ReasonSequenceGap, func(_ *house, l []link) []link { l[3], l[4] = l[4], l[3]; return l }},
		{"exchanged", entry.ReasonPreviousMismatch, func(h *house, l []link) []link { l[3] = h.says(t, nth(2, l[2].statement)); return l }},
		{"first with a predecessor", entry.ReasonPreviousMismatch, func(h *house, l []link) []link { return append(l[:2], h.says(t, nth(1, l[0].statement))) }},
		{"backdated", entry.ReasonTimeReversed, func(h *house, l []link) []link {
			m := nth(4, l[4].statement)
			m.Time = start.Add(-time.Hour)
			return append(l, h.says(t, m))
		}},
		{"foreign key", entry.ReasonEntryKeyUnknown, func(h *house, l []link) []link {
			forged := h.says(t, nth(4, l[4].statement))
			forged.by = stranger
			return append(l, forged)
		}},
		{"no signature", entry.ReasonEntrySignature, func(h *house, l []link) []link {
			forged := h.says(t, nth(4, l[4].statement))
			leaf := must(entry.NewLeaf(forged.statement, []byte("none"), forged.by.Public()))(t)
			forged.leaf = must(leaf.Marshal())(t)
			return append(l, forged)
		}},
		{"no statement", entry.ReasonEntryMalformed, func(h *house, l []link) []link {
			return append(l, link{statement: []byte(`{"_type":"x"}`), by: h.opts.Entry.(signer)})
		}},
		{"no leaf", entry.ReasonLeafMalformed, func(_ *house, l []link) []link { return append(l, link{leaf: []byte("{}")}) }},
		{"key without endorsement", entry.ReasonKeyChangeInvalid, func(h *house, l []link) []link {
			m := nth(3, l[1].statement)
			m.Kind, m.Environment = entry.KeyChange, ""
			m.Body = must(json.Marshal(entry.KeyBody{Action: entry.Introduce, Role: entry.RoleEntry, Key: "AAAA", Endorsement: "x"}))(t)
			return append(l, h.says(t, m))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			h.fill(t, "prod", 3)
			h.forge(t, h.links(t)...)
			h.holds(t) // the forger's tools are good
			h.forge(t, c.make(h, h.links(t))...)
			h.found(t, c.want)
		})
	}
}

func TestWitnessesAreCountedOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, "prod", 2)
	var keys []string
	signers := []note.Signer{h.opts.Key.Signer}
	for _, name := range []string{"w1.example", "w2.example", "w3.example"} {
		skey, vkey, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, must(fnote.VKeyToCosignatureV1(vkey))(t))
		if name != "w3.example" {
			signers = append(signers, must(fnote.NewSignerForCosignatureV1(skey))(t))
		}
	}
	want := func(n int, keys ...string) func(*audit.VerifyOptions) {
		return func(o *audit.VerifyOptions) { o.Threshold, o.Witnesses = n, keys }
	}
	h.found(t, entry.ReasonWitnessThreshold, want(1, keys...))
	h.sign(t, signers...)
	h.holds(t, want(2, keys...))
	h.found(t, entry.ReasonWitnessThreshold, want(3, keys...))
	h.found(t, entry.ReasonWitnessThreshold, want(2, keys[0], keys[0], keys[2]))
	if _, err := audit.Verify(t.Context(), h.dir, audit.VerifyOptions{LogKey: h.public, Threshold: 4, Witnesses: keys}); err == nil {
		t.Error("more witnesses are wanted than are known, and it is judged")
	}
	if _, err := audit.Verify(t.Context(), h.dir, audit.VerifyOptions{LogKey: h.public, Threshold: 1, Witnesses: []string{"x"}}); err == nil {
		t.Error("a witness key that cannot be read is passed over")
	}
}
