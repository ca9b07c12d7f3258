package sigstore

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/pki"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigbundle"
)

// longKey is a key of 20,000 bits, and a certificate of a virtual authority for it.
func longKey(t testing.TB, v *ca.VirtualSigstore) (*rsa.PublicKey, []byte) {
	t.Helper()
	n := new(big.Int).Lsh(big.NewInt(1), 20_000)
	key := &rsa.PublicKey{N: n.Sub(n, big.NewInt(3)), E: 1<<31 - 1}
	parent, signer, err := v.GenerateLeafCert("a@example.com", "https://issuer.example.com")
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "long"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key, signer)
	if err != nil {
		t.Fatal(err)
	}
	return key, der
}

// judged fails where a changed bundle has another verdict, or another ground for it.
func judged(t *testing.T, name string, r *Root, change func(*protobundle.Bundle), want gatekeep.Reason, ground string) {
	t.Helper()
	b, _ := made(t)
	change(b.Bundle)
	if _, why := r.VerifyCertificate(b, Content{}); reasonOf(why) != want || !strings.Contains(why.Detail, ground) {
		t.Errorf("%s: %v, want %q since %q", name, why, want, ground)
	}
}

// Nobody decides how long the gate thinks: a key is measured before it is used, also
// that of a log entry, whose signature the library checks as it reads it.
func TestLongKeysAreNotUsed(t *testing.T) {
	const tooLong = "is too long"
	_, m := made(t)
	r, err := NewRootOf("virtual", m)
	if err != nil {
		t.Fatal(err)
	}
	key, der := longKey(t, m.VirtualSigstore)
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	sig := make([]byte, len(key.N.Bytes()))
	sig[len(sig)-1] = 2
	entry := func(block string, der []byte) func(*protobundle.Bundle) {
		text := pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der})
		body, err := json.Marshal(map[string]any{"apiVersion": "0.0.1", "kind": "hashedrekord", "spec": map[string]any{
			"data":      map[string]any{"hash": map[string]string{"algorithm": "sha256", "value": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}},
			"signature": map[string]any{"content": base64.StdEncoding.EncodeToString(sig), "publicKey": map[string]any{"content": base64.StdEncoding.EncodeToString(text)}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return func(b *protobundle.Bundle) {
			e := b.VerificationMaterial.TlogEntries[0]
			e.CanonicalizedBody, e.IntegratedTime = body, 1
			e.KindVersion.Kind, e.KindVersion.Version = "hashedrekord", "0.0.1"
		}
	}
	judged(t, "of the signer", r, func(b *protobundle.Bundle) {
		b.VerificationMaterial.Content = &protobundle.VerificationMaterial_Certificate{Certificate: &commonpb.X509Certificate{RawBytes: der}}
	}, gatekeep.ReasonCertificateInvalid, tooLong)
	judged(t, "in the chain", r, func(b *protobundle.Bundle) {
		leaf := b.VerificationMaterial.GetCertificate()
		b.MediaType = mediaType02
		b.VerificationMaterial.Content = &protobundle.VerificationMaterial_X509CertificateChain{X509CertificateChain: &commonpb.X509CertificateChain{
			Certificates: []*commonpb.X509Certificate{leaf, {RawBytes: der}},
		}}
	}, gatekeep.ReasonCertificateInvalid, tooLong)
	judged(t, "more certificates than a chain has", r, func(b *protobundle.Bundle) {
		leaf := b.VerificationMaterial.GetCertificate()
		b.MediaType = mediaType02
		many := make([]*commonpb.X509Certificate, pki.MaxCertificates+1)
		for i := range many {
			many[i] = leaf
		}
		b.VerificationMaterial.Content = &protobundle.VerificationMaterial_X509CertificateChain{X509CertificateChain: &commonpb.X509CertificateChain{Certificates: many}}
	}, gatekeep.ReasonTooLarge, "is over the bound")
	judged(t, "key in the log entry", r, entry("PUBLIC KEY", spki), gatekeep.ReasonEnvelopeMalformed, tooLong)
	judged(t, "PKCS #1 key in the log entry", r, entry("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(key)), gatekeep.ReasonEnvelopeMalformed, tooLong)
	judged(t, "key of an entry in a log that nobody knows", r, func(b *protobundle.Bundle) {
		entry("PUBLIC KEY", spki)(b)
		b.VerificationMaterial.TlogEntries[0].LogId.KeyId = []byte("a log that nobody knows")
	}, gatekeep.ReasonEnvelopeMalformed, tooLong)
	judged(t, "key in an intoto entry", r, func(b *protobundle.Bundle) {
		text := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
		body, err := json.Marshal(map[string]any{"apiVersion": "0.0.2", "kind": "intoto", "spec": map[string]any{"content": map[string]any{"envelope": map[string]any{
			"signatures": []any{map[string]string{"publicKey": base64.StdEncoding.EncodeToString([]byte(text))}},
		}}}})
		if err != nil {
			t.Fatal(err)
		}
		b.VerificationMaterial.TlogEntries[0].CanonicalizedBody = body
	}, gatekeep.ReasonEnvelopeMalformed, tooLong)
	judged(t, "an entry with more than an entry needs", r, func(b *protobundle.Bundle) {
		b.VerificationMaterial.TlogEntries[0].CanonicalizedBody = make([]byte, sigbundle.MaxBody+1)
	}, gatekeep.ReasonTooLarge, "is over the bound")
	judged(t, "certificate in the log entry", r, entry("CERTIFICATE", der), gatekeep.ReasonEnvelopeMalformed, tooLong)
	if usable(key) == nil {
		t.Error("a long key is usable")
	}
}

// A timestamp that nests without end must not end the process, which no recover stops.
func TestTimestampThatNestsWithoutEndIsRefused(t *testing.T) {
	_, m := made(t)
	r, err := NewRootOf("virtual", m)
	if err != nil {
		t.Fatal(err)
	}
	sequence := func(content ...[]byte) []byte {
		b, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: bytes.Join(content, nil)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for levels, want := range map[int]gatekeep.Reason{5_000_000: gatekeep.ReasonTooLarge, 8000: gatekeep.ReasonTooLarge, 10: gatekeep.ReasonEnvelopeMalformed} {
		token := sequence(sequence([]byte{2, 1, 0}), sequence(bytes.Repeat([]byte{0x30, 0x80}, levels)))
		judged(t, "nested", r, func(b *protobundle.Bundle) {
			b.VerificationMaterial.TimestampVerificationData.Rfc3161Timestamps[0].SignedTimestamp = token
		}, want, "timestamp 0: ")
	}
}
