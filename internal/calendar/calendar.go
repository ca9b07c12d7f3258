// Package calendar expands a deployment calendar, which people write in local
// time, to instants that rules can compare. It follows Annex D of the control
// catalogue:
//
//   - Recurrence runs in floating local time, with UTC standing in for the zone,
//     so that neither the RRULE nor the cron library ever meets a clock change.
//     Each start and end is then resolved to an instant on its own.
//   - A time in a gap is the instant of the change. A time in a fold is the one
//     that denies: a freeze starts at the first and ends at the second, an allow
//     window starts at the second and ends at the first.
//   - An end given as local time is a wall-clock time; an end given as a duration
//     is elapsed time.
//   - Occurrences are half open: start <= t < end.
//
// The package does no I/O and asks no clock. The zone data is embedded, so the
// same document expands to the same instants on every host.
package calendar

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gatekeep-dev/gatekeep"
)

// Kinds of window.
const (
	KindFreeze      = "freeze"
	KindAllow       = "allow"
	KindMaintenance = "maintenance"
)

// DefaultAllowedAction may go on during a freeze whose window names no allowed
// actions at all: a freeze must not stop the way back. An empty list allows none.
const DefaultAllowedAction = "rollback"

// Bounds. A calendar is signed, but whoever signs it must not be able to stop the
// gate with one line.
const (
	maxWindows     = 1000                 // the largest calendars known hold some hundreds
	maxOccurrences = 1000                 // of one window; an hourly one over two weeks has 336
	maxTotal       = 20000                // of the whole calendar: some 6 MB of facts
	maxHorizon     = 400 * 24 * time.Hour // a year to plan with; the gate asks for two weeks
	maxLength      = 366 * 24 * time.Hour // of one occurrence
	maxID          = 200                  // bytes of a window id
	firstYear      = 1970                 // times outside these years do not fit
	lastYear       = 2200                 // nanoseconds of an int64 with room to add
	slack          = reach + 24*time.Hour // between floating and real time, to look around the horizon
)

// Expand returns the occurrences that touch [from, to), by "<window id>@<start in
// UTC, RFC 3339>". One that began before from and still runs is among them. Its
// scope and actions are copies. One that the clock never shows, since it lies in a
// gap, or lies in a fold that leaves an allow window nothing, is left out; two of
// one window that begin at the same instant are one that ends with the later.
//
// Any window that cannot be read is an error that names the window and the field,
// and nothing is returned: a calendar that is half understood is not a calendar.
func Expand(doc gatekeep.CalendarDocument, from, to time.Time) (map[string]gatekeep.Occurrence, error) {
	if err := checkHorizon(from, to); err != nil {
		return nil, fmt.Errorf("expanding calendar: %w", err)
	}
	if len(doc.Windows) > maxWindows {
		return nil, fmt.Errorf("expanding calendar: %d windows, more than %d; split the calendar", len(doc.Windows), maxWindows)
	}
	zones, err := openZones()
	if err != nil {
		return nil, fmt.Errorf("expanding calendar: %w", err)
	}
	out := map[string]gatekeep.Occurrence{}
	ids := map[string]bool{}
	for i, w := range doc.Windows {
		if ids[w.ID] {
			return nil, fmt.Errorf("expanding calendar: window %q (number %d): id is used twice", w.ID, i+1)
		}
		ids[w.ID] = true
		if err := expandWindow(out, w, zones, from, to); err != nil {
			return nil, fmt.Errorf("expanding calendar: window %q (number %d): %w", w.ID, i+1, err)
		}
		if len(out) > maxTotal {
			return nil, fmt.Errorf("expanding calendar: more than %d occurrences from %s to %s", maxTotal, from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
		}
	}
	return out, nil
}

func checkHorizon(from, to time.Time) error {
	switch {
	case !from.Before(to):
		return fmt.Errorf("horizon ends at %s, not after its start %s", to.UTC().Format(time.RFC3339), from.UTC().Format(time.RFC3339))
	case to.Sub(from) > maxHorizon:
		return fmt.Errorf("horizon of %s is longer than %s", to.Sub(from), maxHorizon)
	case from.UTC().Year() < firstYear || to.UTC().Year() > lastYear:
		return fmt.Errorf("horizon is outside the years %d to %d", firstYear, lastYear)
	}
	return nil
}

// expandWindow adds the occurrences of one window. Errors begin with the field.
func expandWindow(out map[string]gatekeep.Occurrence, w gatekeep.Window, zones *zones, from, to time.Time) error {
	if err := checkWindow(w); err != nil {
		return err
	}
	loc, err := zones.find(w.TZ)
	if err != nil {
		return fmt.Errorf("tz: %w", err)
	}
	sched, err := readSchedule(w.Recurrence)
	if err != nil {
		return fmt.Errorf("recurrence.%w", err)
	}
	starts, err := sched.starts(from.UTC().Add(-sched.length-slack), to.UTC().Add(slack))
	if err != nil {
		return fmt.Errorf("recurrence.%w", err)
	}
	startBias, endBias := Earliest, Latest
	if w.Kind == KindAllow {
		startBias, endBias = Latest, Earliest
	}
	for _, local := range starts {
		start := Resolve(local, loc, startBias)
		// A wall-clock end is resolved itself. An elapsed one counts from the
		// start; if that is shown twice, each end counts from the one that denies.
		end := Resolve(local.Add(sched.length), loc, endBias)
		if sched.elapsed {
			end = Resolve(local, loc, endBias).Add(sched.length)
		}
		if !start.Before(end) || !end.After(from) || !start.Before(to) {
			continue
		}
		if !sched.lastInstant.IsZero() && start.After(sched.lastInstant) {
			continue
		}
		key := w.ID + "@" + start.Format(time.RFC3339)
		if other, ok := out[key]; ok && other.EndNS >= end.UnixNano() {
			continue
		}
		out[key] = gatekeep.Occurrence{
			Window: w.ID, Kind: w.Kind, Title: w.Title, TZ: w.TZ, Scope: copyScope(w.Scope),
			StartNS: start.UnixNano(), EndNS: end.UnixNano(), AllowedActions: allowedActions(w),
		}
	}
	return nil
}

// checkWindow refuses what a reader could take to mean something else.
func checkWindow(w gatekeep.Window) error {
	switch {
	case w.ID == "":
		return fmt.Errorf("id: is empty")
	case len(w.ID) > maxID:
		return fmt.Errorf("id: is longer than %d bytes", maxID)
	case w.Kind != KindFreeze && w.Kind != KindAllow && w.Kind != KindMaintenance:
		return fmt.Errorf("kind: is %q; write freeze, allow or maintenance", w.Kind)
	}
	for _, name := range slices.Sorted(maps.Keys(w.Scope)) {
		switch name {
		case "environments", "tiers", "services", "regions":
		default:
			// A dimension that is left out covers everything, so a misspelt one
			// would widen the window in silence.
			return fmt.Errorf("scope: unknown dimension %q; write environments, tiers, services or regions", name)
		}
		if len(w.Scope[name]) == 0 {
			return fmt.Errorf("scope.%s: is empty, so the window would cover nothing; leave the dimension out to cover all", name)
		}
	}
	return nil
}

func copyScope(scope map[string][]string) map[string][]string {
	out := make(map[string][]string, len(scope))
	for name, values := range scope {
		out[name] = slices.Clone(values)
	}
	return out
}

func allowedActions(w gatekeep.Window) []string {
	if w.AllowedActions == nil && w.Kind == KindFreeze {
		return []string{DefaultAllowedAction}
	}
	return append([]string{}, w.AllowedActions...)
}
