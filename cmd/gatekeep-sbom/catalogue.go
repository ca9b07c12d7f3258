package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
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
	"github.com/anchore/syft/syft/sbom"
	"github.com/anchore/syft/syft/source"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"modernc.org/sqlite"
)

// readRPM makes sure that the driver is there with which syft reads the RPM databases
// of recent distributions: it asks for it by the name "sqlite".
func readRPM() {
	if !slices.Contains(sql.Drivers(), "sqlite") {
		sql.Register("sqlite", new(sqlite.Driver))
	}
}

// catalogue finds what is in a source and writes it down. Unread are the files that
// syft knows how to read and could not.
func catalogue(ctx context.Context, what, platform, formatName string) (document []byte, unread []string, err error) {
	var encoder sbom.FormatEncoder
	switch formatName {
	case "cyclonedx-json":
		encoder, err = cyclonedxjson.NewFormatEncoderWithConfig(cyclonedxjson.DefaultEncoderConfig())
	case "spdx-json":
		encoder, err = spdxjson.NewFormatEncoderWithConfig(spdxjson.DefaultEncoderConfig())
	default:
		err = usage("reading --format: %q is neither cyclonedx-json nor spdx-json", formatName)
	}
	if err != nil {
		return nil, nil, err
	}
	opened, err := open(ctx, what, platform)
	if err != nil {
		return nil, nil, fmt.Errorf("opening %s: %w", what, err)
	}
	defer opened.Close()
	readRPM()
	found, err := syft.CreateSBOM(ctx, opened, syft.DefaultCreateSBOMConfig().
		WithUnknownsConfig(cataloging.UnknownsConfig{}))
	if err != nil {
		return nil, nil, fmt.Errorf("cataloguing %s: %w", what, err)
	}
	for file, why := range found.Artifacts.Unknowns {
		unread = append(unread, file.RealPath+": "+strings.Join(why, "; "))
	}
	slices.Sort(unread)
	document, err = format.Encode(*found, encoder)
	return document, unread, err
}

// open hands syft a folder, or an image by the digest of its platform, so that the
// SBOM is about exactly that one.
func open(ctx context.Context, what, platform string) (source.Source, error) {
	config := syft.DefaultGetSourceConfig()
	if platform != "" {
		p, err := image.NewPlatform(platform)
		if err != nil {
			return nil, usage("reading --platform: %w", err)
		}
		config = config.WithPlatform(p)
	}
	if info, err := os.Stat(what); err == nil {
		if !info.IsDir() {
			return nil, usage("it is a file; give a folder or an image")
		}
		if _, err := os.Stat(filepath.Join(what, "oci-layout")); err != nil {
			return syft.GetSource(ctx, what, config.WithSources("dir"))
		}
		index, err := layout.ImageIndexFromPath(what)
		if err == nil {
			_, err = choose(index, platform)
		}
		if err != nil {
			return nil, err
		}
		return syft.GetSource(ctx, what, config.WithSources("oci-dir"))
	}
	ref, err := name.ParseReference(what)
	if err != nil {
		return nil, usage("there is no such folder, and it is no image reference: %w", err)
	}
	found, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return nil, err
	}
	digest := found.Digest
	if found.MediaType.IsIndex() {
		index, err := found.ImageIndex()
		if err == nil {
			digest, err = choose(index, platform)
		}
		if err != nil {
			return nil, err
		}
	}
	return syft.GetSource(ctx, ref.Context().Digest(digest.String()).String(), config.WithSources("oci-registry"))
}

// choose finds the one image of an index that is for a platform. Where several
// would do, the caller has to say which: no machine's own platform is assumed.
func choose(index v1.ImageIndex, platform string) (v1.Hash, error) {
	wanted, err := v1.ParsePlatform(platform)
	if err != nil {
		return v1.Hash{}, usage("reading --platform: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return v1.Hash{}, err
	}
	// An OCI layout may hold a tagged index, with the images inside.
	if only := manifest.Manifests; len(only) == 1 && only[0].MediaType.IsIndex() {
		inner, err := index.ImageIndex(only[0].Digest)
		if err != nil {
			return v1.Hash{}, err
		}
		return choose(inner, platform)
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
		return v1.Hash{}, usage("--platform %q fits %d of its images, which are for %s; name one platform",
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
	return append(out, '\n'), err
}
