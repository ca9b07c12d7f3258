package attest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
)

// A report of another image says nothing of this one, whoever signs that it does.
func TestAScanOfAnotherImageIsRefused(t *testing.T) {
	k := newKey(t, "Ed25519")
	index, sibling, stranger := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64), "sha256:"+strings.Repeat("3", 64)
	about := aboutApp()
	about.Digests = append(about.Digests, index, sibling)
	about.Covers = map[string][]string{app: {app, index}, sibling: {sibling, index}}
	trust := trustIn(t, map[string]string{"bob.pub": k.pem, "trust.yaml": "version: 1\nsigners:\n  bob: {key: bob.pub}\nstatements:\n  - {types: [vulns], signers: [bob]}\n"})
	report := func(target string) string {
		return fmt.Sprintf(`{"scanner":{"uri":"pkg:github/anchore/grype@0.92.0","version":"0.92.0","db":{"lastUpdate":"2026-01-01T00:00:00Z"},"result":
			{"matches":[],"source":{"type":"image","target":{"userInput":"registry/app@%s"}},"descriptor":{"name":"grype","version":"0.92.0","timestamp":"2026-01-01T00:00:00Z",
			"db":{"built":"2026-01-01T00:00:00Z"}}}},"metadata":{"scanStartedOn":"2026-01-01T00:00:00Z","scanFinishedOn":"2026-01-01T00:00:00Z"}}`, target)
	}
	for _, c := range []struct {
		name, subject, target string
		want                  gatekeep.Reason
	}{
		{"the image itself", app, app, ""},
		{"the index that it is part of", app, index, ""},
		{"a part of the index", index, sibling, ""},
		{"no digest", app, "sha256:beef", ""},
		{"another platform", app, sibling, gatekeep.ReasonSubjectMismatch},
		{"another image", app, stranger, gatekeep.ReasonSubjectMismatch},
		{"another image, of the index", index, stranger, gatekeep.ReasonSubjectMismatch},
	} {
		t.Run(c.name, func(t *testing.T) {
			signed := k.signed(t, statementOf("https://cosign.sigstore.dev/attestation/vuln/v1", report(c.target), c.subject))
			_, r := wantReason(t, signed, trust, about, noon, c.want)
			if r != nil && !strings.Contains(r.Detail, c.target) {
				t.Errorf("it does not say of what the scan is: %s", r.Detail)
			}
			unknown := about
			unknown.Covers = nil // a file alone is asked about nothing else
			wantReason(t, signed, trust, unknown, noon, "")
		})
	}
}

// An SBOM that says itself of which image it is says nothing of another one.
func TestAnSBOMOfAnotherImageIsRefused(t *testing.T) {
	k := newKey(t, "Ed25519")
	stranger := "sha256:" + strings.Repeat("3", 64)
	about := aboutApp()
	about.Covers = map[string][]string{app: {app}}
	trust := trustIn(t, map[string]string{"bob.pub": k.pem, "trust.yaml": "version: 1\nsigners:\n  bob: {key: bob.pub}\nstatements:\n  - {types: [sbom], signers: [bob]}\n"})
	const cyclonedx, spdx = "https://cyclonedx.org/bom", "https://spdx.dev/Document"
	for name, form := range map[string]struct{ predicate, text string }{
		"CycloneDX": {cyclonedx, `{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":{"type":"container","name":"app","purl":"pkg:oci/app@%s?arch=amd64"}}}`},
		"SPDX":      {spdx, `{"spdxVersion":"SPDX-2.3","documentDescribes":["SPDXRef-a"],"packages":[{"SPDXID":"SPDXRef-a","name":"app","externalRefs":[{"referenceType":"purl","referenceLocator":"pkg:oci/app@%s"}]}]}`},
	} {
		for _, c := range []struct {
			target string
			want   gatekeep.Reason
		}{{app, ""}, {strings.Replace(app, ":", "%3A", 1), ""}, {"sha256:beef", ""}, {"latest", ""}, {stranger, gatekeep.ReasonSubjectMismatch}} {
			t.Run(name+" of "+c.target, func(t *testing.T) {
				signed := k.signed(t, statementOf(form.predicate, fmt.Sprintf(form.text, c.target), app))
				_, r := wantReason(t, signed, trust, about, noon, c.want)
				if r != nil && !strings.Contains(r.Detail, c.target) {
					t.Errorf("it does not say of what the SBOM is: %s", r.Detail)
				}
			})
		}
	}
}
