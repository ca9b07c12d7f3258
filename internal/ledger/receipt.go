package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/tessera/client"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/place"
)

// Receipt proves that an entry is in the log.
type Receipt struct {
	Index      uint64
	Leaf       []byte // as logged
	Statement  []byte
	Signature  []byte   // over the DSSE pre-authentication encoding of the statement
	Key        []byte   // that made it, PKIX DER
	Size       uint64   // of the tree that the proof is in
	Root       []byte   // of that tree
	Proof      [][]byte // RFC 6962, section 2.1.1: from the leaf up
	Checkpoint []byte   // C2SP tlog-checkpoint of that tree
	LogID      []byte   // names the log in a Sigstore trusted root
}

func newReceipt(ctx context.Context, b *client.ProofBuilder, index uint64, leaf entry.Leaf, statement, checkpoint []byte, cp log.Checkpoint, vkey string) (Receipt, error) {
	fail := func(err error) (Receipt, error) {
		return Receipt{}, fmt.Errorf("proving leaf %d: %w", index, err)
	}
	raw, err := leaf.Marshal()
	if err != nil {
		return fail(err)
	}
	path, err := b.InclusionProof(ctx, index)
	if err != nil {
		return fail(err)
	}
	id, err := entry.LogID(vkey)
	if err != nil {
		return fail(err)
	}
	return Receipt{
		Index: index, Leaf: raw, Statement: statement, Signature: leaf.Signature, Key: leaf.Key,
		Size: cp.Size, Root: cp.Hash, Proof: path, Checkpoint: checkpoint, LogID: id,
	}, nil
}

// Place is the receipt without what was logged.
func (r Receipt) Place() (place.Place, error) {
	var cp log.Checkpoint
	if _, err := cp.Unmarshal(r.Checkpoint); err != nil {
		return place.Place{}, fmt.Errorf("reading checkpoint of receipt: %w", err)
	}
	return place.Place{
		Origin: cp.Origin, Index: r.Index, Size: r.Size, Root: r.Root, Hashes: r.Proof,
		Checkpoint: r.Checkpoint, LogID: r.LogID, Leaf: r.Leaf,
	}, nil
}

// TransparencyLogEntry is the receipt as a Sigstore bundle v0.3 carries it. It has no
// time: a bundle with it wants an RFC 3161 timestamp beside it.
func (r Receipt) TransparencyLogEntry() *protorekor.TransparencyLogEntry {
	return &protorekor.TransparencyLogEntry{
		LogIndex:    int64(r.Index),
		LogId:       &protocommon.LogId{KeyId: r.LogID},
		KindVersion: &protorekor.KindVersion{Kind: entry.LeafKind, Version: entry.LeafVersion},
		InclusionProof: &protorekor.InclusionProof{
			LogIndex: int64(r.Index), RootHash: r.Root, TreeSize: int64(r.Size), Hashes: r.Proof,
			Checkpoint: &protorekor.Checkpoint{Envelope: string(r.Checkpoint)},
		},
		CanonicalizedBody: r.Leaf,
	}
}

// TLogProof is the receipt as a C2SP tlog-proof@v1: text, for use without network.
func (r Receipt) TLogProof() []byte {
	p := proof.TLogProof{Index: r.Index, Checkpoint: r.Checkpoint}
	for _, h := range r.Proof {
		p.Hashes = append(p.Hashes, [sha256.Size]byte(h))
	}
	return p.Marshal()
}
