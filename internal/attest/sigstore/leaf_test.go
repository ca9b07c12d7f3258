package sigstore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"

	"github.com/gatekeep-dev/gatekeep"
)

// instance is a Sigstore instance of which the keys are at hand: an authority, and a
// certificate log.
type instance struct {
	sigroot.TrustedMaterial
	cas    []sigroot.CertificateAuthority
	ctlogs map[string]*sigroot.TransparencyLog
	parent *x509.Certificate
	signer crypto.Signer
	logKey *ecdsa.PrivateKey
	logID  [32]byte
}

func (i instance) FulcioCertificateAuthorities() []sigroot.CertificateAuthority { return i.cas }
func (i instance) CTLogs() map[string]*sigroot.TransparencyLog                  { return i.ctlogs }

func newInstance(t *testing.T) instance {
	t.Helper()
	v, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	root, rootKey, err := ca.GenerateRootCa()
	if err != nil {
		t.Fatal(err)
	}
	parent, signer, err := ca.GenerateFulcioIntermediate(root, rootKey)
	if err != nil {
		t.Fatal(err)
	}
	logKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(logKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	i := instance{TrustedMaterial: v, parent: parent, signer: signer, logKey: logKey, logID: sha256.Sum256(der)}
	i.cas = []sigroot.CertificateAuthority{&sigroot.FulcioCertificateAuthority{Root: root, Intermediates: []*x509.Certificate{parent}}}
	i.ctlogs = map[string]*sigroot.TransparencyLog{hex.EncodeToString(i.logID[:]): {
		ID: i.logID[:], PublicKey: logKey.Public(), HashFunc: crypto.SHA256, SignatureHashFunc: crypto.SHA256, ValidityPeriodStart: time.Now().Add(-time.Hour),
	}}
	return i
}

func (i instance) root(t *testing.T) *Root {
	t.Helper()
	r, err := NewRootOf("instance", i)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// leaf is a certificate of the instance.
func (i instance) leaf(t *testing.T, change func(*x509.Certificate)) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		EmailAddresses:  []string{"a@example.com"},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte("https://issuer.example.com")}},
	}
	change(c)
	return i.sign(t, c, key.Public())
}

func (i instance) sign(t *testing.T, c *x509.Certificate, key crypto.PublicKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, i.parent, key, i.signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// logged is a certificate with the word of the certificate log in it, RFC 6962 section
// 3.2: about the certificate without that word, and the key of who issued it.
func (i instance) logged(t *testing.T, extensions []byte) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{}
	plain := i.leaf(t, func(c *x509.Certificate) { *template = *c; template.ExtraExtensions = slices.Clone(c.ExtraExtensions) })
	at := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixMilli()))
	issuer := sha256.Sum256(i.parent.RawSubjectPublicKeyInfo)
	sized := func(b []byte) []byte { return append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...) }
	tbs := plain.RawTBSCertificate
	length := binary.BigEndian.AppendUint32(nil, uint32(len(tbs)))[1:]
	sum := sha256.Sum256(slices.Concat([]byte{0, 0}, at, []byte{0, 1}, issuer[:], length, tbs, sized(extensions)))
	sig, err := ecdsa.SignASN1(rand.Reader, i.logKey, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	sct := slices.Concat([]byte{0}, i.logID[:], at, sized(extensions), []byte{4, 3}, sized(sig))
	value, err := asn1.Marshal(sized(sized(sct)))
	if err != nil {
		t.Fatal(err)
	}
	template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}, Value: value})
	return i.sign(t, template, plain.PublicKey)
}

// RFC 6962 section 3.2: the signature of a log is over its extensions too; logs of tiles
// put the index of the entry there.
func TestWordOfACertificateLog(t *testing.T) {
	i := newInstance(t)
	// Another authority of the same name, which stands first.
	decoy := newInstance(t)
	i.cas = append(decoy.cas, i.cas...)
	index := []byte{0, 0, 5, 0, 0, 0, 0, 7}
	for name, extensions := range map[string][]byte{"without extensions": nil, "with the index of a leaf": index} {
		leaf := i.logged(t, extensions)
		if why := i.root(t).logged6962(chains(i, leaf, time.Now())); why != nil {
			t.Errorf("%s: %v", name, why)
		}
		changed := *leaf
		changed.Raw = slices.Clone(leaf.Raw)
		if at := strings.Index(string(changed.Raw), string(index)); at >= 0 {
			changed.Raw[at+7]++
			if why := i.root(t).logged6962([][]*x509.Certificate{{&changed, i.parent}}); reasonOf(why) != gatekeep.ReasonCertificateInvalid {
				t.Errorf("another index: %v", why)
			}
		}
		other := i
		other.ctlogs = map[string]*sigroot.TransparencyLog{}
		for id, log := range i.ctlogs {
			changed := *log
			changed.PublicKey = decoy.logKey.Public()
			other.ctlogs[id] = &changed
		}
		if why := other.root(t).logged6962(chains(other, leaf, time.Now())); reasonOf(why) != gatekeep.ReasonCertificateInvalid {
			t.Errorf("%s, by another key: %v", name, why)
		}
	}
	if why := i.root(t).logged6962(chains(i, i.leaf(t, func(*x509.Certificate) {}), time.Now())); reasonOf(why) != gatekeep.ReasonCertificateInvalid {
		t.Errorf("a certificate that no log has: %v", why)
	}
}

// What an authority issues to others than signers signs nothing here.
func TestCertificateIsOfASigner(t *testing.T) {
	i := newInstance(t)
	uri := func(text string) func(*x509.Certificate) {
		return func(c *x509.Certificate) { c.EmailAddresses, c.URIs = nil, []*url.URL{{Opaque: text}} }
	}
	otherName := func(text string) func(*x509.Certificate) {
		return func(c *x509.Certificate) {
			value, err := asn1.MarshalWithParams(text, "utf8,explicit,tag:0")
			if err != nil {
				t.Fatal(err)
			}
			id, err := asn1.Marshal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 7})
			if err != nil {
				t.Fatal(err)
			}
			san, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: slices.Concat(id, value)}})
			if err != nil {
				t.Fatal(err)
			}
			c.EmailAddresses = nil
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Critical: true, Value: san})
		}
	}
	for name, c := range map[string]struct {
		change func(*x509.Certificate)
		called string
	}{
		"of a signer":                         {func(*x509.Certificate) {}, "a@example.com"},
		"for any use":                         {func(c *x509.Certificate) { c.ExtKeyUsage = nil }, ""},
		"for whatever use":                    {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }, ""},
		"of a server":                         {func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, ""},
		"for no use of the key":               {func(c *x509.Certificate) { c.KeyUsage = 0 }, ""},
		"for agreeing on keys":                {func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }, ""},
		"of nobody":                           {func(c *x509.Certificate) { c.EmailAddresses = nil }, ""},
		"of a host":                           {func(c *x509.Certificate) { c.EmailAddresses, c.DNSNames = nil, []string{"example.com"} }, ""},
		"of a URI":                            {uri("https://example.com/a"), "https://example.com/a"},
		"of a URI, as it is written":          {uri("HTTPS://example.com/a"), "HTTPS://example.com/a"},
		"of a URI that reads like an address": {uri("a@example.com"), ""},
		"of a user":                           {otherName("a!example.com"), "a!example.com"},
		"of a user like an address":           {otherName("a@example.com"), ""},
		"of a user like a URI":                {otherName("https://example.com/a"), ""},
		"of an address and a URI": {func(c *x509.Certificate) {
			c.URIs = []*url.URL{{Scheme: "https", Host: "example.com", Path: "/a"}}
		}, "https://example.com/a"},
	} {
		b, _ := made(t)
		b.VerificationMaterial.Content = &protobundle.VerificationMaterial_Certificate{Certificate: &commonpb.X509Certificate{RawBytes: i.leaf(t, c.change).Raw}}
		_, summary, why := i.root(t).leafOf(&entity{Bundle: b})
		switch {
		case c.called == "" && reasonOf(why) != gatekeep.ReasonCertificateInvalid:
			t.Errorf("%s: %v", name, why)
		case c.called != "" && (why != nil || summary.SubjectAlternativeName != c.called):
			t.Errorf("%s: %v, %v, want %q", name, summary, why, c.called)
		}
	}
}
