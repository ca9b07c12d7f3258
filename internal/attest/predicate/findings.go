package predicate

import (
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/evidence"
)

// Predicates that are the report of a scanner as it stands.
const (
	osvResults  = "https://ossf.github.io/osv-schema/results@"
	trivyReport = "https://trivy.dev/report"
	policyLabs  = "https://predicates.policylabs.dev/"
)

// vulnsBy decodes a scan for known vulnerabilities.
func vulnsBy(read func([]byte) (*scan.Vulnerabilities, error)) func([]byte) (*Content, error) {
	return func(raw []byte) (*Content, error) {
		findings, claims, err := evidence.Vulns(raw, read)
		if err != nil {
			return nil, err
		}
		return &Content{SCA: findings, Claims: claims, Targets: scan.Targets(raw)}, nil
	}
}

func scanReportContent(p *evidence.Report) (*Content, error) {
	findings, claims, err := p.Read()
	return &Content{SCA: findings, Claims: claims, Targets: scan.Targets(p.Report)}, err
}

func sastContent(p *evidence.SAST) (*Content, error) {
	findings, claims, err := p.Read()
	return &Content{SAST: findings, Claims: claims}, err
}

func secretScanContent(p *evidence.SecretScan) (*Content, error) {
	claims, err := p.Read()
	return &Content{Claims: claims}, err
}

func exploitContent(p *evidence.Exploits) (*Content, error) {
	claims, err := p.Read()
	return &Content{Exploits: p, Claims: claims}, err
}

// scanned is a wrapper of what a tool wrote; where the file turns out to be a
// predicate of a kind that is ready made, it is filled in as such.
func scanned(kind string, wrap func([]byte, evidence.Options) (string, []byte, error)) func([]byte, WrapOptions) (string, []byte, error) {
	return func(file []byte, o WrapOptions) (string, []byte, error) {
		uri, raw, err := wrap(file, evidence.Options{Now: o.Now, DBLastUpdate: o.DBLastUpdate, Tool: o.Tool, Commit: o.Commit, FromCommit: o.FromCommit,
			Languages: o.Languages, FilesAnalyzed: o.FilesAnalyzed, Scopes: o.Scopes, Shallow: o.Shallow})
		if err != nil || uri != "" {
			return uri, raw, err
		}
		raw, err = fill(kind, file, o)
		return own(kind), raw, err
	}
}
