package report

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// maxResults bounds a SARIF file; code scanning services take 5,000 results of a
// run and drop the rest in silence.
const maxResults = 5000

// The parts of SARIF 2.1.0 (OASIS Standard, sections 3.13 to 3.52) that are used.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
		Properties  map[string]any    `json:"properties"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID   string     `json:"id"`
		Help *sarifText `json:"help,omitempty"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifInvocation struct {
		ExecutionSuccessful bool                `json:"executionSuccessful"`
		Notifications       []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifResult struct {
		RuleID       string             `json:"ruleId"`
		RuleIndex    int                `json:"ruleIndex"`
		Kind         string             `json:"kind"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
		Properties   map[string]any     `json:"properties"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification,omitempty"`
	}
)

// SARIF writes one run of SARIF 2.1.0 with a result for each finding.
//
// SARIF has the kind "open" for what was not decided, with level "none", and readers
// show no level "none". So what could not be judged is kind "fail" at level "error",
// its message says so, and its property outcome is "indeterminate".
func SARIF(w io.Writer, r gatekeep.Record, _ Options) error {
	v := view.Of(r)
	verdict, _ := view.Verdict(r)
	run := sarifRun{
		Tool:    sarifTool{Driver: sarifDriver{Name: "gatekeep", Version: view.Clean(r.Engine.Gatekeep), Rules: []sarifRule{}}},
		Results: []sarifResult{},
		Properties: map[string]any{
			"decision": r.ID, "outcome": r.Decision.Outcome.String(), "verdict": verdict, "mode": string(r.Mode),
			"subject": r.Case.Subject.Digest, "environment": r.Case.Request.Environment, "policy": r.Case.Policy.Digest,
		},
	}
	call := sarifInvocation{ExecutionSuccessful: r.Decision.Outcome == gatekeep.Pass || r.Decision.Outcome == gatekeep.Fail}
	for _, line := range failures(v.Failed) {
		call.Notifications = append(call.Notifications, sarifNotification{Level: "error", Message: sarifText{Text: line}})
	}
	run.Invocations = []sarifInvocation{call}
	for i, it := range v.Items {
		if len(run.Results) == maxResults-1 && i < len(v.Items)-1 {
			rest := len(v.Items) - i
			it = view.Item{Standing: it.Standing, Rule: view.DecisionRule, Message: fmt.Sprintf("and %d more findings: see the json report", rest)}
		}
		run.add(r, it)
		if len(run.Results) == maxResults {
			break
		}
	}
	for _, note := range v.Notes {
		if len(run.Results) < maxResults {
			run.addNote(r, note)
		}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	document := sarifLog{Schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
	if err := encoder.Encode(document); err != nil {
		return fmt.Errorf("writing sarif report: %w", err)
	}
	return nil
}

// levels by standing. A waived finding is suppressed, and a note where a reader does
// not know suppressions.
var levels = [...]string{"error", "error", "warning", "note", "none", "none"}

func (run *sarifRun) add(r gatekeep.Record, it view.Item) {
	id := it.Rule
	if id == "" {
		id = view.DecisionRule
	}
	result := sarifResult{
		RuleID: id, RuleIndex: run.rule(id, it.Remedy), Kind: "fail", Level: levels[it.Standing],
		Message:      sarifText{Text: it.Text()},
		Locations:    []sarifLocation{locationOf(r, it.At)},
		Fingerprints: map[string]string{"gatekeep/v1": digest.Of([]byte(id + "\x00" + it.At + "\x00" + r.Case.Subject.Name))},
		Properties:   map[string]any{"outcome": outcomeOf(it).String(), "controls": append([]string{}, it.Controls...)},
	}
	if it.Remedy != "" {
		result.Properties["remedy"] = it.Remedy
	}
	if it.Standing == view.Excused {
		result.Suppressions = []sarifSuppression{{Kind: "external", Status: "accepted", Justification: it.Excuse}}
	}
	run.Results = append(run.Results, result)
}

func (run *sarifRun) addNote(r gatekeep.Record, note string) {
	run.Results = append(run.Results, sarifResult{
		RuleID: noteRule, RuleIndex: run.rule(noteRule, ""), Kind: "fail", Level: "note", Message: sarifText{Text: note},
		Locations:    []sarifLocation{locationOf(r, "")},
		Fingerprints: map[string]string{"gatekeep/v1": digest.Of([]byte(noteRule + "\x00" + note + "\x00" + r.Case.Subject.Name))},
		Properties:   map[string]any{},
	})
}

// noteRule stands in for a rule where a note is meant.
const noteRule = "gatekeep/note"

// rule is the index of a rule in the list of the tool, which grows as rules are met.
func (run *sarifRun) rule(id, remedy string) int {
	i := slices.IndexFunc(run.Tool.Driver.Rules, func(rule sarifRule) bool { return rule.ID == id })
	if i < 0 {
		i = len(run.Tool.Driver.Rules)
		rule := sarifRule{ID: id}
		if remedy != "" {
			rule.Help = &sarifText{Text: remedy}
		}
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, rule)
	}
	return i
}

// outcomeOf is the outcome of a finding: that of its rule, unless it is excused.
func outcomeOf(it view.Item) gatekeep.Outcome {
	switch {
	case it.Standing == view.Excused:
		return gatekeep.Waived
	case it.Unseen:
		return gatekeep.Indeterminate
	}
	return gatekeep.Fail
}

// locationOf puts a finding at the subject, since readers want a file, and at the
// thing that it is about.
func locationOf(r gatekeep.Record, at string) sarifLocation {
	name := strings.ReplaceAll(view.Clean(r.Case.Subject.Name), "\\", "/")
	if name == "" {
		name = "subject"
	}
	location := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{URI: (&url.URL{Path: name}).String()}, Region: sarifRegion{StartLine: 1}}}
	if at != "" {
		location.Logical = []sarifLogical{{FullyQualifiedName: at, Kind: "resource"}}
	}
	return location
}
