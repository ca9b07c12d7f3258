package source

import (
	"bytes"
	"compress/gzip"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/gatekeep-dev/gatekeep"
)

const largeSBOMs = "../../../testdata/corpus/sbom/large/"

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func zstandard(t testing.TB, data []byte) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

// bomb is what bzip2 -9 makes of 900,000 spaces, n times behind each other.
func bomb(n int) []byte {
	const block = "BZh91AY&SYa\x16\xcfR\x00\x06\xe4\x91\x00\xc0\x00\x02\x00\x00\x08 \x000\xcc\x09\xaai\x94\xa16\xa9(O\x17rE8P\x90a\x16\xcfR"
	return []byte(strings.Repeat(block, n))
}

func TestRealCompressedSBOMsInflate(t *testing.T) {
	for name, size := range map[string]int{"3amp-2.json.bz2": 6522199, "quarkus-bom-2.13.8.Final-redhat-00004.json.bz2": 1174356} {
		data, err := os.ReadFile(filepath.Join(largeSBOMs, name))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := Inflate(name, data, MaxDocumentBytes)
		if err != nil || len(plain) != size {
			t.Fatalf("%s: %d bytes, %v", name, len(plain), err)
		}
		for ending, packed := range map[string][]byte{".gz": gzipped(t, plain), ".zst": zstandard(t, plain), "": plain} {
			if got, err := Inflate("x.json"+ending, packed, MaxDocumentBytes); err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%s as %q: %d bytes, %v", name, ending, len(got), err)
			}
			if _, err := Inflate("x.json"+ending, packed, int64(size)-1); !errors.Is(err, ErrTooLarge) {
				t.Errorf("%s as %q over its limit: %v", name, ending, err)
			}
		}
	}
}

// Memory is bounded by what may come out, not by what would.
func TestBombsAreRefusedEarly(t *testing.T) {
	zeros := make([]byte, 64<<20)
	for name, packed := range map[string][]byte{"gzip": gzipped(t, zeros), "zstd": zstandard(t, zeros), "gzip in gzip": gzipped(t, gzipped(t, zeros)), "bzip2": bomb(1000)} {
		limit := int64(8 << 20)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		plain, err := Inflate("sbom.json", packed, limit)
		runtime.ReadMemStats(&after)
		if name == "gzip in gzip" {
			// Its content is compressed once more, and that is no document.
			if err != nil || bytes.Equal(plain, zeros) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if !errors.Is(err, ErrTooLarge) || reasonOfFile(err) != gatekeep.ReasonTooLarge || plain != nil {
			t.Errorf("%s: %d bytes, %v", name, len(plain), err)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 128<<20 {
			t.Errorf("%s: %d MiB were allocated", name, used>>20)
		}
	}
	// The ratio bites long before the limit.
	if _, err := Inflate("x", gzipped(t, zeros), MaxDocumentBytes); !errors.Is(err, ErrTooLarge) {
		t.Errorf("ratio: %v", err)
	}
	// A short document full of repetition is honest.
	if plain, err := Inflate("x", gzipped(t, zeros[:minInflated]), MaxDocumentBytes); err != nil || len(plain) != minInflated {
		t.Errorf("short: %d bytes, %v", len(plain), err)
	}
}

func TestBrokenCompressionIsNoDocument(t *testing.T) {
	packed := gzipped(t, []byte(strings.Repeat(`{"a":1}`, 100)))
	for name, c := range map[string]struct {
		file string
		data []byte
	}{
		"half":                 {"x.gz", packed[:len(packed)/2]},
		"more behind":          {"x.gz", append(bytes.Clone(packed), "tail"...)},
		"not what it is named": {"x.bz2", packed},
		"plain but named":      {"x.json.zst", []byte("{}")},
		"xz":                   {"x.xz", []byte("\xfd7zXZ\x00\x00\x04")},
		"bzip2 header alone":   {"x", []byte("BZh9")},
		"zstd header alone":    {"x", []byte("\x28\xb5\x2f\xfd")},
		"empty but named":      {"x.gz", nil},
	} {
		if got, err := Inflate(c.file, c.data, MaxDocumentBytes); err == nil || got != nil || errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if got, err := Inflate("x.json", []byte("{}"), 2); err != nil || string(got) != "{}" {
		t.Errorf("plain: %q, %v", got, err)
	}
}

func TestCompressedEvidenceIsRead(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{
		"a.json.gz": string(gzipped(t, []byte("a"))), "b.jsonl.zst": string(zstandard(t, []byte("1\n2\n"))),
		"c.tar.gz": "not evidence", "d.intoto.jsonl": "3\n",
	})
	envelopes, reports := Dir{Paths: []string{dir}}.Envelopes(t.Context(), gatekeep.Subject{})
	if got := strings.Join(bytesOf(envelopes), " "); got != "1 2 3 a" || reports[0].Status != gatekeep.SourceRead {
		t.Errorf("found %q, %+v", got, reports)
	}
	write(t, dir, map[string]string{"bomb.json.bz2": string(bomb(1000))})
	_, reports = Dir{Paths: []string{filepath.Join(dir, "bomb.json.bz2")}}.Envelopes(t.Context(), gatekeep.Subject{})
	if r := reports[0]; r.Status != gatekeep.SourceFailed || r.Reason != gatekeep.ReasonTooLarge || !strings.Contains(r.Detail, "bomb.json.bz2") {
		t.Errorf("got %+v", r)
	}
}

func FuzzInflate(f *testing.F) {
	const limit = 4 << 20
	f.Add("a.json.gz", gzipped(f, []byte(`{"a":1}`)))
	f.Add("a.json.zst", zstandard(f, []byte(`{"a":1}`)))
	f.Add("a.json.bz2", bomb(1))
	f.Add("a.json", []byte("{}"))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		plain, err := Inflate(name, data, limit)
		if len(plain) > limit || err != nil && plain != nil {
			t.Fatalf("%d bytes, %v", len(plain), err)
		}
	})
}
