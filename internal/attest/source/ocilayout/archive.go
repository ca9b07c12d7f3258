package ocilayout

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
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
		if !ok {
			return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		}
		return io.NopCloser(io.NewSectionReader(f, s.offset, s.size)), nil
	}
	return &Layout{open, f.Close}, nil
}

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
		if header.Typeflag != tar.TypeReg {
			continue
		}
		name := path.Clean(header.Name)
		if _, twice := sections[name]; twice {
			return nil, fmt.Errorf("reading tar archive: it holds %.200q twice", name)
		}
		if len(sections) == MaxEntries {
			return nil, fmt.Errorf("reading tar archive: more than %d files", MaxEntries)
		}
		// The reader takes whole blocks, so that the file stands at the content now.
		at, err := f.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, fmt.Errorf("reading tar archive: %w", err)
		}
		sections[name] = section{at, header.Size}
	}
}
