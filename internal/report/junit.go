package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// The elements of the JUnit XML that CI systems read. There is no standard; these
// are the names in the schema of the Apache Ant task.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string       `xml:"classname,attr"`
		Name    string       `xml:"name,attr"`
		Skipped *junitReason `xml:"skipped"`
		Failure *junitReason `xml:"failure"`
		Error   *junitReason `xml:"error"`
		Out     string       `xml:"system-out,omitempty"`
	}
	junitReason struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes a test suite for each regime and a test case for each rule under each
// control. A rule that fails is a failure, one that could not judge an error, one
// that does not apply is skipped. JUnit has no warnings: what is only a warning, or
// is waived, passes and says so in its output.
func JUnit(w io.Writer, r gatekeep.Record, _ Options) error {
	v := view.Of(r)
	stamp := r.DecidedAt.UTC().Format("2006-01-02T15:04:05")
	suites := junitSuites{Name: "gatekeep " + view.Clean(r.ID)}
	for _, regime := range v.Regimes {
		suite := junitSuite{Name: view.Joined(": ", regime.ID, regime.Title), Timestamp: stamp}
		for _, control := range regime.Controls {
			for _, result := range control.Results {
				suite.Cases = append(suite.Cases, caseOf(regime, control, result))
			}
		}
		suites.add(suite)
	}
	// What says that the gate is shut must be in the counts, whatever the rules said.
	if !r.Decision.Outcome.Opens() && suites.Failures+suites.Errors == 0 {
		suite := junitSuite{Name: "decision", Timestamp: stamp}
		verdict, _ := view.Verdict(r)
		reason := &junitReason{Message: verdict, Type: r.Decision.Outcome.String()}
		for _, it := range slices.Concat(v.ByStanding(view.Against), v.ByStanding(view.Unknown)) {
			reason.Text += it.Text() + "\n"
		}
		suite.Cases = []junitCase{{Class: "decision", Name: view.DecisionRule, Error: reason}}
		suites.add(suite)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("writing junit report: %w", err)
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(suites); err != nil {
		return fmt.Errorf("writing junit report: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("writing junit report: %w", err)
	}
	return nil
}

// caseOf is one rule under one control.
func caseOf(regime view.Regime, control view.Control, result gatekeep.Result) junitCase {
	c := junitCase{Class: view.Joined(".", regime.ID, control.ID), Name: view.Joined(" ", view.Clean(result.Rule), control.Title)}
	if c.Name == "" {
		c.Name = regime.ID
	}
	var lines []string
	message := ""
	for _, it := range view.ItemsOf(result) {
		if it.Standing == view.Excused {
			lines = append(lines, "waived: "+excusedLine(it))
			continue
		}
		if message == "" {
			message = it.Text()
		}
		lines = append(lines, view.Joined("\n", it.Text(), prefixed("  at: ", it.At), prefixed("  fix: ", it.Remedy)))
	}
	for _, note := range result.Notes {
		lines = append(lines, "note: "+view.Clean(note))
	}
	text := strings.Join(lines, "\n")
	switch view.StandingOf(result) {
	case view.Against:
		c.Failure = &junitReason{Message: message, Type: result.Outcome.String(), Text: text}
	case view.Unknown:
		c.Error = &junitReason{Message: message, Type: result.Outcome.String(), Text: text}
	case view.NotApplicable:
		c.Skipped = &junitReason{Message: "not applicable", Text: text}
	case view.Warning:
		c.Out = "warning: " + text
	default:
		c.Out = text
	}
	return c
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

// add counts the cases of a suite and takes it in.
func (s *junitSuites) add(suite junitSuite) {
	for _, c := range suite.Cases {
		suite.Tests++
		switch {
		case c.Failure != nil:
			suite.Failures++
		case c.Error != nil:
			suite.Errors++
		case c.Skipped != nil:
			suite.Skipped++
		}
	}
	s.Tests += suite.Tests
	s.Failures += suite.Failures
	s.Errors += suite.Errors
	s.Skipped += suite.Skipped
	s.Suites = append(s.Suites, suite)
}
