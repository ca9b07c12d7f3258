package format

import (
	"slices"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/vex"
)

// isReport takes what is left: package scan looks at it with a table of its own.
func isReport(s *sample) bool {
	return s.shape == shapeObject || s.shape == shapeArray || s.shape == shapeLines
}

func readReport(data []byte) (*Reading, error) {
	r, err := scan.ReadReport(data)
	if err != nil {
		return nil, err
	}
	return reportReading(r), nil
}

// asReport reads a report of which the caller says whose it is: what is empty says
// nothing by itself.
func asReport(tool string, data []byte) (*Reading, error) {
	i := slices.IndexFunc(formats, func(f Format) bool { return f.Name == "scan-report" })
	f := formats[i]
	f.read = func(data []byte) (*Reading, error) {
		r, err := scan.ReadReportAs(tool, data)
		if err != nil {
			return nil, err
		}
		return reportReading(r), nil
	}
	return f.run(data)
}

func reportReading(r *finding.Report) *Reading {
	out := &Reading{Says: map[string]string{"tool": strings.TrimSpace(r.Tool + " " + r.Version)},
		Counts: map[string]int{"findings": r.Entries, "vulnerabilities": len(r.Vulns), "flaws": len(r.Flaws), "secrets": len(r.Secrets)}}
	if r.Format == "sarif" {
		out.schema, out.schemaVersion = "sarif", "2.1.0"
	}
	if len(r.Kinds) == 1 {
		out.Kind = r.Kinds[0]
	}
	out.Says["looked for"] = strings.Join(r.Kinds, ", ")
	if r.Problem != "" {
		out.Says["problem"] = r.Problem
	}
	for _, f := range r.Vulns {
		out.Counts[f.Severity]++
		if len(f.Suppressed) > 0 {
			out.Counts["suppressed"]++
		}
	}
	for _, f := range r.Flaws {
		out.Counts[f.Severity]++
	}
	return out
}

func isOpenVEX(s *sample) bool {
	return strings.HasPrefix(s.text("@context"), "https://openvex.dev/ns")
}

func isCSAF(s *sample) bool {
	return s.shape == shapeObject && strings.Contains(string(s.members["document"]), `"csaf_version"`)
}

func readVEX(data []byte) (*Reading, error) {
	d, err := vex.Read(data)
	if err != nil {
		return nil, err
	}
	r := &Reading{Version: d.Version, schema: d.Format, schemaVersion: d.Version, Counts: map[string]int{"statements": len(d.Statements)},
		Says: map[string]string{"author": d.Author, "id": d.ID}}
	for _, s := range d.Statements {
		r.Counts[s.Status]++
	}
	if len(d.Violations) > 0 {
		r.Counts["broken rules of the format"] = len(d.Violations)
		r.Says["first broken rule"] = d.Violations[0]
	}
	return r, nil
}
