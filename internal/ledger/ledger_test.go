package ledger_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/note"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

func TestEveryKindIsAppendedAndReadBack(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, kind := range entry.Kinds() {
		if kind == entry.KeyChange || kind == entry.Revocation {
			continue // their bodies are the ledger's own: see TestKeys...
		}
		for n := int64(1); n <= 2; n++ {
			e := ledger.Entry{Kind: kind, Environment: "prod", Body: json.RawMessage(fmt.Sprintf(`{"n": %d}`, n))}
			r := must(h.Append(t.Context(), e))(t)
			back := must(ledger.Read(t.Context(), h.dir, r.Index))(t)
			if back.Kind != kind || back.Environment != "prod" || back.Sequence != n || string(back.Meta.Body) != fmt.Sprintf(`{"n":%d}`, n) {
				t.Errorf("%s came back as %+v", kind, back.Meta)
			}
			if !digest.Valid(back.ID) || back.Time.Before(start) {
				t.Errorf("%s has id %q and time %s", kind, back.ID, back.Time)
			}
			if (back.Previous == "") != (n == 1) {
				t.Errorf("%s %d names %q before it", kind, n, back.Previous)
			}
		}
	}
	h.holds(t)
}

func TestAReceiptProvesAgainstItsCheckpoint(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, r := range h.fill(t, "prod", 20) {
		var cp log.Checkpoint
		if _, err := cp.Unmarshal(r.Checkpoint); err != nil {
			t.Fatal(err)
		}
		if !entry.SignedBy(r.Checkpoint, h.opts.Key.Public) {
			t.Error("the checkpoint is not signed")
		}
		if err := proof.VerifyInclusion(rfc6962.DefaultHasher, r.Index, cp.Size, rfc6962.DefaultHasher.HashLeaf(r.Leaf), r.Proof, cp.Hash); err != nil {
			t.Errorf("leaf %d: %v", r.Index, err)
		}
	}
}

func TestAppendingIsExactlyOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	first := must(h.Append(t.Context(), decision("prod", "a")))(t)
	h.fill(t, "dev", 3)
	for range 2 {
		again := must(h.Append(t.Context(), decision("prod", "a")))(t)
		if again.Index != first.Index || string(again.Leaf) != string(first.Leaf) {
			t.Errorf("appended again as leaf %d", again.Index)
		}
		h.open(t) // also by one who was not there
	}
	other := decision("prod", "a")
	other.Body = json.RawMessage(`{"outcome":"fail"}`)
	if _, err := h.Append(t.Context(), other); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("other content with the same id: %v", err)
	}
	if _, err := h.Append(t.Context(), decision("dev", "a")); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("another environment with the same id: %v", err)
	}
	var wait sync.WaitGroup
	indexes := make([]uint64, 16)
	for i := range indexes {
		wait.Add(1)
		go func() {
			defer wait.Done()
			r, err := h.Append(context.Background(), decision("prod", "twin"))
			if err != nil {
				t.Error(err)
			}
			indexes[i] = r.Index
		}()
	}
	wait.Wait()
	for _, index := range indexes {
		if index != indexes[0] {
			t.Errorf("twins came to %d and %d", indexes[0], index)
		}
	}
	h.holds(t)
	if _, size, _ := ledger.Checkpoint(h.dir); size != 2+1+3+1 {
		t.Errorf("the log has %d leaves", size)
	}
}

func TestTheCacheProvesNothing(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(t *testing.T, h *house){
		"gone":       func(t *testing.T, h *house) { remove(t, h.path("cache")) },
		"no ids":     func(t *testing.T, h *house) { remove(t, h.path("cache", "ids")) },
		"short ids":  func(t *testing.T, h *house) { put(t, h.path("cache", "ids"), []byte("x")) },
		"not a list": func(t *testing.T, h *house) { put(t, h.path("cache", "chain.json"), []byte("{")) },
		"of another": func(t *testing.T, h *house) { put(t, h.path("cache", "chain.json"), []byte(`{"origin":"x","size":3}`)) },
		"ahead":      func(t *testing.T, h *house) { h.change(t, sized("12", "99"), "cache", "chain.json") },
		"behind": func(t *testing.T, h *house) {
			put(t, h.path("cache", "chain.json"), []byte(`{"origin":"`+host+`","size":0}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			before := h.fill(t, "prod", 10)
			harm(t, h)
			for i := range 2 {
				again := must(h.Append(t.Context(), decision("prod", "prod-4")))(t)
				if again.Index != before[4].Index {
					t.Errorf("appended again as leaf %d", again.Index)
				}
				must(h.Append(t.Context(), decision("prod", fmt.Sprint("next", i))))(t)
				h.open(t)
			}
			h.holds(t)
		})
	}
}

func sized(from, to string) func([]byte) []byte {
	return func(b []byte) []byte {
		return []byte(strings.Replace(string(b), `"size":`+from, `"size":`+to, 1))
	}
}

func TestManyWritersGetGaplessSequences(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var wait sync.WaitGroup
	for w := range 4 { // each with the folder opened for itself, as another process has it
		l := must(ledger.Open(t.Context(), h.dir, h.opts))(t)
		for i := range 10 {
			wait.Add(1)
			go func() {
				defer wait.Done()
				if _, err := l.Append(context.Background(), decision(fmt.Sprint("env", i%2), fmt.Sprint(w, "-", i))); err != nil {
					t.Error(err)
				}
			}()
		}
	}
	wait.Wait()
	h.holds(t)
	if _, size, _ := ledger.Checkpoint(h.dir); size != 42 {
		t.Errorf("the log has %d leaves", size)
	}
}

func TestWhatIsNoEntryIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	statement := must(entry.Make(dated(nth(1, nil), start), nil))(t)
	signature := must(h.opts.Entry.Sign(entry.PAE(statement)))(t)
	envelope := func(change func(*ledger.Envelope)) ledger.Entry {
		e := &ledger.Envelope{Statement: statement, Signature: signature, Key: h.opts.Entry.Public()}
		change(e)
		return ledger.Entry{Envelope: e}
	}
	making := func(made []byte, err error) ledger.Entry {
		return ledger.Entry{Kind: entry.Decision, Environment: "prod", ID: "made", Make: func(ledger.Slot) ([]byte, error) { return made, err }}
	}
	stranger := newSigner(t)
	for name, c := range map[string]struct {
		entry ledger.Entry
		want  error
	}{
		"nothing":              {ledger.Entry{Kind: entry.Heartbeat}, ledger.ErrEntry},
		"two things":           {ledger.Entry{Kind: entry.Heartbeat, Body: []byte("{}"), Envelope: &ledger.Envelope{}}, ledger.ErrEntry},
		"unknown kind":         {ledger.Entry{Kind: "party", Body: []byte("{}")}, ledger.ErrEntry},
		"no JSON":              {ledger.Entry{Kind: entry.Heartbeat, Body: []byte("{")}, ledger.ErrEntry},
		"no object":            {ledger.Entry{Kind: entry.Heartbeat, Body: []byte("[]")}, ledger.ErrEntry},
		"line break in id":     {ledger.Entry{Kind: entry.Heartbeat, ID: "a\nb", Body: []byte("{}")}, ledger.ErrEntry},
		"long environment":     {ledger.Entry{Kind: entry.Heartbeat, Environment: strings.Repeat("x", 300), Body: []byte("{}")}, ledger.ErrEntry},
		"maker without id":     {ledger.Entry{Kind: entry.Heartbeat, Make: func(ledger.Slot) ([]byte, error) { return nil, nil }}, ledger.ErrEntry},
		"maker fails":          {making(nil, errors.New("no")), ledger.ErrEntry},
		"maker makes nothing":  {making(nil, nil), ledger.ErrEntry},
		"maker makes another":  {making(statement, nil), ledger.ErrEntry},
		"log key in passing":   {ledger.Entry{Kind: entry.KeyChange, Body: must(json.Marshal(entry.KeyBody{Action: entry.Introduce, Role: entry.RoleLog, Key: newKey(t, host).Public}))(t)}, ledger.ErrEntry},
		"change of no key":     {ledger.Entry{Kind: entry.KeyChange, Body: []byte(`{"action":"retire","role":"entry","key":"00"}`)}, ledger.ErrConflict},
		"statement malformed":  {envelope(func(e *ledger.Envelope) { e.Statement = []byte("{}") }), ledger.ErrEntry},
		"statement changed":    {envelope(func(e *ledger.Envelope) { e.Statement = must(entry.Make(dated(nth(1, nil), start.Add(1)), nil))(t) }), ledger.ErrEntry},
		"signature of another": {envelope(func(e *ledger.Envelope) { e.Key = stranger.Public() }), ledger.ErrEntry},
		"key not introduced": {envelope(func(e *ledger.Envelope) {
			e.Key, e.Signature = stranger.Public(), must(stranger.Sign(entry.PAE(statement)))(t)
		}), ledger.ErrConflict},
		"not the next place": {envelope(func(e *ledger.Envelope) {
			e.Statement = must(entry.Make(dated(nth(2, statement), start), nil))(t)
			e.Signature = must(h.opts.Entry.Sign(entry.PAE(e.Statement)))(t)
		}), ledger.ErrConflict},
		"long ago": {envelope(func(e *ledger.Envelope) {
			e.Statement = must(entry.Make(dated(nth(1, nil), start.Add(-time.Hour)), nil))(t)
			e.Signature = must(h.opts.Entry.Sign(entry.PAE(e.Statement)))(t)
		}), ledger.ErrConflict},
	} {
		if _, err := h.Append(t.Context(), c.entry); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, size, _ := ledger.Checkpoint(h.dir); size != 2 {
		t.Errorf("the log has %d leaves", size)
	}
	must(h.Append(t.Context(), envelope(func(*ledger.Envelope) {})))(t)
	h.holds(t)
}

// summary is the verification summary of a decision, as a gate signs it.
func summary(id string, sequence int64, previous, self string, at time.Time) []byte {
	return summaryOf(id, "prod", sequence, previous, self, at)
}

func summaryOf(id, environment string, sequence int64, previous, self string, at time.Time) []byte {
	said := "null"
	if previous != "" {
		said = fmt.Sprintf("%q", previous)
	}
	return fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"registry/app","digest":{"sha256":"%064d"}}],`+
		`"predicateType":"https://slsa.dev/verification_summary/v1","predicate":{"timeVerified":%q,"https://gatekeep.dev/vsa/ext/v1":`+
		`{"decisionID":%q,"decisionDigest":%q,"environment":%q,"sequence":%d,"previousDecision":%s,"outcome":"pass"}}}`,
		7, at.Format(time.RFC3339), id, self, environment, sequence, said)
}

func TestVerificationSummariesAreDecisions(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := func(n int) string { return digest.Of([]byte{byte(n)}) }
	previous := ""
	for n := 1; n <= 3; n++ {
		e := ledger.Entry{Kind: entry.Decision, Environment: "prod", ID: fmt.Sprint("d", n), Make: func(s ledger.Slot) ([]byte, error) {
			if s.Sequence != int64(n) || s.Previous != previous {
				t.Errorf("decision %d gets place %d after %q", n, s.Sequence, s.Previous)
			}
			return summary(s.ID, s.Sequence, s.Previous, d(n), s.Time), nil
		}}
		r := must(h.Append(t.Context(), e))(t)
		back := must(ledger.Read(t.Context(), h.dir, r.Index))(t)
		if back.Outcome != "pass" || !strings.HasPrefix(back.Meta.Subject, "registry/app@sha256:") || back.Sequence != int64(n) {
			t.Errorf("came back as %+v", back.Meta)
		}
		previous = d(n)
	}
	statement := summary("d4", 4, d(2), d(4), start.Add(time.Hour))
	wrong := ledger.Entry{Envelope: &ledger.Envelope{Statement: statement, Signature: must(h.opts.Entry.Sign(entry.PAE(statement)))(t), Key: h.opts.Entry.Public()}}
	if _, err := h.Append(t.Context(), wrong); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("a decision after another than the last: %v", err)
	}
	h.holds(t)
}

func TestConsistencyIsProvedBetweenAnySizes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	roots := map[uint64][]byte{}
	for _, n := range []int{1, 2, 300} {
		h.fill(t, fmt.Sprint("env", n), n)
		var cp log.Checkpoint
		if _, err := cp.Unmarshal(h.checkpoint(t)); err != nil {
			t.Fatal(err)
		}
		roots[cp.Size] = cp.Hash
	}
	for from, a := range roots {
		for to, b := range roots {
			if from > to {
				continue
			}
			path := must(ledger.Consistency(t.Context(), h.dir, from, to))(t)
			if err := proof.VerifyConsistency(rfc6962.DefaultHasher, from, to, path, a, b); err != nil {
				t.Errorf("%d to %d: %v", from, to, err)
			}
		}
	}
	if _, err := ledger.Consistency(t.Context(), h.dir, 5, 3); err == nil {
		t.Error("a smaller tree continues a larger one")
	}
}

func TestAnotherWriterIsWaitedForUntilTheDeadline(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	begun, end, done := make(chan bool), make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		_, err := h.Append(context.Background(), ledger.Entry{Kind: entry.Decision, ID: "slow", Environment: "prod", Make: func(s ledger.Slot) ([]byte, error) {
			close(begun)
			<-end
			return summary(s.ID, s.Sequence, s.Previous, "", s.Time), nil
		}})
		if err != nil {
			t.Error(err)
		}
	}()
	<-begun
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := ledger.Open(ctx, h.dir, h.opts); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "another writer holds") {
		t.Errorf("opening a ledger that is being written: %v", err)
	}
	if _, err := h.Append(ctx, decision("prod", "impatient")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("appending without patience: %v", err)
	}
	close(end)
	<-done
	must(h.Append(t.Context(), decision("dev", "patient")))(t)
	h.holds(t)
	if _, size, _ := ledger.Checkpoint(h.dir); size != 4 {
		t.Errorf("the log has %d leaves; what was withdrawn must not be there", size)
	}
}

func TestAFolderThatIsNoLedgerIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	open := func(dir string, o ledger.Options) error {
		_, err := ledger.Open(t.Context(), dir, o)
		return err
	}
	other, none := h.opts, h.opts
	other.Key, none.Now = newKey(t, host), nil
	odd := h.opts
	skey, _, err := note.GenerateKey(rand.Reader, "host:8080")
	if err != nil {
		t.Fatal(err)
	}
	odd.Key = must(entry.ReadKey([]byte(skey)))(t)
	for name, err := range map[string]error{
		"empty folder":   open(t.TempDir(), h.opts),
		"no folder":      open(h.dir+"x", h.opts),
		"another key":    open(h.dir, other),
		"no clock":       open(h.dir, none),
		"origin of port": open(h.dir, odd),
		"made twice":     ledger.Init(t.Context(), h.dir, h.opts),
		"not empty":      ledger.Init(t.Context(), h.path("entries"), h.opts),
		"no checkpoint":  func() error { _, _, err := ledger.Checkpoint(t.TempDir()); return err }(),
		"beyond the end": func() error { _, err := ledger.Read(t.Context(), h.dir, 2); return err }(),
		"not that key":   func() error { _, err := ledger.Proof(t.Context(), h.dir, 0, []byte(other.Key.Public)); return err }(),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	h.holds(t)
	if os.Getuid() != 0 {
		if err := os.Chmod(h.path("entries"), 0o500); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Append(t.Context(), decision("prod", "x")); !errors.Is(err, os.ErrPermission) {
			t.Errorf("appending to a folder that is read-only: %v", err)
		}
	}
}

// dated is a meta with a time and a body.
func dated(m entry.Meta, at time.Time) entry.Meta {
	m.Time, m.Body = at, json.RawMessage(`{"outcome":"pass"}`)
	return m
}
