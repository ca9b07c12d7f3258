// Package inventory is the index that rules look components up in, and the form of
// package URLs that they are compared in. It grows component by component, whatever
// the format and the encoding of the SBOM that they stand in.
package inventory

import (
	"fmt"
	"iter"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
)

// ErrTooLarge marks a document that is over a bound of its reader.
var ErrTooLarge = jsonscan.ErrLimit

// Bounds of every document, whatever its format.
const (
	// MaxComponents is ten times the largest image seen, a desktop distribution.
	MaxComponents = 500_000
	// MaxDepth leaves components 30 levels of nesting; real documents have 3.
	MaxDepth = 128
	// MaxLicenses bounds the identifiers taken from one licence expression, and the
	// licences that one package of SPDX 3 may have.
	MaxLicenses = 200
	// maxUnidentified is the number of names kept for messages.
	maxUnidentified = 100
)

// Entry is one component or package. Its texts belong to the document: Add copies
// what is kept.
type Entry struct {
	Kind     []byte // what sort of component it is, as the format spells it
	Name     []byte
	Group    []byte // the namespace of CycloneDX, or empty
	Version  []byte
	PURL     []byte   // the first, or empty
	More     [][]byte // purls beside the first
	Licenses [][]byte // ids, names and expressions
	// Described tells the thing that the document is about: it may be looked up, and nobody
	// expects a purl of it.
	Described bool
	// ID is what other parts of the document refer to it by, where images are told so.
	ID []byte
}

// AddPURL takes one more purl of a package. An empty one is none.
func (c *Entry) AddPURL(purl []byte) {
	switch {
	case len(purl) == 0:
	case c.PURL == nil:
		c.PURL = purl
	default:
		c.More = append(c.More, purl)
	}
}

// NoLicense tells the two words that stand for no licence in SPDX (2.3 clauses 7.13
// and 7.15).
func NoLicense(text []byte) bool { return string(text) == "NOASSERTION" || string(text) == "NONE" }

// nameless are the kinds that no purl is to be expected of, as each format spells
// them. Trivy writes OPERATING-SYSTEM into SPDX 2, which has OPERATING_SYSTEM in its
// schema (SPDX 2.3 clause 7.24).
func (c *Entry) nameless() bool {
	if c.Described {
		return true
	}
	switch string(c.Kind) {
	case "file", "operating-system", "FILE", "OPERATING-SYSTEM", "OPERATING_SYSTEM", "operatingSystem":
		return true
	}
	return false
}

// Index grows with each entry. The zero value cannot be added to: see New.
type Index struct {
	byPURL       map[string]any
	byName       map[string]any // of []any
	byLicense    map[string][]any
	unidentified []any
	unnamed      map[string]any // of []any: versions of those that no purl names with its version, by folded name
	count        int
	anonymous    int
	images       images
}

// Bytes of a document that are reckoned for each name and each spelling of a purl
// when the maps are made. A map that has to grow hashes all its keys again, which is
// most of the work in a large document; one made too large costs a tenth of what the
// document does.
const (
	bytesAName     = 1024
	bytesASpelling = 512
)

// New is the empty index of a document of so many bytes.
func New(size int) *Index {
	return &Index{byPURL: make(map[string]any, size/bytesASpelling), byName: make(map[string]any, size/bytesAName),
		byLicense: map[string][]any{}, unidentified: []any{}, unnamed: map[string]any{}}
}

// Store is the index as plain maps and lists, which the policy store takes without
// conversion: by_purl, by_name, by_license, unidentified and
// unidentified_by_name, as sbom.Document says.
// They are those of the index: nothing is to be added afterwards.
func (x *Index) Store() map[string]any {
	byLicense := make(map[string]any, len(x.byLicense))
	for key, list := range x.byLicense {
		byLicense[key] = list
	}
	return map[string]any{"by_purl": x.byPURL, "by_name": x.byName, "by_license": byLicense, "unidentified": x.unidentified, "unidentified_by_name": x.unnamed}
}

// Count takes note that one more component begins. It counts before Add does, so that
// the bound holds while components nest.
func (x *Index) Count() error {
	if x.count++; x.count > MaxComponents {
		return fmt.Errorf("more than %d components: %w", MaxComponents, ErrTooLarge)
	}
	return nil
}

// Components is the number that Count has counted.
func (x *Index) Components() int { return x.count }

// Unidentified is the number of those added that no purl names. Files and operating
// systems are not counted.
func (x *Index) Unidentified() int { return x.anonymous }

// Add lists a component.
func (x *Index) Add(c Entry) {
	x.addImage(&c)
	name := string(c.Name)
	var boxed any = name // once: each of the lists holds it
	identified, exact := false, false
	label := boxed // what licences are listed with
	for i, purl := range c.purls() {
		key, ok := x.addPURL(purl, boxed)
		if i == 0 || ok && !identified {
			label = key
		}
		identified = identified || ok
		if ok && versioned(key) {
			exact = true
		} else if ok {
			x.addUnnamed(pathOf(key), c.Version)
		}
	}
	if !exact {
		x.addUnnamed(name, c.Version)
		if len(c.Group) > 0 {
			x.addUnnamed(string(c.Group)+"/"+name, c.Version)
		}
	}
	if !identified && !c.nameless() {
		x.anonymous++
		if len(x.unidentified) < maxUnidentified {
			x.unidentified = append(x.unidentified, boxed)
		}
	}
	if name != "" {
		var version any = string(c.Version)
		x.addName(name, version)
		if len(c.Group) > 0 {
			x.addName(string(c.Group)+"/"+name, version)
		}
	}
	for _, text := range c.Licenses {
		x.addLicense(text, label)
	}
}

// addUnnamed lists a component that no purl names with its version under a name, so that
// whoever looks for the name finds what it may be. It may be whatever kind it says that
// it is of; but the path of a file is the name of nothing else.
func (x *Index) addUnnamed(name string, version []byte) {
	if strings.HasPrefix(name, "/") {
		return
	}
	key := fold(name)
	versions, _ := x.unnamed[key].([]any)
	var v any = strings.TrimSpace(string(version))
	if n := len(versions); n > 0 && versions[n-1] == v {
		return
	}
	x.unnamed[key] = append(versions, v)
}

// purls goes through all of them, the first first.
func (c *Entry) purls() iter.Seq2[int, []byte] {
	return func(yield func(int, []byte) bool) {
		if len(c.PURL) == 0 || !yield(0, c.PURL) {
			return
		}
		for i, purl := range c.More {
			if !yield(i+1, purl) {
				return
			}
		}
	}
}

func (x *Index) addName(name string, version any) {
	versions, _ := x.byName[name].([]any)
	// The same package found in two places stands side by side.
	if n := len(versions); n > 0 && versions[n-1] == version {
		return
	}
	x.byName[name] = append(versions, version)
}

// addPURL lists a purl under each of its spellings. One that cannot be read is
// listed as it stands, and does not count as an identity.
func (x *Index) addPURL(purl []byte, name any) (key string, identified bool) {
	spellings, ok := Spellings(strings.TrimSpace(string(purl)))
	if !ok {
		// What follows the version may be unreadable; what stands before it still names it.
		path, _, _ := strings.Cut(spellings[0], "#")
		path, _, _ = strings.Cut(path, "?")
		if readable, named := Spellings(path); named {
			spellings = append(spellings, readable...)
		}
	}
	for _, s := range spellings {
		if _, taken := x.byPURL[s]; !taken {
			x.byPURL[s] = name
		}
	}
	return spellings[0], ok
}

func (x *Index) addLicense(text []byte, label any) {
	x.addLicenseKey(text, label)
	if !isExpression(text) {
		return
	}
	ids := 0
	for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return r == ' ' || r == '(' || r == ')' }) {
		switch word {
		case "AND", "OR", "WITH":
			continue
		}
		if ids++; ids > MaxLicenses {
			return
		}
		x.addLicenseKey([]byte(word), label)
	}
}

func (x *Index) addLicenseKey(key []byte, label any) {
	list := x.byLicense[string(key)]
	if n := len(list); n > 0 && list[n-1] == label {
		return
	}
	x.byLicense[string(key)] = append(list, label)
}

// isExpression tells an SPDX licence expression from an id and from the name of a
// licence in words ("GNU GPL version 2 or later"): its operators are upper case
// (SPDX 2.3 annex D.2). It is asked of ids and names too, since real documents put
// expressions there.
func isExpression(text []byte) bool {
	s := string(text)
	return strings.HasPrefix(s, "(") || strings.Contains(s, " AND ") ||
		strings.Contains(s, " OR ") || strings.Contains(s, " WITH ")
}
