package gatekeep.rules.freeze["active-window-blocks_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.freeze["active-window-blocks"] as rule

_ns(text) := time.parse_rfc3339_ns(text)

_window := {
	"window": "fw", "kind": "freeze", "title": "Year end", "tz": "America/New_York",
	"scope": {"tiers": ["production"]}, "allowed_actions": ["rollback"],
	"start_ns": _ns("2026-11-23T05:00:00Z"), "end_ns": _ns("2026-11-30T05:00:00Z"),
}

_frozen := _with(_window)

_with(window) := fixture.add("/calendar/occurrences/o1", window)

_exemption := {
	"id": "x1", "window": "fw", "binding": fixture.binding,
	"not_before": "2026-11-23T09:00:00Z", "expires_at": "2026-11-23T12:00:00Z",
	"granted_by": ["frank", "grace"], "reason": "Tariff change ordered by the regulator",
	"uses": 0, "max_uses": 1,
	"verification": {"status": "verified", "signer": "frank", "principal": "frank"},
}

_exempted(change) := fixture.replace("/freeze_exemptions", [object.union(_exemption, change)])

_found(ops) := found if {
	found := {[f.message, f.at] | some f in rule.violations} with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

_notes(ops) := found if {
	found := rule.notes with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

_message := "prod-eu is frozen by \"Year end\" until 2026-11-30T05:00:00Z (America/New_York)"

test_without_a_freeze_it_passes if {
	_found([]) == set()
	_notes([]) == set()
}

test_a_finding_carries_the_rule if {
	rule.violations == {{
		"rule": "freeze/active-window-blocks",
		"message": _message,
		"at": "o1",
		"severity": "block",
		"remedy": "Wait until the freeze ends, or request an exemption for this request.",
	}} with input as fixture.patch([_frozen])
}

test_each_running_freeze_is_told if {
	second := fixture.add("/calendar/occurrences/o2", object.union(_window, {"window": "gw"}))
	_found([_frozen, second]) == {[_message, "o1"], [_message, "o2"]}
}

test_a_freeze_elsewhere_or_of_another_time_passes if {
	_found([_with(object.union(_window, {"scope": {"tiers": ["staging"]}}))]) == set()
	_found([_with(object.union(_window, {"start_ns": _ns("2026-11-23T10:00:01Z")}))]) == set()
	_found([_with(object.union(_window, {"end_ns": _ns("2026-11-23T09:59:59Z")}))]) == set()
	_found([_with(object.union(_window, {"kind": "allow"}))]) == set()
}

test_an_action_that_the_freeze_allows_passes if {
	ops := [_frozen, fixture.replace("/action/type", "rollback")]
	_found(ops) == set()
	_notes(ops) == {"freeze o1 allows action rollback"}
}

test_a_valid_exemption_lets_through if {
	_found([_frozen, _exempted({})]) == set()
	_notes([_frozen, _exempted({})]) == {"exemption x1 lets this request through freeze o1"}
}

test_any_other_exemption_does_not if {
	every change in [
		{"window": "other"},
		{"binding": concat("", ["sha256:", crypto.sha256("other")])},
		{"expires_at": "2026-11-23T10:00:00.4Z"},
		{"verification": {"status": "unsigned_allowed", "signer": ""}},
		{"granted_by": ["frank", "frank"]},
		{"uses": 1},
	] {
		_found([_frozen, _exempted(change)]) == {[_message, "o1"]}
		_notes([_frozen, _exempted(change)]) == set()
	}
}

test_missing_fields_hide_no_freeze if {
	want := {
		"title": "prod-eu is frozen by \"(missing)\" until 2026-11-30T05:00:00Z (America/New_York)",
		"tz": "prod-eu is frozen by \"Year end\" until 2026-11-30T05:00:00Z ((missing))",
		"end_ns": "prod-eu is frozen by \"Year end\" until ? (America/New_York)",
		"start_ns": _message,
		"kind": _message,
		"scope": _message,
		"window": _message,
		"allowed_actions": _message,
	}
	object.keys(want) == object.keys(_window)
	every field, message in want {
		_found([_with(object.remove(_window, [field]))]) == {[message, "o1"]}
		_found([_with(object.remove(_window, [field])), _exempted({"window": "x"})]) == {[message, "o1"]}
	}
	_found([_with({})]) == {["prod-eu is frozen by \"(missing)\" until ? ((missing))", "o1"]}
}

test_missing_facts_of_the_request_hide_no_freeze if {
	every path in [
		"/action", "/request", "/service", "/identities", "/freeze_exemptions",
		"/environment/tier",
	] {
		_found([_frozen, fixture.remove(path)]) == {[_message, "o1"]}
	}
	_found([_frozen, fixture.remove("/environment")]) == {
		[replace(_message, "prod-eu", "(missing)"), "o1"],
	}
}

test_it_needs_a_calendar_and_a_clock if {
	rule.needs == {"calendar.occurrences", "clock.now_ns", "clock.uncertainty_ns"}
}
