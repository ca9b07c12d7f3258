package cosign

import (
	"bytes"
	"crypto/x509"
)

// The Sigstore bundle as JSON, as far as it is written here. The order of fields is
// that of their bytes, and names are those of sigstore_bundle.proto; protojson does
// not promise the same bytes twice. 64-bit numbers are texts there.
type (
	bundle struct {
		MediaType string    `json:"mediaType"`
		Material  material  `json:"verificationMaterial"`
		Envelope  *envelope `json:"dsseEnvelope,omitempty"`
		Message   *message  `json:"messageSignature,omitempty"`
	}

	material struct {
		Chain      *chain      `json:"x509CertificateChain,omitempty"`
		PublicKey  *publicKey  `json:"publicKey,omitempty"`
		Entries    []logEntry  `json:"tlogEntries,omitempty"`
		Timestamps *timestamps `json:"timestampVerificationData,omitempty"`
	}

	chain struct {
		Certificates []certificate `json:"certificates"`
	}
	certificate struct {
		RawBytes []byte `json:"rawBytes"`
	}
	publicKey struct {
		Hint string `json:"hint"`
	}

	logEntry struct {
		LogIndex       int64       `json:"logIndex,string"`
		LogID          logID       `json:"logId"`
		KindVersion    kindVersion `json:"kindVersion"`
		IntegratedTime int64       `json:"integratedTime,string"`
		Promise        promise     `json:"inclusionPromise"`
		Body           []byte      `json:"canonicalizedBody"`
	}
	logID struct {
		KeyID []byte `json:"keyId"`
	}
	kindVersion struct {
		Kind    string `json:"kind"`
		Version string `json:"version"`
	}
	promise struct {
		SignedEntryTimestamp []byte `json:"signedEntryTimestamp"`
	}

	timestamps struct {
		RFC3161 []timestamp `json:"rfc3161Timestamps"`
	}
	timestamp struct {
		SignedTimestamp []byte `json:"signedTimestamp"`
	}

	// envelope is read from the layer and written as it is: base64 stays the text
	// that it was.
	envelope struct {
		Payload     string      `json:"payload"`
		PayloadType string      `json:"payloadType"`
		Signatures  []signature `json:"signatures"`
	}
	signature struct {
		Sig   string `json:"sig"`
		KeyID string `json:"keyid,omitempty"`
	}

	message struct {
		Digest    messageDigest `json:"messageDigest"`
		Signature []byte        `json:"signature"`
	}
	messageDigest struct {
		Algorithm string `json:"algorithm"`
		Digest    []byte `json:"digest"`
	}

	// signed is MediaSignature.
	signed struct {
		MediaType string `json:"mediaType"`
		Payload   []byte `json:"payload"`
		Bundle    bundle `json:"bundle"`
	}
)

// selfSigned tells whether a certificate names itself as its issuer, as roots do.
func (c certificate) selfSigned() bool {
	parsed, err := x509.ParseCertificate(c.RawBytes)
	return err == nil && bytes.Equal(parsed.RawIssuer, parsed.RawSubject)
}
