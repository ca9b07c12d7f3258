//go:build !unix

package people

import (
	"context"
	"errors"
)

// lock refuses: without a lock two gates could give one name two commitments.
func lock(context.Context, string, bool) (func(), error) {
	return nil, errors.New("a store of people needs a system with flock; run the gate on Linux, macOS or BSD")
}
