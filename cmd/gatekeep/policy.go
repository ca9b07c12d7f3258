package main

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/bundle"
	"github.com/gatekeep-dev/gatekeep/internal/gate"
)

func policyCommand(w *world) *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "Sign policy bundles",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("no command given (see '%s --help')", cmd.CommandPath())
		},
	}
	var f lawFlags
	var key string
	sign := &cobra.Command{
		Use:   "sign",
		Short: "Sign a bundle with the rules that it is used with",
		Long: `sign writes bundle.sigstore.json into the bundle's folder. The signature covers
every file of the bundle and every rule, so a check that pins the public key with
--policy-key refuses a bundle or a rule that changed since.`,
		Example: "  gatekeep policy sign --bundle bundles/payments --key policy.key",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if f.bundle == "" {
				return usage("no bundle: pass --bundle DIR")
			}
			if key == "" {
				return usage("no key: pass --key (make one with 'gatekeep key generate')")
			}
			signer, err := loadSigner(w, key)
			if err != nil {
				return err
			}
			law, err := loadLaw(lawFlags{bundle: f.bundle, policy: f.policy})
			if err != nil {
				return err
			}
			signed, err := gate.SignPolicy(signer, law.ref)
			if err != nil {
				return fmt.Errorf("signing bundle: %w", err)
			}
			path := filepath.Join(f.bundle, bundle.SignatureFile)
			if err := writeWhole(path, signed); err != nil {
				return err
			}
			_, err = fmt.Fprintf(w.out, "%s %s revision %d\n", path, law.ref.Digest, law.ref.Revision)
			return err
		},
	}
	sign.Flags().StringVar(&f.bundle, "bundle", "", "folder of the bundle")
	sign.Flags().StringVar(&f.policy, "policy", "", "folder of rules that the bundle is used with (default: those built in)")
	sign.Flags().StringVar(&key, "key", "", "private key that signs (password in GATEKEEP_PASSWORD)")
	c.AddCommand(sign)
	return c
}
