package ledger

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/tessera/client"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/tree"
)

// idBytes of the hash of each id are kept, in the order of the leaves. Eight are a
// hint; the statement tells.
const idBytes = 8

const (
	gather        = 3 * time.Millisecond // for callers that come together; little beside the pace of the tree
	commitTimeout = 30 * time.Second     // a commit takes a fraction of a second
)

// commit appends a batch of requests under the lock of the folder, in their order, and
// answers each. The caller holds the turn.
func (l *Ledger) commit(ctx context.Context, batch []*request, first bool) {
	// Others wait for this commit too, so one caller's impatience does not end it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := l.locked(ctx, batch, first); err != nil {
		for _, r := range batch {
			if r.err == nil {
				r.err = err
			}
		}
	}
	for _, r := range batch {
		close(r.done)
	}
}

func (l *Ledger) locked(ctx context.Context, batch []*request, first bool) error {
	unlock, err := lock(ctx, l.dir)
	if err != nil {
		return err
	}
	defer unlock()
	raw, cp, err := l.settle(ctx)
	if err != nil {
		return err
	}
	switch active := l.chain.Active(); {
	case first && cp.Size >= uint64(len(batch)):
		return fmt.Errorf("%s is a ledger already", l.dir)
	case !first && active != l.opts.Key.Public:
		return fmt.Errorf("the checkpoints are signed with %s by now, and the log key given is %s", active, l.opts.Key.Public)
	}
	if err := l.find(ctx, batch, cp); err != nil {
		return err
	}
	fresh, err := l.drafts(batch)
	if err == nil && len(fresh) > 0 {
		raw, cp, err = l.write(ctx, fresh, cp.Size)
	}
	if err != nil {
		l.chain = nil // it ran ahead of the log
		return err
	}
	return l.receipts(ctx, batch, raw, cp)
}

// find marks the requests whose id is in the log already.
func (l *Ledger) find(ctx context.Context, batch []*request, cp log.Checkpoint) error {
	wanted := map[uint64][]*request{}
	for _, r := range batch {
		key := entry.IDKey(r.entry.ID)
		wanted[key] = append(wanted[key], r)
	}
	file, err := os.Open(filepath.Join(l.dir, cacheFolder, idsFile))
	if errors.Is(err, os.ErrNotExist) && cp.Size == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	// A scan of the whole file needs no memory and a millisecond for each 200,000 leaves.
	buffer := make([]byte, 64<<10)
	for at := uint64(0); at < cp.Size; {
		n, err := io.ReadFull(file, buffer[:min(uint64(len(buffer)), (cp.Size-at)*idBytes)])
		if err != nil {
			return fmt.Errorf("reading %s: %w; delete the folder %q, which is only a cache", file.Name(), err, cacheFolder)
		}
		for i := 0; i < n; i, at = i+idBytes, at+1 {
			for _, r := range wanted[binary.BigEndian.Uint64(buffer[i:])] {
				if err := l.compare(ctx, r, at, cp.Size); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// compare holds a request against the entry that may have the same id.
func (l *Ledger) compare(ctx context.Context, r *request, index, size uint64) error {
	there, err := read(ctx, l.dir, index, size)
	if err != nil {
		return err
	}
	if there.ID != r.entry.ID || r.statement != nil {
		return nil
	}
	if r.err = r.same(there); r.err == nil {
		r.index, r.leaf, r.statement = index, there.Leaf, there.Statement
	}
	return nil
}

// drafts makes the leaves of all requests that want a new one, in their order.
func (l *Ledger) drafts(batch []*request) ([]*request, error) {
	ids := map[string]*request{}
	var fresh []*request
	for _, r := range batch {
		if r.err != nil || r.statement != nil {
			continue
		}
		if twin := ids[r.entry.ID]; twin != nil {
			r.twin = twin
			continue
		}
		index := l.chain.Size
		if r.err = l.draft(r); r.err != nil {
			r.statement = nil
			continue
		}
		r.index = index
		ids[r.entry.ID] = r
		fresh = append(fresh, r)
	}
	return fresh, nil
}

// write writes the statements, then the leaves, then what a writer remembers. After
// the leaves are written they stay, whatever happens to the rest.
func (l *Ledger) write(ctx context.Context, fresh []*request, size uint64) ([]byte, log.Checkpoint, error) {
	var none log.Checkpoint
	files := map[string][]byte{}
	leaves, ids := make([][]byte, len(fresh)), make([]string, len(fresh))
	for i, r := range fresh {
		leaf, err := r.leaf.Marshal()
		if err != nil {
			return nil, none, err
		}
		leaves[i], ids[i] = leaf, r.entry.ID
		files[entry.File(r.leaf.Data)] = r.statement
	}
	if err := writeAll(filepath.Join(l.dir, entriesFolder), files); err != nil {
		return nil, none, l.giveUp(files, err)
	}
	fills := (size+uint64(len(leaves)))/tree.MaxBatch > size/tree.MaxBatch
	s, err := tree.Sit(ctx, l.log(), l.opts.Key.Signer, l.witnesses, len(leaves), fills)
	if err != nil {
		return nil, none, l.giveUp(files, err)
	}
	if s.Size != size {
		s.GiveUp()
		return nil, none, fmt.Errorf("writing ledger %s: it grew while it was locked; does something write into it that does not take the lock?", l.dir)
	}
	if err := s.Append(ctx, leaves); err != nil {
		s.GiveUp()
		return nil, none, err
	}
	raw, cp, err := s.End(ctx)
	if err != nil {
		return nil, none, err
	}
	l.chain.Root = cp.Hash
	return raw, cp, l.remember(size, ids)
}

// giveUp removes the statements of leaves that were not written.
func (l *Ledger) giveUp(files map[string][]byte, err error) error {
	for name := range files {
		for _, path := range []string{name, name + ".new"} {
			if gone := os.Remove(filepath.Join(l.dir, entriesFolder, path)); gone != nil && !errors.Is(gone, os.ErrNotExist) {
				err = errors.Join(err, gone)
			}
		}
	}
	return err
}

// remember writes the cache: the ids of the leaves from one index on, then the chain,
// whose size says how many ids count.
func (l *Ledger) remember(from uint64, ids []string) error {
	folder := filepath.Join(l.dir, cacheFolder)
	if err := os.MkdirAll(folder, dirMode); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(folder, idsFile), os.O_CREATE|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	keys := make([]byte, 0, idBytes*len(ids))
	for _, id := range ids {
		keys = binary.BigEndian.AppendUint64(keys, entry.IDKey(id))
	}
	_, err = file.WriteAt(keys, int64(from)*idBytes)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	out, err := json.Marshal(l.chain)
	if err != nil {
		return err
	}
	return writeAll(folder, map[string][]byte{chainFile: out})
}

// receipts proves each request that is in the log against the published checkpoint.
func (l *Ledger) receipts(ctx context.Context, batch []*request, raw []byte, cp log.Checkpoint) error {
	if cp.Size == 0 {
		return nil
	}
	builder, err := client.NewProofBuilder(ctx, cp.Size, client.FileFetcher{Root: l.log()}.ReadTile)
	if err != nil {
		return fmt.Errorf("proving inclusion: %w", err)
	}
	for _, r := range batch {
		from := r
		if r.twin != nil {
			from = r.twin
			if r.err = r.same(LoggedEntry{Index: from.index, Statement: from.statement, Meta: entry.Meta{
				Kind: from.entry.Kind, Environment: from.entry.Environment, Body: from.entry.Body}}); r.err != nil {
				continue
			}
		}
		if r.err != nil || from.statement == nil {
			continue
		}
		if r.receipt, err = newReceipt(ctx, builder, from.index, from.leaf, from.statement, raw, cp, l.opts.Key.Public); err != nil {
			return err
		}
	}
	return nil
}
