package sca

import (
	"errors"
	"fmt"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// govulnMessage is one message of govulncheck's JSON: one of its fields is there.
type govulnMessage struct {
	Config *struct {
		Protocol string `json:"protocol_version"`
		Scanner  string `json:"scanner_name"`
		Version  string `json:"scanner_version"`
		Modified string `json:"db_last_modified"`
		Level    string `json:"scan_level"`
		Mode     string `json:"scan_mode"`
	} `json:"config"`
	Progress any        `json:"progress"`
	SBOM     any        `json:"SBOM"`
	OSV      *osvRecord `json:"osv"`
	Finding  *struct {
		OSV   string `json:"osv"`
		Fixed string `json:"fixed_version"`
		Trace []struct {
			Module   string `json:"module"`
			Version  string `json:"version"`
			Package  string `json:"package"`
			Function string `json:"function"`
			Position struct {
				Filename string `json:"filename"`
				Line     int    `json:"line"`
			} `json:"position"`
		} `json:"trace"`
	} `json:"finding"`
}

// Govulncheck reads the messages of "govulncheck -format json", one after another as
// it writes them, or in an array. The trace of a finding begins at what is
// vulnerable: a function there means that it is called, or in a binary that it is
// there. Where the tool looked for calls and found none, the finding is not reachable.
func Govulncheck(d *finding.Document) (*finding.Report, error) {
	r := &finding.Report{Format: "govulncheck", Tool: "govulncheck"}
	records := map[string]*osvRecord{}
	var messages []*govulnMessage
	symbols, configured, went := false, false, false
	err := finding.Each(d, func(_ int, m *govulnMessage) error {
		switch {
		case m.Finding != nil && (m.Config != nil || m.OSV != nil):
			return errors.New("a message that is a finding and something else")
		case m.Config != nil && configured:
			return errors.New("a second config: two scans in one report")
		case m.Config != nil:
			c := m.Config
			if c.Protocol == "" || c.Mode == "query" || c.Mode == "extract" {
				return fmt.Errorf("config of protocol %q and mode %q is not of a scan", c.Protocol, c.Mode)
			}
			r.Version, r.DBLastUpdate, configured, symbols = c.Version, c.Modified, true, c.Level == "symbol"
			return r.Dated()
		case m.OSV != nil:
			records[m.OSV.ID], went = m.OSV, true
		case m.Finding != nil:
			messages, went = append(messages, m), true
			return r.Count()
		case m.Progress != nil || m.SBOM != nil:
			went = true
		default:
			return errors.New("a message that is none of config, progress, SBOM, osv and finding")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if !configured {
		return nil, errors.New("no config: the scan did not begin")
	}
	// The config is written before anything is looked at.
	if went {
		r.Looked(finding.KindVulns)
	}
	found := finding.Vulns{Scanner: "govulncheck"}
	for i, m := range messages {
		if len(m.Finding.Trace) == 0 || m.Finding.Trace[0].Module == "" {
			return nil, fmt.Errorf("finding %d of %s names no module", i, m.Finding.OSV)
		}
		at := m.Finding.Trace[0]
		f := gatekeep.SCAFinding{ID: m.Finding.OSV, PURL: finding.Component("go", at.Module, at.Version), FixedIn: m.Finding.Fixed}
		if symbols {
			called := at.Function != ""
			f.Reachable = &called
		}
		if last := m.Finding.Trace[len(m.Finding.Trace)-1].Position; last.Filename != "" {
			f.Locations = []string{finding.At(last.Filename, last.Line)}
		}
		var ratings []finding.Rating
		if record := records[m.Finding.OSV]; record != nil {
			f.Aliases = append(append(f.Aliases, record.Aliases...), record.Upstream...)
			ratings = record.ratings(at.Module)
		}
		if err := found.Add(f, ratings...); err != nil {
			return nil, err
		}
	}
	r.Vulns, err = found.List()
	return r, err
}
