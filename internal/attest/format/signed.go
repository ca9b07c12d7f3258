package format

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sigbundle"
	"github.com/gatekeep-dev/gatekeep/internal/attest/statement"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// maxSubjects bounds the subjects that are shown.
const maxSubjects = statement.MaxSubjects

// dsse is a DSSE envelope as it stands.
type dsse struct {
	PayloadType string `json:"payloadType"`
	Payload     string `json:"payload"`
	Signatures  []struct {
		KeyID string `json:"keyid"`
		Sig   string `json:"sig"`
		Cert  string `json:"cert"`
	} `json:"signatures"`
}

func readDSSE(data []byte) (*Reading, error) {
	var e dsse
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, malformed(err)
	}
	payload, err := decode64(e.Payload)
	if err != nil {
		return nil, malformed(fmt.Errorf("payload: %w", err))
	}
	r, err := readPayload(e.PayloadType, payload)
	if err != nil {
		return nil, err
	}
	for _, s := range e.Signatures {
		r.Signed.Signers = append(r.Signed.Signers, Signer{Key: s.KeyID, Certificate: s.Cert != ""})
	}
	r.Counts = with(r.Counts, "signatures", len(e.Signatures))
	return r, nil
}

// decode64 takes base64 in the alphabets that DSSE allows.
func decode64(text string) ([]byte, error) {
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding} {
		if out, err := encoding.Strict().DecodeString(text); err == nil {
			return out, nil
		}
	}
	return nil, errors.New("is not base64")
}

func malformed(err error) *Error { return &Error{gatekeep.ReasonEnvelopeMalformed, err} }

// readPayload reads what is signed, which is a statement in all that is read here.
func readPayload(payloadType string, payload []byte) (*Reading, error) {
	if payloadType != "application/vnd.in-toto+json" && payloadType != "https://in-toto.io/Statement/v1" {
		return nil, malformed(fmt.Errorf("payload type %.100q is no in-toto statement", payloadType))
	}
	if err := strictjson.Check(payload, jsonLimits()); err != nil {
		return nil, &Error{gatekeep.ReasonStatementMalformed, fmt.Errorf("payload: %w", err)}
	}
	return readStatement(payload)
}

// readStatement reads a statement, and the predicate in it where its type is one that is
// read.
func readStatement(data []byte) (*Reading, error) {
	var st struct {
		Type    string `json:"_type"`
		Subject []struct {
			Name   string            `json:"name"`
			URI    string            `json:"uri"`
			Digest map[string]string `json:"digest"`
		} `json:"subject"`
		PredicateType string          `json:"predicateType"`
		Predicate     json.RawMessage `json:"predicate"`
	}
	broken := func(err error) (*Reading, error) { return nil, &Error{gatekeep.ReasonStatementMalformed, err} }
	if err := json.Unmarshal(data, &st); err != nil {
		return broken(err)
	}
	if st.Type != "https://in-toto.io/Statement/v1" && st.Type != "https://in-toto.io/Statement/v0.1" {
		return broken(fmt.Errorf("_type %.100q is no version that is read", st.Type))
	}
	if !isTypeURI(st.PredicateType) {
		return broken(fmt.Errorf("predicateType %.100q is no type URI", st.PredicateType))
	}
	if len(st.Subject) > maxSubjects {
		return nil, &Error{gatekeep.ReasonTooLarge, fmt.Errorf("%d subjects are over the bound of %d", len(st.Subject), maxSubjects)}
	}
	r := &Reading{Version: strings.TrimPrefix(st.Type, "https://in-toto.io/Statement/"), Counts: map[string]int{"subjects": len(st.Subject)},
		Signed: &Signed{Statement: true, PredicateType: st.PredicateType}, inner: st.Predicate}
	for _, s := range st.Subject {
		for _, algorithm := range slices.Sorted(maps.Keys(s.Digest)) {
			r.Signed.Subjects = append(r.Signed.Subjects, algorithm+":"+s.Digest[algorithm])
		}
	}
	slices.Sort(r.Signed.Subjects)
	r.Signed.Subjects = slices.Compact(r.Signed.Subjects)
	t, known := predicate.Lookup(st.PredicateType)
	if !known {
		r.Says = map[string]string{"predicate": "of a type that is not read here"}
		return r, nil
	}
	r.Kind = t.Kind
	content, err := t.Decode(st.Predicate)
	if errors.Is(err, predicate.ErrTooLarge) {
		return nil, err
	}
	if err != nil {
		// The statement stands, whatever it says; no gate will believe it.
		r.Broken = err.Error()
		return r, nil
	}
	r.content(content)
	return r, nil
}

// isTypeURI tells whether a text can name a type without collision: a URI with a
// scheme, or one without that begins with a domain (in-toto/attestation,
// spec/v1/field_types.md, TypeURI).
func isTypeURI(text string) bool {
	u, err := url.Parse(text)
	if err != nil || text == "" {
		return false
	}
	domain, _, _ := strings.Cut(text, "/")
	return u.Scheme != "" || strings.Contains(domain, ".")
}

func readBundle(data []byte) (*Reading, error) {
	b, err := sigbundle.Read(data)
	if err != nil {
		return nil, malformed(err)
	}
	r := &Reading{Signed: &Signed{}}
	if e := b.GetDsseEnvelope(); e != nil {
		var err error
		if r, err = readPayload(e.GetPayloadType(), e.GetPayload()); err != nil {
			return nil, err
		}
	} else {
		r.Says = map[string]string{"signs": "the bytes of a file"}
		if d := b.GetMessageSignature().GetMessageDigest(); d != nil {
			r.Signed.Subjects = []string{fmt.Sprintf("%s:%x", strings.ToLower(strings.ReplaceAll(d.GetAlgorithm().String(), "SHA2_", "sha")), d.GetDigest())}
		}
	}
	r.Version = version(b.GetMediaType())
	r.Counts = with(r.Counts, "log entries", len(b.GetVerificationMaterial().GetTlogEntries()))
	r.Counts["timestamps"] = len(b.GetVerificationMaterial().GetTimestampVerificationData().GetRfc3161Timestamps())
	r.Signed.Signers = []Signer{signerOf(b)}
	return r, nil
}

// version is what a media type ends or begins its parameters with: "0.3".
func version(mediaType string) string {
	for _, part := range []string{"version=", "bundle.v"} {
		if _, after, found := strings.Cut(mediaType, part); found {
			return strings.TrimSuffix(after, "+json")
		}
	}
	return ""
}

// signerOf is what a bundle claims of its signer.
func signerOf(b *bundle.Bundle) Signer {
	if key := b.GetVerificationMaterial().GetPublicKey(); key != nil {
		return Signer{Key: key.GetHint()}
	}
	content, err := b.VerificationContent()
	if err != nil || content.Certificate() == nil {
		return Signer{}
	}
	summary, err := certificate.SummarizeCertificate(content.Certificate())
	if err != nil {
		return Signer{Certificate: true}
	}
	return Signer{Identity: summary.SubjectAlternativeName, Issuer: summary.Issuer, Certificate: true}
}

// readMetablock reads the older form of in-toto, which signs canonical JSON.
func readMetablock(data []byte) (*Reading, error) {
	var m struct {
		Signed struct {
			Type  string            `json:"_type"`
			Name  string            `json:"name"`
			Steps []json.RawMessage `json:"steps"`
		} `json:"signed"`
		Signatures []struct {
			KeyID string `json:"keyid"`
		} `json:"signatures"`
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, malformed(err)
	}
	if m.Signed.Type != "layout" && m.Signed.Type != "link" {
		return nil, malformed(fmt.Errorf("signed._type %.40q is neither layout nor link", m.Signed.Type))
	}
	r := &Reading{Signed: &Signed{}, Says: map[string]string{"type": m.Signed.Type},
		Counts: map[string]int{"signatures": len(m.Signatures), "steps": len(m.Signed.Steps)}}
	for _, s := range m.Signatures {
		r.Signed.Signers = append(r.Signed.Signers, Signer{Key: s.KeyID})
	}
	return r, nil
}

// isNPM is the answer of registry.npmjs.org/-/npm/v1/attestations/NAME@VERSION.
func isNPM(s *sample) bool {
	return s.has("attestations") && strings.Contains(string(s.members["attestations"][:min(4096, len(s.members["attestations"]))]), `"bundle"`)
}

// Parts are the documents within one that only carries others, each with a name: the
// attestations that the npm registry hands out together.
func (r *Reading) Parts(data []byte) [][]byte {
	var doc npm
	if r.Format != "npm-attestations" || json.Unmarshal(data, &doc) != nil {
		return nil
	}
	var parts [][]byte
	for _, a := range doc.Attestations {
		parts = append(parts, a.Bundle)
	}
	return parts
}

// npm is what the registry answers.
type npm struct {
	Attestations []struct {
		PredicateType string          `json:"predicateType"`
		Bundle        json.RawMessage `json:"bundle"`
	} `json:"attestations"`
}

// readNPM reads the bundles of a package one by one.
func readNPM(data []byte) (*Reading, error) {
	var doc npm
	if err := json.Unmarshal(data, &doc); err != nil {
		return nil, malformed(err)
	}
	if len(doc.Attestations) == 0 {
		return nil, malformed(errors.New("it has no attestations"))
	}
	r := &Reading{Signed: &Signed{Statement: true}, Counts: map[string]int{"attestations": len(doc.Attestations)}}
	for i, a := range doc.Attestations {
		one, err := readBundle(a.Bundle)
		if err != nil {
			return nil, fmt.Errorf("attestations[%d]: %w", i, err)
		}
		r.Signed.Signers = append(r.Signed.Signers, one.Signed.Signers...)
		r.Signed.Subjects = append(r.Signed.Subjects, one.Signed.Subjects...)
	}
	slices.Sort(r.Signed.Subjects)
	r.Signed.Subjects = slices.Compact(r.Signed.Subjects)
	return r, nil
}

// with adds a count to counts that may not be there yet.
func with(counts map[string]int, name string, n int) map[string]int {
	if counts == nil {
		counts = map[string]int{}
	}
	counts[name] = n
	return counts
}
