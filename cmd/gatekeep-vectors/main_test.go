package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const corpus = "../../testdata/corpus"

// built is the program under test, built once.
func built(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "gatekeep")
	cmd := exec.Command("go", "build", "-o", bin, "../gatekeep")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return bin
}

func TestEveryRowOfTheCorpusHolds(t *testing.T) {
	var out bytes.Buffer
	ok, err := run(context.Background(), &out, options{bin: built(t), corpus: corpus, workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Errorf("some rows do not hold:\n%s", &out)
	}
	for _, class := range []string{"accept", "reject", "reject-schema", "verify-pass", "verify-fail", "either"} {
		if !strings.Contains(out.String(), "\n"+class+" ") {
			t.Errorf("no rows of class %s:\n%s", class, &out)
		}
	}
}

func TestAProgramThatAlwaysSaysTheSameFails(t *testing.T) {
	for name, text := range map[string]string{"always 0": "#!/bin/sh\nexit 0\n", "always 1": "#!/bin/sh\nexit 1\n", "always 3": "#!/bin/sh\nexit 3\n"} {
		bin := filepath.Join(t.TempDir(), "stand-in")
		if err := os.WriteFile(bin, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		ok, err := run(context.Background(), &out, options{bin: bin, corpus: conformance(t), workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		if ok || !strings.Contains(out.String(), "FAIL") {
			t.Errorf("%s: passes:\n%s", name, &out)
		}
	}
}

// conformance is a corpus of the rows about Sigstore bundles alone.
func conformance(t *testing.T) string {
	t.Helper()
	all, err := os.ReadFile(filepath.Join(corpus, "verify.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	lines := strings.Split(string(all), "\n")
	kept := lines[:1]
	for _, line := range lines {
		if strings.HasPrefix(line, "sigstore/conformance/") {
			kept = append(kept, line)
		}
	}
	if len(kept) != 15 {
		t.Fatalf("%d rows, want 14", len(kept)-1)
	}
	expected := "file\tformat\texpectation\treason\nREADME\tcompanion\t-\t\n"
	for name, text := range map[string]string{"verify.tsv": strings.Join(kept, "\n") + "\n", "expected.tsv": expected} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(dir, "sigstore"), os.DirFS(filepath.Join(corpus, "sigstore"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheConformanceCasesHoldByPathAndByDigest(t *testing.T) {
	var out bytes.Buffer
	ok, err := run(context.Background(), &out, options{bin: built(t), corpus: conformance(t), workers: 2, verbose: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "(by path)"); !ok || n != 14 || strings.Count(out.String(), "(by digest)") != n {
		t.Errorf("%d cases by path:\n%s", n, &out)
	}
}

func TestATableWithoutRowsIsAnError(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"expected.tsv": "file\tformat\texpectation\treason\n", "verify.tsv": "a\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run(context.Background(), &bytes.Buffer{}, options{bin: "/bin/sh", corpus: dir, workers: 1}); err == nil {
		t.Error("an empty corpus passes")
	}
}

func TestACrashIsNoRefusal(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "crash")
	if err := os.WriteFile(bin, []byte("#!/bin/sh\necho 'panic: boom' >&2\nexit 3\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if r := execute(context.Background(), bin); !r.crashed {
		t.Errorf("%+v", r)
	}
	if got, _ := judge(ran{code: 3, crashed: true}, "sarif", "reject"); got != crashed {
		t.Errorf("got %s", got)
	}
	if got, _ := judge(ran{code: 3, stdout: `{"documents":[{"reason":""}]}`}, "sarif", "reject"); got != fail {
		t.Errorf("a refusal without reason: %s", got)
	}
	if got, _ := judge(ran{stdout: `{"documents":[{"reading":{"format":"trivy"}}]}`}, "sarif", "accept"); got != fail {
		t.Errorf("read as something else: %s", got)
	}
}
