package sbom

import (
	"slices"
	"strings"
	"testing"
)

// The images that a document is of are those that it names by package URL as what it
// describes, in every encoding; what it consists of is none of them.
func TestADocumentTellsOfWhichImageItIs(t *testing.T) {
	image, base := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	packages := `"packages":[{"SPDXID":"SPDXRef-b","name":"base","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:oci/base@` + base + `"}]},
		{"externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:oci/app@` + image + `?arch=amd64"}],"name":"app","SPDXID":"SPDXRef-a"}]`
	relation := func(from, kind, to string) string {
		return `"relationships":[{"spdxElementId":"` + from + `","relationshipType":"` + kind + `","relatedSpdxElement":"` + to + `"}]`
	}
	spdx := func(fields ...string) string {
		return `{"spdxVersion":"SPDX-2.3",` + strings.Join(fields, ",") + `}`
	}
	graph := func(elements string) string {
		return headSPDX3 + `{"type":"software_Package","spdxId":"urn:a","name":"app","software_packageUrl":"pkg:oci/app@` + image + `"},
			{"type":"software_Package","spdxId":"urn:b","name":"base","software_packageUrl":"pkg:oci/base@` + base + `"},` + elements + `]}`
	}
	tags := "SPDXVersion: SPDX-2.3\nPackageName: base\nSPDXID: SPDXRef-b\nExternalRef: PACKAGE-MANAGER purl pkg:oci/base@" + base +
		"\nPackageName: app\nSPDXID: SPDXRef-a\nExternalRef: PACKAGE-MANAGER purl pkg:oci/app@" + image + "\n"
	cyclonedx := func(purl string) string {
		return `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"name":"app","purl":"` + purl + `"}},"components":[{"name":"base","purl":"pkg:oci/base@` + base + `"}]}`
	}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"CycloneDX":                 {cyclonedx("pkg:oci/app@" + image), []string{image}},
		"CycloneDX, encoded":        {cyclonedx("pkg:OCI/app@sha256%3A" + image[7:] + "?arch=amd64"), []string{image}},
		"CycloneDX by a tag":        {cyclonedx("pkg:oci/app@latest"), nil},
		"CycloneDX of a Docker id":  {cyclonedx("pkg:docker/app@" + image), nil},
		"CycloneDX XML":             {`<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><metadata><component type="container"><name>app</name><purl>pkg:oci/app@` + image + `</purl></component></metadata></bom>`, []string{image}},
		"SPDX, described":           {spdx(packages, `"documentDescribes":["SPDXRef-a"]`), []string{image}},
		"SPDX, related":             {spdx(relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-a"), packages), []string{image}},
		"SPDX, related backwards":   {spdx(packages, relation("SPDXRef-a", "DESCRIBED_BY", "SPDXRef-DOCUMENT")), []string{image}},
		"SPDX, version at the end":  {`{` + packages + `,` + relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-a") + `,"spdxVersion":"SPDX-2.3"}`, []string{image}},
		"SPDX, related otherwise":   {spdx(packages, relation("SPDXRef-a", "DESCENDANT_OF", "SPDXRef-b")), nil},
		"SPDX, of another document": {spdx(packages, relation("DocumentRef-x:SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-a")), nil},
		"SPDX without relations":    {spdx(packages, `"relationships":null,"documentDescribes":null`), nil},
		"tag-value":                 {tags + "Relationship: SPDXRef-DOCUMENT DESCRIBES SPDXRef-a\n", []string{image}},
		"tag-value backwards":       {tags + "Relationship: SPDXRef-a DESCRIBED_BY SPDXRef-DOCUMENT\n", []string{image}},
		"tag-value otherwise":       {tags + "Relationship: SPDXRef-DOCUMENT CONTAINS SPDXRef-a\n", nil},
		"SPDX 3, the root":          {graph(`{"type":"software_Sbom","spdxId":"urn:s","rootElement":["urn:a"]},{"type":"SpdxDocument","spdxId":"urn:d","rootElement":["urn:s"]}`), []string{image}},
		"SPDX 3, within the root":   {headSPDX3 + `{"type":"SpdxDocument","spdxId":"urn:d","rootElement":[{"type":"software_Package","spdxId":"urn:a","name":"app","software_packageUrl":"pkg:oci/app@` + image + `"}]}]}`, []string{image}},
		"SPDX 3 without root":       {graph(`{"type":"SpdxDocument","spdxId":"urn:d"}`), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := decode(t, c.text).Images; !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
