package sigbundle

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"

	"github.com/gatekeep-dev/gatekeep/internal/attest/pki"
)

// pemLayers is how often a log entry wraps a key: intoto 0.0.2 has base64 of base64 of
// PEM.
const pemLayers = 2

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
			if key := parsed(block.Bytes); key != nil {
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

// parsed reads a key in any form that there is, or nil. It does not look at
// what PEM calls it.
func parsed(der []byte) crypto.PublicKey {
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
