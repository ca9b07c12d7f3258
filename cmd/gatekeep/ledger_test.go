package main

import (
	"archive/zip"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
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

// TestPopulationNamesADeletedBundleAndAHiddenLeaf compares the log with a folder of
// sealed decisions.
func TestPopulationNamesADeletedBundleAndAHiddenLeaf(t *testing.T) {
	dir, l, signer := newLedger(t)
	store := filepath.Join(dir, "store")
	if err := os.Mkdir(store, 0o755); err != nil {
		t.Fatal(err)
	}
	previous := "null"
	for n := 1; n <= 4; n++ {
		self := fmt.Sprintf("sha256:%064d", n)
		statement := fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app","digest":{"sha256":"00"}}],"predicateType":"https://slsa.dev/verification_summary/v1",`+
			`"predicate":{"timeVerified":%q,"https://gatekeep.dev/vsa/ext/v1":{"decisionID":"d%d","decisionDigest":%q,"environment":"prod","sequence":%d,"previousDecision":%s,"outcome":"pass"}}}`,
			time.Now().UTC().Format(time.RFC3339), n, self, n, previous)
		bundle, err := signing.SignStatement(signer, statement)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, "bundle.json")
		if err := os.WriteFile(file, bundle, 0o600); err != nil {
			t.Fatal(err)
		}
		if n < 4 { // the leaf of the last is hidden
			if code, _, stderr := invoke(t, "ledger", "append", "--dir", filepath.Join(dir, "ledger"), "--log-key", filepath.Join(dir, "log.key"), "--key", filepath.Join(dir, "gate.key"), "--file", file); code != exitOpen {
				t.Fatalf("appending: %d %s", code, stderr)
			}
		}
		if n != 2 { // the bundle of the second is deleted
			seal(t, filepath.Join(store, fmt.Sprintf("d%d.zip", n)), bundle)
		}
		previous = fmt.Sprintf("%q", self)
	}
	list := []string{"ledger", "population", "--dir", filepath.Join(dir, "ledger"), "--key", filepath.Join(dir, "log.pub"), "--environment", "prod"}
	if code, out, stderr := invoke(t, list...); code != exitOpen || strings.Count(out, "\n") != 4 {
		t.Fatalf("without the store: %d %s %s", code, out, stderr)
	}
	code, out, stderr := invoke(t, append(list, "--store", store)...)
	if code != exitShut || !strings.Contains(stderr, `decision "d2", sequence 2 of environment "prod" has no bundle in the store [bundle_missing]`) ||
		!strings.Contains(stderr, `decision "d4" has a bundle in the store, and the log does not show its leaf [leaf_hidden]`) {
		t.Errorf("with the store: %d\n%s\n%s", code, out, stderr)
	}
	if err := os.WriteFile(filepath.Join(store, "broken.zip"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, _ := invoke(t, append(list, "--store", store)...); code != exitUnknown {
		t.Errorf("a bundle that cannot be read: %d", code)
	}
	_ = l
}

// seal writes an archive with only the signed statement of a decision.
func seal(t *testing.T, path string, bundle []byte) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	archive := zip.NewWriter(file)
	member, err := archive.Create(signedFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := member.Write(bundle); err != nil {
		t.Fatal(err)
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
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
