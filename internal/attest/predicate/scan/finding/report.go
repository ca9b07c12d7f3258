// Package finding is the one form that the findings of every scanner take: reports,
// known vulnerabilities with their ratings and names, flaws and secrets. What two
// scanners say of one vulnerability in one component becomes one finding here.
package finding

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/instant"
)

// Kinds of what scanners look for.
const (
	KindVulns   = "vulns"
	KindSAST    = "sast"
	KindSecrets = "secret-scan"
	KindIaC     = "iac-scan"
	KindLicense = "license-scan"
)

// Bounds of one report.
const (
	MaxFindings  = 100_000 // the worst images known have 20,000
	MaxAliases   = 1000    // of one entry; advisories of kernels name several hundred CVEs
	MaxLocations = 100     // that are kept of one finding; they say where, not whether
	maxText      = 1000    // bytes kept of a path or a reason
)

// Report is what a scanner writes, read.
type Report struct {
	Format  string // name of the reader: "grype", "trivy", "osv-scanner", ...
	Tool    string // name of the program, in lower case where the reader knows it
	Version string // empty where the report does not say
	// Kinds are what the tool looked for, sorted. A report that looked at nothing has
	// none: it is read, and is evidence of nothing.
	Kinds []string
	// Problem tells why the scan is not whole, in one line: the tool says that it
	// failed, or that it could not read something. Empty where it succeeded.
	Problem      string
	CreatedAt    string // RFC 3339; empty where the report does not say
	DBLastUpdate string // RFC 3339; empty where the report does not say
	// Entries is the number of things the report lists, suppressed ones too, before
	// those about one thing became one.
	Entries int
	Vulns   []gatekeep.SCAFinding           // sorted by id and purl
	Flaws   map[string]gatekeep.SASTFinding // by fingerprint; of code, configuration and licences
	Secrets []Secret
}

// Secret is a credential that was found. It never holds the credential itself, nor
// a digest of it, which could be guessed backwards.
type Secret struct {
	Fingerprint string // as the tool gives it, or "sha256:" of where it is
	Kind        string // rule or detector
	Location    string // file and line
	Live        bool   // the tool tried it, and it works
	Suppressed  string // why the tool hides it; empty where it does not
}

// Check tells why a report is no evidence of a kind: the tool did not look for it, or
// did not get to the end.
func (r *Report) Check(kind string) error {
	switch {
	case r.Problem != "":
		return fmt.Errorf("the %s report is of a scan that did not succeed: %s", r.Format, r.Problem)
	case len(r.Kinds) == 0:
		return fmt.Errorf("the %s report is of a scan that looked at nothing, so it says nothing", r.Format)
	case !slices.Contains(r.Kinds, kind):
		return fmt.Errorf("the %s report is about %s and says nothing about %s", r.Format, strings.Join(r.Kinds, ", "), kind)
	}
	return nil
}

// Looked notes that the tool looked for something.
func (r *Report) Looked(kind string) {
	if !slices.Contains(r.Kinds, kind) {
		r.Kinds = append(r.Kinds, kind)
		slices.Sort(r.Kinds)
	}
}

// Fail notes that the scan is not whole. The first reason stays.
func (r *Report) Fail(format string, args ...any) {
	if r.Problem == "" {
		r.Problem = Line(fmt.Sprintf(format, args...))
	}
}

// Dated checks the times of a report. Those of no zone are taken for UTC, as GitLab
// and others mean them.
func (r *Report) Dated() error {
	for _, at := range []*string{&r.CreatedAt, &r.DBLastUpdate} {
		*at = UTC(*at)
		if err := instant.Optional(*at); err != nil {
			return err
		}
	}
	return nil
}

// UTC is a time with its zone, which is taken for UTC where there is none.
func UTC(text string) string {
	if _, err := time.Parse("2006-01-02T15:04:05.999999999", text); err == nil {
		return text + "Z"
	}
	return text
}

// Count takes one more entry, and refuses one too many.
func (r *Report) Count() error {
	if r.Entries++; r.Entries > MaxFindings {
		return fmt.Errorf("more than %d findings: %w", MaxFindings, errLimit)
	}
	return nil
}

// AddSecret takes a secret that was found. The place has file and line, and whatever
// else tells two of them apart.
func (r *Report) AddSecret(s Secret, place ...string) error {
	if err := r.Count(); err != nil {
		return err
	}
	s.Kind, s.Location, s.Fingerprint = Line(s.Kind), Line(s.Location), Line(s.Fingerprint)
	if s.Kind == "" {
		return errors.New("a secret has no rule")
	}
	if s.Location == "" {
		s.Location = "unknown"
	}
	if s.Fingerprint == "" {
		s.Fingerprint = Place(append([]string{s.Kind, s.Location}, place...)...)
	}
	s.Suppressed = Line(s.Suppressed)
	r.Secrets = append(r.Secrets, s)
	return nil
}

// Line is a text on one line without space around it, cut where it is very long.
func Line(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "")
	}
	return text
}
