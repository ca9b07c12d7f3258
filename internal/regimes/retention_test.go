package regimes

import (
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/policies"
)

func keep(id, period string) gatekeep.Regime {
	return gatekeep.Regime{ID: id, Retention: &gatekeep.Retention{Period: period, Citation: "text of " + id}}
}

func TestLongestRetentionWins(t *testing.T) {
	from := time.Date(2026, 11, 25, 10, 0, 0, 0, time.UTC)
	builtin := Catalogue{"hipaa": keep("hipaa", "P6Y"), "core": gatekeep.Regime{ID: "core"}}
	core, silent := gatekeep.Regime{ID: "core"}, gatekeep.Regime{ID: "hipaa"}
	for name, c := range map[string]struct {
		active []gatekeep.Regime
		until  string
		regime string
	}{
		"none says":                       {[]gatekeep.Regime{core}, "2027-11-25", ""},
		"no regimes":                      {nil, "2027-11-25", ""},
		"one":                             {[]gatekeep.Regime{core, keep("pci", "P12M")}, "2027-11-25", "pci"},
		"longest first":                   {[]gatekeep.Regime{keep("sox", "P7Y"), keep("pci", "P12M")}, "2033-11-25", "sox"},
		"longest last":                    {[]gatekeep.Regime{keep("pci", "P12M"), core, keep("sox", "P7Y")}, "2033-11-25", "sox"},
		"shorter than the default":        {[]gatekeep.Regime{keep("own", "P90D")}, "2027-02-23", "own"},
		"record from before":              {[]gatekeep.Regime{silent, keep("pci", "P12M")}, "2032-11-25", "hipaa"},
		"the policy's word, not built in": {[]gatekeep.Regime{keep("hipaa", "P8Y")}, "2034-11-25", "hipaa"},
		"years and months and days":       {[]gatekeep.Regime{keep("own", "P1Y6M2W1D")}, "2028-06-09", "own"},
	} {
		got, err := KeptUntil(c.active, builtin, from)
		if err != nil || got.Until.Format(time.DateOnly) != c.until || got.Regime != c.regime || !got.From.Equal(from) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		if c.regime != "" && got.Citation == "" {
			t.Errorf("%s: no citation", name)
		}
	}
}

func TestPeriodsThatAreNone(t *testing.T) {
	for _, text := range []string{"", "P", "6Y", "P0Y", "P6", "P-6Y", "PT6H", "P6Y6Y", "P6y", "P101Y", "P99999Y", "P1201M", "P36890D", "P6Y ", "P1.5Y"} {
		if _, err := KeptUntil([]gatekeep.Regime{keep("x", text)}, nil, time.Unix(0, 0)); err == nil || !strings.Contains(err.Error(), "retention of x") {
			t.Errorf("%q: %v", text, err)
		}
		if _, err := Load(tree(map[string]string{"gdpr": gdpr + "retention: {period: \"" + text + "\", citation: c}\n"})); err == nil || !strings.Contains(err.Error(), "retention: ") {
			t.Errorf("loaded %q: %v", text, err)
		}
	}
	if _, err := Load(tree(map[string]string{"gdpr": gdpr + "retention: {period: P1Y}\n"})); err == nil || !strings.Contains(err.Error(), "citation is missing") {
		t.Errorf("a period of nobody: %v", err)
	}
	if c, err := Load(tree(map[string]string{"gdpr": gdpr + "retention: {period: P1Y, citation: c}\n"})); err != nil || c["gdpr"].Retention.Period != "P1Y" {
		t.Errorf("%+v, %v", c["gdpr"], err)
	}
}

func TestPeriodsInWords(t *testing.T) {
	for text, want := range map[string]string{"P6Y": "6 years", "P1Y": "1 year", "P1Y6M": "1 year and 6 months", "P2W": "14 days", "soon": "soon"} {
		if got := InWords(text); got != want {
			t.Errorf("%s: %q", text, got)
		}
	}
}

func TestBuiltInHIPAAIsKeptSixYears(t *testing.T) {
	tree, err := policies.Rego()
	if err != nil {
		t.Fatal(err)
	}
	c, err := Load(tree)
	if err != nil {
		t.Fatal(err)
	}
	if r := c["hipaa"].Retention; r == nil || *r != (gatekeep.Retention{Period: "P6Y", Citation: "45 CFR 164.316(b)(2)(i)"}) {
		t.Errorf("got %+v", r)
	}
}
