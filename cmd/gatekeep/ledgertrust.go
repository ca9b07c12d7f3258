package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
)

func ledgerTrustCommand(w *world) *cobra.Command {
	var dir, key, out, from string
	var chains []string
	c := &cobra.Command{
		Use:   "trust --dir DIR --log-public FILE --timestamp-chain FILE --out FILE",
		Short: "Write the trusted root with which others verify evidence",
		Long: `trust writes a Sigstore trusted root (trusted_root.json): every key that the log
ever had, with the window in which it signed, and the timestamp authorities. Hand
it to those who verify, together with the gate's public key, by another way than
the evidence; 'gatekeep evidence verify' and stock cosign read it. Write it anew
when the log key was rotated.`,
		Example: "  gatekeep ledger trust --dir ledger --log-public log.pub --timestamp-chain tsa.pem --out keys/trusted_root.json",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" || key == "" || out == "" {
				return usage("--dir, --log-public and --out are wanted")
			}
			public, err := readFile(key, maxLogKey)
			if err != nil {
				return usage("reading --log-public: %w", err)
			}
			var s audit.TrustSource
			for _, path := range chains {
				chain, err := readChain(path)
				if err != nil {
					return usage("reading --timestamp-chain %s: %w", path, err)
				}
				s.Authorities = append(s.Authorities, chain)
			}
			if from != "" {
				if s.From, err = time.Parse(time.RFC3339, from); err != nil {
					return usage("reading --from: %q is not an RFC 3339 time such as 2026-11-23T10:00:00Z", from)
				}
			}
			root, err := audit.TrustedRoot(cmd.Context(), dir, audit.VerifyOptions{LogKey: public}, s)
			if err != nil {
				return err
			}
			if err := writeNew(out, root, 0o644); err != nil {
				return err
			}
			_, err = fmt.Fprintln(w.out, out)
			return err
		},
	}
	fs := c.Flags()
	fs.StringVar(&dir, "dir", "", "folder of the ledger")
	fs.StringVar(&key, "log-public", "", "public log key")
	fs.StringArrayVar(&chains, "timestamp-chain", nil, "certificates of a timestamp authority in PEM, its own first (repeatable)")
	fs.StringVar(&from, "from", "", "when the first log key began to count (RFC 3339; default: when the ledger was made)")
	fs.StringVar(&out, "out", "", "file to write, which must not be there yet")
	return c
}

// readChain reads certificates in PEM.
func readChain(path string) ([]*x509.Certificate, error) {
	data, err := readFile(path, maxKey)
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("it holds a %s; only certificates are wanted", block.Type)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	if len(chain) == 0 {
		return nil, errors.New("it holds no certificate in PEM")
	}
	return chain, nil
}
