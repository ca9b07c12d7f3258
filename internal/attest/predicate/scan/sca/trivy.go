package sca

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// trivy is the part of a Trivy report that is read.
type trivy struct {
	SchemaVersion any `json:"SchemaVersion"`
	Trivy         struct {
		Version string `json:"Version"`
	} `json:"Trivy"`
	CreatedAt any           `json:"CreatedAt"` // a number of seconds in old versions
	Results   []trivyResult `json:"Results"`
	// Of a cluster: all that is in it, or a summary.
	Cluster   string           `json:"ClusterName"`
	Resources *[]trivyResource `json:"Resources"`
	Findings  *[]trivyResource `json:"Findings"`
	Vulns     *[]trivyResource `json:"Vulnerabilities"` // up to version 0.33
	Misconf   *[]trivyResource `json:"Misconfigurations"`
}

type trivyResource struct {
	Namespace string        `json:"Namespace"`
	Kind      string        `json:"Kind"`
	Name      string        `json:"Name"`
	Error     string        `json:"Error"`
	Results   []trivyResult `json:"Results"`
}

type trivyResult struct {
	Target   string         `json:"Target"`
	Class    string         `json:"Class"`
	Type     string         `json:"Type"`
	Vulns    []trivyVuln    `json:"Vulnerabilities"`
	Misconf  []trivyMisconf `json:"Misconfigurations"`
	Summary  *struct{}      `json:"MisconfSummary"`
	Secrets  []trivySecret  `json:"Secrets"`
	Licenses []trivyLicense `json:"Licenses"`
	Modified []struct {
		Type      string          `json:"Type"`
		Status    string          `json:"Status"`
		Statement string          `json:"Statement"`
		Source    string          `json:"Source"`
		Finding   json.RawMessage `json:"Finding"`
	} `json:"ExperimentalModifiedFindings"`
}

type trivyVuln struct {
	ID         string   `json:"VulnerabilityID"`
	VendorIDs  []string `json:"VendorIDs"`
	PkgName    string   `json:"PkgName"`
	PkgPath    string   `json:"PkgPath"`
	Identifier struct {
		PURL string `json:"PURL"`
	} `json:"PkgIdentifier"`
	Installed      string         `json:"InstalledVersion"`
	Fixed          string         `json:"FixedVersion"`
	Severity       string         `json:"Severity"`
	SeveritySource string         `json:"SeveritySource"`
	VendorSeverity map[string]any `json:"VendorSeverity"` // 0 is unknown, 4 critical
	CVSS           map[string]struct {
		V2Vector  string  `json:"V2Vector"`
		V3Vector  string  `json:"V3Vector"`
		V40Vector string  `json:"V40Vector"`
		V2Score   float64 `json:"V2Score"`
		V3Score   float64 `json:"V3Score"`
		V40Score  float64 `json:"V40Score"`
	} `json:"CVSS"`
}

// Trivy reads the JSON of aquasecurity/trivy: of an image, a file system, a
// repository, an SBOM or a cluster, and the bare list of results that versions
// before 0.20 wrote. What its ignore files and VEX hid is kept as suppressed, where
// the report has it (--show-suppressed).
func Trivy(d *finding.Document) (*finding.Report, error) {
	t := &trivyReader{r: &finding.Report{Format: "trivy", Tool: "trivy"}, found: finding.Vulns{Scanner: "trivy"}}
	var err error
	if d.Single() {
		err = finding.Each(d, func(_ int, report *trivy) error { return t.report(report) })
	} else {
		err = finding.Each(d, func(_ int, result *trivyResult) error {
			if result.Target == "" {
				return errors.New("a result has no target")
			}
			return t.result(result, "")
		})
	}
	if err != nil {
		return nil, err
	}
	t.r.Flaws = t.flaws.All
	t.r.Vulns, err = t.found.List()
	return t.r, err
}

type trivyReader struct {
	r     *finding.Report
	found finding.Vulns
	flaws finding.Flaws
}

func (t *trivyReader) report(report *trivy) error {
	if v := report.SchemaVersion; report.Cluster == "" && v != float64(2) && v != float64(1) {
		return fmt.Errorf("SchemaVersion %v is not read; want 2", v)
	}
	t.r.Version = report.Trivy.Version
	switch at := report.CreatedAt.(type) {
	case string:
		t.r.CreatedAt = at
	case float64:
		t.r.CreatedAt = time.Unix(int64(at), 0).UTC().Format(time.RFC3339)
	}
	if err := t.r.Dated(); err != nil {
		return fmt.Errorf("reading CreatedAt: %w", err)
	}
	for i := range report.Results {
		if err := t.result(&report.Results[i], ""); err != nil {
			return fmt.Errorf("reading Results[%d]: %w", i, err)
		}
	}
	listed := false
	for _, list := range []*[]trivyResource{report.Resources, report.Findings, report.Vulns, report.Misconf} {
		if list == nil {
			continue
		}
		listed = true
		for i := range *list {
			resource := &(*list)[i]
			name := strings.Trim(resource.Namespace+"/"+resource.Kind+"/"+resource.Name, "/")
			if resource.Error != "" {
				t.r.Fail("%s: %s", name, resource.Error)
			}
			for j := range resource.Results {
				if err := t.result(&resource.Results[j], name); err != nil {
					return fmt.Errorf("%s: Results[%d]: %w", name, j, err)
				}
			}
		}
	}
	if report.Cluster != "" && !listed {
		return errors.New("the report of a cluster lists no resources")
	}
	return nil
}

// result takes what was found in one target. Results of class config, secret and
// license come from other scanners of Trivy than those of packages.
func (t *trivyReader) result(result *trivyResult, where string) error {
	if strings.HasSuffix(result.Class, "-pkgs") || len(result.Vulns) > 0 || result.Class == "" && result.Type != "" && result.Summary == nil && len(result.Misconf) == 0 {
		t.r.Looked(finding.KindVulns)
	}
	if result.Class == "config" || result.Summary != nil || len(result.Misconf) > 0 {
		t.r.Looked(finding.KindIaC)
	}
	if result.Class == "secret" || len(result.Secrets) > 0 {
		t.r.Looked(finding.KindSecrets)
	}
	if strings.HasPrefix(result.Class, "license") || len(result.Licenses) > 0 {
		t.r.Looked(finding.KindLicense)
	}
	target := result.Target
	if where != "" {
		target = where + "/" + target
	}
	for i := range result.Vulns {
		if err := t.vuln(&result.Vulns[i], result, target, ""); err != nil {
			return fmt.Errorf("reading Vulnerabilities[%d]: %w", i, err)
		}
	}
	for i := range result.Misconf {
		if err := t.misconf(&result.Misconf[i], target, ""); err != nil {
			return fmt.Errorf("reading Misconfigurations[%d]: %w", i, err)
		}
	}
	for i := range result.Secrets {
		if err := t.secret(&result.Secrets[i], target, ""); err != nil {
			return fmt.Errorf("reading Secrets[%d]: %w", i, err)
		}
	}
	for i := range result.Licenses {
		if err := t.license(&result.Licenses[i], target, ""); err != nil {
			return fmt.Errorf("reading Licenses[%d]: %w", i, err)
		}
	}
	for i, m := range result.Modified {
		reason := finding.Line(finding.Either(strings.Join([]string{m.Status, m.Statement, m.Source}, " "), "modified"))
		var err error
		switch m.Type {
		case "vulnerability":
			t.r.Looked(finding.KindVulns)
			err = modified(m.Finding, func(v *trivyVuln) error { return t.vuln(v, result, target, reason) })
		case "misconfiguration":
			t.r.Looked(finding.KindIaC)
			err = modified(m.Finding, func(v *trivyMisconf) error { return t.misconf(v, target, reason) })
		case "secret":
			t.r.Looked(finding.KindSecrets)
			err = modified(m.Finding, func(v *trivySecret) error { return t.secret(v, target, reason) })
		case "license":
			t.r.Looked(finding.KindLicense)
			err = modified(m.Finding, func(v *trivyLicense) error { return t.license(v, target, reason) })
		default:
			err = fmt.Errorf("unknown type %q", m.Type)
		}
		if err != nil {
			return fmt.Errorf("reading ExperimentalModifiedFindings[%d]: %w", i, err)
		}
	}
	return nil
}

func modified[T any](raw json.RawMessage, take func(*T) error) error {
	var value T
	if err := json.Unmarshal(raw, &value); err != nil {
		return err
	}
	return take(&value)
}

func (t *trivyReader) vuln(v *trivyVuln, result *trivyResult, target, suppressed string) error {
	if err := t.r.Count(); err != nil {
		return err
	}
	f := gatekeep.SCAFinding{ID: v.ID, Aliases: slices.Clone(v.VendorIDs), PURL: v.Identifier.PURL,
		FixedIn: finding.Versions(strings.Split(v.Fixed, ",")...), Locations: []string{finding.Either(v.PkgPath, target)}}
	if f.PURL == "" {
		f.PURL = finding.Component(result.Type, v.PkgName, v.Installed)
	}
	if suppressed != "" {
		f.Suppressed = []gatekeep.Suppression{{Reason: suppressed}}
	}
	ratings := []finding.Rating{{From: finding.Either(v.SeveritySource, "trivy"), Word: v.Severity}}
	for _, from := range slices.Sorted(maps.Keys(v.CVSS)) {
		c := v.CVSS[from]
		ratings = append(ratings, finding.Rating{From: from, Vector: c.V40Vector, Version: "4", Score: c.V40Score},
			finding.Rating{From: from, Vector: c.V3Vector, Version: "3.1", Score: c.V3Score})
		if c.V40Score+c.V3Score == 0 {
			ratings = append(ratings, finding.Rating{From: from, Vector: c.V2Vector, Version: "2", Score: c.V2Score})
		}
	}
	if finding.Severity(v.Severity) == finding.Unknown {
		for _, from := range slices.Sorted(maps.Keys(v.VendorSeverity)) {
			ratings = append(ratings, finding.Rating{From: from, Word: vendorWord(v.VendorSeverity[from])})
		}
	}
	return t.found.Add(f, ratings...)
}

// vendorWord reads the numbers that Trivy gives to severities.
func vendorWord(severity any) string {
	switch severity {
	case float64(1):
		return finding.Low
	case float64(2):
		return finding.Medium
	case float64(3):
		return finding.High
	case float64(4):
		return finding.Critical
	}
	word, _ := severity.(string)
	return word
}
