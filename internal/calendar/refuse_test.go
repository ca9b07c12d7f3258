package calendar

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatekeep-dev/gatekeep"
)

// day is a recurrence that is in order; the windows below break it in one place.
var day = gatekeep.Recurrence{Start: "2026-01-05T10:00:00", EndLocal: "2026-01-05T12:00:00"}

func with(change func(*gatekeep.Window)) gatekeep.Window {
	w := window(KindFreeze, "Europe/Berlin", day)
	change(&w)
	return w
}

func rule(line string) gatekeep.Window {
	return with(func(w *gatekeep.Window) { w.Recurrence.RRule = line })
}

func line(text string) gatekeep.Window {
	return with(func(w *gatekeep.Window) { w.Recurrence.Cron = text })
}

// unclear are windows that are refused, with the field that the error names.
var unclear = []struct {
	name, want string
	w          gatekeep.Window
}{
	{"no id", "id: ", with(func(w *gatekeep.Window) { w.ID = "" })},
	{"long id", "id: ", with(func(w *gatekeep.Window) { w.ID = strings.Repeat("x", maxID+1) })},
	{"no kind", "kind: ", with(func(w *gatekeep.Window) { w.Kind = "" })},
	{"unknown kind", "kind: ", with(func(w *gatekeep.Window) { w.Kind = "Freeze" })},
	{"misspelt dimension", "scope: ", with(func(w *gatekeep.Window) { w.Scope = map[string][]string{"region": {"eu"}} })},
	{"empty dimension", "scope.regions: ", with(func(w *gatekeep.Window) { w.Scope = map[string][]string{"regions": {}} })},
	{"no zone", "tz: ", with(func(w *gatekeep.Window) { w.TZ = "" })},
	{"zone of the host", "tz: ", with(func(w *gatekeep.Window) { w.TZ = "Local" })},
	{"unknown zone", "tz: ", with(func(w *gatekeep.Window) { w.TZ = "Europe/Bonn" })},
	{"no start", "start: ", with(func(w *gatekeep.Window) { w.Recurrence.Start = "" })},
	{"start is a date", "start: ", with(func(w *gatekeep.Window) { w.Recurrence.Start = "2026-01-05" })},
	{"start in UTC", "start: ", with(func(w *gatekeep.Window) { w.Recurrence.Start = "2026-01-05T10:00:00Z" })},
	{"start with offset", "start: ", with(func(w *gatekeep.Window) { w.Recurrence.Start = "2026-01-05T10:00:00+01:00" })},
	{"start with fraction", "start: ", with(func(w *gatekeep.Window) { w.Recurrence.Start = "2026-01-05T10:00:00.5" })},
	{"start on no day", "start: ", with(func(w *gatekeep.Window) { w.Recurrence.Start = "2026-02-30T10:00:00" })},
	{"start at 24 hours", "start: ", with(func(w *gatekeep.Window) { w.Recurrence.Start = "2026-02-20T24:00:00" })},
	{"start long ago", "start: ", with(func(w *gatekeep.Window) { w.Recurrence.Start = "0001-01-05T10:00:00" })},
	{"no end", "endLocal: ", with(func(w *gatekeep.Window) { w.Recurrence.EndLocal = "" })},
	{"two ends", "endLocal: ", with(func(w *gatekeep.Window) { w.Recurrence.Duration = "PT1H" })},
	{"end at start", "endLocal: ", with(func(w *gatekeep.Window) { w.Recurrence.EndLocal = day.Start })},
	{"end before start", "endLocal: ", with(func(w *gatekeep.Window) { w.Recurrence.EndLocal = "2026-01-05T09:59:59" })},
	{"end after years", "endLocal: ", with(func(w *gatekeep.Window) { w.Recurrence.EndLocal = "2027-01-07T00:00:00" })},
	{"malformed end", "endLocal: ", with(func(w *gatekeep.Window) { w.Recurrence.EndLocal = "noon" })},
	{"malformed until", "until: ", with(func(w *gatekeep.Window) { w.Recurrence.Until = "2026-12-31" })},
	{"until before start", "until: ", with(func(w *gatekeep.Window) { w.Recurrence.Until = "2026-01-04T00:00:00" })},
	{"rule and cron", "rrule: ", with(func(w *gatekeep.Window) { w.Recurrence.RRule, w.Recurrence.Cron = "FREQ=DAILY", "0 10 * * *" })},
	{"rule of nothing", "rrule: ", rule(";")},
	{"rule without FREQ", "rrule: ", rule("INTERVAL=2")},
	{"rule by the second", "rrule: ", rule("FREQ=SECONDLY")},
	{"rule by the minute", "rrule: ", rule("FREQ=MINUTELY;INTERVAL=30")},
	{"rule with DTSTART", "rrule: ", rule("FREQ=DAILY;DTSTART=20260105T100000")},
	{"rule with name", "rrule: ", rule("RRULE:FREQ=DAILY")},
	{"rule in two lines", "rrule: ", rule("DTSTART:20260105T100000Z\nRRULE:FREQ=DAILY")},
	{"rule in small letters", "rrule: ", rule("freq=daily")},
	{"rule with part given twice", "rrule: ", rule("FREQ=DAILY;FREQ=DAILY")},
	{"rule with COUNT of none", "rrule: ", rule("FREQ=DAILY;COUNT=0")},
	{"rule with negative COUNT", "rrule: ", rule("FREQ=DAILY;COUNT=-1")},
	{"rule with INTERVAL of none", "rrule: ", rule("FREQ=DAILY;INTERVAL=0")},
	{"rule with INTERVAL of ages", "rrule: ", rule("FREQ=DAILY;INTERVAL=1000000000")},
	{"rule with COUNT and UNTIL", "rrule: ", rule("FREQ=DAILY;COUNT=2;UNTIL=20270101T000000Z")},
	{"rule until a date", "rrule: ", rule("FREQ=DAILY;UNTIL=20270101")},
	{"rule until before start", "rrule: ", rule("FREQ=DAILY;UNTIL=20250101T000000Z")},
	{"rule until before start, local", "until: ", rule("FREQ=DAILY;UNTIL=20250101T000000")},
	{"rule with Easter", "rrule: ", rule("FREQ=YEARLY;BYEASTER=400")},
	{"rule with seconds", "rrule: ", rule("FREQ=DAILY;BYSECOND=0,30")},
	{"rule whose start does not fit", "rrule: ", rule("FREQ=WEEKLY;BYDAY=FR")},
	{"rule that never occurs", "rrule: ", rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")},
	{"rule that would loop", "rrule: ", rule("FREQ=HOURLY;INTERVAL=2;BYHOUR=3")},
	{"rule that would panic", "rrule: ", rule("FREQ=MONTHLY;BYDAY=+53MO")},
	{"rule that would panic backwards", "rrule: ", rule("FREQ=MONTHLY;BYDAY=-53MO")},
	{"rule with numbered day of a week", "rrule: ", rule("FREQ=WEEKLY;BYDAY=2MO")},
	{"rule with numbered week start", "rrule: ", rule("FREQ=WEEKLY;WKST=2MO")},
	{"rule with week number of a month", "rrule: ", rule("FREQ=MONTHLY;BYWEEKNO=2")},
	{"rule with year day of a week", "rrule: ", rule("FREQ=WEEKLY;BYYEARDAY=5")},
	{"rule with month day of a week", "rrule: ", rule("FREQ=WEEKLY;BYMONTHDAY=5")},
	{"rule with position in a day", "rrule: ", rule("FREQ=DAILY;BYHOUR=10;BYSETPOS=366")},
	{"rule with position in an hour", "rrule: ", rule("FREQ=HOURLY;BYMINUTE=0;BYSETPOS=366")},
	{"rule of hours that never occurs", "rrule: ", rule("FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30")},
	{"rule of days that never occurs", "rrule: ", rule("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30,-30")},
	{"rule of days whose weekday does not fit", "rrule: ", rule("FREQ=DAILY;BYDAY=TU")},
	{"rule out of bounds", "rrule: ", rule("FREQ=DAILY;BYHOUR=25")},
	{"rule that is too long", "rrule: ", rule("FREQ=DAILY;BYHOUR=" + strings.Repeat("1,", maxLine) + "1")},
	{"cron of nothing", "cron: ", line(" ")},
	{"cron with seconds", "cron: ", line("0 0 10 * * *")},
	{"cron with four fields", "cron: ", line("0 10 * *")},
	{"cron macro", "cron: ", line("@daily")},
	{"cron interval", "cron: ", line("@every 1h")},
	{"cron with zone", "cron: ", line("TZ=UTC 0 10 * * *")},
	{"cron with zone alone", "cron: ", line("TZ=UTC")},
	{"cron with both days", "cron: ", line("0 10 5 * MON")},
	{"cron with both days by step", "cron: ", line("0 10 */2 * MON")},
	{"cron with empty list", "cron: ", line("0 10 , * *")},
	{"cron with open list", "cron: ", line("0 10,12, * * *")},
	{"cron out of bounds", "cron: ", line("0 25 * * *")},
	{"cron that never occurs", "cron: ", line("0 10 30 2 *")},
	{"cron whose start does not fit an end", "cron: ", line("0 11 * * *")},
	{"cron that is too long", "cron: ", line("0 10 * * " + strings.Repeat("1,", maxLine) + "1")},
}

func TestUnclearWindowIsRefusedByWindowAndField(t *testing.T) {
	for _, c := range unclear {
		t.Run(c.name, func(t *testing.T) {
			got, err := Expand(document(c.w), instant(t, "2026-01-01T00:00:00Z"), instant(t, "2026-02-01T00:00:00Z"))
			if err == nil {
				t.Fatalf("was read as %v", got)
			}
			if got != nil {
				t.Errorf("occurrences came with the error: %v", got)
			}
			if !strings.HasPrefix(err.Error(), fmt.Sprintf("expanding calendar: window %q (number 1): ", c.w.ID)) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error does not name the window and the field %q: %v", c.want, err)
			}
		})
	}
}

func TestDurationIsElapsedTimeOnly(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT1M": time.Minute, "PT90M": 90 * time.Minute, "PT36H": 36 * time.Hour, "P1D": 24 * time.Hour,
		"P2DT3H4M": 51*time.Hour + 4*time.Minute, "P366D": 366 * 24 * time.Hour,
	} {
		if got, err := readDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "P", "PT", "P1DT", "P1Y", "P1M", "P1W", "PT30S", "PT1.5H", "-PT1H", "+PT1H", "pt1h", "PT0M", "P0D",
		"P367D", "PT1M1H", "1H", "PT1H ", "PT99999H", "PT٣H"} {
		if got, err := readDuration(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestHorizonIsBounded(t *testing.T) {
	now := instant(t, "2026-01-01T00:00:00Z")
	for name, h := range map[string][2]time.Time{
		"empty":      {now, now},
		"backwards":  {now, now.Add(-time.Hour)},
		"endless":    {now, now.Add(maxHorizon + 1)},
		"zero":       {{}, now},
		"far future": {now.AddDate(500, 0, 0), now.AddDate(500, 0, 1)},
	} {
		if _, err := Expand(document(), h[0], h[1]); err == nil {
			t.Errorf("%s horizon is accepted", name)
		}
	}
}

func TestCalendarIsBounded(t *testing.T) {
	from, to := instant(t, "2026-01-01T00:00:00Z"), instant(t, "2026-02-01T00:00:00Z")
	hourly := func(id, start string) gatekeep.Window {
		w := window(KindFreeze, "UTC", gatekeep.Recurrence{Start: start, Duration: "PT1M", RRule: "FREQ=HOURLY"})
		w.ID = id
		return w
	}
	many := func(n int, w func(id, start string) gatekeep.Window) (out []gatekeep.Window) {
		for i := range n {
			out = append(out, w(fmt.Sprint("w", i), "2026-01-01T00:00:00"))
		}
		return out
	}
	minutely := window(KindFreeze, "UTC", gatekeep.Recurrence{Start: "2026-01-01T00:00:00", Duration: "PT1M", Cron: "* * * * *"})
	for name, c := range map[string]struct {
		windows []gatekeep.Window
		want    string
	}{
		"windows":                 {many(maxWindows+1, hourly), "more than 1000"},
		"occurrences of a window": {[]gatekeep.Window{minutely}, "cron: more than 1000"},
		"occurrences of all":      {many(40, hourly), "more than 20000"},
		"steps":                   {[]gatekeep.Window{hourly("w", "1970-01-01T00:00:00")}, "rrule: more than 200000"},
		"same id":                 {[]gatekeep.Window{hourly("w", "2026-01-01T00:00:00"), hourly("w", "2026-01-01T00:30:00")}, "id is used twice"},
	} {
		if _, err := Expand(document(c.windows...), from, to); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func FuzzExpand(f *testing.F) {
	for _, s := range [][7]string{
		{"freeze", "Europe/Berlin", "2026-03-20T22:00:00", "2026-03-23T06:00:00", "", "FREQ=WEEKLY;BYDAY=FR", ""},
		{"allow", "America/New_York", "2026-10-31T01:30:00", "", "PT3H", "", "30 1 * * *"},
		{"maintenance", "Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-05T02:15:00", "", "", ""},
		{"freeze", "UTC", "2026-03-27T18:00:00", "", "P2D", "FREQ=MONTHLY;BYMONTH=3,6,9,12;BYDAY=-1FR;UNTIL=20271231T000000Z", ""},
		{"freeze", "UTC", "2026-01-01T00:00:00", "", "PT1H", "FREQ=YEARLY;BYWEEKNO=1,-1,53;BYDAY=MO,TH;WKST=SU", ""},
		{"freeze", "UTC", "2026-01-01T00:00:00", "", "PT1H", "FREQ=YEARLY;BYYEARDAY=1,-1;BYSETPOS=-1;COUNT=5", ""},
		{"freeze", "UTC", "2026-01-01T00:00:00", "", "PT1H", "FREQ=HOURLY;INTERVAL=6;BYMINUTE=0,30", ""},
		{"freeze", "UTC", "2026-01-01T00:00:00", "", "PT1H", "FREQ=YEARLY;BYDAY=53TH,-53TH", ""},
	} {
		f.Add(s[0], s[1], s[2], s[3], s[4], s[5], s[6])
	}
	from, to := instant(f, "2026-03-01T00:00:00Z"), instant(f, "2026-04-15T00:00:00Z")
	f.Fuzz(func(t *testing.T, kind, tz, start, end, length, rule, cron string) {
		w := window(kind, tz, gatekeep.Recurrence{Start: start, EndLocal: end, Duration: length, RRule: rule, Cron: cron})
		got, err := Expand(document(w), from, to)
		if err != nil {
			return
		}
		for key, o := range got {
			at := time.Unix(0, o.StartNS).UTC()
			if o.StartNS >= o.EndNS || o.EndNS <= from.UnixNano() || o.StartNS >= to.UnixNano() || key != "w@"+at.Format(time.RFC3339) {
				t.Errorf("occurrence %q is not one of this horizon: %+v", key, o)
			}
		}
	})
}
