package ledger_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/tree"
)

// A few kills by default; the whole proof is in docs/ledger.md.
var (
	kills     = flag.Int("kills", 8, "times that a process of writers is killed")
	decisions = flag.Int("decisions", 80, "decisions that are acknowledged at least")
)

const (
	writerFolder = "GATEKEEP_TEST_LEDGER"  // tells the test binary to be a process of writers
	writerFirst  = "GATEKEEP_TEST_WRITERS" // the first of the writers in it
	processes    = 2
	writers      = 8 // in all processes
	crashEnvs    = 3 // environments that they decide about, all of them in each
)

// write is a process of writers. Each decides and decides, until standard input ends,
// and notes what was acknowledged, durably, in a file of its own. It begins with the
// decision after the last that was noted: the one that was under way when it was killed.
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
	first, err := strconv.Atoi(os.Getenv(writerFirst))
	check(err)
	var over atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when the test says so
		over.Store(true)
	}()
	var all sync.WaitGroup
	for writer := first; writer < first+writers/processes; writer++ {
		all.Add(1)
		go func() {
			defer all.Done()
			check(decide(l, filepath.Join(dir, fmt.Sprint("acks-", writer)), writer, over.Load))
		}()
	}
	all.Wait()
}

// decide is one writer.
func decide(l *ledger.Ledger, acks string, writer int, over func() bool) error {
	noted, err := os.ReadFile(acks)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	whole := noted[:bytes.LastIndexByte(noted, '\n')+1] // a line that was cut short was not noted
	file, err := os.OpenFile(acks, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := file.Truncate(int64(len(whole))); err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekEnd); err != nil {
		return err
	}
	for n := bytes.Count(whole, []byte("\n")); !over(); n++ {
		id := fmt.Sprintf("decision-%d-%d", writer, n)
		r, err := l.Append(context.Background(), ledger.Entry{
			Kind: entry.Decision, ID: id, Environment: fmt.Sprint("env-", (writer+n)%crashEnvs),
			Make: func(s ledger.Slot) ([]byte, error) {
				return summaryOf(s.ID, s.Environment, s.Sequence, s.Previous, digest.Of([]byte(s.ID)), s.Time), nil
			},
		})
		if err != nil {
			return err
		}
		m, err := entry.ReadStatement(r.Statement)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(file, "%s %d %s %d\n", id, r.Index, m.Environment, m.Sequence); err != nil {
			return err
		}
		if err := file.Sync(); err != nil {
			return err
		}
		fmt.Println(id) // for the test to choose moments by
	}
	return file.Close()
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

// massacre is a run of writers that are killed again and again.
type massacre struct {
	dir          string
	moments      *rand.Rand
	acknowledged atomic.Int64
	killed       atomic.Int64
	mu           sync.Mutex
	shown        []log.Checkpoint // published at some moment, in the order in which they were seen
}

// TestKilledWritersLoseAndDoubleNothing kills processes of writers at random moments
// while others go on. What was acknowledged is in the log, at the place that was said,
// once; sequences have no gap; and no checkpoint that was ever shown is taken back.
func TestKilledWritersLoseAndDoubleNothing(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	m := &massacre{dir: t.TempDir(), moments: rand.New(rand.NewPCG(seed, seed))}
	private, public, err := entry.GenerateKey(host)
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(m.dir, "log.key"), private)
	put(t, filepath.Join(m.dir, "entry.key"), newSigner(t).marshal(t))
	folder := filepath.Join(m.dir, "ledger")
	if err := ledger.Init(t.Context(), folder, must(optionsIn(m.dir))(t)); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for first := 0; first < writers; first += writers / processes {
		all.Add(1)
		go func() {
			defer all.Done()
			for m.over() < 2 && m.life(t, first) {
				m.look(t)
			}
		}()
	}
	all.Wait()
	if t.Failed() {
		return
	}
	acks := m.acks(t)
	p := must(audit.Populate(t.Context(), folder, audit.Query{Verify: audit.VerifyOptions{LogKey: public}}))(t)
	t.Logf("%d kills (moments by seed %d), %d writers in %d processes: %d decisions acknowledged, %d in the log, of %d leaves; %d problems",
		m.killed.Load(), seed, writers, processes, len(acks), len(p.Rows), p.Size, len(p.Problems))
	if !p.Complete {
		t.Fatalf("the ledger does not verify: %v", p.Problems)
	}
	for _, r := range p.Rows {
		if said := fmt.Sprint(r.ID, " ", r.Index, " ", r.Environment, " ", r.Sequence); acks[r.ID] != said {
			t.Errorf("in the log: %q; acknowledged: %q", said, acks[r.ID])
		}
		delete(acks, r.ID)
	}
	for _, lost := range acks {
		t.Errorf("acknowledged and not in the log: %q", lost)
	}
	for _, s := range p.Spans {
		if !s.Complete || s.First != 1 {
			t.Errorf("sequence %+v", s)
		}
	}
	m.history(t, folder)
}

// over tells how far the run is: 1 when it has killed enough, 2 when enough was decided
// as well.
func (m *massacre) over() int {
	switch {
	case m.killed.Load() < int64(*kills):
		return 0
	case m.acknowledged.Load() < int64(*decisions):
		return 1
	}
	return 2
}

// life is one life of a process of writers: it ends by SIGKILL, or, when the run is over,
// by being told. It says whether there is to be another.
func (m *massacre) life(t *testing.T, first int) bool {
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), writerFolder+"="+m.dir, fmt.Sprint(writerFirst, "=", first))
	in, err := c.StdinPipe()
	if err != nil {
		t.Error(err)
		return false
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Error(err)
		return false
	}
	var complaints strings.Builder
	c.Stderr = &complaints
	if err := c.Start(); err != nil {
		t.Error(err)
		return false
	}
	// The moment: after so many acknowledgements, and then so much later. Both are drawn so
	// that the kills are spread over the decisions, and over all that a commit does.
	m.mu.Lock()
	after := m.moments.IntN(max(1, *decisions / *kills) + 1)
	later := time.Duration(m.moments.IntN(int(150 * time.Millisecond)))
	m.mu.Unlock()
	kill := func() { time.AfterFunc(later, func() { _ = c.Process.Kill() }) }
	if after == 0 && m.over() == 0 {
		kill()
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		m.acknowledged.Add(1)
		if after--; after == 0 && m.over() == 0 {
			kill()
		}
		if m.over() == 2 {
			_ = in.Close()
		}
	}
	err = c.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL {
		m.killed.Add(1)
		return true
	}
	if err != nil {
		t.Errorf("a process of writers failed: %v: %s", err, complaints.String())
	}
	return false
}

// look remembers the checkpoint that is shown, as an auditor would.
func (m *massacre) look(t *testing.T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	raw, _, err := ledger.Checkpoint(filepath.Join(m.dir, "ledger"))
	if err != nil {
		t.Error(err)
		return
	}
	var cp log.Checkpoint
	if _, err := cp.Unmarshal(raw); err != nil {
		t.Error(err)
		return
	}
	m.shown = append(m.shown, cp)
}

// acks is what the writers noted, by id.
func (m *massacre) acks(t *testing.T) map[string]string {
	out := map[string]string{}
	for writer := range writers {
		for line := range strings.Lines(string(must(os.ReadFile(filepath.Join(m.dir, fmt.Sprint("acks-", writer))))(t))) {
			id, _, _ := strings.Cut(line, " ")
			if before, twice := out[id]; twice {
				t.Errorf("acknowledged twice: %q and %q", before, line)
			}
			out[id] = strings.TrimSpace(line)
		}
	}
	return out
}

// history holds the log against every checkpoint that it showed.
func (m *massacre) history(t *testing.T, folder string) {
	roots := map[uint64][]byte{}
	grown := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	_, size, err := ledger.Checkpoint(folder)
	if err != nil {
		t.Fatal(err)
	}
	err = tree.Walk(t.Context(), filepath.Join(folder, ledger.LogFolder), 0, size, size, func(index uint64, leaf []byte) error {
		if err := grown.Append(rfc6962.DefaultHasher.HashLeaf(leaf), nil); err != nil {
			return err
		}
		root, err := grown.GetRootHash(nil)
		roots[index+1] = root
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for _, cp := range m.shown {
		if cp.Size < last || !bytes.Equal(cp.Hash, roots[cp.Size]) {
			t.Errorf("a checkpoint of %d leaves was shown after one of %d, and is not in the history of the log: %x, not %x", cp.Size, last, cp.Hash, roots[cp.Size])
		}
		last = cp.Size
	}
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
