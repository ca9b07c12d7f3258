// Command gatekeep is a compliance gate: it judges what would be deployed from
// signed evidence, opens or stays shut, and leaves evidence of its own.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes, the same for every command and format.
const (
	exitOpen    = 0  // the gate is open, or the command did its work
	exitShut    = 1  // a rule, or a check of a bundle, failed
	exitUsage   = 2  // the command line or a configuration file is wrong
	exitUnknown = 3  // it could not be judged
	exitBug     = 70 // a bug in gatekeep (EX_SOFTWARE of sysexits.h)
)

// usageError is a mistake in the command line or in a file of configuration.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// shutError is an answer that has been printed already and shuts the gate.
type shutError struct{ code int }

func (e shutError) Error() string { return fmt.Sprintf("shut with exit code %d", e.code) }

// world is what the commands see of the outside.
type world struct {
	in       io.Reader
	out, err io.Writer
	getenv   func(string) string
	terminal bool // out is a terminal
	width    int  // columns of it
}

// gcPercent trades memory for time: one check allocates little beside the SBOMs,
// and collecting while the policy compiles costs a third of a small check.
const gcPercent = 400

func main() {
	debug.SetGCPercent(gcPercent)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], here()))
}

// run executes one command line and turns what came of it into an exit code.
func run(ctx context.Context, args []string, w *world) (code int) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(w.err, "gatekeep: bug: %v\n%s\nThe gate stays shut. Please report this.\n", r, debug.Stack())
			code = exitBug
		}
	}()
	root := rootCommand(w)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var shut shutError
	var wrong usageError
	switch {
	case err == nil:
		return exitOpen
	case errors.As(err, &shut):
		return shut.code
	case errors.As(err, &wrong):
		fmt.Fprintf(w.err, "gatekeep: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintf(w.err, "gatekeep: could not judge: %v\n", err)
		return exitUnknown
	}
}

func rootCommand(w *world) *cobra.Command {
	root := &cobra.Command{
		Use:   "gatekeep",
		Short: "Judge a deployment from signed evidence, and leave evidence of the judgement",
		Long: `gatekeep judges what would be deployed from signed evidence: SBOMs, scans,
provenance, approvals, calendars. It opens only when every rule of every regime
asked for is content, and seals what it saw so that others can check it.

Exit codes: 0 open, 1 shut by a failed rule, 2 usage or configuration,
3 shut because it could not judge, 70 a bug.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmd.Help(); err != nil {
				return err
			}
			return usage("no command given")
		},
	}
	root.SetIn(w.in)
	root.SetOut(w.out)
	root.SetErr(w.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w (see '%s --help')", err, cmd.CommandPath())
	})
	root.AddCommand(checkCommand(w), attestCommand(w), evidenceCommand(w), policyCommand(w), keyCommand(w), versionCommand(w))
	for _, c := range root.Commands() {
		namePositionals(c)
	}
	return root
}

// namePositionals turns cobra's complaints about arguments into usage errors.
func namePositionals(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usage("%w (see '%s --help')", err, cmd.CommandPath())
			}
			return nil
		}
	}
	for _, sub := range c.Commands() {
		namePositionals(sub)
	}
}
