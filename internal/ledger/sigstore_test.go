package ledger_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	protocommon "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	protodsse "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	protorekor "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/transparency-dev/formats/log"
	"github.com/transparency-dev/formats/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"google.golang.org/protobuf/encoding/protojson"

	mproof "github.com/transparency-dev/merkle/proof"

	"github.com/gatekeep-dev/gatekeep/internal/ledger"
)

// sealed is an entry as a Sigstore bundle v0.3: statement, proof of the ledger, and an
// RFC 3161 timestamp over the signature.
func sealed(t *testing.T, r ledger.Receipt, authority *ca.VirtualSigstore) *protobundle.Bundle {
	t.Helper()
	stamp := must(authority.TimestampResponse(r.Signature))(t)
	sum := sha256.Sum256(r.Key)
	return &protobundle.Bundle{
		MediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content:     &protobundle.VerificationMaterial_PublicKey{PublicKey: &protocommon.PublicKeyIdentifier{Hint: base64.StdEncoding.EncodeToString(sum[:])}},
			TlogEntries: []*protorekor.TransparencyLogEntry{r.TransparencyLogEntry()},
			TimestampVerificationData: &protobundle.TimestampVerificationData{
				Rfc3161Timestamps: []*protocommon.RFC3161SignedTimestamp{{SignedTimestamp: stamp}},
			},
		},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &protodsse.Envelope{
			Payload: r.Statement, PayloadType: "application/vnd.in-toto+json", Signatures: []*protodsse.Signature{{Sig: r.Signature}},
		}},
	}
}

// trust is what an auditor trusts: the log by key and origin, the time stamping
// authority, and the key that signs entries.
type trust struct {
	root.BaseTrustedMaterial
	authority *ca.VirtualSigstore
	logs      map[string]*root.TransparencyLog
	key       root.TimeConstrainedVerifier
}

func (m *trust) RekorLogs() map[string]*root.TransparencyLog { return m.logs }
func (m *trust) TimestampingAuthorities() []root.TimestampingAuthority {
	return m.authority.TimestampingAuthorities()
}
func (m *trust) PublicKeyVerifier(string) (root.TimeConstrainedVerifier, error) { return m.key, nil }

func TestStockVerifierTakesAnEntryWithItsProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, "prod", 3)
	r := h.fill(t, "dev", 2)[1]
	authority := must(ca.NewVirtualSigstore())(t)
	block, _ := pem.Decode(h.public)
	public := must(x509.ParsePKIXPublicKey(block.Bytes))(t).(ed25519.PublicKey)
	verifier := must(signature.LoadVerifier(h.opts.Entry.Public(), crypto.SHA256))(t)
	material := &trust{
		authority: authority, key: root.NewExpiringKey(verifier, time.Time{}, time.Time{}),
		logs: map[string]*root.TransparencyLog{hex.EncodeToString(r.LogID): {
			BaseURL: "https://" + host, ID: r.LogID, ValidityPeriodStart: start.Add(-time.Hour), HashFunc: crypto.SHA256, PublicKey: public, SignatureHashFunc: crypto.SHA256,
		}},
	}
	v := must(verify.NewVerifier(material, verify.WithTransparencyLog(1), verify.WithSignedTimestamps(1)))(t)
	judge := func(change func(*protobundle.Bundle)) error {
		b := sealed(t, r, authority)
		change(b)
		read, err := bundle.NewBundle(b)
		if err != nil {
			return err
		}
		_, err = v.Verify(read, verify.NewPolicy(verify.WithArtifact(bytes.NewReader(body("dev-1"))), verify.WithKey()))
		return err
	}
	if err := judge(func(*protobundle.Bundle) {}); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*protobundle.Bundle){
		"payload": func(b *protobundle.Bundle) { b.GetDsseEnvelope().Payload[40] ^= 1 },
		"leaf":    func(b *protobundle.Bundle) { b.VerificationMaterial.TlogEntries[0].CanonicalizedBody[90] ^= 1 },
		"path":    func(b *protobundle.Bundle) { b.VerificationMaterial.TlogEntries[0].InclusionProof.Hashes[0][0] ^= 1 },
		"index": func(b *protobundle.Bundle) {
			b.VerificationMaterial.TlogEntries[0].LogIndex--
			b.VerificationMaterial.TlogEntries[0].InclusionProof.LogIndex--
		},
		"checkpoint": func(b *protobundle.Bundle) {
			c := b.VerificationMaterial.TlogEntries[0].InclusionProof.Checkpoint
			c.Envelope = strings.Replace(c.Envelope, "\n7\n", "\n8\n", 1)
		},
		"no entry": func(b *protobundle.Bundle) { b.VerificationMaterial.TlogEntries = nil },
		"no time":  func(b *protobundle.Bundle) { b.VerificationMaterial.TimestampVerificationData = nil },
	} {
		if judge(change) == nil {
			t.Errorf("%s: a changed bundle is accepted", name)
		}
	}
}

// TestCosignTakesAnEntryWithItsProof does what evidence.md section 5 has an auditor do,
// with the network unreachable.
func TestCosignTakesAnEntryWithItsProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, "prod", 3)
	r := h.fill(t, "dev", 2)[1]
	authority := must(ca.NewVirtualSigstore())(t)
	dir := t.TempDir()
	put(t, filepath.Join(dir, "body.json"), body("dev-1"))
	put(t, filepath.Join(dir, "other.json"), body("dev-0"))
	put(t, filepath.Join(dir, "log.pub"), h.public)
	put(t, filepath.Join(dir, "entry.pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: r.Key}))
	put(t, filepath.Join(dir, "bundle.json"), must(protojson.Marshal(sealed(t, r, authority)))(t))
	tsa := authority.TimestampingAuthorities()[0].(*root.SigstoreTimestampingAuthority)
	var chain []byte
	for _, c := range append([]*x509.Certificate{tsa.Leaf}, append(tsa.Intermediates, tsa.Root)...) {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	put(t, filepath.Join(dir, "tsa.pem"), chain)
	found := false
	for _, name := range []string{"GATEKEEP_COSIGN", "GATEKEEP_COSIGN3"} {
		cosign := os.Getenv(name)
		if cosign == "" {
			continue
		}
		found = true
		run := func(args ...string) (string, error) {
			c := exec.Command(cosign, args...)
			c.Dir = dir
			c.Env = append(os.Environ(), "HOME="+dir, "HTTP_PROXY=http://127.0.0.1:1", "HTTPS_PROXY=http://127.0.0.1:1")
			out, err := c.CombinedOutput()
			return string(out), err
		}
		if out, err := run("trusted-root", "create", "--out", "trust.json",
			"--rekor", "url=https://"+host+",public-key=log.pub,start-time=2026-01-01T00:00:00Z,origin="+host,
			"--tsa", "url=https://tsa.example,certificate-chain=tsa.pem,start-time=2020-01-01T00:00:00Z"); err != nil {
			t.Fatalf("%s: %v: %s", name, err, out)
		}
		check := []string{"verify-blob-attestation", "--bundle", "bundle.json", "--key", "entry.pub", "--trusted-root", "trust.json",
			"--use-signed-timestamps", "--type", "https://gatekeep.dev/ledger/decision/v1"}
		if out, err := run(append(check, "body.json")...); err != nil {
			t.Errorf("%s: %v: %s", name, err, out)
		}
		if out, err := run(append(check, "other.json")...); err == nil {
			t.Errorf("%s takes another body: %s", name, out)
		}
	}
	if !found {
		if os.Getenv("CI") != "" {
			t.Fatal("looking for cosign: CI must run what needs it; 'make gotest' builds it")
		}
		t.Skip("no cosign named by GATEKEEP_COSIGN or GATEKEEP_COSIGN3")
	}
}

// TestProofTextVerifiesAlone reads a tlog-proof@v1 as anybody would.
func TestProofTextVerifiesAlone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill(t, "prod", 300)
	r := must(ledger.Proof(t.Context(), h.dir, 7, h.public))(t)
	var p proof.TLogProof
	if err := p.Unmarshal(r.TLogProof()); err != nil {
		t.Fatal(err)
	}
	var cp log.Checkpoint
	if _, err := cp.Unmarshal(p.Checkpoint); err != nil {
		t.Fatal(err)
	}
	var path [][]byte
	for _, h := range p.Hashes {
		path = append(path, h[:])
	}
	if err := mproof.VerifyInclusion(rfc6962.DefaultHasher, p.Index, cp.Size, rfc6962.DefaultHasher.HashLeaf(r.Leaf), path, cp.Hash); err != nil {
		t.Error(err)
	}
	if p.Index != 7 || cp.Size != 302 || cp.Origin != host {
		t.Errorf("leaf %d of %d of %s", p.Index, cp.Size, cp.Origin)
	}
}

// body is the body of the decision with this id as it was logged.
func body(id string) []byte {
	return fmt.Appendf(nil, `{"outcome":"pass","record":%q}`, id)
}
