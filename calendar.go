package gatekeep

import "time"

// CalendarDocument is the gatekeep.dev/calendar/v1 predicate: windows as people
// write them, in local time. It becomes a Calendar once expanded to instants.
type CalendarDocument struct {
	Revision    int64          `json:"revision"`
	Windows     []Window       `json:"windows"`
	Source      CalendarSource `json:"source"`
	Attestation string         `json:"-"` // digest of the envelope it came in
}

// CalendarSource tells where a calendar was read, and when.
type CalendarSource struct {
	System    string    `json:"system"` // native, gitlab, argocd or servicenow
	FetchedAt time.Time `json:"fetchedAt"`
}

// Window is one kind of time in one time zone.
type Window struct {
	ID             string              `json:"id"`
	Kind           string              `json:"kind"` // freeze, allow or maintenance
	Title          string              `json:"title"`
	Scope          map[string][]string `json:"scope"`
	TZ             string              `json:"tz"` // IANA name
	Recurrence     Recurrence          `json:"recurrence"`
	AllowedActions []string            `json:"allowedActions"`
}

// Recurrence tells when a window begins and ends, in local time without zone
// ("2026-12-20T00:00:00"). It ends at EndLocal, a wall-clock time, or after
// Duration, an elapsed time; exactly one of the two is given.
type Recurrence struct {
	Start    string `json:"start"`
	EndLocal string `json:"endLocal,omitempty"`    // end of the first occurrence
	Duration string `json:"durationISO,omitempty"` // ISO 8601, for example "PT36H"
	RRule    string `json:"rrule,omitempty"`       // RFC 5545 section 3.3.10, without DTSTART
	Cron     string `json:"cron,omitempty"`        // five fields, in place of RRule
	Until    string `json:"until,omitempty"`       // local; no occurrence begins after it
}
