# METADATA
# title: The calendar covers the time that matters
# description: |
#   A calendar that is absent, unsigned, stale, too short, expanded with old time zone
#   data or malformed cannot show that no freeze is running. An empty calendar must be a
#   signed empty calendar.
# related_resources:
#   - ref: https://www.iana.org/time-zones
#     description: IANA time zone database, whose releases tzdata names
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, CM-3 configuration change control
# custom:
#   severity: block
#   stages: [predeploy, admission]
#   waivable: false
#   evidence: [calendar]
#   remedy: Restore the calendar; check its signature, age, horizon and time zone data.
package gatekeep.rules.freeze["calendar-unusable"]

import data.gatekeep.lib.clock
import data.gatekeep.lib.freeze
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: age and horizon cannot be judged without a clock
needs := {"clock.now_ns", "clock.uncertainty_ns"}

# METADATA
# description: one finding for each thing that is wrong with the calendar
violations contains finding if {
	some [at, why] in problems
	message := sprintf("Deployment calendar cannot be relied on: %v", [why])
	finding := result.fail(rego.metadata.chain(), message, at)
}

# METADATA
# description: what is wrong, and with what; the calendar itself or one occurrence
problems contains ["calendar", "not provided or not signed"] if {
	not input.calendar.verified == true
}

problems contains ["calendar", why] if {
	_given
	not _fresh
	why := sprintf("its source was read at %v, which is not within the last %v minutes", [
		clock.show(text.show(["calendar", "fetched_ns"])),
		_minutes,
	])
}

problems contains ["calendar", why] if {
	_given
	not _reaches
	why := sprintf("it is known from %v to %v, and the rollout may last from %v to %v", [
		clock.show(text.show(["calendar", "horizon_start_ns"])),
		clock.show(text.show(["calendar", "horizon_end_ns"])),
		clock.show(clock.now - clock.skew),
		clock.show(_rollout_end),
	])
}

problems contains ["calendar", why] if {
	_given
	not _zones_current
	why := sprintf("it was expanded with time zone data %v, and %v or later is wanted", [
		text.show(["calendar", "tzdata"]),
		data.gatekeep.params.freeze.min_tzdata,
	])
}

problems contains ["calendar", "it has no occurrences, not even an empty set of them"] if {
	_given
	not _has_occurrences
}

problems contains [id, why] if {
	some id, occurrence in input.calendar.occurrences
	malformed := {part | some part in _parts; not _well_formed(part, occurrence)}
	count(malformed) > 0
	why := sprintf("occurrence %v is malformed (%v)", [id, text.list(malformed)])
}

problems contains [window, why] if {
	some window, starts in _begun
	some start, ids in starts
	count(ids) > 1
	why := sprintf("window %v has two occurrences that begin at %v (%v)", [
		window,
		clock.show(start),
		text.list(ids),
	])
}

_given if is_object(input.calendar)

_has_occurrences if is_object(input.calendar.occurrences)

# A moment that has not come yet is no reading: it would make the calendar young for ever.
_fresh if {
	is_number(input.calendar.fetched_ns)
	input.calendar.fetched_ns <= clock.now + clock.skew
	clock.certainly_before(input.calendar.fetched_ns + _max_age)
}

# A calendar that is its own source is as old as its signature, and an owner signs it now
# and then; a copy of another system's calendar is old as soon as that one may have changed.
_max_age := data.gatekeep.params.freeze.max_native_calendar_age_days * clock.day if {
	input.calendar.system == "native"
} else := data.gatekeep.params.freeze.max_calendar_age_min * clock.minute

# What a message tells must be defined, or the message vanishes with what it is about.
default _minutes := "(missing)"

_minutes := _max_age / clock.minute

default _rollout_end := "(missing)"

_rollout_end := freeze.rollout_end

_reaches if {
	is_number(input.calendar.horizon_start_ns)
	is_number(input.calendar.horizon_end_ns)
	input.calendar.horizon_start_ns <= clock.now - clock.skew
	input.calendar.horizon_end_ns >= freeze.rollout_end
}

# Releases are named by year and letter ("2026a"), so that text orders them.
_zones_current if {
	is_string(input.calendar.tzdata)
	is_string(data.gatekeep.params.freeze.min_tzdata)
	every release in [input.calendar.tzdata, data.gatekeep.params.freeze.min_tzdata] {
		regex.match(`^\d{4}[a-z]{1,2}$`, release)
	}
	input.calendar.tzdata >= data.gatekeep.params.freeze.min_tzdata
}

_begun[occurrence.window][occurrence.start_ns] contains id if {
	some id, occurrence in input.calendar.occurrences
}

_parts := {"window", "kind", "title", "time zone", "scope", "times", "allowed actions"}

_well_formed("window", occurrence) if freeze.names([occurrence.window])

_well_formed("kind", occurrence) if occurrence.kind in {"freeze", "allow", "maintenance"}

_well_formed("title", occurrence) if freeze.names([occurrence.title])

_well_formed("time zone", occurrence) if freeze.names([occurrence.tz])

# An absent dimension means any; an empty one would mean nothing at all.
_well_formed("scope", occurrence) if {
	is_object(occurrence.scope)
	every dimension, names in occurrence.scope {
		dimension in {"environments", "tiers", "services", "regions"}
		freeze.names(names)
	}
}

_well_formed("times", occurrence) if {
	is_number(occurrence.start_ns)
	is_number(occurrence.end_ns)
	occurrence.start_ns < occurrence.end_ns
}

_well_formed("allowed actions", occurrence) if is_array(occurrence.allowed_actions)
