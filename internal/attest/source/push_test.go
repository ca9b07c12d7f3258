package source

import (
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/httpguard"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocistore"
)

const keyBundle = `{"mediaType":"` + ocistore.MediaBundle + `","verificationMaterial":{"publicKey":{"hint":"k"}},` +
	`"dsseEnvelope":{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AA=="}]}}`

func TestPushedBundleIsFoundAgain(t *testing.T) {
	for _, api := range []bool{true, false} {
		f := newFake(t, api)
		d := f.pushImage(t, "app:1")
		first, err := Push(t.Context(), f.host+"/app:1", []byte(keyBundle), "https://example.com/type", quick())
		if err != nil {
			t.Fatal(err)
		}
		again, err := Push(t.Context(), f.host+"/app@"+d, []byte(keyBundle), "https://example.com/type", quick())
		if err != nil || again != first {
			t.Fatalf("pushed twice: %s and %s, %v", first, again, err)
		}
		second := strings.Replace(keyBundle, `"k"`, `"j"`, 1)
		if _, err := Push(t.Context(), f.host+"/app:1", []byte(second), "https://example.com/type", quick()); err != nil {
			t.Fatal(err)
		}
		envelopes, reports := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
		want := []string{keyBundle, second}
		slices.Sort(want)
		if got := bytesOf(envelopes); !slices.Equal(got, want) || reportOf(t, reports, "referrers").Status != gatekeep.SourceRead {
			t.Errorf("referrers API %v: found %q", api, got)
		}
	}
}

func TestPushThatIsNotListedFails(t *testing.T) {
	f := newFake(t, true)
	f.pushImage(t, "app:1")
	f.breakPath("/referrers/", answer("application/vnd.oci.image.index.v1+json", []byte(`{"schemaVersion":2,"manifests":[]}`)))
	if _, err := Push(t.Context(), f.host+"/app:1", []byte(keyBundle), "t", quick()); err == nil || !strings.Contains(err.Error(), "does not list it") {
		t.Fatalf("got %v", err)
	}
}

func TestPushRefusesWhatItCannotStore(t *testing.T) {
	f := newFake(t, true)
	f.pushImage(t, "app:1")
	for name, c := range map[string]struct{ ref, bundle string }{
		"no bundle":   {f.host + "/app:1", `{}`},
		"no image":    {f.host + "/none:1", keyBundle},
		"no tag":      {f.host + "/app", keyBundle},
		"no registry": {"127.0.0.1:1/app:1", keyBundle},
	} {
		if _, err := Push(t.Context(), c.ref, []byte(c.bundle), "t", quick()); err == nil || !strings.HasPrefix(err.Error(), "pushing bundle to ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	f.breakPath("/blobs/uploads", status(http.StatusForbidden))
	if _, err := Push(t.Context(), f.host+"/app:1", []byte(keyBundle), "t", quick()); err == nil {
		t.Error("pushed without the right to")
	}
}

// A registry that is busy for a moment refuses single requests of an upload, and those
// of no other kind can be repeated.
func TestBusyRegistryIsAskedAgainForAnUpload(t *testing.T) {
	for _, code := range []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable} {
		f := newFake(t, true)
		f.pushImage(t, "app:1")
		refused := 0
		f.breakPath("/blobs/uploads", func(w http.ResponseWriter, r *http.Request) {
			if refused < 2 {
				refused++
				w.WriteHeader(code)
				return
			}
			f.inner.ServeHTTP(w, r)
		})
		if _, err := Push(t.Context(), f.host+"/app:1", []byte(keyBundle), "t", quick()); err != nil || refused != 2 {
			t.Errorf("%d: refused %d times, %v", code, refused, err)
		}
		f.breakPath("/blobs/uploads", status(code))
		other := strings.Replace(keyBundle, `"k"`, `"busy"`, 1)
		if _, err := Push(t.Context(), f.host+"/app:1", []byte(other), "t", quick()); err == nil || !strings.Contains(err.Error(), http.StatusText(code)) {
			t.Errorf("%d for good: %v", code, err)
		}
	}
}

// Documents beside an image may lie in another repository, of another registry.
func TestAttachedElsewhereNamesTheSameImage(t *testing.T) {
	for _, api := range []bool{true, false} {
		home, archive := newFake(t, true), newFake(t, api)
		d := home.pushImage(t, "app:1")
		docs := []Referrer{
			{MediaType: "application/vnd.example+zip", Annotations: map[string]string{"a": "b"}, Data: []byte("one")},
			{MediaType: "application/vnd.example+zip", Data: []byte("two")},
		}
		pushed, err := Attach(t.Context(), home.host+"/app@"+d, archive.host+"/kept/app", docs, quick())
		if err != nil || len(pushed) != 2 || pushed[0] == pushed[1] {
			t.Fatalf("referrers API %v: %v, %v", api, pushed, err)
		}
		repo, err := quick().Open(t.Context(), archive.ref(t, "kept/app:x").Context(), new(atomic.Int64))
		if err != nil {
			t.Fatal(err)
		}
		entries, fallback, err := repo.List(t.Context(), d)
		if err != nil || len(entries) != 2 || fallback == api {
			t.Errorf("referrers API %v: %d entries, fallback %v, %v", api, len(entries), fallback, err)
		}
		if manifest, err := repo.Manifest(t.Context(), pushed[0]); err != nil || !strings.Contains(string(manifest), `"annotations":{"a":"b"}`) || !strings.Contains(string(manifest), d) {
			t.Errorf("%s, %v", manifest, err)
		}
		if found, _ := (OCI{Registry: quick()}).Envelopes(t.Context(), home.imageSubject("app", d)); len(found) != 0 {
			t.Errorf("the image's own repository has %d", len(found))
		}
	}
	f, mirror := newFake(t, true), newFake(t, true)
	f.pushImage(t, "app:1")
	doc := []Referrer{{MediaType: "application/vnd.example+zip", Data: []byte("one")}}
	if _, err := Attach(t.Context(), f.host+"/app:1", mirror.host+"/app", doc, quick()); err != nil {
		t.Errorf("of a tag: %v", err)
	}
	copied := mirror.pushImage(t, "copy:1")
	if _, err := Attach(t.Context(), "127.0.0.1:1/app@"+copied, mirror.host+"/copy", doc, quick()); err != nil {
		t.Errorf("beside a copy, with the image's own registry gone: %v", err)
	}
	if _, err := Attach(t.Context(), f.host+"/app:1", "Not A Repository", nil, quick()); err == nil {
		t.Error("attached nowhere")
	}
}

func TestUploadWaitsAsLongAsItIsAsked(t *testing.T) {
	for asked, want := range map[string]int{"0": httpguard.Attempts, "3600": 1} {
		f := newFake(t, true)
		f.pushImage(t, "app:1")
		uploads := 0
		f.breakPath("/blobs/uploads", func(w http.ResponseWriter, _ *http.Request) {
			uploads++
			w.Header().Set("Retry-After", asked)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		if _, err := Push(t.Context(), f.host+"/app:1", []byte(keyBundle), "t", quick()); err == nil || uploads != want {
			t.Errorf("asked to wait %s s: %d uploads, %v", asked, uploads, err)
		}
	}
}
