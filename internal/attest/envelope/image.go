package envelope

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"

	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/refusal"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigbundle"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// SimpleSigning is the media type of what a registry holds as the signature of an
// image, put into one document:
//
//	{"mediaType": SimpleSigning, "payload": base64, "bundle": {Sigstore bundle with messageSignature}}
const SimpleSigning = "application/vnd.gatekeep.simplesigning.v1+json"

// maxSimpleSigning bounds the payload: real ones have 250 bytes, and annotations of
// their author besides.
const maxSimpleSigning = 1 << 20

// imageType is critical.type of containers/image, docs/containers-signature.5.md, as
// cosign writes it (sigstore/sigstore, pkg/signature/payload).
const imageType = "cosign container image signature"

// openImage reads the wrapper of an image's signature. A bundle whose digest is of
// another payload says nothing of this one.
func openImage(members map[string]json.RawMessage) (*Document, *refusal.Refusal) {
	payload, err := fromBase64(members["payload"])
	if err != nil {
		return nil, refusal.New(gatekeep.ReasonEnvelopeMalformed, "reading image signature: payload: %v", err)
	}
	if len(payload) > maxSimpleSigning {
		return nil, refusal.New(gatekeep.ReasonTooLarge, "an image signature of %d bytes is over the bound of %d", len(payload), maxSimpleSigning)
	}
	b, err := sigbundle.Read(OrNull(members["bundle"]))
	if err != nil {
		return nil, refusal.New(reasonOf(err), "reading image signature: bundle: %v", err)
	}
	signed := b.GetMessageSignature()
	if signed == nil {
		return nil, refusal.New(gatekeep.ReasonEnvelopeMalformed, "reading image signature: its bundle holds no message signature")
	}
	if named := signed.GetMessageDigest(); named != nil && named.GetAlgorithm() == protocommon.HashAlgorithm_SHA2_256 {
		if sum := sha256.Sum256(payload); !bytes.Equal(sum[:], named.GetDigest()) {
			return nil, refusal.New(gatekeep.ReasonSignatureInvalid, "the message digest of the bundle is not that of the payload")
		}
	}
	d := &Document{Payload: payload, Image: true}
	d.signedInBundle(b, signed.GetSignature(), "")
	return d, nil
}

// ImageDigest reads a simple signing document and returns the digest of the manifest
// that it is about. containers/image, docs/containers-signature.5.md, "JSON data
// format": critical holds type, image and identity.
func ImageDigest(payload []byte) (string, *refusal.Refusal) {
	malformed := func(format string, args ...any) (string, *refusal.Refusal) {
		return "", refusal.New(gatekeep.ReasonStatementMalformed, "reading image signature: "+format, args...)
	}
	members, err := strictjson.Members(payload, strictjson.Limits{Bytes: maxSimpleSigning, Depth: MaxDepth})
	if err != nil {
		return malformed("%v", err)
	}
	var critical, image map[string]json.RawMessage
	if err := json.Unmarshal(OrNull(members["critical"]), &critical); err != nil {
		return malformed("critical: %v", err)
	}
	if typ, _ := Text(critical["type"]); string(typ) != imageType {
		return malformed("critical.type is %.100q, not %q", typ, imageType)
	}
	if err := json.Unmarshal(OrNull(critical["image"]), &image); err != nil {
		return malformed("critical.image: %v", err)
	}
	named, _ := Text(image["docker-manifest-digest"])
	if !digest.Valid(string(named)) {
		return malformed("critical.image.docker-manifest-digest %.100q is not sha256 and 64 hex digits", named)
	}
	return string(named), nil
}
