package ocistore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

const savedByCosign = "../../../../testdata/corpus/oci/cosign-attachment_v1.10.0"

// memory is a store of what it was given.
type memory map[string]string

func (m memory) Manifest(_ context.Context, d string) ([]byte, error) {
	if text, ok := m[d]; ok {
		return []byte(text), nil
	}
	return nil, errors.New("not there")
}

func (m memory) Blob(ctx context.Context, d v1.Descriptor) ([]byte, error) {
	return m.Manifest(ctx, d.Digest.String())
}

func (m memory) add(text string) string {
	d := digest.Of([]byte(text))
	m[d] = text
	return d
}

func manifestOf(mediaType, blob string, layers int) string {
	layer := fmt.Sprintf(`{"mediaType":%q,"size":2,"digest":%q}`, mediaType, blob)
	return `{"schemaVersion":2,"layers":[` + strings.Join(strings.Split(strings.Repeat(layer+"\n", layers), "\n")[:layers], ",") + `]}`
}

func TestLayersOfOneManifestAreBounded(t *testing.T) {
	m := memory{}
	blob := m.add("{}")
	for n, ok := range map[int]bool{0: true, 1: true, MaxLayers: true, MaxLayers + 1: false} {
		envelopes, err := Layers(t.Context(), m, "x", []byte(manifestOf(MediaBundle, blob, n)))
		if (err == nil) != ok || ok && len(envelopes) != n {
			t.Errorf("%d layers: %d, %v", n, len(envelopes), err)
		}
	}
	if envelopes, err := Layers(t.Context(), m, "x", []byte(manifestOf("text/plain", digest.Of([]byte("unread")), 1))); err != nil || len(envelopes) != 0 {
		t.Errorf("another kind: %d, %v", len(envelopes), err)
	}
	for _, text := range []string{"", "[]", `{"layers":{}}`, `{"layers":[],"layers":[]}`} {
		if _, err := Layers(t.Context(), m, "x", []byte(text)); err == nil {
			t.Errorf("%s: read", text)
		}
	}
}

func TestEvidenceIsCountedBeforeItIsRead(t *testing.T) {
	var left atomic.Int64
	left.Store(attest.EnvelopeBytes + 10)
	for i, c := range []struct {
		size int64
		ok   bool
	}{{-1, false}, {attest.EnvelopeBytes + 1, false}, {attest.EnvelopeBytes, true}, {10, true}, {1, false}} {
		if err := fits(v1.Descriptor{Size: c.size}, &left); (err == nil) != c.ok {
			t.Errorf("%d: %d bytes: %v", i, c.size, err)
		}
	}
}

func TestListedManifestsMustBeWhatTheyAreListedAs(t *testing.T) {
	m := memory{}
	manifest := manifestOf(MediaBundle, m.add("{}"), 1)
	hash, err := v1.NewHash(m.add(manifest))
	if err != nil {
		t.Fatal(err)
	}
	gone := hash
	gone.Hex = strings.Repeat("0", 64)
	size := int64(len(manifest))
	for name, c := range map[string]struct {
		entry v1.Descriptor
		count int
		ok    bool
	}{
		"typed":               {v1.Descriptor{Digest: hash, Size: size, ArtifactType: MediaBundle}, 1, true},
		"untyped":             {v1.Descriptor{Digest: hash, Size: size}, 1, true},
		"typed by its config": {v1.Descriptor{Digest: hash, Size: size, ArtifactType: MediaEmpty}, 1, true},
		"attachments":         {v1.Descriptor{Digest: hash, Size: size, ArtifactType: carriers[0]}, 1, true},
		"of another kind":     {v1.Descriptor{Digest: gone, Size: size, ArtifactType: "text/plain"}, 0, true},
		"of another size":     {v1.Descriptor{Digest: hash, Size: size + 1}, 0, false},
		"gone":                {v1.Descriptor{Digest: gone, Size: size}, 0, false},
	} {
		envelopes, err := Referred(t.Context(), m, []v1.Descriptor{c.entry})
		if (err == nil) != c.ok || len(envelopes) != c.count {
			t.Errorf("%s: %d, %v", name, len(envelopes), err)
		}
	}
}

func TestSavedAttachmentIsABundle(t *testing.T) {
	f, err := OpenFolder(savedByCosign)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	entries, err := f.Entries()
	if err != nil || len(entries) != 2 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	manifest, err := f.Manifest(t.Context(), entries[1].Digest.String())
	if err != nil {
		t.Fatal(err)
	}
	envelopes, err := Layers(t.Context(), f, "x", manifest)
	if err != nil || len(envelopes) != 1 || !strings.HasPrefix(envelopes[0].MediaType, mediaBundle) {
		t.Fatalf("%+v, %v", envelopes, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Layers(ctx, f, "x", manifest); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func FuzzManifest(f *testing.F) {
	for _, name := range []string{"31cc4fb663c8d34e2e6a0bd5f183d576c2811ee286e0998b4c2965e3b35a0d86", "b276155e3c74e740a8bff1dd562f028dc0107551c97776c44246cb2dce55092c"} {
		data, err := os.ReadFile(savedByCosign + "/blobs/sha256/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	index, err := os.ReadFile(savedByCosign + "/index.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(index)
	folder, err := OpenFolder(savedByCosign)
	if err != nil {
		f.Fatal(err)
	}
	defer folder.Close()
	f.Fuzz(func(t *testing.T, data []byte) {
		folder.left.Store(MaxEvidenceBytes)
		if list, err := Entries(data, nil); err == nil {
			if len(list) > MaxReferrers || !json.Valid(data) {
				t.Fatalf("%d entries of %q", len(list), data)
			}
			_, _ = Referred(t.Context(), folder, list[:min(len(list), 3)])
		}
		if envelopes, err := Layers(t.Context(), folder, "x", data); err == nil && len(envelopes) > MaxLayers {
			t.Fatalf("%d envelopes", len(envelopes))
		}
	})
}
