package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/bundle"
	"github.com/gatekeep-dev/gatekeep/internal/gate"
	"github.com/gatekeep-dev/gatekeep/internal/policy"
	"github.com/gatekeep-dev/gatekeep/policies"
)

func policyCommand(w *world) *cobra.Command {
	c := &cobra.Command{
		Use:   "policy",
		Short: "Sign policy bundles, and keep rules of your own",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("no command given (see '%s --help')", cmd.CommandPath())
		},
	}
	c.AddCommand(policySignCommand(w), policyExportCommand(w), policyIndexCommand(w))
	return c
}

func policySignCommand(w *world) *cobra.Command {
	var f lawFlags
	var key string
	c := &cobra.Command{
		Use:   "sign",
		Short: "Sign a bundle with the rules that it is used with",
		Long: `sign writes bundle.sigstore.json into the bundle's folder. The signature covers
every file of the bundle and every rule, so a check that pins the public key with
--policy-key refuses a bundle or a rule that changed since. The bundle must say
when it ends (expiresAt in bundle.yaml).`,
		Example: "  gatekeep policy sign --bundle bundles/payments --key policy.key",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return signPolicy(cmd.Context(), w, f, key)
		},
	}
	c.Flags().StringVar(&f.bundle, "bundle", "", "folder of the bundle")
	c.Flags().StringVar(&f.policy, "policy", "", "folder of rules that the bundle is used with (default: those built in)")
	c.Flags().StringVar(&key, "key", "", "private key that signs (password in GATEKEEP_PASSWORD)")
	return c
}

func signPolicy(ctx context.Context, w *world, f lawFlags, key string) error {
	if f.bundle == "" {
		return usage("no bundle: pass --bundle DIR")
	}
	if key == "" {
		return usage("no key: pass --key (make one with 'gatekeep key generate')")
	}
	signer, err := openSigner(ctx, w, key)
	if err != nil {
		return err
	}
	law, err := loadLaw(f)
	if err != nil {
		return err
	}
	if err := lasts(law.ref, time.Now()); err != nil {
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
}

// lasts refuses to sign what every check would refuse: a signature that never ends,
// or one that has ended.
func lasts(ref gatekeep.PolicyRef, now time.Time) error {
	switch {
	case ref.ExpiresAt == nil:
		return usage("signing bundle %s: bundle.yaml has no expiresAt, and a signed bundle without an end is refused; add one, such as expiresAt: %s",
			ref.Name, now.UTC().AddDate(0, 3, 0).Format(time.RFC3339))
	case !now.Before(*ref.ExpiresAt):
		return usage("signing bundle %s: expiresAt in bundle.yaml is %s, which is past; move it and raise the revision",
			ref.Name, ref.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return nil
}

func policyExportCommand(w *world) *cobra.Command {
	return &cobra.Command{
		Use:   "export DIR",
		Short: "Write the built-in rules to a folder, to add rules of your own",
		Long: `export writes the rules that are built in, with their tests and data, to a new
folder. Add rules, regimes and parameters there, run 'gatekeep policy index', and
pass the folder to check and to policy sign with --policy.`,
		Example: "  gatekeep policy export rules",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := os.Lstat(args[0]); !errors.Is(err, fs.ErrNotExist) {
				return usage("exporting rules: %s is there already; name a new folder", args[0])
			}
			rego, err := policies.Rego()
			if err != nil {
				return err
			}
			if err := os.CopyFS(args[0], rego); err != nil {
				return fmt.Errorf("exporting rules: %w", err)
			}
			_, err = fmt.Fprintln(w.out, args[0])
			return err
		},
	}
}

func policyIndexCommand(w *world) *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "index",
		Short: "Check every rule of a folder and write the index that names them",
		Long: `index compiles every rule of a folder against the input schema, reads its
METADATA, and writes gatekeep/index/data.json, from which the gate knows the rules
without loading them. Run it when a rule was added or its METADATA has changed.`,
		Example: "  gatekeep policy index --policy rules",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return usage("no rules: pass --policy DIR")
			}
			return indexPolicy(cmd.Context(), w, dir)
		},
	}
	c.Flags().StringVar(&dir, "policy", "", "folder of rules, as policies/rego")
	return c
}

func indexPolicy(ctx context.Context, w *world, dir string) error {
	rego, err := rulesIn(dir)
	if err != nil {
		return err
	}
	schemas, err := policies.Schemas()
	if err != nil {
		return err
	}
	index, err := policy.Index(rego)
	if err == nil {
		err = policy.Check(ctx, policy.Source{Rego: rego}, schemas)
	}
	if err != nil {
		return usage("checking the rules in %s: %w", dir, err)
	}
	path := filepath.Join(dir, filepath.FromSlash(policy.IndexFile))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return usage("writing the index: %w", err)
	}
	if err := writeWhole(path, index); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w.out, path)
	return err
}

// rulesIn is a folder of rules, which holds them as policies/rego does.
func rulesIn(dir string) (fs.FS, error) {
	if err := isFolder("--policy", filepath.Join(dir, "gatekeep")); err != nil {
		return nil, usage("%w; rules lie in it as in policies/rego ('gatekeep policy export' writes them)", err)
	}
	return os.DirFS(dir), nil
}

// indexed refuses a folder whose index does not say what its rules say: the gate
// would take a new rule for one that is not written, and an old one for what it was.
func indexed(rego fs.FS, dir string) error {
	want, err := policy.Index(rego)
	if err != nil {
		return usage("reading the rules in %s: %w", dir, err)
	}
	have, err := fs.ReadFile(rego, policy.IndexFile)
	if err != nil || !bytes.Equal(have, want) {
		return usage("the index of the rules in %s is not theirs: run 'gatekeep policy index --policy %s'", dir, dir)
	}
	return nil
}
