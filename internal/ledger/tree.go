package ledger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/storage/posix"
	"golang.org/x/mod/sumdb/note"
	"k8s.io/klog/v2"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// Pace of the log.
const (
	maxBatch       = 256                    // leaves in one commit: one tile
	gather         = 3 * time.Millisecond   // for callers that come together; little beside publishEvery
	publishEvery   = 100 * time.Millisecond // the shortest that Tessera allows between two checkpoints
	pollCheckpoint = 2 * time.Millisecond
	noTimer        = time.Hour             // a batch is cut by its size, never by its age
	tidyEvery      = 10 * time.Millisecond // in the commits that fill a tile, whose partial ones are then of no use
	commitTimeout  = 30 * time.Second      // a commit takes a fraction of a second
	maxCheckpoint  = 64 << 10              // a few lines for each of its signers
)

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

// sitting is Tessera at work for one commit. It cuts its batches when exactly batch
// leaves are there, so a commit is written whole or not at all.
type sitting struct {
	dir    string
	press  *press
	add    tessera.AddFn
	size   uint64 // integrated, also where no checkpoint says so yet
	cancel context.CancelFunc
}

// sit starts Tessera in the folder, whose lock the caller holds.
func sit(ctx context.Context, dir string, signer note.Signer, batch int, tidy bool) (s *sitting, err error) {
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
	driver, err := posix.New(ctx, posix.Config{Path: dir})
	if err != nil {
		return nil, fmt.Errorf("opening the log in %s: %w", dir, err)
	}
	s = &sitting{dir: dir, press: &press{Signer: signer}, cancel: cancel}
	options := tessera.NewAppendOptions().WithCheckpointSigner(s.press).WithBatching(uint(batch), noTimer).
		WithCheckpointInterval(publishEvery).WithCheckpointRepublishInterval(0).WithGarbageCollectionInterval(0)
	if tidy {
		options.WithGarbageCollectionInterval(tidyEvery)
	}
	appender, _, reader, err := tessera.NewAppender(ctx, driver, options)
	if err != nil {
		return nil, fmt.Errorf("opening the log in %s: %w", dir, err)
	}
	s.add = appender.Add
	if s.size, err = reader.IntegratedSize(ctx); err != nil {
		return nil, fmt.Errorf("opening the log in %s: %w", dir, err)
	}
	return s, nil
}

// append adds the leaves, all or none, and returns when they are durable.
func (s *sitting) append(ctx context.Context, leaves [][]byte) error {
	first := s.size
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
	s.size = first + uint64(len(leaves))
	return nil
}

// end waits until a checkpoint covers all that is in the log, stops Tessera, and
// returns that checkpoint.
func (s *sitting) end(ctx context.Context) ([]byte, log.Checkpoint, error) {
	defer s.cancel()
	for {
		raw, cp, err := ReadCheckpoint(s.dir)
		switch {
		case err != nil && !errors.Is(err, os.ErrNotExist):
			return nil, cp, err
		case err == nil && cp.Size > s.size:
			return nil, cp, fmt.Errorf("reading %s: its checkpoint promises %d leaves and it holds %d; restore it from a copy, and look into it with `gatekeep ledger verify`", s.dir, cp.Size, s.size)
		case err == nil && cp.Size == s.size && s.press.close(raw):
			return raw, cp, nil
		}
		select {
		case <-ctx.Done():
			return nil, cp, fmt.Errorf("waiting for the checkpoint of %d leaves in %s: %w; is the disk full?", s.size, s.dir, ctx.Err())
		case <-time.After(pollCheckpoint):
		}
	}
}

// ReadCheckpoint reads the published checkpoint without believing it.
func ReadCheckpoint(dir string) ([]byte, log.Checkpoint, error) {
	var cp log.Checkpoint
	raw, err := readBounded(filepath.Join(dir, "checkpoint"), maxCheckpoint)
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
		number := i / maxBatch
		bundle, err := client.GetEntryBundle(ctx, files.ReadEntryBundle, number, size)
		if err != nil {
			return &entry.Problem{Reason: entry.ReasonLogTruncated, Detail: fmt.Sprintf("the leaves from %d on cannot be read: %v", number*maxBatch, err)}
		}
		for ; i < to && i/maxBatch == number; i++ {
			at := i % maxBatch
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
