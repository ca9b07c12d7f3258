package main

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/regimes"
	"github.com/gatekeep-dev/gatekeep/internal/report/view"
	"github.com/gatekeep-dev/gatekeep/policies"
)

// retention is until when a bundle is kept.
type retention struct {
	regimes.Kept
	// Asked is a later time that the command line gave; nil where the regimes decide.
	Asked *time.Time `json:"asked,omitempty"`
}

// until is the later of both.
func (r retention) until() time.Time {
	if r.Asked != nil && r.Asked.After(r.Until) {
		return *r.Asked
	}
	return r.Until
}

// String is one line for people.
func (r retention) String() string {
	who := "no active regime says how long"
	if r.Regime != "" {
		who = fmt.Sprintf("%s (%s)", r.Regime, r.Citation)
	}
	period := fmt.Sprintf("%s from %s", regimes.InWords(r.Period), r.From.Format(time.DateOnly))
	if r.Asked != nil {
		return fmt.Sprintf("kept until %s, as asked; %s would be until %s: %s", r.Asked.Format(time.DateOnly), period, r.Until.Format(time.DateOnly), who)
	}
	return fmt.Sprintf("kept until %s, %s: %s", r.Until.Format(time.DateOnly), period, who)
}

// retentionOf reads the retention of a bundle from its record. A decision that is valid
// for a while is in effect until then: 45 CFR 164.316(b)(2)(i) counts from "the date of
// its creation or the date when it last was in effect, whichever is later".
func retentionOf(c evidence.Contents) (retention, error) {
	rego, err := policies.Rego()
	if err != nil {
		return retention{}, err
	}
	builtin, err := regimes.Load(rego)
	if err != nil {
		return retention{}, err
	}
	from := c.Record.Case.Clock.Now.UTC()
	if c.NotAfter.After(from) {
		from = c.NotAfter.UTC()
	}
	kept, err := regimes.KeptUntil(c.Record.Regimes, builtin, from)
	return retention{Kept: kept}, err
}

// farthest is how far away the end of a lock may be: it cannot be taken back.
const farthest = 100 // years

// skew is how far ahead the clock of a gate may be.
const skew = 24 * time.Hour

// until reads --retain-until; zero where there is none.
func (f publishFlags) until() (time.Time, error) {
	if f.retainUntil == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, f.retainUntil); err == nil {
			return at.UTC(), nil
		}
	}
	return time.Time{}, usage("reading --retain-until: %q is neither a date such as 2036-12-31 nor an RFC 3339 time", f.retainUntil)
}

// keep decides until when the bundle is kept.
func (p *delivery) keep(asked, now time.Time, locks bool) error {
	if !asked.IsZero() {
		if asked.Before(p.Retention.Until) {
			return usage("--retain-until may only make the retention longer, and %s is: %s", p.Bundle, p.Retention)
		}
		p.Retention.Asked = &asked
	}
	until := p.Retention.until()
	if until.After(now.AddDate(farthest, 0, 0)) {
		return usage("%s would be kept until %s, more than %d years from now", p.Bundle, until.Format(time.DateOnly), farthest)
	}
	if decided := p.decided; locks && decided.After(now.Add(skew)) {
		return usage("%s was decided on %s, which is to come: a lock would count from there; correct the clock that is wrong, or say --no-lock", p.Bundle, decided.Format(time.RFC3339))
	}
	p.until = until
	return nil
}

func evidenceRetentionCommand(w *world) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "retention BUNDLE...",
		Short: "Tell until when bundles are kept, and which regime asks for it",
		Long: `retention reads the active regimes of the decision in each bundle, without checking
the bundle, and tells the longest period that one of them asks for. It counts from
the decision, or from the end of its validity where it has one.`,
		Example: "  gatekeep evidence retention evidence.zip\n  gatekeep evidence retention --format json evidence-*.zip",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return usage("reading --format: %q is neither text nor json", format)
			}
			type row struct {
				Bundle     string    `json:"bundle"`
				DecisionID string    `json:"decisionID"`
				Retention  retention `json:"retention"`
			}
			rows := []row{}
			for _, path := range args {
				kept, id, err := retentionOfFile(w, path)
				if err != nil {
					return err
				}
				rows = append(rows, row{path, id, kept})
			}
			if format == "json" {
				enc := json.NewEncoder(w.out)
				enc.SetIndent("", "  ")
				return enc.Encode(map[string]any{"bundles": rows})
			}
			for _, r := range rows {
				fmt.Fprintf(w.out, "%s: %s\n  %s\n", r.Bundle, view.Clean(r.DecisionID), view.Clean(r.Retention.String()))
			}
			return nil
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text or json")
	return c
}

func retentionOfFile(w *world, path string) (retention, string, error) {
	f, size, err := openFile(path)
	if err != nil {
		return retention{}, "", err
	}
	defer f.Close()
	b, err := evidence.Open(f, size)
	if err != nil {
		return retention{}, "", unshown(w, path, err)
	}
	contents, err := b.Contents()
	if err != nil {
		return retention{}, "", unshown(w, path, err)
	}
	kept, err := retentionOf(contents)
	return kept, contents.Record.ID, err
}
