package gate

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/bundle"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/policy"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
	"github.com/gatekeep-dev/gatekeep/internal/state"
	"github.com/gatekeep-dev/gatekeep/policies"
)

// A small and complete world: an organisation with people, keys, a bundle and the
// built-in rules, and one image with all the evidence that opens the gate for it.
// Keys are made from their names, so that everything in it is the same each time.

const commit = "1111111111111111111111111111111111111111"

var (
	noon  = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	image = digest.Of([]byte("shop"))
	job   = digest.Of([]byte("shop-job"))
)

// acme is the bundle of the organisation.
var acme = map[string]string{
	"bundle.yaml": `version: 1
name: acme
revision: 3
expiresAt: 2027-06-30T00:00:00Z
state: folder
regimes: [supply_chain]
trust: trust.yaml
registryAttestations: off
`,
	"catalogue.yaml": `environments:
  prod-eu: {tier: production, provider: aws, region: eu-central-1}
  development: {tier: development}
services:
  shop: {owner: team-shop, tier: "1", dataClasses: [none]}
`,
	"identities.yaml": `alice: {type: human, status: active, person: p-alice, groups: [developers], mfa: true}
bob: {type: human, status: active, person: p-bob, groups: [release-approvers], mfa: true}
carol: {type: human, status: active, person: p-carol, groups: [change-board], mfa: true}
dave: {type: human, status: active, person: p-dave, groups: [security-approvers], mfa: true}
erin: {type: human, status: active, person: p-erin, groups: [incident-commanders], mfa: true}
"workload:cd": {type: workload, status: active, person: p-team-shop, groups: [deploy-bots], mfa: true}
`,
	"org.yaml": `baseline_regimes: [rbac, freeze]
roles:
  deployer: {bindings: [{groups: [deploy-bots], scope: {services: [shop]}, expires_at: "2027-12-31T00:00:00Z"}]}
  release_approver: {bindings: [{groups: [release-approvers], scope: {}, expires_at: "2027-12-31T00:00:00Z"}]}
  security_approver: {bindings: [{groups: [security-approvers], scope: {}, expires_at: "2027-12-31T00:00:00Z"}]}
  security_waiver_granter: {bindings: [{groups: [security-approvers], scope: {}, expires_at: "2027-12-31T00:00:00Z"}]}
  break_glass_granter: {bindings: [{groups: [incident-commanders], scope: {}, expires_at: "2027-12-31T00:00:00Z"}]}
expectations:
  shop:
    builders: ["https://ci.acme.example/builder"]
    source_uri: git+https://git.acme.example/shop
    build_types: ["https://ci.acme.example/build/v1"]
    ref_glob: refs/heads/main
workload_identities:
  shop: [{principal: "workload:cd", issuer: "https://ci.acme.example", subject: "shop:prod-eu"}]
`,
	"trust.yaml": `version: 1
signers:
  builder: {key: keys/builder.pub}
  scanner: {key: keys/scanner.pub}
  forge: {key: keys/forge.pub}
  bob: {key: keys/bob.pub, principal: bob}
  carol: {key: keys/carol.pub, principal: carol}
  dave: {key: keys/dave.pub, principal: dave}
  erin: {key: keys/erin.pub, principal: erin}
statements:
  - {types: [provenance, sbom], signers: [builder]}
  - {types: [vulns, sast, secret-scan], signers: [scanner]}
  - {types: [source-review], signers: [forge]}
  - {types: [approval], signers: [bob, dave]}
  - {types: [waiver], signers: [dave]}
  - {types: [calendar], signers: [carol]}
  - {types: [break-glass-grant, incident, break-glass-review], signers: [erin]}
`,
}

// keyOf is the key pair of a name, the same each time. Nobody may trust it.
func keyOf(t testing.TB, name string) signing.Signer {
	t.Helper()
	seed := sha256.Sum256([]byte("key of a test: " + name))
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signing.LoadPrivateKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func publicPEM(t testing.TB, name string) []byte {
	t.Helper()
	text, err := signing.PublicPEM(keyOf(t, name).Public())
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// acmeFiles is the bundle as a folder, with some files replaced.
func acmeFiles(t testing.TB, changes map[string]string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range acme {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	for _, name := range []string{"builder", "scanner", "forge", "bob", "carol", "dave", "erin"} {
		files["keys/"+name+".pub"] = &fstest.MapFile{Data: publicPEM(t, name)}
	}
	for name, text := range changes {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// place is a source that answers, and fails the test where it may not be asked.
type place struct {
	t      testing.TB
	closed bool
	found  []attest.Envelope
	report gatekeep.SourceReport
}

func (p place) Envelopes(context.Context, gatekeep.Subject) ([]attest.Envelope, []gatekeep.SourceReport) {
	if p.closed {
		p.t.Error("a source was asked")
	}
	return p.found, []gatekeep.SourceReport{p.report}
}

// read is a place where these documents lie.
func read(t testing.TB, documents []attest.Envelope) place {
	return place{t: t, found: documents, report: gatekeep.SourceReport{
		Name: "shelf", Status: gatekeep.SourceRead, Required: true, Count: len(documents),
	}}
}

// closed is a memory that nobody may look into.
type closed struct{ t testing.TB }

func (c closed) Read(context.Context, state.Query) (state.Snapshot, error) {
	c.t.Error("the state was read")
	return state.Snapshot{}, nil
}

func (c closed) Commit(context.Context, state.Update) error {
	c.t.Error("the state was changed")
	return nil
}

// world is one question with the evidence for it, before it is asked.
type world struct {
	t         testing.TB
	q         Question
	binding   string
	documents []attest.Envelope
}

// newWorld has a request and no evidence.
func newWorld(t testing.TB) *world {
	t.Helper()
	files := acmeFiles(t, nil)
	b, err := bundle.Load(files)
	if err != nil {
		t.Fatal(err)
	}
	rego, err := policies.Rego()
	if err != nil {
		t.Fatal(err)
	}
	trust, err := attest.LoadTrust(files, "trust.yaml")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, q: Question{
		Request: gatekeep.Request{
			ID: "req-1", Nonce: "nonce-1", RequestedAt: noon.Add(-time.Minute), Stage: gatekeep.StagePredeploy,
			Environment: "prod-eu", Service: "shop", Action: "deploy", Targets: []string{"eu-central-1"}, Commit: commit,
			Actor: gatekeep.Actor{Principal: "workload:cd", Issuer: "https://ci.acme.example", Subject: "shop:prod-eu"},
		},
		Subject: gatekeep.Subject{
			Kind: gatekeep.KindImage, Name: "registry.example/shop", Ref: "registry.example/shop:1.4.2", Digest: image,
			Artifacts: map[string]gatekeep.Artifact{image: {Name: "registry.example/shop", Platform: "linux/amd64", CoveredBy: []string{image}}},
		},
		Clock:     Now(noon, 2*time.Second, ClockSystem, "2026c"),
		Mode:      gatekeep.Enforce,
		Engine:    gatekeep.Engine{Gatekeep: "v1.0.0", OPA: policy.EngineVersion(), Go: "go1.26"},
		State:     state.Folder(t.TempDir() + "/state"),
		Law:       Law{Policy: policy.Source{Rego: rego, Overlay: b.Overlay()}, Trust: trust, Version: "v1.0.0", Schema: policies.InputSchema},
		Catalogue: b,
	}}
	w.pinPolicy()
	w.bind()
	return w
}

// pinPolicy names, packs and signs the policy, as the command does.
func (w *world) pinPolicy() {
	w.t.Helper()
	b := w.q.Catalogue
	ref := gatekeep.PolicyRef{Origin: "directory", Name: b.Name, Bundle: b.Digest(), Revision: b.Revision, ExpiresAt: b.ExpiresAt}
	var err error
	if ref.Digest, err = policy.Digest(w.q.Law.Policy); err != nil {
		w.t.Fatal(err)
	}
	if w.q.Archive, err = policy.Archive(w.q.Law.Policy); err != nil {
		w.t.Fatal(err)
	}
	key := keyOf(w.t, "policy")
	if w.q.PolicySignature, err = SignPolicy(key, ref); err != nil {
		w.t.Fatal(err)
	}
	if err := VerifyPolicy(w.q.PolicySignature, key.Public(), ref); err != nil {
		w.t.Fatal(err)
	}
	ref.SignatureVerified, ref.Signer = true, signing.KeyID(key.Public())
	w.q.Policy = ref
}

// bind computes what approvals of the request are bound to.
func (w *world) bind() {
	w.t.Helper()
	var err error
	if w.binding, err = Binding(w.q.Request, w.q.Subject.Digest); err != nil {
		w.t.Fatal(err)
	}
}

// sign adds a statement of a kind, made of a file by somebody, about a digest where
// its content does not say what it is about.
func (w *world) sign(signer, kind, file, about string) {
	w.t.Helper()
	wrapped, err := predicate.Wrap(kind, []byte(file), predicate.WrapOptions{
		Now: noon.Add(-time.Hour), ValidFor: 3 * time.Hour, Principal: signer, Nonce: "nonce of " + signer[:1], Binding: w.binding,
		Digest: w.q.Subject.Digest, Environment: w.q.Request.Environment, Service: w.q.Request.Service,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if wrapped.Subject != "" {
		about = wrapped.Subject
	}
	statement, err := json.Marshal(map[string]any{
		"_type": "https://in-toto.io/Statement/v1", "predicateType": wrapped.Type, "predicate": json.RawMessage(wrapped.Predicate),
		"subject": []any{map[string]any{"name": kind, "digest": map[string]string{"sha256": strings.TrimPrefix(about, "sha256:")}}},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.add(signer, kind, statement)
}

// add signs a statement and puts it on the shelf.
func (w *world) add(signer, kind string, statement []byte) {
	w.t.Helper()
	signed, err := signing.SignStatement(keyOf(w.t, signer), statement)
	if err != nil {
		w.t.Fatal(err)
	}
	w.documents = append(w.documents, attest.Envelope{
		Source: "shelf", Name: kind + " by " + signer + ".json", MediaType: signing.BundleMediaType, Bytes: signed,
	})
}

const (
	provenance = `{"buildDefinition": {"buildType": "https://ci.acme.example/build/v1",
		"externalParameters": {"workflow": {"ref": "refs/heads/main", "repository": "https://git.acme.example/shop", "path": "build.yml"}},
		"resolvedDependencies": [{"uri": "git+https://git.acme.example/shop@refs/heads/main", "digest": {"gitCommit": "` + commit + `"}}]},
		"runDetails": {"builder": {"id": "https://ci.acme.example/builder"}, "metadata": {"invocationId": "1"}}}`
	oneLibrary = `{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [
		{"type": "library", "name": "left", "version": "1.0.0", "purl": "pkg:npm/left@1.0.0"}]}`
	cleanScan = `{"scanner": {"uri": "https://scanner.example", "version": "1", "db": {"lastUpdate": "2026-11-23T05:00:00Z"}, "result": []},
		"metadata": {"scanStartedOn": "2026-11-23T08:00:00Z", "scanFinishedOn": "2026-11-23T08:01:00Z"}}`
	analysis = `{"tool": {"name": "CodeQL", "version": "2.20.0", "ruleset": "default", "rulesetVersion": "1"}, "sourceCommit": "` + commit + `",
		"scope": "full", "languages": ["go"], "filesAnalyzed": 10, "executionSuccessful": true,
		"startedAt": "2026-11-23T08:00:00Z", "finishedAt": "2026-11-23T08:01:00Z",
		"sarif": {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "CodeQL"}}, "results": []}]}}`
	secrets = `{"tool": {"name": "gitleaks", "version": "8"}, "scopes": ["source_history", "artifact", "build_log"],
		"fromCommit": "0000000000000000000000000000000000000000", "toCommit": "` + commit + `", "shallow": false,
		"findings": [], "suppressions": [], "staticCredentials": [], "finishedAt": "2026-11-23T08:01:00Z"}`
	review = `{"repo": "https://git.acme.example/shop", "commit": "` + commit + `", "authors": ["alice"], "committers": ["alice"]}`
)

// flawedScan found one critical vulnerability.
var flawedScan = strings.Replace(cleanScan, `"result": []`,
	`"result": [{"id": "CVE-2026-1111", "severity": [{"method": "nvd", "score": "critical"}], "annotations": [{"purl": "pkg:npm/left@1.0.0"}]}]`, 1)

// build is what a pipeline attests of one image.
func (w *world) build(about, scan string) {
	w.t.Helper()
	w.sign("builder", "provenance", provenance, about)
	w.sign("builder", "sbom", oneLibrary, about)
	w.sign("scanner", "vulns", scan, about)
	w.sign("scanner", "sast", analysis, about)
	w.sign("scanner", "secret-scan", secrets, about)
}

// govern is what people sign of the request.
func (w *world) govern() {
	w.t.Helper()
	w.sign("forge", "source-review", review, image)
	w.sign("carol", "calendar", `{"revision": 7, "windows": []}`, "")
	w.sign("bob", "approval", `{"decision": "approve"}`, "")
	w.sign("dave", "approval", `{"decision": "approve"}`, "")
}

// opens is the world in which every document is needed, and all are there.
func opens(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.build(image, cleanScan)
	w.govern()
	return w
}

// shuts is a world with a critical vulnerability that nobody excuses.
func shuts(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.build(image, flawedScan)
	w.govern()
	return w
}

// waived is the same with a waiver of the vulnerability.
func waived(t testing.TB) *world {
	t.Helper()
	w := shuts(t)
	w.sign("dave", "waiver", `{"id": "W-1", "rule": "supply_chain/vuln-blocking", "term": "CVE-2026-1111",
		"scope": {"environments": ["prod-eu"], "services": ["shop"]}, "reason": "The function is never called; fix follows.",
		"ticket": "SEC-7", "requestedBy": "alice", "grantedBy": ["dave"]}`, "")
	return w
}

const emergencyGrant = `{"id": "G-1", "principal": "alice", "environment": "prod-eu", "service": "shop", "incident": "INC-7",
	"covers": ["rbac/approvals-insufficient"], "maxUses": 1, "reason": "checkout is down"}`

// emergency is a deployment by a person without a role or approvals, on the word of
// an incident commander.
func emergency(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.q.Request.Emergency, w.q.Request.Actor = true, gatekeep.Actor{Principal: "alice"}
	w.bind()
	w.build(image, cleanScan)
	w.sign("forge", "source-review", review, image)
	w.sign("carol", "calendar", `{"revision": 7, "windows": []}`, "")
	w.sign("erin", "incident", `{"id": "INC-7", "status": "open"}`, "")
	w.sign("erin", "break-glass-grant", emergencyGrant, "")
	return w
}

// release is two images that are deployed together.
func release(t testing.TB) *world {
	t.Helper()
	w := newWorld(t)
	w.q.Subject.Kind, w.q.Subject.Name, w.q.Subject.Ref = gatekeep.KindRelease, "shop 1.4.2", "shop 1.4.2"
	w.q.Subject.Artifacts[job] = gatekeep.Artifact{Name: "registry.example/shop-job", Platform: "linux/amd64", CoveredBy: []string{job}}
	w.q.Subject.Digest = digest.Of([]byte("both"))
	w.bind()
	w.build(image, cleanScan)
	w.build(job, cleanScan)
	w.govern()
	return w
}

// blind is the open world, where one place could not be looked at.
func blind(t testing.TB) *world {
	t.Helper()
	w := opens(t)
	w.q.Sources = append(w.q.Sources, place{t: t, report: gatekeep.SourceReport{
		Name: "registry.example/shop (referrers)", Status: gatekeep.SourceFailed, Reason: gatekeep.ReasonSourceTimeout,
		Detail: "no answer within 20 s", Required: true,
	}})
	return w
}

// ask asks the question with all documents on one shelf.
func (w *world) ask() (*Answer, error) {
	q := w.q
	q.Sources = append([]attest.Source{read(w.t, w.documents)}, q.Sources...)
	return Check(w.t.Context(), q)
}

// check is ask where there is an answer.
func (w *world) check() *Answer {
	w.t.Helper()
	a, err := w.ask()
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// want fails the test unless the answer has an outcome.
func want(t testing.TB, a *Answer, outcome gatekeep.Outcome) {
	t.Helper()
	if got := a.Record.Decision.Outcome; got != outcome {
		t.Fatalf("the outcome is %s, want %s:\n%s", got, outcome, against(a.Record.Decision))
	}
}

// against is what stands against a request, one line each.
func against(d gatekeep.Decision) string {
	var lines []string
	for _, r := range d.Results {
		if r.Outcome == gatekeep.Fail || r.Outcome == gatekeep.Indeterminate {
			for _, f := range r.Findings {
				lines = append(lines, r.Outcome.String()+" "+r.Rule+": "+f.Message)
			}
		}
	}
	return strings.Join(lines, "\n")
}
