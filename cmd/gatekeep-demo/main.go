// Command gatekeep-demo shows the whole road on a real image, from nothing: it
// builds and pushes a two-platform image to a registry of its own on loopback, makes
// keys and signed evidence, sees the gate stay shut and open, and verifies and
// replays the evidence of both decisions. It needs no network.
//
//	gatekeep-demo -bin bin -out demo-out
//	gatekeep-demo serve -out demo-out
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// defaultAddress is where the registry listens; the next free port where it is taken.
const defaultAddress = "127.0.0.1:5055"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintf(os.Stderr, "\ngatekeep-demo: THE DEMO FAILED: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	serveOnly := len(args) > 0 && args[0] == "serve"
	if serveOnly {
		args = args[1:]
	}
	fs := flag.NewFlagSet("gatekeep-demo", flag.ContinueOnError)
	bin := fs.String("bin", "bin", "folder with gatekeep and gatekeep-sbom ('make build')")
	out := fs.String("out", "demo-out", "folder for everything that the demo makes")
	address := fs.String("addr", defaultAddress, "address of the demo's registry")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if fs.NArg() > 0 {
		return fmt.Errorf("reading the command line: %q is not known; 'serve' comes first", fs.Arg(0))
	}
	if serveOnly {
		return serve(ctx, *out, os.Stdout)
	}
	d := &demo{bin: *bin, out: *out, stdout: os.Stdout, now: time.Now().UTC().Truncate(time.Second)}
	return d.run(ctx, *address)
}
