package calendar

import "time"

// Bias says which way to err where a wall-clock time is shown twice.
type Bias int

// The biases. The side that denies is Earliest for the start of a freeze and the
// end of an allow window, and Latest for the end of a freeze and the start of an
// allow window.
const (
	Earliest Bias = iota
	Latest
)

// reach is how far from a wall-clock time, read as if it were UTC, its instant can
// lie. Offsets from UTC stay under 16 hours; a zone that crosses the date line
// shifts by a day (Pacific/Apia on 30 December 2011).
const reach = 48 * time.Hour

// Resolve turns a wall-clock time in a zone into an instant, in UTC. The date and
// time of day of local are read; its own location is not. Where the clock shows
// local once, that is the instant. Where it shows it twice (a fold) bias chooses.
// Where it never shows it (a gap) the instant is that of the change.
//
// time.Date is not used for this: which zone it picks in a gap or fold is not
// guaranteed, and varies.
func Resolve(local time.Time, loc *time.Location, bias Bias) time.Time {
	y, m, d := local.Date()
	wall := time.Date(y, m, d, local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)

	// Walk the stretches of constant offset near the time. Far enough before, the
	// clock shows less than wall, and far enough after it shows more; so wall is
	// passed at least once, within a stretch or at a change between two.
	var first, last time.Time
	passed := func(t time.Time) {
		if first.IsZero() {
			first = t
		}
		last = t
	}
	start, stop := wall.Add(-reach), wall.Add(reach)
	for start.Before(stop) {
		_, offset := start.In(loc).Zone()
		_, end := start.In(loc).ZoneBounds()
		if end.IsZero() || end.After(stop) {
			end = stop
		}
		at := wall.Add(-time.Duration(offset) * time.Second)
		if !at.Before(start) && at.Before(end) {
			passed(at)
		}
		// A gap: in the old offset wall would come at the change or after it, in
		// the new one before it.
		_, next := end.In(loc).Zone()
		if !at.Before(end) && wall.Add(-time.Duration(next)*time.Second).Before(end) {
			passed(end.UTC())
		}
		start = end
	}
	if bias == Latest {
		return last
	}
	return first
}
