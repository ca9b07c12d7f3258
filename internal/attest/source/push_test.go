package source

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
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
