package sigstore

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/pki"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// maxBody bounds the body of a log entry, which holds digests, a signature and a
// certificate: real ones have 4448 bytes at most. With it the signatures are bounded
// that the library checks as it reads the body.
const maxBody = 64 << 10

// pemLayers is how often a body wraps a key: intoto 0.0.2 has base64 of base64 of PEM.
const pemLayers = 2

// checkWork refuses certificates whose keys take too long to use. What cannot be read
// is refused elsewhere, with its own reason.
func checkWork(b *bundlepb.Bundle) *Failure {
	material := b.GetVerificationMaterial()
	brought := append([]*commonpb.X509Certificate{material.GetCertificate()}, material.GetX509CertificateChain().GetCertificates()...)
	for _, c := range brought {
		cert, err := x509.ParseCertificate(c.GetRawBytes())
		if err != nil {
			continue
		}
		if err := pki.CheckWork(cert); err != nil {
			return fail(gatekeep.ReasonCertificateInvalid, "%v", err)
		}
	}
	return nil
}

// checkBody measures the body of an entry before the library reads it: of hashedrekord
// and intoto that checks signatures, with the keys that stand beside them.
func checkBody(body []byte) *Failure {
	if len(body) > maxBody {
		return fail(gatekeep.ReasonTooLarge, "a log entry of %d bytes is over the bound of %d", len(body), maxBody)
	}
	var content any
	err := strictjson.Unmarshal(body, strictjson.Limits{Bytes: maxBody, Depth: BundleDepth}, &content)
	if err == nil {
		err = checkKeysIn(content)
	}
	if err != nil {
		return fail(gatekeep.ReasonEnvelopeMalformed, "reading log entry: %v", err)
	}
	return nil
}

// checkKeysIn measures every key in a document, wherever it stands: readers differ in
// where they find one.
func checkKeysIn(content any) error {
	switch content := content.(type) {
	case map[string]any:
		for _, inner := range content {
			if err := checkKeysIn(inner); err != nil {
				return err
			}
		}
	case []any:
		for _, inner := range content {
			if err := checkKeysIn(inner); err != nil {
				return err
			}
		}
	case string:
		return checkKeysOf([]byte(content))
	}
	return nil
}

// checkKeysOf measures the keys in a text that is PEM, or base64 of it.
func checkKeysOf(text []byte) error {
	for range pemLayers + 1 {
		for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
			if key := keyOf(block.Bytes); key != nil {
				if err := pki.CheckWorkOf(key); err != nil {
					return fmt.Errorf("checking its key: %w", err)
				}
			}
		}
		inner := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
		n, err := base64.StdEncoding.Decode(inner, text)
		if err != nil {
			break
		}
		text = inner[:n]
	}
	return nil
}

// keyOf reads a key in any form that the library takes, or nil. It does not look at
// what PEM calls it.
func keyOf(der []byte) crypto.PublicKey {
	if cert, err := x509.ParseCertificate(der); err == nil {
		return cert.PublicKey
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		return key
	}
	if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return key
	}
	return nil
}
