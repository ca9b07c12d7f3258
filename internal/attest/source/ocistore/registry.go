// Package ocistore reads what lies in OCI registries and layouts: manifests, and the
// evidence in their layers. It checks every digest and size, and believes nothing.
package ocistore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/httpguard"
)

// Bounds on what a registry may make us do, besides those of package httpguard.
const (
	// MaxManifestBytes bounds one manifest.
	MaxManifestBytes = httpguard.MaxAnswerBytes
	// MaxLayers bounds one manifest of evidence. cosign attaches one layer an
	// attestation, and pipelines that never clean up reach some dozens.
	MaxLayers = 256
	// MaxReferrers bounds the list for one digest, over all its pages.
	MaxReferrers = 1000
	// MaxPages bounds the pages of that list: even one referrer a page is a list
	// that pages badly, not one that never ends.
	MaxPages = 100
	// MaxEvidenceBytes that are held in memory of one look-up. Many images, with an
	// SBOM of some megabytes for each platform, stay far below.
	MaxEvidenceBytes = 512 << 20
	// DefaultTimeout is for all requests of one look-up.
	DefaultTimeout = 30 * time.Second
)

const userAgent = "gatekeep"

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

// Within bounds the context of one look-up. Its cause names the bound.
func (r Registry) Within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, r.timeout(), &httpguard.Silence{After: r.timeout()})
}

// Why adds to an error that the time of its look-up, bounded by Within, was up.
func Why(ctx context.Context, err error) error {
	var up *httpguard.Silence
	if err == nil || !errors.As(context.Cause(ctx), &up) || httpguard.Reason(err) != gatekeep.ReasonSourceUnreachable {
		return err
	}
	return fmt.Errorf("%w: %w", up, err)
}

func (r Registry) guard() *httpguard.Guard {
	g := &httpguard.Guard{Inner: r.Transport, Delay: r.RetryDelay, Whole: r.timeout()}
	if g.Inner == nil {
		g.Inner = remote.DefaultTransport
	}
	return g
}

// Options are for writing in one look-up. Retrying is left to the guard, which heeds
// the context.
func (r Registry) Options(ctx context.Context) []remote.Option {
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(r.guard()), remote.WithUserAgent(userAgent),
		remote.WithRetryStatusCodes(), remote.WithRetryPredicate(func(error) bool { return false }),
	}
	if r.Keychain != nil {
		options = append(options, remote.WithAuthFromKeychain(r.Keychain))
	}
	return options
}

// Open makes the handshake for one repository, for reading. Evidence that is read
// counts against left, in bytes.
func (r Registry) Open(ctx context.Context, repo name.Repository, left *atomic.Int64) (*Repository, error) {
	auth := authn.Anonymous
	if r.Keychain != nil {
		var err error
		if auth, err = authn.Resolve(ctx, r.Keychain, repo); err != nil {
			return nil, fmt.Errorf("finding credentials for %s: %w", repo, err)
		}
	}
	guard := r.guard()
	inner := transport.NewUserAgent(guard, userAgent)
	authorized, err := transport.NewWithContext(ctx, repo.Registry, auth, inner, []string{repo.Scope(transport.PullScope)})
	if err != nil {
		return nil, err
	}
	puller, err := remote.NewPuller(remote.WithContext(ctx), remote.WithTransport(authorized))
	if err != nil {
		return nil, err
	}
	return &Repository{repo: repo, puller: puller, transport: authorized, guard: guard, left: left}, nil
}
