// Package pki judges certificates of an organisation's own authority: whether they
// chain to its roots at a time, and may sign code. It follows RFC 5280 by way of
// crypto/x509.
package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/refusal"
)

// MaxCertificates bounds one PEM text or chain. Real chains have three, files of
// roots that are being changed a few more.
const MaxCertificates = 16

// MinRSABits is what NIST SP 800-131A allows.
const MinRSABits = 2048

// Authority is a set of roots with the intermediates that are known.
type Authority struct {
	roots, intermediates []*x509.Certificate
}

// ParseAuthority reads PEM: one or more roots, and intermediates where there are any.
func ParseAuthority(text []byte) (*Authority, error) {
	certificates, err := ParsePEM(text)
	if err != nil {
		return nil, err
	}
	a := new(Authority)
	for _, c := range certificates {
		if !c.IsCA || !c.BasicConstraintsValid {
			return nil, fmt.Errorf("the certificate of %q is none of an authority", c.Subject)
		}
		if err := CheckKey(c.PublicKey); err != nil {
			return nil, fmt.Errorf("the certificate of %q: %w", c.Subject, err)
		}
		if selfSigned(c) {
			a.roots = append(a.roots, c)
		} else {
			a.intermediates = append(a.intermediates, c)
		}
	}
	if len(a.roots) == 0 {
		return nil, errors.New("holds no root, which is a certificate that its own key signed")
	}
	return a, nil
}

// Shares tells whether a root of one authority is also one of the other's.
func (a *Authority) Shares(other *Authority) bool {
	return slices.ContainsFunc(a.roots, func(c *x509.Certificate) bool { return slices.ContainsFunc(other.roots, c.Equal) })
}

// selfSigned tells a root. The signature is checked, or an intermediate with a forged
// name would count as one.
func selfSigned(c *x509.Certificate) bool {
	return string(c.RawIssuer) == string(c.RawSubject) && c.CheckSignatureFrom(c) == nil
}

// ParsePEM reads certificates, in their order. There is at least one, and nothing
// else beside them.
func ParsePEM(text []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		switch {
		case strings.Contains(block.Type, "PRIVATE KEY"):
			return nil, errors.New("holds a private key; give certificates, and treat the key as disclosed if it was committed")
		case block.Type != "CERTIFICATE":
			return nil, fmt.Errorf("holds a PEM block of type %q; it must be CERTIFICATE", block.Type)
		case len(found) == MaxCertificates:
			return nil, fmt.Errorf("holds more than %d certificates", MaxCertificates)
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("reading certificate: %w", err)
		}
		found = append(found, c)
	}
	if len(found) == 0 {
		return nil, errors.New("holds no PEM block; a certificate begins with -----BEGIN CERTIFICATE-----")
	}
	if len(strings.TrimSpace(string(text))) > 0 {
		return nil, errors.New("holds text after its certificates that is none")
	}
	return found, nil
}

// CheckKey refuses kinds and sizes of public keys that nobody should rely on.
func CheckKey(key crypto.PublicKey) error {
	if err := CheckWorkOf(key); err != nil {
		return err
	}
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		if name := key.Curve.Params().Name; !slices.Contains([]string{"P-256", "P-384", "P-521"}, name) {
			return fmt.Errorf("curve %s is not supported; use P-256, P-384 or P-521", name)
		}
	case *rsa.PublicKey:
		if key.N.BitLen() < MinRSABits {
			return fmt.Errorf("RSA key of %d bits is too short; use %d or more", key.N.BitLen(), MinRSABits)
		}
	}
	return nil
}

// Knows tells whether a certificate chains to the authority at some time in its life.
// What it may be used for is not asked.
func (a *Authority) Knows(leaf *x509.Certificate, chain []*x509.Certificate) bool {
	return a.verify(leaf, chain, middle(leaf), x509.ExtKeyUsageAny) == nil
}

// middle of a certificate's life: it is valid then if ever.
func middle(leaf *x509.Certificate) time.Time {
	return leaf.NotBefore.Add(leaf.NotAfter.Sub(leaf.NotBefore) / 2)
}

func (a *Authority) verify(leaf *x509.Certificate, chain []*x509.Certificate, at time.Time, use x509.ExtKeyUsage) error {
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range a.roots {
		roots.AddCert(c)
	}
	for _, c := range slices.Concat(a.intermediates, chain) {
		between.AddCert(c)
	}
	found, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at, KeyUsages: []x509.ExtKeyUsage{use}})
	if err != nil {
		return err
	}
	// A chain is as strong as its weakest key.
	for _, certificates := range found {
		err = nil
		for _, c := range certificates {
			err = errors.Join(err, CheckKey(c.PublicKey))
		}
		if err == nil {
			return nil
		}
	}
	return err
}

// Check tells why a certificate that the authority knows may not have signed a
// statement at a time, or nil. Chain holds intermediates that its holder brought.
func (a *Authority) Check(leaf *x509.Certificate, chain []*x509.Certificate, at time.Time) *refusal.Refusal {
	invalid := func(format string, args ...any) *refusal.Refusal {
		return refusal.New(gatekeep.ReasonCertificateInvalid, format, args...)
	}
	switch {
	// RFC 5280 section 4.2.1.9: cA tells whether the subject is an authority. One that
	// issues certificates does not sign statements as well.
	case leaf.IsCA:
		return invalid("the certificate is one of an authority, which signs certificates only")
	// RFC 5280 section 4.2.1.12: without the extension the key may be used for
	// anything. That is refused: a certificate of a web server is none of a builder.
	case !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageCodeSigning):
		return invalid("the certificate is not for code signing (extended key usage 1.3.6.1.5.5.7.3.3)")
	// RFC 5280 section 4.2.1.3: digitalSignature, where the extension is present.
	case leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0:
		return invalid("the key usage of the certificate does not hold digitalSignature")
	}
	if err := CheckKey(leaf.PublicKey); err != nil {
		return invalid("the key of the certificate: %v", err)
	}
	if a.verify(leaf, chain, at, x509.ExtKeyUsageCodeSigning) == nil {
		return nil
	}
	if why := Within(leaf, at); why != nil {
		return why
	}
	if a.verify(leaf, chain, middle(leaf), x509.ExtKeyUsageCodeSigning) == nil {
		return refusal.New(gatekeep.ReasonExpired, "used at %s, when a certificate of its authority was not valid", at.UTC().Format(time.RFC3339))
	}
	return invalid("the certificate does not chain to the authority for code signing")
}

// Within checks a time against the validity of a certificate, RFC 5280 section
// 4.1.2.5: from notBefore through notAfter, inclusive.
func Within(leaf *x509.Certificate, at time.Time) *refusal.Refusal {
	switch {
	case at.Before(leaf.NotBefore):
		return refusal.New(gatekeep.ReasonNotYetValid, "used at %s, before the certificate was valid", at.UTC().Format(time.RFC3339))
	case at.After(leaf.NotAfter):
		return refusal.New(gatekeep.ReasonExpired, "used at %s, after the certificate expired", at.UTC().Format(time.RFC3339))
	}
	return nil
}
