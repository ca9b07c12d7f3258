package gatekeep.rules.freeze["calendar-unusable_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.freeze["calendar-unusable"] as rule

_found(ops) := found if {
	found := {[f.message, f.at] | some f in rule.violations} with input as fixture.patch(ops)
}

_says(why) := _at("calendar", why)

_at(at, why) := [sprintf("Deployment calendar cannot be relied on: %s", [why]), at]

_set(field, value) := fixture.add(sprintf("/calendar/%s", [field]), value)

_drop(field) := fixture.remove(sprintf("/calendar/%s", [field]))

_now := fixture.base.clock.now_ns

_minutes(n) := n * 60000000000

_window := {
	"window": "fw", "kind": "freeze", "title": "Year end", "tz": "America/New_York",
	"scope": {"tiers": ["production"]}, "allowed_actions": ["rollback"],
	"start_ns": _now, "end_ns": _now + _minutes(60),
}

_unsigned := _says("not provided or not signed")

_stale(at) := _says(sprintf(
	"its source was read at %s, which is not within the last 60 minutes",
	[at],
))

_short(start, end) := _says(sprintf(
	concat(" ", [
		"it is known from %s to %s, and the rollout may last",
		"from 2026-11-23T09:59:59.5Z to 2026-11-23T12:00:00.5Z",
	]),
	[start, end],
))

_zones(tzdata) := _says(sprintf(
	"it was expanded with time zone data %v, and %v or later is wanted",
	[tzdata, data.gatekeep.params.freeze.min_tzdata],
))

_broken(parts) := _at("o1", sprintf("occurrence o1 is malformed (%s)", [parts]))

test_a_signed_calendar_passes_even_if_it_is_empty if {
	_found([]) == set()
	_found([_set("occurrences/o1", _window)]) == set()
}

test_a_finding_carries_the_rule if {
	[message, at] := _unsigned
	rule.violations == {{
		"rule": "freeze/calendar-unusable",
		"message": message,
		"at": at,
		"severity": "block",
		"remedy": "Restore the calendar; check its signature, age, horizon and time zone data.",
	}} with input as fixture.patch([_set("verified", false)])
}

test_an_absent_calendar_is_unusable if {
	_found([fixture.remove("/calendar")]) == {_unsigned}
	_found([fixture.replace("/calendar", null)]) == {_unsigned}
}

test_a_calendar_that_nobody_vouches_for_is_unusable if {
	_found([_set("verified", "true")]) == {_unsigned}
	_found([_drop("verified")]) == {_unsigned}
}

test_a_calendar_grows_stale if {
	half := fixture.base.clock.uncertainty_ns
	_found([_set("fetched_ns", ((_now + half) - _minutes(60)) + 1)]) == set()
	_found([_set("fetched_ns", (_now + half) - _minutes(60))]) == {_stale("2026-11-23T09:00:00.5Z")}
	_found([_set("fetched_ns", _now - _minutes(120))]) == {_stale("2026-11-23T08:00:00Z")}
}

test_a_calendar_was_not_read_in_the_future if {
	half := fixture.base.clock.uncertainty_ns
	_found([_set("fetched_ns", _now + half)]) == set()
	_found([_set("fetched_ns", _now + _minutes(60))]) == {_stale("2026-11-23T11:00:00Z")}
}

test_a_calendar_without_an_age_is_stale if {
	_found([_drop("fetched_ns")]) == {_stale("?")}
	_found([_set("fetched_ns", "now")]) == {_stale("?")}
}

test_the_horizon_spans_the_rollout if {
	half := fixture.base.clock.uncertainty_ns
	_found([_set("horizon_end_ns", (_now + half) + _minutes(120))]) == set()
	_found([_set("horizon_end_ns", ((_now + half) + _minutes(120)) - 1)]) == {_short(
		"2026-11-22T10:00:00Z",
		"2026-11-23T12:00:00.499999999Z",
	)}
	_found([_set("horizon_start_ns", _now - half)]) == set()
	_found([_set("horizon_start_ns", (_now - half) + 1)]) == {_short(
		"2026-11-23T09:59:59.500000001Z",
		"2026-12-07T10:00:00Z",
	)}
}

test_a_calendar_without_a_horizon_is_too_short if {
	_found([_drop("horizon_start_ns")]) == {_short("?", "2026-12-07T10:00:00Z")}
	_found([_drop("horizon_end_ns")]) == {_short("2026-11-22T10:00:00Z", "?")}
	_found([_set("horizon_end_ns", "for ever")]) == {_short("2026-11-22T10:00:00Z", "?")}
}

test_time_zone_data_must_be_recent if {
	_found([_set("tzdata", data.gatekeep.params.freeze.min_tzdata)]) == set()
	_found([_set("tzdata", "2027b")]) == set()
	_found([_set("tzdata", "2024b")]) == {_zones("2024b")}
	_found([_drop("tzdata")]) == {_zones("(missing)")}
	_found([_set("tzdata", "unknown")]) == {_zones("unknown")}
	_found([_set("tzdata", 2027)]) == {_zones(2027)}
}

test_no_occurrences_at_all_is_not_an_empty_calendar if {
	_found([_drop("occurrences")]) == {_says("it has no occurrences, not even an empty set of them")}
	_found([_set("occurrences", [])]) == {
		_says("it has no occurrences, not even an empty set of them"),
	}
}

test_each_part_of_an_occurrence_is_checked if {
	changes := {
		"window": [{"window": ""}, {"window": null}],
		"kind": [{"kind": "freez"}, {"kind": null}],
		"title": [{"title": ""}],
		"time zone": [{"tz": ""}],
		"scope": [
			{"scope": null}, {"scope": {"tiers": []}}, {"scope": {"tiers": "production"}},
			{"scope": {"tiers": [""]}}, {"scope": {"tiers": null}}, {"scope": {"clusters": ["a"]}},
		],
		"times": [
			{"start_ns": _now + _minutes(60)}, {"start_ns": null}, {"end_ns": "later"},
			{"end_ns": null},
		],
		"allowed actions": [{"allowed_actions": null}, {"allowed_actions": "rollback"}],
	}
	every part, ways in changes {
		every change in ways {
			occurrence := json.patch(_window, [fixture.replace(sprintf("/%s", [field]), value) |
				some field, value in change
			])
			_found([_set("occurrences/o1", occurrence)]) == {_broken(part)}
		}
	}
}

test_a_missing_part_is_malformed if {
	parts := {
		"window": "window", "kind": "kind", "title": "title", "tz": "time zone", "scope": "scope",
		"start_ns": "times", "end_ns": "times", "allowed_actions": "allowed actions",
	}
	object.keys(parts) == object.keys(_window)
	every field, part in parts {
		_found([_set("occurrences/o1", object.remove(_window, [field]))]) == {_broken(part)}
	}
	every empty in [{}, null] {
		_found([_set("occurrences/o1", empty)]) == {
			_broken("allowed actions, kind, scope, time zone, times, title, window"),
		}
	}
}

test_an_occurrence_that_is_said_twice_contradicts_itself if {
	longer := object.union(_window, {"end_ns": _now + _minutes(90)})
	_found([_set("occurrences/o1", _window), _set("occurrences/o2", longer)]) == {_at(
		"fw",
		"window fw has two occurrences that begin at 2026-11-23T10:00:00Z (o1, o2)",
	)}
	later := object.union(_window, {"start_ns": _now + 1})
	_found([_set("occurrences/o1", _window), _set("occurrences/o2", later)]) == set()
	other := object.union(_window, {"window": "gw"})
	_found([_set("occurrences/o1", _window), _set("occurrences/o2", other)]) == set()
}

test_age_and_horizon_need_a_clock if rule.needs == {"clock.now_ns", "clock.uncertainty_ns"}

test_a_native_calendar_is_as_old_as_its_signature if {
	_native(30) == set()
	_native(31) == {"calendar"}
}

_native(days) := {finding.at | some finding in found} if {
	found := rule.violations with input as fixture.patch([
		fixture.add("/calendar/system", "native"),
		fixture.replace("/calendar/fetched_ns", fixture.base.clock.now_ns - (days * 86400000000000)),
	])
}
