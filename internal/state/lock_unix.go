//go:build unix

package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	maxLockWait = 30 * time.Second      // where ctx has no deadline; a commit takes milliseconds
	lockRetry   = 10 * time.Millisecond // flock has no timeout of its own
)

// lock takes the lock file, and gives it back with the returned func. The kernel
// frees it when its holder dies, so a lock file that lies around means nothing.
func (f Folder) lock(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, maxLockWait)
	defer cancel()
	file, err := os.OpenFile(filepath.Join(string(f), lockFile), os.O_CREATE|os.O_RDWR, 0o600)
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
			return nil, fmt.Errorf("locking %s: %w", file.Name(), err)
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("locking %s, which another gate holds: %w", file.Name(), ctx.Err())
		case <-time.After(lockRetry):
		}
	}
}
