package predicate

import (
	"encoding/json"
	"fmt"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/slsa"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
)

func decodeSLSA1(raw []byte) (*Content, error)  { return provenanceContent(raw, slsa.ReadV1) }
func decodeSLSA02(raw []byte) (*Content, error) { return provenanceContent(raw, slsa.ReadV02) }
func decodeSLSA01(raw []byte) (*Content, error) { return provenanceContent(raw, slsa.ReadV01) }

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

func decodeCycloneDX(raw []byte) (*Content, error) { return sbomContent(raw, sbom.CycloneDX) }
func decodeSPDX(raw []byte) (*Content, error)      { return sbomContent(raw, sbom.SPDX) }

// sbomContent reads a document, or a text that holds one: what is no JSON object, such
// as tag-value and XML, is attested as a text.
func sbomContent(raw []byte, format string) (*Content, error) {
	doc, err := sbomIn(raw)
	if err != nil {
		return nil, err
	}
	if doc.Format != format {
		return nil, fmt.Errorf("reading SBOM: the predicate type says %s, the document is %s", format, doc.Format)
	}
	ref := digest.Of(raw)
	return &Content{
		Targets: doc.Images,
		SBOM: &SBOM{Ref: ref, Format: doc.Format, SpecVersion: doc.SpecVersion, ComponentCount: doc.Components,
			UnidentifiedCount: doc.Unidentified, Index: doc.Index},
		Claims: map[string]any{"content_digest": ref, "spec_version": doc.SpecVersion,
			"component_count": doc.Components, "format": doc.Format},
	}, nil
}

func sbomIn(raw []byte) (*sbom.Document, error) {
	if len(raw) == 0 || raw[0] != '"' {
		return sbom.Decode(raw)
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, fmt.Errorf("reading SBOM: %w", err)
	}
	// The check of the envelope has not seen what is in the text.
	return sbom.Read([]byte(text))
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
