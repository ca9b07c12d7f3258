package gate

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/bundle"
)

// How many stored decisions are judged again. docs/evidence-format.md has the command
// with which all thousand are.
var stored = flag.Int("stored", 30, "decisions that are stored and judged again")

// Decisions of every outcome, by two revisions of a policy, are stored as sealed bundles
// and judged again to the same bytes: each by the revision that judged it. Where one
// byte of an input of one of them changes, exactly that one differs.
func TestAStoreOfDecisionsByTwoRevisionsIsJudgedAgainToTheByte(t *testing.T) {
	dir := t.TempDir()
	path := func(i int) string { return filepath.Join(dir, fmt.Sprint(i, ".zip")) }
	makers := []func(testing.TB) *world{opens, shuts, waived, emergency, release, blind}
	policies, outcomes := map[string]int{}, map[gatekeep.Outcome]int{}
	for i := range *stored {
		w := makers[i%len(makers)](t)
		if i%2 == 1 {
			w.revise()
		}
		w.q.Clock = Now(noon.Add(time.Duration(i)*time.Second), 2*time.Second, ClockSystem, "2026c")
		a := w.check()
		policies[a.Record.Case.Policy.Digest]++
		outcomes[a.Record.Decision.Outcome]++
		if err := os.WriteFile(path(i), seal(t, a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if len(policies) != 2 || len(outcomes) < 3 {
		t.Fatalf("policies %v, outcomes %v: the store is too uniform", policies, outcomes)
	}
	changed := *stored / 2
	differs := []int{}
	for i := range *stored {
		data, err := os.ReadFile(path(i))
		if err != nil {
			t.Fatal(err)
		}
		contents, err := open(t, data).Contents()
		if err != nil {
			t.Fatal(err)
		}
		if i == changed {
			d := contents.Record.Accepted[0].ID
			contents.Envelopes[d] = bytes.Clone(contents.Envelopes[d])
			contents.Envelopes[d][len(contents.Envelopes[d])/2] ^= 1
		}
		input, decision, err := Rejudge(t.Context(), contents)
		if err != nil || !bytes.Equal(input, contents.Input) || !bytes.Equal(decision, contents.Decision) {
			differs = append(differs, i)
		}
	}
	if !slices.Equal(differs, []int{changed}) {
		t.Errorf("a byte of decision %d was changed, and %v differ", changed, differs)
	}
	t.Logf("%d decisions %v by %d revisions came out the same", *stored, outcomes, len(policies))
}

// revise makes the policy of a world the next revision of it, which denies a component.
func (w *world) revise() {
	w.t.Helper()
	b, err := bundle.Load(acmeFiles(w.t, map[string]string{
		"bundle.yaml": strings.Replace(acme["bundle.yaml"], "revision: 3", "revision: 4", 1),
		"org.yaml":    acme["org.yaml"] + "denied_components: {\"pkg:npm/event-stream@3.3.6\": malicious release}\n",
	}))
	if err != nil {
		w.t.Fatal(err)
	}
	w.q.Catalogue, w.q.Law.Policy.Overlay = b, b.Overlay()
	w.pinPolicy()
}
