package ocistore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/cosign"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Media types of what is read and written.
const (
	MediaDSSE   = cosign.MediaDSSE
	MediaBundle = mediaBundle + ".v0.3+json" // Sigstore bundle 0.3
	MediaEmpty  = "application/vnd.oci.empty.v1+json"

	mediaInToto = "application/vnd.in-toto+json"
	mediaBundle = "application/vnd.dev.sigstore.bundle" // with version before or after "+json"
)

// carriers are artifact types of manifests whose layers are evidence without being of
// that type: cosign's attachments, where it stores them as referrers.
var carriers = []string{
	"application/vnd.dev.cosign.artifact.att.v1+json",
	"application/vnd.dev.cosign.artifact.sig.v1+json",
}

// ManifestLimits are those of one manifest. Real ones are four deep.
func ManifestLimits() strictjson.Limits {
	return strictjson.Limits{Bytes: MaxManifestBytes, Depth: 32}
}

// Store is where manifests and blobs lie: a repository or an OCI layout.
type Store interface {
	// Manifest returns the bytes that a digest names.
	Manifest(ctx context.Context, digest string) ([]byte, error)
	// Blob returns the bytes that a descriptor names, of the size that it states.
	Blob(ctx context.Context, d v1.Descriptor) ([]byte, error)
}

// fits checks the stated size of a blob before anything of it is read, and counts
// it.
func fits(d v1.Descriptor, left *atomic.Int64) error {
	if d.Size < 0 || d.Size > attest.EnvelopeBytes {
		return fmt.Errorf("%d bytes are over the bound of %d", d.Size, attest.EnvelopeBytes)
	}
	if left.Add(-d.Size) < 0 {
		return fmt.Errorf("the evidence is over the bound of %d bytes in all", MaxEvidenceBytes)
	}
	return nil
}

// isEvidence tells whether a media type is one of an envelope.
func isEvidence(mediaType string) bool {
	return mediaType == MediaDSSE || mediaType == mediaInToto || mediaType == cosign.MediaSimpleSigning || strings.HasPrefix(mediaType, mediaBundle)
}

// MayHoldEvidence tells whether a listed manifest has to be looked into. Some
// registries list no artifact type, or that of the empty config in its place; then
// only the manifest itself tells.
func MayHoldEvidence(artifactType string) bool {
	return artifactType == "" || artifactType == MediaEmpty || isEvidence(artifactType) || slices.Contains(carriers, artifactType)
}

// Entries adds the entries of an index to a list.
func Entries(raw []byte, list []v1.Descriptor) ([]v1.Descriptor, error) {
	members, err := strictjson.Members(raw, ManifestLimits())
	if err != nil {
		return nil, err
	}
	var more []v1.Descriptor
	// A registry written in Go may answer null for an empty list.
	if text, ok := members["manifests"]; !ok {
		return nil, errors.New("the index has no list of manifests")
	} else if err := json.Unmarshal(text, &more); err != nil {
		return nil, fmt.Errorf("reading the index: %w", err)
	}
	if list = append(list, more...); len(list) > MaxReferrers {
		return nil, fmt.Errorf("%d are over the bound of %d", len(list), MaxReferrers)
	}
	return list, nil
}

// Referred reads the manifests of a list that hold evidence.
func Referred(ctx context.Context, from Store, list []v1.Descriptor) ([]attest.Envelope, error) {
	var envelopes []attest.Envelope
	for _, entry := range list {
		if !MayHoldEvidence(entry.ArtifactType) {
			continue
		}
		d := entry.Digest.String()
		manifest, err := from.Manifest(ctx, d)
		if err != nil {
			return envelopes, fmt.Errorf("reading referrer %s: %w", d, err)
		}
		if int64(len(manifest)) != entry.Size {
			return envelopes, fmt.Errorf("reading referrer %s: it has %d bytes and is listed with %d", d, len(manifest), entry.Size)
		}
		more, err := Layers(ctx, from, d, manifest)
		envelopes = append(envelopes, more...)
		if err != nil {
			return envelopes, err
		}
	}
	return envelopes, nil
}

// Layers reads the layers of one manifest that are envelopes.
func Layers(ctx context.Context, from Store, name string, manifest []byte) ([]attest.Envelope, error) {
	var m v1.Manifest
	if err := strictjson.Unmarshal(manifest, ManifestLimits(), &m); err != nil {
		return nil, fmt.Errorf("reading manifest %s: %w", name, err)
	}
	if len(m.Layers) > MaxLayers {
		return nil, fmt.Errorf("reading manifest %s: %d layers are over the bound of %d", name, len(m.Layers), MaxLayers)
	}
	var envelopes []attest.Envelope
	for _, layer := range m.Layers {
		if !isEvidence(string(layer.MediaType)) {
			continue
		}
		data, err := from.Blob(ctx, layer)
		if err != nil {
			return envelopes, err
		}
		envelopes = append(envelopes, envelopeOf(name, layer, data))
	}
	return envelopes, nil
}

// envelopeOf is one layer as an envelope. What cosign keeps beside a layer is put
// together with it. Where that cannot be read the layer is handed on alone, to be
// judged without, and its name says why; annotations are as untrusted as their
// absence.
func envelopeOf(name string, layer v1.Descriptor, data []byte) attest.Envelope {
	rebuild := cosign.Attestation
	switch layer.MediaType {
	case MediaDSSE:
	case cosign.MediaSimpleSigning:
		rebuild = cosign.Signature
	default:
		return attest.Envelope{Name: name, MediaType: string(layer.MediaType), Bytes: data}
	}
	document, mediaType, err := rebuild(data, layer.Annotations)
	if err != nil {
		return attest.Envelope{Name: fmt.Sprintf("%s (%.200v)", name, err), MediaType: string(layer.MediaType), Bytes: data}
	}
	return attest.Envelope{Name: name, MediaType: mediaType, Bytes: document}
}
