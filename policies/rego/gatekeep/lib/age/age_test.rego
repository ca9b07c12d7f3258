package gatekeep.lib.age_test

import data.gatekeep.fixture
import data.gatekeep.lib.age

# The fixture's clock stands at 2026-11-23T10:00:00Z and may be wrong by half a second.

_of(time) := said if said := age.of(time, 24) with input as fixture.input_doc

test_a_time_within_the_hours_is_recent if {
	_of("2026-11-23T10:00:00Z") == "recent"
	_of("2026-11-22T10:00:00.5Z") == "recent"
}

test_a_time_that_may_be_older_is_too_old if {
	_of("2026-11-22T10:00:00.499Z") == "too old"
	_of("2026-11-20T10:00:00Z") == "too old"
}

test_a_time_that_the_clock_may_have_reached_is_not_in_the_future if {
	_of("2026-11-23T10:00:00.5Z") == "recent"
	_of("2026-11-23T10:00:00.501Z") == "in the future"
}

test_a_time_that_cannot_be_read_is_unknown if {
	every time in ["", "yesterday", null, 5] {
		_of(time) == "unknown"
	}
}

test_no_clock_makes_nothing_recent if {
	age.of("2026-11-23T09:00:00Z", 24) == "too old" with input as {}
}

test_no_hours_make_nothing_recent if {
	every limit in [0, -1] {
		age.of("2026-11-23T09:00:00Z", limit) == "too old" with input as fixture.input_doc
	}
}

test_days_come_from_the_table_and_none_where_it_lacks_the_severity if {
	table := {"high": 7, "low": null}
	age.days(table, "high") == 7
	age.days(table, "low") == null
	age.days(table, "unknown") == 0
	age.days(null, "high") == 0
	age.days(["high"], "high") == 0
}

_within(first_seen, days) if age.within(first_seen, days) with input as fixture.input_doc

test_grace_lasts_until_its_last_certain_moment if {
	_within("2026-11-16T10:00:00.501Z", 7)
	not _within("2026-11-16T10:00:00.5Z", 7)
}

test_no_days_are_no_grace if {
	not _within("2026-11-23T10:00:00Z", 0)
	not _within("2026-11-23T10:00:00Z", null)
	not _within("2026-11-23T10:00:00Z", "7")
}

test_a_date_ahead_or_missing_gives_no_grace if {
	_within("2026-11-23T10:00:00Z", 7)
	not _within("2026-11-23T10:00:01Z", 7)
	not _within("", 7)
	not _within(null, 7)
}

test_first_sight_is_shown_or_said_to_be_unknown if {
	age.since({"first_seen": "2026-11-20T10:00:00Z"}) == "first seen 2026-11-20T10:00:00Z"
	age.since({}) == "first seen at an unknown time"
	age.since(null) == "first seen at an unknown time"
}
