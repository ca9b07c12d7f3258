package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// imageWith is an image for a platform with these files.
func imageWith(t *testing.T, arch string, files map[string][]byte) v1.Image {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for name, data := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(buffer.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

// debian are the files of a Debian system, with one package named for the platform.
func debian(t *testing.T, arch string) map[string][]byte {
	t.Helper()
	status, err := os.ReadFile("../../testdata/demo/dpkg-status")
	if err != nil {
		t.Fatal(err)
	}
	release, err := os.ReadFile("../../testdata/demo/os-release")
	if err != nil {
		t.Fatal(err)
	}
	own := "\nPackage: only-" + arch + "\nStatus: install ok installed\nVersion: 1.0-1\nArchitecture: " + arch + "\n"
	return map[string][]byte{"var/lib/dpkg/status": append(status, own...), "etc/os-release": release}
}

// twoPlatforms is an index with an image for each of two platforms.
func twoPlatforms(t *testing.T) v1.ImageIndex {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: imageWith(t, arch, debian(t, arch)),
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}}})
	}
	return index
}

func pushed(t *testing.T, index v1.ImageIndex) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	tag := strings.TrimPrefix(server.URL, "http://") + "/app:1"
	ref, err := name.ParseReference(tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(ref, index); err != nil {
		t.Fatal(err)
	}
	return tag
}

// sbom runs the program and returns the names in its document.
func sbomOf(t *testing.T, args ...string) (names []string, document []byte) {
	t.Helper()
	t.Setenv("SOURCE_DATE_EPOCH", "1795428000")
	var out, complaints bytes.Buffer
	if code := run(context.Background(), args, &out, &complaints); code != 0 {
		t.Fatalf("gatekeep-sbom %v: exit code %d: %s", args, code, &complaints)
	}
	var doc struct {
		Components []struct{ Name, PURL string }
		Packages   []struct{ Name string }
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, c := range doc.Components {
		if c.PURL != "" {
			names = append(names, c.Name)
		}
	}
	for _, p := range doc.Packages {
		names = append(names, p.Name)
	}
	return names, out.Bytes()
}

func TestPackagesOfTheNamedPlatformAreFound(t *testing.T) {
	index := twoPlatforms(t)
	tag := pushed(t, index)
	dir := t.TempDir()
	if _, err := layout.Write(dir, index); err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{tag, dir} {
		for _, format := range []string{"cyclonedx-json", "spdx-json"} {
			names, _ := sbomOf(t, "--platform", "linux/arm64", "--format", format, source)
			for _, want := range []string{"apt", "libc6", "openssl", "zlib1g", "only-arm64"} {
				if !slices.Contains(names, want) {
					t.Errorf("%s of %s: package %s is not in %v", format, source, want, names)
				}
			}
			if slices.Contains(names, "only-amd64") {
				t.Errorf("%s of %s: a package of another platform is in it", format, source)
			}
		}
	}
}

func TestSameSourceAndTimeGiveTheSameDocument(t *testing.T) {
	tag := pushed(t, twoPlatforms(t))
	for _, format := range []string{"cyclonedx-json", "spdx-json"} {
		_, first := sbomOf(t, "--platform", "linux/amd64", "--format", format, tag)
		_, second := sbomOf(t, "--platform", "linux/amd64", "--format", format, tag)
		if !bytes.Equal(first, second) {
			t.Errorf("%s: two documents of one image differ", format)
		}
		if !bytes.Contains(first, []byte("2026-11-23T10:00:00Z")) {
			t.Errorf("%s: the document does not bear the time of SOURCE_DATE_EPOCH", format)
		}
		_, other := sbomOf(t, "--platform", "linux/arm64", "--format", format, tag)
		if bytes.Contains(other, numberOf(t, first)) {
			t.Errorf("%s: documents of two images have one number", format)
		}
	}
}

// numberOf is what tells one document from another.
func numberOf(t *testing.T, document []byte) []byte {
	t.Helper()
	var doc struct{ SerialNumber, DocumentNamespace string }
	if err := json.Unmarshal(document, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.SerialNumber+doc.DocumentNamespace == "" {
		t.Fatal("the document has no number")
	}
	return []byte(doc.SerialNumber + doc.DocumentNamespace)
}

func TestFolderIsCatalogued(t *testing.T) {
	dir := t.TempDir()
	mod := "module example.com/app\n\nrequire github.com/gowebpki/jcs v1.0.2\n"
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(mod), 0o644); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "sbom.json")
	sbomOf := func() int { return run(context.Background(), []string{dir, "-o", file}, io.Discard, io.Discard) }
	if code := sbomOf(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	document, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(document, []byte("pkg:golang/github.com/gowebpki/jcs@v1.0.2")) {
		t.Errorf("the module is not in %s", document)
	}
}

func TestWhatCannotBeSaidTrulyIsRefused(t *testing.T) {
	tag := pushed(t, twoPlatforms(t))
	rpm := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{
		Add: imageWith(t, "amd64", map[string][]byte{"var/lib/rpm/rpmdb.sqlite": []byte("SQLite format 3\x00")})})
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"several platforms", []string{tag}, 2, "linux/amd64, linux/arm64"},
		{"no such platform", []string{"--platform", "linux/s390x", tag}, 2, "fits 0"},
		{"malformed platform", []string{"--platform", "a/b/c/d", tag}, 2, "--platform"},
		{"unknown format", []string{"--format", "text", tag}, 2, "--format"},
		{"no source", nil, 2, "SOURCE"},
		{"unknown flag", []string{"--plattform", "x", tag}, 2, "--help"},
		{"a file", []string{"main.go"}, 2, "is a file"},
		{"neither folder nor reference", []string{"./no/such:folder:"}, 2, "no such folder"},
		{"no such image", []string{strings.TrimSuffix(tag, ":1") + ":2"}, 3, "opening"},
		{"no registry", []string{"127.0.0.1:1/app:1"}, 3, "opening"},
		{"a broken RPM database", []string{"--strict", pushed(t, rpm)}, 3, "rpmdb.sqlite"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, complaints bytes.Buffer
			if code := run(context.Background(), c.args, &out, &complaints); code != c.code || out.Len() > 0 {
				t.Errorf("exit code %d with %d bytes of SBOM, want %d and none: %s", code, out.Len(), c.code, &complaints)
			}
			if !strings.Contains(complaints.String(), c.says) {
				t.Errorf("the message %q does not say %q", &complaints, c.says)
			}
		})
	}
}

// testdata/rpmdb.sqlite is pkg/testdata/cbl-mariner-2.0/rpmdb.sqlite of
// github.com/anchore/go-rpmdb v0.2.0 (MIT).
func TestPackagesOfAnRPMDatabaseAreListed(t *testing.T) {
	db, err := os.ReadFile("testdata/rpmdb.sqlite")
	if err != nil {
		t.Fatal(err)
	}
	index := mutate.AppendManifests(empty.Index, mutate.IndexAddendum{Add: imageWith(t, "amd64", map[string][]byte{
		"var/lib/rpm/rpmdb.sqlite": db, "etc/os-release": []byte("ID=mariner\nVERSION_ID=2.0\n")})})
	var out, complaints bytes.Buffer
	if code := run(context.Background(), []string{"--strict", pushed(t, index)}, &out, &complaints); code != 0 {
		t.Fatalf("exit code %d: %s", code, &complaints)
	}
	if n := strings.Count(out.String(), `"purl":"pkg:rpm/mariner/`); n < 20 {
		t.Errorf("%d packages in %.2000s", n, &out)
	}
}
