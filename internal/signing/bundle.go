package signing

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"github.com/sigstore/sigstore-go/pkg/bundle"

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
}

// hint names a key in a bundle as cosign does (internal/key/svkeypair.go of cosign
// 2.6): the base64 of the SHA-256 of the DER form.
func hint(key crypto.PublicKey) (string, error) {
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
	if signer == nil {
		return nil, errors.New("signing statement: no key given")
	}
	if !json.Valid(statement) {
		return nil, errors.New("signing statement: it is not JSON")
	}
	// DSSE protocol, "Signature Definition":
	//   SIGNATURE = Sign(PAE(UTF8(PAYLOAD_TYPE), SERIALIZED_BODY))
	made, err := signer.Sign(dsse.PAE(PayloadType, statement))
	if err != nil {
		return nil, fmt.Errorf("signing statement: %w", err)
	}
	named, err := hint(signer.Public())
	if err != nil {
		return nil, fmt.Errorf("signing statement: %w", err)
	}
	return Envelope{PayloadType: PayloadType, Payload: statement, Signature: made, Hint: named}.Bundle()
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

// ParseBundle reads a Sigstore bundle v0.3 that was signed with a key, without
// believing any of it. Errors wrap ErrMalformed. Log entries and timestamps that it
// may carry are left aside: the key that the caller pins is the trust.
func ParseBundle(data []byte) (Envelope, error) {
	malformed := func(format string, args ...any) (Envelope, error) {
		return Envelope{}, fmt.Errorf("reading bundle: %w: %w", ErrMalformed, fmt.Errorf(format, args...))
	}
	if err := strictjson.Check(data, strictjson.Limits{Bytes: MaxBundleBytes, Depth: maxBundleDepth}); err != nil {
		return malformed("%w", err)
	}
	var b bundle.Bundle
	if err := b.UnmarshalJSON(data); err != nil {
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
	return Envelope{
		PayloadType: envelope.GetPayloadType(), Payload: envelope.GetPayload(),
		Signature: envelope.GetSignatures()[0].GetSig(), Hint: key.GetHint(),
	}, nil
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
	own, err := hint(key)
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
