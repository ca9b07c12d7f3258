package ocilayout

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// MaxEntries bounds the files of one archive. An image has some dozens of layers, and
// an archive of many images some thousands.
const MaxEntries = 100_000

// section is where the bytes of one file stand in an archive.
type section struct{ offset, size int64 }

// openArchive opens a tar archive, uncompressed. Nothing is unpacked: the headers are
// read once, and the files where they stand.
func openArchive(name string) (*Layout, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	sections, err := sectionsOf(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	open := func(name string) (io.ReadCloser, error) {
		s, ok := sections[name]
		switch {
		case !ok:
			return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		case s.size == noFile:
			return nil, fmt.Errorf("%s: it is a link or another thing that is no plain file", name)
		}
		return io.NopCloser(io.NewSectionReader(f, s.offset, s.size)), nil
	}
	return &Layout{open, f.Close}, nil
}

// noFile is the size of what has a name and is no plain file.
const noFile = -1

// sectionsOf finds the files of an archive. A name that occurs twice has two
// meanings, and readers differ in which they take.
func sectionsOf(f io.ReadSeeker) (map[string]section, error) {
	sections := map[string]section{}
	for r := tar.NewReader(f); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return sections, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading tar archive: %w", err)
		}
		if header.Typeflag == tar.TypeDir || header.Typeflag == tar.TypeXGlobalHeader {
			continue
		}
		// Programs that unpack the archive take "/index.json" for "index.json", and follow a
		// link of that name: what is no plain file takes its name all the same.
		name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		if name == "" {
			return nil, errors.New("reading tar archive: it holds a file without a name")
		}
		if _, twice := sections[name]; twice {
			return nil, fmt.Errorf("reading tar archive: it holds %.200q twice", name)
		}
		if len(sections) == MaxEntries {
			return nil, fmt.Errorf("reading tar archive: more than %d files", MaxEntries)
		}
		if header.Typeflag != tar.TypeReg {
			sections[name] = section{size: noFile}
			continue
		}
		// The reader takes whole blocks, so that the file stands at the content now.
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, fmt.Errorf("reading tar archive: %w", err)
		}
		sections[name] = section{at, header.Size}
	}
}
