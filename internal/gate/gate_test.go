package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest"
	"github.com/gatekeep-dev/gatekeep/internal/bundle"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/state"
)

// worlds are all of them, with what comes of each.
var worlds = map[string]struct {
	make func(testing.TB) *world
	want gatekeep.Outcome
}{
	"open":            {opens, gatekeep.Pass},
	"shut":            {shuts, gatekeep.Fail},
	"waived":          {waived, gatekeep.Pass},
	"emergency":       {emergency, gatekeep.Pass},
	"release":         {release, gatekeep.Pass},
	"could-not-judge": {blind, gatekeep.Indeterminate},
}

func eachWorld(t *testing.T, check func(t *testing.T, w *world)) {
	for name, w := range worlds {
		t.Run(name, func(t *testing.T) { check(t, w.make(t)) })
	}
}

// The facts of each world meet the input schema too: Check refuses them otherwise.
func TestEachWorldHasItsOutcome(t *testing.T) {
	for name, w := range worlds {
		t.Run(name, func(t *testing.T) {
			a := w.make(t).check()
			want(t, a, w.want)
			if len(a.Record.Rejected) != 0 || len(a.Record.Regimes) == 0 || a.Record.DecidedAt != noon {
				t.Errorf("rejected: %+v, regimes %v, decided at %s", a.Record.Rejected, a.Record.Regimes, a.Record.DecidedAt)
			}
			for d, data := range a.Contents.Envelopes {
				if digest.Of(data) != d {
					t.Errorf("%s is not the digest of its document", d)
				}
			}
			if digest.Of(a.Contents.Input) != a.Record.Facts.Input || digest.Of(a.Contents.Decision) != a.Record.Facts.Decision {
				t.Error("the record names other documents")
			}
		})
	}
}

func TestFactsThatBreakTheSchemaAreNeverJudged(t *testing.T) {
	w := opens(t)
	w.q.Law.Schema = []byte(`{"properties": {"source": {"properties": {"contributors": {"maxItems": 0}}}}}`)
	_, err := Check(t.Context(), w.q)
	if err != nil {
		t.Fatalf("without documents nobody has contributed: %v", err)
	}
	w.q.Sources = []attest.Source{read(t, w.documents)}
	if _, err = Check(t.Context(), w.q); err == nil || !strings.Contains(err.Error(), "/source/contributors") {
		t.Errorf("got %v, want the place that breaks the schema", err)
	}
}

// Judge is handed no source, no state and no clock, so what is left to hold is that
// nothing else reaches its answer: not the order of documents, not what ran before
// or runs beside it.
func TestJudgingIsPureAndHeedsNoOrder(t *testing.T) {
	eachWorld(t, func(t *testing.T, w *world) {
		a := w.check()
		shuffled := rand.New(rand.NewPCG(1, 2))
		var wg sync.WaitGroup
		for range 2 {
			documents := slices.Clone(w.documents)
			shuffled.Shuffle(len(documents), func(i, j int) { documents[i], documents[j] = documents[j], documents[i] })
			wg.Go(func() {
				j, err := Judge(context.Background(), a.Record.Case, documents, w.q.Law)
				if err != nil {
					t.Error(err)
					return
				}
				if !bytes.Equal(j.Input, a.Contents.Input) || !bytes.Equal(j.Decided, a.Contents.Decision) {
					t.Error("another order of documents gives another answer")
				}
			})
		}
		wg.Wait()
	})
}

// Of one document in two places, the place that is named must not hang on the order
// in which a caller hands them over.
func TestADocumentThatLiesInTwoPlacesIsJudgedOnce(t *testing.T) {
	w := opens(t)
	twice := slices.Clone(w.documents)
	for _, d := range w.documents {
		d.Source, d.Name = "attic", "copy of "+d.Name
		twice = append(twice, d)
	}
	w.documents = twice
	a := w.check()
	want(t, a, gatekeep.Pass)
	if n := len(a.Record.Case.Envelopes); n != len(twice)/2 {
		t.Errorf("%d documents in the case, want %d", n, len(twice)/2)
	}
	if n := len(a.Contents.Envelopes); n != len(twice)/2 {
		t.Errorf("%d documents are sealed, want %d", n, len(twice)/2)
	}
}

// Every document of these worlds is needed, or stands against the request: none may
// be taken away to open the gate, or be taken away and leave it open.
func TestTakingADocumentAwayNeverOpens(t *testing.T) {
	for _, name := range []string{"open", "shut", "emergency"} {
		t.Run(name, func(t *testing.T) {
			w := worlds[name].make(t)
			for i, gone := range w.documents {
				less := *w
				less.documents = slices.Delete(slices.Clone(w.documents), i, i+1)
				if a := less.check(); a.Record.Decision.Outcome.Opens() {
					t.Errorf("without the %s the gate opens", gone.Name)
				}
			}
		})
	}
}

func TestNothingThereFailsAndCouldNotLookIsIndeterminate(t *testing.T) {
	for name, c := range map[string]struct {
		report gatekeep.SourceReport
		sbom   bool // the shelf has it
		want   gatekeep.Outcome
	}{
		"nothing there, and nothing missing":  {gatekeep.SourceReport{Status: gatekeep.SourceEmpty, Required: true}, true, gatekeep.Pass},
		"nothing there":                       {gatekeep.SourceReport{Status: gatekeep.SourceEmpty, Required: true}, false, gatekeep.Fail},
		"could not look":                      {gatekeep.SourceReport{Status: gatekeep.SourceFailed, Reason: gatekeep.ReasonSourceDenied, Required: true}, false, gatekeep.Indeterminate},
		"could not look, and nothing missing": {gatekeep.SourceReport{Status: gatekeep.SourceFailed, Reason: gatekeep.ReasonSourceDenied, Required: true}, true, gatekeep.Indeterminate},
		"could not look where none has to":    {gatekeep.SourceReport{Status: gatekeep.SourceFailed, Reason: gatekeep.ReasonSourceDenied}, true, gatekeep.Pass},
	} {
		t.Run(name, func(t *testing.T) {
			w := opens(t)
			if !c.sbom {
				w.documents = slices.DeleteFunc(w.documents, func(e attest.Envelope) bool { return strings.HasPrefix(e.Name, "sbom") })
			}
			c.report.Name = "attic"
			w.q.Sources = append(w.q.Sources, place{t: t, report: c.report})
			want(t, w.check(), c.want)
		})
	}
}

func TestNamesThatTheBundleDoesNotKnowAreAskedOfNobody(t *testing.T) {
	for name, change := range map[string]func(*gatekeep.Request){
		"environment": func(r *gatekeep.Request) { r.Environment = "prod-us" },
		"service":     func(r *gatekeep.Request) { r.Service = "shop2" },
	} {
		t.Run(name, func(t *testing.T) {
			w := opens(t)
			change(&w.q.Request)
			w.q.Sources, w.q.State = []attest.Source{place{t: t, closed: true}}, closed{t}
			_, err := Check(t.Context(), w.q)
			var unknown *bundle.UnknownError
			if !errors.As(err, &unknown) || unknown.Kind != name {
				t.Errorf("got %v, want the %s that is not known", err, name)
			}
		})
	}
}

func TestARegimeThatThePolicyDoesNotHaveIsAnError(t *testing.T) {
	w := opens(t)
	w.q.Request.Regimes = []string{"sox"}
	if err := KnownRegimes(w.q.Law.Policy, w.q.Request.Regimes); err == nil || !strings.Contains(err.Error(), "sox") {
		t.Errorf("got %v before any work", err)
	}
	if _, err := Check(t.Context(), w.q); err == nil || !strings.Contains(err.Error(), "sox") {
		t.Errorf("got %v, want the regime that is not there", err)
	}
	if err := KnownRegimes(w.q.Law.Policy, []string{"gdpr", "hipaa", "gdpr"}); err != nil {
		t.Error(err)
	}
}

func TestARegimeThatIsAskedForTwiceChangesNothing(t *testing.T) {
	w := opens(t)
	w.q.Request.Regimes = []string{"supply_chain", "core", "supply_chain"}
	want(t, w.check(), gatekeep.Pass)
}

// Rules compare integers and certificates the time itself: a case in which they
// differ could be judged at two moments at once.
func TestAClockThatTellsTwoTimesIsNotJudgedBy(t *testing.T) {
	for name, clock := range map[string]gatekeep.Clock{
		"none":         {},
		"two times":    {Now: noon, NowNS: noon.Add(time.Hour).UnixNano(), Source: ClockSystem, TZData: "2026c"},
		"out of range": Now(time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC), time.Second, ClockStated, "2026c"),
		"too fine":     {Now: noon.Add(1), NowNS: noon.UnixNano() + 1, Source: ClockSystem, TZData: "2026c"},
	} {
		t.Run(name, func(t *testing.T) {
			w := opens(t)
			w.q.Clock = clock
			if _, err := Check(t.Context(), w.q); err == nil || !strings.Contains(err.Error(), "time") {
				t.Errorf("got %v, want an error about the time", err)
			}
		})
	}
}

func TestATimeIsCutToTheSecondInUTC(t *testing.T) {
	berlin := time.FixedZone("", 3600)
	c := Now(time.Date(2026, 11, 23, 13, 0, 0, 999_999_999, berlin), 2*time.Second, ClockSystem, "2026c")
	if !c.Now.Equal(noon) || c.Now.Location() != time.UTC || c.NowNS != noon.UnixNano() || c.UncertaintyNS != 2e9 || c.FloorNS != nil {
		t.Errorf("got %+v", c)
	}
}

func TestALineBreakCannotPassForTwoFields(t *testing.T) {
	r := opens(t).q.Request
	for name, change := range map[string]func(*gatekeep.Request){
		"service": func(r *gatekeep.Request) { r.Service = "shop\ndeploy" },
		"change":  func(r *gatekeep.Request) { r.Change = "C-1\r" },
		"target":  func(r *gatekeep.Request) { r.Targets = []string{"eu\nus"} },
	} {
		broken := r
		change(&broken)
		if _, err := Binding(broken, image); err == nil {
			t.Errorf("%s: a line break is accepted", name)
		}
	}
	again := r
	again.Targets = []string{"b", "a"}
	sorted := r
	sorted.Targets = []string{"a", "b"}
	first, err1 := Binding(again, image)
	second, err2 := Binding(sorted, image)
	if err1 != nil || err2 != nil || first != second {
		t.Errorf("the order of targets changes the binding: %s, %s", first, second)
	}
}

func TestOfTwoCalendarsTheNewerCounts(t *testing.T) {
	w := opens(t)
	w.sign("carol", "calendar", `{"revision": 8, "windows": [{"id": "now", "kind": "freeze", "title": "Sale", "tz": "UTC",
		"recurrence": {"start": "2026-11-23T00:00:00", "endLocal": "2026-11-24T00:00:00"}}]}`, "")
	a := w.check()
	want(t, a, gatekeep.Fail)
	if text := against(a.Record.Decision); !strings.Contains(text, "freeze/active-window-blocks") {
		t.Errorf("got %s", text)
	}
	w.sign("carol", "calendar", `{"revision": 9, "windows": []}`, "")
	want(t, w.check(), gatekeep.Pass)
}

// remember asks, wants the gate open, and commits.
func (w *world) remember() *Answer {
	w.t.Helper()
	a := w.check()
	want(w.t, a, gatekeep.Pass)
	if err := a.Commit(w.t.Context(), nil); err != nil {
		w.t.Fatal(err)
	}
	return a
}

// recall is what the gate remembers.
func (w *world) recall() state.Snapshot {
	w.t.Helper()
	s, err := w.q.State.Read(w.t.Context(), state.Query{Environment: "prod-eu", Service: "shop", Policy: "acme"})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func TestCheckChangesNothingUntilItIsCommitted(t *testing.T) {
	w := opens(t)
	a := w.check()
	if s := w.recall(); !s.Fresh {
		t.Fatalf("the state changed before the commit: %+v", s)
	}
	if err := a.Commit(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	s := w.recall()
	if s.State.Sequence != 2 || s.State.Previous != a.Record.Facts.Decision || s.ClockFloorNS != noon.UnixNano() || s.PolicyFloor != 3 {
		t.Errorf("got %+v", s)
	}
	if got := s.State.ConsumedNonces; !slices.Equal(got, []string{"nonce of b", "nonce of d", "nonce-1"}) {
		t.Errorf("used up: %q", got)
	}
}

func TestOfTwoAnswersFromOneStateOnlyOneCounts(t *testing.T) {
	w := opens(t)
	first, second := w.check(), w.check()
	if err := first.Commit(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := second.Commit(t.Context(), nil); !errors.Is(err, state.ErrConflict) {
		t.Errorf("got %v, want a conflict", err)
	}
	if s := w.recall(); s.State.Sequence != 2 {
		t.Errorf("the second answer was counted: %+v", s)
	}
	want(t, w.check(), gatekeep.Fail) // the same request once more: its nonce is used up
}

func TestAShutGateUsesNothingUp(t *testing.T) {
	w := shuts(t)
	a := w.check()
	if err := a.Commit(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if s := w.recall(); len(s.State.ConsumedNonces) != 0 || s.State.Sequence != 2 || s.ClockFloorNS != noon.UnixNano() {
		t.Errorf("got %+v", s)
	}
}

func TestAStatedTimeRaisesNoFloor(t *testing.T) {
	w := opens(t)
	w.q.Clock.Source = ClockStated
	w.remember()
	if s := w.recall(); s.ClockFloorNS != 0 {
		t.Errorf("the floor is at %d", s.ClockFloorNS)
	}
}

func TestAStateThatCannotBeReadIsAnError(t *testing.T) {
	w := opens(t)
	w.q.State = state.Folder(t.TempDir()) // a folder without state.json: somebody removed it
	if _, err := Check(t.Context(), w.q); !errors.Is(err, state.ErrDamaged) {
		t.Errorf("got %v, want a damaged state", err)
	}
}

func TestAnEmergencyLeavesADutyAndIsCounted(t *testing.T) {
	w := emergency(t)
	a := w.remember()
	effects := a.Record.Decision.Effects
	if len(effects.Obligations) != 1 || !slices.Equal(effects.UseGrants, []string{"G-1"}) {
		t.Fatalf("got %+v", effects)
	}
	s := w.recall().State
	due := noon.Add(24 * time.Hour)
	if len(s.Obligations) != 1 || s.Obligations[0].Principal != "alice" || s.Obligations[0].Grant != "G-1" || !s.Obligations[0].DueAt.Equal(due) {
		t.Errorf("duties: %+v", s.Obligations)
	}
	if len(s.BreakGlassUses) != 1 || s.BreakGlassUses[0].Service != "shop" || !s.BreakGlassUses[0].UsedAt.Equal(noon) {
		t.Errorf("uses: %+v", s.BreakGlassUses)
	}
	if s.GrantUses["G-1"] != 1 {
		t.Errorf("uses of the grant: %+v", s.GrantUses)
	}
	w.q.Request.ID, w.q.Request.Nonce = "req-2", "nonce-2"
	again := w.check()
	want(t, again, gatekeep.Fail)
	if text := against(again.Record.Decision); !strings.Contains(text, "used up") {
		t.Errorf("the grant is not used up:\n%s", text)
	}
}

func TestAReviewClosesTheDuty(t *testing.T) {
	w := emergency(t)
	id := w.remember().Record.Decision.Effects.Obligations[0].ID
	w.sign("erin", "break-glass-review", `{"grant": "G-1", "uses": [{"decisionId": "`+id+`"}], "findings": "A certificate had expired.", "outcome": "justified"}`, "")
	next := opens(t)
	next.q.State, next.q.Request.ID, next.q.Request.Nonce = w.q.State, "req-2", "nonce-2"
	next.documents = append(next.documents, w.documents[len(w.documents)-1])
	if got := next.remember().Record.Decision.Effects.CloseObligations; !slices.Equal(got, []string{id}) {
		t.Errorf("closed: %q", got)
	}
	if open := next.recall().State.Obligations; len(open) != 0 {
		t.Errorf("still open: %+v", open)
	}
}

// A second document with the id of a grant is kept beside the first under a longer
// name. Its uses count against the same id all the same, or it would never be used up.
func TestAGrantThatIsIssuedTwiceIsUsedUpOnce(t *testing.T) {
	w := emergency(t)
	w.sign("erin", "break-glass-grant", strings.Replace(emergencyGrant, "checkout is down", "checkout is still down", 1), "")
	w.remember()
	w.q.Request.ID, w.q.Request.Nonce = "req-2", "nonce-2"
	want(t, w.check(), gatekeep.Fail)
	for i := range 2 { // each of the two alone, too
		less := *w
		drop := len(w.documents) - 1 - i
		less.documents = slices.Delete(slices.Clone(w.documents), drop, drop+1)
		want(t, less.check(), gatekeep.Fail)
	}
}

// Of two grants with one id, the other one is dead, so that the live one is used
// whichever name it has.
func TestAGrantUnderALongerNameIsUsedUpToo(t *testing.T) {
	names := map[bool]bool{}
	for minute := range 60 { // the digest decides which of the two has the longer name
		w := emergency(t)
		w.sign("erin", "break-glass-grant", strings.Replace(emergencyGrant, `"maxUses": 1`,
			fmt.Sprintf(`"maxUses": 1, "notBefore": "2026-11-23T08:00:00Z", "expiresAt": "2026-11-23T09:%02d:00Z"`, minute), 1), "")
		longer := digest.Of(w.documents[len(w.documents)-1].Bytes) < digest.Of(w.documents[len(w.documents)-2].Bytes)
		if names[longer] {
			continue
		}
		names[longer] = true
		used := w.remember().Record.Decision.Effects.UseGrants
		if len(used) != 1 || longer != (used[0] != "G-1") {
			t.Fatalf("used: %q", used)
		}
		w.q.Request.ID, w.q.Request.Nonce = "req-2", "nonce-2"
		want(t, w.check(), gatekeep.Fail)
	}
	if len(names) != 2 {
		t.Error("the live grant had the same name each time")
	}
}

// Which of two calendars counts never hangs on the order in which they were found.
func TestTheNewestCalendarIsOneWhateverTheOrder(t *testing.T) {
	read := func(revision int64, minutes int, attestation string) gatekeep.CalendarDocument {
		return gatekeep.CalendarDocument{Revision: revision, Attestation: attestation,
			Source: gatekeep.CalendarSource{FetchedAt: noon.Add(time.Duration(minutes) * time.Minute)}}
	}
	ascending := []gatekeep.CalendarDocument{read(6, 9, "a"), read(7, 1, "a"), read(7, 2, "c"), read(7, 2, "b")}
	for i, older := range ascending {
		for _, newer := range ascending[i+1:] {
			for _, both := range [][]gatekeep.CalendarDocument{{older, newer}, {newer, older}} {
				if got, ok := newest(both); !ok || got.Revision != newer.Revision || got.Attestation != newer.Attestation {
					t.Errorf("of %+v the newest is %+v", both, got)
				}
			}
		}
	}
	if _, ok := newest(nil); ok {
		t.Error("there is a newest of none")
	}
}

func TestTimeThatRunsOutNamesWhatTookIt(t *testing.T) {
	w := blind(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.q.State = closed{t}
	_, err := Check(ctx, w.q)
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "registry.example/shop (referrers) (source_timeout)") {
		t.Errorf("got %v", err)
	}
}
