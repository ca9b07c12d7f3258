package ocilayout

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

const real = "../../../../testdata/corpus/oci/cosign-attachment_v1.10.0"

// files are those of a layout with one blob.
func files(blob string) map[string]string {
	return map[string]string{
		"oci-layout": `{"imageLayoutVersion":"1.0.0"}`, "index.json": `{"schemaVersion":2,"manifests":[]}`,
		"blobs/sha256/" + digest.Of([]byte(blob))[7:]: blob,
	}
}

func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// archive writes files as tar does that was called with ".".
func archive(t testing.TB, files map[string]string, more ...tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	write := func(h tar.Header, text string) {
		h.Size, h.Mode = int64(len(text)), 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	write(tar.Header{Name: "./", Typeflag: tar.TypeDir}, "")
	for name, text := range files {
		write(tar.Header{Name: "./" + name, Typeflag: tar.TypeReg}, text)
	}
	for _, h := range more {
		write(h, "")
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestFolderAndArchiveAreReadAlike(t *testing.T) {
	const blob = `{"a":1}`
	content := files(blob)
	packed := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(packed, archive(t, content), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{folder(t, content), packed} {
		l, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if index, err := l.Index(); err != nil || string(index) != content["index.json"] {
			t.Errorf("%s: index %q, %v", path, index, err)
		}
		d := digest.Of([]byte(blob))
		if data, err := l.Blob(d, int64(len(blob))); err != nil || string(data) != blob {
			t.Errorf("%s: %q, %v", path, data, err)
		}
		if _, err := l.Blob(d, int64(len(blob))-1); err == nil || !strings.Contains(err.Error(), "bound") {
			t.Errorf("%s: over its bound: %v", path, err)
		}
		if _, err := l.Blob(digest.Of([]byte("x")), 10); !errors.Is(err, ErrMissing) {
			t.Errorf("%s: missing: %v", path, err)
		}
		for _, d := range []string{"", "sha512:00", "sha256:../../index.json", "../index.json"} {
			if _, err := l.Blob(d, 100); err == nil || errors.Is(err, ErrMissing) {
				t.Errorf("%s: %q: %v", path, d, err)
			}
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRealLayoutIsRead(t *testing.T) {
	l, err := Open(real)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if data, err := l.Blob("sha256:31cc4fb663c8d34e2e6a0bd5f183d576c2811ee286e0998b4c2965e3b35a0d86", 1<<20); err != nil || len(data) != 10572 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	// It leaves the layers of the image out.
	if _, err := l.Blob("sha256:6b16ad2aede1c00fe5f9765419c2165fd72902e768db3126ee68d127cae394ea", 1<<20); !errors.Is(err, ErrMissing) {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsNoLayoutIsRefused(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte(`{"a":1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(folder(t, files("x")), link); err != nil {
		t.Fatal(err)
	}
	outside := folder(t, map[string]string{"index.json": "{}"})
	if err := os.Symlink(plain, filepath.Join(outside, "oci-layout")); err != nil {
		t.Fatal(err)
	}
	twice := filepath.Join(dir, "twice.tar")
	if err := os.WriteFile(twice, archive(t, files("x"), tar.Header{Name: "blobs/../index.json", Typeflag: tar.TypeReg}), 0o644); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, "half.tar")
	if err := os.WriteFile(half, archive(t, files(strings.Repeat("x", 2000)))[:3000], 0o644); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"nothing": filepath.Join(dir, "none"), "empty folder": t.TempDir(), "file": plain, "link": link, "link out of the folder": outside,
		"other version": folder(t, map[string]string{"oci-layout": `{"imageLayoutVersion":"2.0.0"}`}),
		"no version":    folder(t, map[string]string{"oci-layout": `{}`}),
		"no JSON":       folder(t, map[string]string{"oci-layout": `x`}),
		"large version": folder(t, map[string]string{"oci-layout": strings.Repeat(" ", MaxVersionBytes) + `{"imageLayoutVersion":"1.0.0"}`}),
		"name twice":    twice, "half an archive": half,
	} {
		if l, err := Open(path); err == nil || Is(path) {
			l.Close()
			t.Errorf("%s: opened", name)
		}
	}
	if !Is(real) {
		t.Error("a real one is none")
	}
}

// Programs that unpack an archive end with the last thing of a name, by whatever spelling
// and kind; the image must be the same for them and for us.
func TestAnArchiveHoldsOneIndex(t *testing.T) {
	for name, second := range map[string]tar.Header{
		"absolute":   {Name: "/index.json", Typeflag: tar.TypeReg},
		"symlink":    {Name: "index.json", Typeflag: tar.TypeSymlink, Linkname: "other.json"},
		"hard link":  {Name: "./index.json", Typeflag: tar.TypeLink, Linkname: "other.json"},
		"contiguous": {Name: "index.json", Typeflag: '7'},
		"up":         {Name: "../index.json", Typeflag: tar.TypeReg},
	} {
		if _, err := sectionsOf(bytes.NewReader(archive(t, files("blob"), second))); err == nil || !strings.Contains(err.Error(), "twice") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestBlobOfOtherBytesIsRefused(t *testing.T) {
	content := files("honest")
	content["blobs/sha256/"+digest.Of([]byte("honest"))[7:]] = "forged"
	l, err := Open(folder(t, content))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if data, err := l.Blob(digest.Of([]byte("honest")), 100); err == nil || !strings.Contains(err.Error(), "other bytes") {
		t.Errorf("%q, %v", data, err)
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(archive(f, files("blob")))
	f.Add(archive(f, nil, tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		sections, err := sectionsOf(bytes.NewReader(data))
		if err != nil {
			return
		}
		for name, s := range sections {
			if s.offset < 0 || s.size < noFile || name == "" {
				t.Fatalf("%q stands at %+v", name, s)
			}
		}
	})
}
