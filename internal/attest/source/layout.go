package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocilayout"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source/ocistore"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// OCILayout finds the attestations of an image in an OCI layout, a folder or a tar
// archive: what cosign saves there, what lies under the tags that cosign and the OCI
// fallback use, and manifests that name a digest of the subject as theirs.
type OCILayout struct {
	Path     string
	Required bool // a failure keeps the gate shut
}

// Annotations of an entry of index.json.
const (
	annotationRef  = "org.opencontainers.image.ref.name" // OCI image specification, annotations
	annotationKind = "kind"                              // cosign pkg/oci/layout, "cosign save"
)

// kindsOfCosign are kinds of entries that are evidence of the image beside them.
var kindsOfCosign = []string{"dev.cosignproject.cosign/atts", "dev.cosignproject.cosign/sigs"}

// attachedTag is a tag that names the digest it belongs to.
var attachedTag = regexp.MustCompile(`^(?:.*:)?sha256-([0-9a-f]{64})(\.att|\.sig)?$`)

// Envelopes implements attest.Source, with one report.
func (o OCILayout) Envelopes(ctx context.Context, s gatekeep.Subject) ([]attest.Envelope, []gatekeep.SourceReport) {
	report := gatekeep.SourceReport{Name: o.Path, Status: gatekeep.SourceRead, Required: o.Required}
	envelopes, err := layoutEnvelopes(ctx, o.Path, attest.AboutSubject(s))
	if err != nil {
		report.Status, report.Reason, report.Detail = gatekeep.SourceFailed, reasonOfRead(err), err.Error()
	} else if len(envelopes) == 0 {
		report.Status = gatekeep.SourceEmpty
	}
	report.Count = len(envelopes)
	return envelopes, []gatekeep.SourceReport{report}
}

// layoutEnvelopes reads the evidence in a layout that is about one of the digests.
// What is not about them is left unread.
func layoutEnvelopes(ctx context.Context, path string, about []string) ([]attest.Envelope, error) {
	f, err := ocistore.OpenFolder(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.Entries()
	if err != nil {
		return nil, err
	}
	var envelopes []attest.Envelope
	for _, entry := range entries {
		more, err := evidence(ctx, f, entry, about)
		for i := range more {
			more[i].Source = path
		}
		envelopes = append(envelopes, more...)
		if err != nil {
			return envelopes, err
		}
	}
	return envelopes, nil
}

// evidence reads what one entry of index.json holds for the digests.
func evidence(ctx context.Context, f *ocistore.Folder, entry v1.Descriptor, about []string) ([]attest.Envelope, error) {
	d := entry.Digest.String()
	tag := attachedTag.FindStringSubmatch(entry.Annotations[annotationRef])
	saved := slices.Contains(kindsOfCosign, entry.Annotations[annotationKind])
	if tag != nil && !slices.Contains(about, "sha256:"+tag[1]) || !saved && tag == nil && !entry.MediaType.IsImage() {
		return nil, nil
	}
	manifest, err := f.Manifest(ctx, d)
	if err != nil {
		// Sparse layouts leave out images; what says that it is evidence must be there.
		if !saved && tag == nil && !isTyped(entry) && errors.Is(err, ocilayout.ErrMissing) {
			return nil, nil
		}
		return nil, err
	}
	switch {
	case saved, tag != nil && tag[2] != "":
		return ocistore.Layers(ctx, f, d, manifest)
	case tag != nil && entry.MediaType == types.OCIImageIndex:
		list, err := ocistore.Entries(manifest, nil)
		if err != nil {
			return nil, fmt.Errorf("reading index %s: %w", d, err)
		}
		return ocistore.Referred(ctx, f, list)
	}
	var m v1.Manifest
	if err := strictjson.Unmarshal(manifest, ocistore.ManifestLimits(), &m); err != nil {
		return nil, fmt.Errorf("reading manifest %s: %w", d, err)
	}
	if m.Subject == nil || !slices.Contains(about, m.Subject.Digest.String()) {
		return nil, nil
	}
	return ocistore.Layers(ctx, f, d, manifest)
}

// isTyped tells whether an entry says by its type that it is evidence.
func isTyped(entry v1.Descriptor) bool {
	return entry.ArtifactType != "" && entry.ArtifactType != ocistore.MediaEmpty && ocistore.MayHoldEvidence(entry.ArtifactType)
}

// layoutPrefix marks a reference to a layout. Without it a folder that is a layout is
// taken for one, and an archive for the file that it is.
const layoutPrefix = "oci:"

// cutLayout finds the path of a layout in a reference, and which image of it is
// meant: a digest, a tag, or nothing.
func cutLayout(ref string) (path, which string, ok bool) {
	path, marked := strings.CutPrefix(ref, layoutPrefix)
	if exists(path) {
		return path, "", marked || !isFile(path) && ocilayout.Is(path)
	}
	if !marked && !isPath(path) {
		return path, "", false
	}
	at := strings.Index(path, "@sha256:")
	if at < 0 {
		at = strings.LastIndexByte(path, ':')
	}
	if at < 0 || !exists(path[:at]) {
		return path, "", marked
	}
	return path[:at], path[at+1:], marked || !isFile(path[:at]) && ocilayout.Is(path[:at])
}

// resolveLayout names an image in a layout by the digest of its manifest.
func resolveLayout(ctx context.Context, ref, path, which string) (gatekeep.Subject, error) {
	fail := func(err error) (gatekeep.Subject, error) {
		return gatekeep.Subject{}, &ResolveError{ref, reasonOfRead(err), err}
	}
	f, err := ocistore.OpenFolder(path)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	entry, err := choose(ctx, f, path, which)
	if err != nil {
		return fail(err)
	}
	manifest, err := f.Manifest(ctx, entry.Digest.String())
	if err != nil {
		return fail(err)
	}
	w := walk{from: f, name: pathName(path), artifacts: map[string]gatekeep.Artifact{}}
	s, err := w.subject(ctx, ref, manifest, node{digest: entry.Digest.String(), mediaType: entry.MediaType})
	if err != nil {
		return fail(err)
	}
	return s, nil
}

// refers tells whether an entry names another manifest as its subject.
func refers(ctx context.Context, f *ocistore.Folder, entry v1.Descriptor) bool {
	var m struct {
		Subject *v1.Descriptor `json:"subject"`
	}
	manifest, err := f.Manifest(ctx, entry.Digest.String())
	return err == nil && strictjson.Unmarshal(manifest, ocistore.ManifestLimits(), &m) == nil && m.Subject != nil
}

// choose finds the entry that is meant. Entries that are evidence are not meant.
func choose(ctx context.Context, f *ocistore.Folder, path, which string) (v1.Descriptor, error) {
	entries, err := f.Entries()
	if err != nil {
		return v1.Descriptor{}, err
	}
	var fit []v1.Descriptor
	for _, e := range entries {
		ref := e.Annotations[annotationRef]
		named := which == e.Digest.String() || which != "" && (which == ref || strings.HasSuffix(ref, ":"+which))
		if which == "" {
			named = !slices.Contains(kindsOfCosign, e.Annotations[annotationKind]) && !attachedTag.MatchString(ref) && !isTyped(e) && !refers(ctx, f, e)
		}
		known := slices.ContainsFunc(fit, func(d v1.Descriptor) bool { return d.Digest == e.Digest })
		if named && !known {
			fit = append(fit, e)
		}
	}
	switch {
	case len(fit) == 1:
		return fit[0], nil
	case len(fit) == 0 && which != "":
		return v1.Descriptor{}, fmt.Errorf("the layout lists no image %.100q: %w", which, fs.ErrNotExist)
	case len(fit) == 0:
		return v1.Descriptor{}, errors.New("the layout lists no image")
	}
	return v1.Descriptor{}, fmt.Errorf("the layout lists %d images; write %s@sha256:... or %s:tag", len(fit), path, path)
}
