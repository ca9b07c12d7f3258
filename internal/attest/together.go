package attest

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
	"github.com/gatekeep-dev/gatekeep/internal/attest/trust"
)

// signedTogether collects who signed the same bytes in whatever envelope, for a trust
// policy that asks for several signers: cosign makes an envelope for each. It is nil
// where none does, for all documents are opened twice by it.
func signedTogether(found []named, t *Trust, about About, now time.Time) map[string][]trust.Word {
	if !t.HasThresholds() {
		return nil
	}
	together := map[string][]trust.Word{}
	for _, e := range found {
		d, why := envelope.Open(e.Bytes)
		if why != nil || d.Unsigned {
			continue
		}
		j := judgement{trust: t, about: about, now: now}
		proofs, why := j.authenticate(d)
		if why != nil {
			continue
		}
		same := sameBytes(d)
		for _, p := range proofs {
			together[same] = append(together[same], p.word)
		}
	}
	return together
}

// sameBytes names what the signatures of a document are over: payload and type both.
func sameBytes(d *envelope.Document) string {
	return fmt.Sprintf("%t %d %s %x", d.Image, len(d.PayloadType), d.PayloadType, sha256.Sum256(d.Payload))
}
