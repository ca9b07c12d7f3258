package sigstore

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	protobundle "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/sigstore-go/pkg/bundle"
	sigroot "github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore-go/pkg/verify"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/dsse"
)

const said = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"x","digest":{"sha256":"` +
	`ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}}],"predicateType":"https://example.com/t","predicate":{}}`

// material is a virtual instance without certificate log, whose log a test changes.
type material struct {
	*ca.VirtualSigstore
	logs map[string]*sigroot.TransparencyLog
}

func (m material) RekorLogs() map[string]*sigroot.TransparencyLog { return m.logs }
func (m material) CTLogs() map[string]*sigroot.TransparencyLog    { return nil }

// made is a bundle of a virtual instance: Rekor v2 and a timestamp of now.
func made(t testing.TB) (*bundle.Bundle, material) {
	t.Helper()
	v, err := ca.NewVirtualSigstore()
	if err != nil {
		t.Fatal(err)
	}
	entity, err := v.AttestHashedRekordV2("a@example.com", "https://issuer.example.com", []byte(said))
	if err != nil {
		t.Fatal(err)
	}
	content, _ := entity.VerificationContent()
	signature, _ := entity.SignatureContent()
	entries, _ := entity.TlogEntries()
	stamps, _ := entity.Timestamps()
	entry := entries[0].TransparencyLogEntry()
	entry.IntegratedTime = 0 // Rekor v2 gives none
	b, err := bundle.NewBundle(&protobundle.Bundle{
		MediaType: mediaType03,
		VerificationMaterial: &protobundle.VerificationMaterial{
			Content:                   &protobundle.VerificationMaterial_Certificate{Certificate: &commonpb.X509Certificate{RawBytes: content.Certificate().Raw}},
			TlogEntries:               []*rekorpb.TransparencyLogEntry{entry},
			TimestampVerificationData: &protobundle.TimestampVerificationData{Rfc3161Timestamps: []*commonpb.RFC3161SignedTimestamp{{SignedTimestamp: stamps[0]}}},
		},
		Content: &protobundle.Bundle_DsseEnvelope{DsseEnvelope: &dssepb.Envelope{
			Payload: []byte(said), PayloadType: payloadInToto, Signatures: []*dssepb.Signature{{Sig: signature.Signature()}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b, material{v, v.RekorLogs()}
}

// during is the material with another window of its log.
func (m material) during(start, end time.Time) material {
	logs := maps.Clone(m.logs)
	for id, log := range logs {
		changed := *log
		changed.ValidityPeriodStart, changed.ValidityPeriodEnd = start, end
		logs[id] = &changed
	}
	m.logs = logs
	return m
}

func TestVirtualInstanceWithEveryWindowOfItsLog(t *testing.T) {
	b, m := made(t)
	r, err := NewRootOf("virtual", m)
	if err != nil {
		t.Fatal(err)
	}
	signer, why := r.VerifyCertificate(b, Artifact([]byte("abc")))
	if why != nil || signer.SubjectAlternativeName != "a@example.com" || signer.Issuer != "https://issuer.example.com" {
		t.Fatalf("%+v, %v", signer, why)
	}
	e, _ := r.admit(b)
	times, why := r.stamped(e)
	if why != nil || len(times) != 1 {
		t.Fatalf("%v, %v", times, why)
	}
	at := times[0]
	for name, c := range map[string]struct {
		start, end time.Time
		want       gatekeep.Reason
	}{
		"ended before the timestamp":  {at.Add(-2 * time.Hour), at.Add(-time.Second), gatekeep.ReasonLogKeyNotValid},
		"starts after it":             {at.Add(time.Second), time.Time{}, gatekeep.ReasonLogKeyNotValid},
		"starts in the far future":    {at.Add(24 * 365 * time.Hour), time.Time{}, gatekeep.ReasonLogKeyNotValid},
		"ends with it, inclusive":     {at.Add(-time.Hour), at, ""},
		"starts with it, inclusive":   {at, at.Add(time.Hour), ""},
		"starts before, without end":  {at.Add(-time.Hour), time.Time{}, ""},
		"starts and ends in a moment": {at, at, ""},
	} {
		changed := m.during(c.start, c.end)
		r, err := NewRootOf("virtual", changed)
		if err != nil {
			t.Fatal(err)
		}
		if _, why := r.VerifyCertificate(b, Artifact([]byte("abc"))); reasonOf(why) != c.want {
			t.Errorf("%s: %v, want %q", name, why, c.want)
		}
		// The library does not look: it takes every one of them.
		v, err := verify.NewVerifier(changed, verify.WithTransparencyLog(1), verify.WithSignedTimestamps(1))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Verify(b, verify.NewPolicy(verify.WithArtifact(strings.NewReader("abc")), verify.WithoutIdentitiesUnsafe())); err != nil {
			t.Errorf("%s: the library refuses it by now: %v", name, err)
		}
	}
	if _, err := NewRootOf("virtual", m.during(time.Time{}, at)); err == nil {
		t.Error("a log without start is taken")
	}
}

func TestEveryTimestampCounts(t *testing.T) {
	b, m := made(t)
	r, _ := NewRootOf("virtual", m)
	good := b.VerificationMaterial.TimestampVerificationData.Rfc3161Timestamps
	for name, c := range map[string]struct {
		stamps []*commonpb.RFC3161SignedTimestamp
		want   gatekeep.Reason
	}{
		"one":                     {good, ""},
		"the same twice":          {append(good[:1:1], good[0]), ""},
		"one of a stranger, too":  {append(good[:1:1], &commonpb.RFC3161SignedTimestamp{SignedTimestamp: []byte{0x30, 0}}), ""},
		"one of a stranger only":  {[]*commonpb.RFC3161SignedTimestamp{{SignedTimestamp: []byte{0x30, 0}}}, gatekeep.ReasonNoTrustedTime},
		"noise":                   {append(good[:1:1], &commonpb.RFC3161SignedTimestamp{SignedTimestamp: []byte("x")}), gatekeep.ReasonEnvelopeMalformed},
		"an empty one":            {[]*commonpb.RFC3161SignedTimestamp{{}}, gatekeep.ReasonNoTrustedTime},
		"none":                    {nil, gatekeep.ReasonNoTrustedTime},
		"more than anybody needs": {make([]*commonpb.RFC3161SignedTimestamp, maxTimestamps+1), gatekeep.ReasonTooLarge},
	} {
		b.VerificationMaterial.TimestampVerificationData.Rfc3161Timestamps = c.stamps
		if _, why := r.VerifyCertificate(b, Content{}); reasonOf(why) != c.want {
			t.Errorf("%s: %v, want %q", name, why, c.want)
		}
	}
}

func TestCheckpointIsChosenByNameAndKeyHint(t *testing.T) {
	c := sample(t, "sigstore/conformance/happy-path-v0.3/bundle.sigstore.json").row
	verified := verifier(t, c)
	v2 := sample(t, "sigstore/conformance/rekor2-happy-path/bundle.sigstore.json").row
	verified2 := verifier(t, v2)
	stranger := "\u2014 witness.example.com " + base64.StdEncoding.EncodeToString([]byte("0123456789012345678901234567890123456789")) + "\n"
	for name, change := range map[string]struct {
		change func(note string) string
		holds  bool
	}{
		"as it is":               {func(n string) string { return n }, true},
		"a witness after it":     {func(n string) string { return n + stranger }, true},
		"a witness before it":    {func(n string) string { return strings.Replace(n, "\n\n", "\n\n"+stranger, 1) }, true},
		"a witness alone":        {func(n string) string { return n[:strings.Index(n, "\n\n")+2] + stranger }, false},
		"no signature":           {func(n string) string { return n[:strings.Index(n, "\n\n")+2] }, false},
		"no blank line":          {func(n string) string { return strings.Replace(n, "\n\n", "\n", 1) }, false},
		"signed by another name": {func(n string) string { return strings.Replace(n, "\u2014 ", "\u2014 x", 1) }, false},
		"origin of another tree": {func(n string) string { return "x" + n }, false},
		"the size with a zero":   {func(n string) string { return strings.Replace(n, "\n", "\n0", 1) }, false},
		"a line after the root":  {func(n string) string { return strings.Replace(n, "\n\n", "\nmore\n\n", 1) }, false},
	} {
		for file, judge := range map[string]func(*protobundle.Bundle) *Failure{c.file: verified, v2.file: verified2} {
			b, _ := ReadBundle(read(t, file))
			point := b.VerificationMaterial.TlogEntries[0].InclusionProof.Checkpoint
			point.Envelope = change.change(point.Envelope)
			if why := judge(b.Bundle); (why == nil) != change.holds {
				t.Errorf("%s, %s: %v", name, file, why)
			}
		}
	}
}

// keys makes one key of every kind, with how it signs a message and a digest.
func TestEveryKindOfKeySigns(t *testing.T) {
	artifact := []byte("abc")
	check := func(name string, key crypto.PublicKey, sig []byte, whole, digest string) {
		t.Helper()
		if !Artifact(artifact).signedBy(key, sig) {
			t.Errorf("%s: refused over the artifact", name)
		}
		if Artifact([]byte("abd")).signedBy(key, sig) {
			t.Errorf("%s: verified over another", name)
		}
		streamed, err := ArtifactFrom(strings.NewReader("abc"))
		if err != nil {
			t.Fatal(err)
		}
		if got := streamed.signedBy(key, sig); got != (whole == "") {
			t.Errorf("%s: %v over what was streamed", name, got)
		}
		if digest == "" {
			return
		}
		sum := map[string][]byte{"sha256": sum256(artifact), "sha384": sum384(artifact), "sha512": sum512(artifact)}[digest]
		what, err := Digest(digest + ":" + hex.EncodeToString(sum))
		if err != nil || !what.signedBy(key, sig) {
			t.Errorf("%s: refused over its %s: %v", name, digest, err)
		}
	}
	for _, c := range []struct {
		curve elliptic.Curve
		hash  crypto.Hash
		name  string
	}{
		{elliptic.P256(), crypto.SHA256, "sha256"}, {elliptic.P384(), crypto.SHA384, "sha384"}, {elliptic.P521(), crypto.SHA512, "sha512"},
		{elliptic.P384(), crypto.SHA256, "sha256"}, {elliptic.P521(), crypto.SHA256, "sha256"},
	} {
		key, err := ecdsa.GenerateKey(c.curve, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		h := c.hash.New()
		h.Write(artifact)
		sig, err := ecdsa.SignASN1(rand.Reader, key, h.Sum(nil))
		if err != nil {
			t.Fatal(err)
		}
		check(c.curve.Params().Name+" with "+c.name, key.Public(), sig, "", c.name)
	}
	for _, bits := range []int{minRSABits} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		for name, sum := range map[string][]byte{"sha256": sum256(artifact), "sha384": sum384(artifact), "sha512": sum512(artifact)} {
			pkcs, err := rsa.SignPKCS1v15(rand.Reader, key, algorithms[name], sum)
			if err != nil {
				t.Fatal(err)
			}
			pss, err := rsa.SignPSS(rand.Reader, key, algorithms[name], sum, nil)
			if err != nil {
				t.Fatal(err)
			}
			check(fmt.Sprintf("RSA %d with %s", bits, name), key.Public(), pkcs, "", name)
			check(fmt.Sprintf("RSA-PSS %d with %s", bits, name), key.Public(), pss, "", name)
		}
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	check("Ed25519", public, ed25519.Sign(private, artifact), "whole", "")
	prehashed, err := private.Sign(rand.Reader, sum512(artifact), crypto.SHA512)
	if err != nil {
		t.Fatal(err)
	}
	check("Ed25519ph", public, prehashed, "", "sha512")
}

func TestEmptyArtifactIsAnArtifact(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sig := ed25519.Sign(private, nil)
	if !Artifact([]byte{}).signedBy(public, sig) || Artifact([]byte("x")).signedBy(public, sig) || (Content{}).signedBy(public, sig) {
		t.Error("a signature over nothing is one over an artifact of no bytes, and no other")
	}
}

func sum256(b []byte) []byte { s := sha256.Sum256(b); return s[:] }
func sum384(b []byte) []byte { s := sha512.Sum384(b); return s[:] }
func sum512(b []byte) []byte { s := sha512.Sum512(b); return s[:] }

func TestWeakKeysAreNoKeys(t *testing.T) {
	small, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GODEBUG", "rsa1024min=0")
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.PublicKey{
		"P-224": small.Public(), "RSA 1024": short.Public(), "short Ed25519": ed25519.PublicKey("x"), "nil": nil, "text": "key",
		"nil ECDSA": (*ecdsa.PublicKey)(nil), "nil RSA": (*rsa.PublicKey)(nil),
	} {
		if why := VerifyEnvelope([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"","signatures":[]}`), key, Content{}); reasonOf(why) != gatekeep.ReasonSignatureInvalid {
			t.Errorf("%s: %v", name, why)
		}
	}
}

func TestDigestHasOneSpelling(t *testing.T) {
	hexes := strings.Repeat("ab", 32)
	if _, err := Digest("sha256:" + hexes); err != nil {
		t.Error(err)
	}
	for _, s := range []string{"", "sha256:", hexes, "sha256:" + hexes[2:], "sha256:" + strings.ToUpper(hexes), "sha1:" + hexes[:40], "sha512:" + hexes, "SHA256:" + hexes, "sha256:" + hexes + " "} {
		if _, err := Digest(s); err == nil {
			t.Errorf("%q is read", s)
		}
	}
	broken := errors.New("broken")
	if _, err := ArtifactFrom(iotest.ErrReader(broken)); !errors.Is(err, broken) {
		t.Errorf("a file that breaks off: %v", err)
	}
}

func TestStatementIsAboutTheArtifact(t *testing.T) {
	abc := Artifact([]byte("abc"))
	s256, s512, other := hex.EncodeToString(sum256([]byte("abc"))), hex.EncodeToString(sum512([]byte("abc"))), strings.Repeat("0", 64)
	statement := func(subject string) string {
		return `{"_type":"https://in-toto.io/Statement/v0.1","subject":` + subject + `}`
	}
	for name, c := range map[string]struct {
		payload string
		want    gatekeep.Reason
	}{
		"by one digest":         {statement(`[{"digest":{"sha256":"` + s256 + `"}}]`), ""},
		"by two":                {statement(`[{"digest":{"sha256":"` + s256 + `","sha512":"` + s512 + `"}}]`), ""},
		"the second subject":    {statement(`[{"digest":{"sha256":"` + other + `"}},{"digest":{"sha256":"` + s256 + `","x":"y"}}]`), ""},
		"one digest is another": {statement(`[{"digest":{"sha256":"` + other + `","sha512":"` + s512 + `"}}]`), gatekeep.ReasonSubjectMismatch},
		"another":               {statement(`[{"digest":{"sha256":"` + other + `"}}]`), gatekeep.ReasonSubjectMismatch},
		"upper case":            {statement(`[{"digest":{"sha256":"` + strings.ToUpper(s256) + `"}}]`), gatekeep.ReasonSubjectMismatch},
		"unknown algorithms":    {statement(`[{"digest":{"gitCommit":"` + other + `"}}]`), gatekeep.ReasonSubjectMismatch},
		"no digest":             {statement(`[{"name":"abc"}]`), gatekeep.ReasonSubjectMismatch},
		"no subject":            {statement(`[]`), gatekeep.ReasonStatementMalformed},
		"subject is text":       {statement(`"abc"`), gatekeep.ReasonStatementMalformed},
		"digest is text":        {statement(`[{"digest":"` + s256 + `"}]`), gatekeep.ReasonStatementMalformed},
		"no type":               {`{"subject":[{"digest":{"sha256":"` + s256 + `"}}]}`, gatekeep.ReasonStatementMalformed},
		"another type":          {`{"_type":"https://in-toto.io/Statement/v9","subject":[{"digest":{"sha256":"` + s256 + `"}}]}`, gatekeep.ReasonStatementMalformed},
		"twice a name":          {`{"_type":"a","_type":"https://in-toto.io/Statement/v1","subject":[]}`, gatekeep.ReasonStatementMalformed},
		"no JSON":               {"abc", gatekeep.ReasonStatementMalformed},
	} {
		if why := abc.among([]byte(c.payload)); reasonOf(why) != c.want {
			t.Errorf("%s: %v, want %q", name, why, c.want)
		}
	}
}

func TestEnvelopeIsVerifiedWithAKey(t *testing.T) {
	rebuild, key := read(t, "dsse/rebuild.dsse.json"), keyFrom(t, "dsse/rebuild.key")
	if why := VerifyEnvelope(rebuild, key, Content{}); why != nil {
		t.Errorf("OSS Rebuild: %v", why)
	}
	if why := VerifyEnvelope(rebuild, key, Artifact(nil)); reasonOf(why) != gatekeep.ReasonSubjectMismatch {
		t.Errorf("another artifact: %v", why)
	}
	if why := VerifyEnvelope(read(t, "slsa/vsa/gke-gce-pre.bcid-vsa.jsonl"), keyFrom(t, "slsa/vsa/vsa_signing_public_key.pem"), Content{}); why != nil {
		t.Errorf("a raw signature: %v", why)
	}
	if why := VerifyEnvelope(read(t, "dsse/sigstore.dsse.json"), keyFrom(t, "dsse/sigstore.dsse.key"), Content{}); why != nil {
		t.Errorf("no statement: %v", why)
	}
	if why := VerifyEnvelope(rebuild, keyFrom(t, "dsse/sigstore.dsse.key"), Content{}); reasonOf(why) != gatekeep.ReasonSignatureInvalid {
		t.Errorf("another key: %v", why)
	}
	// Two signatures, of which the second is by the key.
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := ecdsa.SignASN1(rand.Reader, private, sum256(append([]byte(fmt.Sprintf("DSSEv1 %d %s %d ", len(payloadInToto), payloadInToto, len(said))), said...)))
	if err != nil {
		t.Fatal(err)
	}
	if !dsse.PAE(payloadInToto, []byte(said)).SignedBy(private.Public(), sig) {
		t.Fatal("the test signs something else")
	}
	text := func(payloadType, payload string, signatures ...string) string {
		envelope := map[string]any{"payloadType": payloadType, "payload": payload}
		list := []any{}
		for _, s := range signatures {
			list = append(list, map[string]string{"sig": s, "keyid": "none"})
		}
		envelope["signatures"] = list
		data, err := json.Marshal(envelope)
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	body, std, url := base64.StdEncoding.EncodeToString([]byte(said)), base64.StdEncoding.EncodeToString(sig), base64.RawURLEncoding.EncodeToString(sig)
	for name, c := range map[string]struct {
		data string
		want gatekeep.Reason
	}{
		"one":                 {text(payloadInToto, body, std), ""},
		"URL-safe":            {text(payloadInToto, body, url), ""},
		"the second of two":   {text(payloadInToto, body, "AAAA", std), ""},
		"none":                {text(payloadInToto, body), gatekeep.ReasonSignatureInvalid},
		"as another type":     {text(statementV1, body, std), gatekeep.ReasonSignatureInvalid},
		"of an unknown type":  {text("text/plain", body, std), gatekeep.ReasonEnvelopeMalformed},
		"line break":          {text(payloadInToto, body[:8]+"\n"+body[8:], std), gatekeep.ReasonEnvelopeMalformed},
		"no base64":           {text(payloadInToto, body, "!"), gatekeep.ReasonEnvelopeMalformed},
		"payload no base64":   {text(payloadInToto, "!", std), gatekeep.ReasonEnvelopeMalformed},
		"too many signatures": {text(payloadInToto, body, make([]string, maxSignatures+1)...), gatekeep.ReasonTooLarge},
		"no signatures":       {`{"payloadType":"` + payloadInToto + `","payload":""}`, gatekeep.ReasonEnvelopeMalformed},
		"signature of no sig": {`{"payloadType":"` + payloadInToto + `","payload":"","signatures":[{}]}`, gatekeep.ReasonEnvelopeMalformed},
		"no payload":          {`{"payloadType":"` + payloadInToto + `","signatures":[]}`, gatekeep.ReasonEnvelopeMalformed},
		"no JSON":             {"x", gatekeep.ReasonEnvelopeMalformed},
	} {
		if why := VerifyEnvelope([]byte(c.data), private.Public(), Artifact([]byte("abc"))); reasonOf(why) != c.want {
			t.Errorf("%s: %v, want %q", name, why, c.want)
		}
	}
}
