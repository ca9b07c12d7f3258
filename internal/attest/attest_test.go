package attest

import (
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
	"github.com/gatekeep-dev/gatekeep/internal/attest/statement"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// Names of what envelopes and statements may hold.
const (
	maxSubjects      = statement.MaxSubjects
	payloadInToto    = envelope.PayloadInToto
	payloadStatement = envelope.PayloadStatement
)

func TestDigestOfAnEnvelopeIsThatOfItsBytes(t *testing.T) {
	loose := Envelope{Bytes: []byte("{}")}
	gathered, _ := Gather(t.Context(), []Source{fixed{docs: []string{"{}"}}}, gatekeep.Subject{})
	for _, e := range append(gathered, loose) {
		if got := e.Digest(); got != digest.Of(e.Bytes) {
			t.Errorf("got %s, want %s", got, digest.Of(e.Bytes))
		}
	}
	if len(gathered) != 1 {
		t.Errorf("gathered %d", len(gathered))
	}
}
