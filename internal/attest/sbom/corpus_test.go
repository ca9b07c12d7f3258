package sbom

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/bzip2"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// corpus is where the real documents lie, and what is expected of each.
const corpus = "../../../testdata/corpus"

type row struct{ name, format, expectation, reason string }

// rows are those of the formats that this package reads or has to refuse.
func rows(t testing.TB) []row {
	t.Helper()
	var all []row
	lines := bufio.NewScanner(bytes.NewReader(read(t, filepath.Join(corpus, "expected.tsv"))))
	for lines.Scan() {
		f := strings.Split(lines.Text(), "\t")
		if len(f) < 3 || !regexp.MustCompile(`^(cyclonedx|spdx|syft)`).MatchString(f[1]) {
			continue
		}
		all = append(all, row{f[0], f[1], f[2], strings.Join(f[3:], " ")})
	}
	if len(all) < 300 {
		t.Fatalf("%d rows: expected.tsv is not the one that is meant", len(all))
	}
	return all
}

func (r row) read(t testing.TB) []byte {
	t.Helper()
	data := read(t, filepath.Join(corpus, r.name))
	if !strings.HasSuffix(r.name, ".bz2") {
		return data
	}
	text, err := io.ReadAll(io.LimitReader(bzip2.NewReader(bytes.NewReader(data)), 64<<20))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// family is what the rows call a format, without encoding and version.
func (r row) encoding() (format, encoding string) {
	switch {
	case strings.HasPrefix(r.format, "cyclonedx") && strings.HasSuffix(r.name, ".xml"):
		return CycloneDX, XML
	case strings.HasPrefix(r.format, "cyclonedx"):
		return CycloneDX, JSON
	case r.format == "spdx3-json":
		return SPDX, JSONLD
	case r.format == "spdx-tag-value":
		return SPDX, TagValue
	case r.format == "syft-json":
		return Syft, JSON
	}
	return SPDX, JSON
}

// counts are where the reason of a row says how many components there are.
var counts = regexp.MustCompile(`(?:nested_total|packages|artifacts|software_Package)[=:](\d+)`)
var countsXML = regexp.MustCompile(`top_components=(\d+)`)

// notSBOM are rows that say they hold a document that they do not hold.
var notSBOM = map[string]string{
	"reports/trivy-golden/license-cyclonedx.json.golden": "Trivy's own report, of the licences that it found in a CycloneDX document",
}

// refused are rows of which either is right, and what the refusal says.
var refused = map[string]string{
	"sbom/spdx-golang/SPDXRdfExample-v2.2.spdx.rdf":       "RDF/XML is not read here",
	"sbom/spdx-golang/SPDXSpreadsheetExample-v2.2.xlsx":   "a spreadsheet or other archive is not read here",
	"sbom/spdx-golang/SPDXXMLExample-v2.2.spdx.xml":       "SPDX XML is not read here",
	"sbom/spdx-golang/SPDXYAMLExample-2.2.spdx.yaml":      "YAML is not read here",
	"sbom/spdx-golang/SPDXYAMLExample-2.3.spdx.yaml":      "YAML is not read here",
	"sbom/spdx-golang/fixtures/spdx2_2_null_package.json": "want an object",
	"sbom/spdx-golang/fixtures/spdx2_3_null_package.json": "want an object",
}

func TestEveryDocumentIsReadAsExpected(t *testing.T) {
	for _, r := range rows(t) {
		t.Run(r.name, func(t *testing.T) {
			data := r.read(t)
			doc, err := Read(data)
			if why, ok := notSBOM[r.name]; ok {
				if err == nil {
					t.Errorf("read, though it is %s", why)
				}
				return
			}
			if want, ok := refused[r.name]; ok || r.expectation == "reject" {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want a refusal with %q", err, want)
				}
				return
			}
			if err != nil {
				if r.expectation != "reject-schema" {
					t.Error(err)
				}
				return
			}
			format, encoding := r.encoding()
			if doc.Format != format || doc.Encoding != encoding {
				t.Errorf("got %s as %s, want %s as %s", doc.Format, doc.Encoding, format, encoding)
			}
			if f, e, ok := Sniff(data); !ok || f != format || e != encoding {
				t.Errorf("sniffed %s as %s, %v; want %s as %s", f, e, ok, format, encoding)
			}
			pattern := counts
			if encoding == XML {
				pattern = countsXML
			}
			if m := pattern.FindStringSubmatch(r.reason); m != nil {
				if want, _ := strconv.Atoi(m[1]); doc.Components < want || encoding != XML && doc.Components != want {
					t.Errorf("got %d components, want %d", doc.Components, want)
				}
			}
		})
	}
}

// sorted is an index with its lists in order, since encodings need not keep that of
// their components.
func sorted(index map[string]any) map[string]any {
	out := map[string]any{"by_purl": index["by_purl"], "unidentified": order(index["unidentified"])}
	for _, key := range []string{"by_name", "by_license"} {
		lists := map[string]any{}
		for k, list := range index[key].(map[string]any) {
			lists[k] = order(list)
		}
		out[key] = lists
	}
	return out
}

func order(list any) []any {
	return slices.SortedFunc(slices.Values(list.([]any)), func(a, b any) int { return cmp.Compare(a.(string), b.(string)) })
}

// different are twins whose contents differ, and how.
var different = map[string]string{
	"sbom/cyclonedx-spec/1.4/valid-bom-1.4.xml":                "JSON has two components, with other purls",
	"sbom/cyclonedx-spec/1.4/valid-component-ref-1.4.xml":      "JSON has a component less",
	"sbom/cyclonedx-spec/1.4/valid-compositions-1.4.xml":       "JSON has version 3.0 of one",
	"sbom/cyclonedx-spec/1.4/valid-dependency-1.4.xml":         "JSON has other names",
	"sbom/cyclonedx-spec/1.4/valid-license-expression-1.4.xml": "JSON has no purl",
	"sbom/cyclonedx-spec/1.4/valid-license-id-1.4.xml":         "JSON has no purl",
	"sbom/cyclonedx-spec/1.4/valid-license-name-1.4.xml":       "JSON has no purl",
}

func TestADocumentHasOneIndexWhateverItsEncoding(t *testing.T) {
	pairs := 0
	twins := func(a, b string) {
		x, errX := Read(read(t, a))
		y, errY := Read(read(t, b))
		if errX != nil || errY != nil {
			if (errX == nil) != (errY == nil) && !strings.Contains(a, "invalid-") {
				t.Errorf("%s: %v, %s: %v", a, errX, b, errY)
			}
			return
		}
		pairs++
		name, _ := filepath.Rel(corpus, a)
		why, listed := different[name]
		diff := gocmp.Diff(sorted(x.Index), sorted(y.Index))
		same := diff == "" && x.Components == y.Components && x.Unidentified == y.Unidentified
		switch {
		case listed && same:
			t.Errorf("%s and %s are the same, though listed: %s", a, b, why)
		case !listed && !same:
			t.Errorf("%s has %d and %s has %d components\n%s", a, x.Components, b, y.Components, diff)
		}
	}
	for _, r := range rows(t) {
		name := filepath.Join(corpus, r.name)
		if other := strings.TrimSuffix(name, ".xml") + ".json"; strings.HasSuffix(name, ".xml") && r.expectation != "reject-schema" && exists(other) {
			twins(name, other)
		}
	}
	for _, version := range []string{"2.2", "2.3"} {
		twins(filepath.Join(corpus, "sbom/spdx-golang/SPDXTagExample-v"+version+".spdx"),
			filepath.Join(corpus, "sbom/spdx-golang/SPDXJSONExample-v"+version+".spdx.json"))
	}
	if pairs < 60 {
		t.Errorf("compared %d pairs, want 60 and more", pairs)
	}
}

func exists(name string) bool {
	names, err := filepath.Glob(name)
	return err == nil && len(names) == 1
}
