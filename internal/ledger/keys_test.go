package ledger_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

func TestKeysOfTheLogFollowOneAnother(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, "prod", 3)
	old, remembered := h.opts, h.checkpoint(t)
	next := newKey(t, host)
	must(h.Rotate(t.Context(), next))(t)
	h.holds(t) // the checkpoint that ends with the change is still the old key's
	rotated := h.checkpoint(t)
	r := h.fill(t, "prod2", 3)
	if !entry.SignedBy(r[0].Checkpoint, next.Public) || entry.SignedBy(r[0].Checkpoint, old.Key.Public) {
		t.Error("the new key does not sign what comes after the change")
	}
	with := func(k entry.LogKey) func(*audit.VerifyOptions) {
		return func(o *audit.VerifyOptions) { o.LogKey = []byte(k.Public) }
	}
	h.holds(t, with(old.Key), remembering(remembered))
	h.holds(t, with(next), remembering(rotated))

	if _, err := ledger.Open(t.Context(), h.dir, old); err == nil {
		t.Error("the old key opens the ledger")
	}
	h.opts.Key = next
	h.open(t)
	h.fill(t, "prod3", 2)
	h.holds(t)

	// The retired key, stolen, signs a later checkpoint.
	h.sign(t, old.Key.Signer)
	h.found(t, entry.ReasonCheckpointSignature, with(old.Key))
	// The new key signs one from before its time.
	h.sign(t, next.Signer)
	early := h.links(t)[:4]
	h.forge(t, early...)
	h.found(t, entry.ReasonLogKeyUnknown, with(next))
}

func TestARotationIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if _, err := h.Rotate(t.Context(), newKey(t, "other.example")); err == nil {
		t.Error("a log key of another origin is taken")
	}
	if _, err := h.Rotate(t.Context(), entry.LogKey{}); err == nil {
		t.Error("no key is taken")
	}
	if _, err := h.Rotate(t.Context(), h.opts.Key); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("the same key again: %v", err)
	}
	h.holds(t)
}

func TestKeysOfEntriesComeAndGo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, "prod", 2)
	first := h.opts
	second := h.opts
	second.Entry = newSigner(t)
	l := must(ledger.Open(t.Context(), h.dir, second))(t)
	if _, err := l.Append(t.Context(), decision("prod", "early")); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("a key that was not introduced signs an entry: %v", err)
	}
	must(l.Introduce(t.Context(), second.Entry.Public()))(t)
	must(l.Append(t.Context(), decision("prod", "by the second")))(t)
	if r := must(l.Introduce(t.Context(), second.Entry.Public()))(t); r.Index != 4 {
		t.Errorf("introduced again as leaf %d", r.Index)
	}
	must(l.Retire(t.Context(), first.Entry.Public()))(t)
	if _, err := h.Append(t.Context(), decision("prod", "late")); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("a key that was retired signs an entry: %v", err)
	}
	h.holds(t)
	// He who holds the log key and the retired one gets it into the log, and is found.
	links := h.links(t)
	forged := h.says(t, nth(4, links[5].statement))
	h.forge(t, append(links, forged)...)
	h.found(t, entry.ReasonEntryKeyRetired)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestAStolenKeyFailsFromTheTimeOfTheTheft(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	receipts := h.fill(t, "prod", 6)
	second := h.opts
	second.Entry = newSigner(t)
	l := must(ledger.Open(t.Context(), h.dir, second))(t)
	must(l.Introduce(t.Context(), second.Entry.Public()))(t)
	theft := must(ledger.Read(t.Context(), h.dir, 2+4))(t).Time // the fifth decision
	must(l.Revoke(t.Context(), h.opts.Entry.Public(), theft))(t)
	if _, err := h.Append(t.Context(), decision("prod", "late")); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("a key that was revoked signs an entry: %v", err)
	}
	must(l.Append(t.Context(), decision("prod", "by the second")))(t)
	var found []int64
	for _, p := range h.found(t, entry.ReasonEntryKeyRevoked) {
		if p.Reason != entry.ReasonEntryKeyRevoked {
			t.Errorf("found %v", p)
		}
		found = append(found, *p.Index)
	}
	if len(found) != 2 || found[0] != 6 || found[1] != 7 {
		t.Errorf("leaves %v are in doubt, not 6 and 7 of %d", found, len(receipts))
	}
	// Backdating does not help: the leaf comes after the revocation.
	links := h.links(t)
	m := nth(8, links[len(links)-1].statement)
	m.Time = theft.Add(-time.Second)
	h.forge(t, append(links, h.says(t, m))...)
	found = nil
	for _, p := range h.found(t, entry.ReasonEntryKeyRevoked) {
		found = append(found, *p.Index)
	}
	if len(found) != 3 {
		t.Errorf("leaves %v are in doubt", found)
	}
}

func TestRevocationNeedsTheLogKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	since := start
	stranger := newKey(t, host)
	body := entry.KeyBody{Action: entry.Revoke, Role: entry.RoleEntry, Key: "00", Compromised: &since}
	endorsed := must(body.Endorse(stranger.Signer))(t)
	if _, err := h.Append(t.Context(), ledger.Entry{Kind: entry.Revocation, Body: endorsed}); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("endorsed by a stranger: %v", err)
	}
	for _, raw := range []json.RawMessage{[]byte(`{"action":"revoke","role":"entry","key":"00"}`), []byte(`{"action":"introduce","role":"entry","key":"00"}`), []byte(`{"action":1}`)} {
		if _, err := h.Append(t.Context(), ledger.Entry{Kind: entry.Revocation, Body: raw}); err == nil {
			t.Errorf("%s is taken", raw)
		}
	}
	h.holds(t)
}
