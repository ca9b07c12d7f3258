package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/attest/sigstore"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/trace"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
)

// verifyFlags are what a verifier brings from outside the bundle.
type verifyFlags struct {
	key, root, eraser    string
	subject, environment string
	current, replay      bool
	at                   string
	ledger, logKey       string
	remembered           string
	witnesses            []string
	threshold            int
	heartbeat            time.Duration
}

func evidenceVerifyCommand(w *world) *cobra.Command {
	var f verifyFlags
	c := &cobra.Command{
		Use:   "verify BUNDLE...",
		Short: "Check every byte of a bundle, who signed it, and who vouches for it",
		Long: `verify checks a bundle as a closed world: every file that it lists is there,
unchanged, in its place, and nothing else is; what is signed is what is inside;
and the signature was made by the key that you got by another way. Where the
bundle says that a log holds it and an authority stamped it, both must have, with
keys of the trusted root that were valid then. It needs no network. Exit 0 only
when every check of every bundle holds.

With --subject, --environment and --current it tells whether the bundle admits
that image there now, and not another, elsewhere or once. With --ledger, a copy
of the whole log, it also tells whether the log is sound and still holds the
decision, whether the key that signed was reported stolen, and with --current
whether a later decision took its place.`,
		Example: `  gatekeep evidence verify --key gate.pub evidence.zip
  gatekeep evidence verify --key gate.pub --trusted-root trusted_root.json --replay evidence.zip
  gatekeep evidence verify --key gate.pub --trusted-root trusted_root.json --current \
      --subject sha256:... --environment prod-eu evidence.zip
  gatekeep evidence verify --key gate.pub --trusted-root trusted_root.json \
      --ledger ledger-copy --log-public log.pub --remembered last.checkpoint evidence.zip`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			checks, err := f.checks(cmd.Context())
			if err != nil {
				return err
			}
			return eachBundle(w, args, checks)
		},
	}
	fs := c.Flags()
	fs.StringVar(&f.key, "key", "", "public key of the gate, from its owner")
	fs.StringVar(&f.root, "trusted-root", "", "trusted_root.json with the keys of log and timestamp authority, from the gate's owner")
	fs.StringVar(&f.eraser, "erasure-key", "", "public key of the gate that erased people, where it is another than --key by now")
	fs.StringVar(&f.subject, "subject", "", "digest of the image that it must be about")
	fs.StringVar(&f.environment, "environment", "", "environment that it must be about")
	fs.BoolVar(&f.current, "current", false, "it must say that the gate is open, and not be expired or superseded now")
	fs.StringVar(&f.at, "at", "", "with --current, another moment than now (RFC 3339)")
	fs.BoolVar(&f.replay, "replay", false, "also make the decision again from the bundle, byte for byte")
	fs.StringVar(&f.ledger, "ledger", "", "folder of the ledger, or of a copy, to hold it against")
	fs.StringVar(&f.logKey, "log-public", "", "public log key of the ledger")
	fs.StringVar(&f.remembered, "remembered", "", "checkpoint of the ledger that you remember: it must have grown from there")
	fs.StringArrayVar(&f.witnesses, "witness", nil, "public key of a witness of the log, NAME+HASH+KEY (repeatable)")
	fs.DurationVar(&f.heartbeat, "heartbeat", 0, "how often the gate promised to say in the ledger that it is at work, such as 5m")
	fs.IntVar(&f.threshold, "witnesses", 0, "how many of them must have signed the checkpoint")
	return c
}

// options reads everything that the flags name.
func (f verifyFlags) options() (o evidence.VerifyOptions, err error) {
	switch {
	case f.key == "":
		return o, usage("no key: pass --key with the gate's public key, got from its owner and not from the bundle")
	case f.at != "" && !f.current:
		return o, usage("--at is the moment at which it must hold: pass --current too")
	case f.subject != "" && !digest.Valid(f.subject):
		return o, usage("reading --subject: %q is no digest such as sha256:... with 64 hex digits", f.subject)
	case f.threshold > len(f.witnesses):
		return o, usage("--witnesses asks for %d, and %d are known: name each with --witness", f.threshold, len(f.witnesses))
	case f.ledger == "" && (f.logKey != "" || f.remembered != "" || f.heartbeat != 0):
		return o, usage("--log-public, --remembered and --heartbeat are about a ledger: pass --ledger too")
	case f.ledger != "" && f.logKey == "":
		return o, usage("--ledger needs --log-public, the public log key, got from its owner and not from the ledger")
	}
	if o.Key, err = loadPublicKey(f.key); err != nil {
		return o, err
	}
	if f.eraser != "" {
		if o.Eraser, err = loadPublicKey(f.eraser); err != nil {
			return o, err
		}
	}
	if f.root != "" {
		if o.Root, err = trustedRoot(f.root); err != nil {
			return o, err
		}
	}
	o.Subject, o.Environment, o.Open, o.Witnesses, o.Threshold = f.subject, f.environment, f.current, f.witnesses, f.threshold
	if f.current {
		o.At = time.Now()
	}
	if f.at != "" {
		if o.At, err = time.Parse(time.RFC3339, f.at); err != nil {
			return o, usage("reading --at: %q is not an RFC 3339 time such as 2026-11-23T10:00:00Z", f.at)
		}
	}
	return o, nil
}

// trustedRoot reads the file that --trusted-root names.
func trustedRoot(path string) (*sigstore.Root, error) {
	data, err := readFile(path, maxRoot)
	if err != nil {
		return nil, usage("reading --trusted-root: %w", err)
	}
	root, err := sigstore.NewRoot(path, data)
	if err != nil {
		return nil, usage("%s: %w", path, err)
	}
	return root, nil
}

// history walks the ledger.
func (f verifyFlags) history(ctx context.Context) (*trace.History, error) {
	if err := isFolder("--ledger", f.ledger); err != nil {
		return nil, err
	}
	o := audit.VerifyOptions{Witnesses: f.witnesses, Threshold: f.threshold, Heartbeat: f.heartbeat}
	var err error
	if o.LogKey, err = readFile(f.logKey, maxLogKey); err != nil {
		return nil, usage("reading --log-public: %w", err)
	}
	if f.remembered != "" {
		if o.Remembered, err = readFile(f.remembered, maxLogKey); err != nil {
			return nil, usage("reading --remembered: %w", err)
		}
	}
	ledger.LogTo(nil) // every error comes back as one
	return trace.Read(ctx, f.ledger, o)
}

// checks are all checks that the flags ask for.
func (f verifyFlags) checks(ctx context.Context) (func(*evidence.Bundle) (evidence.Verification, error), error) {
	options, err := f.options()
	if err != nil {
		return nil, err
	}
	var history *trace.History
	if f.ledger != "" {
		if history, err = f.history(ctx); err != nil {
			return nil, err
		}
	}
	return func(b *evidence.Bundle) (evidence.Verification, error) {
		v := evidence.Verify(b, options)
		if !v.OK() {
			return v, nil // what follows believes the bundle
		}
		if f.ledger != "" {
			traced, err := history.Bundle(b, f.current)
			if err != nil {
				return v, err
			}
			v.Checks = append(v.Checks, traced.Checks...)
		}
		if f.replay {
			replayed, err := evidence.Replay(ctx, b, judgeAgain)
			if err != nil {
				return v, err
			}
			v.Checks = append(v.Checks, replayed.Checks...)
		}
		return v, nil
	}, nil
}

func evidenceCompleteCommand(w *world) *cobra.Command {
	var f vouchFlags
	var key string
	c := &cobra.Command{
		Use:   "complete BUNDLE.pending",
		Short: "Make evidence whole that a crash left between the log and its proof",
		Long: `complete takes a bundle that 'gatekeep check --ledger' left with the ending
.pending: everything is in it but the proof of the log. Where the log holds the
decision already the proof is added; else the decision is appended first, unless
another one took its place meanwhile. The gate did not open on it either way.`,
		Example: "  gatekeep evidence complete evidence.zip.pending --ledger ledger --log-key log.key --key gate.key",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, ending := strings.CutSuffix(args[0], pendingSuffix)
			switch {
			case !ending:
				return usage("%s has not the ending %s: it is whole, or no evidence", args[0], pendingSuffix)
			case f.ledger == "" || f.logKey == "" || key == "":
				return usage("pass --ledger, --log-key and --key, as for 'gatekeep check'")
			}
			signer, err := openSigner(cmd.Context(), w, key)
			if err != nil {
				return err
			}
			v, err := f.open(cmd.Context(), signer, time.Now())
			if err != nil {
				return err
			}
			d, remembered, err := reopen(args[0])
			if err != nil {
				return err
			}
			if err := v.prove(cmd.Context(), d, signer, remembered); err != nil {
				return err
			}
			if err := complete(d, args[0], path); err != nil {
				return err
			}
			_, err = w.out.Write([]byte(path + "\n"))
			return err
		},
	}
	c.Flags().StringVar(&f.ledger, "ledger", "", "folder of the ledger that keeps the decision")
	c.Flags().StringVar(&f.logKey, "log-key", "", "private log key of the ledger, which signs its checkpoints")
	c.Flags().StringVar(&key, "key", "", "private key that signed the evidence (password in GATEKEEP_PASSWORD)")
	return c
}

// reopen reads a pending bundle back, and the checkpoint that it remembers.
func reopen(path string) (*evidence.Draft, []byte, error) {
	f, size, err := openFile(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	b, err := evidence.Open(f, size)
	if err != nil {
		return nil, nil, err
	}
	remembered, err := b.Read(layout.PathRemembered)
	if err != nil {
		return nil, nil, err
	}
	d, err := evidence.Reopen(b)
	return d, remembered, err
}
