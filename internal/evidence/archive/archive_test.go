package archive

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"
)

func files() []File {
	return []File{
		{"a.txt", []byte("hello")}, {"b/c.json", []byte(strings.Repeat("0123456789", 40))}, {"b/empty", nil},
		{"z.bin", []byte(strings.Repeat("x", 1<<20))}, // packs below the bound on ratio
	}
}

func write(t testing.TB, in []File) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, in); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func openBytes(data []byte) (*Archive, error) {
	return Open(bytes.NewReader(data), int64(len(data)))
}

// raw is an entry that an attacker writes, legal where nothing is overridden.
type raw struct {
	entry
	content []byte
	local   func([]byte) []byte
	central func([]byte) []byte
	gap     []byte // put before it
}

func legal(name, data string) raw {
	return raw{entry: entry{
		name: name, crc: crc32.ChecksumIEEE([]byte(data)), packed: uint32(len(data)), size: uint32(len(data)),
	}, content: []byte(data)}
}

// assemble lays entries out, and the directory in the order of the indexes given, or
// in the order of the entries.
func assemble(entries []raw, order ...int) []byte {
	var out []byte
	headers := make([][]byte, len(entries))
	for i, e := range entries {
		out = append(out, e.gap...)
		e.offset = uint32(len(out))
		local, central := e.appendLocal(nil), e.appendCentral(nil)
		if e.local != nil {
			local = e.local(local)
		}
		if e.central != nil {
			central = e.central(central)
		}
		out = append(append(out, local...), e.content...)
		headers[i] = central
	}
	start := len(out)
	for i := range entries {
		if order != nil {
			i = order[i]
		}
		out = append(out, headers[i]...)
	}
	return appendEnd(out, len(entries), uint32(len(out)-start), uint32(start))
}

// set overwrites bytes of a header.
func set(at int, value ...byte) func([]byte) []byte {
	return func(b []byte) []byte {
		copy(b[at:], value)
		return b
	}
}

func both(r raw, localAt, centralAt int, value ...byte) raw {
	r.local, r.central = set(localAt, value...), set(centralAt, value...)
	return r
}

// stock is an archive as archive/zip writes it.
func stock(t testing.TB, headers ...*zip.FileHeader) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, h := range headers {
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(h.Name, "/") {
			if _, err := f.Write([]byte("data")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestWhatIsWrittenIsReadAgain(t *testing.T) {
	a, err := openBytes(write(t, files()))
	if err != nil {
		t.Fatal(err)
	}
	sums := a.Sums()
	for i, f := range files() {
		got, err := a.Read(f.Path, MaxFile)
		if err != nil || !bytes.Equal(got, f.Data) {
			t.Errorf("%s: %v", f.Path, err)
		}
		if a.Paths()[i] != f.Path || sums[f.Path].Err != nil || sums[f.Path].Size != int64(len(f.Data)) {
			t.Errorf("%s: %s, %+v", f.Path, a.Paths()[i], sums[f.Path])
		}
	}
	const hello = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	if got := sums["a.txt"].Digest; got != hello {
		t.Errorf("digest %s, want %s", got, hello)
	}
	if _, err := a.Read("a.txt", 4); reason(err) != ReasonTooLarge {
		t.Errorf("reading over the limit: %v", err)
	}
	if _, err := a.Read("none", 4); reason(err) != ReasonFileMissing {
		t.Errorf("reading what is not there: %v", err)
	}
	if _, err := openBytes(write(t, nil)); err != nil {
		t.Errorf("an empty archive: %v", err)
	}
}

func reason(err error) string {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Reason
	}
	return fmt.Sprint(err)
}

func TestEveryOtherFormIsRefusedWithItsReason(t *testing.T) {
	good := write(t, files())
	ab := second
	tests := map[string]attack{
		"nothing":               {nil, ReasonMalformed, ""},
		"text":                  {[]byte(strings.Repeat("no archive ", 10)), ReasonMalformed, ""},
		"cut":                   {good[:len(good)-1], ReasonMalformed, ""},
		"front cut":             {good[1:], ReasonJunk, ""},
		"bytes behind":          {append(bytes.Clone(good), 0), ReasonJunk, ""},
		"bytes before":          {append([]byte("#!/bin/sh\n"), good...), ReasonJunk, ""},
		"two archives":          {append(bytes.Clone(good), good...), ReasonJunk, ""},
		"comment":               {func() []byte { b := append(bytes.Clone(good), 'c'); b[len(b)-3] = 1; return b }(), ReasonJunk, ""},
		"bytes between":         {ab(func(b *raw) { b.gap = []byte("gap") }), ReasonJunk, "b"},
		"bytes at the front":    {assemble([]raw{{entry: legal("a", "one").entry, content: []byte("one"), gap: []byte{0}}}), ReasonJunk, "a"},
		"bytes after the last":  {ab(func(b *raw) { b.content = append(b.content, 'x') }), ReasonJunk, ""},
		"two disks":             {func() []byte { b := bytes.Clone(good); b[len(b)-18] = 1; return b }(), ReasonMalformed, ""},
		"fewer entries":         {func() []byte { b := bytes.Clone(good); b[len(b)-12]++; b[len(b)-14]++; return b }(), ReasonMalformed, ""},
		"more entries":          {func() []byte { b := bytes.Clone(good); b[len(b)-12]--; b[len(b)-14]--; return b }(), ReasonJunk, ""},
		"zip64":                 {appendEnd(nil, 0xffff, 0, 0), ReasonMalformed, ""},
		"too many entries":      {appendEnd(nil, MaxEntries+1, 0, 0), ReasonTooLarge, ""},
		"duplicate":             {assemble([]raw{legal("a", "one"), legal("a", "two")}), ReasonEntryDuplicate, "a"},
		"duplicate in a folder": {assemble([]raw{legal("A/x", "one"), legal("a/x", "two")}), ReasonEntryDuplicate, "a/x"},
		"file and folder":       {assemble([]raw{legal("a", "one"), legal("a/b", "two")}), ReasonEntryDuplicate, "a/b"},
		"file and Folder":       {assemble([]raw{legal("A/b", "one"), legal("a", "two")}), ReasonEntryDuplicate, "A/b"},
		"reordered":             {assemble([]raw{legal("b", "two"), legal("a", "one")}), ReasonFileReordered, "a"},
		"reordered directory":   {assemble([]raw{legal("a", "one"), legal("b", "two")}, 1, 0), ReasonFileReordered, "a"},
		"reordered contents":    {assemble([]raw{legal("b", "two"), legal("a", "one")}, 1, 0), ReasonFileReordered, "a"},
		"long name":             {assemble([]raw{legal(strings.Repeat("a", maxPath+1), "one")}), ReasonMalformed, ""},
	}
	expectRefused(t, tests)
}

// attack is an archive and how it must be refused.
type attack struct {
	data []byte
	want string
	path string // that the refusal names
}

func expectRefused(t *testing.T, tests map[string]attack) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := openBytes(test.data)
			if reason(err) != test.want {
				t.Fatalf("%v, want %s", err, test.want)
			}
			if !strings.Contains(err.Error(), test.path) {
				t.Errorf("%v does not name %s", err, test.path)
			}
		})
	}
}

// second is an archive of two entries of which the second is changed.
func second(change func(*raw)) []byte {
	a, b := legal("a", "one"), legal("b", "two")
	change(&b)
	return assemble([]raw{a, b})
}

func TestEveryOtherHeaderIsRefusedWithItsReason(t *testing.T) {
	le := binary.LittleEndian
	ab := second
	mode := func(m uint32) func([]byte) []byte {
		return set(38, le.AppendUint32(nil, m<<16)...)
	}
	extra := func(b []byte) []byte { le.PutUint16(b[28:], 4); return append(b, 1, 2, 0, 0) }
	centralExtra := func(b []byte) []byte { le.PutUint16(b[30:], 4); return append(b, 1, 2, 0, 0) }
	bomb := func(size uint32) raw {
		var packed bytes.Buffer
		w, _ := flate.NewWriter(&packed, 9)
		_, _ = w.Write(make([]byte, 1<<20))
		_ = w.Close()
		return raw{entry: entry{name: "b", method: methodDeflate, packed: uint32(packed.Len()), size: size}, content: packed.Bytes()}
	}
	big := legal("a", "one")
	big.size, big.packed = MaxFile+1, MaxFile+1
	expectRefused(t, map[string]attack{
		"folder":                 {stock(t, &zip.FileHeader{Name: "a/"}), ReasonEntryNotFile, "a/"},
		"symlink":                {ab(func(b *raw) { b.central = mode(0o120777) }), ReasonEntryNotFile, "b"},
		"device":                 {ab(func(b *raw) { b.central = mode(0o060644) }), ReasonEntryNotFile, "b"},
		"pipe":                   {ab(func(b *raw) { b.central = mode(0o010644) }), ReasonEntryNotFile, "b"},
		"executable":             {ab(func(b *raw) { b.central = mode(0o100755) }), ReasonEntryIrregular, "b"},
		"MS-DOS folder":          {ab(func(b *raw) { b.central = set(38, 0x10) }), ReasonEntryNotFile, "b"},
		"encrypted":              {ab(func(b *raw) { *b = both(*b, 6, 8, 1) }), ReasonEntryEncrypted, "b"},
		"strongly encrypted":     {ab(func(b *raw) { *b = both(*b, 6, 8, 0x41) }), ReasonEntryEncrypted, "b"},
		"UTF-8 flag":             {ab(func(b *raw) { *b = both(*b, 6, 8, 0, 8) }), ReasonEntryIrregular, "b"},
		"time":                   {ab(func(b *raw) { *b = both(*b, 10, 12, 1) }), ReasonEntryIrregular, "b"},
		"date":                   {ab(func(b *raw) { *b = both(*b, 12, 14, 0x22) }), ReasonEntryIrregular, "b"},
		"method":                 {ab(func(b *raw) { b.method = 12 }), ReasonEntryIrregular, "b"},
		"deflated to more":       {ab(func(b *raw) { b.method = methodDeflate }), ReasonEntryIrregular, "b"},
		"stored in fewer":        {ab(func(b *raw) { b.size++ }), ReasonEntryIrregular, "b"},
		"made elsewhere":         {ab(func(b *raw) { b.central = set(5, 0) }), ReasonEntryIrregular, "b"},
		"internal attributes":    {ab(func(b *raw) { b.central = set(36, 1) }), ReasonEntryIrregular, "b"},
		"extra in the directory": {ab(func(b *raw) { b.central = centralExtra }), ReasonEntryIrregular, "b"},
		"extra before the bytes": {ab(func(b *raw) { b.local = extra }), ReasonEntryMismatch, "b"},
		"other name before":      {ab(func(b *raw) { b.local = set(localLen, 'c') }), ReasonEntryMismatch, "b"},
		"other size before":      {ab(func(b *raw) { b.local = set(22, 9) }), ReasonEntryMismatch, "b"},
		"other checksum before":  {ab(func(b *raw) { b.local = set(14, 9) }), ReasonEntryMismatch, "b"},
		"other time before":      {ab(func(b *raw) { b.local = set(10, 9) }), ReasonEntryMismatch, "b"},
		"no header before":       {ab(func(b *raw) { b.local = set(0, 'X') }), ReasonEntryMismatch, "b"},
		"overlapping":            {ab(func(b *raw) { b.central = set(42, 0) }), ReasonJunk, "b"},
		"over the directory":     {ab(func(b *raw) { b.content = b.content[:2] }), ReasonMalformed, "b"},
		"file too large":         {assemble([]raw{big}), ReasonEntryBomb, "a"},
		"ratio":                  {assemble([]raw{bomb(1 << 20)}), ReasonEntryBomb, "b"},
		"ratio of nothing":       {assemble([]raw{{entry: entry{name: "b", size: 1}}}), ReasonEntryBomb, "b"},
		"data descriptor":        {stock(t, &zip.FileHeader{Name: "a", Method: zip.Store}), ReasonEntryIrregular, "a"},
		"modified now":           {stock(t, &zip.FileHeader{Name: "a", Modified: time.Unix(1e9, 0)}), ReasonEntryIrregular, "a"},
	})
}

func TestPathsThatLeadElsewhereAreRefused(t *testing.T) {
	for name, path := range map[string]string{
		"parent": "../a", "parent inside": "a/../../b", "parent alone": "..", "absolute": "/etc/passwd", "backslash": `..\a`,
		"drive": "C:/a", "control": "a\nb", "zero": "a\x00b", "not UTF-8": "a\xff", "not ASCII": "\u00e4", "empty": "",
		"empty part": "a//b", "dot": "./a", "trailing dot": "a./b", "trailing space": "a /b", "star": "*", "stream": "a:b",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openBytes(assemble([]raw{legal(path, "one")}))
			if reason(err) != ReasonEntryUnsafePath {
				t.Fatalf("%v, want %s", err, ReasonEntryUnsafePath)
			}
			if shown := fmt.Sprintf("%+q", path); !strings.Contains(err.Error(), shown) {
				t.Errorf("%v does not name %s", err, shown)
			}
		})
	}
	for _, path := range []string{"a", "a/b.c", "a b", "..a", "a..b", ".hidden", "SHA256SUMS"} {
		if err := CheckPath(path); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestAllFilesTogetherAreBounded(t *testing.T) {
	var entries []raw
	for i := range 3 {
		e := legal(fmt.Sprint(i), "")
		e.size, e.packed = MaxFile, MaxFile
		entries = append(entries, e)
	}
	if _, err := openBytes(assemble(entries)); reason(err) != ReasonEntryBomb {
		t.Errorf("three files of the largest size: %v", err)
	}
	if _, err := Open(bytes.NewReader(nil), maxArchive+1); reason(err) != ReasonTooLarge {
		t.Errorf("an archive over the bound: %v", err)
	}
}

// TestBytesThatDoNotUnpackToWhatTheHeaderSays are found when the file is read.
func TestBytesThatDoNotUnpackToWhatTheHeaderSays(t *testing.T) {
	deflated := func(data string, size int) raw {
		var packed bytes.Buffer
		w, _ := flate.NewWriter(&packed, 9)
		_, _ = w.Write([]byte(data))
		_ = w.Close()
		return raw{content: packed.Bytes(), entry: entry{
			name: "a", method: methodDeflate, crc: crc32.ChecksumIEEE([]byte(data)), packed: uint32(packed.Len()), size: uint32(size),
		}}
	}
	text := strings.Repeat("abcdefg ", 50)
	tail := deflated(text, len(text))
	tail.content, tail.packed = append(tail.content, "hidden"...), tail.packed+6
	wrong := legal("a", "one")
	wrong.crc++
	noise := legal("a", strings.Repeat("\xff", 50))
	noise.method, noise.size = methodDeflate, 60
	tests := map[string]raw{
		"checksum": wrong, "longer": deflated(text, len(text)-1), "shorter": deflated(text, len(text)+1),
		"bytes behind the stream": tail, "no stream": noise,
	}
	for name, e := range tests {
		t.Run(name, func(t *testing.T) {
			a, err := openBytes(assemble([]raw{e}))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := a.Read("a", MaxFile); reason(err) != ReasonFileChanged {
				t.Errorf("read: %v", err)
			}
			if got := a.Sums()["a"]; reason(got.Err) != ReasonFileChanged || got.Digest != "" {
				t.Errorf("sum: %+v", got)
			}
		})
	}
}

func TestADiskThatFailsIsNotAForgedArchive(t *testing.T) {
	good := write(t, files())
	for _, after := range []int64{0, 30, int64(len(good)) - 30} {
		if _, err := Open(failingReader{good, after}, int64(len(good))); reason(err) != ReasonUnreadable {
			t.Errorf("failing from byte %d: %v", after, err)
		}
	}
}

// failingReader fails to read anything below a byte.
type failingReader struct {
	data []byte
	from int64
}

func (r failingReader) ReadAt(p []byte, at int64) (int, error) {
	if at <= r.from {
		return 0, fs.ErrPermission
	}
	return bytes.NewReader(r.data).ReadAt(p, at)
}

func TestWriteRefusesWhatOpenWould(t *testing.T) {
	for name, in := range map[string][]File{
		"order":     {{"b", nil}, {"a", nil}},
		"duplicate": {{"a", nil}, {"a", nil}},
		"folded":    {{"A", nil}, {"a", nil}},
		"folder":    {{"a", nil}, {"a/b", nil}},
		"path":      {{"../a", nil}},
		"many":      make([]File, MaxEntries+1),
	} {
		var out bytes.Buffer
		if err := Write(&out, in); err == nil || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, out.Len())
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(write(f, files()))
	f.Add(write(f, nil))
	f.Add(assemble([]raw{legal("a", "one"), legal("b", "two")}, 1, 0))
	f.Add(stock(f, &zip.FileHeader{Name: "a"}))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := openBytes(data)
		if err != nil {
			if reason(err) == fmt.Sprint(err) {
				t.Fatalf("an error without a reason: %v", err)
			}
			return
		}
		// What is opened is read by the standard library as the same files.
		stock, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil || len(stock.File) != len(a.Paths()) {
			t.Fatalf("archive/zip reads something else: %v", err)
		}
		var again []File
		for i, path := range a.Paths() {
			own, err := a.Read(path, 1<<20)
			if err != nil {
				return
			}
			in, err := stock.File[i].Open()
			if err != nil {
				t.Fatal(err)
			}
			theirs, err := io.ReadAll(in)
			if err != nil || stock.File[i].Name != path || !bytes.Equal(own, theirs) {
				t.Fatalf("archive/zip reads %s differently: %v", path, err)
			}
			again = append(again, File{path, own})
		}
		write(t, again)
	})
}
