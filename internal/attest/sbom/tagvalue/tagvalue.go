// Package tagvalue reads the tag-value text of SPDX 2.2 and 2.3 into an inventory.
package tagvalue

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom/inventory"
)

// Tags that are read: the version of the document, the fields of a package, and those
// that end one (SPDX 2.3 clauses 6 to 12).
const (
	tagVersion   = "SPDXVersion"
	tagName      = "PackageName"
	tagPackage   = "PackageVersion"
	tagConcluded = "PackageLicenseConcluded"
	tagDeclared  = "PackageLicenseDeclared"
	tagPurpose   = "PrimaryPackagePurpose"
	tagReference = "ExternalRef"
	tagFile      = "FileName"
	tagSnippet   = "SnippetSPDXID"
	tagLicense   = "LicenseID"
	tagID        = "SPDXID"
	tagRelation  = "Relationship"
)

// tagsRead are all of them.
var tagsRead = []string{tagVersion, tagName, tagPackage, tagConcluded, tagDeclared, tagPurpose, tagReference, tagFile, tagSnippet, tagLicense, tagID, tagRelation}

// decoder is one walk through a document. The reader of spdx/tools-golang is not
// used: it stops at lines of 64 KiB, takes time that grows with the square of a long
// text, and costs every start of the program a millisecond for the sake of JSON-LD.
type decoder struct {
	*inventory.Index
	rest    []byte
	line    int
	version string
	pkg     *inventory.Entry // being read
	seen    []string         // the tags of it that may stand once
}

// Is tells tag-value text of SPDX by its first tag (SPDX 2.3 clause 6.1), or
// by one soon after: not every document keeps the order.
func Is(text []byte) bool {
	for range 100 {
		line, rest, more := bytes.Cut(text, []byte("\n"))
		if tag, _, found := bytes.Cut(line, []byte(":")); found && string(bytes.TrimSpace(tag)) == tagVersion {
			return true
		}
		if !more {
			break
		}
		text = rest
	}
	return false
}

// Decode reads a document. version is "2.2" or "2.3". Errors name the line, and wrap
// inventory.ErrTooLarge where a bound is exceeded.
func Decode(data []byte) (version string, index *inventory.Index, err error) {
	if lone(data) {
		return "", nil, errors.New("a carriage return stands without a line feed: readers do not agree where its line ends")
	}
	d := decoder{Index: inventory.New(len(data)), rest: data}
	for len(d.rest) > 0 {
		at := d.line + 1
		if err := d.field(); err != nil {
			return "", nil, fmt.Errorf("line %d: %w", at, err)
		}
	}
	d.finish()
	if d.version == "" {
		return "", nil, fmt.Errorf("no %s", tagVersion)
	}
	return d.version, d.Index, nil
}

// lone finds a carriage return that no line feed follows.
func lone(data []byte) bool {
	for {
		i := bytes.IndexByte(data, '\r')
		if i < 0 {
			return false
		}
		if data = data[i+1:]; len(data) == 0 || data[0] != '\n' {
			return true
		}
	}
}

// field reads one field, or one line without any.
func (d *decoder) field() error {
	line := bytes.TrimSpace(d.cut("\n"))
	if len(line) == 0 || line[0] == '#' {
		return nil
	}
	tag, value, found := bytes.Cut(line, []byte(":"))
	tag = bytes.TrimSpace(tag)
	if !found || !isTag(tag) {
		return fmt.Errorf("%.40q is not a tag and its value", line)
	}
	value, err := d.value(bytes.TrimSpace(value))
	if err != nil {
		return fmt.Errorf("%s: %w", tag, err)
	}
	if err := d.take(string(tag), value); err != nil {
		return fmt.Errorf("%s: %w", tag, err)
	}
	return nil
}

// cut takes the text up to a mark, and counts the lines in it.
func (d *decoder) cut(mark string) []byte {
	before, after, found := bytes.Cut(d.rest, []byte(mark))
	d.line += bytes.Count(before, []byte("\n"))
	if found && mark == "\n" || !found {
		d.line++
	}
	d.rest = after
	return before
}

func isTag(tag []byte) bool {
	for _, c := range tag {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			return false
		}
	}
	return len(tag) > 0
}

// value reads on where the value is a text of more than one line (SPDX 2.3 clause
// 5.2). One that has the mark elsewhere than at its begin and end is refused: readers
// do not agree on what belongs to it.
func (d *decoder) value(first []byte) ([]byte, error) {
	text, marked := bytes.CutPrefix(first, []byte("<text>"))
	if !marked {
		if bytes.Contains(first, []byte("<text>")) {
			return nil, errors.New("<text> in the middle of a value")
		}
		return first, nil
	}
	if inside, after, closed := bytes.Cut(text, []byte("</text>")); closed {
		if len(bytes.TrimSpace(after)) > 0 {
			return nil, errors.New("something follows </text>")
		}
		return inside, nil
	}
	if !bytes.Contains(d.rest, []byte("</text>")) {
		return nil, errors.New("<text> without </text>")
	}
	inside := d.cut("</text>")
	if len(bytes.TrimSpace(d.cut("\n"))) > 0 {
		return nil, errors.New("something follows </text>")
	}
	return append(append(bytes.Clone(text), '\n'), inside...), nil
}

// take takes one field.
func (d *decoder) take(tag string, value []byte) error {
	switch tag {
	case tagVersion:
		return d.setVersion(string(value))
	case tagFile, tagSnippet, tagLicense:
		d.finish()
		return nil
	case tagName:
		d.finish()
		if err := d.Count(); err != nil {
			return err
		}
		d.pkg = &inventory.Entry{}
	case tagPackage, tagConcluded, tagDeclared, tagPurpose, tagReference:
		if d.pkg == nil {
			return errors.New("stands outside of a package")
		}
	case tagID:
		if d.pkg == nil {
			return nil // that of the document, of a file or of a snippet
		}
	case tagRelation:
		if words := strings.Fields(string(value)); len(words) == 3 {
			d.Relate(words[0], words[1], words[2])
		}
		return nil
	default:
		// Tags are compared as they are written; another reader may not do so.
		for _, known := range tagsRead {
			if strings.EqualFold(tag, known) {
				return fmt.Errorf("want %s", known)
			}
		}
		return nil
	}
	if !utf8.Valid(value) {
		return errors.New("value is not UTF-8")
	}
	return d.packageField(tag, value)
}

func (d *decoder) setVersion(text string) error {
	version, ok := strings.CutPrefix(text, "SPDX-")
	switch {
	case d.version != "":
		return errors.New("stands twice")
	case !ok || version != "2.2" && version != "2.3":
		return fmt.Errorf("%q is not read; SPDX-2.2 and SPDX-2.3 are", text)
	}
	d.version = version
	return nil
}

func (d *decoder) packageField(tag string, value []byte) error {
	if tag == tagReference {
		// Category, type and locator, separated by spaces (SPDX 2.3 clause 7.21).
		words := bytes.Fields(value)
		if len(words) == 3 && inventory.IsReference(words[1], words[2]) {
			d.pkg.AddPURL(words[2])
		} else if len(words) > 1 && inventory.IsReference(words[1], nil) {
			return errors.New("want a category, a type and a locator")
		}
		return nil
	}
	if slices.Contains(d.seen, tag) {
		return errors.New("stands twice in a package")
	}
	d.seen = append(d.seen, tag)
	value = bytes.TrimSpace(value)
	switch tag {
	case tagName:
		d.pkg.Name = value
	case tagID:
		d.pkg.ID = value
	case tagPackage:
		d.pkg.Version = value
	case tagPurpose:
		d.pkg.Kind = value
	case tagConcluded, tagDeclared:
		if !inventory.NoLicense(value) && len(value) > 0 {
			d.pkg.Licenses = append(d.pkg.Licenses, value)
		}
	}
	return nil
}

// finish ends the package being read.
func (d *decoder) finish() {
	if d.pkg != nil {
		d.Add(*d.pkg)
	}
	d.pkg, d.seen = nil, d.seen[:0]
}
