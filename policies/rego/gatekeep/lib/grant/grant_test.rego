package gatekeep.lib.grant_test

import data.gatekeep.fixture
import data.gatekeep.lib.grant

_grant := {
	"id": "g1",
	"principal": "mallory",
	"environment": "prod-eu",
	"service": "payments",
	"incident": "INC-7",
	"covers": ["rbac/approvals-insufficient"],
	"not_before": "2026-11-23T09:30:00Z",
	"expires_at": "2026-11-23T10:30:00Z",
	"uses": 0,
	"max_uses": 1,
	"granted_by": "erin",
	"reason": "Checkout is down",
	"verification": {"status": "verified", "signer": "erin", "principal": "erin"},
}

_problems(granted, ops) := problems if {
	problems := grant.problems(granted) with input as fixture.patch(array.concat(
		[fixture.replace("/request/actor/principal", "mallory")],
		ops,
	))
		with data.gatekeep.org as fixture.org
}

_changed(ops) := _problems(json.patch(_grant, ops), [])

test_a_live_scoped_grant_has_no_problem if _changed([]) == set()

test_usable_grants_are_those_without_a_problem if {
	doc := fixture.patch([
		fixture.replace("/request/actor/principal", "mallory"),
		fixture.add("/grants/g1", _grant),
		fixture.add("/grants/g2", object.union(_grant, {"uses": 1})),
	])
	grant.usable == {"g1"} with input as doc with data.gatekeep.org as fixture.org
}

test_each_check_fails_on_its_own if {
	some_ops := [
		["signature", "/verification/status", "unsigned_allowed"],
		["principal", "/principal", "bob"],
		["environment", "/environment", "prod-us"],
		["service", "/service", "ledger"],
		["not yet valid", "/not_before", "2026-11-23T10:00:00Z"],
		["expired", "/expires_at", "2026-11-23T10:00:00.5Z"],
		["longer than allowed", "/expires_at", "2026-11-23T13:30:01Z"],
		["used up", "/uses", 1],
		["used up", "/uses", "0"],
		["used up", "/max_uses", "9"],
		["granter", "/verification/principal", "bob"],
		["incident", "/incident", "INC-8"],
	]
	every case in some_ops {
		_changed([fixture.replace(case[1], case[2])]) == {case[0]}
	}
}

test_a_missing_field_fails_its_check if {
	some_ops := {
		"/verification": {"signature", "granter"},
		"/principal": {"principal", "granter"},
		"/environment": {"environment"},
		"/service": {"service"},
		"/not_before": {"not yet valid", "longer than allowed"},
		"/expires_at": {"expired", "longer than allowed"},
		"/uses": {"used up"},
		"/max_uses": {"used up"},
		"/granted_by": {"granter"},
		"/incident": {"incident"},
	}
	every path, want in some_ops {
		_changed([fixture.remove(path)]) == want
	}
}

_by(who) := json.patch(_grant, [
	fixture.replace("/granted_by", who),
	fixture.replace("/verification/principal", who),
])

_commander(who) := [fixture.add(sprintf("/identities/%s/groups/-", [who]), "incident-commanders")]

test_only_an_incident_commander_may_grant if {
	_problems(_by("bob"), []) == {"granter"}
	_problems(_by("bob"), _commander("bob")) == set()
}

test_nobody_grants_to_themselves if {
	_problems(_by("mallory"), _commander("mallory")) == {"granter"}
}

test_nobody_grants_to_another_account_of_theirs if {
	same := fixture.replace("/identities/erin/person", "p-mallory")
	_problems(_grant, [same]) == {"granter"}
}

test_the_person_behind_the_request_does_not_grant if {
	_problems(_by("alice-alt"), _commander("alice-alt")) == {"granter"}
	_problems(_grant, [fixture.replace("/request/on_behalf_of", "erin")]) == {"granter"}
}

test_a_grant_to_an_account_without_a_person_is_no_grant if {
	_problems(_grant, [fixture.replace("/identities/mallory/person", "")]) == {"granter"}
}

test_a_departed_granter_grants_nothing if {
	_problems(_grant, [fixture.replace("/identities/erin/status", "disabled")]) == {"granter"}
}

test_the_incident_must_be_going_on if {
	_problems(_grant, [fixture.replace("/state/incidents/INC-7/status", "mitigating")]) == set()
	_problems(_grant, [fixture.replace("/state/incidents/INC-7/status", "resolved")]) == {"incident"}
	_problems(_grant, [fixture.replace("/state/incidents", {})]) == {"incident"}
}

test_without_a_clock_no_grant_is_live if {
	_problems(_grant, [fixture.remove("/clock/now_ns")]) == {"not yet valid", "expired", "granter"}
	_problems(_grant, [fixture.remove("/clock/uncertainty_ns")]) == {
		"not yet valid",
		"expired",
		"granter",
	}
}
