package pki

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"strings"
)

// Kinds of Name. Name constraints bind each kind apart, so a name of one kind never
// counts as one of another, RFC 5280 section 4.2.1.10.
const (
	KindURI     = "URI"
	KindAddress = "address"
	KindDNS     = "DNS name"
)

// Name is one name that a certificate gives its subject, as it is written there.
type Name struct{ Kind, Text string }

// String is the text of the name.
func (n Name) String() string { return n.Text }

// KindOf tells of which kind a name in a policy is. No host or address of a signer has
// a colon, and no host an @.
func KindOf(text string) string {
	switch {
	case strings.Contains(text, ":"):
		return KindURI
	case strings.Contains(text, "@"):
		return KindAddress
	}
	return KindDNS
}

// nameKinds are the forms of GeneralName that a signer can have, by their tag, RFC 5280
// section 4.2.1.6.
var nameKinds = map[int]string{6: KindURI, 1: KindAddress, 2: KindDNS}

// Names are the subject alternative names of a certificate, of the kinds that a
// signer can have: URIs, then addresses, then DNS names. Each is the text in the
// certificate: url.URL would write it anew, and names are compared whole. One that
// cannot be read names nobody.
func Names(leaf *x509.Certificate) []Name {
	var names []Name
	for _, extension := range leaf.Extensions {
		if !extension.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 17}) {
			continue
		}
		var all []asn1.RawValue
		if rest, err := asn1.Unmarshal(extension.Value, &all); err != nil || len(rest) > 0 {
			return nil
		}
		for _, v := range all {
			if kind, known := nameKinds[v.Tag]; known && v.Class == asn1.ClassContextSpecific {
				names = append(names, Name{kind, string(v.Bytes)})
			}
		}
	}
	order := []string{KindURI, KindAddress, KindDNS}
	slices.SortStableFunc(names, func(a, b Name) int { return slices.Index(order, a.Kind) - slices.Index(order, b.Kind) })
	return names
}
