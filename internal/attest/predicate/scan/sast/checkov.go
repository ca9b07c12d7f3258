package sast

import (
	"errors"
	"fmt"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/scan/finding"
)

// checkov is the part of the result of "checkov -o json" for one framework that is
// read.
type checkov struct {
	Type    string `json:"check_type"`
	Results *struct {
		Failed  []checkovCheck `json:"failed_checks"`
		Skipped []checkovCheck `json:"skipped_checks"`
		Errors  []string       `json:"parsing_errors"`
	} `json:"results"`
	Summary struct {
		Passed  int    `json:"passed"`
		Failed  int    `json:"failed"`
		Skipped int    `json:"skipped"`
		Version string `json:"checkov_version"`
	} `json:"summary"`
	// Where nothing was scanned, the summary stands alone.
	Resources *int `json:"resource_count"`
}

type checkovCheck struct {
	ID       string `json:"check_id"`
	BCID     string `json:"bc_check_id"`
	Severity string `json:"severity"`
	File     string `json:"file_path"`
	Lines    []int  `json:"file_line_range"`
	Resource string `json:"resource"`
	Result   struct {
		Comment string `json:"suppress_comment"`
	} `json:"check_result"`
	Vulnerability *struct {
		ID      string  `json:"id"`
		Sev     string  `json:"severity"`
		Package string  `json:"package_name"`
		Version string  `json:"package_version"`
		Type    string  `json:"package_type"`
		PURL    string  `json:"purl"`
		CVSS    float64 `json:"cvss"`
		Vector  string  `json:"vector"`
		Fixed   string  `json:"lowest_fixed_version"`
	} `json:"vulnerability_details"`
}

// Checkov reads the JSON of bridgecrewio/checkov, of one framework or of several in an
// array: flaws of configuration, secrets, and where it has them vulnerabilities of
// packages.
func Checkov(d *finding.Document) (*finding.Report, error) {
	c := &checkovReader{r: &finding.Report{Format: "checkov", Tool: "checkov"}, found: finding.Vulns{Scanner: "checkov"}}
	err := finding.Each(d, func(_ int, result *checkov) error { return c.result(result) })
	if err != nil {
		return nil, err
	}
	c.r.Flaws = c.flaws.All
	c.r.Vulns, err = c.found.List()
	return c.r, err
}

type checkovReader struct {
	r     *finding.Report
	found finding.Vulns
	flaws finding.Flaws
}

func (c *checkovReader) result(result *checkov) error {
	if result.Results == nil && result.Resources != nil && *result.Resources == 0 {
		return nil // nothing there to look at, so no kind of thing that it looked at
	}
	if result.Results == nil || result.Type == "" {
		return errors.New("no check_type or no results")
	}
	if n := len(result.Results.Failed); result.Summary.Failed > n {
		return fmt.Errorf("the summary counts %d failed checks, and %d are listed", result.Summary.Failed, n)
	}
	c.r.Version = result.Summary.Version
	if len(result.Results.Errors) > 0 {
		c.r.Fail("%d files could not be parsed, the first is %s", len(result.Results.Errors), result.Results.Errors[0])
	}
	switch ran := result.Summary.Passed+len(result.Results.Failed)+max(result.Summary.Skipped, len(result.Results.Skipped)) > 0; {
	case !ran && result.Type != "secrets": // of secrets it counts only what it found
	case result.Type == "sca_package", result.Type == "sca_image":
		c.r.Looked(finding.KindVulns)
	case result.Type == "secrets":
		c.r.Looked(finding.KindSecrets)
	default:
		c.r.Looked(finding.KindIaC)
	}
	for i := range result.Results.Failed {
		if err := c.check(&result.Results.Failed[i], result.Type, ""); err != nil {
			return fmt.Errorf("failed_checks[%d]: %w", i, err)
		}
	}
	for i := range result.Results.Skipped {
		s := &result.Results.Skipped[i]
		if err := c.check(s, result.Type, finding.Either(s.Result.Comment, "skipped")); err != nil {
			return fmt.Errorf("skipped_checks[%d]: %w", i, err)
		}
	}
	if result.Results.Failed == nil {
		return errors.New("no list of failed checks")
	}
	return nil
}

func (c *checkovReader) check(check *checkovCheck, kind, suppressed string) error {
	id := finding.Either(check.ID, check.BCID)
	at := check.File
	if len(check.Lines) > 0 {
		at = finding.At(at, check.Lines[0])
	}
	if kind == "secrets" {
		return c.r.AddSecret(finding.Secret{Kind: id, Location: at, Suppressed: suppressed})
	}
	if err := c.r.Count(); err != nil {
		return err
	}
	if v := check.Vulnerability; v != nil {
		f := gatekeep.SCAFinding{ID: finding.Either(v.ID, id), FixedIn: v.Fixed, Locations: []string{check.File},
			PURL: finding.Either(v.PURL, finding.Component(v.Type, v.Package, v.Version))}
		if suppressed != "" {
			f.Suppressed = []gatekeep.Suppression{{Reason: suppressed}}
		}
		return c.found.Add(f, finding.Rating{From: "checkov", Word: v.Sev, Vector: v.Vector, Score: v.CVSS})
	}
	if id == "" {
		return errors.New("a check has no id")
	}
	f := gatekeep.SASTFinding{Rule: id, Severity: finding.Flaw(check.Severity), Location: at, BaselineState: "new"}
	if suppressed != "" {
		f.Suppression = "scanner"
	}
	c.flaws.Add(id+":"+finding.Place(at, check.Resource), f)
	return nil
}
