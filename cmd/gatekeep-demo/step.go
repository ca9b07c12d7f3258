package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// demo is one run.
type demo struct {
	bin, out string
	stdout   io.Writer
	now      time.Time // all times of the demo are relative to it
	image    string    // tag of the image
	titles   int
}

// step is one command line, and what must come of it.
type step struct {
	name  string   // gatekeep, gatekeep-sbom or go
	args  []string // as printed
	env   []string // beside the environment of the demo
	exit  int      // the exit code that must come out
	quiet bool     // its output is for the demo to read, not for people
}

// title begins a chapter.
func (d *demo) title(format string, args ...any) {
	d.titles++
	fmt.Fprintf(d.stdout, "\n%d. %s\n", d.titles, fmt.Sprintf(format, args...))
}

// say prints what is no output of a command.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.stdout, "   %s\n", fmt.Sprintf(format, args...))
}

// command prints a command line, runs it and prints what it prints. Any exit code
// but the expected one is an error that names the step.
func (d *demo) command(ctx context.Context, s step) error {
	_, err := d.output(ctx, s)
	return err
}

// output does what command does, and returns standard output.
func (d *demo) output(ctx context.Context, s step) ([]byte, error) {
	program := s.name
	if s.name != "go" {
		program = filepath.Join(d.bin, s.name)
		if !strings.ContainsRune(program, filepath.Separator) {
			program = "." + string(filepath.Separator) + program
		}
	}
	words := slices.Concat(s.env, []string{program}, s.args)
	line := shown(words)
	fmt.Fprintf(d.stdout, "   $ %s\n", folded(words))
	c := exec.CommandContext(ctx, program, s.args...)
	c.Env = append(withoutPassword(os.Environ()), s.env...)
	// One writer for both keeps their order; where the demo reads, only standard
	// output is wanted.
	var out, complaints bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if s.quiet {
		c.Stderr = &complaints
	}
	err := c.Run()
	if !s.quiet {
		d.print(out.String())
	}
	d.print(complaints.String())
	code := 0
	if exited := new(exec.ExitError); errors.As(err, &exited) {
		code = exited.ExitCode()
	} else if err != nil {
		return nil, fmt.Errorf("running %q: %w (build the programs with 'make build')", line, err)
	}
	if code != s.exit {
		return nil, fmt.Errorf("running %q: exit code %d, and %d was expected", line, code, s.exit)
	}
	if s.exit != 0 {
		d.say("exit code %d, as expected", code)
	}
	return out.Bytes(), nil
}

// print prints the output of a command, set off from the story.
func (d *demo) print(text string) {
	for line := range strings.Lines(text) {
		fmt.Fprintf(d.stdout, "     %s\n", strings.TrimRight(line, "\n"))
	}
}

// withoutPassword leaves out the password of keys: those of the demo have none.
func withoutPassword(environment []string) []string {
	return slices.DeleteFunc(environment, func(e string) bool { return strings.HasPrefix(e, "GATEKEEP_PASSWORD=") })
}

// shown is a command line as one would type it.
func shown(words []string) string {
	out := make([]string, 0, len(words))
	for _, w := range words {
		if w == "" || strings.ContainsAny(w, " \t'\"$*?") {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

// foldAt is where a command line goes on in the next line of the screen.
const foldAt = 92

// folded is a command line over several lines, broken before flags, that a shell
// still takes as one.
func folded(words []string) string {
	var text strings.Builder
	column := 0
	for i := 0; i < len(words); {
		end := i + 1
		if strings.HasPrefix(words[i], "-") { // a flag stays with its value
			for end < len(words) && end < i+2 && !strings.HasPrefix(words[end], "-") {
				end++
			}
		}
		part := shown(words[i:end])
		switch {
		case i == 0:
		case column+len(part) > foldAt:
			text.WriteString(" \\\n       ")
			column = 0
		default:
			text.WriteString(" ")
		}
		text.WriteString(part)
		column += len(part) + 1
		i = end
	}
	return text.String()
}

// path is a path in the demo's folder.
func (d *demo) path(parts ...string) string {
	return filepath.Join(append([]string{d.out}, parts...)...)
}
