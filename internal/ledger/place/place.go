// Package place checks proofs of a log without the log: that an entry is in it, and that
// it has only grown.
package place

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/proof"
	mproof "github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
)

// Place is where in a log an entry is said to be, with the proof of it.
type Place struct {
	Origin     string
	Index      uint64
	Size       uint64
	Root       []byte
	Hashes     [][]byte
	Checkpoint []byte
	LogID      []byte // not looked at here
	Leaf       []byte
}

// Check tells whether the proof leads from the leaf to the root that the checkpoint
// says, and whether the leaf is that of the statement and signature. Who signed the
// checkpoint is another question.
func (p Place) Check(statement, signature []byte, key crypto.PublicKey) error {
	var cp log.Checkpoint
	if _, err := cp.Unmarshal(p.Checkpoint); err != nil {
		return fmt.Errorf("reading checkpoint: %w", err)
	}
	if cp.Origin != p.Origin {
		return fmt.Errorf("the checkpoint is that of log %q and not of %q", cp.Origin, p.Origin)
	}
	if cp.Size != p.Size || !bytes.Equal(cp.Hash, p.Root) {
		return errors.New("the proof is for another tree than the checkpoint")
	}
	leaf, err := entry.NewLeaf(statement, signature, key)
	if err != nil {
		return err
	}
	want, err := leaf.Marshal()
	if err != nil {
		return err
	}
	if !bytes.Equal(want, p.Leaf) {
		return errors.New("the leaf is not that of the signed statement")
	}
	// RFC 6962, section 2.1.1: the audit path must compute the root.
	if err := mproof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, p.Size, rfc6962.DefaultHasher.HashLeaf(p.Leaf), p.Hashes, p.Root); err != nil {
		return fmt.Errorf("the proof does not lead to the checkpoint: %w", err)
	}
	return nil
}

// Text is the place as a C2SP tlog-proof@v1.
func (p Place) Text() ([]byte, error) {
	t := proof.TLogProof{Index: p.Index, Checkpoint: p.Checkpoint}
	for _, h := range p.Hashes {
		if len(h) != rfc6962.DefaultHasher.Size() {
			return nil, fmt.Errorf("a hash of the proof has %d bytes", len(h))
		}
		t.Hashes = append(t.Hashes, [32]byte(h))
	}
	return t.Marshal(), nil
}

// CheckGrowth holds a proof of ledger.Grew against both checkpoints.
func CheckGrowth(earlier, later, text []byte) error {
	var a, b log.Checkpoint
	if _, err := a.Unmarshal(earlier); err != nil {
		return fmt.Errorf("reading earlier checkpoint: %w", err)
	}
	if _, err := b.Unmarshal(later); err != nil {
		return fmt.Errorf("reading later checkpoint: %w", err)
	}
	if a.Origin != b.Origin {
		return fmt.Errorf("the checkpoints are those of %q and %q", a.Origin, b.Origin)
	}
	var hashes [][]byte
	for line := range strings.Lines(string(text)) {
		h, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSuffix(line, "\n"))
		if err != nil || !strings.HasSuffix(line, "\n") {
			return errors.New("reading proof of consistency: a line is no base64")
		}
		hashes = append(hashes, h)
	}
	if err := mproof.VerifyConsistency(rfc6962.DefaultHasher, a.Size, b.Size, hashes, a.Hash, b.Hash); err != nil {
		return fmt.Errorf("the later log is no continuation of the earlier: %w", err)
	}
	return nil
}
