package gatekeep.lib.freeze_test

import data.gatekeep.fixture
import data.gatekeep.lib.freeze

_ns(text) := time.parse_rfc3339_ns(text)

_window := {
	"window": "fw", "kind": "freeze", "title": "Year end", "tz": "America/New_York",
	"scope": {"tiers": ["production"]}, "allowed_actions": ["rollback"],
	"start_ns": _ns("2026-11-23T05:00:00Z"), "end_ns": _ns("2026-11-30T05:00:00Z"),
}

_with(changes) := fixture.add("/calendar/occurrences/o1", object.union(_window, changes))

_scoped(scope) := fixture.add(
	"/calendar/occurrences/o1",
	json.patch(_window, [fixture.replace("/scope", scope)]),
)

_exemption := {
	"id": "x1", "window": "fw", "binding": fixture.binding,
	"not_before": "2026-11-23T09:00:00Z", "expires_at": "2026-11-23T12:00:00Z",
	"granted_by": ["frank", "grace"], "reason": "Tariff change ordered by the regulator",
	"uses": 0, "max_uses": 1,
	"verification": {"status": "verified", "signer": "frank", "principal": "frank"},
}

_running(ops) := ids if {
	ids := object.keys(freeze.running) with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

_exempt(ops) := found if {
	found := freeze.exempt with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

_problems(exemption) := _problems_in(exemption, [])

_problems_in(exemption, ops) := found if {
	found := freeze.exemption_problems(exemption) with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

test_no_occurrence_is_no_freeze if _running([]) == set()

test_a_freeze_runs_from_its_start_to_before_its_end if {
	now := fixture.base.clock.now_ns
	half := fixture.base.clock.uncertainty_ns
	want := {
		[now + half, now + (2 * half)]: {"o1"},
		[(now + half) + 1, now + (3 * half)]: set(),
		[now - (9 * half), (now - half) + 1]: {"o1"},
		[now - (9 * half), now - half]: set(),
	}
	every moments, ids in want {
		[start, end] := moments
		_running([_with({"start_ns": start, "end_ns": end})]) == ids
	}
}

test_a_scope_that_names_this_request_or_nothing_covers_it if {
	every scope in [
		{},
		{"environments": ["prod-eu"]},
		{"tiers": ["staging", "production"]},
		{"services": ["payments"], "tiers": ["production"]},
		{"regions": ["eu-central-1"]},
	] {
		_running([_scoped(scope)]) == {"o1"}
	}
}

test_a_scope_that_names_others_only_does_not_cover_it if {
	every scope in [
		{"environments": ["prod-us"]},
		{"tiers": ["staging"]},
		{"services": ["ledger"], "tiers": ["production"]},
		{"regions": ["us-east-1"]},
	] {
		_running([_scoped(scope)]) == set()
	}
}

test_one_targeted_region_is_enough if {
	both := fixture.replace("/action/targets", ["us-east-1", "eu-west-1"])
	_running([_scoped({"regions": ["eu-west-1"]}), both]) == {"o1"}
	_running([_scoped({"regions": ["eu-central-1"]}), both]) == set()
}

test_without_targets_the_region_of_the_environment_counts if {
	none := fixture.replace("/action/targets", [])
	_running([_scoped({"regions": ["eu-central-1"]}), none]) == {"o1"}
	_running([_scoped({"regions": ["us-east-1"]}), none]) == set()
}

test_an_unknown_place_is_not_elsewhere if {
	regional := _scoped({"regions": ["us-east-1"]})
	_running([regional, fixture.replace("/action/targets", [""])]) == {"o1"}
	_running([
		regional,
		fixture.replace("/action/targets", []),
		fixture.replace("/environment/region", ""),
	]) == {"o1"}
	_running([
		regional,
		fixture.remove("/action/targets"),
		fixture.remove("/environment/region"),
	]) == {"o1"}
	_running([_scoped({"tiers": ["staging"]}), fixture.remove("/environment/tier")]) == {"o1"}
}

test_a_malformed_freeze_is_not_set_aside if {
	every ops in [
		[_scoped({"tiers": []})],
		[_scoped({"tiers": null})],
		[_scoped({"tiers": "staging"})],
		[_scoped({"tiers": [""]})],
		[_scoped({"tiers": [null]})],
		[_scoped(null)],
		[_with({}), fixture.remove("/calendar/occurrences/o1/scope")],
		[_with({}), fixture.remove("/calendar/occurrences/o1/kind")],
		[_with({}), fixture.remove("/calendar/occurrences/o1/start_ns")],
		[_with({}), fixture.remove("/calendar/occurrences/o1/end_ns")],
		[_with({"kind": "freez"})],
		[_with({"start_ns": "2027"})],
		[_with({"end_ns": null})],
	] {
		_running(ops) == {"o1"}
	}
}

test_windows_of_other_kinds_are_no_freeze if {
	_running([_with({"kind": "allow"})]) == set()
	_running([_with({"kind": "maintenance"})]) == set()
}

test_an_unknown_clock_ends_no_freeze if {
	over := _with({"end_ns": _ns("2026-11-23T06:00:00Z")})
	_running([over]) == set()
	_running([over, fixture.remove("/clock/now_ns")]) == {"o1"}
	_running([over, fixture.remove("/clock/uncertainty_ns")]) == {"o1"}
}

test_a_freeze_allows_only_the_actions_that_it_names if {
	freeze.allows(_window) with input.action.type as "rollback"
	not freeze.allows(_window) with input.action.type as "deploy"
	not freeze.allows(object.remove(_window, ["allowed_actions"])) with input.action.type as "rollback"
	not freeze.allows(_window) with input as {}
}

test_a_plan_says_how_long_the_rollout_lasts if {
	plan := {"declared": true, "max_duration_ns": 60000000000}
	freeze.rollout == 60000000000 with input.rollout as plan
	freeze.planned with input.rollout as plan
	end := (fixture.base.clock.now_ns + 500000000) + 60000000000
	freeze.rollout_end == end with input as fixture.patch([fixture.replace("/rollout", plan)])
}

test_without_a_plan_its_length_is_assumed if {
	every plan in [
		{"declared": false},
		{"declared": false, "max_duration_ns": 1},
		{"declared": true},
		{"declared": true, "max_duration_ns": null},
		{"declared": true, "max_duration_ns": -1},
		{"max_duration_ns": 1},
	] {
		freeze.rollout == 7200000000000 with input.rollout as plan
		not freeze.planned with input.rollout as plan
	}
	freeze.rollout == 7200000000000 with input as {}
}

test_a_whole_exemption_has_no_problem if _problems(_exemption) == set()

test_each_check_of_an_exemption_can_fail if {
	other := concat("", ["sha256:", crypto.sha256("other")])
	want := {
		"signature": {"verification": {"status": "unsigned_allowed"}},
		"signed by no granter": {"verification": {"principal": "calendar-owner"}},
		"no id": {"id": ""},
		"no window": {"window": ""},
		"other request": {"binding": other},
		"not yet valid": {"not_before": "2026-11-23T10:00:00Z"},
		"expired": {"expires_at": "2026-11-23T10:00:00.4Z"},
		"longer than allowed": {"expires_at": "2026-11-24T09:00:01Z"},
		"too few authorised granters": {"granted_by": ["frank"]},
		"no reason": {"reason": "because it is so        "},
		"used up": {"uses": 1},
	}
	freeze.exemption_checks == object.keys(want)
	every name, change in want {
		_problems(object.union(_exemption, change)) == {name}
	}
}

test_a_missing_field_fails_its_check if {
	want := {
		"verification": {"signature", "signed by no granter"},
		"id": {"no id"},
		"window": {"no window"},
		"binding": {"other request"},
		"not_before": {"not yet valid", "longer than allowed"},
		"expires_at": {"expired", "longer than allowed"},
		"granted_by": {"too few authorised granters", "signed by no granter"},
		"reason": {"no reason"},
		"uses": {"used up"},
		"max_uses": {"used up"},
	}
	every field, problems in want {
		_problems(object.remove(_exemption, [field])) == problems
		_problems(object.union(_exemption, {field: null})) == problems
	}
	_problems({}) == freeze.exemption_checks
}

test_one_person_named_twice_is_one_granter if {
	_problems(object.union(_exemption, {"granted_by": ["frank", "frank"]})) == {
		"too few authorised granters",
	}
}

test_two_accounts_of_one_person_are_one_granter if {
	ops := [fixture.add("/identities/frank-alt", {
		"type": "human", "status": "active", "person": "p-frank", "groups": ["change-board"], "mfa": true,
	})]
	twice := object.union(_exemption, {"granted_by": ["frank", "frank-alt"]})
	_problems_in(twice, ops) == {"too few authorised granters"}
}

test_a_granter_must_be_active_and_hold_the_role if {
	_problems_in(_exemption, [fixture.replace("/identities/grace/status", "disabled")]) == {
		"too few authorised granters",
	}
	_problems(object.union(_exemption, {"granted_by": ["frank", "bob"]})) == {
		"too few authorised granters",
	}
	_problems(object.union(_exemption, {"granted_by": ["frank", "nobody"]})) == {
		"too few authorised granters",
	}
}

test_who_asks_does_not_grant if {
	_problems_in(_exemption, [fixture.replace("/request/on_behalf_of", "grace")]) == {
		"too few authorised granters",
	}
	_problems_in(_exemption, [fixture.replace("/request/actor/principal", "frank")]) == {
		"too few authorised granters",
	}
}

test_nobody_grants_where_it_is_not_known_who_asks if {
	every op in [
		fixture.replace("/request/actor/principal", "ghost"),
		fixture.replace("/request/actor/principal", ""),
		fixture.replace("/request/on_behalf_of", "ghost"),
		fixture.remove("/request/on_behalf_of"),
		fixture.remove("/request/actor"),
	] {
		_problems_in(_exemption, [op]) == {"too few authorised granters"}
	}
	_problems_in(_exemption, [fixture.replace("/request/on_behalf_of", "")]) == set()
}

test_a_valid_exemption_lets_one_request_through_its_window if {
	_exempt([_with({}), fixture.replace("/freeze_exemptions", [_exemption])]) == {"o1": "x1"}
}

test_an_exemption_from_another_window_does_not if {
	other := object.union(_exemption, {"window": "other"})
	_exempt([_with({}), fixture.replace("/freeze_exemptions", [other])]) == {}
}

test_an_invalid_exemption_does_not if {
	used := object.union(_exemption, {"uses": 1})
	_exempt([_with({}), fixture.replace("/freeze_exemptions", [used])]) == {}
}

test_one_of_two_exemptions_is_used_up if {
	second := object.union(_exemption, {"id": "x0"})
	ops := [_with({}), fixture.replace("/freeze_exemptions", [_exemption, second])]
	_exempt(ops) == {"o1": "x0"}
	freeze.used_exemptions == {"x0"} with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

test_no_exemption_is_used_up_where_none_is_needed if {
	exemption := fixture.replace("/freeze_exemptions", [_exemption])
	_exempt([exemption]) == {}
	_exempt([exemption, _with({"allowed_actions": ["deploy"]})]) == {}
	freeze.used_exemptions == set() with input as fixture.patch([exemption])
		with data.gatekeep.org as fixture.org
}
