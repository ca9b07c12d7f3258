package main

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	if os.Getenv(asGatekeep) != "" {
		main()
	}
	testscript.Main(m, map[string]func(){
		"gatekeep": main, "image": command(push), "envelopes": command(envelopes), "tamper": command(tamper), "unzipped": command(unzipped), "unpacked": command(unpacked), "mentions": command(mentions), "s3": command(askStore),
	})
}

// TestScripts runs every testdata/script/*.txtar: the commands as a person types
// them, against a real registry on loopback. GATEKEEP_PROGRAM is gatekeep as it is
// released; without it the test's own binary is.
func TestScripts(t *testing.T) {
	released := alone(t, os.Getenv("GATEKEEP_PROGRAM"))
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			server := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), registry.Logger(quiet)))
			e.Defer(server.Close)
			e.Setenv("REGISTRY", strings.TrimPrefix(server.URL, "http://"))
			old := httptest.NewServer(registry.New(registry.Logger(quiet)))
			e.Defer(old.Close)
			e.Setenv("OLD_REGISTRY", strings.TrimPrefix(old.URL, "http://")) // without the referrers API
			e.Setenv("HOME", e.WorkDir)
			if released != "" {
				e.Setenv("PATH", released+string(os.PathListSeparator)+e.Getenv("PATH"))
			}
			for name, tool := range tools(t) {
				e.Setenv(name, tool)
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			_, there := tools(t)[strings.ToUpper(name)]
			return there, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "without": without, "capture": capture, "count": count, "changed": changed, "removed": removed, "expand": expand, "witness": witness, "objectstore": objectStore,
		},
	})
}

// alone is a folder with a copy of a program and nothing beside it, "" for none.
func alone(t *testing.T, program string) string {
	t.Helper()
	if program == "" {
		return ""
	}
	data, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gatekeep"), data, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// unzipped is `unzipped ARCHIVE NAME`: it prints one file of a zip archive.
func unzipped(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: unzipped ARCHIVE NAME")
	}
	archive, err := zip.OpenReader(args[0])
	if err != nil {
		return err
	}
	defer archive.Close()
	f, err := archive.Open(args[1])
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, f)
	return err
}

// unpacked is `unpacked ARCHIVE FOLDER`: it unpacks a zip archive, as unzip does.
func unpacked(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: unpacked ARCHIVE FOLDER")
	}
	archive, err := zip.OpenReader(args[0])
	if err != nil {
		return err
	}
	defer archive.Close()
	return os.CopyFS(args[1], archive)
}

// exits is `exits CODE PROGRAM ARGUMENT...`: PROGRAM ends with exactly that code. An
// argument @FILE stands for the words of that file.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARGUMENT...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	var words []string
	for _, arg := range args[2:] {
		if file, ok := strings.CutPrefix(arg, "@"); ok {
			words = append(words, strings.Fields(os.Expand(ts.ReadFile(file), ts.Getenv))...)
		} else {
			words = append(words, arg)
		}
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], words...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s exits with %d, not %d", args[1], got, want)
	}
}

// without is `without SBOM TEXT OUT`: OUT is the CycloneDX document SBOM without the
// components whose purl begins with TEXT, of which there must be some.
func without(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: without SBOM TEXT OUT")
	}
	var document map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &document))
	all, _ := document["components"].([]any)
	kept := slices.DeleteFunc(slices.Clone(all), func(c any) bool {
		purl, _ := c.(map[string]any)["purl"].(string)
		return strings.HasPrefix(purl, args[1])
	})
	if len(kept) == len(all) {
		ts.Fatalf("no component of %s has a purl that begins with %s", args[0], args[1])
	}
	document["components"] = kept
	out, err := json.Marshal(document)
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), out, 0o600))
}

// capture is `capture NAME PATTERN`: the environment variable NAME becomes what the
// first group of PATTERN matches in what the last program printed, on either stream.
func capture(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: capture NAME PATTERN")
	}
	m := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout") + ts.ReadFile("stderr"))
	if len(m) < 2 {
		ts.Fatalf("%q matches nothing that was printed", args[1])
	}
	ts.Setenv(args[0], m[1])
}

// count is `count N PATTERN`: PATTERN matches what the last program printed exactly
// N times.
func count(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: count N PATTERN")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := len(regexp.MustCompile("(?m)"+args[1]).FindAllString(ts.ReadFile("stdout"), -1)); got != want {
		ts.Fatalf("%q matches %d times, not %d", args[1], got, want)
	}
}

// changed is `changed PATH REASON`: open.zip with one byte of that file changed does
// not verify, and the file is named with a reason that begins so.
func changed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: changed PATH REASON")
	}
	noticed(ts, "alter", args[0], args[1])
}

// removed is `removed PATH`: open.zip without that file does not verify, and the file
// is named.
func removed(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: removed PATH")
	}
	noticed(ts, "remove", args[0], "file_missing")
}

func noticed(ts *testscript.TestScript, verb, path, reason string) {
	ts.Check(ts.Exec("tamper", "open.zip", "bad.zip", verb, path))
	exits(ts, false, []string{"1", "gatekeep", "evidence", "verify", "--key", "gate.pub", "bad.zip"})
	line := regexp.MustCompile(`(?m)^FAIL [a-z]+: .*` + regexp.QuoteMeta(path) + `.*\[` + reason)
	if !line.MatchString(ts.ReadFile("stdout")) {
		ts.Fatalf("no check that failed matches %s", line)
	}
	if ts.ReadFile("stderr") != "" {
		ts.Fatalf("verify says something beside its checks")
	}
}

// expand is `expand FILE...`: $NAME in the file becomes what that variable holds.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: expand FILE...")
	}
	for _, file := range args {
		text := os.Expand(ts.ReadFile(file), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(file), []byte(text), 0o600))
	}
}

// tools are stock programs of others that some scripts run. The Makefile builds
// them; where they are missing those scripts are skipped, except in CI.
func tools(t *testing.T) map[string]string {
	out := map[string]string{}
	for name, program := range map[string]string{"CRANE": "crane", "COSIGN": "cosign", "COSIGN3": "cosign3", "LITEWITNESS": "litewitness", "VERSITYGW": "versitygw", "SBOM": "gatekeep-sbom"} {
		path := os.Getenv("GATEKEEP_" + name)
		if path == "" {
			path, _ = exec.LookPath(program)
		}
		if path != "" {
			out[name] = path
		} else if os.Getenv("CI") != "" {
			t.Fatalf("looking for %s: CI must run the scripts that need it; 'make gotest' builds it", program)
		}
	}
	return out
}
