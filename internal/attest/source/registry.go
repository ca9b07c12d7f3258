// Package source holds the places where evidence and subjects lie: files, folders
// and OCI registries. It finds and names things by digest; it believes nothing.
//
// "Nothing there" and "could not look" never mix: a 404 is an empty answer, all
// else is a failure with its reason.
package source

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gatekeep-dev/gatekeep"
)

// Bounds on what a registry may make us do.
const (
	// MaxRedirects from one request. Registries send a blob's reader to a store, and
	// that one sometimes to a region.
	MaxRedirects = 5
	// MaxManifestBytes bounds one manifest. The OCI distribution specification asks
	// registries to take 4 MiB.
	MaxManifestBytes = 4 << 20
	// MaxLayers bounds one manifest of evidence. cosign attaches one layer an
	// attestation, and pipelines that never clean up reach some dozens.
	MaxLayers = 256
	// MaxReferrers bounds the list for one digest.
	MaxReferrers = 1000
	// DefaultTimeout is for all requests of one look-up.
	DefaultTimeout = 30 * time.Second

	attempts          = 3
	defaultRetryDelay = 200 * time.Millisecond
)

// Registry is how registries are reached. The zero value is anonymous, with the
// default time-out.
type Registry struct {
	Keychain   authn.Keychain    // nil: anonymous
	Transport  http.RoundTripper // nil: that of go-containerregistry
	Timeout    time.Duration     // for one look-up; zero: DefaultTimeout
	RetryDelay time.Duration     // before the second attempt; zero: 200 ms
}

func (r Registry) timeout() time.Duration {
	if r.Timeout > 0 {
		return r.Timeout
	}
	return DefaultTimeout
}

// options are for one look-up. Retrying is left to guard, which heeds the context.
func (r Registry) options(ctx context.Context) []remote.Option {
	g := &guard{inner: r.Transport, delay: r.RetryDelay}
	if g.inner == nil {
		g.inner = remote.DefaultTransport
	}
	if g.delay <= 0 {
		g.delay = defaultRetryDelay
	}
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(g), remote.WithUserAgent("gatekeep"),
		remote.WithRetryStatusCodes(), remote.WithRetryPredicate(func(error) bool { return false }),
	}
	if r.Keychain != nil {
		options = append(options, remote.WithAuthFromKeychain(r.Keychain))
	}
	return options
}

// guard is what every request goes through: it bounds redirects, forbids them to
// leave TLS, bounds manifests, and tries again what may pass.
type guard struct {
	inner http.RoundTripper
	delay time.Duration
}

var (
	errRedirect = errors.New("the registry redirects too often, or from https to http")
	errTooLarge = errors.New("the answer is over the bound for a manifest")
)

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	redirects := 0
	for from := req.Response; from != nil && from.Request != nil; from = from.Request.Response {
		redirects++
		if redirects > MaxRedirects || from.Request.URL.Scheme == "https" && req.URL.Scheme != "https" {
			return nil, errRedirect
		}
	}
	for attempt := 1; ; attempt++ {
		resp, err := g.inner.RoundTrip(req)
		again := attempt < attempts && (req.Method == http.MethodGet || req.Method == http.MethodHead) &&
			req.Context().Err() == nil && passing(resp, err)
		if !again {
			if err == nil && isManifest(req.URL.Path) {
				resp.Body = &boundedBody{ReadCloser: resp.Body, left: MaxManifestBytes}
			}
			return resp, err
		}
		if err == nil {
			resp.Body.Close()
		}
		if err := g.wait(req.Context(), attempt); err != nil {
			return nil, err
		}
	}
}

// wait sleeps before another attempt: three times as long each time, give or take
// a half so that clients do not return in step.
func (g *guard) wait(ctx context.Context, attempt int) error {
	delay := g.delay
	for range attempt - 1 {
		delay *= 3
	}
	timer := time.NewTimer(delay/2 + rand.N(delay))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// passing tells whether an answer may be another one in a moment. A plain-text
// registry that is asked in TLS will answer the same again, and the client asks
// every local registry so before it asks in plain text.
func passing(resp *http.Response, err error) bool {
	if err != nil {
		var plain tls.RecordHeaderError
		return !errors.As(err, &plain) && !errors.Is(err, http.ErrSchemeMismatch)
	}
	return temporary(resp.StatusCode)
}

func temporary(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

func isManifest(path string) bool {
	return strings.Contains(path, "/manifests/") || strings.Contains(path, "/referrers/")
}

// boundedBody fails when more is read than the bound, before it is kept.
type boundedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *boundedBody) Read(p []byte) (int, error) {
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n, errTooLarge
	}
	return n, err
}

// classify finds the reason for an error of a look-up.
func classify(err error) gatekeep.Reason {
	var status *transport.Error
	var network net.Error
	var request *url.Error
	switch {
	case errors.Is(err, errRedirect), errors.Is(err, errTooLarge):
		return gatekeep.ReasonSourceMalformed
	case errors.As(err, &status):
		return reasonOfStatus(status.StatusCode)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return gatekeep.ReasonSourceTimeout
	case errors.Is(err, context.Canceled), errors.As(err, &request), errors.As(err, &network),
		errors.Is(err, io.ErrUnexpectedEOF):
		return gatekeep.ReasonSourceUnreachable
	}
	// What is left is an answer that came and does not hold: a digest or size that
	// is not the promised one, JSON that is none.
	return gatekeep.ReasonSourceMalformed
}

func reasonOfStatus(status int) gatekeep.Reason {
	switch {
	case status == http.StatusNotFound:
		return gatekeep.ReasonNotFound
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return gatekeep.ReasonSourceDenied
	case status == http.StatusTooManyRequests:
		return gatekeep.ReasonSourceLimited
	case status == http.StatusRequestTimeout, status == http.StatusGatewayTimeout:
		return gatekeep.ReasonSourceTimeout
	case status >= 500:
		return gatekeep.ReasonSourceUnreachable
	}
	return gatekeep.ReasonSourceMalformed
}

// ResolveError is a subject that could not be named by digest. ReasonNotFound says
// that it does not exist; every other reason, that it could not be looked at.
type ResolveError struct {
	Ref    string
	Reason gatekeep.Reason
	Err    error
}

// Error names the subject and what happened.
func (e *ResolveError) Error() string {
	return fmt.Sprintf("resolving subject %s: %s: %v", e.Ref, e.Reason, e.Err)
}

// Unwrap returns the cause.
func (e *ResolveError) Unwrap() error { return e.Err }
