package main

import (
	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/rekor"
)

func ledgerSubmitCommand(w *world) *cobra.Command {
	var file, key, signer, logKey, address, proof string
	c := &cobra.Command{
		Use:   "submit --rekor URL --log-public LOG.pub --file FILE --key KEY --proof FILE",
		Short: "Have a Rekor v2 log keep a signed statement instead of a ledger of one's own",
		Long: `submit sends the leaf of a statement, which is the same that 'append' writes, to a
Rekor v2 log, checks what comes back against the log's public key, and writes the proof
(C2SP tlog-proof@v1). FILE is an in-toto statement, which is signed with --key, or a
Sigstore bundle of one that was signed with a key (--signer).

Such a log keeps digests and signatures of many, and no sequences: it proves that this
statement was logged, and not that no other was. Keep the statements; a population needs
a ledger.`,
		Example: "  gatekeep ledger submit --rekor https://log.example --log-public rekor.pub --key gate.key --file statement.json --proof statement.tlog-proof",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if address == "" || logKey == "" || key == "" || proof == "" {
				return usage("--rekor, --log-public, --key and --proof are wanted")
			}
			data, err := readFile(file, maxEntryFile)
			if err != nil {
				return usage("reading statement: %w; name it with --file", err)
			}
			public, err := readFile(logKey, maxLogKey)
			if err != nil {
				return usage("reading --log-public: %w", err)
			}
			own, err := openSigner(cmd.Context(), w, key)
			if err != nil {
				return err
			}
			e, err := entryOf(data, signer, ledger.Options{Entry: own})
			if err != nil {
				return usage("%s: %w", file, err)
			}
			if e.Envelope == nil {
				return usage("%s is a body, which only a ledger numbers and signs; submit a statement or a bundle", file)
			}
			r, err := rekor.Log{URL: address, Key: public}.Append(cmd.Context(), *e.Envelope)
			if err != nil {
				return err
			}
			if err := writeWhole(proof, r.TLogProof()); err != nil {
				return err
			}
			return appended(w, r)
		},
	}
	fs := c.Flags()
	fs.StringVar(&address, "rekor", "", "URL of the log")
	fs.StringVar(&logKey, "log-public", "", "public key of the log, from its owner")
	fs.StringVar(&file, "file", "", "statement or bundle")
	fs.StringVar(&key, "key", "", "private key that signs a statement, as for 'append'")
	fs.StringVar(&signer, "signer", "", "public key of a bundle that another key than --key signed")
	fs.StringVar(&proof, "proof", "", "write the proof to this file")
	return c
}
