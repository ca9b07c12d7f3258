package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// asGatekeep is the variable that makes the test binary the gatekeep of a plant.
const asGatekeep = "GATEKEEP_TEST_AS_PROGRAM"

// plant is a folder in which a gate works that keeps its evidence in store, its decisions
// in ledger, and its memory in memory. Its checks deny, since nothing was attested.
type plant struct {
	*testing.T
	dir     string
	check   []string
	vouch   []string
	program string
}

func newPlant(t *testing.T, dir string) *plant {
	t.Helper()
	program := os.Getenv("GATEKEEP_PROGRAM") // as it is released
	if program == "" {
		var err error
		if program, err = os.Executable(); err != nil {
			t.Fatal(err)
		}
	}
	s := &plant{T: t, dir: dir, program: program, vouch: []string{"--ledger", "ledger", "--log-key", "log.key", "--key", "gate.key"}}
	s.check = append([]string{"check", "./app.bin", "--bundle", "bundle", "--allow-unsigned-policy", "--environment", "production", "--state", "memory",
		"--registry-attestations", "off", "--regime", "supply_chain", "--timestamp", "tsa.key", "--out", "store"}, s.vouch...)
	for name, text := range map[string]string{
		"app.bin": "program\n", "bundle/bundle.yaml": "version: 1\nname: acme\nrevision: 1\nstate: folder\nregimes: []\n",
		"bundle/catalogue.yaml": "environments: {production: {tier: production}}\nservices: {app.bin: {dataClasses: [none]}}\n",
		"store/README":          "evidence\n",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.must("key", "generate", "--out", "gate")
	s.must("key", "timestamp", "--out", "tsa")
	s.must("ledger", "init", "--dir", "ledger", "--log-key", "log.key", "--key", "gate.key", "--origin", "gate.example")
	s.must("ledger", "trust", "--dir", "ledger", "--log-public", "log.pub", "--timestamp-chain", "tsa.pem", "--out", "trusted_root.json")
	return s
}

// gatekeep is a process of its own in the folder of the plant.
func (s *plant) gatekeep(args ...string) *exec.Cmd {
	c := exec.Command(s.program, args...)
	c.Dir, c.Env = s.dir, append(os.Environ(), asGatekeep+"=1")
	return c
}

func (s *plant) must(args ...string) string {
	s.Helper()
	out, err := s.gatekeep(args...).CombinedOutput()
	if err != nil {
		s.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// complete makes whole what was left pending, as its owner would.
func (s *plant) complete() (pending, completed int) {
	s.Helper()
	left, err := filepath.Glob(filepath.Join(s.dir, "store", "*"+pendingSuffix))
	if err != nil {
		s.Fatal(err)
	}
	for _, path := range left {
		out, err := s.gatekeep(append([]string{"evidence", "complete", path}, s.vouch...)...).CombinedOutput()
		switch {
		case err == nil:
			completed++
		case strings.Contains(string(out), "the ledger has moved on"): // it was never logged
			if err := os.Remove(path); err != nil {
				s.Fatal(err)
			}
		default:
			s.Errorf("completing %s: %s", path, out)
		}
	}
	return len(left), completed
}

// agree fails the test unless every bundle verifies and log and store hold the same
// decisions, each once and without gap. It returns how many there are.
func (s *plant) agree() int {
	s.Helper()
	bundles, err := filepath.Glob(filepath.Join(s.dir, "store", "evidence-*.zip"))
	if err != nil || len(bundles) == 0 {
		s.Fatalf("no bundles: %v", err)
	}
	s.must(append([]string{"evidence", "verify", "--key", "gate.pub", "--trusted-root", "trusted_root.json", "--ledger", "ledger", "--log-public", "log.pub"}, bundles...)...)
	// Its exit code says that the log is whole, that no number is left out or given
	// twice, and that log and store hold the same.
	out := s.must("evidence", "population", "--ledger", "ledger", "--log-public", "log.pub", "--environment", "production", "--store", "store", "--format", "csv")
	if rows := strings.Count(out, ",decision,production,"); rows != len(bundles) {
		s.Errorf("the log lists %d decisions, and the store holds %d", rows, len(bundles))
	}
	return len(bundles)
}
