package people

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Files of a store.
const (
	storeFile      = "people.json"
	lockFile       = "lock"   // held by the one who changes people.json
	useFile        = "in-use" // held by all who may be writing names, and alone by who erases
	erasuresFolder = "erasures"
	proofSuffix    = ".sigstore.json"
)

const (
	lockWait  = 30 * time.Second
	lockRetry = 10 * time.Millisecond // flock has no timeout of its own
)

// Store is the folder in which a gate keeps the names and salts of all persons,
// readable by its owner only. The same name has the same commitment in all decisions,
// until it is erased.
type Store string

// Name is a name, and whose it is: names of one human are erased together.
type Name struct{ Name, Of string }

// Use is held while names may be on their way into a file, so that nobody is erased
// meanwhile.
func (s Store) Use(ctx context.Context) (release func(), err error) { return s.hold(ctx, false) }

// Alone is held while somebody is erased: nothing with names is being written then.
func (s Store) Alone(ctx context.Context) (release func(), err error) { return s.hold(ctx, true) }

func (s Store) hold(ctx context.Context, alone bool) (func(), error) {
	err := os.MkdirAll(string(s), 0o700)
	var release func()
	if err == nil {
		release, err = lock(ctx, filepath.Join(string(s), useFile), alone)
	}
	if err != nil {
		return nil, fmt.Errorf("using people of %s: %w", string(s), err)
	}
	return release, nil
}

// All are the persons that are known.
func (s Store) All() ([]Person, error) {
	all, err := s.load()
	if err != nil {
		return nil, fmt.Errorf("reading people of %s: %w", string(s), err)
	}
	return all, nil
}

// Commit gives the persons of these names, and commits to those that are new, down to
// the disk.
func (s Store) Commit(ctx context.Context, names []Name) ([]Person, error) {
	var out []Person
	err := s.change(ctx, func(all []Person) ([]Person, bool, error) {
		out = nil
		at := map[string]int{}
		for i, p := range all {
			at[p.Claims.Name] = i
		}
		changed := false
		for _, name := range names {
			i, there := at[name.Name]
			if !there {
				p, err := New(name.Name, name.Of)
				if err != nil {
					return nil, false, err
				}
				i, changed = len(all), true
				at[name.Name], all = i, append(all, p)
			}
			if name.Of != "" && all[i].Of != name.Of {
				all[i].Of, changed = name.Of, true
			}
			out = append(out, all[i])
		}
		return all, changed, nil
	})
	return out, err
}

// Forget takes persons out, with their salts.
func (s Store) Forget(ctx context.Context, ids []string) error {
	return s.change(ctx, func(all []Person) ([]Person, bool, error) {
		left := slices.DeleteFunc(slices.Clone(all), func(p Person) bool { return slices.Contains(ids, p.ID) })
		return left, len(left) < len(all), nil
	})
}

// ErasedIDs are the commitments of all whose erasure was proved, sorted.
func (s Store) ErasedIDs() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(string(s), erasuresFolder))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("reading erasures of %s: %w", string(s), err)
	}
	var ids []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), proofSuffix); ok && ValidID(id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func (s Store) proof(id string) string {
	return filepath.Join(string(s), erasuresFolder, id+proofSuffix)
}

// Proof is what Keep kept of an erasure, or nil.
func (s Store) Proof(id string) ([]byte, error) {
	data, err := os.ReadFile(s.proof(id))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading proof of an erasure: %w", err)
	}
	return data, nil
}

// Keep keeps the proof of an erasure, down to the disk.
func (s Store) Keep(id string, proof []byte) error {
	folder := filepath.Join(string(s), erasuresFolder)
	err := os.MkdirAll(folder, 0o700)
	if err == nil {
		err = errors.Join(replace(folder, id+proofSuffix, proof), syncFolder(string(s)))
	}
	if err != nil {
		return fmt.Errorf("keeping proof of an erasure: %w", err)
	}
	return nil
}

func (s Store) load() ([]Person, error) {
	data, err := os.ReadFile(filepath.Join(string(s), storeFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	all, err := read(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; restore it from a backup: without it nobody could be erased", storeFile, err)
	}
	return all, nil
}

// change applies f to all persons under the lock.
func (s Store) change(ctx context.Context, f func([]Person) (all []Person, changed bool, err error)) error {
	fail := func(err error) error { return fmt.Errorf("keeping people in %s: %w", string(s), err) }
	if err := os.MkdirAll(string(s), 0o700); err != nil {
		return fail(err)
	}
	unlock, err := lock(ctx, filepath.Join(string(s), lockFile), true)
	if err != nil {
		return fail(err)
	}
	defer unlock()
	all, err := s.load()
	if err != nil {
		return fail(err)
	}
	all, changed, err := f(all)
	if err != nil {
		return fail(err)
	}
	if !changed {
		return nil
	}
	data, err := write(all)
	if err == nil {
		_, err = read(data) // what could not be read back would lock everybody out
	}
	if err == nil {
		err = replace(string(s), storeFile, data)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// replace writes a file durably: bytes to the disk first, then the name, then the folder.
func replace(folder, name string, data []byte) error {
	path := filepath.Join(folder, name+".new")
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// O_EXCL: a link that somebody put in its place must not be followed.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	if err := os.Rename(path, filepath.Join(folder, name)); err != nil {
		return err
	}
	return syncFolder(folder)
}

func syncFolder(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Sweep removes what a write that was cut short left of people.json: names that are
// erased may stand in it. It wants the store for itself.
func (s Store) Sweep() error {
	for _, folder := range []string{string(s), filepath.Join(string(s), erasuresFolder)} {
		entries, err := os.ReadDir(folder)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("sweeping people of %s: %w", string(s), err)
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".new") {
				if err := os.Remove(filepath.Join(folder, e.Name())); err != nil {
					return fmt.Errorf("sweeping people of %s: %w", string(s), err)
				}
			}
		}
	}
	return nil
}
