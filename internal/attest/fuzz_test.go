package attest

import (
	"path/filepath"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/statement"
)

// FuzzEnvelope looks for a document that is believed though no trusted key signed
// it, and for one that breaks the reader.
func FuzzEnvelope(f *testing.F) {
	k, stranger := newKey(f, "Ed25519"), newKey(f, "Ed25519")
	h := newHouse(f)
	trust := trustIn(f, map[string]string{"k.pub": k.pem, "ca.pem": pemOf(h.root.cert), "root.json": rootText(f, "prod.trusted_root.json"), "trust.yaml": `
version: 1
roots: {production: root.json}
signers:
  builder: {key: k.pub}
  staff: {issuer: "https://accounts.google.com", subjectPattern: "*@acme.example", root: production}
  own: {ca: ca.pem, subject: "` + builderURI + `"}
statements:
  - {types: [provenance], signers: [builder, staff]}
  - {types: ["` + licences + `", "` + statement.ImageSigned + `"], signers: [builder, own], threshold: 2}
`})
	vectors, err := filepath.Glob("../../testdata/attest/*/envelope.json")
	if err != nil || len(vectors) < 20 {
		f.Fatalf("%d vectors, %v", len(vectors), err)
	}
	for _, path := range vectors {
		f.Add(mustRead(f, path))
	}
	f.Add(provenanceOf(app))
	f.Add(withCert(f, newHouse(f).builder(f, asItIs), statementOf(licences, `{}`, app)))
	f.Add(imageWith(simpleSigning(imageSigned, app), newKey(f, "P-256").signBytes(f, simpleSigning(imageSigned, app)), nil))
	f.Add(stranger.signed(f, provenanceOf(app)))
	f.Add(envelopeOf(provenanceOf(app)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, r := judgeOne(t, data, trust, aboutApp(), noon)
		if s != nil {
			t.Fatalf("believed on the word of %q: %q", s.Verification.Signer, data)
		}
		if r.Reason == "" || r.Detail == "" || r.ID == "" {
			t.Fatalf("rejected without reason: %+v", r)
		}
		// What an unsigned statement holds is read to the end.
		open := trustIn(t, map[string]string{"trust.yaml": "version: 1\nsigners: {}\nstatements: [{types: [provenance], unsigned: true}]\n"})
		if s, r := judgeOne(t, data, open, aboutApp(), noon); s == nil && r.Reason == gatekeep.ReasonSignerNotTrusted {
			t.Fatalf("nobody is known, and somebody is not trusted: %+v", r)
		}
	})
}
