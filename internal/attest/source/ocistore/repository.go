package ocistore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"

	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/httpguard"
)

// Repository reads one repository of a registry.
type Repository struct {
	repo      name.Repository
	puller    *remote.Puller
	transport http.RoundTripper // with credentials
	guard     *httpguard.Guard
	left      *atomic.Int64 // bytes of evidence that may still be read
}

// Get reads the manifest that a tag or digest names.
func (r *Repository) Get(ctx context.Context, ref name.Reference) (*remote.Descriptor, error) {
	return r.puller.Get(ctx, ref)
}

// Wait sleeps before a round of asking again, and no shorter than the registry asked
// for with the error that is the reason.
func (r *Repository) Wait(ctx context.Context, round int, why error) error {
	var refused *httpguard.Refused
	if errors.As(why, &refused) {
		if r.guard.Whole > 0 && refused.Wait >= r.guard.Whole {
			return why // it would not be asked again in time
		}
		return r.guard.Wait(ctx, round, refused.Wait)
	}
	return r.guard.Wait(ctx, round, 0)
}

// Manifest implements Store.
func (r *Repository) Manifest(ctx context.Context, digest string) ([]byte, error) {
	desc, err := r.puller.Get(ctx, r.repo.Digest(digest))
	if err != nil {
		return nil, err
	}
	return desc.Manifest, nil
}

// Attachments reads the images that cosign stores attestations and signatures in,
// under the tags that the digest names. No such tag means no attachments.
func (r *Repository) Attachments(ctx context.Context, digest string) ([]attest.Envelope, error) {
	d := r.repo.Digest(digest)
	var envelopes []attest.Envelope
	for _, tagged := range []func(name.Reference, ...ociremote.Option) (name.Tag, error){ociremote.AttestationTag, ociremote.SignatureTag} {
		tag, err := tagged(d)
		if err != nil {
			return envelopes, fmt.Errorf("naming the attachments of %s: %w", d, err)
		}
		desc, err := r.puller.Get(ctx, tag)
		if httpguard.SaysGone(err) {
			continue
		}
		if err != nil {
			return envelopes, fmt.Errorf("reading %s: %w", tag, err)
		}
		more, err := Layers(ctx, r, tag.String(), desc.Manifest)
		envelopes = append(envelopes, more...)
		if err != nil {
			return envelopes, err
		}
	}
	return envelopes, nil
}

// Referrers reads the manifests that name a digest as their subject.
func (r *Repository) Referrers(ctx context.Context, digest string) ([]attest.Envelope, error) {
	list, _, err := r.List(ctx, digest)
	if err != nil {
		return nil, fmt.Errorf("listing referrers of %s: %w", r.repo.Digest(digest), err)
	}
	return Referred(ctx, r, list)
}

// List lists the referrers of a digest, and tells whether the list is that of the
// fallback tag. OCI distribution specification 1.1, section "Listing Referrers": a
// registry without the API answers 404, and clients then read the index under the tag
// that the digest names.
func (r *Repository) List(ctx context.Context, digest string) (entries []v1.Descriptor, fallback bool, err error) {
	entries, without, err := r.api(ctx, digest)
	if err != nil || without == nil {
		return entries, false, err
	}
	tag := r.repo.Tag(strings.Replace(digest, ":", "-", 1))
	desc, err := r.puller.Get(ctx, tag)
	switch {
	case httpguard.SaysGone(err) && without.clear:
		return nil, true, nil
	case httpguard.SaysGone(err):
		return nil, true, fmt.Errorf("%w: the referrers API answers %s, and there is no tag %s in its place", httpguard.ErrForeign, without.answer, tag)
	case err != nil:
		return nil, true, err
	case desc.Digest.String() == digest:
		// Some registries take the tag for the digest and answer with the subject.
		return nil, true, nil
	case desc.MediaType != types.OCIImageIndex:
		return nil, true, fmt.Errorf("the tag %s holds a %.100q, not an index", tag, desc.MediaType)
	}
	entries, err = Entries(desc.Manifest, nil)
	return entries, true, err
}

// absence is how a registry says that it has no referrers API. It is clear where
// nothing else is meant by it: then the tag alone tells what there is.
type absence struct {
	answer string
	clear  bool
}

// api asks the referrers API, page by page.
func (r *Repository) api(ctx context.Context, digest string) ([]v1.Descriptor, *absence, error) {
	client := http.Client{Transport: r.transport, CheckRedirect: func(req *http.Request, via []*http.Request) error {
		if req.URL.Host != via[0].URL.Host {
			return httpguard.ErrRedirect
		}
		return nil // how often is bounded by the guard
	}}
	next := &url.URL{Scheme: r.repo.Scheme(), Host: r.repo.RegistryStr(), Path: "/v2/" + r.repo.RepositoryStr() + "/referrers/" + digest}
	var list []v1.Descriptor
	for page := 1; next != nil; page++ {
		if page > MaxPages {
			return nil, nil, fmt.Errorf("more than %d pages", MaxPages)
		}
		raw, resp, err := ask(ctx, &client, next)
		if err != nil {
			return nil, nil, err
		}
		if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); resp.StatusCode != http.StatusOK || kind != string(types.OCIImageIndex) {
			if page > 1 {
				return nil, nil, fmt.Errorf("page %d is a %d with a body of type %.100q, not an index", page, resp.StatusCode, kind)
			}
			// Artifactory answers 406 where it has no such API.
			clear := resp.StatusCode == http.StatusNotFound || resp.StatusCode == http.StatusNotAcceptable
			return nil, &absence{fmt.Sprintf("%d with a body of type %.100q", resp.StatusCode, kind), clear}, nil
		}
		if list, err = Entries(raw, list); err != nil {
			return nil, nil, err
		}
		if next, err = nextPage(resp.Header, next); err != nil {
			return nil, nil, err
		}
	}
	return list, nil, nil
}

// ask gets one page. Answers that say that there is no such API come back without
// error.
func ask(ctx context.Context, client *http.Client, from *url.URL) ([]byte, *http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Accept", string(types.OCIImageIndex))
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	if err := transport.CheckError(resp, http.StatusOK, http.StatusNotFound, http.StatusBadRequest, http.StatusNotAcceptable); err != nil {
		return nil, nil, err
	}
	raw, err := io.ReadAll(resp.Body) // bounded by the guard
	return raw, resp, err
}

// nextPage finds the next page of a list, nil after the last. OCI distribution
// specification, section "Listing Referrers", and RFC 8288: a Link with rel="next".
func nextPage(h http.Header, from *url.URL) (*url.URL, error) {
	for _, value := range h.Values("Link") {
		target, parameters, ok := strings.Cut(strings.TrimPrefix(strings.TrimSpace(value), "<"), ">")
		if rel := strings.ReplaceAll(strings.ReplaceAll(parameters, " ", ""), `"`, ""); !ok || !strings.Contains(rel+";", ";rel=next;") {
			continue
		}
		next, err := from.Parse(target)
		if err != nil {
			return nil, fmt.Errorf("reading the link to the next page: %.200q is no address", target)
		}
		if next.Host != from.Host {
			return nil, fmt.Errorf("reading the link to the next page: %w", httpguard.ErrRedirect)
		}
		next.Scheme = from.Scheme // behind a proxy that ends TLS, registries write the wrong one
		return next, nil
	}
	return nil, nil
}

// maxGrow is the memory that is taken on the word of a manifest alone: twice what an
// SBOM of 10,000 components needs. A larger blob takes more as it arrives.
const maxGrow = 16 << 20

// Blob implements Store.
func (r *Repository) Blob(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	ref := r.repo.Digest(d.Digest.String())
	if err := fits(d, r.left); err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	for attempt := 1; ; attempt++ {
		data, err := r.read(ctx, ref, d.Size)
		if err == nil {
			return data, nil
		}
		if attempt == httpguard.Attempts || !errors.Is(err, httpguard.ErrCut) || r.guard.Wait(ctx, attempt, 0) != nil {
			return nil, fmt.Errorf("reading %s: %w", ref, err)
		}
	}
}

// read reads one blob. The manifest says how large it is; no byte beyond that is
// read, and the digest is checked at the end.
func (r *Repository) read(ctx context.Context, ref name.Digest, size int64) ([]byte, error) {
	layer, err := r.puller.Layer(ctx, ref)
	if err != nil {
		return nil, err
	}
	body, err := layer.Compressed()
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var data bytes.Buffer
	data.Grow(int(min(size, maxGrow)) + bytes.MinRead)
	_, err = data.ReadFrom(io.LimitReader(body, size+1))
	switch n := int64(data.Len()); {
	case n < size && ctx.Err() == nil:
		return nil, fmt.Errorf("%w after %d of %d bytes", httpguard.ErrCut, n, size)
	case err != nil:
		return nil, err
	case n != size:
		return nil, fmt.Errorf("it is longer than the %d bytes that its manifest states", size)
	}
	return data.Bytes(), nil
}
