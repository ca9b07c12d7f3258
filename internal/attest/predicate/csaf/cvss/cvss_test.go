package cvss

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Objects without fault, of each version.
var sound = map[string]string{
	"2.0": `{"version":"2.0","vectorString":"AV:N/AC:L/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C","baseScore":10,"temporalScore":7.8,"environmentalScore":7.8,
		"accessVector":"NETWORK","accessComplexity":"LOW","authentication":"NONE","confidentialityImpact":"COMPLETE","integrityImpact":"COMPLETE","availabilityImpact":"COMPLETE",
		"exploitability":"PROOF_OF_CONCEPT","remediationLevel":"OFFICIAL_FIX","reportConfidence":"CONFIRMED","targetDistribution":"NOT_DEFINED"}`,
	"3.0": `{"version":"3.0","vectorString":"CVSS:3.0/AV:L/AC:L/PR:H/UI:R/S:U/C:H/I:H/A:H","baseScore":6.5,"baseSeverity":"MEDIUM","attackVector":"LOCAL","privilegesRequired":"HIGH"}`,
	"3.1": `{"version":"3.1","vectorString":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H/MAV:P","baseScore":10,"baseSeverity":"CRITICAL","modifiedAttackVector":"PHYSICAL","modifiedScope":"NOT_DEFINED","scope":"CHANGED"}`,
}

// with is an object of a version with fields replaced; nil takes one away.
func with(t *testing.T, version string, changes map[string]any) (map[string]any, int) {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(sound[version]), &fields); err != nil {
		t.Fatal(err)
	}
	for name, value := range changes {
		if fields[name] = value; value == nil {
			delete(fields, name)
		}
	}
	return fields, int(version[0] - '0')
}

func TestSoundObjectsPass(t *testing.T) {
	for version := range sound {
		fields, major := with(t, version, nil)
		found := slices.Concat(Invalid(fields, major), Miscalculated(fields, major), Contradicted(fields, major))
		if len(found) > 0 {
			t.Errorf("%s: %v", version, found)
		}
	}
}

func TestFaultsAreNamed(t *testing.T) {
	for _, c := range []struct {
		version string
		changes map[string]any
		check   func(map[string]any, int) []Problem
		want    []Problem
	}{
		{"3.1", map[string]any{"baseSeverity": nil}, Invalid, []Problem{{"baseSeverity", "it is missing"}}},
		{"2.0", map[string]any{"version": nil}, Invalid, []Problem{{"version", "it is missing"}}},
		{"3.0", map[string]any{"vectorString": nil}, Invalid, []Problem{{"vectorString", "it is missing"}}},
		{"3.1", map[string]any{"version": "2.0"}, Invalid, []Problem{{"", `version "2.0" is none of CVSS 3`}}},
		{"2.0", map[string]any{"version": "3.1"}, Invalid, []Problem{{"", `version "3.1" is none of CVSS 2`}}},
		{"3.1", map[string]any{"baseScore": "high"}, Invalid, []Problem{{"baseScore", "it is no number from 0 to 10"}}},
		{"3.1", map[string]any{"baseScore": 10.5}, Invalid, []Problem{{"baseScore", "it is no number from 0 to 10"}}},
		{"3.1", map[string]any{"baseScore": -1.0}, Invalid, []Problem{{"baseScore", "it is no number from 0 to 10"}}},
		{"3.1", map[string]any{"temporalSeverity": "critical"}, Invalid, []Problem{{"temporalSeverity", `"critical" is no severity`}}},
		{"3.1", map[string]any{"temporalSeverity": 1.0}, Invalid, []Problem{{"temporalSeverity", `"" is no severity`}}},
		{"3.1", map[string]any{"scope": "WIDE"}, Invalid, []Problem{{"scope", `"WIDE" is none of its values`}}},
		{"3.1", map[string]any{"scope": "NOT_DEFINED"}, Invalid, []Problem{{"scope", `"NOT_DEFINED" is none of its values`}}},
		{"2.0", map[string]any{"authentication": nil, "accessVector": false}, Invalid, []Problem{{"accessVector", `"" is none of its values`}}},
		{"3.1", map[string]any{"baseScore": 9.8}, Miscalculated, []Problem{{"baseScore", "it is 9.8, and the vector gives 10"}}},
		{"3.1", map[string]any{"baseSeverity": "LOW"}, Miscalculated, []Problem{{"baseSeverity", `it is "LOW", and the vector gives CRITICAL`}}},
		{"3.0", map[string]any{"temporalScore": 1.0, "environmentalSeverity": "HIGH"}, Miscalculated, []Problem{{"temporalScore", "it is 1, and the vector gives 6.5"}, {"environmentalSeverity", `it is "HIGH", and the vector gives MEDIUM`}}},
		{"2.0", map[string]any{"temporalScore": 10.0}, Miscalculated, []Problem{{"temporalScore", "it is 10, and the vector gives 7.8"}}},
		{"2.0", map[string]any{"vectorString": "AV:N", "baseScore": 1.0}, Miscalculated, nil},
		{"3.1", map[string]any{"scope": "UNCHANGED"}, Contradicted, []Problem{{"scope", `it is "UNCHANGED", and the vector says S:C`}}},
		{"3.1", map[string]any{"modifiedScope": "CHANGED"}, Contradicted, []Problem{{"modifiedScope", `it is "CHANGED", and the vector says MS:X`}}},
		{"2.0", map[string]any{"targetDistribution": "LOW"}, Contradicted, []Problem{{"targetDistribution", `it is "LOW", and the vector says TD:ND`}}},
		{"3.1", map[string]any{"vectorString": "", "scope": "UNCHANGED"}, Contradicted, nil},
	} {
		fields, major := with(t, c.version, c.changes)
		if diff := cmp.Diff(c.want, c.check(fields, major)); diff != "" {
			t.Errorf("%s %v: %s", c.version, c.changes, diff)
		}
	}
	fields, major := with(t, "3.1", map[string]any{"vectorString": "CVSS:3.1/AV:X"})
	if found := Invalid(fields, major); len(found) != 1 || !strings.HasPrefix(found[0].What, `vectorString "CVSS:3.1/AV:X": `) {
		t.Errorf("%v", found)
	}
}

// TestSeverityOfScores is table 14 of CVSS v3.1, section 5.
func TestSeverityOfScores(t *testing.T) {
	for score, want := range map[float64]string{0: "NONE", 0.1: "LOW", 3.9: "LOW", 4: "MEDIUM", 6.9: "MEDIUM", 7: "HIGH", 8.9: "HIGH", 9: "CRITICAL", 10: "CRITICAL"} {
		if got := severity(score); got != want {
			t.Errorf("%v: %s, want %s", score, got, want)
		}
	}
}

// TestEveryMetricHasItsOwnName: a name or abbreviation that stands twice in a table
// would let one metric answer for another.
func TestEveryMetricHasItsOwnName(t *testing.T) {
	for major, list := range map[int][]metric{2: metrics2, 3: metrics3} {
		names, shorts := map[string]bool{}, map[string]bool{}
		for _, m := range list {
			values := map[string]bool{}
			for pair := range strings.FieldsSeq(m.values) {
				long, short, ok := strings.Cut(pair, ":")
				if !ok || values[long] || values[":"+short] || m.value(long) != short {
					t.Errorf("CVSS %d: %s has %q", major, m.property, pair)
				}
				values[long], values[":"+short] = true, true
			}
			names[m.property], shorts[m.short] = true, true
		}
		if len(names) != len(list) || len(shorts) != len(list) || len(list) != map[int]int{2: 14, 3: 22}[major] {
			t.Errorf("CVSS %d: %s", major, fmt.Sprint(slices.Sorted(maps.Keys(names))))
		}
	}
}
