package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// periodFlags ask for the entries of a period in a ledger.
type periodFlags struct {
	trust                       trusting
	kind, environment, from, to string
	store                       string
}

func (f *periodFlags) flags(c *cobra.Command, folder, key string) {
	f.trust.flags(c, folder, key)
	c.Flags().StringVar(&f.environment, "environment", "", "environment (default: all)")
	c.Flags().StringVar(&f.from, "from", "", "first moment of the period (RFC 3339)")
	c.Flags().StringVar(&f.to, "to", "", "moment after the period (RFC 3339)")
	c.Flags().StringVar(&f.store, "store", "", "folder with the evidence bundles (.zip, in any folder below), to be held against the log")
}

func (f *periodFlags) query() (audit.Query, error) {
	o, err := f.trust.options()
	if err != nil {
		return audit.Query{}, err
	}
	q := audit.Query{Kind: entry.Kind(f.kind), Environment: f.environment, Verify: o}
	for _, end := range []struct {
		flag, text string
		into       *time.Time
	}{{"--from", f.from, &q.From}, {"--to", f.to, &q.To}} {
		if end.text == "" {
			continue
		}
		if *end.into, err = time.Parse(time.RFC3339, end.text); err != nil {
			return q, usage("%s: %w; write it like 2026-11-01T00:00:00Z", end.flag, err)
		}
	}
	if !q.From.IsZero() && !q.To.IsZero() && !q.From.Before(q.To) {
		return q, usage("--from %s is not before --to %s", f.from, f.to)
	}
	return q, nil
}

// populate lists what the flags ask for.
func (f *periodFlags) populate(c *cobra.Command) (audit.Population, error) {
	ledger.LogTo(nil) // every error comes back as one
	q, err := f.query()
	if err != nil {
		return audit.Population{}, err
	}
	if f.store != "" {
		if err := isFolder("--store", f.store); err != nil {
			return audit.Population{}, err
		}
		if q.Store, err = bundlesIn(c.Context(), f.store); err != nil {
			return audit.Population{}, err
		}
	}
	return audit.Populate(c.Context(), f.trust.dir, q)
}

func evidencePopulationCommand(w *world) *cobra.Command {
	return populationCommand(w, "evidence", "ledger", "log-public")
}

// populationCommand is one of evidence and of ledgers, with flags named as those beside it.
func populationCommand(w *world, parent, folder, key string) *cobra.Command {
	var f periodFlags
	var format, out string
	c := &cobra.Command{
		Use:   "population --" + folder + " DIR --" + key + " LOG.pub",
		Short: "List every decision of a period, with proof that none is missing",
		Long: `population verifies the whole ledger and lists the decisions of a period: from --from
up to --to, exclusive. JSON has the proof beside the rows: the checkpoint, the range of
leaves, and of each environment the first and last number of its sequence and the times
of the entries before and after. With --store it holds every row against the bundles in
a folder, and every bundle against the log.

What is removed, reordered, hidden, doubled or changed is named on standard error, and
the exit code is 1. Whoever holds the log key can cut the log short: only a checkpoint
that was remembered (--remembered) or witnesses show that.

In CSV, a cell that a spreadsheet would take for a formula begins with an apostrophe.`,
		Example: "  gatekeep " + parent + " population --" + folder + " ledger --" + key + " log.pub --remembered last.checkpoint \\\n" +
			"      --environment prod --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --store evidence/ --out november/",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "csv" && format != "json" {
				return usage("--format is csv or json, not %q", format)
			}
			p, err := f.populate(cmd)
			if err != nil {
				return err
			}
			if out != "" {
				err = writePopulation(out, p)
			} else if format == "json" {
				err = p.WriteJSON(w.out)
			} else {
				err = p.WriteCSV(w.out)
			}
			if err != nil {
				return err
			}
			return complain(w, p)
		},
	}
	f.flags(c, folder, key)
	c.Flags().StringVar(&f.kind, "kind", string(entry.Decision), "kind of entries: "+kindNames())
	c.Flags().StringVar(&format, "format", "csv", "csv or json, to standard output")
	c.Flags().StringVar(&out, "out", "", "write population.csv and population.json into this new folder instead")
	return c
}

// complain names what is wrong with a population.
func complain(w *world, p audit.Population) error {
	for _, problem := range p.Problems {
		fmt.Fprintf(w.err, "gatekeep: %s\n", problem)
	}
	if more := p.Found - len(p.Problems); more > 0 {
		fmt.Fprintf(w.err, "gatekeep: and %d more\n", more)
	}
	if !p.Complete {
		return shutError{exitShut}
	}
	return nil
}

// writePopulation writes a population in both forms into a new folder.
func writePopulation(folder string, p audit.Population) error {
	if err := os.Mkdir(folder, 0o755); err != nil {
		return usage("making folder: %w", err)
	}
	for name, write := range map[string]func(io.Writer) error{"population.csv": p.WriteCSV, "population.json": p.WriteJSON} {
		if err := writeFile(filepath.Join(folder, name), write); err != nil {
			return err
		}
	}
	return nil
}

// writeFile writes a new file.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() {
		if closed := f.Close(); err == nil && closed != nil {
			err = fmt.Errorf("writing %s: %w", path, closed)
		}
	}()
	if err := write(f); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
