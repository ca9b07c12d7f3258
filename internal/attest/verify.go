package attest

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/conform"
	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/refusal"
	"github.com/gatekeep-dev/gatekeep/internal/attest/statement"
	"github.com/gatekeep-dev/gatekeep/internal/attest/trust"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// Trust is a trust policy.
type Trust = trust.Policy

// LoadTrust reads a trust policy; see trust.Load.
func LoadTrust(fsys fs.FS, name string) (*Trust, error) { return trust.Load(fsys, name) }

// unsignedName is the signer of a statement that is believed without signature.
const unsignedName = "(unsigned)"

// Statement is one statement that is believed. Values are made by Verify only.
type Statement struct {
	gatekeep.Attestation
	Name    string // of its envelope, for messages
	Content predicate.Content
}

// Evidence is what Verify makes of envelopes: what is believed and what is not,
// both sorted by digest of the envelope.
type Evidence struct {
	Statements []Statement
	Rejected   []gatekeep.Rejection
	Calendars  []gatekeep.CalendarDocument
	Reviews    []Review
	// Indexes are the SBOMs as rules look them up, by the Ref of their SBOMRef:
	// by_purl, by_name, by_license, unidentified.
	Indexes map[string]map[string]any
}

// Review is a believed break-glass review.
type Review struct {
	predicate.Review
	Attestation  string // digest of the envelope
	Verification gatekeep.Verification
}

// Verify judges every envelope on its own: it becomes a statement or one
// rejection, with the first reason that stands against it in the order signature,
// statement, type, signer's right, subject, predicate, schema. Only where the trust
// policy asks for several signers do envelopes with the same bytes count together. It
// reads neither clock nor network. An error means that the question itself is broken.
func Verify(envelopes []Envelope, t *Trust, about About, now time.Time) (*Evidence, error) {
	if now.IsZero() {
		return nil, errors.New("verifying envelopes: the time of the decision is not set")
	}
	for _, d := range about.Digests {
		if !digest.Valid(d) {
			return nil, fmt.Errorf("verifying envelopes: subject digest %q is not sha256 and 64 hex digits", d)
		}
	}
	found := byDigest(envelopes)
	together := signedTogether(found, t, about, now)
	satisfied := satisfyLayouts(found, t, about, now)
	schemas := new(conform.Checker) // compiles a schema at its first use
	ev := &Evidence{Statements: []Statement{}, Rejected: []gatekeep.Rejection{}, Indexes: map[string]map[string]any{}}
	for _, e := range found {
		if s, ok := satisfied.statements[e.id]; ok {
			ev.add(s)
			continue
		}
		j := judgement{trust: t, about: about, now: now, id: e.id, envelope: e.Envelope, together: together, schemas: schemas}
		if why := j.judge(); why != nil {
			ev.Rejected = append(ev.Rejected, gatekeep.Rejection{
				ID: e.id, PredicateType: j.predicateType, Kind: j.kind, Reason: why.Reason, Detail: why.Detail,
				Signer: why.Signer, Source: e.Source, Name: e.Name,
			})
			continue
		}
		ev.add(j.believed)
	}
	ev.Rejected = append(ev.Rejected, satisfied.violated...)
	slices.SortStableFunc(ev.Rejected, func(a, b gatekeep.Rejection) int { return strings.Compare(a.ID, b.ID) })
	return ev, nil
}

// add files one statement and what else its content holds.
func (ev *Evidence) add(s Statement) {
	ev.Statements = append(ev.Statements, s)
	if c := s.Content.Calendar; c != nil {
		doc := *c
		doc.Attestation = s.ID
		ev.Calendars = append(ev.Calendars, doc)
	}
	if r := s.Content.Review; r != nil {
		ev.Reviews = append(ev.Reviews, Review{*r, s.ID, s.Verification})
	}
	if b := s.Content.SBOM; b != nil {
		ev.Indexes[b.Ref] = b.Index
	}
}

// judgement is the trial of one envelope.
type judgement struct {
	trust         *Trust
	about         About
	now           time.Time
	id            string
	envelope      Envelope
	together      map[string][]trust.Word
	schemas       *conform.Checker
	predicateType string // as far as known, for a rejection
	kind          string
	believed      Statement
}

func (j *judgement) judge() *refusal.Refusal {
	d, why := envelope.Open(j.envelope.Bytes)
	if why != nil {
		return why
	}
	var proofs []proof
	if !d.Unsigned {
		if proofs, why = j.authenticate(d); why != nil {
			j.nameClaimed(d)
			return why
		}
	}
	st, why := statement.Of(d)
	if why != nil {
		return why
	}
	j.name(st.PredicateType)
	typ, known := typeOf(st.PredicateType)
	verification, strict, why := j.permit(d, proofs, typ, st.PredicateType)
	if !known && (why == nil && d.Unsigned || why != nil && why.Reason != gatekeep.ReasonThresholdNotMet) {
		return refusal.New(gatekeep.ReasonPredicateUnknown, "statements of type %.200q are not read here, so they are evidence of nothing", st.PredicateType)
	}
	if why != nil {
		return why
	}
	content, why := j.read(typ, st)
	if why == nil && strict {
		why = conforms(j.schemas, st, content)
	}
	if why != nil {
		return why.Of(verification.Signer)
	}
	claims := content.Claims
	if claims == nil {
		claims = map[string]any{}
	}
	j.kind = typ.Kind
	j.believed = Statement{
		Attestation: gatekeep.Attestation{
			ID: j.id, Kind: typ.Kind, PredicateType: st.PredicateType, SubjectDigests: append([]string{}, st.Subjects...),
			Verification: verification, Claims: claims, Source: j.envelope.Source,
		},
		Name:    j.envelope.Name,
		Content: *content,
	}
	return nil
}

// nameClaimed notes the type that an unverified payload claims. It is used for two
// things only: to name the rejection, and to choose between two words for it.
func (j *judgement) nameClaimed(d *envelope.Document) {
	if claimed, why := statement.Of(d); why == nil {
		j.name(claimed.PredicateType)
	}
}

// name notes what type a document claims to be.
func (j *judgement) name(predicateType string) {
	const longest = 512 // of a type in a message; the longest real one has 90
	if len(predicateType) > longest {
		return
	}
	j.predicateType = predicateType
	if typ, ok := predicate.Lookup(predicateType); ok {
		j.kind = typ.Kind
	}
}

// keyExpected tells whether some key of the trust policy may make statements of
// the type that the document claims to be.
func (j *judgement) keyExpected(d *envelope.Document) bool {
	j.nameClaimed(d)
	if j.predicateType == "" {
		// What no longer reads as a statement was most likely one before it changed.
		return len(j.trust.Keys()) > 0
	}
	typ, _ := typeOf(j.predicateType)
	return slices.ContainsFunc(j.trust.Keys(), func(s *trust.Signer) bool {
		return j.trust.May(s.Name, typ, j.predicateType, j.about.Environment)
	})
}

// permit chooses the first signer, by name, that has the right to make the statement
// where the subject would run, together with those who signed the same bytes.
func (j *judgement) permit(d *envelope.Document, proofs []proof, typ predicate.Type, uri string) (v gatekeep.Verification, strict bool, why *refusal.Refusal) {
	if d.Unsigned {
		v = gatekeep.Verification{Status: gatekeep.StatusUnsigned, Signer: unsignedName}
		may, strict := j.trust.MayUnsigned(typ, uri, j.about.Environment)
		if !may {
			why = refusal.New(gatekeep.ReasonUnsigned, "%s is not signed, and the trust policy does not name it as usable unsigned in %q", typ.Kind, j.about.Environment)
		}
		return v, strict, why
	}
	var own []trust.Word
	for _, p := range proofs {
		own = append(own, p.word)
	}
	all := own
	if len(j.together) > 0 {
		all = slices.Concat(own, j.together[sameBytes(d)])
	}
	granted := j.trust.Permits(own, all, typ, uri, j.about.Environment)
	switch {
	case granted.Signer != "":
		return wordOf(proofs, granted), granted.Strict, nil
	case granted.Missing > 0:
		why = refusal.New(gatekeep.ReasonThresholdNotMet, "%s statements in %q need %d signers, and this one has %s: %d more must sign the same bytes",
			typ.Kind, j.about.Environment, granted.All, strings.Join(granted.Signed, ", "), granted.Missing)
		return v, false, why.Of(granted.Signed[0])
	}
	first := firstOf(proofs)
	return v, false, refusal.New(gatekeep.ReasonSignerNotTrusted, "%q may not make %s statements in %q", first, typ.Kind, j.about.Environment).Of(first)
}

// firstOf is the first signer by name.
func firstOf(proofs []proof) string {
	var names []string
	for _, p := range proofs {
		for _, s := range p.word {
			names = append(names, s.Name)
		}
	}
	return slices.Min(names)
}

// wordOf is the word of the signer that speaks for a statement, as rules see it.
func wordOf(proofs []proof, granted trust.Permission) gatekeep.Verification {
	for _, p := range proofs {
		for _, s := range p.word {
			if s.Name == granted.Signer {
				return gatekeep.Verification{
					Status: gatekeep.StatusVerified, Signer: s.Name, Principal: s.Principal, Issuer: p.issuer, SAN: p.san, KeyID: s.KeyID,
					Signers: granted.Signers,
				}
			}
		}
	}
	return gatekeep.Verification{}
}

// read decodes the predicate of a statement about the right thing.
func (j *judgement) read(typ predicate.Type, st *statement.Statement) (*predicate.Content, *refusal.Refusal) {
	direct := isAbout(st, typ, j.about)
	if !direct && !slices.Contains(typ.About, predicate.Binding) {
		return nil, refusal.New(gatekeep.ReasonSubjectMismatch, "it is about %s", st.Summary())
	}
	content, err := typ.Decode(st.Predicate)
	if errors.Is(err, predicate.ErrTooLarge) {
		return nil, refusal.New(gatekeep.ReasonTooLarge, "%v", err)
	}
	if err != nil {
		return nil, refusal.New(gatekeep.ReasonPredicateMalformed, "%v", err)
	}
	if content == nil {
		return nil, refusal.New(gatekeep.ReasonPredicateMalformed, "the predicate says nothing")
	}
	content.ConfineVEX(j.about.Digests)
	if other := elsewhere(content.Claims, j.about); other != "" {
		return nil, refusal.New(gatekeep.ReasonSubjectMismatch, "it is about %s", other)
	}
	if !looksAtThis(st, content.Targets, j.about) {
		return nil, refusal.New(gatekeep.ReasonSubjectMismatch, "it is about %s, and the %s in it is of %s", st.Summary(), typ.Kind, strings.Join(content.Targets[:min(3, len(content.Targets))], ", "))
	}
	if direct {
		return content, nil
	}
	if !bindingHolds(st, typ, content) {
		return nil, refusal.New(gatekeep.ReasonSubjectMismatch, "it is about %s, and its predicate states the binding %.80q", st.Summary(), bindingOf(content))
	}
	// Rules see the binding of an approval or exemption and report that of another
	// request. A rollout plan does not show its binding to them.
	if content.Rollout != nil && bindingOf(content) != j.about.Binding {
		return nil, refusal.New(gatekeep.ReasonSubjectMismatch, "it is about another request, with the binding %.80q", bindingOf(content))
	}
	return content, nil
}
