package gatekeep.lib.clock_test

import data.gatekeep.lib.clock

_at(now, skew) := {"clock": {"now_ns": now, "uncertainty_ns": skew}}

test_the_moment_and_its_uncertainty_are_those_of_the_input if {
	clock.now == 100 with input as _at(100, 10)
	clock.skew == 10 with input as _at(100, 10)
}

test_a_time_is_ahead_only_beyond_the_uncertainty if {
	not clock.certainly_before(110) with input as _at(100, 10)
	clock.certainly_before(111) with input as _at(100, 10)
}

test_a_time_has_come_only_beyond_the_uncertainty if {
	clock.certainly_after(90) with input as _at(100, 10)
	not clock.certainly_after(91) with input as _at(100, 10)
}

test_within_the_uncertainty_neither_is_certain if {
	every t in [91, 100, 110] {
		not clock.certainly_before(t) with input as _at(100, 10)
		not clock.certainly_after(t) with input as _at(100, 10)
	}
}

# Rego orders null before numbers and numbers before text.
test_what_is_no_number_has_neither_come_nor_not_come if {
	every t in [null, "2030-01-01T00:00:00Z", [], {}, true] {
		not clock.certainly_before(t) with input as _at(100, 10)
		not clock.certainly_after(t) with input as _at(100, 10)
	}
}

test_without_a_clock_nothing_is_certain if {
	every broken in [{}, {"clock": {"now_ns": 100}}, {"clock": {"uncertainty_ns": 10}}] {
		not clock.certainly_before(1000) with input as broken
		not clock.certainly_after(0) with input as broken
	}
}

test_rfc_3339_becomes_nanoseconds if {
	want := {
		"2026-11-23T10:00:00Z": 1795428000000000000,
		"2026-11-23T11:00:00+01:00": 1795428000000000000,
		"2026-11-23T10:00:00.4Z": 1795428000400000000,
		"2026-11-30T10:00:00Z": 1796032800000000000,
		"2026-12-31T23:59:59Z": 1798761599000000000,
		"2028-02-29T00:00:00Z": 1835395200000000000,
		"2000-02-29T00:00:00Z": 951782400000000000,
	}
	every text, t in want {
		clock.ns(text) == t
	}
}

test_what_is_no_time_is_undefined if {
	every text in [
		"", "some day", "2026-11-23", "2026-11-23T10:00:00", "2026-11-23 10:00:00Z",
		"2026-11-23t10:00:00z", "2026-11-23T10:00:00,5Z", "2026-11-23T24:00:00Z",
		"2026-11-23T10:60:00Z", "2026-11-23T10:00:60Z", "2026-11-23T10:00:00+25:00",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-11-31T00:00:00Z",
		"2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
		"9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", " 2026-11-23T10:00:00Z",
		"2026-11-23T10:00:00Z\n",
	] {
		not clock.ns(text)
	}
	every other in [null, 1795428000000000000, true, ["2026-11-23T10:00:00Z"]] {
		not clock.ns(other)
	}
}

test_units_follow_from_each_other if {
	clock.minute == 60 * clock.second
	clock.hour == 60 * clock.minute
	clock.day == 24 * clock.hour
	clock.ns("1970-01-01T00:00:01Z") == clock.second
}

test_nanoseconds_are_shown_as_rfc_3339 if {
	clock.show(1795428000000000000) == "2026-11-23T10:00:00Z"
	clock.show(1795428000400000000) == "2026-11-23T10:00:00.4Z"
}

test_what_is_no_moment_is_shown_as_a_question_mark if {
	every t in [null, "2026-11-23T10:00:00Z", 1.5, 9300000000000000000, {}] {
		clock.show(t) == "?"
	}
}
