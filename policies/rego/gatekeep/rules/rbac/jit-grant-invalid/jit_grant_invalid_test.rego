package gatekeep.rules.rbac["jit-grant-invalid_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.rbac["jit-grant-invalid"] as rule

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

_emergency := [
	fixture.replace("/request/emergency", true),
	fixture.replace("/request/actor/principal", "mallory"),
	fixture.add("/grants/g1", _grant),
]

_said(ops) := messages if {
	doc := fixture.patch(array.concat(_emergency, ops))
	messages := {finding.message | some finding in rule.violations} with input as doc
		with data.gatekeep.org as fixture.org
}

_none_usable(why) := {sprintf("Emergency deployment by mallory has no usable grant: %s", [why])}

test_a_live_grant_is_enough if {
	_said([]) == set()
	notes := rule.notes with input as fixture.patch(_emergency) with data.gatekeep.org as fixture.org
	notes == {"emergency grants in force: g1"}
}

test_an_emergency_without_any_grant_fails if {
	doc := fixture.patch(array.concat(_emergency, [fixture.replace("/grants", {})]))
	findings := rule.violations with input as doc
		with data.gatekeep.org as fixture.org
	findings == {{
		"rule": "rbac/jit-grant-invalid",
		"message": "Emergency deployment by mallory has no usable grant: none was found",
		"at": "mallory",
		"severity": "block",
		"remedy": "Ask an incident commander for a grant for this person, service and environment.",
	}}
	_said([fixture.remove("/grants")]) == _none_usable("none was found")
}

test_each_grant_says_what_is_wrong_with_it if {
	some_cases := {
		"g1 (expired)": [fixture.replace("/grants/g1/expires_at", "2026-11-23T09:59:59Z")],
		"g1 (expired, longer than allowed)": [fixture.remove("/grants/g1/expires_at")],
		"g1 (used up)": [fixture.replace("/grants/g1/uses", 1)],
		"g1 (principal)": [fixture.replace("/grants/g1/principal", "bob")],
		"g1 (granter)": [
			fixture.replace("/grants/g1/granted_by", "mallory"),
			fixture.replace("/grants/g1/verification/principal", "mallory"),
		],
		"g1 (incident)": [fixture.replace("/state/incidents/INC-7/status", "closed")],
		"g1 (environment), g2 (service)": [
			fixture.replace("/grants/g1/environment", "prod-us"),
			fixture.add("/grants/g2", object.union(_grant, {"service": "ledger"})),
		],
		"g1 (environment, expired, granter, incident, longer than allowed, not yet valid, principal, service, signature, used up)": [
			fixture.replace("/grants/g1", {}),
		],
	}
	every why, ops in some_cases {
		_said(ops) == _none_usable(why)
	}
}

test_one_usable_grant_among_others_is_enough if {
	_said([fixture.add("/grants/g2", object.union(_grant, {"uses": 1}))]) == set()
}

test_only_a_request_that_is_no_emergency_goes_without if {
	rule.applies == false with input as fixture.input_doc
	not rule.applies == false with input as fixture.patch(_emergency)
	not rule.applies == false with input as fixture.patch([fixture.remove("/request/emergency")])
	not rule.applies == false with input as fixture.patch([
		fixture.replace("/request/emergency", null),
	])
}
