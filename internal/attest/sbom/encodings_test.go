package sbom

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// leftPad is one package as every encoding has it, and its index.
var leftPad = map[string]any{
	"by_purl":      map[string]any{"pkg:npm/left@2": "left", "pkg:npm/left@2?arch=x": "left"},
	"by_name":      map[string]any{"left": []any{"2"}, "nobody": []any{""}},
	"by_license":   map[string]any{"MIT": []any{"pkg:npm/left@2"}},
	"unidentified": []any{"nobody"},
}

const headSPDX3 = `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[`

func TestEveryEncodingIsIndexed(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want Document
	}{
		"CycloneDX XML": {`<?xml version="1.0" encoding="utf-8"?><!-- c --><bom xmlns="http://cyclonedx.org/schema/bom/1.6" version="1"><components>
			<component type="library"><name>left</name><version>
				2 </version><licenses><license><id>MIT</id></license></licenses><purl>pkg:npm/left@2?arch=x</purl>
				<components><component type="library"><name>no<!-- c --><![CDATA[body]]></name></component></components></component>
			<component type="file"><name/></component></components></bom>`,
			Document{Format: CycloneDX, Encoding: XML, SpecVersion: "1.6", Components: 3}},
		"CycloneDX XML with a prefix": {`<c:bom xmlns:c="http://cyclonedx.org/schema/bom/1.0" xmlns:x="urn:x"><c:components><c:component x:type="x" type="library"><c:name>left</c:name>
			<x:name>other</x:name><c:version>2</c:version><c:licenses><c:expression>MIT</c:expression></c:licenses><c:purl>pkg:npm/left@2?arch=x</c:purl></c:component>
			<x:component/><c:component type="library"><c:name>nobody</c:name></c:component></c:components></c:bom>`,
			Document{Format: CycloneDX, Encoding: XML, SpecVersion: "1.0", Components: 2}},
		"CycloneDX XML 1.7": {`<bom xmlns="http://cyclonedx.org/schema/bom/1.7"><metadata><component><components><component><name>left</name><version>2</version>
			<licenses><expression-detailed expression="MIT"><details license-identifier="MIT"/></expression-detailed></licenses><purl>pkg:npm/left@2?arch=x</purl></component></components></component></metadata>
			<components><component><name>nobody</name></component></components></bom>`,
			Document{Format: CycloneDX, Encoding: XML, SpecVersion: "1.7", Components: 2}},
		"CycloneDX JSON, nested in what it describes": {`{"metadata":{"component":{"components":[{"name":"left","version":"2","purl":"pkg:npm/left@2?arch=x","licenses":[{"license":{"id":"MIT"}}]}]}},
			"components":[{"name":"nobody"}],"bomFormat":"CycloneDX","specVersion":"1.7"}`,
			Document{Format: CycloneDX, Encoding: JSON, SpecVersion: "1.7", Components: 2}},
		"tag-value": {"# comment\r\nSPDXVersion: SPDX-2.3\r\n\r\nCreatorComment: <text>several\r\nPackageName: hidden\r\n</text>\r\nPackageName: left\r\nPackageVersion: <text>2</text>\r\n" +
			"PackageLicenseConcluded: MIT\r\nPackageLicenseDeclared: MIT\r\nExternalRef: SECURITY cpe23Type cpe:2.3:a\r\nExternalRef: PACKAGE-MANAGER purl pkg:npm/left@2?arch=x\r\n" +
			"FileName: ./a\r\nLicenseConcluded: GPL-2.0-only\r\nPackageName: nobody\r\nPackageLicenseConcluded: NOASSERTION\r\nPackageLicenseDeclared: NONE",
			Document{Format: SPDX, Encoding: TagValue, SpecVersion: "2.3", Components: 2}},
		"SPDX 3": {`{"@graph":[
			{"type":"CreationInfo","@id":"_:c","specVersion":"3.0.1"},
			{"type":"Relationship","spdxId":"urn:r","relationshipType":"hasDeclaredLicense","from":"urn:left","to":["urn:l"]},
			{"type":"Relationship","spdxId":"urn:r2","relationshipType":"hasConcludedLicense","from":["urn:left"],"to":"https://spdx.org/licenses/MIT"},
			{"type":"Relationship","spdxId":"urn:r3","relationshipType":"hasConcludedLicense","from":"urn:nobody","to":["https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoAssertionLicense"]},
			{"type":"simplelicensing_LicenseExpression","spdxId":"urn:l","simplelicensing_licenseExpression":"MIT"},
			{"type":"software_File","spdxId":"urn:f","name":"file"},
			{"type":"software_Package","spdxId":"urn:left","name":"left","software_packageVersion":"2","software_packageUrl":"pkg:npm/left@2?arch=x",
			 "externalIdentifier":[{"type":"ExternalIdentifier","externalIdentifierType":"packageUrl","identifier":"pkg:npm/left@2?arch=x"},
				{"type":"ExternalIdentifier","externalIdentifierType":"cpe23","identifier":"cpe:2.3:a"}]},
			{"type":"software_Sbom","spdxId":"urn:s","element":["urn:left",{"type":"ai_AIPackage","spdxId":"urn:nobody","name":"nobody"}]}],
			"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}`,
			Document{Format: SPDX, Encoding: JSONLD, SpecVersion: "3.0.1", Components: 2}},
		"Syft": {`{"artifacts":[{"name":"left","version":"2","type":"npm","purl":"pkg:npm/left@2?arch=x","licenses":[{"value":"MIT","spdxExpression":"MIT","type":"declared"}]},
			{"name":"nobody","version":"","purl":"","licenses":[]}],"descriptor":{"name":"syft","version":"1"},"schema":{"version":"16.0.1","url":"https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.1.json"}}`,
			Document{Format: Syft, Encoding: JSON, SpecVersion: "16.0.1", Components: 2}},
		"Syft of old": {`{"artifacts":[{"name":"left","version":"2","type":"npm","purl":"pkg:npm/left@2?arch=x","licenses":["MIT"]},{"name":"nobody","licenses":null}],"descriptor":{"name":"syft","version":"1"}}`,
			Document{Format: Syft, Encoding: JSON, Components: 2}},
	} {
		t.Run(name, func(t *testing.T) {
			want := c.want
			want.Index, want.Unidentified = leftPad, 1
			for mark, text := range map[string]string{"": c.text, "a byte order mark and ": "\uFEFF" + c.text} {
				got, err := Read([]byte(text))
				if err != nil {
					t.Fatalf("with %s: %v", mark, err)
				}
				got.Index = sorted(got.Index)
				if diff := cmp.Diff(want, *got); diff != "" {
					t.Errorf("with %s: %s", mark, diff)
				}
				if format, encoding, ok := Sniff([]byte(text)); !ok || format != want.Format || encoding != want.Encoding {
					t.Errorf("with %s: sniffed %s, %s, %v", mark, format, encoding, ok)
				}
			}
		})
	}
}

func TestSPDX3LicencesAreFollowed(t *testing.T) {
	graph := func(licence string) string {
		return headSPDX3 + `{"type":"software_Package","spdxId":"urn:p","name":"p"},
			{"type":"Relationship","spdxId":"urn:r","relationshipType":"hasDeclaredLicense","from":"urn:p","to":[` + licence + `]}]}`
	}
	for licence, want := range map[string][]string{
		`"https://spdx.org/licenses/Apache-2.0"`: {"Apache-2.0"},
		`"urn:elsewhere"`:                        {"urn:elsewhere"},
		`{"type":"simplelicensing_LicenseExpression","simplelicensing_licenseExpression":"MIT AND ISC"}`:           {"MIT AND ISC", "MIT", "ISC"},
		`{"type":"expandedlicensing_ListedLicense","spdxId":"https://spdx.org/licenses/MIT","name":"MIT License"}`: {"MIT", "MIT License"},
		`{"type":"expandedlicensing_CustomLicense","spdxId":"urn:x#LicenseRef-a","name":"Own"}`:                    {"LicenseRef-a", "Own"},
		`{"type":"expandedlicensing_DisjunctiveLicenseSet","expandedlicensing_member":["https://spdx.org/licenses/MIT",
			{"type":"expandedlicensing_OrLaterOperator","expandedlicensing_subjectLicense":"https://spdx.org/licenses/GPL-2.0"}]}`: {"MIT", "GPL-2.0"},
		`"https://spdx.org/rdf/3.0.1/terms/ExpandedLicensing/NoneLicense"`: {},
	} {
		doc := decode(t, graph(licence))
		byLicense := doc.Index["by_license"].(map[string]any)
		for _, key := range want {
			if !cmp.Equal(byLicense[key], any([]any{"p"})) {
				t.Errorf("%s: %q is not listed in %v", licence, key, byLicense)
			}
		}
		if len(byLicense) != len(want) {
			t.Errorf("%s: got %v, want %v", licence, byLicense, want)
		}
	}
}

func TestALoneElementOfSPDX3IsRead(t *testing.T) {
	doc := decode(t, `{"@context":"https://spdx.github.io/spdx-spec/v3.0.1/rdf/spdx-context.jsonld","type":"software_Package","spdxId":"urn:p","name":"p","software_packageVersion":"1"}`)
	if doc.Components != 1 || doc.SpecVersion != "3.0.1" || doc.Index["by_name"].(map[string]any)["p"] == nil {
		t.Errorf("got %+v", doc)
	}
}

func TestWhatIsNotReadIsRefused(t *testing.T) {
	pkg := func(properties string) string {
		return headSPDX3 + `{"type":"software_Package","spdxId":"urn:p",` + properties + `}]}`
	}
	for name, c := range map[string]struct{ text, want string }{
		"context in a list":    {`{"@context":["https://spdx.org/rdf/3.0.1/spdx-context.jsonld"],"@graph":[]}`, "nor the context of SPDX 3"},
		"context of 3.1":       {`{"@context":"https://spdx.org/rdf/3.1.0/spdx-context.jsonld","@graph":[]}`, "nor the context of SPDX 3"},
		"context elsewhere":    {`{"@context":"https://example.com/https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}`, "nor the context of SPDX 3"},
		"SPDX 3 and CycloneDX": {headSPDX3 + `],"bomFormat":"CycloneDX","specVersion":"1.6"}`, "both spdx3 and cyclonedx"},
		"graph twice":          {headSPDX3 + `],"@graph":[]}`, "duplicate key"},
		"keyword":              {headSPDX3 + `{"@reverse":{}}]}`, `"@reverse" is not of the serialization`},
		"long property":        {pkg(`"https://spdx.org/rdf/3.0.1/terms/Core/name":"x"`), "want its short names"},
		"long type":            {headSPDX3 + `{"type":"https://spdx.org/rdf/3.0.1/terms/Software/Package","spdxId":"urn:a"}]}`, "want its short name"},
		"@type":                {headSPDX3 + `{"@type":"software_Package"}]}`, `"@type" is not of`},
		"node twice":           {headSPDX3 + `{"type":"software_Package","spdxId":"urn:a"},{"type":"Agent","spdxId":"urn:a"}]}`, "stands twice"},
		"node without type":    {headSPDX3 + `{"spdxId":"urn:a","name":"x"}]}`, "has no type"},
		"identifier missing":   {pkg(`"externalIdentifier":["_:b"]`), "not in the document"},
		"two beginnings":       {headSPDX3 + `{"type":"Relationship","from":["a","b"]}]}`, "want one element"},
		"nothing in it":        {`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","components":1}`, "neither @graph nor type"},

		"Syft without artifacts": {`{"descriptor":{"name":"syft"}}`, "no artifacts"},
		"Grype":                  {`{"matches":[],"descriptor":{"name":"grype"}}`, "nor the descriptor of Syft"},
		"new Syft":               {`{"artifacts":[],"descriptor":{"name":"syft"},"schema":{"version":"17.0.0","url":"https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-17.0.0.json"}}`, `version "17.0.0" is not read`},
		"Syft and SPDX":          {`{"spdxVersion":"SPDX-2.3","descriptor":{"name":"syft"}}`, "both spdx and syft"},
		"artifact a string":      {`{"descriptor":{"name":"syft"},"artifacts":["a"]}`, "$.artifacts[0] "},
		"YAML":                   {"spdxVersion: SPDX-2.3\npackages: []", "YAML is not read"},
		"bzip2":                  {"BZh91AY", "compressed text is not read"},
		"words":                  {"hello", "not an SBOM; CycloneDX JSON"},
		"a key twice":            {`{"bomFormat":"CycloneDX","bomFormat":"CycloneDX","specVersion":"1.6"}`, "duplicate key"},

		"UTF-16":               {"\xFF\xFE<\x00b\x00o\x00m\x00", "UTF-16 text is not read"},
		"UTF-16 without mark":  {"\x00<\x00b\x00o\x00m", "UTF-16 text is not read"},
		"no version":           {"PackageName: a", "not an SBOM"},
		"wrong XML":            {`<bom xmlns="http://cyclonedx.org/schema/bom/1.4">`, "reading SBOM: /bom (line 1)"},
		"wrong tag-value text": {"SPDXVersion: SPDX-2.3\na", "reading SBOM: line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := Read([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want an error with %q", doc, err, c.want)
			}
		})
	}
}

func TestBoundsOfOtherEncodingsAreKept(t *testing.T) {
	ring := headSPDX3 + `{"type":"software_Package","spdxId":"urn:p"},{"type":"Relationship","relationshipType":"hasDeclaredLicense","from":"urn:p","to":["urn:a"]},
		{"type":"expandedlicensing_ConjunctiveLicenseSet","spdxId":"urn:a","expandedlicensing_member":["urn:a","urn:a"]}]}`
	for name, text := range map[string]string{
		"XML nesting":     `<bom xmlns="http://cyclonedx.org/schema/bom/1.4">` + strings.Repeat("<a>", MaxDepth) + strings.Repeat("</a>", MaxDepth) + "</bom>",
		"XML components":  `<bom xmlns="http://cyclonedx.org/schema/bom/1.4"><components>` + strings.Repeat("<component/>", MaxComponents+1) + "</components></bom>",
		"packages":        "SPDXVersion: SPDX-2.3\n" + strings.Repeat("PackageName: a\n", MaxComponents+1),
		"licences":        ring,
		"nodes within":    headSPDX3 + strings.Repeat(`{"element":[`, MaxDepth) + strings.Repeat("]}", MaxDepth) + "]}",
		"SPDX 3 packages": headSPDX3 + strings.Repeat(`{"type":"software_Package"},`, MaxComponents) + `{"type":"software_Package"}]}`,
	} {
		if _, err := Decode([]byte(text)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: got %v, want ErrTooLarge", name, err)
		}
	}
}

func TestSniffKnowsABeginning(t *testing.T) {
	long := strings.Repeat(`{"foundBy":"x"},`, maxSniff/16)
	for text, want := range map[string]string{
		`{"SPDXID":"SPDXRef-DOCUMENT","packages":[` + long:                                   "spdx json",
		`{"$schema":"http://cyclonedx.org/schema/bom-1.6.schema.json","components":[` + long: "cyclonedx json",
		`{"artifacts":[` + long:                                  "syft json",
		`{"packages":[],"spdxVersion":"SPDX-2.3"`:                "spdx json",
		`{"bomFormat":"\u0043ycloneDX"`:                          "cyclonedx json",
		headSPDX3 + `{"`:                                         "spdx json-ld",
		`<bom xmlns="http://cyclonedx.org/schema/bom/1.2"><comp`: "cyclonedx xml",
		"# a\n\nDataLicense: CC0-1.0\nSPDXVersion: SPDX-2.3":     "spdx tag-value",
		`{"@context":"https://openvex.dev/ns"}`:                  "", `{"a":1}`: "", `{"SPDXID":"x"}`: "", `{"descriptor":{"name":"grype"}}`: "", "": "", "<a/>": "", `{"bomFormat":"x"}`: "", "[]": "",
	} {
		format, encoding, ok := Sniff([]byte(text))
		if got := strings.TrimSpace(format + " " + encoding); got != want || ok != (want != "") {
			t.Errorf("%.60s: got %q, %v; want %q", text, got, ok, want)
		}
	}
}
