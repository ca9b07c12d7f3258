package pki

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/sigstore/sigstore-go/pkg/root"
)

// maxTimestamps bounds the tokens of one signature, each of which takes several
// signatures to check.
const maxTimestamps = 32

// Timestampers are time stamping authorities of RFC 3161.
type Timestampers struct{ authorities []root.TimestampingAuthority }

// ParseTimestampers reads PEM: the certificate of a time stamping authority where its
// tokens do not carry it, intermediates, and one or more roots.
func ParseTimestampers(text []byte) (*Timestampers, error) {
	certificates, err := ParsePEM(text)
	if err != nil {
		return nil, err
	}
	var roots, intermediates []*x509.Certificate
	var leaf *x509.Certificate
	for _, c := range certificates {
		if err := CheckKey(c.PublicKey); err != nil {
			return nil, fmt.Errorf("the certificate of %q: %w", c.Subject, err)
		}
		switch {
		case !c.IsCA && leaf != nil:
			return nil, errors.New("holds the certificates of two time stamping authorities; give each a file")
		case !c.IsCA:
			leaf = c
		case selfSigned(c):
			roots = append(roots, c)
		default:
			intermediates = append(intermediates, c)
		}
	}
	if len(roots) == 0 {
		return nil, errors.New("holds no root, which is a certificate that its own key signed")
	}
	t := new(Timestampers)
	for _, r := range roots {
		t.authorities = append(t.authorities, &root.SigstoreTimestampingAuthority{Root: r, Intermediates: intermediates, Leaf: leaf})
	}
	return t, nil
}

// Earliest is the first time at which a signature is proven to have existed. Tokens
// of strangers, and those over something else, prove nothing and do no harm.
func (t *Timestampers) Earliest(tokens [][]byte, signature []byte) (time.Time, bool) {
	var first time.Time
	if t == nil {
		return first, false
	}
	proven := false
	for _, token := range tokens[:min(len(tokens), maxTimestamps)] {
		if CheckToken(token) != nil {
			continue
		}
		for _, authority := range t.authorities {
			// RFC 3161 section 2.4.2: the imprint in the token is of the signature.
			stamp, err := authority.Verify(token, signature)
			if err != nil {
				continue
			}
			if !proven || stamp.Time.Before(first) {
				first, proven = stamp.Time, true
			}
		}
	}
	return first, proven
}
