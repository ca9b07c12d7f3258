package predicate

import (
	"encoding/json"
	"fmt"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/slsa"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

func decodeSLSA1(raw []byte) (*Content, error)  { return provenanceContent(raw, slsa.ReadV1) }
func decodeSLSA02(raw []byte) (*Content, error) { return provenanceContent(raw, slsa.ReadV02) }

func provenanceContent(raw []byte, read func([]byte) (*slsa.Provenance, error)) (*Content, error) {
	if err := unambiguous(raw); err != nil {
		return nil, fmt.Errorf("reading SLSA provenance: %w", err)
	}
	p, err := read(raw)
	if err != nil {
		return nil, err
	}
	return &Content{Claims: map[string]any{"builder_id": p.BuilderID, "build_type": p.BuildType, "source_uri": p.SourceURI,
		"source_ref": p.SourceRef, "source_commit": p.SourceCommit, "build_id": p.BuildID, "event": p.Event}}, nil
}

func decodeCycloneDX(raw []byte) (*Content, error) { return sbomContent(raw, raw, sbom.CycloneDX) }

// decodeSPDX reads a document, or a text that holds one: cosign attests SPDX in
// either form.
func decodeSPDX(raw []byte) (*Content, error) {
	var text string
	if len(raw) == 0 || raw[0] != '"' {
		return sbomContent(raw, raw, sbom.SPDX)
	}
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, fmt.Errorf("reading SBOM: %w", err)
	}
	// The check of the envelope has not seen what is in the text.
	if err := strictjson.Check([]byte(text), strictjson.Limits{Bytes: sbom.MaxBytes, Depth: sbom.MaxDepth}); err != nil {
		return nil, fmt.Errorf("reading SBOM: the text that holds the document: %w", err)
	}
	return sbomContent(raw, []byte(text), sbom.SPDX)
}

func sbomContent(raw, document []byte, format string) (*Content, error) {
	doc, err := sbom.Decode(document)
	if err != nil {
		return nil, err
	}
	if doc.Format != format {
		return nil, fmt.Errorf("reading SBOM: the predicate type says %s, the document is %s", format, doc.Format)
	}
	ref := digest.Of(raw)
	return &Content{
		SBOM: &SBOM{Ref: ref, Format: doc.Format, SpecVersion: doc.SpecVersion, ComponentCount: doc.Components,
			UnidentifiedCount: doc.Unidentified, Index: doc.Index},
		Claims: map[string]any{"content_digest": ref, "spec_version": doc.SpecVersion,
			"component_count": doc.Components, "format": doc.Format},
	}, nil
}

func decodeVulns(raw []byte) (*Content, error)      { return vulnsContent(raw, scan.InToto) }
func decodeCosignVuln(raw []byte) (*Content, error) { return vulnsContent(raw, scan.Cosign) }

func vulnsContent(raw []byte, read func([]byte) (*scan.Vulnerabilities, error)) (*Content, error) {
	if err := unambiguous(raw); err != nil {
		return nil, fmt.Errorf("reading vulnerability scan: %w", err)
	}
	v, err := read(raw)
	if err != nil {
		return nil, err
	}
	return &Content{SCA: v.Findings, Claims: map[string]any{"scanner_uri": v.ScannerURI, "scanner_version": v.ScannerVersion,
		"scan_started_on": v.StartedOn, "scan_finished_on": v.FinishedOn, "db_last_update": v.DBLastUpdate}}, nil
}

// sast is the gatekeep.dev/sast/v1 predicate.
type sast struct {
	Tool                sastTool        `json:"tool"`
	SourceCommit        string          `json:"sourceCommit"`
	Scope               string          `json:"scope"`
	Languages           []string        `json:"languages"`
	FilesAnalyzed       *int            `json:"filesAnalyzed,omitempty"`
	ExecutionSuccessful bool            `json:"executionSuccessful"`
	SARIF               json.RawMessage `json:"sarif"`
	FinishedAt          string          `json:"finishedAt"`
}

type sastTool struct {
	Name           string `json:"name"`
	Version        string `json:"version"`
	Ruleset        string `json:"ruleset"`
	RulesetVersion string `json:"rulesetVersion"`
}

func sastContent(p *sast) (*Content, error) {
	if err := unambiguous(p.SARIF); err != nil {
		return nil, fmt.Errorf("sarif: %w", err)
	}
	s, err := scan.ReadSARIF(p.SARIF)
	if err != nil {
		return nil, fmt.Errorf("sarif: %w", err)
	}
	claims := map[string]any{"tool": p.Tool.Name, "tool_version": p.Tool.Version, "ruleset": p.Tool.Ruleset,
		"ruleset_version": p.Tool.RulesetVersion, "source_commit": p.SourceCommit, "scope": p.Scope,
		"languages": list(p.Languages), "execution_successful": p.ExecutionSuccessful && s.Successful, "finished_at": p.FinishedAt}
	// Absent is not zero: some tools do not count the files they looked at.
	if p.FilesAnalyzed != nil {
		claims["files_analyzed"] = *p.FilesAnalyzed
	}
	return &Content{SAST: s.Findings, Claims: claims}, nil
}

// secretScan is the gatekeep.dev/secret-scan/v1 predicate.
type secretScan struct {
	Scopes   []string `json:"scopes"`
	Findings []struct {
		Fingerprint  string `json:"fingerprint"`
		Kind         string `json:"kind"`
		Location     string `json:"location"`
		Status       string `json:"status"`
		VerifiedLive bool   `json:"verifiedLive"`
	} `json:"findings"`
	FromCommit string `json:"fromCommit"`
	ToCommit   string `json:"toCommit"`
	Shallow    bool   `json:"shallow"`
	FinishedAt string `json:"finishedAt"`
}

func secretScanContent(p *secretScan) (*Content, error) {
	if len(p.Findings) > scan.MaxFindings {
		return nil, fmt.Errorf("more than %d findings: %w", scan.MaxFindings, ErrTooLarge)
	}
	findings := make([]any, 0, len(p.Findings))
	for _, f := range p.Findings {
		findings = append(findings, map[string]any{"fingerprint": f.Fingerprint, "kind": f.Kind, "location": f.Location,
			"status": f.Status, "verified_live": f.VerifiedLive})
	}
	return &Content{Claims: map[string]any{"scopes": list(p.Scopes), "findings": findings, "from_commit": p.FromCommit,
		"to_commit": p.ToCommit, "shallow": p.Shallow, "finished_at": p.FinishedAt}}, nil
}

// place is a resource of an iac-plan or residency predicate.
type place struct {
	Address         string   `json:"address"`
	Type            string   `json:"type,omitempty"`
	Provider        string   `json:"provider,omitempty"`
	Region          string   `json:"region,omitempty"`
	Actions         []string `json:"actions,omitempty"`
	HoldsData       *bool    `json:"holdsData,omitempty"`
	DataClasses     []string `json:"dataClasses,omitempty"`
	EncryptedAtRest *bool    `json:"encryptedAtRest,omitempty"`
	Key             string   `json:"key,omitempty"`
}

// places turns resources into facts; an address may stand once.
func places(list []place) ([]gatekeep.Resource, error) {
	seen := make(map[string]bool, len(list))
	resources := make([]gatekeep.Resource, 0, len(list))
	for i, p := range list {
		if seen[p.Address] {
			return nil, fmt.Errorf("resources[%d]: address %q stands twice", i, p.Address)
		}
		seen[p.Address] = true
		resources = append(resources, gatekeep.Resource{Address: p.Address, Type: p.Type, Provider: p.Provider, Region: p.Region,
			Actions: p.Actions, HoldsData: p.HoldsData, DataClasses: p.DataClasses, EncryptedAtRest: p.EncryptedAtRest, Key: p.Key})
	}
	return resources, nil
}

// iacPlan is the gatekeep.dev/iac-plan/v1 predicate.
type iacPlan struct {
	Tool struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	} `json:"tool"`
	FormatVersion string  `json:"formatVersion"`
	Errored       bool    `json:"errored"`
	Complete      bool    `json:"complete"`
	PlanDigest    string  `json:"planDigest"`
	Resources     []place `json:"resources"`
}

func planContent(p *iacPlan) (*Content, error) {
	resources, err := places(p.Resources)
	if err != nil {
		return nil, err
	}
	return &Content{Resources: resources, Claims: map[string]any{"tool": p.Tool.Name, "tool_version": p.Tool.Version,
		"format_version": p.FormatVersion, "errored": p.Errored, "complete": p.Complete, "plan_digest": p.PlanDigest}}, nil
}

// residency is the gatekeep.dev/residency/v1 predicate.
type residency struct {
	Service     string  `json:"service"`
	Environment string  `json:"environment"`
	Resources   []place `json:"resources"`
}

func residencyContent(p *residency) (*Content, error) {
	resources, err := places(p.Resources)
	if err != nil {
		return nil, err
	}
	return &Content{Resources: resources, Claims: map[string]any{"service": p.Service, "environment": p.Environment}}, nil
}

// list is texts as the policy store takes them, never null.
func list(texts []string) []any {
	out := make([]any, 0, len(texts))
	for _, text := range texts {
		out = append(out, text)
	}
	return out
}
