package gatekeep.rules.freeze["rollout-would-overlap_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.freeze["rollout-would-overlap"] as rule

_ns(text) := time.parse_rfc3339_ns(text)

_window := {
	"window": "fw", "kind": "freeze", "title": "Year end", "tz": "America/New_York",
	"scope": {"tiers": ["production"]}, "allowed_actions": ["rollback"],
	"start_ns": _ns("2026-11-23T11:00:00Z"), "end_ns": _ns("2026-11-30T05:00:00Z"),
}

_with(change) := fixture.add("/calendar/occurrences/o1", object.union(_window, change))

_found(ops) := found if {
	found := {[f.message, f.at] | some f in rule.violations} with input as fixture.patch(ops)
}

_until(end) := [
	concat(" ", [
		"Rollout may run until", end,
		"and would enter freeze \"Year end\" starting 2026-11-23T11:00:00Z",
	]),
	"o1",
]

test_without_a_freeze_it_passes if _found([]) == set()

test_a_finding_carries_the_rule if {
	[message, at] := _until("2026-11-23T12:00:00.5Z")
	rule.violations == {{
		"rule": "freeze/rollout-would-overlap",
		"message": message,
		"at": at,
		"severity": "block",
		"remedy": "Start earlier, shorten the rollout, or schedule it after the freeze.",
	}} with input as fixture.patch([_with({})])
}

test_a_rollout_may_end_as_the_freeze_begins if {
	latest_now := fixture.base.clock.now_ns + fixture.base.clock.uncertainty_ns
	end := latest_now + fixture.base.rollout.max_duration_ns
	_found([_with({"start_ns": end})]) == set()
	count(_found([_with({"start_ns": end - 1})])) == 1
}

test_a_freeze_that_may_be_running_is_judged_by_another_rule if {
	_found([_with({"start_ns": _ns("2026-11-23T10:00:00.5Z")})]) == set()
	count(_found([_with({"start_ns": _ns("2026-11-23T10:00:00.6Z")})])) == 1
	_found([_with({"start_ns": _ns("2026-11-23T05:00:00Z")})]) == set()
}

test_a_freeze_elsewhere_or_of_another_kind_passes if {
	_found([_with({"scope": {"tiers": ["staging"]}})]) == set()
	_found([_with({"kind": "maintenance"})]) == set()
}

test_an_action_that_the_freeze_allows_may_run_into_it if {
	_found([_with({}), fixture.replace("/action/type", "rollback")]) == set()
}

test_a_shorter_rollout_passes if {
	_found([_with({}), fixture.replace("/rollout/max_duration_ns", 3500000000000)]) == set()
}

test_without_a_plan_two_hours_are_assumed if {
	every rollout in [
		{"declared": false}, {"declared": true}, {"declared": false, "max_duration_ns": 0}, {},
	] {
		op := fixture.replace("/rollout", rollout)
		_found([_with({}), op]) == {_until("2026-11-23T12:00:00.5Z")}
		rule.notes == {
			"no plan says how long the rollout may last: 120 minutes are assumed",
		} with input as fixture.patch([op])
	}
	_found([_with({}), fixture.remove("/rollout")]) == {_until("2026-11-23T12:00:00.5Z")}
	rule.notes == set() with input as fixture.input_doc
}

test_a_rollout_without_end_is_still_a_finding if {
	_found([_with({}), fixture.replace("/rollout/max_duration_ns", 9223372036854775807)]) == {
		_until("?"),
	}
}

test_missing_fields_hide_no_freeze if {
	every field in ["window", "kind", "tz", "scope", "end_ns", "allowed_actions"] {
		op := fixture.add("/calendar/occurrences/o1", object.remove(_window, [field]))
		_found([op]) == {_until("2026-11-23T12:00:00.5Z")}
	}
	untitled := fixture.add("/calendar/occurrences/o1", object.remove(_window, ["title"]))
	{at | some [_, at] in _found([untitled])} == {"o1"}
	every path in ["/action", "/service", "/environment"] {
		_found([_with({}), fixture.remove(path)]) == {_until("2026-11-23T12:00:00.5Z")}
	}
}

test_it_needs_a_calendar_and_a_clock if {
	rule.needs == {"calendar.occurrences", "clock.now_ns", "clock.uncertainty_ns"}
}

_unseen(doc) := said if {
	said := {[finding.at, finding.message] | some finding in rule.unseen} with input as doc
}

test_a_rollout_without_end_may_enter_any_freeze if {
	doc := fixture.patch([fixture.replace("/rollout/declared", false)])
	_unseen(doc) == set()
	found := _unseen(doc) with data.gatekeep.params.freeze.assumed_rollout_min as null
	found == {["rollout", "Nobody says how long the rollout may last, and no length is assumed"]}
}
