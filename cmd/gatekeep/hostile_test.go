package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/gatekeep-dev/gatekeep"
)

// What anybody may do who writes a file or answers for a registry. Each attack has
// its exact exit code and reason code, says what to do next where that is the
// user's to do, and leaves nothing half written behind.

const hostileCommit = "1111111111111111111111111111111111111111"

// site is a folder with all that a check needs, and an image with its attestations
// in a registry that can be made to fail.
type site struct {
	t      *testing.T
	folder string
	inner  http.Handler // the registry itself
	digest string
	good   string // folder with the attestations as files
}

// answer is what one command line came to.
type answer struct {
	code     int
	out, err string
}

// gatekeep runs one command line.
func (s *site) gatekeep(t *testing.T, args ...string) answer {
	t.Helper()
	var out bytes.Buffer
	var err locked // progress is told from a goroutine of its own
	w := here()
	w.in, w.out, w.err, w.terminal = strings.NewReader(""), &out, &err, false
	code := run(context.Background(), args, w)
	err.mu.Lock()
	defer err.mu.Unlock()
	return answer{code, out.String(), err.text.String()}
}

// locked is a buffer for several writers.
type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// must runs a command line that has to succeed.
func (s *site) must(t *testing.T, args ...string) string {
	t.Helper()
	a := s.gatekeep(t, args...)
	if a.code != 0 {
		t.Fatalf("gatekeep %q: exit %d\n%s%s", args, a.code, a.out, a.err)
	}
	return a.out
}

func (s *site) path(name string) string { return filepath.Join(s.folder, name) }

func (s *site) write(t *testing.T, name, text string) string {
	t.Helper()
	path := s.path(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve starts the registry with a fault before it: a handler that answers returns
// true. Nil is no fault.
func serve(t *testing.T, inner http.Handler, fault func(http.ResponseWriter, *http.Request) bool) (host string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault == nil || !fault(w, r) {
			inner.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// newSite makes keys, a bundle, an image and its attestations.
func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, folder: t.TempDir()}
	t.Setenv("DOCKER_CONFIG", s.path("docker")) // nobody's passwords
	t.Setenv("GATEKEEP_PASSWORD", "")
	s.inner = registry.New(registry.WithReferrersSupport(true), registry.Logger(quiet))
	host := serve(t, s.inner, nil)
	image, hash, err := someImage()
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(host + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	s.digest, s.good = hash.String(), s.path("good")
	s.write(t, "bundle/bundle.yaml", "version: 1\nname: site\nrevision: 1\nstate: none\nregimes: [supply_chain]\ntrust: trust.yaml\n")
	s.write(t, "bundle/catalogue.yaml", "environments:\n  production: {tier: production}\nservices:\n  app: {dataClasses: [none]}\n")
	s.write(t, "bundle/org.yaml", `expectations:
  app:
    builders: ["https://ci.example/builder"]
    source_uri: git+https://git.example/app
    build_types: ["https://ci.example/build/v1"]
    ref_glob: refs/heads/main
`)
	s.must(t, "key", "generate", "--out", s.path("gate"))
	s.must(t, "key", "generate", "--out", s.path("ci"))
	public, err := os.ReadFile(s.path("ci.pub"))
	if err != nil {
		t.Fatal(err)
	}
	s.write(t, "bundle/ci.pub", string(public))
	s.write(t, "bundle/trust.yaml", hostileTrust)
	s.write(t, "request.yaml", "version: 1\nservice: app\ncommit: \""+hostileCommit+"\"\n")
	ago := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	for kind, text := range hostileEvidence {
		file := s.write(t, "raw/"+kind+".json", strings.NewReplacer("AGO", ago, "COMMIT", hostileCommit).Replace(text))
		s.must(t, "attest", "--type", kind, "--key", s.path("ci.key"), "--out", s.good, "--push", file, host+"/app@"+s.digest)
	}
	return s
}

const hostileTrust = `version: 1
allowMixedRoles: true
signers:
  ci: {key: ci.pub}
statements:
  - {types: [provenance, sbom, vulns, secret-scan, sast], signers: [ci]}
`

// hostileEvidence is what the regime wants, by the type that attest takes.
var hostileEvidence = map[string]string{
	"sbom": `{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [{"type": "library", "name": "left", "version": "1.0.0", "purl": "pkg:npm/left@1.0.0"}]}`,
	"provenance": `{"buildDefinition": {"buildType": "https://ci.example/build/v1",
		"externalParameters": {"workflow": {"ref": "refs/heads/main", "repository": "https://git.example/app", "path": "b.yml"}},
		"resolvedDependencies": [{"uri": "git+https://git.example/app@refs/heads/main", "digest": {"gitCommit": "COMMIT"}}]},
		"runDetails": {"builder": {"id": "https://ci.example/builder"}, "metadata": {"invocationId": "1"}}}`,
	"vulns": `{"scanner": {"uri": "https://scanner.example", "version": "1", "db": {"lastUpdate": "AGO"}, "result": []},
		"metadata": {"scanStartedOn": "AGO", "scanFinishedOn": "AGO"}}`,
	"sast": `{"tool": {"name": "CodeQL", "version": "2", "ruleset": "default", "rulesetVersion": "1"}, "sourceCommit": "COMMIT", "scope": "full",
		"languages": ["go"], "filesAnalyzed": 10, "executionSuccessful": true, "startedAt": "AGO", "finishedAt": "AGO",
		"sarif": {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "CodeQL"}}, "results": []}]}}`,
	"secret-scan": `{"tool": {"name": "gitleaks", "version": "8"}, "scopes": ["source_history", "artifact", "build_log"], "fromCommit": "0000000000000000000000000000000000000000",
		"toCommit": "COMMIT", "shallow": false, "findings": [], "suppressions": [], "staticCredentials": [], "finishedAt": "AGO"}`,
}

// check is a check of a subject with evidence into a folder of its own.
func (s *site) check(t *testing.T, folder, subject string, more ...string) answer {
	t.Helper()
	return s.gatekeep(t, append([]string{
		"check", subject, "--bundle", s.path("bundle"), "--allow-unsigned-policy", "--environment", "production",
		"--request", s.path("request.yaml"), "--key", s.path("gate.key"), "--out", filepath.Join(folder, "evidence.zip"),
	}, more...)...)
}

// names are the files of a folder.
func names(t *testing.T, folder string) []string {
	t.Helper()
	out := []string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && path != folder {
			out = append(out, strings.TrimPrefix(path, folder+"/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// attack is one case with what must come of it.
type attack struct {
	code   int
	reason gatekeep.Reason // "" where nothing is wrong
	says   string          // a next step, or what is wrong
}

// wantText holds an answer in the text format.
func (a attack) wantText(t *testing.T, got answer) {
	t.Helper()
	text := got.out + got.err
	if got.code != a.code {
		t.Errorf("exit %d, want %d", got.code, a.code)
	}
	if !strings.Contains(text, string(a.reason)) {
		t.Errorf("the reason %s is not named", a.reason)
	}
	if !strings.Contains(text, a.says) {
		t.Errorf("nothing says %q", a.says)
	}
	if strings.Contains(text, "goroutine") || strings.Contains(text, "panic") || len(text) > 20_000 {
		t.Error("it prints what no user can read")
	}
	if t.Failed() {
		t.Fatalf("stdout:\n%.6000s\nstderr:\n%.3000s", got.out, got.err)
	}
}

// reasons are all reason codes of an answer in JSON: a record, or an account of why
// there is none.
func reasons(t *testing.T, out string) []gatekeep.Reason {
	t.Helper()
	var said struct {
		Reason   gatekeep.Reason `json:"reason"`
		Rejected []struct {
			Reason gatekeep.Reason `json:"reason"`
		} `json:"rejected"`
		Case struct {
			Sources []struct {
				Reason gatekeep.Reason `json:"reason"`
			} `json:"sources"`
		} `json:"case"`
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		t.Fatalf("the answer is no JSON: %v\n%.2000s", err, out)
	}
	all := []gatekeep.Reason{said.Reason}
	for _, r := range said.Rejected {
		all = append(all, r.Reason)
	}
	for _, source := range said.Case.Sources {
		all = append(all, source.Reason)
	}
	return all
}

// wantJSON holds an answer in the JSON format.
func (a attack) wantJSON(t *testing.T, got answer) {
	t.Helper()
	if got.code != a.code {
		t.Fatalf("in JSON the exit code is %d, want %d\n%.3000s%.3000s", got.code, a.code, got.out, got.err)
	}
	if a.code == exitUsage {
		return // nothing was judged, and standard error says why
	}
	found := reasons(t, got.out)
	if a.reason == "" {
		if slices.ContainsFunc(found, func(r gatekeep.Reason) bool { return r != "" }) {
			t.Errorf("reasons %q, want none", found)
		}
	} else if !slices.Contains(found, a.reason) {
		t.Errorf("reasons %q, want %q among them", found, a.reason)
	}
}

// wantWhole holds that evidence is there exactly where a decision was made, that it
// verifies and replays, and that nothing else was left.
func (s *site) wantWhole(t *testing.T, folder string, decided bool) {
	t.Helper()
	want := []string{}
	if decided {
		want = []string{"evidence.zip"}
		s.must(t, "evidence", "verify", "--key", s.path("gate.pub"), filepath.Join(folder, "evidence.zip"))
		s.must(t, "evidence", "replay", filepath.Join(folder, "evidence.zip"))
	}
	if got := names(t, folder); !slices.Equal(got, want) {
		t.Errorf("left behind: %q, want %q", got, want)
	}
}

// try runs a check in both formats and holds each answer.
func (s *site) try(t *testing.T, want attack, decided bool, subject string, more ...string) {
	t.Helper()
	folder := t.TempDir()
	want.wantText(t, s.check(t, folder, subject, more...))
	s.wantWhole(t, folder, decided)
	want.wantJSON(t, s.check(t, t.TempDir(), subject, append(more, "--format", "json")...))
}

// on is a fault on every path that holds a text.
func on(part string, h http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, part) {
			return false
		}
		h(w, r)
		return true
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if code == http.StatusTooManyRequests {
			w.Header().Set("Retry-After", "3600")
		}
		w.WriteHeader(code)
	}
}

func says(mediaType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		_, _ = w.Write(body) // the client may have gone
	}
}

// hang answers when the client has given up.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// endless fails with a body that never ends.
func endless(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(http.StatusForbidden)
	for line := bytes.Repeat([]byte("no "), 1<<14); r.Context().Err() == nil; {
		if _, err := w.Write(line); err != nil {
			return
		}
	}
}

// loop redirects to itself.
func loop(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }

const (
	ociIndex    = "application/vnd.oci.image.index.v1+json"
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
)

// altered lets the registry answer and changes what it says.
func (s *site) altered(part string, change func([]byte) []byte) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, part) || r.Method != http.MethodGet {
			return false
		}
		var kept httptest.ResponseRecorder
		kept.Body = new(bytes.Buffer)
		s.inner.ServeHTTP(&kept, r)
		for header, values := range kept.Header() {
			if header != "Content-Length" {
				w.Header()[header] = values
			}
		}
		w.WriteHeader(kept.Code)
		_, _ = w.Write(change(kept.Body.Bytes()))
		return true
	}
}

func TestAnHonestRegistryOpens(t *testing.T) {
	s := newSite(t)
	host := serve(t, s.inner, nil)
	s.try(t, attack{exitOpen, "", "OPEN"}, true, host+"/app@"+s.digest)
	s.try(t, attack{exitOpen, "", "OPEN"}, true, host+"/app:1")
	s.try(t, attack{exitOpen, "", "OPEN"}, true, host+"/app:1", "--registry-attestations", "off", "--attestations", s.good)
	s.try(t, attack{exitShut, "", "supply_chain/sbom-missing"}, true, host+"/app:1", "--registry-attestations", "off")
}

// Faults where the subject is named: nothing is judged, and there is no evidence.
func TestASubjectThatCannotBeResolved(t *testing.T) {
	s := newSite(t)
	huge := append([]byte(`{"schemaVersion":2,"x":"`), bytes.Repeat([]byte("x"), 5<<20)...)
	for name, c := range map[string]struct {
		fault  func(http.ResponseWriter, *http.Request) bool
		reason gatekeep.Reason
		more   []string
	}{
		"401":              {on("/v2/", status(401)), gatekeep.ReasonSourceDenied, nil},
		"403":              {on("/manifests/", status(403)), gatekeep.ReasonSourceDenied, nil},
		"404":              {on("/manifests/", status(404)), gatekeep.ReasonNotFound, nil},
		"429":              {on("/manifests/", status(429)), gatekeep.ReasonSourceUnreachable, nil},
		"500":              {on("/manifests/", status(500)), gatekeep.ReasonSourceUnreachable, nil},
		"hangs":            {on("/manifests/", hang), gatekeep.ReasonSourceUnreachable, []string{"--timeout", "1s"}},
		"redirects always": {on("/manifests/", loop), gatekeep.ReasonSourceMalformed, nil},
		"digest lie":       {s.altered("/manifests/", func(b []byte) []byte { return append(b, ' ') }), gatekeep.ReasonSourceMalformed, nil},
		"no JSON":          {on("/manifests/", says(ociManifest, []byte("<html>"))), gatekeep.ReasonSourceMalformed, nil},
		"huge manifest":    {on("/manifests/", says(ociManifest, huge)), gatekeep.ReasonSourceMalformed, nil},
		"half a manifest":  {s.altered("/manifests/", func(b []byte) []byte { return b[:len(b)/2] }), gatekeep.ReasonSourceMalformed, nil},
		"endless error":    {on("/manifests/", endless), gatekeep.ReasonSourceMalformed, nil},
		"closes the line":  {on("/manifests/", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), gatekeep.ReasonSourceUnreachable, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, s.inner, c.fault)
			s.try(t, attack{exitUnknown, c.reason, "resolving subject " + host + "/app@" + s.digest}, false, host+"/app@"+s.digest, c.more...)
		})
	}
}

// Faults where evidence is looked for: the gate stays shut, since evidence that it
// cannot see may stand against the request, and the evidence of that is sealed.
func TestEvidenceThatCannotBeLookedAt(t *testing.T) {
	s := newSite(t)
	attTag := "/manifests/" + strings.Replace(s.digest, ":", "-", 1) + ".att"
	broken := []byte(`{"schemaVersion": 2, "manifests": [`)
	huge := append([]byte(`{"schemaVersion":2,"x":"`), bytes.Repeat([]byte("x"), 5<<20)...)
	list := func(change func(*v1.IndexManifest)) func(http.ResponseWriter, *http.Request) bool {
		return s.altered("/referrers/", func(b []byte) []byte {
			var index v1.IndexManifest
			if err := json.Unmarshal(b, &index); err != nil {
				t.Error(err)
			}
			change(&index)
			out, err := json.Marshal(index)
			if err != nil {
				t.Error(err)
			}
			return out
		})
	}
	for name, c := range map[string]struct {
		fault  func(http.ResponseWriter, *http.Request) bool
		reason gatekeep.Reason
		more   []string
	}{
		"401":                        {on("/referrers/", status(401)), gatekeep.ReasonSourceDenied, nil},
		"403":                        {on("/referrers/", status(403)), gatekeep.ReasonSourceDenied, nil},
		"429":                        {on("/referrers/", status(429)), gatekeep.ReasonSourceUnreachable, nil},
		"500":                        {on("/referrers/", status(500)), gatekeep.ReasonSourceUnreachable, nil},
		"redirects always":           {on("/referrers/", loop), gatekeep.ReasonSourceMalformed, nil},
		"broken list":                {on("/referrers/", says(ociIndex, broken)), gatekeep.ReasonSourceMalformed, nil},
		"list that is no JSON":       {on("/referrers/", says(ociIndex, []byte("<html>ok</html>"))), gatekeep.ReasonSourceMalformed, nil},
		"list with a member twice":   {s.altered("/referrers/", func(b []byte) []byte { return append([]byte(`{"manifests":[],`), b[1:]...) }), gatekeep.ReasonSourceMalformed, nil},
		"huge list":                  {on("/referrers/", says(ociIndex, huge)), gatekeep.ReasonSourceMalformed, nil},
		"size lie in the list":       {list(func(i *v1.IndexManifest) { i.Manifests[0].Size++ }), gatekeep.ReasonSourceMalformed, nil},
		"digest lie in the list":     {list(func(i *v1.IndexManifest) { i.Manifests[0].Digest.Hex = strings.Repeat("0", 64) }), gatekeep.ReasonSourceMalformed, nil},
		"digest that is a path":      {list(func(i *v1.IndexManifest) { i.Manifests[0].Digest.Hex = "../../x" }), gatekeep.ReasonSourceMalformed, nil},
		"list longer than any":       {list(func(i *v1.IndexManifest) { i.Manifests = slices.Repeat(i.Manifests[:1], 1001) }), gatekeep.ReasonSourceMalformed, nil},
		"blob is gone":               {on("/blobs/", status(404)), gatekeep.ReasonSourceMalformed, nil},
		"blob is longer than it was": {s.altered("/blobs/", func(b []byte) []byte { return append(b, ' ') }), gatekeep.ReasonSourceMalformed, nil},
		"blob is another":            {s.altered("/blobs/", func(b []byte) []byte { return append(slices.Clone(b[:len(b)-1]), 'x') }), gatekeep.ReasonSourceMalformed, nil},
		"attachments 500":            {on(attTag, status(500)), gatekeep.ReasonSourceUnreachable, nil},
		"attachments are no image":   {on(attTag, says(ociManifest, []byte(`{"layers": {}}`))), gatekeep.ReasonSourceMalformed, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			host := serve(t, s.inner, c.fault)
			s.try(t, attack{exitUnknown, c.reason, "Restore the source and try again."}, true, host+"/app@"+s.digest, c.more...)
		})
	}
}

// A registry that hangs takes the whole time that there is; then there is no answer
// to seal, and a file that was there before stays as it was.
func TestARegistryThatHangsIsGivenUp(t *testing.T) {
	s := newSite(t)
	host := serve(t, s.inner, on("/referrers/", hang))
	folder := t.TempDir()
	before := filepath.Join(folder, "evidence.zip")
	if err := os.WriteFile(before, []byte("of an earlier check"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := s.check(t, folder, host+"/app@"+s.digest, "--timeout", "2s")
	attack{exitUnknown, gatekeep.ReasonSourceUnreachable, "restore the source or allow more time"}.wantText(t, got)
	if text, err := os.ReadFile(before); err != nil || string(text) != "of an earlier check" {
		t.Errorf("the earlier evidence is %.100q, %v", text, err)
	}
	if left := names(t, folder); len(left) != 1 {
		t.Errorf("left behind: %q", left)
	}
}

// OCI distribution specification 1.1: where there is no referrers API the index
// under the fallback tag is read, and where that is missing too there is nothing.
func TestARegistryWithoutTheReferrersAPI(t *testing.T) {
	s := newSite(t)
	old := registry.New(registry.WithReferrersSupport(false), registry.Logger(quiet))
	host := serve(t, old, nil)
	image, hash, err := someImage()
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(host + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	subject := host + "/app@" + hash.String()
	s.try(t, attack{exitShut, "", "supply_chain/sbom-missing"}, true, subject)
	for kind := range hostileEvidence {
		s.must(t, "attest", "--type", kind, "--key", s.path("ci.key"), "--push", s.path("raw/"+kind+".json"), subject)
	}
	s.try(t, attack{exitOpen, "", "OPEN"}, true, subject)
	fallback := strings.Replace(hash.String(), ":", "-", 1)
	other := serve(t, old, on("/manifests/"+fallback, status(500)))
	s.try(t, attack{exitUnknown, gatekeep.ReasonSourceUnreachable, "Restore the source"}, true, other+"/app@"+hash.String())
}

// Documents that anybody may have put beside the good ones are reported, never
// used, and do not shut the gate; a place that cannot be read does.
func TestFilesThatNobodyShouldTrust(t *testing.T) {
	s := newSite(t)
	host := serve(t, s.inner, nil)
	subject := host + "/app@" + s.digest
	one, err := filepath.Glob(filepath.Join(s.good, "sbom-*.json"))
	if err != nil || len(one) != 1 {
		t.Fatalf("got %q, %v", one, err)
	}
	signed, err := os.ReadFile(one[0])
	if err != nil {
		t.Fatal(err)
	}
	text := string(signed)
	flipped := slices.Clone(signed)
	if at := bytes.Index(flipped, []byte(`"sig":"`)) + 20; flipped[at] == 'A' { // still base64
		flipped[at] = 'B'
	} else {
		flipped[at] = 'A'
	}
	s.write(t, "elsewhere.bin", "another subject")
	elsewhere := strings.TrimSpace(s.must(t, "attest", "--type", "sbom", "--key", s.path("ci.key"), "--out", s.path("other"), s.path("raw/sbom.json"), s.path("elsewhere.bin")))
	stranger := s.stranger(t, subject)
	malformed := gatekeep.ReasonEnvelopeMalformed
	beside := attack{exitOpen, malformed, "OPEN"}
	for name, c := range map[string]struct {
		path string
		want attack
	}{
		"truncated":          {s.write(t, "a/truncated.json", text[:len(text)/2]), beside},
		"empty":              {s.write(t, "a/empty.json", ""), beside},
		"a member twice":     {s.write(t, "a/twice.json", `{"mediaType":"x",`+text[1:]), beside},
		"10,000 deep":        {s.write(t, "a/deep.json", strings.Repeat(`{"a":`, 10_000)+"1"+strings.Repeat("}", 10_000)), beside},
		"10,000 lists":       {s.write(t, "a/lists.json", strings.Repeat(`[`, 10_000)+strings.Repeat("]", 10_000)), beside},
		"a list":             {s.write(t, "a/list.json", "["+text+"]"), beside},
		"a number":           {s.write(t, "a/number.json", "1e999999999"), beside},
		"binary":             {s.write(t, "a/binary.json", "\x00\xff\x1f\x8b"), beside},
		"payload is a list":  {s.write(t, "a/payload.json", `{"payloadType":"application/vnd.in-toto+json","payload":["e30="],"signatures":[]}`), beside},
		"one line is broken": {s.write(t, "a/lines.jsonl", "{}\n"+strings.ReplaceAll(text, "\n", "")+"\n{\n"), beside},
		"another digest":     {elsewhere, attack{exitOpen, gatekeep.ReasonSubjectMismatch, "OPEN"}},
		"a changed byte":     {s.write(t, "a/flipped.json", string(flipped)), attack{exitOpen, gatekeep.ReasonSignatureInvalid, "OPEN"}},
		"a stranger":         {stranger, attack{exitOpen, gatekeep.ReasonSignerUnknown, "OPEN"}},
		"not signed":         {s.write(t, "a/unsigned.json", bareStatement(t, signed)), attack{exitOpen, gatekeep.ReasonUnsigned, "OPEN"}},
		"1 GiB":              {s.sparse(t, "a/big.json"), attack{exitOpen, gatekeep.ReasonTooLarge, "OPEN"}},
		"1 GiB of lines":     {s.sparse(t, "a/big.jsonl"), attack{exitUnknown, gatekeep.ReasonSourceMalformed, "536870912 bytes"}},
		"not there":          {s.path("a/nothing.json"), attack{exitUnknown, gatekeep.ReasonNotFound, "nothing.json"}},
		"a link":             {s.link(t, "a/link.json", one[0]), attack{exitUnknown, gatekeep.ReasonSourceMalformed, "give the file itself"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.try(t, c.want, true, subject, "--attestations", c.path)
		})
	}
	t.Run("alone", func(t *testing.T) {
		for _, path := range []string{"a/truncated.json", "a/unsigned.json", "a/flipped.json"} {
			want := attack{exitShut, "", "supply_chain/sbom-missing"}
			want.wantText(t, s.check(t, t.TempDir(), subject, "--registry-attestations", "off", "--attestations", s.path(path)))
		}
	})
}

// stranger is an attestation with a key that nobody named.
func (s *site) stranger(t *testing.T, subject string) string {
	t.Helper()
	s.must(t, "key", "generate", "--out", s.path("stranger"))
	return strings.TrimSpace(s.must(t, "attest", "--type", "sbom", "--key", s.path("stranger.key"), "--out", s.path("strange"), s.path("raw/sbom.json"), subject))
}

// sparse is a file of 1 GiB that takes no space.
func (s *site) sparse(t *testing.T, name string) string {
	t.Helper()
	path := s.write(t, name, "{")
	if err := os.Truncate(path, 1<<30); err != nil {
		t.Fatal(err)
	}
	return path
}

func (s *site) link(t *testing.T, name, to string) string {
	t.Helper()
	if err := os.Symlink(to, s.path(name)); err != nil {
		t.Fatal(err)
	}
	return s.path(name)
}

// bareStatement takes the statement out of a signed bundle.
func bareStatement(t *testing.T, signed []byte) string {
	t.Helper()
	var b struct {
		Envelope struct {
			Payload []byte `json:"payload"`
		} `json:"dsseEnvelope"`
	}
	if err := json.Unmarshal(signed, &b); err != nil {
		t.Fatal(err)
	}
	return string(b.Envelope.Payload)
}

// A file that attest signs is the user's own: each mistake is one of usage, names the
// file, and leaves neither a statement nor a folder for one.
func TestFilesThatAreNotSigned(t *testing.T) {
	s := newSite(t)
	for name, c := range map[string]struct{ kind, path, says string }{
		"truncated":      {"sbom", s.write(t, "b/truncated.json", hostileEvidence["sbom"][:40]), "truncated.json"},
		"empty":          {"sbom", s.write(t, "b/empty.json", ""), "empty.json"},
		"a member twice": {"sbom", s.write(t, "b/twice.json", `{"bomFormat":"x",`+hostileEvidence["sbom"][1:]), "duplicate key"},
		"10,000 deep":    {"sbom", s.write(t, "b/deep.json", strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)), "deep.json"},
		"deep YAML":      {"waiver", s.write(t, "b/deep.yaml", strings.Repeat("[", 10_000)+strings.Repeat("]", 10_000)), "deep.yaml"},
		"another type":   {"sbom", s.write(t, "b/other.json", hostileEvidence["vulns"]), "other.json"},
		"1 GiB":          {"sbom", s.sparse(t, "b/big.json"), "big.json"},
		"1 GiB of YAML":  {"waiver", s.sparse(t, "b/big.yaml"), "big.yaml"},
		"not there":      {"sbom", s.path("b/nothing.json"), "nothing.json"},
		"a folder":       {"sbom", s.path("b"), "b"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "signed")
			got := s.gatekeep(t, "attest", "--type", c.kind, "--key", s.path("ci.key"), "--out", out, c.path, s.path("request.yaml"))
			attack{exitUsage, "", c.says}.wantText(t, got)
			if got.out != "" {
				t.Errorf("it prints %q", got.out)
			}
			if left := names(t, filepath.Dir(out)); len(left) != 0 {
				t.Errorf("left behind: %q", left)
			}
		})
	}
}

// A certificate is judged at the time that its log proves, not at the time of the
// check: an hour late it had expired.
func TestAnExpiredCertificateIsNotBelieved(t *testing.T) {
	s := newSite(t)
	host := serve(t, s.inner, nil)
	v, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	const issuer, who = "https://ci.example", "https://ci.example/app"
	s.write(t, "bundle/root.json", rootOf(t, v))
	s.write(t, "bundle/trust.yaml", strings.Replace(hostileTrust, "signers:\n", "roots: {here: root.json}\nsigners:\n  job: {issuer: \""+issuer+"\", subject: \""+who+"\", root: here}\n", 1)+
		"  - {types: [source-review], signers: [job]}\n")
	statement := fmt.Sprintf(`{"_type": "https://in-toto.io/Statement/v1", "predicateType": "https://gatekeep.dev/source-review/v1",
		"subject": [{"name": "app", "digest": {"sha256": %q}}],
		"predicate": {"repo": "https://git.example/app", "commit": %q, "authors": ["alice"], "committers": ["alice"]}}`,
		strings.TrimPrefix(s.digest, "sha256:"), hostileCommit)
	for name, c := range map[string]struct {
		late time.Duration
		want attack
	}{
		"in time":      {0, attack{exitOpen, "", "OPEN"}},
		"an hour late": {time.Hour, attack{exitOpen, gatekeep.ReasonExpired, "OPEN"}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := v.AttestAtTime(who, issuer, []byte(statement), time.Now().Add(c.late), false)
			if err != nil {
				t.Fatal(err)
			}
			path := s.write(t, "c/"+name+".json", certified(t, v, e))
			s.try(t, c.want, true, host+"/app@"+s.digest, "--attestations", path)
		})
	}
}

// rootOf is the trusted root of a Sigstore instance with a log.
func rootOf(t *testing.T, v *ca.VirtualSigstore) string {
	t.Helper()
	logs := v.RekorLogs()
	for id, log := range logs {
		raw, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		log.ID = raw // a root holds bytes, the instance gives hex
	}
	root, err := sigroot.NewTrustedRoot(sigroot.TrustedRootMediaType01, v.FulcioCertificateAuthorities(), nil, nil, logs)
	if err != nil {
		t.Fatal(err)
	}
	data, err := root.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// certified is a bundle v0.1: a certificate, and the promise of a log.
func certified(t *testing.T, v *ca.VirtualSigstore, e *ca.TestEntity) string {
	t.Helper()
	content, err := e.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := e.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	raw := signed.EnvelopeContent().RawEnvelope()
	payload, err := raw.DecodeB64Payload()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := e.TlogEntries()
	if err != nil {
		t.Fatal(err)
	}
	entry := entries[0].TransparencyLogEntry()
	promise, err := v.RekorSignPayload(tlog.RekorPayload{
		Body: base64.StdEncoding.EncodeToString(entry.CanonicalizedBody), IntegratedTime: entry.IntegratedTime,
		LogIndex: entry.LogIndex, LogID: hex.EncodeToString(entry.LogId.KeyId),
	})
	if err != nil {
		t.Fatal(err)
	}
	entry.KindVersion = &protorekor.KindVersion{Kind: "dsse", Version: "0.0.1"}
	entry.InclusionPromise = &protorekor.InclusionPromise{SignedEntryTimestamp: promise}
	data, err := protojson.Marshal(&protobundle.Bundle{
		MediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content:     &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: content.Certificate().Raw}},
			TlogEntries: []*protorekor.TransparencyLogEntry{entry},
		},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			PayloadType: raw.PayloadType, Payload: payload, Signatures: []*protodsse.Signature{{Sig: signed.Signature()}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
