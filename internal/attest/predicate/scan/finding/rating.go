package finding

import (
	"math"
	"slices"
	"strconv"
	"strings"

	cvss20 "github.com/pandatix/go-cvss/20"
	cvss30 "github.com/pandatix/go-cvss/30"
	cvss31 "github.com/pandatix/go-cvss/31"
	cvss40 "github.com/pandatix/go-cvss/40"

	"github.com/gatekeep-dev/gatekeep"
)

// Severities, from the worst.
const (
	Critical   = "critical"
	High       = "high"
	Medium     = "medium"
	Low        = "low"
	Negligible = "negligible"
	Unknown    = "unknown"
)

// words are the severities as scanners and advisories spell them, in lower case.
var words = map[string]string{
	"critical": Critical, "high": High, "important": High,
	"medium": Medium, "moderate": Medium, "low": Low, "minor": Low,
	"negligible": Negligible, "unimportant": Negligible, "info": Negligible,
	"informational": Negligible, "none": Negligible,
}

var ranks = map[string]int{Critical: 5, High: 4, Medium: 3, Low: 2, Negligible: 1, Unknown: 0}

// Severity reads a word, or a CVSS base score above 0 and up to 10. Anything else is
// unknown, to which rules give no time at all.
func Severity(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if word, ok := words[text]; ok {
		return word
	}
	// A bare score of 0 is what tools write that know none; it counts only with a vector.
	if score, err := strconv.ParseFloat(text, 64); err == nil && score != 0 {
		return scored(score)
	}
	return Unknown
}

// scored maps a score as CVSS v3.1 section 5 does, and v4.0 section 6 after it.
// CVSS 2 has no scale of its own, and is not treated more gently.
func scored(score float64) string {
	switch {
	case math.IsNaN(score) || score < 0 || score > 10:
		return Unknown
	case score >= 9:
		return Critical
	case score >= 7:
		return High
	case score >= 4:
		return Medium
	case score > 0:
		return Low
	}
	return Negligible
}

// Worse is the worse of two severities; a known one counts more than unknown.
func Worse(a, b string) string {
	if ranks[a] >= ranks[b] {
		return a
	}
	return b
}

// Rating is what one source says of how bad a vulnerability is. Any part may be
// missing.
type Rating struct {
	From    string  // who says so: "nvd", "ghsa", or the scanner
	Word    string  // severity, or a score as text
	Vector  string  // CVSS of any version
	Version string  // of CVSS, where the vector itself does not say: "2", "3", "3.1" or "4"
	Score   float64 // where there is no vector that can be read; 0 where not stated
}

// rate gives a finding the gravest severity that any of the ratings states in a word
// or by a vector, with its source, and of several alike the first. The score is
// that of the gravest vector; a vector of CVSS 2 counts only where its source has
// given no newer one.
func rate(f *gatekeep.SCAFinding, ratings []Rating) {
	f.Severity = Unknown
	take := func(severity, from string) {
		if severity = Worse(f.Severity, severity); severity != f.Severity {
			f.Severity, f.SeverityFrom = severity, from
		}
	}
	vectors := make([]vector, len(ratings))
	newer := map[string]bool{} // sources with a vector of CVSS 3 or 4
	for i, r := range ratings {
		vectors[i] = parse(r.Vector, r.Version)
		if vectors[i].text != "" && vectors[i].version != "2" {
			newer[r.From] = true
		}
		take(Severity(r.Word), r.From)
	}
	for i, r := range ratings {
		v := vectors[i]
		switch {
		case v.text == "" && r.Score > 0:
			take(scored(r.Score), r.From)
			continue
		case v.text == "":
			continue
		case v.version == "2" && newer[r.From]:
			continue
		}
		take(scored(v.score), r.From)
		if v.score > f.Score || v.score == f.Score && v.text > f.Vector {
			f.Score, f.Vector = v.score, v.text
		}
	}
}

// vector is a CVSS vector that could be read; no text where it could not.
type vector struct {
	text    string // as the specification writes it
	version string // "2", "3.0", "3.1" or "4.0"
	score   float64
}

// parse reads a vector. Versions before 3 have no prefix, and some writers leave
// that of later ones out.
func parse(text, version string) vector {
	text = strings.Trim(strings.TrimSpace(text), "()")
	if text == "" {
		return vector{}
	}
	if !strings.HasPrefix(text, "CVSS:") {
		switch version = strings.TrimPrefix(version, "v"); {
		case strings.Contains(text, "/Au:"):
		case strings.HasPrefix(version, "4"):
			text = "CVSS:4.0/" + text
		case version == "3" || version == "3.0":
			text = "CVSS:3.0/" + text
		default:
			text = "CVSS:3.1/" + text
		}
	}
	switch prefix, _, _ := strings.Cut(text, "/"); prefix {
	case "CVSS:4.0":
		if v, err := cvss40.ParseVector(text); err == nil {
			return vector{v.Vector(), "4.0", base40(v)}
		}
	case "CVSS:3.1":
		if v, err := cvss31.ParseVector(text); err == nil {
			return vector{v.Vector(), "3.1", v.BaseScore()}
		}
	case "CVSS:3.0":
		if v, err := cvss30.ParseVector(text); err == nil {
			return vector{v.Vector(), "3.0", v.BaseScore()}
		}
	default:
		if v, err := cvss20.ParseVector(text); err == nil {
			return vector{v.Vector(), "2", v.BaseScore()}
		}
	}
	return vector{}
}

// Source names who keeps the record with an id: "ghsa" for GHSA-..., and so on; the
// scanner itself where nobody is known.
func Source(id, scanner string) string {
	for _, s := range []struct{ prefix, name string }{{"CVE-", "cve"}, {"GHSA-", "ghsa"}, {"GO-", "go"}, {"PYSEC-", "pysec"},
		{"RUSTSEC-", "rustsec"}, {"OSV-", "oss-fuzz"}, {"MAL-", "mal"}, {"SNYK-", "snyk"}, {"DSA-", "debian"}, {"DLA-", "debian"},
		{"DEBIAN-", "debian"}, {"USN-", "ubuntu"}, {"UBUNTU-", "ubuntu"}, {"ALPINE-", "alpine"}, {"RHSA-", "redhat"}, {"RLSA-", "rocky"},
		{"ALSA-", "alma"}, {"SUSE-", "suse"}, {"openSUSE-", "suse"}, {"CGA-", "chainguard"}, {"BIT-", "bitnami"}, {"HSEC-", "haskell"}} {
		if strings.HasPrefix(id, s.prefix) {
			return s.name
		}
	}
	return scanner
}

// maxVersions are kept of those that fix a vulnerability: they are for people to read.
const maxVersions = 50

// Versions joins the versions that fix a vulnerability, each once, in the order
// given.
func Versions(versions ...string) string {
	var all []string
	for _, v := range versions {
		if v = strings.TrimSpace(v); v != "" && len(all) < maxVersions && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return strings.Join(all, ", ")
}

// base40 is the base score of CVSS 4.0, that of the base metrics alone (CVSS-B, section
// 1.3). Threat and environmental metrics are somebody's view of their own environment,
// and lower the score; in the earlier versions they are left out as well.
func base40(v *cvss40.CVSS40) float64 {
	text := "CVSS:4.0"
	for _, metric := range []string{"AV", "AC", "AT", "PR", "UI", "VC", "VI", "VA", "SC", "SI", "SA"} {
		value, err := v.Get(metric)
		if err != nil {
			return v.Score()
		}
		text += "/" + metric + ":" + value
	}
	base, err := cvss40.ParseVector(text)
	if err != nil {
		return v.Score()
	}
	return base.Score()
}
