package signing

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Names of the formats.
const (
	BundleMediaType    = "application/vnd.dev.sigstore.bundle.v0.3+json"
	bundleMediaTypeOld = "application/vnd.dev.sigstore.bundle+json;version=0.3" // the other spelling of v0.3
	PayloadType        = "application/vnd.in-toto+json"
)

// Bounds of a bundle: a statement with a subject for each of 1,024 artifacts and a
// digest for each of 20,000 inputs is some 4 MiB, in base64 a third more.
const (
	MaxBundleBytes = 64 << 20
	maxBundleDepth = 32 // a bundle is a few levels deep; its statement is a string in it
)

// Sentinels for why a bundle does not verify.
var (
	// ErrMalformed is a bundle that cannot be read as one.
	ErrMalformed = errors.New("malformed bundle")
	// ErrSignature is a signature that its own key does not verify.
	ErrSignature = errors.New("invalid signature")
	// ErrSigner is a signature by another key than the one that was given.
	ErrSigner = errors.New("signed with another key")
)

// Envelope is what a bundle that was signed with a key says. Nothing in it is to be
// believed before Verify returns nil.
type Envelope struct {
	PayloadType string
	Payload     []byte // the statement
	Signature   []byte
	Hint        string // names the key; nothing vouches for it
	Entry       *Entry // of a transparency log; nil where it carries none
	Stamp       []byte // RFC 3161 response over the signature; nil where it carries none
}

// Entry proves that a transparency log keeps the signature: sigstore_rekor.proto,
// TransparencyLogEntry, with the members that a log without clock fills.
type Entry struct {
	Kind, Version string // of the body, such as hashedrekord 0.0.2
	LogID         []byte
	Index         int64
	Size          int64    // of the tree that the proof is in
	Root          []byte   // of that tree
	Hashes        [][]byte // RFC 6962, section 2.1.1: from the leaf up
	Checkpoint    string   // signed note over that tree
	Body          []byte   // the leaf, canonical JSON
}

// Hint names a key in a bundle as cosign does (internal/key/svkeypair.go of cosign
// 2.6): the base64 of the SHA-256 of the DER form.
func Hint(key crypto.PublicKey) (string, error) {
	sum, err := fingerprint(key)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(sum), nil
}

// SignStatement signs an in-toto statement, given as JSON, and returns a Sigstore
// bundle v0.3 with one DSSE signature and a hint of the key. The statement's bytes
// stay as they are. The layout is fixed: one signer and statement give one bundle,
// where the signature algorithm is deterministic.
func SignStatement(signer Signer, statement []byte) ([]byte, error) {
	e, err := Seal(signer, statement)
	if err != nil {
		return nil, err
	}
	return e.Bundle()
}

// Seal is SignStatement before the bundle is written, so that an entry of a log and a
// timestamp can be added.
func Seal(signer Signer, statement []byte) (Envelope, error) {
	fail := func(err error) (Envelope, error) { return Envelope{}, fmt.Errorf("signing statement: %w", err) }
	if signer == nil {
		return fail(errors.New("no key given"))
	}
	if !json.Valid(statement) {
		return fail(errors.New("it is not JSON"))
	}
	// DSSE protocol, "Signature Definition":
	//   SIGNATURE = Sign(PAE(UTF8(PAYLOAD_TYPE), SERIALIZED_BODY))
	made, err := signer.Sign(dsse.PAE(PayloadType, statement))
	if err != nil {
		return fail(err)
	}
	named, err := Hint(signer.Public())
	if err != nil {
		return fail(err)
	}
	return Envelope{PayloadType: PayloadType, Payload: statement, Signature: made, Hint: named}, nil
}

// The JSON form of a bundle as SignStatement writes it: sigstore_bundle.proto with
// only the members that a signature with a key has.
type bundleJSON struct {
	MediaType            string       `json:"mediaType"`
	VerificationMaterial materialJSON `json:"verificationMaterial"`
	DSSEEnvelope         envelopeJSON `json:"dsseEnvelope"`
}

type materialJSON struct {
	PublicKey struct {
		Hint string `json:"hint"`
	} `json:"publicKey"`
	Entries []entryJSON `json:"tlogEntries,omitempty"`
	Stamps  *stampsJSON `json:"timestampVerificationData,omitempty"`
}

// entryJSON is a TransparencyLogEntry as ProtoJSON writes it: integers of 64 bits are
// strings.
type entryJSON struct {
	LogIndex int64 `json:"logIndex,string"`
	LogID    struct {
		KeyID []byte `json:"keyId"`
	} `json:"logId"`
	KindVersion struct {
		Kind    string `json:"kind"`
		Version string `json:"version"`
	} `json:"kindVersion"`
	Proof struct {
		LogIndex   int64    `json:"logIndex,string"`
		RootHash   []byte   `json:"rootHash"`
		TreeSize   int64    `json:"treeSize,string"`
		Hashes     [][]byte `json:"hashes,omitempty"`
		Checkpoint struct {
			Envelope string `json:"envelope"`
		} `json:"checkpoint"`
	} `json:"inclusionProof"`
	Body []byte `json:"canonicalizedBody"`
}

type stampsJSON struct {
	RFC3161 [1]struct {
		Signed []byte `json:"signedTimestamp"`
	} `json:"rfc3161Timestamps"`
}

type envelopeJSON struct {
	Payload     []byte          `json:"payload"`
	PayloadType string          `json:"payloadType"`
	Signatures  []signatureJSON `json:"signatures"`
}

// signatureJSON leaves keyid out: cosign refuses any but its own library's form.
type signatureJSON struct {
	Sig []byte `json:"sig"`
}

// Bundle is the envelope in the one layout that SignStatement writes.
func (e Envelope) Bundle() ([]byte, error) {
	var b bundleJSON
	b.MediaType = BundleMediaType
	b.VerificationMaterial.PublicKey.Hint = e.Hint
	b.VerificationMaterial.Entries = entriesOf(e.Entry)
	if e.Stamp != nil {
		b.VerificationMaterial.Stamps = new(stampsJSON)
		b.VerificationMaterial.Stamps.RFC3161[0].Signed = e.Stamp
	}
	b.DSSEEnvelope = envelopeJSON{
		Payload: e.Payload, PayloadType: e.PayloadType, Signatures: []signatureJSON{{Sig: e.Signature}},
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(b); err != nil {
		return nil, fmt.Errorf("writing bundle: %w", err)
	}
	return out.Bytes(), nil
}

func entriesOf(e *Entry) []entryJSON {
	if e == nil {
		return nil
	}
	var j entryJSON
	j.LogIndex, j.LogID.KeyID, j.Body = e.Index, e.LogID, e.Body
	j.KindVersion.Kind, j.KindVersion.Version = e.Kind, e.Version
	j.Proof.LogIndex, j.Proof.TreeSize, j.Proof.RootHash, j.Proof.Hashes = e.Index, e.Size, e.Root, e.Hashes
	j.Proof.Checkpoint.Envelope = e.Checkpoint
	return []entryJSON{j}
}

// ParseBundle reads a Sigstore bundle v0.3 that was signed with a key, without
// believing any of it. Errors wrap ErrMalformed. Of log entries and timestamps it
// reads the first: what else there is shows in that Bundle writes other bytes.
func ParseBundle(data []byte) (Envelope, error) {
	malformed := func(format string, args ...any) (Envelope, error) {
		return Envelope{}, fmt.Errorf("reading bundle: %w: %w", ErrMalformed, fmt.Errorf(format, args...))
	}
	if err := strictjson.Check(data, strictjson.Limits{Bytes: MaxBundleBytes, Depth: maxBundleDepth}); err != nil {
		return malformed("%w", err)
	}
	pb := new(bundlepb.Bundle)
	if err := protojson.Unmarshal(data, pb); err != nil {
		return malformed("%w", err)
	}
	// The library checks signatures as it reads log entries, with whatever keys stand in
	// them, so it is not shown them.
	entries := pb.GetVerificationMaterial().GetTlogEntries()
	if material := pb.GetVerificationMaterial(); material != nil {
		material.TlogEntries = nil
	}
	b, err := bundle.NewBundle(pb)
	if err != nil {
		return malformed("%w", err)
	}
	if b.MediaType != BundleMediaType && b.MediaType != bundleMediaTypeOld {
		return malformed("media type %q is not read; want %q", b.MediaType, BundleMediaType)
	}
	key := b.GetVerificationMaterial().GetPublicKey()
	if key == nil {
		return malformed("it was signed with a certificate; a signature with a key is wanted")
	}
	envelope := b.GetDsseEnvelope()
	if envelope == nil {
		return malformed("it holds no DSSE envelope")
	}
	// sigstore_bundle.proto: "During verification a client MUST reject an envelope if
	// the number of signatures is not equal to one."
	if n := len(envelope.GetSignatures()); n != 1 {
		return malformed("it holds %d signatures; it must hold one", n)
	}
	e := Envelope{
		PayloadType: envelope.GetPayloadType(), Payload: envelope.GetPayload(),
		Signature: envelope.GetSignatures()[0].GetSig(), Hint: key.GetHint(),
	}
	if len(entries) > 0 {
		e.Entry = entryOf(entries[0])
	}
	if stamps := b.GetVerificationMaterial().GetTimestampVerificationData().GetRfc3161Timestamps(); len(stamps) > 0 {
		e.Stamp = stamps[0].GetSignedTimestamp()
	}
	return e, nil
}

func entryOf(e *protorekor.TransparencyLogEntry) *Entry {
	proof := e.GetInclusionProof()
	return &Entry{
		Kind: e.GetKindVersion().GetKind(), Version: e.GetKindVersion().GetVersion(), LogID: e.GetLogId().GetKeyId(),
		Index: e.GetLogIndex(), Size: proof.GetTreeSize(), Root: proof.GetRootHash(), Hashes: proof.GetHashes(),
		Checkpoint: proof.GetCheckpoint().GetEnvelope(), Body: e.GetCanonicalizedBody(),
	}
}

// Verify tells whether key made the signature over an in-toto statement. Errors wrap
// ErrMalformed, ErrSigner or ErrSignature.
func (e Envelope) Verify(key crypto.PublicKey) error {
	// sigstore_bundle.proto: "Verifiers must verify that the payload type is a
	// supported and expected type. This is part of the DSSE protocol".
	if e.PayloadType != PayloadType {
		return fmt.Errorf("verifying bundle: %w: payload type %q is not %q", ErrMalformed, e.PayloadType, PayloadType)
	}
	// DSSE protocol, "Signature Definition": the signature is over
	// PAE(UTF8(PAYLOAD_TYPE), SERIALIZED_BODY), which authenticates the type with the
	// bytes.
	ok, err := verifies(key, dsse.PAE(e.PayloadType, e.Payload), e.Signature)
	if err != nil {
		return fmt.Errorf("verifying bundle: %w", err)
	}
	if ok {
		return nil
	}
	// The hint is unauthenticated and decides nothing; it only helps to say which of
	// two mistakes this is.
	if !e.Names(key) {
		return fmt.Errorf("verifying bundle: %w: it names key %q, and %s does not verify it", ErrSigner, e.Hint, KeyID(key))
	}
	return fmt.Errorf("verifying bundle: %w: what key %s signed has been changed", ErrSignature, KeyID(key))
}

// Names tells whether the hint is that of key. It proves nothing.
func (e Envelope) Names(key crypto.PublicKey) bool {
	own, err := Hint(key)
	return err == nil && own == e.Hint
}

// VerifyBundle checks a Sigstore bundle against a key and returns the statement
// that it signs, as JSON. Errors wrap ErrMalformed, ErrSigner or ErrSignature.
func VerifyBundle(data []byte, key crypto.PublicKey) ([]byte, error) {
	envelope, err := ParseBundle(data)
	if err != nil {
		return nil, err
	}
	if err := envelope.Verify(key); err != nil {
		return nil, err
	}
	return envelope.Payload, nil
}
