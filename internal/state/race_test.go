//go:build unix

package state

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// childFolder in the environment makes the test binary one of several gates.
const childFolder = "GATEKEEP_TEST_STATE_FOLDER"

// raced tries until it has made one commit, and counts the conflicts on the way.
func raced(ctx context.Context, f Folder, name string) (sequence int64, err error) {
	for {
		got, err := f.Read(ctx, Query{Environment: "prod", Policy: "default"})
		if err != nil {
			return 0, err
		}
		u := update(got.State.Sequence, got.State.Previous)
		u.ConsumeNonces, u.DecisionID = []string{name}, name
		err = f.Commit(ctx, u)
		if err == nil {
			return u.Sequence, nil
		}
		if !errors.Is(err, ErrConflict) {
			return 0, err
		}
	}
}

func TestRacingGatesNeverShareASequence(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	const gates, rounds = 8, 6
	var group sync.WaitGroup
	var mu sync.Mutex
	seen := map[int64]string{}
	for g := range gates {
		group.Go(func() {
			for r := range rounds {
				name := fmt.Sprint("gate-", g, "-", r)
				sequence, err := raced(t.Context(), f, name)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if other, ok := seen[sequence]; ok {
					t.Errorf("%s and %s both have number %d", name, other, sequence)
				}
				seen[sequence] = name
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if got := read(t, f, Query{Environment: "prod"}); got.State.Sequence != gates*rounds+1 || len(got.State.ConsumedNonces) != gates*rounds {
		t.Errorf("%d commits are remembered, %d nonces; want %d", got.State.Sequence-1, len(got.State.ConsumedNonces), gates*rounds)
	}
}

func TestOfRacingGatesOneConsumesTheNonce(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	const gates = 8
	var group sync.WaitGroup
	results := make([]error, gates)
	for g := range gates {
		group.Go(func() {
			// Each in its own environment, so that only the nonce is in the way.
			u := update(1, "")
			u.Environment, u.ConsumeNonces = fmt.Sprint("env-", g), []string{"the one"}
			results[g] = f.Commit(t.Context(), u)
		})
	}
	group.Wait()
	won := 0
	for _, err := range results {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, ErrNonceConsumed):
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d gates consumed one nonce", won)
	}
}

// TestChildGate is a gate of its own process, and no test by itself.
func TestChildGate(t *testing.T) {
	folder := os.Getenv(childFolder)
	if folder == "" {
		t.Skip("runs only as a child of TestRacingProcessesNeverShareASequence")
	}
	for r := range 5 {
		sequence, err := raced(t.Context(), Folder(folder), fmt.Sprint("process-", os.Getpid(), "-", r))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("sequence", sequence)
	}
}

func TestRacingProcessesNeverShareASequence(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	const processes = 4
	var group sync.WaitGroup
	var mu sync.Mutex
	seen := map[int64]bool{}
	for range processes {
		group.Go(func() {
			child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestChildGate$", "-test.count=1")
			child.Env = append(os.Environ(), childFolder+"="+folder)
			out, err := child.StdoutPipe()
			if err != nil {
				t.Error(err)
				return
			}
			if err := child.Start(); err != nil {
				t.Error(err)
				return
			}
			lines := bufio.NewScanner(out)
			for lines.Scan() {
				var n int64
				if _, err := fmt.Sscanf(lines.Text(), "sequence %d", &n); err != nil {
					continue
				}
				mu.Lock()
				if seen[n] {
					t.Errorf("number %d was used twice", n)
				}
				seen[n] = true
				mu.Unlock()
			}
			if err := child.Wait(); err != nil {
				t.Errorf("child: %v", err)
			}
		})
	}
	group.Wait()
	if len(seen) != processes*5 {
		t.Errorf("%d commits, want %d", len(seen), processes*5)
	}
}

func TestHeldLockEndsWithTheDeadline(t *testing.T) {
	f := Folder(filepath.Join(t.TempDir(), "state"))
	first := update(1, "")
	commit(t, f, first)
	holder, err := os.OpenFile(filepath.Join(string(f), lockFile), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer holder.Close()
	if err := syscall.Flock(int(holder.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	before := contents(t, f)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := f.Commit(ctx, update(2, first.DecisionDigest)); !errors.Is(err, context.DeadlineExceeded) || contents(t, f) != before {
		t.Errorf("commit under a held lock: %v", err)
	}
	if got := read(t, f, Query{Environment: "prod"}); got.State.Sequence != 2 {
		t.Errorf("a held lock stops readers: %+v", got)
	}
}
