// Package sast reads what static analysers write: SARIF of any tool, Semgrep's JSON,
// and Checkov's for configuration.
package sast

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/instant"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// SARIF is what is kept of a SARIF document.
type SARIF struct {
	Tool, ToolVersion string   // of the driver; the first one's where there are several
	Tools             []string // names of all drivers, sorted
	// Successful is false where a run says that it failed, or has no results at all:
	// section 3.14.23 has results null where the tool could not run.
	Successful    bool
	FinishedOn    string // RFC 3339, of the last invocation that says; or empty
	FilesAnalyzed *int   // files the document lists; nil where it lists none
	Entries       int    // results, also those that say that there is no problem
	Findings      map[string]gatekeep.SASTFinding

	flaws finding.Flaws
}

// sarifLog is the part of SARIF 2.1.0 that is read.
type sarifLog struct {
	Version string            `json:"version"`
	Inline  []json.RawMessage `json:"inlineExternalProperties"`
	Runs    []struct {
		Tool struct {
			Driver     sarifComponent   `json:"driver"`
			Extensions []sarifComponent `json:"extensions"`
		} `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Artifacts   []struct {
			Location sarifLocation `json:"location"`
			Roles    []string      `json:"roles"`
		} `json:"artifacts"`
		Results  *[]sarifResult `json:"results"`
		External struct {
			Results     []json.RawMessage `json:"results"`
			Invocations []json.RawMessage `json:"invocations"`
			Driver      json.RawMessage   `json:"driver"`
			Extensions  []json.RawMessage `json:"extensions"`
		} `json:"externalPropertyFileReferences"`
	} `json:"runs"`
}

// notification is a message of the tool about itself, or about how it is set up.
type notification struct {
	Level string `json:"level"`
}

// failed tells of an invocation that did not see all: it says so, or reports an error
// of its own (section 3.20.21).
func (i *sarifInvocation) failed() bool {
	bad := func(n notification) bool { return n.Level == "error" }
	return !i.ExecutionSuccessful || slices.ContainsFunc(i.Execution, bad)
}

type sarifInvocation struct {
	Execution           []notification `json:"toolExecutionNotifications"`
	ExecutionSuccessful bool           `json:"executionSuccessful"`
	EndTimeUTC          string         `json:"endTimeUtc"`
	Overrides           []struct {
		Configuration struct {
			Level string `json:"level"`
		} `json:"configuration"`
		Descriptor struct {
			ID    string `json:"id"`
			Index *int   `json:"index"`
		} `json:"descriptor"`
	} `json:"ruleConfigurationOverrides"`
}

type sarifComponent struct {
	Name            string      `json:"name"`
	Version         string      `json:"version"`
	SemanticVersion string      `json:"semanticVersion"`
	Rules           []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID            string `json:"id"`
	GUID          string `json:"guid"`
	Configuration struct {
		Level string `json:"level"`
	} `json:"defaultConfiguration"`
	Properties struct {
		SecuritySeverity any `json:"security-severity"` // text by GitHub's convention
	} `json:"properties"`
}

type sarifLocation struct {
	URI   string `json:"uri"`
	Index *int   `json:"index"`
}

type sarifResult struct {
	RuleID    string `json:"ruleId"`
	RuleIndex *int   `json:"ruleIndex"`
	Rule      struct {
		ID        string `json:"id"`
		GUID      string `json:"guid"`
		Index     *int   `json:"index"`
		Component struct {
			Index *int `json:"index"`
		} `json:"toolComponent"`
	} `json:"rule"`
	Kind      string `json:"kind"`
	Level     string `json:"level"`
	Locations []struct {
		Physical struct {
			Artifact sarifLocation `json:"artifactLocation"`
			Region   struct {
				StartLine int `json:"startLine"`
			} `json:"region"`
		} `json:"physicalLocation"`
	} `json:"locations"`
	PartialFingerprints map[string]string `json:"partialFingerprints"`
	Fingerprints        map[string]string `json:"fingerprints"`
	BaselineState       string            `json:"baselineState"`
	Suppressions        []struct {
		Kind   string `json:"kind"`
		Status string `json:"status"`
	} `json:"suppressions"`
	Provenance struct {
		FirstDetection string `json:"firstDetectionTimeUtc"`
		Invocation     *int   `json:"invocationIndex"`
	} `json:"provenance"`
	Properties struct {
		SecuritySeverity any `json:"security-severity"`
	} `json:"properties"`
}

// Read reads a SARIF 2.1.0 document with all its runs. Results that are kept
// in other files are an error: they would be missed.
func Read(raw []byte) (*SARIF, error) {
	var log sarifLog
	if err := json.Unmarshal(raw, &log); err != nil {
		return nil, fmt.Errorf("reading SARIF: %w", err)
	}
	if log.Version != "2.1.0" {
		return nil, fmt.Errorf("reading SARIF: version %q is not read; want 2.1.0", log.Version)
	}
	if len(log.Inline) > 0 {
		return nil, errors.New("reading SARIF: it keeps parts of its runs in inlineExternalProperties; put them into the runs")
	}
	if len(log.Runs) == 0 {
		return nil, errors.New("reading SARIF: no runs, so no tool says anything")
	}
	s := &SARIF{Successful: true, Findings: map[string]gatekeep.SASTFinding{}}
	files, targets := map[string]bool{}, map[string]bool{}
	for i := range log.Runs {
		run := &log.Runs[i]
		driver := run.Tool.Driver
		if driver.Name == "" {
			return nil, fmt.Errorf("reading SARIF: runs[%d].tool.driver.name is missing", i)
		}
		if x := run.External; len(x.Results)+len(x.Invocations)+len(x.Driver)+len(x.Extensions) > 0 {
			return nil, fmt.Errorf("reading SARIF: runs[%d] keeps results, rules or invocations in other files; put them into the document", i)
		}
		if i == 0 {
			s.Tool, s.ToolVersion = driver.Name, either(driver.SemanticVersion, driver.Version)
		}
		s.Tools = append(s.Tools, driver.Name)
		overrides := 0
		for _, invocation := range run.Invocations {
			if overrides += len(invocation.Overrides); overrides > maxOverrides {
				return nil, fmt.Errorf("reading SARIF: runs[%d] overrides more than %d rules: %w", i, maxOverrides, jsonscan.ErrLimit)
			}
			s.Successful = s.Successful && !invocation.failed()
			if invocation.EndTimeUTC == "" {
				continue
			}
			invocation.EndTimeUTC = finding.UTC(invocation.EndTimeUTC)
			if err := instant.Check(invocation.EndTimeUTC); err != nil {
				return nil, fmt.Errorf("reading SARIF: runs[%d].invocations: endTimeUtc: %w", i, err)
			}
			if s.FinishedOn == "" || earlier(s.FinishedOn, invocation.EndTimeUTC) {
				s.FinishedOn = invocation.EndTimeUTC
			}
		}
		uris := make([]string, 0, len(run.Artifacts))
		for _, a := range run.Artifacts {
			uris = append(uris, a.Location.URI)
			files[a.Location.URI] = true
			if slices.Contains(a.Roles, "analysisTarget") {
				targets[a.Location.URI] = true
			}
		}
		if run.Results == nil {
			s.Successful = false
			continue
		}
		components := append([]sarifComponent{driver}, run.Tool.Extensions...)
		rules := ruleIndex(components)
		for j := range *run.Results {
			r := &(*run.Results)[j]
			if err := s.add(r, components, rules, uris, run.Invocations); err != nil {
				return nil, fmt.Errorf("reading SARIF: runs[%d].results[%d]: %w", i, j, err)
			}
		}
	}
	if len(targets) > 0 {
		files = targets
	}
	if n := len(files); n > 0 {
		s.FilesAnalyzed = &n
	}
	slices.Sort(s.Tools)
	s.Tools = slices.Compact(s.Tools)
	if s.flaws.All != nil {
		s.Findings = s.flaws.All
	}
	return s, nil
}

// add takes one result.
func (s *SARIF) add(r *sarifResult, components []sarifComponent, rules map[string]sarifRule, uris []string, invocations []sarifInvocation) (err error) {
	if s.Entries++; s.Entries > finding.MaxFindings {
		return fmt.Errorf("more than %d results: %w", finding.MaxFindings, jsonscan.ErrLimit)
	}
	var file string
	var line int
	if len(r.Locations) > 0 {
		at := r.Locations[0].Physical
		file, line = at.Artifact.URI, at.Region.StartLine
		if i := at.Artifact.Index; file == "" && i != nil && *i >= 0 && *i < len(uris) {
			file = uris[*i]
		}
	}
	switch r.Kind {
	case "", "fail", "open", "review":
	case "pass", "notApplicable", "informational":
		return nil // section 3.27.9: no problem was found
	default:
		return fmt.Errorf("unknown kind %q", r.Kind)
	}
	rule := r.rule(components, rules)
	f := gatekeep.SASTFinding{Rule: either(r.RuleID, either(r.Rule.ID, rule.ID)), BaselineState: either(r.BaselineState, "new"),
		FirstSeen: r.Provenance.FirstDetection, Suppression: r.suppression()}
	if f.Rule == "" {
		f.Rule = components[0].Name // section 3.27.5: a result need not name its rule
	}
	level := either(r.Level, r.override(rule, invocations))
	if f.Severity, err = flaw(level, rule, r.Properties.SecuritySeverity); err != nil {
		return err
	}
	f.Location = finding.At(file, line)
	if !slices.Contains([]string{"new", "unchanged", "updated", "absent"}, f.BaselineState) {
		return fmt.Errorf("unknown baselineState %q", f.BaselineState)
	}
	if err := instant.Optional(f.FirstSeen); err != nil {
		return fmt.Errorf("provenance.firstDetectionTimeUtc: %w", err)
	}
	s.flaws.Add(r.fingerprint(f.Rule, file, line), f)
	return nil
}

// maxOverrides bounds what is walked for each result; a tool overrides a few rules.
const maxOverrides = 1000

// override is the level that the invocation of a result gave to its rule (section
// 3.27.10, and 3.20.5 for the overrides), or none. A result that names no invocation
// may be of any of them.
func (r *sarifResult) override(rule sarifRule, invocations []sarifInvocation) string {
	level := ""
	for i, invocation := range invocations {
		if at := r.Provenance.Invocation; at != nil && *at >= 0 && *at != i {
			continue
		}
		for _, o := range invocation.Overrides {
			if o.Descriptor.ID == "" || !rule.is(o.Descriptor.ID) && o.Descriptor.ID != r.RuleID {
				continue
			}
			// Several may speak of the rule: the gravest counts.
			if slices.Index(levels, o.Configuration.Level) > slices.Index(levels, level) {
				level = o.Configuration.Level
			}
		}
	}
	return level
}

// levels from the mildest, after none stated.
var levels = []string{"", "none", "note", "warning", "error"}

// flaw is the severity of a result: the score that it or its rule carries by
// GitHub's convention, else its level, which defaults to warning (section 3.27.10).
func flaw(level string, rule sarifRule, stated any) (string, error) {
	scored := finding.Unknown
	for _, score := range []any{stated, rule.Properties.SecuritySeverity} {
		if graded := finding.Severity(fmt.Sprint(score)); score != nil && graded != finding.Negligible {
			scored = finding.Worse(scored, graded)
		}
	}
	level = either(level, either(rule.Configuration.Level, "warning"))
	graded, ok := gradeOf[level]
	switch {
	case !ok:
		return "", fmt.Errorf("unknown level %q", level)
	case scored != finding.Unknown:
		return scored, nil
	}
	return graded, nil
}

// gradeOf are the severities of levels that have no score.
var gradeOf = map[string]string{"error": finding.High, "warning": finding.Medium, "note": finding.Low, "none": finding.Low}

// suppression tells whether somebody outside the code has said that the result may
// stay: "external", the only word that excuses it. Comments in the code do not count,
// nor does what is under review or was rejected (sections 3.27.23 and 3.35.3); the
// other words only say so.
func (r *sarifResult) suppression() string {
	word := ""
	for _, s := range r.Suppressions {
		switch {
		case s.Status == "rejected":
			return "rejected"
		case s.Status == "underReview":
			word = "under_review"
		case word == "under_review":
		case s.Kind == "external" && s.Status == "accepted":
			word = "external"
		case word == "":
			word = "in_source"
			if s.Kind == "external" {
				word = "external_undecided"
			}
		}
	}
	return word
}

// fingerprint names a result across scans: its rule, and the fingerprint that the
// tool computed, or else a digest of where it is.
func (r *sarifResult) fingerprint(rule, file string, line int) string {
	for _, prints := range []map[string]string{r.PartialFingerprints, r.Fingerprints} {
		var first string
		for name := range prints {
			if first == "" || name < first {
				first = name
			}
		}
		if print := prints[first]; print != "" {
			return rule + ":" + print
		}
	}
	return rule + ":" + strings.TrimPrefix(finding.Place(rule, file, strconv.Itoa(line)), "sha256:")
}

func either(a, b string) string { return finding.Either(a, b) }

// earlier compares two checked times.
func earlier(a, b string) bool {
	ta, _ := time.Parse(time.RFC3339, a)
	tb, _ := time.Parse(time.RFC3339, b)
	return ta.Before(tb)
}

// SARIFReport reads a SARIF document as a report of one tool or several.
func SARIFReport(d *finding.Document) (*finding.Report, error) {
	s, err := Read(d.Raw)
	if err != nil {
		return nil, err
	}
	r := &finding.Report{Format: "sarif", Tool: s.Tool, Version: s.ToolVersion, Kinds: []string{finding.KindSAST},
		CreatedAt: s.FinishedOn, Entries: s.Entries, Flaws: s.Findings}
	if !s.Successful {
		r.Fail("a run did not succeed, or has no results")
	}
	return r, nil
}
