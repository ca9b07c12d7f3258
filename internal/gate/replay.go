package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"testing/fstest"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/people"
	"github.com/gatekeep-dev/gatekeep/internal/policy"
)

// Rejudge makes the decision of a sealed bundle again, from its own case,
// documents, policy and trust. It returns the canonical facts and decision; no facts
// where people were erased, and they are judged as they were sealed.
func Rejudge(ctx context.Context, c evidence.Contents) (input, decision []byte, err error) {
	source, err := policy.FromArchive(c.Policy)
	if err != nil {
		return nil, nil, fmt.Errorf("unpacking policy: %w", err)
	}
	law := Law{Policy: source, Version: c.Record.Engine.Gatekeep}
	if len(c.People) < len(c.Record.Case.People) {
		decision, err = redecide(ctx, c, law)
		return nil, decision, err
	}
	names := people.NewNames(c.People, nil)
	if law.Trust, err = trustOf(underNames(c.Trust, names.Unlabel)); err != nil {
		return nil, nil, err
	}
	documents := make([]attest.Envelope, 0, len(c.Record.Case.Envelopes))
	for _, ref := range c.Record.Case.Envelopes {
		documents = append(documents, attest.Envelope{
			Source: names.Unlabel(ref.Source), Name: names.Unlabel(ref.Name), MediaType: ref.MediaType, Bytes: c.Envelopes[ref.Digest],
		})
	}
	believed, binding, err := verify(c.Record.Case, documents, law)
	if err != nil {
		return nil, nil, err
	}
	if len(c.People) > 0 {
		renameIn(believed, namer(c.Record.Case, c.People))
	}
	judged, err := decide(ctx, c.Record.Case, believed, binding, law)
	if err != nil {
		return nil, nil, err
	}
	return judged.Input, judged.Decided, nil
}

// redecide judges the sealed facts again: without the names of all people, and without
// what was erased with them, facts cannot be made again.
func redecide(ctx context.Context, c evidence.Contents, law Law) ([]byte, error) {
	var documents []attest.Envelope
	for _, data := range c.Envelopes {
		documents = append(documents, attest.Envelope{Bytes: data})
	}
	var facts gatekeep.Facts
	if err := json.Unmarshal(c.Input, &facts); err != nil {
		return nil, fmt.Errorf("reading sealed facts: %w", err)
	}
	_, rules, err := activeRules(law.Policy, facts)
	if err != nil {
		return nil, err
	}
	engine, err := policy.Load(ctx, law.Policy, rules)
	if err != nil {
		return nil, fmt.Errorf("loading policy: %w", err)
	}
	decision, err := engine.Decide(ctx, c.Input, attest.Unverified(documents))
	if err != nil {
		return nil, fmt.Errorf("deciding: %w", err)
	}
	decided, _, err := digest.JCS(decision)
	if err != nil {
		return nil, fmt.Errorf("writing decision: %w", err)
	}
	return decided, nil
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
