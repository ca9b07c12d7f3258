package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/gate"
	"github.com/gatekeep-dev/gatekeep/internal/report"
)

func evidenceCommand(w *world) *cobra.Command {
	c := &cobra.Command{
		Use:   "evidence",
		Short: "Verify, show, replay, list, sample and publish evidence bundles, erase people from them; inspect documents",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("no command given (see '%s --help')", cmd.CommandPath())
		},
	}
	c.AddCommand(evidenceVerifyCommand(w), evidenceShowCommand(w), evidenceReplayCommand(w), evidenceInspectCommand(w), evidenceCompleteCommand(w),
		evidencePopulationCommand(w), evidenceSampleCommand(w), evidencePublishCommand(w), evidenceRetentionCommand(w),
		evidenceEraseCommand(w))
	return c
}

func evidenceReplayCommand(w *world) *cobra.Command {
	return &cobra.Command{
		Use:   "replay BUNDLE...",
		Short: "Make the decision again from the bundle alone and compare it byte for byte",
		Long: `replay verifies the evidence in a bundle again and judges it again with the
bundle's own policy, at the recorded time. The facts and the decision must come
out the same, byte for byte. It trusts the bundle's files as they are: run
'gatekeep evidence verify' first.`,
		Example: "  gatekeep evidence replay evidence.zip",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return eachBundle(w, args, func(b *evidence.Bundle) (evidence.Verification, error) {
				return evidence.Replay(cmd.Context(), b, judgeAgain)
			})
		},
	}
}

// judgeAgain makes the decision of a bundle again.
func judgeAgain(ctx context.Context, c evidence.Contents) (input, decision []byte, err error) {
	return gate.Rejudge(ctx, c)
}

// eachBundle opens each file, runs the checks and prints a line for each of them.
func eachBundle(w *world, paths []string, checks func(*evidence.Bundle) (evidence.Verification, error)) error {
	worst := exitOpen
	for _, path := range paths {
		v, err := checkFile(path, checks)
		if err != nil {
			return err
		}
		for _, c := range v.Checks {
			mark, reason := "ok  ", ""
			if !c.OK {
				mark, reason = "FAIL", " ["+c.Reason+"]"
				worst = exitShut
			}
			fmt.Fprintf(w.out, "%s %s: %s against %s%s", mark, c.Name, c.What, c.Against, reason)
			if c.Detail != "" {
				fmt.Fprintf(w.out, ": %s", c.Detail)
			}
			fmt.Fprintln(w.out)
		}
		if v.OK() {
			fmt.Fprintf(w.out, "%s: every check holds\n", path)
		} else {
			fmt.Fprintf(w.out, "%s: DOES NOT HOLD\n", path)
		}
	}
	if worst != exitOpen {
		return shutError{worst}
	}
	return nil
}

func checkFile(path string, checks func(*evidence.Bundle) (evidence.Verification, error)) (evidence.Verification, error) {
	f, size, err := openFile(path)
	if err != nil {
		return evidence.Verification{}, err
	}
	defer f.Close()
	b, err := evidence.Open(f, size)
	if err == nil {
		return checks(b)
	}
	var why *archive.Refusal
	if !errors.As(err, &why) || why.Reason == archive.ReasonUnreadable {
		return evidence.Verification{}, err // the disk failed, not the bundle
	}
	broken := evidence.Broken(path, why)
	broken.Checks[0].Detail = why.Detail // the line has the reason already
	if why.Path != "" {
		broken.Checks[0].Detail = why.Path + ": " + why.Detail
	}
	return broken, nil
}

// openFile opens a bundle, which is a file, and tells its size in bytes.
func openFile(path string) (*os.File, int64, error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return nil, 0, usage("opening bundle: %s is no file; name the .zip itself", path) // opening a pipe waits for a writer
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, usage("opening bundle: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file; name the .zip itself", path)
	}
	if err != nil {
		return nil, 0, errors.Join(usage("opening bundle: %w", err), f.Close())
	}
	return f, info.Size(), nil
}

func evidenceShowCommand(w *world) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:     "show BUNDLE",
		Short:   "Show the decision that a bundle records, without checking it",
		Example: "  gatekeep evidence show evidence.zip\n  gatekeep evidence show --format markdown evidence.zip",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			show, err := printerOf(w, format)
			if err != nil {
				return err
			}
			f, size, err := openFile(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			b, err := evidence.Open(f, size)
			if err != nil {
				return unshown(w, args[0], err)
			}
			contents, err := b.Contents()
			if err != nil {
				return unshown(w, args[0], err)
			}
			options := report.Options{Colour: w.colour(), Width: w.width, EvidencePath: args[0],
				VerifyCommand: verifyCommand(contents.Record, "gate.pub", args[0])}
			return report.Formats[show.format](w.out, contents.Record, options)
		},
	}
	c.Flags().StringVar(&format, "format", "text", "one of "+strings.Join(report.Names(), ", "))
	return c
}

// unshown says why a bundle has nothing that could be shown.
func unshown(w *world, path string, err error) error {
	fmt.Fprintf(w.err, "gatekeep: showing %s: %v ('gatekeep evidence verify' says more)\n", path, err)
	return shutError{exitShut}
}
