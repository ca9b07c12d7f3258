package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/sigstore/sigstore-go/pkg/tuf"
	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/attest/roots"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigstore"
)

// rootTarget is what a TUF repository of Sigstore calls its trusted root.
const rootTarget = "trusted_root.json"

func trustCommand(w *world) *cobra.Command {
	c := &cobra.Command{
		Use:   "trust",
		Short: "Show and refresh the trusted roots of Sigstore instances",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("no command given (see '%s --help')", cmd.CommandPath())
		},
	}
	c.AddCommand(trustRefreshCommand(w), trustShowCommand(w))
	return c
}

// refresh is one refresh of a trusted root over TUF.
type refresh struct {
	out, mirror, root string
	staging           bool
	timeout           time.Duration // of each download
}

func trustRefreshCommand(w *world) *cobra.Command {
	var f refresh
	c := &cobra.Command{
		Use:   "refresh --out DIR",
		Short: "Fetch the current trusted root over TUF into a file",
		Long: `refresh fetches the trusted root of Sigstore, or of --mirror, over TUF: its
metadata is verified from the root metadata that is built in, or that --root
names, and kept in DIR so that an older one is never taken for new. The trusted
root goes to DIR/NAME.json, for trust policies and --trusted-root.

This is the only command that goes on-line for a root, and only when asked. When
it fails, the file that is there stays, or else the root that is built in: it
warns, and exits 0 as long as one of them can be used.`,
		Example: "  gatekeep trust refresh --out roots\n  gatekeep trust refresh --out roots --mirror https://tuf.example.com --root root.json",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), w) },
	}
	c.Flags().StringVar(&f.out, "out", "", "folder for the trusted root and the TUF metadata")
	c.Flags().StringVar(&f.mirror, "mirror", "", "URL of another TUF repository; needs --root")
	c.Flags().StringVar(&f.root, "root", "", "TUF root.json of the mirror, got from its owner")
	c.Flags().BoolVar(&f.staging, "staging", false, "Sigstore's staging instance")
	c.Flags().DurationVar(&f.timeout, "timeout", 30*time.Second, "for each file that is fetched")
	return c
}

func (f *refresh) run(ctx context.Context, w *world) error {
	switch {
	case f.out == "":
		return usage("no folder: pass --out")
	case (f.mirror == "") != (f.root == ""):
		return usage("--mirror and --root belong together: the metadata of a mirror is verified from its own root")
	case f.staging && f.mirror != "":
		return usage("--staging and --mirror both name the repository; pass one")
	case f.timeout <= 0:
		return usage("--timeout must be positive")
	}
	name, options := roots.Production, tuf.DefaultOptions()
	switch {
	case f.staging:
		name = roots.Staging
		options = options.WithRoot(tuf.StagingRoot()).WithRepositoryBaseURL(tuf.StagingMirror)
	case f.mirror != "":
		anchor, err := readFile(f.root, maxRootFile)
		if err != nil {
			return err
		}
		name = "trusted_root"
		options = options.WithRoot(anchor).WithRepositoryBaseURL(f.mirror)
	}
	path := filepath.Join(f.out, name+".json")
	options = options.WithCachePath(filepath.Join(f.out, "tuf")).WithFetcher(patient{options.Fetcher, ctx, f.timeout})
	data, err := fetchRoot(options)
	if err != nil {
		return f.keep(w, name, path, err)
	}
	old, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("reading the root that is there: %w", err)
	}
	if bytes.Equal(old, data) {
		_, err = fmt.Fprintf(w.out, "%s is current\n", path)
		return err
	}
	if err := replace(path, data); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.out, "%s\n", path)
	return err
}

// fetchRoot fetches a trusted root that can be used.
func fetchRoot(options *tuf.Options) ([]byte, error) {
	client, err := tuf.New(options)
	if err != nil {
		return nil, fmt.Errorf("refreshing TUF metadata of %s: %w", options.RepositoryBaseURL, err)
	}
	data, err := client.GetTarget(rootTarget)
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", rootTarget, err)
	}
	_, err = sigstore.NewRoot(rootTarget, data)
	return data, err
}

// keep warns of a failure, which is none of the command while a root is at hand.
func (f *refresh) keep(w *world, name, path string, cause error) error {
	if _, err := loadRoot(path); err == nil {
		_, err = fmt.Fprintf(w.err, "gatekeep: warning: %v; %s stays as it is\n", cause, path)
		return err
	}
	if embedded, ok := roots.Named(name); ok {
		_, err := fmt.Fprintf(w.err, "gatekeep: warning: %v; the root %s that is built in, of %s, stays in use\n", cause, name, embedded.Date)
		return err
	}
	return fmt.Errorf("refreshing the trusted root: %w", cause)
}

// replace writes a file whole or not at all.
func replace(path string, data []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), ".trusted_root-*")
	if err != nil {
		return fmt.Errorf("writing trusted root: %w", err)
	}
	_, err = temporary.Write(data)
	err = errors.Join(err, temporary.Chmod(0o644), temporary.Sync(), temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("writing trusted root: %w", errors.Join(err, os.Remove(temporary.Name())))
	}
	return nil
}

// downloader is how the TUF client fetches one file.
type downloader interface {
	DownloadFile(url string, limit int64, _ time.Duration) ([]byte, error)
}

// patient bounds every download in time: the one of the TUF client waits for ever, and
// knows no context.
type patient struct {
	downloader
	ctx     context.Context
	timeout time.Duration
}

// DownloadFile fetches a file of at most limit bytes, or gives up.
func (p patient) DownloadFile(url string, limit int64, unused time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(p.ctx, p.timeout)
	defer cancel()
	type answer struct {
		data []byte
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		data, err := p.downloader.DownloadFile(url, limit, unused)
		done <- answer{data, err}
	}()
	select {
	case a := <-done:
		return a.data, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("fetching %s: %w", url, context.Cause(ctx))
	}
}

func trustShowCommand(w *world) *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:     "show [FILE|NAME]",
		Short:   "List the authorities and logs of a trusted root, with their windows",
		Long:    "show lists what a trusted root trusts, and from when to when, both ends inclusive.\nNAME is sigstore-production, which is shown where nothing is named, or sigstore-staging.",
		Example: "  gatekeep trust show\n  gatekeep trust show roots/sigstore-production.json",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			name := roots.Production
			if len(args) > 0 {
				name = args[0]
			}
			r, err := loadRoot(name)
			if err != nil {
				return err
			}
			switch format {
			case "json":
				return json.NewEncoder(w.out).Encode(r.Parts())
			case "text":
				return showParts(w, r)
			}
			return usage("--format %q is neither text nor json", format)
		},
	}
	c.Flags().StringVar(&format, "format", "text", "text or json")
	return c
}

func showParts(w *world, r *sigstore.Root) error {
	table := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WHAT\tFROM\tTO\tWHERE")
	for _, p := range r.Parts() {
		end := "open"
		if p.End != nil {
			end = p.End.Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", p.Kind, p.Start.Format(time.RFC3339), end, p.URI)
	}
	return table.Flush()
}
