package attest

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"

	"github.com/gatekeep-dev/gatekeep"
)

// builderURI is what the builder's certificate calls it.
const builderURI = "spiffe://acme.example/ci/build"

// issuer is an authority of a test.
type issuer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func pemOf(certs ...*x509.Certificate) string {
	var b strings.Builder
	for _, c := range certs {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.String()
}

// issue makes a certificate. Without a parent it signs itself.
func (by *issuer) issue(t testing.TB, key crypto.Signer, name string, change func(*x509.Certificate)) *issuer {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: noon.AddDate(-1, 0, 0), NotAfter: noon.AddDate(1, 0, 0),
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	change(c)
	parent, signer := c, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{made, key}
}

func isAuthority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign
}

// isBuilder is a leaf as the builder's should be.
func isBuilder(c *x509.Certificate) {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}
	c.URIs = []*url.URL{{Scheme: "spiffe", Host: "acme.example", Path: "/ci/build"}}
}

// house is an organisation with a root and an intermediate.
type house struct{ root, between *issuer }

func newHouse(t testing.TB) house {
	t.Helper()
	root := (*issuer)(nil).issue(t, newKey(t, "P-256").Signer, "root", isAuthority)
	return house{root, root.issue(t, newKey(t, "P-256").Signer, "intermediate", isAuthority)}
}

func (h house) builder(t testing.TB, change func(*x509.Certificate)) *issuer {
	t.Helper()
	return h.between.issue(t, newKey(t, "P-256").Signer, "builder", func(c *x509.Certificate) { isBuilder(c); change(c) })
}

func asItIs(*x509.Certificate) {}

// withCert is a DSSE envelope signed by a leaf, which brings its chain along.
func withCert(t testing.TB, leaf *issuer, payload []byte, chain ...*x509.Certificate) []byte {
	t.Helper()
	k := testKey{Signer: leaf.key}
	return envelopeOf(payload, signature{Sig: k.sign(t, payloadInToto, payload), Cert: pemOf(append([]*x509.Certificate{leaf.cert}, chain...)...)})
}

// withSHA1 signs a certificate again, the way authorities once did. Go makes none.
func withSHA1(t testing.TB, leaf, by *issuer) *issuer {
	t.Helper()
	var parts struct {
		TBS       asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(leaf.cert.Raw, &parts); err != nil {
		t.Fatal(err)
	}
	head := []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1}
	tbs := bytes.Replace(parts.TBS.FullBytes, append(head, 11), append(bytes.Clone(head), 5), 1)
	sum := sha1.Sum(tbs)
	parts.TBS = asn1.RawValue{FullBytes: tbs}
	parts.Algorithm.Algorithm = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 5} // RFC 3279: sha1WithRSAEncryption
	parts.Signature = asn1.BitString{Bytes: mustSign(t, by.key, sum[:], crypto.SHA1), BitLength: 2048}
	der, err := asn1.Marshal(parts)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil || made.SignatureAlgorithm != x509.SHA1WithRSA {
		t.Fatalf("made a certificate with %v, %v", made, err)
	}
	return &issuer{made, leaf.key}
}

// ownTrust trusts the builder by a certificate of the organisation's own root.
func (h house) ownTrust(t testing.TB, signer string) *Trust {
	t.Helper()
	return trustIn(t, map[string]string{"ca.pem": pemOf(h.root.cert), "trust.yaml": ownTrustText(signer)})
}

func ownTrustText(signer string) string {
	return "version: 1\nsigners:\n  builder: {ca: ca.pem, " + signer + "}\nstatements:\n  - {types: [provenance], signers: [builder]}\n"
}

func TestCertificatesOfOnesOwnAuthority(t *testing.T) {
	h, elsewhere := newHouse(t), newHouse(t)
	t.Setenv("GODEBUG", "rsa1024min=0") // or no such key could be made
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	of := func(change func(*x509.Certificate)) []byte {
		return withCert(t, h.builder(t, change), provenanceOf(app), h.between.cert)
	}
	narrow := h.root.issue(t, newKey(t, "P-256").Signer, "narrow", func(c *x509.Certificate) {
		isAuthority(c)
		c.PermittedURIDomains, c.PermittedDNSDomainsCritical = []string{"other.example"}, true
	})
	short := h.root.issue(t, newKey(t, "P-256").Signer, "no path", func(c *x509.Certificate) { isAuthority(c); c.MaxPathLenZero = true })
	deeper := short.issue(t, newKey(t, "P-256").Signer, "deeper", isAuthority)
	tls := h.root.issue(t, newKey(t, "P-256").Signer, "servers only", func(c *x509.Certificate) {
		isAuthority(c)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	rsaRoot := (*issuer)(nil).issue(t, newKey(t, "RSA").Signer, "rsa", isAuthority)
	old := withSHA1(t, rsaRoot.issue(t, newKey(t, "P-256").Signer, "old digest", isBuilder), rsaRoot)
	exact := `subject: "` + builderURI + `"`
	changed := bytes.Replace(provenanceOf(app), []byte("builder"), []byte("bvilder"), 1)
	stolen := h.builder(t, asItIs)
	stolenSig := testKey{Signer: stolen.key}.sign(t, payloadInToto, provenanceOf(app))
	for _, c := range []struct {
		name, signer string
		house        house
		data         []byte
		reason       gatekeep.Reason
		vector       string
	}{
		{"good", exact, h, of(asItIs), "", "private-ca"},
		{"without the intermediate", exact, h, withCert(t, h.builder(t, asItIs), provenanceOf(app)), gatekeep.ReasonCertificateInvalid, ""},
		{"by pattern", `subjectPattern: "spiffe://acme.example/ci/*"`, h, of(asItIs), "", ""},
		{"pattern of another depth", `subjectPattern: "spiffe://acme.example/*"`, h, of(asItIs), gatekeep.ReasonSignerUnknown, ""},
		{"address", `subject: ci@acme.example`, h, of(func(c *x509.Certificate) { c.URIs, c.EmailAddresses = nil, []string{"ci@acme.example"} }), "", ""},
		{"host", `subject: ci.acme.example`, h, of(func(c *x509.Certificate) { c.URIs, c.DNSNames = nil, []string{"ci.acme.example"} }), "", ""},
		{"host by pattern", `subjectPattern: "*.acme.example"`, h, of(func(c *x509.Certificate) { c.URIs, c.DNSNames = nil, []string{"ci.acme.example"} }), "", ""},
		{"address that looks like a host of the pattern", `subjectPattern: "*.acme.example"`, h,
			of(func(c *x509.Certificate) { c.URIs, c.EmailAddresses = nil, []string{"x@evil.acme.example"} }), gatekeep.ReasonSignerUnknown, ""},
		{"another name", exact, h, of(func(c *x509.Certificate) { c.URIs[0].Path = "/ci/build-evil" }), gatekeep.ReasonSignerUnknown, "private-ca-other-name_fail"},
		{"no name but the common name", exact, h, of(func(c *x509.Certificate) { c.URIs = nil; c.Subject.CommonName = builderURI }), gatekeep.ReasonSignerUnknown, "private-ca-common-name_fail"},
		{"another root", exact, elsewhere, of(asItIs), gatekeep.ReasonCertificateInvalid, "private-ca-other-root_fail"},
		{"the root of a stranger brought along", exact, h, withCert(t, elsewhere.builder(t, asItIs), provenanceOf(app), elsewhere.between.cert, elsewhere.root.cert), gatekeep.ReasonCertificateInvalid, "private-ca-brings-its-root_fail"},
		{"expired", exact, h, of(func(c *x509.Certificate) { c.NotAfter = noon.Add(-time.Second) }), gatekeep.ReasonExpired, "private-ca-expired-leaf_fail"},
		{"at the last second", exact, h, of(func(c *x509.Certificate) { c.NotAfter = noon }), "", ""},
		{"not yet valid", exact, h, of(func(c *x509.Certificate) { c.NotBefore = noon.Add(time.Second) }), gatekeep.ReasonNotYetValid, "private-ca-early-leaf_fail"},
		{"an authority signs", exact, h, of(func(c *x509.Certificate) { c.IsCA = true }), gatekeep.ReasonCertificateInvalid, "private-ca-leaf-is-ca_fail"},
		{"not for code", exact, h, of(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }), gatekeep.ReasonCertificateInvalid, "private-ca-no-code-signing_fail"},
		{"for anything", exact, h, of(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }), gatekeep.ReasonCertificateInvalid, ""},
		{"for nothing said", exact, h, of(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), gatekeep.ReasonCertificateInvalid, "private-ca-no-usage_fail"},
		{"key only for encipherment", exact, h, of(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), gatekeep.ReasonCertificateInvalid, ""},
		{"short key", exact, h, withCert(t, h.between.issue(t, weak, "weak", isBuilder), provenanceOf(app), h.between.cert), gatekeep.ReasonCertificateInvalid, "private-ca-short-key_fail"},
		{"name constraint", exact, h, withCert(t, narrow.issue(t, newKey(t, "P-256").Signer, "b", isBuilder), provenanceOf(app), narrow.cert), gatekeep.ReasonCertificateInvalid, "private-ca-name-constraint_fail"},
		{"path too long", exact, h, withCert(t, deeper.issue(t, newKey(t, "P-256").Signer, "b", isBuilder), provenanceOf(app), deeper.cert, short.cert), gatekeep.ReasonCertificateInvalid, "private-ca-path-length_fail"},
		{"intermediate for servers", exact, h, withCert(t, tls.issue(t, newKey(t, "P-256").Signer, "b", isBuilder), provenanceOf(app), tls.cert), gatekeep.ReasonCertificateInvalid, ""},
		{"SHA-256 of the same root", exact, house{root: rsaRoot}, withCert(t, rsaRoot.issue(t, newKey(t, "P-256").Signer, "new", isBuilder), provenanceOf(app)), "", ""},
		{"SHA-1", exact, house{root: rsaRoot}, withCert(t, old, provenanceOf(app)), gatekeep.ReasonCertificateInvalid, "private-ca-sha1_fail"},
		{"payload changed", exact, h, envelopeOf(changed, signature{Sig: stolenSig, Cert: pemOf(stolen.cert, h.between.cert)}), gatekeep.ReasonSignatureInvalid, "private-ca-changed-payload_fail"},
		{"certificate of another", exact, h, envelopeOf(provenanceOf(app), signature{Sig: newKey(t, "P-256").sign(t, payloadInToto, provenanceOf(app)), Cert: pemOf(stolen.cert, h.between.cert)}), gatekeep.ReasonSignatureInvalid, "private-ca-stolen-certificate_fail"},
		{"no certificate in the field", exact, h, envelopeOf(provenanceOf(app), signature{Sig: stolenSig, Cert: "hello"}), gatekeep.ReasonCertificateInvalid, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, r := wantReason(t, c.data, c.house.ownTrust(t, c.signer), aboutApp(), noon, c.reason)
			if s != nil && (s.Verification.Signer != "builder" || s.Verification.SAN == "" || s.Verification.KeyID != "" || s.Verification.Issuer != "") {
				t.Errorf("got %+v", s.Verification)
			}
			if late := r != nil && (c.reason == gatekeep.ReasonExpired || c.reason == gatekeep.ReasonNotYetValid); late && r.Signer != "builder" {
				t.Errorf("rejected %+v", r)
			}
			keepVector(t, c.vector, map[string]string{"ca.pem": pemOf(c.house.root.cert), "trust.yaml": ownTrustText(c.signer)}, c.data, []string{app}, c.reason)
		})
	}
}

// ownBundle is a Sigstore bundle of a certificate of one's own authority.
func ownBundle(t testing.TB, leaf *issuer, payload []byte, mediaType, chain string, stamps ...[]byte) []byte {
	t.Helper()
	b64 := base64.StdEncoding.EncodeToString
	sig := testKey{Signer: leaf.key}.sign(t, payloadInToto, payload)
	material := map[string]any{"certificate": map[string]string{"rawBytes": b64(leaf.cert.Raw)}}
	if chain != "" {
		block, _ := pem.Decode([]byte(chain))
		material = map[string]any{"x509CertificateChain": map[string]any{"certificates": []any{
			map[string]string{"rawBytes": b64(leaf.cert.Raw)}, map[string]string{"rawBytes": b64(block.Bytes)},
		}}}
	}
	var tokens []any
	for _, s := range stamps {
		tokens = append(tokens, map[string]string{"signedTimestamp": b64(s)})
	}
	if tokens != nil {
		material["timestampVerificationData"] = map[string]any{"rfc3161Timestamps": tokens}
	}
	data, err := json.Marshal(map[string]any{"mediaType": mediaType, "verificationMaterial": material, "dsseEnvelope": map[string]any{
		"payload": b64(payload), "payloadType": payloadInToto, "signatures": []any{map[string]string{"sig": b64(sig)}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const (
	bundleV02 = "application/vnd.dev.sigstore.bundle+json;version=0.2"
	bundleV03 = "application/vnd.dev.sigstore.bundle.v0.3+json"
)

func TestBundlesOfOnesOwnAuthority(t *testing.T) {
	h, elsewhere := newHouse(t), newHouse(t)
	leaf := h.builder(t, asItIs)
	direct := h.root.issue(t, newKey(t, "P-256").Signer, "builder", isBuilder)
	between := pemOf(h.between.cert)
	exact := `subject: "` + builderURI + `"`
	listed := trustIn(t, map[string]string{"ca.pem": pemOf(h.between.cert, h.root.cert), "trust.yaml": ownTrustText(exact)})
	for name, c := range map[string]struct {
		trust  *Trust
		data   []byte
		reason gatekeep.Reason
	}{
		"chain in a bundle v0.2":             {h.ownTrust(t, exact), ownBundle(t, leaf, provenanceOf(app), bundleV02, between), ""},
		"chain in a bundle v0.3":             {h.ownTrust(t, exact), ownBundle(t, leaf, provenanceOf(app), bundleV03, between), gatekeep.ReasonEnvelopeMalformed},
		"certificate alone":                  {h.ownTrust(t, exact), ownBundle(t, direct, provenanceOf(app), bundleV03, ""), ""},
		"intermediate in the trust policy":   {listed, ownBundle(t, leaf, provenanceOf(app), bundleV03, ""), ""},
		"no intermediate":                    {h.ownTrust(t, exact), ownBundle(t, leaf, provenanceOf(app), bundleV03, ""), gatekeep.ReasonCertificateInvalid},
		"another root":                       {elsewhere.ownTrust(t, exact), ownBundle(t, direct, provenanceOf(app), bundleV03, ""), gatekeep.ReasonCertificateInvalid},
		"another subject":                    {h.ownTrust(t, exact), ownBundle(t, direct, provenanceOf(other), bundleV03, ""), gatekeep.ReasonSubjectMismatch},
		"policy without authority, and none": {builderTrust(t, newKey(t, "P-256")), ownBundle(t, direct, provenanceOf(app), bundleV03, ""), gatekeep.ReasonSignerUnknown},
	} {
		t.Run(name, func(t *testing.T) { wantReason(t, c.data, c.trust, aboutApp(), noon, c.reason) })
	}
}

// The time of signing is that of a token from the configured authority, and else that
// of the decision.
func TestTimestampProvesWhenACertificateWasUsed(t *testing.T) {
	h := newHouse(t)
	v, stranger := newSigstore(t), newSigstore(t)
	now := time.Now().UTC()
	leaf := h.root.issue(t, newKey(t, "Ed25519").Signer, "builder", func(c *x509.Certificate) {
		isBuilder(c)
		c.NotBefore, c.NotAfter = now.Add(-time.Hour), now.Add(time.Hour)
	})
	tsa := v.TimestampingAuthorities()[0].(*sigroot.SigstoreTimestampingAuthority)
	files := map[string]string{"ca.pem": pemOf(h.root.cert), "trust.yaml": ownTrustText(`subject: "` + builderURI + `", tsa: tsa.pem`)}
	files["tsa.pem"] = pemOf(append([]*x509.Certificate{tsa.Leaf, tsa.Root}, tsa.Intermediates...)...)
	trusted := trustIn(t, files)
	files["trust.yaml"] = ownTrustText(`subject: "` + builderURI + `"`)
	without := trustIn(t, files)
	payload := provenanceOf(app)
	sig := testKey{Signer: leaf.key}.sign(t, payloadInToto, payload) // Ed25519 signs the same way again
	stamp := func(by *ca.VirtualSigstore, sig []byte) []byte {
		token, err := by.TimestampResponse(sig)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good, of := stamp(v, sig), func(stamps ...[]byte) []byte { return ownBundle(t, leaf, payload, bundleV03, "", stamps...) }
	later := now.AddDate(1, 0, 0)
	for name, c := range map[string]struct {
		trust  *Trust
		data   []byte
		at     time.Time
		reason gatekeep.Reason
	}{
		"decided within its life":        {trusted, of(), now, ""},
		"decided later, with a token":    {trusted, of(good), later, ""},
		"decided later, without":         {trusted, of(), later, gatekeep.ReasonExpired},
		"token of a stranger":            {trusted, of(stamp(stranger, sig)), later, gatekeep.ReasonExpired},
		"token over something else":      {trusted, of(stamp(v, []byte("else"))), later, gatekeep.ReasonExpired},
		"token that nobody asked for":    {without, of(good), later, gatekeep.ReasonExpired},
		"noise for a token":              {trusted, of([]byte("noise")), later, gatekeep.ReasonExpired},
		"stranger's and good":            {trusted, of(stamp(stranger, sig), good), later, ""},
		"noise does not spoil the clock": {trusted, of([]byte("noise")), now, ""},
	} {
		t.Run(name, func(t *testing.T) { wantReason(t, c.data, c.trust, aboutApp(), c.at, c.reason) })
	}
}

func TestEnvelopeOfKeyAndCertificateCountsForEither(t *testing.T) {
	h, k := newHouse(t), newKey(t, "P-256")
	leaf := h.builder(t, asItIs)
	payload := provenanceOf(app)
	sum := testKey{Signer: leaf.key}.sign(t, payloadInToto, payload)
	both := envelopeOf(payload, signature{Sig: k.sign(t, payloadInToto, payload)}, signature{Sig: sum, Cert: pemOf(leaf.cert, h.between.cert)})
	s, _ := wantReason(t, both, builderTrust(t, k), aboutApp(), noon, "")
	if s.Verification.KeyID == "" {
		t.Errorf("got %+v", s.Verification)
	}
	wantReason(t, both, h.ownTrust(t, `subject: "`+builderURI+`"`), aboutApp(), noon, "")
}
