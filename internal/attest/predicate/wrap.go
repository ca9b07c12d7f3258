package predicate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/plan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/evidence"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// Wrapped is a predicate made from a file.
type Wrapped struct {
	Type      string // predicate type URI
	Kind      string
	About     []About // what its statement has to be about
	Predicate []byte  // JSON, as it was read once already
	// Subject is the digest that its statement is about, where the content tells: the
	// binding of a request, the digest of a plan, and for what stands by itself the
	// digest of the predicate in canonical form (RFC 8785). Otherwise empty: the
	// caller names an artifact or a commit.
	Subject string
}

// WrapOptions say what a file leaves out. A field of the file always stands; one
// that is in neither is refused where the type needs it.
type WrapOptions struct {
	Now           time.Time     // when it is wrapped; approvals, scans and reviews are dated with it
	ValidFor      time.Duration // from Now to the expiry of approvals, waivers, grants and exemptions
	Principal     string        // who approves, reviews or grants
	Nonce         string        // of an approval
	Binding       string        // of the request: approval, freeze-exemption, rollout-plan
	Digest        string        // of the subject of the request: approval
	Environment   string        // of the request: approval, break-glass-grant, residency
	Service       string        // break-glass-grant, data-flow, residency
	Commit        string        // source commit of a SARIF file, full hash
	Languages     []string      // that a SARIF file covers
	FilesAnalyzed *int          // by the tool of a SARIF file, where it does not list them
	DBLastUpdate  time.Time     // of the vulnerability database, where the report does not tell
	Tool          string        // that made a plan: "terraform" if empty, or "opentofu"; of a report, one of scan.Formats
	Scopes        []string      // that a search for secrets covered: source_history, artifact, build_log, image_layers
	FromCommit    string        // where the history begins that a search for secrets covered, full hash; Commit is its end
	Shallow       bool          // a search for secrets had no more than a part of the history
}

// sources are the names that Wrap takes beside the kinds with a schema.
var sources = []struct {
	name, line string
	own        bool // wrap itself sees to it that the text is strict; it may be no JSON at all
	wrap       func(file []byte, o WrapOptions) (uri string, predicate []byte, err error)
}{
	{"provenance", "SLSA provenance v1, v0.2 or v0.1 predicate", false, wrapProvenance},
	{"sbom", "CycloneDX (JSON, XML) or SPDX (JSON, tag-value, JSON-LD) document", true, wrapSBOM},
	{"sarif", "SARIF 2.1.0 document of a static analyser, or Semgrep JSON", true, scanned("sast", evidence.WrapSARIF)},
	{"sast", "SARIF, Semgrep JSON, or a static analysis predicate", true, scanned("sast", evidence.WrapSAST)},
	{"vulns", "report of a vulnerability scanner, or a vulnerability predicate", true, scanned("vulns", evidence.WrapVulns)},
	{"secret-scan", "gitleaks, TruffleHog or GitLab report, or a secret scan predicate", true, scanned("secret-scan", evidence.WrapSecrets)},
	{"exploit-feed", "CISA KEV catalogue, or EPSS scores of FIRST", true, scanned("exploit-feed", evidence.WrapExploits)},
	{"vex", "OpenVEX, CSAF or CycloneDX document", true, wrapVEX},
	{"plan", "Terraform or OpenTofu plan as JSON", false, wrapPlan},
	{"link", "in-toto link: one step of a supply chain", false, wrapLink},
	{"test-result", "JUnit XML, or an in-toto test result predicate", true, wrapTestResult},
	{"verification-summary", "SLSA verification summary v1 predicate", false, as(slsaVSA + "v1")},
	{"verification-result", "in-toto simple verification result v0.2 predicate", false, as(framework + "svr/v0.2")},
	{"release", "in-toto release v0.1 predicate", false, as(framework + "release/v0.1")},
	{"reference", "in-toto reference v0.1 predicate", false, as(framework + "reference/v0.1")},
	{"scai", "SCAI v0.3 attribute report", false, as(framework + "scai/v0.3")},
	{"runtime-trace", "in-toto runtime trace v0.1 predicate", false, as(framework + "runtime-trace/v0.1")},
	{"source-provenance", "SLSA source provenance v1-draft predicate", false, as(sourceTrack + "source-provenance/v1-draft")},
	{"scorecard", "OpenSSF Scorecard JSON", false, as("https://scorecard.dev/result/v0.1")},
	{"flag-config", "flagd flag definition, JSON or YAML", true, wrapFlags},
	{"migration-plan", "Atlas lint, Flyway info or Liquibase status", true, wrapMigrations},
	{"manifests", "rendered Kubernetes manifests, YAML or JSON", true, wrapManifests},
}

// lines describe the gatekeep.dev kinds, which are written as YAML or JSON.
var lines = []struct{ kind, line string }{
	{"approval", "a person's word on one request"},
	{"waiver", "excuses one thing from one rule, for a while"},
	{"break-glass-grant", "lets one person deploy in an emergency"},
	{"break-glass-review", "review of emergency deployments"},
	{"freeze-exemption", "lets one request through a freeze window"},
	{"calendar", "deployment calendar: freezes, windows, maintenance"},
	{"rollout-plan", "how a deployment would proceed"},
	{"data-flow", "processors and transfers of a service's data"},
	{"residency", "where a service keeps data"},
	{"source-review", "authors and reviews of a change"},
	{"incident", "snapshot of an incident"},
	{"iac-plan", "infrastructure plan predicate, ready made"},
}

// Names are the names that Wrap takes, each with a tab and a line that describes it.
func Names() []string {
	var names []string
	for _, s := range sources {
		names = append(names, s.name+"\t"+s.line)
	}
	for _, l := range lines {
		names = append(names, l.kind+"\t"+l.line)
	}
	return names
}

// Wrap makes a predicate of a file, and reads it as verification would: what it
// returns is accepted there. Names lists the names.
func Wrap(name string, file []byte, o WrapOptions) (Wrapped, error) {
	uri, raw, err := wrap(name, file, o)
	if err != nil {
		return Wrapped{}, err
	}
	t, ok := Lookup(uri)
	if !ok {
		return Wrapped{}, fmt.Errorf("wrapping %s: no predicate type %s", name, uri)
	}
	content, err := t.Decode(raw)
	if err != nil {
		return Wrapped{}, fmt.Errorf("wrapping %s: %w", name, err)
	}
	w := Wrapped{Type: uri, Kind: t.Kind, About: t.About, Predicate: raw}
	switch {
	case content.Approval != nil:
		w.Subject = content.Approval.Binding
	case content.Exemption != nil:
		w.Subject = content.Exemption.Binding
	case content.Rollout != nil:
		w.Subject, _ = content.Claims["binding"].(string)
	case t.Kind == "iac-plan":
		w.Subject, _ = content.Claims["plan_digest"].(string)
	case slices.Contains(t.About, Self):
		if _, w.Subject, err = digest.JCS(json.RawMessage(raw)); err != nil {
			return Wrapped{}, fmt.Errorf("wrapping %s: %w", name, err)
		}
	}
	return w, nil
}

func wrap(name string, file []byte, o WrapOptions) (uri string, raw []byte, err error) {
	for _, s := range sources {
		if s.name != name {
			continue
		}
		if !s.own {
			if err := strictjson.Check(file, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth}); err != nil {
				return "", nil, fmt.Errorf("wrapping %s: %w", name, err)
			}
		}
		if uri, raw, err = s.wrap(file, o); err != nil {
			return "", nil, fmt.Errorf("wrapping %s: %w", name, err)
		}
		return uri, raw, nil
	}
	for _, l := range lines {
		if l.kind == name {
			raw, err := fill(name, file, o)
			return own(name), raw, err
		}
	}
	return "", nil, fmt.Errorf("wrapping %s: unknown name; want one of those that Names lists", name)
}

func wrapProvenance(file []byte, _ WrapOptions) (string, []byte, error) {
	var shape struct {
		BuildDefinition json.RawMessage `json:"buildDefinition"`
		Builder         json.RawMessage `json:"builder"`
		Recipe          json.RawMessage `json:"recipe"`
	}
	if err := lenient(file, &shape); err != nil {
		return "", nil, err
	}
	switch {
	case shape.BuildDefinition != nil:
		return slsaV1, file, nil
	case shape.Builder != nil && shape.Recipe != nil:
		return slsaV01, file, nil
	case shape.Builder != nil:
		return slsaV02, file, nil
	}
	return "", nil, errors.New("neither buildDefinition (SLSA v1) nor builder (v0.2, v0.1): give the predicate, not the statement around it")
}

// wrapSBOM takes a document of any form that a predicate type is specified for. One
// that is no JSON object becomes a text, as cosign attests it.
func wrapSBOM(file []byte, _ WrapOptions) (string, []byte, error) {
	doc, err := sbom.Read(file)
	if err != nil {
		return "", nil, err
	}
	uri := map[string]string{sbom.CycloneDX: cycloneDX, sbom.SPDX: spdxDocument}[doc.Format]
	switch {
	case uri == "":
		return "", nil, fmt.Errorf("there is no predicate type for %s: convert the document to CycloneDX or SPDX", doc.Format)
	case doc.Encoding == sbom.JSONLD:
		uri = spdxDocument + "/v3"
	case doc.Encoding != sbom.JSON:
		raw, err := json.Marshal(string(file))
		return uri, raw, err
	}
	return uri, bytes.TrimPrefix(file, []byte("\xef\xbb\xbf")), nil
}

// PlanDigest is the digest by which requests and statements name a plan: that of
// its JSON in canonical form, so that spaces and the order of fields do not matter.
func PlanDigest(file []byte) (string, error) {
	if err := strictjson.Check(file, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth}); err != nil {
		return "", fmt.Errorf("reading plan: %w", err)
	}
	_, sum, err := digest.JCS(json.RawMessage(file))
	if err != nil {
		return "", fmt.Errorf("reading plan: %w", err)
	}
	return sum, nil
}

func wrapPlan(file []byte, o WrapOptions) (string, []byte, error) {
	if err := unambiguous(file); err != nil {
		return "", nil, err
	}
	p, err := plan.Read(file)
	if err != nil {
		return "", nil, err
	}
	sum, err := PlanDigest(file)
	if err != nil {
		return "", nil, err
	}
	tool := o.Tool
	if tool == "" {
		tool = "terraform"
	}
	resources := make([]place, 0, len(p.Resources))
	for _, r := range p.Resources {
		resources = append(resources, place{Address: r.Address, Type: r.Type, Provider: r.Provider, Region: r.Region,
			Actions: r.Actions, HoldsData: r.HoldsData, EncryptedAtRest: r.EncryptedAtRest, Key: r.Key})
	}
	raw, err := json.Marshal(map[string]any{"tool": map[string]string{"name": tool, "version": p.ToolVersion, "style": "declarative"},
		"formatVersion": p.FormatVersion, "errored": p.Errored, "complete": p.Complete, "planDigest": sum, "resources": resources})
	return own("iac-plan"), raw, err
}
