package attest

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
)

// three signers, of whom two must sign in production.
func thresholdTrust(t testing.TB, a, b, c testKey) *Trust {
	t.Helper()
	return trustIn(t, thresholdFiles(a, b, c))
}

func thresholdFiles(a, b, c testKey) map[string]string {
	return map[string]string{"a.pub": a.pem, "b.pub": b.pem, "c.pub": c.pem, "trust.yaml": `
version: 1
signers:
  a: {key: a.pub}
  b: {key: b.pub}
  c: {key: c.pub}
statements:
  - {types: [provenance], signers: [a, b, c], threshold: 2, environments: ["prod*"]}
  - {types: [provenance], signers: [a], environments: [dev]}
`}
}

func TestAsManySignersAsTheRuleAsksFor(t *testing.T) {
	a, b, c, stranger := newKey(t, "P-256"), newKey(t, "Ed25519"), newKey(t, "P-384"), newKey(t, "P-256")
	payload := provenanceOf(app)
	by := func(keys ...testKey) []byte {
		var all []signature
		for _, k := range keys {
			all = append(all, signature{Sig: k.sign(t, payloadInToto, payload)})
		}
		return envelopeOf(payload, all...)
	}
	broken := envelopeOf(payload, signature{Sig: a.sign(t, payloadInToto, payload)}, signature{Sig: b.sign(t, payloadInToto, provenanceOf(other))})
	trusted, third := thresholdTrust(t, a, b, c), c
	for _, c := range []struct {
		name        string
		data        []byte
		environment string
		reason      gatekeep.Reason
		signers     []string
		vector      string
	}{
		{"two", by(b, a), "prod-eu", "", []string{"a", "b"}, "threshold"},
		{"all", by(c, b, a), "prod-eu", "", []string{"a", "b", "c"}, ""},
		{"one", by(b), "prod-eu", gatekeep.ReasonThresholdNotMet, nil, "threshold-one-signer_fail"},
		{"one twice", by(a, a), "prod-eu", gatekeep.ReasonThresholdNotMet, nil, "threshold-one-signer-twice_fail"},
		{"one and a stranger", by(a, stranger), "prod-eu", gatekeep.ReasonThresholdNotMet, nil, "threshold-stranger_fail"},
		{"one and a signature of something else", broken, "prod-eu", gatekeep.ReasonThresholdNotMet, nil, "threshold-other-payload_fail"},
		{"one, where one is enough", by(a), "dev", "", nil, ""},
		{"another one, where one is enough", by(b), "dev", gatekeep.ReasonSignerNotTrusted, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, r := wantReason(t, c.data, trusted, About{Digests: []string{app}, Environment: c.environment}, noon, c.reason)
			if s != nil && (!slices.Equal(s.Verification.Signers, c.signers) || s.Verification.Signer != "a") {
				t.Errorf("got %+v", s.Verification)
			}
			if r != nil && c.reason == gatekeep.ReasonThresholdNotMet && (!strings.Contains(r.Detail, "1 more must sign") || r.Signer == "") {
				t.Errorf("got %+v", r)
			}
			keepVector(t, c.vector, thresholdFiles(a, b, third), c.data, []string{app}, c.reason)
		})
	}
}

// cosign makes one envelope for each signer: those over the same bytes count together,
// each for itself, in whatever order they are found.
func TestEnvelopesOverTheSameBytesCountTogether(t *testing.T) {
	a, b, c, d := newKey(t, "P-256"), newKey(t, "Ed25519"), newKey(t, "P-384"), newKey(t, "P-256")
	trusted := thresholdTrust(t, a, b, c)
	payload := provenanceOf(app)
	spaced := append([]byte(" "), payload...) // says the same in other bytes
	otherType := func(k testKey) []byte {
		e := envelopeOf(payload, signature{Sig: k.sign(t, payloadStatement, payload)})
		return bytes.Replace(e, []byte(payloadInToto), []byte(payloadStatement), 1)
	}
	late := trustIn(t, func() map[string]string {
		files := thresholdFiles(a, b, c)
		files["trust.yaml"] = strings.Replace(files["trust.yaml"], "{key: b.pub}", "{key: b.pub, notAfter: 2026-01-01T00:00:00Z}", 1)
		return files
	}())
	for name, x := range map[string]struct {
		trust    *Trust
		docs     [][]byte
		believed int
		reasons  []gatekeep.Reason
	}{
		"two":                     {trusted, [][]byte{a.signed(t, payload), b.signed(t, payload)}, 2, nil},
		"three":                   {trusted, [][]byte{a.signed(t, payload), b.signed(t, payload), c.signed(t, payload)}, 3, nil},
		"one":                     {trusted, [][]byte{a.signed(t, payload)}, 0, []gatekeep.Reason{gatekeep.ReasonThresholdNotMet}},
		"one in two envelopes":    {trusted, [][]byte{a.signed(t, payload), envelopeOf(payload, signature{KeyID: "x", Sig: a.sign(t, payloadInToto, payload)})}, 0, []gatekeep.Reason{gatekeep.ReasonThresholdNotMet, gatekeep.ReasonThresholdNotMet}},
		"other bytes":             {trusted, [][]byte{a.signed(t, payload), b.signed(t, spaced)}, 0, []gatekeep.Reason{gatekeep.ReasonThresholdNotMet, gatekeep.ReasonThresholdNotMet}},
		"other type of payload":   {trusted, [][]byte{a.signed(t, payload), otherType(b)}, 0, []gatekeep.Reason{gatekeep.ReasonThresholdNotMet, gatekeep.ReasonThresholdNotMet}},
		"a stranger beside two":   {trusted, [][]byte{a.signed(t, payload), b.signed(t, payload), d.signed(t, payload)}, 2, []gatekeep.Reason{gatekeep.ReasonSignatureInvalid}},
		"bare statement beside":   {trusted, [][]byte{a.signed(t, payload), payload}, 0, []gatekeep.Reason{gatekeep.ReasonThresholdNotMet, gatekeep.ReasonUnsigned}},
		"key of one has run out":  {late, [][]byte{a.signed(t, payload), b.signed(t, payload)}, 0, []gatekeep.Reason{gatekeep.ReasonExpired, gatekeep.ReasonThresholdNotMet}},
		"two, one broken further": {trusted, [][]byte{a.signed(t, payload), b.signed(t, payload), []byte("{}")}, 2, []gatekeep.Reason{gatekeep.ReasonEnvelopeMalformed}},
	} {
		t.Run(name, func(t *testing.T) {
			var envelopes []Envelope
			for _, data := range x.docs {
				envelopes = append(envelopes, Envelope{Source: "test", Bytes: data})
			}
			var first []byte
			for range 2 {
				ev, err := Verify(envelopes, x.trust, aboutApp(), noon)
				if err != nil {
					t.Fatal(err)
				}
				var reasons []gatekeep.Reason
				for _, r := range ev.Rejected {
					reasons = append(reasons, r.Reason)
				}
				slices.Sort(reasons)
				if len(ev.Statements) != x.believed || !slices.Equal(reasons, x.reasons) {
					t.Fatalf("%d believed, rejected %v", len(ev.Statements), ev.Rejected)
				}
				seen := encode([]any{ev.Statements, ev.Rejected})
				if first != nil && !bytes.Equal(first, seen) {
					t.Fatalf("the order counts:\n%s\n%s", first, seen)
				}
				first = seen
				slices.Reverse(envelopes)
			}
		})
	}
}

func TestKeysOfOnePrincipalCountOnce(t *testing.T) {
	a, b, c := newKey(t, "P-256"), newKey(t, "Ed25519"), newKey(t, "P-384")
	files := thresholdFiles(a, b, c)
	files["trust.yaml"] = strings.NewReplacer("{key: a.pub}", "{key: a.pub, principal: bob}", "{key: b.pub}", "{key: b.pub, principal: bob}").Replace(files["trust.yaml"])
	trusted := trustIn(t, files)
	payload := provenanceOf(app)
	by := func(x, y testKey) []byte {
		return envelopeOf(payload, signature{Sig: x.sign(t, payloadInToto, payload)}, signature{Sig: y.sign(t, payloadInToto, payload)})
	}
	wantReason(t, by(a, b), trusted, aboutApp(), noon, gatekeep.ReasonThresholdNotMet)
	wantReason(t, by(a, c), trusted, aboutApp(), noon, "")
}

func TestCertificateAndKeyTogetherReachAThreshold(t *testing.T) {
	h, k := newHouse(t), newKey(t, "P-256")
	leaf := h.builder(t, asItIs)
	trusted := trustIn(t, map[string]string{"ca.pem": pemOf(h.root.cert), "k.pub": k.pem, "trust.yaml": `
version: 1
signers:
  builder: {ca: ca.pem, subject: "` + builderURI + `"}
  keeper: {key: k.pub}
statements:
  - {types: [provenance], signers: [builder, keeper], threshold: 2}
`})
	payload := provenanceOf(app)
	cert := signature{Sig: testKey{Signer: leaf.key}.sign(t, payloadInToto, payload), Cert: pemOf(leaf.cert, h.between.cert)}
	s, _ := wantReason(t, envelopeOf(payload, signature{Sig: k.sign(t, payloadInToto, payload)}, cert), trusted, aboutApp(), noon, "")
	if s.Verification.Signer != "builder" || s.Verification.SAN != builderURI || len(s.Verification.Signers) != 2 {
		t.Errorf("got %+v", s.Verification)
	}
	wantReason(t, envelopeOf(payload, cert), trusted, aboutApp(), noon, gatekeep.ReasonThresholdNotMet)
}
