// Package sbom turns an SBOM into the index that rules look things up in, in one
// pass over its bytes. It reads CycloneDX JSON 1.2 to 1.7 and SPDX JSON 2.2 and
// 2.3, and keeps nothing of the document but names, versions, package URLs and
// licences.
package sbom

import (
	"fmt"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
)

// ErrTooLarge marks a document that is over one of the bounds below.
var ErrTooLarge = jsonscan.ErrLimit

// Bounds of a document.
const (
	// MaxBytes holds 400,000 components as Syft writes them.
	MaxBytes = 256 << 20
	// MaxComponents is ten times the largest image seen, a desktop distribution.
	MaxComponents = 500_000
	// MaxDepth leaves components 30 levels of nesting; real documents have 3.
	MaxDepth = 128
	// maxUnidentified is the number of names kept for messages.
	maxUnidentified = 100
	// maxLicenseIDs bounds the identifiers taken from one licence expression.
	maxLicenseIDs = 200
)

// Formats of a document.
const (
	CycloneDX = "cyclonedx"
	SPDX      = "spdx"
)

// Document is what is kept of an SBOM.
type Document struct {
	Format      string // CycloneDX or SPDX
	SpecVersion string // "1.6", "2.3"
	// Components counts everything in the component or package list, and what is
	// nested in it, but not the thing that the document describes.
	Components int
	// Unidentified counts the components that no purl names. Files and operating
	// systems are not counted: no registry has a name for them.
	Unidentified int
	// Index has four keys, as plain maps and lists that a policy store takes without
	// conversion:
	//
	//	by_purl       purl → name; see Spellings for which purls
	//	by_name       name → list of versions; with a group also "group/name"
	//	by_license    licence id, name or expression → list of purls, or of names
	//	              where there is no purl. An expression is listed whole and under
	//	              each id in it, whether joined by AND or OR
	//	unidentified  the first 100 names of those without a purl
	Index map[string]any
}

// known are the versions that are read, by format.
var known = map[string]map[string]bool{
	CycloneDX: {"1.2": true, "1.3": true, "1.4": true, "1.5": true, "1.6": true, "1.7": true},
	SPDX:      {"2.2": true, "2.3": true},
}

// Decode reads a document that strictjson.Check has passed. Errors name the place
// in the document, and wrap ErrTooLarge where a bound is exceeded.
func Decode(data []byte) (*Document, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("reading SBOM: %d bytes, limit %d: %w", len(data), MaxBytes, ErrTooLarge)
	}
	d := decoder{Scanner: jsonscan.New(data, MaxDepth), index: newIndex()}
	doc := d.document()
	if err := d.Err(); err != nil {
		return nil, fmt.Errorf("reading SBOM: %w", err)
	}
	return doc, nil
}

// decoder is one walk through a document.
type decoder struct {
	*jsonscan.Scanner
	*index
	format   string
	version  string
	licenses [][]byte // of the components being read, the innermost last
}

// document reads the top-level object. The list of components is read in place
// where the format stands before it, as it does in every real document; otherwise
// afterwards.
func (d *decoder) document() *Document {
	lists := map[string]int{} // offset of a list that came before the format, or -1
	d.Object()
	for key, ok := d.Field(); ok; key, ok = d.Field() {
		switch name := string(key); name {
		case "bomFormat":
			if text := d.Text(); string(text) != "CycloneDX" {
				d.Fail(nil, "unknown format %q; want CycloneDX", text)
			}
			d.setFormat(CycloneDX, "")
		case "specVersion":
			d.setFormat("", string(d.Text()))
		case "spdxVersion":
			text := string(d.Text())
			if len(text) < 5 || text[:5] != "SPDX-" {
				d.Fail(nil, "unknown version %q; want SPDX-2.2 or SPDX-2.3", text)
				break
			}
			d.setFormat(SPDX, text[5:])
		case "components", "packages":
			if _, twice := lists[name]; twice {
				d.Fail(nil, "stands twice")
			}
			lists[name] = d.Pos()
			if d.format != "" && name == listName(d.format) {
				lists[name] = -1
				d.list(d.Scanner)
				break
			}
			d.Skip()
		default:
			d.Skip()
		}
	}
	d.End()
	d.checkVersion()
	if at, found := lists[listName(d.format)]; found && at >= 0 && d.Err() == nil {
		d.Scanner = d.At(at, listName(d.format))
		d.list(d.Scanner)
	}
	return &Document{Format: d.format, SpecVersion: d.version, Components: d.count,
		Unidentified: d.anonymous, Index: d.store()}
}

func listName(format string) string {
	if format == SPDX {
		return "packages"
	}
	return "components"
}

// setFormat takes the format from one field and the version from the same or
// another. A document that says it is both is neither.
func (d *decoder) setFormat(format, version string) {
	if format != "" {
		if d.format != "" && d.format != format {
			d.Fail(nil, "the document says that it is both CycloneDX and SPDX")
		}
		d.format = format
	}
	if version != "" && (d.version == "" || format == SPDX) {
		d.version = version
	}
}

func (d *decoder) checkVersion() {
	switch {
	case d.Err() != nil:
	case d.format == "":
		d.Fail(nil, "neither bomFormat nor spdxVersion: not an SBOM that is read here")
	case !known[d.format][d.version]:
		d.Fail(nil, "%s version %q is not read; CycloneDX 1.2 to 1.7 and SPDX 2.2 and 2.3 are", d.format, d.version)
	}
}

func (d *decoder) list(s *jsonscan.Scanner) {
	if d.format == CycloneDX && s.Null() {
		return // cyclonedx-go and others write null for an empty list
	}
	s.Array()
	for s.Item() {
		if d.format == SPDX {
			d.pkg()
		} else {
			d.component()
		}
	}
}

// counted takes one more component.
func (d *decoder) counted() {
	if d.count++; d.count > MaxComponents {
		d.Fail(ErrTooLarge, "more than %d components", MaxComponents)
	}
}
