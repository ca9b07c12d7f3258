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

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/httpguard"
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

// Referrer is a document to be stored beside an image: the one layer of a manifest
// without configuration.
type Referrer struct {
	MediaType   string // of the document, and with it of the manifest
	Annotations map[string]string
	Data        []byte
}

// BundleReferrer is a Sigstore bundle as cosign attaches it (specs/BUNDLE_SPEC.md).
func BundleReferrer(bundleJSON []byte, predicateType string) (Referrer, error) {
	var b bundle.Bundle
	if err := b.UnmarshalJSON(bundleJSON); err != nil {
		return Referrer{}, err
	}
	annotations := map[string]string{"dev.sigstore.bundle.content": "dsse-envelope", "dev.sigstore.bundle.predicateType": predicateType}
	if b.GetMessageSignature() != nil {
		annotations = map[string]string{"dev.sigstore.bundle.content": "message-signature"}
	}
	return Referrer{ocistore.MediaBundle, annotations, bundleJSON}, nil
}

// Push stores a Sigstore bundle beside an image, as Attach does with any document.
func Push(ctx context.Context, imageRef string, bundleJSON []byte, predicateType string, r Registry) (string, error) {
	doc, err := BundleReferrer(bundleJSON, predicateType)
	if err != nil {
		return "", fmt.Errorf("pushing bundle to %s: %w", imageRef, err)
	}
	pushed, err := Attach(ctx, imageRef, "", []Referrer{doc}, r)
	if err != nil {
		return "", fmt.Errorf("pushing bundle to %s: %w", imageRef, err)
	}
	return pushed[0], nil
}

// Attach stores documents as OCI 1.1 referrers of an image, in the image's repository
// or in another one that may hold a copy of it, and under the fallback tag where the registry has no referrers
// API. The same document gives the same manifest each time; the digests are returned
// once the registry lists them.
func Attach(ctx context.Context, imageRef, repository string, docs []Referrer, r Registry) ([]string, error) {
	ref, err := name.ParseReference(imageRef, name.StrictValidation)
	if err != nil {
		return nil, err
	}
	to := ref.Context()
	if repository != "" {
		if to, err = name.NewRepository(repository, name.StrictValidation); err != nil {
			return nil, err
		}
	}
	ctx, cancel := r.Within(ctx)
	defer cancel()
	pushed, err := attach(ctx, ref, to, docs, r)
	return pushed, ocistore.Why(ctx, err)
}

func attach(ctx context.Context, ref name.Reference, to name.Repository, docs []Referrer, r Registry) ([]string, error) {
	from, err := r.Open(ctx, to, new(atomic.Int64))
	if err != nil {
		return nil, err
	}
	image, err := imageOf(ctx, from, ref, to, r)
	if err != nil {
		return nil, err
	}
	options := r.Options(ctx)
	var pushed []string
	for _, doc := range docs {
		manifest, err := upload(ctx, from, to, image.Descriptor, doc, options)
		if err != nil {
			return pushed, err
		}
		d := digest.Of(manifest)
		put := func() error { return remote.Put(to.Digest(d), rawManifest(manifest), options...) }
		if err := list(ctx, from, image.Digest.String(), d, put); err != nil {
			return pushed, err
		}
		pushed = append(pushed, d)
	}
	return pushed, nil
}

// imageOf finds the image that ref names: in another repository, the copy that it may
// hold, and otherwise the image in its own.
func imageOf(ctx context.Context, from *ocistore.Repository, ref name.Reference, to name.Repository, r Registry) (*remote.Descriptor, error) {
	if to == ref.Context() {
		return from.Get(ctx, ref)
	}
	if pinned, ok := ref.(name.Digest); ok {
		if image, err := from.Get(ctx, to.Digest(pinned.DigestStr())); !httpguard.SaysGone(err) {
			return image, err
		}
	}
	home, err := r.Open(ctx, ref.Context(), new(atomic.Int64))
	if err != nil {
		return nil, err
	}
	return home.Get(ctx, ref)
}

// upload stores the blobs of a referrer and returns its manifest.
func upload(ctx context.Context, from *ocistore.Repository, to name.Repository, image v1.Descriptor, doc Referrer, options []remote.Option) ([]byte, error) {
	kind := types.MediaType(doc.MediaType)
	layers := []v1.Layer{static.NewLayer([]byte("{}"), ocistore.MediaEmpty), static.NewLayer(doc.Data, kind)}
	descriptors := make([]v1.Descriptor, len(layers))
	for i, layer := range layers {
		var err error
		if descriptors[i], err = describe(layer); err != nil {
			return nil, err
		}
		write := func() error { return remote.WriteLayer(to, layer, options...) }
		if err := again(ctx, from, write); err != nil {
			return nil, err
		}
	}
	// No org.opencontainers.image.created: equal documents must be equal manifests.
	return json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: doc.MediaType,
		Config: descriptors[0], Layers: descriptors[1:],
		Subject:     &v1.Descriptor{MediaType: image.MediaType, Digest: image.Digest, Size: image.Size},
		Annotations: doc.Annotations,
	})
}

// again writes a blob again after a failure that may pass. A single request of an
// upload cannot be repeated, since it follows from the one before; the whole can: a blob
// is named by its digest.
func again(ctx context.Context, from *ocistore.Repository, write func() error) error {
	for attempt := 1; ; attempt++ {
		err := write()
		if err == nil || attempt == httpguard.Attempts || httpguard.Reason(err) != gatekeep.ReasonSourceUnreachable || from.Wait(ctx, attempt, err) != nil {
			return err
		}
	}
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
		if err := from.Wait(ctx, min(round, longestWait), nil); err != nil {
			return fmt.Errorf("the registry took %s and has not listed it yet: %w", pushed, err)
		}
	}
}
