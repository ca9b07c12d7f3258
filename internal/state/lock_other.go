//go:build !unix

package state

import (
	"context"
	"errors"
)

// lock refuses: without a lock that dies with its holder two gates could use one
// nonce.
func (f Folder) lock(context.Context) (func(), error) {
	return nil, errors.New("a state folder needs a system with flock; run the gate on Linux, macOS or BSD")
}
