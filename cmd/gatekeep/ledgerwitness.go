package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/tree"
)

func ledgerWitnessesCommand(w *world) *cobra.Command {
	var dir string
	var none bool
	c := &cobra.Command{
		Use:   "witnesses POLICY --dir DIR",
		Short: "Have others sign every checkpoint of the ledger (C2SP tlog-witness)",
		Long: `witnesses keeps a witness policy in the ledger. From then on every writer asks the
witnesses to sign each checkpoint, and acknowledges nothing before enough of them
have: where they cannot be reached, the gate stays shut. A witness signs only what
continues the log that it saw before, so that no two histories can be shown.

POLICY is a file in the form of Sigsum:

  witness NAME KEY URL                     KEY is NAME+HASH+KEY, for cosignatures
  group NAME any|all|NUMBER NAME...        so many of these
  quorum NAME                              a group, or a witness

Give each witness the origin and the public key of the log first ('gatekeep ledger
init' prints it). Verifiers bring a policy, or keys, of their own: see 'ledger verify
--witness-policy'.`,
		Example: "  gatekeep ledger witnesses policy.txt --dir ledger\n  gatekeep ledger witnesses --none --dir ledger",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case dir == "":
				return usage("--dir is missing")
			case none == (len(args) > 0):
				return usage("name the file of the policy, or pass --none")
			case none:
				return ledger.SetWitnesses(cmd.Context(), dir, nil)
			}
			policy, err := readFile(args[0], maxLogKey)
			if err != nil {
				return err
			}
			witnesses, err := tree.ReadWitnesses(policy)
			if err != nil {
				return usage("%s: %w", args[0], err)
			}
			if err := ledger.SetWitnesses(cmd.Context(), dir, policy); err != nil {
				return err
			}
			_, err = fmt.Fprintf(w.out, "%s: %d witnesses\n", dir, witnesses.Number())
			return err
		},
	}
	c.Flags().StringVar(&dir, "dir", "", "folder of the ledger")
	c.Flags().BoolVar(&none, "none", false, "ask nobody any more")
	return c
}
