package ledger

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// Names in the folder of a ledger; the package comment says what they hold.
const (
	LogFolder     = "log"
	entriesFolder = "entries"
	cacheFolder   = "cache"
	lockFile      = "lock"
	chainFile     = "chain.json"
	idsFile       = "ids"
	witnessFile   = "witness-policy"
)

const (
	lockRetry = 10 * time.Millisecond // flock has no timeout of its own
	syncers   = 16                    // files on their way to the disk at once: the disk makes one flush of several
	dirMode   = 0o755
	fileMode  = 0o644
)

// lock takes the lock of the folder, and gives it back with the returned func. The
// kernel frees it when its holder dies.
func lock(ctx context.Context, dir string) (unlock func(), err error) {
	path := filepath.Join(dir, lockFile)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s is no ledger: it has no file %q; make one with `gatekeep ledger init`", dir, lockFile)
	}
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil // closing frees the lock
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("locking %s, which another writer holds: %w; try again, or find out why that writer takes so long", path, ctx.Err())
		case <-time.After(lockRetry):
		}
	}
}

// write puts a file in its place durably: bytes to the disk first, then the name. The
// folder is for the caller to sync.
func write(path string, data []byte) error {
	temporary := path + ".new"
	// What a writer that was killed left behind is of no use; only one writes at a time.
	if err := os.Remove(temporary); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(temporary, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fileMode)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return os.Rename(temporary, path)
}

// writeAll writes many files of one folder durably: all of them, or an error.
func writeAll(folder string, files map[string][]byte) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed error
	turns := make(chan struct{}, syncers)
	for name, data := range files {
		wait.Add(1)
		go func() {
			defer wait.Done()
			turns <- struct{}{}
			defer func() { <-turns }()
			if err := write(filepath.Join(folder, name), data); err != nil {
				mu.Lock()
				failed = errors.Join(failed, err)
				mu.Unlock()
			}
		}()
	}
	wait.Wait()
	if failed != nil {
		return failed
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

// readBounded reads a file of at most limit bytes.
func readBounded(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is over the bound of %d bytes", path, limit)
	}
	return data, err
}
