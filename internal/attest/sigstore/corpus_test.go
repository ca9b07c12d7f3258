package sigstore

import (
	"bytes"
	"crypto"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"

	"github.com/gatekeep-dev/gatekeep"
)

const corpus = "../../../testdata/corpus"

// row is one line of verify.tsv: a bundle of the wild and what it is worth.
type row struct {
	file, root, key, subject, identity, issuer, expectation, why string
}

func rows(t testing.TB) []row {
	t.Helper()
	var all []row
	for i, line := range strings.Split(strings.TrimSuffix(string(read(t, "verify.tsv")), "\n"), "\n") {
		c := strings.Split(line, "\t")
		if len(c) != 8 {
			t.Fatalf("line %d has %d columns", i+1, len(c))
		}
		if i > 0 {
			all = append(all, row{c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7]})
		}
	}
	return all
}

func read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpus, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func rootFrom(t testing.TB, name string) *Root {
	t.Helper()
	r, err := NewRoot(name, read(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func keyFrom(t testing.TB, name string) crypto.PublicKey {
	t.Helper()
	key, err := cryptoutils.UnmarshalPEMToPublicKey(read(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// content is the subject of the row: a digest, or a file.
func (c row) content(t testing.TB) Content {
	t.Helper()
	if name, _, found := strings.Cut(c.subject, ":"); found && algorithms[name] != 0 {
		what, err := Digest(c.subject)
		if err != nil {
			t.Fatal(err)
		}
		return what
	}
	return Artifact(read(t, c.subject))
}

// judge verifies the row about a subject, as a caller does.
func (c row) judge(t testing.TB, what Content) *Failure {
	t.Helper()
	b, why := ReadBundle(read(t, c.file))
	if why != nil {
		return why
	}
	r := rootFrom(t, c.root)
	if c.key != "" {
		return r.VerifyKey(b, keyFrom(t, c.key), what)
	}
	signer, why := r.VerifyCertificate(b, what)
	if why == nil && (signer.SubjectAlternativeName != c.identity || signer.Issuer != c.issuer) {
		why = fail(gatekeep.ReasonSignerUnknown, "%s of %s", signer.SubjectAlternativeName, signer.Issuer)
	}
	return why
}

func TestEveryRowHoldsByFileAndByDigest(t *testing.T) {
	passed, refused, byDigest := 0, 0, 0
	for _, c := range rows(t) {
		pass := strings.HasPrefix(c.expectation, "pass")
		check := func(how string, what Content) {
			why := c.judge(t, what)
			switch {
			case pass && why != nil:
				t.Errorf("%s by %s: refused: %v", c.file, how, why)
			case !pass && why == nil:
				t.Errorf("%s by %s: verified, and %s", c.file, how, c.why)
			case pass:
				passed++
			default:
				refused++
			}
		}
		what := c.content(t)
		check("file", what)
		if what.whole == nil {
			continue
		}
		// The suite names artifacts by SHA-256. What is signed by the digest of a larger
		// curve has that in the bundle, and is known by that.
		h := crypto.SHA256
		if b, why := ReadBundle(read(t, c.file)); why == nil && b.GetMessageSignature() != nil {
			h = map[int]crypto.Hash{32: crypto.SHA256, 48: crypto.SHA384, 64: crypto.SHA512}[len(b.GetMessageSignature().GetMessageDigest().GetDigest())]
		}
		for name, algorithm := range algorithms {
			if algorithm == h {
				d, err := Digest(name + ":" + hex.EncodeToString(what.sums[h]))
				if err != nil {
					t.Fatal(err)
				}
				check(name, d)
				byDigest++
			}
		}
	}
	t.Logf("%d verified, %d refused, %d of them by digest", passed, refused, byDigest)
	if passed < 50 || refused < 25 || byDigest < 30 {
		t.Errorf("%d verified, %d refused, %d by digest: rows are missing", passed, refused, byDigest)
	}
}

func TestReasonsNameTheStepThatFails(t *testing.T) {
	want := map[string]gatekeep.Reason{
		"conformance/bundle-unknown-version_fail/bundle.sigstore.json":    gatekeep.ReasonEnvelopeMalformed,
		"conformance/checkpoint-wrong-roothash_fail/bundle.sigstore.json": gatekeep.ReasonLogInvalid,
		"conformance/dsse-invalid-sig_fail/bundle.sigstore.json":          gatekeep.ReasonSignatureInvalid,
		"conformance/managed-key-no-key_fail/bundle.sigstore.json":        gatekeep.ReasonSignerUnknown,
		"conformance/rekor2-no-timestamp_fail/bundle.sigstore.json":       gatekeep.ReasonNoTrustedTime,
		"conformance/signature-mismatch_fail/bundle.sigstore.json":        gatekeep.ReasonSignatureInvalid,
		"conformance/wrong-material_fail/bundle.sigstore.json":            gatekeep.ReasonSubjectMismatch,
		"java/bundle-no-digest.sigstore":                                  gatekeep.ReasonEnvelopeMalformed,
		"java/bundle-with-mismatched-set.sigstore":                        gatekeep.ReasonLogInvalid,
		"java/bundle-with-wrong-tlog-entry.sigstore":                      gatekeep.ReasonLogInvalid,
		"java/bundle.dsse.bad-signature.sigstore":                         gatekeep.ReasonSignatureInvalid,
		"java/bundle.dsse.rekor-v2.bad-entry-type.sigstore":               gatekeep.ReasonEnvelopeMalformed,
		"java/bundle.v2.no.inclusion.sigstore":                            gatekeep.ReasonEnvelopeMalformed,
	}
	seen := 0
	for _, c := range rows(t) {
		reason, there := want[strings.TrimPrefix(c.file, "sigstore/")]
		if !there {
			continue
		}
		seen++
		if why := c.judge(t, c.content(t)); why == nil || why.Reason != reason || why.Detail == "" {
			t.Errorf("%s: %v, want %s", c.file, why, reason)
		}
	}
	if seen != len(want) {
		t.Errorf("%d of %d rows are there", seen, len(want))
	}
}

// What holds here must hold for the library as a whole: the steps are the same.
func TestNothingIsVerifiedThatTheLibraryRefuses(t *testing.T) {
	compared := 0
	for _, c := range rows(t) {
		what := c.content(t)
		if c.key != "" || what.whole == nil || c.judge(t, what) != nil {
			continue
		}
		r := rootFrom(t, c.root)
		verifier, err := verify.NewVerifier(r.Material, verify.WithTransparencyLog(1), verify.WithObserverTimestamps(1), verify.WithSignedCertificateTimestamps(1))
		if err != nil {
			t.Fatal(err)
		}
		id, err := verify.NewShortCertificateIdentity(c.issuer, "", c.identity, "")
		if err != nil {
			t.Fatal(err)
		}
		b, why := ReadBundle(read(t, c.file))
		if why != nil {
			t.Fatal(why)
		}
		if _, err := verifier.Verify(b, verify.NewPolicy(verify.WithArtifact(bytes.NewReader(what.whole)), verify.WithCertificateIdentity(id))); err != nil {
			t.Errorf("%s: %v", c.file, err)
		}
		compared++
	}
	if compared < 20 {
		t.Errorf("%d compared", compared)
	}
}

func TestKeyAndCertificateAreNotTakenForEachOther(t *testing.T) {
	prod := rootFrom(t, "sigstore/roots/prod.trusted_root.json")
	a := Artifact(read(t, "sigstore/conformance/a.txt"))
	key := keyFrom(t, "sigstore/conformance/managed-key-happy-path/key.pub")
	managed, _ := ReadBundle(read(t, "sigstore/conformance/managed-key-happy-path/bundle.sigstore.json"))
	keyless, _ := ReadBundle(read(t, "sigstore/conformance/happy-path-v0.3/bundle.sigstore.json"))

	if why := prod.VerifyKey(keyless, key, a); why == nil || why.Reason != gatekeep.ReasonSignerUnknown {
		t.Errorf("a certificate where a key was asked for: %v", why)
	}
	if why := VerifyKeyAlone(keyless, key, a); why == nil || why.Reason != gatekeep.ReasonSignerUnknown {
		t.Errorf("a certificate where a key was asked for: %v", why)
	}
	if _, why := prod.VerifyCertificate(managed, a); why == nil || why.Reason != gatekeep.ReasonSignerUnknown {
		t.Errorf("a key where a certificate was asked for: %v", why)
	}
	if why := VerifyKeyAlone(managed, key, a); why != nil {
		t.Errorf("the key alone: %v", why)
	}
	other := keyFrom(t, "dsse/rebuild.key")
	if why := prod.VerifyKey(managed, other, a); why == nil || why.Reason != gatekeep.ReasonSignatureInvalid {
		t.Errorf("another key: %v", why)
	}
	if why := prod.VerifyKey(managed, key, Content{}); why == nil || why.Reason != gatekeep.ReasonEnvelopeMalformed {
		t.Errorf("no artifact: %v", why)
	}
	if why := prod.VerifyKey(nil, key, a); why == nil || why.Reason != gatekeep.ReasonEnvelopeMalformed {
		t.Errorf("no bundle: %v", why)
	}
	// A root that lists logs asks for an entry, and one without CA is good for keys.
	managed.VerificationMaterial.TlogEntries = nil
	managed.VerificationMaterial.TimestampVerificationData = nil
	if why := prod.VerifyKey(managed, key, a); why == nil || why.Reason != gatekeep.ReasonLogInvalid {
		t.Errorf("no log entry: %v", why)
	}
}

func TestFailureTellsWhetherTheCertificateChains(t *testing.T) {
	github := rootFrom(t, "sigstore/roots/github.trusted_root.json")
	prod := rootFrom(t, "sigstore/roots/prod.trusted_root.json")
	b, _ := ReadBundle(read(t, "sigstore/conformance/happy-path-v0.3/bundle.sigstore.json"))
	if _, why := github.VerifyCertificate(b, Artifact(read(t, "sigstore/conformance/a.txt"))); why == nil || why.Chained || why.Reason != gatekeep.ReasonCertificateInvalid {
		t.Errorf("another root: %+v", why)
	}
	if _, why := prod.VerifyCertificate(b, Artifact(nil)); why == nil || !why.Chained || why.Reason != gatekeep.ReasonSubjectMismatch {
		t.Errorf("another artifact: %+v", why)
	}
	if why := error(fail(gatekeep.ReasonExpired, "x")); why.Error() != "expired: x" {
		t.Errorf("text %q", why)
	}
}

func TestChainMayHoldNoRootOfItsOwn(t *testing.T) {
	prod := rootFrom(t, "sigstore/roots/prod.trusted_root.json")
	staging := rootFrom(t, "sigstore/roots/staging.trusted_root.json")
	const full = "sigstore/js/bundleV01-full-cert-chain.sigstore" // leaf, intermediate and root
	for _, c := range []struct {
		name, mediaType string
		root            *Root
		want            gatekeep.Reason
	}{
		{"the trusted root in an old bundle", mediaType01, prod, ""},
		{"a root that is not trusted", mediaType01, staging, gatekeep.ReasonEnvelopeMalformed},
		{"the trusted root in a newer one", mediaType02, prod, gatekeep.ReasonEnvelopeMalformed},
		{"a chain in the newest", mediaType03, prod, gatekeep.ReasonEnvelopeMalformed},
		{"a version between", "application/vnd.dev.sigstore.bundle.v0.1+json", prod, gatekeep.ReasonEnvelopeMalformed},
	} {
		b, why := ReadBundle(read(t, full))
		if why != nil {
			t.Fatal(why)
		}
		b.MediaType = c.mediaType
		_, why = c.root.VerifyCertificate(b, Content{})
		if got := reasonOf(why); got != c.want {
			t.Errorf("%s: %v, want %q", c.name, why, c.want)
		}
	}
}

func reasonOf(why *Failure) gatekeep.Reason {
	if why == nil {
		return ""
	}
	return why.Reason
}

func TestBundleIsReadOneWay(t *testing.T) {
	good := string(read(t, "sigstore/conformance/happy-path-v0.3/bundle.sigstore.json"))
	if _, why := ReadBundle([]byte(good)); why != nil {
		t.Fatal(why)
	}
	for name, data := range map[string]string{
		"twice a name":  strings.Replace(good, `"mediaType"`, `"mediaType":"x","mediaType"`, 1),
		"trailing data": good + "{}",
		"unknown field": strings.Replace(good, `"mediaType"`, `"more":1,"mediaType"`, 1),
		"empty":         "",
		"null":          "null",
		"a list":        "[]",
		"deep":          strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300),
	} {
		if _, why := ReadBundle([]byte(data)); why == nil || why.Reason != gatekeep.ReasonEnvelopeMalformed {
			t.Errorf("%s: %v", name, why)
		}
	}
	if _, why := ReadBundle(make([]byte, BundleBytes+1)); why == nil || why.Reason != gatekeep.ReasonTooLarge {
		t.Errorf("too large: %v", why)
	}
	b, _ := ReadBundle([]byte(good))
	b.VerificationMaterial.TimestampVerificationData = &protobundle.TimestampVerificationData{}
	entries := b.VerificationMaterial.TlogEntries
	for range maxEntries {
		b.VerificationMaterial.TlogEntries = append(b.VerificationMaterial.TlogEntries, entries[0])
	}
	if _, why := rootFrom(t, "sigstore/roots/prod.trusted_root.json").VerifyCertificate(b, Content{}); why == nil || why.Reason != gatekeep.ReasonTooLarge {
		t.Errorf("too many entries: %v", why)
	}
}
