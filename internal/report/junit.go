package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
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
	v := viewOf(r)
	stamp := r.DecidedAt.UTC().Format("2006-01-02T15:04:05")
	suites := junitSuites{Name: "gatekeep " + clean(r.ID)}
	for _, regime := range v.regimes {
		suite := junitSuite{Name: joined(": ", regime.id, regime.title), Timestamp: stamp}
		for _, control := range regime.controls {
			for _, result := range control.results {
				suite.Cases = append(suite.Cases, caseOf(regime, control, result))
			}
		}
		suites.add(suite)
	}
	// What says that the gate is shut must be in the counts, whatever the rules said.
	if !r.Decision.Outcome.Opens() && suites.Failures+suites.Errors == 0 {
		suite := junitSuite{Name: "decision", Timestamp: stamp}
		verdict, _ := verdictOf(r)
		reason := &junitReason{Message: verdict, Type: r.Decision.Outcome.String()}
		for _, it := range slices.Concat(v.of(against), v.of(unknown)) {
			reason.Text += it.unseenMessage() + "\n"
		}
		suite.Cases = []junitCase{{Class: "decision", Name: decisionRule, Error: reason}}
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
func caseOf(regime regimeView, control controlView, result gatekeep.Result) junitCase {
	c := junitCase{Class: joined(".", regime.id, control.id), Name: joined(" ", clean(result.Rule), control.title)}
	if c.Name == "" {
		c.Name = regime.id
	}
	var lines []string
	message := ""
	for _, it := range itemsOf(result) {
		if it.standing == excused {
			lines = append(lines, "waived: "+excusedLine(it))
			continue
		}
		if message == "" {
			message = it.unseenMessage()
		}
		lines = append(lines, joined("\n", it.unseenMessage(), prefixed("  at: ", it.at), prefixed("  fix: ", it.remedy)))
	}
	for _, note := range result.Notes {
		lines = append(lines, "note: "+clean(note))
	}
	text := strings.Join(lines, "\n")
	switch standingOf(result) {
	case against:
		c.Failure = &junitReason{Message: message, Type: result.Outcome.String(), Text: text}
	case unknown:
		c.Error = &junitReason{Message: message, Type: result.Outcome.String(), Text: text}
	case notApplicable:
		c.Skipped = &junitReason{Message: "not applicable", Text: text}
	case warning:
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
