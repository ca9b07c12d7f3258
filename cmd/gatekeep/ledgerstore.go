package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/vsa"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// bundlesIn reads what each evidence bundle below a folder says it is. What is no bundle
// is one with a problem; a disk that fails is an error.
func bundlesIn(ctx context.Context, folder string) ([]audit.Bundle, error) {
	out := []audit.Bundle{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		whole, pending := strings.CutSuffix(path, pendingSuffix)
		if err == nil && !d.IsDir() && filepath.Ext(whole) == ".zip" {
			var name string
			name, err = filepath.Rel(folder, path)
			out = append(out, audit.Bundle{Path: filepath.ToSlash(name), Pending: pending})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading store: %w", err)
	}
	failures := make([]error, len(out))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(out)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				failures[i] = readStored(folder, &out[i])
			}
		})
	}
	workers.Wait()
	if err := errors.Join(append(failures, ctx.Err())...); err != nil {
		return nil, fmt.Errorf("reading store: %w", err)
	}
	return out, nil
}

// readStored reads who a bundle says it is, and whether its two lists are the ones that
// were signed. That its files are those of the lists is for 'evidence verify' to say.
func readStored(folder string, b *audit.Bundle) error {
	f, size, err := openFile(filepath.Join(folder, filepath.FromSlash(b.Path)))
	if err != nil {
		return err
	}
	defer f.Close()
	unreadable := func(err error) error {
		var why *archive.Refusal
		if errors.As(err, &why) && why.Reason == archive.ReasonUnreadable {
			return err // the disk failed, not the bundle
		}
		b.Problem = entry.Problemf(entry.ReasonBundleUnreadable, "it is no evidence bundle: %v", err)
		return nil
	}
	archived, err := evidence.Open(f, size)
	if err != nil {
		return unreadable(err)
	}
	data, err := archived.Read(layout.PathSignature)
	if err != nil {
		return unreadable(err)
	}
	envelope, err := signing.ParseBundle(data)
	if err != nil {
		return unreadable(err)
	}
	m, err := entry.ReadStatement(envelope.Payload)
	if err != nil {
		return unreadable(err)
	}
	summary, err := vsa.Parse(envelope.Payload)
	if err != nil {
		return unreadable(err)
	}
	b.Pending = b.Pending && envelope.Entry == nil // with a proof it was whole once, whatever it is called
	b.ID, b.Environment, b.Time, b.Statement = m.ID, m.Environment, m.Time, digest.Of(envelope.Payload)
	signed := map[string]string{}
	for _, s := range summary.Subjects {
		signed[s.Name] = s.Digest
	}
	for _, list := range []string{layout.PathManifest, layout.PathSums} {
		data, err := archived.Read(list)
		if err != nil {
			return unreadable(err)
		}
		if digest.Of(data) != signed[list] {
			b.Problem = entry.Problemf(entry.ReasonBundleAltered, "its %s is not the one that was signed and logged", list)
		}
	}
	return nil
}
