package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/signing"
	"github.com/gatekeep-dev/gatekeep/internal/signing/stamp"
)

func keyCommand(w *world) *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "Make signing keys, and tell the public half of any",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("no command given (see '%s --help')", cmd.CommandPath())
		},
	}
	var out string
	generate := &cobra.Command{
		Use:   "generate",
		Short: "Make an ECDSA P-256 key pair in the files NAME.key and NAME.pub",
		Long: `generate makes an ECDSA P-256 key pair: NAME.key (private, mode 0600) and
NAME.pub. With a password in GATEKEEP_PASSWORD the private key is encrypted in
the form that cosign reads; without one it is plain PKCS #8.`,
		Example: "  gatekeep key generate --out keys/gate\n  GATEKEEP_PASSWORD=... gatekeep key generate --out keys/gate",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			// Both or none: half a pair is of no use, and in the way of the next try.
			for _, path := range []string{out + ".key", out + ".pub"} {
				if _, err := os.Lstat(path); err == nil {
					return alreadyThere(path)
				}
			}
			private, public, err := signing.GenerateKey([]byte(w.getenv("GATEKEEP_PASSWORD")))
			if err != nil {
				return fmt.Errorf("making key: %w", err)
			}
			if err := writeNew(out+".key", private, 0o600); err != nil {
				return err
			}
			if err := writeNew(out+".pub", public, 0o644); err != nil {
				return err
			}
			_, err = fmt.Fprintf(w.out, "%s.key\n%s.pub\n", out, out)
			return err
		},
	}
	generate.Flags().StringVar(&out, "out", "gatekeep", "name of the two files, without ending")
	c.AddCommand(generate, keyPublicCommand(w), keyTimestampCommand(w))
	return c
}

// keyTimestampCommand makes an RFC 3161 authority of one's own.
func keyTimestampCommand(w *world) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "timestamp",
		Short: "Make a timestamp authority of your own, for demonstrations, in NAME.key and NAME.pem",
		Long: `timestamp makes an RFC 3161 authority that 'gatekeep check --timestamp NAME.key'
stamps with: NAME.key (private key and certificates, mode 0600) and NAME.pem (the
certificates alone, for those who verify). It proves no more than the gate's own
clock, and evidence says so. For production name the URL of an authority that
somebody else runs.`,
		Example: "  gatekeep key timestamp --out keys/tsa",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			for _, path := range []string{out + ".key", out + ".pem"} {
				if _, err := os.Lstat(path); err == nil {
					return alreadyThere(path)
				}
			}
			private, chain, err := stamp.GenerateOwn(time.Now())
			if err != nil {
				return err
			}
			if err := writeNew(out+".key", private, 0o600); err != nil {
				return err
			}
			if err := writeNew(out+".pem", chain, 0o644); err != nil {
				return err
			}
			_, err = fmt.Fprintf(w.out, "%s.key\n%s.pem\n", out, out)
			return err
		},
	}
	c.Flags().StringVar(&out, "out", "tsa", "name of the two files, without ending")
	return c
}

// keyPublicCommand tells the public half of a key, wherever the private one is kept.
func keyPublicCommand(w *world) *cobra.Command {
	var key string
	c := &cobra.Command{
		Use:   "public",
		Short: "Print the public half of a key, in PEM",
		Long: `public prints the public half of a private key, in PEM, for trust policies and
for those who verify. The private half may be a file, an environment variable, or
with a key service that a plug-in speaks to.`,
		Example: "  gatekeep key public --key ci.key >ci.pub\n  gatekeep key public --key hashivault://builder >builder.pub",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if key == "" {
				return usage("no key: pass --key")
			}
			signer, err := openSigner(cmd.Context(), w, key)
			if err != nil {
				return err
			}
			public, err := signing.PublicPEM(signer.Public())
			if err != nil {
				return err
			}
			_, err = w.out.Write(public)
			return err
		},
	}
	c.Flags().StringVar(&key, "key", "", "private key: a file, env://VARIABLE, or NAME://KEY of a key service (password in GATEKEEP_PASSWORD)")
	return c
}

// writeNew writes a file that must not be there yet: no key is ever overwritten.
func writeNew(path string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return alreadyThere(path)
	}
	if err != nil {
		return usage("writing key: %w", err)
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func alreadyThere(path string) error {
	return usage("writing %s: the file is there already, and keys are never overwritten; name another with --out", path)
}
