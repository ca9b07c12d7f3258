package calendar

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/teambition/rrule-go"

	"github.com/gatekeep-dev/gatekeep"
)

// maxSteps bounds the walk from the start of a rule to the horizon, since a rule
// can only be read from its beginning: twenty years of an hourly one.
const maxSteps = 200_000

// localLayout is a local time without zone. Dates alone are refused: whether one
// means its beginning or its end is a guess.
const localLayout = "2006-01-02T15:04:05"

// duration is the part of ISO 8601 that is elapsed time. A year or month has no
// fixed length.
var duration = regexp.MustCompile(`^P(?:([0-9]{1,3})D)?(?:T(?:([0-9]{1,4})H)?(?:([0-9]{1,6})M)?)?$`)

// schedule is a Recurrence that was read. Times are floating: local times with UTC
// standing in for the zone.
type schedule struct {
	start       time.Time
	length      time.Duration // difference of wall clocks, or elapsed time
	elapsed     bool
	last        time.Time // floating; zero where there is none
	lastInstant time.Time // where the rule states its UNTIL in UTC
	rule        *rrule.RRule
	cron        cron.Schedule
}

// readSchedule checks every field of a recurrence. Errors begin with the field.
func readSchedule(r gatekeep.Recurrence) (schedule, error) {
	var s schedule
	var err error
	if s.start, err = readLocal(r.Start); err != nil {
		return s, fmt.Errorf("start: %w", err)
	}
	if err := s.readEnd(r); err != nil {
		return s, err
	}
	if r.Until != "" {
		if s.last, err = readLocal(r.Until); err != nil {
			return s, fmt.Errorf("until: %w", err)
		}
	}
	switch {
	case r.RRule != "" && r.Cron != "":
		return s, fmt.Errorf("rrule: is given together with cron; give one of the two")
	case r.RRule != "":
		if err := s.readRule(r.RRule); err != nil {
			return s, fmt.Errorf("rrule: %w", err)
		}
	case r.Cron != "":
		if err := s.readCron(r.Cron); err != nil {
			return s, fmt.Errorf("cron: %w", err)
		}
	}
	if !s.last.IsZero() && s.last.Before(s.start) {
		return s, fmt.Errorf("until: lies before start, so the window never occurs")
	}
	return s, nil
}

// readEnd reads which of the two kinds of end was meant, and how far it lies from
// the start.
func (s *schedule) readEnd(r gatekeep.Recurrence) error {
	switch {
	case r.EndLocal != "" && r.Duration != "":
		return fmt.Errorf("endLocal: is given together with durationISO; give one of the two")
	case r.EndLocal != "":
		end, err := readLocal(r.EndLocal)
		if err != nil {
			return fmt.Errorf("endLocal: %w", err)
		}
		if s.length = end.Sub(s.start); s.length <= 0 {
			return fmt.Errorf("endLocal: %s is not after start %s", r.EndLocal, r.Start)
		}
		if s.length > maxLength {
			return fmt.Errorf("endLocal: lies more than %d days after start", maxLength/(24*time.Hour))
		}
	case r.Duration != "":
		var err error
		if s.length, err = readDuration(r.Duration); err != nil {
			return fmt.Errorf("durationISO: %w", err)
		}
		s.elapsed = true
	default:
		return fmt.Errorf("endLocal: is missing, and so is durationISO; give one of the two")
	}
	return nil
}

// readLocal reads a local time to the second. time.Parse alone would let
// fractions of a second pass.
func readLocal(text string) (time.Time, error) {
	t, err := time.ParseInLocation(localLayout, text, time.UTC)
	if err != nil || len(text) != len(localLayout) {
		return time.Time{}, fmt.Errorf("%q is not a local time such as \"2026-12-20T00:00:00\"", text)
	}
	if t.Year() < firstYear || t.Year() > lastYear {
		return time.Time{}, fmt.Errorf("%q is outside the years %d to %d", text, firstYear, lastYear)
	}
	return t, nil
}

func readDuration(text string) (time.Duration, error) {
	parts := duration.FindStringSubmatch(text)
	if parts == nil || strings.HasSuffix(text, "T") {
		return 0, fmt.Errorf("%q is not a duration of days, hours and minutes such as \"P2DT12H\"; years, months and weeks are not elapsed time", text)
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if parts[i+1] == "" {
			continue
		}
		n, err := strconv.Atoi(parts[i+1])
		if err != nil {
			return 0, fmt.Errorf("reading %q: %w", text, err)
		}
		total += time.Duration(n) * unit
	}
	if total <= 0 || total > maxLength {
		return 0, fmt.Errorf("%q is not between one minute and %d days", text, maxLength/(24*time.Hour))
	}
	return total, nil
}

// starts lists the floating starts in [from, to], oldest first.
func (s *schedule) starts(from, to time.Time) ([]time.Time, error) {
	next, field := s.iterator(from)
	var out []time.Time
	for range maxSteps {
		start, ok := next()
		if !ok || start.After(to) || (!s.last.IsZero() && start.After(s.last)) {
			return out, nil
		}
		if start.Before(from) {
			continue
		}
		if out = append(out, start); len(out) > maxOccurrences {
			return nil, fmt.Errorf("%s: more than %d occurrences around %s", field, maxOccurrences, start.Format(localLayout))
		}
	}
	return nil, fmt.Errorf("%s: more than %d occurrences between start and %s; move start closer", field, maxSteps, from.Format(localLayout))
}

// iterator gives the floating starts one by one, and the field they come from.
func (s *schedule) iterator(from time.Time) (func() (time.Time, bool), string) {
	switch {
	case s.rule != nil:
		return s.rule.Iterator(), "rrule"
	case s.cron != nil:
		// Cron lines have no memory, so the walk may begin at the horizon.
		at := s.start
		if from.After(at) {
			at = from
		}
		at = at.Add(-time.Second)
		return func() (time.Time, bool) {
			at = s.cron.Next(at)
			return at, !at.IsZero()
		}, "cron"
	}
	given := false
	return func() (time.Time, bool) {
		if given {
			return time.Time{}, false
		}
		given = true
		return s.start, true
	}, "start"
}
