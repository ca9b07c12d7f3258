package pki

import (
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"testing"
)

// called is a certificate with names of any form, as they stand.
func called(t testing.TB, names ...Name) *x509.Certificate {
	t.Helper()
	var all []asn1.RawValue
	for _, n := range names {
		tag := 0
		for k, kind := range nameKinds {
			if kind == n.Kind {
				tag = k
			}
		}
		all = append(all, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, Bytes: []byte(n.Text)})
	}
	value, err := asn1.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return (*issuer)(nil).make(t, "not this", newKey(t, elliptic.P256()), func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}}
	}).cert
}

func TestNamesAreThoseOfSigners(t *testing.T) {
	uri, address, host := Name{KindURI, "spiffe://c.example/a"}, Name{KindAddress, "b@c.example"}, Name{KindDNS, "c.example"}
	if got := Names(called(t, host, address, uri)); !slices.Equal(got, []Name{uri, address, host}) {
		t.Errorf("got %q", got)
	}
	if got := Names(new(x509.Certificate)); got != nil {
		t.Errorf("got %q", got)
	}
	broken := &x509.Certificate{Extensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: []byte("noise")}}}
	if got := Names(broken); got != nil {
		t.Errorf("got %q", got)
	}
}

// What stands in one field never counts as the name of another, however it is spelt, and
// what is compared is the text of the certificate.
func TestNamesKeepTheirKindAndText(t *testing.T) {
	for _, n := range []Name{
		{KindDNS, "spiffe://acme.example/ci/build"}, {KindAddress, "spiffe://acme.example@c.example"}, {KindDNS, "ci@acme.example"},
		{KindURI, "SPIFFE://acme.example/ci/build"}, {KindURI, "spiffe://acme.example/ci/build#"},
	} {
		if got := Names(called(t, n)); !slices.Equal(got, []Name{n}) {
			t.Errorf("got %q, want %q", got, n)
		}
	}
	for text, want := range map[string]string{"spiffe://a.example/x": KindURI, "urn:x@y": KindURI, "a@b.example": KindAddress, "a.example": KindDNS, "": KindDNS} {
		if got := KindOf(text); got != want {
			t.Errorf("%q is a %s, want %s", text, got, want)
		}
	}
	if got := fmt.Sprintf("%.3q", []Name{{KindURI, "urn:x"}}); got != `["urn"]` {
		t.Errorf("got %s", got)
	}
}
