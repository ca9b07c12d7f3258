package cvss

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// full are vectors of each version with every metric that it has.
var full = map[string]string{
	"2.0": "AV:N/AC:L/Au:N/C:P/I:P/A:P/E:F/RL:OF/RC:C/CDP:L/TD:H/CR:M/IR:M/AR:M",
	"3.0": "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:L/E:F/RL:O/RC:C/CR:M/IR:M/AR:M/MAV:N/MAC:L/MPR:N/MUI:N/MS:U/MC:L/MI:L/MA:L",
	"3.1": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:L/E:F/RL:O/RC:C/CR:M/IR:M/AR:M/MAV:N/MAC:L/MPR:N/MUI:N/MS:U/MC:L/MI:L/MA:L",
}

// places are the properties that problems are about.
func places(found []Problem) string {
	var all []string
	for _, p := range found {
		all = append(all, p.At)
	}
	return strings.Join(all, " ")
}

// TestEveryValueOfEveryMetricIsHeldAgainstTheVector sets each metric of a vector to each
// of its values: the property of the same value agrees, and every other contradicts.
func TestEveryValueOfEveryMetricIsHeldAgainstTheVector(t *testing.T) {
	asked := 0
	for version, vector := range full {
		list, major := metrics3, 3
		if version == "2.0" {
			list, major = metrics2, 2
		}
		for _, m := range list {
			for pair := range strings.FieldsSeq(m.values) {
				long, short, _ := strings.Cut(pair, ":")
				parts := strings.Split(vector, "/")
				at := slices.IndexFunc(parts, func(p string) bool { return strings.HasPrefix(p, m.short+":") })
				if at < 0 {
					t.Fatalf("CVSS %s: no %s in the vector", version, m.short)
				}
				parts[at] = m.short + ":" + short
				text := strings.Join(parts, "/")
				for other := range strings.FieldsSeq(m.values) {
					given, _, _ := strings.Cut(other, ":")
					fields := map[string]any{"version": version, "vectorString": text, m.property: given}
					want := m.property
					if given == long {
						want = ""
					}
					if got := places(Contradicted(fields, major)); got != want {
						t.Errorf("%s %s beside %s: %q", m.property, given, text, got)
					}
					if got := places(Invalid(fields, major)); strings.Contains(got, m.property) || read(fields, major).invalid != "" {
						t.Errorf("%s %s is invalid: %q %s", m.property, given, got, read(fields, major).invalid)
					}
					asked++
				}
				for _, wrong := range []any{strings.ToLower(long), short, "", 1.0, nil, []any{long}} {
					fields := map[string]any{"version": version, "vectorString": text, "baseScore": 5.0, "baseSeverity": "MEDIUM", m.property: wrong}
					if got := places(Invalid(fields, major)); got != m.property {
						t.Errorf("%s %v: invalid is %q", m.property, wrong, got)
					}
				}
			}
		}
	}
	if asked < 500 {
		t.Errorf("asked %d times", asked)
	}
}

// TestAbbreviationsThatTwoValuesCouldHave has those that the first letters do not tell,
// from the tables of the specifications (v2 section 2.4, v3.1 section 6).
func TestAbbreviationsThatTwoValuesCouldHave(t *testing.T) {
	for _, c := range []struct{ version, short, property, long string }{
		{"2.0", "Au:M", "authentication", "MULTIPLE"}, {"2.0", "AC:M", "accessComplexity", "MEDIUM"},
		{"2.0", "E:U", "exploitability", "UNPROVEN"}, {"2.0", "RL:U", "remediationLevel", "UNAVAILABLE"}, {"2.0", "RL:TF", "remediationLevel", "TEMPORARY_FIX"},
		{"2.0", "RC:UC", "reportConfidence", "UNCONFIRMED"}, {"2.0", "RC:UR", "reportConfidence", "UNCORROBORATED"}, {"2.0", "RC:C", "reportConfidence", "CONFIRMED"},
		{"2.0", "CDP:LM", "collateralDamagePotential", "LOW_MEDIUM"}, {"2.0", "CDP:MH", "collateralDamagePotential", "MEDIUM_HIGH"}, {"2.0", "TD:N", "targetDistribution", "NONE"},
		{"3.1", "S:U", "scope", "UNCHANGED"}, {"3.1", "UI:R", "userInteraction", "REQUIRED"}, {"3.1", "AV:A", "attackVector", "ADJACENT_NETWORK"}, {"3.1", "AV:P", "attackVector", "PHYSICAL"},
		{"3.1", "E:U", "exploitCodeMaturity", "UNPROVEN"}, {"3.1", "E:P", "exploitCodeMaturity", "PROOF_OF_CONCEPT"}, {"3.1", "RL:U", "remediationLevel", "UNAVAILABLE"},
		{"3.1", "RC:U", "reportConfidence", "UNKNOWN"}, {"3.1", "RC:R", "reportConfidence", "REASONABLE"}, {"3.0", "MPR:X", "modifiedPrivilegesRequired", "NOT_DEFINED"},
	} {
		metric, _, _ := strings.Cut(c.short, ":")
		parts := strings.Split(full[c.version], "/")
		at := slices.IndexFunc(parts, func(p string) bool { return strings.HasPrefix(p, metric+":") })
		parts[at] = c.short
		major := int(c.version[0] - '0')
		fields := map[string]any{"version": c.version, "vectorString": strings.Join(parts, "/"), c.property: c.long}
		if found := Contradicted(fields, major); len(found) > 0 || read(fields, major).invalid != "" {
			t.Errorf("CVSS %s %s and %s: %v %s", c.version, c.short, c.long, found, read(fields, major).invalid)
		}
	}
}

// TestScoresOfTheSpecification has examples of FIRST and NVD with the scores published
// for them. A tenth beside is wrong.
func TestScoresOfTheSpecification(t *testing.T) {
	for _, c := range []struct {
		version, vector               string
		base, temporal, environmental float64
		severity                      string // of the base score
	}{
		// CVSS v2 guide, section 3.3: CVE-2002-0392, CVE-2003-0818, CVE-2003-0062.
		{"2.0", "AV:N/AC:L/Au:N/C:N/I:N/A:C/E:F/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:H", 7.8, 6.4, 9.2, ""},
		{"2.0", "AV:N/AC:L/Au:N/C:C/I:C/A:C/E:F/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:L", 10, 8.3, 9.0, ""},
		{"2.0", "AV:L/AC:H/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C/CDP:H/TD:H/CR:M/IR:M/AR:M", 6.2, 4.9, 7.5, ""},
		// Examples of the CVSS v3.1 user guide.
		{"3.1", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 6.4, 6.4, 6.4, "MEDIUM"},
		{"3.1", "CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", 3.1, 3.1, 3.1, "LOW"},
		{"3.1", "CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:H/I:H/A:H", 9.9, 9.9, 10, "CRITICAL"}, // 3.1 has another formula for a modified impact
		{"3.1", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:N/A:N", 7.5, 7.5, 7.5, "HIGH"},
		{"3.1", "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H", 7.8, 7.8, 7.8, "HIGH"},
		{"3.1", "CVSS:3.1/AV:P/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", 0, 0, 0, "NONE"},
		{"3.0", "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10, 10, 10, "CRITICAL"},
		{"3.0", "CVSS:3.0/AV:N/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:N", 7.4, 7.4, 7.4, "HIGH"},
	} {
		major := int(c.version[0] - '0')
		fields := map[string]any{"version": c.version, "vectorString": c.vector, "baseScore": c.base, "temporalScore": c.temporal, "environmentalScore": c.environmental}
		if c.severity != "" {
			fields["baseSeverity"] = c.severity
		}
		if found := slices.Concat(Invalid(fields, major), Miscalculated(fields, major), Contradicted(fields, major)); len(found) > 0 {
			t.Errorf("%s: %v", c.vector, found)
		}
		for part, score := range map[string]float64{"baseScore": c.base, "temporalScore": c.temporal, "environmentalScore": c.environmental} {
			for _, beside := range []float64{score - 0.1, score + 0.1} {
				fields[part] = beside
				if got := places(Miscalculated(fields, major)); got != part {
					t.Errorf("%s: %s %.1f beside %.1f: %q", c.vector, part, beside, score, got)
				}
			}
			fields[part] = score
		}
		for _, word := range severities {
			if fields["baseSeverity"] = word; c.severity == "" || word == c.severity {
				continue
			}
			if got := places(Miscalculated(fields, major)); got != "baseSeverity" {
				t.Errorf("%s: %s for %s: %q", c.vector, word, c.severity, got)
			}
		}
	}
}

// TestVectorsThatCannotBeRead: an object with a vector of another version, with a metric
// that is missing, twice or unknown is invalid, and says nothing else.
func TestVectorsThatCannotBeRead(t *testing.T) {
	const base2, base3 = "AV:N/AC:L/Au:N/C:P/I:P/A:P", "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:L/I:L/A:L"
	for _, c := range []struct{ version, vector string }{
		{"2.0", ""}, {"2.0", base3}, {"2.0", base2[5:]}, {"2.0", base2 + "/A:P"}, {"2.0", base2 + "/X:Y"}, {"2.0", base2 + "/E:POC"}, {"2.0", strings.ToLower(base2)}, {"2.0", base2 + "/"},
		{"3.1", ""}, {"3.1", base2}, {"3.1", base3[9:]}, {"3.1", strings.Replace(base3, "3.1", "3.0", 1)}, {"3.1", strings.Replace(base3, "3.1", "4.0", 1)}, {"3.1", base3[:len(base3)-4]},
		{"3.1", base3 + "/A:H"}, {"3.1", base3 + "/Z:H"}, {"3.1", strings.Replace(base3, "AV:N", "AV:Q", 1)}, {"3.1", " " + base3}, {"3.1", base3 + "/"}, {"3.0", base3}, {"3.1", base3 + "\x00"},
		{"4.0", base3}, {"", base3}, {"1.0", base2}, {"3", base3},
	} {
		major := 3
		if c.version < "3" && c.version != "" {
			major = 2
		}
		fields := map[string]any{"version": c.version, "vectorString": c.vector, "baseScore": 1.0, "baseSeverity": "LOW", "attackVector": "LOCAL", "accessVector": "LOCAL"}
		delete(fields, map[int]string{2: "attackVector", 3: "accessVector"}[major])
		invalid := Invalid(fields, major)
		if len(invalid) != 1 || invalid[0].At != "" || len(Miscalculated(fields, major))+len(Contradicted(fields, major)) > 0 {
			t.Errorf("CVSS %s %q: %v, %v, %v", c.version, c.vector, invalid, Miscalculated(fields, major), Contradicted(fields, major))
		}
	}
	for _, fields := range []map[string]any{{}, {"version": 3.1}, {"vectorString": 7.0}, {"version": nil, "vectorString": nil}} {
		for major, want := range map[int]string{2: "version vectorString baseScore", 3: "version vectorString baseScore baseSeverity"} {
			got := places(Invalid(fields, major))
			for name := range strings.FieldsSeq(want) {
				if fields[name] == nil && !strings.Contains(" "+got+" ", " "+name+" ") {
					t.Errorf("CVSS %d %v: %s is not missed in %q", major, fmt.Sprint(fields), name, got)
				}
			}
		}
	}
}
