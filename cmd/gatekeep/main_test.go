package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/gate"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
	"github.com/gatekeep-dev/gatekeep/internal/state"
)

// screen is a world whose output is kept, and whose environment is a table.
func screen(variables map[string]string) (*world, *bytes.Buffer, *bytes.Buffer) {
	out, err := new(bytes.Buffer), new(bytes.Buffer)
	w := &world{in: strings.NewReader(""), out: out, err: err, width: defaultWidth}
	w.getenv = func(name string) string { return variables[name] }
	w.lookup = func(name string) (string, bool) { v, ok := variables[name]; return v, ok }
	return w, out, err
}

// program is a file to judge.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "app.bin")
	if err := os.WriteFile(path, []byte("program\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestColoursAreForTerminalsOfPeopleWhoWantThem(t *testing.T) {
	tests := map[string]struct {
		terminal bool
		env      map[string]string
		want     bool
	}{
		"terminal":                  {true, nil, true},
		"pipe":                      {false, nil, false},
		"NO_COLOR":                  {true, map[string]string{"NO_COLOR": "1"}, false},
		"NO_COLOR of any value":     {true, map[string]string{"NO_COLOR": "false"}, false},
		"NO_COLOR that is empty":    {true, map[string]string{"NO_COLOR": ""}, true},
		"terminal without commands": {true, map[string]string{"TERM": "dumb"}, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w, out, errs := screen(test.env)
			w.terminal = test.terminal
			code := run(t.Context(), []string{"check", program(t), "--environment", "production", "--regime", "supply_chain"}, w)
			if code != exitShut {
				t.Fatalf("exit code %d, want %d: %s", code, exitShut, errs)
			}
			if got := strings.Contains(out.String(), "\x1b["); got != test.want {
				t.Errorf("colours: %t, want %t", got, test.want)
			}
			// The terminal adds colours and nothing else.
			if !strings.Contains(out.String(), "supply_chain/sbom-missing") {
				t.Errorf("the reason is not told: %s", out)
			}
		})
	}
}

func TestWidthIsThatOfTheScreenUnlessCOLUMNSSaysOtherwise(t *testing.T) {
	for columns, want := range map[string]int{"": 120, "72": 72, "0": 120, "-4": 120, "wide": 120, "72 ": 120} {
		if got := widthOf(columns, 120); got != want {
			t.Errorf("COLUMNS=%q gives %d, want %d", columns, got, want)
		}
	}
}

func TestExitCodeIsTheOutcomeUnlessTheModeIsLenient(t *testing.T) {
	tests := map[gatekeep.Outcome]map[gatekeep.Mode]int{
		gatekeep.Pass:          {gatekeep.Enforce: 0, gatekeep.Warn: 0, gatekeep.Observe: 0},
		gatekeep.Fail:          {gatekeep.Enforce: 1, gatekeep.Warn: 0, gatekeep.Observe: 0, "": 1, "lenient": 1},
		gatekeep.Indeterminate: {gatekeep.Enforce: 3, gatekeep.Warn: 0, gatekeep.Observe: 0, "": 3},
		// No decision has these as its outcome. They would not open.
		gatekeep.Waived:        {gatekeep.Enforce: 3},
		gatekeep.NotApplicable: {gatekeep.Enforce: 3},
	}
	for outcome, modes := range tests {
		for mode, want := range modes {
			got, shut := 0, shutError{}
			if errors.As(exitOf(outcome, mode), &shut) {
				got = shut.code
			}
			if got != want {
				t.Errorf("%s in mode %q exits with %d, want %d", outcome, mode, got, want)
			}
		}
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { panic("the screen is on fire") }

func TestABugShutsWithItsOwnCode(t *testing.T) {
	w, _, errs := screen(nil)
	w.out = broken{}
	if code := run(t.Context(), []string{"version"}, w); code != exitBug {
		t.Errorf("exit code %d, want %d", code, exitBug)
	}
	if !strings.Contains(errs.String(), "bug: the screen is on fire") || !strings.Contains(errs.String(), "stays shut") {
		t.Errorf("said: %s", errs)
	}
}

func TestAnInterruptedCheckCouldNotJudge(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w, out, errs := screen(nil)
	code := run(ctx, []string{"check", program(t), "--environment", "production", "--regime", "supply_chain"}, w)
	if code != exitUnknown || out.Len() > 0 || !strings.Contains(errs.String(), "could not judge") {
		t.Errorf("exit code %d, printed %q, said %q", code, out, errs)
	}
}

func TestTheOutputThatCannotBeWrittenIsNoAnswer(t *testing.T) {
	w, _, errs := screen(nil)
	w.out = full{}
	code := run(t.Context(), []string{"check", program(t), "--environment", "production", "--regime", "supply_chain"}, w)
	if code != exitUnknown || !strings.Contains(errs.String(), "no space") {
		t.Errorf("exit code %d, said %q", code, errs)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestMistakesAreToldInTheWordsOfTheFile(t *testing.T) {
	for given, want := range map[string]string{
		"reading x.yaml: yaml: unmarshal errors:\n  line 2: field servce not found in type gate.requestFile":              `reading x.yaml: line 2: there is no field "servce" here; correct or remove it`,
		"yaml: unmarshal errors:\n  line 2: field a not found in type b.c\n  line 3: cannot unmarshal !!str `x` into int": "line 2: there is no field \"a\" here; correct or remove it; line 3: cannot unmarshal !!str `x` into int",
		"reading SARIF: json: cannot unmarshal number into Go struct field sarifLog.version of type string":               `reading SARIF: field "version" is a number and not a string`,
		"no environment: pass --environment": "no environment: pass --environment",
	} {
		if got := plain(errors.New(given)); got != want {
			t.Errorf("plain(%q)\n got %s\nwant %s", given, got, want)
		}
	}
}

func TestPasswordComesFromTheEnvironmentEvenWhereItIsEmpty(t *testing.T) {
	for _, value := range []string{"secret", ""} {
		w, _, errs := screen(map[string]string{"GATEKEEP_PASSWORD": value})
		got, err := w.password("GATEKEEP_PASSWORD", "Password: ")
		if err != nil || string(got) != value || errs.Len() > 0 {
			t.Errorf("%q comes out as %q, %v; said %q", value, got, err, errs)
		}
	}
}

func TestPolicyIsSignedOnlyWithAnEndThatLiesAhead(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { t := now.Add(d); return &t }
	for name, test := range map[string]struct {
		end  *time.Time
		want bool
	}{
		"none": {nil, false}, "past": {at(-time.Second), false}, "now": {at(0), false}, "ahead": {at(time.Second), true},
	} {
		if err := lasts(gatekeep.PolicyRef{Name: "acme", ExpiresAt: test.end}, now); (err == nil) != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProgressSpeaksOnlyOfWhatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := &progress{out: &out}
		p.step("one thing")
		time.Sleep(patience / 2)
		p.step("another")
		time.Sleep(patience / 2)
		p.step("a long one")
		time.Sleep(2 * patience)
		p.done()
		time.Sleep(2 * patience)
		if got, want := out.String(), "gatekeep: a long one ...\n"; got != want {
			t.Errorf("said %q, want %q", got, want)
		}
	})
}

// answered judges a file by a law, and gives a key for its evidence.
func answered(t *testing.T, f checkFlags) (*gate.Answer, signing.Signer) {
	t.Helper()
	f.environment, f.timeout, f.out = "production", time.Minute, "ev.zip"
	q, _, err := questionOf(f)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := answerOf(t.Context(), f, q, []string{program(t)}, &progress{out: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	private, _, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signing.LoadPrivateKey(private, nil)
	if err != nil {
		t.Fatal(err)
	}
	return answer, signer
}

func TestEvidenceOfARememberedDecisionIsNeverRemoved(t *testing.T) {
	answer, signer := answered(t, checkFlags{})
	dir := t.TempDir()
	taken := filepath.Join(dir, "evidence-"+answer.Record.ID+".zip") // a folder took the name meanwhile
	if err := os.Mkdir(taken, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := keeper{out: dir, signer: signer}.keep(t.Context(), answer)
	if err == nil || !strings.Contains(err.Error(), "which is whole in "+filepath.Join(dir, ".evidence-dec-")) {
		t.Fatalf("keep says %v", err)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".evidence-*"))
	if err != nil || len(left) != 1 {
		t.Fatalf("files: %v, %v", left, err)
	}
	v, err := checkFile(left[0], func(b *evidence.Bundle) (evidence.Verification, error) {
		return evidence.Verify(b, evidence.VerifyOptions{Key: signer.Public()}), nil
	})
	if err != nil || !v.OK() {
		t.Errorf("what is left does not verify: %v, %v", v, err)
	}
}

func TestNoEvidenceIsLeftOfADecisionThatDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("bundle.yaml", "version: 1\nname: acme\nrevision: 1\nstate: folder\nregimes: []\n")
	write("catalogue.yaml", "environments: {production: {tier: production}}\nservices: {app.bin: {dataClasses: [none]}}\n")
	f := checkFlags{law: lawFlags{bundle: dir}, state: filepath.Join(t.TempDir(), "memory")}
	first, signer := answered(t, f)
	second, _ := answered(t, f) // judged at the same time: both are number one
	out := t.TempDir()
	if _, err := (keeper{out: filepath.Join(out, "1.zip"), signer: signer}).keep(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if _, err := (keeper{out: filepath.Join(out, "2.zip"), signer: signer}).keep(t.Context(), second); !errors.Is(err, state.ErrConflict) {
		t.Errorf("the second is kept with %v, want %v", err, state.ErrConflict)
	}
	files, err := os.ReadDir(out)
	if err != nil || len(files) != 1 || files[0].Name() != "1.zip" {
		t.Errorf("files: %v, %v", files, err)
	}
}
