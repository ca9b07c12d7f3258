package source

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocistore"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// quick reaches a loopback registry without waiting long for anything.
func quick() Registry {
	return Registry{Timeout: 5 * time.Second, RetryDelay: time.Millisecond}
}

// fake is a loopback registry with faults by part of the path.
type fake struct {
	host   string
	inner  http.Handler
	mu     sync.Mutex
	faults map[string]http.HandlerFunc
}

// newFake starts a registry. Without the referrers API it answers as registries do
// that were written before OCI 1.1.
func newFake(t testing.TB, referrersAPI bool) *fake {
	t.Helper()
	inner := registry.New(registry.WithReferrersSupport(referrersAPI), registry.Logger(log.New(io.Discard, "", 0)))
	f := &fake{inner: inner, faults: map[string]http.HandlerFunc{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if h := f.fault(r.URL.Path); h != nil {
			h(w, r)
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.host = strings.TrimPrefix(server.URL, "http://")
	return f
}

func (f *fake) fault(path string) http.HandlerFunc {
	f.mu.Lock()
	defer f.mu.Unlock()
	for part, h := range f.faults {
		if end, exact := strings.CutSuffix(part, "$"); strings.Contains(path, end) && (!exact || strings.HasSuffix(path, end)) {
			return h
		}
	}
	return nil
}

// breakPath makes every request whose path holds part, or ends with it where part ends
// with "$", meet h.
func (f *fake) breakPath(part string, h http.HandlerFunc) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[part] = h
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// page is what a proxy answers in place of the registry.
func page(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(code)
		fmt.Fprint(w, "<html><title>nginx</title></html>")
	}
}

// refuse answers as registries do, with a code.
func refuse(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"errors":[{"code":%q,"message":"no"}]}`, code)
	}
}

// answer writes a body of a media type.
func answer(mediaType string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		if _, err := w.Write(body); err != nil {
			return // the client has gone
		}
	}
}

func (f *fake) ref(t testing.TB, path string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(f.host+"/"+path, name.StrictValidation)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// pushImage stores a random image and returns its digest.
func (f *fake) pushImage(t testing.TB, path string) string {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(f.ref(t, path), image); err != nil {
		t.Fatal(err)
	}
	return hashOf(t, image)
}

func hashOf(t testing.TB, m interface{ Digest() (v1.Hash, error) }) string {
	t.Helper()
	h, err := m.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return h.String()
}

// attach stores documents as cosign does: layers of an image under a tag.
func (f *fake) attach(t testing.TB, repo, subject string, documents ...string) {
	t.Helper()
	image := mutate.MediaType(empty.Image, types.OCIManifestSchema1)
	for _, d := range documents {
		var err error
		if image, err = mutate.AppendLayers(image, static.NewLayer([]byte(d), ocistore.MediaDSSE)); err != nil {
			t.Fatal(err)
		}
	}
	if err := remote.Write(f.ref(t, repo+":"+strings.Replace(subject, ":", "-", 1)+".att"), image); err != nil {
		t.Fatal(err)
	}
}

// referrer is the manifest of a referrer of subject with one layer.
func referrer(t testing.TB, subject string, artifactType string, layer []byte, size int64) []byte {
	t.Helper()
	hash, err := v1.NewHash(subject)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := v1.NewHash(digest.Of(layer))
	if err != nil {
		t.Fatal(err)
	}
	none, err := v1.NewHash(digest.Of([]byte("{}")))
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: artifactType,
		Config:  v1.Descriptor{MediaType: ocistore.MediaEmpty, Digest: none, Size: 2},
		Layers:  []v1.Descriptor{{MediaType: types.MediaType(artifactType), Digest: blob, Size: size}},
		Subject: &v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: hash, Size: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// refer stores a document as a referrer and returns the digest of its manifest.
func (f *fake) refer(t testing.TB, repo, subject, artifactType, document string) string {
	t.Helper()
	for _, blob := range []string{document, "{}"} {
		if err := remote.WriteLayer(f.ref(t, repo+":x").Context(), static.NewLayer([]byte(blob), types.MediaType(artifactType))); err != nil {
			t.Fatal(err)
		}
	}
	manifest := referrer(t, subject, artifactType, []byte(document), int64(len(document)))
	d := digest.Of(manifest)
	if err := remote.Put(f.ref(t, repo+"@"+d), rawManifest(manifest)); err != nil {
		t.Fatal(err)
	}
	return d
}

// imageSubject is an image as Resolve would name it.
func (f *fake) imageSubject(repo, d string) gatekeep.Subject {
	full := f.host + "/" + repo
	return gatekeep.Subject{Kind: gatekeep.KindImage, Name: full, Digest: d, Artifacts: map[string]gatekeep.Artifact{d: {Name: full, CoveredBy: []string{d}}}}
}
