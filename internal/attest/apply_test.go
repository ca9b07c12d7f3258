package attest

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

var (
	index = digest.Of([]byte("index"))
	amd   = digest.Of([]byte("amd64"))
	arm   = digest.Of([]byte("arm64"))
)

func twoPlatforms() gatekeep.Facts {
	return gatekeep.Facts{Subject: gatekeep.SubjectFacts{Subject: gatekeep.Subject{
		Kind: gatekeep.KindIndex, Digest: index, Artifacts: map[string]gatekeep.Artifact{
			amd: {Platform: "linux/amd64", CoveredBy: []string{amd, index}}, arm: {Platform: "linux/arm64", CoveredBy: []string{arm, index}},
		},
	}}}
}

// believed is a statement as Verify would make it.
func believed(id, kind string, c predicate.Content, subjects ...string) Statement {
	return Statement{Content: c, Attestation: gatekeep.Attestation{
		ID: id, Kind: kind, SubjectDigests: subjects, Claims: map[string]any{},
		Verification: gatekeep.Verification{Status: gatekeep.StatusVerified, Signer: "signer of " + id},
	}}
}

func evidenceOf(statements ...Statement) *Evidence {
	ev := &Evidence{Indexes: map[string]map[string]any{}}
	for _, s := range statements {
		ev.add(s)
	}
	return ev
}

func TestFactsOfNothingAreEmptyNotAbsent(t *testing.T) {
	ev, err := Verify(nil, nil, About{}, noon)
	if err != nil {
		t.Fatal(err)
	}
	f := twoPlatforms()
	ev.Apply(&f)
	text, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{
		"attestations": `{"items":{},"by_kind":{}}`, "rejected": `{}`, "sboms": `{}`, "findings": `{"sca":{},"sast":{}}`, "vex": `{}`,
		"resources": `{}`, "data_flow": `{"declared":false,"processors":[],"transfers":[]}`, "approvals": `{}`, "waivers": `[]`, "grants": `{}`,
		"freeze_exemptions": `[]`, "rollout": `{"declared":false}`, "source": `{"repo":"","contributors":[]}`,
	} {
		if string(doc[field]) != want {
			t.Errorf("%s is %s, want %s", field, doc[field], want)
		}
	}
	if f.State.Incidents == nil || ev.Signed() == nil || len(ev.Signed()) != 0 {
		t.Error("a list is nil")
	}
}

func TestSBOMCountsForItsOwnArtifactOnly(t *testing.T) {
	sbom := func(ref string) predicate.Content {
		return predicate.Content{SBOM: &predicate.SBOM{Ref: ref, Format: "cyclonedx", Index: map[string]any{"by_purl": ref}}}
	}
	ev := evidenceOf(believed("a", "sbom", sbom("ref-amd"), amd), believed("b", "sbom", sbom("ref-index"), index), believed("c", "sbom", sbom("ref-both"), amd, arm))
	f := twoPlatforms()
	ev.Apply(&f)
	refs := map[string][]string{}
	for d, list := range f.SBOMs {
		for _, r := range list {
			refs[d] = append(refs[d], r.Attestation+" "+r.Ref)
		}
	}
	want := map[string][]string{amd: {"a ref-amd", "c ref-both"}, arm: {"c ref-both"}}
	if diff := cmp.Diff(want, refs); diff != "" {
		t.Error(diff)
	}
	if len(ev.Indexes) != 3 || ev.Indexes["ref-index"]["by_purl"] != "ref-index" {
		t.Errorf("indexes %v", ev.Indexes)
	}
}

func TestScansOfOneThingAreMerged(t *testing.T) {
	one := gatekeep.SCAFinding{ID: "CVE-2026-1", PURL: "pkg:npm/a@1", Severity: "medium", FirstSeen: "2026-02-01T00:00:00Z", Aliases: []string{"GHSA-b"}}
	two := gatekeep.SCAFinding{ID: "CVE-2026-1", PURL: "pkg:npm/a@1", Severity: "critical", FirstSeen: "2026-01-01T00:00:00Z", Aliases: []string{"GHSA-a"}, FixedIn: "1.1"}
	elsewhere := gatekeep.SCAFinding{ID: "CVE-2026-1", PURL: "pkg:npm/b@1", Severity: "unknown"}
	want := gatekeep.SCAFinding{ID: "CVE-2026-1", PURL: "pkg:npm/a@1", Severity: "critical", FirstSeen: "2026-01-01T00:00:00Z",
		Aliases: []string{"GHSA-a", "GHSA-b"}, FixedIn: "1.1", Attestations: []string{"a", "b"}}
	for _, order := range [][2]gatekeep.SCAFinding{{one, two}, {two, one}} {
		ev := evidenceOf(
			believed("a", "vulns", predicate.Content{SCA: []gatekeep.SCAFinding{order[0], elsewhere}}),
			believed("b", "vulns", predicate.Content{SCA: []gatekeep.SCAFinding{order[1]}}))
		var f gatekeep.Facts
		ev.Apply(&f)
		if diff := cmp.Diff(want, f.Findings.SCA["CVE-2026-1 pkg:npm/a@1"]); diff != "" {
			t.Error(diff)
		}
		if len(f.Findings.SCA) != 2 || len(f.Findings.SCA["CVE-2026-1 pkg:npm/b@1"].Attestations) != 1 {
			t.Errorf("got %+v", f.Findings.SCA)
		}
	}
}

// Neither of two statements about one thing may hide the other.
func TestContradictionsAreBothKept(t *testing.T) {
	yes, no := true, false
	ev := evidenceOf(
		believed("a", "x", predicate.Content{
			Resources: []gatekeep.Resource{{Address: "db", EncryptedAtRest: &yes}, {Address: "same", Region: "eu"}},
			SAST:      map[string]gatekeep.SASTFinding{"f": {Severity: "low"}, "same": {Rule: "r"}},
			Grant:     &gatekeep.Grant{ID: "g", MaxUses: 1}, Incident: &gatekeep.Incident{ID: "i", Status: "open"},
		}),
		believed("b", "x", predicate.Content{
			Resources: []gatekeep.Resource{{Address: "db", EncryptedAtRest: &no}, {Address: "same", Region: "eu"}},
			SAST:      map[string]gatekeep.SASTFinding{"f": {Severity: "high"}, "same": {Rule: "r"}},
			Grant:     &gatekeep.Grant{ID: "g", MaxUses: 9}, Incident: &gatekeep.Incident{ID: "i", Status: "closed"},
		}))
	var f gatekeep.Facts
	ev.Apply(&f)
	if len(f.Resources) != 3 || *f.Resources["db"].EncryptedAtRest != true || *f.Resources["db@b"].EncryptedAtRest != false || f.Resources["same"].Attestation != "a" {
		t.Errorf("resources %+v", f.Resources)
	}
	if len(f.Findings.SAST) != 3 || f.Findings.SAST["f"].Severity != "low" || f.Findings.SAST["f@b"].Severity != "high" {
		t.Errorf("SAST %+v", f.Findings.SAST)
	}
	if len(f.Grants) != 2 || f.Grants["g@b"].MaxUses != 9 || f.Grants["g"].Verification.Signer != "signer of a" {
		t.Errorf("grants %+v", f.Grants)
	}
	if len(f.State.Incidents) != 2 || f.State.Incidents["i@b"].Status != "closed" {
		t.Errorf("incidents %+v", f.State.Incidents)
	}
}

func TestTheLongestRolloutCountsInWhateverOrder(t *testing.T) {
	long, short := int64(86_400), int64(60)
	plans := []gatekeep.Rollout{{Strategy: "recreate", MaxDurationNS: &short}, {Strategy: "canary", MaxDurationNS: &long}}
	for _, order := range [][2]int{{0, 1}, {1, 0}} {
		var f gatekeep.Facts
		evidenceOf(believed("a", "x", predicate.Content{Rollout: &plans[order[0]]}), believed("b", "x", predicate.Content{Rollout: &plans[order[1]]})).Apply(&f)
		if f.Rollout.Strategy != "canary" || *f.Rollout.MaxDurationNS != long {
			t.Errorf("%v: got %+v", order, f.Rollout)
		}
	}
	var f gatekeep.Facts
	evidenceOf(believed("a", "x", predicate.Content{Rollout: &plans[1]}), believed("b", "x", predicate.Content{Rollout: &gatekeep.Rollout{Strategy: "rolling"}})).Apply(&f)
	if f.Rollout.MaxDurationNS != nil {
		t.Errorf("a plan without end: got %+v", f.Rollout)
	}
}

func TestGovernanceCarriesItsOrigin(t *testing.T) {
	c := predicate.Content{
		Approval: &gatekeep.Approval{Principal: "bob"}, Waiver: &gatekeep.Waiver{ID: "w"}, Exemption: &gatekeep.Exemption{ID: "e"},
		Calendar: &gatekeep.CalendarDocument{Revision: 7}, Rollout: &gatekeep.Rollout{Strategy: "canary"}, Review: &predicate.Review{Grant: "g"},
		VEX:      map[string][]gatekeep.VEXStatement{"CVE-1": {{Status: "fixed"}}},
		SCA:      []gatekeep.SCAFinding{{ID: "CVE-1", Severity: "high", PURL: "pkg:npm/left@1.0.0"}},
		Source:   &gatekeep.SourceFacts{Repo: "r", Contributors: []string{"p-b", "p-a"}},
		DataFlow: &gatekeep.DataFlow{Processors: []gatekeep.Processor{{Name: "z"}, {Name: "a"}}},
	}
	later := predicate.Content{
		Rollout: &gatekeep.Rollout{Strategy: "recreate"}, Source: &gatekeep.SourceFacts{Repo: "other", Contributors: []string{"p-c", "p-a"}},
		DataFlow: &gatekeep.DataFlow{Processors: []gatekeep.Processor{{Name: "a"}}, Transfers: []gatekeep.Transfer{{Destination: "US"}}},
	}
	ev := evidenceOf(believed("a", "x", c), believed("b", "y", later), believed("c", "x", predicate.Content{}))
	var f gatekeep.Facts
	ev.Apply(&f)
	const signer = "signer of a"
	if f.Approvals["a"].Verification.Signer != signer || f.Waivers[0].Verification.Signer != signer || f.Exemptions[0].Verification.Signer != signer {
		t.Error("an origin is missing")
	}
	if f.VEX["CVE-1"][0].Attestation != "a" || c.VEX["CVE-1"][0].Attestation != "" {
		t.Errorf("VEX %+v from %+v", f.VEX, c.VEX)
	}
	if ev.Calendars[0].Attestation != "a" || c.Calendar.Attestation != "" || ev.Reviews[0].Attestation != "a" || ev.Reviews[0].Verification.Signer != signer {
		t.Errorf("calendars %+v, reviews %+v", ev.Calendars, ev.Reviews)
	}
	if !f.Rollout.Declared || f.Rollout.Strategy != "canary" || f.Source.Repo != "other" || !slices.Equal(f.Source.Contributors, []string{"p-a", "p-b", "p-c"}) {
		t.Errorf("rollout %+v, source %+v", f.Rollout, f.Source)
	}
	if !f.DataFlow.Declared || len(f.DataFlow.Processors) != 2 || f.DataFlow.Processors[0].Name != "a" || len(f.DataFlow.Transfers) != 1 {
		t.Errorf("data flow %+v", f.DataFlow)
	}
	if diff := cmp.Diff(map[string][]string{"x": {"a", "c"}, "y": {"b"}}, f.Attestations.ByKind); diff != "" {
		t.Error(diff)
	}
}

func TestFactsDoNotDependOnTheOrderOfEnvelopes(t *testing.T) {
	k := newKey(t, "Ed25519")
	trust := builderTrust(t, k)
	var envelopes []Envelope
	for _, d := range []string{app, other, index, amd} {
		envelopes = append(envelopes, Envelope{Source: "s", Name: d, Bytes: k.signed(t, provenanceOf(d, app))}, Envelope{Source: "s", Bytes: []byte(d)})
	}
	facts := func() []byte {
		ev, err := Verify(envelopes, trust, aboutApp(), noon)
		if err != nil {
			t.Fatal(err)
		}
		if len(ev.Statements) != 4 || len(ev.Rejected) != 4 || len(ev.Signed()) != 4 {
			t.Fatalf("%d believed, %d rejected", len(ev.Statements), len(ev.Rejected))
		}
		f := twoPlatforms()
		ev.Apply(&f)
		b, err := json.Marshal([]any{f, ev.Signed(), ev.Rejected})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	first := facts()
	slices.Reverse(envelopes)
	envelopes = append(envelopes, envelopes[3]) // found twice
	if again := facts(); !bytes.Equal(first, again) {
		t.Fatalf("%s\n%s", first, again)
	}
}

// fixed is a source of fixed answers.
type fixed struct {
	name  string
	delay time.Duration
	docs  []string
}

func (f fixed) Envelopes(context.Context, gatekeep.Subject) ([]Envelope, []gatekeep.SourceReport) {
	time.Sleep(f.delay)
	var envelopes []Envelope
	for _, d := range f.docs {
		envelopes = append(envelopes, Envelope{Source: f.name, Name: d, Bytes: []byte(d)})
	}
	return envelopes, []gatekeep.SourceReport{{Name: f.name, Status: gatekeep.SourceRead, Count: len(f.docs)}}
}

func TestGatherKeepsOrderAndDropsDoubles(t *testing.T) {
	sources := []Source{fixed{"slow", 20 * time.Millisecond, []string{"b", "a"}}, fixed{"quick", 0, []string{"c", "a"}}}
	envelopes, reports := Gather(t.Context(), sources, gatekeep.Subject{})
	if len(reports) != 2 || reports[0].Name != "slow" || reports[1].Name != "quick" {
		t.Fatalf("reports %+v", reports)
	}
	var found []string
	for _, e := range envelopes {
		found = append(found, string(e.Bytes)+" of "+e.Source)
	}
	slices.Sort(found)
	if want := []string{"a of slow", "b of slow", "c of quick"}; !slices.Equal(found, want) {
		t.Fatalf("got %q", found)
	}
	refs := Refs(envelopes)
	for i, r := range refs {
		if r.Digest != digest.Of(envelopes[i].Bytes) || r.Size != 1 || i > 0 && strings.Compare(refs[i-1].Digest, r.Digest) >= 0 {
			t.Errorf("ref %d is %+v", i, r)
		}
	}
	if none, reports := Gather(t.Context(), nil, gatekeep.Subject{}); none == nil || reports == nil || len(none)+len(reports) != 0 {
		t.Error("nothing is not an empty list")
	}
}

func TestLinesSkipsEmptyOnes(t *testing.T) {
	lines, ok := Lines([]byte("{}\n\n  {\"a\":1} \r\n"))
	if !ok || len(lines) != 2 || string(lines[1]) != `{"a":1}` {
		t.Fatalf("got %q, %v", lines, ok)
	}
	if _, ok := Lines(bytes.Repeat([]byte("x\n"), MaxLines)); !ok {
		t.Error("the bound itself is refused")
	}
	if _, ok := Lines(bytes.Repeat([]byte("x\n"), MaxLines+1)); ok {
		t.Error("more lines than the bound are taken")
	}
}

func TestAboutSubjectNamesAllThatCovers(t *testing.T) {
	want := []string{index, amd, arm}
	slices.Sort(want)
	if got := AboutSubject(twoPlatforms().Subject.Subject); !slices.Equal(got, want) {
		t.Fatalf("got %q", got)
	}
	if got := AboutSubject(gatekeep.Subject{}); len(got) != 0 {
		t.Fatalf("got %q", got)
	}
}
