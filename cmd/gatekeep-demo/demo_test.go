package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/bundle"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

var january = time.Date(2031, 1, 2, 3, 4, 5, 0, time.UTC)

// demoAt is a demo in the project's folder that prints into a buffer.
func demoAt(t *testing.T, now time.Time) (*demo, *bytes.Buffer) {
	t.Helper()
	t.Chdir("../..")
	var printed bytes.Buffer
	return &demo{bin: t.TempDir(), out: filepath.Join(t.TempDir(), "out"), stdout: &printed, now: now}, &printed
}

func TestBundleOfTheDemoLoadsWheneverItRuns(t *testing.T) {
	d, _ := demoAt(t, january)
	v, err := d.values()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.bundle(v); err != nil {
		t.Fatal(err)
	}
	for _, who := range signers {
		_, public, err := signing.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := writeFile(d.path("bundle", "keys", who+".pub"), public); err != nil {
			t.Fatal(err)
		}
	}
	b, err := bundle.Load(os.DirFS(d.path("bundle")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := attest.LoadTrust(os.DirFS(d.path("bundle")), "trust.yaml"); err != nil {
		t.Error(err)
	}
	for name, data := range b.Files() {
		if bytes.Contains(data, []byte(termOfBindings)) {
			t.Errorf("%s still has roles that end at %s", name, termOfBindings)
		}
	}
	if !bytes.Contains(b.Files()["org.yaml"], []byte("2031-04-02T03:04:05Z")) {
		t.Error("no role of org.yaml ends 90 days after the demo")
	}
}

func TestBundleInTheProjectLoads(t *testing.T) {
	if _, err := bundle.Load(os.DirFS("../../bundles/payments")); err != nil {
		t.Fatal(err)
	}
}

func TestDocumentsOfTheDemoAreWhatTheirTypesSay(t *testing.T) {
	d, _ := demoAt(t, january)
	v, err := d.values()
	if err != nil {
		t.Fatal(err)
	}
	v.Arch, v.CalendarRevision, v.CalendarRead, v.Approver = "arm64", 1, d.at(0), "bob"
	for kind, document := range map[string]string{
		"approval": "approval.yaml", "calendar": "calendar.yaml", "data-flow": "data-flow.yaml", "provenance": "provenance.json",
		"residency": "residency.yaml", "sarif": "sast.sarif", "secret-scan": "secret-scan.yaml",
		"source-review": "source-review.yaml", "vulns": "vulns.grype.json",
	} {
		path, err := d.write(document, v, document)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		options := predicate.WrapOptions{Now: january, Commit: v.Commit, Binding: "sha256:" + strings.Repeat("a", 64), Nonce: "n"}
		if _, err := predicate.Wrap(kind, data, options); err != nil {
			t.Errorf("%s: %v", document, err)
		}
	}
}

func TestRegistryOutlivesItsServer(t *testing.T) {
	dir := t.TempDir()
	l, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	stop, err := start(dir, l)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(address + "/app:1")
	if err != nil {
		t.Fatal(err)
	}
	index, err := random.Index(64, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	about, err := remote.Head(ref)
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	attached := mutate.Subject(image, *about).(v1.Image)
	attachedDigest, err := attached.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref.Context().Digest(attachedDigest.String()), attached); err != nil {
		t.Fatal(err)
	}
	stop()

	if l, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	if stop, err = start(dir, l); err != nil {
		t.Fatal(err)
	}
	defer stop()
	again, err := remote.Index(ref)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := again.Digest(); err != nil || got != digest {
		t.Errorf("the tag names %s (%v), want %s", got, err, digest)
	}
	referrers, err := remote.Referrers(ref.Context().Digest(digest.String()))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := referrers.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(manifest.Manifests) != 1 || manifest.Manifests[0].Digest != attachedDigest {
		t.Errorf("referrers are %v, want %s", manifest.Manifests, attachedDigest)
	}
}

func TestTakenPortGivesWayToTheNext(t *testing.T) {
	first, err := listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	second, err := listen(first.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if first.Addr().String() == second.Addr().String() {
		t.Errorf("both listen on %s", first.Addr())
	}
}

func TestOnlyADemoIsCleared(t *testing.T) {
	d, _ := demoAt(t, january)
	if err := d.clear(); err != nil {
		t.Fatalf("a folder that is not there: %v", err)
	}
	old := d.path("state", "state.json")
	if err := writeFile(old, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := d.clear(); err != nil {
		t.Fatalf("an earlier demo: %v", err)
	}
	if _, err := os.Stat(old); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of the earlier demo is still there: %v", err)
	}
	if err := os.Remove(d.path(marker)); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(old, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if err := d.clear(); err == nil {
		t.Error("a folder that no demo made was cleared")
	}
	if _, err := os.Stat(old); err != nil {
		t.Errorf("a file that is not the demo's is gone: %v", err)
	}
}

func TestUnexpectedExitCodeEndsTheDemo(t *testing.T) {
	d, printed := demoAt(t, january)
	script := "#!/bin/sh\necho out; echo err >&2; exit 3\n"
	if err := os.WriteFile(filepath.Join(d.bin, "gatekeep"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	s := step{name: "gatekeep", args: []string{"check", "app:1"}}
	err := d.command(context.Background(), s)
	if err == nil || !strings.Contains(err.Error(), "gatekeep check app:1") || !strings.Contains(err.Error(), "exit code 3, and 0") {
		t.Errorf("the error is %v; it must name the step and both codes", err)
	}
	if !strings.Contains(printed.String(), "out\n     err\n") {
		t.Errorf("the output is not shown in %q", printed)
	}
	s.exit = 3
	if err := d.command(context.Background(), s); err != nil {
		t.Errorf("an expected exit code: %v", err)
	}
}

func TestFoldedCommandLineIsTheSameForAShell(t *testing.T) {
	words := []string{"bin/gatekeep", "check", "127.0.0.1:5055/payments:1.4.2", "--environment", "prod-eu", "--push", "--name", "it's two words",
		"--request", "demo-out/request-1.yaml", "--attestations", "demo-out/attestations", "--state", "demo-out/state", "last"}
	text := folded(words)
	if !strings.Contains(text, "\\\n") {
		t.Errorf("nothing is folded in %q", text)
	}
	if one := strings.ReplaceAll(text, " \\\n       ", " "); one != shown(words) {
		t.Errorf("folded is %q, want %q", one, shown(words))
	}
}
