package attest

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/trust"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

// Trust is a trust policy.
type Trust = trust.Policy

// LoadTrust reads a trust policy; see trust.Load.
func LoadTrust(fsys fs.FS, name string) (*Trust, error) { return trust.Load(fsys, name) }

// unsignedName is the signer of a statement that is believed without signature.
const unsignedName = "(unsigned)"

// About is what statements may be about, and where the subject would run. What is
// empty matches nothing.
type About struct {
	Digests     []string // of the subject, its artifacts and what covers them; "sha256:.."
	Commit      string   // full hash of the source commit
	Binding     string   // digest of the request's binding lines
	Plan        string   // digest of the infrastructure plan
	Environment string   // name
	Service     string   // name
}

// AboutSubject collects the digests of a subject, its artifacts and what covers
// them, sorted.
func AboutSubject(s gatekeep.Subject) []string {
	digests := []string{}
	if s.Digest != "" {
		digests = append(digests, s.Digest)
	}
	for d, a := range s.Artifacts {
		digests = append(append(digests, d), a.CoveredBy...)
	}
	slices.Sort(digests)
	return slices.Compact(digests)
}

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
// statement, type, signer's right, subject, predicate. It reads neither clock nor
// network. An error means that the question itself is broken.
func Verify(envelopes []Envelope, t *Trust, about About, now time.Time) (*Evidence, error) {
	if now.IsZero() {
		return nil, errors.New("verifying envelopes: the time of the decision is not set")
	}
	for _, d := range about.Digests {
		if !digest.Valid(d) {
			return nil, fmt.Errorf("verifying envelopes: subject digest %q is not sha256 and 64 hex digits", d)
		}
	}
	ev := &Evidence{Statements: []Statement{}, Rejected: []gatekeep.Rejection{}, Indexes: map[string]map[string]any{}}
	for _, e := range byDigest(envelopes) {
		j := judgement{trust: t, about: about, now: now, id: e.id, envelope: e.Envelope}
		if why := j.judge(); why != nil {
			ev.Rejected = append(ev.Rejected, gatekeep.Rejection{
				ID: e.id, PredicateType: j.predicateType, Kind: j.kind, Reason: why.reason, Detail: why.detail,
				Signer: why.signer, Source: e.Source, Name: e.Name,
			})
			continue
		}
		ev.add(j.believed)
	}
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
	predicateType string // as far as known, for a rejection
	kind          string
	believed      Statement
}

func (j *judgement) judge() *refusal {
	e, why := open(j.envelope.Bytes)
	if why != nil {
		return why
	}
	verifications, why := j.authenticate(e)
	if why != nil {
		j.nameClaimed(e)
		return why
	}
	st, why := parseStatement(e.payload)
	if why != nil {
		return why
	}
	j.name(st.predicateType)
	typ, known := predicate.Lookup(st.predicateType)
	if !known {
		return refuse(gatekeep.ReasonPredicateUnknown, "statements of type %.200q are not read here, so they are evidence of nothing", st.predicateType)
	}
	verification, why := j.permit(verifications, typ, st.predicateType)
	if why != nil {
		return why
	}
	content, why := j.read(typ, st)
	if why != nil {
		why.signer = verification.Signer
		return why
	}
	claims := content.Claims
	if claims == nil {
		claims = map[string]any{}
	}
	j.believed = Statement{
		Attestation: gatekeep.Attestation{
			ID: j.id, Kind: typ.Kind, PredicateType: st.predicateType, SubjectDigests: append([]string{}, st.subjects...),
			Verification: verification, Claims: claims, Source: j.envelope.Source,
		},
		Name:    j.envelope.Name,
		Content: *content,
	}
	return nil
}

// nameClaimed notes the type that an unverified payload claims. It is used for two
// things only: to name the rejection, and to choose between two words for it.
func (j *judgement) nameClaimed(e *envelope) {
	if claimed, why := parseStatement(e.payload); why == nil {
		j.name(claimed.predicateType)
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

// authenticate finds who signed. Several names may fit one signature, and several
// signers may have signed; which of them has the right to is asked later.
func (j *judgement) authenticate(e *envelope) ([]gatekeep.Verification, *refusal) {
	var found []gatekeep.Verification
	switch {
	case e.unsigned:
		return []gatekeep.Verification{{Status: gatekeep.StatusUnsigned, Signer: unsignedName}}, nil
	case e.certificate != nil:
		signers, summary, why := byCertificate(j.trust, e.certificate)
		if why != nil {
			return nil, why
		}
		for _, s := range signers {
			v := wordOf(s)
			v.Issuer, v.SAN = summary.Issuer, summary.SubjectAlternativeName
			found = append(found, v)
		}
	default:
		signers, why := byKey(j.trust, e, j.now, func() bool { return j.keyExpected(e) })
		if why != nil {
			return nil, why
		}
		for _, s := range signers {
			found = append(found, wordOf(s))
		}
	}
	return found, nil
}

// wordOf is the word of a signer as rules see it.
func wordOf(s *trust.Signer) gatekeep.Verification {
	return gatekeep.Verification{Status: gatekeep.StatusVerified, Signer: s.Name, Principal: s.Principal, KeyID: s.KeyID}
}

// keyExpected tells whether some key of the trust policy may make statements of
// the type that the document claims to be.
func (j *judgement) keyExpected(e *envelope) bool {
	j.nameClaimed(e)
	if j.predicateType == "" {
		// What no longer reads as a statement was most likely one before it changed.
		return len(j.trust.Keys()) > 0
	}
	typ, known := predicate.Lookup(j.predicateType)
	if !known {
		return false
	}
	return slices.ContainsFunc(j.trust.Keys(), func(s *trust.Signer) bool {
		return j.trust.May(s.Name, typ, j.predicateType, j.about.Environment)
	})
}

// permit chooses the first signer, by name, that has the right to make the
// statement where the subject would run.
func (j *judgement) permit(found []gatekeep.Verification, typ predicate.Type, uri string) (gatekeep.Verification, *refusal) {
	for _, v := range found {
		if v.Status == gatekeep.StatusUnsigned {
			if j.trust.MayUnsigned(typ, uri, j.about.Environment) {
				return v, nil
			}
			return v, refuse(gatekeep.ReasonUnsigned, "%s is not signed, and the trust policy does not name it as usable unsigned in %q", typ.Kind, j.about.Environment)
		}
		if j.trust.May(v.Signer, typ, uri, j.about.Environment) {
			return v, nil
		}
	}
	return gatekeep.Verification{}, &refusal{
		gatekeep.ReasonSignerNotTrusted,
		fmt.Sprintf("%q may not make %s statements in %q", found[0].Signer, typ.Kind, j.about.Environment),
		found[0].Signer,
	}
}

// elsewhere names the service, environment or plan that a statement claims to be
// about where that is another than the one asked about. A statement whose subject
// is its own content is tied to the request by nothing else.
func elsewhere(claims map[string]any, about About) string {
	for _, tie := range [...]struct{ claim, asked string }{
		{"service", about.Service}, {"environment", about.Environment}, {"plan_digest", about.Plan},
	} {
		claimed, _ := claims[tie.claim].(string)
		// A request without a plan may rest on the plan that was attested of the image.
		if claimed == "" || claimed == tie.asked || (tie.claim == "plan_digest" && tie.asked == "") {
			continue
		}
		return fmt.Sprintf("%s %.80q, not %.80q", tie.claim, claimed, tie.asked)
	}
	return ""
}

// read decodes the predicate of a statement about the right thing.
func (j *judgement) read(typ predicate.Type, st *statement) (*predicate.Content, *refusal) {
	direct := st.isAbout(typ, j.about)
	if !direct && !slices.Contains(typ.About, predicate.Binding) {
		return nil, refuse(gatekeep.ReasonSubjectMismatch, "it is about %s", st.summary())
	}
	content, err := typ.Decode(st.predicate)
	if errors.Is(err, predicate.ErrTooLarge) {
		return nil, refuse(gatekeep.ReasonTooLarge, "%v", err)
	}
	if err != nil {
		return nil, refuse(gatekeep.ReasonPredicateMalformed, "%v", err)
	}
	if content == nil {
		return nil, refuse(gatekeep.ReasonPredicateMalformed, "the predicate says nothing")
	}
	content.ConfineVEX(j.about.Digests)
	if other := elsewhere(content.Claims, j.about); other != "" {
		return nil, refuse(gatekeep.ReasonSubjectMismatch, "it is about %s", other)
	}
	if direct {
		return content, nil
	}
	if !st.bindingHolds(typ, content) {
		return nil, refuse(gatekeep.ReasonSubjectMismatch, "it is about %s, and its predicate states the binding %.80q", st.summary(), bindingOf(content))
	}
	// Rules see the binding of an approval or exemption and report that of another
	// request. A rollout plan does not show its binding to them.
	if content.Rollout != nil && bindingOf(content) != j.about.Binding {
		return nil, refuse(gatekeep.ReasonSubjectMismatch, "it is about another request, with the binding %.80q", bindingOf(content))
	}
	return content, nil
}
