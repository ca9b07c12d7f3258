// Package scan tells whose report a text is, and has it read: by package sca where it
// is about known vulnerabilities, sast where it is about code or configuration,
// secrets where it is about secrets. A text of unknown shape, an error message or an
// empty object is an error, never a report without findings.
package scan

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/sast"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/sca"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/secrets"
)

// reader is one kind of report: how a text is known for one, and what reads it.
type reader struct {
	name  string
	alone bool // one JSON object, or one XML document
	looks func(d *finding.Document) bool
	read  func(d *finding.Document) (*finding.Report, error)
}

// readers are those of reports; of two that know a text, neither reads it.
var readers = []reader{
	{"grype", true, has("matches", "descriptor"), sca.Grype},
	{"trivy", false, looksTrivy, sca.Trivy},
	{"osv-scanner", true, looksOSV, sca.OSV},
	{"snyk", false, looksSnyk, sca.Snyk},
	{"npm-audit", true, looksNPM, sca.NPM},
	{"govulncheck", false, looksGovulncheck, sca.Govulncheck},
	{"cyclonedx", true, looksCycloneDX, sca.CycloneDX},
	{"gitleaks", false, looksGitleaks, secrets.Gitleaks},
	{"trufflehog", false, looksTruffleHog, secrets.TruffleHog},
	{"gitlab-secrets", true, has("scan", "vulnerabilities", "version"), secrets.GitLab},
	{"sarif", true, has("runs"), sast.SARIFReport},
	{"semgrep", true, has("results", "errors", "paths"), sast.Semgrep},
	{"checkov", false, looksCheckov, sast.Checkov},
}

// predicates is the reader of what holds a report, or findings in a form of its own.
func predicates() reader {
	return reader{PredicateFormat, true, has("scanner", "metadata"), readPredicate}
}

// has looks for the names of fields at the top.
func has(names ...string) func(*finding.Document) bool {
	return func(d *finding.Document) bool { return d.Has(names...) }
}

func looksTrivy(d *finding.Document) bool {
	if d.Single() {
		return d.Has("SchemaVersion") || d.Has("ClusterName")
	}
	return d.Has("Target") // of versions before 0.20
}

// looksOSV wants something that only OSV-Scanner writes: a bare empty list of results
// would do for many tools.
func looksOSV(d *finding.Document) bool {
	if !d.Has("results") || d.Has("errors") || d.Has("check_type") {
		return false
	}
	return d.Has("experimental_config") || bytes.Contains(d.Field("results"), []byte(`"packages"`))
}

func looksSnyk(d *finding.Document) bool {
	return d.Has("ok") && (d.Has("vulnerabilities") || d.Has("error"))
}

func looksNPM(d *finding.Document) bool {
	return d.Has("auditReportVersion") || d.Has("advisories") || d.Has("error") && !d.Has("ok")
}

func looksGovulncheck(d *finding.Document) bool {
	return d.Has("config") || d.Has("progress") || d.Has("osv") || d.Has("finding")
}

func looksCycloneDX(d *finding.Document) bool {
	if d.XML {
		return bytes.Contains(d.Raw[:min(len(d.Raw), 4096)], []byte("cyclonedx.org/schema/bom"))
	}
	return d.Has("bomFormat") || d.Has("specVersion", "vulnerabilities")
}

func looksGitleaks(d *finding.Document) bool {
	return !d.Single() && !d.Stream && (d.Has("RuleID") || d.Has("rule", "offender"))
}

func looksTruffleHog(d *finding.Document) bool {
	return d.Has("DetectorName", "SourceMetadata") || d.Has("stringsFound") || d.Has("logger", "msg")
}

func looksCheckov(d *finding.Document) bool {
	return d.Has("check_type") || d.Has("checkov_version", "resource_count")
}

// Formats are the names of the reports that can be read, for ReadReportAs.
func Formats() []string {
	var names []string
	for _, r := range append(readers, predicates()) {
		names = append(names, r.name)
	}
	return names
}

// ReadReport reads the report of a scanner, whichever it is. Texts that many tools
// write where they found nothing, and that are left behind where one never ran (an
// empty file, null, an empty array), say nothing by themselves: see ReadReportAs.
// Whether the report is of a scan that succeeded, and of what, Report.Check tells.
func ReadReport(raw []byte) (*finding.Report, error) {
	return readWith(append(readers, predicates()), raw)
}

func readWith(readers []reader, raw []byte) (*finding.Report, error) {
	d, err := finding.Open(raw)
	if err != nil {
		return nil, fmt.Errorf("reading scanner report: %w", err)
	}
	var known []reader
	var names []string
	for _, r := range readers {
		if r.shape(d) == nil && r.looks(d) {
			known = append(known, r)
		}
		names = append(names, r.name)
	}
	switch {
	case len(known) == 1:
		return known[0].run(d)
	case len(known) > 1:
		return nil, fmt.Errorf("reading scanner report: it could be of %s or of %s", known[0].name, known[1].name)
	case d.Empty():
		return nil, errors.New("reading scanner report: it is empty, which tools write that found nothing, and which is left behind where none ran; say which tool it is of")
	}
	return nil, fmt.Errorf("reading scanner report: it is of no tool that is known (%s)", strings.Join(names, ", "))
}

// ReadReportAs reads a report of which the caller knows whose it is, by one of Formats:
// that reader alone is asked. It also takes what is empty and yet what the tool
// writes where it found nothing: the empty output of TruffleHog, and null or an empty
// array of gitleaks.
func ReadReportAs(format string, raw []byte) (*finding.Report, error) {
	for _, r := range append(readers, predicates()) {
		if r.name != format {
			continue
		}
		d, err := finding.Open(raw)
		if err != nil {
			return nil, fmt.Errorf("reading %s report: %w", format, err)
		}
		if d.Empty() && format != "gitleaks" && (format != "trufflehog" || len(d.Raw) > 0) {
			return nil, fmt.Errorf("reading %s report: it is empty", format)
		}
		return r.run(d)
	}
	return nil, fmt.Errorf("reading scanner report: no reader is named %q; want one of %s", format, strings.Join(Formats(), ", "))
}

// shape tells why a reader cannot take a document at all.
func (r reader) shape(d *finding.Document) error {
	switch {
	case d.XML && r.name != "cyclonedx":
		return errors.New("it is XML, where JSON is wanted")
	case r.alone && !d.XML && !d.Single():
		return errors.New("it is not one JSON object")
	}
	return nil
}

func (r reader) run(d *finding.Document) (*finding.Report, error) {
	if err := r.shape(d); err != nil {
		return nil, fmt.Errorf("reading %s report: %w", r.name, err)
	}
	report, err := r.read(d)
	if err != nil {
		return nil, fmt.Errorf("reading %s report: %w", r.name, err)
	}
	return report, nil
}
