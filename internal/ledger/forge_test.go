package ledger_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// A forger holds the log key and writes whatever log he likes: every signature of a
// checkpoint holds, and only the rules that entries follow give him away.

// link is a leaf to be forged: a statement and who signs it, or leaves as they are.
type link struct {
	statement []byte
	by        signer
	leaf      []byte // instead, where given
}

// links are the genuine entries of a ledger.
func (h *house) links(t testing.TB) []link {
	t.Helper()
	_, size, err := ledger.Checkpoint(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []link
	for i := range size {
		e := must(ledger.Read(t.Context(), h.dir, i))(t)
		out = append(out, link{statement: e.Statement, leaf: must(e.Leaf.Marshal())(t)})
	}
	return out
}

// says is a link with a statement of this meta, signed by the key of the house.
func (h *house) says(t testing.TB, m entry.Meta) link {
	t.Helper()
	if m.Body == nil {
		m.Body = json.RawMessage(`{"outcome":"pass"}`)
	}
	if m.Time.IsZero() {
		m.Time = start.Add(time.Hour)
	}
	return link{statement: must(entry.Make(m, nil))(t), by: h.opts.Entry.(signer)}
}

// forge writes these links as the ledger of the house, instead of what is there.
func (h *house) forge(t testing.TB, links ...link) {
	t.Helper()
	for _, folder := range []string{ledger.LogFolder, "entries", "cache"} {
		if err := os.RemoveAll(filepath.Join(h.dir, folder)); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(h.dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var leaves [][]byte
	for _, l := range links {
		raw := l.leaf
		if raw == nil {
			signature := must(l.by.Sign(entry.PAE(l.statement)))(t)
			raw = must(must(entry.NewLeaf(l.statement, signature, l.by.Public()))(t).Marshal())(t)
		}
		if leaf, err := entry.ParseLeaf(raw); err == nil {
			put(t, filepath.Join(h.dir, "entries", entry.File(leaf.Data)), l.statement)
		}
		leaves = append(leaves, raw)
	}
	publish(t, filepath.Join(h.dir, ledger.LogFolder), leaves, h.opts.Key.Signer)
}

// publish writes a log with Tessera itself.
func publish(t testing.TB, dir string, leaves [][]byte, signer note.Signer) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	driver := must(posix.New(ctx, posix.Config{Path: dir}))(t)
	appender, _, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().WithCheckpointSigner(signer).
		WithBatching(uint(len(leaves)), time.Second).WithCheckpointInterval(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	await := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 5*time.Millisecond)
	var futures []tessera.IndexFuture
	for _, l := range leaves {
		futures = append(futures, appender.Add(ctx, tessera.NewEntry(l)))
	}
	if _, _, err := await.Await(ctx, futures[len(futures)-1]); err != nil {
		t.Fatal(err)
	}
}

// sign writes a checkpoint of the house anew, signed by others.
func (h *house) sign(t testing.TB, signers ...note.Signer) {
	t.Helper()
	path := filepath.Join(h.dir, ledger.LogFolder, "checkpoint")
	raw := must(os.ReadFile(path))(t)
	text, _, _ := bytes.Cut(raw, []byte("\n\n"))
	put(t, path, must(note.Sign(&note.Note{Text: string(text) + "\n"}, signers...))(t))
}

// nth is the n-th decision of prod after a statement.
func nth(n int64, previous []byte) entry.Meta {
	m := entry.Meta{Kind: entry.Decision, Environment: "prod", ID: fmt.Sprintf("forged-%d", n), Sequence: n}
	if previous != nil {
		m.Previous = digest.Of(previous)
	}
	return m
}
