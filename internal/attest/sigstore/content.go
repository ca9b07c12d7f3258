package sigstore

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/dsse"
	"github.com/gatekeep-dev/gatekeep/internal/attest/pki"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// minRSABits is the smallest RSA key of the Sigstore algorithm registry.
const minRSABits = 2048

// algorithms are the digests by which an artifact may be named, as in-toto and command
// lines spell them.
var algorithms = map[string]crypto.Hash{"sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512}

// Content is what a bundle must be about: the artifact that is signed, or a subject of
// the statement. The zero value asks for nothing: the caller looks at the subjects of
// the statement, and a bundle that signs the bytes of a file is refused.
type Content struct {
	sums  map[crypto.Hash][]byte
	whole []byte // where it is at hand: pure Ed25519 takes no digest
}

// Artifact is content that is at hand.
func Artifact(data []byte) Content {
	c := Content{sums: map[crypto.Hash][]byte{}, whole: data}
	for _, h := range algorithms {
		sum := h.New()
		sum.Write(data)
		c.sums[h] = sum.Sum(nil)
	}
	return c
}

// ArtifactFrom hashes content of any size as it is read. A signature by pure Ed25519
// over it cannot be verified: that takes Artifact.
func ArtifactFrom(r io.Reader) (Content, error) {
	c := Content{sums: map[crypto.Hash][]byte{}}
	s256, s384, s512 := crypto.SHA256.New(), crypto.SHA384.New(), crypto.SHA512.New()
	if _, err := io.Copy(io.MultiWriter(s256, s384, s512), r); err != nil {
		return Content{}, fmt.Errorf("hashing artifact: %w", err)
	}
	c.sums[crypto.SHA256], c.sums[crypto.SHA384], c.sums[crypto.SHA512] = s256.Sum(nil), s384.Sum(nil), s512.Sum(nil)
	return c, nil
}

// Digest is content known by its digest: "sha256:", "sha384:" or "sha512:" and
// lower-case hex of the right length.
func Digest(s string) (Content, error) {
	name, value, _ := strings.Cut(s, ":")
	h, known := algorithms[name]
	sum, err := hex.DecodeString(value)
	if !known || err != nil || len(sum) != h.Size() || strings.ToLower(value) != value {
		return Content{}, fmt.Errorf("reading digest %.140q: want sha256, sha384 or sha512 with as many lower-case hex digits", s)
	}
	return Content{sums: map[crypto.Hash][]byte{h: sum}}, nil
}

// signedBy tells whether key made the signature over the envelope, or over the content.
func (e *entity) signedBy(key crypto.PublicKey, what Content) *Failure {
	if err := usable(key); err != nil {
		return fail(gatekeep.ReasonSignatureInvalid, "%v", err)
	}
	made := false
	if envelope := e.GetDsseEnvelope(); envelope != nil {
		// DSSE protocol: the signature is over PAE(UTF8(payloadType), payload).
		made = dsse.PAE(envelope.GetPayloadType(), envelope.GetPayload()).SignedBy(key, e.sig)
	} else {
		if why := e.sameDigest(what); why != nil {
			return why
		}
		made = what.signedBy(key, e.sig)
	}
	if !made {
		return fail(gatekeep.ReasonSignatureInvalid, "the key did not make the signature")
	}
	return nil
}

// usable refuses keys that the Sigstore algorithm registry does not have.
func usable(key crypto.PublicKey) error {
	switch key := key.(type) {
	case ed25519.PublicKey:
		if len(key) == ed25519.PublicKeySize {
			return nil
		}
	case *ecdsa.PublicKey:
		if key != nil && slices.Contains([]string{"P-256", "P-384", "P-521"}, key.Curve.Params().Name) {
			return nil
		}
	case *rsa.PublicKey:
		if key != nil && key.N.BitLen() >= minRSABits && pki.CheckWorkOf(key) == nil {
			return nil
		}
	}
	return fmt.Errorf("a key of type %T and this size makes no signature that is trusted", key)
}

// sameDigest compares what the bundle says it signs. MessageSignature.message_digest:
// "Clients MUST NOT attempt to use this digest to verify the associated signature; it is
// intended solely for identification." It is compared, and the signature is verified
// over the content that the caller brought. A log entry is compared with it as well.
func (e *entity) sameDigest(what Content) *Failure {
	if len(what.sums) == 0 {
		return fail(gatekeep.ReasonEnvelopeMalformed, "the bundle signs the bytes of a file, not a statement about it")
	}
	said := e.GetMessageSignature().GetMessageDigest()
	h, known := map[commonpb.HashAlgorithm]crypto.Hash{
		commonpb.HashAlgorithm_SHA2_256: crypto.SHA256, commonpb.HashAlgorithm_SHA2_384: crypto.SHA384, commonpb.HashAlgorithm_SHA2_512: crypto.SHA512,
	}[said.GetAlgorithm()]
	switch sum := what.sums[h]; {
	case !known:
		return fail(gatekeep.ReasonEnvelopeMalformed, "the bundle names its artifact by a digest of type %.50q, which is not read", said.GetAlgorithm())
	case sum == nil:
		return fail(gatekeep.ReasonSubjectMismatch, "the bundle names its artifact by %s, and another digest was given", said.GetAlgorithm())
	case !bytes.Equal(sum, said.GetDigest()):
		return fail(gatekeep.ReasonSubjectMismatch, "the bundle is about another artifact: %s %x", said.GetAlgorithm(), said.GetDigest())
	}
	return nil
}

// signedBy verifies a signature over content, of which only digests may be known.
// SHA-256 is what older clients used with every curve; the larger hashes are those of
// the Sigstore algorithm registry. There Ed25519 signs either the message or, for a
// log, its SHA-512 (Ed25519ph, RFC 8032 section 5.1).
func (c Content) signedBy(key crypto.PublicKey, sig []byte) bool {
	if c.whole != nil && dsse.Raw(c.whole).SignedBy(key, sig) {
		return true
	}
	switch key := key.(type) {
	case ed25519.PublicKey:
		sum := c.sums[crypto.SHA512]
		return sum != nil && ed25519.VerifyWithOptions(key, sum, sig, &ed25519.Options{Hash: crypto.SHA512}) == nil
	case *ecdsa.PublicKey:
		own := map[int]crypto.Hash{256: crypto.SHA256, 384: crypto.SHA384, 521: crypto.SHA512}[key.Curve.Params().BitSize]
		for _, h := range []crypto.Hash{crypto.SHA256, own} {
			if sum := c.sums[h]; sum != nil && ecdsa.VerifyASN1(key, sum, sig) {
				return true
			}
		}
	case *rsa.PublicKey:
		for h, sum := range c.sums {
			if dsse.VerifiesRSA(key, h, sum, sig) {
				return true
			}
		}
	}
	return false
}

// about checks that the statement in the envelope is about the content.
func (e *entity) about(what Content) *Failure {
	envelope := e.GetDsseEnvelope()
	if envelope == nil || len(what.sums) == 0 {
		return nil // a signature over the artifact was verified with it
	}
	if envelope.GetPayloadType() != payloadInToto {
		return fail(gatekeep.ReasonEnvelopeMalformed, "payload type %.100q is no in-toto statement", envelope.GetPayloadType())
	}
	return what.among(envelope.GetPayload())
}

// among looks for the content in the subjects of a statement. In-toto Statement v1:
// _type "MUST be https://in-toto.io/Statement/v1", before it v0.1. DigestSet: "two
// artifacts are considered matching if both have at least one algorithm in common, and
// the digests of all common algorithms match".
func (c Content) among(payload []byte) *Failure {
	malformed := func(err error) *Failure {
		return fail(gatekeep.ReasonStatementMalformed, "reading statement: %v", err)
	}
	members, err := strictjson.Members(payload, strictjson.Limits{Bytes: BundleBytes, Depth: BundleDepth})
	if err != nil {
		return malformed(err)
	}
	var statementType string
	if json.Unmarshal(members["_type"], &statementType) != nil || statementType != statementV1 && statementType != statementV01 {
		return malformed(fmt.Errorf("_type %.100q is no version that is read", statementType))
	}
	var subjects []map[string]json.RawMessage
	if err := json.Unmarshal(members["subject"], &subjects); err != nil || len(subjects) == 0 {
		return malformed(errors.New("it has no list of subjects"))
	}
	for i, s := range subjects {
		var digests map[string]string
		if raw, there := s["digest"]; there {
			if err := json.Unmarshal(raw, &digests); err != nil {
				return malformed(fmt.Errorf("subject[%d].digest: %w", i, err))
			}
		}
		if c.matches(digests) {
			return nil
		}
	}
	return fail(gatekeep.ReasonSubjectMismatch, "none of the %d subjects is the artifact", len(subjects))
}

func (c Content) matches(digests map[string]string) bool {
	common := 0
	for name, value := range digests {
		sum, known := c.sums[algorithms[name]]
		if !known {
			continue
		}
		if hex.EncodeToString(sum) != value {
			return false
		}
		common++
	}
	return common > 0
}
