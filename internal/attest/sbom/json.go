package sbom

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom/inventory"
)

// Kinds of JSON document: the formats, with SPDX 3 apart from SPDX 2.
const spdx3 = "spdx3"

// known are the versions that are read, by kind. Those of Syft and of SPDX 3 are
// open at the end: see knownVersion.
var known = map[string][]string{
	CycloneDX: {"1.2", "1.3", "1.4", "1.5", "1.6", "1.7"},
	SPDX:      {"2.2", "2.3"},
}

// maxSyftSchema is the latest major version of Syft's schema whose artifacts are
// known to have the fields that are read.
const maxSyftSchema = 16

// parts are the fields of the top level that hold components, or say what the document
// describes, and whose they are.
var parts = []struct{ field, kind string }{
	{"metadata", CycloneDX}, {"components", CycloneDX},
	{"packages", SPDX}, {"relationships", SPDX}, {"documentDescribes", SPDX},
	{"@graph", spdx3},
	{"artifacts", Syft},
}

// contextSPDX3 is the JSON-LD context of SPDX 3.0, at either of its addresses
// (SPDX 3.0.1 clause 5 and its examples). The context is what gives the short names
// of types and properties their meaning, so no other will do.
var contextSPDX3 = regexp.MustCompile(`^https://spdx\.(?:org/rdf/|github\.io/spdx-spec/v)(3\.0(?:\.\d+)?)/(?:rdf/)?spdx-context\.jsonld$`)

// decoder is one walk through a document.
type decoder struct {
	*jsonscan.Scanner
	*inventory.Index
	data     []byte
	kind     string
	version  string
	licenses [][]byte // of the components being read, the innermost last
	graph    *graph   // of SPDX 3
	beside   string   // a field of the top level that no format gives a meaning here
}

func decodeJSON(data []byte) (*Document, error) {
	d := decoder{Scanner: jsonscan.New(data, MaxDepth), Index: inventory.New(len(data)), data: data}
	d.document()
	format, encoding := d.kind, JSON
	if d.kind == spdx3 {
		format, encoding = SPDX, JSONLD
	}
	return document(format, encoding, d.version, d.Index, d.Err())
}

// document reads the top-level object. Components are read in place where the format
// stands before them, as it does in nearly every real document; otherwise afterwards.
func (d *decoder) document() {
	var at [7]int // where each of the parts stands, if it has not been read; or -1
	d.Object()
	for key, ok := d.Field(); ok; key, ok = d.Field() {
		i := slices.IndexFunc(parts, func(p struct{ field, kind string }) bool { return p.field == string(key) })
		switch {
		case i < 0:
			d.identity(string(key))
		case at[i] != 0:
			d.Fail(nil, "stands twice")
		case parts[i].kind == d.kind:
			at[i] = -1
			d.part(parts[i].field)
		default:
			at[i] = d.Pos()
			if d.beside == "" && parts[i].kind != spdx3 {
				d.beside = parts[i].field
			}
			d.Skip()
		}
	}
	d.End()
	d.checkVersion()
	found := false
	for i, p := range parts {
		if p.kind != d.kind || at[i] == 0 || d.Err() != nil {
			continue
		}
		found = true
		if at[i] > 0 {
			d.Scanner = d.At(at[i], p.field)
			d.part(p.field)
		}
	}
	if d.Err() != nil {
		return
	}
	// CycloneDX and SPDX 2 may leave their lists out. Syft does not, and SPDX 3 has
	// its one element in the place of a graph.
	switch {
	case d.kind == Syft && !found:
		d.Fail(nil, "no artifacts")
	case d.kind == spdx3 && !found:
		d.lone()
	case d.kind == spdx3 && d.beside != "":
		// SPDX 3.0.1 clause 5: the document is its context and its graph. An element beside
		// the graph would be one to a reader of JSON-LD.
		d.Fail(nil, "%q stands beside @graph", d.beside)
	}
	d.graphEnd()
}

// identity reads a field that may say what the document is.
func (d *decoder) identity(field string) {
	switch {
	case field == "bomFormat":
		if text := d.Text(); string(text) != "CycloneDX" {
			d.Fail(nil, "unknown format %q; want CycloneDX", text)
		}
		d.setKind(CycloneDX)
	case field == "specVersion":
		if text := string(d.Text()); d.kind == "" || d.kind == CycloneDX {
			d.version = text
		}
	case field == "spdxVersion":
		text, ok := bytes.CutPrefix(d.Text(), []byte("SPDX-"))
		if !ok {
			d.Fail(nil, "unknown version %q; want SPDX-2.2 or SPDX-2.3", text)
		}
		d.setKind(SPDX)
		d.version = string(text)
	case field == "@context" && d.Kind() == '"':
		if m := contextSPDX3.FindSubmatch(d.Text()); m != nil {
			d.setKind(spdx3)
			d.version = string(m[1])
		}
	case (field == "descriptor" || field == "schema") && d.Kind() == '{':
		d.syftIdentity()
	default:
		if d.beside == "" && field != "@context" {
			d.beside = field
		}
		d.Skip()
	}
}

// setKind takes what one field says. A document that says it is two things is
// neither.
func (d *decoder) setKind(kind string) {
	if d.kind != "" && d.kind != kind {
		d.Fail(nil, "the document says that it is both %s and %s", d.kind, kind)
	}
	if d.kind == "" && kind != CycloneDX {
		d.version = "" // a specVersion that came before means nothing now
	}
	d.kind = kind
}

func (d *decoder) checkVersion() {
	switch {
	case d.Err() != nil:
	case d.kind == "":
		d.Fail(nil, "neither bomFormat nor spdxVersion, nor the context of SPDX 3, nor the descriptor of Syft: not an SBOM that is read here")
	case !d.knownVersion():
		d.Fail(nil, "%s version %q is not read; %s", d.kind, d.version, readable)
	}
}

func (d *decoder) knownVersion() bool {
	switch d.kind {
	case spdx3:
		return true // only 3.0 has got this far
	case Syft:
		major, _, _ := strings.Cut(d.version, ".")
		n, err := strconv.Atoi(major)
		return d.version == "" || err == nil && n >= 1 && n <= maxSyftSchema
	}
	return slices.Contains(known[d.kind], d.version)
}

func (d *decoder) part(field string) {
	switch field {
	case "metadata":
		d.metadata()
	case "components":
		d.components()
	case "packages":
		d.each(d.pkg)
	case "relationships":
		d.optional(d.relation)
	case "documentDescribes":
		d.optional(func() { d.Describe(string(d.Text())) })
	case "artifacts":
		d.each(d.artifact)
	case "@graph":
		d.each(func() { d.node(false) })
	}
}

// optional reads a list that may be null.
func (d *decoder) optional(read func()) {
	if !d.Null() {
		d.each(read)
	}
}

func (d *decoder) each(read func()) {
	d.Array()
	for d.Item() {
		read()
	}
}

// counted takes one more component.
func (d *decoder) counted() {
	if d.Count() != nil {
		d.Fail(ErrTooLarge, "more than %d components", MaxComponents)
	}
}

func (d *decoder) license(text []byte) {
	if len(text) > 0 {
		d.licenses = append(d.licenses, text)
	}
}
