package scan

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// maxHeld is how many reports may hold one another: a predicate, the result of its
// scanner, and a report within that as text.
const maxHeld = 4

// targeted is where scanners name what they looked at, and where predicates hold their
// reports.
type targeted struct {
	Source struct { // Grype: anchore/syft, syft/json, Source
		Target json.RawMessage `json:"target"`
	} `json:"source"`
	ArtifactName string   `json:"ArtifactName"` // Trivy: of an image as it was asked for
	Metadata     trivyOf  `json:"Metadata"`
	Scanner      struct { // predicates
		Result json.RawMessage `json:"result"`
	} `json:"scanner"`
	Report json.RawMessage `json:"report"`
	Result json.RawMessage `json:"Data"` // cosign's own type for anything
}

// trivyOf is what Trivy tells of an image. ImageID is the digest of its configuration,
// which no statement is about.
type trivyOf struct {
	RepoDigests []string `json:"RepoDigests"`
}

type grypeTarget struct {
	UserInput      string   `json:"userInput"`
	ManifestDigest string   `json:"manifestDigest"`
	RepoDigests    []string `json:"repoDigests"`
}

// Targets are the digests of images that a report, or the report in a predicate, says
// that it is of, sorted. None: it names none that could be compared. Syft makes up a
// manifest for an image without registry, so that of Grype counts only beside what a
// registry knows the image by.
func Targets(raw []byte) []string {
	var found []string
	collect(raw, 0, &found)
	slices.Sort(found)
	return slices.Compact(found)
}

func collect(raw []byte, held int, found *[]string) {
	var text string
	if held < maxHeld && json.Unmarshal(raw, &text) == nil {
		collect([]byte(text), held+1, found)
		return
	}
	// Fields of another shape are those of another tool; the ones that could be read stay.
	var fields map[string]json.RawMessage
	if len(raw) == 0 || held > maxHeld || json.Unmarshal(raw, &fields) != nil {
		return
	}
	var t targeted
	for name, into := range map[string]any{
		"source": &t.Source, "ArtifactName": &t.ArtifactName, "Metadata": &t.Metadata, "scanner": &t.Scanner, "report": &t.Report, "Data": &t.Result,
	} {
		if value, there := fields[name]; there {
			_ = json.Unmarshal(value, into) // as said above
		}
	}
	var g grypeTarget
	_ = json.Unmarshal(t.Source.Target, &g) // a folder is named by a text
	named := names(append(append([]string{t.ArtifactName, g.UserInput}, t.Metadata.RepoDigests...), g.RepoDigests...))
	if len(named) > 0 && digest.Valid(g.ManifestDigest) {
		named = append(named, g.ManifestDigest)
	}
	*found = append(*found, named...)
	for _, inner := range []json.RawMessage{t.Scanner.Result, t.Report, t.Result} {
		collect(inner, held+1, found)
	}
}

// names are the digests that names of images end with.
func names(texts []string) []string {
	var out []string
	for _, text := range texts {
		if _, d, ok := strings.Cut(text, "@"); ok && digest.Valid(d) {
			out = append(out, d)
		}
	}
	return out
}
