package attest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/statement"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

func TestNilAndZeroTrustBelieveNobody(t *testing.T) {
	k := newKey(t, "P-256")
	for _, trust := range []*Trust{nil, {}} {
		_, r := judgeOne(t, k.signed(t, provenanceOf(app)), trust, aboutApp(), noon)
		if r == nil || r.Reason != gatekeep.ReasonSignerUnknown {
			t.Fatalf("signed: got %+v", r)
		}
		if _, r = judgeOne(t, provenanceOf(app), trust, aboutApp(), noon); r == nil || r.Reason != gatekeep.ReasonUnsigned {
			t.Fatalf("unsigned: got %+v", r)
		}
		if n := len(trust.Files()); n != 0 {
			t.Fatalf("%d files", n)
		}
	}
}

func TestQuestionMustBeWhole(t *testing.T) {
	if _, err := Verify(nil, nil, About{}, time.Time{}); err == nil {
		t.Error("a decision at no time was begun")
	}
	if _, err := Verify(nil, nil, About{Digests: []string{"sha256:ABC"}}, noon); err == nil {
		t.Error("a subject without digest was judged")
	}
}

func TestMalformedDocumentsAreRefused(t *testing.T) {
	k := newKey(t, "P-256")
	good := k.signed(t, provenanceOf(app))
	sign := func(payload string) []byte { return k.signed(t, []byte(payload)) }
	statement := string(provenanceOf(app))
	many := make([]string, maxSubjects+1)
	for i := range many {
		many[i] = digest.Of([]byte(fmt.Sprint(i)))
	}
	for _, c := range []struct {
		name   string
		data   []byte
		reason gatekeep.Reason
	}{
		{"good", good, ""},
		{"nothing", nil, gatekeep.ReasonEnvelopeMalformed},
		{"no JSON", []byte("hello"), gatekeep.ReasonEnvelopeMalformed},
		{"a list", append(append([]byte("["), good...), ']'), gatekeep.ReasonEnvelopeMalformed},
		{"two documents", append(append(bytes.Clone(good), '\n'), good...), gatekeep.ReasonEnvelopeMalformed},
		{"some object", []byte(`{"a":1}`), gatekeep.ReasonEnvelopeMalformed},
		{"envelope and statement at once", append([]byte(`{"_type":"https://in-toto.io/Statement/v1",`), good[1:]...), gatekeep.ReasonEnvelopeMalformed},
		{"payload twice", append([]byte(`{"payload":"e30=",`), good[1:]...), gatekeep.ReasonEnvelopeMalformed},
		{"payload twice by escape", append([]byte(`{"\u0070ayload":"e30=",`), good[1:]...), gatekeep.ReasonEnvelopeMalformed},
		{"name in other case is another field", append([]byte(`{"Payload":"e30=","PAYLOADTYPE":1,`), good[1:]...), ""},
		{"payload no base64", []byte(`{"payload":"e30*","payloadType":"application/vnd.in-toto+json","signatures":[]}`), gatekeep.ReasonEnvelopeMalformed},
		{"payload with stray bits", []byte(`{"payload":"e31=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"AB=="}]}`), gatekeep.ReasonEnvelopeMalformed},
		{"payload with line break", []byte(`{"payload":"e3\n0=","payloadType":"application/vnd.in-toto+json","signatures":[]}`), gatekeep.ReasonEnvelopeMalformed},
		{"no payload type", []byte(`{"payload":"e30=","signatures":[]}`), gatekeep.ReasonEnvelopeMalformed},
		{"signatures no list", []byte(`{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":{}}`), gatekeep.ReasonEnvelopeMalformed},
		{"keyid no text", []byte(`{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":1,"sig":"AA=="}]}`), gatekeep.ReasonEnvelopeMalformed},
		{"bundle of nothing", []byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`), gatekeep.ReasonEnvelopeMalformed},
		{"deep", []byte(strings.Repeat(`{"a":`, envelope.MaxDepth+1) + "1" + strings.Repeat("}", envelope.MaxDepth+1)), gatekeep.ReasonEnvelopeMalformed},
		{"too large", bytes.Repeat([]byte(" "), EnvelopeBytes+1), gatekeep.ReasonTooLarge},
		{"signed nonsense", sign("hello"), gatekeep.ReasonStatementMalformed},
		{"signed list", sign("[]"), gatekeep.ReasonStatementMalformed},
		{"signed duplicate keys", sign(strings.Replace(statement, "{", `{"predicateType":"x",`, 1)), gatekeep.ReasonStatementMalformed},
		{"other statement version", sign(strings.Replace(statement, "Statement/v1", "Statement/v2", 1)), gatekeep.ReasonStatementMalformed},
		{"old statement version", sign(strings.Replace(statement, "Statement/v1", "Statement/v0.1", 1)), ""},
		{"no predicate type", sign(strings.Replace(statement, "predicateType", "predicatetype", 1)), gatekeep.ReasonStatementMalformed},
		{"no subject", sign(strings.Replace(statement, `"subject"`, `"subjects"`, 1)), gatekeep.ReasonStatementMalformed},
		{"upper-case digest", sign(strings.Replace(statement, app[7:], strings.ToUpper(app[7:]), 1)), gatekeep.ReasonSubjectMismatch},
		{"short digest", sign(strings.Replace(statement, app[7:], app[7:30], 1)), gatekeep.ReasonSubjectMismatch},
		{"too many subjects", k.signed(t, provenanceOf(many...)), gatekeep.ReasonTooLarge},
		{"unknown type", sign(strings.Replace(statement, provenanceType, provenanceType+".0", 1)), gatekeep.ReasonPredicateUnknown},
		{"predicate of another shape", k.signed(t, statementOf(provenanceType, `"text"`, app)), gatekeep.ReasonPredicateMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantReason(t, c.data, builderTrust(t, k), aboutApp(), noon, c.reason)
		})
	}
}

func TestBothEncodingsOfBase64AreRead(t *testing.T) {
	k := newKey(t, "P-256")
	trust := builderTrust(t, k)
	// The text is chosen so that its base64 holds + and /.
	payload := statementOf(provenanceType, strings.Replace(provenancePredicate, `"1"`, `"~~~???>>>ÿþ"`, 1), app)
	data := k.signed(t, payload)
	inner := data[bytes.Index(data, []byte(`"payload":"`))+11:]
	inner = inner[:bytes.IndexByte(inner, '"')]
	if !bytes.ContainsAny(inner, "+/") {
		t.Fatal("the payload does not need the two letters")
	}
	replaced := bytes.ReplaceAll(bytes.ReplaceAll(inner, []byte("+"), []byte("-")), []byte("/"), []byte("_"))
	for name, form := range map[string][]byte{
		"standard": inner, "URL-safe": replaced, "unpadded": bytes.TrimRight(replaced, "="),
		"escaped": bytes.ReplaceAll(inner, []byte("/"), []byte(`\/`)),
	} {
		t.Run(name, func(t *testing.T) {
			wantReason(t, bytes.Replace(data, inner, form, 1), trust, aboutApp(), noon, "")
		})
	}
}

func TestKnownSignerMaySayOnlyWhatItIsTrustedFor(t *testing.T) {
	k, scanner := newKey(t, "P-256"), newKey(t, "Ed25519")
	trust := trustIn(t, map[string]string{"a.pub": k.pem, "b.pub": scanner.pem, "trust.yaml": `
version: 1
signers:
  builder: {key: a.pub}
  scanner: {key: b.pub}
statements:
  - {types: [provenance], signers: [builder], environments: ["prod-*", staging]}
  - {types: ["https://in-toto.io/attestation/vulns/v0.2"], signers: [scanner]}
`})
	data := k.signed(t, provenanceOf(app))
	in := func(environment string) About { return About{Digests: []string{app}, Environment: environment} }
	for environment, reason := range map[string]gatekeep.Reason{
		"prod-eu": "", "staging": "",
		"prod": gatekeep.ReasonSignerNotTrusted, "prod-eu/x": gatekeep.ReasonSignerNotTrusted,
		"my-prod-eu": gatekeep.ReasonSignerNotTrusted, "": gatekeep.ReasonSignerNotTrusted,
	} {
		if _, r := wantReason(t, data, trust, in(environment), noon, reason); r != nil && r.Signer != "builder" {
			t.Errorf("%q: signer %q", environment, r.Signer)
		}
	}
	wantReason(t, scanner.signed(t, provenanceOf(app)), trust, in("staging"), noon, gatekeep.ReasonSignerNotTrusted)
	// Signed by both, it is believed on the word of the one that may say it.
	payload := provenanceOf(app)
	both := envelopeOf(payload, signature{Sig: scanner.sign(t, payloadInToto, payload)}, signature{Sig: k.sign(t, payloadInToto, payload)})
	if s, _ := wantReason(t, both, trust, in("staging"), noon, ""); s.Verification.Signer != "builder" {
		t.Errorf("believed on the word of %q", s.Verification.Signer)
	}
}

func TestUnsignedIsUsableOnlyByName(t *testing.T) {
	k := newKey(t, "P-256")
	trust := trustIn(t, map[string]string{"trust.yaml": `
version: 1
signers: {}
statements:
  - {types: [provenance], unsigned: true, environments: [development]}
`})
	in := func(environment string) About { return About{Digests: []string{app}, Environment: environment} }
	s, _ := wantReason(t, provenanceOf(app), trust, in("development"), noon, "")
	if s.Verification.Status != gatekeep.StatusUnsigned || s.Verification.Signer != "(unsigned)" {
		t.Fatalf("got %+v", s.Verification)
	}
	wantReason(t, provenanceOf(app), trust, in("prod-eu"), noon, gatekeep.ReasonUnsigned)
	wantReason(t, statementOf("https://in-toto.io/attestation/vulns/v0.2", `{}`, app), trust, in("development"), noon, gatekeep.ReasonUnsigned)
	wantReason(t, provenanceOf(other), trust, in("development"), noon, gatekeep.ReasonSubjectMismatch)
	// A signature that does not hold is no better than none, and is not read as none.
	wantReason(t, k.signed(t, provenanceOf(app)), trust, in("development"), noon, gatekeep.ReasonSignerUnknown)
	wantReason(t, envelopeOf(provenanceOf(app)), trust, in("development"), noon, gatekeep.ReasonUnsigned)
}

func TestStatementMustBeAboutTheSubject(t *testing.T) {
	k := newKey(t, "P-256")
	trust := builderTrust(t, k)
	_, r := wantReason(t, k.signed(t, provenanceOf(other)), trust, aboutApp(), noon, gatekeep.ReasonSubjectMismatch)
	if !strings.Contains(r.Detail, other) || r.Signer != "builder" {
		t.Fatalf("got %+v", r)
	}
	wantReason(t, k.signed(t, provenanceOf(other, app)), trust, aboutApp(), noon, "")
	wantReason(t, k.signed(t, provenanceOf(app)), trust, About{Environment: "prod-eu"}, noon, gatekeep.ReasonSubjectMismatch)
	// The same hex under another algorithm is another digest.
	wantReason(t, k.signed(t, provenanceOf("md5:"+app[7:])), trust, aboutApp(), noon, gatekeep.ReasonSubjectMismatch)
}

func TestWhatEachKindOfStatementIsAbout(t *testing.T) {
	const commit = "0123456789abcdef0123456789abcdef01234567"
	binding, plan := digest.Of([]byte("binding")), digest.Of([]byte("plan"))
	about := About{Digests: []string{app}, Commit: commit, Binding: binding, Plan: plan, Environment: "x"}
	predicateText := []byte(`{"b": 2, "a": "\u003c"}`)
	self := digest.Of([]byte(`{"a":"<","b":2}`))
	approving := func(b string) func([]byte) (*predicate.Content, error) {
		return func([]byte) (*predicate.Content, error) {
			return &predicate.Content{Approval: &gatekeep.Approval{Binding: b}}, nil
		}
	}
	plain := func([]byte) (*predicate.Content, error) { return &predicate.Content{}, nil }
	rollout := func(b string) func([]byte) (*predicate.Content, error) {
		return func([]byte) (*predicate.Content, error) {
			return &predicate.Content{Rollout: &gatekeep.Rollout{}, Claims: map[string]any{"binding": b}}, nil
		}
	}
	broken := func([]byte) (*predicate.Content, error) { return nil, errors.New("broken") }
	for _, c := range []struct {
		name    string
		kinds   []predicate.About
		decode  func([]byte) (*predicate.Content, error)
		subject string
		reason  gatekeep.Reason
	}{
		{"artifact", []predicate.About{predicate.Artifact}, plain, app, ""},
		{"commit", []predicate.About{predicate.Commit}, plain, "gitCommit:" + commit, ""},
		{"commit as sha1", []predicate.About{predicate.Commit}, plain, "sha1:" + commit, ""},
		{"another commit", []predicate.About{predicate.Commit}, plain, "gitCommit:" + commit[1:] + "0", gatekeep.ReasonSubjectMismatch},
		{"artifact where a commit is wanted", []predicate.About{predicate.Commit}, plain, app, gatekeep.ReasonSubjectMismatch},
		{"either", []predicate.About{predicate.Artifact, predicate.Commit}, plain, "sha1:" + commit, ""},
		{"plan", []predicate.About{predicate.Plan}, plain, plan, ""},
		{"another plan", []predicate.About{predicate.Plan}, plain, app, gatekeep.ReasonSubjectMismatch},
		{"itself", []predicate.About{predicate.Self}, plain, self, ""},
		{"not itself", []predicate.About{predicate.Self}, plain, app, gatekeep.ReasonSubjectMismatch},
		{"this binding", []predicate.About{predicate.Binding}, approving(binding), binding, ""},
		{"another binding, honestly", []predicate.About{predicate.Binding}, approving(other), other, ""},
		{"this binding shown, another stated", []predicate.About{predicate.Binding}, approving(other), binding, gatekeep.ReasonSubjectMismatch},
		{"another binding shown, this stated", []predicate.About{predicate.Binding}, approving(binding), other, gatekeep.ReasonSubjectMismatch},
		{"no binding stated", []predicate.About{predicate.Binding}, plain, binding, gatekeep.ReasonSubjectMismatch},
		{"rollout of this request", []predicate.About{predicate.Binding}, rollout(binding), binding, ""},
		{"rollout of another request", []predicate.About{predicate.Binding}, rollout(other), other, gatekeep.ReasonSubjectMismatch},
		{"broken approval", []predicate.About{predicate.Binding}, broken, binding, gatekeep.ReasonPredicateMalformed},
		{"empty content", []predicate.About{predicate.Artifact}, func([]byte) (*predicate.Content, error) { return nil, nil }, app, gatekeep.ReasonPredicateMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			st, why := statement.Parse(statementOf("https://example.com/type", string(predicateText), c.subject))
			if why != nil {
				t.Fatal(why.Detail)
			}
			j := judgement{about: about, now: noon}
			_, why = j.read(predicate.Type{Kind: "test", About: c.kinds, Decode: c.decode}, st)
			switch {
			case why == nil && c.reason != "":
				t.Fatalf("believed, want %s", c.reason)
			case why != nil && why.Reason != c.reason:
				t.Fatalf("rejected as %s (%s), want %q", why.Reason, why.Detail, c.reason)
			}
			nothing := judgement{now: noon}
			needsRequest := c.kinds[0] == predicate.Artifact || c.kinds[0] == predicate.Commit || c.kinds[0] == predicate.Plan
			if _, why := nothing.read(predicate.Type{Kind: "test", About: c.kinds, Decode: c.decode}, st); needsRequest && why == nil {
				t.Fatal("believed about a request that names nothing")
			}
		})
	}
}
