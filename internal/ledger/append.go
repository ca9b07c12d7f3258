package ledger

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/tree"
)

// Sentinels for why an entry was not appended.
var (
	// ErrEntry is an entry that no ledger takes: mistaken by its maker.
	ErrEntry = errors.New("not an entry of a ledger")
	// ErrConflict is an entry whose id is taken by other content, or whose statement
	// says another place than the next one of its sequence.
	ErrConflict = errors.New("the ledger has moved on")
)

// Entry is something to append. Exactly one of Body, Make and Envelope is given.
type Entry struct {
	Kind        entry.Kind
	Environment string // empty where it concerns no single one
	// ID makes appending exactly-once: an entry with an id that is in the log is not
	// appended again. Empty with a Body, it is the digest of kind, environment and body.
	ID string
	// Body is a JSON object; the ledger makes and signs the statement. It must hold no
	// personal data: only digests, salted commitments, codes and times.
	Body     json.RawMessage
	Subjects []entry.Subject // what the Body is about, beside itself
	// Make makes the statement for the place that it gets; the ledger signs it. It runs
	// while the ledger is locked.
	Make func(Slot) ([]byte, error)
	// Envelope is a statement that was signed already, by a key that was introduced. The
	// place that it says must be the next one.
	Envelope *Envelope
}

// Slot is the place that an entry gets.
type Slot struct {
	ID          string
	Environment string
	Sequence    int64
	Previous    string // digest of the entry before it in its sequence; empty for the first
	Time        time.Time
}

// Envelope is a DSSE signature over an in-toto statement.
type Envelope struct {
	Statement []byte
	Signature []byte
	Key       crypto.PublicKey
}

// request is an Append under way.
type request struct {
	entry Entry
	meta  entry.Meta // of an Envelope
	// rotates is a new log key, which must be alone in its commit.
	rotates bool
	done    chan struct{}

	leaf      entry.Leaf
	statement []byte
	index     uint64
	twin      *request // an earlier one with the same id in the same commit
	receipt   Receipt
	err       error
}

func newRequest(e Entry) *request { return &request{entry: e, done: make(chan struct{})} }

// prepare checks what can be checked without the log.
func (l *Ledger) prepare(e Entry) (*request, error) {
	given := 0
	for _, is := range []bool{e.Body != nil, e.Make != nil, e.Envelope != nil} {
		if is {
			given++
		}
	}
	if given != 1 {
		return nil, fmt.Errorf("%w: exactly one of body, maker and envelope is wanted", ErrEntry)
	}
	r := newRequest(e)
	if e.Envelope != nil {
		var err error
		if r.meta, err = entry.ReadStatement(e.Envelope.Statement); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrEntry, err)
		}
		if r.leaf, err = entry.NewLeaf(e.Envelope.Statement, e.Envelope.Signature, e.Envelope.Key); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrEntry, err)
		}
		if err := r.leaf.Verify(e.Envelope.Statement); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrEntry, err)
		}
		r.entry.Kind, r.entry.ID, r.entry.Environment = r.meta.Kind, r.meta.ID, r.meta.Environment
		return r, nil
	}
	if !slices.Contains(entry.Kinds(), e.Kind) {
		return nil, fmt.Errorf("%w: kind %q is not one of %v", ErrEntry, e.Kind, entry.Kinds())
	}
	if e.Make != nil && e.ID == "" {
		return nil, fmt.Errorf("%w: an entry that is made in its place wants an id", ErrEntry)
	}
	if e.Body != nil {
		if err := l.body(r); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrEntry, err)
		}
	}
	return r, nil
}

// body brings the body of a request into its canonical form, and endorses changes of
// keys.
func (l *Ledger) body(r *request) error {
	e := &r.entry
	body, err := entry.Canonical(e.Body)
	if err != nil {
		return fmt.Errorf("reading body: %w", err)
	}
	if len(body) == 0 || body[0] != '{' {
		return errors.New("the body is no JSON object")
	}
	if e.ID == "" {
		if _, e.ID, err = digest.JCS([]any{e.Kind, e.Environment, json.RawMessage(body)}); err != nil {
			return err
		}
	}
	e.Body = body
	if e.Kind != entry.KeyChange && e.Kind != entry.Revocation {
		return nil
	}
	var change entry.KeyBody
	if err := json.Unmarshal(body, &change); err != nil {
		return fmt.Errorf("reading change of keys: %w", err)
	}
	if change.Endorsement == "" {
		l.mu.Lock()
		signer := l.opts.Key.Signer
		l.mu.Unlock()
		endorsed, err := change.Endorse(signer)
		if err != nil {
			return err
		}
		e.Body, err = entry.Canonical(endorsed)
		r.rotates = change.Role == entry.RoleLog
		return err
	}
	r.rotates = change.Role == entry.RoleLog
	return nil
}

// Append appends an entry and returns its receipt when the leaf is on the disk and a
// checkpoint that covers it is published. Appending the same entry again returns the
// receipt of the first time. Entries of callers that come together go into one commit.
//
// Errors wrap ErrEntry or ErrConflict, or are those of ctx and of the file system; after
// the latter two the entry may or may not be in the log, and appending it again is safe
// and tells.
func (l *Ledger) Append(ctx context.Context, e Entry) (Receipt, error) {
	r, err := l.prepare(e)
	if err != nil {
		return Receipt{}, fmt.Errorf("appending to ledger: %w", err)
	}
	if r.rotates {
		return Receipt{}, fmt.Errorf("appending to ledger: %w: a log key is changed with Rotate (`gatekeep ledger rotate`)", ErrEntry)
	}
	l.mu.Lock()
	l.queue = append(l.queue, r)
	l.mu.Unlock()
	for {
		select {
		case <-r.done:
		case l.turn <- struct{}{}:
			time.Sleep(gather) // those who waited for the last commit are on their way
			if batch := l.take(); len(batch) > 0 {
				l.commit(ctx, batch, false)
			}
			<-l.turn
		case <-ctx.Done():
			if l.withdraw(r) {
				return Receipt{}, fmt.Errorf("appending to ledger: %w; nothing was appended", ctx.Err())
			}
			<-r.done // it is being written, which is bounded in time
		}
		select {
		case <-r.done:
			if r.err != nil {
				return Receipt{}, fmt.Errorf("appending %s %q to ledger: %w", r.entry.Kind, r.entry.ID, r.err)
			}
			return r.receipt, nil
		default:
		}
	}
}

// take removes the next batch from the queue.
func (l *Ledger) take() []*request {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.queue), tree.MaxBatch)
	batch := slices.Clone(l.queue[:n])
	l.queue = slices.Delete(l.queue, 0, n)
	return batch
}

// withdraw removes a request that nobody has taken yet.
func (l *Ledger) withdraw(r *request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.queue, r)
	if i < 0 {
		return false
	}
	l.queue = slices.Delete(l.queue, i, i+1)
	return true
}

// draft makes the leaf of a request for the next place. It leaves the chain as it was
// where the entry is refused.
func (l *Ledger) draft(r *request) error {
	e := r.entry
	m := r.meta
	if e.Envelope != nil {
		r.statement = e.Envelope.Statement
	} else {
		var err error
		if m, err = l.make(r); err != nil {
			return err
		}
	}
	found := l.chain.Try(r.leaf, m)
	if len(found) > 0 {
		return fmt.Errorf("%w: %s", ErrConflict, found[0].Detail)
	}
	return nil
}

// make makes and signs the statement of a request.
func (l *Ledger) make(r *request) (entry.Meta, error) {
	e := r.entry
	now := l.opts.Now().UTC()
	if now.Before(l.chain.Time) {
		now = l.chain.Time // another writer's clock is ahead; time does not go back
	}
	last := l.chain.Series[entry.Series(e.Kind, e.Environment)]
	m := entry.Meta{Kind: e.Kind, ID: e.ID, Environment: e.Environment, Sequence: last.Sequence + 1, Previous: last.Digest, Time: now, Body: e.Body}
	var err error
	if e.Make != nil {
		r.statement, err = e.Make(Slot{ID: m.ID, Environment: m.Environment, Sequence: m.Sequence, Previous: m.Previous, Time: m.Time})
	} else {
		r.statement, err = entry.Make(m, e.Subjects)
	}
	if err != nil {
		return entry.Meta{}, fmt.Errorf("%w: making statement: %w", ErrEntry, err)
	}
	// What is appended is what a reader will read.
	read, err := entry.ReadStatement(r.statement)
	if err != nil {
		return entry.Meta{}, fmt.Errorf("%w: %w", ErrEntry, err)
	}
	if read.Kind != m.Kind || read.ID != m.ID || read.Environment != m.Environment || read.Sequence != m.Sequence && read.Sequence != 0 {
		return entry.Meta{}, fmt.Errorf("%w: the statement made says %s %q, sequence %d of %q, and %s %q, sequence %d of %q was asked for",
			ErrEntry, read.Kind, read.ID, read.Sequence, read.Environment, m.Kind, m.ID, m.Sequence, m.Environment)
	}
	signature, err := l.opts.Entry.Sign(entry.PAE(r.statement))
	if err != nil {
		return entry.Meta{}, fmt.Errorf("signing entry: %w", err)
	}
	if r.leaf, err = entry.NewLeaf(r.statement, signature, l.opts.Entry.Public()); err != nil {
		return entry.Meta{}, err
	}
	if err := r.leaf.Verify(r.statement); err != nil {
		return entry.Meta{}, fmt.Errorf("signing entry: the key for entries makes signatures that do not verify: %w", err)
	}
	return read, nil
}

// same tells whether a request asks for the entry that is in the log under its id.
func (r *request) same(e LoggedEntry) error {
	differs := e.Kind != r.entry.Kind || e.Environment != r.entry.Environment
	if r.entry.Body != nil && !differs {
		there, err := entry.Canonical(e.Meta.Body)
		differs = err != nil || string(there) != string(r.entry.Body)
	}
	if r.entry.Envelope != nil && !differs {
		differs = string(e.Statement) != string(r.entry.Envelope.Statement)
	}
	if differs {
		return fmt.Errorf("%w: leaf %d has the same id and other content", ErrConflict, e.Index)
	}
	return nil
}
