// Package cvss holds a CVSS object of a document, as the schemas of FIRST have it,
// against its own vector: https://www.first.org/cvss/cvss-v3.1.json and the like.
package cvss

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	cvss20 "github.com/pandatix/go-cvss/20"
	cvss30 "github.com/pandatix/go-cvss/30"
	cvss31 "github.com/pandatix/go-cvss/31"
)

// metric is a property of a CVSS object with its abbreviation in the vector, and the
// values of both: "NETWORK:N".
type metric struct{ property, short, values string }

// Metrics by the schemas https://www.first.org/cvss/cvss-v2.0.json and v3.1.
var (
	metrics2 = []metric{
		{"accessVector", "AV", "NETWORK:N ADJACENT_NETWORK:A LOCAL:L"}, {"accessComplexity", "AC", "HIGH:H MEDIUM:M LOW:L"},
		{"authentication", "Au", "MULTIPLE:M SINGLE:S NONE:N"}, {"confidentialityImpact", "C", impact2},
		{"integrityImpact", "I", impact2}, {"availabilityImpact", "A", impact2},
		{"exploitability", "E", "UNPROVEN:U PROOF_OF_CONCEPT:POC FUNCTIONAL:F HIGH:H NOT_DEFINED:ND"},
		{"remediationLevel", "RL", "OFFICIAL_FIX:OF TEMPORARY_FIX:TF WORKAROUND:W UNAVAILABLE:U NOT_DEFINED:ND"},
		{"reportConfidence", "RC", "UNCONFIRMED:UC UNCORROBORATED:UR CONFIRMED:C NOT_DEFINED:ND"},
		{"collateralDamagePotential", "CDP", "NONE:N LOW:L LOW_MEDIUM:LM MEDIUM_HIGH:MH HIGH:H NOT_DEFINED:ND"},
		{"targetDistribution", "TD", "NONE:N LOW:L MEDIUM:M HIGH:H NOT_DEFINED:ND"}, {"confidentialityRequirement", "CR", required2},
		{"integrityRequirement", "IR", required2}, {"availabilityRequirement", "AR", required2},
	}
	metrics3 = []metric{
		{"attackVector", "AV", vector3}, {"attackComplexity", "AC", "HIGH:H LOW:L"}, {"privilegesRequired", "PR", impact3},
		{"userInteraction", "UI", "NONE:N REQUIRED:R"}, {"scope", "S", scope3}, {"confidentialityImpact", "C", impact3},
		{"integrityImpact", "I", impact3}, {"availabilityImpact", "A", impact3},
		{"exploitCodeMaturity", "E", "UNPROVEN:U PROOF_OF_CONCEPT:P FUNCTIONAL:F HIGH:H NOT_DEFINED:X"},
		{"remediationLevel", "RL", "OFFICIAL_FIX:O TEMPORARY_FIX:T WORKAROUND:W UNAVAILABLE:U NOT_DEFINED:X"},
		{"reportConfidence", "RC", "UNKNOWN:U REASONABLE:R CONFIRMED:C NOT_DEFINED:X"},
		{"confidentialityRequirement", "CR", required3}, {"integrityRequirement", "IR", required3},
		{"availabilityRequirement", "AR", required3}, {"modifiedAttackVector", "MAV", vector3 + any3},
		{"modifiedAttackComplexity", "MAC", "HIGH:H LOW:L" + any3}, {"modifiedPrivilegesRequired", "MPR", impact3 + any3},
		{"modifiedUserInteraction", "MUI", "NONE:N REQUIRED:R" + any3}, {"modifiedScope", "MS", scope3 + any3},
		{"modifiedConfidentialityImpact", "MC", impact3 + any3}, {"modifiedIntegrityImpact", "MI", impact3 + any3},
		{"modifiedAvailabilityImpact", "MA", impact3 + any3},
	}
)

const (
	impact2   = "NONE:N PARTIAL:P COMPLETE:C"
	required2 = "LOW:L MEDIUM:M HIGH:H NOT_DEFINED:ND"
	vector3   = "NETWORK:N ADJACENT_NETWORK:A LOCAL:L PHYSICAL:P"
	impact3   = "NONE:N LOW:L HIGH:H"
	required3 = "LOW:L MEDIUM:M HIGH:H NOT_DEFINED:X"
	scope3    = "UNCHANGED:U CHANGED:C"
	any3      = " NOT_DEFINED:X"
)

// short is the abbreviation of a value, "" where the metric has no such value.
func (m metric) value(long string) string {
	for pair := range strings.FieldsSeq(m.values) {
		if name, short, _ := strings.Cut(pair, ":"); name == long {
			return short
		}
	}
	return ""
}

// Problem is what is wrong with one property.
type Problem struct {
	At   string // name of the property; empty for the object
	What string
}

// object is a CVSS object with what its vector says.
type object struct {
	fields  map[string]any
	metrics []metric
	invalid string // why the vector cannot be read
	scores  map[string]float64
	vector  map[string]string // values of metrics by their abbreviation
}

// vector is what the three versions have in common.
type vector interface {
	BaseScore() float64
	TemporalScore() float64
	EnvironmentalScore() float64
}

// read takes the vector apart.
func read(fields map[string]any, major int) object {
	o := object{fields: fields, metrics: metrics3, vector: map[string]string{}}
	if major == 2 {
		o.metrics = metrics2
	}
	text, _ := fields["vectorString"].(string)
	version, _ := fields["version"].(string)
	var v vector
	var err error
	switch {
	case major == 2 && version == "2.0":
		v, err = cvss20.ParseVector(text)
	case major == 3 && version == "3.0":
		v, err = cvss30.ParseVector(text)
	case major == 3 && version == "3.1":
		v, err = cvss31.ParseVector(text)
	default:
		o.invalid = fmt.Sprintf("version %.40q is none of CVSS %d", version, major)
		return o
	}
	if err != nil {
		o.invalid = fmt.Sprintf("vectorString %.120q: %v", text, err)
		return o
	}
	o.scores = map[string]float64{"base": v.BaseScore(), "temporal": v.TemporalScore(), "environmental": v.EnvironmentalScore()}
	for pair := range strings.SplitSeq(text, "/") {
		short, value, _ := strings.Cut(pair, ":")
		o.vector[short] = value
	}
	return o
}

// Invalid lists what the schema of the major version, 2 or 3, does not allow: version,
// vectorString and baseScore are required, of version 3 baseSeverity too, and each
// metric has its values.
func Invalid(fields map[string]any, major int) (found []Problem) {
	o := read(fields, major)
	wanted := []string{"version", "vectorString", "baseScore"}
	if major == 3 {
		wanted = append(wanted, "baseSeverity")
	}
	for _, name := range wanted {
		if fields[name] == nil {
			found = append(found, Problem{name, "it is missing"})
		}
	}
	if fields["version"] != nil && fields["vectorString"] != nil && o.invalid != "" {
		found = append(found, Problem{"", o.invalid})
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		number, isNumber := fields[name].(float64)
		text, _ := fields[name].(string)
		switch {
		case strings.HasSuffix(name, "Score") && (!isNumber || number < 0 || number > 10):
			found = append(found, Problem{name, "it is no number from 0 to 10"})
		case strings.HasSuffix(name, "Severity") && !slices.Contains(severities, text):
			found = append(found, Problem{name, fmt.Sprintf("%.40q is no severity", text)})
		}
	}
	for _, m := range o.metrics {
		if value, stands := fields[m.property]; stands {
			if text, _ := value.(string); m.value(text) == "" {
				found = append(found, Problem{m.property, fmt.Sprintf("%.40q is none of its values", text)})
			}
		}
	}
	return found
}

var severities = []string{"NONE", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

// severity is the qualitative rating of a score, CVSS v3.1 section 5.
func severity(score float64) string {
	switch {
	case score < 0.05:
		return "NONE"
	case score < 3.95:
		return "LOW"
	case score < 6.95:
		return "MEDIUM"
	case score < 8.95:
		return "HIGH"
	}
	return "CRITICAL"
}

// Miscalculated lists scores and severities that are not those of the vector. Of a
// vector that cannot be read nothing is said; Invalid does.
func Miscalculated(fields map[string]any, major int) (found []Problem) {
	o := read(fields, major)
	for _, part := range []string{"base", "temporal", "environmental"} {
		computed, known := o.scores[part]
		if given, isNumber := fields[part+"Score"].(float64); known && isNumber && math.Abs(given-computed) > 0.05 {
			found = append(found, Problem{part + "Score", fmt.Sprintf("it is %v, and the vector gives %v", given, computed)})
		}
		if given, isText := fields[part+"Severity"].(string); known && isText && given != severity(computed) {
			found = append(found, Problem{part + "Severity", fmt.Sprintf("it is %.40q, and the vector gives %s", given, severity(computed))})
		}
	}
	return found
}

// Contradicted lists metrics whose property differs from the vector. A metric that the
// vector leaves out is not defined.
func Contradicted(fields map[string]any, major int) (found []Problem) {
	o := read(fields, major)
	if o.invalid != "" {
		return nil
	}
	for _, m := range o.metrics {
		given, _ := fields[m.property].(string)
		short, in := m.value(given), cmp.Or(o.vector[m.short], m.value("NOT_DEFINED"))
		if short != "" && in != "" && short != in {
			found = append(found, Problem{m.property, fmt.Sprintf("it is %.40q, and the vector says %s:%s", given, m.short, in)})
		}
	}
	return found
}
