package archive

import (
	"bufio"
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// Archive is a zip archive that was found to be in the one form. The files' bytes
// are unread and unchecked. It may be used from several goroutines.
type Archive struct {
	r       io.ReaderAt
	entries []entry // sorted by name
	byName  map[string]int
}

// Open reads the directory of an archive of size bytes and holds every byte outside the
// files' packed contents against the one form: nothing stands before, between or
// after the entries, and both headers of each are what Write would have written.
// Errors are
// of type *Refusal.
func Open(r io.ReaderAt, size int64) (*Archive, error) {
	directory, count, start, err := findDirectory(r, size)
	if err != nil {
		return nil, err
	}
	a := &Archive{r: r, byName: make(map[string]int, count)}
	seen := make(names, count)
	var total uint64
	for len(a.entries) < count {
		e, n, err := readCentral(directory)
		if err != nil {
			return nil, err
		}
		directory = directory[n:]
		if err := a.admit(e, seen); err != nil {
			return nil, err
		}
		if total += uint64(e.size); total > MaxTotal {
			return nil, Refuse(ReasonEntryBomb, e.name, "with it the files have more than %d bytes", MaxTotal)
		}
	}
	if len(directory) > 0 {
		return nil, Refuse(ReasonJunk, "", "%d bytes follow the last entry of the directory", len(directory))
	}
	if err := seen.checkFolders(); err != nil {
		return nil, err
	}
	if err := a.tile(start); err != nil {
		return nil, err
	}
	return a, nil
}

// findDirectory reads the end record and the directory before it.
func findDirectory(r io.ReaderAt, size int64) (directory []byte, count int, start int64, err error) {
	if size > maxArchive {
		return nil, 0, 0, Refuse(ReasonTooLarge, "", "%d bytes; the bound is %d", size, maxArchive)
	}
	if size < endLen {
		return nil, 0, 0, Refuse(ReasonMalformed, "", "%d bytes are no zip archive", size)
	}
	var end [endLen]byte
	if _, err := r.ReadAt(end[:], size-endLen); err != nil && err != io.EOF {
		return nil, 0, 0, Refuse(ReasonUnreadable, "", "%v", err)
	}
	le := binary.LittleEndian
	entries, length, offset := le.Uint16(end[10:]), le.Uint32(end[12:]), le.Uint32(end[16:])
	if le.Uint32(end[:]) != signatureEnd {
		if hasEndRecord(r, size) {
			return nil, 0, 0, Refuse(ReasonJunk, "", "a comment or other bytes follow the end record")
		}
		return nil, 0, 0, Refuse(ReasonMalformed, "", "there is no end record of a zip archive")
	}
	if entries == math.MaxUint16 || length == math.MaxUint32 || offset == math.MaxUint32 {
		return nil, 0, 0, Refuse(ReasonMalformed, "", "it is zip64, which no bundle is")
	}
	if int(entries) > MaxEntries {
		return nil, 0, 0, Refuse(ReasonTooLarge, "", "%d entries; the bound is %d", entries, MaxEntries)
	}
	if !bytes.Equal(end[:], appendEnd(nil, int(entries), length, offset)) {
		return nil, 0, 0, Refuse(ReasonMalformed, "", "the end record speaks of several disks, a comment, or two numbers of entries")
	}
	start = size - endLen - int64(length)
	if start < 0 || start != int64(offset) {
		return nil, 0, 0, Refuse(ReasonJunk, "", "the directory lies at byte %d and should lie at %d: bytes were put before or behind it", start, offset)
	}
	if int64(length) > int64(entries)*(centralLen+maxPath) {
		return nil, 0, 0, Refuse(ReasonMalformed, "", "a directory of %d bytes is too long for %d entries", length, entries)
	}
	directory = make([]byte, length)
	if _, err := r.ReadAt(directory, start); err != nil && err != io.EOF {
		return nil, 0, 0, Refuse(ReasonUnreadable, "", "%v", err)
	}
	return directory, int(entries), start, nil
}

// hasEndRecord looks for an end record where a comment would leave it, to tell an
// archive with something behind it from what is no archive.
func hasEndRecord(r io.ReaderAt, size int64) bool {
	tail := make([]byte, min(size, endLen+math.MaxUint16))
	if _, err := r.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return false
	}
	at := bytes.Index(tail, binary.LittleEndian.AppendUint32(nil, signatureEnd))
	return at >= 0 && at+endLen <= len(tail)
}

// readCentral reads one central header and holds it against the one form. It
// returns its length too.
func readCentral(b []byte) (entry, int, error) {
	le := binary.LittleEndian
	if len(b) < centralLen || le.Uint32(b) != signatureCentral {
		return entry{}, 0, Refuse(ReasonMalformed, "", "the directory holds fewer entries than it says")
	}
	nameLen, extraLen, commentLen := int(le.Uint16(b[28:])), int(le.Uint16(b[30:])), int(le.Uint16(b[32:]))
	n := centralLen + nameLen + extraLen + commentLen
	if len(b) < n {
		return entry{}, 0, Refuse(ReasonMalformed, "", "the directory ends within an entry")
	}
	e := entry{
		name: string(b[centralLen : centralLen+nameLen]), method: le.Uint16(b[10:]), crc: le.Uint32(b[16:]),
		packed: le.Uint32(b[20:]), size: le.Uint32(b[24:]), offset: le.Uint32(b[42:]),
	}
	shown := fmt.Sprintf("%+q", e.name)
	const encrypted = 1<<0 | 1<<6 | 1<<13 // traditional, strong, and hidden headers
	if le.Uint16(b[8:])&encrypted != 0 {
		return e, 0, Refuse(ReasonEntryEncrypted, shown, "a bundle holds nothing encrypted")
	}
	// The type of a file made on Unix stands in the upper half; MS-DOS marks folders
	// in the lower.
	attrs, unix := le.Uint32(b[38:]), b[5] == versionMadeBy>>8
	if mode := attrs >> 16; strings.HasSuffix(e.name, "/") || attrs&0x10 != 0 || unix && mode&0o170000 != 0o100000 {
		return e, 0, Refuse(ReasonEntryNotFile, shown, "a folder, link or device (mode %o); a bundle holds regular files", mode)
	}
	if err := CheckPath(e.name); err != nil {
		return e, 0, Refuse(ReasonEntryUnsafePath, shown, "%v", err)
	}
	if e.size > MaxFile {
		return e, 0, Refuse(ReasonEntryBomb, e.name, "it says %d bytes; the bound is %d", e.size, MaxFile)
	}
	if uint64(e.size) > maxRatio*uint64(e.packed) {
		return e, 0, Refuse(ReasonEntryBomb, e.name, "%d bytes unpack to %d; the bound is %d for one", e.packed, e.size, maxRatio)
	}
	stored, deflated := e.method == methodStore && e.packed == e.size, e.method == methodDeflate && e.packed < e.size
	if !stored && !deflated {
		return e, 0, Refuse(ReasonEntryIrregular, e.name, "method %d, %d bytes for %d: want stored, or deflated to less", e.method, e.packed, e.size)
	}
	if !bytes.Equal(b[:n], e.appendCentral(nil)) {
		return e, 0, Refuse(ReasonEntryIrregular, e.name, "its header has an extra field, comment, flag, time, version or mode that no bundle has")
	}
	return e, n, nil
}

// admit takes an entry that comes in order and names a file of its own.
func (a *Archive) admit(e entry, seen names) error {
	if err := seen.add(e.name); err != nil {
		return err
	}
	if n := len(a.entries); n > 0 && a.entries[n-1].name > e.name {
		return Refuse(ReasonFileReordered, e.name, "it stands after %s", a.entries[n-1].name)
	}
	a.byName[e.name] = len(a.entries)
	a.entries = append(a.entries, e)
	return nil
}

// tile checks that the local entries fill the archive up to the directory, in the
// order of the directory, without a byte between them.
func (a *Archive) tile(end int64) error {
	at := int64(0)
	var got, want []byte
	for _, e := range a.entries {
		if int64(e.offset) != at {
			for _, other := range a.entries {
				if int64(other.offset) == at {
					return Refuse(ReasonFileReordered, e.name, "%s stands in its place", other.name)
				}
			}
			return Refuse(ReasonJunk, e.name, "it should begin at byte %d, not %d: there are bytes that belong to no entry", at, e.offset)
		}
		want = e.appendLocal(want[:0])
		got = append(got[:0], want...)
		if at+int64(len(want))+int64(e.packed) > end {
			return Refuse(ReasonMalformed, e.name, "it runs into the directory")
		}
		if _, err := a.r.ReadAt(got, at); err != nil && err != io.EOF {
			return Refuse(ReasonUnreadable, "", "%v", err)
		}
		if !bytes.Equal(got, want) {
			return Refuse(ReasonEntryMismatch, e.name, "the header before its bytes is not the one in the directory")
		}
		at += int64(len(want)) + int64(e.packed)
	}
	if at != end {
		return Refuse(ReasonJunk, "", "%d bytes stand between the last entry and the directory", end-at)
	}
	return nil
}

// Paths are those of all files, sorted.
func (a *Archive) Paths() []string {
	out := make([]string, len(a.entries))
	for i, e := range a.entries {
		out[i] = e.name
	}
	return out
}

// copyTo writes the bytes of a file to w. Bytes that do not unpack to what the
// header says are a refusal, file_changed.
func (a *Archive) copyTo(w io.Writer, path string, buffer []byte) error {
	i, ok := a.byName[path]
	if !ok {
		return Refuse(ReasonFileMissing, path, "the bundle does not hold it")
	}
	e := a.entries[i]
	start := int64(e.offset) + localLen + int64(len(e.name))
	packed := bufio.NewReaderSize(io.NewSectionReader(a.r, start, int64(e.packed)), 64<<10)
	var content io.Reader = packed
	if e.method == methodDeflate {
		content = flate.NewReader(packed)
	}
	sum := crc32.NewIEEE()
	// One byte more than it says: a longer stream must not pass for its beginning.
	n, err := io.CopyBuffer(io.MultiWriter(w, sum), io.LimitReader(content, int64(e.size)+1), buffer)
	switch {
	case err != nil:
		return Refuse(ReasonFileChanged, path, "its bytes do not unpack: %v", err)
	case n != int64(e.size):
		return Refuse(ReasonFileChanged, path, "it unpacks to %d bytes or more, not %d", n, e.size)
	case sum.Sum32() != e.crc:
		return Refuse(ReasonFileChanged, path, "its bytes do not have the checksum in the archive")
	}
	// The packed stream ends where the entry ends: no byte hides behind it.
	if _, err := packed.ReadByte(); err != io.EOF {
		return Refuse(ReasonFileChanged, path, "bytes follow its packed form")
	}
	return nil
}

// Read is a whole file of at most limit bytes. Errors are of type *Refusal.
func (a *Archive) Read(path string, limit int64) ([]byte, error) {
	i, ok := a.byName[path]
	if ok && int64(a.entries[i].size) > limit {
		return nil, Refuse(ReasonTooLarge, path, "%d bytes; the bound for this file is %d", a.entries[i].size, limit)
	}
	var out bytes.Buffer
	if ok {
		out.Grow(int(a.entries[i].size))
	}
	if err := a.copyTo(&out, path, nil); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// Sum is what reading a file to its end came to.
type Sum struct {
	Digest string // "sha256:" and 64 hex digits; "" where Err is set
	Size   int64  // bytes
	Err    error  // of type *Refusal
}

// Sums reads every file once, on all processors.
func (a *Archive) Sums() map[string]Sum {
	results := make([]Sum, len(a.entries))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(a.entries)) {
		workers.Go(func() {
			h, buffer := sha256.New(), make([]byte, 128<<10)
			for i := next.Add(1) - 1; i < int64(len(a.entries)); i = next.Add(1) - 1 {
				results[i] = a.sum(a.entries[i], h, buffer)
			}
		})
	}
	workers.Wait()
	out := make(map[string]Sum, len(results))
	for i, e := range a.entries {
		out[e.name] = results[i]
	}
	return out
}

func (a *Archive) sum(e entry, h hash.Hash, buffer []byte) Sum {
	h.Reset()
	if err := a.copyTo(h, e.name, buffer); err != nil {
		return Sum{Err: err}
	}
	return Sum{Digest: "sha256:" + hex.EncodeToString(h.Sum(nil)), Size: int64(e.size)}
}
