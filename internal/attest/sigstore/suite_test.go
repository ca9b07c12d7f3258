package sigstore

import (
	"encoding/base64"
	"strings"
	"testing"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	rootpb "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatekeep-dev/gatekeep"
)

// Bundles of the suite that is at hand, which the cases that are not are made of.
const (
	suiteV1      = "sigstore/conformance/happy-path-v0.3/bundle.sigstore.json"
	suiteV01     = "sigstore/conformance/happy-path-v0.1/bundle.sigstore.json"
	suiteV2      = "sigstore/conformance/rekor2-happy-path/bundle.sigstore.json"
	suiteIntoto  = "sigstore/conformance/intoto-with-custom-trust-root/bundle.sigstore.json"
	suiteDSSE    = "sigstore/conformance/happy-path-intoto-in-dsse-v3/bundle.sigstore.json"
	suiteDSSEv2  = "sigstore/java/bundle.dsse.rekor-v2.sigstore"
	suiteManaged = "sigstore/conformance/managed-key-happy-path/bundle.sigstore.json"
)

func entryOf(b *protobundle.Bundle) *rekorpb.TransparencyLogEntry {
	return b.VerificationMaterial.TlogEntries[0]
}

// note changes the checkpoint of a bundle: its text, and the lines of its signatures.
func note(change func(text, signatures string) string) func(*protobundle.Bundle) {
	return func(b *protobundle.Bundle) {
		point := entryOf(b).InclusionProof.Checkpoint
		text, signatures, _ := strings.Cut(point.Envelope, "\n\n")
		point.Envelope = change(text, signatures)
	}
}

// without drops a line of a checkpoint.
func without(line int) func(*protobundle.Bundle) {
	return note(func(text, signatures string) string {
		lines := strings.Split(text, "\n")
		return strings.Join(append(lines[:line:line], lines[line+1:]...), "\n") + "\n\n" + signatures
	})
}

func origin(text string) string {
	first, _, _ := strings.Cut(text, "\n")
	return first
}

// by is the line of a signature that nobody can verify.
func by(name string, seed byte) string {
	sig := make([]byte, 68)
	for i := range sig {
		sig[i] = seed + byte(i)
	}
	return "\u2014 " + name + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
}

// Cases of sigstore-conformance that are not in the corpus, by their names there, made
// anew of those that are.
func TestCasesOfTheSuiteThatAreNotAtHand(t *testing.T) {
	bundleOf := func(file string) *protobundle.Bundle {
		b, why := ReadBundle(read(t, file))
		if why != nil {
			t.Fatal(why)
		}
		return b.Bundle
	}
	cases := []struct {
		name, file string
		change     func(*protobundle.Bundle)
		want       gatekeep.Reason
	}{
		{"bundle-empty-certificate-chain", suiteV01, func(b *protobundle.Bundle) {
			b.VerificationMaterial.GetX509CertificateChain().Certificates = nil
		}, gatekeep.ReasonCertificateInvalid},
		{"bundle-negative-log-index", suiteV01, func(b *protobundle.Bundle) { entryOf(b).LogIndex = -1 }, gatekeep.ReasonEnvelopeMalformed},
		{"inclusion-proof-corrupted-hash", suiteV1, func(b *protobundle.Bundle) { entryOf(b).InclusionProof.Hashes[0][0] ^= 1 }, gatekeep.ReasonLogInvalid},
		{"invalid-inclusion-proof", suiteV1, func(b *protobundle.Bundle) { entryOf(b).InclusionProof.Checkpoint = nil }, gatekeep.ReasonEnvelopeMalformed},
		{"invalid-checkpoint-signature", suiteV1, note(func(text, signatures string) string {
			return text + "\n\n" + strings.Replace(signatures, "A", "B", 1)
		}), gatekeep.ReasonLogInvalid},
		{"checkpoint-bad-keyhint", suiteV1, note(func(text, signatures string) string {
			name, encoded, _ := strings.Cut(strings.TrimPrefix(signatures, "\u2014 "), " ")
			sig, _ := base64.StdEncoding.DecodeString(strings.TrimSpace(encoded))
			sig[0] ^= 1
			return text + "\n\n\u2014 " + name + " " + base64.StdEncoding.EncodeToString(sig) + "\n"
		}), gatekeep.ReasonLogInvalid},
		{"set-invalid-signature", suiteV1, func(b *protobundle.Bundle) {
			entryOf(b).InclusionPromise = entryOf(bundleOf(suiteV01)).InclusionPromise
		}, gatekeep.ReasonLogInvalid},
		{"message-digest-mismatch", suiteV1, func(b *protobundle.Bundle) { b.GetMessageSignature().MessageDigest.Digest[0] ^= 1 }, gatekeep.ReasonSubjectMismatch},
		{"cve-2022-36056-swapped-tlog-entry", suiteV1, func(b *protobundle.Bundle) {
			b.VerificationMaterial.TlogEntries = bundleOf("sigstore/conformance/happy-path-v0.2/bundle.sigstore.json").VerificationMaterial.TlogEntries
		}, gatekeep.ReasonNotYetValid},
		{"intoto-missing-inclusion-proof", suiteIntoto, func(b *protobundle.Bundle) { entryOf(b).InclusionProof = nil }, gatekeep.ReasonEnvelopeMalformed},
		{"intoto-log-entry-mismatch", suiteIntoto, func(b *protobundle.Bundle) {
			entryOf(b).CanonicalizedBody, entryOf(b).KindVersion = entryOf(bundleOf(suiteDSSE)).CanonicalizedBody, entryOf(bundleOf(suiteDSSE)).KindVersion
		}, gatekeep.ReasonLogInvalid},
		{"dsse-mismatch-envelope", suiteDSSE, func(b *protobundle.Bundle) { b.GetDsseEnvelope().Payload = []byte(said) }, gatekeep.ReasonSignatureInvalid},
		{"rekor2-dsse-invalid-sig", suiteDSSEv2, func(b *protobundle.Bundle) {
			sig := b.GetDsseEnvelope().Signatures[0].Sig
			sig[len(sig)-1] ^= 1
		}, gatekeep.ReasonSignatureInvalid},
		{"rekor2-no-inclusion-proof", suiteV2, func(b *protobundle.Bundle) { entryOf(b).InclusionProof = nil }, gatekeep.ReasonEnvelopeMalformed},
		{"rekor2-timestamp-payload-mismatch", suiteV2, func(b *protobundle.Bundle) {
			b.VerificationMaterial.TimestampVerificationData = bundleOf(suiteDSSEv2).VerificationMaterial.TimestampVerificationData
		}, gatekeep.ReasonNoTrustedTime},
		{"rekor2-checkpoint-missing-origin", suiteV2, without(0), gatekeep.ReasonLogInvalid},
		{"rekor2-checkpoint-missing-size", suiteV2, without(1), gatekeep.ReasonLogInvalid},
		{"rekor2-checkpoint-missing-root-hash", suiteV2, without(2), gatekeep.ReasonLogInvalid},
		{"rekor2-checkpoint-missing-log-signature", suiteV2, note(func(text, _ string) string { return text + "\n\n" }), gatekeep.ReasonLogInvalid},
		{"rekor2-checkpoint-no-matching-signature", suiteV2, note(func(text, _ string) string {
			return text + "\n\n" + by(origin(text), 1) + by("witness.example.com", 2)
		}), gatekeep.ReasonLogInvalid},
		{"rekor2-checkpoint-cosigned", suiteV2, note(func(text, s string) string { return text + "\n\n" + s + by("witness.example.com", 1) }), ""},
		{"rekor2-checkpoint-multiple-cosigs", suiteV2, note(func(text, s string) string {
			return text + "\n\n" + s + by("witness.example.com", 1) + by("other.example.com/w", 2)
		}), ""},
		{"rekor2-checkpoint-origin-not-first", suiteV2, note(func(text, s string) string { return text + "\n\n" + by("witness.example.com", 1) + s }), ""},
		{"rekor2-checkpoint-two-sigs-from-origin", suiteV2, note(func(text, s string) string { return text + "\n\n" + s + by(origin(text), 1) }), ""},
		{"rekor2-checkpoint-two-sigs-from-origin, the other first", suiteV2, note(func(text, s string) string { return text + "\n\n" + by(origin(text), 1) + s }), ""},
		{"rekor2-checkpoint-two-sigs-from-origin, the same twice", suiteV2, note(func(text, s string) string { return text + "\n\n" + s + s }), ""},
		{"rekor2-checkpoint-two-sigs-cosigned", suiteV2, note(func(text, s string) string {
			return text + "\n\n" + by(origin(text), 1) + s + by("witness.example.com", 2)
		}), ""},
		{"happy-path-v0.3-new-mediaType", suiteV1, func(b *protobundle.Bundle) { b.MediaType = mediaType03 }, ""},
	}
	for _, c := range cases {
		of := rowOf(t, c.file)
		b := bundleOf(c.file)
		c.change(b)
		if why := verifier(t, of)(b); reasonOf(why) != c.want && !(c.want != "" && reasonOf(why) == "library") {
			t.Errorf("%s: %v, want %q", c.name, why, c.want)
		}
	}
	for name, change := range map[string][2]string{
		"bundle-invalid-base64-signature": {`"signature":"`, `"signature":"%%%`}, "bundle-malformed-json": {`{`, ``}, "bundle-unknown-version": {`version=0.3`, `version=99.9`},
	} {
		text := strings.Join(strings.Fields(string(read(t, suiteV1))), "")
		b, why := ReadBundle([]byte(strings.Replace(text, change[0], change[1], 1)))
		if why == nil {
			why = verifier(t, rowOf(t, suiteV1))(b.Bundle)
		}
		if reasonOf(why) != gatekeep.ReasonEnvelopeMalformed {
			t.Errorf("%s: %v", name, why)
		}
	}
}

// Cases of the suite that come with a trusted root of their own.
func TestCasesOfTheSuiteWithARootOfTheirOwn(t *testing.T) {
	v1, v2 := sample(t, suiteV1), sample(t, suiteV2)
	github := "sigstore/roots/github.trusted_root.json"
	for _, c := range []struct {
		name   string
		of     signed
		change func(*rootpb.TrustedRoot)
		want   gatekeep.Reason
	}{
		{"trust-root-tlog-validity-end-inclusive", v1, func(pb *rootpb.TrustedRoot) { windows(pb, "log")[0].End = timestamppb.New(v1.at) }, ""},
		{"trust-root-tsa-validity-end-inclusive", v2, func(pb *rootpb.TrustedRoot) { windows(pb, "tsa")[0].End = timestamppb.New(v2.at) }, ""},
		{"rekor2-timestamp-outside-trust-root-tsa-validity", v2, func(pb *rootpb.TrustedRoot) {
			windows(pb, "tsa")[0].End = timestamppb.New(v2.at.Add(-1))
		}, gatekeep.ReasonLogKeyNotValid},
		{"rekor2-timestamp-wrong-tsa-validity-borrow", v2, func(pb *rootpb.TrustedRoot) {
			windows(pb, "tsa")[0].End = timestamppb.New(v2.at.Add(-1))
			pb.TimestampAuthorities = append(pb.TimestampAuthorities, authoritiesOf(t, github)...)
		}, gatekeep.ReasonLogKeyNotValid},
		{"rekor2-timestamp-untrusted-tsa", v2, func(pb *rootpb.TrustedRoot) { pb.TimestampAuthorities = authoritiesOf(t, github) }, gatekeep.ReasonNoTrustedTime},
		{"bundle-from-wrong-instance", v2, func(pb *rootpb.TrustedRoot) { pb.CertificateAuthorities = pb.CertificateAuthorities[:0] }, gatekeep.ReasonCertificateInvalid},
		{"invalid-ct-key", v2, func(pb *rootpb.TrustedRoot) {
			for _, log := range pb.Ctlogs {
				log.PublicKey.RawBytes, log.PublicKey.KeyDetails = pb.Tlogs[0].PublicKey.RawBytes, pb.Tlogs[0].PublicKey.KeyDetails
			}
		}, gatekeep.ReasonCertificateInvalid},
		{"a log key in the place of another", v2, func(pb *rootpb.TrustedRoot) {
			for _, log := range pb.Tlogs {
				log.PublicKey.RawBytes, log.PublicKey.KeyDetails = pb.Tlogs[0].PublicKey.RawBytes, pb.Tlogs[0].PublicKey.KeyDetails
			}
		}, gatekeep.ReasonLogInvalid},
	} {
		r, err := NewRoot(c.name, edited(t, c.of.root, c.change))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		b, _ := ReadBundle(read(t, c.of.file))
		if _, why := r.VerifyCertificate(b, c.of.content(t)); reasonOf(why) != c.want {
			t.Errorf("%s: %v, want %q", c.name, why, c.want)
		}
	}
	for name, change := range map[string]func(*rootpb.TrustedRoot){
		"trust-root-tlog-missing-validity-start":     func(pb *rootpb.TrustedRoot) { windows(pb, "log")[0].Start = nil },
		"rekor2-timestamp-wrong-tsa-validity-borrow": func(pb *rootpb.TrustedRoot) { pb.TimestampAuthorities[0].CertChain.Certificates = nil },
	} {
		if _, err := NewRoot(name, edited(t, v2.root, change)); err == nil {
			t.Errorf("%s: the root is taken", name)
		}
	}
}

// A key-signed bundle beside a root of the caller's own, which lists what its log needs
// and no authority.
func TestManagedKeyWithARootOfItsOwn(t *testing.T) {
	of := rowOf(t, suiteManaged)
	for name, c := range map[string]struct {
		change func(*rootpb.TrustedRoot)
		want   gatekeep.Reason
	}{
		"the log alone": {func(pb *rootpb.TrustedRoot) {
			pb.CertificateAuthorities, pb.Ctlogs, pb.TimestampAuthorities = nil, nil, nil
		}, ""},
		"another log alone": {func(pb *rootpb.TrustedRoot) { pb.Tlogs[0].LogId = &commonpb.LogId{KeyId: []byte("another")} }, gatekeep.ReasonLogInvalid},
		"no log":            {func(pb *rootpb.TrustedRoot) { pb.Tlogs = nil }, ""},
	} {
		r, err := NewRoot("own", edited(t, of.root, c.change))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := ReadBundle(read(t, suiteManaged))
		if why := r.VerifyKey(b, keyFrom(t, of.key), of.content(t)); reasonOf(why) != c.want {
			t.Errorf("%s: %v, want %q", name, why, c.want)
		}
	}
}

func rowOf(t *testing.T, file string) row {
	t.Helper()
	for _, c := range rows(t) {
		if c.file == file {
			return c
		}
	}
	t.Fatalf("no row of %s", file)
	return row{}
}

func authoritiesOf(t *testing.T, root string) []*rootpb.CertificateAuthority {
	t.Helper()
	var found []*rootpb.CertificateAuthority
	edited(t, root, func(pb *rootpb.TrustedRoot) { found = pb.TimestampAuthorities })
	return found
}
