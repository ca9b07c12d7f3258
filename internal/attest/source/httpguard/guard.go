// Package httpguard is what every request to a registry goes through. It bounds
// redirects and answers, keeps credentials with their host, tries again what may
// pass, and names what happened when it does not.
package httpguard

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Bounds on what a registry may make us do.
const (
	// MaxRedirects from one request. Registries send a blob's reader to a store, and
	// that one sometimes to a region.
	MaxRedirects = 5
	// MaxAnswerBytes bounds every answer but a blob, after decompression. The OCI
	// distribution specification asks registries to take manifests of 4 MiB.
	MaxAnswerBytes = 4 << 20
	// Attempts are made for one request. With the default delay the waits add up to
	// about a second and a half, so that many faults still fit in one look-up.
	Attempts = 4

	defaultDelay = 200 * time.Millisecond
	// shares is how many silent attempts fit in the whole time: a registry whose
	// first replica hangs is asked again while there is time left.
	shares = 3
)

// Guard is a transport for one look-up.
type Guard struct {
	Inner http.RoundTripper
	Delay time.Duration // before the second attempt; zero: 200 ms
	Whole time.Duration // that the look-up may take; a third of it is the longest silence
}

// RoundTrip implements http.RoundTripper. A failure that may pass is tried again and
// comes back as an error when it stays, never as an answer.
func (g *Guard) RoundTrip(req *http.Request) (*http.Response, error) {
	if !mayFollow(req) {
		return nil, ErrRedirect
	}
	sent := withoutForeignCredentials(req)
	for attempt := 1; ; attempt++ {
		resp, err := g.try(sent)
		asked := time.Duration(0)
		if err == nil && temporary(resp.StatusCode) {
			resp.Body.Close()
			asked = retryAfter(resp.Header)
			err = &Refused{Code: resp.StatusCode, Wait: asked}
		}
		switch {
		case err == nil:
			resp.Request = req // with the redirects that led here
			return resp, nil
		case attempt == Attempts, !passing(err), !repeatable(req), g.Whole > 0 && asked >= g.Whole:
			return nil, err
		case g.Wait(req.Context(), attempt, asked) != nil:
			return nil, err // why it was not tried again is in the context
		}
		if sent, err = again(sent); err != nil {
			return nil, err
		}
	}
}

// first is the request that the caller made, before any redirect.
func first(req *http.Request) *http.Request {
	for req.Response != nil && req.Response.Request != nil {
		req = req.Response.Request
	}
	return req
}

// mayFollow tells whether a redirect is within its bounds. RFC 9110, section 15.4,
// leaves both to the client: how many, and whether out of TLS.
func mayFollow(req *http.Request) bool {
	redirects := 0
	for from := req.Response; from != nil && from.Request != nil; from = from.Request.Response {
		redirects++
		if redirects > MaxRedirects || from.Request.URL.Scheme == "https" && req.URL.Scheme != "https" {
			return false
		}
	}
	return true
}

// withoutForeignCredentials drops credentials that were given for the host that
// redirected here. Ports count: another port is another server.
func withoutForeignCredentials(req *http.Request) *http.Request {
	origin := first(req)
	value := req.Header.Get("Authorization")
	if value == "" || origin.URL.Host == req.URL.Host || value != origin.Header.Get("Authorization") {
		return req
	}
	clean := req.Clone(req.Context())
	clean.Header.Del("Authorization")
	return clean
}

// repeatable tells whether a request may be made twice: one that reads, or one that
// puts a document whose name is its digest or tag.
func repeatable(req *http.Request) bool {
	return req.Method == http.MethodGet || req.Method == http.MethodHead ||
		req.Method == http.MethodPut && req.GetBody != nil
}

// again is the same request with its body from the start.
func again(req *http.Request) (*http.Request, error) {
	if req.GetBody == nil {
		return req, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, err
	}
	next := req.Clone(req.Context())
	next.Body = body
	return next, nil
}

// try makes one attempt. All answers but blobs are read here, so that one that
// breaks off is an attempt that failed.
func (g *Guard) try(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	if silence := g.Whole / shares; silence > 0 && (req.Method == http.MethodGet || req.Method == http.MethodHead) {
		timer := time.AfterFunc(silence, func() { cancel(&Silence{silence}) })
		defer timer.Stop()
	}
	resp, err := g.Inner.RoundTrip(req.WithContext(ctx))
	if err == nil && isBlob(req, resp) {
		resp.Body = &body{resp.Body, cancel}
		return resp, nil
	}
	if err == nil && !temporary(resp.StatusCode) {
		err = keep(req, resp)
	}
	var silence *Silence
	if err != nil && errors.As(context.Cause(ctx), &silence) {
		err = silence
	}
	cancel(nil)
	return resp, err
}

// body ends its attempt when it is closed.
type body struct {
	io.ReadCloser
	cancel context.CancelCauseFunc
}

// Close implements io.Closer.
func (b *body) Close() error {
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}

// isBlob tells answers that callers read by themselves, against a stated size.
func isBlob(req *http.Request, resp *http.Response) bool {
	return req.Method == http.MethodGet && resp.StatusCode == http.StatusOK && strings.Contains(first(req).URL.Path, "/blobs/")
}

// keep reads an answer within its bound.
func keep(req *http.Request, resp *http.Response) error {
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, MaxAnswerBytes+1))
	switch {
	case err != nil:
		return err
	case len(data) > MaxAnswerBytes:
		return ErrTooLarge
	}
	if req.Method == http.MethodGet && resp.StatusCode == http.StatusNotFound && ofManifest(req) {
		if err := ofRegistry(data, resp.Header.Get("Content-Type")); err != nil {
			return err
		}
	}
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return nil
}

// gone are the codes with which registries say that a name or manifest does not
// exist: the OCI distribution specification's, and that of Harbor.
func gone() []string { return []string{"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"} }

// ofRegistry tells a registry's own 404 from that of a proxy before it, which says
// nothing about what the registry holds. OCI distribution specification, section
// "Error Codes": the body lists errors with codes. An answer without body is left to
// the caller.
func ofRegistry(data []byte, contentType string) error {
	if len(data) == 0 {
		return nil
	}
	var answer struct {
		Errors []struct {
			Code string `json:"code"`
		} `json:"errors"`
	}
	if json.Unmarshal(data, &answer) != nil || len(answer.Errors) == 0 {
		kind, _, err := mime.ParseMediaType(contentType)
		if err != nil {
			kind = "unknown"
		}
		return fmt.Errorf("%w: 404 with a body of type %s", ErrForeign, kind)
	}
	for _, e := range answer.Errors {
		if !slices.Contains(gone(), e.Code) {
			return fmt.Errorf("%w: 404 with the code %.40q", ErrForeign, e.Code)
		}
	}
	return nil
}
