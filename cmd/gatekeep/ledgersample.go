package main

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/layout"
	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/audit"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// sampleSize is what auditors ask of a control that runs daily.
const sampleSize = 25

// sampleFile is sample.json: what was drawn, how, and from what.
type sampleFile struct {
	Method     string       `json:"method"`
	Seed       string       `json:"seed"`
	Asked      int          `json:"asked"`
	Of         int          `json:"of"` // rows of the population, which is beside
	Checkpoint string       `json:"checkpoint"`
	Drawn      []sampledRow `json:"drawn"`
}

// sampledRow is a decision of a sample with its copied bundle.
type sampledRow struct {
	audit.Drawn
	Copy     string   `json:"copy"`     // of the bundle, empty where there is none
	SHA256   string   `json:"sha256"`   // of the copy
	Proof    string   `json:"proof"`    // tlog-proof of the leaf
	Verified bool     `json:"verified"` // the copy is what was logged, and every check of it holds
	Problems []string `json:"problems"`
}

func evidenceSampleCommand(w *world) *cobra.Command {
	var f periodFlags
	var seed, out, root string
	var n int
	c := &cobra.Command{
		Use:   "sample -n 25 --seed TEXT --ledger DIR --log-public LOG.pub --store DIR --out DIR",
		Short: "Draw an auditor's sample of decisions, and copy its bundles",
		Long: `sample lists the decisions of a period as 'evidence population' does, draws some of
them, and copies their bundles into a new folder, each with the proof that its leaf is
in the log:

  population.csv, population.json   what was drawn from, with its proof
  sample.csv, sample.json           what was drawn
  bundles/leaf-INDEX.zip            the bundles
  proofs/leaf-INDEX.tlog-proof      C2SP tlog-proof@v1 of each

Every copy is verified with the key that the log introduced for it, and held against the
statement that was logged.

The sample follows from the seed: rows in ascending order of SHA-256 over the bytes of
the seed and the 32 bytes of the leaf hash (column "leaf" of the population), the first
n. The auditor chooses the seed after the checkpoint is out: who knows it before could
write the log by it.

Exit code 1: the population is not complete, or a bundle of the sample is missing or
does not verify; what it is is named.`,
		Example: "  gatekeep evidence sample -n 25 --seed 'engagement 2026-11, 4711' --ledger ledger --log-public log.pub \\\n" +
			"      --environment prod --from 2026-11-01T00:00:00Z --to 2026-12-01T00:00:00Z --store evidence/ --out sample/",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case seed == "":
				return usage("--seed is missing: the auditor chooses it, and the sample follows from it")
			case n < 1:
				return usage("-n is %d; at least one decision is drawn", n)
			case f.store == "" || out == "":
				return usage("--store and --out are wanted: where the bundles are, and a new folder for the sample")
			}
			o := evidence.VerifyOptions{Witnesses: f.trust.witnesses, Threshold: f.trust.threshold}
			var err error
			if root != "" {
				if o.Root, err = trustedRoot(root); err != nil {
					return err
				}
			}
			p, err := f.populate(cmd)
			if err != nil {
				return err
			}
			drawn, err := p.Sample(seed, n)
			if err != nil {
				return err
			}
			if err := writePopulation(out, p); err != nil {
				return err
			}
			s := sampleFile{Method: audit.SampleMethod, Seed: seed, Asked: n, Of: len(p.Rows), Checkpoint: p.Checkpoint, Drawn: []sampledRow{}}
			if err := f.copySample(cmd, out, drawn, &s, o); err != nil {
				return err
			}
			if err := s.write(out); err != nil {
				return err
			}
			return s.answer(w, p)
		},
	}
	f.flags(c, "ledger", "log-public")
	c.Flags().IntVarP(&n, "number", "n", sampleSize, "how many decisions to draw")
	c.Flags().StringVar(&seed, "seed", "", "any text, chosen by the auditor")
	c.Flags().StringVar(&out, "out", "", "new folder for the sample")
	c.Flags().StringVar(&root, "trusted-root", "", "trusted_root.json, wanted where the bundles carry a proof of the log and a timestamp")
	return c
}

// copySample copies what was drawn and looks at each copy.
func (f *periodFlags) copySample(c *cobra.Command, out string, drawn []audit.Drawn, s *sampleFile, o evidence.VerifyOptions) error {
	for _, folder := range []string{"bundles", "proofs"} {
		if err := os.Mkdir(filepath.Join(out, folder), 0o755); err != nil {
			return fmt.Errorf("making folder: %w", err)
		}
	}
	key, err := readFile(f.trust.key, maxLogKey)
	if err != nil {
		return err
	}
	for _, d := range drawn {
		row := sampledRow{Drawn: d, Problems: []string{}, Proof: fmt.Sprintf("proofs/leaf-%d.tlog-proof", d.Index)}
		receipt, err := ledger.Proof(c.Context(), f.trust.dir, d.Index, key)
		var not *entry.Problem
		switch {
		case errors.As(err, &not):
			row.Proof, row.Problems = "", append(row.Problems, not.String())
		case err != nil:
			return err
		default:
			if err := writeWhole(filepath.Join(out, row.Proof), receipt.TLogProof()); err != nil {
				return err
			}
			if err := row.take(f.store, out, receipt, o); err != nil {
				return err
			}
		}
		row.Verified = len(row.Problems) == 0
		s.Drawn = append(s.Drawn, row)
	}
	return nil
}

// take copies the bundle of a row, and checks the copy and not the original.
func (r *sampledRow) take(store, out string, receipt ledger.Receipt, o evidence.VerifyOptions) error {
	wrong := func(format string, args ...any) { r.Problems = append(r.Problems, fmt.Sprintf(format, args...)) }
	if r.Bundle == nil || *r.Bundle == "" {
		wrong("the store holds no bundle that is the one that was logged")
		return nil
	}
	r.Copy = fmt.Sprintf("bundles/leaf-%d.zip", r.Index)
	path := filepath.Join(out, r.Copy)
	from, _, err := openFile(filepath.Join(store, filepath.FromSlash(*r.Bundle)))
	if err != nil {
		return err
	}
	defer from.Close()
	sum := sha256.New()
	err = writeFile(path, func(to io.Writer) error {
		_, err := io.Copy(io.MultiWriter(to, sum), from)
		return err
	})
	if err != nil {
		return err
	}
	r.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if o.Key, err = x509.ParsePKIXPublicKey(receipt.Key); err != nil {
		return fmt.Errorf("reading the key of leaf %d: %w", r.Index, err)
	}
	v, err := checkFile(path, func(b *evidence.Bundle) (evidence.Verification, error) {
		data, err := b.Read(layout.PathSignature)
		if err != nil {
			return evidence.Verification{}, err
		}
		if envelope, err := signing.ParseBundle(data); err != nil || !bytes.Equal(envelope.Payload, receipt.Statement) {
			wrong("the bundle has another statement than was logged")
		}
		return evidence.Verify(b, o), nil
	})
	if err != nil {
		return err
	}
	for _, c := range v.Checks {
		if !c.OK {
			wrong("%s: %s against %s: %s [%s]", c.Name, c.What, c.Against, c.Detail, c.Reason)
		}
	}
	return nil
}

// write writes the sample in both forms.
func (s sampleFile) write(out string) error {
	err := writeFile(filepath.Join(out, "sample.json"), func(to io.Writer) error {
		e := json.NewEncoder(to)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(s)
	})
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(out, "sample.csv"), func(to io.Writer) error {
		rows := [][]string{{"rank", "index", "environment", "sequence", "id", "outcome", "leaf", "copy", "sha256", "verified"}}
		for _, r := range s.Drawn {
			rows = append(rows, []string{r.Rank, strconv.FormatUint(r.Index, 10), audit.Cell(r.Environment), strconv.FormatInt(r.Sequence, 10),
				audit.Cell(r.ID), audit.Cell(r.Outcome), r.Leaf, r.Copy, r.SHA256, strconv.FormatBool(r.Verified)})
		}
		return csv.NewWriter(to).WriteAll(rows)
	})
}

// answer says what was drawn, and what is wrong with it.
func (s sampleFile) answer(w *world, p audit.Population) error {
	if _, err := fmt.Fprintf(w.out, "%d of %d decisions drawn with seed %q\n", len(s.Drawn), s.Of, s.Seed); err != nil {
		return err
	}
	bad := false
	for _, r := range s.Drawn {
		for _, problem := range r.Problems {
			fmt.Fprintf(w.err, "gatekeep: decision %q, leaf %d: %s\n", r.ID, r.Index, problem)
			bad = true
		}
	}
	if err := complain(w, p); err != nil || !bad {
		return err
	}
	return shutError{exitShut}
}
