package rekor_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/rekor"
)

type signer struct{ key *ecdsa.PrivateKey }

func (s signer) Public() crypto.PublicKey { return s.key.Public() }

func (s signer) Sign(message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return ecdsa.SignASN1(rand.Reader, s.key, sum[:])
}

// TestAnAnswerIsCheckedBeforeItIsAReceipt has a server give the answers of a real log,
// and spoils them.
func TestAnAnswerIsCheckedBeforeItIsAReceipt(t *testing.T) {
	t.Parallel()
	ledger.LogTo(nil)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	private, public, err := entry.GenerateKey("rekor.example")
	check(err)
	key, err := entry.ReadKey(private)
	check(err)
	_, stranger, err := entry.GenerateKey("rekor.example")
	check(err)
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	o := ledger.Options{Key: key, Entry: signer{k}, Now: time.Now}
	dir := filepath.Join(t.TempDir(), "log")
	check(ledger.Init(t.Context(), dir, o))
	l, err := ledger.Open(t.Context(), dir, o)
	check(err)
	want, err := l.Append(t.Context(), ledger.Entry{Kind: entry.Grant, ID: "g", Body: json.RawMessage("{}")})
	check(err)
	other, err := l.Append(t.Context(), ledger.Entry{Kind: entry.Grant, ID: "h", Body: json.RawMessage("{}")})
	check(err)
	envelope := ledger.Envelope{Statement: want.Statement, Signature: want.Signature, Key: k.Public()}
	for name, c := range map[string]struct {
		key   []byte
		spoil func(*protorekor.TransparencyLogEntry)
		fails string
	}{
		"as it is":          {public, func(*protorekor.TransparencyLogEntry) {}, ""},
		"with a vkey":       {[]byte(key.Public), func(*protorekor.TransparencyLogEntry) {}, ""},
		"another log":       {stranger, func(*protorekor.TransparencyLogEntry) {}, "checkpoint_signature"},
		"another leaf":      {public, func(e *protorekor.TransparencyLogEntry) { e.CanonicalizedBody = other.Leaf }, "not that of the signed statement"},
		"another entry":     {public, func(e *protorekor.TransparencyLogEntry) { proto.Reset(e); proto.Merge(e, other.TransparencyLogEntry()) }, "not that of the signed statement"},
		"another place":     {public, func(e *protorekor.TransparencyLogEntry) { e.LogIndex, e.InclusionProof.LogIndex = 1, 1 }, "does not lead"},
		"two places":        {public, func(e *protorekor.TransparencyLogEntry) { e.LogIndex = 1 }, "two places"},
		"another path":      {public, func(e *protorekor.TransparencyLogEntry) { e.InclusionProof.Hashes[0][0] ^= 1 }, "does not lead"},
		"another root":      {public, func(e *protorekor.TransparencyLogEntry) { e.InclusionProof.RootHash[0] ^= 1 }, "another tree"},
		"no proof":          {public, func(e *protorekor.TransparencyLogEntry) { e.InclusionProof = nil }, "checkpoint"},
		"checkpoint edited": {public, func(e *protorekor.TransparencyLogEntry) { e.InclusionProof.Checkpoint.Envelope += "x" }, "checkpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost || r.URL.Path != "/api/v2/log/entries" {
					http.NotFound(w, r)
					return
				}
				answer := proto.Clone(want.TransparencyLogEntry()).(*protorekor.TransparencyLogEntry)
				c.spoil(answer)
				body, err := protojson.Marshal(answer)
				if err != nil {
					t.Error(err)
				}
				w.WriteHeader(http.StatusCreated)
				_, _ = w.Write(body)
			}))
			defer server.Close()
			got, err := rekor.Log{URL: server.URL, Key: c.key}.Append(t.Context(), envelope)
			switch {
			case c.fails == "" && (err != nil || fmt.Sprint(got) != fmt.Sprint(want)):
				t.Errorf("got %+v, %v", got, err)
			case c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)):
				t.Errorf("got %v, not %q", err, c.fails)
			}
		})
	}
	envelope.Signature = other.Signature
	if _, err := (rekor.Log{URL: "http://127.0.0.1:1", Key: public}).Append(t.Context(), envelope); err == nil || !strings.Contains(err.Error(), "entry_signature") {
		t.Errorf("a signature that does not verify is sent out: %v", err)
	}
	envelope.Signature = want.Signature
	if _, err := (rekor.Log{URL: "http://127.0.0.1:1", Key: public}).Append(t.Context(), envelope); err == nil {
		t.Error("a log that is not there keeps an entry")
	}
}
