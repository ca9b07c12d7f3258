package conform_test

import (
	"compress/bzip2"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gatekeep-dev/gatekeep/internal/attest/conform"
)

const corpus = "../../../testdata/corpus/"

// row of testdata/corpus/expected.tsv.
type row struct{ file, format, expectation, reason string }

func rows(t *testing.T) []row {
	t.Helper()
	table, err := os.ReadFile(corpus + "expected.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var all []row
	for line := range strings.Lines(string(table)) {
		if c := strings.Split(strings.TrimSuffix(line, "\n"), "\t"); len(c) == 4 {
			all = append(all, row{c[0], c[1], c[2], c[3]})
		}
	}
	return all
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	f, err := os.Open(corpus + file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if filepath.Ext(file) == ".bz2" {
		r = bzip2.NewReader(f)
	}
	data, err := io.ReadAll(io.LimitReader(r, conform.MaxBytes))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

var versioned = regexp.MustCompile(`^(cyclonedx-(?:json|xml))-1\.\d$`)
var inName = regexp.MustCompile(`-(1\.\d)\.(?:json|xml)$`)

// The examples of the CycloneDX specification: valid ones conform, invalid ones do not.
func TestExamplesOfTheSpecificationAreJudgedAsItSays(t *testing.T) {
	var c conform.Checker
	judged := 0
	for _, r := range rows(t) {
		format, version := versioned.FindStringSubmatch(r.format), inName.FindStringSubmatch(r.file)
		if format == nil {
			continue
		}
		if version == nil {
			t.Fatalf("%s: no version in the name", r.file)
		}
		result, err := c.Check(format[1], version[1], read(t, r.file))
		if err != nil {
			t.Errorf("%s: %v", r.file, err)
		} else if want := r.expectation == "accept"; result.OK() != want {
			t.Errorf("%s: conforms %v, want %v: %v", r.file, !want, want, result.Violations)
		}
		judged++
	}
	if judged < 250 {
		t.Errorf("judged %d examples", judged)
	}
}

// schemaOf is the version to hold a file against: what it says, or what the format is
// published in now.
func schemaOf(format string, data []byte) (name, version string) {
	last := map[string]string{"cyclonedx-json": "1.4", "sarif": "2.1.0", "openvex": "0.2.0", "csaf": "2.0", "spdx-json": "2.3"}
	said, v := conform.Identify(data)
	if said == "" {
		return format, last[format]
	}
	if !conform.Known(said, v) {
		v = last[said]
	}
	return said, v
}

// Real files of every format. The table says of some what a schema validator of somebody
// else objects to; those must not conform. The others must, but for those that are
// "either" because they are broken otherwise.
func TestRealFilesConformUnlessTheirSchemaObjects(t *testing.T) {
	formats := []string{
		"cyclonedx-json", "cyclonedx-xml", "cyclonedx-vex", "cyclonedx-json-vex", "spdx-json", "spdx-json-bz2",
		"spdx3-json", "sarif", "openvex", "csaf", "oscal-json",
	}
	broken := map[string]bool{
		"materials/chainloop/sbom.cyclonedx-1.5-null-cwes.json": true, // null for an empty list
		"sbom/guac/laravel-cyclonedx.xml":                       true, // JSON members as elements
		"sbom/spdx-golang/fixtures/spdx2_2_null_package.json":   true,
		"sbom/spdx-golang/fixtures/spdx2_3_null_package.json":   true,
		"vex/go-vex/vex/v0.0.1-noversion.json":                  true, // version as text
	}
	var c conform.Checker
	judged := map[string]int{}
	for _, r := range rows(t) {
		if !slices.Contains(formats, r.format) || r.expectation == "reject" || strings.HasSuffix(r.reason, "facts: unavailable") {
			continue
		}
		if slices.Contains([]string{"materials/chainloop/report-control-chars.sarif", "reports/trivy-golden/license-cyclonedx.json.golden"}, r.file) {
			continue // one is no JSON, one no CycloneDX
		}
		data := read(t, r.file)
		name, version := schemaOf(r.format, data)
		result, err := c.Check(name, version, data)
		if err != nil {
			t.Errorf("%s: %v", r.file, err)
			continue
		}
		objected := strings.Contains(r.reason, "upstream JSON schema objects") || r.expectation == "reject-schema" || broken[r.file]
		if result.OK() == objected {
			t.Errorf("%s against %s: conforms %v, objections known: %v: %v", r.file, result.Schema, result.OK(), objected, result.Violations)
		}
		judged[name]++
	}
	for format, least := range map[string]int{
		"cyclonedx-json": 70, "cyclonedx-xml": 8, "spdx-json": 15, "spdx3-json": 14, "sarif": 20, "openvex": 14, "csaf": 14, "oscal": 9,
	} {
		if judged[format] < least {
			t.Errorf("%s: judged %d files, want %d", format, judged[format], least)
		}
	}
}

// revised is an example of one version written as one of another.
func revised(data []byte, from, to string) []byte {
	return []byte(strings.NewReplacer(
		"cyclonedx.org/schema/bom/"+from, "cyclonedx.org/schema/bom/"+to,
		`"specVersion": "`+from+`"`, `"specVersion": "`+to+`"`,
		"bom-"+from+".schema.json", "bom-"+to+".schema.json",
	).Replace(string(data)))
}

// Versions of CycloneDX only add. So what is valid stays valid, and an example that is
// invalid for breaking an old rule is invalid everywhere.
func TestExamplesHoldInOtherVersions(t *testing.T) {
	// 1.7 lets licences and expressions stand beside each other in XML.
	lifted := []string{"invalid-license-choice-1.4.xml"}
	var c conform.Checker
	for _, r := range rows(t) {
		format, in := versioned.FindStringSubmatch(r.format), inName.FindStringSubmatch(r.file)
		if format == nil {
			continue
		}
		valid := r.expectation == "accept"
		for _, to := range []string{"1.1", "1.2", "1.3", "1.4", "1.5", "1.6", "1.7"} {
			name := filepath.Base(r.file)
			old := in[1] == "1.4" && (!valid || to > in[1]) && (to != "1.1" || strings.Contains(name, "hash"))
			if in[1] == to || !conform.Known(format[1], to) || !old && (!valid || to < in[1]) || to == "1.7" && slices.Contains(lifted, name) {
				continue
			}
			result, err := c.Check(format[1], to, revised(read(t, r.file), in[1], to))
			if err != nil || result.OK() != valid {
				t.Errorf("%s as %s: conforms %v, %v: %v", name, to, result.OK(), err, result.Violations)
			}
		}
	}
}

func TestEverySchemaLoadsAndJudges(t *testing.T) {
	var c conform.Checker
	for _, f := range conform.Formats() {
		document, name := `{}`, f.Name
		if strings.HasSuffix(name, "xml") {
			document = `<bom/>`
		}
		result, err := c.Check(name, f.Version, []byte(document))
		if err != nil || result.OK() || result.Schema != f.Schema {
			t.Errorf("%s %s: an empty document gives %+v, %v", name, f.Version, result, err)
		}
		if !conform.Known(name, f.Version) || conform.Known(name, f.Version+"0") || conform.Known(name, "") {
			t.Errorf("%s %s: Known is wrong", name, f.Version)
		}
	}
	if n := len(conform.Formats()); n < 30 {
		t.Errorf("%d formats", n)
	}
}

func TestZeroResultConformsToNothing(t *testing.T) {
	if (conform.Result{}).OK() {
		t.Error("a result without schema is OK")
	}
}

func TestMinimalDocumentsConform(t *testing.T) {
	for name, document := range map[string]string{
		"cyclonedx-json 1.2": `{"bomFormat":"CycloneDX","specVersion":"1.2","version":1,"$schema":"http://cyclonedx.org/schema/bom-1.2b.schema.json"}`,
		"cyclonedx-json 1.7": `{"bomFormat":"CycloneDX","specVersion":"1.7"}`,
		"cyclonedx-xml 1.0":  `<bom xmlns="http://cyclonedx.org/schema/bom/1.0"><components/></bom>`,
		"cyclonedx-xml 1.7":  `<bom xmlns="http://cyclonedx.org/schema/bom/1.7"/>`,
		"sarif 2.1.0":        `{"version":"2.1.0","runs":[]}`,
		"spdx3-json 3.0.1":   `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}`,
	} {
		format, version, _ := strings.Cut(name, " ")
		result, err := conform.Check(format, version, []byte(document))
		if err != nil || !result.OK() {
			t.Errorf("%s: %v, %v", name, result.Violations, err)
		}
	}
}

func TestWhatCannotBeJudgedIsAnError(t *testing.T) {
	bom := func(rest string) string { return `{"bomFormat":"CycloneDX","specVersion":"1.6"` + rest + `}` }
	members := make([]string, 10_001)
	for i := range members {
		members[i] = fmt.Sprintf(`"m%d":0`, i)
	}
	for name, c := range map[string]struct{ format, version, document, want string }{
		"format":          {"docx", "1.6", bom(""), "no schema"},
		"version":         {"cyclonedx-json", "1.1", bom(""), "no schema"},
		"no JSON":         {"cyclonedx-json", "1.6", "bom", "invalid JSON"},
		"empty":           {"cyclonedx-json", "1.6", "", "invalid JSON"},
		"duplicate names": {"cyclonedx-json", "1.6", bom(`,"version":1,"version":2`), "duplicate key"},
		"more after it":   {"cyclonedx-json", "1.6", bom("") + "{}", "invalid JSON"},
		"depth":           {"cyclonedx-json", "1.6", bom(`,"x":` + strings.Repeat("[", 128) + strings.Repeat("]", 128)), "128"},
		"exponent":        {"cyclonedx-json", "1.6", bom(`,"version":1e999999999`), "beyond what a double holds"},
		"digits":          {"cyclonedx-json", "1.6", bom(`,"version":` + strings.Repeat("9", 500)), "beyond what a double holds"},
		"members":         {"cyclonedx-json", "1.6", bom(`,"x":{` + strings.Join(members, ",") + `}`), "10001 members"},
		"no XML":          {"cyclonedx-xml", "1.6", "{}", "text outside"},
		"document type":   {"cyclonedx-xml", "1.6", `<!DOCTYPE bom [<!ENTITY a "b">]><bom/>`, "document type"},
		"size":            {"cyclonedx-json", "1.6", strings.Repeat(" ", conform.MaxBytes+1), "limit"},
	} {
		result, err := conform.Check(c.format, c.version, []byte(c.document))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want an error with %q", name, err, c.want)
		}
		if result.OK() {
			t.Errorf("%s: the result conforms", name)
		}
	}
	if _, err := conform.Check("docx", "1", nil); !errors.Is(err, conform.ErrUnknownFormat) {
		t.Errorf("got %v, want ErrUnknownFormat", err)
	}
}

// XML Schema enforces it; in JSON the specification asks for it.
func TestTwoComponentsMayNotShareABOMRef(t *testing.T) {
	for name, c := range map[string]struct {
		rest string
		want []conform.Violation
	}{
		"distinct": {`"components":[{"type":"library","name":"a","bom-ref":"1"},{"type":"library","name":"b","bom-ref":"2"}]`, nil},
		"siblings": {
			`"components":[{"type":"library","name":"a","bom-ref":"1"},{"type":"library","name":"b","bom-ref":"1"}]`,
			[]conform.Violation{{At: "/components/1/bom-ref", What: `"1" is taken by /components/0`}},
		},
		"nested": {
			`"components":[{"type":"library","name":"a","bom-ref":"1","components":[{"type":"library","name":"b","bom-ref":"1"}]}]`,
			[]conform.Violation{{At: "/components/0/components/0/bom-ref", What: `"1" is taken by /components/0`}},
		},
		"the subject": {
			`"metadata":{"component":{"type":"library","name":"a","bom-ref":"1"}},"services":[{"name":"b","bom-ref":"1"}]`,
			[]conform.Violation{{At: "/services/0/bom-ref", What: `"1" is taken by /metadata/component`}},
		},
	} {
		result, err := conform.Check("cyclonedx-json", "1.6", []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6",`+c.rest+`}`))
		if err != nil || !reflect.DeepEqual(result.Violations, c.want) {
			t.Errorf("%s: got %v, %v", name, result.Violations, err)
		}
	}
}

// The library walks maps in any order; a record that is sealed must not depend on it.
func TestViolationsAreBoundedSortedAndTheSameEachTime(t *testing.T) {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, `{"type":"x","name":%d,"scope":"y","licenses":[{"license":{"id":"no"}}],"extra%d":1},`, i, i)
	}
	document := []byte(`{"bomFormat":"CycloneDX","specVersion":"1.6","components":[` + strings.TrimSuffix(b.String(), ",") + `]}`)
	var c conform.Checker
	first, err := c.Check("cyclonedx-json", "1.6", document)
	if err != nil || len(first.Violations) != conform.MaxViolations {
		t.Fatalf("%d violations, %v", len(first.Violations), err)
	}
	if !slices.IsSortedFunc(first.Violations, func(a, b conform.Violation) int { return strings.Compare(a.At, b.At) }) {
		t.Error("not sorted")
	}
	for range 5 {
		if again, _ := c.Check("cyclonedx-json", "1.6", document); !reflect.DeepEqual(first, again) {
			t.Fatal("another result for the same document")
		}
	}
	for _, v := range first.Violations {
		if len(v.What) > 300 || v.At == "" {
			t.Errorf("%q at %q", v.What, v.At)
		}
	}
}

func TestLongValuesAreCutBetweenCharacters(t *testing.T) {
	result, err := conform.Check("cyclonedx-json", "1.6", []byte(`{"bomFormat":"`+strings.Repeat("ü", 5000)+`","specVersion":"1.6"}`))
	if err != nil || len(result.Violations) != 1 {
		t.Fatalf("%v, %v", result, err)
	}
	if what := result.Violations[0].What; len(what) > 300 || strings.ContainsRune(what, '\uFFFD') {
		t.Errorf("got %q", what)
	}
}

func TestIdentifyReadsWhatADocumentSaysOfItself(t *testing.T) {
	for document, want := range map[string]string{
		`{"bomFormat":"CycloneDX","specVersion":"1.5"}`:                           "cyclonedx-json 1.5",
		`<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.3"/>`: "cyclonedx-xml 1.3",
		"\uFEFF" + ` <bom xmlns="http://cyclonedx.org/schema/bom/1.3"/>`:          "cyclonedx-xml 1.3",
		`<bom xmlns="http://example.com/bom/1.3"/>`:                               " ",
		`<x xmlns="http://cyclonedx.org/schema/bom/1.3"/>`:                        " ",
		`<bom`:                          " ",
		`{"spdxVersion":"SPDX-2.3"}`:    "spdx-json 2.3",
		`{"version":"2.1.0","runs":[]}`: "sarif 2.1.0",
		`{"version":"2.1.0"}`:           " ",
		`{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}`:   "spdx3-json 3.0.1",
		`{"@context":"https://openvex.dev/ns/v0.2.0"}`:                    "openvex 0.2.0",
		`{"@context":"https://openvex.dev/ns"}`:                           "openvex 0.2.0",
		`{"document":{"csaf_version":"2.0"}}`:                             "csaf 2.0",
		`{"catalog":{"metadata":{"oscal-version":"1.1.2"}}}`:              "oscal 1.1.2",
		`{"catalog":{"metadata":{"oscal-version":"1.1.2"}},"catalog":{}}`: " ",
		`[]`: " ",
		``:   " ",
	} {
		format, version := conform.Identify([]byte(document))
		if got := format + " " + version; got != want {
			t.Errorf("%s: got %q, want %q", document, got, want)
		}
	}
}

// SOURCES.md names every file with its digest.
func TestSchemasAreTheOnesThatAreNamed(t *testing.T) {
	sources, err := os.ReadFile("schemas/SOURCES.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("schemas/*.*")
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		row := regexp.MustCompile(fmt.Sprintf(`(?m)^\| %s \|.*\| %x \|$`, regexp.QuoteMeta(filepath.Base(file)), sha256.Sum256(text)))
		if filepath.Ext(file) != ".md" && !row.Match(sources) {
			t.Errorf("%s is not in SOURCES.md with its digest", file)
		}
		if filepath.Ext(file) == ".json" && !json.Valid(text) {
			t.Errorf("%s is no JSON", file)
		}
	}
}

func BenchmarkCompileAndValidateJSON(b *testing.B) {
	data, err := os.ReadFile(corpus + "sbom/cyclonedx-spec/1.6/valid-cryptography-full-1.6.json")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if result, err := conform.Check("cyclonedx-json", "1.6", data); err != nil || !result.OK() {
			b.Fatal(result, err)
		}
	}
}

// The versions and features that the examples at hand leave out.
func TestDocumentsOfOtherVersionsAreJudged(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/cyclonedx.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var c conform.Checker
	for _, f := range archive.Files {
		version := inName.FindStringSubmatch(f.Name)
		if version == nil {
			t.Fatalf("%s: no version in the name", f.Name)
		}
		format := "cyclonedx-" + strings.TrimPrefix(filepath.Ext(f.Name), ".")
		result, err := c.Check(format, version[1], f.Data)
		if want := strings.HasPrefix(f.Name, "valid-"); err != nil || result.OK() != want {
			t.Errorf("%s: conforms %v, %v: %v", f.Name, result.OK(), err, result.Violations)
		}
		// One rule is broken, so that it is the one that is found.
		if len(result.Violations) > 2 {
			t.Errorf("%s: %v", f.Name, result.Violations)
		}
	}
}
