package ocistore

import (
	"context"
	"fmt"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocilayout"
)

// Folder reads one OCI layout.
type Folder struct {
	layout *ocilayout.Layout
	left   atomic.Int64 // bytes of evidence that may still be read
}

// OpenFolder opens the layout at a path, a folder or a tar archive.
func OpenFolder(path string) (*Folder, error) {
	layout, err := ocilayout.Open(path)
	if err != nil {
		return nil, err
	}
	f := &Folder{layout: layout}
	f.left.Store(MaxEvidenceBytes)
	return f, nil
}

// Close closes the layout.
func (f *Folder) Close() error { return f.layout.Close() }

// Entries are those of index.json.
func (f *Folder) Entries() ([]v1.Descriptor, error) {
	raw, err := f.layout.Index()
	if err != nil {
		return nil, err
	}
	return Entries(raw, nil)
}

// Manifest implements Store. What the layout leaves out is ocilayout.ErrMissing.
func (f *Folder) Manifest(ctx context.Context, digest string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return f.layout.Blob(digest, MaxManifestBytes)
}

// Blob implements Store.
func (f *Folder) Blob(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := fits(d, &f.left); err != nil {
		return nil, fmt.Errorf("reading %s: %w", d.Digest, err)
	}
	data, err := f.layout.Blob(d.Digest.String(), d.Size)
	if err == nil && int64(len(data)) != d.Size {
		err = fmt.Errorf("reading %s: it has %d bytes and is listed with %d", d.Digest, len(data), d.Size)
	}
	return data, err
}
