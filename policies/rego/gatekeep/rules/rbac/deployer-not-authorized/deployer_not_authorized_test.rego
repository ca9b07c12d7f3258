package gatekeep.rules.rbac["deployer-not-authorized_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.rbac["deployer-not-authorized"] as rule

_said(ops) := messages if {
	messages := {finding.message | some finding in rule.violations} with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

_notes(ops) := notes if {
	notes := rule.notes with input as fixture.patch(ops) with data.gatekeep.org as fixture.org
}

_no_role := "does not hold the role deployer"

_no_account := "not an active account of a human or a workload"

_not_registered := "not the workload identity that is registered for the service"

_may_not(who, problems) := {
	sprintf("%s may not deploy payments in prod-eu: %s", [who, concat(", ", problems)]),
}

test_the_registered_workload_with_the_role_may_deploy if {
	_said([]) == set()
	_notes([]) == set()
}

test_a_human_with_the_role_may_deploy if {
	_said([fixture.replace("/request/actor", {"principal": "mallory"})]) == set()
}

test_a_finding_is_about_the_actor if {
	findings := rule.violations with input as fixture.patch([
		fixture.replace("/request/actor/principal", "bob"),
	])
		with data.gatekeep.org as fixture.org
	findings == {{
		"rule": "rbac/deployer-not-authorized",
		"message": "bob may not deploy payments in prod-eu: does not hold the role deployer",
		"at": "bob",
		"severity": "block",
		"remedy": "Deploy with the identity of the service, or request the role.",
	}}
}

test_an_account_that_is_unknown_or_not_active_may_not if {
	_said([fixture.replace("/request/actor/principal", "ghost")]) == _may_not(
		"ghost",
		[_no_role, _no_account, _not_registered],
	)
	_said([fixture.replace("/identities/workload:cd/status", "disabled")]) == _may_not(
		"workload:cd",
		[_no_account],
	)
	_said([fixture.remove("/identities/workload:cd/status")]) == _may_not("workload:cd", [_no_account])
	_said([fixture.remove("/identities/workload:cd/type")]) == _may_not(
		"workload:cd",
		[_no_account, _not_registered],
	)
}

test_the_role_must_cover_the_service_and_be_in_date if {
	_said([fixture.replace("/service/name", "ledger")]) == {
		"workload:cd may not deploy ledger in prod-eu: does not hold the role deployer, not the workload identity that is registered for the service",
	}
	org := json.patch(
		fixture.org,
		[fixture.replace("/roles/deployer/bindings/0/expires_at", "2026-11-23T10:00:00Z")],
	)
	messages := {finding.message | some finding in rule.violations} with input as fixture.input_doc
		with data.gatekeep.org as org
	messages == _may_not("workload:cd", [_no_role])
}

test_every_field_of_a_workload_identity_must_be_the_registered_one if {
	every field in ["issuer", "subject"] {
		path := sprintf("/request/actor/%s", [field])
		_said([
			fixture.replace(path, "https://token.actions.githubusercontent.com.evil.example"),
		]) == _may_not(
			"workload:cd",
			[_not_registered],
		)
		_said([fixture.replace(path, "")]) == _may_not("workload:cd", [_not_registered])
		_said([fixture.remove(path)]) == _may_not("workload:cd", [_not_registered])
	}
}

test_another_workload_does_not_pass_for_the_registered_one if {
	_said([
		fixture.add("/identities/workload:other", fixture.base.identities["workload:cd"]),
		fixture.replace("/request/actor/principal", "workload:other"),
	]) == _may_not("workload:other", [_not_registered])
}

test_an_organisation_that_registered_nothing_has_no_workload if {
	messages := {finding.message | some finding in rule.violations} with input as fixture.input_doc
		with data.gatekeep.org as object.remove(fixture.org, ["workload_identities"])
	messages == _may_not("workload:cd", [_not_registered])
}

test_each_action_has_a_role_of_its_own if {
	every action in ["promote", "rollback", "migrate"] {
		_said([fixture.replace("/action/type", action)]) == set()
	}
	_said([fixture.replace("/action/type", "destroy")]) == {
		"workload:cd may not destroy payments in prod-eu: does not hold the role destroyer",
	}
	_said([fixture.replace("/action/type", "provision")]) == {
		"workload:cd may not provision payments in prod-eu: no role is configured for this action",
	}
}

_grant := {
	"id": "g1",
	"principal": "bob",
	"environment": "prod-eu",
	"service": "payments",
	"incident": "INC-7",
	"covers": [],
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
	fixture.replace("/request/actor/principal", "bob"),
	fixture.add("/grants/g1", _grant),
]

_with(ops) := array.concat(_emergency, ops)

test_in_an_emergency_a_grant_stands_in_for_the_role if {
	_said(_emergency) == set()
	_notes(_emergency) == {"bob does not hold the role deployer and deploys by emergency grant g1"}
}

test_who_holds_the_role_needs_no_grant if {
	_notes(_with([
		fixture.replace("/request/actor/principal", "mallory"),
		fixture.replace("/grants/g1/principal", "mallory"),
	])) == set()
}

test_a_grant_that_is_not_usable_stands_in_for_nothing if {
	every ops in [
		[fixture.replace("/request/emergency", false)],
		[fixture.remove("/request/emergency")],
		[fixture.replace("/grants/g1/principal", "mallory")],
		[fixture.replace("/grants/g1/expires_at", "2026-11-23T09:59:59Z")],
		[fixture.remove("/grants/g1/verification")],
	] {
		_said(_with(ops)) == _may_not("bob", [_no_role])
		_notes(_with(ops)) == set()
	}
}

test_a_grant_stands_in_for_the_role_only if {
	_said(_with([fixture.replace("/identities/bob/status", "disabled")])) == _may_not(
		"bob",
		[_no_account],
	)
	_said(_with([fixture.replace("/action/type", "provision")])) == {
		"bob may not provision payments in prod-eu: no role is configured for this action",
	}
}

test_a_finding_survives_the_loss_of_everything if {
	messages := {finding.message | some finding in rule.violations} with input as {}
	messages == {
		"(missing) may not (missing) (missing) in (missing): no role is configured for this action, not an active account of a human or a workload, not the workload identity that is registered for the service",
	}
}
