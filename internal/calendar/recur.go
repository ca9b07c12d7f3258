package calendar

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
	"github.com/teambition/rrule-go"
)

// Bounds of a recurrence line.
const (
	maxLine     = 500  // bytes; the longest sensible rule is under 100
	maxInterval = 1000 // of an RRULE; with HOURLY 41 days
)

// untilForm is UNTIL as local time, or as UTC where it ends in Z. A date alone is
// refused: the library would read it as its first second, people mean its last.
var untilForm = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}Z?$`)

// ruleParts are the parts of a rule that are read. BYSECOND, BYEASTER (no part of
// RFC 5545) and DTSTART (which is Recurrence.Start) are not among them.
var ruleParts = map[string]bool{
	"FREQ": true, "INTERVAL": true, "COUNT": true, "UNTIL": true, "WKST": true,
	"BYSETPOS": true, "BYMONTH": true, "BYMONTHDAY": true, "BYYEARDAY": true,
	"BYWEEKNO": true, "BYDAY": true, "BYHOUR": true, "BYMINUTE": true,
}

// readRule reads an RRULE value (RFC 5545 section 3.3.10) that begins at s.start.
func (s *schedule) readRule(line string) error {
	parts, err := splitRule(line)
	if err != nil {
		return err
	}
	if err := checkRule(parts); err != nil {
		return err
	}
	if err := s.readRuleUntil(parts); err != nil {
		return err
	}
	option, err := rrule.StrToROption(line)
	if err != nil {
		return fmt.Errorf("reading %q: %w", line, err)
	}
	if err := checkDays(*option); err != nil {
		return err
	}
	option.Dtstart = s.start
	option.Until = time.Time{} // readRuleUntil keeps it
	if !onDay(s.start, *option) {
		return notFirst(s.start, line)
	}
	rule, err := rrule.NewRRule(*option)
	if err != nil {
		return fmt.Errorf("reading %q: %w", line, err)
	}
	// RFC 5545 section 3.8.5.3: "The recurrence set generated with a DTSTART
	// property value not synchronized with the recurrence rule is undefined."
	first, ok := rule.Iterator()()
	if !ok || !first.Equal(s.start) {
		return notFirst(s.start, line)
	}
	s.rule = rule
	return nil
}

func notFirst(start time.Time, line string) error {
	return fmt.Errorf("start %s is not an occurrence of %q; move start to the first occurrence", start.Format(localLayout), line)
}

// onDay tells whether a daily or hourly rule may occur on the day of its start. The
// library would look for the first day that fits, day by day up to the year 9999.
// Longer frequencies it gets through in milliseconds.
func onDay(start time.Time, option rrule.ROption) bool {
	if option.Freq != rrule.DAILY && option.Freq != rrule.HOURLY {
		return true
	}
	fromEnd := start.Day() - 1 - time.Date(start.Year(), start.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	monday0 := (int(start.Weekday()) + 6) % 7
	return (len(option.Bymonth) == 0 || slices.Contains(option.Bymonth, int(start.Month()))) &&
		(len(option.Bymonthday) == 0 || slices.Contains(option.Bymonthday, start.Day()) || slices.Contains(option.Bymonthday, fromEnd)) &&
		(len(option.Byweekday) == 0 || slices.ContainsFunc(option.Byweekday, func(d rrule.Weekday) bool { return d.Day() == monday0 }))
}

// splitRule takes a rule apart. RFC 5545 section 3.3.10: the parts "MUST NOT occur
// more than once".
func splitRule(line string) (map[string]string, error) {
	if len(line) > maxLine {
		return nil, fmt.Errorf("is longer than %d bytes", maxLine)
	}
	parts := map[string]string{}
	for _, part := range strings.Split(line, ";") {
		name, value, ok := strings.Cut(part, "=")
		if !ok || value == "" {
			return nil, fmt.Errorf("%q is not a part of a rule", part)
		}
		if !ruleParts[name] {
			return nil, fmt.Errorf("%q is not a part that is read here", name)
		}
		if _, twice := parts[name]; twice {
			return nil, fmt.Errorf("%s is given twice", name)
		}
		parts[name] = value
	}
	return parts, nil
}

// checkRule holds a rule to what the RFC says and the library does not check. Some
// of what it refuses would make the library loop for ever or panic.
func checkRule(parts map[string]string) error {
	has := func(name string) bool { return parts[name] != "" }
	freq := parts["FREQ"]
	switch freq {
	case "YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY":
	case "":
		return fmt.Errorf("FREQ is missing")
	default:
		return fmt.Errorf("FREQ=%s is not one of YEARLY, MONTHLY, WEEKLY, DAILY and HOURLY", freq)
	}
	for _, name := range []string{"COUNT", "INTERVAL"} {
		n, err := strconv.Atoi(parts[name])
		if has(name) && (err != nil || n < 1) {
			return fmt.Errorf("%s=%s is not a positive number", name, parts[name])
		}
		if name == "INTERVAL" && n > maxInterval {
			return fmt.Errorf("INTERVAL=%d is more than %d", n, maxInterval)
		}
	}
	switch {
	case has("COUNT") && has("UNTIL"):
		return fmt.Errorf("COUNT and UNTIL are both given; give one of the two")
	case has("BYWEEKNO") && freq != "YEARLY":
		return fmt.Errorf("BYWEEKNO needs FREQ=YEARLY")
	case has("BYYEARDAY") && freq != "YEARLY":
		return fmt.Errorf("BYYEARDAY needs FREQ=YEARLY here")
	case has("BYMONTHDAY") && freq == "WEEKLY":
		return fmt.Errorf("BYMONTHDAY does not go with FREQ=WEEKLY")
	case has("BYHOUR") && freq == "HOURLY":
		return fmt.Errorf("BYHOUR does not go with FREQ=HOURLY here; write FREQ=DAILY with BYHOUR")
	case has("BYSETPOS") && (freq == "DAILY" || freq == "HOURLY"):
		return fmt.Errorf("BYSETPOS does not go with FREQ=%s here", freq)
	}
	return nil
}

// checkDays refuses numbered days where the RFC has none ("MUST NOT be specified
// with a numeric value when the FREQ rule part is not set to MONTHLY or YEARLY"),
// and numbers that no month or year reaches.
func checkDays(option rrule.ROption) error {
	if option.Wkst.N() != 0 {
		return fmt.Errorf("WKST has a number")
	}
	for _, day := range option.Byweekday {
		n := day.N()
		if n < 0 {
			n = -n
		}
		switch {
		case n == 0:
		case option.Freq != rrule.MONTHLY && option.Freq != rrule.YEARLY, len(option.Byweekno) > 0:
			return fmt.Errorf("BYDAY=%s: a numbered day needs FREQ=MONTHLY or YEARLY, and no BYWEEKNO", day)
		case n > 5 && (option.Freq == rrule.MONTHLY || len(option.Bymonth) > 0):
			return fmt.Errorf("BYDAY=%s: a month has at most five of a weekday", day)
		}
	}
	return nil
}

// readRuleUntil keeps UNTIL beside the rule. In UTC it is an instant, which
// floating time cannot be compared with; as local time it is the same as
// Recurrence.Until, and the earlier of the two holds.
func (s *schedule) readRuleUntil(parts map[string]string) error {
	text := parts["UNTIL"]
	if text == "" {
		return nil
	}
	until, err := time.ParseInLocation("20060102T150405", strings.TrimSuffix(text, "Z"), time.UTC)
	if err != nil || !untilForm.MatchString(text) {
		return fmt.Errorf("UNTIL=%s is not a time such as 20261231T235959Z (UTC) or 20261231T235959 (local); a date alone is not enough", text)
	}
	if strings.HasSuffix(text, "Z") {
		if until.Before(s.start.Add(-reach)) {
			return fmt.Errorf("UNTIL=%s lies before start, so the window never occurs", text)
		}
		s.lastInstant = until
		return nil
	}
	if s.last.IsZero() || until.Before(s.last) {
		s.last = until
	}
	return nil
}

// cronFields is a plain cron line of five fields. Macros (@daily), zones (TZ=) and
// seconds are refused; the zone is the window's.
var cronFields = regexp.MustCompile(`^([0-9A-Za-z*?/,-]+) ([0-9A-Za-z*?/,-]+) ([0-9A-Za-z*?/,-]+) ([0-9A-Za-z*?/,-]+) ([0-9A-Za-z*?/,-]+)$`)

// emptyItem is a list with nothing between two commas, which the library reads as
// never.
var emptyItem = regexp.MustCompile(`(^| ),|,,|,( |$)`)

// readCron reads a cron line. Occurrences begin at the first match not before
// s.start.
func (s *schedule) readCron(line string) error {
	if len(line) > maxLine {
		return fmt.Errorf("is longer than %d bytes", maxLine)
	}
	line = strings.Join(strings.Fields(line), " ")
	fields := cronFields.FindStringSubmatch(line)
	if fields == nil || emptyItem.MatchString(line) {
		return fmt.Errorf("%q is not a cron line of five fields (minute, hour, day of month, month, day of week)", line)
	}
	// Cron joins the two days by "or" where both are given. Who writes
	// "0 0 13 * FRI" for a freeze means something, but not certainly that.
	if strings.Trim(fields[3], "*?") != "" && strings.Trim(fields[5], "*?") != "" {
		return fmt.Errorf("%q gives both a day of month and a day of week, which cron joins by \"or\"; write two windows", line)
	}
	sched, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(line)
	if err != nil {
		return fmt.Errorf("reading %q: %w", line, err)
	}
	first := sched.Next(s.start.Add(-time.Second))
	switch {
	case first.IsZero():
		return fmt.Errorf("%q never occurs", line)
	case !s.elapsed && !first.Equal(s.start):
		// endLocal is the end of the first occurrence, so start must be one.
		return fmt.Errorf("start %s is not an occurrence of %q; move start to the first occurrence, %s, or give durationISO", s.start.Format(localLayout), line, first.Format(localLayout))
	}
	s.cron = sched
	return nil
}
