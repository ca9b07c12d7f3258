package scan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestAReportTellsOfWhichImageItIs(t *testing.T) {
	a, b := "sha256:"+strings.Repeat("a", 64), "sha256:"+strings.Repeat("b", 64)
	grype := func(target string) string { return `{"matches":[],"source":{"type":"image","target":` + target + `}}` }
	cosign := func(report string) string {
		return `{"invocation":{},"scanner":{"uri":"x","result":` + report + `},"metadata":{}}`
	}
	own := grype(`{"userInput":"app:1","manifestDigest":"` + b + `","repoDigests":["registry/app@` + a + `"]}`)
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"Grype, from a registry":      {own, []string{a, b}},
		"Grype, asked for by digest":  {grype(`{"userInput":"registry/app@` + a + `"}`), []string{a}},
		"Grype, without registry":     {grype(`{"userInput":"app.tar","manifestDigest":"` + b + `","repoDigests":[]}`), nil},
		"Grype, of a folder":          {grype(`"."`), nil},
		"Trivy":                       {`{"ArtifactName":"app:1","Metadata":{"ImageID":"` + b + `","RepoDigests":["app@` + a + `"]},"Results":[]}`, []string{a}},
		"Trivy, asked for by digest":  {`{"ArtifactName":"registry/app@` + a + `","Metadata":{}}`, []string{a}},
		"Trivy, of another shape":     {`{"ArtifactName":7,"Metadata":{"RepoDigests":["app@` + a + `"]}}`, []string{a}},
		"within cosign's type":        {cosign(own), []string{a, b}},
		"within it, as text":          {cosign(fmt.Sprintf("%q", own)), []string{a, b}},
		"within a report of a name":   {`{"format":"grype","report":` + own + `}`, []string{a, b}},
		"SARIF":                       {`{"version":"2.1.0","runs":[]}`, nil},
		"a digest that is none":       {`{"ArtifactName":"app@sha256:beef"}`, nil},
		"no JSON":                     {`x`, nil},
		"nothing":                     {``, nil},
		"reports in reports for ever": {strings.Repeat(`{"report":`, 50) + own + strings.Repeat(`}`, 50), nil},
	} {
		if got := Targets([]byte(c.text)); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
