package state

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Files of a state folder.
const (
	stateFile = "state.json"
	newFile   = "state.json.new" // a commit that was cut short leaves it; the next one replaces it
	lockFile  = "lock"
)

// Bounds of the stored document.
const (
	maxStateBytes = 128 << 20 // all the bounds of its parts at their usual sizes
	maxStateDepth = 8         // the document has four levels
)

// Folder keeps the state in state.json of the folder with this path: canonical JSON,
// readable by the owner only. A commit writes a new file, syncs it and renames it,
// while it holds the lock file, so a reader sees all of a commit or nothing of it,
// also after a crash.
//
// A path where nothing is at all is a new gate: reading it gives an empty state and
// the first commit makes the folder. A folder without state.json, or with one that
// cannot be read, is an error and never an empty state: forgetting opens gates.
type Folder string

// Init makes a folder with an empty state. The path must not exist, or be an empty
// folder, for example where a volume is mounted.
func Init(path string) error {
	entries, err := os.ReadDir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = Folder(path).create(newDocument())
	case err == nil && len(entries) > 0:
		err = fmt.Errorf("%s is not empty: %w", path, fs.ErrExist)
	case err == nil:
		err = fill(path, newDocument())
	}
	if err != nil {
		return fmt.Errorf("creating state folder: %w", err)
	}
	return nil
}

// Read answers from the newest commit.
func (f Folder) Read(ctx context.Context, q Query) (Snapshot, error) {
	if err := ctx.Err(); err != nil {
		return Snapshot{}, fmt.Errorf("reading state %s: %w", f, err)
	}
	d, _, err := f.load()
	if err != nil {
		return Snapshot{}, fmt.Errorf("reading state: %w", err)
	}
	return d.answer(q), nil
}

// Commit applies an update, or changes nothing and returns an error: ErrConflict,
// ErrNonceConsumed, ErrDamaged, ErrFull, that of ctx where the lock is not free in
// time, or one of the file system.
func (f Folder) Commit(ctx context.Context, u Update) error {
	if err := f.commit(ctx, u); err != nil {
		return fmt.Errorf("committing to state %s: %w", f, err)
	}
	return nil
}

func (f Folder) commit(ctx context.Context, u Update) error {
	d, found, err := f.load()
	if err != nil {
		return err
	}
	if !found {
		if err := d.apply(u); err != nil {
			return err
		}
		if u.Before != nil {
			d = newDocument() // what runs before it runs once, under the lock
		}
		if err := f.create(d); err == nil && u.Before == nil || err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		// Another gate made its first commit meanwhile: go on from that.
	}
	unlock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	// What was loaded above may be old. Only what is loaded under the lock counts.
	if d, found, err = f.load(); err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("the folder was removed: %w", ErrConflict)
	}
	if err := d.apply(u); err != nil {
		return err
	}
	if u.Before != nil {
		if err := u.Before(ctx); err != nil {
			return err
		}
	}
	return replace(string(f), d)
}

// load reads the document. Found is false where there is nothing at the path.
func (f Folder) load() (d *document, found bool, err error) {
	// The link before what it leads to: in the other order a folder that another gate makes
	// in between looks like a link to nowhere, which is not "nothing at all".
	info, err := os.Lstat(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return newDocument(), false, nil
	}
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		info, err = os.Stat(string(f))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, fmt.Errorf("%s is a link to a folder that does not exist: %w", f, ErrDamaged)
	case err != nil:
		return nil, false, err
	case !info.IsDir():
		return nil, false, fmt.Errorf("%s is not a folder: %w", f, ErrDamaged)
	}
	path := filepath.Join(string(f), stateFile)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, fmt.Errorf("%s has no %s: %w; restore it from a backup, or, if this gate is new, remove the folder", f, stateFile, ErrDamaged)
	}
	if err != nil {
		return nil, false, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxStateBytes+1))
	if err != nil {
		return nil, false, err
	}
	if d, err = decode(data); err != nil {
		return nil, false, fmt.Errorf("%s: %w: %w; restore it from a backup: an empty state would accept every replay", path, ErrDamaged, err)
	}
	return d, true, nil
}

// decode reads a stored document: one JSON value with known fields only.
func decode(data []byte) (*document, error) {
	if err := strictjson.Check(data, strictjson.Limits{Bytes: maxStateBytes, Depth: maxStateDepth}); err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	d := &document{}
	if err := decoder.Decode(d); err != nil {
		return nil, err
	}
	if err := d.check(); err != nil {
		return nil, err
	}
	// What this program writes is canonical, so anything else was changed by hand.
	// This also catches field names that differ in case, which the decoder lets pass.
	canonical, _, err := digest.JCS(d)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(canonical, data) {
		return nil, errors.New("not in the form in which it was written")
	}
	return d, nil
}

// create makes the folder with the document in it, or nothing: it is filled beside
// its place and renamed. An error is fs.ErrExist where something is there.
func (f Folder) create(d *document) error {
	path := filepath.Clean(string(f))
	parent := filepath.Dir(path)
	temporary, err := os.MkdirTemp(parent, "."+filepath.Base(path)+".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	if err := fill(temporary, d); err != nil {
		return err
	}
	// Renaming a folder onto another fails, so of two gates that begin at once one
	// loses here.
	if err := os.Rename(temporary, path); err != nil {
		return err
	}
	return syncFolder(parent)
}

// fill makes the files of an empty folder.
func fill(folder string, d *document) error {
	lock, err := os.OpenFile(filepath.Join(folder, lockFile), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := lock.Close(); err != nil {
		return err
	}
	return replace(folder, d)
}

// replace writes the document durably: bytes to the disk first, then the name, then
// the folder that holds the name.
func replace(folder string, d *document) error {
	canonical, _, err := digest.JCS(d)
	if err != nil {
		return err
	}
	if len(canonical) > maxStateBytes {
		return fmt.Errorf("%d bytes, more than %d: %w", len(canonical), maxStateBytes, ErrFull)
	}
	path := filepath.Join(folder, newFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// O_EXCL: a link that somebody put in its place must not be followed.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(canonical)
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	if err := os.Rename(path, filepath.Join(folder, stateFile)); err != nil {
		return err
	}
	return syncFolder(folder)
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
