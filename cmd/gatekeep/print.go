package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/source"
	"github.com/gatekeep-dev/gatekeep/internal/report"
)

// printer shows an answer, or why there is none, in one format.
type printer struct {
	w      *world
	format string
}

func printerOf(w *world, format string) (printer, error) {
	if _, ok := report.Formats[format]; !ok {
		names := make([]string, 0, len(report.Formats))
		for name := range report.Formats {
			names = append(names, name)
		}
		slices.Sort(names)
		return printer{}, usage("reading --format: %q is none of %s", format, strings.Join(names, ", "))
	}
	return printer{w, format}, nil
}

// record shows a decision, and where its evidence is.
func (p printer) record(r gatekeep.Record, out, key string) error {
	options := report.Options{Colour: p.w.colour(), Width: p.w.width, EvidencePath: out}
	if out != "" {
		options.VerifyCommand = verifyCommand(r, publicName(key), out)
	}
	return report.Formats[p.format](p.w.out, r, options)
}

// verifyCommand is how to verify the evidence of a record.
func verifyCommand(r gatekeep.Record, key, path string) string {
	if r.Seal != nil {
		key += " --trusted-root trusted_root.json"
	}
	return fmt.Sprintf("gatekeep evidence verify --key %s %s", key, path)
}

// publicName is the customary name of the public half of a key file. A key that a
// service or a variable keeps has none: 'gatekeep key public' writes it.
func publicName(private string) string {
	if strings.Contains(private, "://") {
		return "gate.pub"
	}
	return strings.TrimSuffix(private, ".key") + ".pub"
}

// unjudged is the answer where no decision could be made: the gate is shut, and
// says what it could not see. Where the mode does not enforce it still exits 0.
func (p printer) unjudged(cause error, mode gatekeep.Mode) error {
	var wrong usageError
	if errors.As(cause, &wrong) {
		return cause
	}
	if err := p.account(cause, mode); err != nil {
		return err
	}
	if mode == gatekeep.Enforce {
		return fmt.Errorf("could not judge: %w", cause)
	}
	fmt.Fprintf(p.w.err, "gatekeep: could not judge: %v\ngatekeep: mode is %s: not shut\n", cause, mode)
	return nil
}

// account writes, in the formats that machines read, that nothing was decided and
// why, so that no consumer takes an empty output for a clean one.
func (p printer) account(cause error, mode gatekeep.Mode) error {
	var reason gatekeep.Reason
	var unresolved *source.ResolveError
	switch {
	case errors.As(cause, &unresolved):
		reason = unresolved.Reason
	case errors.Is(cause, context.DeadlineExceeded):
		reason = gatekeep.ReasonSourceUnreachable
	}
	switch p.format {
	case "text":
		return nil
	case "json":
		return json.NewEncoder(p.w.out).Encode(struct {
			Schema  string           `json:"schema"`
			Outcome gatekeep.Outcome `json:"outcome"`
			Mode    gatekeep.Mode    `json:"mode"`
			Reason  gatekeep.Reason  `json:"reason,omitempty"`
			Error   string           `json:"error"`
		}{"gatekeep.dev/unjudged/v1", gatekeep.Indeterminate, mode, reason, cause.Error()})
	}
	unseen := gatekeep.Record{Schema: gatekeep.RecordSchema, DecidedAt: time.Now().UTC(), Mode: mode, Engine: engine()}
	unseen.Decision.Results = []gatekeep.Result{{Regime: "gatekeep", Control: "decision", Rule: "gatekeep/decision", Severity: "block", Findings: []gatekeep.Finding{{
		Rule: "gatekeep/decision", Message: cause.Error(), At: string(reason), Severity: "block", Remedy: "Mend what could not be looked at, and ask again.",
	}}}}
	return report.Formats[p.format](p.w.out, unseen, report.Options{Width: p.w.width})
}
