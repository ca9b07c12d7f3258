package inventory

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/package-url/packageurl-go"
)

// exactCase are the purl types whose names and namespaces keep their case and whose
// texts follow no rule of their own. A plain text of such a type is canonical.
// True means that upper case is kept; in the others it makes the text not plain.
var exactCase = map[string]bool{
	"cargo": true, "gem": true, "generic": true, "maven": true, "npm": true,
	"nuget": true, "oci": true, "docker": true, "conda": true,
	"golang": false, "deb": false, "apk": false, "alpine": true, "github": false, "pypi": false,
}

// IsReference tells whether an external reference of SPDX 2, or an external identifier of
// SPDX 3, is a purl: its type says so, by its short name or its address (SPDX 2.3 annex
// F.3), or its locator is one.
func IsReference(kind, locator []byte) bool {
	short := string(kind[bytes.LastIndexAny(kind, "/#")+1:])
	return strings.EqualFold(short, "purl") || strings.EqualFold(short, "packageUrl") || isPURL(bytes.TrimSpace(locator))
}

// isPURL tells a purl by its scheme, which is the same in any case.
func isPURL(text []byte) bool { return len(text) >= 4 && strings.EqualFold(string(text[:4]), "pkg:") }

// versioned tells whether a canonical purl has a version: any other @ and / is encoded.
func versioned(canonical string) bool {
	return strings.LastIndexByte(canonical, '@') > strings.LastIndexByte(canonical, '/')
}

// pathOf is the namespace and the name of a canonical purl without version, decoded.
func pathOf(canonical string) string {
	_, path, _ := strings.Cut(canonical, "/")
	if decoded, err := url.PathUnescape(path); err == nil {
		return decoded
	}
	return path
}

// fold is a name as those are compared that no purl stands for: registries take names in
// either case for one, and PyPI - and _ and . too (PEP 503).
func fold(name string) string {
	var folded strings.Builder
	for _, r := range strings.ToLower(strings.TrimSpace(name)) {
		switch r {
		case '-', '_', '.':
			if s := folded.String(); strings.HasSuffix(s, "-") {
				continue
			}
			r = '-'
		}
		folded.WriteRune(r)
	}
	return folded.String()
}

// Canonical is a purl in canonical form without qualifiers and subpath, the form in
// which components, findings and VEX products are compared; false where the text
// is no purl.
func Canonical(purl string) (string, bool) {
	if end, ok := plain(purl); ok {
		return purl[:end], true
	}
	p, err := packageurl.FromString(purl)
	if err != nil {
		return "", false
	}
	p.Qualifiers, p.Subpath = nil, ""
	return p.ToString(), true
}

// Spellings are the texts that a purl is listed under: its canonical form first,
// then the text itself and the canonical form without percent-encoding, where they
// differ ("pkg:npm/%40babel/core@7.0.0", "pkg:npm/@babel/core@7.0.0"). Deny lists
// and scanners write all three. One of NuGet is also listed in lower case, as NuGet takes
// names in either case for one. Where the text is no purl it stands alone, and ok is
// false.
func Spellings(purl string) (spellings []string, ok bool) {
	canonical, ok := Canonical(purl)
	if !ok {
		return []string{purl}, false
	}
	spellings = append(make([]string, 0, 2), canonical)
	if purl != canonical {
		spellings = append(spellings, purl)
	}
	if strings.IndexByte(canonical, '%') >= 0 {
		if decoded, err := url.PathUnescape(canonical); err == nil && decoded != purl && decoded != canonical {
			spellings = append(spellings, decoded)
		}
	}
	if lower := strings.ToLower(canonical); lower != canonical && strings.HasPrefix(canonical, "pkg:nuget/") {
		spellings = append(spellings, lower)
	}
	return spellings, true
}

// plain tells whether the part of a purl before qualifiers and subpath is in
// canonical form already, and where it ends. It says no wherever it is not sure.
func plain(purl string) (end int, ok bool) {
	rest, ok := strings.CutPrefix(purl, "pkg:")
	if !ok {
		return 0, false
	}
	kind, rest, ok := strings.Cut(rest, "/")
	keepsCase, listed := exactCase[kind]
	if !ok || !listed {
		return 0, false
	}
	start := len(purl) - len(rest)
	segment, at := start, -1 // where the segment begins; where the version does
	i := start
scan:
	for ; i < len(purl); i++ {
		switch c := purl[i]; {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '~' || c == ':':
		case c == '_':
			if kind == "pypi" && at < 0 {
				return 0, false
			}
		case c >= 'A' && c <= 'Z':
			if !keepsCase && at < 0 {
				return 0, false
			}
		case c == '/':
			if i == segment || at >= 0 {
				return 0, false
			}
			segment = i + 1
		case c == '@':
			if i == segment || at >= 0 {
				return 0, false
			}
			at = i + 1
		case c == '?' || c == '#':
			break scan
		default:
			return 0, false
		}
	}
	if i == segment || i == at {
		return 0, false
	}
	// What follows must be readable too, or the whole is not a purl.
	return i, i == len(purl) || plainQualifiers(purl[i:])
}

// plainQualifiers tells whether qualifiers are of the form that needs no care:
// ?key=value&key=value, without percent-encoding that may be broken.
func plainQualifiers(rest string) bool {
	if rest[0] != '?' {
		return false
	}
	inKey := true
	start := 1
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c >= 'a' && c <= 'z' || c == '-' || c == '.' || c == '_':
		case c >= '0' && c <= '9':
			if inKey && i == start {
				return false
			}
		case c == '=':
			if inKey && i == start {
				return false
			}
			inKey = false
		case c == '&':
			if inKey {
				return false
			}
			inKey, start = true, i+1
		case inKey, c == ';', c == '#', c < '!', c > '~':
			return false
		case c == '%':
			if _, err := url.PathUnescape(rest[i:min(i+3, len(rest))]); err != nil {
				return false
			}
		}
	}
	return !inKey
}
