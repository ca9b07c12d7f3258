package entry

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Kind says what an entry records.
type Kind string

// The kinds of entries. KeyChange and Revocation have a body that the ledger itself
// reads; the bodies of the others are their makers'.
const (
	Decision         Kind = "decision"
	Approval         Kind = "approval"
	Grant            Kind = "grant"
	WindowChange     Kind = "window-change"
	PolicyActivation Kind = "policy-activation"
	KeyChange        Kind = "key-change"
	Revocation       Kind = "revocation"
	EnforcementGap   Kind = "enforcement-gap"
	Heartbeat        Kind = "heartbeat"
	Erasure          Kind = "erasure"
)

// Kinds lists every kind of entry.
func Kinds() []Kind {
	return []Kind{Decision, Approval, Grant, WindowChange, PolicyActivation, KeyChange, Revocation, EnforcementGap, Heartbeat, Erasure}
}

// Names in statements.
const (
	statementType = "https://in-toto.io/Statement/v1"
	typePrefix    = "https://gatekeep.dev/ledger/"
	typeSuffix    = "/v1"
	vsaType       = "https://slsa.dev/verification_summary/v1"
	bodySubject   = "body" // the subject that is the body of the entry itself
)

// Bounds of a statement: a verification summary names up to 20,000 inputs.
const (
	MaxStatement      = 8 << 20
	maxStatementDepth = 64
	maxNameBytes      = 256     // an id, or the name of an environment
	maxSequence       = 1 << 53 // canonical JSON keeps integers up to here
)

// Meta is what is signed of an entry beside its body.
type Meta struct {
	Kind        Kind      `json:"kind"`
	ID          string    `json:"id"`
	Environment string    `json:"environment"` // empty where the entry concerns no single one
	Sequence    int64     `json:"sequence"`    // of this kind in this environment, from 1; 0 where the maker keeps none
	Previous    string    `json:"previous"`    // digest of the entry before it in that sequence; empty for the first
	Time        time.Time `json:"time"`
	Outcome     string    `json:"outcome,omitempty"` // of a decision
	Subject     string    `json:"subject,omitempty"` // of a decision: its first subject, name@digest
	// Self is what the next entry calls Previous: the digest of the statement, or, of a
	// verification summary, that of the decision if it says so, else empty.
	Self string          `json:"-"`
	Body json.RawMessage `json:"-"` // nil of a verification summary
}

// Subject is something that an entry is about, by digest.
type Subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type statementJSON struct {
	Type          string        `json:"_type"`
	Subject       []Subject     `json:"subject"`
	PredicateType string        `json:"predicateType"`
	Predicate     predicateJSON `json:"predicate"`
}

type predicateJSON struct {
	ID          string          `json:"id"`
	Environment string          `json:"environment"`
	Sequence    int64           `json:"sequence"`
	Previous    *string         `json:"previous"`
	Time        string          `json:"time"`
	Body        json.RawMessage `json:"body"`
}

// Make is the statement of an entry in its canonical form. Its first subject
// is the body, so that stock tools can check it against a file.
func Make(m Meta, subjects []Subject) ([]byte, error) {
	body, sum, err := digest.JCS(m.Body)
	if err != nil {
		return nil, err
	}
	doc := statementJSON{
		Type:          statementType,
		Subject:       append([]Subject{{Name: bodySubject, Digest: map[string]string{"sha256": strings.TrimPrefix(sum, "sha256:")}}}, subjects...),
		PredicateType: typePrefix + string(m.Kind) + typeSuffix,
		Predicate: predicateJSON{
			ID: m.ID, Environment: m.Environment, Sequence: m.Sequence, Time: m.Time.UTC().Format(time.RFC3339Nano), Body: body,
		},
	}
	if m.Previous != "" {
		doc.Predicate.Previous = &m.Previous
	}
	out, _, err := digest.JCS(doc)
	return out, err
}

// ReadStatement reads what is signed of an entry: the ledger's own statements, and
// SLSA verification summaries with the gatekeep extension, which are decisions.
func ReadStatement(data []byte) (Meta, error) {
	m, err := readStatement(data)
	if err != nil {
		return Meta{}, fmt.Errorf("reading statement: %w", err)
	}
	return m, m.check()
}

func readStatement(data []byte) (Meta, error) {
	var head struct {
		Type          string          `json:"_type"`
		Subject       []Subject       `json:"subject"`
		PredicateType string          `json:"predicateType"`
		Predicate     json.RawMessage `json:"predicate"`
	}
	if err := strictjson.Unmarshal(data, strictjson.Limits{Bytes: MaxStatement, Depth: maxStatementDepth}, &head); err != nil {
		return Meta{}, err
	}
	if head.Type != statementType {
		return Meta{}, fmt.Errorf("_type is %q and not %q", head.Type, statementType)
	}
	if len(head.Subject) == 0 {
		return Meta{}, errors.New("it has no subject")
	}
	if head.PredicateType == vsaType {
		m, err := readSummary(head.Predicate)
		m.Subject = nameOf(head.Subject[0])
		return m, err
	}
	kind, ours := strings.CutPrefix(head.PredicateType, typePrefix)
	kind, versioned := strings.CutSuffix(kind, typeSuffix)
	if !ours || !versioned || !slices.Contains(Kinds(), Kind(kind)) {
		return Meta{}, fmt.Errorf("predicateType %q is no entry of a ledger", head.PredicateType)
	}
	var p predicateJSON
	if err := json.Unmarshal(head.Predicate, &p); err != nil {
		return Meta{}, err
	}
	m := Meta{Kind: Kind(kind), ID: p.ID, Environment: p.Environment, Sequence: p.Sequence, Body: p.Body, Self: digest.Of(data)}
	var err error
	if m.Time, err = time.Parse(time.RFC3339Nano, p.Time); err != nil {
		return Meta{}, fmt.Errorf("predicate.time: %w", err)
	}
	if m.Sequence < 1 {
		return Meta{}, fmt.Errorf("predicate.sequence is %d; sequences begin at 1", m.Sequence)
	}
	if p.Previous != nil {
		if m.Previous = *p.Previous; !digest.Valid(m.Previous) {
			return Meta{}, fmt.Errorf("predicate.previous %q is no digest", m.Previous)
		}
	}
	body, sum, err := digest.JCS(p.Body)
	if err != nil || len(body) == 0 || body[0] != '{' {
		return Meta{}, errors.New("predicate.body is no object")
	}
	if first := head.Subject[0]; first.Name != bodySubject || "sha256:"+first.Digest["sha256"] != sum {
		return Meta{}, errors.New("the first subject is not the body")
	}
	if kind == string(Decision) {
		var said struct {
			Outcome string `json:"outcome"`
		}
		if err := json.Unmarshal(body, &said); err != nil {
			return Meta{}, fmt.Errorf("predicate.body: %w", err)
		}
		m.Outcome = said.Outcome
		if len(head.Subject) > 1 {
			m.Subject = nameOf(head.Subject[1])
		}
	}
	// One form only: what another reader could read otherwise was not written by a ledger.
	again, err := Make(m, head.Subject[1:])
	if err != nil || !bytes.Equal(again, data) {
		return Meta{}, errors.New("it is not in the canonical form in which entries are written")
	}
	return m, nil
}

// readSummary reads a SLSA VSA v1 with the extension that a gate adds. Members are read
// by their exact names: encoding/json would take "Sequence" for "sequence".
func readSummary(predicate json.RawMessage) (Meta, error) {
	limits := strictjson.Limits{Bytes: MaxStatement, Depth: maxStatementDepth}
	outer, err := strictjson.Members(predicate, limits)
	if err != nil {
		return Meta{}, fmt.Errorf("predicate: %w", err)
	}
	inner, there := outer["https://gatekeep.dev/vsa/ext/v1"]
	if !there {
		return Meta{}, errors.New("the verification summary has no gatekeep extension, which says environment and sequence")
	}
	x, err := strictjson.Members(inner, limits)
	if err != nil {
		return Meta{}, fmt.Errorf("gatekeep extension: %w", err)
	}
	m := Meta{Kind: Decision}
	for name, f := range map[string]struct {
		from map[string]json.RawMessage
		into any
	}{
		"timeVerified": {outer, &m.Time}, "decisionID": {x, &m.ID}, "environment": {x, &m.Environment}, "sequence": {x, &m.Sequence},
		"previousDecision": {x, &m.Previous}, "decisionDigest": {x, &m.Self}, "outcome": {x, &m.Outcome},
	} {
		if raw, there := f.from[name]; there { // null leaves the zero value
			if err := json.Unmarshal(raw, f.into); err != nil {
				return Meta{}, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return m, nil
}

func nameOf(s Subject) string {
	if hex := s.Digest["sha256"]; hex != "" {
		return s.Name + "@sha256:" + hex
	}
	return s.Name
}

// check bounds what the ledger keeps of an entry.
func (m Meta) check() error {
	switch {
	case m.ID == "":
		return errors.New("reading statement: it has no id")
	case !plainName(m.ID) || !plainName(m.Environment):
		return fmt.Errorf("reading statement: id and environment are at most %d printable characters", maxNameBytes)
	case m.Sequence < 0 || m.Sequence >= maxSequence:
		return fmt.Errorf("reading statement: sequence %d is out of range", m.Sequence)
	case m.Time.IsZero():
		return errors.New("reading statement: it has no time")
	}
	return nil
}

// plainName tells a name that prints as it is, on one line.
func plainName(s string) bool {
	return len(s) <= maxNameBytes && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' })
}

// IDKey is a short hash of an id: a hint to look for it.
func IDKey(id string) uint64 {
	sum := sha256.Sum256([]byte(id))
	return binary.BigEndian.Uint64(sum[:])
}
