package archive

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// Packed names a packed folder (tar, gzip) by its files: the SHA-256 of a listing as
// sha256sum writes it, sorted by path. It refuses more than limit bytes or most files.
func Packed(packed []byte, limit int64, most int) (string, error) {
	unpacked, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return "", err
	}
	type line struct{ path, text string }
	var lines []line
	for r := tar.NewReader(io.LimitReader(unpacked, limit)); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		if header.Typeflag != tar.TypeReg || len(lines) == most {
			return "", fmt.Errorf("%.160q is no regular file, or one of more than %d", header.Name, most)
		}
		h := sha256.New()
		if _, err := io.Copy(h, r); err != nil {
			return "", fmt.Errorf("%.160q: %w", header.Name, err)
		}
		lines = append(lines, line{header.Name, fmt.Sprintf("%x  %s\n", h.Sum(nil), header.Name)})
	}
	slices.SortFunc(lines, func(a, b line) int { return bytes.Compare([]byte(a.path), []byte(b.path)) })
	var listing bytes.Buffer
	for i, l := range lines {
		if i > 0 && lines[i-1].path == l.path {
			return "", fmt.Errorf("%.160q is there twice", l.path)
		}
		listing.WriteString(l.text)
	}
	return digest.Of(listing.Bytes()), nil
}
