package attest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/tlog"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/gatekeep-dev/gatekeep"
)

const (
	ciSubject = "https://github.com/acme/app/.github/workflows/build.yml@refs/heads/main"
	people    = "https://accounts.google.com"
)

func newSigstore(t testing.TB) *ca.VirtualSigstore {
	t.Helper()
	v, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// rootParts chooses what a trusted root lists.
type rootParts struct{ logs, ctLogs, timestampers bool }

func rootJSON(t testing.TB, v *ca.VirtualSigstore, parts rootParts) string {
	t.Helper()
	var logs, ctLogs map[string]*sigroot.TransparencyLog
	var timestampers []sigroot.TimestampingAuthority
	if parts.logs {
		logs = v.RekorLogs()
		rawIDs(t, logs)
	}
	if parts.ctLogs {
		ctLogs = v.CTLogs()
		rawIDs(t, ctLogs)
	}
	if parts.timestampers {
		timestampers = v.TimestampingAuthorities()
	}
	root, err := sigroot.NewTrustedRoot(sigroot.TrustedRootMediaType01, v.FulcioCertificateAuthorities(), ctLogs, timestampers, logs)
	if err != nil {
		t.Fatal(err)
	}
	data, err := root.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// rawIDs gives logs the form of id that a trusted root holds: bytes, not hex.
func rawIDs(t testing.TB, logs map[string]*sigroot.TransparencyLog) {
	t.Helper()
	for id, log := range logs {
		raw, err := hex.DecodeString(id)
		if err != nil {
			t.Fatal(err)
		}
		log.ID = raw
	}
}

// withPromise signs an entry as the log would when it promises to include it.
func withPromise(t testing.TB, v *ca.VirtualSigstore, entry *protorekor.TransparencyLogEntry) *protorekor.TransparencyLogEntry {
	t.Helper()
	set, err := v.RekorSignPayload(tlog.RekorPayload{
		Body: base64.StdEncoding.EncodeToString(entry.CanonicalizedBody), IntegratedTime: entry.IntegratedTime,
		LogIndex: entry.LogIndex, LogID: hex.EncodeToString(entry.LogId.KeyId),
	})
	if err != nil {
		t.Fatal(err)
	}
	entry.KindVersion = &protorekor.KindVersion{Kind: "dsse", Version: "0.0.1"}
	entry.InclusionPromise = &protorekor.InclusionPromise{SignedEntryTimestamp: set}
	return entry
}

// bundleParts chooses what of an attestation goes into its bundle.
type bundleParts struct{ logs, timestamps bool }

// bundleOf writes what the virtual instance signed as a bundle v0.1, which may rely
// on the promise of its log.
func bundleOf(t testing.TB, v *ca.VirtualSigstore, e *ca.TestEntity, parts bundleParts) *protobundle.Bundle {
	t.Helper()
	content, err := e.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := e.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	raw := signed.EnvelopeContent().RawEnvelope()
	payload, err := raw.DecodeB64Payload()
	if err != nil {
		t.Fatal(err)
	}
	material := &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_Certificate{
		Certificate: &protocommon.X509Certificate{RawBytes: content.Certificate().Raw},
	}}
	if parts.logs {
		entries, err := e.TlogEntries()
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			material.TlogEntries = append(material.TlogEntries, withPromise(t, v, entry.TransparencyLogEntry()))
		}
	}
	if parts.timestamps {
		stamps, err := e.Timestamps()
		if err != nil {
			t.Fatal(err)
		}
		material.TimestampVerificationData = &protobundle.TimestampVerificationData{}
		for _, stamp := range stamps {
			material.TimestampVerificationData.Rfc3161Timestamps = append(material.TimestampVerificationData.Rfc3161Timestamps,
				&protocommon.RFC3161SignedTimestamp{SignedTimestamp: stamp})
		}
	}
	return &protobundle.Bundle{
		MediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1", VerificationMaterial: material,
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			PayloadType: raw.PayloadType, Payload: payload, Signatures: []*protodsse.Signature{{Sig: signed.Signature()}},
		}},
	}
}

// messageBundle is the wrapper of an image signature by a certificate.
func messageBundle(t testing.TB, leaf []byte, entry *protorekor.TransparencyLogEntry, sig, payload []byte) []byte {
	t.Helper()
	b := bundleBytes(t, &protobundle.Bundle{
		MediaType: "application/vnd.dev.sigstore.bundle+json;version=0.1",
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content:     &protobundle.VerificationMaterial_Certificate{Certificate: &protocommon.X509Certificate{RawBytes: leaf}},
			TlogEntries: []*protorekor.TransparencyLogEntry{entry},
		},
		Content: &protobundle.Bundle_MessageSignature{MessageSignature: &protocommon.MessageSignature{
			MessageDigest: &protocommon.HashOutput{Algorithm: protocommon.HashAlgorithm_SHA2_256, Digest: sha256Of(payload)}, Signature: sig,
		}},
	})
	return []byte(`{"mediaType":"application/vnd.gatekeep.simplesigning.v1+json","payload":"` + base64.StdEncoding.EncodeToString(payload) + `","bundle":` + string(b) + `}`)
}

func bundleBytes(t testing.TB, b *protobundle.Bundle) []byte {
	t.Helper()
	data, err := protojson.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// identityTrust trusts CI by whole identity and people by pattern.
func identityTrust(t testing.TB, root string) *Trust {
	t.Helper()
	return trustIn(t, map[string]string{"root.json": root, "trust.yaml": `
version: 1
roots: {here: root.json}
signers:
  ci: {issuer: "` + githubIssuer + `", subject: "` + ciSubject + `", root: here}
  staff: {issuer: "` + people + `", subjectPattern: "*@acme.example", root: here, principal: staff}
statements:
  - {types: [provenance], signers: [ci, staff]}
`})
}

func TestCertificatesAreCheckedAsTheirRootAsks(t *testing.T) {
	v, elsewhere := newSigstore(t), newSigstore(t)
	attest := func(v *ca.VirtualSigstore, subject, issuer string) *ca.TestEntity {
		e, err := v.Attest(subject, issuer, provenanceOf(app))
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	both, logOnly, timeOnly, neither := bundleParts{true, true}, bundleParts{logs: true}, bundleParts{timestamps: true}, bundleParts{}
	full := identityTrust(t, rootJSON(t, v, rootParts{logs: true, timestampers: true}))
	withSCT := identityTrust(t, rootJSON(t, v, rootParts{logs: true, ctLogs: true}))
	stamped := identityTrust(t, rootJSON(t, v, rootParts{timestampers: true}))
	for _, c := range []struct {
		name            string
		by              *ca.VirtualSigstore
		subject, issuer string
		parts           bundleParts
		trust           *Trust
		reason          gatekeep.Reason
	}{
		{"log and timestamp", v, ciSubject, githubIssuer, both, full, ""},
		{"log only", v, ciSubject, githubIssuer, logOnly, full, ""},
		{"timestamp, and no log entry where the root lists logs", v, ciSubject, githubIssuer, timeOnly, full, gatekeep.ReasonLogInvalid},
		{"neither", v, ciSubject, githubIssuer, neither, full, gatekeep.ReasonLogInvalid},
		{"timestamp where the root lists no logs", v, ciSubject, githubIssuer, timeOnly, stamped, ""},
		{"no timestamp where the root lists no logs", v, ciSubject, githubIssuer, neither, stamped, gatekeep.ReasonNoTrustedTime},
		{"log of nobody where the root lists no logs", v, ciSubject, githubIssuer, logOnly, stamped, gatekeep.ReasonNoTrustedTime},
		{"no SCT where the root lists certificate logs", v, ciSubject, githubIssuer, both, withSCT, gatekeep.ReasonCertificateInvalid},
		{"another instance", elsewhere, ciSubject, githubIssuer, both, full, gatekeep.ReasonCertificateInvalid},
		{"another branch", v, ciSubject + "-evil", githubIssuer, both, full, gatekeep.ReasonSignerUnknown},
		{"issuer with a path", v, ciSubject, githubIssuer + "/hammer-time", both, full, gatekeep.ReasonSignerUnknown},
		{"pattern", v, "bob@acme.example", people, both, full, ""},
		{"pattern, other domain", v, "bob@acme.example.evil", people, both, full, gatekeep.ReasonSignerUnknown},
		{"pattern, other issuer", v, "bob@acme.example", githubIssuer, both, full, gatekeep.ReasonSignerUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := bundleBytes(t, bundleOf(t, c.by, attest(c.by, c.subject, c.issuer), c.parts))
			s, _ := wantReason(t, data, c.trust, aboutApp(), noon, c.reason)
			if s != nil && (s.Verification.SAN != c.subject || s.Verification.Issuer != c.issuer || s.Verification.KeyID != "") {
				t.Fatalf("got %+v", s.Verification)
			}
		})
	}
}

func TestChangedBundlesAreRefused(t *testing.T) {
	v := newSigstore(t)
	trust := identityTrust(t, rootJSON(t, v, rootParts{logs: true, timestampers: true}))
	fresh := func() *protobundle.Bundle {
		e, err := v.Attest(ciSubject, githubIssuer, provenanceOf(app))
		if err != nil {
			t.Fatal(err)
		}
		return bundleOf(t, v, e, bundleParts{true, true})
	}
	for _, c := range []struct {
		name   string
		change func(b *protobundle.Bundle)
		reason gatekeep.Reason
	}{
		{"nothing", func(*protobundle.Bundle) {}, ""},
		{"payload", func(b *protobundle.Bundle) {
			e := b.GetDsseEnvelope()
			e.Payload = bytes.Replace(e.Payload, []byte("builder"), []byte("bvilder"), 1)
		}, gatekeep.ReasonSignatureInvalid},
		{"signature", func(b *protobundle.Bundle) { b.GetDsseEnvelope().Signatures[0].Sig[9] ^= 1 }, gatekeep.ReasonSignatureInvalid},
		{"two signatures", func(b *protobundle.Bundle) {
			e := b.GetDsseEnvelope()
			e.Signatures = append(e.Signatures, e.Signatures[0])
		}, gatekeep.ReasonEnvelopeMalformed},
		{"no signature", func(b *protobundle.Bundle) { b.GetDsseEnvelope().Signatures = nil }, gatekeep.ReasonEnvelopeMalformed},
		{"promise of the log", func(b *protobundle.Bundle) {
			b.VerificationMaterial.TlogEntries[0].InclusionPromise.SignedEntryTimestamp[9] ^= 1
		}, gatekeep.ReasonLogInvalid},
		{"entry of another bundle", func(b *protobundle.Bundle) {
			b.VerificationMaterial.TlogEntries = fresh().VerificationMaterial.TlogEntries
		}, gatekeep.ReasonLogInvalid},
		{"certificate of another bundle", func(b *protobundle.Bundle) {
			b.VerificationMaterial.Content = fresh().VerificationMaterial.Content
		}, gatekeep.ReasonSignatureInvalid},
		{"certificate of noise", func(b *protobundle.Bundle) {
			b.VerificationMaterial.GetCertificate().RawBytes = []byte("noise")
		}, gatekeep.ReasonCertificateInvalid},
		{"payload type", func(b *protobundle.Bundle) { b.GetDsseEnvelope().PayloadType = "text/plain" }, gatekeep.ReasonEnvelopeMalformed},
		{"payload type of bare envelopes", func(b *protobundle.Bundle) { b.GetDsseEnvelope().PayloadType = payloadStatement }, gatekeep.ReasonEnvelopeMalformed},
		{"key in place of the certificate", func(b *protobundle.Bundle) {
			b.VerificationMaterial.Content = &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{Hint: "key"}}
		}, gatekeep.ReasonSignerUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := fresh()
			c.change(b)
			wantReason(t, bundleBytes(t, b), trust, aboutApp(), noon, c.reason)
		})
	}
}

func TestCertificateMustBeValidWhenItWasUsed(t *testing.T) {
	v := newSigstore(t)
	trust := identityTrust(t, rootJSON(t, v, rootParts{logs: true}))
	for _, c := range []struct {
		name   string
		after  time.Duration
		reason gatekeep.Reason
	}{
		{"in time", 5 * time.Minute, ""},
		{"an hour late", time.Hour, gatekeep.ReasonExpired},
		{"an hour early", -time.Hour, gatekeep.ReasonNotYetValid},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := v.AttestAtTime(ciSubject, githubIssuer, provenanceOf(app), time.Now().Add(c.after), false)
			if err != nil {
				t.Fatal(err)
			}
			wantReason(t, bundleBytes(t, bundleOf(t, v, e, bundleParts{logs: true})), trust, aboutApp(), noon, c.reason)
		})
	}
}

func TestSignedNonsenseIsNoStatement(t *testing.T) {
	v := newSigstore(t)
	trust := identityTrust(t, rootJSON(t, v, rootParts{logs: true}))
	for _, payload := range []string{"hello", "[]", `{"_type":"https://in-toto.io/Statement/v2"}`} {
		e, err := v.Attest(ciSubject, githubIssuer, []byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		wantReason(t, bundleBytes(t, bundleOf(t, v, e, bundleParts{logs: true})), trust, aboutApp(), noon, gatekeep.ReasonStatementMalformed)
	}
}

// The certificate of one instance never speaks for a signer of another.
func TestIdentityBelongsToItsRoot(t *testing.T) {
	v, w := newSigstore(t), newSigstore(t)
	trust := trustIn(t, map[string]string{
		"v.json": rootJSON(t, v, rootParts{logs: true}), "w.json": rootJSON(t, w, rootParts{logs: true}),
		"trust.yaml": `
version: 1
roots: {v: v.json, w: w.json}
signers:
  ci: {issuer: "` + githubIssuer + `", subject: "` + ciSubject + `", root: v}
  staff: {issuer: "` + people + `", subjectPattern: "*@acme.example", root: w}
statements:
  - {types: [provenance], signers: [ci, staff]}
`})
	for _, c := range []struct {
		by              *ca.VirtualSigstore
		subject, issuer string
		reason          gatekeep.Reason
	}{
		{v, ciSubject, githubIssuer, ""}, {w, "bob@acme.example", people, ""},
		{w, ciSubject, githubIssuer, gatekeep.ReasonSignerUnknown}, {v, "bob@acme.example", people, gatekeep.ReasonSignerUnknown},
	} {
		e, err := c.by.Attest(c.subject, c.issuer, provenanceOf(app))
		if err != nil {
			t.Fatal(err)
		}
		wantReason(t, bundleBytes(t, bundleOf(t, c.by, e, bundleParts{logs: true})), trust, aboutApp(), noon, c.reason)
	}
}

func TestCertificateWithoutIdentitiesInThePolicyIsUnknown(t *testing.T) {
	v := newSigstore(t)
	e, err := v.Attest(ciSubject, githubIssuer, provenanceOf(app))
	if err != nil {
		t.Fatal(err)
	}
	data := bundleBytes(t, bundleOf(t, v, e, bundleParts{true, true}))
	_, r := wantReason(t, data, builderTrust(t, newKey(t, "P-256")), aboutApp(), noon, gatekeep.ReasonSignerUnknown)
	if !strings.Contains(r.Detail, "names no signer by identity") {
		t.Fatalf("got %q", r.Detail)
	}
}

func TestKeyBundleIsVerifiedByKey(t *testing.T) {
	k := newKey(t, "P-256")
	payload := provenanceOf(app)
	sig := base64.StdEncoding.EncodeToString(k.sign(t, payloadInToto, payload))
	bundle := func(mediaType, hint string) []byte {
		return []byte(`{"mediaType":"` + mediaType + `","verificationMaterial":{"publicKey":{"hint":"` + hint + `"}},"dsseEnvelope":{"payload":"` +
			base64.StdEncoding.EncodeToString(payload) + `","payloadType":"` + payloadInToto + `","signatures":[{"sig":"` + sig + `"}]}}`)
	}
	trust := builderTrust(t, k)
	for mediaType, reason := range map[string]gatekeep.Reason{
		"application/vnd.dev.sigstore.bundle+json;version=0.1": "", "application/vnd.dev.sigstore.bundle+json;version=0.2": "",
		"application/vnd.dev.sigstore.bundle+json;version=0.3": "", "application/vnd.dev.sigstore.bundle.v0.3+json": "",
		"application/vnd.dev.sigstore.bundle.v0.4+json": gatekeep.ReasonEnvelopeMalformed, "application/vnd.dev.sigstore.bundle": gatekeep.ReasonEnvelopeMalformed,
	} {
		wantReason(t, bundle(mediaType, "x"), trust, aboutApp(), noon, reason)
	}
	wantReason(t, bundle("application/vnd.dev.sigstore.bundle.v0.3+json", "x"), builderTrust(t, newKey(t, "P-256")), aboutApp(), noon, gatekeep.ReasonSignerUnknown)
}
