package evidence

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
)

// Bounds of a policy, packed and unpacked; those of whom packs it are no wider.
const (
	maxPolicy         = 16 << 20
	maxPolicyUnpacked = 96 << 20 // with the padding of tar
	maxPolicyFiles    = 6_000
)

// checkPolicy holds the rules in the bundle against the policy that the record says
// has judged, by the digest over the files.
func (s sealed) checkPolicy(r gatekeep.Record, err error) Check {
	const name = "policy"
	if err != nil {
		return failed(name, PathPolicy, PathRecord, err)
	}
	data, err := s.read(PathPolicy, maxPolicy)
	if err != nil {
		return failed(name, PathPolicy, PathRecord, err)
	}
	got, err := policyDigest(data)
	if err != nil {
		return failed(name, PathPolicy, PathRecord, archive.Refuse(ReasonPolicyMismatch, PathPolicy, "%v", err))
	}
	for _, said := range []string{r.Case.Policy.Digest, r.Decision.Policy} {
		if said != got {
			return failed(name, PathPolicy, PathRecord, archive.Refuse(ReasonPolicyMismatch, PathPolicy, "its files have the digest %s; the record says %q", got, clip(said)))
		}
	}
	return held(name, PathPolicy, PathRecord, got)
}

// policyDigest names a packed policy by its files: the SHA-256 of a listing as
// sha256sum writes it, sorted by path.
func policyDigest(packed []byte) (string, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	type line struct{ path, text string }
	var lines []line
	for r := tar.NewReader(io.LimitReader(unpacked, maxPolicyUnpacked)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		if header.Typeflag != tar.TypeReg || len(lines) == maxPolicyFiles {
			return "", fmt.Errorf("%q is no regular file, or one of more than %d", clip(header.Name), maxPolicyFiles)
		}
		h := sha256.New()
		if _, err := io.Copy(h, r); err != nil {
			return "", fmt.Errorf("%q: %w", clip(header.Name), err)
		}
		lines = append(lines, line{header.Name, fmt.Sprintf("%x  %s\n", h.Sum(nil), header.Name)})
	}
	slices.SortFunc(lines, func(a, b line) int { return bytes.Compare([]byte(a.path), []byte(b.path)) })
	var listing bytes.Buffer
	for i, l := range lines {
		if i > 0 && lines[i-1].path == l.path {
			return "", fmt.Errorf("%q is there twice", clip(l.path))
		}
		listing.WriteString(l.text)
	}
	return digest.Of(listing.Bytes()), nil
}
