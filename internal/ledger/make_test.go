package ledger_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

func TestMain(m *testing.M) {
	ledger.LogTo(nil)
	if dir := os.Getenv(writerFolder); dir != "" {
		write(dir)
		return
	}
	os.Exit(m.Run())
}

// signer signs entries as internal/signing does.
type signer struct{ key *ecdsa.PrivateKey }

func (s signer) Public() crypto.PublicKey { return s.key.Public() }

func (s signer) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return ecdsa.SignASN1(rand.Reader, s.key, sum[:])
}

func newSigner(t testing.TB) signer {
	t.Helper()
	return signer{must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)}
}

// must gives the value of a call that may not fail.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

const host = "gatekeep.example"

var start = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// house is a ledger in a folder of the test, with its keys.
type house struct {
	dir    string
	public []byte // of the log
	opts   ledger.Options
	clock  *atomic.Int64 // seconds since start; each look at it is one second later
	*ledger.Ledger
}

func newHouse(t testing.TB) *house {
	t.Helper()
	private, public, err := entry.GenerateKey(host)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{dir: filepath.Join(t.TempDir(), "ledger"), public: public, clock: &atomic.Int64{}}
	h.opts = ledger.Options{
		Key: must(entry.ReadKey(private))(t), Entry: newSigner(t),
		Now: func() time.Time { return start.Add(time.Duration(h.clock.Add(1)) * time.Second) },
	}
	if err := ledger.Init(t.Context(), h.dir, h.opts); err != nil {
		t.Fatal(err)
	}
	h.open(t)
	return h
}

func (h *house) open(t testing.TB) {
	t.Helper()
	h.Ledger = must(ledger.Open(t.Context(), h.dir, h.opts))(t)
}

func decision(environment, id string) ledger.Entry {
	return ledger.Entry{
		Kind: entry.Decision, Environment: environment, ID: id, Body: json.RawMessage(fmt.Sprintf(`{"outcome":"pass","record":%q}`, id)),
		Subjects: []entry.Subject{{Name: "registry/app", Digest: map[string]string{"sha256": fmt.Sprintf("%064x", len(id))}}},
	}
}

// fill appends n decisions of an environment, some at once.
func (h *house) fill(t testing.TB, environment string, n int) []ledger.Receipt {
	t.Helper()
	out := make([]ledger.Receipt, n)
	done := make(chan error)
	for i := range n {
		go func() {
			var err error
			out[i], err = h.Append(context.Background(), decision(environment, fmt.Sprintf("%s-%d", environment, i)))
			done <- err
		}()
	}
	for range n {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func (h *house) verify(t testing.TB, change ...func(*audit.VerifyOptions)) audit.Report {
	t.Helper()
	o := audit.VerifyOptions{LogKey: h.public}
	for _, c := range change {
		c(&o)
	}
	return must(audit.Verify(t.Context(), h.dir, o))(t)
}

// holds fails the test where the ledger does not verify.
func (h *house) holds(t testing.TB, change ...func(*audit.VerifyOptions)) {
	t.Helper()
	if r := h.verify(t, change...); !r.OK {
		t.Fatalf("the ledger does not verify: %v\n%+v", r.Problems, r.Checks)
	}
}

func parseSigner(raw []byte) (signer, error) {
	var d []byte
	if err := json.Unmarshal(raw, &d); err != nil {
		return signer{}, err
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), d)
	return signer{key}, err
}
