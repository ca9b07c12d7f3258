package main

import (
	"flag"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// How much the test of killed gates does. What it does by default is for every day;
// docs/ledger.md has the numbers with which it was run in full.
var (
	killRuns = flag.Int("gate-runs", 40, "checks in all")
	killed   = flag.Int("gate-kills", 16, "checks of them that are killed at a random moment")
)

// A gate that is killed at any moment leaves no acknowledged decision without its whole
// evidence, no decision twice, no gap, and nothing in the store that the log does not
// hold once what was pending is completed.
func TestAGateThatIsKilledLosesNothing(t *testing.T) {
	h := newPlant(t, t.TempDir())
	dir, gatekeep, check := h.dir, h.gatekeep, h.check
	began := time.Now()
	first := gatekeep(check...)
	if out, _ := first.CombinedOutput(); first.ProcessState.ExitCode() != exitShut {
		t.Fatalf("a check exits with %d: %s", first.ProcessState.ExitCode(), out)
	}
	usual := time.Since(began) // longer where others want the ledger too

	const writers = 8
	var mu sync.Mutex
	acknowledged := 1
	var wait sync.WaitGroup
	turns := make(chan bool, *killRuns)
	for i := range *killRuns {
		turns <- i >= 8 && i%2 == 0 && i < 2**killed+8
	}
	close(turns)
	for range writers {
		wait.Go(func() {
			for kill := range turns {
				c := gatekeep(check...)
				if err := c.Start(); err != nil {
					t.Error(err)
					return
				}
				began := time.Now()
				if kill {
					mu.Lock()
					limit := usual + usual/4
					mu.Unlock()
					time.AfterFunc(time.Duration(rand.Int64N(int64(limit))), func() { _ = c.Process.Kill() }) // it may have ended
				}
				_ = c.Wait() // the exit code tells
				switch code := c.ProcessState.ExitCode(); {
				case code == exitShut:
					mu.Lock()
					usual = (usual*3 + time.Since(began)) / 4
					acknowledged++
					mu.Unlock()
				case code == -1 && kill:
				default:
					t.Errorf("a check exits with %d", code)
				}
			}
		})
	}
	wait.Wait()
	// And some are killed where it hurts: between the log and the proof of it.
	for range *killed / 2 {
		before, _ := filepath.Glob(filepath.Join(dir, "store", "*"+pendingSuffix))
		c := gatekeep(check...)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer c.Process.Kill()
			for {
				select {
				case <-ended:
					return
				case <-time.After(time.Millisecond):
				}
				if now, _ := filepath.Glob(filepath.Join(dir, "store", "*"+pendingSuffix)); len(now) > len(before) {
					time.Sleep(time.Duration(rand.Int64N(int64(120 * time.Millisecond))))
					return
				}
			}
		}()
		_ = c.Wait() // the exit code tells
		close(ended)
		if c.ProcessState.ExitCode() == exitShut {
			acknowledged++
		}
	}

	pending, completed := h.complete()
	bundles := h.agree()
	if bundles < acknowledged {
		t.Errorf("%d decisions were acknowledged, and the store holds %d", acknowledged, bundles)
	}
	t.Logf("%d checks, %d to be killed: %d acknowledged, %d pending of which %d were logged, %d bundles", *killRuns+1, *killed, acknowledged, pending, completed, bundles)
}
