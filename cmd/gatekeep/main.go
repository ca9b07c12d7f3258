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
	"regexp"
	"runtime/debug"
	"strings"
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
	lookup   func(string) (string, bool)
	terminal bool // out is a terminal
	width    int  // columns of it
}

// gcPercent trades memory for time: a small check ends before the first collection,
// at 32 MiB. Beyond memoryLimit the heap is collected more often rather than let grow
// to nine times what is in use; it bounds nothing.
const (
	gcPercent   = 800
	memoryLimit = 384 << 20
)

func main() {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(memoryLimit)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The first signal asks for an end, the second takes it: reading from a pipe or a
	// terminal hears of neither.
	context.AfterFunc(ctx, stop)
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
		fmt.Fprintf(w.err, "gatekeep: %s\n", plain(err))
		return exitUsage
	default:
		fmt.Fprintf(w.err, "gatekeep: %v\n", err)
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
			return usage("no command given: the list is above")
		},
	}
	root.SetIn(w.in)
	root.SetOut(w.out)
	root.SetErr(w.err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage("%w (see '%s --help')", err, cmd.CommandPath())
	})
	root.AddCommand(checkCommand(w), attestCommand(w), evidenceCommand(w), policyCommand(w), keyCommand(w), signBundleCommand(w), verifyBundleCommand(w), trustCommand(w), ledgerCommand(w), versionCommand(w))
	namePositionals(root)
	return root
}

// namePositionals turns cobra's complaints about arguments into usage errors that
// say what is wanted.
func namePositionals(c *cobra.Command) {
	if check := c.Args; check != nil {
		c.Args = func(cmd *cobra.Command, args []string) error {
			err := check(cmd, args)
			switch {
			case err == nil:
				return nil
			case cmd.HasAvailableSubCommands():
				return unknownCommand(cmd, args[0])
			}
			return usage("the command is '%s'; arguments given: %d (see '%s --help')", cmd.UseLine(), len(args), cmd.CommandPath())
		}
	}
	for _, sub := range c.Commands() {
		namePositionals(sub)
	}
}

// unknownCommand names what was meant, where a command is close to it.
func unknownCommand(c *cobra.Command, name string) error {
	const edits = 2 // letters that a slip of the finger changes
	c.SuggestionsMinimumDistance = edits
	meant := ""
	if near := c.SuggestionsFor(name); len(near) > 0 {
		meant = "; did you mean '" + strings.Join(near, "' or '") + "'?"
	}
	return usage("'%s' has no command %q%s (see '%s --help')", c.CommandPath(), name, meant, c.CommandPath())
}

// How the YAML and JSON libraries name fields: by types of this program, which say
// nothing to the author of a file.
var (
	unknownField = regexp.MustCompile(`field (\S+) not found in type [^\s;]+`)
	wrongType    = regexp.MustCompile(`json: cannot unmarshal (\w+) into Go struct field \w+\.(\S+) of type ([^\s;]+)`)
)

// plain is the text of a mistake in the words of the file that it is in, on one line.
func plain(err error) string {
	text := strings.ReplaceAll(err.Error(), "yaml: unmarshal errors:\n  ", "")
	text = strings.ReplaceAll(text, "\n  ", "; ")
	text = unknownField.ReplaceAllString(text, `there is no field "$1" here; correct or remove it`)
	return wrongType.ReplaceAllString(text, `field "$2" is a $1 and not a $3`)
}
