package attest

import (
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
)

func strictFiles(k testKey, strict string) map[string]string {
	return map[string]string{"k.pub": k.pem, "trust.yaml": `
version: 1
signers: {builder: {key: k.pub}}
statements:
  - {types: [sbom, provenance, "https://gatekeep.dev/sast/v2"], signers: [builder]` + strict + `}
`}
}

// What can be read and what conforms are two questions.
func TestStrictRuleWantsTheSchema(t *testing.T) {
	k := newKey(t, "P-256")
	const cyclone, spdx = "https://cyclonedx.org/bom", "https://spdx.dev/Document"
	good := `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"library","name":"a","version":"1","purl":"pkg:npm/a@1"}]}`
	odd := strings.Replace(good, `"library"`, `"OPERATING-SYSTEM"`, 1)
	// Trivy leaves out copyrightText, which SPDX 2.2 asks for.
	trivy := `{"spdxVersion":"SPDX-2.2","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"x","documentNamespace":"https://x.example/1",` +
		`"creationInfo":{"created":"2026-01-01T00:00:00Z","creators":["Tool: trivy"]},"packages":[{"SPDXID":"SPDXRef-a","name":"a","downloadLocation":"NONE","filesAnalyzed":false,"licenseConcluded":"MIT","licenseDeclared":"MIT"}]}`
	for _, c := range []struct {
		name, uri, predicate, strict string
		reason                       gatekeep.Reason
		vector                       string
	}{
		{"conforms", cyclone, good, ", strict: true", "", "strict"},
		{"breaks its schema, and nobody asks", cyclone, odd, "", "", ""},
		{"breaks its schema, and nobody asks, in words", cyclone, odd, ", strict: false", "", ""},
		{"breaks its schema", cyclone, odd, ", strict: true", gatekeep.ReasonSchemaViolation, "strict-breaks-schema_fail"},
		{"SPDX of Trivy", spdx, trivy, ", strict: true", gatekeep.ReasonSchemaViolation, ""},
		{"SPDX of Trivy, and nobody asks", spdx, trivy, "", "", ""},
		{"a later version of an own type", "https://gatekeep.dev/sast/v2", `{"anything":1}`, ", strict: true", gatekeep.ReasonSchemaViolation, ""},
		{"a type without schema", provenanceType, provenancePredicate, ", strict: true", gatekeep.ReasonSchemaViolation, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := strictFiles(k, c.strict)
			data := k.signed(t, statementOf(c.uri, c.predicate, app))
			_, r := wantReason(t, data, trustIn(t, files), aboutApp(), noon, c.reason)
			if r != nil && (r.Signer != "builder" || r.Detail == "") {
				t.Errorf("got %+v", r)
			}
			keepVector(t, c.vector, files, data, []string{app}, c.reason)
		})
	}
	_, r := wantReason(t, k.signed(t, statementOf(cyclone, odd, app)), trustIn(t, strictFiles(k, ", strict: true")), aboutApp(), noon, gatekeep.ReasonSchemaViolation)
	if !strings.Contains(r.Detail, "/components/0/type") {
		t.Errorf("the place of the breach is not named: %s", r.Detail)
	}
}

// Of several rules that let a signer speak the strictest counts.
func TestStrictRuleIsNotSoftenedByAnother(t *testing.T) {
	k := newKey(t, "P-256")
	files := strictFiles(k, ", strict: true")
	files["trust.yaml"] += "  - {types: [sbom], signers: [builder]}\n  - {types: [sbom], unsigned: true, strict: true, environments: [dev]}\n"
	odd := statementOf("https://cyclonedx.org/bom", `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[{"type":"x","name":"a"}]}`, app)
	trusted := trustIn(t, files)
	wantReason(t, k.signed(t, odd), trusted, aboutApp(), noon, gatekeep.ReasonSchemaViolation)
	wantReason(t, odd, trusted, About{Digests: []string{app}, Environment: "dev"}, noon, gatekeep.ReasonSchemaViolation)
}
