package attest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// DSSE protocol, section "payloadType": it says how to read the payload. The first
// is what the in-toto specification names, the second what OSS Rebuild writes.
const (
	payloadInToto    = "application/vnd.in-toto+json"
	payloadStatement = "https://in-toto.io/Statement/v1"
)

const bundleMediaType = "application/vnd.dev.sigstore.bundle"

// envelope is a document that was read and not yet believed.
type envelope struct {
	payloadType string
	payload     []byte // of a statement; untrusted until authenticated
	signatures  []rawSignature
	unsigned    bool           // a bare statement
	certificate *bundle.Bundle // a bundle whose signer is a certificate
	bareCert    bool           // a DSSE signature that carries a certificate, without log or timestamp
}

// rawSignature is one signature with the hint of its key, which nothing vouches for.
type rawSignature struct {
	hint string
	sig  []byte
}

// limits are those of one document.
func limits() strictjson.Limits {
	return strictjson.Limits{Bytes: EnvelopeBytes, Depth: JSONDepth}
}

// open reads a document without believing any of it.
func open(data []byte) (*envelope, *refusal) {
	if len(data) > EnvelopeBytes {
		return nil, refuse(gatekeep.ReasonTooLarge, "%d bytes are over the bound of %d for one document", len(data), EnvelopeBytes)
	}
	members, err := strictjson.Members(data, limits())
	if err != nil {
		return nil, refuse(gatekeep.ReasonEnvelopeMalformed, "%v; one document is one JSON object, a list of them is a .jsonl file", err)
	}
	mediaType, _ := text(members["mediaType"])
	isBundle := strings.HasPrefix(string(mediaType), bundleMediaType)
	_, isDSSE := members["payload"]
	_, isStatement := members["_type"]
	switch {
	case isBundle && !isDSSE && !isStatement:
		return openBundle(data, members)
	case isDSSE && !isBundle && !isStatement:
		return openDSSE(members)
	case isStatement && !isBundle && !isDSSE:
		return &envelope{payloadType: payloadInToto, payload: data, unsigned: true}, nil
	}
	return nil, refuse(gatekeep.ReasonEnvelopeMalformed, "neither a Sigstore bundle nor a DSSE envelope nor an in-toto statement")
}

// readBundle is bundle.UnmarshalJSON. The payload, which is nearly all of a large
// document, is decoded beside it: to carry it through protobuf takes a tenth of the
// time of a whole check. What is not plainly base64 goes the whole way.
func readBundle(data []byte, members map[string]json.RawMessage) (*bundle.Bundle, error) {
	b := new(bundle.Bundle)
	short, payload, ok := withoutPayload(members)
	if !ok {
		return b, b.UnmarshalJSON(data)
	}
	if err := b.UnmarshalJSON(short); err != nil {
		return nil, err
	}
	content := b.GetDsseEnvelope()
	if content == nil {
		return nil, errors.New("the DSSE envelope is null")
	}
	content.Payload = payload
	return b, nil
}

// withoutPayload is the same bundle with an empty payload, and the payload. Names
// stand once in each object (strictjson), so there is no other payload to mistake.
func withoutPayload(members map[string]json.RawMessage) (short, payload []byte, ok bool) {
	inner, err := strictjson.Members(members["dsseEnvelope"], limits())
	if err != nil {
		return nil, nil, false
	}
	if payload, err = fromBase64(inner["payload"]); err != nil {
		return nil, nil, false
	}
	inner["payload"] = json.RawMessage(`""`)
	outer := maps.Clone(members)
	if outer["dsseEnvelope"], err = json.Marshal(inner); err != nil {
		return nil, nil, false
	}
	short, err = json.Marshal(outer)
	return short, payload, err == nil
}

func openBundle(data []byte, members map[string]json.RawMessage) (*envelope, *refusal) {
	b, err := readBundle(data, members)
	if err != nil {
		return nil, refuse(gatekeep.ReasonEnvelopeMalformed, "reading Sigstore bundle: %v", err)
	}
	content := b.GetDsseEnvelope()
	if content == nil {
		return nil, refuse(gatekeep.ReasonEnvelopeMalformed, "the bundle signs the bytes of a file, not a statement about it")
	}
	// Sigstore bundle, field dsse_envelope: the envelope MUST hold exactly one
	// signature. The log entry and the timestamps speak of that one only.
	if n := len(content.GetSignatures()); n != 1 {
		return nil, refuse(gatekeep.ReasonEnvelopeMalformed, "the bundle holds %d signatures; it must hold one", n)
	}
	sig := content.GetSignatures()[0]
	e := &envelope{payloadType: content.GetPayloadType(), payload: content.GetPayload()}
	if key := b.GetVerificationMaterial().GetPublicKey(); key != nil {
		hint := key.GetHint()
		if hint == "" {
			hint = sig.GetKeyid()
		}
		e.signatures = []rawSignature{{hint, sig.GetSig()}}
		return e, checkPayloadType(e.payloadType)
	}
	// Sigstore clients read one payload type; the other occurs in bare envelopes only.
	if e.certificate = b; e.payloadType == payloadStatement {
		return nil, refuse(gatekeep.ReasonEnvelopeMalformed, "payload type %q has no place in a bundle with a certificate", e.payloadType)
	}
	return e, checkPayloadType(e.payloadType)
}

// openDSSE reads a DSSE envelope. Names are matched exactly and unknown ones are
// ignored, as the protocol asks of consumers.
func openDSSE(members map[string]json.RawMessage) (*envelope, *refusal) {
	malformed := func(field string, err error) *refusal {
		return refuse(gatekeep.ReasonEnvelopeMalformed, "reading DSSE envelope: %s: %v", field, err)
	}
	payloadType, err := text(members["payloadType"])
	if err != nil {
		return nil, malformed("payloadType", err)
	}
	e := &envelope{payloadType: string(payloadType)}
	if e.payload, err = fromBase64(members["payload"]); err != nil {
		return nil, malformed("payload", err)
	}
	var signatures []map[string]json.RawMessage
	if err := json.Unmarshal(orNull(members["signatures"]), &signatures); err != nil {
		return nil, malformed("signatures", err)
	}
	if len(signatures) > MaxSignatures {
		return nil, refuse(gatekeep.ReasonTooLarge, "%d signatures are over the bound of %d", len(signatures), MaxSignatures)
	}
	for _, s := range signatures {
		sig, err := fromBase64(s["sig"])
		if err != nil {
			return nil, malformed("signatures.sig", err)
		}
		var hint []byte
		if raw, ok := s["keyid"]; ok && string(raw) != "null" {
			if hint, err = text(raw); err != nil {
				return nil, malformed("signatures.keyid", err)
			}
		}
		if cert, _ := text(s["cert"]); len(cert) > 0 {
			e.bareCert = true
		}
		e.signatures = append(e.signatures, rawSignature{string(hint), sig})
	}
	return e, checkPayloadType(e.payloadType)
}

// checkPayloadType compares the whole type: what is signed as one type is never
// read as another.
func checkPayloadType(payloadType string) *refusal {
	if payloadType != payloadInToto && payloadType != payloadStatement {
		return refuse(gatekeep.ReasonEnvelopeMalformed, "payload type %.100q is no in-toto statement", payloadType)
	}
	return nil
}

func orNull(raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return []byte("null")
	}
	return raw
}

var errNotText = errors.New("is missing or no text")

// text is a JSON string without its quotes. Where it has no escapes, which is all
// of base64, nothing is copied.
func text(raw json.RawMessage) ([]byte, error) {
	if len(raw) < 2 || raw[0] != '"' {
		return nil, errNotText
	}
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return inner, nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, errNotText
	}
	return []byte(s), nil
}

// fromBase64 reads a JSON string of base64. DSSE protocol: either standard or
// URL-safe encoding is allowed. Both are read strictly, padded or not: no line
// breaks, no stray bits.
func fromBase64(raw json.RawMessage) ([]byte, error) {
	encoded, err := text(raw)
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(encoded, '\n') >= 0 || bytes.IndexByte(encoded, '\r') >= 0 {
		return nil, errors.New("has a line break in its base64")
	}
	encoding := base64.StdEncoding
	if bytes.IndexByte(encoded, '-') >= 0 || bytes.IndexByte(encoded, '_') >= 0 {
		encoding = base64.URLEncoding
	}
	if n := len(encoded); n > 0 && encoded[n-1] != '=' && n%4 != 0 {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	out := make([]byte, encoding.DecodedLen(len(encoded)))
	n, err := encoding.Strict().Decode(out, encoded)
	if err != nil {
		return nil, err
	}
	return out[:n], nil
}
