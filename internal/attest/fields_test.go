package attest

import (
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
)

// fieldsTrust trusts the reusable workflow of a real bundle where its certificate also
// holds what is asked for. Whoever calls the workflow has the same subject.
func fieldsTrust(fields string) string {
	return `
version: 1
signers:
  builder: {issuer: "` + githubIssuer + `", subject: "https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml@refs/tags/v0.0.1", root: sigstore-production` + fields + `}
statements:
  - {types: [provenance], signers: [builder]}
`
}

func TestFieldsOfACertificateAreComparedWhole(t *testing.T) {
	const digest = "sha256:06ce330900a7d6403bc8d88e5dfad6aeeb8ae40179f66bb89e69c8bf6f6b1a0b"
	data := mustRead(t, "../../testdata/attest/bcr/envelope.json")
	about := About{Digests: []string{digest}, Environment: "prod"}
	try := func(t *testing.T, fields string, want gatekeep.Reason, vector string) {
		t.Helper()
		files := map[string]string{"trust.yaml": fieldsTrust(fields)}
		wantReason(t, data, trustIn(t, files), about, noon, want)
		keepVector(t, vector, files, data, []string{digest}, want)
	}
	try(t, "", "", "")
	for field, value := range map[string]string{
		"buildSigner":             "https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/publish.yaml@refs/tags/v0.0.1",
		"buildSignerDigest":       "65d4f0c00357d50ba19165993f673e56a7ddb500",
		"runnerEnvironment":       "github-hosted",
		"sourceRepository":        "https://github.com/aspect-build/rules_lint",
		"sourceDigest":            "8f70009fde0c94ade6ce2a054b94718c819126ec",
		"sourceRef":               "refs/heads/publish-to-bcr",
		"sourceRepositoryID":      "631710741",
		"sourceRepositoryOwner":   "https://github.com/aspect-build",
		"sourceRepositoryOwnerID": "60951090",
		"buildConfig":             "https://github.com/aspect-build/rules_lint/.github/workflows/release.yml@refs/heads/publish-to-bcr",
		"buildConfigDigest":       "8f70009fde0c94ade6ce2a054b94718c819126ec",
		"buildTrigger":            "workflow_dispatch",
		"runInvocation":           "https://github.com/aspect-build/rules_lint/actions/runs/14095611671/attempts/1",
		"sourceVisibility":        "public",
	} {
		t.Run(field, func(t *testing.T) {
			try(t, ", "+field+`: "`+value+`"`, "", "")
			for _, other := range []string{value + "x", value[:len(value)-1], strings.ToUpper(value) + "/"} {
				try(t, ", "+field+`: "`+other+`"`, gatekeep.ReasonSignerUnknown, "")
			}
		})
	}
	for pattern, want := range map[string]gatekeep.Reason{
		`sourceRepositoryPattern: "https://github.com/aspect-build/*"`:                                                "",
		`sourceRepositoryPattern: "https://github.com/aspect-build/**/x"`:                                             gatekeep.ReasonSignerUnknown,
		`sourceRepositoryPattern: "https://github.com/aspect/*"`:                                                      gatekeep.ReasonSignerUnknown,
		`sourceRefPattern: "refs/heads/*"`:                                                                            "",
		`sourceRefPattern: "refs/tags/*"`:                                                                             gatekeep.ReasonSignerUnknown,
		`buildConfigPattern: "https://github.com/aspect-build/*/.github/workflows/release.yml@refs/heads/**"`:         "",
		`buildConfigPattern: "https://github.com/aspect-build/.github/workflows/release.yml@refs/heads/**"`:           gatekeep.ReasonSignerUnknown,
		`buildSignerPattern: "https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/*@refs/tags/v0.0**"`:  "",
		`buildSignerPattern: "https://github.com/bazel-contrib/publish-to-bcr/.github/workflows/*@refs/heads/v0.0**"`: gatekeep.ReasonSignerUnknown,
	} {
		t.Run(pattern, func(t *testing.T) { try(t, ", "+pattern, want, "") })
	}
	try(t, `, sourceRepository: "https://github.com/aspect-build/other"`, gatekeep.ReasonSignerUnknown, "field-other-repository_fail")
	try(t, `, sourceRef: "refs/heads/main"`, gatekeep.ReasonSignerUnknown, "field-other-ref_fail")
	try(t, `, runnerEnvironment: "self-hosted"`, gatekeep.ReasonSignerUnknown, "field-other-runner_fail")
	try(t, `, sourceRepositoryOwner: "https://github.com/aspect-build", buildTrigger: push`, gatekeep.ReasonSignerUnknown, "field-other-trigger_fail")
	try(t, `, sourceRepositoryPattern: "https://github.com/aspect-build/*", sourceRefPattern: "refs/heads/**"`, "", "field")
}

// What a certificate lacks never matches, whatever is asked for.
func TestFieldThatACertificateLacksNeverMatches(t *testing.T) {
	v := newSigstore(t)
	e, err := v.Attest(ciSubject, githubIssuer, provenanceOf(app))
	if err != nil {
		t.Fatal(err)
	}
	data := bundleBytes(t, bundleOf(t, v, e, bundleParts{logs: true}))
	root := rootJSON(t, v, rootParts{logs: true})
	for field, want := range map[string]gatekeep.Reason{
		"": "", `, buildTrigger: push`: gatekeep.ReasonSignerUnknown, `, sourceRepository: "https://github.com/acme/app"`: gatekeep.ReasonSignerUnknown,
		`, sourceRefPattern: "refs/heads/**"`: gatekeep.ReasonSignerUnknown,
	} {
		trusted := trustIn(t, map[string]string{"root.json": root, "trust.yaml": `
version: 1
roots: {here: root.json}
signers: {ci: {issuer: "` + githubIssuer + `", subject: "` + ciSubject + `", root: here` + field + `}}
statements: [{types: [provenance], signers: [ci]}]
`})
		wantReason(t, data, trusted, aboutApp(), noon, want)
	}
}
