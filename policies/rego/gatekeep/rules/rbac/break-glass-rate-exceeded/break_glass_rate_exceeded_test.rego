package gatekeep.rules.rbac["break-glass-rate-exceeded_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.rbac["break-glass-rate-exceeded"] as rule

_use(id, used_at) := {
	"id": id,
	"grant": "g0",
	"service": "payments",
	"principal": "mallory",
	"used_at": used_at,
}

_three := [
	_use("u1", "2026-11-10T10:00:00Z"),
	_use("u2", "2026-11-14T10:00:00Z"),
	_use("u3", "2026-11-18T10:00:00Z"),
]

_emergency(uses) := [
	fixture.replace("/request/emergency", true),
	fixture.replace("/state/break_glass_uses", uses),
]

_said_with(uses, ops) := messages if {
	doc := fixture.patch(array.concat(_emergency(uses), ops))
	messages := {finding.message | some finding in rule.violations} with input as doc
}

_said(uses) := _said_with(uses, [])

_too_many := {"3 emergency deployments of payments in 30 days (limit 3)"}

test_two_uses_leave_a_third if _said(array.slice(_three, 0, 2)) == set()

test_no_use_leaves_three if _said([]) == set()

test_a_fourth_use_is_one_too_many if {
	findings := rule.violations with input as fixture.patch(_emergency(_three))
	findings == {{
		"rule": "rbac/break-glass-rate-exceeded",
		"message": "3 emergency deployments of payments in 30 days (limit 3)",
		"at": "payments",
		"severity": "block",
		"remedy": "Escalate to the role that may waive this rule, and fix why the normal path is too slow.",
	}}
}

_first(ops) := json.patch(_three, ops)

test_uses_of_other_services_and_of_long_ago_do_not_count if {
	_said(_first([fixture.replace("/0/service", "ledger")])) == set()
	_said(_first([fixture.replace("/0/used_at", "2026-10-24T09:59:59Z")])) == set()
}

test_a_use_counts_until_it_is_certainly_old if {
	_said(_first([fixture.replace("/0/used_at", "2026-10-24T10:00:00Z")])) == _too_many
	_said(_first([fixture.replace("/0/used_at", "long ago")])) == _too_many
	_said(_first([fixture.remove("/0/used_at")])) == _too_many
	_said(_first([fixture.remove("/0/service")])) == _too_many
	_said(_first([fixture.replace("/0/service", null)])) == _too_many
	_said_with(
		_first([fixture.replace("/0/used_at", "2025-01-01T00:00:00Z")]),
		[fixture.remove("/clock/now_ns")],
	) == _too_many
}

test_two_uses_with_one_id_are_two_uses if {
	_said(_first([fixture.replace("/1/id", "u1")])) == _too_many
}

test_without_parameters_nothing_is_within_the_limit if {
	doc := fixture.patch(_emergency([]))
	messages := {finding.message | some finding in rule.violations} with input as doc
		with data.gatekeep.params.rbac as {}
	messages == {"0 emergency deployments of payments in (missing) days (limit (missing))"}
}

_unseen(ops) := messages if {
	messages := {finding.message | some finding in rule.unseen} with input as fixture.patch(ops)
}

test_a_gate_without_state_cannot_count if {
	message := "Without state earlier emergency deployments cannot be counted"
	_unseen([]) == set()
	_unseen([fixture.replace("/gate/state_declared", false)]) == {message}
	_unseen([fixture.remove("/gate/state_declared")]) == {message}
}

test_only_a_request_that_is_no_emergency_goes_without if {
	rule.applies == false with input as fixture.input_doc
	not rule.applies == false with input as fixture.patch(_emergency([]))
	not rule.applies == false with input as fixture.patch([fixture.remove("/request/emergency")])
}
