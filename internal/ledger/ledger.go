// Package ledger keeps the record of what the gate did as a transparency log: a
// Merkle tree (RFC 6962) of entries that are never changed or removed, with signed
// checkpoints that anybody can remember and hold the log to later. The log is
// transparency-dev/tessera on a folder; this package says what an entry is, makes
// appending exactly-once, and checks the whole.
//
// The folder of a ledger:
//
//	log/checkpoint          C2SP tlog-checkpoint: origin, size, root, signatures
//	log/tile/...            C2SP tlog-tiles: the tree, and the leaves in tile/entries
//	log/.state/             Tessera's own
//	entries/sha256-<hex>    the statement of each leaf, named by the digest in the leaf
//	cache/                  what a writer would else have to count again; it may be
//	                        deleted at any time and proves nothing
//	lock                    held by the one who writes
//	witness-policy          who must cosign checkpoints; not there where nobody must
//
// A leaf is a hashedrekord 0.0.2 of Rekor v2 in canonical JSON: a digest, an ECDSA
// signature and its public key. The digest is over the DSSE pre-authentication
// encoding of an in-toto statement, so that a Sigstore bundle v0.3 of that statement
// carries the leaf with its proof and stock tools verify it. A statement is either the
// ledger's own, of type https://gatekeep.dev/ledger/<kind>/v1, or the SLSA verification
// summary of a decision. It says kind, id, environment, sequence, the entry before it,
// and time.
//
// Leaves hold no personal data. Statements must not either: their makers put salted
// commitments in the place of names, so that erasing a salt erases the person and every
// proof still holds.
//
// Entries of a kind in an environment are numbered from 1 without gap, and each names
// the one before it. The first leaf says which log key the log begins with, the second
// introduces the key that signs entries; each change of keys is an entry that the log
// key endorses.
package ledger

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/transparency-dev/formats/log"
	"k8s.io/klog/v2"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/tree"
)

// Ledger writes and reads one folder. It may be used by many goroutines, and other
// processes may write into the folder meanwhile: each commit takes the folder's lock.
// It holds no file and no goroutine between calls.
type Ledger struct {
	dir  string
	opts Options

	mu    sync.Mutex
	queue []*request
	turn  chan struct{} // holds a token while somebody commits
	chain *entry.Chain  // as of the last commit; nil where it must be read again

	witnesses *tree.Witnesses // nil where none is asked
}

// Options open a ledger for writing.
type Options struct {
	Key   entry.LogKey     // signs checkpoints
	Entry entry.Signer     // signs entries
	Now   func() time.Time // the clock
}

func (o Options) check() error {
	if o.Key.Signer == nil || o.Entry == nil || o.Now == nil {
		return errors.New("a log key, a key for entries and a clock are wanted")
	}
	if err := entry.CheckKey(o.Entry.Public()); err != nil {
		return err
	}
	if host := o.Key.Signer.Name(); !entry.ValidOrigin(host) {
		return fmt.Errorf("the origin %q of the log key is no bare host name, like gatekeep.example", host)
	}
	return nil
}

// LogTo sends what Tessera has to say for itself to w, or nowhere with nil. It logs
// through two loggers of the whole program, klog and slog, which write to standard
// error by default. What goes wrong comes back as an error all the same.
func LogTo(w io.Writer) {
	if w == nil {
		w = io.Discard
	}
	klog.LogToStderr(false)
	klog.SetOutput(w)
	slog.SetDefault(slog.New(slog.NewTextHandler(w, nil)))
}

// Init makes a ledger in a folder that does not exist or is empty, with its first two
// leaves. Its origin is the name in the log key. A second Init is an error; one that
// was cut short may be repeated.
func Init(ctx context.Context, dir string, o Options) error {
	fail := func(err error) error { return fmt.Errorf("making ledger: %w", err) }
	if err := o.check(); err != nil {
		return fail(err)
	}
	if _, err := os.Stat(filepath.Join(dir, lockFile)); errors.Is(err, os.ErrNotExist) {
		if there, err := os.ReadDir(dir); err == nil && len(there) > 0 {
			return fail(fmt.Errorf("%s is not empty", dir))
		}
	}
	for _, folder := range []string{dir, filepath.Join(dir, LogFolder), filepath.Join(dir, entriesFolder), filepath.Join(dir, cacheFolder)} {
		if err := os.MkdirAll(folder, dirMode); err != nil {
			return fail(err)
		}
	}
	file, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_WRONLY, fileMode)
	if err != nil {
		return fail(err)
	}
	if err := errors.Join(file.Close(), syncFolder(dir)); err != nil {
		return fail(err)
	}
	l := newLedger(dir, o)
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	der, err := x509.MarshalPKIXPublicKey(o.Entry.Public())
	if err != nil {
		return fail(err)
	}
	var first []*request
	for _, body := range []entry.KeyBody{
		{Action: entry.Introduce, Role: entry.RoleLog, Key: o.Key.Public},
		{Action: entry.Introduce, Role: entry.RoleEntry, Key: base64.StdEncoding.EncodeToString(der)},
	} {
		endorsed, err := body.Endorse(o.Key.Signer)
		if err != nil {
			return fail(err)
		}
		first = append(first, newRequest(Entry{Kind: entry.KeyChange, ID: "init-" + body.Role, Body: endorsed}))
	}
	l.commit(ctx, first, true)
	for _, r := range first {
		if r.err != nil {
			return fail(r.err)
		}
	}
	return nil
}

// Open opens a ledger for writing. It fails where the folder is none, or where its log
// is signed with another key.
func Open(ctx context.Context, dir string, o Options) (*Ledger, error) {
	fail := func(err error) (*Ledger, error) { return nil, fmt.Errorf("opening ledger %s: %w", dir, err) }
	if err := o.check(); err != nil {
		return fail(err)
	}
	l := newLedger(dir, o)
	unlock, err := lock(ctx, dir)
	if err != nil {
		return fail(err)
	}
	defer unlock()
	if l.witnesses, err = witnessesOf(dir); err != nil {
		return fail(err)
	}
	if _, _, err := l.settle(ctx); err != nil {
		return fail(err)
	}
	if l.chain.Size == 0 {
		return fail(errors.New("it was never finished; repeat `gatekeep ledger init`"))
	}
	if active := l.chain.Active(); active != o.Key.Public {
		return fail(fmt.Errorf("its checkpoints are signed with %s, and the log key given is %s; give the key that is in use", active, o.Key.Public))
	}
	return l, nil
}

func newLedger(dir string, o Options) *Ledger {
	return &Ledger{dir: dir, opts: o, turn: make(chan struct{}, 1)}
}

// Close waits for appends under way. Nothing is held open, so forgetting it loses nothing.
func (l *Ledger) Close() error {
	l.turn <- struct{}{}
	<-l.turn
	return nil
}

func (l *Ledger) log() string { return filepath.Join(l.dir, LogFolder) }

// settle, under the lock, publishes what a writer that died left unpublished, and
// brings the chain up to the whole log.
func (l *Ledger) settle(ctx context.Context) ([]byte, log.Checkpoint, error) {
	s, err := tree.Sit(ctx, l.log(), l.opts.Key.Signer, l.witnesses, 1, false)
	if err != nil {
		return nil, log.Checkpoint{}, err
	}
	raw, cp, err := s.End(ctx)
	if err != nil {
		return nil, cp, err
	}
	// Another process may have gone on, and left its count.
	if l.chain == nil || l.chain.Size != cp.Size || !l.counted(l.chain) {
		l.chain = l.cached(cp)
	}
	if l.chain.Size < cp.Size {
		if err := l.catchUp(ctx, cp); err != nil {
			l.chain = nil
			return nil, cp, err
		}
	}
	return raw, cp, nil
}

// cached reads the chain that the last commit left, or begins a new one.
func (l *Ledger) cached(cp log.Checkpoint) *entry.Chain {
	fresh, c := entry.NewChain(l.opts.Key.Signer.Name()), entry.NewChain("")
	raw, err := os.ReadFile(filepath.Join(l.dir, cacheFolder, chainFile))
	if err != nil || json.Unmarshal(raw, c) != nil {
		return fresh // it is only a cache
	}
	if c.Origin != fresh.Origin || c.Size > cp.Size || c.Size == cp.Size && !bytes.Equal(c.Root, cp.Hash) || !l.counted(c) {
		return fresh
	}
	return c
}

// counted tells whether the ids of all leaves of a chain are there.
func (l *Ledger) counted(c *entry.Chain) bool {
	ids, err := os.Stat(filepath.Join(l.dir, cacheFolder, idsFile))
	return err == nil && uint64(ids.Size()) >= c.Size*idBytes
}

// catchUp walks the leaves that others appended. What is wrong with them is for Verify
// to say: a writer only has to know how far the log is.
func (l *Ledger) catchUp(ctx context.Context, cp log.Checkpoint) error {
	from := l.chain.Size
	var ids []string
	err := tree.Walk(ctx, l.log(), from, cp.Size, cp.Size, func(index uint64, data []byte) error {
		e, err := ReadEntry(l.dir, index, data)
		if err != nil {
			return fmt.Errorf("leaf %d: %w; look into it with `gatekeep ledger verify`", index, err)
		}
		l.chain.Next(e.Leaf, e.Meta)
		ids = append(ids, e.ID)
		return nil
	})
	if err != nil {
		return fmt.Errorf("counting the log again: %w", err)
	}
	l.chain.Root = cp.Hash
	return l.remember(from, ids)
}
