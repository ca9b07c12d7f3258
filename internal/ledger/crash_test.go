package ledger_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// A few kills by default; the whole proof is -kills 200 -decisions 2000 -processes 2.
var (
	kills     = flag.Int("kills", 6, "times that the writers are killed")
	decisions = flag.Int("decisions", 120, "decisions that are appended in all")
	processes = flag.Int("processes", 2, "processes that write, which share eight writers")
)

const (
	writerFolder = "GATEKEEP_TEST_LEDGER" // tells the test binary to be a writer
	writers      = 8
)

// write is a writer process: it appends the decisions that its standard input names,
// four at a time, and prints each that was acknowledged.
func write(dir string) {
	check := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	o, err := optionsIn(dir)
	check(err)
	l, err := ledger.Open(context.Background(), filepath.Join(dir, "ledger"), o)
	check(err)
	todo := make(chan string)
	var all sync.WaitGroup
	for range writers / 2 {
		all.Add(1)
		go func() {
			defer all.Done()
			for id := range todo {
				r, err := l.Append(context.Background(), decision("env-"+id[len(id)-1:], id))
				check(err)
				fmt.Printf("%s %d\n", id, r.Index) // one write: a line is whole or not there
			}
		}()
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		todo <- in.Text()
	}
	close(todo)
	all.Wait()
}

// optionsIn reads the keys that a test left for its writers.
func optionsIn(dir string) (ledger.Options, error) {
	private, err := os.ReadFile(filepath.Join(dir, "log.key"))
	if err != nil {
		return ledger.Options{}, err
	}
	key, err := entry.ReadKey(private)
	if err != nil {
		return ledger.Options{}, err
	}
	raw, err := os.ReadFile(filepath.Join(dir, "entry.key"))
	if err != nil {
		return ledger.Options{}, err
	}
	s, err := parseSigner(raw)
	return ledger.Options{Key: key, Entry: s, Now: time.Now}, err
}

// TestKilledWritersLoseAndDoubleNothing kills writers at random moments. What they had
// acknowledged is in the log, at the place they said, once; what they had not is
// appended again by the next.
func TestKilledWritersLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	private, public, err := entry.GenerateKey(host)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "log.key"), private)
	put(t, filepath.Join(dir, "entry.key"), newSigner(t).marshal(t))
	folder := filepath.Join(dir, "ledger")
	if err := ledger.Init(t.Context(), folder, must(optionsIn(dir))(t)); err != nil {
		t.Fatal(err)
	}
	todo := map[string]bool{}
	for i := range *decisions {
		todo["decision-"+strconv.Itoa(i)] = true
	}
	acknowledged := map[string]uint64{}
	killed := 0
	for len(todo) > 0 {
		var lists [][]string
		for range *processes {
			lists = append(lists, nil)
		}
		n := 0
		for id := range todo {
			lists[n%*processes] = append(lists[n%*processes], id)
			n++
		}
		var wait sync.WaitGroup
		var mu sync.Mutex
		for _, list := range lists {
			life := time.Duration(0)
			if killed < *kills {
				life = time.Duration(50+rand.IntN(400)) * time.Millisecond
				killed++
			}
			wait.Add(1)
			go func() {
				defer wait.Done()
				for id, index := range life1(t, dir, list, life) {
					mu.Lock()
					if before, again := acknowledged[id]; again && before != index {
						t.Errorf("%s was acknowledged at %d and at %d", id, before, index)
					}
					acknowledged[id] = index
					delete(todo, id)
					mu.Unlock()
				}
			}()
		}
		wait.Wait()
		if t.Failed() {
			return
		}
	}
	t.Logf("%d decisions, %d kills, %d processes", *decisions, killed, *processes)
	p := must(audit.Populate(t.Context(), folder, audit.Query{Verify: audit.VerifyOptions{LogKey: public}}))(t)
	if !p.Complete {
		t.Fatalf("the ledger does not verify: %v", p.Problems)
	}
	if len(p.Rows) != *decisions {
		t.Errorf("the log holds %d decisions, not %d", len(p.Rows), *decisions)
	}
	for _, r := range p.Rows {
		if index, there := acknowledged[r.ID]; !there || index != r.Index {
			t.Errorf("%s was acknowledged at %d and is at %d", r.ID, index, r.Index)
		}
	}
}

// life1 runs one writer until it is done, or for so long, and returns what it
// acknowledged.
func life1(t *testing.T, dir string, list []string, life time.Duration) map[string]uint64 {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), writerFolder+"="+dir)
	c.Stdin = strings.NewReader(strings.Join(list, "\n"))
	var out, complaints strings.Builder
	c.Stdout, c.Stderr = &out, &complaints
	if err := c.Start(); err != nil {
		t.Error(err)
		return nil
	}
	if life > 0 {
		time.AfterFunc(life, func() { _ = c.Process.Kill() })
	}
	err := c.Wait()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Exited()) {
		t.Errorf("a writer failed: %v: %s", err, complaints.String())
	}
	acknowledged := map[string]uint64{}
	for line := range strings.Lines(out.String()) {
		id, index, found := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseUint(index, 10, 64); found && err == nil && strings.HasSuffix(line, "\n") {
			acknowledged[id] = n
		}
	}
	return acknowledged
}

func put(t testing.TB, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s signer) marshal(t testing.TB) []byte {
	t.Helper()
	d := must(s.key.Bytes())(t)
	return must(json.Marshal(d))(t)
}
