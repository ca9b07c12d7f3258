package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocistore"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// pushIndex stores an index of two platforms with the attestation manifest that
// BuildKit adds, and returns the digests.
func (f *fake) pushIndex(t testing.TB, path string) (index string, platforms []string) {
	t.Helper()
	list := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	add := func(p *v1.Platform, annotations map[string]string) string {
		image, err := random.Image(64, 1)
		if err != nil {
			t.Fatal(err)
		}
		list = mutate.AppendManifests(list, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: p, Annotations: annotations}})
		return hashOf(t, image)
	}
	platforms = append(platforms, add(&v1.Platform{OS: "linux", Architecture: "amd64"}, nil))
	platforms = append(platforms, add(&v1.Platform{OS: "linux", Architecture: "arm", Variant: "v7"}, nil))
	add(&v1.Platform{OS: "unknown", Architecture: "unknown"}, map[string]string{"vnd.docker.reference.type": "attestation-manifest"})
	if err := remote.WriteIndex(f.ref(t, path), list); err != nil {
		t.Fatal(err)
	}
	return hashOf(t, list), platforms
}

func TestImageIsItsOwnArtifact(t *testing.T) {
	f := newFake(t, true)
	d := f.pushImage(t, "team/app:1.2")
	want := f.imageSubject("team/app", d)
	for _, ref := range []string{f.host + "/team/app:1.2", f.host + "/team/app@" + d} {
		got, err := Resolve(t.Context(), ref, quick())
		if err != nil {
			t.Fatal(err)
		}
		want.Ref = ref
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestIndexStandsForEachOfItsPlatforms(t *testing.T) {
	f := newFake(t, true)
	index, platforms := f.pushIndex(t, "app:1")
	got, err := Resolve(t.Context(), f.host+"/app:1", quick())
	if err != nil {
		t.Fatal(err)
	}
	repo := f.host + "/app"
	want := gatekeep.Subject{Kind: gatekeep.KindIndex, Name: repo, Ref: repo + ":1", Digest: index, Artifacts: map[string]gatekeep.Artifact{
		platforms[0]: {Name: repo, Platform: "linux/amd64", CoveredBy: []string{platforms[0], index}},
		platforms[1]: {Name: repo, Platform: "linux/arm/v7", CoveredBy: []string{platforms[1], index}},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// nest stores an index around another index, depth times.
func (f *fake) nest(t testing.TB, path string, depth int) {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	list := mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{Add: image})
	for range depth {
		list = mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex), mutate.IndexAddendum{Add: list})
	}
	if err := remote.WriteIndex(f.ref(t, path), list); err != nil {
		t.Fatal(err)
	}
}

func TestNestedIndexesAreWalkedToABound(t *testing.T) {
	f := newFake(t, true)
	f.nest(t, "app:ok", MaxNesting-1)
	f.nest(t, "app:deep", MaxNesting)
	got, err := Resolve(t.Context(), f.host+"/app:ok", quick())
	if err != nil {
		t.Fatal(err)
	}
	for d, a := range got.Artifacts {
		if len(a.CoveredBy) != MaxNesting+1 || a.CoveredBy[0] != d || a.CoveredBy[MaxNesting] != got.Digest {
			t.Errorf("covered by %q", a.CoveredBy)
		}
	}
	if _, err := Resolve(t.Context(), f.host+"/app:deep", quick()); err == nil || !strings.Contains(err.Error(), "nested deeper") {
		t.Fatalf("got %v", err)
	}
}

func TestIndexMustHoldWhatCouldRun(t *testing.T) {
	f := newFake(t, true)
	entry := `{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":1,"digest":"` + digest.Of([]byte("x")) + `"`
	attestation := entry + `,"platform":{"os":"unknown","architecture":"unknown"},"annotations":{"vnd.docker.reference.type":"attestation-manifest"}}`
	many := strings.TrimSuffix(strings.Repeat(entry+"},", MaxPlatforms+1), ",")
	const index, image = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
	for _, c := range []struct{ name, mediaType, body, want string }{
		{"empty", index, `{"schemaVersion":2,"manifests":[]}`, "no platform that could run"},
		{"attestations only", index, `{"schemaVersion":2,"manifests":[` + attestation + `]}`, "no platform that could run"},
		{"unknown platform that does not say what it is", index, `{"schemaVersion":2,"manifests":[` + entry + `,"platform":{"os":"unknown","architecture":"unknown"}}]}`, ""},
		{"too many", index, `{"schemaVersion":2,"manifests":[` + many + `]}`, "more than"},
		{"digest of another kind", index, `{"schemaVersion":2,"manifests":[{"mediaType":"` + image + `","size":1,"digest":"sha512:` + strings.Repeat("0", 128) + `"}]}`, "not sha256"},
		{"index that calls itself an image", image, `{"schemaVersion":2,"manifests":[]}`, "its content says otherwise"},
		{"image that calls itself an index", index, `{"schemaVersion":2,"config":{}}`, "its content says otherwise"},
		{"both at once", index, `{"schemaVersion":2,"config":{},"manifests":[]}`, "its content says otherwise"},
		{"old schema", "application/vnd.docker.distribution.manifest.v1+json", `{"schemaVersion":1}`, "no image and no index"},
		{"list", index, `[]`, "not an object"},
		{"duplicate keys", index, `{"manifests":[],"manifests":[` + entry + `}]}`, "duplicate key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f.breakPath("/manifests/case", answer(c.mediaType, []byte(c.body)))
			_, err := Resolve(t.Context(), f.host+"/app:case", quick())
			var failed *ResolveError
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("got %v, want %q", err, c.want)
			case c.want != "" && (!errors.As(err, &failed) || failed.Reason != gatekeep.ReasonSourceMalformed):
				t.Fatalf("reason of %v", err)
			}
		})
	}
}

func TestMissingSubjectIsNotAnUnreachableOne(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	other := referrer(t, digest.Of([]byte("a")), ocistore.MediaDSSE, []byte("{}"), 2)
	for _, c := range []struct {
		name   string
		h      http.HandlerFunc
		reason gatekeep.Reason
	}{
		{"not there", nil, gatekeep.ReasonNotFound},
		{"401", status(http.StatusUnauthorized), gatekeep.ReasonSourceDenied},
		{"403", status(http.StatusForbidden), gatekeep.ReasonSourceDenied},
		{"429", status(http.StatusTooManyRequests), gatekeep.ReasonSourceUnreachable},
		{"404 without body", status(http.StatusNotFound), gatekeep.ReasonNotFound},
		{"404 of a proxy", page(http.StatusNotFound), gatekeep.ReasonSourceMalformed},
		{"404 that means something else", refuse(http.StatusNotFound, "UNSUPPORTED"), gatekeep.ReasonSourceMalformed},
		{"404 of another registry", refuse(http.StatusNotFound, "NOT_FOUND"), gatekeep.ReasonNotFound},
		{"502 of a proxy", page(http.StatusBadGateway), gatekeep.ReasonSourceUnreachable},
		{"500", status(http.StatusInternalServerError), gatekeep.ReasonSourceUnreachable},
		{"hang", hang, gatekeep.ReasonSourceUnreachable},
		{"other bytes than asked for", answer("application/vnd.oci.image.manifest.v1+json", other), gatekeep.ReasonSourceMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t, true)
			if c.h != nil {
				f.breakPath("/manifests/", c.h)
			}
			r := quick()
			if c.name == "hang" {
				r.Timeout = 50 * time.Millisecond
			}
			_, err := Resolve(t.Context(), f.host+"/app@sha256:"+strings.Repeat("1", 64), r)
			var failed *ResolveError
			if !errors.As(err, &failed) || failed.Reason != c.reason {
				t.Fatalf("got %v, want %s", err, c.reason)
			}
		})
	}
	var failed *ResolveError
	if _, err := Resolve(t.Context(), "127.0.0.1:1/app:1", quick()); !errors.As(err, &failed) || failed.Reason != gatekeep.ReasonSourceUnreachable {
		t.Errorf("got %v", err)
	}
	if _, err := Resolve(t.Context(), "./none", quick()); !errors.As(err, &failed) || failed.Reason != gatekeep.ReasonNotFound {
		t.Errorf("got %v", err)
	}
	for _, ref := range []string{"", "app", "UPPER/app:1", "registry.example/app"} {
		if _, err := Resolve(t.Context(), ref, quick()); err == nil || !strings.Contains(err.Error(), "write registry/repository:tag") {
			t.Errorf("%q: got %v", ref, err)
		}
	}
}

// write makes files below dir by their names.
func write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFileIsNamedByItsBytes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"app.bin": "hello"})
	path := filepath.Join(dir, "app.bin")
	got, err := Resolve(t.Context(), path, Registry{})
	if err != nil {
		t.Fatal(err)
	}
	d := digest.Of([]byte("hello"))
	want := gatekeep.Subject{Kind: gatekeep.KindFile, Name: path, Ref: path, Digest: d, Artifacts: map[string]gatekeep.Artifact{d: {Name: path, CoveredBy: []string{d}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	t.Chdir(dir)
	if got, err = Resolve(t.Context(), "app.bin", Registry{}); err != nil || got.Name != "./app.bin" || got.Digest != d {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestFolderIsNamedByItsFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string]string{"a/b.txt": "b", "a.txt": "a", "a-b.txt": "c"})
	name := func() string {
		t.Helper()
		s, err := Resolve(t.Context(), dir, Registry{})
		if err != nil || s.Kind != gatekeep.KindDirectory {
			t.Fatalf("got %+v, %v", s, err)
		}
		return s.Digest
	}
	before := name()
	list, err := json.Marshal([]treeFile{
		{"a-b.txt", false, digest.Of([]byte("c"))[7:]}, {"a.txt", false, digest.Of([]byte("a"))[7:]}, {"a/b.txt", false, digest.Of([]byte("b"))[7:]}})
	if err != nil {
		t.Fatal(err)
	}
	if _, want, err := digest.JCS(json.RawMessage(list)); err != nil || want != before {
		t.Errorf("digest %s, want %s, %v", before, want, err)
	}
	seen := []string{before}
	for what, change := range map[string]func() error{
		"a byte":   func() error { return os.WriteFile(filepath.Join(dir, "a.txt"), []byte("x"), 0o644) },
		"a name":   func() error { return os.Rename(filepath.Join(dir, "a-b.txt"), filepath.Join(dir, "c.txt")) },
		"may run":  func() error { return os.Chmod(filepath.Join(dir, "a/b.txt"), 0o755) },
		"new file": func() error { return os.WriteFile(filepath.Join(dir, "new"), nil, 0o644) },
	} {
		if err := change(); err != nil {
			t.Fatal(err)
		}
		after := name()
		if slices.Contains(seen, after) {
			t.Errorf("%s does not change the digest", what)
		}
		seen = append(seen, after)
	}
	if err := os.Symlink("a.txt", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, "link")} {
		var failed *ResolveError
		if _, err := Resolve(t.Context(), path, Registry{}); !errors.As(err, &failed) || failed.Reason != gatekeep.ReasonSourceMalformed {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

func TestReleaseIsTheUnionOfItsMembers(t *testing.T) {
	f := newFake(t, true)
	image := f.pushImage(t, "app:1")
	index, platforms := f.pushIndex(t, "web:1")
	dir := t.TempDir()
	write(t, dir, map[string]string{"chart.tgz": "chart"})
	t.Chdir(dir)
	release := func(subjects ...string) string {
		text := "version: 1\nname: shop-7\nsubjects:\n"
		for _, s := range subjects {
			text += fmt.Sprintf("  - %s\n", s)
		}
		return text
	}
	refs := []string{f.host + "/app:1", f.host + "/web:1", "./chart.tgz"}
	got, err := ResolveRelease(t.Context(), []byte(release(refs...)), quick())
	if err != nil {
		t.Fatal(err)
	}
	chart := digest.Of([]byte("chart"))
	if got.Kind != gatekeep.KindRelease || got.Name != "shop-7" || len(got.Artifacts) != 4 {
		t.Fatalf("got %+v", got)
	}
	for _, d := range append(platforms, image, chart) {
		if _, ok := got.Artifacts[d]; !ok {
			t.Errorf("%s is missing", d)
		}
	}
	_, want, err := digest.JCS([]releaseMember{{"./chart.tgz", chart}, {f.host + "/app", image}, {f.host + "/web", index}})
	if err != nil || got.Digest != want {
		t.Errorf("digest %s, want %s, %v", got.Digest, want, err)
	}
	slices.Reverse(refs)
	if again, err := ResolveRelease(t.Context(), []byte(release(refs...)), quick()); err != nil || again.Digest != got.Digest {
		t.Errorf("in another order: %s, %v", again.Digest, err)
	}
	var failed *ResolveError
	if _, err := ResolveRelease(t.Context(), []byte(release(f.host+"/none:1")), quick()); !errors.As(err, &failed) || failed.Reason != gatekeep.ReasonNotFound {
		t.Errorf("got %v", err)
	}
	for name, text := range map[string]string{
		"empty": "", "version": "version: 2\nname: a\nsubjects: [./chart.tgz]\n", "no name": "version: 1\nsubjects: [./chart.tgz]\n",
		"no subjects": "version: 1\nname: a\n", "unknown field": "version: 1\nname: a\nsubjects: [./chart.tgz]\nextra: 1\n",
		"second document": release("./chart.tgz") + "---\n{}\n", "twice": release("./chart.tgz", "chart.tgz"),
		"too many": release(slices.Repeat([]string{"./chart.tgz"}, MaxReleaseMembers+1)...), "too large": release("./chart.tgz") + strings.Repeat("#", MaxReleaseBytes),
	} {
		if _, err := ResolveRelease(t.Context(), []byte(text), quick()); err == nil || !strings.HasPrefix(err.Error(), "reading release") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func FuzzRelease(f *testing.F) {
	f.Add([]byte("version: 1\nname: shop\nsubjects: [./a, registry.example/b:1]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		doc, err := decodeRelease(text)
		if err == nil && (doc.Version != 1 || doc.Name == "" || len(doc.Subjects) == 0) {
			t.Fatalf("accepted %+v", doc)
		}
	})
}
