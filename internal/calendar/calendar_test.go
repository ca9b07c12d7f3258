package calendar

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatekeep-dev/gatekeep"
)

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func window(kind, tz string, r gatekeep.Recurrence) gatekeep.Window {
	return gatekeep.Window{ID: "w", Kind: kind, Title: "Window", TZ: tz, Recurrence: r,
		Scope: map[string][]string{"environments": {"prod"}}}
}

func document(windows ...gatekeep.Window) gatekeep.CalendarDocument {
	return gatekeep.CalendarDocument{Revision: 1, Windows: windows}
}

// spans expands one window and lists its occurrences as "start/end" in UTC.
func spans(t testing.TB, w gatekeep.Window, from, to string) []string {
	t.Helper()
	got, err := Expand(document(w), instant(t, from), instant(t, to))
	if err != nil {
		t.Fatal(err)
	}
	out := []string{}
	for key, o := range got {
		start := time.Unix(0, o.StartNS).UTC().Format(time.RFC3339)
		if want := w.ID + "@" + start; key != want {
			t.Errorf("key %q, want %q", key, want)
		}
		out = append(out, start+"/"+time.Unix(0, o.EndNS).UTC().Format(time.RFC3339))
	}
	slices.Sort(out)
	return out
}

func TestOccurrenceCarriesItsWindow(t *testing.T) {
	w := window(KindMaintenance, "Europe/Berlin", gatekeep.Recurrence{Start: "2026-12-20T00:00:00", EndLocal: "2027-01-04T06:00:00"})
	w.Title = "Year end"
	w.AllowedActions = []string{"rollback", "scale"}
	got, err := Expand(document(w), instant(t, "2026-12-01T00:00:00Z"), instant(t, "2027-01-01T00:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]gatekeep.Occurrence{"w@2026-12-19T23:00:00Z": {
		Window: "w", Kind: "maintenance", Title: "Year end", TZ: "Europe/Berlin",
		Scope:   map[string][]string{"environments": {"prod"}},
		StartNS: instant(t, "2026-12-19T23:00:00Z").UnixNano(), EndNS: instant(t, "2027-01-04T05:00:00Z").UnixNano(),
		AllowedActions: []string{"rollback", "scale"},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	w.Scope["environments"][0], w.AllowedActions[0] = "changed", "changed"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the occurrence shares memory with the document: %s", diff)
	}
}

func TestFreezeAllowsRollbackUnlessItNamesItsActions(t *testing.T) {
	once := gatekeep.Recurrence{Start: "2026-06-01T00:00:00", Duration: "P1D"}
	for _, c := range []struct {
		kind  string
		given []string
		want  []string
	}{
		{KindFreeze, nil, []string{"rollback"}},
		{KindFreeze, []string{}, []string{}},
		{KindFreeze, []string{"scale"}, []string{"scale"}},
		{KindAllow, nil, []string{}},
		{KindMaintenance, nil, []string{}},
	} {
		w := window(c.kind, "UTC", once)
		w.AllowedActions = c.given
		got, err := Expand(document(w), instant(t, "2026-06-01T00:00:00Z"), instant(t, "2026-06-02T00:00:00Z"))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got["w@2026-06-01T00:00:00Z"].AllowedActions); diff != "" {
			t.Errorf("%s %v: %s", c.kind, c.given, diff)
		}
	}
}

// expansions are windows, a horizon, and the instants that they come to in it.
var expansions = map[string]struct {
	kind, tz string
	r        gatekeep.Recurrence
	from, to string
	want     []string
}{
	"wall-clock day across the spring change is 23 hours": {KindFreeze, "Europe/Berlin",
		gatekeep.Recurrence{Start: "2026-03-29T00:00:00", EndLocal: "2026-03-30T00:00:00"},
		"2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z",
		[]string{"2026-03-28T23:00:00Z/2026-03-29T22:00:00Z"}},
	"elapsed day across the spring change is 24 hours": {KindFreeze, "Europe/Berlin",
		gatekeep.Recurrence{Start: "2026-03-29T00:00:00", Duration: "P1D"},
		"2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z",
		[]string{"2026-03-28T23:00:00Z/2026-03-29T23:00:00Z"}},
	"weekly rule keeps the hour on the wall": {KindFreeze, "Europe/Berlin",
		gatekeep.Recurrence{Start: "2026-03-20T22:00:00", EndLocal: "2026-03-23T06:00:00", RRule: "FREQ=WEEKLY;BYDAY=FR"},
		"2026-03-19T00:00:00Z", "2026-04-05T00:00:00Z",
		[]string{"2026-03-20T21:00:00Z/2026-03-23T05:00:00Z", "2026-03-27T21:00:00Z/2026-03-30T04:00:00Z", "2026-04-03T20:00:00Z/2026-04-06T04:00:00Z"}},
	"weekly cron is the same": {KindFreeze, "Europe/Berlin",
		gatekeep.Recurrence{Start: "2026-03-20T22:00:00", EndLocal: "2026-03-23T06:00:00", Cron: "0 22 * * FRI"},
		"2026-03-19T00:00:00Z", "2026-04-05T00:00:00Z",
		[]string{"2026-03-20T21:00:00Z/2026-03-23T05:00:00Z", "2026-03-27T21:00:00Z/2026-03-30T04:00:00Z", "2026-04-03T20:00:00Z/2026-04-06T04:00:00Z"}},
	"daily start in the gap is not skipped": {KindFreeze, "America/New_York",
		gatekeep.Recurrence{Start: "2026-03-07T02:30:00", Duration: "PT3H", Cron: "30 2 * * *"},
		"2026-03-07T00:00:00Z", "2026-03-09T12:00:00Z",
		[]string{"2026-03-07T07:30:00Z/2026-03-07T10:30:00Z", "2026-03-08T07:00:00Z/2026-03-08T10:00:00Z", "2026-03-09T06:30:00Z/2026-03-09T09:30:00Z"}},
	"daily start in the fold is there once": {KindFreeze, "America/New_York",
		gatekeep.Recurrence{Start: "2026-10-31T01:30:00", EndLocal: "2026-10-31T04:00:00", Cron: "30 1 * * *"},
		"2026-10-31T00:00:00Z", "2026-11-02T12:00:00Z",
		[]string{"2026-10-31T05:30:00Z/2026-10-31T08:00:00Z", "2026-11-01T05:30:00Z/2026-11-01T09:00:00Z", "2026-11-02T06:30:00Z/2026-11-02T09:00:00Z"}},
	"freeze until a time in the fold ends at the second": {KindFreeze, "America/New_York",
		gatekeep.Recurrence{Start: "2026-10-31T12:00:00", EndLocal: "2026-11-01T01:30:00"},
		"2026-10-31T00:00:00Z", "2026-11-02T00:00:00Z",
		[]string{"2026-10-31T16:00:00Z/2026-11-01T06:30:00Z"}},
	"allow until a time in the fold ends at the first": {KindAllow, "America/New_York",
		gatekeep.Recurrence{Start: "2026-10-31T12:00:00", EndLocal: "2026-11-01T01:30:00"},
		"2026-10-31T00:00:00Z", "2026-11-02T00:00:00Z",
		[]string{"2026-10-31T16:00:00Z/2026-11-01T05:30:00Z"}},
	"allow from a time in the fold starts at the second": {KindAllow, "America/New_York",
		gatekeep.Recurrence{Start: "2026-11-01T01:30:00", EndLocal: "2026-11-01T04:00:00"},
		"2026-10-31T00:00:00Z", "2026-11-02T00:00:00Z",
		[]string{"2026-11-01T06:30:00Z/2026-11-01T09:00:00Z"}},
	"elapsed freeze from the fold covers both readings": {KindFreeze, "America/New_York",
		gatekeep.Recurrence{Start: "2026-11-01T01:30:00", Duration: "PT2H"},
		"2026-10-31T00:00:00Z", "2026-11-02T00:00:00Z",
		[]string{"2026-11-01T05:30:00Z/2026-11-01T08:30:00Z"}},
	"elapsed allow from the fold covers what both readings share": {KindAllow, "America/New_York",
		gatekeep.Recurrence{Start: "2026-11-01T01:30:00", Duration: "PT2H"},
		"2026-10-31T00:00:00Z", "2026-11-02T00:00:00Z",
		[]string{"2026-11-01T06:30:00Z/2026-11-01T07:30:00Z"}},
	"window inside the gap never is": {KindFreeze, "Europe/Berlin",
		gatekeep.Recurrence{Start: "2026-03-29T02:10:00", EndLocal: "2026-03-29T02:50:00"},
		"2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z", []string{}},
	"allow inside the fold never is": {KindAllow, "Europe/Berlin",
		gatekeep.Recurrence{Start: "2026-10-25T02:10:00", EndLocal: "2026-10-25T02:50:00"},
		"2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", []string{}},
	"two starts in one gap become one with the later end": {KindFreeze, "Australia/Lord_Howe",
		gatekeep.Recurrence{Start: "2026-10-04T02:00:00", EndLocal: "2026-10-04T03:00:00", RRule: "FREQ=DAILY;BYHOUR=2;BYMINUTE=0,15;COUNT=2"},
		"2026-10-01T00:00:00Z", "2026-10-06T00:00:00Z",
		[]string{"2026-10-03T15:30:00Z/2026-10-03T16:15:00Z"}},
	"day that Apia left out": {KindFreeze, "Pacific/Apia",
		gatekeep.Recurrence{Start: "2011-12-30T00:00:00", EndLocal: "2011-12-31T00:00:00"},
		"2011-12-01T00:00:00Z", "2012-01-05T00:00:00Z", []string{}},
	"days around the one that Apia left out": {KindFreeze, "Pacific/Apia",
		gatekeep.Recurrence{Start: "2011-12-29T00:00:00", EndLocal: "2011-12-30T00:00:00", RRule: "FREQ=DAILY;COUNT=3"},
		"2011-12-01T00:00:00Z", "2012-01-05T00:00:00Z",
		[]string{"2011-12-29T10:00:00Z/2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z/2011-12-31T10:00:00Z"}},
	"midnight that São Paulo left out": {KindFreeze, "America/Sao_Paulo",
		gatekeep.Recurrence{Start: "2018-11-04T00:00:00", EndLocal: "2018-11-05T00:00:00"},
		"2018-11-01T00:00:00Z", "2018-11-07T00:00:00Z",
		[]string{"2018-11-04T03:00:00Z/2018-11-05T02:00:00Z"}},
	"began long before and still runs": {KindFreeze, "UTC",
		gatekeep.Recurrence{Start: "2026-01-01T00:00:00", Duration: "P365D"},
		"2026-12-30T00:00:00Z", "2027-01-10T00:00:00Z",
		[]string{"2026-01-01T00:00:00Z/2027-01-01T00:00:00Z"}},
	"one of a rule that began long before and still runs": {KindFreeze, "UTC",
		gatekeep.Recurrence{Start: "2020-02-01T00:00:00", Duration: "P40D", RRule: "FREQ=YEARLY"},
		"2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z",
		[]string{"2026-02-01T00:00:00Z/2026-03-13T00:00:00Z"}},
	"one of a cron line that began long before and still runs": {KindFreeze, "UTC",
		gatekeep.Recurrence{Start: "2020-02-01T00:00:00", Duration: "P40D", Cron: "0 0 1 2 *"},
		"2026-03-10T00:00:00Z", "2026-03-11T00:00:00Z",
		[]string{"2026-02-01T00:00:00Z/2026-03-13T00:00:00Z"}},
	"ends as the horizon begins": {KindFreeze, "UTC",
		gatekeep.Recurrence{Start: "2026-01-01T00:00:00", EndLocal: "2026-01-02T00:00:00"},
		"2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", []string{}},
	"begins as the horizon ends": {KindFreeze, "UTC",
		gatekeep.Recurrence{Start: "2026-01-03T00:00:00", EndLocal: "2026-01-04T00:00:00"},
		"2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z", []string{}},
	"cron with a start between its occurrences and a duration": {KindFreeze, "UTC",
		gatekeep.Recurrence{Start: "2026-01-01T00:00:00", Duration: "PT1H30M", Cron: "0 12 * * 6"},
		"2026-01-01T00:00:00Z", "2026-01-12T00:00:00Z",
		[]string{"2026-01-03T12:00:00Z/2026-01-03T13:30:00Z", "2026-01-10T12:00:00Z/2026-01-10T13:30:00Z"}},
	"until is the last start": {KindFreeze, "UTC",
		gatekeep.Recurrence{Start: "2026-01-01T00:00:00", Duration: "PT1H", RRule: "FREQ=DAILY", Until: "2026-01-02T00:00:00"},
		"2026-01-01T00:00:00Z", "2026-01-12T00:00:00Z",
		[]string{"2026-01-01T00:00:00Z/2026-01-01T01:00:00Z", "2026-01-02T00:00:00Z/2026-01-02T01:00:00Z"}},
	"UNTIL in UTC is an instant": {KindFreeze, "Asia/Tokyo",
		gatekeep.Recurrence{Start: "2026-01-01T00:00:00", Duration: "PT1H", RRule: "FREQ=DAILY;UNTIL=20260101T150000Z"},
		"2025-12-31T00:00:00Z", "2026-01-12T00:00:00Z",
		[]string{"2025-12-31T15:00:00Z/2025-12-31T16:00:00Z", "2026-01-01T15:00:00Z/2026-01-01T16:00:00Z"}},
	"UNTIL in local time": {KindFreeze, "Asia/Tokyo",
		gatekeep.Recurrence{Start: "2026-01-01T00:00:00", Duration: "PT1H", RRule: "FREQ=DAILY;UNTIL=20260101T235959"},
		"2025-12-31T00:00:00Z", "2026-01-12T00:00:00Z",
		[]string{"2025-12-31T15:00:00Z/2025-12-31T16:00:00Z"}},
	"last Friday of a quarter": {KindFreeze, "UTC",
		gatekeep.Recurrence{Start: "2026-03-27T18:00:00", EndLocal: "2026-03-30T06:00:00", RRule: "FREQ=MONTHLY;BYMONTH=3,6,9,12;BYDAY=-1FR"},
		"2026-03-01T00:00:00Z", "2026-07-01T00:00:00Z",
		[]string{"2026-03-27T18:00:00Z/2026-03-30T06:00:00Z", "2026-06-26T18:00:00Z/2026-06-29T06:00:00Z"}},
	"29 February": {KindFreeze, "UTC",
		gatekeep.Recurrence{Start: "2024-02-29T00:00:00", Duration: "P1D", RRule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"},
		"2027-06-01T00:00:00Z", "2028-06-01T00:00:00Z",
		[]string{"2028-02-29T00:00:00Z/2028-03-01T00:00:00Z"}},
}

func TestExpandTable(t *testing.T) {
	for name, c := range expansions {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, spans(t, window(c.kind, c.tz, c.r), c.from, c.to)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The oracle knows nothing of gaps and folds. It reads the clock on the wall at
// each minute. A freeze holds from the first minute that shows its start or a later
// time to the last that shows its end or an earlier one, an allow window from the
// last that shows its start to the first that shows its end. Away from clock changes
// the two are the same.
func TestBlocksExactlyTheWallClockHoursWritten(t *testing.T) {
	type day struct{ tz, from, to string }
	days := []day{
		{"Europe/Berlin", "2026-03-27T00:00:00Z", "2026-04-01T00:00:00Z"},
		{"Europe/Berlin", "2026-10-23T00:00:00Z", "2026-10-28T00:00:00Z"},
		{"America/New_York", "2026-03-06T00:00:00Z", "2026-03-11T00:00:00Z"},
		{"America/New_York", "2026-10-30T00:00:00Z", "2026-11-04T00:00:00Z"},
		{"Australia/Lord_Howe", "2026-04-02T00:00:00Z", "2026-04-07T00:00:00Z"},
		{"Australia/Lord_Howe", "2026-10-01T00:00:00Z", "2026-10-06T00:00:00Z"},
		{"America/Sao_Paulo", "2018-11-02T00:00:00Z", "2018-11-07T00:00:00Z"},
	}
	// Daily windows, as minutes after midnight; an end over 24 hours is overnight.
	hours := [][2]int{{0, 60}, {60, 120}, {90, 150}, {90, 300}, {105, 125}, {110, 135}, {120, 180}, {130, 170},
		{135, 300}, {150, 151}, {179, 181}, {60, 150}, {1320, 1320 + 480}, {1380, 1380 + 195}, {1410, 1410 + 150}, {0, 1440}}
	for _, d := range days {
		loc := zone(t, d.tz)
		from, to := instant(t, d.from), instant(t, d.to)
		minutes := faces(from.AddDate(0, 0, -6), to.AddDate(0, 0, 6), loc)
		for _, h := range hours {
			for _, kind := range []string{KindFreeze, KindAllow, KindMaintenance} {
				first := wallClock(t, strings.TrimSuffix(d.from, "Z")).AddDate(0, 0, -3)
				w := window(kind, d.tz, gatekeep.Recurrence{RRule: "FREQ=DAILY",
					Start:    first.Add(time.Duration(h[0]) * time.Minute).Format(localLayout),
					EndLocal: first.Add(time.Duration(h[1]) * time.Minute).Format(localLayout)})
				got, err := Expand(document(w), from, to)
				if err != nil {
					t.Fatal(err)
				}
				want := oracle(kind, h, first, from, to, minutes)
				for at, i := from, 0; at.Before(to); at, i = at.Add(time.Minute), i+1 {
					in := false
					for _, o := range got {
						in = in || o.StartNS <= at.UnixNano() && at.UnixNano() < o.EndNS
					}
					if in != want[i] {
						t.Fatalf("%s %s %v at %s (%s): in window %v, want %v", kind, d.tz, h, at.Format(time.RFC3339), showing(at, loc).Format(localLayout), in, want[i])
					}
				}
			}
		}
	}
}

func oracle(kind string, h [2]int, first, from, to time.Time, minutes []face) []bool {
	want := make([]bool, int(to.Sub(from)/time.Minute))
	for day := first; day.Before(to.AddDate(0, 0, 3)); day = day.AddDate(0, 0, 1) {
		start := day.Add(time.Duration(h[0]) * time.Minute)
		end := day.Add(time.Duration(h[1]) * time.Minute)
		firstStart, lastStart := shown(start, minutes)
		firstEnd, lastEnd := shown(end, minutes)
		a, z := firstStart, lastEnd
		if kind == KindAllow {
			a, z = lastStart, firstEnd
		}
		for at := a; at.Before(z); at = at.Add(time.Minute) {
			if i := int(at.Sub(from) / time.Minute); !at.Before(from) && i < len(want) {
				want[i] = true
			}
		}
	}
	return want
}

// The minute after October's change counts: a freeze that ends at 02:00, which is
// shown at both ends of the hour that comes twice, holds until the second.
func TestFreezeUntilTheFirstMinuteOfTheFoldDenies(t *testing.T) {
	r := gatekeep.Recurrence{Start: "2026-10-25T01:00:00", EndLocal: "2026-10-25T02:00:00"}
	got := spans(t, window(KindFreeze, "Europe/Berlin", r), "2026-10-24T00:00:00Z", "2026-10-26T00:00:00Z")
	if diff := cmp.Diff([]string{"2026-10-24T23:00:00Z/2026-10-25T01:00:00Z"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOrderOfWindowsDoesNotMatter(t *testing.T) {
	a := window(KindFreeze, "Europe/Berlin", gatekeep.Recurrence{Start: "2026-01-01T00:00:00", Duration: "PT1H", RRule: "FREQ=DAILY"})
	b := window(KindAllow, "UTC", gatekeep.Recurrence{Start: "2026-01-01T00:00:00", Duration: "PT9H", Cron: "0 8 * * 1-5"})
	b.ID = "b"
	from, to := instant(t, "2026-02-01T00:00:00Z"), instant(t, "2026-02-10T00:00:00Z")
	one, err := Expand(document(a, b), from, to)
	if err != nil {
		t.Fatal(err)
	}
	two, err := Expand(document(b, a), from, to)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one, two); diff != "" || len(one) != 9+6 {
		t.Errorf("%d occurrences: %s", len(one), diff)
	}
}

func TestEmptyCalendarHasNoOccurrences(t *testing.T) {
	got, err := Expand(document(), instant(t, "2026-02-01T00:00:00Z"), instant(t, "2026-02-10T00:00:00Z"))
	if err != nil || got == nil || len(got) != 0 {
		t.Errorf("got %v, %v; want an empty map", got, err)
	}
}
