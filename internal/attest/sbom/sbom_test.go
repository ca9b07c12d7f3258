package sbom

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"encoding/json"
	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/go-cmp/cmp"
	"github.com/package-url/packageurl-go"
	"github.com/spdx/tools-golang/spdx/v2/common"
	spdx "github.com/spdx/tools-golang/spdx/v2/v2_3"

	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// vectors is where the real documents lie.
const vectors = "../../../testdata/predicate/sbom"

func files(t testing.TB, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(vectors, pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files match %s: %v", pattern, err)
	}
	return names
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(t testing.TB, text string) *Document {
	t.Helper()
	doc, err := Decode([]byte(text))
	if err != nil {
		t.Fatalf("decoding %s: %v", text, err)
	}
	return doc
}

func TestCycloneDXIsIndexed(t *testing.T) {
	doc := decode(t, `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"type":"application","name":"app"}},"components":[
		{"type":"library","group":"@babel","name":"core","version":"7.0.0","purl":"pkg:npm/%40babel/core@7.0.0","licenses":[{"license":{"id":"MIT"}}],
		 "components":[{"type":"library","name":"inner","version":"1","purl":"pkg:npm/inner@1"}]},
		{"type":"library","name":"left","version":"2","purl":"pkg:NPM/left@2?arch=x#sub","licenses":[{"expression":"(MIT OR GPL-2.0-only) AND BSD-3-Clause"}]},
		{"type":"library","name":"nobody","version":"3","licenses":[{"license":{"name":"GNU GPL version 2 or later"}}]},
		{"type":"library","name":"broken","purl":"not a purl"},
		{"type":"operating-system","name":"alpine","version":"3.20"},
		{"type":"file","name":"/bin/sh"}]}`)
	want := &Document{Format: CycloneDX, SpecVersion: "1.6", Components: 7, Unidentified: 2, Index: map[string]any{
		"by_purl": map[string]any{
			"pkg:npm/%40babel/core@7.0.0": "core",
			"pkg:npm/@babel/core@7.0.0":   "core",
			"pkg:npm/inner@1":             "inner",
			"pkg:npm/left@2":              "left",
			"pkg:NPM/left@2?arch=x#sub":   "left",
			"not a purl":                  "broken",
		},
		"by_name": map[string]any{
			"core":        []any{"7.0.0"},
			"@babel/core": []any{"7.0.0"},
			"inner":       []any{"1"},
			"left":        []any{"2"},
			"nobody":      []any{"3"},
			"broken":      []any{""},
			"alpine":      []any{"3.20"},
			"/bin/sh":     []any{""},
		},
		"by_license": map[string]any{
			"MIT":                                    []any{"pkg:npm/%40babel/core@7.0.0", "pkg:npm/left@2"},
			"GPL-2.0-only":                           []any{"pkg:npm/left@2"},
			"BSD-3-Clause":                           []any{"pkg:npm/left@2"},
			"(MIT OR GPL-2.0-only) AND BSD-3-Clause": []any{"pkg:npm/left@2"},
			"GNU GPL version 2 or later":             []any{"nobody"},
		},
		"unidentified": []any{"nobody", "broken"},
	}}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Error(diff)
	}
}

func TestSPDXIsIndexed(t *testing.T) {
	doc := decode(t, `{"packages":[
		{"name":"a","versionInfo":"1","licenseConcluded":"MIT","licenseDeclared":"MIT","externalRefs":[
			{"referenceCategory":"SECURITY","referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a"},
			{"referenceCategory":"PACKAGE-MANAGER","referenceType":"purl","referenceLocator":"pkg:deb/debian/a@1%2Bb?arch=amd64"},
			{"referenceType":"purl","referenceLocator":"pkg:generic/a@1"}]},
		{"name":"root","licenseConcluded":"NOASSERTION","licenseDeclared":"NONE"},
		{"name":"debian","primaryPackagePurpose":"OPERATING-SYSTEM"}],"spdxVersion":"SPDX-2.3"}`)
	want := &Document{Format: SPDX, SpecVersion: "2.3", Components: 3, Unidentified: 1, Index: map[string]any{
		"by_purl": map[string]any{
			"pkg:deb/debian/a@1%2Bb":            "a",
			"pkg:deb/debian/a@1+b":              "a",
			"pkg:deb/debian/a@1%2Bb?arch=amd64": "a",
			"pkg:generic/a@1":                   "a",
		},
		"by_name":      map[string]any{"a": []any{"1"}, "root": []any{""}, "debian": []any{""}},
		"by_license":   map[string]any{"MIT": []any{"pkg:deb/debian/a@1%2Bb"}},
		"unidentified": []any{"root"},
	}}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Error(diff)
	}
}

func TestWrongShapeIsRefused(t *testing.T) {
	head := `{"bomFormat":"CycloneDX","specVersion":"1.5",`
	for name, c := range map[string]struct{ text, want string }{
		"no format":             {`{"components":[]}`, "neither bomFormat nor spdxVersion"},
		"empty":                 {``, "want an object"},
		"not an object":         {`[]`, "want an object"},
		"unknown format":        {`{"bomFormat":"Other","specVersion":"1.5"}`, `unknown format "Other"`},
		"no version":            {`{"bomFormat":"CycloneDX"}`, `version "" is not read`},
		"old version":           {`{"bomFormat":"CycloneDX","specVersion":"1.1"}`, `version "1.1" is not read`},
		"SPDX 3":                {`{"spdxVersion":"SPDX-3.0"}`, `version "3.0" is not read`},
		"SPDX without prefix":   {`{"spdxVersion":"2.3"}`, "$.spdxVersion"},
		"both formats":          {`{"bomFormat":"CycloneDX","specVersion":"1.5","spdxVersion":"SPDX-2.3"}`, "both"},
		"components an object":  {head + `"components":{}}`, "$.components (byte 58): want an array"},
		"component a string":    {head + `"components":[{},"x"]}`, "$.components[1] "},
		"component null":        {head + `"components":[null]}`, "$.components[0] "},
		"purl a number":         {head + `"components":[{"name":"a"},{"purl":1}]}`, "$.components[1].purl "},
		"purl null":             {head + `"components":[{"purl":null}]}`, "$.components[0].purl "},
		"name an array":         {head + `"components":[{"name":[]}]}`, "$.components[0].name "},
		"nested not a list":     {head + `"components":[{"components":[{"components":1}]}]}`, "$.components[0].components[0].components "},
		"list before format":    {`{"components":[{"purl":1}],"bomFormat":"CycloneDX","specVersion":"1.5"}`, "$.components[0].purl "},
		"components twice":      {head + `"components":[],"components":[]}`, "stands twice"},
		"licenses a string":     {head + `"components":[{"licenses":"MIT"}]}`, "$.components[0].licenses "},
		"SPDX packages null":    {`{"spdxVersion":"SPDX-2.3","packages":null}`, "$.packages "},
		"SPDX package null":     {`{"spdxVersion":"SPDX-2.3","packages":[null]}`, "$.packages[0] "},
		"SPDX locator a number": {`{"spdxVersion":"SPDX-2.3","packages":[{"externalRefs":[{"referenceLocator":1}]}]}`, "$.packages[0].externalRefs[0].referenceLocator "},
		"trailing data":         {head + `"components":[]} {}`, "something follows"},
		"unfinished":            {head + `"components":[{"name":"a"`, "want a comma"},
		"half a surrogate":      {head + `"components":[{"name":"\ud800"}]}`, "half of a surrogate pair"},
		"not UTF-8":             {head + "\"components\":[{\"name\":\"\xff\"}]}", "not UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := Decode([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want an error with %q", doc, err, c.want)
			}
			if errors.Is(err, ErrTooLarge) {
				t.Errorf("%v: says too large", err)
			}
		})
	}
}

func TestBoundsAreKept(t *testing.T) {
	head := `{"bomFormat":"CycloneDX","specVersion":"1.5","components":[`
	many := head + strings.Repeat("{},", MaxComponents) + "{}]}"
	deep := head + strings.Repeat(`{"components":[`, MaxDepth) + strings.Repeat("]}", MaxDepth) + "]}"
	hidden := head + `{"x":` + strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth) + "}]}"
	for name, text := range map[string]string{"components": many, "nesting": deep, "nesting of what is skipped": hidden} {
		if _, err := Decode([]byte(text)); !errors.Is(err, ErrTooLarge) {
			t.Errorf("%s: got %v, want ErrTooLarge", name, err)
		}
	}
	if _, err := Decode(make([]byte, MaxBytes+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("bytes: got %v, want ErrTooLarge", err)
	}
}

// reference builds the same index the slow way, from another library's reading.
func reference(add func(x *index)) (components int, store map[string]any) {
	x := newIndex()
	add(x)
	return x.count, x.store()
}

func TestCycloneDXAgreesWithCycloneDXGo(t *testing.T) {
	for _, name := range files(t, "*.cdx.json") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data := read(t, name)
			var bom cdx.BOM
			if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
				t.Fatal(err)
			}
			count, want := reference(func(x *index) {
				if bom.Components != nil {
					walk(x, *bom.Components)
				}
			})
			doc, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if doc.Components != count || doc.SpecVersion != bom.SpecVersion.String() {
				t.Errorf("got %d components of version %s, want %d of %s", doc.Components, doc.SpecVersion, count, bom.SpecVersion)
			}
			if diff := cmp.Diff(want, doc.Index); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// walk lists a component after those within it, as Decode meets their ends.
func walk(x *index, components []cdx.Component) {
	for _, c := range components {
		x.count++
		if c.Components != nil {
			walk(x, *c.Components)
		}
		e := entry{name: []byte(c.Name), group: []byte(c.Group), version: []byte(c.Version), purl: []byte(c.PackageURL),
			nameless: c.Type == cdx.ComponentTypeFile || c.Type == cdx.ComponentTypeOS}
		if c.Licenses != nil {
			for _, l := range *c.Licenses {
				texts := []string{l.Expression}
				if l.License != nil {
					texts = append(texts, l.License.ID, l.License.Name)
				}
				for _, text := range texts {
					if text != "" {
						e.licenses = append(e.licenses, []byte(text))
					}
				}
			}
		}
		x.add(e)
	}
}

func TestSPDXAgreesWithToolsGolang(t *testing.T) {
	for _, name := range files(t, "*.spdx.json") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data := read(t, name)
			var document spdx.Document
			if err := json.Unmarshal(data, &document); err != nil {
				t.Fatal(err)
			}
			doc, err := Decode(data)
			if err != nil {
				t.Fatal(err)
			}
			if doc.Components != len(document.Packages) {
				t.Errorf("got %d packages, want %d", doc.Components, len(document.Packages))
			}
			byPURL, byName := doc.Index["by_purl"].(map[string]any), doc.Index["by_name"].(map[string]any)
			anonymous, purls := 0, map[string]bool{}
			for _, p := range document.Packages {
				if !slices.Contains(byName[p.PackageName].([]any), any(p.PackageVersion)) {
					t.Errorf("%s %s is not listed", p.PackageName, p.PackageVersion)
				}
				found := false
				for _, r := range p.PackageExternalReferences {
					if r.RefType != common.TypePackageManagerPURL {
						continue
					}
					found = true
					spellings, _ := Spellings(r.Locator)
					for _, s := range spellings {
						purls[s] = true
					}
				}
				if !found && !strings.HasPrefix(p.PrimaryPackagePurpose, "OPERATING") && p.PrimaryPackagePurpose != "FILE" {
					anonymous++
				}
			}
			if doc.Unidentified != anonymous || len(byPURL) != len(purls) {
				t.Errorf("got %d unidentified and %d purls, want %d and %d", doc.Unidentified, len(byPURL), anonymous, len(purls))
			}
			for purl := range purls {
				if byPURL[purl] == nil {
					t.Errorf("%s is not listed", purl)
				}
			}
		})
	}
}

func TestPURLsAreCanonical(t *testing.T) {
	for purl, want := range map[string][]string{
		"pkg:npm/left@1.0.0":                          {"pkg:npm/left@1.0.0"},
		"pkg:npm/left@1.0.0?arch=x":                   {"pkg:npm/left@1.0.0", "pkg:npm/left@1.0.0?arch=x"},
		"pkg:npm/@babel/core@7":                       {"pkg:npm/%40babel/core@7", "pkg:npm/@babel/core@7"},
		"pkg:npm/%40babel/core@7":                     {"pkg:npm/%40babel/core@7", "pkg:npm/@babel/core@7"},
		"pkg:PyPI/Foo_Bar@1":                          {"pkg:pypi/foo-bar@1", "pkg:PyPI/Foo_Bar@1"},
		"pkg:pypi/foo_bar@1_0":                        {"pkg:pypi/foo-bar@1_0", "pkg:pypi/foo_bar@1_0"},
		"pkg:golang/github.com/A/b@v1#sub":            {"pkg:golang/github.com/a/b@v1", "pkg:golang/github.com/A/b@v1#sub"},
		"pkg:deb/debian/libc++1@1:1.0~rc1?a=b%20c":    {"pkg:deb/debian/libc%2B%2B1@1:1.0~rc1", "pkg:deb/debian/libc++1@1:1.0~rc1?a=b%20c", "pkg:deb/debian/libc++1@1:1.0~rc1"},
		"pkg:oci/app@sha256%3Aab?repository_url=r.io": {"pkg:oci/app@sha256:ab", "pkg:oci/app@sha256%3Aab?repository_url=r.io"},
	} {
		if got, ok := Spellings(purl); !ok || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, %v; want %q", purl, got, ok, want)
		}
	}
	for _, text := range []string{"", "left", "pkg:", "pkg:npm", "pkg:npm/", "pkg:npm/a@1?k=%zz", "pkg:/a", "http://pkg:npm/a"} {
		if got, ok := Spellings(text); ok || !slices.Equal(got, []string{text}) {
			t.Errorf("%q: got %q, %v; want itself, false", text, got, ok)
		}
	}
}

// FuzzPURL checks the short cut for plain texts against packageurl-go.
func FuzzPURL(f *testing.F) {
	for _, seed := range []string{"pkg:npm/left@1.0.0?a=b&c=d", "pkg:pypi/a_b@1", "pkg:maven/g/A@1", "pkg:golang/a/B@v1", "pkg:npm/a@", "pkg:npm//a@1?x", "pkg:deb/a/b@1:2~3?arch=a#b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		end, ok := plain(text)
		if !ok {
			return
		}
		p, err := packageurl.FromString(text[:end])
		if err != nil {
			t.Fatalf("%q is taken as plain: %v", text, err)
		}
		if p.ToString() != text[:end] {
			t.Fatalf("%q is taken as plain, canonical is %q", text[:end], p.ToString())
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, pattern := range []string{"*.cdx.json", "*.spdx.json", "*.json"} {
		for _, name := range files(f, pattern) {
			if data := read(f, name); len(data) < 20_000 {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := Decode(data)
		if err != nil {
			return
		}
		if !json.Valid(data) {
			t.Fatal("accepted what is not JSON")
		}
		if strictjson.Check(data, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth}) != nil {
			return
		}
		// Whatever is accepted has all its components counted: by cyclonedx-go too,
		// where that can read it.
		var bom cdx.BOM
		if doc.Format != CycloneDX || hasFoldedNames(data) || json.Unmarshal(data, &bom) != nil || bom.Components == nil {
			return
		}
		x := newIndex()
		walk(x, *bom.Components)
		if x.count != doc.Components || x.anonymous != doc.Unidentified {
			t.Fatalf("got %d components, %d unidentified; cyclonedx-go has %d, %d", doc.Components, doc.Unidentified, x.count, x.anonymous)
		}
	})
}

// hasFoldedNames tells whether encoding/json would read a field that is not there.
func hasFoldedNames(data []byte) bool {
	lower := bytes.ToLower(data)
	for _, name := range []string{"components", "purl", "name", "type", "bomformat", "specversion"} {
		exact := map[string]string{"bomformat": "bomFormat", "specversion": "specVersion"}[name]
		if exact == "" {
			exact = name
		}
		if bytes.Count(lower, []byte(name)) != bytes.Count(data, []byte(exact)) {
			return true
		}
	}
	return bytes.ContainsRune(data, '\\') || !bytes.Equal(data, bytes.ToValidUTF8(data, nil)) || !isASCII(data)
}

func isASCII(data []byte) bool {
	return !slices.ContainsFunc(data, func(c byte) bool { return c >= 0x80 })
}

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

func BenchmarkDecode10000(b *testing.B) {
	data := large(10_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if doc, err := Decode(data); err != nil || doc.Components != 10_000 {
			b.Fatal(doc, err)
		}
	}
}

// BenchmarkCycloneDXGo10000 is the same with the stock library, before any index.
func BenchmarkCycloneDXGo10000(b *testing.B) {
	data := large(10_000)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var bom cdx.BOM
		if err := cdx.NewBOMDecoder(bytes.NewReader(data), cdx.BOMFileFormatJSON).Decode(&bom); err != nil || len(*bom.Components) != 10_000 {
			b.Fatal(err)
		}
	}
}
