// Package predicate is the table of in-toto predicate types that the gate reads:
// under which URIs each kind is known, what its statements are about, and how its
// content becomes facts. A type that is not in the table is evidence of nothing.
//
// The decoders take the raw predicate of a statement that was verified; the
// envelope has passed strictjson.Check. Every gatekeep.dev type has a JSON Schema
// in schemas, and a field that is not in it is refused.
package predicate

import (
	"slices"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/imagesignature"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/intoto"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/vex"
)

// ErrTooLarge marks a predicate that is over a bound.
var ErrTooLarge = jsonscan.ErrLimit

// Bounds of a predicate. An SBOM has its own, in package sbom.
const (
	// MaxBytes holds the largest scanner reports seen, 40 MB.
	MaxBytes = 64 << 20
	// MaxDepth holds SARIF code flows, the deepest of the types.
	MaxDepth = 128
)

// About is what the subject of a statement names.
type About int

// What statements are about.
const (
	Artifact About = iota // the thing that would run, or the index it belongs to
	Binding               // one request
	Commit                // the source commit
	Plan                  // the infrastructure plan
	Self                  // its own content; the subject is free
)

// Type is one row of the table.
type Type struct {
	Kind  string
	URIs  []string // compared as exact strings; never by prefix
	About []About
	// Decode reads a raw predicate. Errors name the field, and wrap ErrTooLarge where
	// a bound is exceeded.
	Decode func(raw []byte) (*Content, error)
}

// Types are all predicate types that are read. A kind has several rows where its
// URIs stand for different shapes.
var Types = []Type{
	{"provenance", []string{slsaV1}, []About{Artifact}, decodeSLSA1},
	{"provenance", []string{slsaV02}, []About{Artifact}, decodeSLSA02},
	{"provenance", []string{slsaV01}, []About{Artifact}, decodeSLSA01},
	{"sbom", []string{cycloneDX, cycloneDX + "/v1.4", cycloneDX + "/v1.5", cycloneDX + "/v1.6", cycloneDX + "/v1.7"}, []About{Artifact}, decodeCycloneDX},
	{"sbom", []string{spdxDocument, spdxDocument + "/v2.3", spdxDocument + "/v2.2", spdxDocument + "/v3"}, []About{Artifact}, decodeSPDX},
	{"vulns", []string{scan.VulnsV01, scan.VulnsV02}, []About{Artifact}, vulnsBy(scan.InToto)},
	{"vulns", []string{scan.CosignVuln}, []About{Artifact}, vulnsBy(scan.Cosign)},
	{"vulns", []string{osvResults + "v1", osvResults + "v1.6.7"}, []About{Artifact}, vulnsBy(evidence.ReportOf("osv-scanner"))},
	{"vulns", []string{trivyReport, policyLabs + "trivy/v1"}, []About{Artifact}, vulnsBy(evidence.ReportOf("trivy"))},
	{"vulns", []string{policyLabs + "grype/v1"}, []About{Artifact}, vulnsBy(evidence.ReportOf("grype"))},
	{"vulns", []string{own("scan-report")}, []About{Artifact}, governed("scan-report", scanReportContent)},
	{"exploit-feed", []string{own("exploit-feed")}, []About{Self}, governed("exploit-feed", exploitContent)},
	{"vex", []string{openVEX + "/v0.2.0", openVEX, openVEX + "/v0.0.1"}, []About{Artifact}, decodeVEX},
	{"vex", []string{csafSchema}, []About{Artifact}, decodeCSAF},
	{"vex", []string{cycloneDXVEX, cycloneDXVEX + "/1.0"}, []About{Artifact}, decodeCycloneDXVEX},
	{"link", []string{linkV03}, []About{Artifact, Commit}, decodeLink},
	{"link", []string{linkV1}, []About{Artifact, Commit}, decodeOldLink},
	{"sast", []string{own("sast")}, []About{Artifact, Commit}, governed("sast", sastContent)},
	{"secret-scan", []string{own("secret-scan")}, []About{Artifact, Commit}, governed("secret-scan", secretScanContent)},
	{"source-review", []string{own("source-review")}, []About{Artifact, Commit}, governed("source-review", sourceReviewContent)},
	{"approval", []string{own("approval")}, []About{Binding}, governed("approval", approvalContent)},
	{"waiver", []string{own("waiver")}, []About{Self}, governed("waiver", waiverContent)},
	{"break-glass-grant", []string{own("break-glass-grant")}, []About{Self}, governed("break-glass-grant", grantContent)},
	{"break-glass-review", []string{own("break-glass-review")}, []About{Self}, governed("break-glass-review", reviewContent)},
	{"freeze-exemption", []string{own("freeze-exemption")}, []About{Binding}, governed("freeze-exemption", exemptionContent)},
	{"calendar", []string{own("calendar")}, []About{Self}, governed("calendar", calendarContent)},
	{"rollout-plan", []string{own("rollout-plan")}, []About{Binding}, governed("rollout-plan", rolloutContent)},
	{"data-flow", []string{own("data-flow")}, []About{Self}, governed("data-flow", dataFlowContent)},
	{"iac-plan", []string{own("iac-plan")}, []About{Plan, Artifact}, governed("iac-plan", planContent)},
	{"residency", []string{own("residency")}, []About{Artifact, Self}, governed("residency", residencyContent)},
	{"incident", []string{own("incident")}, []About{Self}, governed("incident", incidentContent)},
	{"image-signature", []string{imagesignature.Type}, []About{Artifact}, saying(imageSignature)},
	{"verification-summary", []string{slsaVSA + "v1"}, []About{Artifact, Commit}, saying(intoto.VSA)},
	{"verification-summary", []string{slsaVSA + "v0.2", slsaVSA + "v0.1"}, []About{Artifact, Commit}, saying(intoto.OldVSA)},
	{"verification-result", []string{framework + "svr/v0.2", framework + "svr/v0.1"}, []About{Artifact, Commit}, saying(intoto.SVR)},
	{"test-result", []string{framework + "test-result/v0.1"}, []About{Artifact, Commit}, saying(intoto.TestResult)},
	{"release", []string{framework + "release/v0.1", framework + "release/v0.2"}, []About{Artifact}, saying(intoto.Release)},
	{"reference", []string{framework + "reference/v0.1"}, []About{Artifact, Commit}, saying(intoto.Reference)},
	{"scai", []string{framework + "scai/v0.3", framework + "scai/attribute-report/v0.2"}, []About{Artifact, Commit}, saying(intoto.SCAI)},
	{"runtime-trace", []string{framework + "runtime-trace/v0.1"}, []About{Artifact}, saying(intoto.RuntimeTrace)},
	{"source-provenance", []string{sourceTrack + "source-provenance/v1-draft"}, []About{Commit}, saying(intoto.SourceProvenance)},
	{"source-provenance", []string{sourceTrack + "tag-provenance/v1-draft"}, []About{Commit}, saying(intoto.TagProvenance)},
	{"publication", []string{"https://github.com/npm/attestation/tree/main/specs/publish/v0.1", "https://docs.pypi.org/attestations/publish/v1"},
		[]About{Artifact}, saying(intoto.Publish)},
	{"scorecard", []string{"https://scorecard.dev/result/v0.1"}, []About{Artifact, Commit}, saying(intoto.Scorecard)},
	{"flag-config", []string{own("flag-config")}, []About{Artifact, Commit, Self}, governed("flag-config", flagConfig)},
	{"migration-plan", []string{own("migration-plan")}, []About{Artifact, Commit}, governed("migration-plan", migrationPlan)},
	{"manifests", []string{own("manifests")}, []About{Artifact, Commit}, governed("manifests", manifest)},
}

// URIs of types that others have specified.
const (
	slsaV1       = "https://slsa.dev/provenance/v1"
	slsaV02      = "https://slsa.dev/provenance/v0.2"
	slsaV01      = "https://slsa.dev/provenance/v0.1"
	slsaVSA      = "https://slsa.dev/verification_summary/"
	framework    = "https://in-toto.io/attestation/"
	sourceTrack  = "https://github.com/slsa-framework/slsa-source-poc/"
	cycloneDX    = "https://cyclonedx.org/bom"
	spdxDocument = "https://spdx.dev/Document"
	openVEX      = "https://openvex.dev/ns"
	csafSchema   = "https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json"
	cycloneDXVEX = "https://cyclonedx.org/vex" // a BOM of type cycloneDX never speaks as VEX
)

// own is the URI of a type that the gate specifies itself.
func own(kind string) string { return "https://gatekeep.dev/" + kind + "/v1" }

// Lookup finds the row of a predicate type.
func Lookup(uri string) (Type, bool) {
	for _, t := range Types {
		if slices.Contains(t.URIs, uri) {
			return t, true
		}
	}
	return Type{}, false
}

// Kinds are the names of all kinds, sorted.
func Kinds() []string {
	var kinds []string
	for _, t := range Types {
		kinds = append(kinds, t.Kind)
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Content is what one predicate says, as facts. What depends on the envelope or the
// request (Attestation, Verification, Uses) is left for the caller to fill in.
type Content struct {
	// Claims are the few fields that rules read, by their names in the facts.
	Claims map[string]any
	SBOM   *SBOM
	// SCA has one finding for each vulnerability of each component.
	SCA []gatekeep.SCAFinding
	// Targets are the digests of images that a scan or an SBOM says itself it is of; none
	// where it names none.
	Targets []string
	// SAST has findings by fingerprint.
	SAST map[string]gatekeep.SASTFinding
	// VEX has statements by vulnerability id, under the name and each alias.
	VEX       map[string][]gatekeep.VEXStatement
	Exploits  *evidence.Exploits // about vulnerabilities in SCA, of whichever statement
	Resources []gatekeep.Resource
	DataFlow  *gatekeep.DataFlow
	Approval  *gatekeep.Approval
	Waiver    *gatekeep.Waiver
	Grant     *gatekeep.Grant
	Exemption *gatekeep.Exemption
	Calendar  *gatekeep.CalendarDocument
	Incident  *gatekeep.Incident
	Rollout   *gatekeep.Rollout
	Review    *Review
	Source    *gatekeep.SourceFacts

	within map[string][]vex.Fact // what each VEX statement is confined to, beside VEX
}

// SBOM is an SBOM with its index for the policy's store.
type SBOM struct {
	Ref               string // digest of the raw predicate
	Format            string // "cyclonedx" or "spdx"
	SpecVersion       string
	ComponentCount    int // in the component list and nested in it
	UnidentifiedCount int // components without a purl; files and operating systems aside
	// Index has the keys by_purl, by_name, by_license and unidentified; package sbom
	// tells what they hold.
	Index map[string]any
}

// Review closes the duty that a break-glass use leaves behind.
type Review struct {
	Grant      string   // id of the grant
	Uses       []string // ids of the decisions that used it
	Outcome    string   // justified or not_justified
	Reviewers  []string // principals
	ReviewedAt string   // RFC 3339
}
