package source

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
)

func TestFolderIsReadInOrderAndByEnding(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"b.json": "b", "a/x.sigstore": "x", "a/y.bundle": "y", "c.intoto.jsonl": "1\n\n2\n", "readme.md": "no", "z.json.bak": "no", "d.sigstore.json": "d"})
	envelopes, reports := Dir{Paths: []string{dir}}.Envelopes(t.Context(), gatekeep.Subject{})
	var found []string
	for _, e := range envelopes {
		found = append(found, e.Name+"="+string(e.Bytes))
		if e.Source != dir {
			t.Errorf("source %q", e.Source)
		}
	}
	if want := []string{"a/x.sigstore=x", "a/y.bundle=y", "b.json=b", "c.intoto.jsonl:1=1", "c.intoto.jsonl:2=2", "d.sigstore.json=d"}; !slices.Equal(found, want) {
		t.Errorf("found %q", found)
	}
	if r := reports[0]; len(reports) != 1 || r.Status != gatekeep.SourceRead || r.Count != 6 || r.Name != dir || !r.Required {
		t.Errorf("got %+v", reports)
	}
}

func TestWhatWasNamedMustBeThere(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"plain.txt": "read because it is named", "sub/none.txt": ""})
	if err := os.Symlink("plain.txt", filepath.Join(dir, "link.json")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path, status string
		reason       gatekeep.Reason
	}{
		{"plain.txt", gatekeep.SourceRead, ""},
		{"sub", gatekeep.SourceEmpty, ""},
		{"none.json", gatekeep.SourceFailed, gatekeep.ReasonNotFound},
		{"none/below", gatekeep.SourceFailed, gatekeep.ReasonNotFound},
		{"link.json", gatekeep.SourceFailed, gatekeep.ReasonSourceMalformed},
		{".", gatekeep.SourceFailed, gatekeep.ReasonSourceMalformed}, // for the link in it
	} {
		_, reports := Dir{Paths: []string{filepath.Join(dir, c.path)}}.Envelopes(t.Context(), gatekeep.Subject{})
		if r := reports[0]; r.Status != c.status || r.Reason != c.reason || !r.Required || (r.Reason != "") != (r.Detail != "") {
			t.Errorf("%s: got %+v", c.path, r)
		}
	}
}

func TestBoundsOfFolders(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"long.jsonl": strings.Repeat("{}\n", attest.MaxLines+1)})
	_, reports := Dir{Paths: []string{dir}}.Envelopes(t.Context(), gatekeep.Subject{})
	if r := reports[0]; r.Status != gatekeep.SourceFailed || !strings.Contains(r.Detail, "lines") {
		t.Errorf("got %+v", r)
	}
	r := reader{ctx: t.Context(), files: MaxFiles}
	if err := r.file(os.DirFS(dir), "long.jsonl"); err == nil || !strings.Contains(err.Error(), "files") {
		t.Errorf("got %v", err)
	}
	r = reader{ctx: t.Context(), bytes: MaxDirBytes - 1}
	if err := r.file(os.DirFS(dir), "long.jsonl"); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("got %v", err)
	}
	big := filepath.Join(dir, "big.json")
	if err := os.WriteFile(big, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, attest.EnvelopeBytes+9); err != nil {
		t.Fatal(err)
	}
	envelopes, _ := Dir{Paths: []string{big}}.Envelopes(t.Context(), gatekeep.Subject{})
	if len(envelopes) != 1 || len(envelopes[0].Bytes) <= attest.EnvelopeBytes {
		t.Fatal("a document over the bound must reach Verify, which refuses it by name")
	}
}

func TestCancelledReadingFails(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.json": "a"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, reports := Dir{Paths: []string{dir}}.Envelopes(ctx, gatekeep.Subject{})
	if r := reports[0]; r.Status != gatekeep.SourceFailed || r.Reason != gatekeep.ReasonSourceUnreachable {
		t.Fatalf("got %+v", r)
	}
}

// A file of lines is held whole in memory, so one that is too large is refused by its
// size, before any of it is read.
func TestAFileOfLinesThatIsTooLargeIsNotRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.jsonl")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 2*MaxDirBytes); err != nil { // sparse: it takes no space
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, reports := Dir{Paths: []string{path}}.Envelopes(t.Context(), gatekeep.Subject{})
	runtime.ReadMemStats(&after)
	if r := reports[0]; r.Status != gatekeep.SourceFailed || r.Reason != gatekeep.ReasonSourceMalformed || !strings.Contains(r.Detail, "big.jsonl") {
		t.Errorf("got %+v", r)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes were allocated to refuse it", used)
	}
}
