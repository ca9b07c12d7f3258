package audit

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"sync"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/tree"
)

const tileWidth = 256 // leaves of one file of the log (C2SP tlog-tiles)

// outcome is what reading one leaf gave.
type outcome struct {
	data  []byte
	entry ledger.LoggedEntry
	err   error
}

// visit is handed each entry that can be read, and the hash of its leaf.
type visit func(e ledger.LoggedEntry, hash []byte)

// leaves walks the log: the root again from the leaves, and each entry through the
// chain. Entries of a tile are read side by side, and judged in their order.
func (x *examination) leaves(ctx context.Context, each visit) error {
	grown := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	ids := map[uint64]uint64{}
	var pending []outcome
	flush := func() error {
		x.readAll(x.chain.Size, pending)
		for _, o := range pending {
			if err := x.leaf(ctx, grown, o, ids, each); err != nil {
				return err
			}
		}
		pending = pending[:0]
		return nil
	}
	if err := x.mark(grown); err != nil {
		return err
	}
	err := tree.Walk(ctx, x.log(), 0, x.cp.Size, x.cp.Size, func(_ uint64, data []byte) error {
		if pending = append(pending, outcome{data: data}); len(pending) < tileWidth {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	var p *entry.Problem
	if errors.As(err, &p) {
		x.add(p) // the rest of the log is not there; what is there was judged
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	if x.root, err = grown.GetRootHash(nil); err != nil {
		return err
	}
	if x.cp.Size == 0 {
		x.root = rfc6962.DefaultHasher.EmptyRoot()
	}
	// C2SP tlog-checkpoint: "the tree hash ... at that tree size".
	if !bytes.Equal(x.root, x.cp.Hash) {
		x.add(entry.Problemf(entry.ReasonLogRewritten, "the %d leaves do not give the root of the checkpoint", x.cp.Size))
	}
	return nil
}

// readAll reads the statements of some leaves side by side.
func (x *examination) readAll(first uint64, batch []outcome) {
	var wait sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for i := w; i < len(batch); i += workers {
				batch[i].entry, batch[i].err = ledger.ReadEntry(x.dir, first+uint64(i), batch[i].data)
			}
		}()
	}
	wait.Wait()
}

// leaf judges one leaf.
func (x *examination) leaf(ctx context.Context, grown *compact.Range, o outcome, ids map[uint64]uint64, each visit) error {
	index := x.chain.Size
	hash := rfc6962.DefaultHasher.HashLeaf(o.data)
	if err := grown.Append(hash, nil); err != nil {
		return err
	}
	if err := x.mark(grown); err != nil {
		return err
	}
	if o.err != nil {
		var p *entry.Problem
		if !errors.As(o.err, &p) {
			return o.err
		}
		at := int64(index)
		p.Index = &at
		x.add(p)
		x.chain.Size++
		return nil
	}
	for _, p := range x.chain.Next(o.entry.Leaf, o.entry.Meta) {
		x.add(p)
	}
	if err := x.once(ctx, o.entry, ids); err != nil {
		return err
	}
	x.report.Newest = x.chain.Time
	if each != nil {
		each(o.entry, hash)
	}
	return nil
}

// mark keeps the root of our leaves at the remembered size.
func (x *examination) mark(grown *compact.Range) error {
	if x.remembered == nil || grown.End() != x.remembered.Size {
		return nil
	}
	if grown.End() == 0 {
		x.rememberedRoot = rfc6962.DefaultHasher.EmptyRoot()
		return nil
	}
	root, err := grown.GetRootHash(nil)
	x.rememberedRoot = root
	return err
}

// once reports an id that was logged before.
func (x *examination) once(ctx context.Context, e ledger.LoggedEntry, ids map[uint64]uint64) error {
	key := entry.IDKey(e.ID)
	earlier, seen := ids[key]
	if !seen {
		ids[key] = e.Index
		return nil
	}
	there, err := ledger.Read(ctx, x.dir, earlier)
	if err == nil && there.ID == e.ID {
		p := entry.Problemf(entry.ReasonEntryDoubled, "%s %q is in the log twice: leaf %d has the same id", e.Kind, e.ID, earlier)
		at := int64(e.Index)
		p.Index, p.ID, p.Environment, p.Sequence = &at, e.ID, e.Environment, e.Sequence
		x.add(p)
	}
	return ctx.Err()
}

// revoked walks once more where a key was revoked: what it signed from the time on from
// which it counts as stolen is in doubt, also where that was logged before anybody knew.
func (x *examination) revoked(ctx context.Context) error {
	any := false
	for _, k := range x.chain.Keys {
		any = any || k.Revoked != nil
	}
	if !any || x.count[entry.ReasonLogTruncated] > 0 {
		return nil
	}
	return tree.Walk(ctx, x.log(), 0, x.cp.Size, x.cp.Size, func(index uint64, data []byte) error {
		e, err := ledger.ReadEntry(x.dir, index, data)
		if err != nil {
			return nil // reported in the first walk
		}
		k, known := x.chain.Keys[entry.Fingerprint(e.Leaf.Key)]
		if !known || k.Revoked == nil || index >= *k.Revoked || e.Time.Before(*k.Compromised) {
			return nil
		}
		at := int64(index)
		p := entry.Problemf(entry.ReasonEntryKeyRevoked, "it is signed with key %s, which leaf %d revoked: it counts as stolen from %s", entry.Fingerprint(e.Leaf.Key), *k.Revoked, k.Compromised.UTC())
		p.Index, p.ID, p.Environment, p.Sequence = &at, e.ID, e.Environment, e.Sequence
		x.add(p)
		return nil
	})
}
