package ledger

import (
	"context"
	"fmt"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// Head is how far a ledger is: the newest checkpoint, and the last entry of one
// sequence, which the next one must follow.
type Head struct {
	Sequence   int64  // 0 where the sequence has none yet
	Digest     string // what the next entry calls the one before it; "" where there is none
	Checkpoint []byte // signed note
	Size       uint64
}

// Head reads how far the sequence of a kind in an environment is. Another writer may
// append right after; an entry that is signed for the next place is then ErrConflict.
func (l *Ledger) Head(ctx context.Context, kind entry.Kind, environment string) (Head, error) {
	fail := func(err error) (Head, error) { return Head{}, fmt.Errorf("reading head of ledger %s: %w", l.dir, err) }
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return fail(ctx.Err())
	}
	unlock, err := lock(ctx, l.dir)
	if err != nil {
		return fail(err)
	}
	defer unlock()
	raw, cp, err := l.settle(ctx)
	if err != nil {
		return fail(err)
	}
	last := l.chain.Series[entry.Series(kind, environment)]
	return Head{Sequence: last.Sequence, Digest: last.Digest, Checkpoint: raw, Size: cp.Size}, nil
}

// Origin names the log.
func (l *Ledger) Origin() string { return l.opts.Key.Signer.Name() }
