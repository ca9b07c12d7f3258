package source

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Bounds on one index. Official images have about twenty platforms, each with an
// attestation manifest beside it; indexes within indexes are rare.
const (
	MaxPlatforms = 256
	MaxNesting   = 3
)

// Resolve names a subject by digest: an OCI reference with registry and tag or
// digest, or the path of a file or folder. A text is a path where it begins with
// "./", "../" or "/", or where something lies under that path. Errors are a
// *ResolveError where something was looked for.
func Resolve(ctx context.Context, ref string, r Registry) (gatekeep.Subject, error) {
	if isPath(ref) || exists(ref) {
		return resolvePath(ref)
	}
	parsed, err := name.ParseReference(ref, name.StrictValidation)
	if err != nil {
		return gatekeep.Subject{}, fmt.Errorf("resolving subject %q: it is no path that exists and no image reference; write registry/repository:tag, registry/repository@sha256:... or ./path: %w", ref, err)
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout())
	defer cancel()
	puller, err := remote.NewPuller(r.options(ctx)...)
	if err != nil {
		return gatekeep.Subject{}, &ResolveError{ref, gatekeep.ReasonSourceUnreachable, err}
	}
	w := walk{client: &client{puller: puller}, repo: parsed.Context(), artifacts: map[string]gatekeep.Artifact{}}
	desc, err := puller.Get(ctx, parsed)
	if err != nil {
		return gatekeep.Subject{}, &ResolveError{ref, classify(err), err}
	}
	d := desc.Digest.String()
	kind, err := w.visit(ctx, desc.Manifest, node{digest: d, mediaType: desc.MediaType})
	if err == nil && len(w.artifacts) == 0 {
		err = errors.New("the index lists no platform that could run")
	}
	if err != nil {
		return gatekeep.Subject{}, &ResolveError{ref, reasonOfLook(err), err}
	}
	return gatekeep.Subject{Kind: kind, Name: w.repo.Name(), Ref: ref, Digest: d, Artifacts: w.artifacts}, nil
}

// walk collects what would run of one reference.
type walk struct {
	client    *client
	repo      name.Repository
	artifacts map[string]gatekeep.Artifact
	entries   int
}

// node is one manifest on the way, with the indexes that hold it, innermost first.
type node struct {
	digest    string
	mediaType types.MediaType
	platform  string
	within    []string
}

// visit adds the artifacts of one manifest and returns the kind that it is.
func (w *walk) visit(ctx context.Context, manifest []byte, n node) (string, error) {
	if !digest.Valid(n.digest) {
		return "", fmt.Errorf("digest %q is not sha256, which is all that is read here", n.digest)
	}
	members, err := strictjson.Members(manifest, manifestLimits())
	if err != nil {
		return "", fmt.Errorf("reading manifest %s: %w", n.digest, err)
	}
	_, hasManifests := members["manifests"]
	_, hasConfig := members["config"]
	switch {
	case n.mediaType.IsIndex() && hasManifests && !hasConfig:
		return gatekeep.KindIndex, w.index(ctx, manifest, n)
	case n.mediaType.IsImage() && hasConfig && !hasManifests:
		w.add(n)
		return gatekeep.KindImage, nil
	}
	return "", fmt.Errorf("reading manifest %s: media type %.100q is no image and no index, or its content says otherwise", n.digest, n.mediaType)
}

func (w *walk) add(n node) {
	if _, known := w.artifacts[n.digest]; !known {
		w.artifacts[n.digest] = gatekeep.Artifact{
			Name: w.repo.Name(), Platform: n.platform, CoveredBy: append([]string{n.digest}, n.within...),
		}
	}
}

func (w *walk) index(ctx context.Context, manifest []byte, n node) error {
	var list v1.IndexManifest
	if err := strictjson.Unmarshal(manifest, manifestLimits(), &list); err != nil {
		return fmt.Errorf("reading index %s: %w", n.digest, err)
	}
	if w.entries += len(list.Manifests); w.entries > MaxPlatforms {
		return fmt.Errorf("reading index %s: more than %d entries", n.digest, MaxPlatforms)
	}
	for _, entry := range list.Manifests {
		if isAttestationManifest(entry) {
			continue
		}
		child := node{entry.Digest.String(), entry.MediaType, platformOf(entry.Platform), append([]string{n.digest}, n.within...)}
		if !digest.Valid(child.digest) {
			return fmt.Errorf("reading index %s: digest %q is not sha256, which is all that is read here", n.digest, child.digest)
		}
		if !entry.MediaType.IsIndex() {
			w.add(child)
			continue
		}
		if len(child.within) >= MaxNesting {
			return fmt.Errorf("reading index %s: indexes are nested deeper than %d", n.digest, MaxNesting)
		}
		desc, err := w.client.puller.Get(ctx, w.repo.Digest(child.digest))
		if err != nil {
			return fmt.Errorf("reading index %s: %w", child.digest, err)
		}
		if _, err := w.visit(ctx, desc.Manifest, child); err != nil {
			return err
		}
	}
	return nil
}

// isAttestationManifest tells whether an entry is one that BuildKit adds for its
// attestations: it says itself that it refers to another entry and runs nowhere.
func isAttestationManifest(entry v1.Descriptor) bool {
	p := entry.Platform
	return p != nil && p.OS == "unknown" && p.Architecture == "unknown" && entry.Annotations["vnd.docker.reference.type"] != ""
}

func platformOf(p *v1.Platform) string {
	if p == nil {
		return ""
	}
	s := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		s += "/" + p.Variant
	}
	return s
}
