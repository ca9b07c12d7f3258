package format

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"
)

// corpus holds documents that others wrote.
const corpus = "../../../testdata/corpus/"

func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(corpus, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const (
	digestA = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4fa9f5c1e5f7cf9f2b4f"
	commit  = "1111111111111111111111111111111111111111"

	cyclonedx = `{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"components":[
		{"type":"library","name":"left","version":"1.0.0","purl":"pkg:npm/left@1.0.0"},{"type":"library","name":"nobody"}]}`
	sarif = `{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"CodeQL","rules":[]}},"results":[{"ruleId":"R1","level":"error","message":{"text":"m"},
		"locations":[{"physicalLocation":{"artifactLocation":{"uri":"a.go"},"region":{"startLine":1}}}]}]}]}`
	trivy = `{"SchemaVersion":2,"ArtifactName":"app","ArtifactType":"container_image","Results":[{"Target":"Node.js","Class":"lang-pkgs","Type":"node-pkg","Vulnerabilities":[
		{"VulnerabilityID":"CVE-2026-1","PkgName":"left","PkgIdentifier":{"PURL":"pkg:npm/left@1.0.0"},"InstalledVersion":"1.0.0","Severity":"HIGH"}]}]}`
	grype = `{"matches":[{"vulnerability":{"id":"CVE-2026-1","severity":"Critical","fix":{"versions":[],"state":"unknown"}},"relatedVulnerabilities":[],
		"artifact":{"name":"left","version":"1.0.0","type":"npm","purl":"pkg:npm/left@1.0.0"}}],"source":{"type":"image","target":{}},"descriptor":{"name":"grype","version":"0.100.0"}}`
	govulncheck = `{"config":{"protocol_version":"v1.0.0","scanner_name":"govulncheck","scanner_version":"v1.1.3","scan_level":"symbol"}}
		{"osv":{"id":"GO-2026-1","modified":"2026-01-01T00:00:00Z","affected":[]}}
		{"finding":{"osv":"GO-2026-1","trace":[{"module":"m","version":"v1.0.0","package":"m/p","function":"F"}]}}`
	openvex = `{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://acme.example/vex/1","author":"Acme","timestamp":"2026-11-23T07:00:00Z","version":1,"statements":[
		{"vulnerability":{"name":"CVE-2026-1"},"products":[{"@id":"pkg:npm/left@1.0.0"}],"status":"not_affected","justification":"vulnerable_code_not_present"},
		{"vulnerability":{"name":"CVE-2026-2"},"products":[{"@id":"pkg:npm/left@1.0.0"}],"status":"fixed"}]}`
	csaf = `{"document":{"category":"csaf_vex","csaf_version":"2.0","title":"t","publisher":{"category":"vendor","name":"Acme","namespace":"https://acme.example"},
		"tracking":{"id":"ACME-1","status":"final","version":"1","initial_release_date":"2026-11-01T00:00:00Z","current_release_date":"2026-11-01T00:00:00Z",
		"revision_history":[{"number":"1","date":"2026-11-01T00:00:00Z","summary":"s"}]}},
		"product_tree":{"full_product_names":[{"product_id":"P1","name":"left 1","product_identification_helper":{"purl":"pkg:npm/left@1.0.0"}}]},
		"vulnerabilities":[{"cve":"CVE-2026-1","notes":[{"category":"description","text":"d"}],"product_status":{"fixed":["P1"]}}]}`
	vulns = `{"scanner":{"uri":"https://scanner.example","version":"1","db":{"lastUpdate":"2026-11-23T05:00:00Z"},"result":[
		{"id":"CVE-2026-1","severity":[{"method":"nvd","score":"critical"}],"annotations":[{"purl":"pkg:npm/left@1.0.0"}]}]},
		"metadata":{"scanStartedOn":"2026-11-23T08:00:00Z","scanFinishedOn":"2026-11-23T08:01:00Z"}}`
	provenance = `{"buildDefinition":{"buildType":"https://ci.example/build/v1","externalParameters":{},"resolvedDependencies":[]},
		"runDetails":{"builder":{"id":"https://ci.example/builder"}}}`
	pod        = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: 'a:1'}, {name: b, image: 'b:1'}]}\n"
	aStatement = `{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"app","digest":{"sha256":"` + digestA + `"}},
		{"name":"source","digest":{"gitCommit":"` + commit + `"}}],"predicateType":"https://cyclonedx.org/bom","predicate":` + cyclonedx + `}`
	publicKey = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAei/c0wfMqAChqKgBJSwzzMJmjefBRM9Ej0eZfnt+rKM=\n-----END PUBLIC KEY-----\n"
)

// envelope is a DSSE envelope around a payload, signed by a key with a hint and by a
// certificate; nobody looks at the signatures here.
func envelope(payloadType, payload string) string {
	return `{"payloadType":"` + payloadType + `","payload":"` + base64.StdEncoding.EncodeToString([]byte(payload)) +
		`","signatures":[{"keyid":"k1","sig":"AA=="},{"sig":"AA==","cert":"-----BEGIN CERTIFICATE-----"}]}`
}

// example is a document with what is read of it.
type example struct {
	name string // of the case
	doc  string
	want Reading // Title and, where the row of the table has it, Kind are left out
}

// examples has at least one document of each row of the table, as small as it may be.
func examples(t testing.TB) []example {
	signedSBOM := &Signed{Statement: true, PredicateType: "https://cyclonedx.org/bom", Subjects: []string{"gitCommit:" + commit, "sha256:" + digestA},
		Signers: []Signer{{Key: "k1"}, {Certificate: true}}}
	const npmSubject = "sha512:f06fbf5c353cc0db093904b9cac0d53b412d83dff6b80e6047d9786708a38e5c3105cad4e913dfc22dbe8c999b3fe029d47969fe75406843b8163db6fd22f681"
	npmSigner := Signer{Certificate: true, Issuer: "https://token.actions.githubusercontent.com",
		Identity: "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main"}
	bare := *signedSBOM
	bare.Signers = nil
	held := map[string]int{"components": 2, "unidentified components": 1, "subjects": 2}
	return []example{
		{"a bundle about a file", string(file(t, "sigstore/conformance/happy-path-v0.3/bundle.sigstore.json")), Reading{Format: "sigstore-bundle", Version: "0.3",
			Counts: map[string]int{"log entries": 1, "timestamps": 0}, Says: map[string]string{"signs": "the bytes of a file"},
			Signed: &Signed{Subjects: []string{"sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf"},
				Signers: []Signer{{Certificate: true, Issuer: "https://token.actions.githubusercontent.com",
					Identity: "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/extremely-dangerous-oidc-beacon.yml@refs/heads/main"}}}}},
		{"a bundle of a key", string(file(t, "sigstore/conformance/managed-key-happy-path/bundle.sigstore.json")), Reading{Format: "sigstore-bundle", Version: "0.3",
			Counts: map[string]int{"log entries": 1, "timestamps": 1}, Says: map[string]string{"signs": "the bytes of a file"},
			Signed: &Signed{Subjects: []string{"sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf"}, Signers: []Signer{{Key: "TLMsSDfG3ajPsWge+z/vX5T/zluXnmvbkTkwLIV68Tk="}}}}},
		{"a trusted root", string(file(t, "sigstore/conformance/rekor2-happy-path/trusted_root.json")), Reading{Format: "sigstore-trusted-root",
			Counts: map[string]int{"certificate authorities": 1, "certificate logs": 3, "logs": 2, "timestamp authorities": 1}}},
		{"an envelope", envelope("application/vnd.in-toto+json", aStatement), Reading{Format: "dsse", Version: "v1", Kind: "sbom", Signed: signedSBOM,
			Counts: map[string]int{"components": 2, "unidentified components": 1, "subjects": 2, "signatures": 2}}},
		{"an envelope of OSS Rebuild", envelope("https://in-toto.io/Statement/v1", aStatement), Reading{Format: "dsse", Version: "v1", Kind: "sbom", Signed: signedSBOM,
			Counts: map[string]int{"components": 2, "unidentified components": 1, "subjects": 2, "signatures": 2}}},
		{"a layout", `{"signed":{"_type":"layout","steps":[{"name":"clone"},{"name":"build"}]},"signatures":[{"keyid":"owner","sig":"00"}]}`, Reading{Format: "in-toto-metablock",
			Says: map[string]string{"type": "layout"}, Counts: map[string]int{"signatures": 1, "steps": 2}, Signed: &Signed{Signers: []Signer{{Key: "owner"}}}}},
		{"a link", `{"signed":{"_type":"link","name":"clone"},"signatures":[]}`, Reading{Format: "in-toto-metablock",
			Says: map[string]string{"type": "link"}, Counts: map[string]int{"signatures": 0, "steps": 0}, Signed: &Signed{}}},
		{"a statement that nobody signed", aStatement, Reading{Format: "in-toto-statement", Version: "v1", Kind: "sbom", Counts: held, Signed: &bare}},
		{"a statement of a type that nobody reads", `{"_type":"https://in-toto.io/Statement/v0.1","subject":[],"predicateType":"https://acme.example/lunch/v1","predicate":"soup"}`,
			Reading{Format: "in-toto-statement", Version: "v0.1", Counts: map[string]int{"subjects": 0},
				Says: map[string]string{"predicate": "of a type that is not read here"}, Signed: &Signed{Statement: true, PredicateType: "https://acme.example/lunch/v1"}}},
		{"attestations of npm", string(file(t, "slsa/npm/provenance-npm-test-cli-v1-prega.tgz.json")), Reading{Format: "npm-attestations", Counts: map[string]int{"attestations": 2},
			Signed: &Signed{Statement: true, Subjects: []string{npmSubject}, Signers: []Signer{{Key: "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA"}, npmSigner}}}},

		{"CycloneDX", cyclonedx, Reading{Format: "cyclonedx-json", Version: "1.6", Counts: map[string]int{"components": 2, "unidentified components": 1}}},
		{"CycloneDX in XML", `<?xml version="1.0"?><bom xmlns="http://cyclonedx.org/schema/bom/1.4" version="1"><components><component type="library"><name>left</name><version>2</version><purl>pkg:npm/left@2</purl></component></components></bom>`,
			Reading{Format: "cyclonedx-xml", Version: "1.4", Counts: map[string]int{"components": 1, "unidentified components": 0}}},
		{"CycloneDX in XML with a prefix", `<c:bom xmlns:c="http://cyclonedx.org/schema/bom/1.0"><c:components/></c:bom>`,
			Reading{Format: "cyclonedx-xml", Version: "1.0", Counts: map[string]int{"components": 0, "unidentified components": 0}}},
		{"SPDX", `{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","packages":[{"SPDXID":"SPDXRef-a","name":"left","versionInfo":"1"}]}`,
			Reading{Format: "spdx-json", Version: "2.3", Counts: map[string]int{"components": 1, "unidentified components": 1}}},
		{"SPDX 3", `{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"CreationInfo","@id":"_:c","specVersion":"3.0.1"},
			{"type":"software_Package","spdxId":"urn:left","name":"left","software_packageUrl":"pkg:npm/left@2"}]}`,
			Reading{Format: "spdx3-json", Version: "3.0.1", Counts: map[string]int{"components": 1, "unidentified components": 0}}},
		{"SPDX as text", "SPDXVersion: SPDX-2.2\nSPDXID: SPDXRef-DOCUMENT\nPackageName: left\nPackageVersion: 2\n",
			Reading{Format: "spdx-tag-value", Version: "2.2", Counts: map[string]int{"components": 1, "unidentified components": 1}}},
		{"SPDX as text after a comment", "# made by hand\nSPDXVersion: SPDX-2.3\nSPDXID: SPDXRef-DOCUMENT\nPackageName: left\n",
			Reading{Format: "spdx-tag-value", Version: "2.3", Counts: map[string]int{"components": 1, "unidentified components": 1}}},
		{"Syft", `{"artifacts":[{"id":"1","name":"left","version":"1","type":"npm","purl":"pkg:npm/left@1"}],"descriptor":{"name":"syft","version":"1"},"schema":{"version":"16.0.0","url":"https://raw.githubusercontent.com/anchore/syft/main/schema/json/schema-16.0.0.json"}}`,
			Reading{Format: "syft-json", Version: "16.0.0", Counts: map[string]int{"components": 1, "unidentified components": 0}}},

		{"OpenVEX", openvex, Reading{Format: "openvex", Version: "0.2.0", Counts: map[string]int{"statements": 2, "not_affected": 1, "fixed": 1},
			Says: map[string]string{"author": "Acme", "id": "https://acme.example/vex/1"}}},
		{"CSAF", csaf, Reading{Format: "csaf", Version: "2.0", Counts: map[string]int{"statements": 1, "fixed": 1}, Says: map[string]string{"author": "Acme", "id": "ACME-1"}}},
		{"a vulnerability predicate", vulns, Reading{Format: "vulns-predicate", Counts: map[string]int{"vulnerabilities": 1, "critical": 1}}},
		{"provenance v1", provenance, Reading{Format: "slsa-provenance"}},
		{"provenance v0.2", `{"builder":{"id":"b"},"buildType":"t","invocation":{},"materials":[]}`, Reading{Format: "slsa-provenance"}},
		{"provenance v0.1", `{"builder":{"id":"b"},"recipe":{"type":"t"},"materials":[]}`, Reading{Format: "slsa-provenance"}},

		{"a plan", `{"format_version":"1.2","terraform_version":"1.9.0","errored":false,"complete":true,"planned_values":{},"resource_changes":[
			{"address":"aws_s3_bucket.a","mode":"managed","type":"aws_s3_bucket","name":"a","provider_name":"registry.terraform.io/hashicorp/aws","change":{"actions":["create"],"before":null,"after":{},"after_unknown":{}}}]}`,
			Reading{Format: "terraform-plan", Version: "1.2", Counts: map[string]int{"resources": 1}, Says: map[string]string{"tool version": "1.9.0", "complete": "true", "errored": "false"}}},
		{"an admission review", `{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{"uid":"1","operation":"CREATE","kind":{"kind":"Pod"},"namespace":"n","name":"p",
			"object":{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"image":"a:1"}]}}}}`,
			Reading{Format: "admission-review", Counts: map[string]int{"images": 1}, Says: map[string]string{"operation": "CREATE", "object": "Pod", "namespace": "n", "name": "p"}}},
		{"a rollout", "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r}\nspec: {strategy: {canary: {steps: [{setWeight: 20}, {pause: {}}, {setWeight: 50}]}}}\n",
			Reading{Format: "rollout", Counts: map[string]int{"objects": 1, "steps": 2, "steps that wait for a person": 1}, Says: map[string]string{"strategy": "canary"}}},
		{"what belongs to a rollout", "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisTemplate\nmetadata: {name: a}\nspec: {}\n",
			Reading{Format: "rollout", Counts: map[string]int{"objects": 1, "steps": 0, "steps that wait for a person": 0}, Says: map[string]string{}}},
		{"a canary of Flagger", "apiVersion: flagger.app/v1beta1\nkind: Canary\nmetadata: {name: c}\nspec: {analysis: {interval: 1m, maxWeight: 50, stepWeight: 25}}\n",
			Reading{Format: "rollout", Counts: map[string]int{"objects": 1, "steps": 2, "steps that wait for a person": 0}, Says: map[string]string{"strategy": "canary"}}},
		{"what else the groups of rollouts have", "apiVersion: flagger.app/v1beta1\nkind: AlertProvider\nmetadata: {name: a}\n---\napiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w}\n",
			Reading{Format: "kubernetes", Counts: map[string]int{"objects": 2, "images": 0}}},
		{"a manifest", pod, Reading{Format: "kubernetes", Counts: map[string]int{"objects": 1, "images": 2}}},
		{"a stream of manifests", "# first\n---\n" + pod + "---\n" + pod, Reading{Format: "kubernetes", Counts: map[string]int{"objects": 2, "images": 4}}},
		{"an application of Argo CD", `{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"a"}}`, Reading{Format: "kubernetes", Counts: map[string]int{"objects": 1, "images": 0}}},
		{"flags", `{"flags":{"a":{"state":"ENABLED","variants":{"on":true},"defaultVariant":"on","targeting":{"if":[]}},"b":{"state":"DISABLED","variants":{"on":true},"defaultVariant":"on"}}}`,
			Reading{Format: "flagd", Counts: map[string]int{"flags": 2, "enabled": 1, "with targeting": 1}}},
		{"flags in YAML", "flags:\n  a:\n    state: ENABLED\n    variants: {on: true}\n    defaultVariant: 'on'\n",
			Reading{Format: "flagd", Counts: map[string]int{"flags": 1, "enabled": 1, "with targeting": 0}}},
		{"OSCAL", `{"catalog":{"uuid":"f9f5bc95-489c-4e1c-b053-b10456050d3e","metadata":{"oscal-version":"1.1.2"}}}`,
			Reading{Format: "oscal", Version: "1.1.2", Says: map[string]string{"model": "catalog", "uuid": "f9f5bc95-489c-4e1c-b053-b10456050d3e"}}},
		{"Scorecard", `{"date":"2026-01-01","repo":{"name":"github.com/o/r","commit":"c"},"scorecard":{"version":"v5"},"score":8.7,"checks":[{"name":"CI-Tests","score":10},{"name":"Fuzzing","score":-1}]}`,
			Reading{Format: "scorecard", Counts: map[string]int{"checks": 2}, Says: map[string]string{"repository": "github.com/o/r", "score": "8.7"}}},
		{"JUnit", `<testsuites><testsuite><testcase name="a"/><testcase name="b"><failure/></testcase><testcase name="c"><skipped/></testcase><testcase name="d"><error/></testcase></testsuite></testsuites>`,
			Reading{Format: "junit", Counts: map[string]int{"tests": 4, "failures": 1, "errors": 1, "skipped": 1}}},
		{"Cobertura", `<coverage line-rate="0.5" branch-rate="0.25" lines-valid="10" lines-covered="5"/>`,
			Reading{Format: "cobertura", Counts: map[string]int{"lines": 10, "covered lines": 5}, Says: map[string]string{"line rate": "0.5", "branch rate": "0.25"}}},
		{"Flyway", `{"schemaName":"public","database":"app","flywayVersion":"10.0.0","operation":"info","migrations":[{"version":"1","state":"Success"},{"version":"2","state":"Pending"}]}`,
			Reading{Format: "migration-report", Says: map[string]string{"tool": "flyway", "database": "app"}, Counts: map[string]int{"pending": 1, "applied": 1, "failed": 0}}},
		{"Atlas", `{"Env":{"Driver":"postgres","Dir":"migrations"},"Files":[{"Name":"1.sql"}]}`,
			Reading{Format: "migration-report", Says: map[string]string{"tool": "atlas", "database": "postgres"}, Counts: map[string]int{"pending": 1, "applied": 0, "failed": 0}}},
		{"Liquibase", "1 changesets have not been applied to app@jdbc:postgresql://db/app\n     changelog.xml::1::bob\n",
			Reading{Format: "migration-report", Says: map[string]string{"tool": "liquibase", "database": "app@jdbc:postgresql://db/app"}, Counts: map[string]int{"pending": 1, "applied": 0, "failed": 0}}},
		{"a public key", publicKey, Reading{Format: "public-key", Says: map[string]string{"key": "ed25519.PublicKey"}}},

		{"SARIF", sarif, Reading{Format: "scan-report", Kind: "sast", Counts: map[string]int{"findings": 1, "flaws": 1, "vulnerabilities": 0, "secrets": 0, "high": 1},
			Says: map[string]string{"tool": "CodeQL", "looked for": "sast"}}},
		{"Trivy", trivy, Reading{Format: "scan-report", Kind: "vulns", Counts: map[string]int{"findings": 1, "flaws": 0, "vulnerabilities": 1, "secrets": 0, "high": 1},
			Says: map[string]string{"tool": "trivy", "looked for": "vulns"}}},
		{"Grype", grype, Reading{Format: "scan-report", Kind: "vulns", Counts: map[string]int{"findings": 1, "flaws": 0, "vulnerabilities": 1, "secrets": 0, "critical": 1},
			Says: map[string]string{"tool": "grype 0.100.0", "looked for": "vulns"}}},
		{"gitleaks, a list", `[{"RuleID":"aws-key","Description":"d","StartLine":1,"File":"a","Fingerprint":"a:aws-key:1","Match":"m","Secret":"s"}]`,
			Reading{Format: "scan-report", Kind: "secret-scan", Counts: map[string]int{"findings": 1, "flaws": 0, "vulnerabilities": 0, "secrets": 1},
				Says: map[string]string{"tool": "gitleaks", "looked for": "secret-scan"}}},
		{"govulncheck, several texts", govulncheck, Reading{Format: "scan-report", Kind: "vulns", Counts: map[string]int{"findings": 1, "flaws": 0, "vulnerabilities": 1, "secrets": 0, "unknown": 1},
			Says: map[string]string{"tool": "govulncheck v1.1.3", "looked for": "vulns"}}},
	}
}
