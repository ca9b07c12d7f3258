package services

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/sign"

	"github.com/gatekeep-dev/gatekeep/internal/signing"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// ErrOwnResult is a bundle that was made and does not verify against the trusted root:
// the services and the root do not belong together, or one of them lies.
var ErrOwnResult = errors.New("what was signed does not verify")

// Bounds of a trusted root: the one of the public instance is 7 KiB.
const (
	maxRootBytes = 4 << 20
	maxRootDepth = 16
)

// Request is who signs, and who helps.
type Request struct {
	Services Services
	// Token is the OpenID Connect identity token that Fulcio certifies; it is used
	// where Key is nil. It is kept out of every error.
	Token string
	// Key signs, uncertified. Nil: a key is made, certified and thrown away.
	Key signing.Signer
	// Root is a Sigstore trusted root (trusted_root.json) that the result must verify
	// against. Nil: it is not verified here.
	Root []byte
	// Now is the time now.
	Now time.Time
	// Transport carries the requests, but for those to logs. Nil: http.DefaultTransport.
	Transport http.RoundTripper
}

// Signed is a Sigstore bundle v0.3 in JSON, and whose the certificate in it says it is.
type Signed struct {
	Bundle   []byte
	Identity string // subject alternative name; "" without certificate
	Issuer   string // of the identity token; "" without certificate
}

// Statement signs an in-toto statement, given as JSON, in a DSSE envelope. The bytes
// of the statement stay as they are. Errors name the service that did not do its part.
func Statement(ctx context.Context, r Request, statement []byte) (Signed, error) {
	if !json.Valid(statement) {
		return Signed{}, errors.New("signing statement: it is not JSON")
	}
	return r.sign(ctx, &sign.DSSEData{Data: statement, PayloadType: signing.PayloadType})
}

// Artifact signs a file as it is; the bundle holds its digest and not the file. Errors
// name the service that did not do its part.
func Artifact(ctx context.Context, r Request, data []byte) (Signed, error) {
	return r.sign(ctx, &sign.PlainData{Data: data})
}

func (r Request) sign(ctx context.Context, content sign.Content) (Signed, error) {
	signed, err := r.try(ctx, content)
	if err != nil {
		return Signed{}, hidden(err, r.Token)
	}
	return signed, nil
}

func (r Request) try(ctx context.Context, content sign.Content) (Signed, error) {
	if err := r.Services.Check(r.Key == nil); err != nil {
		return Signed{}, err
	}
	trusted, err := r.trusted()
	if err != nil {
		return Signed{}, err
	}
	pair, err := r.keypair()
	if err != nil {
		return Signed{}, err
	}
	made, digest, err := pair.SignData(ctx, content.PreAuthEncoding())
	if err != nil {
		return Signed{}, fmt.Errorf("signing: %w", err)
	}
	b := &protobundle.Bundle{MediaType: signing.BundleMediaType}
	content.Bundle(b, made, digest, pair.GetHashAlgorithm())
	result, verifier, err := r.identify(ctx, pair, b)
	if err != nil {
		return Signed{}, err
	}
	for _, address := range r.Services.Timestamps {
		authority := sign.NewTimestampAuthority(&sign.TimestampAuthorityOptions{URL: address, Timeout: requestTimeout, Transport: caller{ctx, r.Transport}})
		stamp, err := authority.GetTimestamp(ctx, made)
		if err != nil {
			return Signed{}, fmt.Errorf("asking the timestamp authority: %w (nothing was written; sign again when %s answers)", err, address)
		}
		b.VerificationMaterial.TimestampVerificationData = stamped(b.VerificationMaterial.TimestampVerificationData, stamp)
	}
	for _, log := range r.Services.Logs {
		rekor := sign.NewRekor(&sign.RekorOptions{BaseURL: log.URL, Version: log.Version, Timeout: requestTimeout})
		ctx, cancel := context.WithTimeout(ctx, requestTimeout)
		err := rekor.GetTransparencyLogEntry(ctx, verifier, b)
		cancel()
		if err != nil {
			return Signed{}, fmt.Errorf("asking the log to keep an entry: %w (nothing was written; sign again when %s answers)", err, log.URL)
		}
	}
	if result.Bundle, err = written(b); err != nil {
		return Signed{}, err
	}
	if trusted != nil {
		if err := r.verify(trusted, result.Bundle, content); err != nil {
			return Signed{}, err
		}
	}
	return result, nil
}

// trusted reads the trusted root before anything is asked of anybody.
func (r Request) trusted() (*root.TrustedRoot, error) {
	if r.Root == nil {
		return nil, nil
	}
	if err := strictjson.Check(r.Root, strictjson.Limits{Bytes: maxRootBytes, Depth: maxRootDepth}); err != nil {
		return nil, fmt.Errorf("reading trusted root: %w", err)
	}
	trusted, err := root.NewTrustedRootFromJSON(r.Root)
	if err != nil {
		return nil, fmt.Errorf("reading trusted root: %w", err)
	}
	return trusted, nil
}

// keypair is the key of one's own, or a fresh one. A fresh key is made only for a
// token that may be certified.
func (r Request) keypair() (sign.Keypair, error) {
	if r.Key != nil {
		return newOwnKey(r.Key, len(r.Services.Logs))
	}
	if err := checkToken(r.Token, r.Now); err != nil {
		return nil, err
	}
	pair, err := sign.NewEphemeralKeypair(nil)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	return pair, nil
}

// identify writes into the bundle who signs: the certificate that Fulcio gives, or the
// name of the key. Verifier is the same in PEM, for the log.
func (r Request) identify(ctx context.Context, pair sign.Keypair, b *protobundle.Bundle) (_ Signed, verifier []byte, err error) {
	if r.Key != nil {
		b.VerificationMaterial = &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_PublicKey{
			PublicKey: &protocommon.PublicKeyIdentifier{Hint: string(pair.GetHint())},
		}}
		key, err := pair.GetPublicKeyPem()
		return Signed{}, []byte(key), err
	}
	fulcio := sign.NewFulcio(&sign.FulcioOptions{BaseURL: r.Services.Fulcio, Timeout: requestTimeout, Transport: caller{ctx, r.Transport}})
	der, err := fulcio.GetCertificate(ctx, pair, &sign.CertificateProviderOptions{IDToken: r.Token})
	if err != nil {
		return Signed{}, nil, fmt.Errorf("asking Fulcio for a certificate: %w (nothing was written; sign again when %s answers, with a token that it takes)", err, r.Services.Fulcio)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return Signed{}, nil, fmt.Errorf("reading certificate of Fulcio: %w", err)
	}
	if signing.KeyID(leaf.PublicKey) != signing.KeyID(pair.GetPublicKey()) {
		return Signed{}, nil, errors.New("reading certificate of Fulcio: it is for another key than the one that signed")
	}
	whose, err := certificate.SummarizeCertificate(leaf)
	if err != nil {
		return Signed{}, nil, fmt.Errorf("reading certificate of Fulcio: %w", err)
	}
	b.VerificationMaterial = &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_Certificate{
		Certificate: &protocommon.X509Certificate{RawBytes: der},
	}}
	return Signed{Identity: whose.SubjectAlternativeName, Issuer: whose.Issuer},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}

func stamped(data *protobundle.TimestampVerificationData, stamp []byte) *protobundle.TimestampVerificationData {
	if data == nil {
		data = &protobundle.TimestampVerificationData{}
	}
	data.Rfc3161Timestamps = append(data.Rfc3161Timestamps, &protocommon.RFC3161SignedTimestamp{SignedTimestamp: stamp})
	return data
}

// written is the bundle in JSON on one line. Package protojson varies its white space
// on purpose, from build to build.
func written(b *protobundle.Bundle) ([]byte, error) {
	checked, err := bundle.NewBundle(b)
	if err != nil {
		return nil, fmt.Errorf("writing bundle: %w", err)
	}
	data, err := checked.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("writing bundle: %w", err)
	}
	var out bytes.Buffer
	if err := json.Compact(&out, data); err != nil {
		return nil, fmt.Errorf("writing bundle: %w", err)
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
