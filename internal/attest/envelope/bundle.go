package envelope

import (
	"encoding/json"
	"errors"
	"maps"

	"github.com/sigstore/sigstore-go/pkg/bundle"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/refusal"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigbundle"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// readBundle is sigbundle.Read. The payload, which is nearly all of a large
// document, is decoded beside it: to carry it through protobuf takes a tenth of the
// time of a whole check. What is not plainly base64 goes the whole way.
func readBundle(data []byte, members map[string]json.RawMessage) (*bundle.Bundle, error) {
	short, payload, ok := withoutPayload(members)
	if !ok {
		return sigbundle.Read(data)
	}
	b, err := sigbundle.Read(short)
	if err != nil {
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
	inner, err := strictjson.Members(members["dsseEnvelope"], Limits())
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

func openBundle(data []byte, members map[string]json.RawMessage) (*Document, *refusal.Refusal) {
	b, err := readBundle(data, members)
	if err != nil {
		return nil, refusal.New(reasonOf(err), "reading Sigstore bundle: %v", err)
	}
	content := b.GetDsseEnvelope()
	if content == nil {
		return nil, refusal.New(gatekeep.ReasonEnvelopeMalformed, "the bundle signs the bytes of a file, not a statement about it")
	}
	// Sigstore bundle, field dsse_envelope: the envelope MUST hold exactly one
	// signature. The log entry and the timestamps speak of that one only.
	if n := len(content.GetSignatures()); n != 1 {
		return nil, refusal.New(gatekeep.ReasonEnvelopeMalformed, "the bundle holds %d signatures; it must hold one", n)
	}
	sig := content.GetSignatures()[0]
	d := &Document{PayloadType: content.GetPayloadType(), Payload: content.GetPayload()}
	d.signedInBundle(b, sig.GetSig(), sig.GetKeyid())
	// Sigstore clients read one payload type; the other occurs in bare envelopes only.
	if d.Bundle != nil && d.PayloadType == PayloadStatement {
		return nil, refusal.New(gatekeep.ReasonEnvelopeMalformed, "payload type %q has no place in a bundle with a certificate", d.PayloadType)
	}
	return d, checkPayloadType(d.PayloadType)
}

// reasonOf tells a bundle that is too large from one that is none.
func reasonOf(err error) gatekeep.Reason {
	if errors.Is(err, sigbundle.ErrTooLarge) {
		return gatekeep.ReasonTooLarge
	}
	return gatekeep.ReasonEnvelopeMalformed
}

// signedInBundle notes the one signature of a bundle, and the bundle itself where its
// signer is a certificate.
func (d *Document) signedInBundle(b *bundle.Bundle, sig []byte, hint string) {
	if key := b.GetVerificationMaterial().GetPublicKey(); key != nil {
		if key.GetHint() != "" {
			hint = key.GetHint()
		}
	} else {
		d.Bundle = b
	}
	d.Signatures = []Signature{{Hint: hint, Sig: sig}}
}
