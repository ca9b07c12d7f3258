package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
)

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

type issuer struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newKey(t testing.TB, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// make issues a certificate valid for an hour either side of noon.
func (by *issuer) make(t testing.TB, name string, key crypto.Signer, change func(*x509.Certificate)) *issuer {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: noon.Add(-time.Hour), NotAfter: noon.Add(time.Hour), BasicConstraintsValid: true}
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

func authority(c *x509.Certificate) { c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign }

func signer(c *x509.Certificate) {
	c.ExtKeyUsage, c.KeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, x509.KeyUsageDigitalSignature
}

func text(certs ...*issuer) []byte {
	var b []byte
	for _, c := range certs {
		b = append(b, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})...)
	}
	return b
}

func mustAuthority(t testing.TB, certs ...*issuer) *Authority {
	t.Helper()
	a, err := ParseAuthority(text(certs...))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestCertificateIsJudgedAtATime(t *testing.T) {
	root := (*issuer)(nil).make(t, "root", newKey(t, elliptic.P256()), func(c *x509.Certificate) { authority(c); c.NotAfter = noon.Add(30 * time.Minute) })
	leaf := root.make(t, "leaf", newKey(t, elliptic.P256()), signer)
	a := mustAuthority(t, root)
	for at, want := range map[time.Duration]gatekeep.Reason{
		0: "", -time.Hour: "", -time.Hour - time.Second: gatekeep.ReasonNotYetValid, 30 * time.Minute: "",
		31 * time.Minute: gatekeep.ReasonExpired, 2 * time.Hour: gatekeep.ReasonExpired,
	} {
		why := a.Check(leaf.cert, nil, noon.Add(at))
		if got := gatekeep.Reason(""); why != nil {
			got = why.Reason
			if got != want {
				t.Errorf("at %v: %+v, want %q", at, why, want)
			}
		} else if want != "" {
			t.Errorf("at %v: believed, want %s", at, want)
		}
	}
	if !a.Knows(leaf.cert, nil) || mustAuthority(t, (*issuer)(nil).make(t, "root", newKey(t, elliptic.P256()), authority)).Knows(leaf.cert, nil) {
		t.Error("another root of the same name is the same, or the own one is not")
	}
}

// An authority with an old root and a new one knows certificates of both.
func TestEveryRootCounts(t *testing.T) {
	old := (*issuer)(nil).make(t, "root", newKey(t, elliptic.P384()), authority)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	renewed := (*issuer)(nil).make(t, "root", edKey, authority)
	between := renewed.make(t, "between", newKey(t, elliptic.P521()), authority)
	both := mustAuthority(t, old, between, renewed)
	for _, by := range []*issuer{old, renewed, between} {
		if why := both.Check(by.make(t, "leaf", newKey(t, elliptic.P256()), signer).cert, nil, noon); why != nil {
			t.Errorf("%+v", why)
		}
	}
	if !both.Shares(mustAuthority(t, old)) || mustAuthority(t, old).Shares(mustAuthority(t, renewed)) {
		t.Error("authorities share what they do not have, or not what they have")
	}
}

// A weak key anywhere in the chain breaks it; another chain may still hold.
func TestChainIsAsStrongAsItsWeakestKey(t *testing.T) {
	root := (*issuer)(nil).make(t, "root", newKey(t, elliptic.P256()), authority)
	weak := root.make(t, "between", newKey(t, elliptic.P224()), authority)
	a := mustAuthority(t, root)
	if a.Knows(weak.make(t, "leaf", newKey(t, elliptic.P256()), signer).cert, []*x509.Certificate{weak.cert}) {
		t.Error("a chain over a weak key holds")
	}
	if why := a.Check(root.make(t, "leaf", newKey(t, elliptic.P224()), signer).cert, nil, noon); why == nil || why.Reason != gatekeep.ReasonCertificateInvalid {
		t.Errorf("got %+v", why)
	}
}

func TestMistakesInPEMAreNamed(t *testing.T) {
	root := (*issuer)(nil).make(t, "root", newKey(t, elliptic.P256()), authority)
	leaf := root.make(t, "leaf", newKey(t, elliptic.P256()), signer)
	between := root.make(t, "between", newKey(t, elliptic.P256()), authority)
	small := (*issuer)(nil).make(t, "small", newKey(t, elliptic.P224()), authority)
	forged := *between.cert
	forged.RawIssuer = forged.RawSubject
	if selfSigned(&forged) {
		t.Error("a name alone makes a root")
	}
	for want, data := range map[string][]byte{
		"holds no PEM block":                    nil,
		"none of an authority":                  text(root, leaf),
		"holds no root":                         text(between),
		"P-224 is not supported":                text(small),
		"more than 16 certificates":             slices.Repeat(text(root), MaxCertificates+1),
		"reading certificate":                   []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
		"text after its certificates":           append(text(root), "x"...),
		`type "PUBLIC KEY"; it must be CERTIFI`: []byte("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
		"holds a private key":                   []byte("-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"),
	} {
		if _, err := ParseAuthority(data); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if _, err := ParseTimestampers(text(root, leaf, leaf)); err == nil || !strings.Contains(err.Error(), "two time stamping authorities") {
		t.Errorf("got %v", err)
	}
	if _, err := ParseTimestampers(text(leaf, between)); err == nil || !strings.Contains(err.Error(), "no root") {
		t.Errorf("got %v", err)
	}
}

func TestKeysThatNobodyShouldRelyOn(t *testing.T) {
	t.Setenv("GODEBUG", "rsa1024min=0") // or no such key could be made
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.PublicKey{short.Public(), newKey(t, elliptic.P224()).Public(), "text", nil} {
		if CheckKey(key) == nil {
			t.Errorf("%T is good enough", key)
		}
	}
}

func TestNoTokenProvesNothing(t *testing.T) {
	root := (*issuer)(nil).make(t, "root", newKey(t, elliptic.P256()), authority)
	stampers, err := ParseTimestampers(text(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, tokens := range [][][]byte{nil, {nil}, {[]byte("noise")}, slices.Repeat([][]byte{{0x30, 0}}, maxTimestamps+1)} {
		if at, proven := stampers.Earliest(tokens, []byte("signature")); proven {
			t.Errorf("%d tokens prove %v", len(tokens), at)
		}
	}
	if _, proven := (*Timestampers)(nil).Earliest([][]byte{nil}, nil); proven {
		t.Error("nobody proves something")
	}
}
