package sigstore

import (
	"bytes"
	"crypto/x509"
	"errors"
	"slices"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/tlog"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/pki"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigbundle"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// BundleBytes and BundleDepth bound one bundle. An SBOM of a large image makes an
// envelope of some 30 MiB.
const (
	BundleBytes = 64 << 20
	BundleDepth = 256
)

// Media types, sigstore_bundle.proto: Bundle.media_type "MUST be application/
// vnd.dev.sigstore.bundle.v0.3+json when encoded as JSON. Clients must be able to
// accept media type using the previously defined formats", which are the other three.
const (
	mediaType01     = "application/vnd.dev.sigstore.bundle+json;version=0.1"
	mediaType02     = "application/vnd.dev.sigstore.bundle+json;version=0.2"
	mediaType03     = "application/vnd.dev.sigstore.bundle.v0.3+json"
	mediaType03Old  = "application/vnd.dev.sigstore.bundle+json;version=0.3"
	payloadInToto   = "application/vnd.in-toto+json"
	statementV1     = "https://in-toto.io/Statement/v1"
	statementV01    = "https://in-toto.io/Statement/v0.1"
	oneSignature    = 1 // sigstore_bundle.proto: the DSSE envelope "MUST have only one signature"
	checkpointLines = 3 // C2SP tlog-checkpoint: origin, size and root hash
)

// ReadBundle reads the JSON of one bundle, of at most BundleBytes, and believes none of
// it. It refuses JSON that two parsers could read in two ways.
func ReadBundle(data []byte) (*bundle.Bundle, *Failure) {
	if len(data) > BundleBytes {
		return nil, fail(gatekeep.ReasonTooLarge, "%d bytes are over the bound of %d for one bundle", len(data), BundleBytes)
	}
	if err := strictjson.Check(data, strictjson.Limits{Bytes: BundleBytes, Depth: BundleDepth}); err != nil {
		return nil, fail(gatekeep.ReasonEnvelopeMalformed, "reading Sigstore bundle: %v", err)
	}
	b, err := sigbundle.Read(data)
	switch {
	case errors.Is(err, sigbundle.ErrTooLarge):
		return nil, fail(gatekeep.ReasonTooLarge, "reading Sigstore bundle: %v", err)
	case err != nil:
		return nil, fail(gatekeep.ReasonEnvelopeMalformed, "reading Sigstore bundle: %v", err)
	}
	return b, nil
}

// entity is a bundle with its log entries as they are verified.
type entity struct {
	*bundle.Bundle
	entries []*tlog.Entry
	sig     []byte
}

// TlogEntries are the entries, parsed once.
func (e *entity) TlogEntries() ([]*tlog.Entry, error) { return e.entries, nil }

// admit checks the shape of a bundle, which may have been put together by anybody and
// not by ReadBundle. It reads log entries by the rules of the root.
func (r *Root) admit(b *bundle.Bundle) (*entity, *Failure) {
	malformed := func(format string, args ...any) (*entity, *Failure) {
		return nil, fail(gatekeep.ReasonEnvelopeMalformed, format, args...)
	}
	if b == nil || b.Bundle == nil {
		return malformed("there is no bundle")
	}
	// The library takes any v0.x with a dot for a version.
	proofs := true
	switch b.GetMediaType() {
	case mediaType01:
		proofs = false
	case mediaType02, mediaType03, mediaType03Old:
	default:
		return malformed("media type %.100q is none of a bundle that is read", b.GetMediaType())
	}
	if err := checkChain(b.Bundle, r.Material); err != nil {
		return nil, err
	}
	if err := checkWork(b.Bundle); err != nil {
		return nil, err
	}
	sig, why := signatureIn(b.Bundle)
	if why != nil {
		return nil, why
	}
	material := b.GetVerificationMaterial()
	if n := len(material.GetTlogEntries()); n > maxEntries {
		return nil, fail(gatekeep.ReasonTooLarge, "%d log entries are over the bound of %d", n, maxEntries)
	}
	if n := len(material.GetTimestampVerificationData().GetRfc3161Timestamps()); n > maxTimestamps {
		return nil, fail(gatekeep.ReasonTooLarge, "%d timestamps are over the bound of %d", n, maxTimestamps)
	}
	for i, t := range material.GetTimestampVerificationData().GetRfc3161Timestamps() {
		// The library recurses as deep as a timestamp nests, which ends the process.
		switch err := pki.CheckToken(t.GetSignedTimestamp()); {
		case errors.Is(err, pki.ErrTooLarge):
			return nil, fail(gatekeep.ReasonTooLarge, "timestamp %d: %v", i, err)
		case err != nil:
			return malformed("timestamp %d: %v", i, err)
		}
	}
	e := &entity{Bundle: b, sig: sig}
	for i, entry := range material.GetTlogEntries() {
		// VerificationMaterial.tlog_entries: "An inclusion proof and an optional signed
		// timestamp from the log. Client verification libraries MAY provide an option to
		// support v0.1 bundles for backwards compatibility, which may contain an
		// inclusion promise and not an inclusion proof. In this case, the client MUST
		// validate the promise." The library asks it of one entry, not of each.
		switch {
		case proofs && entry.GetInclusionProof() == nil:
			return malformed("log entry %d has no inclusion proof, which only a bundle of version 0.1 may leave out", i)
		case !proofs && len(entry.GetInclusionPromise().GetSignedEntryTimestamp()) == 0:
			return malformed("log entry %d has no inclusion promise, which a bundle of version 0.1 must have", i)
		}
		parsed, why := r.readEntry(entry)
		if why != nil {
			return nil, why
		}
		e.entries = append(e.entries, parsed)
	}
	return e, nil
}

// signatureIn is the one signature of a bundle. The library finds it as well, and copies
// the payload of an envelope to do so.
func signatureIn(b *bundlepb.Bundle) ([]byte, *Failure) {
	envelope, message := b.GetDsseEnvelope(), b.GetMessageSignature()
	switch {
	case envelope != nil && len(envelope.GetSignatures()) != oneSignature:
		return nil, fail(gatekeep.ReasonEnvelopeMalformed, "the envelope holds %d signatures; in a bundle it must hold one", len(envelope.GetSignatures()))
	case envelope != nil && envelope.GetPayload() != nil:
		return envelope.GetSignatures()[0].GetSig(), nil
	case message.GetMessageDigest() != nil:
		return message.GetSignature(), nil
	}
	return nil, fail(gatekeep.ReasonEnvelopeMalformed, "the bundle holds neither an envelope with a payload nor a signature with the digest of its message")
}

// checkChain looks at the certificates that are not the leaf. VerificationMaterial,
// form 2: "Signers MUST NOT include root CA certificates in bundles [...] Verifiers
// SHOULD handle old or non-complying bundles that have superfluous intermediate and/or
// root CA certificates by either ignoring them or explicitly considering them untrusted
// for the purposes of chain building." They are never used to build a chain. A root
// that is trusted anyhow is ignored in version 0.1, whose clients wrote it; any other is
// refused.
func checkChain(b *bundlepb.Bundle, material sigroot.TrustedMaterial) *Failure {
	chain := b.GetVerificationMaterial().GetX509CertificateChain().GetCertificates()
	if old := b.GetMediaType(); chain != nil && old != mediaType01 && old != mediaType02 {
		// "When used in a 0.3 bundle [...] form (3) MUST be used": one certificate.
		return fail(gatekeep.ReasonEnvelopeMalformed, "a bundle of version 0.3 holds one certificate and no chain")
	}
	if len(chain) > pki.MaxCertificates {
		return fail(gatekeep.ReasonTooLarge, "a chain of %d certificates is over the bound of %d", len(chain), pki.MaxCertificates)
	}
	for i, c := range chain {
		if i == 0 {
			continue // the leaf, which is judged as such
		}
		cert, err := x509.ParseCertificate(c.GetRawBytes())
		if err != nil {
			return fail(gatekeep.ReasonEnvelopeMalformed, "reading certificate %d of the chain: %v", i, err)
		}
		selfSigned := bytes.Equal(cert.RawIssuer, cert.RawSubject)
		if selfSigned && (b.GetMediaType() != mediaType01 || !anchors(material, cert)) {
			return fail(gatekeep.ReasonEnvelopeMalformed, "certificate %d of the chain is a root; roots do not come with the bundle", i)
		}
	}
	return nil
}

// anchors tells whether the certificate is the root of a CA that is trusted.
func anchors(material sigroot.TrustedMaterial, cert *x509.Certificate) bool {
	return slices.ContainsFunc(material.FulcioCertificateAuthorities(), func(ca sigroot.CertificateAuthority) bool {
		fulcio, ok := ca.(*sigroot.FulcioCertificateAuthority)
		return ok && fulcio.Root.Equal(cert)
	})
}
