package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/gate"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/report"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// pendingSuffix is that of a bundle which a log may hold already and which has not its
// proof yet. It is there only between the two, or after a crash between the two.
const pendingSuffix = ".pending"

// keeper makes answers last.
type keeper struct {
	out      string // file of the evidence, or a folder; "" where none is kept
	signer   signing.Signer
	vouchers vouchers
}

// keep makes an answer last, and returns the path of its evidence: the evidence is on
// disk, whole, before anybody remembers the decision, and has its name only after. A
// crash leaves nothing, or all of it, or a file with the ending .pending and all but the
// proof of the log; a failure leaves no part of it.
func (k keeper) keep(ctx context.Context, a *gate.Answer) (path string, err error) {
	if k.out == "" {
		return "", a.Commit(ctx, nil)
	}
	if k.vouchers.log == nil {
		return k.seal(ctx, a)
	}
	var before ledger.Head
	for {
		environment := a.Record.Case.Request.Environment
		head, err := k.vouchers.log.Head(ctx, entry.Decision, environment)
		if err != nil {
			return "", err
		}
		if err := a.Place(head.Sequence+1, head.Digest); err != nil {
			return "", err
		}
		a.Contents.Remembered = head.Checkpoint
		path, err := k.log(ctx, a, head)
		// Another decision took the place meanwhile. Where none did, asking again is no use.
		if !errors.Is(err, ledger.ErrConflict) || before.Size == head.Size {
			return path, err
		}
		before = head
	}
}

// path is where the evidence of a decision goes.
func (k keeper) path(id string) string {
	if info, err := os.Stat(k.out); err == nil && info.IsDir() {
		return filepath.Join(k.out, "evidence-"+id+".zip")
	}
	return k.out
}

// sealedReports are the reports that every bundle holds, by the name of their format.
var sealedReports = map[string]string{
	"html": "report.html", "csv": "controls.csv", "oscal": "assessment-results.oscal.json",
}

// reports are for those who read a bundle without gatekeep.
func reports(r gatekeep.Record) (map[string][]byte, error) {
	out := map[string][]byte{}
	for format, file := range sealedReports {
		var b bytes.Buffer
		if err := report.Formats[format](&b, r, report.Options{}); err != nil {
			return nil, err
		}
		out[file] = b.Bytes()
	}
	return out, nil
}

// draft makes and signs the bundle, and has it stamped.
func (k keeper) draft(ctx context.Context, a *gate.Answer) (*evidence.Draft, error) {
	var err error
	if a.Contents.Reports, err = reports(a.Record); err != nil {
		return nil, err
	}
	d, err := evidence.Prepare(a.Contents, k.signer)
	if err != nil || k.vouchers.authority == nil {
		return d, err
	}
	response, err := k.vouchers.authority.Stamp(ctx, d.Signature())
	if err != nil {
		return nil, err
	}
	d.Stamp(response)
	return d, nil
}

// seal keeps evidence that no log is to hold.
func (k keeper) seal(ctx context.Context, a *gate.Answer) (path string, err error) {
	d, err := k.draft(ctx, a)
	if err != nil {
		return "", err
	}
	path = k.path(a.Record.ID)
	temporary, err := writeBundle(path, d)
	if err != nil {
		return "", err
	}
	if err := a.Commit(ctx, nil); err != nil {
		return "", errors.Join(err, os.Remove(temporary))
	}
	// The gate remembers the decision now: its evidence is never removed again.
	return path, rename(temporary, path)
}

// log keeps evidence in a log, at the place that head leaves free.
func (k keeper) log(ctx context.Context, a *gate.Answer, head ledger.Head) (path string, err error) {
	d, err := k.draft(ctx, a)
	if err != nil {
		return "", err
	}
	path = k.path(a.Record.ID)
	temporary, err := writeBundle(path, d)
	if err != nil {
		return "", err
	}
	pending := path + pendingSuffix
	if err := rename(temporary, pending); err != nil {
		return "", errors.Join(err, os.Remove(temporary))
	}
	asked := false
	err = a.Commit(ctx, func(ctx context.Context) error {
		asked = true
		return k.vouchers.prove(ctx, d, k.signer, head.Checkpoint)
	})
	switch {
	case err == nil:
		return path, complete(d, pending, path)
	case !asked || errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrEntry):
		return "", errors.Join(err, os.Remove(pending))
	}
	// The log may hold it or not, which only the log knows.
	now, unknown := k.vouchers.log.Head(context.WithoutCancel(ctx), entry.Decision, a.Record.Case.Request.Environment)
	if unknown == nil && now.Sequence == head.Sequence {
		return "", errors.Join(err, os.Remove(pending))
	}
	return "", fmt.Errorf("%w; the log may hold this decision: once the fault is mended, 'gatekeep evidence complete %s' tells, and makes its evidence whole", err, pending)
}

// prove appends a draft to the log and adds the receipt. Appending the same again gives
// the same receipt.
func (v vouchers) prove(ctx context.Context, d *evidence.Draft, signer signing.Signer, remembered []byte) error {
	receipt, err := v.log.Append(ctx, ledger.Entry{Envelope: &ledger.Envelope{Statement: d.Statement(), Signature: d.Signature(), Key: signer.Public()}})
	if err != nil {
		return err
	}
	growth, err := ledger.Grew(ctx, v.folder, remembered, receipt.Size)
	if err != nil {
		return err
	}
	return d.Logged(receipt, growth)
}

// complete gives a proven draft its name, and removes the pending one.
func complete(d *evidence.Draft, pending, path string) error {
	temporary, err := writeBundle(path, d)
	if err == nil {
		err = rename(temporary, path)
	}
	if err != nil {
		return fmt.Errorf("%w; the log holds the decision: 'gatekeep evidence complete %s' makes its evidence whole", err, pending)
	}
	return os.Remove(pending)
}

// writeBundle writes a bundle beside its place, down to the disk, or nothing.
func writeBundle(path string, d *evidence.Draft) (temporary string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return "", fmt.Errorf("writing evidence: %w", err)
	}
	err = d.Write(f)
	if err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("writing evidence: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return f.Name(), nil
}

// rename gives a file that is whole its name, durably.
func rename(temporary, path string) error {
	if err := os.Rename(temporary, path); err != nil {
		return fmt.Errorf("naming evidence, which is whole in %s: %w", temporary, err)
	}
	folder, err := os.Open(filepath.Dir(path))
	if err == nil {
		err = errors.Join(folder.Sync(), folder.Close())
	}
	if err != nil {
		return fmt.Errorf("naming evidence %s: %w", path, err)
	}
	return nil
}
