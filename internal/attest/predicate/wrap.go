package predicate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/plan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
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
	Tool          string        // that made a plan: "terraform" if empty, or "opentofu"
}

// sources are the names that Wrap takes beside the kinds with a schema.
var sources = []struct {
	name, line string
	wrap       func(file []byte, o WrapOptions) (uri string, predicate []byte, err error)
}{
	{"provenance", "SLSA provenance v1 or v0.2 predicate", wrapProvenance},
	{"sbom", "CycloneDX or SPDX JSON document", wrapSBOM},
	{"sarif", "SARIF 2.1.0 document of a static analyser", wrapSARIF},
	{"vulns", "Grype or Trivy JSON report, or a vulnerability predicate", wrapVulns},
	{"vex", "OpenVEX document", wrapVEX},
	{"plan", "Terraform or OpenTofu plan as JSON", wrapPlan},
	{"link", "in-toto link: one step of a supply chain", wrapLink},
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
	{"secret-scan", "result of a search for secrets"},
	{"incident", "snapshot of an incident"},
	{"sast", "static analysis predicate, ready made"},
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
		limit := int64(MaxBytes)
		if name == "sbom" {
			limit = sbom.MaxBytes
		}
		if err := strictjson.Check(file, strictjson.Limits{Bytes: limit, Depth: MaxDepth}); err != nil {
			return "", nil, fmt.Errorf("wrapping %s: %w", name, err)
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
	}
	if err := lenient(file, &shape); err != nil {
		return "", nil, err
	}
	switch {
	case shape.BuildDefinition != nil:
		return slsaV1, file, nil
	case shape.Builder != nil:
		return slsaV02, file, nil
	}
	return "", nil, errors.New("neither buildDefinition (SLSA v1) nor builder (v0.2): give the predicate, not the statement around it")
}

func wrapSBOM(file []byte, _ WrapOptions) (string, []byte, error) {
	doc, err := sbom.Decode(file)
	if err != nil {
		return "", nil, err
	}
	if doc.Format == sbom.SPDX {
		return spdxDocument, file, nil
	}
	return cycloneDX, file, nil
}

func wrapVEX(file []byte, _ WrapOptions) (string, []byte, error) {
	var shape struct {
		Context string `json:"@context"`
	}
	if err := lenient(file, &shape); err != nil {
		return "", nil, err
	}
	if shape.Context == openVEX+"/v0.2.0" {
		return shape.Context, file, nil
	}
	return openVEX, file, nil
}

// wrapVulns takes a predicate as it is, and puts a report into one.
func wrapVulns(file []byte, o WrapOptions) (string, []byte, error) {
	var shape struct {
		Scanner *struct {
			Result json.RawMessage `json:"result"`
		} `json:"scanner"`
	}
	if err := lenient(file, &shape); err != nil {
		return "", nil, err
	}
	if shape.Scanner != nil {
		switch result := shape.Scanner.Result; {
		case bytes.HasPrefix(result, []byte("{")):
			return cosignVuln, file, nil
		case bytes.Contains(result, []byte(`"vulnerability"`)):
			return vulnsV01, file, nil
		}
		return vulnsV02, file, nil
	}
	r, err := scan.ReadReport(file)
	if err != nil {
		return "", nil, err
	}
	finished := r.CreatedAt
	if finished == "" {
		if o.Now.IsZero() {
			return "", nil, errors.New("the report does not say when the scan ended, and no time is given")
		}
		finished = o.Now.UTC().Format(time.RFC3339)
	}
	db := map[string]any{}
	if updated := r.DBLastUpdate; updated != "" {
		db["lastUpdate"] = updated
	} else if !o.DBLastUpdate.IsZero() {
		db["lastUpdate"] = o.DBLastUpdate.UTC().Format(time.RFC3339)
	}
	uri := map[string]string{"grype": "pkg:github/anchore/grype", "trivy": "pkg:github/aquasecurity/trivy"}[r.Tool]
	if r.Version != "" {
		uri += "@" + r.Version
	}
	raw, err := json.Marshal(map[string]any{
		"scanner":  map[string]any{"uri": uri, "version": r.Version, "db": db, "result": json.RawMessage(file)},
		"metadata": map[string]any{"scanStartedOn": finished, "scanFinishedOn": finished},
	})
	return cosignVuln, raw, err
}

func wrapSARIF(file []byte, o WrapOptions) (string, []byte, error) {
	if err := unambiguous(file); err != nil {
		return "", nil, err
	}
	s, err := scan.ReadSARIF(file)
	if err != nil {
		return "", nil, err
	}
	if len(s.Tools) > 1 {
		return "", nil, fmt.Errorf("runs of several tools (%s); give each its own file", strings.Join(s.Tools, ", "))
	}
	finished := s.FinishedOn
	if finished == "" {
		if o.Now.IsZero() {
			return "", nil, errors.New("the document does not say when the tool ended, and no time is given")
		}
		finished = o.Now.UTC().Format(time.RFC3339)
	}
	files := o.FilesAnalyzed
	if files == nil {
		files = s.FilesAnalyzed
	}
	raw, err := json.Marshal(sast{Tool: sastTool{Name: s.Tool, Version: s.ToolVersion}, SourceCommit: o.Commit, Scope: "full",
		Languages: append([]string{}, o.Languages...), FilesAnalyzed: files, ExecutionSuccessful: s.Successful,
		SARIF: file, FinishedAt: finished})
	return own("sast"), raw, err
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
