package sbom

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// large is a document of n components as generators write them, 570 bytes each.
func large(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"bomFormat":"CycloneDX","specVersion":"1.5","serialNumber":"urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79","version":1,"components":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"bom-ref":"pkg:npm/package-%[1]d@1.%[1]d.0?package-id=%016[1]x","type":"library","publisher":"Somebody <somebody@example.com>","name":"package-%[1]d","version":"1.%[1]d.0","description":"A package that does one thing, and \"does\" it well","licenses":[{"license":{"id":"MIT"}}],"cpe":"cpe:2.3:a:package-%[1]d:package-%[1]d:1.%[1]d.0:*:*:*:*:*:*:*","purl":"pkg:npm/package-%[1]d@1.%[1]d.0?package-id=%016[1]x","hashes":[{"alg":"SHA-256","content":"%064[1]x"}],"properties":[{"name":"syft:package:type","value":"npm"},{"name":"syft:location:0:path","value":"/app/node_modules/package-%[1]d/package.json"}]}`, i)
	}
	b.WriteString("]}")
	return b.Bytes()
}

// BenchmarkDecode is a CycloneDX JSON document to its index. The live bytes are what
// the index keeps, beside the document itself.
func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000, 50_000, 200_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			data := large(n)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if doc, err := Decode(data); err != nil || doc.Components != n {
					b.Fatal(doc, err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/component")
			b.ReportMetric(float64(live(data)), "live-B")
		})
	}
}

// live is how many bytes of the heap the index of a document holds.
func live(data []byte) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	doc, err := Decode(data)
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(data)
	if err != nil || doc == nil || after.HeapAlloc < before.HeapAlloc {
		return 0
	}
	return after.HeapAlloc - before.HeapAlloc
}

// BenchmarkLibrary is the same with the stock library, before any index.
func BenchmarkLibrary(b *testing.B) {
	for _, n := range []int{10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			data := large(n)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				var bom cdx.BOM
				if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(&bom); err != nil || len(*bom.Components) != n {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEncodings is the same document of 10,000 components in the others.
func BenchmarkEncodings(b *testing.B) {
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(large(10_000)), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		b.Fatal(err)
	}
	var xml, tags, graph bytes.Buffer
	bom.XMLNS = "http://cyclonedx.org/schema/bom/1.5"
	if err := cdx.NewBOMEncoder(&xml, cdx.BOMFileFormatXML).Encode(&bom); err != nil {
		b.Fatal(err)
	}
	tags.WriteString("SPDXVersion: SPDX-2.3\n")
	graph.WriteString(headSPDX3)
	for i, c := range *bom.Components {
		fmt.Fprintf(&tags, "PackageName: %s\nSPDXID: SPDXRef-%d\nPackageVersion: %s\nPackageLicenseConcluded: MIT\nPackageCopyrightText: <text>A\nB</text>\nExternalRef: PACKAGE-MANAGER purl %s\n\n", c.Name, i, c.Version, c.PackageURL)
		fmt.Fprintf(&graph, `{"type":"software_Package","spdxId":"urn:p%[1]d","creationInfo":"_:c","name":%[2]q,"software_packageVersion":%[3]q,"software_packageUrl":%[4]q},{"type":"Relationship","spdxId":"urn:r%[1]d","relationshipType":"hasDeclaredLicense","from":"urn:p%[1]d","to":["https://spdx.org/licenses/MIT"]},`, i, c.Name, c.Version, c.PackageURL)
	}
	graph.WriteString(`{"type":"SpdxDocument","spdxId":"urn:d"}]}`)
	for name, text := range map[string][]byte{"xml": xml.Bytes(), "tag-value": tags.Bytes(), "json-ld": graph.Bytes()} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if doc, err := Decode(text); err != nil || doc.Components != 10_000 {
					b.Fatal(doc, err)
				}
			}
		})
	}
}
