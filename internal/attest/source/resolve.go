package source

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/httpguard"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocistore"
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
// digest, the path of a file or folder, or that of an OCI layout, with ":tag" or
// "@sha256:..." where it holds several images. A text is a path where it begins with
// "./", "../" or "/", or where something lies under that path. A folder that is a
// layout is taken for one, an archive where "oci:" stands before its path. Errors are
// a *ResolveError where something was looked for.
func Resolve(ctx context.Context, ref string, r Registry) (gatekeep.Subject, error) {
	if path, which, ok := cutLayout(ref); ok {
		return resolveLayout(ctx, ref, path, which)
	}
	if isPath(ref) || exists(ref) {
		return resolvePath(ref)
	}
	parsed, err := name.ParseReference(ref, name.StrictValidation)
	if err != nil {
		return gatekeep.Subject{}, fmt.Errorf("resolving subject %q: it is no path that exists and no image reference; write registry/repository:tag, registry/repository@sha256:... or ./path: %w", ref, err)
	}
	ctx, cancel := r.Within(ctx)
	defer cancel()
	var left atomic.Int64 // no evidence is read here
	from, err := r.Open(ctx, parsed.Context(), &left)
	if err != nil {
		return gatekeep.Subject{}, &ResolveError{ref, reasonOfLook(err), ocistore.Why(ctx, err)}
	}
	desc, err := from.Get(ctx, parsed)
	if err != nil {
		return gatekeep.Subject{}, &ResolveError{ref, httpguard.Reason(err), ocistore.Why(ctx, err)}
	}
	w := walk{from: from, name: parsed.Context().Name(), artifacts: map[string]gatekeep.Artifact{}}
	s, err := w.subject(ctx, ref, desc.Manifest, node{digest: desc.Digest.String(), mediaType: desc.MediaType})
	if err != nil {
		return gatekeep.Subject{}, &ResolveError{ref, reasonOfLook(err), ocistore.Why(ctx, err)}
	}
	return s, nil
}

// walk collects what would run of one reference.
type walk struct {
	from      ocistore.Store
	name      string // of what holds it
	artifacts map[string]gatekeep.Artifact
	entries   int
}

// subject names what a manifest stands for.
func (w *walk) subject(ctx context.Context, ref string, manifest []byte, n node) (gatekeep.Subject, error) {
	kind, err := w.visit(ctx, manifest, n)
	if err != nil {
		return gatekeep.Subject{}, err
	}
	if len(w.artifacts) == 0 {
		return gatekeep.Subject{}, errors.New("the index lists no platform that could run")
	}
	return gatekeep.Subject{Kind: kind, Name: w.name, Ref: ref, Digest: n.digest, Artifacts: w.artifacts}, nil
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
	members, err := strictjson.Members(manifest, ocistore.ManifestLimits())
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
			Name: w.name, Platform: n.platform, CoveredBy: append([]string{n.digest}, n.within...),
		}
	}
}

func (w *walk) index(ctx context.Context, manifest []byte, n node) error {
	var list v1.IndexManifest
	if err := strictjson.Unmarshal(manifest, ocistore.ManifestLimits(), &list); err != nil {
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
		inner, err := w.from.Manifest(ctx, child.digest)
		if err != nil {
			return fmt.Errorf("reading index %s: %w", child.digest, err)
		}
		if _, err := w.visit(ctx, inner, child); err != nil {
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
