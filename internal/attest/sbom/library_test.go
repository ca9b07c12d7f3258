package sbom

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
	gocmp "github.com/google/go-cmp/cmp"
	spdxjson "github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"
	"github.com/spdx/tools-golang/spdx/v3/v3_0"
	"github.com/spdx/tools-golang/tagvalue"

	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom/inventory"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// library builds the same index the slow way, from the reading of the library that
// the makers of the format keep. It knows the format and the encoding from Decode.
func library(data []byte, doc *Document) (*inventory.Index, error) {
	x := inventory.New(0)
	var err error
	switch doc.Format + " " + doc.Encoding {
	case "cyclonedx json":
		err = cycloneDX(x, data, cdx.BOMFileFormatJSON)
	case "cyclonedx xml":
		err = cycloneDX(x, data, cdx.BOMFileFormatXML)
	case "spdx json":
		var document spdx.Document
		err = spdxjson.ReadInto(bytes.NewReader(data), &document)
		spdx2(x, &document)
	case "spdx tag-value":
		var document spdx.Document
		err = tagvalue.ReadInto(bytes.NewReader(data), &document)
		spdx2(x, &document)
	case "spdx json-ld":
		var document v3_0.Document
		err = json.Unmarshal(data, &document)
		graph3(x, &document)
	default:
		return nil, nil // Syft has no library but itself, which lives elsewhere
	}
	return x, err
}

func cycloneDX(x *inventory.Index, data []byte, format cdx.BOMFileFormat) error {
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(data), format).Decode(&bom); err != nil {
		return err
	}
	if bom.Metadata != nil && bom.Metadata.Component != nil {
		walk(x, bom.Metadata.Component.Components)
		x.Add(entryOf(bom.Metadata.Component, true))
	}
	walk(x, bom.Components)
	return nil
}

// walk lists a component after those within it, as Decode meets their ends.
func walk(x *inventory.Index, components *[]cdx.Component) {
	if components == nil {
		return
	}
	for _, c := range *components {
		_ = x.Count()
		walk(x, c.Components)
		x.Add(entryOf(&c, false))
	}
}

func entryOf(c *cdx.Component, described bool) inventory.Entry {
	bytesOf := func(s string) []byte { return []byte(strings.TrimSpace(s)) }
	e := inventory.Entry{Described: described, Kind: []byte(c.Type), Name: bytesOf(c.Name), Group: bytesOf(c.Group), Version: bytesOf(c.Version), PURL: bytesOf(c.PackageURL)}
	if c.Licenses != nil {
		for _, l := range *c.Licenses {
			texts := []string{l.Expression}
			if l.License != nil {
				texts = append(texts, l.License.ID, l.License.Name)
			}
			for _, text := range texts {
				if text = strings.TrimSpace(text); text != "" {
					e.Licenses = append(e.Licenses, []byte(text))
				}
			}
		}
	}
	return e
}

func spdx2(x *inventory.Index, document *spdx.Document) {
	for _, p := range document.Packages {
		_ = x.Count()
		e := inventory.Entry{Kind: []byte(p.PrimaryPackagePurpose), Name: []byte(p.PackageName), Version: []byte(p.PackageVersion)}
		for _, text := range []string{p.PackageLicenseConcluded, p.PackageLicenseDeclared} {
			if text != "" && text != "NOASSERTION" && text != "NONE" {
				e.Licenses = append(e.Licenses, []byte(text))
			}
		}
		for _, r := range p.PackageExternalReferences {
			if r.RefType == common.TypePackageManagerPURL || strings.HasPrefix(r.Locator, "pkg:") {
				e.AddPURL([]byte(r.Locator))
			}
		}
		x.Add(e)
	}
}

func graph3(x *inventory.Index, document *v3_0.Document) {
	for _, p := range document.Elements.Packages() {
		_ = x.Count()
		e := inventory.Entry{Name: []byte(p.GetName()), Version: []byte(p.GetVersion()), PURL: []byte(p.GetPackageURL())}
		for _, id := range p.GetExternalIdentifiers() {
			if id.GetType() == v3_0.ExternalIdentifierType_PackageURL && id.GetIdentifier() != string(e.PURL) {
				e.AddPURL([]byte(id.GetIdentifier()))
			}
		}
		for _, r := range document.Elements.Relationships() {
			if r.GetFrom() == nil || r.GetFrom().GetID() != p.GetID() ||
				r.GetType() != v3_0.RelationshipType_HasDeclaredLicense && r.GetType() != v3_0.RelationshipType_HasConcludedLicense {
				continue
			}
			for _, l := range r.GetTo().LicenseExpressions() {
				if text := l.GetLicenseExpression(); text != "NOASSERTION" && text != "NONE" {
					e.Licenses = append(e.Licenses, []byte(text))
				}
			}
		}
		x.Add(e)
	}
}

// unreadable are documents that Decode reads and their library does not.
var unreadable = map[string]string{
	"sbom/cyclonedx-spec/1.6/valid-attestation-1.6.json":                   "cyclonedx-go wants an object where the schema of 1.6 has a string",
	"sbom/spdx-examples/software/example3/spdx3.0/example3-bin.json":       "tools-golang wants every element in the document, though an ExternalMap names it",
	"sbom/spdx-examples/software/example4/spdx3.0/example4-bin.json":       "as above",
	"sbom/spdx-examples/software/example5/spdx3.0/example5-bin.json":       "as above",
	"sbom/spdx-examples/software/example6/spdx3.0/example6-bin.json":       "as above",
	"sbom/spdx-examples/software/example7/spdx3.0/example7-bin.spdx3.json": "as above",
	"sbom/spdx-golang/SPDXTagExample-v2.2.spdx":                            "tools-golang wants snippets before packages",
}

func TestDecodeAgreesWithTheLibrariesOfTheFormats(t *testing.T) {
	compared := map[string]int{}
	compare := func(name string, data []byte) {
		t.Run(name, func(t *testing.T) {
			doc, err := Decode(data)
			if err != nil {
				return // TestEveryDocumentIsReadAsExpected has looked at it
			}
			x, err := library(data, doc)
			if x == nil {
				return
			}
			if _, listed := unreadable[name]; listed != (err != nil) {
				t.Errorf("listed as unreadable for the library: %v, but it says %v", listed, err)
			}
			if err != nil {
				return
			}
			compared[doc.Format+" "+doc.Encoding]++
			diff := gocmp.Diff(sorted(x.Store()), sorted(doc.Index))
			same := diff == "" && x.Components() == doc.Components && x.Unidentified() == doc.Unidentified
			if !same {
				t.Errorf("library has %d components, %d unidentified; Decode %d, %d\n%s",
					x.Components(), x.Unidentified(), doc.Components, doc.Unidentified, diff)
			}
		})
	}
	for _, r := range rows(t) {
		if notSBOM[r.name] == "" {
			compare(r.name, r.read(t))
		}
	}
	names, err := filepath.Glob("../../../testdata/predicate/sbom/*.json")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		compare(filepath.Base(name), read(t, name))
	}
	for what, least := range map[string]int{"cyclonedx json": 150, "cyclonedx xml": 90, "spdx json": 15, "spdx tag-value": 14, "spdx json-ld": 9} {
		if compared[what] < least {
			t.Errorf("%s: compared %d, want %d and more", what, compared[what], least)
		}
	}
}

// TestEncodingsOfTheLibraryAreTheSame has the library write as XML what it read as
// JSON: real twins are few.
func TestEncodingsOfTheLibraryAreTheSame(t *testing.T) {
	compared := 0
	for _, r := range rows(t) {
		if !strings.HasPrefix(r.format, "cyclonedx") || r.expectation != "accept" || strings.HasSuffix(r.name, ".xml") || notSBOM[r.name] != "" || unreadable[r.name] != "" {
			continue
		}
		data := r.read(t)
		var bom cdx.BOM
		var text bytes.Buffer
		if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
			t.Fatal(err)
		}
		if err := cdx.NewBOMEncoder(&text, cdx.BOMFileFormatXML).EncodeVersion(&bom, bom.SpecVersion); err != nil {
			continue
		}
		want, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(text.Bytes())
		if err != nil {
			t.Errorf("%s as XML: %v", r.name, err)
			continue
		}
		compared++
		if got.SpecVersion != want.SpecVersion || got.Components != want.Components || got.Unidentified != want.Unidentified {
			t.Errorf("%s: got %v as XML, %v as JSON", r.name, got, want)
		}
		if diff := gocmp.Diff(want.Index, got.Index); diff != "" {
			t.Errorf("%s: %s", r.name, diff)
		}
	}
	if compared < 100 {
		t.Errorf("compared %d", compared)
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range rows(f) {
		if data := r.read(f); len(data) < 8_000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		Sniff(data)
		doc, err := Decode(data)
		if err != nil {
			return
		}
		text := trimMark(data)
		if doc.Encoding == JSON || doc.Encoding == JSONLD {
			if !json.Valid(text) {
				t.Fatal("accepted what is not JSON")
			}
			if strictjson.Check(text, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth}) != nil {
				return
			}
		}
		// Whatever is accepted has all its components counted: by the library of the
		// format too, where that can read it and is as strict about names.
		if doc.Encoding == JSONLD || lenient(text, doc) {
			return
		}
		x, err := library(text, doc)
		if x == nil || err != nil {
			return
		}
		if x.Components() != doc.Components || x.Unidentified() != doc.Unidentified {
			t.Fatalf("got %d components, %d unidentified; the library has %d, %d", doc.Components, doc.Unidentified, x.Components(), x.Unidentified())
		}
	})
}

// lenient tells texts that the libraries read for more than they are: encoding/json
// takes names in any case, encoding/xml elements of any namespace.
func lenient(text []byte, doc *Document) bool {
	if slices.ContainsFunc(text, func(c byte) bool { return c >= 0x80 || c == '\\' }) {
		return true
	}
	if doc.Encoding == XML {
		return bytes.Count(text, []byte("xmlns")) != 1 || bytes.Contains(text, []byte(":")) && bytes.Count(text, []byte("<")) != bytes.Count(text, []byte("</"))*2
	}
	lower := bytes.ToLower(text)
	for _, name := range []string{"components", "component", "metadata", "purl", "name", "type", "bomFormat", "specVersion",
		"packages", "versionInfo", "externalRefs", "referenceType", "referenceLocator", "primaryPackagePurpose", "spdxVersion"} {
		if bytes.Count(lower, []byte(strings.ToLower(name))) != bytes.Count(text, []byte(name)) {
			return true
		}
	}
	return false
}
