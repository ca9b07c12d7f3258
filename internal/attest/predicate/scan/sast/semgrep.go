package sast

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// semgrep is the part of the result of "semgrep --json" that is read.
type semgrep struct {
	Version string `json:"version"`
	Results *[]struct {
		Rule  string `json:"check_id"`
		Path  string `json:"path"`
		Start struct {
			Line int `json:"line"`
		} `json:"start"`
		Extra struct {
			Message     string `json:"message"`
			Severity    string `json:"severity"`
			Fingerprint string `json:"fingerprint"`
			Ignored     bool   `json:"is_ignored"`
		} `json:"extra"`
	} `json:"results"`
	Errors *[]struct {
		Level   string          `json:"level"`
		Type    json.RawMessage `json:"type"` // a text, or a list that begins with one
		Message string          `json:"message"`
	} `json:"errors"`
	Paths struct {
		Scanned []string `json:"scanned"`
	} `json:"paths"`
}

// semgrepLevels are the levels of SARIF for Semgrep's severities.
var semgrepLevels = map[string]string{"CRITICAL": "error", "HIGH": "error", "ERROR": "error", "MEDIUM": "warning", "WARNING": "warning",
	"LOW": "note", "INFO": "note", "INVENTORY": "note", "EXPERIMENT": "note"}

// The part of SARIF 2.1.0 that ToSARIF writes.
type (
	outLog struct {
		Version string   `json:"version"`
		Runs    []outRun `json:"runs"`
	}
	outRun struct {
		Tool struct {
			Driver struct {
				Name    string `json:"name"`
				Version string `json:"version,omitempty"`
			} `json:"driver"`
		} `json:"tool"`
		Invocations []outInvocation `json:"invocations"`
		Artifacts   []outArtifact   `json:"artifacts"`
		Results     []outResult     `json:"results"`
	}
	outInvocation struct {
		Successful bool `json:"executionSuccessful"`
	}
	outArtifact struct {
		Location outURI   `json:"location"`
		Roles    []string `json:"roles"`
	}
	outURI struct {
		URI string `json:"uri"`
	}
	outResult struct {
		RuleID       string            `json:"ruleId"`
		Level        string            `json:"level"`
		Message      outText           `json:"message"`
		Locations    []outLocation     `json:"locations"`
		Fingerprints map[string]string `json:"fingerprints,omitempty"`
		Suppressions []outSuppression  `json:"suppressions,omitempty"`
		Properties   map[string]string `json:"properties,omitempty"`
	}
	outText struct {
		Text string `json:"text"`
	}
	outLocation struct {
		Physical struct {
			Artifact outURI `json:"artifactLocation"`
			Region   struct {
				StartLine int `json:"startLine,omitempty"`
			} `json:"region"`
		} `json:"physicalLocation"`
	}
	outSuppression struct {
		Kind string `json:"kind"`
	}
)

// gaveUp tells the warnings with which Semgrep says that it did not get to the end of a
// file or a rule. Of a file of which it could not read a part it has still read the rest.
func gaveUp(kind json.RawMessage) bool {
	var name string
	if json.Unmarshal(kind, &name) != nil {
		var list []json.RawMessage
		if json.Unmarshal(kind, &list) != nil || len(list) == 0 || json.Unmarshal(list[0], &name) != nil {
			return false
		}
	}
	switch strings.ToLower(strings.ReplaceAll(name, " ", "")) {
	case "timeout", "outofmemory", "stackoverflow", "toomanymatches", "timeoutduringinterfile", "outofmemoryduringinterfile", "fatalerror":
		return true
	}
	return false
}

// ToSARIF writes the result of "semgrep --json" as a SARIF 2.1.0 document. A scan with
// errors is one that did not succeed.
func ToSARIF(raw []byte) ([]byte, error) {
	var s semgrep
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	if s.Results == nil || s.Errors == nil {
		return nil, errors.New("no list of results or of errors")
	}
	run := outRun{Artifacts: []outArtifact{}, Results: []outResult{}, Invocations: []outInvocation{{Successful: true}}}
	run.Tool.Driver.Name, run.Tool.Driver.Version = "semgrep", s.Version
	for _, e := range *s.Errors {
		if e.Level != "warn" && e.Level != "info" || gaveUp(e.Type) {
			run.Invocations[0].Successful = false
		}
	}
	// Nothing is found where nothing is looked at.
	if len(s.Paths.Scanned) == 0 {
		run.Invocations[0].Successful = false
	}
	for _, path := range s.Paths.Scanned {
		run.Artifacts = append(run.Artifacts, outArtifact{outURI{path}, []string{"analysisTarget"}})
	}
	for i, r := range *s.Results {
		severity := strings.ToUpper(r.Extra.Severity)
		level, ok := semgrepLevels[severity]
		if !ok || r.Rule == "" {
			return nil, fmt.Errorf("results[%d]: no check_id, or unknown severity %q", i, r.Extra.Severity)
		}
		out := outResult{RuleID: r.Rule, Level: level, Message: outText{finding.Line(r.Extra.Message)}, Locations: make([]outLocation, 1)}
		out.Locations[0].Physical.Artifact.URI = r.Path
		out.Locations[0].Physical.Region.StartLine = r.Start.Line
		if severity == "CRITICAL" {
			out.Properties = map[string]string{"security-severity": "9.0"}
		}
		if print := r.Extra.Fingerprint; print != "" && print != "requires login" {
			out.Fingerprints = map[string]string{"matchBasedId/v1": print}
		}
		if r.Extra.Ignored {
			out.Suppressions = []outSuppression{{Kind: "inSource"}}
		}
		run.Results = append(run.Results, out)
	}
	return json.Marshal(outLog{Version: "2.1.0", Runs: []outRun{run}})
}

// Semgrep reads the result of "semgrep --json".
func Semgrep(d *finding.Document) (*finding.Report, error) {
	log, err := ToSARIF(d.Raw)
	if err != nil {
		return nil, err
	}
	r, err := SARIFReport(&finding.Document{Raw: log})
	if err != nil {
		return nil, err
	}
	r.Format = "semgrep"
	return r, nil
}
