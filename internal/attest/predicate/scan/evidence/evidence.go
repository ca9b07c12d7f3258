// Package evidence is what the predicates about scans hold: how they are made of the
// files that tools write, and what facts they give. It carries no secret that a
// scanner found, only where it is.
package evidence

import (
	"encoding/json"
	"fmt"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/exploit"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/sast"
)

// Vulns reads a predicate with a scan for known vulnerabilities by one of the readers
// of package scan, and gives its findings and claims.
func Vulns(raw []byte, read func([]byte) (*scan.Vulnerabilities, error)) ([]gatekeep.SCAFinding, map[string]any, error) {
	if err := strict(raw); err != nil {
		return nil, nil, fmt.Errorf("reading vulnerability scan: %w", err)
	}
	v, err := read(raw)
	if err != nil {
		return nil, nil, err
	}
	return v.Findings, map[string]any{"scanner_uri": v.ScannerURI, "scanner_version": v.ScannerVersion,
		"scan_started_on": v.StartedOn, "scan_finished_on": v.FinishedOn, "db_last_update": v.DBLastUpdate}, nil
}

// ReportOf is the reader of a predicate that is the report of one scanner, by its name
// in scan.Formats.
func ReportOf(format string) func([]byte) (*scan.Vulnerabilities, error) {
	return func(raw []byte) (*scan.Vulnerabilities, error) { return scan.Raw(format, raw) }
}

func strict(raw []byte) error {
	if len(raw) > finding.MaxBytes {
		return fmt.Errorf("%d bytes, limit %d: %w", len(raw), finding.MaxBytes, jsonscan.ErrLimit)
	}
	return jsonscan.RefuseFolded(raw, finding.MaxDepth)
}

// Report is the gatekeep.dev/scan-report/v1 predicate: a report that is no JSON object.
type Report struct {
	Format       string          `json:"format"`
	Report       json.RawMessage `json:"report"`
	FinishedAt   string          `json:"finishedAt"` // RFC 3339
	DBLastUpdate string          `json:"dbLastUpdate,omitempty"`
}

// Read gives findings and claims.
func (p *Report) Read() ([]gatekeep.SCAFinding, map[string]any, error) {
	findings, claims, err := Vulns(p.Report, ReportOf(p.Format))
	if err != nil {
		return nil, nil, err
	}
	for claim, stated := range map[string]string{"scan_finished_on": p.FinishedAt, "db_last_update": p.DBLastUpdate} {
		inside, _ := claims[claim].(string)
		claims[claim] = finding.Earliest(stated, inside)
	}
	return findings, claims, nil
}

// SAST is the gatekeep.dev/sast/v1 predicate.
type SAST struct {
	Tool                Tool            `json:"tool"`
	SourceCommit        string          `json:"sourceCommit"`
	Scope               string          `json:"scope"`
	Languages           []string        `json:"languages"`
	FilesAnalyzed       *int            `json:"filesAnalyzed,omitempty"`
	ExecutionSuccessful bool            `json:"executionSuccessful"`
	SARIF               json.RawMessage `json:"sarif"`
	FinishedAt          string          `json:"finishedAt"` // RFC 3339
}

// Tool is the analyser, with the rules it went by.
type Tool struct {
	Name           string `json:"name"`
	Version        string `json:"version"`
	Ruleset        string `json:"ruleset"`
	RulesetVersion string `json:"rulesetVersion"`
}

// Read gives findings by fingerprint, and claims.
func (p *SAST) Read() (map[string]gatekeep.SASTFinding, map[string]any, error) {
	if err := strict(p.SARIF); err != nil {
		return nil, nil, fmt.Errorf("sarif: %w", err)
	}
	s, err := sast.Read(p.SARIF)
	if err != nil {
		return nil, nil, fmt.Errorf("sarif: %w", err)
	}
	claims := map[string]any{"tool": p.Tool.Name, "tool_version": p.Tool.Version, "ruleset": p.Tool.Ruleset,
		"ruleset_version": p.Tool.RulesetVersion, "source_commit": p.SourceCommit, "scope": p.Scope,
		"languages": list(p.Languages), "execution_successful": p.ExecutionSuccessful && s.Successful, "finished_at": p.FinishedAt}
	// Absent is not zero: some tools do not count the files they looked at.
	if p.FilesAnalyzed != nil {
		claims["files_analyzed"] = *p.FilesAnalyzed
	}
	return s.Findings, claims, nil
}

// SecretScan is the gatekeep.dev/secret-scan/v1 predicate.
type SecretScan struct {
	Tool       map[string]string `json:"tool"`
	Scopes     []string          `json:"scopes"`
	Findings   []Secret          `json:"findings"`
	FromCommit string            `json:"fromCommit,omitempty"` // of the history that was searched
	ToCommit   string            `json:"toCommit,omitempty"`
	Shallow    bool              `json:"shallow"`
	FinishedAt string            `json:"finishedAt"` // RFC 3339
}

// Secret is a credential that was found, without the credential.
type Secret struct {
	Fingerprint  string `json:"fingerprint"`
	Kind         string `json:"kind"`
	Location     string `json:"location"`
	Status       string `json:"status"`
	VerifiedLive bool   `json:"verifiedLive"`
}

// Read gives the claims.
func (p *SecretScan) Read() (map[string]any, error) {
	if len(p.Findings) > finding.MaxFindings {
		return nil, fmt.Errorf("more than %d findings: %w", finding.MaxFindings, jsonscan.ErrLimit)
	}
	findings := make([]any, 0, len(p.Findings))
	for _, f := range p.Findings {
		findings = append(findings, map[string]any{"fingerprint": f.Fingerprint, "kind": f.Kind, "location": f.Location,
			"status": f.Status, "verified_live": f.VerifiedLive})
	}
	return map[string]any{"scopes": list(p.Scopes), "findings": findings, "from_commit": p.FromCommit,
		"to_commit": p.ToCommit, "shallow": p.Shallow, "finished_at": p.FinishedAt}, nil
}

// Exploits is the gatekeep.dev/exploit-feed/v1 predicate: what a feed says of the
// exploitation of vulnerabilities.
type Exploits struct {
	Source    string             `json:"source"`
	FetchedAt string             `json:"fetchedAt"` // RFC 3339
	Exploited []string           `json:"exploited"` // ids of vulnerabilities
	EPSS      map[string]float64 `json:"epss"`      // 0 to 1, by id
}

// Read gives the claims.
func (p *Exploits) Read() (map[string]any, error) {
	if len(p.Exploited) > exploit.MaxEntries || len(p.EPSS) > exploit.MaxEntries {
		return nil, fmt.Errorf("more than %d entries: %w", exploit.MaxEntries, jsonscan.ErrLimit)
	}
	return map[string]any{"source": p.Source, "fetched_at": p.FetchedAt,
		"exploited_count": len(p.Exploited), "epss_count": len(p.EPSS)}, nil
}

// list is texts as the policy store takes them, never null.
func list(texts []string) []any {
	out := make([]any, 0, len(texts))
	for _, text := range texts {
		out = append(out, text)
	}
	return out
}
