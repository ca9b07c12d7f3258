package ledger

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/tessera/client"

	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/tree"
)

// LoggedEntry is a leaf with its statement, read back.
type LoggedEntry struct {
	Index      uint64     `json:"index"`
	entry.Meta            // what the statement says
	Leaf       entry.Leaf `json:"-"`
	Statement  []byte     `json:"-"`
}

// MarshalJSON writes what the statement says, and the statement.
func (e LoggedEntry) MarshalJSON() ([]byte, error) {
	type plain entry.Meta
	return json.Marshal(struct {
		Index uint64 `json:"index"`
		plain
		Key       string          `json:"key"`
		Statement json.RawMessage `json:"statement"`
	}{e.Index, plain(e.Meta), entry.Fingerprint(e.Leaf.Key), e.Statement})
}

// ReadEntry reads a leaf and the statement that it commits to, and checks that one is
// that of the other. Errors are of type *Problem.
func ReadEntry(dir string, index uint64, data []byte) (LoggedEntry, error) {
	e := LoggedEntry{Index: index}
	var err error
	if e.Leaf, err = entry.ParseLeaf(data); err != nil {
		return e, entry.Problemf(entry.ReasonLeafMalformed, "%v", err)
	}
	name := entry.File(e.Leaf.Data)
	e.Statement, err = readBounded(filepath.Join(dir, entriesFolder, name), entry.MaxStatement)
	if errors.Is(err, os.ErrNotExist) {
		return e, entry.Problemf(entry.ReasonEntryMissing, "its statement %s/%s is missing", entriesFolder, name)
	}
	if err != nil {
		return e, entry.Problemf(entry.ReasonEntryMissing, "its statement cannot be read: %v", err)
	}
	if err := e.Leaf.Verify(e.Statement); err != nil {
		return e, err
	}
	if e.Meta, err = entry.ReadStatement(e.Statement); err != nil {
		return e, entry.Problemf(entry.ReasonEntryMalformed, "%v", err)
	}
	return e, nil
}

func read(ctx context.Context, dir string, index, size uint64) (LoggedEntry, error) {
	var e LoggedEntry
	err := tree.Walk(ctx, filepath.Join(dir, LogFolder), index, index+1, size, func(_ uint64, data []byte) (err error) {
		e, err = ReadEntry(dir, index, data)
		return err
	})
	if err != nil {
		return e, fmt.Errorf("reading leaf %d: %w", index, err)
	}
	return e, nil
}

// Checkpoint is the published checkpoint, and the size of its tree.
func Checkpoint(dir string) (raw []byte, size uint64, err error) {
	raw, cp, err := tree.ReadCheckpoint(filepath.Join(dir, LogFolder))
	return raw, cp.Size, err
}

// Read reads one entry back.
func Read(ctx context.Context, dir string, index uint64) (LoggedEntry, error) {
	_, size, err := Checkpoint(dir)
	if err != nil {
		return LoggedEntry{}, err
	}
	if index >= size {
		return LoggedEntry{}, fmt.Errorf("reading leaf %d: the log has %d, and they are counted from 0", index, size)
	}
	return read(ctx, dir, index, size)
}

// Proof proves the entry with this index against the published checkpoint. The public
// log key, PEM or a verifier key, must have signed that checkpoint.
func Proof(ctx context.Context, dir string, index uint64, logKey []byte) (Receipt, error) {
	fail := func(err error) (Receipt, error) {
		return Receipt{}, fmt.Errorf("proving leaf %d: %w", index, err)
	}
	raw, cp, err := tree.ReadCheckpoint(filepath.Join(dir, LogFolder))
	if err != nil {
		return fail(err)
	}
	vkey, err := entry.ReadPublic(logKey, cp.Origin)
	if err != nil {
		return fail(err)
	}
	if !entry.SignedBy(raw, vkey) {
		return fail(entry.Problemf(entry.ReasonCheckpointSignature, "the checkpoint is not signed with %s", vkey))
	}
	if index >= cp.Size {
		return fail(fmt.Errorf("the log has %d leaves, and they are counted from 0", cp.Size))
	}
	e, err := read(ctx, dir, index, cp.Size)
	if err != nil {
		return fail(err)
	}
	b, err := client.NewProofBuilder(ctx, cp.Size, client.FileFetcher{Root: filepath.Join(dir, LogFolder)}.ReadTile)
	if err != nil {
		return fail(err)
	}
	return newReceipt(ctx, b, index, e.Leaf, e.Statement, raw, cp, vkey)
}

// Consistency proves that the tree of one size is the beginning of the tree of a later
// one (RFC 6962, section 2.1.2).
func Consistency(ctx context.Context, dir string, from, to uint64) ([][]byte, error) {
	b, err := client.NewProofBuilder(ctx, to, client.FileFetcher{Root: filepath.Join(dir, LogFolder)}.ReadTile)
	if err != nil {
		return nil, fmt.Errorf("proving consistency of %d and %d leaves: %w", from, to, err)
	}
	out, err := b.ConsistencyProof(ctx, from, to)
	if err != nil {
		return nil, fmt.Errorf("proving consistency of %d and %d leaves: %w", from, to, err)
	}
	return out, nil
}

// Grew proves that a log has only grown since an earlier checkpoint: base64 hashes
// (RFC 6962, section 2.1.2), one a line, as C2SP tlog-witness sends them.
func Grew(ctx context.Context, dir string, earlier []byte, size uint64) ([]byte, error) {
	var cp log.Checkpoint
	if _, err := cp.Unmarshal(earlier); err != nil {
		return nil, fmt.Errorf("reading earlier checkpoint: %w", err)
	}
	hashes, err := Consistency(ctx, dir, cp.Size, size)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	for _, h := range hashes {
		out.WriteString(base64.StdEncoding.EncodeToString(h) + "\n")
	}
	return []byte(out.String()), nil
}
