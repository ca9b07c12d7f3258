package sigstore

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/fulcio/certificate"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"google.golang.org/protobuf/proto"

	"github.com/gatekeep-dev/gatekeep"
)

// clock is a timestamp authority whose responses are their times in text, an IA5String of
// ASN.1.
type clock struct{}

func (clock) Verify(response, _ []byte) (*sigroot.Timestamp, error) {
	at, err := time.Parse(time.RFC3339, strings.TrimPrefix(string(response), "\x16\x14"))
	if err != nil {
		return nil, errors.New("a response of somebody else")
	}
	return &sigroot.Timestamp{Time: at, URI: "https://clock.example.com"}, nil
}

// clocked is material whose only authority of time is a clock.
type clocked struct{ sigroot.TrustedMaterial }

func (clocked) TimestampingAuthorities() []sigroot.TimestampingAuthority {
	return []sigroot.TimestampingAuthority{clock{}}
}

func at(times ...time.Time) *protobundle.TimestampVerificationData {
	data := new(protobundle.TimestampVerificationData)
	for _, t := range times {
		data.Rfc3161Timestamps = append(data.Rfc3161Timestamps, &commonpb.RFC3161SignedTimestamp{SignedTimestamp: []byte("\x16\x14" + t.UTC().Format(time.RFC3339))})
	}
	return data
}

func leafIn(t *testing.T, b *bundle.Bundle) *x509.Certificate {
	t.Helper()
	content, err := b.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	return content.Certificate()
}

// Client specification, section 4.3: where there are several times, the path must be
// valid at each. The library drops the second by one authority.
func TestCertificateIsValidAtEveryTime(t *testing.T) {
	b, m := made(t)
	r, err := NewRootOf("clocked", clocked{m})
	if err != nil {
		t.Fatal(err)
	}
	leaf := leafIn(t, b)
	first, last, good := leaf.NotBefore, leaf.NotAfter, leaf.NotBefore.Add(time.Minute)
	for name, c := range map[string]struct {
		times []time.Time
		want  gatekeep.Reason
	}{
		"in the middle":               {[]time.Time{good}, ""},
		"at its first second":         {[]time.Time{first}, ""},
		"at its last second":          {[]time.Time{last}, ""},
		"a second before":             {[]time.Time{first.Add(-time.Second)}, gatekeep.ReasonNotYetValid},
		"a second after":              {[]time.Time{last.Add(time.Second)}, gatekeep.ReasonExpired},
		"the second of two after":     {[]time.Time{good, last.Add(time.Second)}, gatekeep.ReasonExpired},
		"the first of two before":     {[]time.Time{first.Add(-time.Second), good}, gatekeep.ReasonNotYetValid},
		"the middle one of three out": {[]time.Time{good, last.Add(time.Second), good}, gatekeep.ReasonExpired},
	} {
		b.VerificationMaterial.TimestampVerificationData = at(c.times...)
		if _, why := r.VerifyCertificate(b, Content{}); reasonOf(why) != c.want {
			t.Errorf("%s: %v, want %q", name, why, c.want)
		}
	}
	// A time that an entry claims and nobody signed proves nothing, and may refuse.
	b.VerificationMaterial.TimestampVerificationData = at(good)
	entry := b.VerificationMaterial.TlogEntries[0]
	for claimed, want := range map[time.Time]gatekeep.Reason{good: "", last.Add(time.Hour): gatekeep.ReasonExpired, first.Add(-time.Hour): gatekeep.ReasonNotYetValid} {
		entry.IntegratedTime = claimed.Unix()
		if _, why := r.VerifyCertificate(b, Content{}); reasonOf(why) != want {
			t.Errorf("claimed %s: %v, want %q", claimed, why, want)
		}
	}
	entry.IntegratedTime = good.Unix()
	b.VerificationMaterial.TimestampVerificationData = nil
	if _, why := r.VerifyCertificate(b, Content{}); reasonOf(why) != gatekeep.ReasonNoTrustedTime {
		t.Errorf("nothing but a claimed time: %v", why)
	}
}

func TestEveryEntryHasItsProof(t *testing.T) {
	for file, strip := range map[string]func(*rekorpb.TransparencyLogEntry){
		"sigstore/conformance/happy-path-v0.3/bundle.sigstore.json": func(e *rekorpb.TransparencyLogEntry) { e.InclusionProof = nil },
		"sigstore/conformance/happy-path-v0.1/bundle.sigstore.json": func(e *rekorpb.TransparencyLogEntry) { e.InclusionPromise = nil },
	} {
		c := sample(t, file).row
		b, _ := ReadBundle(read(t, file))
		second := proto.CloneOf(b.VerificationMaterial.TlogEntries[0])
		second.LogIndex++
		strip(second)
		b.VerificationMaterial.TlogEntries = append(b.VerificationMaterial.TlogEntries, second)
		if _, why := rootFrom(t, c.root).VerifyCertificate(b, c.content(t)); reasonOf(why) != gatekeep.ReasonEnvelopeMalformed {
			t.Errorf("%s: %v", file, why)
		}
	}
}

// An entry of a log that the root does not list counts for nothing.
func TestEntryOfAnUnknownLogCountsForNothing(t *testing.T) {
	const file = "sigstore/conformance/happy-path-v0.3/bundle.sigstore.json"
	c := sample(t, file).row
	r := rootFrom(t, c.root)
	b, _ := ReadBundle(read(t, file))
	unknown := proto.CloneOf(b.VerificationMaterial.TlogEntries[0])
	unknown.LogId.KeyId = []byte("somebody else's log")
	b.VerificationMaterial.TlogEntries = append(b.VerificationMaterial.TlogEntries, unknown)
	if _, why := r.VerifyCertificate(b, c.content(t)); why != nil {
		t.Errorf("beside a known one: %v", why)
	}
	b.VerificationMaterial.TlogEntries = b.VerificationMaterial.TlogEntries[1:]
	if _, why := r.VerifyCertificate(b, c.content(t)); reasonOf(why) != gatekeep.ReasonLogInvalid {
		t.Errorf("alone: %v", why)
	}
}

func TestEntryAndCheckpointAreOfOneRekor(t *testing.T) {
	for file, origin := range map[string]string{
		"sigstore/conformance/rekor2-happy-path/bundle.sigstore.json": "rekor.example.com - 123",
		"sigstore/conformance/happy-path-v0.3/bundle.sigstore.json":   "rekor.example.com",
	} {
		c := sample(t, file).row
		b, _ := ReadBundle(read(t, file))
		point := b.VerificationMaterial.TlogEntries[0].InclusionProof.Checkpoint
		_, rest, _ := strings.Cut(point.Envelope, "\n")
		point.Envelope = origin + "\n" + rest
		_, why := rootFrom(t, c.root).VerifyCertificate(b, c.content(t))
		if reasonOf(why) != gatekeep.ReasonLogInvalid || !strings.Contains(why.Detail, "another version of Rekor") {
			t.Errorf("%s: %v", file, why)
		}
	}
}

func TestCertificateOfACAIsNoLeaf(t *testing.T) {
	prod := rootFrom(t, "sigstore/roots/prod.trusted_root.json")
	b, _ := ReadBundle(read(t, "sigstore/conformance/happy-path-v0.3/bundle.sigstore.json"))
	ca := prod.Material.FulcioCertificateAuthorities()[1].(*sigroot.FulcioCertificateAuthority)
	b.VerificationMaterial.Content = &protobundle.VerificationMaterial_Certificate{Certificate: &commonpb.X509Certificate{RawBytes: ca.Intermediates[0].Raw}}
	if _, why := prod.VerifyCertificate(b, Content{}); reasonOf(why) != gatekeep.ReasonCertificateInvalid || !strings.Contains(why.Detail, "certificate of a CA") {
		t.Errorf("%v", why)
	}
	for name, raw := range map[string][]byte{"no certificate": []byte("x"), "none at all": {}} {
		b.VerificationMaterial.Content = &protobundle.VerificationMaterial_Certificate{Certificate: &commonpb.X509Certificate{RawBytes: raw}}
		if _, why := prod.VerifyCertificate(b, Content{}); reasonOf(why) != gatekeep.ReasonCertificateInvalid {
			t.Errorf("%s: %v", name, why)
		}
	}
}

// Fulcio, oid-info.md: 1.3.6.1.4.1.57264.1.8 replaces 1.1, whose value is no DER.
func TestNewIssuerGoesBeforeTheOld(t *testing.T) {
	der, err := asn1.MarshalWithParams("https://new.example.com", "utf8")
	if err != nil {
		t.Fatal(err)
	}
	newer := pkix.Extension{Id: certificate.OIDIssuerV2, Value: der}
	older := pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte("https://old.example.com")}
	for name, c := range map[string]struct {
		extensions []pkix.Extension
		want       string
	}{
		"new first": {[]pkix.Extension{newer, older}, "https://new.example.com"},
		"old first": {[]pkix.Extension{older, newer}, "https://new.example.com"},
		"old alone": {[]pkix.Extension{older}, "https://old.example.com"},
	} {
		extensions, err := certificate.ParseExtensions(c.extensions)
		if err != nil {
			t.Fatal(err)
		}
		summary := &certificate.Summary{Extensions: extensions}
		if err := preferNewIssuer(&x509.Certificate{Extensions: c.extensions}, summary); err != nil || summary.Issuer != c.want {
			t.Errorf("%s: %q, %v", name, summary.Issuer, err)
		}
	}
	if err := preferNewIssuer(&x509.Certificate{Extensions: []pkix.Extension{{Id: certificate.OIDIssuerV2, Value: []byte("x")}}}, new(certificate.Summary)); err == nil {
		t.Error("an issuer that is no DER is read")
	}
}

func TestKeySignedStatementIsAboutItsSubjectAtSomeTime(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pae := "DSSEv1 28 " + payloadInToto + " " + strconv.Itoa(len(said)) + " " + said
	sig, err := ecdsa.SignASN1(rand.Reader, private, sum256([]byte(pae)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.NewBundle(&protobundle.Bundle{
		MediaType:            mediaType03,
		VerificationMaterial: &protobundle.VerificationMaterial{Content: &protobundle.VerificationMaterial_PublicKey{PublicKey: &commonpb.PublicKeyIdentifier{Hint: "h"}}},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &dssepb.Envelope{
			Payload: []byte(said), PayloadType: payloadInToto, Signatures: []*dssepb.Signature{{Sig: sig}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	// A root that lists one authority of time and nothing else.
	r, err := NewRootOf("clock", clocked{sigroot.TrustedMaterialCollection{}})
	if err != nil {
		t.Fatal(err)
	}
	abc, other := Artifact([]byte("abc")), Artifact([]byte("abd"))
	if why := r.VerifyKey(b, private.Public(), abc); reasonOf(why) != gatekeep.ReasonNoTrustedTime {
		t.Errorf("no time: %v", why)
	}
	if why := VerifyKeyAlone(b, private.Public(), abc); why != nil {
		t.Errorf("the key alone: %v", why)
	}
	if why := VerifyKeyAlone(b, private.Public(), other); reasonOf(why) != gatekeep.ReasonSubjectMismatch {
		t.Errorf("the key alone, about another: %v", why)
	}
	b.VerificationMaterial.TimestampVerificationData = at(time.Unix(1_700_000_000, 0))
	for name, c := range map[string]struct {
		what Content
		want gatekeep.Reason
	}{"its subject": {abc, ""}, "another": {other, gatekeep.ReasonSubjectMismatch}, "whatever": {Content{}, ""}} {
		if why := r.VerifyKey(b, private.Public(), c.what); reasonOf(why) != c.want {
			t.Errorf("%s: %v, want %q", name, why, c.want)
		}
	}
	envelope := b.GetDsseEnvelope()
	envelope.Signatures = append(envelope.Signatures, envelope.Signatures[0])
	if why := r.VerifyKey(b, private.Public(), abc); reasonOf(why) != gatekeep.ReasonEnvelopeMalformed {
		t.Errorf("two signatures: %v", why)
	}
}
