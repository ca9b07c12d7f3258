package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

func keyCommand(w *world) *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "Make signing keys",
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
	c.AddCommand(generate)
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
