// Package vsa makes the statement that signs a decision: an in-toto Statement v1 with
// a SLSA Verification Summary Attestation v1, which any consumer of those can gate on.
package vsa

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Names that the statement uses.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://slsa.dev/verification_summary/v1"
	ExtensionURI  = "https://gatekeep.dev/vsa/ext/v1"
	VerifierID    = "https://gatekeep.dev/verifier/v1"
	slsaVersion   = "1.2"
)

// maxSubjects is where sigstore-go, and with it cosign, stops reading a statement.
const maxSubjects = 1024

// maxStatement bounds a statement in bytes: 1,024 subjects and 20,000 inputs are some
// 4 MiB.
const maxStatement = 48 << 20

// document is an in-toto Statement v1 with a SLSA Verification Summary Attestation v1.
type document struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     summary    `json:"predicate"`
}

// resource is an in-toto ResourceDescriptor, or a subject.
type resource struct {
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"`
}

type summary struct {
	Verifier struct {
		ID      string            `json:"id"`
		Version map[string]string `json:"version"`
	} `json:"verifier"`
	TimeVerified       string     `json:"timeVerified"`
	ResourceURI        string     `json:"resourceUri"`
	Policy             resource   `json:"policy"`
	InputAttestations  []resource `json:"inputAttestations"`
	VerificationResult string     `json:"verificationResult"`
	VerifiedLevels     []string   `json:"verifiedLevels"`
	SLSAVersion        string     `json:"slsaVersion"`
	// SLSA VSA v1, parsing rules: "Producers MAY add extension fields using field names
	// that are URIs."
	Extension extension `json:"https://gatekeep.dev/vsa/ext/v1"`
}

// extension is what a deployment gate knows beyond the VSA. Nulls are said: a
// consumer can tell "none" from "an older gate".
type extension struct {
	DecisionID       string      `json:"decisionID"`
	Environment      string      `json:"environment"`
	Sequence         *int64      `json:"sequence"`         // of the decision in its environment; null where nobody counts
	PreviousDecision *string     `json:"previousDecision"` // digest; null for the first
	NotAfter         *string     `json:"notAfter"`         // RFC 3339; null where the decision does not expire
	Mode             string      `json:"mode"`
	Outcome          string      `json:"outcome"`
	Regimes          []regime    `json:"regimes"`
	Grant            *string     `json:"grant"` // the break-glass grant that was used
	Exceptions       []exception `json:"exceptions"`
	Window           *string     `json:"window"` // the freeze window that an exemption opened
	Approvals        []string    `json:"approvals"`
	// Of a decision that is logged: where, and what the next one calls previousDecision.
	Log            string `json:"log,omitempty"`
	DecisionDigest string `json:"decisionDigest,omitempty"`
}

type regime struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Result  string `json:"result"`
}

// exception is something that excused a finding.
type exception struct {
	Kind string `json:"kind"` // grant, exemption or waiver
	ID   string `json:"id"`
}

// Source is all that the statement of a decision follows from.
type Source struct {
	Record gatekeep.Record
	// Lists are the files, by name, whose digests tie the statement to everything else
	// that is sealed. They become subjects, after those of the record.
	Lists    []List
	InputURI func(digest string) string // where the attestation with this digest lies
	NotAfter time.Time                  // when the decision expires; zero where it does not
}

// List is one such file.
type List struct {
	Name   string
	Digest string // "sha256:" and 64 hex digits
}

func digestSet(d string) map[string]string {
	return map[string]string{"sha256": strings.TrimPrefix(d, "sha256:")}
}

// Statement is the statement in its canonical form (RFC 8785). It is a function of
// its source, so that a verifier can make it again.
func Statement(s Source) ([]byte, error) {
	r := s.Record
	subjects := subjectsOf(r.Case.Subject)
	if len(subjects)+len(s.Lists) > maxSubjects {
		return nil, fmt.Errorf("making statement: %d artifacts; a statement that stock tools read has room for %d",
			len(subjects), maxSubjects-len(s.Lists))
	}
	for _, l := range s.Lists {
		subjects = append(subjects, resource{Name: l.Name, Digest: digestSet(l.Digest)})
	}
	doc := document{Type: StatementType, Subject: subjects, PredicateType: PredicateType}
	p := &doc.Predicate
	p.Verifier.ID = VerifierID
	p.Verifier.Version = map[string]string{"gatekeep": r.Engine.Gatekeep, "opa": r.Engine.OPA}
	p.TimeVerified = r.Case.Clock.Now.UTC().Format(time.RFC3339Nano)
	p.ResourceURI = r.Case.Subject.Name
	p.Policy = resource{URI: "urn:gatekeep:policy:" + url.PathEscape(r.Case.Policy.Name), Digest: digestSet(r.Case.Policy.Digest)}
	p.InputAttestations = inputsOf(r.Accepted, s.InputURI)
	p.VerificationResult, p.VerifiedLevels = "FAILED", []string{"FAILED"}
	if r.Decision.Outcome.Opens() {
		p.VerificationResult, p.VerifiedLevels = "PASSED", levelsOf(r)
	}
	p.SLSAVersion = slsaVersion
	p.Extension = extensionOf(r, s.NotAfter)
	out, _, err := digest.JCS(doc)
	if err != nil {
		return nil, fmt.Errorf("making statement: %w", err)
	}
	return out, nil
}

// subjectsOf names the subject and each thing that would run.
func subjectsOf(s gatekeep.Subject) []resource {
	out := []resource{{Name: s.Name, Digest: digestSet(s.Digest)}}
	for d, a := range s.Artifacts {
		if d == s.Digest {
			continue
		}
		name := cmp.Or(a.Name, s.Name)
		if a.Platform != "" {
			name += "#" + a.Platform
		}
		out = append(out, resource{Name: name, Digest: digestSet(d)})
	}
	slices.SortFunc(out[1:], func(a, b resource) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Digest["sha256"], b.Digest["sha256"]))
	})
	return out
}

// inputsOf names every believed envelope. SLSA VSA v1, inputAttestations: "If
// non-empty, this field MUST contain information on _all_ the attestations used to
// perform verification."
func inputsOf(accepted []gatekeep.Signed, uri func(string) string) []resource {
	ids := map[string]bool{}
	out := []resource{}
	for _, s := range accepted {
		if !ids[s.ID] {
			ids[s.ID] = true
			out = append(out, resource{URI: uri(s.ID), Digest: digestSet(s.ID)})
		}
	}
	slices.SortFunc(out, func(a, b resource) int { return strings.Compare(a.URI, b.URI) })
	return out
}

// levelOf names a regime as a level. Names that begin with SLSA_ are SLSA's own.
func levelOf(id string) string {
	return "GATEKEEP_" + strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToUpper(id))
}

// levelsOf are the regimes of which every control passed. A waived control is no
// pass: the decision opens the gate, and the level stays unsaid.
func levelsOf(r gatekeep.Record) []string {
	held := map[string]bool{}
	for _, g := range r.Regimes {
		level := levelOf(g.ID)
		earlier, seen := held[level]
		held[level] = (earlier || !seen) && resultOf(r.Decision, g.ID) == gatekeep.Pass
	}
	out := []string{}
	for level, ok := range held {
		if ok {
			out = append(out, level)
		}
	}
	slices.Sort(out)
	return out
}

// resultOf is the worst that any rule says under a regime. Controls that do not
// apply do not count, unless none applies; a regime without results could not be
// judged.
func resultOf(d gatekeep.Decision, id string) gatekeep.Outcome {
	worst, seen := gatekeep.NotApplicable, false
	for _, r := range d.Results {
		if r.Regime != id {
			continue
		}
		switch {
		case !seen || worst == gatekeep.NotApplicable:
			worst = r.Outcome
		case r.Outcome != gatekeep.NotApplicable:
			worst = min(worst, r.Outcome)
		}
		seen = true
	}
	if !seen {
		return gatekeep.Indeterminate
	}
	return worst
}

func extensionOf(r gatekeep.Record, notAfter time.Time) extension {
	x := extension{
		DecisionID: r.ID, Environment: r.Case.Request.Environment, Mode: string(r.Mode),
		Outcome: r.Decision.Outcome.String(), Regimes: []regime{}, Exceptions: exceptionsOf(r.Decision),
		Approvals: append([]string{}, r.Decision.Effects.Approvals...),
	}
	slices.Sort(x.Approvals)
	if r.Seal != nil && r.Seal.Log != "" {
		x.Log, x.DecisionDigest = r.Seal.Log, r.Facts.Decision
	}
	if r.Case.State.Sequence > 0 {
		x.Sequence = &r.Case.State.Sequence
	}
	if r.Case.State.Previous != "" {
		x.PreviousDecision = &r.Case.State.Previous
	}
	if !notAfter.IsZero() {
		text := notAfter.UTC().Format(time.RFC3339Nano)
		x.NotAfter = &text
	}
	if grants := slices.Sorted(slices.Values(r.Decision.Effects.UseGrants)); len(grants) > 0 {
		x.Grant = &grants[0]
	}
	for _, g := range r.Regimes {
		x.Regimes = append(x.Regimes, regime{g.ID, g.Version, resultOf(r.Decision, g.ID).String()})
	}
	slices.SortFunc(x.Regimes, func(a, b regime) int { return strings.Compare(a.ID, b.ID) })
	return x
}

// exceptionsOf are all grants and exemptions that were used, and what else excused a
// finding, which is a waiver.
func exceptionsOf(d gatekeep.Decision) []exception {
	kinds := map[string]string{}
	for _, result := range d.Results {
		for _, f := range result.Findings {
			if f.Excuse != "" {
				kinds[f.Excuse] = "waiver"
			}
		}
	}
	for _, id := range d.Effects.UseExemptions {
		kinds[id] = "exemption"
	}
	for _, id := range d.Effects.UseGrants {
		kinds[id] = "grant"
	}
	out := []exception{}
	for id, kind := range kinds {
		out = append(out, exception{kind, id})
	}
	slices.SortFunc(out, func(a, b exception) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.ID, b.ID))
	})
	return out
}

// Summary is what a verifier reads in a statement that it did not make.
type Summary struct {
	Subjects []List    // every subject, with "" for one without a SHA-256
	Time     time.Time // timeVerified
	NotAfter time.Time // zero where the decision does not expire
}

// Parse reads a statement, which may hold members that this package does not know.
func Parse(statement []byte) (Summary, error) {
	var doc struct {
		Subject   []resource `json:"subject"`
		Predicate struct {
			Time      time.Time `json:"timeVerified"`
			Extension struct {
				NotAfter *time.Time `json:"notAfter"`
			} `json:"https://gatekeep.dev/vsa/ext/v1"`
		} `json:"predicate"`
	}
	if err := strictjson.Unmarshal(statement, strictjson.Limits{Bytes: maxStatement, Depth: 32}, &doc); err != nil {
		return Summary{}, fmt.Errorf("reading statement: %w", err)
	}
	out := Summary{Time: doc.Predicate.Time}
	for _, s := range doc.Subject {
		l := List{Name: s.Name}
		if hex, ok := s.Digest["sha256"]; ok {
			l.Digest = "sha256:" + hex
		}
		out.Subjects = append(out.Subjects, l)
	}
	if t := doc.Predicate.Extension.NotAfter; t != nil {
		out.NotAfter = *t
	}
	return out, nil
}
