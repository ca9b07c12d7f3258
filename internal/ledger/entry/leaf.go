// Package entry says what a ledger holds: statements, the leaves that commit to them,
// the keys that sign, and the chain of rules that each leaf must follow after the ones
// before it. It reads and writes no file.
package entry

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Bounds of a leaf. C2SP tlog-tiles gives 65,535 bytes to an entry; one of ours holds
// a digest, a signature and a key.
const (
	maxLeafBytes = 4 << 10
	maxLeafDepth = 8 // entry, spec, hashedRekordV002, signature, verifier, publicKey
)

// payloadType is that of every statement that is logged.
const payloadType = "application/vnd.in-toto+json"

// Kind and version of a leaf as Rekor names them (rekor-tiles v2, entry.proto).
const (
	LeafKind    = "hashedrekord"
	LeafVersion = "0.0.2"
)

// Leaf is one entry of the log: who signed which bytes. Data is the digest of the DSSE
// pre-authentication encoding of a statement.
type Leaf struct {
	Data      []byte // SHA-256 (or SHA-384 with P-384) of the PAE
	Signature []byte // ASN.1 ECDSA over the PAE
	Key       []byte // public key, PKIX DER
}

// scheme is what Rekor calls a kind of key, and the hash that goes with it.
type scheme struct {
	details string // common.v1.PublicKeyDetails
	hash    string // common.v1.HashAlgorithm
	sum     func([]byte) []byte
}

// schemeOf knows the keys that stock verifiers read in a Rekor v2 entry and whose
// signatures are over a digest.
func schemeOf(key crypto.PublicKey) (scheme, error) {
	public, ok := key.(*ecdsa.PublicKey)
	switch {
	case ok && public.Curve == elliptic.P256():
		return scheme{"PKIX_ECDSA_P256_SHA_256", "SHA2_256", func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }}, nil
	case ok && public.Curve == elliptic.P384():
		return scheme{"PKIX_ECDSA_P384_SHA_384", "SHA2_384", func(b []byte) []byte { s := sha512.Sum384(b); return s[:] }}, nil
	}
	return scheme{}, fmt.Errorf("the key is a %T; entries are signed with ECDSA P-256 or P-384 (make one with `gatekeep key generate`)", key)
}

// CheckKey tells whether entries can be signed with a key.
func CheckKey(key crypto.PublicKey) error {
	_, err := schemeOf(key)
	return err
}

// PAE is the DSSE pre-authentication encoding (DSSE protocol, "Signature Definition"):
//
//	PAE(type, body) = "DSSEv1" + SP + LEN(type) + SP + type + SP + LEN(body) + SP + body
func PAE(statement []byte) []byte {
	out := []byte("DSSEv1 " + strconv.Itoa(len(payloadType)) + " " + payloadType + " " + strconv.Itoa(len(statement)) + " ")
	return append(out, statement...)
}

// leafJSON is a hashedrekord 0.0.2 as Rekor v2 writes it.
type leafJSON struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Spec       struct {
		Record struct {
			Data struct {
				Algorithm string `json:"algorithm"`
				Digest    []byte `json:"digest"`
			} `json:"data"`
			Signature struct {
				Content  []byte `json:"content"`
				Verifier struct {
					KeyDetails string `json:"keyDetails"`
					PublicKey  struct {
						RawBytes []byte `json:"rawBytes"`
					} `json:"publicKey"`
				} `json:"verifier"`
			} `json:"signature"`
		} `json:"hashedRekordV002"`
	} `json:"spec"`
}

// NewLeaf is the leaf of a statement and its signature; it does not check them.
func NewLeaf(statement, signature []byte, key crypto.PublicKey) (Leaf, error) {
	s, err := schemeOf(key)
	if err != nil {
		return Leaf{}, err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return Leaf{}, err
	}
	return Leaf{Data: s.sum(PAE(statement)), Signature: signature, Key: der}, nil
}

// Marshal is the leaf in the canonical form (RFC 8785) that is logged.
func (l Leaf) Marshal() ([]byte, error) {
	key, err := x509.ParsePKIXPublicKey(l.Key)
	if err != nil {
		return nil, fmt.Errorf("writing leaf: %w", err)
	}
	s, err := schemeOf(key)
	if err != nil {
		return nil, fmt.Errorf("writing leaf: %w", err)
	}
	doc := leafJSON{APIVersion: LeafVersion, Kind: LeafKind}
	r := &doc.Spec.Record
	r.Data.Algorithm, r.Data.Digest = s.hash, l.Data
	r.Signature.Content = l.Signature
	r.Signature.Verifier.KeyDetails, r.Signature.Verifier.PublicKey.RawBytes = s.details, l.Key
	out, _, err := digest.JCS(doc)
	if err != nil {
		return nil, fmt.Errorf("writing leaf: %w", err)
	}
	return out, nil
}

// ParseLeaf reads a leaf. Any other form than the canonical one is an error: two
// spellings of one entry would be two leaves.
func ParseLeaf(data []byte) (Leaf, error) {
	fail := func(err error) (Leaf, error) { return Leaf{}, fmt.Errorf("reading leaf: %w", err) }
	var doc leafJSON
	if err := strictjson.Unmarshal(data, strictjson.Limits{Bytes: maxLeafBytes, Depth: maxLeafDepth}, &doc); err != nil {
		return fail(err)
	}
	r := doc.Spec.Record
	l := Leaf{Data: r.Data.Digest, Signature: r.Signature.Content, Key: r.Signature.Verifier.PublicKey.RawBytes}
	if doc.Kind != LeafKind || doc.APIVersion != LeafVersion {
		return fail(fmt.Errorf("it is %q %q and not %s %s", doc.Kind, doc.APIVersion, LeafKind, LeafVersion))
	}
	again, err := l.Marshal()
	if err != nil {
		return fail(err)
	}
	if !bytes.Equal(again, data) {
		return fail(errors.New("not in canonical form"))
	}
	return l, nil
}

// Verify tells whether the leaf is that of a statement: the digest is its, and the key
// in the leaf made the signature over it. Whether the key is to be trusted is another
// question. Errors are of type *Problem.
func (l Leaf) Verify(statement []byte) error {
	key, err := x509.ParsePKIXPublicKey(l.Key)
	if err != nil {
		return Problemf(ReasonLeafMalformed, "its key cannot be read: %v", err)
	}
	s, err := schemeOf(key)
	if err != nil {
		return Problemf(ReasonLeafMalformed, "%v", err)
	}
	// rekor-tiles v2, hashedrekord of a DSSE envelope: the digest is over the PAE.
	if !bytes.Equal(s.sum(PAE(statement)), l.Data) {
		return Problemf(ReasonEntryAltered, "the statement in %s is not the one that was logged", File(l.Data))
	}
	if !ecdsa.VerifyASN1(key.(*ecdsa.PublicKey), l.Data, l.Signature) {
		return Problemf(ReasonEntrySignature, "key %s did not sign the statement in %s", Fingerprint(l.Key), File(l.Data))
	}
	return nil
}

// Fingerprint names a key: SHA-256 of its DER form, in hex.
func Fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

// File is the name of the file that holds the statement of a leaf.
func File(data []byte) string {
	if len(data) == sha256.Size {
		return "sha256-" + hex.EncodeToString(data)
	}
	return "sha384-" + hex.EncodeToString(data)
}

// Canonical is JSON in canonical form.
func Canonical(raw json.RawMessage) ([]byte, error) {
	out, _, err := digest.JCS(raw)
	return out, err
}
