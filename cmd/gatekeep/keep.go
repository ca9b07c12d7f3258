package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/gate"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// keep makes an answer last: the evidence is on disk, whole, before the gate
// remembers the decision, and has its name only after. A crash leaves either
// nothing or all of it; a failure leaves no part of it.
func keep(ctx context.Context, a *gate.Answer, out string, signer signing.Signer) (err error) {
	if out == "" {
		return a.Commit(ctx)
	}
	f, err := os.CreateTemp(filepath.Dir(out), "."+filepath.Base(out)+".*")
	if err != nil {
		return fmt.Errorf("writing evidence: %w", err)
	}
	made := false
	defer func() {
		if !made {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if err = evidence.Seal(f, a.Contents, signer); err != nil {
		return fmt.Errorf("sealing evidence: %w", err)
	}
	if err = errors.Join(f.Chmod(0o644), f.Sync()); err != nil {
		return fmt.Errorf("writing evidence: %w", err)
	}
	if err = a.Commit(ctx); err != nil {
		return err
	}
	// The gate remembers the decision now: its evidence is never removed again.
	made = true
	if err = errors.Join(os.Rename(f.Name(), out), f.Close()); err != nil {
		return fmt.Errorf("naming evidence, which is whole in %s: %w", f.Name(), err)
	}
	return nil
}
