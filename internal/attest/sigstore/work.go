package sigstore

import (
	"crypto/x509"
	"errors"

	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/pki"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigbundle"
)

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

// checkBody measures the body of an entry, also of a bundle that was not read here.
func checkBody(body []byte) *Failure {
	switch err := sigbundle.CheckBody(body); {
	case errors.Is(err, sigbundle.ErrTooLarge):
		return fail(gatekeep.ReasonTooLarge, "reading log entry: %v", err)
	case err != nil:
		return fail(gatekeep.ReasonEnvelopeMalformed, "reading log entry: %v", err)
	}
	return nil
}
