package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/tuf"
)

// publishAll makes the first version of a TUF repository that holds these files.
func publishAll(t *testing.T, r *repository, files map[string][]byte) {
	t.Helper()
	describe := func(data []byte) map[string]any {
		return map[string]any{"length": len(data), "hashes": map[string]string{"sha256": sum(data)}}
	}
	meta := func(data []byte) map[string]any {
		d := describe(data)
		d["version"] = 1
		return d
	}
	all := map[string]any{}
	for name, data := range files {
		all[name] = describe(data)
		r.files["/targets/"+sum(data)+"."+name] = data
	}
	targets := r.sign(t, "targets", 1, map[string]any{"targets": all})
	snapshot := r.sign(t, "snapshot", 1, map[string]any{"meta": map[string]any{"targets.json": meta(targets)}})
	r.files["/timestamp.json"] = r.sign(t, "timestamp", 1, map[string]any{"meta": map[string]any{"snapshot.json": meta(snapshot)}})
	r.files["/1.snapshot.json"], r.files["/1.targets.json"] = snapshot, targets
}

func TestPublicServicesAreThoseThatTUFVouchesFor(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	repo := newRepository(t)
	server := httptest.NewServer(repo)
	defer server.Close()
	ask := func(ctx context.Context) (config, root []byte, err error) {
		return published(ctx, tuf.DefaultOptions().WithRoot(repo.root).WithRepositoryBaseURL(server.URL))
	}
	if _, _, err := ask(t.Context()); err == nil || !strings.Contains(err.Error(), "pass --signing-config") || !strings.Contains(err.Error(), server.URL) {
		t.Errorf("an empty repository: %v", err)
	}
	publishAll(t, repo, map[string][]byte{configTarget: []byte("config"), rootTarget: []byte("root")})
	config, root, err := ask(t.Context())
	if err != nil || !bytes.Equal(config, []byte("config")) || !bytes.Equal(root, []byte("root")) {
		t.Errorf("%q, %q, %v", config, root, err)
	}
	repo.files["/targets/"+sum([]byte("root"))+"."+rootTarget] = []byte("toor")
	if config, root, err := ask(t.Context()); err == nil || config != nil || root != nil {
		t.Errorf("a changed root is taken: %v", err)
	}
	publishAll(t, repo, map[string][]byte{rootTarget: []byte("root")})
	if _, _, err := ask(t.Context()); err == nil || !strings.Contains(err.Error(), configTarget) {
		t.Errorf("no configuration: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := ask(ended); err == nil {
		t.Error("asked after the end")
	}
	if left, err := os.ReadDir(os.Getenv("HOME")); err != nil || len(left) > 0 {
		t.Errorf("left in the home folder: %v, %v", left, err)
	}
}

func TestMistakesOfKeylessCommandLinesAreExplained(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const start = `"majorApiVersion":1,"validFor":{"start":"2020-01-01T00:00:00Z"}`
	app, sbom := program(t), write("sbom.json", someSBOM)
	key := write("gate.key", "x")
	unstamped := write("unstamped.json", `{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","caUrls":[{"url":"https://fulcio.example",`+start+`}]}`)
	config := write("config.json", `{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json","caUrls":[{"url":"https://fulcio.example",`+start+
		`}],"tsaUrls":[{"url":"https://tsa.example",`+start+`}],"tsaConfig":{"selector":"ALL"}}`)
	token := fmt.Sprintf("eyJhIjoxfQ.%s.c2ln", "eyJleHAiOjF9")
	const f, r, s = "--fulcio-url=https://fulcio.example", "--rekor-url=https://rekor.example", "--timestamp-url=https://tsa.example"
	for name, c := range map[string]struct {
		args, want string
	}{
		"nobody":              {"attest", "no key: pass --key .* or --keyless"},
		"both":                {"attest --keyless --key KEY", "--key and --keyless are both given"},
		"token with key":      {"attest --key KEY --identity-token TOKEN", "pass --keyless and no --key"},
		"fulcio with key":     {"attest --key KEY " + f, "pass --keyless and no --key"},
		"named twice":         {"attest --keyless --signing-config CONFIG " + r, "leave --fulcio-url, --rekor-url and --timestamp-url out"},
		"nobody certifies":    {"attest --keyless " + r + " " + s, "pass --signing-config FILE, or --fulcio-url"},
		"nobody says when":    {"attest --keyless --identity-token TOKEN " + f + " " + r, "nobody says when this is signed; name a timestamp authority"},
		"the same, in a file": {"attest --keyless --identity-token TOKEN --signing-config UNSTAMPED", "nobody says when"},
		"root for nothing":    {"attest --key KEY --trusted-root ROOT", "--trusted-root verifies what services made"},
		"no token":            {"attest --keyless " + f + " " + s, "no identity token: pass --identity-token FILE, or set SIGSTORE_ID_TOKEN"},
		"token is no token":   {"attest --keyless --identity-token secret " + f + " " + s, "neither a token .* nor a file that is there"},
		"no configuration":    {"attest --keyless --identity-token TOKEN --signing-config gone.json", "reading --signing-config: .*gone.json: no such file"},
		"bad configuration":   {"attest --keyless --identity-token TOKEN --signing-config KEY", "gate.key: reading signing configuration: "},
		"no root":             {"attest --keyless --identity-token TOKEN --signing-config CONFIG --trusted-root gone.json", "gone.json: no such file .*sigstore-production"},
		"no address":          {"attest --keyless --identity-token TOKEN --fulcio-url fulcio.example " + s, `"fulcio.example" is no address`},
		"no bundle":           {"sign-bundle --identity-token TOKEN --signing-config CONFIG", "pass --bundle FILE"},
		"bundle is a folder":  {"sign-bundle --identity-token TOKEN --signing-config CONFIG --bundle .", "is no file; name the file to write"},
		"no folder":           {"sign-bundle --identity-token TOKEN --signing-config CONFIG --bundle gone/b.json", "reading --bundle: there is no folder gone"},
		"no statement":        {"sign-bundle --in-toto --identity-token TOKEN --signing-config CONFIG --bundle OUT", `reading in-toto statement: _type "" with 0 subjects is none`},
		"services of nobody":  {"sign-bundle --identity-token TOKEN --signing-config UNSTAMPED --bundle OUT", "unstamped.json: choosing services: nobody says when"},
		"no token to sign":    {"sign-bundle --signing-config CONFIG --bundle OUT", "no identity token"},
	} {
		t.Run(name, func(t *testing.T) {
			line := strings.NewReplacer("KEY", key, "UNSTAMPED", unstamped, "CONFIG", config, "TOKEN", token, "OUT", filepath.Join(dir, "out.json")).Replace(c.args)
			args := strings.Fields(line)
			if args[0] == "attest" {
				args = append(args, "--type", "sbom", "--out", filepath.Join(dir, "att"), sbom, app)
			} else {
				args = append(args, sbom)
			}
			w, out, errs := screen(nil)
			code := run(t.Context(), args, w)
			if code != exitUsage || !regexp.MustCompile(c.want).MatchString(errs.String()) {
				t.Errorf("exit code %d, want %d and %q: %s", code, exitUsage, c.want, errs)
			}
			if strings.Contains(errs.String()+out.String(), token) || strings.Contains(errs.String(), "secret") {
				t.Errorf("the token is told: %s", errs)
			}
		})
	}
}

func TestStatementsAreToldFromOtherFiles(t *testing.T) {
	for text, want := range map[string]bool{
		`{"_type":"https://in-toto.io/Statement/v1","subject":[{}]}`:             true,
		`{"_type":"https://in-toto.io/Statement/v0.1","subject":[{}]}`:           true,
		`{"_type":"https://in-toto.io/Statement/v1","subject":[]}`:               false,
		`{"_type":"https://in-toto.io/Statement/v1","_type":"x","subject":[{}]}`: false,
		`{"_type":"https://example.com/Statement/v1","subject":[{}]}`:            false,
		`[]`: false, ``: false, `hello`: false,
	} {
		if err := isStatement([]byte(text)); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestNobodyIsAskedUnlessAFlagNamesThem(t *testing.T) {
	for name, f := range map[string]signerFlags{"key": {key: "a"}, "key and root": {key: "a", root: "r"}} {
		if f.served() {
			t.Errorf("%s: services are asked", name)
		}
	}
	for name, f := range map[string]signerFlags{
		"keyless": {keyless: true}, "config": {key: "a", config: "c"}, "log": {key: "a", rekors: []string{"r"}}, "stamp": {key: "a", timestamps: []string{"t"}},
	} {
		if !f.served() {
			t.Errorf("%s: nobody is asked", name)
		}
	}
	// A key of one's own, no network: what is written says so.
	private := filepath.Join(t.TempDir(), "ci.key")
	w, _, errs := screen(map[string]string{"GATEKEEP_PASSWORD": "", "SIGSTORE_ID_TOKEN": "eyJhIjoxfQ.e30.c2ln"})
	if code := run(t.Context(), []string{"key", "generate", "--out", strings.TrimSuffix(private, ".key")}, w); code != exitOpen {
		t.Fatal(errs)
	}
	sign, err := (&signerFlags{key: private}).signer(t.Context(), w)
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	bundle, err := sign(ended, []byte(`{}`))
	if err != nil || bytes.Contains(bundle, []byte("tlogEntries")) || bytes.Contains(bundle, []byte("certificate")) {
		t.Errorf("%s, %v", bundle, err)
	}
}
