package main

import (
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// asGatekeep is the variable that makes the test binary the gatekeep that is killed.
const asGatekeep = "GATEKEEP_TEST_AS_PROGRAM"

// A gate that is killed at any moment leaves no acknowledged decision without its whole
// evidence, no decision twice, no gap, and nothing in the store that the log does not
// hold once what was pending is completed.
func TestAGateThatIsKilledLosesNothing(t *testing.T) {
	dir := t.TempDir()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	gatekeep := func(args ...string) *exec.Cmd {
		c := exec.Command(program, args...)
		c.Dir, c.Env = dir, append(os.Environ(), asGatekeep+"=1")
		return c
	}
	must := func(args ...string) string {
		t.Helper()
		out, err := gatekeep(args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	for name, text := range map[string]string{
		"app.bin": "program\n", "bundle/bundle.yaml": "version: 1\nname: acme\nrevision: 1\nstate: folder\nregimes: []\n",
		"bundle/catalogue.yaml": "environments: {production: {tier: production}}\nservices: {app.bin: {dataClasses: [none]}}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, folder := range []string{"store", "keys"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	must("key", "generate", "--out", "gate")
	must("key", "timestamp", "--out", "tsa")
	vouch := []string{"--ledger", "ledger", "--log-key", "log.key", "--key", "gate.key"}
	must("ledger", "init", "--dir", "ledger", "--log-key", "log.key", "--key", "gate.key", "--origin", "gate.example")
	check := append([]string{"check", "./app.bin", "--bundle", "bundle", "--allow-unsigned-policy", "--environment", "production", "--state", "memory",
		"--registry-attestations", "off", "--regime", "supply_chain", "--timestamp", "tsa.key", "--out", "store"}, vouch...)
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

	pending, err := filepath.Glob(filepath.Join(dir, "store", "*"+pendingSuffix))
	if err != nil {
		t.Fatal(err)
	}
	completed := 0
	for _, path := range pending {
		out, err := gatekeep(append([]string{"evidence", "complete", path}, vouch...)...).CombinedOutput()
		switch {
		case err == nil:
			completed++
		case strings.Contains(string(out), "the ledger has moved on"): // it was never logged
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("completing %s: %s", path, out)
		}
	}
	must("ledger", "trust", "--dir", "ledger", "--log-public", "log.pub", "--timestamp-chain", "tsa.pem", "--out", "keys/trusted_root.json")
	bundles, err := filepath.Glob(filepath.Join(dir, "store", "evidence-*.zip"))
	if err != nil {
		t.Fatal(err)
	}
	if len(bundles) < acknowledged {
		t.Errorf("%d decisions were acknowledged, and the store holds %d", acknowledged, len(bundles))
	}
	must(append([]string{"evidence", "verify", "--key", "gate.pub", "--trusted-root", "keys/trusted_root.json", "--ledger", "ledger", "--log-public", "log.pub"}, bundles...)...)
	// Its exit code says that the log is whole, that no number is left out or given
	// twice, and that log and store hold the same.
	out := must("evidence", "population", "--ledger", "ledger", "--log-public", "log.pub", "--environment", "production", "--store", "store", "--format", "csv")
	if rows := strings.Count(out, ",decision,production,"); rows != len(bundles) {
		t.Errorf("the log lists %d decisions, and the store holds %d", rows, len(bundles))
	}
	t.Logf("%d checks, %d to be killed: %d acknowledged, %d pending of which %d were logged, %d bundles", *killRuns+1, *killed, acknowledged, len(pending), completed, len(bundles))
}
