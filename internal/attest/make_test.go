package attest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"testing"
	"testing/fstest"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

const provenanceType = "https://slsa.dev/provenance/v1"

var (
	app   = digest.Of([]byte("app"))
	other = digest.Of([]byte("other"))
	noon  = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
)

// provenancePredicate is a small and complete SLSA v1 predicate.
const provenancePredicate = `{"buildDefinition":{"buildType":"https://example.com/build/v1","externalParameters":{"source":"git+https://example.com/app"},` +
	`"resolvedDependencies":[{"uri":"git+https://example.com/app","digest":{"gitCommit":"0123456789abcdef0123456789abcdef01234567"}}]},` +
	`"runDetails":{"builder":{"id":"https://example.com/builder"},"metadata":{"invocationId":"1","startedOn":"2026-11-20T10:00:00Z","finishedOn":"2026-11-20T10:05:00Z"}}}`

// statementOf is an in-toto statement of a type about digests.
func statementOf(predicateType, predicate string, subjects ...string) []byte {
	type subject struct {
		Name   string            `json:"name"`
		Digest map[string]string `json:"digest"`
	}
	var list []subject
	for i, d := range subjects {
		var algorithm, hex string
		for k := range d {
			if d[k] == ':' {
				algorithm, hex = d[:k], d[k+1:]
				break
			}
		}
		list = append(list, subject{fmt.Sprint("file", i), map[string]string{algorithm: hex}})
	}
	b, err := json.Marshal(map[string]any{
		"_type": "https://in-toto.io/Statement/v1", "subject": list,
		"predicateType": predicateType, "predicate": json.RawMessage(predicate),
	})
	if err != nil {
		panic(err)
	}
	return b
}

func provenanceOf(subjects ...string) []byte {
	return statementOf(provenanceType, provenancePredicate, subjects...)
}

// testKey is a key pair of a test.
type testKey struct {
	crypto.Signer
	pem string
}

func newKey(t testing.TB, kind string) testKey {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "P-256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case "P-384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "P-521":
		key, err = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case "Ed25519":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case "RSA":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "P-224":
		key, err = ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return testKey{key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
}

func (k testKey) sign(t testing.TB, payloadType string, payload []byte) []byte {
	t.Helper()
	message := dsse.PAE(payloadType, payload)
	if _, ok := k.Signer.(ed25519.PrivateKey); ok {
		return mustSign(t, k.Signer, message, crypto.Hash(0))
	}
	sum := sha256.Sum256(message)
	return mustSign(t, k.Signer, sum[:], crypto.SHA256)
}

// signBytes signs bytes as they stand.
func (k testKey) signBytes(t testing.TB, message []byte) []byte {
	t.Helper()
	return mustSign(t, k.Signer, sha256Of(message), crypto.SHA256)
}

func sha256Of(data []byte) []byte {
	sum := sha256.Sum256(data)
	return sum[:]
}

func mustSign(t testing.TB, s crypto.Signer, digest []byte, opts crypto.SignerOpts) []byte {
	t.Helper()
	sig, err := s.Sign(rand.Reader, digest, opts)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// signature is one of a DSSE envelope under test.
type signature struct {
	KeyID string `json:"keyid,omitempty"`
	Sig   []byte `json:"sig"`
	Cert  string `json:"cert,omitempty"`
}

func envelopeOf(payload []byte, signatures ...signature) []byte {
	if signatures == nil {
		signatures = []signature{}
	}
	b, err := json.Marshal(map[string]any{"payloadType": payloadInToto, "payload": base64.StdEncoding.EncodeToString(payload), "signatures": signatures})
	if err != nil {
		panic(err)
	}
	return b
}

// signed is a DSSE envelope of one signature, without hint.
func (k testKey) signed(t testing.TB, payload []byte) []byte {
	t.Helper()
	return envelopeOf(payload, signature{Sig: k.sign(t, payloadInToto, payload)})
}

// trustIn loads a trust policy from texts by file name.
func trustIn(t testing.TB, files map[string]string) *Trust {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	trust, err := LoadTrust(fsys, "trust.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

// builderTrust trusts one key for provenance everywhere.
func builderTrust(t testing.TB, k testKey) *Trust {
	t.Helper()
	return trustIn(t, map[string]string{"builder.pub": k.pem, "trust.yaml": `
version: 1
signers:
  builder: {key: builder.pub}
statements:
  - {types: [provenance], signers: [builder]}
`})
}

func aboutApp() About { return About{Digests: []string{app}, Environment: "prod-eu"} }

// judgeOne verifies one document and returns what came of it.
func judgeOne(t testing.TB, data []byte, trust *Trust, about About, now time.Time) (*Statement, *gatekeep.Rejection) {
	t.Helper()
	ev, err := Verify([]Envelope{{Source: "test", Name: "one", Bytes: data}}, trust, about, now)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case len(ev.Statements) == 1 && len(ev.Rejected) == 0:
		return &ev.Statements[0], nil
	case len(ev.Statements) == 0 && len(ev.Rejected) == 1:
		return nil, &ev.Rejected[0]
	}
	t.Fatalf("one document became %d statements and %d rejections", len(ev.Statements), len(ev.Rejected))
	return nil, nil
}

// wantReason fails unless a document is rejected for a reason, or believed where
// the reason is empty.
func wantReason(t testing.TB, data []byte, trust *Trust, about About, now time.Time, want gatekeep.Reason) (*Statement, *gatekeep.Rejection) {
	t.Helper()
	s, r := judgeOne(t, data, trust, about, now)
	switch {
	case want == "" && r != nil:
		t.Fatalf("rejected as %s: %s", r.Reason, r.Detail)
	case want != "" && r == nil:
		t.Fatalf("believed on the word of %q, want %s", s.Verification.Signer, want)
	case want != "" && r.Reason != want:
		t.Fatalf("rejected as %s (%s), want %s", r.Reason, r.Detail, want)
	}
	return s, r
}
