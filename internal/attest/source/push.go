package source

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocistore"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

const (
	// MaxPushRounds bounds how often the list of referrers is written again after
	// another client overwrote it. With waits that double, half a dozen clients that
	// start together are apart long before.
	MaxPushRounds = 8
	// steady is how often in a row a pushed manifest must be found listed: a client
	// that read the list before it was written may still overwrite it once.
	steady = 2
	// longestWait is how often the wait between rounds doubles at most.
	longestWait = 3
)

// rawManifest is a manifest that is written as it is.
type rawManifest []byte

// RawManifest implements remote.Taggable.
func (m rawManifest) RawManifest() ([]byte, error) { return m, nil }

// MediaType tells ggcr what is put.
func (rawManifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// Push stores a Sigstore bundle beside an image as an OCI 1.1 referrer, as cosign
// does (specs/BUNDLE_SPEC.md), and under the fallback tag where the registry has no
// referrers API. The same bundle gives the same manifest each time; its digest is
// returned once the registry lists it.
func Push(ctx context.Context, imageRef string, bundleJSON []byte, predicateType string, r Registry) (string, error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("pushing bundle to %s: %w", imageRef, err)
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(bundleJSON); err != nil {
		return fail(err)
	}
	annotations := map[string]string{"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicateType}
	if b.GetMessageSignature() != nil {
		annotations = map[string]string{"dev.sigstore.bundle.content": "message-signature"}
	}
	ref, err := name.ParseReference(imageRef, name.StrictValidation)
	if err != nil {
		return fail(err)
	}
	ctx, cancel := r.Within(ctx)
	defer cancel()
	from, err := r.Open(ctx, ref.Context(), new(atomic.Int64))
	if err != nil {
		return fail(ocistore.Why(ctx, err))
	}
	image, err := from.Get(ctx, ref)
	if err != nil {
		return fail(ocistore.Why(ctx, err))
	}
	options := r.Options(ctx)
	manifest, err := upload(ref.Context(), image.Descriptor, bundleJSON, annotations, options)
	if err != nil {
		return fail(ocistore.Why(ctx, err))
	}
	d := digest.Of(manifest)
	put := func() error { return remote.Put(ref.Context().Digest(d), rawManifest(manifest), options...) }
	if err := list(ctx, from, image.Digest.String(), d, put); err != nil {
		return fail(ocistore.Why(ctx, err))
	}
	return d, nil
}

// upload stores the blobs of a referrer and returns its manifest.
func upload(repo name.Repository, image v1.Descriptor, bundleJSON []byte, annotations map[string]string, options []remote.Option) ([]byte, error) {
	layers := []v1.Layer{static.NewLayer([]byte("{}"), ocistore.MediaEmpty), static.NewLayer(bundleJSON, ocistore.MediaBundle)}
	descriptors := make([]v1.Descriptor, len(layers))
	for i, layer := range layers {
		var err error
		if descriptors[i], err = describe(layer); err != nil {
			return nil, err
		}
		if err := remote.WriteLayer(repo, layer, options...); err != nil {
			return nil, err
		}
	}
	// No org.opencontainers.image.created: equal bundles must be equal manifests.
	return json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: ocistore.MediaBundle,
		Config: descriptors[0], Layers: descriptors[1:],
		Subject:     &v1.Descriptor{MediaType: image.MediaType, Digest: image.Digest, Size: image.Size},
		Annotations: annotations,
	})
}

func describe(layer v1.Layer) (v1.Descriptor, error) {
	mediaType, err := layer.MediaType()
	if err != nil {
		return v1.Descriptor{}, err
	}
	h, err := layer.Digest()
	if err != nil {
		return v1.Descriptor{}, err
	}
	size, err := layer.Size()
	return v1.Descriptor{MediaType: mediaType, Digest: h, Size: size}, err
}

// list puts a manifest until the registry lists it for good. Under a fallback tag the
// list is read, changed and written back, and of two clients that do so at once one
// loses its entry; nobody else would notice. Putting the manifest again adds it to
// the list as it is by then. Waits with jitter bring the clients apart, and they let
// one that is about to write finish before the list is read a last time.
func list(ctx context.Context, from *ocistore.Repository, image, pushed string, put func() error) error {
	if err := put(); err != nil {
		return err
	}
	seen := 0
	for round := 1; ; round++ {
		entries, fallback, err := from.List(ctx, image)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(entries, func(m v1.Descriptor) bool { return m.Digest.String() == pushed }) {
			if seen++; seen == steady || !fallback {
				return nil
			}
		} else {
			if seen = 0; round >= MaxPushRounds {
				return fmt.Errorf("the registry took %s and does not list it; other clients write at the same time, or it lists nothing: try again", pushed)
			}
			// A list that the registry makes itself may take a moment.
			if fallback {
				err = put()
			}
			if err != nil {
				return err
			}
		}
		if err := from.Wait(ctx, min(round, longestWait)); err != nil {
			return fmt.Errorf("the registry took %s and has not listed it yet: %w", pushed, err)
		}
	}
}
