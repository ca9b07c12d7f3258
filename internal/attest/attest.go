// Package attest is the only door to trust: it takes documents that anybody may
// have written, and returns what they say where a signer of the trust policy said
// it, or a reason why not.
//
// Verification follows the DSSE protocol v1.0.2, the in-toto Attestation Framework
// v1, and for certificates the Sigstore client specification by way of
// sigstore-go. Signatures are checked first; what is signed is parsed after.
package attest

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// EnvelopeBytes bounds one document.
const EnvelopeBytes = envelope.MaxBytes

// MaxLines bounds the documents of one .jsonl file.
const MaxLines = 10_000

// Envelope is one untrusted document as found.
type Envelope struct {
	Source    string // Name of a gatekeep.SourceReport
	Name      string // file name or digest of the manifest, for messages
	MediaType string // as its place claims; the bytes decide
	Bytes     []byte
	digest    string // of Bytes, where Gather has computed it
}

// Digest names the envelope: that of its bytes. After Gather it is not computed
// again, so the bytes may not change any more.
func (e Envelope) Digest() string {
	if e.digest != "" {
		return e.digest
	}
	return digest.Of(e.Bytes)
}

// Source is a place where evidence may lie. It never fails as a whole: what could
// not be looked at is a report with status "failed".
type Source interface {
	Envelopes(ctx context.Context, s gatekeep.Subject) ([]Envelope, []gatekeep.SourceReport)
}

// Gather asks all sources at once and returns what they found, sorted by digest of
// the bytes, each document once. Of a document found twice the first source in
// order is named. Reports keep the order of the sources.
func Gather(ctx context.Context, sources []Source, s gatekeep.Subject) ([]Envelope, []gatekeep.SourceReport) {
	type answer struct {
		envelopes []Envelope
		reports   []gatekeep.SourceReport
	}
	answers := make([]answer, len(sources))
	var wg sync.WaitGroup
	for i, source := range sources {
		wg.Go(func() {
			answers[i].envelopes, answers[i].reports = source.Envelopes(ctx, s)
		})
	}
	wg.Wait()
	var envelopes []Envelope
	reports := []gatekeep.SourceReport{}
	for _, a := range answers {
		envelopes = append(envelopes, a.envelopes...)
		reports = append(reports, a.reports...)
	}
	found := []Envelope{}
	for _, e := range byDigest(envelopes) {
		e.Envelope.digest = e.id
		found = append(found, e.Envelope)
	}
	return found, reports
}

// named is an envelope with the digest of its bytes.
type named struct {
	id string
	Envelope
}

// byDigest sorts envelopes by the digest of their bytes and keeps the first of
// those that are equal.
func byDigest(envelopes []Envelope) []named {
	all := make([]named, 0, len(envelopes))
	for _, e := range envelopes {
		all = append(all, named{e.Digest(), e})
	}
	slices.SortStableFunc(all, func(a, b named) int { return strings.Compare(a.id, b.id) })
	return slices.CompactFunc(all, func(a, b named) bool { return a.id == b.id })
}

// Refs names envelopes for a gatekeep.Case, in the order of Gather.
func Refs(envelopes []Envelope) []gatekeep.EnvelopeRef {
	refs := []gatekeep.EnvelopeRef{}
	for _, e := range byDigest(envelopes) {
		refs = append(refs, gatekeep.EnvelopeRef{
			Digest: e.id, Source: e.Source, Name: e.Name, MediaType: e.MediaType, Size: int64(len(e.Bytes)),
		})
	}
	return refs
}

// Lines splits the bytes of a JSON Lines file into its documents, without empty
// lines. More than MaxLines of them come back as ok false.
func Lines(data []byte) (lines [][]byte, ok bool) {
	for line := range bytes.Lines(data) {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		if len(lines) == MaxLines {
			return nil, false
		}
		lines = append(lines, line)
	}
	return lines, true
}
