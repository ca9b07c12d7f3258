package source

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// Media types of a Sigstore bundle in a registry, as cosign writes them.
const (
	mediaBundle03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
	mediaEmpty    = "application/vnd.oci.empty.v1+json"
)

// rawManifest is a manifest that is written as it is.
type rawManifest []byte

// RawManifest implements remote.Taggable.
func (m rawManifest) RawManifest() ([]byte, error) { return m, nil }

// MediaType tells ggcr what is put.
func (rawManifest) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }

// Push stores a Sigstore bundle beside an image as an OCI 1.1 referrer, and under
// the fallback tag where the registry has no referrers API. The same bundle gives
// the same manifest each time; its digest is returned once the registry lists it.
func Push(ctx context.Context, imageRef string, bundleJSON []byte, predicateType string, r Registry) (string, error) {
	fail := func(err error) (string, error) {
		return "", fmt.Errorf("pushing bundle to %s: %w", imageRef, err)
	}
	if err := new(bundle.Bundle).UnmarshalJSON(bundleJSON); err != nil {
		return fail(err)
	}
	ref, err := name.ParseReference(imageRef, name.StrictValidation)
	if err != nil {
		return fail(err)
	}
	ctx, cancel := context.WithTimeout(ctx, r.timeout())
	defer cancel()
	options := r.options(ctx)
	puller, err := remote.NewPuller(options...)
	if err != nil {
		return fail(err)
	}
	image, err := puller.Get(ctx, ref)
	if err != nil {
		return fail(err)
	}
	layers := []v1.Layer{
		static.NewLayer([]byte("{}"), mediaEmpty),
		static.NewLayer(bundleJSON, mediaBundle03),
	}
	descriptors := make([]v1.Descriptor, len(layers))
	for i, layer := range layers {
		if descriptors[i], err = describe(layer); err != nil {
			return fail(err)
		}
		if err := remote.WriteLayer(ref.Context(), layer, options...); err != nil {
			return fail(err)
		}
	}
	// No org.opencontainers.image.created: equal bundles must be equal manifests.
	manifest, err := json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: mediaBundle03,
		Config: descriptors[0], Layers: descriptors[1:],
		Subject: &v1.Descriptor{MediaType: image.MediaType, Digest: image.Digest, Size: image.Size},
		Annotations: map[string]string{
			"dev.sigstore.bundle.content":       "dsse-envelope",
			"dev.sigstore.bundle.predicateType": predicateType,
		},
	})
	if err != nil {
		return fail(err)
	}
	d := digest.Of(manifest)
	if err := remote.Put(ref.Context().Digest(d), rawManifest(manifest), options...); err != nil {
		return fail(err)
	}
	if err := confirm(ref.Context().Digest(image.Digest.String()), d, options); err != nil {
		return fail(err)
	}
	return d, nil
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

// confirm reads the list of referrers again. Two clients that update a fallback tag
// at once can lose one entry, and nobody else would notice.
func confirm(image name.Digest, pushed string, options []remote.Option) error {
	index, err := remote.Referrers(image, options...)
	if err != nil {
		return err
	}
	list, err := index.IndexManifest()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(list.Manifests, func(m v1.Descriptor) bool { return m.Digest.String() == pushed }) {
		return fmt.Errorf("the registry took %s and does not list it; another client may have written at the same time, try again", pushed)
	}
	return nil
}
