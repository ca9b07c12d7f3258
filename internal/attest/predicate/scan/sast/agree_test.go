package sast

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// TestSARIFAgreesWithGoSARIF reads real documents with another library too: every
// result it has must be a finding of the same rule and file.
func TestSARIFAgreesWithGoSARIF(t *testing.T) {
	files, err := filepath.Glob(vectors + "/sarif/*.sarif")
	if err != nil || len(files) == 0 {
		t.Fatal("no documents", err)
	}
	for _, file := range files {
		if strings.Contains(file, "_fail") {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			data := read(t, filepath.Join("sarif", filepath.Base(file)))
			var report struct {
				Runs []*sarif.Run `json:"runs"`
			}
			if err := json.Unmarshal(data, &report); err != nil {
				t.Fatal(err)
			}
			want := map[string]int{}
			for _, run := range report.Runs {
				for _, r := range run.Results {
					if r.Kind == "pass" {
						continue
					}
					want[described(run, r)]++
				}
			}
			s, err := Read(data)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range s.Findings {
				want[f.Rule+" "+f.Location]--
			}
			for name, surplus := range want {
				if surplus != 0 {
					t.Errorf("%s: go-sarif has %+d results", name, surplus)
				}
			}
		})
	}
}

// described names a result as a finding does: rule, file and line.
func described(run *sarif.Run, r *sarif.Result) string {
	name := *r.RuleID + " "
	if len(r.Locations) == 0 || r.Locations[0].PhysicalLocation == nil {
		return name
	}
	at := r.Locations[0].PhysicalLocation
	if at.ArtifactLocation != nil && at.ArtifactLocation.URI != nil {
		name += *at.ArtifactLocation.URI
	} else if at.ArtifactLocation != nil && len(run.Artifacts) > 0 {
		name += *run.Artifacts[at.ArtifactLocation.Index].Location.URI
	}
	if at.Region != nil && at.Region.StartLine != nil && *at.Region.StartLine > 0 {
		name += fmt.Sprintf(":%d", *at.Region.StartLine)
	}
	return name
}

// TestIndexCountsOnlyWhereTheIDAgrees has a result as writers make it that know no
// absent index.
func TestIndexCountsOnlyWhereTheIDAgrees(t *testing.T) {
	s, err := Read(run(
		`{"id":"harmless","properties":{"security-severity":"1.0"}},{"id":"grave","properties":{"security-severity":"9.9"}}`,
		`{"ruleId":"grave","ruleIndex":0,"partialFingerprints":{"a":"b"}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Findings["grave:b"].Severity; got != finding.Critical {
		t.Errorf("got severity %s, want critical", got)
	}
}
