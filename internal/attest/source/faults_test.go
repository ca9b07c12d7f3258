package source

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocistore"
)

const ociIndex = "application/vnd.oci.image.index.v1+json"

// asked refuses with a wait that is longer than the look-up may take.
func asked(value string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "Fri, 31 Dec 1999 23:59:59 GMT")
		w.Header().Set("Retry-After", value)
		w.WriteHeader(http.StatusTooManyRequests)
	}
}

// reset closes the line without an answer.
func reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// cut promises more than it sends.
func cut(mediaType string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		w.Header().Set("Content-Type", mediaType)
		fmt.Fprint(w, "{")
	}
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// drip sends one byte and then nothing.
func drip(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", ociIndex)
	fmt.Fprint(w, "{")
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func loop(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, r.URL.Path, http.StatusFound)
}

// Each fault has its reason, and none of them reads as "nothing there". Faults that
// stay are named by what the registry said.
func TestFaultsAreNotEmptiness(t *testing.T) {
	huge := answer(ociIndex, []byte(strings.Repeat(" ", ocistore.MaxManifestBytes+1)+"{}"))
	const unreachable, malformed, denied = gatekeep.ReasonSourceUnreachable, gatekeep.ReasonSourceMalformed, gatekeep.ReasonSourceDenied
	for _, c := range []struct {
		name   string
		h      http.HandlerFunc
		reason gatekeep.Reason
		detail string
	}{
		{"401", status(http.StatusUnauthorized), denied, "401"},
		{"403", status(http.StatusForbidden), denied, "403"},
		{"408", status(http.StatusRequestTimeout), unreachable, "408 Request Timeout"},
		{"418", status(http.StatusTeapot), malformed, "418"},
		{"429", status(http.StatusTooManyRequests), unreachable, "429 Too Many Requests"},
		{"429, seconds", asked("30"), unreachable, "429 Too Many Requests, asked to wait 30s"},
		{"429, date", asked("Sat, 01 Jan 2000 00:01:00 GMT"), unreachable, "429 Too Many Requests, asked to wait 1m1s"},
		{"429, nonsense", asked("soon"), unreachable, "429 Too Many Requests"},
		{"500", status(http.StatusInternalServerError), unreachable, "500 Internal Server Error"},
		{"501", status(http.StatusNotImplemented), unreachable, "501"},
		{"502 page", page(http.StatusBadGateway), unreachable, "502 Bad Gateway"},
		{"503", status(http.StatusServiceUnavailable), unreachable, "503 Service Unavailable"},
		{"reset", reset, unreachable, "EOF"},
		{"slow headers", hang, unreachable, "no answer within"},
		{"slow body", drip, unreachable, "no answer within"},
		{"cut off", cut(ociIndex), unreachable, "unexpected EOF"},
		{"redirect loop", loop, malformed, "redirects too often"},
		{"200 page", page(http.StatusOK), malformed, ""},
		{"no JSON", answer(ociIndex, []byte("<html>")), malformed, ""},
		{"duplicate keys", answer(ociIndex, []byte(`{"manifests":[],"manifests":[]}`)), malformed, "duplicate key"},
		{"too large", huge, malformed, "bound"},
	} {
		for what, path := range map[string]string{"referrers": "/referrers/", "cosign attachments": ".att"} {
			t.Run(c.name+" of "+what, func(t *testing.T) {
				t.Parallel()
				f := newFake(t, true)
				d := f.pushImage(t, "app:1")
				f.breakPath(path, c.h)
				r := quick()
				if strings.HasPrefix(c.name, "slow") {
					r.Timeout = 150 * time.Millisecond
				}
				_, reports := OCI{Registry: r, Required: true}.Envelopes(t.Context(), f.imageSubject("app", d))
				got := reportOf(t, reports, what)
				if got.Status != gatekeep.SourceFailed || got.Reason != c.reason || got.Detail == "" || !strings.Contains(got.Detail, c.detail) {
					t.Fatalf("got %+v, want %s, %q", got, c.reason, c.detail)
				}
			})
		}
	}
}

// A registry without the referrers API is told from one that cannot answer: only then
// is the fallback tag asked, and only the registry's own word that there is no such
// tag means that there is nothing.
func TestAnswersInPlaceOfTheReferrersAPI(t *testing.T) {
	for _, c := range []struct {
		name      string
		api, tag  http.HandlerFunc
		tagged    bool // something lies under the fallback tag
		status    string
		reason    gatekeep.Reason
		wantCount int
	}{
		{"404, no tag", refuse(http.StatusNotFound, "NOT_FOUND"), nil, false, gatekeep.SourceEmpty, "", 0},
		{"404 of the router, no tag", http.NotFound, nil, false, gatekeep.SourceEmpty, "", 0},
		{"404, tag", http.NotFound, nil, true, gatekeep.SourceRead, "", 1},
		{"406, no tag", status(http.StatusNotAcceptable), nil, false, gatekeep.SourceEmpty, "", 0},
		{"200 empty", answer(ociIndex, []byte(`{"schemaVersion":2,"manifests":[]}`)), nil, true, gatekeep.SourceEmpty, "", 0},
		{"200 null", answer(ociIndex+"; charset=utf-8", []byte(`{"schemaVersion":2,"manifests":null}`)), nil, true, gatekeep.SourceEmpty, "", 0},
		{"200 without list", answer(ociIndex, []byte(`{}`)), nil, true, gatekeep.SourceFailed, gatekeep.ReasonSourceMalformed, 0},
		{"400, no tag", status(http.StatusBadRequest), nil, false, gatekeep.SourceFailed, gatekeep.ReasonSourceMalformed, 0},
		{"400, tag", status(http.StatusBadRequest), nil, true, gatekeep.SourceRead, "", 1},
		{"200 page, no tag", page(http.StatusOK), nil, false, gatekeep.SourceFailed, gatekeep.ReasonSourceMalformed, 0},
		{"200 page, tag", page(http.StatusOK), nil, true, gatekeep.SourceRead, "", 1},
		{"404 page for both", page(http.StatusNotFound), page(http.StatusNotFound), true, gatekeep.SourceFailed, gatekeep.ReasonSourceMalformed, 0},
		{"404, tag without body", http.NotFound, status(http.StatusNotFound), true, gatekeep.SourceFailed, gatekeep.ReasonSourceMalformed, 0},
		{"404, tag refused", http.NotFound, status(http.StatusServiceUnavailable), true, gatekeep.SourceFailed, gatekeep.ReasonSourceUnreachable, 0},
		{"404, tag is no index", http.NotFound, answer("application/vnd.oci.image.manifest.v1+json", []byte(`{}`)), true, gatekeep.SourceFailed, gatekeep.ReasonSourceMalformed, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, false)
			d := f.pushImage(t, "app:1")
			if c.tagged {
				f.refer(t, "app", d, ocistore.MediaBundle, `{"a":1}`)
			}
			f.breakPath("/referrers/", c.api)
			if c.tag != nil {
				f.breakPath("/manifests/"+strings.Replace(d, ":", "-", 1)+"$", c.tag)
			}
			_, reports := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
			if r := reportOf(t, reports, "referrers"); r.Status != c.status || r.Reason != c.reason || r.Count != c.wantCount {
				t.Fatalf("got %+v", r)
			}
		})
	}
}

// Some registries read the fallback tag as the digest, and answer with the subject
// itself: its platforms are not its referrers.
func TestFallbackTagThatIsTheSubjectIsNone(t *testing.T) {
	f := newFake(t, false)
	index, _ := f.pushIndex(t, "app:1")
	for _, d := range []string{index, f.pushImage(t, "app:2")} {
		f.breakPath("/manifests/"+strings.Replace(d, ":", "-", 1)+"$", func(w http.ResponseWriter, r *http.Request) {
			r.URL.Path = "/v2/app/manifests/" + d
			f.inner.ServeHTTP(w, r)
		})
		_, reports := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
		if r := reportOf(t, reports, "referrers"); r.Status != gatekeep.SourceEmpty {
			t.Errorf("got %+v", r)
		}
	}
}

// times answers with a fault for the first requests, and then lets them through.
func (f *fake) times(n int, part string, h http.HandlerFunc) {
	f.breakPath(part, func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		n--
		over := n < 0
		f.mu.Unlock()
		if over {
			f.inner.ServeHTTP(w, r)
			return
		}
		h(w, r)
	})
}

func TestPassingFaultIsTriedAgain(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"500": status(http.StatusInternalServerError), "429": asked("0"), "reset": reset, "cut": cut(ociIndex), "silence": hang,
	} {
		for _, part := range []string{"/referrers/", ".att", "/blobs/", "/v2/$"} {
			t.Run(name+" of "+part, func(t *testing.T) {
				t.Parallel()
				f := newFake(t, true)
				d := f.pushImage(t, "app:1")
				f.attach(t, "app", d, `{"b":2}`)
				f.refer(t, "app", d, ocistore.MediaBundle, `{"a":1}`)
				f.times(1, part, h)
				r := quick()
				if name == "silence" {
					r.Timeout = 450 * time.Millisecond
				}
				envelopes, reports := OCI{Registry: r}.Envelopes(t.Context(), f.imageSubject("app", d))
				if got := bytesOf(envelopes); !slices.Equal(got, []string{`{"a":1}`, `{"b":2}`}) {
					t.Fatalf("found %q, %+v", got, reports)
				}
			})
		}
	}
}

// After refusals the registry's own word still counts, and that of a proxy does not.
func TestNotFoundAfterRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		then   http.HandlerFunc
		status string
	}{
		{"registry", refuse(http.StatusNotFound, "MANIFEST_UNKNOWN"), gatekeep.SourceEmpty},
		{"proxy", page(http.StatusNotFound), gatekeep.SourceFailed},
		{"nobody", status(http.StatusNotFound), gatekeep.SourceFailed},
	} {
		f := newFake(t, true)
		d := f.pushImage(t, "app:1")
		left := 2
		f.breakPath(".att", func(w http.ResponseWriter, r *http.Request) {
			if left--; left >= 0 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			c.then(w, r)
		})
		_, reports := OCI{Registry: quick()}.Envelopes(t.Context(), f.imageSubject("app", d))
		if r := reportOf(t, reports, "cosign attachments"); r.Status != c.status || left >= 0 {
			t.Errorf("%s: got %+v", c.name, r)
		}
	}
}

// A blob that stays shorter than its manifest states broke off; whether by the line or
// by the registry cannot be told.
func TestShortBlobIsUnreachable(t *testing.T) {
	const document = `{"honest":true}`
	slow := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, document[:5])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for name, h := range map[string]http.HandlerFunc{
		"cut": cut("application/octet-stream"), "short": answer("application/octet-stream", []byte(document[:5])), "slow": slow,
	} {
		f := newFake(t, true)
		d := f.pushImage(t, "app:1")
		f.refer(t, "app", d, ocistore.MediaBundle, document)
		asked := 0
		f.breakPath("/blobs/", func(w http.ResponseWriter, r *http.Request) {
			asked++
			h(w, r)
		})
		r := quick()
		if name == "slow" {
			r.Timeout = 100 * time.Millisecond
		}
		envelopes, reports := OCI{Registry: r}.Envelopes(t.Context(), f.imageSubject("app", d))
		got := reportOf(t, reports, "referrers")
		if got.Status != gatekeep.SourceFailed || got.Reason != gatekeep.ReasonSourceUnreachable || len(envelopes) != 0 || (name != "slow") != (asked > 1) {
			t.Errorf("%s: got %+v after %d requests", name, got, asked)
		}
	}
}
