package publish

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

func document(t testing.TB, text string, s gatekeep.Subject) Document {
	t.Helper()
	d, err := NewDocument([]byte(text), []byte(statement), "dec-1", s, time.Date(2032, 11, 25, 10, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func toFolder(t testing.TB, path, text string) ([]Receipt, error) {
	t.Helper()
	target, err := Parse("dir:"+path, Access{})
	if err != nil {
		t.Fatal(err)
	}
	return target.Publish(t.Context(), document(t, text, gatekeep.Subject{}))
}

// names are all files of a folder, with those that begin with a dot.
func names(t testing.TB, path string) string {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return strings.Join(out, " ")
}

func TestFolderKeepsTheBytesOnce(t *testing.T) {
	store := filepath.Join(t.TempDir(), "a", "store")
	first, err := toFolder(t, store, "one")
	if err != nil || len(first) != 1 {
		t.Fatal(first, err)
	}
	want := Receipt{Target: "dir:" + store, Kind: KindBundle, Location: filepath.Join(store, "evidence-dec-1.zip"), Digest: digest.Of([]byte("one"))}
	if first[0] != want {
		t.Errorf("got %+v", first[0])
	}
	info, err := os.Stat(want.Location)
	if err != nil || info.Mode() != 0o444 || names(t, store) != "evidence-dec-1.zip" {
		t.Errorf("%v, %v, %s", info, err, names(t, store))
	}
	again, err := toFolder(t, store, "one")
	if err != nil || !again[0].Already {
		t.Errorf("again: %+v, %v", again, err)
	}
	after, err := os.Stat(want.Location)
	if err != nil || !os.SameFile(info, after) || !after.ModTime().Equal(info.ModTime()) {
		t.Errorf("publishing the same again wrote it again: %v", err)
	}
}

func TestFolderIsNeverWrittenOver(t *testing.T) {
	store := t.TempDir()
	if _, err := toFolder(t, store, "one"); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"two", "longer", ""} {
		if got, err := toFolder(t, store, other); !errors.Is(err, ErrOther) || got != nil {
			t.Errorf("%q: %v, %v", other, got, err)
		}
	}
	if data, err := os.ReadFile(filepath.Join(store, "evidence-dec-1.zip")); err != nil || string(data) != "one" || names(t, store) != "evidence-dec-1.zip" {
		t.Errorf("%q, %v, %s", data, err, names(t, store))
	}
	linked := t.TempDir()
	if err := os.Symlink(filepath.Join(store, "evidence-dec-1.zip"), filepath.Join(linked, "evidence-dec-1.zip")); err != nil {
		t.Fatal(err)
	}
	if _, err := toFolder(t, linked, "one"); !errors.Is(err, ErrOther) {
		t.Errorf("a link to the same bytes: %v", err)
	}
}

// Of many publishers of one decision exactly one writes, whoever it is.
func TestPublishersOfOneDecisionDoNotMix(t *testing.T) {
	store := t.TempDir()
	var group sync.WaitGroup
	won := make([]bool, 16)
	for i := range won {
		group.Go(func() {
			got, err := toFolder(t, store, strings.Repeat(string(rune('a'+i)), 10000))
			if err != nil && !errors.Is(err, ErrOther) {
				t.Error(err)
			}
			won[i] = err == nil && !got[0].Already
		})
	}
	group.Wait()
	data, err := os.ReadFile(filepath.Join(store, "evidence-dec-1.zip"))
	if err != nil || len(data) != 10000 || strings.Trim(string(data), string(data[:1])) != "" {
		t.Fatalf("%d bytes, %v", len(data), err)
	}
	for i, w := range won {
		if w != (data[0] == byte('a'+i)) {
			t.Errorf("publisher %d: won %v, and the file is of %c", i, w, data[0])
		}
	}
	if names(t, store) != "evidence-dec-1.zip" {
		t.Error(names(t, store))
	}
}

// full breaks off as a disk does that has no room left.
type full struct{ from io.Reader }

var errFull = errors.New("no space left on device")

func (f full) Read(p []byte) (int, error) {
	n, err := f.from.Read(p)
	if err == io.EOF {
		err = errFull
	}
	return n, err
}

func TestHalfAFileIsNone(t *testing.T) {
	store := t.TempDir()
	if err := place(store, "evidence-dec-1.zip", full{strings.NewReader("half")}); !errors.Is(err, errFull) || names(t, store) != "" {
		t.Errorf("%v, %q", err, names(t, store))
	}
	if err := os.WriteFile(filepath.Join(store, "evidence-dec-1.zip"), []byte("one"), 0o444); err != nil {
		t.Fatal(err)
	}
	if err := place(store, "evidence-dec-1.zip", strings.NewReader("two")); !errors.Is(err, os.ErrExist) || names(t, store) != "evidence-dec-1.zip" {
		t.Errorf("%v, %q", err, names(t, store))
	}
	if err := named(filepath.Join(store, "evidence-dec-1.zip"), filepath.Join(store, "no", "such")); err == nil {
		t.Error("named a file in no folder")
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// A folder of the kernel takes no files, whoever asks.
	for _, path := range []string{file, filepath.Join(file, "below"), "/proc/self/fd", "/proc/none"} {
		if got, err := toFolder(t, path, "one"); err == nil || errors.Is(err, ErrOther) || got != nil {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
	if names(t, base) != "file" {
		t.Error(names(t, base))
	}
}

func TestTargetsHaveOneReading(t *testing.T) {
	for text, want := range map[string]string{
		"dir:":                                   "no folder",
		"":                                       "no folder",
		"ftp://x/y":                              "none of",
		"oci://app":                              "no repository",
		"oci://r.example/app:1":                  "no repository",
		"oci://r.example/app@sha256:00":          "no repository",
		"s3://":                                  "no name of a bucket",
		"s3://Bad_Bucket":                        "no name of a bucket",
		"s3://audit":                             "no region",
		"s3://audit?region=eu west":              "no region",
		"s3://audit?region=EU":                   "no region",
		"s3://audit/a//b?region=eu-1":            "no prefix",
		"s3://audit/../b?region=eu-1":            "no prefix",
		"s3://audit/a b?region=eu-1":             "no prefix",
		"s3://audit?region=eu-1&acl=public-read": `no option "acl"`,
		"s3://key:secret@audit?region=eu-1":      "credentials come from the environment",
		"s3://audit?endpoint=s3.example.com":     "endpoint is no address",
		"s3://audit?endpoint=ftp://s3.example":   "endpoint is no address",
		"s3://audit?endpoint=https://h/base":     "endpoint is no address",
		"s3://audit?endpoint=https://k:s@h":      "endpoint is no address",
		"s3://audit#x":                           "s3://BUCKET",
	} {
		got, err := Parse(text, Access{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret@") {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"store", "./store", "/srv/a b", "dir:s3", "oci://", "oci://r.example/app", "s3://audit/a/b/?region=eu-1", "s3://audit/year=2026?endpoint=http://127.0.0.1:9000"} {
		if _, err := Parse(text, Access{}); err != nil {
			t.Error(err)
		}
	}
}

func TestDecisionNamesAFileOrNothing(t *testing.T) {
	for _, id := range []string{"", ".", "..", "../x", "a/b", "a\\b", ".hidden", "-flag", "a b", "a\n", "ä", strings.Repeat("x", 129)} {
		if _, err := NewDocument(nil, nil, id, gatekeep.Subject{}, time.Time{}); err == nil {
			t.Errorf("%q names a file", id)
		}
	}
}
