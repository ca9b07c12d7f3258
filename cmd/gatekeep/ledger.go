package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/tree"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// Bounds of what ledger commands read and wait for.
const (
	maxLogKey      = 64 << 10         // a key, or a checkpoint
	maxEntryFile   = 8 << 20          // as long as a statement may be
	headersTimeout = 10 * time.Second // for a client to say what it wants
	goodbye        = 5 * time.Second  // for requests under way when the server is told to stop
)

func ledgerCommand(w *world) *cobra.Command {
	c := &cobra.Command{
		Use:   "ledger",
		Short: "Keep and check the transparency log of what the gate did",
		Long: `A ledger is a folder with a transparency log: entries are appended and never
changed or removed, and signed checkpoints let anybody hold it to what it said.
Decisions, approvals, grants, changes of windows, policies and keys, gaps in
enforcement, heartbeats and erasures are its entries. They hold digests and
commitments, never names of persons.`,
		Args: cobra.NoArgs,
		PersistentPreRun: func(*cobra.Command, []string) {
			ledger.LogTo(nil) // every error comes back as one
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("no command given (see '%s --help')", cmd.CommandPath())
		},
	}
	c.AddCommand(ledgerInitCommand(w), ledgerAppendCommand(w), ledgerKeyCommand(w), ledgerRotateCommand(w), ledgerVerifyCommand(w),
		ledgerProveCommand(w), ledgerShowCommand(w), ledgerServeCommand(w), ledgerTrustCommand(w), populationCommand(w, "ledger", "dir", "key"), ledgerWitnessesCommand(w), ledgerSubmitCommand(w))
	return c
}

// writing are the flags of commands that write into a ledger.
type writing struct{ dir, logKey, key string }

func (f *writing) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.dir, "dir", "", "folder of the ledger")
	c.Flags().StringVar(&f.logKey, "log-key", "", "private log key, which signs checkpoints")
	c.Flags().StringVar(&f.key, "key", "", "private key that signs entries, ECDSA: a file, env://VARIABLE, or NAME://KEY of a key service (password in GATEKEEP_PASSWORD)")
}

// options are the keys and the clock of a writer.
func (f *writing) options(ctx context.Context, w *world) (ledger.Options, error) {
	for name, value := range map[string]string{"--dir": f.dir, "--log-key": f.logKey, "--key": f.key} {
		if value == "" {
			return ledger.Options{}, usage("%s is missing", name)
		}
	}
	private, err := readFile(f.logKey, maxLogKey)
	if err != nil {
		return ledger.Options{}, usage("reading log key: %w", err)
	}
	key, err := entry.ReadKey(private)
	if err != nil {
		return ledger.Options{}, usage("%s: %w", f.logKey, err)
	}
	signer, err := openSigner(ctx, w, f.key)
	if err != nil {
		return ledger.Options{}, err
	}
	if err := entry.CheckKey(signer.Public()); err != nil {
		return ledger.Options{}, usage("%s: %w", f.key, err)
	}
	return ledger.Options{Key: key, Entry: signer, Now: time.Now}, nil
}

func (f *writing) open(ctx context.Context, w *world) (*ledger.Ledger, error) {
	o, err := f.options(ctx, w)
	if err != nil {
		return nil, err
	}
	return ledger.Open(ctx, f.dir, o)
}

func ledgerInitCommand(w *world) *cobra.Command {
	var f writing
	var host string
	c := &cobra.Command{
		Use:   "init --dir DIR --log-key FILE --key KEY --origin HOST",
		Short: "Make a ledger, and its log key where there is none yet",
		Long: `init makes a ledger in an empty or new folder. Where the file of the log key does
not exist it makes an Ed25519 key for the origin: the private half goes to that
file (mode 0600), the public half beside it with the ending .pub. Hand the public
half to auditors by another way than the ledger.

The origin is the name of the log in its checkpoints: a bare host name.`,
		Example: "  gatekeep ledger init --dir ledger --log-key log.key --key gate.key --origin gatekeep.example",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.logKey == "" {
				return usage("--log-key is missing")
			}
			if _, err := os.Lstat(f.logKey); errors.Is(err, fs.ErrNotExist) {
				if !entry.ValidOrigin(host) {
					return usage("--origin %q is no bare host name, like gatekeep.example: there is no log key in %s, and one is made for an origin", host, f.logKey)
				}
				private, public, err := entry.GenerateKey(host)
				if err != nil {
					return err
				}
				if err := writeNew(publicName(f.logKey), public, 0o644); err != nil {
					return err
				}
				if err := writeNew(f.logKey, private, 0o600); err != nil {
					return err
				}
			}
			o, err := f.options(cmd.Context(), w)
			if err != nil {
				return err
			}
			if name := o.Key.Signer.Name(); host != "" && name != host {
				return usage("--origin is %q, and the log key in %s is that of %q", host, f.logKey, name)
			}
			if err := ledger.Init(cmd.Context(), f.dir, o); err != nil {
				return err
			}
			_, err = fmt.Fprintf(w.out, "%s: ledger of %s\nlog key: %s\n", f.dir, o.Key.Signer.Name(), o.Key.Public)
			return err
		},
	}
	f.flags(c)
	c.Flags().StringVar(&host, "origin", "", "bare host name, for a new log key")
	return c
}

func ledgerAppendCommand(w *world) *cobra.Command {
	var f writing
	var kind, environment, id, file, signer, proof string
	c := &cobra.Command{
		Use:   "append --dir DIR --log-key FILE --key KEY --file FILE [--kind KIND]",
		Short: "Append an entry, and return when it is durable and provable",
		Long: `append appends one entry. FILE is one of

  a JSON object             the body of an entry of --kind; the ledger numbers it,
                            makes the statement and signs it with --key
  an in-toto statement      of a ledger, or a verification summary with the gatekeep
                            extension; it is signed with --key
  a Sigstore bundle         of such a statement, signed with a key (--signer)

An entry with an id that is in the ledger is not appended again: append tells where
it is. So after an error, or a crash, append it again. Bodies hold digests and
commitments, never names of persons.

Kinds: ` + kindNames() + `.`,
		Example: "  gatekeep ledger append --dir ledger --log-key log.key --key gate.key --kind heartbeat --environment prod --id hb-1 --file beat.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := readFile(file, maxEntryFile)
			if err != nil {
				return usage("reading entry: %w; name it with --file", err)
			}
			o, err := f.options(cmd.Context(), w)
			if err != nil {
				return err
			}
			e, err := entryOf(data, signer, o)
			if err != nil {
				return usage("%s: %w", file, err)
			}
			if e.Body != nil {
				e.Kind, e.Environment, e.ID = entry.Kind(kind), environment, id
			}
			l, err := ledger.Open(cmd.Context(), f.dir, o)
			if err != nil {
				return err
			}
			r, err := l.Append(cmd.Context(), e)
			if errors.Is(err, ledger.ErrEntry) {
				return usageError{err}
			}
			if err != nil {
				return err
			}
			if proof != "" {
				if err := writeWhole(proof, r.TLogProof()); err != nil {
					return err
				}
			}
			return appended(w, r)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&kind, "kind", "", "kind of the entry, where FILE is a body")
	c.Flags().StringVar(&environment, "environment", "", "environment that it concerns, where FILE is a body")
	c.Flags().StringVar(&id, "id", "", "id that makes appending exactly-once, where FILE is a body (default: digest of kind, environment and body)")
	c.Flags().StringVar(&file, "file", "", "body, statement or bundle")
	c.Flags().StringVar(&signer, "signer", "", "public key of a bundle that another key than --key signed")
	c.Flags().StringVar(&proof, "proof", "", "write the proof of inclusion to this file (C2SP tlog-proof@v1)")
	return c
}

func kindNames() string {
	var names []string
	for _, k := range entry.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// entryOf tells a bundle, a statement and a body apart by the member that each must have.
func entryOf(data []byte, public string, o ledger.Options) (ledger.Entry, error) {
	var form struct {
		MediaType *string `json:"mediaType"`
		Type      *string `json:"_type"`
	}
	if err := json.Unmarshal(data, &form); err != nil {
		return ledger.Entry{}, fmt.Errorf("it is no JSON object: %w", err)
	}
	switch {
	case form.MediaType != nil:
		bundle, err := signing.ParseBundle(data)
		if err != nil {
			return ledger.Entry{}, err
		}
		key := o.Entry.Public()
		if public != "" {
			if key, err = loadPublicKey(public); err != nil {
				return ledger.Entry{}, err
			}
		}
		if err := bundle.Verify(key); err != nil {
			return ledger.Entry{}, fmt.Errorf("%w; name the public key of who signed it with --signer", err)
		}
		return ledger.Entry{Envelope: &ledger.Envelope{Statement: bundle.Payload, Signature: bundle.Signature, Key: key}}, nil
	case form.Type != nil:
		signature, err := o.Entry.Sign(entry.PAE(data))
		if err != nil {
			return ledger.Entry{}, err
		}
		return ledger.Entry{Envelope: &ledger.Envelope{Statement: data, Signature: signature, Key: o.Entry.Public()}}, nil
	}
	return ledger.Entry{Body: data}, nil
}

// appended prints where an entry is.
func appended(w *world, r ledger.Receipt) error {
	m, err := entry.ReadStatement(r.Statement)
	if err != nil {
		return err
	}
	of := ""
	if m.Environment != "" {
		of = " of " + m.Environment
	}
	_, err = fmt.Fprintf(w.out, "leaf %d: %s %s, sequence %d%s, in a tree of %d\n", r.Index, m.Kind, m.ID, m.Sequence, of, r.Size)
	return err
}

// trusting are the flags of commands that check a ledger.
type trusting struct {
	dir, key, remembered string
	witnesses            []string
	threshold            int
	policy               string
	names                string
}

// flags are named as it suits the command: beside a ledger, its folder is --dir.
func (f *trusting) flags(c *cobra.Command, folder, key string) {
	f.names = "--" + folder + " and --" + key
	c.Flags().StringVar(&f.dir, folder, "", "folder of the ledger, or a copy of it")
	c.Flags().StringVar(&f.key, key, "", "public log key: a file in PEM, or with NAME+HASH+KEY")
	c.Flags().StringVar(&f.remembered, "remembered", "", "checkpoint that the log showed earlier; it must continue it")
	c.Flags().StringArrayVar(&f.witnesses, "witness", nil, "public key of a witness, NAME+HASH+KEY (repeatable)")
	c.Flags().IntVar(&f.threshold, "witnesses", 0, "how many of the witnesses must have signed the checkpoint")
	c.Flags().StringVar(&f.policy, "witness-policy", "", "which witnesses must have signed the checkpoint: a file as for 'gatekeep ledger witnesses'")
}

func (f *trusting) options() (audit.VerifyOptions, error) {
	o := audit.VerifyOptions{Witnesses: f.witnesses, Threshold: f.threshold}
	if f.dir == "" || f.key == "" {
		return o, usage("%s are wanted: the folder of the ledger, and the public log key as it was handed over", f.names)
	}
	var err error
	if o.LogKey, err = readFile(f.key, maxLogKey); err != nil {
		return o, usage("reading log key: %w", err)
	}
	if f.remembered != "" {
		if o.Remembered, err = readFile(f.remembered, maxLogKey); err != nil {
			return o, usage("reading remembered checkpoint: %w", err)
		}
	}
	if f.policy != "" {
		policy, err := readFile(f.policy, maxLogKey)
		if err != nil {
			return o, usage("reading --witness-policy: %w", err)
		}
		if o.Policy, err = tree.ReadWitnesses(policy); err != nil {
			return o, usage("%s: %w", f.policy, err)
		}
	}
	return o, nil
}

func ledgerServeCommand(w *world) *cobra.Command {
	var dir, listen string
	c := &cobra.Command{
		Use:   "serve --dir DIR",
		Short: "Serve a ledger to readers over HTTP",
		Long: `serve offers the log as static files, as C2SP tlog-tiles wants them (/checkpoint,
/tile/...), and the statements (/entries/...). It only reads. Any other server of
files does as well.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usage("--dir is missing")
			}
			if _, _, err := ledger.Checkpoint(dir); err != nil {
				return err
			}
			listener, err := net.Listen("tcp", listen)
			if err != nil {
				return usage("listening on %s: %w", listen, err)
			}
			if _, err := fmt.Fprintf(w.out, "http://%s/\n", listener.Addr()); err != nil {
				return errors.Join(err, listener.Close())
			}
			server := &http.Server{Handler: ledgerFiles(dir), ReadHeaderTimeout: headersTimeout}
			go func() {
				<-cmd.Context().Done()
				ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), goodbye)
				defer cancel()
				_ = server.Shutdown(ctx) // what is cut off was only reading
			}()
			if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serving ledger: %w", err)
			}
			return nil
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the ledger")
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8400", "address and port")
	return c
}

// ledgerFiles serves the public files of a ledger and nothing else in its folder.
func ledgerFiles(dir string) http.Handler {
	tree := http.FileServer(http.Dir(filepath.Join(dir, ledger.LogFolder)))
	mux := http.NewServeMux()
	only := func(h http.Handler, kind, cache string) http.Handler {
		return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/") || strings.Contains(r.URL.Path, "/.") {
				http.NotFound(out, r)
				return
			}
			out.Header().Set("Content-Type", kind)
			out.Header().Set("Cache-Control", cache)
			h.ServeHTTP(out, r)
		})
	}
	const forever = "public, max-age=31536000, immutable"
	mux.Handle("GET /checkpoint", only(tree, "text/plain; charset=utf-8", "no-cache"))
	mux.Handle("GET /tile/", only(tree, "application/octet-stream", forever))
	mux.Handle("GET /entries/", only(http.FileServer(http.Dir(dir)), "application/json", forever))
	return mux
}

// leafNumber reads the index of a leaf.
func leafNumber(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, usage("%q is no index of a leaf: they are counted from 0", text)
	}
	return n, nil
}
