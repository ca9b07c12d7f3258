package evidence

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/signing"
)

// newKey is a signing key with its public half.
func newKey(t testing.TB) (signing.Signer, crypto.PublicKey) {
	t.Helper()
	private, _, err := signing.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := signing.LoadPrivateKey(private, nil)
	if err != nil {
		t.Fatal(err)
	}
	return signer, signer.Public()
}

func jcs(t testing.TB, v any) []byte {
	t.Helper()
	out, _, err := digest.JCS(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// packed is a policy as the gate packs it, and its digest, computed apart from the
// code under test.
func packed(t testing.TB, files map[string]string) ([]byte, string) {
	t.Helper()
	var out, listing bytes.Buffer
	gz := gzip.NewWriter(&out)
	w := tar.NewWriter(gz)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: name, Size: int64(len(files[name])), Mode: 0o644, Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[name])); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&listing, "%x  %s\n", sha256.Sum256([]byte(files[name])), name)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := gz.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), digest.Of(listing.Bytes())
}

const hexA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

// contents are those of a plausible decision: an image index with two platforms,
// three documents of which two were believed, two regimes, one waiver.
func contents(t testing.TB) Contents {
	t.Helper()
	sbom := []byte(`{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","x":"` + strings.Repeat("component ", 4000) + `"}`)
	envelopes := [][]byte{sbom, []byte(`{"payload":"approval"}`), []byte("not even JSON \x00\xff")}
	policy, policyDigest := packed(t, map[string]string{
		"overlay.json": "{}", "rego/gatekeep/main/main.rego": "package gatekeep.main\n", "rego/gatekeep/a.rego": "package a\n",
	})
	now := time.Date(2026, 11, 20, 14, 3, 5, 123456789, time.UTC)
	index := "sha256:" + hexA
	c := gatekeep.Case{
		Schema:  gatekeep.CaseSchema,
		Request: gatekeep.Request{ID: "req-1", Environment: "prod-eu", Service: "pay", Action: "deploy", RequestedAt: now},
		Subject: gatekeep.Subject{Kind: gatekeep.KindIndex, Name: "registry.example/pay", Digest: index, Artifacts: map[string]gatekeep.Artifact{
			"sha256:" + strings.Repeat("b", 64): {Name: "registry.example/pay", Platform: "linux/arm64", CoveredBy: []string{index}},
			"sha256:" + strings.Repeat("c", 64): {Name: "registry.example/pay", Platform: "linux/amd64", CoveredBy: []string{index}},
		}},
		Clock:  gatekeep.Clock{Now: now, NowNS: now.UnixNano(), Source: "system", TZData: "2026c"},
		Policy: gatekeep.PolicyRef{Origin: "embedded", Name: "default", Digest: policyDigest, Revision: 7},
		State:  gatekeep.State{Declared: true, Environment: "prod-eu", Sequence: 4711, Previous: "sha256:" + strings.Repeat("d", 64)},
	}
	out := Contents{
		Envelopes: map[string][]byte{}, Policy: policy, PolicySignature: []byte(`{"signed":"policy"}`),
		Trust:    map[string][]byte{"trust.yaml": []byte("version: 1\n"), "keys/builder.pub": []byte("PEM")},
		Reports:  map[string][]byte{"report.md": []byte("# Decision\n")},
		NotAfter: now.Add(24 * time.Hour),
	}
	for i, e := range envelopes {
		d := digest.Of(e)
		out.Envelopes[d] = e
		c.Envelopes = append(c.Envelopes, gatekeep.EnvelopeRef{Digest: d, Name: fmt.Sprintf("doc-%d", i), MediaType: "application/json", Size: int64(len(e))})
	}
	out.Input = jcs(t, map[string]any{"schema": gatekeep.FactsSchema, "clock": c.Clock, "a": []int{1, 2, 3}})
	waived := gatekeep.Finding{Rule: "sca/known", Message: "CVE-2026-1", At: "CVE-2026-1", Severity: "block", Excuse: "w-1"}
	decision := gatekeep.Decision{
		Outcome: gatekeep.Pass, Policy: policyDigest, Input: digest.Of(out.Input),
		Results: []gatekeep.Result{
			{Regime: "pci-dss-4.0.1", Control: "6.2.4", Rule: "sast/none", Outcome: gatekeep.Pass},
			{Regime: "pci-dss-4.0.1", Control: "6.5.1", Rule: "plan/none", Outcome: gatekeep.NotApplicable},
			{Regime: "soc2", Control: "CC8.1", Rule: "sca/known", Outcome: gatekeep.Waived, Findings: []gatekeep.Finding{waived}},
		},
		Effects: gatekeep.Effects{Approvals: []string{digest.Of(envelopes[1])}},
	}
	out.Decision, out.Case = jcs(t, decision), jcs(t, c)
	out.Record = gatekeep.Record{
		Schema: gatekeep.RecordSchema, ID: "dec-0123456789abcdef", DecidedAt: now, Mode: gatekeep.Enforce,
		Engine: gatekeep.Engine{Gatekeep: "1.0.0", OPA: "1.22.2", Go: "go1.26.8"}, Case: c,
		Facts: gatekeep.Digests{Input: digest.Of(out.Input), Decision: digest.Of(out.Decision), Binding: "sha256:" + hexA},
		Accepted: []gatekeep.Signed{
			{ID: digest.Of(envelopes[0]), Kind: "sbom", Signer: "builder", Status: gatekeep.StatusVerified},
			{ID: digest.Of(envelopes[1]), Kind: "approval", Signer: "alice", Status: gatekeep.StatusVerified},
		},
		Rejected: []gatekeep.Rejection{{ID: digest.Of(envelopes[2]), Reason: gatekeep.ReasonEnvelopeMalformed}},
		Regimes:  []gatekeep.Regime{{ID: "soc2", Version: "2017"}, {ID: "pci-dss-4.0.1", Version: "4.0.1"}},
		Decision: decision,
	}
	return out
}

func seal(t testing.TB, c Contents, signer signing.Signer) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Seal(&out, c, signer); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func open(t testing.TB, data []byte) *Bundle {
	t.Helper()
	b, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// verify opens and verifies, as the command does.
func verify(data []byte, opts VerifyOptions) Verification {
	b, err := Open(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return Broken("bundle", err)
	}
	return Verify(b, opts)
}

// failures are the checks that do not hold, as "reason path".
func failures(v Verification) []string {
	var out []string
	for _, c := range v.Checks {
		if !c.OK {
			out = append(out, c.Reason+" "+c.What)
		}
	}
	return out
}
