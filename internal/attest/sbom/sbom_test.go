package sbom

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
	want := &Document{Format: CycloneDX, Encoding: JSON, SpecVersion: "1.6", Components: 7, Unidentified: 2, Index: map[string]any{
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
			"app":         []any{""}, // what is described may be looked up, and is no component of itself
		},
		"by_license": map[string]any{
			"MIT":                                    []any{"pkg:npm/%40babel/core@7.0.0", "pkg:npm/left@2"},
			"GPL-2.0-only":                           []any{"pkg:npm/left@2"},
			"BSD-3-Clause":                           []any{"pkg:npm/left@2"},
			"(MIT OR GPL-2.0-only) AND BSD-3-Clause": []any{"pkg:npm/left@2"},
			"GNU GPL version 2 or later":             []any{"nobody"},
		},
		"unidentified":         []any{"nobody", "broken"},
		"unidentified_by_name": map[string]any{"nobody": []any{"3"}, "broken": []any{""}, "alpine": []any{"3.20"}, "app": []any{""}},
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
	want := &Document{Format: SPDX, Encoding: JSON, SpecVersion: "2.3", Components: 3, Unidentified: 1, Index: map[string]any{
		"by_purl": map[string]any{
			"pkg:deb/debian/a@1%2Bb":            "a",
			"pkg:deb/debian/a@1+b":              "a",
			"pkg:deb/debian/a@1%2Bb?arch=amd64": "a",
			"pkg:generic/a@1":                   "a",
		},
		"by_name":              map[string]any{"a": []any{"1"}, "root": []any{""}, "debian": []any{""}},
		"by_license":           map[string]any{"MIT": []any{"pkg:deb/debian/a@1%2Bb"}},
		"unidentified":         []any{"root"},
		"unidentified_by_name": map[string]any{"root": []any{""}, "debian": []any{""}},
	}}
	if diff := cmp.Diff(want, doc); diff != "" {
		t.Error(diff)
	}
}

// A component is found however its document names it.
func TestAComponentIsFoundHoweverItIsWritten(t *testing.T) {
	const purl = "pkg:npm/event-stream@3.3.6"
	cyclonedx := func(component string) string {
		return `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[` + component + `]}`
	}
	spdx := func(reference string) string {
		return `{"spdxVersion":"SPDX-2.3","packages":[{"name":"event-stream","externalRefs":[` + reference + `]}]}`
	}
	for name, text := range map[string]string{
		"blanks":                 cyclonedx(`{"name":"e","purl":" ` + purl + `\t"}`),
		"unreadable qualifiers":  cyclonedx(`{"name":"e","purl":"` + purl + `?a=%zz"}`),
		"unreadable subpath":     cyclonedx(`{"name":"e","purl":"` + purl + `#%zz"}`),
		"what is described":      `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"name":"e","purl":"` + purl + `"}}}`,
		"within the described":   `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"name":"x","components":[{"name":"e","purl":"` + purl + `"}]}}}`,
		"described in XML":       `<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><metadata><component type="library"><name>e</name><purl>` + purl + `</purl></component></metadata></bom>`,
		"type of a reference":    spdx(`{"referenceCategory":"PACKAGE_MANAGER","referenceType":"purl","referenceLocator":"` + purl + `"}`),
		"address of the type":    spdx(`{"referenceCategory":"PACKAGE-MANAGER","referenceType":"http://spdx.org/rdf/references/purl","referenceLocator":"` + purl + `"}`),
		"type in capitals":       spdx(`{"referenceCategory":"OTHER","referenceType":"PURL","referenceLocator":"` + purl + `"}`),
		"scheme in capitals":     spdx(`{"referenceCategory":"OTHER","referenceType":"npm","referenceLocator":"PKG:npm/event-stream@3.3.6"}`),
		"identifier of SPDX 3":   `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"software_Package","spdxId":"urn:a","name":"e","externalIdentifier":[{"type":"ExternalIdentifier","externalIdentifierType":"other","identifier":"` + purl + `"}]}]}`,
		"locator of another":     spdx(`{"referenceCategory":"OTHER","referenceType":"npm","referenceLocator":"` + purl + `"}`),
		"tag-value":              "SPDXVersion: SPDX-2.3\nPackageName: e\nExternalRef: PACKAGE-MANAGER http://spdx.org/rdf/references/purl " + purl + "\n",
		"tag-value with returns": "SPDXVersion: SPDX-2.3\r\nPackageName: e\r\nExternalRef: PACKAGE-MANAGER purl " + purl + "\r\n",
	} {
		doc := decode(t, text)
		if _, found := doc.Index["by_purl"].(map[string]any)[purl]; !found {
			t.Errorf("%s: it is not found: %v", name, doc.Index["by_purl"])
		}
	}
	for name, text := range map[string]string{
		"returns alone":   "SPDXVersion: SPDX-2.3\rPackageName: e\r",
		"list by a graph": `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","packages":[{"name":"e"}],"@graph":[]}`,
		"relation by one": `{"relationships":[{"name":"e"}],"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}`,
		"beside a graph":  `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[],"type":"software_Package","software_packageUrl":"` + purl + `"}`,
	} {
		if doc, err := Decode([]byte(text)); err == nil {
			t.Errorf("%s: it is read, and holds %v", name, doc.Index["by_purl"])
		}
	}
}

// Whatever no purl names with its version may be looked for by its name.
func TestWhatNoPURLNamesWithItsVersionIsFoundByName(t *testing.T) {
	cyclonedx := func(component string) string {
		return `{"bomFormat":"CycloneDX","specVersion":"1.6","components":[` + component + `]}`
	}
	for name, text := range map[string]string{
		"a purl without version":       cyclonedx(`{"name":"x","version":"1.0","purl":"pkg:pypi/foo-bar"}`),
		"a readable one of another":    cyclonedx(`{"name":"Foo-Bar","version":"1.0","purl":"pkg:pypi/x"}`),
		"blanks, capitals, underlines": cyclonedx(`{"name":" Foo__Bar ","version":" 1.0"}`),
		"a group":                      cyclonedx(`{"group":"g","name":"foo.bar","version":"1.0"}`),
		"a file":                       cyclonedx(`{"type":"file","name":"foo-bar","version":"1.0"}`),
		"a system":                     cyclonedx(`{"type":"operating-system","name":"foo-bar","version":"1.0"}`),
		"what is described":            `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"name":"foo-bar","version":"1.0"}}}`,
		"a file of SPDX":               `{"spdxVersion":"SPDX-2.3","packages":[{"name":"foo-bar","versionInfo":"1.0","primaryPackagePurpose":"FILE"}]}`,
	} {
		got := decode(t, text).Index["unidentified_by_name"].(map[string]any)["foo-bar"]
		if diff := cmp.Diff([]any{"1.0"}, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for name, text := range map[string]string{
		"a purl with its version": cyclonedx(`{"name":"foo-bar","version":"1.0","purl":"pkg:npm/%40x/foo-bar@1.0"}`),
		"the path of a file":      cyclonedx(`{"type":"file","name":"/foo-bar"}`),
	} {
		if got := decode(t, text).Index["unidentified_by_name"]; len(got.(map[string]any)) != 0 {
			t.Errorf("%s: got %v", name, got)
		}
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
