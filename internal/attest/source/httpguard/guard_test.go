package httpguard

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gatekeep-dev/gatekeep"
)

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func get(t testing.TB, ctx context.Context, address string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func answer(status int, body string, header ...string) *http.Response {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(strings.NewReader(body))}
}

func TestRedirectsStayWithinTheirBounds(t *testing.T) {
	g := &Guard{Inner: roundTrip(func(*http.Request) (*http.Response, error) { return answer(200, ""), nil })}
	// chain is a request that was redirected through urls.
	chain := func(urls ...string) *http.Request {
		var last *http.Request
		for _, u := range urls {
			req := get(t, t.Context(), u)
			if last != nil {
				req.Response = &http.Response{Request: last}
			}
			last = req
		}
		return last
	}
	many := []string{"https://a.example/"}
	for range MaxRedirects {
		many = append(many, "https://b.example/")
	}
	for _, c := range []struct {
		name string
		req  *http.Request
		ok   bool
	}{
		{"none", chain("https://a.example/"), true},
		{"at the bound", chain(many...), true},
		{"over the bound", chain(append(many, "https://c.example/")...), false},
		{"out of TLS", chain("https://a.example/", "http://a.example/"), false},
		{"out of TLS and back", chain("https://a.example/", "https://b.example/", "http://c.example/"), false},
		{"into TLS", chain("http://127.0.0.1/", "https://a.example/"), true},
	} {
		if _, err := g.RoundTrip(c.req); (err == nil) != c.ok || !c.ok && !errors.Is(err, ErrRedirect) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// net/http keeps credentials within a host name, whatever the port, and with its
// subdomains; a store of blobs is neither the registry nor to be trusted like it.
func TestCredentialsStayWithTheirHost(t *testing.T) {
	var seen []string
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen = append(seen, "other "+r.Header.Get("Authorization"))
	}))
	defer other.Close()
	var registry *httptest.Server
	registry = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, "registry "+r.Header.Get("Authorization"))
		to := other.URL
		if r.URL.Path == "/" {
			to = registry.URL + "/again"
		}
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	}))
	defer registry.Close()
	req := get(t, t.Context(), registry.URL+"/")
	req.Header.Set("Authorization", "Bearer secret")
	client := http.Client{Transport: &Guard{Inner: http.DefaultTransport}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := strings.Join(seen, ", "); got != "registry Bearer secret, registry Bearer secret, other " {
		t.Errorf("seen: %s", got)
	}
	if req.Header.Get("Authorization") == "" {
		t.Error("the request of the caller was changed")
	}
}

// Time is that of the test: nothing sleeps.
func TestWaitsGrowAndHeedWhatWasAsked(t *testing.T) {
	for _, c := range []struct {
		name    string
		header  []string
		least   time.Duration // of all waits together
		most    time.Duration
		asked   int // requests
		message string
	}{
		{"no word", nil, 700 * time.Millisecond, 2100 * time.Millisecond, Attempts, "429 Too Many Requests"},
		{"seconds", []string{"Retry-After", "3"}, 9700 * time.Millisecond, 11100 * time.Millisecond, Attempts, "429 Too Many Requests, asked to wait 3s"},
		{"date", []string{"Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT", "Date", "Fri, 31 Dec 1999 23:59:57 GMT"}, 6700 * time.Millisecond, 8100 * time.Millisecond, Attempts, "429 Too Many Requests, asked to wait 2s"},
		{"date in the past", []string{"Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT", "Date", "Sat, 01 Jan 2000 00:00:00 GMT"}, 700 * time.Millisecond, 2100 * time.Millisecond, Attempts, "429 Too Many Requests"},
		{"date without one to read it against", []string{"Retry-After", "Fri, 31 Dec 2199 23:59:59 GMT"}, 700 * time.Millisecond, 2100 * time.Millisecond, Attempts, "429 Too Many Requests"},
		{"negative", []string{"Retry-After", "-5"}, 700 * time.Millisecond, 2100 * time.Millisecond, Attempts, "429 Too Many Requests"},
		{"longer than there is", []string{"Retry-After", "60"}, 0, 0, 1, "429 Too Many Requests, asked to wait 1m0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked := 0
				g := &Guard{Whole: time.Minute, Inner: roundTrip(func(*http.Request) (*http.Response, error) {
					asked++
					return answer(http.StatusTooManyRequests, "", c.header...), nil
				})}
				start := time.Now()
				_, err := g.RoundTrip(get(t, t.Context(), "https://a.example/v2/"))
				var refused *Refused
				if !errors.As(err, &refused) || err.Error() != c.message || asked != c.asked {
					t.Errorf("%d requests, %v", asked, err)
				}
				if waited := time.Since(start); waited < c.least || waited > c.most {
					t.Errorf("waited %s", waited)
				}
			})
		})
	}
}

func TestWaitEndsWithTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		g := &Guard{Whole: time.Minute, Inner: roundTrip(func(*http.Request) (*http.Response, error) {
			return answer(http.StatusServiceUnavailable, "", "Retry-After", "20"), nil
		})}
		start := time.Now()
		_, err := g.RoundTrip(get(t, ctx, "https://a.example/v2/"))
		if err == nil || Reason(err) != gatekeep.ReasonSourceUnreachable || time.Since(start) != time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
	})
}

func TestSilentReplicaIsLeftForAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		g := &Guard{Whole: 30 * time.Second, Inner: roundTrip(func(req *http.Request) (*http.Response, error) {
			if asked++; asked == 1 {
				<-req.Context().Done()
				return nil, req.Context().Err()
			}
			return answer(200, "ok"), nil
		})}
		resp, err := g.RoundTrip(get(t, t.Context(), "https://a.example/v2/app/manifests/1"))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "ok" || asked != 2 {
			t.Errorf("%d requests, %q, %v", asked, text, err)
		}
		asked = -100 // never answers
		silent := &Guard{Whole: 30 * time.Second, Inner: roundTrip(func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		})}
		if _, err := silent.RoundTrip(get(t, t.Context(), "https://a.example/v2/")); err == nil || err.Error() != "no answer within 10s" {
			t.Errorf("got %v", err)
		}
	})
}

// Reading a blob may take the whole time; only its first byte may not.
func TestSlowBlobIsNotSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Guard{Whole: 3 * time.Second, Inner: roundTrip(func(req *http.Request) (*http.Response, error) {
			r, w := io.Pipe()
			go func() {
				for range 5 {
					time.Sleep(500 * time.Millisecond)
					if _, err := w.Write([]byte("x")); err != nil || req.Context().Err() != nil {
						w.CloseWithError(errors.Join(err, req.Context().Err()))
						return
					}
				}
				w.Close()
			}()
			return &http.Response{StatusCode: 200, Body: r}, nil
		})}
		resp, err := g.RoundTrip(get(t, t.Context(), "https://a.example/v2/app/blobs/sha256:0"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if text, err := io.ReadAll(resp.Body); err != nil || string(text) != "xxxxx" {
			t.Errorf("%q, %v", text, err)
		}
	})
}

func TestOnlyWhatMayPassIsTriedAgain(t *testing.T) {
	put := func(body io.Reader) *http.Request {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "https://a.example/v2/app/manifests/1", body)
		if err != nil {
			t.Fatal(err)
		}
		return req
	}
	post := put(nil)
	post.Method = http.MethodPost
	for _, c := range []struct {
		name  string
		req   *http.Request
		err   error // instead of a 503
		asked int
	}{
		{"get", get(t, t.Context(), "https://a.example/"), nil, Attempts},
		{"put of a document", put(bytes.NewReader([]byte("{}"))), nil, Attempts},
		{"put of a stream", put(io.MultiReader(strings.NewReader("{}"))), nil, 1},
		{"post", post, nil, 1},
		{"reset", get(t, t.Context(), "https://a.example/"), io.ErrUnexpectedEOF, Attempts},
		{"plain text", get(t, t.Context(), "https://a.example/"), tls.RecordHeaderError{}, 1},
		{"bad certificate", get(t, t.Context(), "https://a.example/"), &tls.CertificateVerificationError{}, 1},
		{"cancelled", get(t, t.Context(), "https://a.example/"), context.Canceled, 1},
	} {
		asked := 0
		g := &Guard{Delay: time.Millisecond, Inner: roundTrip(func(req *http.Request) (*http.Response, error) {
			asked++
			if req.Body != nil {
				if text, err := io.ReadAll(req.Body); err != nil || string(text) != "{}" {
					t.Errorf("%s, request %d: body %q, %v", c.name, asked, text, err)
				}
			}
			return answer(http.StatusServiceUnavailable, ""), c.err
		})}
		if _, err := g.RoundTrip(c.req); err == nil || asked != c.asked {
			t.Errorf("%s: %d requests, %v", c.name, asked, err)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	for path, over := range map[string]error{"/v2/": ErrTooLarge, "/v2/app/manifests/1": ErrTooLarge, "/token": ErrTooLarge, "/v2/app/blobs/sha256:0": nil} {
		g := &Guard{Inner: roundTrip(func(*http.Request) (*http.Response, error) {
			return answer(200, strings.Repeat("x", MaxAnswerBytes+1)), nil
		})}
		if _, err := g.RoundTrip(get(t, t.Context(), "https://a.example"+path)); !errors.Is(err, over) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestReasons(t *testing.T) {
	manifest := get(t, t.Context(), "https://a.example/v2/app/manifests/1")
	token := get(t, t.Context(), "https://a.example/token")
	wrapped := func(err error) error { return &url.Error{Op: "Get", URL: "https://a.example", Err: err} }
	said := []transport.Diagnostic{{Code: transport.ManifestUnknownErrorCode}}
	for _, c := range []struct {
		name string
		err  error
		want gatekeep.Reason
		gone bool
	}{
		{"gone", &transport.Error{StatusCode: 404, Request: manifest, Errors: said}, gatekeep.ReasonNotFound, true},
		{"404 without a word", &transport.Error{StatusCode: 404, Request: manifest}, gatekeep.ReasonNotFound, false},
		{"404 of a token server", &transport.Error{StatusCode: 404, Request: token, Errors: said}, gatekeep.ReasonSourceMalformed, false},
		{"404 of nobody", &transport.Error{StatusCode: 404, Errors: said}, gatekeep.ReasonSourceMalformed, false},
		{"401", &transport.Error{StatusCode: 401}, gatekeep.ReasonSourceDenied, false},
		{"507", &transport.Error{StatusCode: 507}, gatekeep.ReasonSourceUnreachable, false},
		{"410", &transport.Error{StatusCode: 410}, gatekeep.ReasonSourceMalformed, false},
		{"refused", wrapped(&Refused{Code: 429}), gatekeep.ReasonSourceUnreachable, false},
		{"silence", wrapped(&Silence{time.Second}), gatekeep.ReasonSourceUnreachable, false},
		{"redirect", wrapped(ErrRedirect), gatekeep.ReasonSourceMalformed, false},
		{"foreign", wrapped(ErrForeign), gatekeep.ReasonSourceMalformed, false},
		{"line", wrapped(io.EOF), gatekeep.ReasonSourceUnreachable, false},
		{"deadline", context.DeadlineExceeded, gatekeep.ReasonSourceUnreachable, false},
		{"cut", ErrCut, gatekeep.ReasonSourceUnreachable, false},
		{"other", errors.New("a digest that is another"), gatekeep.ReasonSourceMalformed, false},
	} {
		if got := Reason(c.err); got != c.want || SaysGone(c.err) != c.gone {
			t.Errorf("%s: %s, gone %v", c.name, got, SaysGone(c.err))
		}
	}
}
