package gatekeep.rules.gate["clock-untrusted_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.gate["clock-untrusted"] as rule

_found(ops) := found if {
	found := {[f.message, f.at] | some f in rule.unseen} with input as fixture.patch(ops)
}

_says(at, why) := [sprintf("Gate clock is not usable: %s", [why]), at]

_stateless := fixture.replace("/gate/state_declared", false)

_now := fixture.base.clock.now_ns

_unsure(by) := _says(
	"clock.uncertainty_ns",
	sprintf("it may be wrong by %v ns, and at most 5 s are accepted", [by]),
)

_no_floor := _says("clock.floor_ns", "the newest time that was recorded is not known")

_from(source) := _says(
	"clock.source",
	sprintf("its source %v is none of ntp, nts, ptp, stated, system, tsa", [source]),
)

test_a_good_clock_passes if {
	_found([]) == set()
	count(rule.violations) == 0 with input as {}
}

test_a_finding_carries_the_rule if {
	[message, at] := _no_floor
	rule.unseen == {{
		"rule": "gate/clock-untrusted",
		"message": message,
		"at": at,
		"severity": "block",
		"remedy": "Repair time synchronisation.",
	}} with input as fixture.patch([fixture.remove("/clock/floor_ns")])
}

test_a_clock_without_time_is_not_usable if {
	want := {_says("clock.now_ns", "it tells no time")}
	_found([fixture.remove("/clock/now_ns")]) == want
	_found([fixture.replace("/clock/now_ns", null)]) == want
	_found([fixture.replace("/clock/now_ns", "2026-11-23T10:00:00Z")]) == want
}

test_an_unknown_or_large_uncertainty_is_not_usable if {
	_found([fixture.remove("/clock/uncertainty_ns")]) == {_unsure("(missing)")}
	_found([fixture.replace("/clock/uncertainty_ns", -1)]) == {_unsure(-1)}
	_found([fixture.replace("/clock/uncertainty_ns", "0")]) == {_unsure("0")}
	_found([fixture.replace("/clock/uncertainty_ns", 5000000001)]) == {_unsure(5000000001)}
	_found([fixture.replace("/clock/uncertainty_ns", 5000000000)]) == set()
	_found([fixture.replace("/clock/uncertainty_ns", 0)]) == set()
}

test_only_accepted_sources_are_usable if {
	_found([fixture.replace("/clock/source", "guess")]) == {_from("guess")}
	_found([fixture.remove("/clock/source")]) == {_from("(missing)")}
	every source in ["system", "ntp", "nts", "ptp", "tsa", "stated"] {
		_found([fixture.replace("/clock/source", source)]) == set()
	}
}

test_a_clock_behind_the_newest_record_is_not_usable if {
	_found([fixture.replace("/clock/floor_ns", _now + 3600000000000)]) == {_says(
		"clock.floor_ns",
		concat(" ", [
			"it says 2026-11-23T10:00:00Z, which is behind 2026-11-23T11:00:00Z,",
			"the newest time that was recorded",
		]),
	)}
	_found([fixture.replace("/clock/floor_ns", _now + 5000000000)]) == set()
	count(_found([fixture.replace("/clock/floor_ns", _now + 5000000001)])) == 1
}

test_with_state_the_floor_must_be_known if {
	_found([fixture.remove("/clock/floor_ns")]) == {_no_floor}
	_found([fixture.replace("/clock/floor_ns", "0")]) == {_no_floor}
	_found([fixture.remove("/clock/floor_ns"), fixture.remove("/gate/state_declared")]) == {_no_floor}
}

test_without_state_no_floor_is_asked_for if {
	_found([_stateless, fixture.remove("/clock/floor_ns")]) == set()
}

test_a_floor_that_is_told_counts_without_state if {
	ahead := fixture.replace("/clock/floor_ns", _now + 3600000000000)
	_found([_stateless, ahead]) == _found([ahead])
	count(_found([ahead])) == 1
}

test_no_clock_at_all_is_not_usable if {
	_found([fixture.remove("/clock")]) == {
		_says("clock.now_ns", "it tells no time"),
		_unsure("(missing)"),
		_from("(missing)"),
		_no_floor,
	}
}

test_the_record_says_what_was_not_asked if {
	rule.notes == set() with input as fixture.input_doc
	rule.notes == {
		"the bundle declares no state: a clock that was set back cannot be seen",
	} with input as fixture.patch([_stateless])
	rule.notes == {
		"the time was stated by the caller, not measured",
	} with input as fixture.patch([fixture.replace("/clock/source", "stated")])
}
