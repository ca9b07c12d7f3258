package sigstore

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/dsse"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// maxSignatures bounds the signatures of one envelope; in-toto links have a handful.
const maxSignatures = 32

// VerifyEnvelope verifies a plain DSSE envelope with a key: one of its signatures must
// be by the key, and its statement about the content. There is no proof of when it was
// signed. The payload type is that of in-toto, or the URI of a statement, which OSS
// Rebuild writes. The failure is nil where the envelope holds; never put it into a
// variable of type error before looking at it.
func VerifyEnvelope(data []byte, key crypto.PublicKey, what Content) *Failure {
	malformed := func(err error) *Failure {
		return fail(gatekeep.ReasonEnvelopeMalformed, "reading DSSE envelope: %v", err)
	}
	members, err := strictjson.Members(data, strictjson.Limits{Bytes: BundleBytes, Depth: BundleDepth})
	if err != nil {
		return malformed(err)
	}
	var payloadType, payload string
	if json.Unmarshal(members["payloadType"], &payloadType) != nil || json.Unmarshal(members["payload"], &payload) != nil {
		return malformed(errors.New("payload or payloadType is missing or no text"))
	}
	if !slices.Contains([]string{payloadInToto, statementV1, statementV01}, payloadType) {
		return malformed(errors.New("its payload is no in-toto statement"))
	}
	body, err := decodeEither(payload)
	if err != nil {
		return malformed(err)
	}
	var signatures []map[string]json.RawMessage
	if err := json.Unmarshal(members["signatures"], &signatures); err != nil {
		return malformed(errors.New("signatures is missing or no list"))
	}
	if len(signatures) > maxSignatures {
		return fail(gatekeep.ReasonTooLarge, "%d signatures are over the bound of %d", len(signatures), maxSignatures)
	}
	if err := usable(key); err != nil {
		return fail(gatekeep.ReasonSignatureInvalid, "%v", err)
	}
	// DSSE protocol: keyid is an unauthenticated hint; the key is tried whatever it says.
	message := dsse.PAE(payloadType, body)
	made := false
	for _, s := range signatures {
		var encoded string
		if json.Unmarshal(s["sig"], &encoded) != nil {
			return malformed(errors.New("signatures.sig is missing or no text"))
		}
		sig, err := decodeEither(encoded)
		if err != nil {
			return malformed(err)
		}
		made = made || message.SignedBy(key, sig)
	}
	if !made {
		return fail(gatekeep.ReasonSignatureInvalid, "the key made none of the %d signatures", len(signatures))
	}
	if len(what.sums) == 0 {
		return nil
	}
	return what.among(body)
}

// decodeEither reads base64. DSSE protocol: "Either standard or URL-safe encoding is
// allowed." Line breaks and stray bits are not.
func decodeEither(encoded string) ([]byte, error) {
	text := bytes.TrimRight([]byte(encoded), "=")
	if bytes.ContainsAny(text, "\r\n") {
		return nil, errors.New("line break in base64")
	}
	encoding := base64.RawStdEncoding
	if bytes.ContainsAny(text, "-_") {
		encoding = base64.RawURLEncoding
	}
	return encoding.Strict().DecodeString(string(text))
}
