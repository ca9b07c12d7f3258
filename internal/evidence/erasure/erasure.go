// Package erasure is the proof that a person was erased from evidence: a statement of the
// gate, in the log that holds its decisions.
package erasure

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/sigstore"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/archive"
	"github.com/gatekeep-dev/gatekeep/internal/evidence/logged"
	"github.com/gatekeep-dev/gatekeep/internal/ledger/entry"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// Folder is where a bundle keeps proofs.
const Folder = "erasures/"

// The two files of a proof, after the commitment to the person: what was stated, and the
// Sigstore bundle over it.
const (
	stated = ".json"
	proved = ".sigstore.json"
)

// Paths are those of the two files, in a bundle.
func Paths(id string) (body, proof string) { return Folder + id + stated, Folder + id + proved }

// IDOf is the commitment that the path of either file names, or false.
func IDOf(path string) (id string, ok bool) {
	name, ok := strings.CutPrefix(path, Folder)
	if !ok {
		return "", false
	}
	if id, ok := strings.CutSuffix(name, proved); ok {
		return id, true
	}
	return strings.CutSuffix(name, stated)
}

// Body is what the ledger states: that this person was erased. It is in its canonical
// form (RFC 8785), so that stock tools verify it as a file.
func Body(id string) json.RawMessage { return fmt.Appendf(nil, `{"person":%q}`, id) }

// Verifier is what a verifier brings: the key of the gate, the trusted root with the keys
// of log and authority, and the name of the log.
type Verifier struct {
	Key    crypto.PublicKey
	Root   *sigstore.Root
	Origin string
}

// Check verifies the proof that one person was erased.
func (v Verifier) Check(id string, body, proof []byte) error {
	if v.Key == nil || v.Root == nil || v.Origin == "" {
		return errors.New("the key of the gate and the trusted root of its log are wanted")
	}
	e, err := signing.ParseBundle(proof)
	if err != nil {
		return err
	}
	// Only the layout that a gate writes is read: elsewhere a byte could change and nothing
	// would notice.
	if again, err := e.Bundle(); err != nil || !bytes.Equal(again, proof) {
		return errors.New("it is not laid out as a gate writes it")
	}
	if e.Entry == nil {
		return errors.New("no log holds it")
	}
	if !bytes.Equal(body, Body(id)) {
		return fmt.Errorf("its body is not that of an erasure of %.80q", id)
	}
	m, err := entry.ReadStatement(e.Payload)
	if err != nil {
		return err
	}
	if m.Kind != entry.Erasure || !bytes.Equal(m.Body, body) {
		return fmt.Errorf("it is a statement of kind %.80q, of something else", m.Kind)
	}
	if err := logged.Place(v.Origin, e.Entry).Check(e.Payload, e.Signature, v.Key); err != nil {
		return err
	}
	bundle, why := sigstore.ReadBundle(proof)
	if why == nil {
		why = v.Root.VerifyKey(bundle, v.Key, sigstore.Content{})
	}
	if why != nil {
		return archive.Refuse(string(why.Reason), "", "%s", why.Detail)
	}
	return nil
}
