// Package layout is what lies where in a bundle, and the list of it.
package layout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/erasure"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Schema names the layout of a bundle, the shape of its manifest, and how its
// statement follows from its record.
const Schema = "gatekeep.dev/evidence/v1"

// MediaType is that of a bundle as a whole.
const MediaType = "application/vnd.gatekeep.evidence.v1+zip"

// Paths of the files of a bundle. Attestations, trust files and reports stand below
// their folders.
const (
	PathManifest        = "manifest.json"
	PathSums            = "SHA256SUMS"
	PathSignature       = "evidence.sigstore.json"
	PathKey             = "evidence.pub"
	PathGuide           = "VERIFY.md"
	PathScript          = "verify.sh"
	PathProof           = "evidence.tlog-proof"
	PathRemembered      = "log/previous-checkpoint"
	PathConsistency     = "log/consistency.proof"
	PathPeople          = "people.json"
	PathRecord          = "decision/record.json"
	PathDecision        = "decision/decision.json"
	PathInput           = "decision/input.json"
	PathCase            = "decision/case.json"
	PathPolicy          = "decision/policy.tar.gz"
	PathPolicySignature = "decision/policy.sigstore.json"

	FolderAttestations = "inputs/attestations/"
	FolderTrust        = "trust/"
	FolderReports      = "reports/"
)

// Required are the files that every bundle lists in its manifest. One of a decision
// that is logged lists verify.sh too, which came with the log.
var Required = []string{PathGuide, PathCase, PathDecision, PathInput, PathPolicy, PathRecord, PathKey}

// Unlisted are files that hold the digest of the manifest, and so cannot stand in it.
// Each is checked by what it says.
var Unlisted = []string{PathManifest, PathSums, PathSignature, PathProof, PathConsistency, PathPeople}

// Manifest is manifest.json: every file of the bundle but itself and those that
// follow from it.
type Manifest struct {
	Schema     string `json:"schema"`
	DecisionID string `json:"decisionID"`
	Files      []Item `json:"files"` // sorted by path
}

// Item is one file of a manifest.
type Item struct {
	Path      string `json:"path"`
	SHA256    string `json:"sha256"` // 64 lower-case hex digits
	Size      int64  `json:"size"`   // bytes
	MediaType string `json:"mediaType"`
	Role      string `json:"role"`
	// Personal are the people, by commitment, whose names stand in the file: it goes when
	// one of them is erased.
	Personal []string `json:"personal,omitempty"`
}

// Bounds of the small documents.
const (
	MaxManifest = 16 << 20 // 20,000 files of some 300 bytes are 6 MiB
)

// ReasonManifestMalformed is the code of a manifest that is not as it must be.
const ReasonManifestMalformed = "manifest_malformed"

// Roles of files, and their media types. Attestations bring their own media type.
var kinds = map[string]struct{ role, mediaType string }{
	PathRecord:          {"record", "application/json"},
	PathDecision:        {"decision", "application/json"},
	PathInput:           {"input", "application/json"},
	PathCase:            {"case", "application/json"},
	PathPolicy:          {"policy", "application/gzip"},
	PathPolicySignature: {"policy-signature", "application/vnd.dev.sigstore.bundle.v0.3+json"},
	PathKey:             {"key", "application/x-pem-file"},
	PathGuide:           {"guide", "text/markdown"},
	PathScript:          {"guide", "application/x-sh"},
	PathRemembered:      {"checkpoint", "text/plain"},
	FolderAttestations:  {"attestation", "application/json"},
	FolderTrust:         {"trust", "application/octet-stream"},
	FolderReports:       {"report", "application/octet-stream"},
}

// ItemOf is the manifest's line for a file.
func ItemOf(f archive.File) Item {
	kind, ok := kinds[f.Path]
	if !ok {
		folder := f.Path[:strings.LastIndexByte(f.Path, '/')+1]
		for len(folder) > 0 && kinds[folder].role == "" {
			folder = folder[:strings.LastIndexByte(folder[:len(folder)-1], '/')+1]
		}
		kind = kinds[folder]
	}
	return Item{
		Path: f.Path, SHA256: hexOf(digest.Of(f.Data)), Size: int64(len(f.Data)), MediaType: kind.mediaType, Role: kind.role,
	}
}

// hexOf is a digest without its algorithm.
func hexOf(d string) string { return strings.TrimPrefix(d, "sha256:") }

// AttestationPath is where the envelope with this digest lies.
func AttestationPath(d string) string { return FolderAttestations + hexOf(d) + ".json" }

// AttestationDigest is the digest that the path of an attestation says, or false for
// the path of anything else.
func AttestationDigest(path string) (string, bool) {
	name, ok := strings.CutPrefix(path, FolderAttestations)
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, ".json")
	d := "sha256:" + name
	return d, ok && digest.Valid(d)
}

// Parse reads a manifest and refuses whatever could be read in two ways:
// unknown members, a path twice or out of order, a digest in another spelling, and
// any form but the canonical one.
func Parse(data []byte) (Manifest, error) {
	var m Manifest
	bad := func(format string, args ...any) (Manifest, error) {
		return Manifest{}, archive.Refuse(ReasonManifestMalformed, PathManifest, format, args...)
	}
	if err := strictjson.Check(data, strictjson.Limits{Bytes: MaxManifest, Depth: 8}); err != nil {
		return bad("%v", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m); err != nil {
		return bad("%v", err)
	}
	if m.Schema != Schema {
		return bad("schema %q is not read; want %q", m.Schema, Schema)
	}
	for i, f := range m.Files {
		switch {
		case i > 0 && m.Files[i-1].Path >= f.Path:
			return bad("%q stands after %q", f.Path, m.Files[i-1].Path)
		case slices.Contains(Unlisted, f.Path) || strings.HasPrefix(f.Path, erasure.Folder):
			return bad("it lists %s, which cannot be listed", f.Path)
		case !digest.Valid("sha256:" + f.SHA256):
			return bad("sha256 of %q is not 64 lower-case hex digits", f.Path)
		case f.Size < 0:
			return bad("size of %q is negative", f.Path)
		}
		if err := archive.CheckPath(f.Path); err != nil {
			return bad("path %q: %v", f.Path, err)
		}
	}
	if again, err := Canonical(m, PathManifest); err != nil || !bytes.Equal(again, data) {
		return bad("it is not in its canonical form (RFC 8785)")
	}
	return m, nil
}

// Sums is SHA256SUMS in the form of coreutils sha256sum: what the manifest lists and
// the manifest itself, sorted by path.
func (m Manifest) Sums(manifestDigest string) []byte {
	lines := make([]string, 0, len(m.Files)+1)
	for _, f := range m.Files {
		lines = append(lines, f.SHA256+"  "+f.Path+"\n")
	}
	lines = append(lines, hexOf(manifestDigest)+"  "+PathManifest+"\n")
	const path = 64 + 2 // where the path begins in a line
	slices.SortFunc(lines, func(a, b string) int { return strings.Compare(a[path:], b[path:]) })
	return []byte(strings.Join(lines, ""))
}

// Canonical is the form after RFC 8785 in which every document of a bundle is
// written.
func Canonical(v any, what string) ([]byte, error) {
	out, _, err := digest.JCS(v)
	if err != nil {
		return nil, fmt.Errorf("writing %s: %w", what, err)
	}
	return out, nil
}
