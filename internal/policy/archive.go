package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing/fstest"

	"github.com/open-policy-agent/opa/v1/util"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// maxArchiveBytes bounds the packed form; the built-in policy packs to 60 KiB.
const maxArchiveBytes = 16 << 20

// Names within an archive.
const (
	archiveRego    = "rego/"
	archiveOverlay = "overlay.json"
)

// overlayLimits bound overlay.json. Params are a few levels deep.
var overlayLimits = strictjson.Limits{Bytes: maxFileBytes, Depth: 64}

// Digest names a policy: every file of it but the tests, and the overlay. It is
// the SHA-256 of a listing, one line a file sorted by name, as sha256sum writes it,
// so that anybody can compute it again:
//
//	<hex>  overlay.json
//	<hex>  rego/gatekeep/main/main.rego
func Digest(src Source) (string, error) {
	files, overlay, err := contents(src)
	if err != nil {
		return "", err
	}
	return digestOf(files, overlay), nil
}

func contents(src Source) (files map[string][]byte, overlay []byte, err error) {
	files, err = read(src.Rego)
	if err != nil {
		return nil, nil, err
	}
	if err := overlays(src.Overlay); err != nil {
		return nil, nil, err
	}
	overlay, err = canonicalOverlay(src.Overlay)
	return files, overlay, err
}

func digestOf(files map[string][]byte, overlay []byte) string {
	var listing bytes.Buffer
	fmt.Fprintf(&listing, "%x  %s\n", sha256.Sum256(overlay), archiveOverlay)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&listing, "%x  %s%s\n", sha256.Sum256(files[name]), archiveRego, name)
	}
	return digest.Of(listing.Bytes())
}

// Archive packs exactly what Digest names into a tar.gz without times, owners or
// modes, to be sealed with a decision. The same source gives the same bytes.
func Archive(src Source) ([]byte, error) {
	files, overlay, err := contents(src)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	w := tar.NewWriter(packed)
	add := func(name string, data []byte) error {
		header := &tar.Header{Name: name, Size: int64(len(data)), Mode: 0o644, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(header); err != nil {
			return fmt.Errorf("packing %s: %w", name, err)
		}
		_, err := w.Write(data)
		return err
	}
	if err := add(archiveOverlay, overlay); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := add(archiveRego+name, files[name]); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(w.Close(), packed.Close()); err != nil {
		return nil, fmt.Errorf("packing policy: %w", err)
	}
	return out.Bytes(), nil
}

// FromArchive unpacks what Archive packed, in memory. It refuses whatever Archive
// would not have written: links, folders, other names, the same name twice, data
// after the end, and anything over a bound. Digest of the result is the digest of
// what was packed.
func FromArchive(data []byte) (Source, error) {
	src, err := unpack(data)
	if err != nil {
		return Source{}, fmt.Errorf("unpacking policy: %w", err)
	}
	return src, nil
}

func unpack(data []byte) (Source, error) {
	if len(data) > maxArchiveBytes {
		return Source{}, fmt.Errorf("more than %d bytes", maxArchiveBytes)
	}
	packed := bytes.NewReader(data)
	unpacked, err := gzip.NewReader(packed)
	if err != nil {
		return Source{}, err
	}
	unpacked.Multistream(false)
	// A bomb stops here: names and padding of all files fit in half a block each.
	stream := io.LimitReader(unpacked, maxBytes+(maxFiles+4)*1024)
	tree := fstest.MapFS{}
	var overlay []byte
	total := 0
	for r := tar.NewReader(stream); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Source{}, err
		}
		content, err := member(r, header)
		if err != nil {
			return Source{}, err
		}
		if total += len(content); total > maxBytes || len(tree) == maxFiles {
			return Source{}, fmt.Errorf("more than %d bytes or %d files", maxBytes, maxFiles)
		}
		name, isRego := strings.CutPrefix(header.Name, archiveRego)
		switch {
		case header.Name == archiveOverlay && overlay == nil:
			overlay = content
		case isRego && tree[name] == nil && plainPath.MatchString(name) && strings.HasPrefix(name, root+"/") && !isTest(name):
			tree[name] = &fstest.MapFile{Data: content, Mode: 0o444}
		default:
			return Source{}, fmt.Errorf("%q has no place in a policy, or is there twice", header.Name)
		}
	}
	if err := atEnd(stream, packed); err != nil {
		return Source{}, err
	}
	return sourceOf(tree, overlay)
}

// member reads one file of an archive.
func member(r io.Reader, header *tar.Header) ([]byte, error) {
	if header.Typeflag != tar.TypeReg {
		return nil, fmt.Errorf("%q is not a regular file", header.Name)
	}
	if header.Size > maxFileBytes {
		return nil, fmt.Errorf("%q is larger than %d bytes", header.Name, maxFileBytes)
	}
	content, err := io.ReadAll(io.LimitReader(r, maxFileBytes+1))
	if err != nil {
		return nil, fmt.Errorf("%q: %w", header.Name, err)
	}
	return content, nil
}

// atEnd reads what follows the last file, which must be nothing but padding; gzip
// checks its checksum on the way.
func atEnd(stream io.Reader, packed *bytes.Reader) error {
	rest, err := io.ReadAll(stream)
	if err != nil {
		return err
	}
	if len(bytes.Trim(rest, "\x00")) > 0 || packed.Len() > 0 {
		return errors.New("data follows the end of the archive")
	}
	return nil
}

// sourceOf wants the overlay in its one spelling.
func sourceOf(tree fstest.MapFS, overlay []byte) (Source, error) {
	if overlay == nil || len(tree) == 0 {
		return Source{}, fmt.Errorf("%s or the rules are missing", archiveOverlay)
	}
	// A path that is a file and a folder at once would be read as either.
	for name := range tree {
		for i, c := range name {
			if c == '/' && tree[name[:i]] != nil {
				return Source{}, fmt.Errorf("%s is a file and a folder", name[:i])
			}
		}
	}
	if err := strictjson.Check(overlay, overlayLimits); err != nil {
		return Source{}, fmt.Errorf("%s: %w", archiveOverlay, err)
	}
	src := Source{Rego: tree}
	if err := util.UnmarshalJSON(overlay, &src.Overlay); err != nil {
		return Source{}, fmt.Errorf("%s: %w", archiveOverlay, err)
	}
	again, err := canonicalOverlay(src.Overlay)
	if err != nil {
		return Source{}, err
	}
	if !bytes.Equal(again, overlay) {
		return Source{}, fmt.Errorf("%s is not in its canonical form", archiveOverlay)
	}
	return src, overlays(src.Overlay)
}
