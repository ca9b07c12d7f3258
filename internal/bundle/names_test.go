package bundle

import (
	"strings"
	"testing"
)

// A name that no evidence could have is a mistake of whoever wrote it, and is told.
func TestNamesThatWouldMatchNothingAreRefused(t *testing.T) {
	for list, names := range map[string]map[string]string{
		"denied_components": {
			"pkg:npm/event-stream@3.3.6": "", "pkg:npm/%40babel/core@7.0.0": "", "pkg:npm/@babel/core@7.0.0": "", "pkg:golang/github.com/a/b@v1.0.0": "",
			"pkg:deb/debian/a@1:2.0": "", "pkg:maven/org.apache/log4j@2.14.1": "",
			"pkg:NPM/event-stream@3.3.6":       `write it as "pkg:npm/event-stream@3.3.6"`,
			"pkg:pypi/Foo_Bar@1":               `write it as "pkg:pypi/foo-bar@1"`,
			"pkg:golang/GitHub.com/A/b@v1.0.0": `write it as "pkg:golang/github.com/a/b@v1.0.0"`,
			"pkg:npm/event-stream@3.3.6 ":      "write it as",
			" pkg:npm/event-stream@3.3.6":      "no package URL",
			"pkg:npm/event-stream":             "no version",
			"pkg:npm/event-stream@3.3.6?x=y":   "write it as",
			"pkg:nuget/newtonsoft.json@13.0.1": "",
			"pkg:nuget/Newtonsoft.Json@13.0.1": `write it as "pkg:nuget/newtonsoft.json@13.0.1"`,
			"event-stream":                     "no package URL",
			"":                                 "no package URL",
		},
		"kev": {
			"CVE-2021-44228": "", "GHSA-jfh8-c2jp-5v3q": "", "GO-2022-0969": "", "RUSTSEC-2021-0001": "", "MAL-2023-1035": "",
			"cve-2021-44228": "in that spelling", "CVE-2021-44228 ": "in that spelling", "CVE-21-1": "in that spelling", "ghsa-jfh8-c2jp-5v3q": "in that spelling",
			"GHSA-JFH8-C2JP-5V3Q": "in that spelling", "log4shell": "in that spelling", "": "in that spelling",
		},
	} {
		for name, want := range names {
			err := checkNames(map[string]any{list: map[string]any{name: true}})
			if (err == nil) != (want == "") || err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), list)) {
				t.Errorf("%s %q: %v, want %q", list, name, err, want)
			}
		}
	}
	for _, org := range []map[string]any{nil, {}, {"kev": nil}, {"kev": []any{"x"}}, {"other": map[string]any{"x": 1}}} {
		if err := checkNames(org); err != nil {
			t.Errorf("%v: %v", org, err)
		}
	}
}
