package ledger_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/transparency-dev/tessera"
	"github.com/transparency-dev/tessera/storage/posix"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
)

const benchWriters = 256

// together runs b.N calls of do from 256 goroutines and reports how many a second.
func together(b *testing.B, do func(n int64) error) {
	b.Helper()
	var next atomic.Int64
	var wait sync.WaitGroup
	b.ResetTimer()
	for range benchWriters {
		wait.Add(1)
		go func() {
			defer wait.Done()
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := do(n); err != nil {
					b.Error(err)
					return
				}
			}
		}()
	}
	wait.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

// BenchmarkAppend is a durable, published and proved append of a signed entry with its
// statement, from 256 writers.
func BenchmarkAppend(b *testing.B) {
	h := newHouse(b)
	together(b, func(n int64) error {
		_, err := h.Append(context.Background(), decision(fmt.Sprint("env", n%4), fmt.Sprint("d", n)))
		return err
	})
}

// BenchmarkTessera is the same number of leaves of the same size in Tessera alone,
// awaited until published, without statements, signatures, ids or proofs.
func BenchmarkTessera(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	driver := must(posix.New(ctx, posix.Config{Path: filepath.Join(b.TempDir(), "log")}))(b)
	appender, _, reader, err := tessera.NewAppender(ctx, driver, tessera.NewAppendOptions().WithCheckpointSigner(newKey(b, host).Signer).
		WithBatching(benchWriters, 20*time.Millisecond).WithCheckpointInterval(100*time.Millisecond))
	if err != nil {
		b.Fatal(err)
	}
	await := tessera.NewPublicationAwaiter(ctx, reader.ReadCheckpoint, 5*time.Millisecond)
	together(b, func(n int64) error {
		leaf := make([]byte, 500)
		copy(leaf, fmt.Sprint(n))
		_, _, err := await.Await(ctx, appender.Add(ctx, tessera.NewEntry(leaf)))
		return err
	})
}

// BenchmarkVerify verifies a ledger of 1,000 entries.
func BenchmarkVerify(b *testing.B) {
	h := newHouse(b)
	for i := range 4 {
		h.fill(b, fmt.Sprint("env", i), 250)
	}
	b.ResetTimer()
	for b.Loop() {
		h.holds(b)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkOne is one append after another by one writer, each with the ledger opened
// for it, as a gate in a pipeline does it.
func BenchmarkOne(b *testing.B) {
	h := newHouse(b)
	n := 0
	for b.Loop() {
		l := must(ledger.Open(b.Context(), h.dir, h.opts))(b)
		n++
		must(l.Append(b.Context(), decision("prod", fmt.Sprint(n))))(b)
	}
}
