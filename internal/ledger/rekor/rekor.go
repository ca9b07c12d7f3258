// Package rekor has a Rekor v2 log keep entries where a ledger of one's own does not do:
// the same leaf, the same receipt, the same verification. It keeps no sequences.
package rekor

import (
	"context"
	"errors"
	"fmt"
	"time"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/rekor-tiles/v2/pkg/client"
	"github.com/sigstore/rekor-tiles/v2/pkg/client/write"
	pb "github.com/sigstore/rekor-tiles/v2/pkg/generated/protobuf"
	"github.com/transparency-dev/formats/log"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/place"
)

// uploadTimeout: rekor-tiles, CLIENTS.md, asks for 20 s at least.
const uploadTimeout = 30 * time.Second

// Log is a Rekor v2 log.
type Log struct {
	URL string
	Key []byte // public key, PEM or NAME+HASH+KEY, got by another way than from the log
}

// Append has the log keep a signed statement and returns its receipt, which was verified:
// the leaf is ours, the proof leads to the checkpoint, and the log's key signed that.
// The same envelope again is an error that says where it is: the log gives a proof once.
func (l Log) Append(ctx context.Context, e ledger.Envelope) (ledger.Receipt, error) {
	fail := func(err error) (ledger.Receipt, error) {
		return ledger.Receipt{}, fmt.Errorf("appending to log %s: %w", l.URL, err)
	}
	leaf, err := entry.NewLeaf(e.Statement, e.Signature, e.Key)
	if err != nil {
		return fail(err)
	}
	if err := leaf.Verify(e.Statement); err != nil {
		return fail(err)
	}
	writer, err := write.NewWriter(l.URL, client.WithTimeout(uploadTimeout))
	if err != nil {
		return fail(err)
	}
	answer, err := writer.Add(ctx, &pb.HashedRekordRequestV002{
		Digest: leaf.Data,
		Signature: &pb.Signature{Content: leaf.Signature, Verifier: &pb.Verifier{
			Verifier: &pb.Verifier_PublicKey{PublicKey: &pb.PublicKey{RawBytes: leaf.Key}}, KeyDetails: detailsOf(leaf),
		}},
	})
	if err != nil {
		return fail(err)
	}
	r, err := l.receipt(answer, leaf, e)
	if err != nil {
		return fail(fmt.Errorf("its answer does not hold: %w", err))
	}
	return r, nil
}

// detailsOf names the kind of key; NewLeaf takes these two.
func detailsOf(l entry.Leaf) protocommon.PublicKeyDetails {
	const sha384 = 48
	if len(l.Data) == sha384 {
		return protocommon.PublicKeyDetails_PKIX_ECDSA_P384_SHA_384
	}
	return protocommon.PublicKeyDetails_PKIX_ECDSA_P256_SHA_256
}

// receipt believes nothing of an answer before it has checked it.
func (l Log) receipt(answer *protorekor.TransparencyLogEntry, leaf entry.Leaf, e ledger.Envelope) (ledger.Receipt, error) {
	proof := answer.GetInclusionProof()
	raw := []byte(proof.GetCheckpoint().GetEnvelope())
	var cp log.Checkpoint
	if _, err := cp.Unmarshal(raw); err != nil {
		return ledger.Receipt{}, fmt.Errorf("reading checkpoint: %w", err)
	}
	vkey, err := entry.ReadPublic(l.Key, cp.Origin)
	if err != nil {
		return ledger.Receipt{}, err
	}
	if !entry.SignedBy(raw, vkey) {
		return ledger.Receipt{}, entry.Problemf(entry.ReasonCheckpointSignature, "the checkpoint is not signed with %s", vkey)
	}
	if answer.GetLogIndex() < 0 || answer.GetLogIndex() != proof.GetLogIndex() || proof.GetTreeSize() < 1 {
		return ledger.Receipt{}, errors.New("it says two places, or none")
	}
	id, err := entry.LogID(vkey)
	if err != nil {
		return ledger.Receipt{}, err
	}
	r := ledger.Receipt{
		Index: uint64(proof.GetLogIndex()), Leaf: answer.GetCanonicalizedBody(), Statement: e.Statement, Signature: e.Signature, Key: leaf.Key,
		Size: uint64(proof.GetTreeSize()), Root: proof.GetRootHash(), Proof: proof.GetHashes(), Checkpoint: raw, LogID: id,
	}
	at := place.Place{
		Origin: cp.Origin, Index: r.Index, Size: r.Size, Root: r.Root, Hashes: r.Proof, Checkpoint: raw, LogID: id, Leaf: r.Leaf,
	}
	return r, at.Check(e.Statement, e.Signature, e.Key)
}
