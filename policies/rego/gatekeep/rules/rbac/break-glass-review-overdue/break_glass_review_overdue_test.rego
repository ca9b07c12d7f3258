package gatekeep.rules.rbac["break-glass-review-overdue_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.rbac["break-glass-review-overdue"] as rule

_duty := {
	"id": "ob-1",
	"kind": "break_glass_review",
	"principal": "mallory",
	"service": "payments",
	"status": "open",
	"due_at": "2026-11-22T10:00:00Z",
}

_emergency(duty) := [
	fixture.replace("/request/emergency", true),
	fixture.replace("/request/actor/principal", "mallory"),
	fixture.add("/state/obligations/-", duty),
]

_at_with(duty, ops) := found if {
	doc := fixture.patch(array.concat(_emergency(duty), ops))
	found := {finding.at | some finding in rule.violations} with input as doc
}

_at(changes) := _at_with(object.union(_duty, changes), [])

test_a_review_that_is_overdue_is_told if {
	findings := rule.violations with input as fixture.patch(_emergency(_duty))
	findings == {{
		"rule": "rbac/break-glass-review-overdue",
		"message": "mallory has not had emergency deployment ob-1 of payments reviewed (review was due 2026-11-22T10:00:00Z)",
		"at": "ob-1",
		"severity": "block",
		"remedy": "Hold and sign the review of the earlier emergency deployment first.",
	}}
}

test_a_review_that_is_closed_or_has_time_is_not if {
	_at({"status": "closed"}) == set()
	_at({"due_at": "2026-11-24T10:00:00Z"}) == set()
	_at({"kind": "retrospective_change"}) == set()
}

test_it_must_be_certain_that_there_is_time if {
	_at({"due_at": "2026-11-23T10:00:00.5Z"}) == {"ob-1"}
	_at({"due_at": "some day"}) == {"ob-1"}
	_at_with(_duty, [fixture.remove("/state/obligations/0/due_at")]) == {"ob-1"}
	_at_with(
		object.union(_duty, {"due_at": "2026-11-24T10:00:00Z"}),
		[fixture.remove("/clock/now_ns")],
	) == {
		"ob-1",
	}
}

test_a_missing_field_excuses_nothing if {
	_at({"kind": null}) == {"ob-1"}
	every path in ["/state/obligations/0/status", "/state/obligations/0/kind"] {
		_at_with(_duty, [fixture.remove(path)]) == {"ob-1"}
	}
	_at_with(_duty, [fixture.remove("/state/obligations/0/principal")]) == {"ob-1"}
	_at_with(_duty, [fixture.remove("/state/obligations/0/service")]) == {"ob-1"}
	_at_with(_duty, [fixture.remove("/state/obligations/0/id")]) == {"(missing)"}
}

test_a_review_concerns_the_person_and_the_service if {
	_at({"principal": "bob"}) == {"ob-1"}
	_at({"service": "ledger"}) == {"ob-1"}
	_at({"principal": "bob", "service": "ledger"}) == set()
	_at({"principal": "alice", "service": "ledger"}) == {"ob-1"}
	_at({"principal": "alice-alt", "service": "ledger"}) == {"ob-1"}
}

test_an_account_that_nobody_knows_still_has_its_own_duties if {
	duty := object.union(_duty, {"service": "ledger"})
	_at_with(duty, [fixture.remove("/identities/mallory")]) == {"ob-1"}
	_at_with(duty, [fixture.replace("/identities/mallory/status", "disabled")]) == {"ob-1"}
}

_unseen(ops) := messages if {
	messages := {finding.message | some finding in rule.unseen} with input as fixture.patch(ops)
}

test_a_gate_without_state_cannot_know if {
	message := "Without state it cannot be known whether earlier emergencies were reviewed"
	_unseen([]) == set()
	_unseen([fixture.replace("/gate/state_declared", false)]) == {message}
	_unseen([fixture.remove("/gate/state_declared")]) == {message}
}

test_only_a_request_that_is_no_emergency_goes_without if {
	rule.applies == false with input as fixture.input_doc
	not rule.applies == false with input as fixture.patch(_emergency(_duty))
	not rule.applies == false with input as fixture.patch([fixture.remove("/request/emergency")])
}
