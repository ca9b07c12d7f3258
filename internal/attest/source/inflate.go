package source

import (
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Bounds on what a compressed document may become.
const (
	// MaxDocumentBytes is for an SBOM, the largest document there is: ten times the
	// largest seen.
	MaxDocumentBytes = 256 << 20
	// MaxInflateRatio of a document to its compressed form. Real SBOMs reach 20, and
	// bombs a million.
	MaxInflateRatio = 250
	// minInflated is given to every document, so that short ones full of repetition
	// pass.
	minInflated = 1 << 20
	// maxZstdWindow bounds the memory that a frame may ask for before it gives a
	// byte. zstd itself makes none above 8 MiB unless told to.
	maxZstdWindow = 64 << 20
)

// ErrTooLarge is a document that is larger than it may be, unpacked or as it is. Its
// reason is gatekeep.ReasonTooLarge.
var ErrTooLarge = errors.New("larger than it may be")

// compressions are the forms that files of evidence come in, by their first bytes. No
// JSON or XML begins so.
var compressions = []struct {
	ending, magic string
	open          func(io.Reader) (io.Reader, error) // nil: refused
}{
	{".gz", "\x1f\x8b", openGzip},
	{".bz2", "BZh", openBzip2},
	{".zst", "\x28\xb5\x2f\xfd", openZstd},
	{".xz", "\xfd7zXZ\x00", nil},
}

func openGzip(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }

func openBzip2(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }

func openZstd(r io.Reader) (io.Reader, error) {
	// One goroutine decodes in step with what is read, so that nothing has to be
	// closed when reading stops at the bound.
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
}

// Inflate returns the bytes of a document that may be compressed with gzip, bzip2 or
// zstd, as its first bytes tell; others come back as they are. More than limit bytes,
// or more than MaxInflateRatio times what went in, are ErrTooLarge: no more than that
// is made. The name is for messages, and to refuse a file whose ending promises a form
// that its bytes do not have.
func Inflate(name string, data []byte, limit int64) ([]byte, error) {
	for _, c := range compressions {
		if strings.HasSuffix(name, c.ending) && !bytes.HasPrefix(data, []byte(c.magic)) {
			return nil, fmt.Errorf("inflating %s: its bytes are not those of a %s file", name, c.ending)
		}
	}
	for _, c := range compressions {
		if !bytes.HasPrefix(data, []byte(c.magic)) {
			continue
		}
		if c.open == nil {
			return nil, fmt.Errorf("inflating %s: %s is not read here; unpack it first", name, c.ending)
		}
		r, err := c.open(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("inflating %s: %w", name, err)
		}
		bound := min(limit, max(minInflated, int64(len(data))*MaxInflateRatio))
		out, err := io.ReadAll(io.LimitReader(r, bound+1))
		switch {
		case int64(len(out)) > bound:
			return nil, fmt.Errorf("inflating %s: %w: %d bytes become more than %d", name, ErrTooLarge, len(data), bound)
		case err != nil:
			return nil, fmt.Errorf("inflating %s: %w", name, err)
		}
		return out, nil
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("reading %s: %w: more than %d bytes", name, ErrTooLarge, limit)
	}
	return data, nil
}

// withoutCompression is a name without the ending of a compression.
func withoutCompression(name string) string {
	for _, c := range compressions {
		if path.Ext(name) == c.ending {
			return strings.TrimSuffix(name, c.ending)
		}
	}
	return name
}
