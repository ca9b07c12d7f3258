package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/anchore/stereoscope/pkg/image"
	"github.com/anchore/syft/syft"
	"github.com/anchore/syft/syft/cataloging"
	"github.com/anchore/syft/syft/format"
	"github.com/anchore/syft/syft/format/cyclonedxjson"
	"github.com/anchore/syft/syft/format/spdxjson"
	"github.com/anchore/syft/syft/pkg"
	"github.com/anchore/syft/syft/sbom"
	"github.com/anchore/syft/syft/source"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// encoders write the formats.
var encoders = map[string]func() (sbom.FormatEncoder, error){
	"cyclonedx-json": func() (sbom.FormatEncoder, error) {
		return cyclonedxjson.NewFormatEncoderWithConfig(cyclonedxjson.DefaultEncoderConfig())
	},
	"spdx-json": func() (sbom.FormatEncoder, error) {
		return spdxjson.NewFormatEncoderWithConfig(spdxjson.DefaultEncoderConfig())
	},
}

// catalogue finds what is in a source and writes it down. Warnings name what syft
// found and could not read.
func catalogue(ctx context.Context, what, platform, formatName string) (document []byte, warnings []string, err error) {
	newEncoder, ok := encoders[formatName]
	if !ok {
		return nil, nil, usage("reading --format: %q is neither cyclonedx-json nor spdx-json", formatName)
	}
	encoder, err := newEncoder()
	if err != nil {
		return nil, nil, err
	}
	config := syft.DefaultGetSourceConfig()
	if platform != "" {
		p, err := image.NewPlatform(platform)
		if err != nil {
			return nil, nil, usage("reading --platform: %w", err)
		}
		config = config.WithPlatform(p)
	}
	place, kind, err := place(ctx, what, platform)
	if err != nil {
		return nil, nil, err
	}
	opened, err := syft.GetSource(ctx, place, config.WithSources(kind))
	if err != nil {
		return nil, nil, fmt.Errorf("reading source: %w", err)
	}
	defer opened.Close()
	if err := refuseRPM(opened); err != nil {
		return nil, nil, fmt.Errorf("cataloguing %s: %w", place, err)
	}
	found, err := syft.CreateSBOM(ctx, opened, syft.DefaultCreateSBOMConfig().
		WithUnknownsConfig(cataloging.UnknownsConfig{}).
		WithCatalogerSelection(cataloging.NewSelectionRequest().WithRemovals("rpm-db-cataloger")))
	if err != nil {
		return nil, nil, fmt.Errorf("cataloguing %s: %w", place, err)
	}
	for at, why := range found.Artifacts.Unknowns {
		warnings = append(warnings, fmt.Sprintf("%s: %s", at.RealPath, strings.Join(why, "; ")))
	}
	slices.Sort(warnings)
	document, err = format.Encode(*found, encoder)
	return document, warnings, err
}

// refuseRPM refuses what holds an RPM database: syft reads one with an SQL driver that
// this program does not carry, and an SBOM without those packages would be untrue.
func refuseRPM(s source.Source) error {
	files, err := s.FileResolver(source.SquashedScope)
	if err != nil {
		return err
	}
	databases, err := files.FilesByGlob(pkg.RpmDBGlob)
	if err == nil && len(databases) > 0 {
		err = fmt.Errorf("it holds an RPM database (%s), which gatekeep-sbom cannot read: make the SBOM with syft itself", databases[0].RealPath)
	}
	return err
}

// place names a source as syft knows it, with syft's name for its kind. An image
// comes by the digest of its platform, so that the SBOM is about exactly that one.
func place(ctx context.Context, what, platform string) (place, kind string, err error) {
	if info, err := os.Stat(what); err == nil {
		if !info.IsDir() {
			return "", "", usage("reading source: %s is a file; give a folder or an image", what)
		}
		if _, err := os.Stat(filepath.Join(what, "oci-layout")); err != nil {
			return what, "dir", nil
		}
		index, err := layout.ImageIndexFromPath(what)
		if err == nil {
			_, err = choose(index, platform)
		}
		return what, "oci-dir", err
	}
	ref, err := name.ParseReference(what)
	if err != nil {
		return "", "", usage("reading source: there is no folder %s, and it is no image reference: %w", what, err)
	}
	found, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return "", "", fmt.Errorf("reading image: %w", err)
	}
	digest := found.Digest
	if found.MediaType.IsIndex() {
		index, err := found.ImageIndex()
		if err == nil {
			digest, err = choose(index, platform)
		}
		if err != nil {
			return "", "", err
		}
	}
	return ref.Context().Digest(digest.String()).String(), "oci-registry", nil
}

// choose finds the one image of an index that is for a platform. Where several
// would do, the caller has to say which: no machine's own platform is assumed.
func choose(index v1.ImageIndex, platform string) (v1.Hash, error) {
	wanted, err := v1.ParsePlatform(platform)
	if err != nil {
		return v1.Hash{}, usage("reading --platform: %w", err)
	}
	manifest, err := index.IndexManifest()
	// An OCI layout may hold a tagged index, with the images inside.
	for err == nil && len(manifest.Manifests) == 1 && manifest.Manifests[0].MediaType.IsIndex() {
		if index, err = index.ImageIndex(manifest.Manifests[0].Digest); err == nil {
			manifest, err = index.IndexManifest()
		}
	}
	if err != nil {
		return v1.Hash{}, fmt.Errorf("reading image index: %w", err)
	}
	var fitting []v1.Hash
	var known []string
	for _, d := range manifest.Manifests {
		if d.MediaType.IsImage() {
			known = append(known, fmt.Sprint(d.Platform))
			if platform == "" || d.Platform == nil || d.Platform.Satisfies(*wanted) {
				fitting = append(fitting, d.Digest)
			}
		}
	}
	if len(fitting) != 1 {
		return v1.Hash{}, usage("reading --platform: %q fits %d images, and it must be one; there are %s",
			platform, len(fitting), strings.Join(known, ", "))
	}
	return fitting[0], nil
}

// fix replaces what syft draws at random or reads off the clock: the time becomes
// the one given, and the serial number (in SPDX the namespace) follows from the
// content, so that the same content at the same time is the same document.
func fix(document []byte, at time.Time) ([]byte, error) {
	var tree map[string]any
	dec := json.NewDecoder(bytes.NewReader(document))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		return nil, fmt.Errorf("reading SBOM: %w", err)
	}
	head, stamp, number, prefix := "metadata", "timestamp", "serialNumber", "urn:uuid:"
	if tree["spdxVersion"] != nil {
		head, stamp, number, prefix = "creationInfo", "created", "documentNamespace", "https://gatekeep.dev/sbom/"
	}
	inner, ok := tree[head].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("reading SBOM: it has no %s", head)
	}
	inner[stamp], tree[number] = at.Format(time.RFC3339), ""
	content, err := json.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("encoding SBOM: %w", err)
	}
	// A UUID that follows from content: version 8, RFC 9562 section 5.8.
	sum := sha256.Sum256(content)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	tree[number] = fmt.Sprintf("%s%x-%x-%x-%x-%x", prefix, sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	out, err := json.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("encoding SBOM: %w", err)
	}
	return append(out, '\n'), nil
}
