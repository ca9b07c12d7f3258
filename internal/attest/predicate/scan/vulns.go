package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/instant"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// Vulnerabilities is one scan for known vulnerabilities.
type Vulnerabilities struct {
	ScannerURI     string
	ScannerVersion string
	StartedOn      string // RFC 3339
	FinishedOn     string // RFC 3339
	DBLastUpdate   string // RFC 3339; empty where neither predicate nor report says
	Entries        int    // that the result lists
	Findings       []gatekeep.SCAFinding
}

// header are the fields that all vulnerability predicates share.
type header struct {
	Scanner struct {
		URI     string `json:"uri"`
		Version string `json:"version"`
		DB      struct {
			LastUpdate string `json:"lastUpdate"`
		} `json:"db"`
		Result json.RawMessage `json:"result"`
	} `json:"scanner"`
	Metadata struct {
		ScanStartedOn  string `json:"scanStartedOn"`
		ScanFinishedOn string `json:"scanFinishedOn"`
	} `json:"metadata"`
}

// scan reads what is common, and checks it.
func (h *header) scan(raw []byte) (*Vulnerabilities, error) {
	if err := json.Unmarshal(raw, h); err != nil {
		return nil, err
	}
	v := &Vulnerabilities{ScannerURI: h.Scanner.URI, ScannerVersion: h.Scanner.Version,
		StartedOn: h.Metadata.ScanStartedOn, FinishedOn: h.Metadata.ScanFinishedOn, DBLastUpdate: h.Scanner.DB.LastUpdate}
	if v.ScannerURI == "" {
		return nil, errors.New("scanner.uri is missing")
	}
	if err := instant.Check(v.FinishedOn); err != nil {
		return nil, fmt.Errorf("metadata.scanFinishedOn: %w", err)
	}
	if err := instant.Optional(v.StartedOn); err != nil {
		return nil, fmt.Errorf("metadata.scanStartedOn: %w", err)
	}
	if err := instant.Optional(v.DBLastUpdate); err != nil {
		return nil, fmt.Errorf("scanner.db.lastUpdate: %w", err)
	}
	return v, nil
}

// vulnerability is an entry of an in-toto result.
type vulnerability struct {
	ID       string `json:"id"`
	Severity []struct {
		Method string `json:"method"`
		Score  any    `json:"score"` // text by the specification; numbers are seen too
	} `json:"severity"`
	Annotations []annotation `json:"annotations"`
}

// annotation holds what the gate reads of the free part of an entry.
type annotation struct {
	PURL      string   `json:"purl"`
	FirstSeen string   `json:"firstSeen"`
	FixedIn   string   `json:"fixedIn"`
	Aliases   []string `json:"aliases"`
}

// InToto reads a predicate of type https://in-toto.io/attestation/vulns/v0.1 or v0.2.
// Its result is required: an empty list says that nothing was found, an absent one
// says nothing.
func InToto(raw []byte) (*Vulnerabilities, error) {
	var h header
	v, err := h.scan(raw)
	if err != nil {
		return nil, fmt.Errorf("reading vulnerability scan: %w", err)
	}
	// v0.1 has an object named vulnerability around each entry, v0.2 has not; GUAC and
	// others write the newer shape under the older type.
	var entries *[]struct {
		vulnerability
		Wrapped *vulnerability `json:"vulnerability"`
	}
	if err := json.Unmarshal(orNull(h.Scanner.Result), &entries); err != nil {
		return nil, fmt.Errorf("reading vulnerability scan: scanner.result: %w", err)
	}
	if entries == nil {
		return nil, errors.New("reading vulnerability scan: scanner.result is missing; a scan that found nothing has an empty list")
	}
	found := finding.Vulns{Scanner: toolOf(v.ScannerURI)}
	for i, e := range *entries {
		entry := e.vulnerability
		if e.Wrapped != nil {
			if entry.ID != "" {
				return nil, fmt.Errorf("reading vulnerability scan: scanner.result[%d] has an id outside and inside its vulnerability", i)
			}
			entry = *e.Wrapped
			entry.Annotations = append(entry.Annotations, e.Annotations...)
		}
		f := gatekeep.SCAFinding{ID: entry.ID}
		var ratings []finding.Rating
		for _, s := range entry.Severity {
			score := fmt.Sprint(s.Score)
			ratings = append(ratings, finding.Rating{From: finding.Either(s.Method, toolOf(v.ScannerURI)), Word: score, Vector: score})
		}
		for _, a := range entry.Annotations {
			if err := instant.Optional(a.FirstSeen); err != nil {
				return nil, fmt.Errorf("reading vulnerability scan: scanner.result[%d]: %w", i, err)
			}
			f.PURL, f.FirstSeen, f.FixedIn = finding.Either(f.PURL, a.PURL), finding.Either(f.FirstSeen, a.FirstSeen), finding.Either(f.FixedIn, a.FixedIn)
			f.Aliases = append(f.Aliases, a.Aliases...)
		}
		if err := found.Add(f, ratings...); err != nil {
			return nil, fmt.Errorf("reading vulnerability scan: scanner.result[%d]: %w", i, err)
		}
	}
	v.Entries = len(*entries)
	if v.Findings, err = found.List(); err != nil {
		return nil, fmt.Errorf("reading vulnerability scan: %w", err)
	}
	return v, nil
}

// toolOf is the name of a scanner in its URI: "trivy" of
// "pkg:github/aquasecurity/trivy@0.19.2"; the URI itself where it has none.
func toolOf(uri string) string {
	rest, ok := strings.CutPrefix(uri, "pkg:")
	if !ok {
		return uri
	}
	rest, _, _ = strings.Cut(rest, "@")
	return path.Base(rest)
}

// Cosign reads a predicate of type https://cosign.sigstore.dev/attestation/vuln/v1,
// whose result is the report of the scanner as it stands.
func Cosign(raw []byte) (*Vulnerabilities, error) {
	var h header
	v, err := h.scan(raw)
	if err != nil {
		return nil, fmt.Errorf("reading vulnerability scan: %w", err)
	}
	report, err := readWith(readers, orNull(h.Scanner.Result))
	if err == nil {
		err = report.Check(finding.KindVulns)
	}
	if err != nil {
		return nil, fmt.Errorf("reading vulnerability scan: scanner.result: %w", err)
	}
	// A wrapper that was made later does not make the scan a later one.
	v.FinishedOn = finding.Earliest(v.FinishedOn, report.CreatedAt)
	v.DBLastUpdate = finding.Earliest(v.DBLastUpdate, report.DBLastUpdate)
	v.Entries, v.Findings = report.Entries, report.Vulns
	return v, nil
}

// Raw reads a predicate that is the report of a scanner as it stands, of one of
// Formats. The report itself tells when the scan ended, or nobody does.
func Raw(format string, raw []byte) (*Vulnerabilities, error) {
	report, err := ReadReportAs(format, raw)
	if err == nil {
		err = report.Check(finding.KindVulns)
	}
	if err != nil {
		return nil, fmt.Errorf("reading vulnerability scan: %w", err)
	}
	return &Vulnerabilities{ScannerURI: URI(report), ScannerVersion: report.Version, StartedOn: report.CreatedAt, FinishedOn: report.CreatedAt,
		DBLastUpdate: report.DBLastUpdate, Entries: report.Entries, Findings: report.Vulns}, nil
}

// URI names the tool that wrote a report, with its version where that is known.
func URI(r *finding.Report) string {
	uri, known := uris[r.Format]
	if !known {
		uri = r.Tool
	}
	if r.Version != "" {
		uri += "@" + r.Version
	}
	return uri
}

var uris = map[string]string{"grype": "pkg:github/anchore/grype", "trivy": "pkg:github/aquasecurity/trivy",
	"osv-scanner": "pkg:github/google/osv-scanner", "snyk": "pkg:npm/snyk", "npm-audit": "pkg:npm/npm",
	"govulncheck": "pkg:golang/golang.org/x/vuln", "checkov": "pkg:pypi/checkov"}

// PredicateFormat is the format of what is no report but a predicate with one.
const PredicateFormat = "vulns-predicate"

// URIs of vulnerability predicates.
const (
	VulnsV01   = "https://in-toto.io/attestation/vulns/v0.1"
	VulnsV02   = "https://in-toto.io/attestation/vulns/v0.2"
	CosignVuln = "https://cosign.sigstore.dev/attestation/vuln/v1"
)

// readPredicate reads a vulnerability predicate that lies in a file.
func readPredicate(d *finding.Document) (*finding.Report, error) {
	var h header
	if err := json.Unmarshal(d.Raw, &h); err != nil {
		return nil, err
	}
	read := InToto
	if strings.HasPrefix(string(h.Scanner.Result), "{") {
		read = Cosign
	}
	v, err := read(d.Raw)
	if err != nil {
		return nil, err
	}
	return &finding.Report{Format: PredicateFormat, Tool: toolOf(v.ScannerURI), Version: v.ScannerVersion, Kinds: []string{finding.KindVulns},
		CreatedAt: v.FinishedOn, DBLastUpdate: v.DBLastUpdate, Entries: v.Entries, Vulns: v.Findings}, nil
}

func orNull(raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return []byte("null")
	}
	return raw
}

// TypeOf chooses among the URIs of vulnerability predicates by the shape of one that
// was read: v0.1 of in-toto wraps each entry, v0.2 does not, and cosign holds a report.
func TypeOf(raw []byte) string {
	var h header
	if err := json.Unmarshal(raw, &h); err == nil {
		switch {
		case strings.HasPrefix(string(h.Scanner.Result), "{"):
			return CosignVuln
		case strings.Contains(string(h.Scanner.Result), `"vulnerability"`):
			return VulnsV01
		}
	}
	return VulnsV02
}
