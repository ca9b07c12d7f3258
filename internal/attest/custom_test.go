package attest

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/sigstore/sigstore-go/pkg/testing/ca"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/statement"
)

const licences = "https://acme.example/attestation/licences/v1"

// customFiles trusts one key for one type that nobody reads, and another for none.
func customFiles(k, b testKey) map[string]string {
	return map[string]string{"k.pub": k.pem, "b.pub": b.pem, "trust.yaml": `
version: 1
signers:
  legal: {key: k.pub}
  builder: {key: b.pub}
statements:
  - {types: ["` + licences + `"], signers: [legal]}
  - {types: [provenance], signers: [builder]}
`}
}

func TestTypeThatNobodyReadsIsBelievedOfWhomItIsTrusted(t *testing.T) {
	k, b, stranger := newKey(t, "P-256"), newKey(t, "Ed25519"), newKey(t, "P-256")
	trusted := trustIn(t, customFiles(k, b))
	const commit = "0123456789abcdef0123456789abcdef01234567"
	about := About{Digests: []string{app}, Commit: commit, Environment: "prod"}
	of := func(uri, predicate string, subjects ...string) []byte {
		return statementOf(uri, predicate, subjects...)
	}
	deep := strings.Repeat(`{"a":`, customDepth) + "1" + strings.Repeat("}", customDepth)
	for _, c := range []struct {
		name   string
		data   []byte
		reason gatekeep.Reason
		vector string
	}{
		{"trusted", k.signed(t, of(licences, `{"verdict":"ok"}`, app)), "", "custom"},
		{"about the commit", k.signed(t, of(licences, `{"verdict":"ok"}`, "sha1:"+commit)), "", ""},
		{"about something else", k.signed(t, of(licences, `{}`, other)), gatekeep.ReasonSubjectMismatch, "custom-other-subject_fail"},
		{"known signer, not for this type", b.signed(t, of(licences, `{}`, app)), gatekeep.ReasonPredicateUnknown, "custom-other-signer_fail"},
		{"stranger", stranger.signed(t, of(licences, `{}`, app)), gatekeep.ReasonSignatureInvalid, ""},
		{"unsigned", of(licences, `{}`, app), gatekeep.ReasonPredicateUnknown, "custom-unsigned_fail"},
		{"longer type", k.signed(t, of(licences+".1", `{}`, app)), gatekeep.ReasonPredicateUnknown, "custom-type-prefix_fail"},
		{"shorter type", k.signed(t, of(strings.TrimSuffix(licences, "/v1"), `{}`, app)), gatekeep.ReasonPredicateUnknown, ""},
		{"type in other case", k.signed(t, of(strings.ToUpper(licences), `{}`, app)), gatekeep.ReasonPredicateUnknown, ""},
		{"no object", k.signed(t, of(licences, `[1]`, app)), gatekeep.ReasonPredicateMalformed, ""},
		{"null", k.signed(t, of(licences, `null`, app)), "", ""},
		{"large", k.signed(t, of(licences, `{"a":"`+strings.Repeat("x", customBytes)+`"}`, app)), gatekeep.ReasonTooLarge, ""},
		{"deep", k.signed(t, of(licences, deep, app)), "", ""},
		{"deeper", k.signed(t, of(licences, `{"a":`+deep+`}`, app)), gatekeep.ReasonPredicateMalformed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := wantReason(t, c.data, trusted, about, noon, c.reason)
			if s != nil && (s.Kind != "custom" || s.PredicateType != licences || s.Claims["predicate"] == nil || s.Verification.Signer != "legal") {
				t.Errorf("got %+v", s)
			}
			keepVector(t, c.vector, customFiles(k, b), c.data, []string{app}, c.reason)
		})
	}
	s, _ := wantReason(t, k.signed(t, of(licences, `{"verdict":{"ok":true,"n":3}}`, app)), trusted, about, noon, "")
	if diff := cmp.Diff(map[string]any{"predicate": map[string]any{"verdict": map[string]any{"ok": true, "n": float64(3)}}}, s.Claims); diff != "" {
		t.Error(diff)
	}
}

// simpleSigning is what cosign signs of an image.
func simpleSigning(typ, manifest string) []byte {
	return []byte(`{"critical":{"identity":{"docker-reference":"registry.example/app"},"image":{"docker-manifest-digest":"` + manifest + `"},"type":"` + typ + `"},"optional":null}`)
}

const imageSigned = "cosign container image signature"

// imageWith is the wrapper of an image signature by a key.
func imageWith(payload, sig []byte, digestOf []byte) []byte {
	b64 := base64.StdEncoding.EncodeToString
	signed := map[string]any{"signature": b64(sig)}
	if digestOf != nil {
		signed["messageDigest"] = map[string]any{"algorithm": "SHA2_256", "digest": b64(digestOf)}
	}
	data, err := json.Marshal(map[string]any{"mediaType": "application/vnd.gatekeep.simplesigning.v1+json", "payload": b64(payload), "bundle": map[string]any{
		"mediaType": bundleV03, "verificationMaterial": map[string]any{"publicKey": map[string]any{}}, "messageSignature": signed,
	}})
	if err != nil {
		panic(err)
	}
	return data
}

func imageFiles(k testKey) map[string]string {
	return map[string]string{"k.pub": k.pem, "trust.yaml": `
version: 1
signers: {release: {key: k.pub}}
statements: [{types: ["` + statement.ImageSigned + `"], signers: [release]}]
`}
}

func TestSignatureOfAnImageIsAStatement(t *testing.T) {
	k := newKey(t, "P-256")
	good := simpleSigning(imageSigned, app)
	sum, wrong := sha256Of(good), sha256Of([]byte("else"))
	sig := k.signBytes(t, good)
	asStatement := k.sign(t, payloadInToto, good) // over the PAE, as if it were an envelope
	for _, c := range []struct {
		name   string
		data   []byte
		reason gatekeep.Reason
		vector string
	}{
		{"good", imageWith(good, sig, sum), "", "image-signature"},
		{"without digest", imageWith(good, sig, nil), "", ""},
		{"digest of something else", imageWith(good, sig, wrong), gatekeep.ReasonSignatureInvalid, ""},
		{"payload changed", imageWith(simpleSigning(imageSigned, other), sig, nil), gatekeep.ReasonSignatureInvalid, "image-signature-changed_fail"},
		{"another image", imageWith(simpleSigning(imageSigned, other), k.signBytes(t, simpleSigning(imageSigned, other)), nil), gatekeep.ReasonSubjectMismatch, "image-signature-other-image_fail"},
		{"another type of document", imageWith(simpleSigning("atomic host", app), k.signBytes(t, simpleSigning("atomic host", app)), nil), gatekeep.ReasonStatementMalformed, "image-signature-other-type_fail"},
		{"no digest of the image", imageWith(simpleSigning(imageSigned, "latest"), k.signBytes(t, simpleSigning(imageSigned, "latest")), nil), gatekeep.ReasonStatementMalformed, ""},
		{"two digests of the image", imageWith(twoDigests, k.signBytes(t, twoDigests), nil), gatekeep.ReasonStatementMalformed, "image-signature-two-digests_fail"},
		{"signed as a statement", imageWith(good, asStatement, nil), gatekeep.ReasonSignatureInvalid, ""},
		{"a statement in its place", imageWith(provenanceOf(app), k.signBytes(t, provenanceOf(app)), nil), gatekeep.ReasonStatementMalformed, "image-signature-statement_fail"},
		{"bundle of an envelope", []byte(`{"mediaType":"application/vnd.gatekeep.simplesigning.v1+json","payload":"e30=","bundle":` + bundleOfKey(payloadInToto) + `}`), gatekeep.ReasonEnvelopeMalformed, ""},
		{"no bundle", []byte(`{"mediaType":"application/vnd.gatekeep.simplesigning.v1+json","payload":"e30="}`), gatekeep.ReasonEnvelopeMalformed, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := wantReason(t, c.data, trustIn(t, imageFiles(k)), aboutApp(), noon, c.reason)
			if typ, known := predicate.Lookup(statement.ImageSigned); s != nil && (s.PredicateType != statement.ImageSigned || known && s.Kind != typ.Kind) {
				t.Errorf("got %+v", s)
			}
			keepVector(t, c.vector, imageFiles(k), c.data, []string{app}, c.reason)
		})
	}
	wantReason(t, imageWith(good, sig, sum), builderTrust(t, k), aboutApp(), noon, reasonOfUntrusted())
}

// twoDigests says one image to a reader that takes the first of two names, and another
// to one that takes the last.
var twoDigests = []byte(`{"critical":{"image":{"docker-manifest-digest":"` + app + `","docker-manifest-digest":"` + other + `"},"type":"` + imageSigned + `"}}`)

// reasonOfUntrusted is that of a signer without right: while nobody reads the type, it
// is unknown.
func reasonOfUntrusted() gatekeep.Reason {
	if _, known := predicate.Lookup(statement.ImageSigned); known {
		return gatekeep.ReasonSignerNotTrusted
	}
	return gatekeep.ReasonPredicateUnknown
}

func bundleOfKey(payloadType string) string {
	return `{"mediaType":"` + bundleV03 + `","verificationMaterial":{"publicKey":{}},"dsseEnvelope":{"payload":"e30=","payloadType":"` + payloadType + `","signatures":[{"sig":"AAAA"}]}}`
}

func TestSignatureOfAnImageByCertificate(t *testing.T) {
	v := newSigstore(t)
	files := map[string]string{"root.json": rootJSON(t, v, rootParts{logs: true}), "trust.yaml": `
version: 1
roots: {here: root.json}
signers: {ci: {issuer: "` + githubIssuer + `", subject: "` + ciSubject + `", root: here}}
statements: [{types: ["` + statement.ImageSigned + `"], signers: [ci]}]
`}
	trusted := trustIn(t, files)
	payload := simpleSigning(imageSigned, app)
	e, err := v.Sign(ciSubject, githubIssuer, payload)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := wantReason(t, imageOf(t, v, e, payload), trusted, aboutApp(), noon, "")
	if s.Verification.Signer != "ci" || s.Verification.SAN != ciSubject {
		t.Errorf("got %+v", s.Verification)
	}
	changed := simpleSigning(imageSigned, other)
	_, r := judgeOne(t, imageOf(t, v, e, changed), trusted, About{Digests: []string{other}}, noon)
	if r == nil {
		t.Fatal("a payload that nobody signed is believed")
	}
}

// imageOf wraps what a virtual instance signed, with a digest that fits the payload.
func imageOf(t testing.TB, v *ca.VirtualSigstore, e *ca.TestEntity, payload []byte) []byte {
	t.Helper()
	content, err := e.VerificationContent()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := e.SignatureContent()
	if err != nil {
		t.Fatal(err)
	}
	entries, err := e.TlogEntries()
	if err != nil {
		t.Fatal(err)
	}
	entry := withPromise(t, v, entries[0].TransparencyLogEntry())
	entry.KindVersion.Kind = "hashedrekord"
	return messageBundle(t, content.Certificate().Raw, entry, signed.Signature(), payload)
}
