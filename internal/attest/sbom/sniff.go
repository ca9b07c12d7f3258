package sbom

import (
	"bytes"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom/cdxxml"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom/tagvalue"
)

// maxSniff bounds what Sniff looks at: one that it cannot name in a megabyte has not
// the form of any generator that is known.
const maxSniff = 1 << 20

// Sniff tells what a document seems to be, from its beginning or all of it: one of
// the formats and one of the encodings above. It reads up to a megabyte and checks
// nothing: Decode may still refuse the document. The fields of JSON may stand in any
// order.
func Sniff(head []byte) (format, encoding string, ok bool) {
	text := trimMark(head[:min(len(head), maxSniff)])
	switch c := firstByte(text); {
	case c == '{':
		return sniffJSON(text)
	case c == '<':
		if cdxxml.Is(text) {
			return CycloneDX, XML, true
		}
	case tagvalue.Is(text):
		return SPDX, TagValue, true
	}
	return "", "", false
}

// sniffJSON looks at the top level until one field names the format. Where the text
// ends before that, in a long list of components, it goes by the fields seen.
func sniffJSON(text []byte) (format, encoding string, ok bool) {
	s := jsonscan.New(text, MaxDepth)
	var likely string
	s.Object()
	for key, more := s.Field(); more; key, more = s.Field() {
		from := s.Pos()
		s.Skip()
		if s.Err() != nil {
			// What has begun and does not end is the list of components.
			if string(key) == "artifacts" && bytes.Contains(text[from:], []byte(`"foundBy"`)) {
				likely = Syft
			}
			break
		}
		value := bytes.TrimSpace(text[from:s.Pos()])
		var word []byte
		if value[0] == '"' {
			word = jsonscan.New(value, 1).Text()
		}
		switch string(key) {
		case "bomFormat":
			if string(word) == "CycloneDX" {
				return CycloneDX, JSON, true
			}
		case "spdxVersion":
			if bytes.HasPrefix(word, []byte("SPDX-")) {
				return SPDX, JSON, true
			}
		case "@context":
			if contextSPDX3.Match(word) {
				return SPDX, JSONLD, true
			}
		case "descriptor", "schema":
			d := decoder{Scanner: jsonscan.New(value, MaxDepth)}
			if d.syftIdentity(); d.kind == Syft {
				return Syft, JSON, true
			}
		case "SPDXID":
			likely = SPDX
		case "$schema":
			if bytes.Contains(word, []byte("cyclonedx.org/schema/bom-")) {
				likely = CycloneDX
			}
		}
	}
	if likely != "" && s.Err() != nil {
		return likely, JSON, true
	}
	return "", "", false
}

// foreign names what is no text that could be read, as far as the first bytes tell.
func foreign(text []byte) string {
	starts := func(prefix string) bool { return bytes.HasPrefix(text, []byte(prefix)) }
	switch {
	case starts("\xFE\xFF"), starts("\xFF\xFE"), starts("\x00<"), starts("<\x00"), starts("\x00{"), starts("{\x00"):
		return "UTF-16 text"
	case starts("PK\x03\x04"):
		return "a spreadsheet or other archive"
	case starts("BZh"), starts("\x1F\x8B"), starts("\x28\xB5\x2F\xFD"):
		return "compressed text"
	}
	return ""
}

// isYAML looks for a field that YAML spells otherwise than tag-value text does.
func isYAML(text []byte) bool {
	text = text[:min(len(text), maxSniff)]
	for _, field := range []string{"spdxVersion:", "bomFormat:"} {
		if bytes.HasPrefix(text, []byte(field)) || bytes.Contains(text, []byte("\n"+field)) {
			return true
		}
	}
	return false
}
