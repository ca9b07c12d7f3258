// Package stamp asks RFC 3161 authorities when something was signed. Remote is one of
// somebody else, which proves the time. Own is one that the gate runs itself, for
// demonstrations: it proves no more than the gate's own clock, and evidence says so.
package stamp

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/digitorus/timestamp"
	"github.com/sigstore/sigstore-go/pkg/sign"

	"github.com/gatekeep-dev/gatekeep/internal/signing/services"
)

// Authority says when.
type Authority interface {
	// Stamp is an RFC 3161 response over a message, in DER.
	Stamp(ctx context.Context, message []byte) ([]byte, error)
}

// requestTimeout bounds one question to an authority.
const requestTimeout = 20 * time.Second

// Remote is the authority at an address, with its path.
type Remote string

// Stamp asks the authority, again where it is busy, until the end of the context.
func (r Remote) Stamp(ctx context.Context, message []byte) ([]byte, error) {
	authority := sign.NewTimestampAuthority(&sign.TimestampAuthorityOptions{
		URL: string(r), Timeout: requestTimeout, Transport: services.Caller(ctx, nil),
	})
	response, err := authority.GetTimestamp(ctx, message)
	if err == nil {
		err = checkResponse(response, message)
	}
	if err != nil {
		return nil, fmt.Errorf("asking timestamp authority %s: %w", string(r), err)
	}
	return response, nil
}

// checkResponse refuses a response over something else. Whether the authority is to be
// trusted, those who verify know.
func checkResponse(response, message []byte) error {
	ts, err := timestamp.ParseResponse(response)
	if err != nil {
		return err
	}
	h := ts.HashAlgorithm.New()
	h.Write(message)
	// RFC 3161, section 2.4.2: the imprint "MUST have the same value as the similar field
	// in TimeStampReq".
	if !bytes.Equal(h.Sum(nil), ts.HashedMessage) {
		return errors.New("it stamped something else")
	}
	return nil
}

// Own stamps with a key of its own.
type Own struct {
	key  *ecdsa.PrivateKey
	leaf *x509.Certificate
	now  func() time.Time
}

// Blocks of the file of an authority of one's own.
const (
	keyBlock         = "PRIVATE KEY"
	certificateBlock = "CERTIFICATE"
)

// years is how long the certificates of an authority of one's own hold.
const years = 10

// GenerateOwn makes an authority: private is its key with both certificates, chain the
// certificates alone, leaf first, as those who verify want them.
func GenerateOwn(now time.Time) (private, chain []byte, err error) {
	fail := func(err error) ([]byte, []byte, error) {
		return nil, nil, fmt.Errorf("making timestamp authority: %w", err)
	}
	top, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fail(err)
	}
	now = now.UTC().Truncate(time.Second)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gatekeep demonstration timestamp root"},
		NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(years, 0, 0), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	// RFC 3161, section 2.3: the certificate "MUST contain only one instance of the
	// extended key usage field extension [...] with KeyPurposeID having value
	// id-kp-timeStamping. This extension MUST be critical."
	usage, err := asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})
	if err != nil {
		return fail(err)
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "gatekeep demonstration timestamp authority"},
		NotBefore: root.NotBefore, NotAfter: root.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, top.Public(), top)
	if err != nil {
		return fail(err)
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), top)
	if err != nil {
		return fail(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fail(err)
	}
	chain = append(pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: leafDER}), pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: rootDER})...)
	return append(pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: keyDER}), chain...), chain, nil
}

// ReadOwn reads the private file that GenerateOwn made.
func ReadOwn(private []byte, now func() time.Time) (*Own, error) {
	fail := func(err error) (*Own, error) {
		return nil, fmt.Errorf("reading timestamp authority: %w (make one with 'gatekeep key timestamp')", err)
	}
	block, rest := pem.Decode(private)
	if block == nil || block.Type != keyBlock {
		return fail(errors.New("it does not begin with a private key in PEM"))
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return fail(err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return fail(fmt.Errorf("its key is a %T and not ECDSA", parsed))
	}
	if block, _ = pem.Decode(rest); block == nil || block.Type != certificateBlock {
		return fail(errors.New("no certificate follows the key"))
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fail(err)
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return fail(errors.New("the certificate is for another key"))
	}
	return &Own{key, leaf, now}, nil
}

// Stamp stamps at once.
func (o *Own) Stamp(_ context.Context, message []byte) ([]byte, error) {
	sum := crypto.SHA256.New()
	sum.Write(message)
	t := timestamp.Timestamp{
		HashAlgorithm: crypto.SHA256, HashedMessage: sum.Sum(nil), Time: o.now().UTC(), Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2},
		AddTSACertificate: true,
	}
	response, err := t.CreateResponseWithOpts(o.leaf, o.key, crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("stamping: %w", err)
	}
	return response, nil
}
