// Package ocilayout reads OCI image layouts: folders and tar archives that hold what a
// registry would. OCI image specification 1.1, "OCI Image Layout Specification".
// Layouts may leave out blobs ("sparse"); what is asked for and left out is an error.
package ocilayout

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Names and bounds of a layout.
const (
	versionFile = "oci-layout"
	indexFile   = "index.json"

	// MaxVersionBytes bounds the file that names the version: it has one member.
	MaxVersionBytes = 4 << 10
	// MaxIndexBytes bounds the index, as registries bound theirs.
	MaxIndexBytes = 4 << 20
)

// ErrMissing is a blob that the layout lists and does not hold.
var ErrMissing = errors.New("the layout does not hold it")

// opener opens one file of a layout by its name with slashes. It fails with
// fs.ErrNotExist where there is none.
type opener func(name string) (io.ReadCloser, error)

// Layout is an open layout.
type Layout struct {
	open  opener
	close func() error
}

// Is tells whether a path is a layout: a folder with the file that every layout has,
// or a tar archive with it. What cannot be looked at is none.
func Is(path string) bool {
	l, err := Open(path)
	if err != nil {
		return false
	}
	defer l.Close()
	return true
}

// Open opens the layout at a path, a folder or an archive. Links in a folder are
// followed within it only.
func Open(path string) (*Layout, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fmt.Errorf("opening layout: %w", err)
	}
	var l *Layout
	switch {
	case info.IsDir():
		l, err = openFolder(path)
	case info.Mode().IsRegular():
		l, err = openArchive(path)
	default:
		err = errors.New("neither a file nor a folder")
	}
	if err != nil {
		return nil, fmt.Errorf("opening layout %s: %w", path, err)
	}
	if err := l.checkVersion(); err != nil {
		l.Close()
		return nil, fmt.Errorf("opening layout %s: %w", path, err)
	}
	return l, nil
}

func openFolder(path string) (*Layout, error) {
	// Most folders are none: they are told from the one file, before any is opened.
	if _, err := os.Lstat(filepath.Join(path, versionFile)); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	open := func(name string) (io.ReadCloser, error) {
		// A pipe would wait for its writer: what is no file is not opened.
		if info, err := root.Stat(name); err != nil || !info.Mode().IsRegular() {
			return nil, errors.Join(err, fmt.Errorf("%s is no file", name))
		}
		return root.Open(name)
	}
	return &Layout{open, root.Close}, nil
}

// Close closes the layout.
func (l *Layout) Close() error { return l.close() }

func (l *Layout) checkVersion() error {
	data, err := l.read(versionFile, MaxVersionBytes)
	if err != nil {
		return err
	}
	var file struct {
		Version string `json:"imageLayoutVersion"`
	}
	if err := strictjson.Unmarshal(data, strictjson.Limits{Bytes: MaxVersionBytes, Depth: 8}, &file); err != nil {
		return fmt.Errorf("%s: %w", versionFile, err)
	}
	// Section "oci-layout file": MUST be 1.0.0 for this version of the specification.
	if file.Version != "1.0.0" {
		return fmt.Errorf("%s: imageLayoutVersion is %.40q; 1.0.0 is read", versionFile, file.Version)
	}
	return nil
}

// Index returns the bytes of index.json, the only document that no digest names.
func (l *Layout) Index() ([]byte, error) {
	data, err := l.read(indexFile, MaxIndexBytes)
	if err != nil {
		return nil, fmt.Errorf("reading layout: %w", err)
	}
	return data, nil
}

// Blob returns the bytes that a digest names, of no more than bound, and checks them
// against it. One that is not there is ErrMissing.
func (l *Layout) Blob(d string, bound int64) ([]byte, error) {
	if !digest.Valid(d) { // also: no digest may be a path
		return nil, fmt.Errorf("reading layout: digest %.100q is not sha256, which is all that is read here", d)
	}
	data, err := l.read("blobs/sha256/"+strings.TrimPrefix(d, "sha256:"), bound)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading layout: %s: %w", d, ErrMissing)
	case err != nil:
		return nil, fmt.Errorf("reading layout: %w", err)
	case digest.Of(data) != d:
		return nil, fmt.Errorf("reading layout: %s holds other bytes", d)
	}
	return data, nil
}

// read reads one file within a bound.
func (l *Layout) read(name string, bound int64) ([]byte, error) {
	f, err := l.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, bound+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if int64(len(data)) > bound {
		return nil, fmt.Errorf("%s: over the bound of %d bytes", name, bound)
	}
	return data, nil
}
