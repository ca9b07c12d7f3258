// Package tree is the Merkle tree of a ledger: transparency-dev/tessera on a folder, at
// work for one commit at a time, with witnesses that sign its checkpoints.
package tree

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// Pace of the log.
const (
	MaxBatch       = 256                    // leaves in one commit: one tile
	publishEvery   = 100 * time.Millisecond // the shortest that Tessera allows between two checkpoints
	pollCheckpoint = 2 * time.Millisecond
	noTimer        = time.Hour             // a batch is cut by its size, never by its age
	tidyEvery      = 10 * time.Millisecond // in the commits that fill a tile, whose partial ones are then of no use
	maxCheckpoint  = 64 << 10              // a few lines for each of its signers
	lateWrite      = time.Second           // for a checkpoint that was on its way to the disk when the commit was given up
)

// press is the signer of checkpoints of one commit. Tessera's goroutines outlive its
// Shutdown; a checkpoint that one of them wrote late would take back a newer one. So
// no checkpoint is signed after the commit has ended, and it does not end before the
// last that was signed has been written.
type press struct {
	note.Signer
	mu     sync.Mutex
	closed bool
	signed []byte // the last
}

// Sign implements note.Signer.
func (p *press) Sign(text []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("the commit has ended")
	}
	p.signed = bytes.Clone(text)
	return p.Signer.Sign(text)
}

// close ends signing, unless a checkpoint that was signed is not yet the published one.
func (p *press) close(published []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.signed != nil && !bytes.HasPrefix(published, p.signed) {
		return false
	}
	p.closed = true
	return true
}

// stop ends signing, and tells whether something was signed.
func (p *press) stop() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	return p.signed != nil
}

// Sitting is Tessera at work for one commit. It cuts its batches when exactly batch
// leaves are there, so a commit is written whole or not at all.
type Sitting struct {
	dir    string
	press  *press
	add    tessera.AddFn
	Size   uint64 // integrated, also where no checkpoint says so yet
	cancel context.CancelFunc
	asked  *correspondence // with witnesses; nil where none is asked
}

// Sit starts Tessera in the folder, whose lock the caller holds. Checkpoints that it
// publishes have the cosignatures that the witnesses' policy wants.
func Sit(ctx context.Context, dir string, signer note.Signer, w *Witnesses, batch int, tidy bool) (s *Sitting, err error) {
	// Tessera panics where it cannot open its own lock files.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("opening the log in %s: %v", dir, r)
		}
	}()
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		if err != nil {
			cancel()
		}
	}()
	s = &Sitting{dir: dir, press: &press{Signer: signer}, cancel: cancel}
	place := posix.Config{Path: dir}
	if w != nil {
		s.asked = correspond()
		place.HTTPClient = s.asked.client()
	}
	driver, err := posix.New(ctx, place)
	if err != nil {
		return nil, fmt.Errorf("opening the log in %s: %w", dir, err)
	}
	options := tessera.NewAppendOptions().WithCheckpointSigner(s.press).WithBatching(uint(batch), noTimer).
		WithCheckpointInterval(publishEvery).WithCheckpointRepublishInterval(0).WithGarbageCollectionInterval(0)
	if w != nil {
		options.WithWitnesses(w.group, &tessera.WitnessOptions{Timeout: witnessTimeout})
	}
	if tidy {
		options.WithGarbageCollectionInterval(tidyEvery)
	}
	appender, _, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return nil, fmt.Errorf("opening the log in %s: %w", dir, err)
	}
	s.add = appender.Add
	if s.Size, err = reader.IntegratedSize(ctx); err != nil {
		return nil, fmt.Errorf("opening the log in %s: %w", dir, err)
	}
	return s, nil
}

// Append adds the leaves, all or none, and returns when they are durable.
func (s *Sitting) Append(ctx context.Context, leaves [][]byte) error {
	first := s.Size
	futures := make([]tessera.IndexFuture, len(leaves))
	for i, l := range leaves {
		futures[i] = s.add(ctx, tessera.NewEntry(l))
	}
	for i, future := range futures {
		index, err := future()
		if err != nil {
			return fmt.Errorf("writing the log in %s: %w", s.dir, err)
		}
		if index.Index != first+uint64(i) {
			return fmt.Errorf("writing the log in %s: leaf %d came to place %d: somebody else writes into it without taking the lock", s.dir, first+uint64(i), index.Index)
		}
	}
	s.Size = first + uint64(len(leaves))
	return nil
}

// End waits until a checkpoint covers all that is in the log, stops Tessera, and
// returns that checkpoint.
func (s *Sitting) End(ctx context.Context) ([]byte, log.Checkpoint, error) {
	defer s.cancel()
	for {
		raw, cp, err := ReadCheckpoint(s.dir)
		switch {
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return nil, cp, err
		case err == nil && cp.Size > s.Size:
			return nil, cp, fmt.Errorf("reading %s: its checkpoint promises %d leaves and it holds %d; restore it from a copy, and look into it with `gatekeep ledger verify`", s.dir, cp.Size, s.Size)
		case err == nil && cp.Size == s.Size && s.press.close(raw):
			return raw, cp, nil
		}
		if err := s.asked.failed(); err != nil {
			s.GiveUp()
			return nil, cp, fmt.Errorf("waiting for the checkpoint of %d leaves in %s: %w", s.Size, s.dir, err)
		}
		select {
		case <-ctx.Done():
			s.GiveUp()
			return nil, cp, fmt.Errorf("waiting for the checkpoint of %d leaves in %s: %w; is the disk full?", s.Size, s.dir, ctx.Err())
		case <-time.After(pollCheckpoint):
		}
	}
}

// GiveUp stops Tessera before it has published what it signed. Should that be on its
// way to the disk, it must arrive before anybody goes on: late, it would take back a newer one.
func (s *Sitting) GiveUp() {
	s.cancel()
	if s.press.stop() {
		time.Sleep(lateWrite)
	}
}

// ReadCheckpoint reads the published checkpoint without believing it.
func ReadCheckpoint(dir string) ([]byte, log.Checkpoint, error) {
	var cp log.Checkpoint
	file, err := os.Open(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return nil, cp, fmt.Errorf("reading checkpoint: %w", err)
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxCheckpoint+1))
	if err == nil && len(raw) > maxCheckpoint {
		err = fmt.Errorf("it has more than %d bytes", maxCheckpoint)
	}
	if err != nil {
		return nil, cp, fmt.Errorf("reading checkpoint: %w", err)
	}
	if _, err := cp.Unmarshal(raw); err != nil {
		return raw, cp, fmt.Errorf("reading checkpoint in %s: %w", dir, err)
	}
	return raw, cp, nil
}

// Walk hands every leaf from one index up to another, exclusive, to each, in order.
func Walk(ctx context.Context, dir string, from, to, size uint64, each func(index uint64, leaf []byte) error) error {
	files := client.FileFetcher{Root: dir}
	for i := from; i < to; {
		if err := ctx.Err(); err != nil {
			return err
		}
		number := i / MaxBatch
		bundle, err := client.GetEntryBundle(ctx, files.ReadEntryBundle, number, size)
		if err != nil {
			return &entry.Problem{Reason: entry.ReasonLogTruncated, Detail: fmt.Sprintf("the leaves from %d on cannot be read: %v", number*MaxBatch, err)}
		}
		for ; i < to && i/MaxBatch == number; i++ {
			at := i % MaxBatch
			if at >= uint64(len(bundle.Entries)) {
				return &entry.Problem{Reason: entry.ReasonLogTruncated, Detail: fmt.Sprintf("leaf %d is missing", i)}
			}
			if err := each(i, bundle.Entries[at]); err != nil {
				return err
			}
		}
	}
	return nil
}
