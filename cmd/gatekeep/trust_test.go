package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/attest/roots"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigstore"
)

// repository is a TUF repository on loopback with one key for all of its roles.
type repository struct {
	key    ed25519.PrivateKey
	expire time.Time
	root   []byte
	files  map[string][]byte // by path
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := &repository{key: key, expire: time.Now().Add(24 * time.Hour), files: map[string][]byte{}}
	role := map[string]any{"keyids": []string{r.keyID(t)}, "threshold": 1}
	r.root = r.sign(t, "root", 1, map[string]any{
		"consistent_snapshot": true, "keys": map[string]any{r.keyID(t): r.public()},
		"roles": map[string]any{"root": role, "timestamp": role, "snapshot": role, "targets": role},
	})
	return r
}

func (r *repository) public() map[string]any {
	return map[string]any{"keytype": "ed25519", "scheme": "ed25519", "keyval": map[string]string{"public": hex.EncodeToString(r.key.Public().(ed25519.PublicKey))}}
}

func (r *repository) keyID(t *testing.T) string { return sum(canonical(t, r.public())) }

// canonical is canonical JSON: maps are written in the order of their names.
func canonical(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func sum(data []byte) string { return fmt.Sprintf("%x", sha256.Sum256(data)) }

// sign makes the metadata of a role.
func (r *repository) sign(t *testing.T, role string, version int, more map[string]any) []byte {
	t.Helper()
	signed := map[string]any{"_type": role, "spec_version": "1.0.31", "version": version, "expires": r.expire.UTC().Format(time.RFC3339)}
	maps.Copy(signed, more)
	sig := hex.EncodeToString(ed25519.Sign(r.key, canonical(t, signed)))
	return canonical(t, map[string]any{"signed": signed, "signatures": []any{map[string]string{"keyid": r.keyID(t), "sig": sig}}})
}

// publish makes version n with a trusted root.
func (r *repository) publish(t *testing.T, n int, trustedRoot []byte) {
	t.Helper()
	describe := func(data []byte) map[string]any {
		return map[string]any{"length": len(data), "hashes": map[string]string{"sha256": sum(data)}, "version": n}
	}
	target := describe(trustedRoot)
	delete(target, "version")
	targets := r.sign(t, "targets", n, map[string]any{"targets": map[string]any{rootTarget: target}})
	snapshot := r.sign(t, "snapshot", n, map[string]any{"meta": map[string]any{"targets.json": describe(targets)}})
	r.files["/timestamp.json"] = r.sign(t, "timestamp", n, map[string]any{"meta": map[string]any{"snapshot.json": describe(snapshot)}})
	r.files[fmt.Sprintf("/%d.snapshot.json", n)] = snapshot
	r.files[fmt.Sprintf("/%d.targets.json", n)] = targets
	r.files["/targets/"+sum(trustedRoot)+"."+rootTarget] = trustedRoot
}

func (r *repository) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	data, ok := r.files[request.URL.Path]
	if !ok {
		http.NotFound(w, request)
		return
	}
	_, _ = w.Write(data)
}

func embedded(t *testing.T, name string) []byte {
	t.Helper()
	r, ok := roots.Named(name)
	if !ok {
		t.Fatalf("no root %s", name)
	}
	return r.JSON
}

func TestRefreshTakesWhatTheMirrorSignedAndNothingElse(t *testing.T) {
	repo := newRepository(t)
	server := httptest.NewServer(repo)
	defer server.Close()
	dir := t.TempDir()
	anchor, out := filepath.Join(dir, "root.json"), filepath.Join(dir, "roots")
	if err := os.WriteFile(anchor, repo.root, 0o600); err != nil {
		t.Fatal(err)
	}
	written := filepath.Join(out, "trusted_root.json")
	refresh := func() (int, string, string) {
		return say(t, "trust", "refresh", "--out", out, "--mirror", server.URL, "--root", anchor, "--timeout", "20s")
	}
	holds := func(step string, want []byte) {
		t.Helper()
		if got, err := os.ReadFile(written); err != nil || string(got) != string(want) {
			t.Errorf("%s: the root that is there is another: %v", step, err)
		}
	}
	production, staging := embedded(t, roots.Production), embedded(t, roots.Staging)

	// Nothing is published, and nothing is at hand.
	if code, _, err := refresh(); code != exitUnknown || !strings.Contains(err, "refreshing the trusted root") {
		t.Errorf("an empty mirror: exit %d, %s", code, err)
	}
	repo.publish(t, 1, production)
	if code, out, err := refresh(); code != exitOpen || out != written+"\n" {
		t.Fatalf("exit %d, %q, %s", code, out, err)
	}
	holds("first", production)
	if code, out, _ := refresh(); code != exitOpen || !strings.HasSuffix(out, "is current\n") {
		t.Errorf("again: exit %d, %q", code, out)
	}
	first := maps.Clone(repo.files)
	repo.publish(t, 2, staging)
	if code, _, err := refresh(); code != exitOpen {
		t.Errorf("a newer one: exit %d, %s", code, err)
	}
	holds("second", staging)

	// From here on every refresh fails, and the root of before stays in use.
	fails := func(step string) {
		t.Helper()
		if code, out, err := refresh(); code != exitOpen || out != "" || !strings.Contains(err, "warning: ") || !strings.Contains(err, "stays as it is") {
			t.Errorf("%s: exit %d, %q, %s", step, code, out, err)
		}
		holds(step, staging)
	}
	second := repo.files
	repo.files = first
	fails("rolled back to the first")
	repo.files = maps.Clone(second)
	repo.files["/timestamp.json"] = []byte(strings.Replace(string(second["/timestamp.json"]), `"version":2`, `"version":3`, 1))
	fails("metadata that nobody signed")
	repo.files = maps.Clone(second)
	repo.publish(t, 3, []byte(`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1"}`))
	fails("a root in which nothing is")
	repo.expire = time.Now().Add(-time.Hour)
	repo.publish(t, 4, production)
	fails("metadata that has expired")
	repo.expire = time.Now().Add(time.Hour)
	repo.publish(t, 5, production)
	for path := range repo.files {
		if strings.HasPrefix(path, "/targets/") {
			repo.files[path] = append([]byte(" "), production[:len(production)-1]...)
		}
	}
	fails("a target of another content")
	server.Close()
	fails("a server that is gone")
}

func TestFailedRefreshKeepsWhatIsBuiltIn(t *testing.T) {
	w, _, stderr := screen(nil)
	f := refresh{out: t.TempDir()}
	if err := f.keep(w, roots.Production, filepath.Join(f.out, "none.json"), fmt.Errorf("no route")); err != nil {
		t.Error(err)
	}
	if !strings.Contains(stderr.String(), "no route; the root sigstore-production that is built in, of 20") {
		t.Errorf("says %s", stderr)
	}
	if err := f.keep(w, "trusted_root", filepath.Join(f.out, "none.json"), fmt.Errorf("no route")); err == nil {
		t.Error("nothing is at hand, and it is content")
	}
}

func TestDownloadEndsInTime(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	dir := t.TempDir()
	anchor := filepath.Join(dir, "root.json")
	if err := os.WriteFile(anchor, newRepository(t).root, 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, err := say(t, "trust", "refresh", "--out", dir, "--mirror", server.URL, "--root", anchor, "--timeout", "10ms")
	if code != exitUnknown || !strings.Contains(err, "deadline exceeded") {
		t.Errorf("exit %d, %s", code, err)
	}
}

func TestTrustCommandLine(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no verb":                     {[]string{}, exitUsage, "no command given"},
		"no folder":                   {[]string{"refresh"}, exitUsage, "pass --out"},
		"mirror without root":         {[]string{"refresh", "--out", dir, "--mirror", "http://127.0.0.1:1"}, exitUsage, "belong together"},
		"root without mirror":         {[]string{"refresh", "--out", dir, "--root", text}, exitUsage, "belong together"},
		"two repositories":            {[]string{"refresh", "--out", dir, "--root", text, "--mirror", "http://127.0.0.1:1", "--staging"}, exitUsage, "both name the repository"},
		"no time":                     {[]string{"refresh", "--out", dir, "--timeout", "0s"}, exitUsage, "must be positive"},
		"an anchor that is not there": {[]string{"refresh", "--out", dir, "--root", filepath.Join(dir, "gone"), "--mirror", "http://127.0.0.1:1"}, exitUsage, "no such file"},
		"an anchor that is none":      {[]string{"refresh", "--out", dir, "--root", text, "--mirror", "http://127.0.0.1:1"}, exitUnknown, "refreshing"},
		"what is built in":            {[]string{"show"}, exitOpen, "2022-10-31T23:59:59Z  https://ctfe.sigstore.dev/test"},
		"by name":                     {[]string{"show", "sigstore-staging"}, exitOpen, "https://log2025-alpha1.rekor.sigstage.dev"},
		"a file":                      {[]string{"show", wild + "sigstore/roots/github.trusted_root.json"}, exitOpen, "fulcio.githubapp.com"},
		"a file that is none":         {[]string{"show", text}, exitUsage, "reading Sigstore trusted root"},
		"a file that is gone":         {[]string{"show", filepath.Join(dir, "gone")}, exitUnknown, "no such file"},
		"a format that is none":       {[]string{"show", "--format", "xml"}, exitUsage, "neither text nor json"},
	} {
		code, out, err := say(t, append([]string{"trust"}, c.args...)...)
		if code != c.code || !strings.Contains(out+err, c.says) {
			t.Errorf("%s: exit %d, want %d with %q\nout: %s\nerr: %s", name, code, c.code, c.says, out, err)
		}
	}
	_, out, _ := say(t, "trust", "show", "--format", "json")
	var parts []sigstore.Part
	if err := json.Unmarshal([]byte(out), &parts); err != nil || len(parts) != 7 {
		t.Errorf("%d parts, %v", len(parts), err)
	}
}
