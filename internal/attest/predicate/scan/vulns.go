// Package scan reads what scanners report: vulnerabilities from in-toto vulns and
// cosign vuln predicates and from Grype and Trivy reports, flaws from SARIF. A
// report of unknown shape is an error, never a report without findings.
//
// The texts are JSON that strictjson.Check and jsonscan.RefuseFolded have passed.
package scan

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/instant"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/jsonscan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/sbom"
)

// Bounds of one report.
const (
	MaxFindings = 100_000 // the worst images known have 20,000
	maxAliases  = 100     // of one finding; six have been seen
)

// Vulnerabilities is one scan for known vulnerabilities.
type Vulnerabilities struct {
	ScannerURI     string
	ScannerVersion string
	StartedOn      string // RFC 3339
	FinishedOn     string // RFC 3339
	DBLastUpdate   string // RFC 3339; empty where neither predicate nor report says
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
		Score any `json:"score"` // text by the specification; numbers are seen too
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
	var found findings
	for i, e := range *entries {
		entry := e.vulnerability
		if e.Wrapped != nil {
			if entry.ID != "" {
				return nil, fmt.Errorf("reading vulnerability scan: scanner.result[%d] has an id outside and inside its vulnerability", i)
			}
			entry = *e.Wrapped
			entry.Annotations = append(entry.Annotations, e.Annotations...)
		}
		f := gatekeep.SCAFinding{ID: entry.ID, Severity: unknown}
		for _, s := range entry.Severity {
			f.Severity = worse(f.Severity, severity(fmt.Sprint(s.Score)))
		}
		for _, a := range entry.Annotations {
			if err := instant.Optional(a.FirstSeen); err != nil {
				return nil, fmt.Errorf("reading vulnerability scan: scanner.result[%d]: %w", i, err)
			}
			f.PURL, f.FirstSeen, f.FixedIn = either(f.PURL, a.PURL), either(f.FirstSeen, a.FirstSeen), either(f.FixedIn, a.FixedIn)
			f.Aliases = append(f.Aliases, a.Aliases...)
		}
		if err := found.add(f); err != nil {
			return nil, fmt.Errorf("reading vulnerability scan: scanner.result[%d]: %w", i, err)
		}
	}
	v.Findings = found.list
	return v, nil
}

// Cosign reads a predicate of type https://cosign.sigstore.dev/attestation/vuln/v1,
// whose result is the report of the scanner as it stands.
func Cosign(raw []byte) (*Vulnerabilities, error) {
	var h header
	v, err := h.scan(raw)
	if err != nil {
		return nil, fmt.Errorf("reading vulnerability scan: %w", err)
	}
	report, err := ReadReport(orNull(h.Scanner.Result))
	if err != nil {
		return nil, fmt.Errorf("reading vulnerability scan: scanner.result: %w", err)
	}
	v.DBLastUpdate = either(v.DBLastUpdate, report.DBLastUpdate)
	v.Findings = report.Findings
	return v, nil
}

func orNull(raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return []byte("null")
	}
	return raw
}

// either is the first text that is not empty.
func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// findings collects, with one entry for each vulnerability of each component.
type findings struct {
	list  []gatekeep.SCAFinding
	at    map[string]int
	taken int // those that became one with another included
}

// add takes a finding under its CVE where one is known. Entries for the same
// vulnerability and component become one, with the worse severity.
func (fs *findings) add(f gatekeep.SCAFinding) error {
	if f.ID == "" {
		return errors.New("a finding has no id")
	}
	if fs.taken++; fs.taken > MaxFindings {
		return fmt.Errorf("more than %d findings: %w", MaxFindings, jsonscan.ErrLimit)
	}
	if len(f.Aliases) > maxAliases {
		return fmt.Errorf("more than %d aliases: %w", maxAliases, jsonscan.ErrLimit)
	}
	f.ID, f.Aliases = preferCVE(f.ID, f.Aliases)
	if canonical, ok := sbom.Canonical(f.PURL); ok {
		f.PURL = canonical
	}
	if f.Attestations == nil {
		f.Attestations = []string{}
	}
	key := f.ID + " " + f.PURL
	if i, known := fs.at[key]; known {
		old := &fs.list[i]
		old.Severity = worse(old.Severity, f.Severity)
		old.FixedIn = either(old.FixedIn, f.FixedIn)
		if f.FirstSeen != "" && (old.FirstSeen == "" || earlier(f.FirstSeen, old.FirstSeen)) {
			old.FirstSeen = f.FirstSeen
		}
		_, old.Aliases = preferCVE(old.ID, append(old.Aliases, f.Aliases...))
		if len(old.Aliases) > maxAliases {
			return fmt.Errorf("more than %d aliases: %w", maxAliases, jsonscan.ErrLimit)
		}
		return nil
	}
	if fs.at == nil {
		fs.at = map[string]int{}
	}
	fs.at[key] = len(fs.list)
	fs.list = append(fs.list, f)
	return nil
}

// preferCVE picks the id that other documents are most likely to use: the finding's
// own where that is a CVE, else the first CVE among its aliases.
func preferCVE(id string, aliases []string) (string, []string) {
	all := append([]string{id}, aliases...)
	slices.Sort(all[1:])
	chosen := id
	if !strings.HasPrefix(id, "CVE-") {
		if i := slices.IndexFunc(all, func(s string) bool { return strings.HasPrefix(s, "CVE-") }); i >= 0 {
			chosen = all[i]
		}
	}
	slices.Sort(all)
	all = slices.DeleteFunc(slices.Compact(all), func(s string) bool { return s == chosen || s == "" })
	return chosen, slices.Clip(all)
}
