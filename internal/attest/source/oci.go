package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	ociremote "github.com/sigstore/cosign/v2/pkg/oci/remote"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Media types of what is read.
const (
	mediaDSSE   = "application/vnd.dsse.envelope.v1+json"
	mediaInToto = "application/vnd.in-toto+json"
	mediaBundle = "application/vnd.dev.sigstore.bundle" // with version before or after "+json"
)

// manifestLimits are those of one manifest. Real ones are four deep.
func manifestLimits() strictjson.Limits {
	return strictjson.Limits{Bytes: MaxManifestBytes, Depth: 32}
}

// OCI finds the attestations that lie in a registry beside an image: those that
// cosign attaches under a tag, and OCI 1.1 referrers, on the index and on each
// platform of it.
type OCI struct {
	Registry Registry
	Required bool // a failure keeps the gate shut
}

// target is one digest in one repository.
type target struct {
	repo   name.Repository
	digest string
}

// concurrent is how many digests are looked up at once; registries limit rates.
const concurrent = 4

// Envelopes implements attest.Source, with two reports for each repository. Kinds
// of subject that lie in no registry get no report.
func (o OCI) Envelopes(ctx context.Context, s gatekeep.Subject) ([]attest.Envelope, []gatekeep.SourceReport) {
	ctx, cancel := context.WithTimeout(ctx, o.Registry.timeout())
	defer cancel()
	targets := targetsOf(s)
	if len(targets) == 0 {
		return nil, nil
	}
	puller, err := remote.NewPuller(o.Registry.options(ctx)...)
	if err != nil {
		return nil, []gatekeep.SourceReport{{Name: s.Name, Status: gatekeep.SourceFailed,
			Reason: gatekeep.ReasonSourceUnreachable, Detail: err.Error(), Required: o.Required}}
	}
	c := &client{puller: puller}
	found := make([]look, 2*len(targets))
	slots := make(chan struct{}, concurrent)
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[2*i] = c.look(ctx, t, "cosign attachments", c.attachments)
			found[2*i+1] = c.look(ctx, t, "referrers", c.referrers)
		})
	}
	wg.Wait()
	return o.report(found)
}

// targetsOf are the digests of a subject that lie in registries, sorted.
func targetsOf(s gatekeep.Subject) []target {
	var targets []target
	add := func(repository, digest string) {
		if isPath(repository) {
			return
		}
		if repo, err := name.NewRepository(repository, name.StrictValidation); err == nil {
			targets = append(targets, target{repo, digest})
		}
	}
	if s.Kind == gatekeep.KindImage || s.Kind == gatekeep.KindIndex {
		add(s.Name, s.Digest)
	}
	for d, a := range s.Artifacts {
		add(a.Name, d)
		for _, covering := range a.CoveredBy {
			add(a.Name, covering)
		}
	}
	slices.SortFunc(targets, func(a, b target) int {
		return strings.Compare(a.repo.Name()+"@"+a.digest, b.repo.Name()+"@"+b.digest)
	})
	return slices.CompactFunc(targets, func(a, b target) bool {
		return a.digest == b.digest && a.repo.Name() == b.repo.Name()
	})
}

// look is what came of one look-up.
type look struct {
	source    string
	envelopes []attest.Envelope
	err       error
}

func (c *client) look(ctx context.Context, t target, what string, read func(context.Context, name.Digest) ([]attest.Envelope, error)) look {
	l := look{source: fmt.Sprintf("%s (%s)", t.repo.Name(), what)}
	l.envelopes, l.err = read(ctx, t.repo.Digest(t.digest))
	for i := range l.envelopes {
		l.envelopes[i].Source = l.source
	}
	return l
}

// report joins the look-ups of each source: it failed if one of them did.
func (o OCI) report(found []look) ([]attest.Envelope, []gatekeep.SourceReport) {
	var envelopes []attest.Envelope
	var reports []gatekeep.SourceReport
	for _, l := range found {
		i := slices.IndexFunc(reports, func(r gatekeep.SourceReport) bool { return r.Name == l.source })
		if i < 0 {
			i = len(reports)
			reports = append(reports, gatekeep.SourceReport{Name: l.source, Status: gatekeep.SourceEmpty, Required: o.Required})
		}
		r := &reports[i]
		envelopes = append(envelopes, l.envelopes...)
		r.Count += len(l.envelopes)
		switch {
		case r.Status == gatekeep.SourceFailed:
		case l.err != nil:
			r.Status, r.Reason, r.Detail = gatekeep.SourceFailed, reasonOfLook(l.err), l.err.Error()
		case r.Count > 0:
			r.Status = gatekeep.SourceRead
		}
	}
	slices.SortFunc(reports, func(a, b gatekeep.SourceReport) int { return strings.Compare(a.Name, b.Name) })
	return envelopes, reports
}

// reasonOfLook is classify for a list that exists: where a listed thing is gone,
// the registry contradicts itself.
func reasonOfLook(err error) gatekeep.Reason {
	if reason := classify(err); reason != gatekeep.ReasonNotFound {
		return reason
	}
	return gatekeep.ReasonSourceMalformed
}

// client reads one registry.
type client struct{ puller *remote.Puller }

func isNotFound(err error) bool {
	var status *transport.Error
	return errors.As(err, &status) && status.StatusCode == http.StatusNotFound
}

// attachments reads the image that cosign stores attestations in, under the tag
// that the digest names. No such tag means no attachments.
func (c *client) attachments(ctx context.Context, d name.Digest) ([]attest.Envelope, error) {
	tag, err := ociremote.AttestationTag(d)
	if err != nil {
		return nil, fmt.Errorf("naming the attachments of %s: %w", d, err)
	}
	desc, err := c.puller.Get(ctx, tag)
	if isNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", tag, err)
	}
	return c.layers(ctx, d.Context(), tag.String(), desc.Manifest)
}

// referrers reads the manifests that name d as their subject. OCI distribution
// specification 1.1: a registry without the referrers API answers 404, and clients
// then read the index under the tag that the digest names.
func (c *client) referrers(ctx context.Context, d name.Digest) ([]attest.Envelope, error) {
	index, err := remote.Referrers(d, remote.Reuse(c.puller), remote.WithContext(ctx))
	if err != nil {
		return nil, fmt.Errorf("listing referrers of %s: %w", d, err)
	}
	raw, err := index.RawManifest()
	if err != nil {
		return nil, fmt.Errorf("listing referrers of %s: %w", d, err)
	}
	var list v1.IndexManifest
	if err := strictjson.Unmarshal(raw, manifestLimits(), &list); err != nil {
		return nil, fmt.Errorf("listing referrers of %s: %w", d, err)
	}
	if len(list.Manifests) > MaxReferrers {
		return nil, fmt.Errorf("listing referrers of %s: %d are over the bound of %d", d, len(list.Manifests), MaxReferrers)
	}
	var envelopes []attest.Envelope
	for _, entry := range list.Manifests {
		// Some registries list no artifact type, or that of the empty config in its
		// place; then only the manifest itself tells.
		if t := entry.ArtifactType; t != "" && t != mediaEmpty && !isEvidence(t) {
			continue
		}
		ref := d.Context().Digest(entry.Digest.String())
		desc, err := c.puller.Get(ctx, ref)
		if err != nil {
			return envelopes, fmt.Errorf("reading referrer %s: %w", ref, err)
		}
		if desc.Size != entry.Size {
			return envelopes, fmt.Errorf("reading referrer %s: it has %d bytes and is listed with %d", ref, desc.Size, entry.Size)
		}
		more, err := c.layers(ctx, d.Context(), entry.Digest.String(), desc.Manifest)
		envelopes = append(envelopes, more...)
		if err != nil {
			return envelopes, err
		}
	}
	return envelopes, nil
}

// isEvidence tells whether a media type is one of an envelope.
func isEvidence(mediaType string) bool {
	return mediaType == mediaDSSE || mediaType == mediaInToto || strings.HasPrefix(mediaType, mediaBundle)
}

// layers reads the layers of one manifest that are envelopes.
func (c *client) layers(ctx context.Context, repo name.Repository, from string, manifest []byte) ([]attest.Envelope, error) {
	var m v1.Manifest
	if err := strictjson.Unmarshal(manifest, manifestLimits(), &m); err != nil {
		return nil, fmt.Errorf("reading manifest %s: %w", from, err)
	}
	if len(m.Layers) > MaxLayers {
		return nil, fmt.Errorf("reading manifest %s: %d layers are over the bound of %d", from, len(m.Layers), MaxLayers)
	}
	var envelopes []attest.Envelope
	for _, layer := range m.Layers {
		if !isEvidence(string(layer.MediaType)) {
			continue
		}
		data, err := c.blob(ctx, repo, layer)
		if err != nil {
			return envelopes, err
		}
		envelopes = append(envelopes, attest.Envelope{Name: from, MediaType: string(layer.MediaType), Bytes: data})
	}
	return envelopes, nil
}

// maxGrow is the memory that is taken on the word of a manifest alone: twice what an
// SBOM of 10,000 components needs. A larger blob takes more as it arrives.
const maxGrow = 16 << 20

// blob reads one blob. The manifest says how large it is; no byte beyond that is
// read, and the digest is checked at the end.
func (c *client) blob(ctx context.Context, repo name.Repository, layer v1.Descriptor) ([]byte, error) {
	ref := repo.Digest(layer.Digest.String())
	if layer.Size < 0 || layer.Size > attest.EnvelopeBytes {
		return nil, fmt.Errorf("reading %s: %d bytes are over the bound of %d", ref, layer.Size, attest.EnvelopeBytes)
	}
	remoteLayer, err := c.puller.Layer(ctx, ref)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	body, err := remoteLayer.Compressed()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	defer body.Close()
	var data bytes.Buffer
	data.Grow(int(min(layer.Size, maxGrow)) + bytes.MinRead)
	if _, err := data.ReadFrom(io.LimitReader(body, layer.Size+1)); err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	if int64(data.Len()) != layer.Size {
		return nil, fmt.Errorf("reading %s: it does not have the %d bytes that its manifest states", ref, layer.Size)
	}
	return data.Bytes(), nil
}
