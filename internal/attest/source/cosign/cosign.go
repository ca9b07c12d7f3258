// Package cosign puts together what cosign up to version 2 stores apart: a layer, and
// beside it, in annotations, the signature, certificate and proofs of the layer. It
// verifies nothing. cosign specs/SIGNATURE_SPEC.md and specs/ATTESTATION_SPEC.md.
package cosign

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/sigstore/cosign/v2/pkg/oci/static"

	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Media types of a layer, and of what is made of it.
const (
	// MediaSimpleSigning is that of a layer that names an image; the signature is of
	// its bytes.
	MediaSimpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json"
	// MediaSignature is that of such a layer together with its signature:
	// {"mediaType", "payload" (base64), "bundle"}.
	MediaSignature = "application/vnd.gatekeep.simplesigning.v1+json"
	// MediaBundle is that of a Sigstore bundle 0.1, which may rest on the promise of
	// a log to include the entry. cosign kept no more than that.
	MediaBundle = "application/vnd.dev.sigstore.bundle+json;version=0.1"
	// MediaDSSE is that of a DSSE envelope.
	MediaDSSE = "application/vnd.dsse.envelope.v1+json"
)

// Bounds on what annotations may hold.
const (
	// MaxCertificates of one annotation. Fulcio's chains have three; RFC 5280 names
	// no limit, and verifiers give up long before eight.
	MaxCertificates = 8

	depth = 64 // of JSON; an envelope has three levels, a log entry six
)

// Attestation puts an attestation together: the Sigstore bundle of a DSSE envelope
// that was signed with a certificate. One that was signed with a key alone comes back
// as it is, with MediaDSSE. The same input gives the same bytes. An error says which
// annotation cannot be read.
func Attestation(layer []byte, annotations map[string]string) (document []byte, mediaType string, err error) {
	if annotations[static.CertificateAnnotationKey] == "" {
		return layer, MediaDSSE, nil
	}
	var content envelope
	if err := strictjson.Unmarshal(layer, strictjson.Limits{Bytes: attest.EnvelopeBytes, Depth: depth}, &content); err != nil {
		return nil, "", fmt.Errorf("reading DSSE envelope: %w", err)
	}
	m, err := materialOf(annotations)
	if err != nil {
		return nil, "", err
	}
	document, err = json.Marshal(bundle{MediaType: MediaBundle, Material: m, Envelope: &content})
	return document, MediaBundle, err
}

// Signature puts an image signature together: the signed document, and the Sigstore
// bundle of its signature. One without certificate names its key with an empty hint.
// The same input gives the same bytes. An error says which annotation cannot be read.
func Signature(layer []byte, annotations map[string]string) (document []byte, mediaType string, err error) {
	sig, err := base64.StdEncoding.Strict().DecodeString(annotations[static.SignatureAnnotationKey])
	if err == nil && len(sig) == 0 {
		err = errors.New("is missing")
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading annotation %s: %w", static.SignatureAnnotationKey, err)
	}
	m, err := materialOf(annotations)
	if err != nil {
		return nil, "", err
	}
	if m.Chain == nil {
		m.PublicKey = &publicKey{}
	}
	sum := sha256.Sum256(layer)
	document, err = json.Marshal(signed{MediaSignature, layer, bundle{
		MediaType: MediaBundle, Material: m, Message: &message{messageDigest{"SHA2_256", sum[:]}, sig},
	}})
	return document, MediaSignature, err
}

// materialOf reads what proves a signature: certificates, log entry and timestamp.
func materialOf(annotations map[string]string) (material, error) {
	var m material
	for _, step := range []struct {
		key  string
		read func(*material, string) error
	}{
		{static.CertificateAnnotationKey, (*material).certificate},
		{static.ChainAnnotationKey, (*material).chain},
		{static.BundleAnnotationKey, (*material).entry},
		{static.RFC3161TimestampAnnotationKey, (*material).timestamp},
	} {
		if annotations[step.key] == "" {
			continue
		}
		if err := step.read(&m, annotations[step.key]); err != nil {
			return material{}, fmt.Errorf("reading annotation %s: %w", step.key, err)
		}
	}
	return m, nil
}

func (m *material) certificate(text string) error {
	certificates, err := certificatesOf(text)
	if err != nil {
		return err
	}
	m.Chain = &chain{certificates}
	return nil
}

// chain adds what issued the certificate. Without a certificate it says nothing. The
// root at its end is left out: Sigstore bundle, field x509_certificate_chain, and a
// root is trusted because it is known, not because it was sent.
func (m *material) chain(text string) error {
	certificates, err := certificatesOf(text)
	if err != nil || m.Chain == nil {
		return err
	}
	for _, c := range certificates {
		if !c.selfSigned() {
			m.Chain.Certificates = append(m.Chain.Certificates, c)
		}
	}
	return nil
}

func certificatesOf(text string) ([]certificate, error) {
	var all []certificate
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("it holds a PEM block of type %.40q", block.Type)
		}
		if all = append(all, certificate{block.Bytes}); len(all) > MaxCertificates {
			return nil, fmt.Errorf("more than %d certificates", MaxCertificates)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("it holds no certificate in PEM")
	}
	return all, nil
}

// rekorBundle is what cosign kept of the log's answer.
type rekorBundle struct {
	SignedEntryTimestamp []byte
	Payload              struct {
		Body           []byte `json:"body"`
		IntegratedTime int64  `json:"integratedTime"`
		LogIndex       int64  `json:"logIndex"`
		LogID          string `json:"logID"` // hex of the SHA-256 of the log's key
	}
}

func (m *material) entry(text string) error {
	limits := strictjson.Limits{Bytes: int64(len(text)), Depth: depth}
	var kept rekorBundle
	if err := strictjson.Unmarshal([]byte(text), limits, &kept); err != nil {
		return err
	}
	id, err := hex.DecodeString(kept.Payload.LogID)
	if err != nil {
		return fmt.Errorf("logID: %w", err)
	}
	var version struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
	}
	if err := strictjson.Unmarshal(kept.Payload.Body, limits, &version); err != nil {
		return fmt.Errorf("body: %w", err)
	}
	m.Entries = []logEntry{{
		LogIndex: kept.Payload.LogIndex, LogID: logID{id}, KindVersion: kindVersion{version.Kind, version.APIVersion},
		IntegratedTime: kept.Payload.IntegratedTime, Promise: promise{kept.SignedEntryTimestamp}, Body: kept.Payload.Body,
	}}
	return nil
}

func (m *material) timestamp(text string) error {
	var kept struct {
		SignedRFC3161Timestamp []byte
	}
	if err := strictjson.Unmarshal([]byte(text), strictjson.Limits{Bytes: int64(len(text)), Depth: depth}, &kept); err != nil {
		return err
	}
	if len(kept.SignedRFC3161Timestamp) == 0 {
		return errors.New("it holds no timestamp")
	}
	m.Timestamps = &timestamps{[]timestamp{{kept.SignedRFC3161Timestamp}}}
	return nil
}
