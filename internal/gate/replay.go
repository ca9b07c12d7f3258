package gate

import (
	"context"
	"fmt"
	"testing/fstest"

	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/policy"
)

// Rejudge makes the decision of a sealed bundle again, from its own case,
// documents, policy and trust. It returns the canonical facts and decision.
func Rejudge(ctx context.Context, c evidence.Contents) (input, decision []byte, err error) {
	source, err := policy.FromArchive(c.Policy)
	if err != nil {
		return nil, nil, fmt.Errorf("unpacking policy: %w", err)
	}
	trust, err := trustOf(c.Trust)
	if err != nil {
		return nil, nil, err
	}
	documents := make([]attest.Envelope, 0, len(c.Record.Case.Envelopes))
	for _, ref := range c.Record.Case.Envelopes {
		documents = append(documents, attest.Envelope{
			Source: ref.Source, Name: ref.Name, MediaType: ref.MediaType, Bytes: c.Envelopes[ref.Digest],
		})
	}
	judged, err := Judge(ctx, c.Record.Case, documents, Law{Policy: source, Trust: trust, Version: c.Record.Engine.Gatekeep})
	if err != nil {
		return nil, nil, err
	}
	return judged.Input, judged.Decided, nil
}

// trustOf reads the trust policy as it was sealed. A decision may have been made
// without one: then nobody is trusted.
func trustOf(files map[string][]byte) (*attest.Trust, error) {
	if len(files) == 0 {
		return new(attest.Trust), nil
	}
	sealed := fstest.MapFS{}
	for name, data := range files {
		sealed[name] = &fstest.MapFile{Data: data}
	}
	trust, err := attest.LoadTrust(sealed, "trust.yaml")
	if err != nil {
		return nil, fmt.Errorf("reading sealed trust policy: %w", err)
	}
	return trust, nil
}
