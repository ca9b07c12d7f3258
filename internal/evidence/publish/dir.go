package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// kept is the mode of a file that nobody changes again.
const kept = 0o444

// dir is a folder: a disk, a share, a mounted archive.
type dir struct {
	name string
	path string
}

// Publish implements Target. The file has its name once all of it is on disk, and only
// where nothing had that name.
func (t dir) Publish(_ context.Context, d Document) ([]Receipt, error) {
	final := filepath.Join(t.path, d.Name())
	receipt := Receipt{Target: t.name, Kind: KindBundle, Location: final, Digest: d.digest}
	if err := makeFolder(t.path); err != nil {
		return nil, err
	}
	err := sameFile(final, d)
	if errors.Is(err, fs.ErrNotExist) {
		err = place(t.path, d.Name(), bytes.NewReader(d.bundle))
		if errors.Is(err, fs.ErrExist) { // another publisher was faster
			receipt.Already, err = true, sameFile(final, d)
		}
	} else {
		receipt.Already = true
	}
	if err == nil {
		// Again for a file that was there: its publisher may have died before this.
		err = syncFolder(t.path)
	}
	if err != nil {
		return nil, err
	}
	return []Receipt{receipt}, nil
}

// sameFile tells whether the file holds the bundle.
func sameFile(path string, d Document) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s is no file", ErrOther, path)
	}
	if info.Size() == int64(len(d.bundle)) {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if digest.Of(data) == d.digest {
			return nil
		}
	}
	return fmt.Errorf("%w: %s has other bytes than %s", ErrOther, path, d.digest)
}

// place writes a file of the folder whole, or nothing. A link, unlike a new name,
// never replaces what has the name already; where the file system has no links the
// name is looked up once more.
func place(folder, name string, from io.Reader) error {
	f, err := os.CreateTemp(folder, "."+name+".*")
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	err = errors.Join(err, f.Chmod(kept), f.Sync(), f.Close())
	if err == nil {
		err = named(f.Name(), filepath.Join(folder, name))
	}
	if gone := os.Remove(f.Name()); err == nil && !errors.Is(gone, fs.ErrNotExist) {
		err = gone
	}
	return err
}

// named gives a file its name, where nothing has it. The name that it had may stay.
func named(temporary, final string) error {
	err := os.Link(temporary, final)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, there := os.Lstat(final); there == nil {
		return &fs.PathError{Op: "publishing", Path: final, Err: fs.ErrExist}
	}
	return os.Rename(temporary, final)
}

// makeFolder makes the folder where there is none, for good.
func makeFolder(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.IsDir():
		return fmt.Errorf("%s is no folder", path)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(filepath.Clean(path)))
}

// syncFolder makes the names in a folder last.
func syncFolder(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
