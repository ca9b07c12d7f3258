package ledger

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// Introduce lets another key sign entries from here on. A ledger that is opened with a
// new key for entries introduces it so.
func (l *Ledger) Introduce(ctx context.Context, key crypto.PublicKey) (Receipt, error) {
	der, err := derOf(key)
	if err != nil {
		return Receipt{}, fmt.Errorf("introducing key: %w", err)
	}
	return l.change(ctx, entry.KeyChange, entry.KeyBody{Action: entry.Introduce, Role: entry.RoleEntry, Key: base64.StdEncoding.EncodeToString(der)})
}

// Retire ends the use of a key for entries. What it signed before stays good.
func (l *Ledger) Retire(ctx context.Context, key crypto.PublicKey) (Receipt, error) {
	der, err := derOf(key)
	if err != nil {
		return Receipt{}, fmt.Errorf("retiring key: %w", err)
	}
	return l.change(ctx, entry.KeyChange, entry.KeyBody{Action: entry.Retire, Role: entry.RoleEntry, Key: entry.Fingerprint(der)})
}

// Revoke says that a key for entries counts as stolen from a moment on: what it signed
// from then on no longer verifies. The ledger must be opened with another key.
func (l *Ledger) Revoke(ctx context.Context, key crypto.PublicKey, compromised time.Time) (Receipt, error) {
	der, err := derOf(key)
	if err != nil {
		return Receipt{}, fmt.Errorf("revoking key: %w", err)
	}
	compromised = compromised.UTC()
	return l.change(ctx, entry.Revocation, entry.KeyBody{Action: entry.Revoke, Role: entry.RoleEntry, Key: entry.Fingerprint(der), Compromised: &compromised})
}

func derOf(key crypto.PublicKey) ([]byte, error) {
	if err := entry.CheckKey(key); err != nil {
		return nil, err
	}
	return x509.MarshalPKIXPublicKey(key)
}

func (l *Ledger) change(ctx context.Context, kind entry.Kind, body entry.KeyBody) (Receipt, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return Receipt{}, fmt.Errorf("changing keys: %w", err)
	}
	return l.Append(ctx, Entry{Kind: kind, Body: raw})
}

// Rotate hands the log over to another log key of the same origin: the old key
// endorses it in an entry and signs the checkpoint that ends with that entry; every
// later one is signed with the new key, also those of this Ledger.
func (l *Ledger) Rotate(ctx context.Context, next entry.LogKey) (Receipt, error) {
	fail := func(err error) (Receipt, error) { return Receipt{}, fmt.Errorf("rotating log key: %w", err) }
	if next.Signer == nil || next.Signer.Name() != l.opts.Key.Signer.Name() {
		return fail(fmt.Errorf("the new key must have the origin %q in its name", l.opts.Key.Signer.Name()))
	}
	body, err := json.Marshal(entry.KeyBody{Action: entry.Introduce, Role: entry.RoleLog, Key: next.Public})
	if err != nil {
		return fail(err)
	}
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	r, err := l.prepare(Entry{Kind: entry.KeyChange, Body: body})
	if err != nil {
		return fail(err)
	}
	// Alone in its commit: the old key signs nothing beyond this entry.
	if l.commit(ctx, []*request{r}, false); r.err != nil {
		return fail(r.err)
	}
	l.mu.Lock()
	l.opts.Key = next
	l.mu.Unlock()
	return r.receipt, nil
}
