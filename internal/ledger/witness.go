package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/tree"
)

const maxPolicy = 64 << 10

// witnessesOf reads the policy of a ledger; nil where it has none.
func witnessesOf(dir string) (*tree.Witnesses, error) {
	policy, err := readBounded(filepath.Join(dir, witnessFile), maxPolicy)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return tree.ReadWitnesses(policy)
}

// SetWitnesses lets a ledger ask these witnesses from the next checkpoint on: nothing is
// acknowledged before enough of them signed the checkpoint that covers it. A nil policy
// asks nobody. Who has opened the ledger already goes on as he did.
func SetWitnesses(ctx context.Context, dir string, policy []byte) error {
	fail := func(err error) error { return fmt.Errorf("setting witnesses of ledger %s: %w", dir, err) }
	unlock, err := lock(ctx, dir)
	if err != nil {
		return fail(err)
	}
	defer unlock()
	if policy == nil {
		if err := os.Remove(filepath.Join(dir, witnessFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fail(err)
		}
		return nil
	}
	if _, err := tree.ReadWitnesses(policy); err != nil {
		return fail(err)
	}
	if err := writeAll(dir, map[string][]byte{witnessFile: policy}); err != nil {
		return fail(err)
	}
	return nil
}
