package gate

import (
	"strings"
	"testing"

	"github.com/gatekeep-dev/gatekeep"
)

func TestABundlesWordOnTheModeCountsOnlyWhileTheGateIsSound(t *testing.T) {
	sound := gatekeep.Result{Regime: "core", Severity: "block", Outcome: gatekeep.Pass}
	warned := gatekeep.Result{Regime: "core", Severity: "warn", Outcome: gatekeep.Fail}
	shut := gatekeep.Result{Regime: "rbac", Severity: "block", Outcome: gatekeep.Fail}
	broken := gatekeep.Result{Regime: "core", Severity: "block", Outcome: gatekeep.Fail}
	blind := gatekeep.Result{Regime: "core", Severity: "block"}
	for name, c := range map[string]struct {
		ofBundle bool
		results  []gatekeep.Result
		want     gatekeep.Mode
	}{
		"sound":                     {true, []gatekeep.Result{sound, warned, shut}, gatekeep.Observe},
		"broken":                    {true, []gatekeep.Result{sound, broken}, gatekeep.Enforce},
		"blind":                     {true, []gatekeep.Result{sound, blind}, gatekeep.Enforce},
		"broken, the operator says": {false, []gatekeep.Result{broken}, gatekeep.Observe},
	} {
		t.Run(name, func(t *testing.T) {
			q := Question{Mode: gatekeep.Observe, ModeOfBundle: c.ofBundle}
			if got := modeOf(q, gatekeep.Decision{Results: c.results}); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// Files of a policy may change between the moment its signature is checked and the
// moment it judges.
func TestAnotherPolicyThanTheOneNamedDoesNotJudge(t *testing.T) {
	w := opens(t)
	w.q.Policy.Digest = "sha256:" + strings.Repeat("0", 64)
	if a, err := Check(t.Context(), w.q); err == nil || !strings.Contains(err.Error(), "it changed meanwhile") {
		t.Errorf("got %v, %v; want an error: another policy judged than the one that was signed", a, err)
	}
}
