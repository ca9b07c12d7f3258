package report

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
)

// columns of the CSV report. New ones come last, so that readers by position go on.
var columns = []string{
	"regime", "regime_version", "control", "control_title", "citation", "strength", "limits", "rule", "severity",
	"outcome", "findings", "first_finding", "first_finding_at", "excused_by", "evidence_ids",
	"decision_id", "decided_at", "decision_outcome", "mode", "service", "environment", "subject_name", "subject_digest",
}

// CSV writes a row for each rule under each control of each regime (RFC 4180, with a
// header). Each row has the outcome of the whole decision too, so that no row, and no
// sheet without rows for a regime, looks clean where the gate is shut. evidence_ids are
// the documents that the findings of the row are about, not all that was believed.
//
// Cells that a spreadsheet would take for a formula begin with an apostrophe (OWASP,
// "CSV Injection").
func CSV(w io.Writer, r gatekeep.Record, _ Options) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true // RFC 4180, section 2: "Each record is located on a separate line, delimited by a line break (CRLF)."
	rows := [][]string{columns}
	v := view.Of(r)
	for _, regime := range v.Regimes {
		for _, control := range regime.Controls {
			for _, result := range control.Results {
				rows = append(rows, rowOf(r, regime, control, result))
			}
		}
		if len(regime.Controls) == 0 {
			rows = append(rows, rowOf(r, regime, view.Control{}, unsaid("no rule of this regime gave a result")))
		}
	}
	if v.Silence != nil {
		rows = append(rows, rowOf(r, view.Regime{}, view.Control{ID: "decision"}, unsaid(v.Silence.Message)))
	}
	for _, row := range rows {
		for i := range row {
			row[i] = inert(row[i])
		}
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("writing csv report: %w", err)
	}
	return nil
}

// unsaid is the result in place of one that no rule gave.
func unsaid(message string) gatekeep.Result {
	return gatekeep.Result{Severity: "block", Findings: []gatekeep.Finding{{Message: message}}}
}

func rowOf(r gatekeep.Record, regime view.Regime, control view.Control, result gatekeep.Result) []string {
	var first gatekeep.Finding
	var excuses, evidence []string
	for i, f := range result.Findings {
		if i == 0 {
			first = f
		}
		excuses = append(excuses, view.Clean(f.Excuse))
		if document(r, f.At) {
			evidence = append(evidence, view.Clean(f.At))
		}
	}
	return []string{
		regime.ID, regime.Version, control.ID, control.Title, control.Citation, control.Strength, control.Limits,
		view.Clean(result.Rule), view.Clean(result.Severity), result.Outcome.String(), fmt.Sprint(len(result.Findings)),
		view.Clean(first.Message), view.Clean(first.At), distinct(excuses), distinct(evidence),
		view.Clean(r.ID), r.DecidedAt.UTC().Format(time.RFC3339), r.Decision.Outcome.String(), view.Clean(string(r.Mode)),
		view.Clean(r.Case.Request.Service), view.Clean(r.Case.Request.Environment), view.Clean(r.Case.Subject.Name), view.Clean(r.Case.Subject.Digest),
	}
}

// document tells whether a finding is about a document of the record.
func document(r gatekeep.Record, at string) bool {
	return slices.ContainsFunc(r.Accepted, func(s gatekeep.Signed) bool { return s.ID == at }) ||
		slices.ContainsFunc(r.Rejected, func(x gatekeep.Rejection) bool { return x.ID == at })
}

// distinct are texts sorted, once each, with a space between.
func distinct(all []string) string {
	slices.Sort(all)
	return view.Joined(" ", slices.Compact(all)...)
}

// inert keeps a cell from being a formula: an apostrophe stands before each character
// that would begin one. Spreadsheets that part cells at semicolons see a new cell after
// each, whatever the quotes, so such a place counts as a beginning too. Tabs and line
// ends are gone already.
func inert(s string) string {
	var out strings.Builder
	start := true
	for _, c := range s {
		if start && strings.ContainsRune("=+-@＝＋－＠", c) {
			out.WriteByte('\'')
		}
		start = c == ';' || start && (c == ' ' || c == '"')
		out.WriteRune(c)
	}
	return out.String()
}
