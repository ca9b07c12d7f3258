// Command gatekeep-bench measures gatekeep as a whole process, beside stock OPA that
// evaluates the same rules over the same SBOMs, and writes docs/benchmarks.md. It
// makes images, keys and signed evidence of its own, in a registry on loopback, and
// fails where a gate that should open does not.
//
//	gatekeep-bench -bin bin -opa opa -out docs/benchmarks.md
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// sizes are the numbers of components of the SBOMs.
var sizes = []int{100, 1_000, 10_000, 50_000}

// runs are counted after one that is not.
const runs = 5

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "gatekeep-bench: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, progress io.Writer) error {
	if len(args) > 0 && args[0] == childCommand {
		return watch(ctx, args[1:], progress)
	}
	fs := flag.NewFlagSet("gatekeep-bench", flag.ContinueOnError)
	bin := fs.String("bin", "bin", "folder with gatekeep ('make build')")
	opa := fs.String("opa", "opa", "stock OPA, of the release that gatekeep embeds")
	out := fs.String("out", "docs/benchmarks.md", "file to write")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("reading the command line: %q is not known", fs.Arg(0))
	}
	r, err := measureAll(ctx, *bin, *opa, progress)
	if err != nil {
		return err
	}
	if r.benchmarks, err = goBenchmarks(ctx, progress); err != nil {
		return err
	}
	if err := os.WriteFile(*out, []byte(r.markdown()), 0o644); err != nil {
		return fmt.Errorf("writing report: %w", err)
	}
	fmt.Fprintf(progress, "wrote %s\n", *out)
	return nil
}

// measureAll makes the workload in a folder that it removes again, and measures.
func measureAll(ctx context.Context, bin, opa string, progress io.Writer) (*report, error) {
	gatekeep, err := filepath.Abs(filepath.Join(bin, "gatekeep"))
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(gatekeep); err != nil {
		return nil, fmt.Errorf("finding gatekeep: %w (build it with 'make build')", err)
	}
	dir, err := os.MkdirTemp("", "gatekeep-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	w := &workload{dir: dir, gatekeep: gatekeep, opa: opa, progress: progress}
	stop, err := w.listen()
	if err != nil {
		return nil, err
	}
	defer stop()
	if err := w.prepare(ctx); err != nil {
		return nil, fmt.Errorf("preparing: %w", err)
	}
	r := newReport()
	fmt.Fprintln(progress, "measuring version")
	if r.version, err = w.median(ctx, command{args: []string{gatekeep, "version"}}); err != nil {
		return nil, err
	}
	if r.versions, err = w.versions(ctx); err != nil {
		return nil, err
	}
	for _, n := range sizes {
		row, err := w.row(ctx, n)
		if err != nil {
			return nil, fmt.Errorf("measuring %d components: %w", n, err)
		}
		r.rows = append(r.rows, row)
	}
	if r.evidence, err = w.evidence(ctx); err != nil {
		return nil, fmt.Errorf("measuring evidence: %w", err)
	}
	return r, nil
}
