// Package logged puts what a log says of an entry into an envelope, and reads it back.
package logged

import (
	"crypto/x509"
	"fmt"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/place"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// Entry is a receipt of a log as envelopes carry it.
func Entry(r ledger.Receipt) (*signing.Entry, error) {
	p, err := r.Place()
	if err != nil {
		return nil, err
	}
	return &signing.Entry{
		Kind: entry.LeafKind, Version: entry.LeafVersion, LogID: p.LogID, Index: int64(p.Index), Size: int64(p.Size),
		Root: p.Root, Hashes: p.Hashes, Checkpoint: string(p.Checkpoint), Body: p.Leaf,
	}, nil
}

// Envelope is the statement of a receipt, signed and with its entry.
func Envelope(r ledger.Receipt) (signing.Envelope, error) {
	fail := func(err error) (signing.Envelope, error) {
		return signing.Envelope{}, fmt.Errorf("reading receipt of leaf %d: %w", r.Index, err)
	}
	key, err := x509.ParsePKIXPublicKey(r.Key)
	if err != nil {
		return fail(err)
	}
	hint, err := signing.Hint(key)
	if err != nil {
		return fail(err)
	}
	e, err := Entry(r)
	if err != nil {
		return fail(err)
	}
	return signing.Envelope{PayloadType: signing.PayloadType, Payload: r.Statement, Signature: r.Signature, Hint: hint, Entry: e}, nil
}

// Place is where an entry says that it is, in the log of an origin.
func Place(origin string, e *signing.Entry) place.Place {
	return place.Place{
		Origin: origin, Index: uint64(e.Index), Size: uint64(e.Size), Root: e.Root, Hashes: e.Hashes,
		Checkpoint: []byte(e.Checkpoint), LogID: e.LogID, Leaf: e.Body,
	}
}
