// Package envelope opens documents without believing any of them: a Sigstore bundle,
// a DSSE envelope, a bare in-toto statement, or a signature of cosign on an image.
package envelope

import (
	"encoding/json"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/dsse"
	"github.com/gatekeep-dev/gatekeep/internal/attest/refusal"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// DSSE protocol, section "payloadType": it says how to read the payload. The first
// is what the in-toto specification names, the second what OSS Rebuild writes.
const (
	PayloadInToto    = "application/vnd.in-toto+json"
	PayloadStatement = "https://in-toto.io/Statement/v1"
)

// Bounds on one document. Each is what the largest honest input needs, several
// times over.
const (
	// MaxBytes holds the largest SBOM seen, 15 MB and a third for base64, three times.
	MaxBytes = 64 << 20
	// MaxDepth bounds nesting. SARIF and SPDX 3 stay under 40; a parser that recurses
	// is safe well beyond 256.
	MaxDepth = 256
	// MaxSignatures bounds one envelope: each is tried with every trusted key.
	MaxSignatures = 32
	// maxCertificates bounds the PEM text of one signature: a chain has three
	// certificates of some 2 KiB.
	maxCertificates = 64 << 10
)

const bundleMediaType = "application/vnd.dev.sigstore.bundle"

// Document is one that was read and not yet believed.
type Document struct {
	PayloadType string
	Payload     []byte // untrusted until authenticated
	Signatures  []Signature
	Unsigned    bool           // a bare statement
	Bundle      *bundle.Bundle // a bundle whose signer is a certificate
	Image       bool           // the payload is a simple signing document, signed as it stands
}

// Signature is one signature with what its author says of its key, which nothing
// vouches for.
type Signature struct {
	Hint string
	Sig  []byte
	Cert []byte // PEM of a certificate and its chain; of DSSE envelopes only
}

// Limits are those of one document.
func Limits() strictjson.Limits {
	return strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth}
}

// Signed is what the signatures of the document are over.
func (d *Document) Signed() *dsse.Message {
	if d.Image {
		return dsse.Raw(d.Payload)
	}
	// DSSE protocol: the signature is over PAE(UTF8(payloadType), payload), so that
	// the type is authenticated with the bytes.
	return dsse.PAE(d.PayloadType, d.Payload)
}

// HasCertificate tells whether a signature of a bare envelope carries a certificate.
func (d *Document) HasCertificate() bool {
	for _, s := range d.Signatures {
		if len(s.Cert) > 0 {
			return true
		}
	}
	return false
}

// Open reads a document without believing any of it.
func Open(data []byte) (*Document, *refusal.Refusal) {
	if len(data) > MaxBytes {
		return nil, refusal.New(gatekeep.ReasonTooLarge, "%d bytes are over the bound of %d for one document", len(data), MaxBytes)
	}
	members, err := strictjson.Members(data, Limits())
	if err != nil {
		return nil, refusal.New(gatekeep.ReasonEnvelopeMalformed, "%v; one document is one JSON object, a list of them is a .jsonl file", err)
	}
	mediaType, _ := Text(members["mediaType"])
	isBundle := strings.HasPrefix(string(mediaType), bundleMediaType)
	isImage := string(mediaType) == SimpleSigning
	_, isDSSE := members["payload"]
	_, isStatement := members["_type"]
	_, isMetablock := members["signed"]
	switch {
	case isImage && !isStatement:
		return openImage(members)
	case isBundle && !isDSSE && !isStatement:
		return openBundle(data, members)
	case isDSSE && !isBundle && !isStatement:
		return openDSSE(members)
	case isStatement && !isBundle && !isDSSE:
		return &Document{PayloadType: PayloadInToto, Payload: data, Unsigned: true}, nil
	case isMetablock && !isBundle && !isDSSE && !isStatement:
		return nil, refusal.New(gatekeep.ReasonEnvelopeMalformed, "an in-toto metablock; links count through a layout of the trust policy only")
	}
	return nil, refusal.New(gatekeep.ReasonEnvelopeMalformed, "neither a Sigstore bundle nor a DSSE envelope nor an in-toto statement")
}

// openDSSE reads a DSSE envelope. Names are matched exactly and unknown ones are
// ignored, as the protocol asks of consumers.
func openDSSE(members map[string]json.RawMessage) (*Document, *refusal.Refusal) {
	malformed := func(field string, err error) *refusal.Refusal {
		return refusal.New(gatekeep.ReasonEnvelopeMalformed, "reading DSSE envelope: %s: %v", field, err)
	}
	payloadType, err := Text(members["payloadType"])
	if err != nil {
		return nil, malformed("payloadType", err)
	}
	d := &Document{PayloadType: string(payloadType)}
	if d.Payload, err = fromBase64(members["payload"]); err != nil {
		return nil, malformed("payload", err)
	}
	var signatures []map[string]json.RawMessage
	if err := json.Unmarshal(OrNull(members["signatures"]), &signatures); err != nil {
		return nil, malformed("signatures", err)
	}
	if len(signatures) > MaxSignatures {
		return nil, refusal.New(gatekeep.ReasonTooLarge, "%d signatures are over the bound of %d", len(signatures), MaxSignatures)
	}
	for _, s := range signatures {
		sig, err := fromBase64(s["sig"])
		if err != nil {
			return nil, malformed("signatures.sig", err)
		}
		var hint []byte
		if raw, ok := s["keyid"]; ok && string(raw) != "null" {
			if hint, err = Text(raw); err != nil {
				return nil, malformed("signatures.keyid", err)
			}
		}
		cert, _ := Text(s["cert"])
		if len(cert) > maxCertificates {
			return nil, refusal.New(gatekeep.ReasonTooLarge, "certificates of %d bytes are over the bound of %d", len(cert), maxCertificates)
		}
		d.Signatures = append(d.Signatures, Signature{string(hint), sig, cert})
	}
	return d, checkPayloadType(d.PayloadType)
}

// checkPayloadType compares the whole type: what is signed as one type is never
// read as another.
func checkPayloadType(payloadType string) *refusal.Refusal {
	if payloadType != PayloadInToto && payloadType != PayloadStatement {
		return refusal.New(gatekeep.ReasonEnvelopeMalformed, "payload type %.100q is no in-toto statement", payloadType)
	}
	return nil
}
