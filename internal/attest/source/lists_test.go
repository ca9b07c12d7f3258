package source

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sigstore/cosign/v2/pkg/oci/static"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/cosign"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocistore"
)

// pages answers the referrers API in pages of one, linked by next.
func (f *fake) pages(t *testing.T, entries []v1.Descriptor, next func(page int) string) {
	f.breakPath("/referrers/", func(w http.ResponseWriter, r *http.Request) {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		w.Header().Set("Content-Type", ociIndex)
		if link := next(page + 1); link != "" {
			w.Header().Add("Link", `</v2/>; rel="up"`)
			w.Header().Add("Link", link)
		}
		list := v1.IndexManifest{SchemaVersion: 2, MediaType: ociIndex, Manifests: entries[page%len(entries) : page%len(entries)+1]}
		if err := json.NewEncoder(w).Encode(list); err != nil {
			t.Error(err)
		}
	})
}

func TestPagesOfReferrersAreFollowedWithinBounds(t *testing.T) {
	f := newFake(t, true)
	d := f.pushImage(t, "app:1")
	var want []string
	for i := range 4 {
		document := fmt.Sprintf(`{"page":%d}`, i)
		f.refer(t, "app", d, ocistore.MediaBundle, document)
		want = append(want, document)
	}
	index, err := remote.Referrers(f.ref(t, "app@"+d).Context().Digest(d))
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	until := func(last int, format string) func(int) string {
		return func(page int) string {
			if page >= last {
				return ""
			}
			return fmt.Sprintf(format, "/v2/app/referrers/"+d, page)
		}
	}
	for _, c := range []struct {
		name   string
		next   func(int) string
		status string
		detail string
	}{
		{"relative", until(4, `<%s?page=%d>; rel="next"`), gatekeep.SourceRead, ""},
		{"absolute, of another scheme", until(4, `<https://`+f.host+`%s?page=%d>; rel=next; title="x"`), gatekeep.SourceRead, ""},
		{"another host", until(4, `<http://127.0.0.1:1%s?page=%d>; rel="next"`), gatekeep.SourceFailed, "redirect"},
		{"no address", until(4, `<http://[%s?page=%d>; rel="next"`), gatekeep.SourceFailed, "no address"},
		{"without end", until(1<<30, `<%s?page=%d>; rel="next"`), gatekeep.SourceFailed, "more than 100 pages"},
	} {
		f.pages(t, list.Manifests, c.next)
		envelopes, reports := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
		r := reportOf(t, reports, "referrers")
		if r.Status != c.status || !strings.Contains(r.Detail, c.detail) || c.detail == "" && !slices.Equal(bytesOf(envelopes), want) {
			t.Errorf("%s: %+v, %q", c.name, r, bytesOf(envelopes))
		}
	}
	// A page that is not one after others that were is no end of the list.
	f.breakPath("/referrers/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Link", `<?page=1>; rel="next"`)
		answer(ociIndex, []byte(`{"manifests":[]}`))(w, r)
	})
	_, reports := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
	if r := reportOf(t, reports, "referrers"); r.Status != gatekeep.SourceFailed || r.Reason != gatekeep.ReasonSourceMalformed {
		t.Errorf("lost page: %+v", r)
	}
}

// Clients that push at the same moment each read the list under the fallback tag
// before the others write it; all of them must be listed in the end.
func TestConcurrentPushesAllSurvive(t *testing.T) {
	for _, api := range []bool{true, false} {
		f := newFake(t, api)
		d := f.pushImage(t, "app:1")
		tag := "/manifests/" + strings.Replace(d, ":", "-", 1) + "$"
		const clients = 3
		var arrived sync.WaitGroup
		arrived.Add(clients)
		reads := 0
		f.breakPath(tag, func(w http.ResponseWriter, r *http.Request) {
			f.mu.Lock()
			reads++
			first := r.Method == http.MethodGet && reads <= clients
			f.mu.Unlock()
			f.inner.ServeHTTP(w, r)
			if first {
				arrived.Done()
				arrived.Wait() // nobody writes before everybody has read
			}
		})
		access := quick()
		access.RetryDelay = 10 * time.Millisecond
		var pushed sync.WaitGroup
		var want []string
		for i := range clients {
			document := strings.Replace(keyBundle, `"k"`, fmt.Sprintf(`"k%d"`, i), 1)
			want = append(want, document)
			pushed.Go(func() {
				if _, err := Push(t.Context(), f.host+"/app:1", []byte(document), "t", access); err != nil {
					t.Errorf("referrers API %v: %v", api, err)
				}
			})
		}
		pushed.Wait()
		envelopes, _ := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
		if got := bytesOf(envelopes); !slices.Equal(got, want) {
			t.Errorf("referrers API %v: %d of %d survived", api, len(got), clients)
		}
		if !api && reads <= clients {
			t.Error("the clients did not meet")
		}
	}
}

// A client that read the list before the push may write its own after the pushed entry
// was seen once.
func TestPushNoticesALateOverwrite(t *testing.T) {
	f := newFake(t, false)
	d := f.pushImage(t, "app:1")
	tag := strings.Replace(d, ":", "-", 1)
	late := false
	f.breakPath("/manifests/"+tag+"$", func(w http.ResponseWriter, r *http.Request) {
		f.inner.ServeHTTP(w, r)
		if r.Method != http.MethodGet || late {
			return
		}
		index, err := remote.Get(f.ref(t, "app:"+tag), remote.WithTransport(direct(f.inner)))
		if err != nil || !strings.Contains(string(index.Manifest), ocistore.MediaBundle) {
			return // not listed yet
		}
		late = true
		put := httptest.NewRequest(http.MethodPut, "/v2/app/manifests/"+tag, strings.NewReader(`{"schemaVersion":2,"mediaType":"`+ociIndex+`","manifests":[]}`))
		put.Header.Set("Content-Type", ociIndex)
		f.inner.ServeHTTP(httptest.NewRecorder(), put)
	})
	if _, err := Push(t.Context(), f.host+"/app:1", []byte(keyBundle), "t", quick()); err != nil || !late {
		t.Fatalf("overwritten %v, %v", late, err)
	}
	envelopes, _ := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
	if got := bytesOf(envelopes); !slices.Equal(got, []string{keyBundle}) {
		t.Errorf("found %q", got)
	}
}

// direct answers from a handler, past the faults.
func direct(h http.Handler) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		if r.URL.Scheme == "https" {
			return nil, http.ErrSchemeMismatch
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result(), nil
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A proxy's 404 in place of the list must not make a client write a list of its own
// over it.
func TestPushDoesNotOverwriteAListItCouldNotRead(t *testing.T) {
	f := newFake(t, false)
	d := f.pushImage(t, "app:1")
	f.refer(t, "app", d, ocistore.MediaBundle, `{"earlier":1}`)
	written := false
	f.breakPath("/manifests/"+strings.Replace(d, ":", "-", 1)+"$", func(w http.ResponseWriter, r *http.Request) {
		written = written || r.Method == http.MethodPut
		page(http.StatusNotFound)(w, r)
	})
	if _, err := Push(t.Context(), f.host+"/app:1", []byte(keyBundle), "t", quick()); err == nil || written {
		t.Fatalf("written %v, %v", written, err)
	}
}

func TestPushedManifestSaysWhatItHolds(t *testing.T) {
	signature := `{"mediaType":"` + ocistore.MediaBundle + `","verificationMaterial":{"publicKey":{"hint":"k"}},` +
		`"messageSignature":{"messageDigest":{"algorithm":"SHA2_256","digest":"AA=="},"signature":"AA=="}}`
	for document, want := range map[string]map[string]string{
		keyBundle: {"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1"},
		signature: {"dev.sigstore.bundle.content": "message-signature"},
	} {
		f := newFake(t, true)
		f.pushImage(t, "app:1")
		pushed, err := Push(t.Context(), f.host+"/app:1", []byte(document), "https://sigstore.dev/cosign/sign/v1", quick())
		if err != nil {
			t.Fatal(err)
		}
		desc, err := remote.Get(f.ref(t, "app@"+pushed))
		if err != nil {
			t.Fatal(err)
		}
		var m v1.Manifest
		if err := json.Unmarshal(desc.Manifest, &m); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(m.Annotations) != fmt.Sprint(want) || m.ArtifactType != ocistore.MediaBundle || m.Subject == nil {
			t.Errorf("got %+v", m)
		}
	}
}

const simpleSigning = `{"critical":{"identity":{"docker-reference":""},"image":{"docker-manifest-digest":"sha256:0"},"type":"cosign container image signature"},"optional":null}`

func TestImageSignaturesAreFoundWithWhatSignsThem(t *testing.T) {
	f := newFake(t, true)
	d := f.pushImage(t, "app:1")
	f.tag(t, "app", d, ".sig", cosign.MediaSimpleSigning, []byte(simpleSigning), map[string]string{static.SignatureAnnotationKey: "MEUC"}, false)
	envelopes, reports := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
	if r := reportOf(t, reports, "cosign attachments"); r.Status != gatekeep.SourceRead || r.Count != 1 {
		t.Fatalf("got %+v", r)
	}
	if got := string(envelopes[0].Bytes); envelopes[0].MediaType != cosign.MediaSignature ||
		!strings.Contains(got, base64.StdEncoding.EncodeToString([]byte(simpleSigning))) || !strings.Contains(got, `"signature":"MEUC"`) {
		t.Errorf("got %+v", envelopes[0])
	}
	// What cannot be put together is found all the same, and its name says why.
	f.tag(t, "app", d, ".sig", cosign.MediaSimpleSigning, []byte(simpleSigning), map[string]string{static.SignatureAnnotationKey: "MEUC", static.BundleAnnotationKey: "x"}, false)
	envelopes, reports = OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
	if r := reportOf(t, reports, "cosign attachments"); r.Count != 1 || string(envelopes[0].Bytes) != simpleSigning || !strings.Contains(envelopes[0].Name, static.BundleAnnotationKey) {
		t.Errorf("got %+v, %+v", r, envelopes)
	}
}

// cosign can keep its attachments as referrers, and bundles of version 3 are such.
func TestReferrersOfEachKindAreRead(t *testing.T) {
	for _, c := range []struct {
		artifactType string
		found        bool
	}{
		{ocistore.MediaBundle, true}, {"application/vnd.dev.sigstore.bundle+json;version=0.2", true}, {ocistore.MediaDSSE, true},
		{"application/vnd.in-toto+json", true}, {cosign.MediaSimpleSigning, true}, {"application/vnd.cncf.notary.signature", false},
	} {
		f := newFake(t, true)
		d := f.pushImage(t, "app:1")
		f.refer(t, "app", d, c.artifactType, `{"a":1}`)
		envelopes, reports := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
		if r := reportOf(t, reports, "referrers"); r.Status == gatekeep.SourceFailed || len(envelopes) == 1 != c.found {
			t.Errorf("%s: %+v", c.artifactType, r)
		}
	}
}

// signedIn is a keychain with one password.
type signedIn struct{}

func (signedIn) Resolve(authn.Resource) (authn.Authenticator, error) {
	return &authn.Basic{Username: "u", Password: "p"}, nil
}

func TestCredentialsAreUsedForEveryRequest(t *testing.T) {
	f := newFake(t, true)
	d := f.pushImage(t, "app:1")
	f.refer(t, "app", d, ocistore.MediaBundle, `{"a":1}`)
	f.breakPath("/", func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "u" || password != "p" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		f.inner.ServeHTTP(w, r)
	})
	_, reports := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
	if r := reportOf(t, reports, "referrers"); r.Reason != gatekeep.ReasonSourceDenied {
		t.Errorf("without: %+v", r)
	}
	access := quick()
	access.Keychain = signedIn{}
	envelopes, reports := OCI{Registry: access}.Envelopes(t.Context(), f.imageSubject("app", d))
	if r := reportOf(t, reports, "referrers"); r.Status != gatekeep.SourceRead || len(envelopes) != 1 {
		t.Errorf("with: %+v", r)
	}
	if s, err := Resolve(t.Context(), f.host+"/app:1", access); err != nil || s.Digest != d {
		t.Errorf("resolving: %+v, %v", s, err)
	}
}
