package scan

import (
	"math"
	"strconv"
	"strings"
)

// Severities, from the worst.
const (
	critical   = "critical"
	high       = "high"
	medium     = "medium"
	low        = "low"
	negligible = "negligible"
	unknown    = "unknown"
)

// words are the severities as scanners and advisories spell them, in lower case.
var words = map[string]string{
	"critical": critical, "high": high, "important": high,
	"medium": medium, "moderate": medium, "low": low, "minor": low,
	"negligible": negligible, "unimportant": negligible, "info": negligible,
	"informational": negligible, "none": negligible,
}

var ranks = map[string]int{critical: 5, high: 4, medium: 3, low: 2, negligible: 1, unknown: 0}

// severity reads a word, or a CVSS base score from 0 to 10. Anything else is
// unknown, to which rules give no time at all.
func severity(text string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if word, ok := words[text]; ok {
		return word
	}
	if score, err := strconv.ParseFloat(text, 64); err == nil {
		return scored(score)
	}
	return unknown
}

// scored maps a score as CVSS v3.1 section 5 does.
func scored(score float64) string {
	switch {
	case math.IsNaN(score) || score < 0 || score > 10:
		return unknown
	case score >= 9:
		return critical
	case score >= 7:
		return high
	case score >= 4:
		return medium
	case score > 0:
		return low
	}
	return negligible
}

// worse is the worse of two severities; a known one counts more than unknown.
func worse(a, b string) string {
	if ranks[a] >= ranks[b] {
		return a
	}
	return b
}
