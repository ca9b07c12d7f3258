package sigstore

import (
	"crypto/x509"

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
		err = pki.CheckWorkIn(content)
	}
	if err != nil {
		return fail(gatekeep.ReasonEnvelopeMalformed, "reading log entry: %v", err)
	}
	return nil
}
