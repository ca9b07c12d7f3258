package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

func ledgerKeyCommand(w *world) *cobra.Command {
	var f writing
	var since string
	c := &cobra.Command{
		Use:   "key introduce|retire|revoke PUBLIC --dir DIR --log-key FILE --key KEY",
		Short: "Say in the ledger which keys may sign entries",
		Long: `key appends a change of the keys that sign entries, endorsed by the log key.

  introduce   from here on the key PUBLIC may sign entries; so may --key introduce itself
  retire      from here on it may not; what it signed before stays good
  revoke      it counts as stolen from --since: what it signed from then on no longer
              verifies, wherever it is in the log. Sign with another key

The log key itself is changed with 'ledger rotate'.`,
		Example: "  gatekeep ledger key introduce new.pub --dir ledger --log-key log.key --key new.key\n  gatekeep ledger key revoke old.pub --since 2026-11-20T08:00:00Z --dir ledger --log-key log.key --key new.key",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			public, err := loadPublicKey(args[1])
			if err != nil {
				return err
			}
			var at time.Time
			if args[0] == "revoke" {
				if at, err = time.Parse(time.RFC3339, since); err != nil {
					return usage("--since: %w; from when does the key count as stolen?", err)
				}
			}
			l, err := f.open(cmd.Context(), w)
			if err != nil {
				return err
			}
			var r ledger.Receipt
			switch args[0] {
			case "introduce":
				r, err = l.Introduce(cmd.Context(), public)
			case "retire":
				r, err = l.Retire(cmd.Context(), public)
			case "revoke":
				r, err = l.Revoke(cmd.Context(), public, at)
			default:
				return usage("'%s' is none of introduce, retire, revoke", args[0])
			}
			if err != nil {
				return err
			}
			return appended(w, r)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&since, "since", "", "from when a revoked key counts as stolen (RFC 3339)")
	return c
}

func ledgerRotateCommand(w *world) *cobra.Command {
	var f writing
	var next string
	c := &cobra.Command{
		Use:   "rotate --dir DIR --log-key FILE --new-log-key FILE --key KEY",
		Short: "Hand the log over to a new log key",
		Long: `rotate makes a new log key where the file does not exist, and appends an entry in
which the old key endorses it. Every later checkpoint is signed with the new key.
Those who verify may hold either: the log itself leads from one to the other.`,
		Example: "  gatekeep ledger rotate --dir ledger --log-key log.key --new-log-key log-2027.key --key gate.key",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if next == "" {
				return usage("--new-log-key is missing")
			}
			o, err := f.options(cmd.Context(), w)
			if err != nil {
				return err
			}
			private, err := readFile(next, maxLogKey)
			if errors.Is(err, fs.ErrNotExist) {
				var public []byte
				if private, public, err = entry.GenerateKey(o.Key.Signer.Name()); err != nil {
					return err
				}
				if err = writeNew(publicName(next), public, 0o644); err == nil {
					err = writeNew(next, private, 0o600)
				}
			}
			if err != nil {
				return err
			}
			key, err := entry.ReadKey(private)
			if err != nil {
				return usage("%s: %w", next, err)
			}
			l, err := ledger.Open(cmd.Context(), f.dir, o)
			if err != nil {
				return err
			}
			r, err := l.Rotate(cmd.Context(), key)
			if err != nil {
				return err
			}
			return appended(w, r)
		},
	}
	f.flags(c)
	c.Flags().StringVar(&next, "new-log-key", "", "private half of the new log key")
	return c
}

func ledgerVerifyCommand(w *world) *cobra.Command {
	var f trusting
	var format, save, until string
	var heartbeat time.Duration
	c := &cobra.Command{
		Use:   "verify --dir DIR --key LOG.pub",
		Short: "Check that no entry was changed, removed, hidden or doubled",
		Long: `verify walks every leaf and prints what it held against what: the checkpoint
against the log key, the tree against the leaves, the log against the checkpoint
that was remembered, statements against leaves, signatures against the keys that the
log introduced, and the numbers of each sequence.

Whoever holds the log key can cut the log short or write it anew. Only a checkpoint
that was remembered (--remembered; --save keeps this one for the next time) or
witnesses show that.

It exits 1 where something does not hold, and 3 where it could not be judged.`,
		Example: "  gatekeep ledger verify --dir ledger --key log.pub --remembered last.checkpoint --save last.checkpoint",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o, err := f.options()
			if err != nil {
				return err
			}
			if format != "text" && format != "json" {
				return usage("--format is text or json, not %q", format)
			}
			if o.Heartbeat, o.Until, err = heartbeatOf(heartbeat, until); err != nil {
				return err
			}
			checkpoint, _, reading := ledger.Checkpoint(f.dir)
			report, err := audit.Verify(cmd.Context(), f.dir, o)
			if err != nil {
				return err
			}
			if err := printReport(w, report, format); err != nil {
				return err
			}
			if !report.OK {
				return shutError{exitShut}
			}
			if save != "" && reading == nil {
				return writeWhole(save, checkpoint)
			}
			return nil
		},
	}
	f.flags(c, "dir", "key")
	c.Flags().StringVar(&format, "format", "text", "text or json")
	c.Flags().DurationVar(&heartbeat, "heartbeat", 0, "how often the gate promised to say that it is at work, such as 5m: silences are named")
	c.Flags().StringVar(&until, "until", "", "with --heartbeat, until when: \"now\", or RFC 3339 (default: the newest entry)")
	c.Flags().StringVar(&save, "save", "", "keep the checkpoint in this file where everything holds, to be remembered")
	return c
}

// heartbeatOf reads the flags about heartbeats.
func heartbeatOf(every time.Duration, until string) (time.Duration, time.Time, error) {
	switch {
	case every < 0:
		return 0, time.Time{}, usage("reading --heartbeat: %s is below zero", every)
	case every == 0 && until != "":
		return 0, time.Time{}, usage("--until is about heartbeats: pass --heartbeat too, such as 5m")
	case until == "":
		return every, time.Time{}, nil
	case until == "now":
		return every, time.Now(), nil
	}
	at, err := time.Parse(time.RFC3339, until)
	if err != nil {
		return 0, time.Time{}, usage("reading --until: %q is neither \"now\" nor an RFC 3339 time", until)
	}
	return every, at, nil
}

func printReport(w *world, r audit.Report, format string) error {
	if format == "json" {
		e := json.NewEncoder(w.out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	var text strings.Builder
	for _, c := range r.Checks {
		word := "ok  "
		if !c.OK {
			word = "FAIL"
		}
		fmt.Fprintf(&text, "%s %s against %s: %s\n", word, c.What, c.Against, c.Detail)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(&text, "  %s\n", p)
	}
	_, err := fmt.Fprint(w.out, text.String())
	return err
}

func ledgerProveCommand(w *world) *cobra.Command {
	var dir, key, out string
	c := &cobra.Command{
		Use:     "prove INDEX --dir DIR --key LOG.pub",
		Short:   "Prove that an entry is in the log (C2SP tlog-proof@v1)",
		Long:    "prove writes a proof that verifies without network: the place of the leaf, the path\nto the root, and the signed checkpoint.",
		Example: "  gatekeep ledger prove 5 --dir ledger --key log.pub --out evidence.tlog-proof",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			index, err := leafNumber(args[0])
			if err != nil {
				return err
			}
			if dir == "" || key == "" {
				return usage("--dir and --key are wanted")
			}
			public, err := readFile(key, maxLogKey)
			if err != nil {
				return usage("reading log key: %w", err)
			}
			r, err := ledger.Proof(cmd.Context(), dir, index, public)
			if err != nil {
				return err
			}
			if out != "" {
				return writeWhole(out, r.TLogProof())
			}
			_, err = w.out.Write(r.TLogProof())
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the ledger")
	c.Flags().StringVar(&key, "key", "", "public log key")
	c.Flags().StringVar(&out, "out", "", "write the proof to this file")
	return c
}

func ledgerShowCommand(w *world) *cobra.Command {
	var dir, format string
	c := &cobra.Command{
		Use:   "show INDEX --dir DIR",
		Short: "Print one entry, or the published checkpoint without INDEX",
		Long: `show prints the statement of an entry as it was logged (json: with its place and the
key that signed it). It checks that the leaf is that of the statement; 'ledger verify'
checks the log.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return usage("--dir is missing")
			}
			if len(args) == 0 {
				raw, _, err := ledger.Checkpoint(dir)
				if err == nil {
					_, err = w.out.Write(raw)
				}
				return err
			}
			index, err := leafNumber(args[0])
			if err != nil {
				return err
			}
			e, err := ledger.Read(cmd.Context(), dir, index)
			if err != nil {
				return err
			}
			out := append(e.Statement, '\n')
			if format == "json" {
				if out, err = json.MarshalIndent(e, "", "  "); err != nil {
					return err
				}
				out = append(out, '\n')
			}
			_, err = w.out.Write(out)
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the ledger")
	c.Flags().StringVar(&format, "format", "statement", "statement or json")
	return c
}
