// Package archive writes and reads zip archives of one form: every byte outside the
// files' packed contents follows from the files, so that an archive has no place in
// which something could be changed or hidden without being noticed. Stock unzip
// reads them.
package archive

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strings"
)

// The one form of an archive. PKWARE APPNOTE 6.3.10, sections 4.3.7 (local header),
// 4.3.12 (central directory) and 4.3.16 (end record), with every field that could
// vary held still: no extra fields, comments, data descriptors, encryption or zip64,
// the time 1980-01-01 00:00, and regular files of mode 0644 made on Unix.
const (
	signatureLocal   = 0x04034b50
	signatureCentral = 0x02014b50
	signatureEnd     = 0x06054b50

	localLen   = 30
	centralLen = 46
	endLen     = 22

	versionNeeded = 20        // 2.0: Deflate
	versionMadeBy = 3<<8 | 20 // Unix
	modifiedDate  = 1<<5 | 1  // 1980-01-01, the first day that the format knows
	externalAttrs = 0o100644 << 16

	methodStore   = 0
	methodDeflate = 8
)

// Bounds, the same for writing and opening.
const (
	MaxEntries = 20_000  // an SBOM, scans and approvals for each of 1,000 artifacts are some 10,000
	MaxFile    = 1 << 30 // bytes of one file; the largest SBOMs seen are some 100 MB
	MaxTotal   = 2 << 30 // bytes of all files; zip without zip64 ends at 4 GiB
	maxArchive = MaxTotal + 64<<20
	maxPath    = 400 // bytes of a path, with room below the 4,096 of common systems
	// maxRatio bounds what a byte unpacks to. JSON packs to a tenth, repetitive JSON to
	// a fiftieth; Deflate ends at a thousandth. Write stores what packs better.
	maxRatio = 200
)

// entry is one file of an archive as its central header has it.
type entry struct {
	name         string
	method       uint16
	crc          uint32
	packed, size uint32
	offset       uint32 // of the local header
}

// appendLocal is the one legal local header of an entry.
func (e entry) appendLocal(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, signatureLocal)
	b = le.AppendUint16(b, versionNeeded)
	b = e.appendShared(b)
	b = le.AppendUint16(b, 0) // extra field length
	return append(b, e.name...)
}

// appendCentral is the one legal central header of an entry.
func (e entry) appendCentral(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, signatureCentral)
	b = le.AppendUint16(b, versionMadeBy)
	b = le.AppendUint16(b, versionNeeded)
	b = e.appendShared(b)
	b = le.AppendUint16(b, 0) // extra field length
	b = le.AppendUint16(b, 0) // comment length
	b = le.AppendUint16(b, 0) // disk
	b = le.AppendUint16(b, 0) // internal attributes
	b = le.AppendUint32(b, externalAttrs)
	b = le.AppendUint32(b, e.offset)
	return append(b, e.name...)
}

// appendShared is what both headers say, from the flags to the length of the name.
func (e entry) appendShared(b []byte) []byte {
	le := binary.LittleEndian
	b = le.AppendUint16(b, 0) // flags
	b = le.AppendUint16(b, e.method)
	b = le.AppendUint16(b, 0) // time
	b = le.AppendUint16(b, modifiedDate)
	b = le.AppendUint32(b, e.crc)
	b = le.AppendUint32(b, e.packed)
	b = le.AppendUint32(b, e.size)
	return le.AppendUint16(b, uint16(len(e.name)))
}

// appendEnd is the end record, which has no comment.
func appendEnd(b []byte, entries int, size, offset uint32) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, signatureEnd)
	b = le.AppendUint32(b, 0) // disks
	b = le.AppendUint16(b, uint16(entries))
	b = le.AppendUint16(b, uint16(entries))
	b = le.AppendUint32(b, size)
	b = le.AppendUint32(b, offset)
	return le.AppendUint16(b, 0) // comment length
}

// File is a path, relative with forward slashes, and its bytes.
type File struct {
	Path string
	Data []byte
}

// Write writes files in the one form. They must be sorted by path and pass Check. A
// file is deflated at the quickest level, which halves the time of sealing a large SBOM
// for 7 % of its size, where that makes it smaller and stays within the bound on ratio,
// and stored otherwise. For one release of Go the same files give the same bytes.
func Write(w io.Writer, files []File) error {
	if err := Check(files); err != nil {
		return err
	}
	deflate, err := flate.NewWriter(io.Discard, flate.BestSpeed)
	if err != nil {
		return err
	}
	var central, scratch []byte
	var packed bytes.Buffer
	offset := 0
	for _, f := range files {
		e := entry{
			name: f.Path, method: methodStore, crc: crc32.ChecksumIEEE(f.Data),
			packed: uint32(len(f.Data)), size: uint32(len(f.Data)), offset: uint32(offset),
		}
		content := f.Data
		packed.Reset()
		deflate.Reset(&packed)
		if _, err := deflate.Write(f.Data); err != nil {
			return err
		}
		if err := deflate.Close(); err != nil {
			return err
		}
		if n := packed.Len(); n < len(f.Data) && len(f.Data) <= maxRatio*n {
			e.method, e.packed, content = methodDeflate, uint32(n), packed.Bytes()
		}
		scratch = e.appendLocal(scratch[:0])
		if _, err := w.Write(scratch); err != nil {
			return err
		}
		if _, err := w.Write(content); err != nil {
			return err
		}
		offset += len(scratch) + len(content)
		central = e.appendCentral(central)
	}
	end := appendEnd(central, len(files), uint32(len(central)), uint32(offset))
	_, err = w.Write(end)
	return err
}

// Check refuses files that Open would refuse: out of order, too many, too large, or
// with a path that is unsafe or names the same file as another.
func Check(files []File) error {
	if len(files) > MaxEntries {
		return fmt.Errorf("%d files; an archive holds %d", len(files), MaxEntries)
	}
	total := 0
	n := make(names, len(files))
	for i, f := range files {
		if err := CheckPath(f.Path); err != nil {
			return fmt.Errorf("file %q cannot be written under its name: %w", f.Path, err)
		}
		if i > 0 && files[i-1].Path > f.Path {
			return fmt.Errorf("file %s stands after %s", f.Path, files[i-1].Path)
		}
		if err := n.add(f.Path); err != nil {
			return err
		}
		if total += len(f.Data); len(f.Data) > MaxFile || total > MaxTotal {
			return fmt.Errorf("file %s has %d bytes, with it the files have %d; the bounds are %d and %d", f.Path, len(f.Data), total, MaxFile, MaxTotal)
		}
	}
	return n.checkFolders()
}

// names are paths with case folded, to the paths as they are written: two that fold
// to one become one file on Windows and macOS.
type names map[string]string

func (n names) add(path string) error {
	fold := strings.ToLower(path)
	if other, ok := n[fold]; ok {
		return Refuse(ReasonEntryDuplicate, path, "%q names the same file", other)
	}
	n[fold] = path
	return nil
}

// checkFolders refuses a path that is a file and a folder at once.
func (n names) checkFolders() error {
	for _, fold := range slices.Sorted(maps.Keys(n)) {
		for i, c := range fold {
			if other, isFile := n[fold[:i]]; c == '/' && isFile {
				return Refuse(ReasonEntryDuplicate, n[fold], "%s is a file and a folder", other)
			}
		}
	}
	return nil
}

// CheckPath refuses paths that any common system would read as something other
// than a plain file below the folder they are unpacked to.
func CheckPath(path string) error {
	if path == "" || len(path) > maxPath {
		return fmt.Errorf("a path has 1 to %d bytes", maxPath)
	}
	for i := range len(path) {
		// ASCII alone: elsewhere two spellings may name one file. The rest has a
		// meaning on Windows, where a bundle may be unpacked too.
		if c := path[i]; c < ' ' || c > '~' || strings.IndexByte(`\:*?"<>|`, c) >= 0 {
			return fmt.Errorf("byte %#02x may not stand in a path", c)
		}
	}
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "":
			return fmt.Errorf("it is absolute, ends in a slash or has an empty part")
		case part == "." || part == "..":
			return fmt.Errorf("it has a part %q", part)
		case strings.HasSuffix(part, ".") || strings.HasSuffix(part, " "):
			return fmt.Errorf("the part %q ends in a dot or space, which Windows drops", part)
		}
	}
	return nil
}
