package attest

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"io"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	sigroot "github.com/sigstore/sigstore-go/pkg/root"

	"github.com/gatekeep-dev/gatekeep"
)

// publicOnly is a key that an authority may certify and that signs nothing.
type publicOnly struct{ key crypto.PublicKey }

func (p publicOnly) Public() crypto.PublicKey { return p.key }

func (publicOnly) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, io.ErrUnexpectedEOF
}

// called gives a leaf one name, in the field of a tag, as it stands.
func called(tag int, text string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		value, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: tag, Bytes: []byte(text)}})
		if err != nil {
			panic(err)
		}
		isBuilder(c)
		c.URIs = nil
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}}
	}
}

// A threshold counts keys. One key, under two names or with two certificates, in one
// envelope or in several, is one.
func TestOneKeyIsOneSigner(t *testing.T) {
	h, shared, own := newHouse(t), newKey(t, "P-256"), newKey(t, "P-256")
	payload := provenanceOf(app)
	const scanURI = "spiffe://acme.example/ci/scan"
	cert := func(k testKey, uri string) string {
		leaf := h.between.issue(t, k.Signer, "leaf", func(c *x509.Certificate) {
			isBuilder(c)
			c.URIs[0], _ = url.Parse(uri)
		})
		return pemOf(leaf.cert, h.between.cert)
	}
	files := func(signers string) map[string]string {
		return map[string]string{"ca.pem": pemOf(h.root.cert), "k.pub": shared.pem, "trust.yaml": "version: 1\nsigners:\n" + signers +
			"statements:\n  - {types: [provenance], signers: [builder, keeper], threshold: 2}\n"}
	}
	keyAndCert := files("  builder: {ca: ca.pem, subject: \"" + builderURI + "\"}\n  keeper: {key: k.pub}\n")
	twoCerts := files("  builder: {ca: ca.pem, subject: \"" + builderURI + "\"}\n  keeper: {ca: ca.pem, subject: \"" + scanURI + "\"}\n")
	one, two := shared.sign(t, payloadInToto, payload), shared.sign(t, payloadInToto, payload)
	other := own.sign(t, payloadInToto, payload)
	builder, keeper := cert(shared, builderURI), cert(shared, scanURI)
	for _, c := range []struct {
		name   string
		files  map[string]string
		docs   [][]byte
		reason gatekeep.Reason
		vector string
	}{
		{"one signature, a certificate and the key", keyAndCert, [][]byte{envelopeOf(payload, signature{Sig: one, Cert: builder})}, gatekeep.ReasonThresholdNotMet, "threshold-one-key-certified_fail"},
		{"two signatures, a certificate and the key", keyAndCert, [][]byte{envelopeOf(payload, signature{Sig: one}, signature{Sig: two, Cert: builder})}, gatekeep.ReasonThresholdNotMet, ""},
		{"in two envelopes", keyAndCert, [][]byte{envelopeOf(payload, signature{Sig: one}), envelopeOf(payload, signature{Sig: two, Cert: builder})}, gatekeep.ReasonThresholdNotMet, ""},
		{"one signature twice, two certificates", twoCerts, [][]byte{envelopeOf(payload, signature{Sig: one, Cert: builder}, signature{Sig: one, Cert: keeper})}, gatekeep.ReasonThresholdNotMet, "threshold-one-key-two-certificates_fail"},
		{"two signatures, two certificates", twoCerts, [][]byte{envelopeOf(payload, signature{Sig: one, Cert: builder}, signature{Sig: two, Cert: keeper})}, gatekeep.ReasonThresholdNotMet, ""},
		{"two certificates in two envelopes", twoCerts, [][]byte{envelopeOf(payload, signature{Sig: one, Cert: builder}), envelopeOf(payload, signature{Sig: two, Cert: keeper})}, gatekeep.ReasonThresholdNotMet, ""},
		{"two keys, a certificate and the key", keyAndCert, [][]byte{envelopeOf(payload, signature{Sig: one}, signature{Sig: other, Cert: cert(own, builderURI)})}, "", ""},
		{"two keys, two certificates", twoCerts, [][]byte{envelopeOf(payload, signature{Sig: one, Cert: keeper}, signature{Sig: other, Cert: cert(own, builderURI)})}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var envelopes []Envelope
			for _, data := range c.docs {
				envelopes = append(envelopes, Envelope{Source: "test", Bytes: data})
			}
			ev, err := Verify(envelopes, trustIn(t, c.files), aboutApp(), noon)
			if err != nil {
				t.Fatal(err)
			}
			if (c.reason == "") != (len(ev.Statements) == len(c.docs)) || c.reason != "" && len(ev.Statements) > 0 {
				t.Fatalf("%d believed, rejected %+v", len(ev.Statements), ev.Rejected)
			}
			for _, r := range ev.Rejected {
				if r.Reason != c.reason {
					t.Errorf("rejected %+v, want %s", r, c.reason)
				}
			}
			keepVector(t, c.vector, c.files, c.docs[0], []string{app}, c.reason)
		})
	}
}

// Name constraints bind each kind of name apart: an intermediate that may certify one
// host may not make it a workload, nor an address.
func TestNameCountsInItsOwnFieldOnly(t *testing.T) {
	h := newHouse(t)
	narrow := h.root.issue(t, newKey(t, "P-256").Signer, "narrow", func(c *x509.Certificate) {
		isAuthority(c)
		c.PermittedURIDomains, c.PermittedDNSDomainsCritical = []string{"other.example"}, true
	})
	const uri, address, host = 6, 1, 2 // tags of GeneralName, RFC 5280 section 4.2.1.6
	for _, c := range []struct {
		name, signer string
		by           *issuer
		tag          int
		text         string
		reason       gatekeep.Reason
		vector       string
	}{
		{"as it should be", "subject: \"" + builderURI + "\"", h.between, uri, builderURI, "", ""},
		{"URI as a host", "subject: \"" + builderURI + "\"", narrow, host, builderURI, gatekeep.ReasonSignerUnknown, "private-ca-uri-as-host_fail"},
		{"URI as a host, by pattern", `subjectPattern: "spiffe://acme.example/ci/*"`, narrow, host, builderURI, gatekeep.ReasonSignerUnknown, ""},
		{"address as a host", "subject: ci@acme.example", narrow, host, "ci@acme.example", gatekeep.ReasonSignerUnknown, ""},
		{"address as a URI", "subject: ci@acme.example", h.between, uri, "ci@acme.example", gatekeep.ReasonSignerUnknown, ""},
		{"host as an address", "subject: ci.acme.example", narrow, address, "ci.acme.example", gatekeep.ReasonCertificateInvalid, ""},
		{"host as a URI", "subject: ci.acme.example", h.between, uri, "ci.acme.example", gatekeep.ReasonSignerUnknown, ""},
		{"another spelling of the scheme", "subject: \"" + builderURI + "\"", h.between, uri, strings.Replace(builderURI, "spiffe", "SPIFFE", 1), gatekeep.ReasonSignerUnknown, ""},
		{"an empty fragment", "subject: \"" + builderURI + "\"", h.between, uri, builderURI + "#", gatekeep.ReasonSignerUnknown, "private-ca-uri-respelt_fail"},
	} {
		t.Run(c.name, func(t *testing.T) {
			leaf := c.by.issue(t, newKey(t, "P-256").Signer, "builder", called(c.tag, c.text))
			data := withCert(t, leaf, provenanceOf(app), c.by.cert)
			wantReason(t, data, h.ownTrust(t, c.signer), aboutApp(), noon, c.reason)
			keepVector(t, c.vector, map[string]string{"ca.pem": pemOf(h.root.cert), "trust.yaml": ownTrustText(c.signer)}, data, []string{app}, c.reason)
		})
	}
}

// Nobody decides how long the gate thinks: a key is measured before it is used.
func TestLongKeysAreNotUsed(t *testing.T) {
	h := newHouse(t)
	n := new(big.Int).Lsh(big.NewInt(1), 200_000)
	n.Sub(n, big.NewInt(3))
	long := h.between.issue(t, publicOnly{&rsa.PublicKey{N: n, E: 1<<31 - 1}}, "long", isBuilder)
	payload := provenanceOf(app)
	sig := bytes.Repeat([]byte{0x5a}, n.BitLen()/8)
	sig = append(sig, make([]byte, (n.BitLen()+7)/8-len(sig))...)
	trusted := h.ownTrust(t, `subject: "`+builderURI+`"`)
	short := h.builder(t, asItIs)
	for name, data := range map[string][]byte{
		"of the signer":      envelopeOf(payload, signature{Sig: sig, Cert: pemOf(long.cert, h.between.cert)}),
		"beside the signers": withCert(t, short, payload, h.between.cert, long.cert),
	} {
		began := time.Now()
		wantReason(t, data, trusted, aboutApp(), noon, gatekeep.ReasonCertificateInvalid)
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// A timestamp that nests without end must not end the process, which no recover stops.
func TestTimestampThatNestsWithoutEndIsRefused(t *testing.T) {
	h, v := newHouse(t), newSigstore(t)
	leaf := h.root.issue(t, newKey(t, "P-256").Signer, "builder", isBuilder)
	tsa := v.TimestampingAuthorities()[0].(*sigroot.SigstoreTimestampingAuthority)
	files := map[string]string{"ca.pem": pemOf(h.root.cert), "trust.yaml": ownTrustText(`subject: "` + builderURI + `", tsa: tsa.pem`)}
	files["tsa.pem"] = pemOf(append([]*x509.Certificate{tsa.Leaf, tsa.Root}, tsa.Intermediates...)...)
	sequence := func(content ...[]byte) []byte {
		b, err := asn1.Marshal(asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: bytes.Join(content, nil)})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	token := sequence(sequence([]byte{2, 1, 0}), sequence(bytes.Repeat([]byte{0x30, 0x80}, 5_000_000)))
	data := ownBundle(t, leaf, provenanceOf(app), bundleV03, "", token)
	if !json.Valid(data) {
		t.Fatal("no bundle")
	}
	wantReason(t, data, trustIn(t, files), aboutApp(), noon.AddDate(2, 0, 0), gatekeep.ReasonExpired)
	files["trust.yaml"] = "version: 1\nsigners:\n  one: {issuer: \"https://x.example\", subject: \"https://x.example/y\", root: sigstore-production}\nstatements: []\n"
	wantReason(t, data, trustIn(t, files), aboutApp(), noon, gatekeep.ReasonTooLarge)
}
