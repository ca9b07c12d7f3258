// Package sbom turns an SBOM into the index that rules look things up in, in one
// pass over its bytes. It keeps nothing of the document but names, versions, package
// URLs and licences.
//
// Read are CycloneDX as JSON (1.2 to 1.7) and as XML (1.0 to 1.7), SPDX 2.2 and 2.3
// as JSON and as tag-value text, SPDX 3.0 as JSON-LD, and Syft's own JSON. The same
// document gives the same index in each of its encodings.
package sbom

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom/cdxxml"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom/inventory"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom/tagvalue"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// ErrTooLarge marks a document that is over one of the bounds below.
var ErrTooLarge = inventory.ErrTooLarge

// Bounds of a document.
const (
	// MaxBytes holds 400,000 components as Syft writes them.
	MaxBytes = 256 << 20
	// MaxComponents and MaxDepth are those of any inventory.
	MaxComponents = inventory.MaxComponents
	MaxDepth      = inventory.MaxDepth
)

// Formats of a document.
const (
	CycloneDX = "cyclonedx"
	SPDX      = "spdx"
	Syft      = "syft"
)

// Encodings of a document.
const (
	JSON     = "json"
	XML      = "xml"
	TagValue = "tag-value"
	JSONLD   = "json-ld"
)

// Document is what is kept of an SBOM.
type Document struct {
	Format   string // CycloneDX, SPDX or Syft
	Encoding string // JSON, XML, TagValue or JSONLD
	// SpecVersion is the version of the format: "1.6", "2.3", "3.0.1". For Syft it is
	// that of its schema, and empty where the document does not say.
	SpecVersion string
	// Components counts everything in the component or package list, and what is
	// nested in it, but not the thing that a CycloneDX document describes.
	Components int
	// Unidentified counts the components that no purl names. Files and operating
	// systems are not counted: no registry has a name for them.
	Unidentified int
	// Index has five keys, as plain maps and lists that a policy store takes without
	// conversion:
	//
	//	by_purl       purl → name; see Spellings for which purls
	//	by_name       name → list of versions; with a group also "group/name"
	//	by_license    licence id, name or expression → list of purls, or of names
	//	              where there is no purl. An expression is listed whole and under
	//	              each id in it, whether joined by AND or OR
	//	unidentified  the first 100 names of those without a purl
	//	unidentified_by_name
	//	              folded name → list of versions, of all that no purl names with its
	//	              version, whatever their kind; with a group also "group/name"
	Index map[string]any
	// Images are the digests of the images that the document says itself it is of,
	// sorted: those in package URLs of type oci of what it describes.
	Images []string
}

// readable ends the refusal of anything else.
const readable = "CycloneDX JSON 1.2 to 1.7 and XML 1.0 to 1.7, SPDX JSON and tag-value 2.2 and 2.3, SPDX JSON-LD 3.0 and Syft JSON are read"

// Read reads a document that nothing has checked yet, in any encoding: what a file
// holds, or the string that a predicate is. Errors are those of Decode, and those of
// strictjson for JSON.
func Read(data []byte) (*Document, error) {
	if text := trimMark(data); isJSON(text) {
		if err := strictjson.Check(text, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth}); err != nil {
			return nil, fmt.Errorf("reading SBOM: %w", err)
		}
	}
	return Decode(data)
}

// Decode reads a document in any encoding. JSON must have passed strictjson.Check,
// as a predicate has; Read is for what has not. The other encodings are checked here.
// Errors name the place in the document, and wrap ErrTooLarge where a bound is
// exceeded. A byte order mark of UTF-8 before the document is passed over, as RFC
// 8259 section 8.1 allows: some generators for .NET write one. UTF-16 is refused.
func Decode(data []byte) (*Document, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("reading SBOM: %d bytes, limit %d: %w", len(data), MaxBytes, ErrTooLarge)
	}
	doc, err := readText(trimMark(data))
	if err != nil {
		return nil, fmt.Errorf("reading SBOM: %w", err)
	}
	return doc, nil
}

func readText(text []byte) (*Document, error) {
	what := foreign(text)
	switch {
	case what != "":
	case isJSON(text):
		return decodeJSON(text)
	case firstByte(text) == '<':
		version, index, err := cdxxml.Decode(text)
		return document(CycloneDX, XML, version, index, err)
	case tagvalue.Is(text):
		version, index, err := tagvalue.Decode(text)
		return document(SPDX, TagValue, version, index, err)
	case isYAML(text):
		what = "YAML"
	default:
		return nil, errors.New("not an SBOM; " + readable)
	}
	return nil, fmt.Errorf("%s is not read here; %s", what, readable)
}

func document(format, encoding, version string, x *inventory.Index, err error) (*Document, error) {
	if err != nil {
		return nil, err
	}
	return &Document{Format: format, Encoding: encoding, SpecVersion: version,
		Components: x.Components(), Unidentified: x.Unidentified(), Index: x.Store(), Images: x.Images()}, nil
}

func trimMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte("\xEF\xBB\xBF")) }

// isJSON sends a text without any sign of another encoding to the reader of JSON,
// whose errors say what it wants.
func isJSON(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) == 0 || text[0] == '{' || text[0] == '['
}

// firstByte is the first that is no white space, or 0.
func firstByte(text []byte) byte {
	if text = bytes.TrimLeft(text, " \t\r\n"); len(text) > 0 {
		return text[0]
	}
	return 0
}

// Canonical is a purl in canonical form without qualifiers and subpath, the form in
// which components, findings and VEX products are compared; false where the text is
// no purl.
func Canonical(purl string) (string, bool) { return inventory.Canonical(purl) }

// Spellings are the texts that a purl is listed under: its canonical form first, then
// the text itself and the canonical form without percent-encoding, where they differ.
// Where the text is no purl it stands alone, and ok is false.
func Spellings(purl string) (spellings []string, ok bool) { return inventory.Spellings(purl) }
