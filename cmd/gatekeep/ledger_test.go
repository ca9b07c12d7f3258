package main

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// newLedger makes a ledger with its keys in a folder, and opens it.
func newLedger(t *testing.T) (dir string, l *ledger.Ledger, signer signing.Signer) {
	t.Helper()
	dir = t.TempDir()
	private, public, err := entry.GenerateKey("gatekeep.example")
	if err != nil {
		t.Fatal(err)
	}
	key, err := entry.ReadKey(private)
	if err != nil {
		t.Fatal(err)
	}
	gate, gatePublic, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"log.key": private, "log.pub": public, "gate.key": gate, "gate.pub": gatePublic} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if signer, err = signing.LoadPrivateKey(gate, nil); err != nil {
		t.Fatal(err)
	}
	ledger.LogTo(nil)
	o := ledger.Options{Key: key, Entry: signer, Now: time.Now}
	if err := ledger.Init(t.Context(), filepath.Join(dir, "ledger"), o); err != nil {
		t.Fatal(err)
	}
	if l, err = ledger.Open(t.Context(), filepath.Join(dir, "ledger"), o); err != nil {
		t.Fatal(err)
	}
	return dir, l, signer
}

func TestTheServerOffersTheLogAndNothingElse(t *testing.T) {
	dir, l, _ := newLedger(t)
	r, err := l.Append(t.Context(), ledger.Entry{Kind: entry.Heartbeat, Body: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := entry.ParseLeaf(r.Leaf)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(ledgerFiles(filepath.Join(dir, "ledger")))
	defer server.Close()
	for path, want := range map[string]int{
		"/checkpoint":                       200,
		"/tile/0/000.p/3":                   200,
		"/tile/entries/000.p/3":             200,
		"/entries/" + entry.File(leaf.Data): 200,
		"/entries/":                         404,
		"/tile/":                            404,
		"/":                                 404,
		"/lock":                             404,
		"/cache/chain.json":                 404,
		"/.state/treeState":                 404,
		"/tile/../.state/treeState":         404,
		"/entries/..%2fcache/chain.json":    404,
		"/entries/%2e%2e/cache/chain.json":  404,
	} {
		got, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(got.Body)
		got.Body.Close()
		if got.StatusCode != want {
			t.Errorf("%s: %d %q, want %d", path, got.StatusCode, body, want)
		}
	}
	if got, err := http.Post(server.URL+"/checkpoint", "text/plain", strings.NewReader("x")); err != nil || got.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("posting: %v, %v", got.StatusCode, err)
	}
}

// TestServeEndsWhenTold runs the command until its context ends.
func TestServeEndsWhenTold(t *testing.T) {
	dir, _, _ := newLedger(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	read, write := io.Pipe()
	done := make(chan int)
	go func() {
		done <- run(ctx, []string{"ledger", "serve", "--dir", filepath.Join(dir, "ledger"), "--listen", "127.0.0.1:0"}, &world{out: write, err: io.Discard, getenv: os.Getenv, lookup: os.LookupEnv})
	}()
	address := make([]byte, 100)
	n, err := read.Read(address)
	if err != nil {
		t.Fatal(err)
	}
	got, err := http.Get(strings.TrimSpace(string(address[:n])) + "checkpoint")
	if err != nil || got.StatusCode != 200 {
		t.Fatalf("%v, %v", got, err)
	}
	got.Body.Close()
	cancel()
	if code := <-done; code != exitOpen {
		t.Errorf("it ends with %d", code)
	}
}

// invoke runs one command line.
func invoke(t *testing.T, args ...string) (code int, out, stderr string) {
	t.Helper()
	var o, e strings.Builder
	code = run(t.Context(), args, &world{in: strings.NewReader(""), out: &o, err: &e, getenv: os.Getenv, lookup: os.LookupEnv})
	return code, o.String(), e.String()
}

func TestAStatementIsSignedAndABundleTaken(t *testing.T) {
	dir, _, signer := newLedger(t)
	statement, err := entry.Make(entry.Meta{Kind: entry.Grant, ID: rand.Text(), Environment: "prod", Sequence: 1, Time: time.Now(), Body: json.RawMessage("{}")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "statement.json")
	if err := os.WriteFile(file, statement, 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"ledger", "append", "--dir", filepath.Join(dir, "ledger"), "--log-key", filepath.Join(dir, "log.key"), "--key", filepath.Join(dir, "gate.key"), "--file", file}
	for range 2 {
		if code, out, stderr := invoke(t, args...); code != exitOpen || !strings.HasPrefix(out, "leaf 2: grant ") {
			t.Fatalf("%d %s %s", code, out, stderr)
		}
	}
	bundle, err := signing.SignStatement(signer, statement)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bundle, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, stderr := invoke(t, args...); code != exitOpen || !strings.HasPrefix(out, "leaf 2: grant ") {
		t.Errorf("%d %s %s", code, out, stderr)
	}
	if code, _, stderr := invoke(t, append(args, "--signer", filepath.Join(dir, "log.pub"))...); code != exitUsage {
		t.Errorf("a bundle by another key: %d %s", code, stderr)
	}
}

// TestARekorKeepsStatements has the real Rekor v2 keep one, once, and a log that is not
// whose it says it is refused.
func TestARekorKeepsStatements(t *testing.T) {
	s := &instance{tools: sigstoreTools(t), dir: t.TempDir()}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	pemOf := func(kind string, der []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	logKey := s.write(t, "rekor.key", pemOf("PRIVATE KEY", der, err))
	der, err = x509.MarshalPKIXPublicKey(public)
	logPublic := s.write(t, "rekor.pub", pemOf("PUBLIC KEY", der, err))
	port := freePort(t)
	s.start(t, "REKOR", "serve", "--http-port", port, "--grpc-port", freePort(t), "--http-metrics-port", freePort(t),
		"--hostname", origin, "--storage-dir", filepath.Join(s.dir, "log"), "--batch-max-age", "20ms", "--checkpoint-interval", "200ms",
		"--signer-filepath", logKey)
	address := "http://127.0.0.1:" + port
	get(t, address+"/healthz")
	dir, _, _ := newLedger(t)
	statement, err := entry.Make(entry.Meta{Kind: entry.Grant, ID: "g1", Environment: "prod", Sequence: 1, Time: time.Now(), Body: json.RawMessage("{}")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"ledger", "submit", "--rekor", address, "--key", filepath.Join(dir, "gate.key"), "--proof", filepath.Join(dir, "proof"), "--file"}
	good := append(args, s.write(t, "statement.json", statement), "--log-public", logPublic)
	if code, out, stderr := invoke(t, good...); code != exitOpen || !strings.HasPrefix(out, "leaf 0: grant g1, sequence 1 of prod") {
		t.Fatalf("%d %s %s", code, out, stderr)
	}
	if code, _, stderr := invoke(t, good...); code != exitUnknown || !strings.Contains(stderr, "already exists in the transparency log with index 0") {
		t.Errorf("the same again: %d %s", code, stderr)
	}
	proof, err := os.ReadFile(filepath.Join(dir, "proof"))
	if err != nil || !strings.HasPrefix(string(proof), "c2sp.org/tlog-proof@v1\nindex 0\n") || !strings.Contains(string(proof), "— "+origin+" ") {
		t.Errorf("the proof is %s, %v", proof, err)
	}
	good[len(good)-3] = s.write(t, "statement.json", bytes.Replace(statement, []byte(`"id":"g1"`), []byte(`"id":"g2"`), 1))
	if code, _, stderr := invoke(t, append(good, "--log-public", filepath.Join(dir, "log.pub"))...); code != exitUnknown || !strings.Contains(stderr, "checkpoint_signature") {
		t.Errorf("with another key of the log: %d %s", code, stderr)
	}
	if code, _, stderr := invoke(t, append(args, s.write(t, "body.json", []byte("{}")), "--log-public", logPublic)...); code != exitUsage || !strings.Contains(stderr, "only a ledger numbers") {
		t.Errorf("a body: %d %s", code, stderr)
	}
	if code, _, _ := invoke(t, args[:4]...); code != exitUsage {
		t.Errorf("without flags: %d", code)
	}
}
