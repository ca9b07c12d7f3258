package calendar

import (
	"testing"
	"time"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := openZones()
	if err != nil {
		t.Fatal(err)
	}
	loc, err := z.find(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func wallClock(t testing.TB, text string) time.Time {
	t.Helper()
	local, err := time.ParseInLocation(localLayout, text, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	return local
}

// showing is what the clock on the wall shows at an instant, as floating time.
func showing(at time.Time, loc *time.Location) time.Time {
	l := at.In(loc)
	return time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), 0, time.UTC)
}

func TestResolveTakesTheChangeInAGapAndTheBiasInAFold(t *testing.T) {
	for _, c := range []struct{ tz, local, early, late string }{
		{"America/New_York", "2026-03-08T02:30:00", "2026-03-08T07:00:00Z", "2026-03-08T07:00:00Z"},
		{"America/New_York", "2026-11-01T01:30:00", "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"},
		{"Europe/London", "2026-03-29T01:30:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
		{"Europe/London", "2026-10-25T01:30:00", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"},
		{"Europe/Berlin", "2026-03-29T02:00:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59Z", "2026-03-29T00:59:59Z"},
		{"Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z"},
		{"Europe/Berlin", "2026-10-25T02:00:00", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"},
		{"Europe/Berlin", "2026-10-25T02:59:59", "2026-10-25T00:59:59Z", "2026-10-25T01:59:59Z"},
		{"Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00Z", "2026-10-25T02:00:00Z"},
		{"Europe/Berlin", "2026-12-24T00:00:00", "2026-12-23T23:00:00Z", "2026-12-23T23:00:00Z"},
		{"America/Sao_Paulo", "2018-11-04T00:00:00", "2018-11-04T03:00:00Z", "2018-11-04T03:00:00Z"},
		{"America/Sao_Paulo", "2018-02-17T23:30:00", "2018-02-18T01:30:00Z", "2018-02-18T02:30:00Z"},
		{"Australia/Lord_Howe", "2026-10-04T02:15:00", "2026-10-03T15:30:00Z", "2026-10-03T15:30:00Z"},
		{"Australia/Lord_Howe", "2026-04-05T01:45:00", "2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z"},
		{"Pacific/Apia", "2011-12-30T12:00:00", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"Pacific/Apia", "2011-12-31T00:00:00", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"Pacific/Kwajalein", "1993-08-21T12:00:00", "1993-08-21T12:00:00Z", "1993-08-21T12:00:00Z"},
		{"Asia/Kolkata", "2026-03-08T02:30:00", "2026-03-07T21:00:00Z", "2026-03-07T21:00:00Z"},
		{"UTC", "2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"},
		// Far beyond the listed changes, where the rule at the end of the data holds.
		{"Europe/Berlin", "2150-03-29T02:30:00", "2150-03-29T01:00:00Z", "2150-03-29T01:00:00Z"},
		{"Australia/Sydney", "2100-01-01T00:00:00", "2099-12-31T13:00:00Z", "2099-12-31T13:00:00Z"},
	} {
		loc := zone(t, c.tz)
		if got := Resolve(wallClock(t, c.local), loc, Earliest).Format(time.RFC3339); got != c.early {
			t.Errorf("%s %s earliest: %s, want %s", c.tz, c.local, got, c.early)
		}
		if got := Resolve(wallClock(t, c.local), loc, Latest).Format(time.RFC3339); got != c.late {
			t.Errorf("%s %s latest: %s, want %s", c.tz, c.local, got, c.late)
		}
	}
}

// face is what the clock on the wall shows in one minute.
type face struct{ at, shows time.Time }

func faces(from, to time.Time, loc *time.Location) (out []face) {
	for at := from; at.Before(to); at = at.Add(time.Minute) {
		out = append(out, face{at, showing(at, loc)})
	}
	return out
}

// shown looks for a time on the clock, without any thought of gaps or folds: the
// first and the last minute that show it. If none does, both are the first that
// shows a later time.
func shown(local time.Time, minutes []face) (first, last time.Time) {
	for _, m := range minutes {
		if first.IsZero() && !m.shows.Before(local) {
			first, last = m.at, m.at
		}
		if m.shows.Equal(local) {
			last = m.at
		}
	}
	return first, last
}

func TestResolveAgreesWithAClockReadMinuteByMinute(t *testing.T) {
	for _, c := range []struct{ tz, from, to string }{
		{"Europe/Berlin", "2026-03-29T00:00:00", "2026-03-29T05:00:00"},
		{"Europe/Berlin", "2026-10-25T00:00:00", "2026-10-25T05:00:00"},
		{"America/New_York", "2026-03-08T00:00:00", "2026-03-08T05:00:00"},
		{"America/New_York", "2026-11-01T00:00:00", "2026-11-01T05:00:00"},
		{"Australia/Lord_Howe", "2026-04-05T00:00:00", "2026-04-05T05:00:00"},
		{"Australia/Lord_Howe", "2026-10-04T00:00:00", "2026-10-04T05:00:00"},
		{"Pacific/Apia", "2011-12-29T20:00:00", "2011-12-31T04:00:00"},
		{"America/Sao_Paulo", "2018-11-03T22:00:00", "2018-11-04T03:00:00"},
		{"Africa/Casablanca", "2026-02-14T22:00:00", "2026-02-15T05:00:00"},
		{"Antarctica/Troll", "2026-03-29T00:00:00", "2026-03-29T05:00:00"},
		{"Pacific/Kiritimati", "1994-12-30T20:00:00", "1995-01-02T04:00:00"},
	} {
		loc := zone(t, c.tz)
		minutes := faces(wallClock(t, c.from).Add(-30*time.Hour), wallClock(t, c.to).Add(30*time.Hour), loc)
		for local := wallClock(t, c.from); !local.After(wallClock(t, c.to)); local = local.Add(5 * time.Minute) {
			early, late := shown(local, minutes)
			if got := Resolve(local, loc, Earliest); !got.Equal(early) {
				t.Errorf("%s %s earliest: %s, want %s", c.tz, local.Format(localLayout), got, early)
			}
			if got := Resolve(local, loc, Latest); !got.Equal(late) {
				t.Errorf("%s %s latest: %s, want %s", c.tz, local.Format(localLayout), got, late)
			}
		}
	}
}

func TestResolveReadsTheClockFaceOnly(t *testing.T) {
	loc := zone(t, "Europe/Berlin")
	inTokyo := time.Date(2026, 7, 1, 9, 0, 0, 0, time.FixedZone("JST", 9*3600))
	if got := Resolve(inTokyo, loc, Earliest).Format(time.RFC3339); got != "2026-07-01T07:00:00Z" {
		t.Errorf("got %s, want nine o'clock in Berlin", got)
	}
}
