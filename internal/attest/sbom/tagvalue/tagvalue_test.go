package tagvalue

import (
	"strings"
	"testing"

	library "github.com/spdx/tools-golang/tagvalue"
)

func TestWrongShapeIsRefused(t *testing.T) {
	tags := func(lines ...string) string { return "SPDXVersion: SPDX-2.2\n" + strings.Join(lines, "\n") }
	for name, c := range map[string]struct{ text, want string }{
		"version twice":           {tags("SPDXVersion: SPDX-2.2"), "line 2: SPDXVersion: stands twice"},
		"old version":             {"SPDXVersion: SPDX-1.2", `"SPDX-1.2" is not read; SPDX-2.2`},
		"line without tag":        {tags("PackageName: a", "b"), `line 3: "b" is not a tag and its value`},
		"version without package": {tags("PackageVersion: 1"), "outside of a package"},
		"version of a file":       {tags("PackageName: a", "FileName: b", "PackageVersion: 1"), "line 4: PackageVersion: stands outside"},
		"package version twice":   {tags("PackageName: a", "PackageVersion: 1", "PackageVersion: 2"), "PackageVersion: stands twice"},
		"tag in other case":       {tags("packagename: a"), "want PackageName"},
		"text without end":        {tags("PackageName: a", "PackageComment: <text>b", "c"), "line 3: PackageComment: <text> without </text>"},
		"text in the middle":      {tags("PackageName: a", "PackageComment: b <text>c", "</text>"), "in the middle"},
		"something after text":    {tags("PackageComment: <text>b", "</text> PackageName: c"), "something follows </text>"},
		"after text on the line":  {tags("PackageComment: <text>b</text> PackageName: c"), "something follows </text>"},
		"purl of two words":       {tags("PackageName: a", "ExternalRef: PACKAGE-MANAGER purl pkg:npm/a @1"), "want a category, a type and a locator"},
		"tag-value not UTF-8":     {tags("PackageName: a\xFF"), "not UTF-8"},
		"nothing":                 {"# a", "no SPDXVersion"},
	} {
		t.Run(name, func(t *testing.T) {
			version, _, err := Decode([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v; want an error with %q", version, err, c.want)
			}
		})
	}
}

func TestLinesAreCountedThroughTexts(t *testing.T) {
	_, _, err := Decode([]byte("SPDXVersion: SPDX-2.3\nDocumentComment: <text>a\nb\n\nc</text>\n# d\nwrong"))
	if err == nil || !strings.HasPrefix(err.Error(), "line 7: ") {
		t.Errorf("got %v, want line 7", err)
	}
}

// TestWhatTheLibraryCannotReadIsRead are the reasons for a reader of its own.
func TestWhatTheLibraryCannotReadIsRead(t *testing.T) {
	for name, text := range map[string]string{
		"a line of a megabyte":  "SPDXVersion: SPDX-2.3\nCreatorComment: " + strings.Repeat("a", 1<<20) + "\nPackageName: a\n",
		"a text of many lines":  "SPDXVersion: SPDX-2.3\nCreatorComment: <text>" + strings.Repeat("a\n", 1<<20) + "</text>\nPackageName: a\n",
		"a tag of another tool": "SPDXVersion: SPDX-2.3\nPackageName: a\nPackageColour: red\n",
	} {
		version, index, err := Decode([]byte(text))
		if err != nil || version != "2.3" || index.Components() != 1 {
			t.Errorf("%s: got %q, %v", name, version, err)
		}
		if name == "a text of many lines" {
			continue // the library takes four minutes
		}
		if _, err := library.Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: the library reads it by now", name)
		}
	}
}

func TestBeginningIsKnown(t *testing.T) {
	for text, want := range map[string]bool{
		"SPDXVersion: SPDX-2.3": true, "# a\n\nDataLicense: CC0-1.0\nSPDXVersion : SPDX-2.3": true,
		"spdxVersion: SPDX-2.3": false, "": false, "a: b": false, strings.Repeat("\n", 100) + "SPDXVersion: SPDX-2.3": false,
	} {
		if got := Is([]byte(text)); got != want {
			t.Errorf("%.40q: got %v", text, got)
		}
	}
}
