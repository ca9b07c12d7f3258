// Command gatekeep-sbom writes the SBOM of an image, an OCI layout or a folder with
// syft as a library. It is a program of its own because syft is larger than all the
// rest; nothing else may import it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// help is printed before the flags.
const help = `gatekeep-sbom writes the SBOM of SOURCE: an image in a registry, a folder with an
OCI layout, or any other folder. A path that exists is a folder; anything else is
an image reference. It asks nobody but the registry, on loopback in plain HTTP.

An SBOM is about what runs on one platform: of an index with several, --platform
names one. Sign the result with 'gatekeep attest --type sbom'. The same source
gives the same document, but for its time; SOURCE_DATE_EPOCH sets that
(https://reproducible-builds.org/specs/source-date-epoch/).

Exit codes: 0 written, 2 usage, 3 the SBOM could not be made.

Usage:
  gatekeep-sbom [flags] SOURCE

Examples:
  gatekeep-sbom --platform linux/amd64 -o amd64.cdx.json registry.example/app:1.4.2
  gatekeep-sbom --format spdx-json ./oci-layout > app.spdx.json
  gatekeep-sbom -o source.cdx.json .

Flags:
`

// usageError is a mistake in the command line.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and turns what came of it into an exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := write(ctx, args, stdout, stderr)
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "gatekeep-sbom: %v\n", err)
	if errors.As(err, new(usageError)) {
		return 2
	}
	return 3
}

func write(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	fs := pflag.NewFlagSet("gatekeep-sbom", pflag.ContinueOnError)
	platform := fs.String("platform", "", `platform of an image, for example "linux/arm64"`)
	format := fs.String("format", "cyclonedx-json", "cyclonedx-json or spdx-json")
	strict := fs.Bool("strict", false, "fail where a file that lists packages could not be read")
	out := fs.StringP("output", "o", "", "file to write (default: standard output)")
	fs.Usage = func() { fmt.Fprint(stdout, help, fs.FlagUsages()) }
	switch err := fs.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		return nil
	case err != nil:
		return usage("%w (see 'gatekeep-sbom --help')", err)
	case fs.NArg() != 1:
		return usage("one SOURCE is wanted, and %d are given (see 'gatekeep-sbom --help')", fs.NArg())
	}
	at := time.Now()
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return usage("reading SOURCE_DATE_EPOCH: %q is not a number of seconds", epoch)
		}
		at = time.Unix(seconds, 0)
	}
	document, unread, err := catalogue(ctx, fs.Arg(0), *platform, *format)
	if err != nil {
		return err
	}
	for _, file := range unread {
		fmt.Fprintln(stderr, "gatekeep-sbom: not read:", file)
	}
	if *strict && len(unread) > 0 {
		return fmt.Errorf("%d files that list packages were not read, so the SBOM would leave them out", len(unread))
	}
	if document, err = fix(document, at.UTC()); err != nil {
		return err
	}
	if *out == "" {
		_, err = stdout.Write(document)
		return err
	}
	if err := os.WriteFile(*out, document, 0o644); err != nil {
		return fmt.Errorf("writing SBOM: %w", err)
	}
	return nil
}
