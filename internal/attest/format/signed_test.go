package format

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
)

const inToto = "application/vnd.in-toto+json"

// aStatementOf has a predicate of a type, about nothing.
func aStatementOf(uri, predicate string) string {
	return `{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"` + uri + `","predicate":` + predicate + `}`
}

func TestWhatIsSignedIsRefusedWithTheReasonOfTheLayerThatBreaks(t *testing.T) {
	bundle := func(content string) string {
		return `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"k"}},` + content + `}`
	}
	for name, c := range map[string]struct {
		doc    string
		reason gatekeep.Reason
		text   string
	}{
		"a payload that is no text":       {`{"payloadType":"` + inToto + `","payload":1,"signatures":[]}`, gatekeep.ReasonEnvelopeMalformed, "reading as DSSE envelope"},
		"a payload that is no base64":     {`{"payloadType":"` + inToto + `","payload":"*","signatures":[]}`, gatekeep.ReasonEnvelopeMalformed, "payload: is not base64"},
		"a payload of another type":       {envelope("text/plain", aStatement), gatekeep.ReasonEnvelopeMalformed, `payload type "text/plain" is no in-toto statement`},
		"a payload that is no JSON":       {envelope(inToto, "soup"), gatekeep.ReasonStatementMalformed, "payload: invalid JSON"},
		"a payload with a name twice":     {envelope(inToto, strings.Replace(aStatement, "{", `{"_type":"x",`, 1)), gatekeep.ReasonStatementMalformed, "duplicate key"},
		"a payload that is a list":        {envelope(inToto, "[]"), gatekeep.ReasonStatementMalformed, "reading as DSSE envelope"},
		"a statement of another version":  {strings.Replace(aStatement, "Statement/v1", "Statement/v2", 1), gatekeep.ReasonStatementMalformed, `Statement/v2" is no version`},
		"a statement without type":        {aStatementOf("", "{}"), gatekeep.ReasonStatementMalformed, `predicateType "" is no type URI`},
		"a statement of a media type":     {aStatementOf("text/json", "{}"), gatekeep.ReasonStatementMalformed, `predicateType "text/json" is no type URI`},
		"subjects that are no list":       {strings.Replace(aStatementOf("https://a.example", "{}"), "[]", "1", 1), gatekeep.ReasonStatementMalformed, "reading as in-toto statement"},
		"a digest that is no text":        {strings.Replace(aStatementOf("https://a.example", "{}"), "[]", `[{"digest":{"sha256":1}}]`, 1), gatekeep.ReasonStatementMalformed, "reading as in-toto statement"},
		"a predicate over its bound":      {aStatementOf("https://in-toto.io/attestation/svr/v0.2", `{"verifier":{"id":"v"},"timeCreated":"2026-01-01T00:00:00Z","properties":["A"`+strings.Repeat(`,"A"`, 10_000)+`]}`), gatekeep.ReasonTooLarge, "10000"},
		"a metablock of another type":     {`{"signed":{"_type":"soup"},"signatures":[]}`, gatekeep.ReasonEnvelopeMalformed, `"soup" is neither layout nor link`},
		"a metablock of no type":          {`{"signed":[],"signatures":[]}`, gatekeep.ReasonEnvelopeMalformed, "reading as in-toto layout or link"},
		"a bundle of a later version":     {`{"mediaType":"application/vnd.dev.sigstore.bundle.v9+json"}`, gatekeep.ReasonEnvelopeMalformed, "reading as Sigstore bundle"},
		"a bundle around nothing":         {bundle(`"dsseEnvelope":{}`), gatekeep.ReasonEnvelopeMalformed, "reading as Sigstore bundle"},
		"a bundle around another payload": {bundle(`"dsseEnvelope":` + one(t, "text/plain", "hello")), gatekeep.ReasonEnvelopeMalformed, `payload type "text/plain"`},
		"a bundle around soup":            {bundle(`"dsseEnvelope":` + one(t, inToto, "soup")), gatekeep.ReasonStatementMalformed, "payload: invalid JSON"},
		"a trusted root of nothing":       {`{"mediaType":"application/vnd.dev.sigstore.trustedroot+json;version=0.1","tlogs":[{}]}`, gatekeep.ReasonPredicateMalformed, "reading as Sigstore trusted root"},
		"npm's answer with a broken part": {`{"attestations":[{"predicateType":"x","bundle":{"mediaType":"x"}}]}`, gatekeep.ReasonEnvelopeMalformed, "attestations[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read([]byte(c.doc))
			wantRefused(t, got, err, c.reason, c.text)
		})
	}
	got, err := As("npm-attestations", []byte(`{"attestations":[]}`))
	wantRefused(t, got, err, gatekeep.ReasonEnvelopeMalformed, "it has no attestations")
}

// A statement stands whatever its predicate says: who signed it is told, and that it is
// not what its type says.
func TestAPredicateThatBreaksItsTypeIsToldOf(t *testing.T) {
	for name, c := range map[string]struct{ doc, kind, text string }{
		"of another type": {aStatementOf("https://spdx.dev/Document", cyclonedx), "sbom", "the document is cyclonedx"},
		"missing":         {strings.Replace(aStatementOf("https://cyclonedx.org/bom", "{}"), `,"predicate":{}`, "", 1), "sbom", "want an object"},
		"in an envelope":  {envelope(inToto, aStatementOf("https://openvex.dev/ns/v0.2.0", `{"statements":[]}`)), "vex", "reading"},
		"with two readings": {aStatementOf("https://in-toto.io/attestation/svr/v0.2", `{"verifier":{"id":"v"},"Verifier":{"id":"w"},"timeCreated":"2026-01-01T00:00:00Z","properties":["A"]}`),
			"verification-result", "in different case"},
	} {
		got, err := Read([]byte(c.doc))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		said := got.Broken
		if said == "" || !strings.Contains(said, c.text) || got.Kind != c.kind || got.Signed == nil {
			t.Errorf("%s: got %+v", name, *got)
		}
		for count := range got.Counts {
			if count != "subjects" && count != "signatures" {
				t.Errorf("%s: what could not be read is counted: %v", name, got.Counts)
			}
		}
	}
}

// one is an envelope with the one signature that a bundle may have.
func one(t testing.TB, payloadType, payload string) string {
	t.Helper()
	out, err := json.Marshal(map[string]any{"payloadType": payloadType, "payload": []byte(payload), "signatures": []any{map[string]string{"sig": "AA=="}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// DSSE leaves the alphabet of base64 open, and its padding to the reader.
func TestPayloadsInEveryAlphabetAreRead(t *testing.T) {
	payload := []byte(aStatementOf("https://acme.example/ÿþ?>", `"??>>"`))
	for name, encoding := range map[string]*base64.Encoding{"standard": base64.StdEncoding, "URL": base64.URLEncoding,
		"standard, not padded": base64.RawStdEncoding, "URL, not padded": base64.RawURLEncoding} {
		got, err := Read([]byte(`{"payloadType":"` + inToto + `","payload":"` + encoding.EncodeToString(payload) + `","signatures":[]}`))
		if err != nil || got.Signed.PredicateType != "https://acme.example/ÿþ?>" || got.Signed.Signers != nil || got.Counts["signatures"] != 0 {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
	for _, text := range []string{"AA=A", "A", "AAA=AAA=", "A A="} {
		if got, err := decode64(text); err == nil {
			t.Errorf("%q is read as %q", text, got)
		}
	}
}

// A type is named by a URI, with a scheme or without one; nothing else is a type.
func TestTypeURIs(t *testing.T) {
	for text, want := range map[string]bool{
		"https://slsa.dev/provenance/v1":          true,
		"https://cyclonedx.org/bom":               true,
		"http://acme.example":                     true,
		"urn:acme:lunch":                          true,
		"cosign.sigstore.dev/attestation/vuln/v1": true, // of cosign 1, without a scheme
		"acme.example":                            true,
		"":                                        false,
		"text/json":                               false,
		"lunch":                                   false,
		"/lunch/v1.0":                             false,
		"lunch/acme.example":                      false,
		"https://acme.example/%zz":                false,
		"https://acme.example/\x00":               false,
		"://acme.example":                         false,
	} {
		if got := isTypeURI(text); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

// What is shown of subjects is what stands there: in any algorithm, sorted, each once.
func TestSubjectsAreShownAsTheyStand(t *testing.T) {
	subject := `[{"name":"a","digest":{"sha512":"BB","sha256":"` + digestA + `"}},{"uri":"pkg:npm/a@1","digest":{"sha256":"` + digestA + `"}},
		{"name":"no digest"},{"name":"b","digest":{"dirHash1":"x","":""}}]`
	got, err := Read([]byte(strings.Replace(aStatementOf("https://acme.example/lunch", "null"), "[]", subject, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{":", "dirHash1:x", "sha256:" + digestA, "sha512:BB"}, got.Signed.Subjects); diff != "" || got.Counts["subjects"] != 4 {
		t.Errorf("%d subjects: %s", got.Counts["subjects"], diff)
	}
}

func TestSignersAreShownAsTheyClaim(t *testing.T) {
	for want, s := range map[string]Signer{
		"alice@acme.example of https://id.acme.example": {Identity: "alice@acme.example", Issuer: "https://id.acme.example", Certificate: true},
		"a certificate without identity":                {Certificate: true},
		"key k1":                                        {Key: "k1"},
		"a key without hint":                            {},
	} {
		if got := s.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for name, want := range map[string]Signer{
		"sigstore/js/bundleV01-dsse-no-proof.sigstore": {Identity: "brian@dehamer.com", Issuer: "https://github.com/login/oauth", Certificate: true},
		"sigstore/java/github-private-no-tlog/attestation.sigstore.json": {Issuer: "https://token.actions.githubusercontent.com", Certificate: true,
			Identity: "https://github.com/neverendingsupport/slsa-attestations/.github/workflows/attest.yml@9f6d9dc1bfc02986955721eb15f89ad618f1cedb"},
		"sigstore/conformance/managed-key-no-key_fail/bundle.sigstore.json": {Key: "TLMsSDfG3ajPsWge+z/vX5T/zluXnmvbkTkwLIV68Tk="},
	} {
		got, err := Read(file(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff([]Signer{want}, got.Signed.Signers); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTheVersionOfABundleIsThatOfItsMediaType(t *testing.T) {
	for mediaType, want := range map[string]string{
		"application/vnd.dev.sigstore.bundle+json;version=0.1": "0.1",
		"application/vnd.dev.sigstore.bundle+json;version=0.2": "0.2",
		"application/vnd.dev.sigstore.bundle.v0.3+json":        "0.3",
		"application/vnd.dev.sigstore.bundle":                  "",
	} {
		if got := version(mediaType); got != want {
			t.Errorf("%s: got %q, want %q", mediaType, got, want)
		}
	}
}

// The attestations that npm hands out together are documents of their own.
func TestPartsAreTheBundlesWithin(t *testing.T) {
	data := file(t, "slsa/npm/provenance-npm-test-cli-v1-prega.tgz.json")
	whole, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, part := range whole.Parts(data) {
		got, err := Read(part)
		if err != nil || got.Format != "sigstore-bundle" || !cmp.Equal(got.Signed.Subjects, whole.Signed.Subjects) {
			t.Fatalf("got %+v, %v", got, err)
		}
		kinds = append(kinds, got.Kind)
	}
	if !slices.Equal(kinds, []string{"publication", "provenance"}) {
		t.Errorf("got %v", kinds)
	}
	for _, c := range examples(t) {
		if got, err := Read([]byte(c.doc)); err != nil || c.want.Format != "npm-attestations" && got.Parts([]byte(c.doc)) != nil {
			t.Errorf("%s has parts, or %v", c.name, err)
		}
	}
}

// A predicate in a statement is counted as the document would be that it holds.
func TestWhatAStatementHoldsIsCounted(t *testing.T) {
	for name, c := range map[string]struct {
		uri, predicate, kind string
		counts               map[string]int
	}{
		"vulnerabilities": {"https://in-toto.io/attestation/vulns/v0.2", vulns, "vulns", map[string]int{"subjects": 0, "vulnerabilities": 1, "critical": 1}},
		"flaws": {"https://gatekeep.dev/sast/v1", `{"tool":{"name":"t","version":"1","ruleset":"r","rulesetVersion":"2"},"sourceCommit":"` + commit + `","scope":"full","languages":["go"],
			"filesAnalyzed":3,"executionSuccessful":true,"sarif":` + sarif + `,"finishedAt":"2026-11-23T08:00:00Z"}`, "sast", map[string]int{"subjects": 0, "findings": 1, "high": 1}},
		"VEX": {"https://openvex.dev/ns/v0.2.0", openvex, "vex", map[string]int{"subjects": 0, "statements: not_affected": 1, "statements: fixed": 1}},
		"resources": {"https://gatekeep.dev/residency/v1", `{"service":"s","resources":[{"address":"db","provider":"aws","region":"eu-central-1"}]}`,
			"residency", map[string]int{"subjects": 0, "resources": 1}},
		"nothing to count": {"https://docs.pypi.org/attestations/publish/v1", "null", "publication", map[string]int{"subjects": 0}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Read([]byte(aStatementOf(c.uri, c.predicate)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.counts, got.Counts); diff != "" || got.Kind != c.kind || got.Signed.PredicateType != c.uri {
				t.Errorf("got %s of %s: %s", got.Kind, got.Signed.PredicateType, diff)
			}
		})
	}
	if r := new(Reading); r.Counts != nil {
		t.Error("a reading begins with counts")
	} else if r.content(nil); r.Counts != nil {
		t.Errorf("no content is counted: %v", r.Counts)
	}
}

// The schema is that of the document within, in whichever form it is attested.
func TestAnSBOMInAStatementHasTheSchemaOfItsOwnForm(t *testing.T) {
	const spdx3 = `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"CreationInfo","@id":"_:c","specVersion":"3.0.1"}]}`
	const left = `<bom xmlns="http://cyclonedx.org/schema/bom/1.5" version="1"><components/></bom>`
	for name, c := range map[string]struct{ uri, document, schema, version string }{
		"JSON":      {"https://cyclonedx.org/bom", cyclonedx, "cyclonedx-json", "1.6"},
		"XML":       {"https://cyclonedx.org/bom", left, "cyclonedx-xml", "1.5"},
		"SPDX 3":    {"https://spdx.dev/Document/v3", spdx3, "spdx3-json", "3.0.1"},
		"OpenVEX":   {"https://openvex.dev/ns/v0.2.0", openvex, "openvex", "0.2.0"},
		"CSAF":      {"https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json", csaf, "csaf", "2.0"},
		"tag-value": {"https://spdx.dev/Document", "SPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\n", "", ""}, // has no schema
	} {
		predicate := []byte(c.document)
		if c.document[0] != '{' {
			var err error
			if predicate, err = json.Marshal(c.document); err != nil {
				t.Fatal(err)
			}
		}
		data := []byte(aStatementOf(c.uri, string(predicate)))
		got, err := Read(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		schema, version, document := got.Schema(data)
		if schema != c.schema || version != c.version || string(document) != c.document {
			t.Errorf("%s: got %q %q of %.60s", name, schema, version, document)
		}
	}
}
