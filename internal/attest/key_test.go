package attest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"testing"
	"time"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
)

func TestEveryKindOfKeyVerifies(t *testing.T) {
	payload := provenanceOf(app)
	for _, kind := range []string{"P-256", "P-384", "P-521", "Ed25519", "RSA"} {
		t.Run(kind, func(t *testing.T) {
			k := newKey(t, kind)
			s, _ := wantReason(t, k.signed(t, payload), builderTrust(t, k), aboutApp(), noon, "")
			if s.Verification.Signer != "builder" || s.Verification.Status != gatekeep.StatusVerified || len(s.Verification.KeyID) != 71 {
				t.Fatalf("got %+v", s.Verification)
			}
			wantReason(t, newKey(t, kind).signed(t, payload), builderTrust(t, k), aboutApp(), noon, gatekeep.ReasonSignatureInvalid)
		})
	}
}

func TestFormsOfSignatures(t *testing.T) {
	payload := provenanceOf(app)
	message := dsse.PAE(payloadInToto, payload)
	sum := sha256.Sum256(message)
	for _, kind := range []string{"P-256", "P-384", "P-521"} {
		k := newKey(t, kind)
		key := k.Signer.(*ecdsa.PrivateKey)
		r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		size := (key.Curve.Params().BitSize + 7) / 8
		raw := append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...)
		trust := builderTrust(t, k)
		wantReason(t, envelopeOf(payload, signature{Sig: raw}), trust, aboutApp(), noon, "")
		wantReason(t, envelopeOf(payload, signature{Sig: raw[1:]}), trust, aboutApp(), noon, gatekeep.ReasonSignatureInvalid)
		zero := make([]byte, 2*size)
		wantReason(t, envelopeOf(payload, signature{Sig: zero}), trust, aboutApp(), noon, gatekeep.ReasonSignatureInvalid)
		order := append(key.Curve.Params().N.FillBytes(make([]byte, size)), big.NewInt(1).FillBytes(make([]byte, size))...)
		wantReason(t, envelopeOf(payload, signature{Sig: order}), trust, aboutApp(), noon, gatekeep.ReasonSignatureInvalid)
	}
	large := newKey(t, "P-384")
	sum384 := sha512.Sum384(message)
	wantReason(t, envelopeOf(payload, signature{Sig: mustSign(t, large.Signer, sum384[:], crypto.SHA384)}), builderTrust(t, large), aboutApp(), noon, "")
	larger := newKey(t, "P-521")
	sum512 := sha512.Sum512(message)
	wantReason(t, envelopeOf(payload, signature{Sig: mustSign(t, larger.Signer, sum512[:], crypto.SHA512)}), builderTrust(t, larger), aboutApp(), noon, "")
	r := newKey(t, "RSA")
	pss := mustSign(t, r.Signer, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256})
	wantReason(t, envelopeOf(payload, signature{Sig: pss}), builderTrust(t, r), aboutApp(), noon, "")
}

func TestChangedPayloadIsRefused(t *testing.T) {
	k := newKey(t, "P-256")
	payload := provenanceOf(app)
	sig := k.sign(t, payloadInToto, payload)
	changed := bytes.Replace(payload, []byte("builder"), []byte("bvilder"), 1)
	_, r := wantReason(t, envelopeOf(changed, signature{Sig: sig}), builderTrust(t, k), aboutApp(), noon, gatekeep.ReasonSignatureInvalid)
	if r.Detail != "no key of the trust policy verifies it" || r.Kind != "provenance" || r.PredicateType != provenanceType {
		t.Fatalf("got %+v", r)
	}
	// So is one that no longer reads as a statement: nothing says that it is a stranger's.
	broken := append(bytes.Clone(payload[:len(payload)-1]), '|')
	wantReason(t, envelopeOf(broken, signature{Sig: sig}), builderTrust(t, k), aboutApp(), noon, gatekeep.ReasonSignatureInvalid)
}

// What is signed under one payload type is not believed under another.
func TestPayloadTypeIsSigned(t *testing.T) {
	k := newKey(t, "P-256")
	payload := provenanceOf(app)
	sig := k.sign(t, payloadStatement, payload)
	wantReason(t, envelopeOf(payload, signature{Sig: sig}), builderTrust(t, k), aboutApp(), noon, gatekeep.ReasonSignatureInvalid)
	honest := bytes.Replace(envelopeOf(payload, signature{Sig: sig}), []byte(payloadInToto), []byte(payloadStatement), 1)
	wantReason(t, honest, builderTrust(t, k), aboutApp(), noon, "")
	foreign := bytes.Replace(k.signed(t, payload), []byte(payloadInToto), []byte("text/plain"), 1)
	wantReason(t, foreign, builderTrust(t, k), aboutApp(), noon, gatekeep.ReasonEnvelopeMalformed)
}

func TestReasonWhereNoKeyVerifies(t *testing.T) {
	k, stranger := newKey(t, "P-256"), newKey(t, "P-256")
	der, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(der)
	payload := provenanceOf(app)
	bad := stranger.sign(t, payloadInToto, payload)
	vulns := statementOf("https://in-toto.io/attestation/vulns/v0.2", `{}`, app)
	for _, c := range []struct {
		name   string
		data   []byte
		reason gatekeep.Reason
		signer string
	}{
		{"hint of a known key, hex", envelopeOf(payload, signature{KeyID: hex.EncodeToString(sum[:]), Sig: bad}), gatekeep.ReasonSignatureInvalid, "builder"},
		{"hint of a known key, base64", envelopeOf(payload, signature{KeyID: base64.StdEncoding.EncodeToString(sum[:]), Sig: bad}), gatekeep.ReasonSignatureInvalid, "builder"},
		{"hint of a known key, own form", envelopeOf(payload, signature{KeyID: "sha256:" + hex.EncodeToString(sum[:]), Sig: bad}), gatekeep.ReasonSignatureInvalid, "builder"},
		{"hint of another key", envelopeOf(payload, signature{KeyID: "kms://other", Sig: bad}), gatekeep.ReasonSignerUnknown, ""},
		{"one of two without hint", envelopeOf(payload, signature{KeyID: "kms://other", Sig: bad}, signature{Sig: bad}), gatekeep.ReasonSignatureInvalid, ""},
		{"no hint, some key trusted for the type", envelopeOf(payload, signature{Sig: bad}), gatekeep.ReasonSignatureInvalid, ""},
		{"no hint, no key trusted for the type", envelopeOf(vulns, signature{Sig: stranger.sign(t, payloadInToto, vulns)}), gatekeep.ReasonSignerUnknown, ""},
		{"certificate without log or time", envelopeOf(payload, signature{Sig: bad, Cert: "-----BEGIN CERTIFICATE-----"}), gatekeep.ReasonNoTrustedTime, ""},
		{"no signature", envelopeOf(payload), gatekeep.ReasonUnsigned, ""},
		{"empty signature", envelopeOf(payload, signature{Sig: []byte{}}), gatekeep.ReasonSignatureInvalid, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, r := wantReason(t, c.data, builderTrust(t, k), aboutApp(), noon, c.reason)
			if r.Signer != c.signer {
				t.Fatalf("signer %q, want %q", r.Signer, c.signer)
			}
		})
	}
}

// A hint is no evidence of anything: with a wrong one a good signature still holds.
func TestHintDoesNotDecide(t *testing.T) {
	k := newKey(t, "P-256")
	payload := provenanceOf(app)
	data := envelopeOf(payload, signature{KeyID: "another", Sig: k.sign(t, payloadInToto, payload)})
	wantReason(t, data, builderTrust(t, k), aboutApp(), noon, "")
}

func TestSignatureAmongManyCounts(t *testing.T) {
	k, stranger := newKey(t, "P-256"), newKey(t, "Ed25519")
	payload := provenanceOf(app)
	bad := signature{Sig: stranger.sign(t, payloadInToto, payload)}
	good := signature{Sig: k.sign(t, payloadInToto, payload)}
	wantReason(t, envelopeOf(payload, bad, good), builderTrust(t, k), aboutApp(), noon, "")
	var many []signature
	for range envelope.MaxSignatures {
		many = append(many, bad)
	}
	wantReason(t, envelopeOf(payload, append(many[:envelope.MaxSignatures-1:envelope.MaxSignatures-1], good)...), builderTrust(t, k), aboutApp(), noon, "")
	wantReason(t, envelopeOf(payload, append(many, good)...), builderTrust(t, k), aboutApp(), noon, gatekeep.ReasonTooLarge)
}

func TestExpiredKeyIsRefused(t *testing.T) {
	k := newKey(t, "P-256")
	trust := trustIn(t, map[string]string{"bob.pub": k.pem, "trust.yaml": `
version: 1
signers:
  bob: {key: bob.pub, principal: bob, notBefore: 2026-01-01T00:00:00Z, notAfter: 2026-12-31T23:59:59Z}
statements:
  - {types: [provenance], signers: [bob]}
`})
	data := k.signed(t, provenanceOf(app))
	for _, c := range []struct {
		at     string
		reason gatekeep.Reason
	}{
		{"2025-12-31T23:59:59Z", gatekeep.ReasonNotYetValid},
		{"2026-01-01T00:00:00Z", ""},
		{"2026-12-31T23:59:59Z", ""},
		{"2027-01-01T00:00:00Z", gatekeep.ReasonExpired},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		s, r := wantReason(t, data, trust, aboutApp(), at, c.reason)
		if s != nil && s.Verification.Principal != "bob" || r != nil && r.Signer != "bob" {
			t.Fatalf("%s: got %+v, %+v", c.at, s, r)
		}
	}
}
