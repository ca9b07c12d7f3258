package gatekeep.rules.rbac["approvals-insufficient_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.rbac["approvals-insufficient"] as rule

_other := sprintf("sha256:%s", [crypto.sha256("other")])

_said(ops) := messages if {
	messages := {finding.message | some finding in rule.violations} with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

_lacks_one(counted, not_counted) := {sprintf(
	"prod-eu needs release_approver, security_approver; counted: %s; not counted: %s",
	[counted, not_counted],
)}

_by(id, who) := [
	fixture.replace(sprintf("/approvals/%s/principal", [id]), who),
	fixture.replace(sprintf("/approvals/%s/verification/principal", [id]), who),
]

test_two_independent_people_with_the_roles_are_enough if {
	_said([]) == set()
	rule.notes == {"counted: p-bob, p-dave"} with input as fixture.input_doc
		with data.gatekeep.org as fixture.org
}

test_a_finding_is_about_the_environment if {
	findings := rule.violations with input as fixture.patch([fixture.remove("/approvals/ap-2")])
		with data.gatekeep.org as fixture.org
	findings == {{
		"rule": "rbac/approvals-insufficient",
		"message": "prod-eu needs release_approver, security_approver; counted: p-bob; not counted: none",
		"at": "prod-eu",
		"severity": "block",
		"remedy": "Get the missing approvals for exactly this request.",
	}}
}

test_nobody_approved if {
	_said([fixture.replace("/approvals", {})]) == _lacks_one("none", "none")
	rule.notes == set() with input as fixture.patch([fixture.replace("/approvals", {})])
}

test_each_approval_that_is_not_in_order_says_its_own_reason if {
	some_cases := {
		"dave (not an approval)": [fixture.replace("/approvals/ap-2/decision", "reject")],
		"dave (expired)": [fixture.replace("/approvals/ap-2/expires_at", "2026-11-23T09:59:59Z")],
		"dave (not yet valid)": [fixture.replace("/approvals/ap-2/approved_at", "2026-11-23T10:01:00Z")],
		"dave (too old)": [fixture.replace("/approvals/ap-2/approved_at", "2026-11-20T09:00:00Z")],
		"dave (revoked)": [fixture.add("/approvals/ap-2/revoked_at", "2026-11-23T09:30:00Z")],
		"dave (nonce used)": [fixture.replace("/state/consumed_nonces", ["an-2"])],
		"dave (other digest)": [fixture.replace("/approvals/ap-2/digest", _other)],
		"dave (other environment)": [fixture.replace("/approvals/ap-2/environment", "staging")],
		"dave (other request)": [fixture.replace("/approvals/ap-2/binding", _other)],
		"dave (signature)": [fixture.replace("/approvals/ap-2/verification/status", "unsigned_allowed")],
		"dave (signed by another)": [fixture.replace("/approvals/ap-2/verification/principal", "bob")],
	}
	every reason, ops in some_cases {
		_said(ops) == _lacks_one("p-bob", reason)
	}
}

test_each_approver_who_does_not_count_says_the_reason if {
	some_cases := {
		"dave (approver not active)": [fixture.replace("/identities/dave/status", "disabled")],
		"dave (no second factor)": [fixture.replace("/identities/dave/mfa", false)],
		"mallory (requester or contributor)": _by("ap-2", "mallory"),
		"ghost (approver not active, no second factor)": _by("ap-2", "ghost"),
		"workload:cd (approver not active, requester or contributor)": _by("ap-2", "workload:cd"),
	}
	every reason, ops in some_cases {
		_said(ops) == _lacks_one("p-bob", reason)
	}
}

test_a_human_who_deploys_does_not_approve if {
	_said(array.concat(
		_by("ap-2", "dave"),
		[fixture.replace("/request/actor/principal", "dave")],
	)) == _lacks_one(
		"p-bob",
		"dave (requester or contributor)",
	)
}

test_the_person_accountable_for_a_workload_does_not_approve if {
	_said([fixture.replace("/identities/workload:cd/person", "p-dave")]) == _lacks_one(
		"p-bob",
		"dave (requester or contributor)",
	)
}

test_one_person_does_not_fill_two_slots if {
	_said(array.concat(_by("ap-1", "carol"), _by("ap-2", "carol"))) == _lacks_one("p-carol", "none")
}

test_an_approval_without_the_role_counts_and_fills_nothing if {
	_said(_by("ap-2", "frank")) == _lacks_one(
		"p-bob, p-frank (holds no role that is asked for)",
		"none",
	)
}

test_an_expired_role_fills_nothing if {
	org := json.patch(
		fixture.org,
		[fixture.replace("/roles/security_approver/bindings/0/expires_at", "2026-11-23T10:00:00Z")],
	)
	messages := {finding.message | some finding in rule.violations} with input as fixture.input_doc
		with data.gatekeep.org as org
	messages == _lacks_one("p-bob, p-dave (holds no role that is asked for)", "none")
}

test_a_tier_without_configuration_blocks if {
	_said([fixture.replace("/environment/tier", "lunar")]) == {
		"prod-eu is in tier lunar, for which no approvals are configured; counted: p-bob (holds no role that is asked for), p-dave (holds no role that is asked for); not counted: none",
	}
}

test_a_tier_that_asks_for_nobody_is_content if {
	_said([
		fixture.replace("/environment/tier", "development"),
		fixture.replace("/approvals", {}),
	]) == set()
}

_said_with(required) := messages if {
	messages := {finding.message | some finding in rule.violations} with input as fixture.patch([
		fixture.replace("/approvals", {}),
	])
		with data.gatekeep.org as fixture.org
		with data.gatekeep.params.rbac.required_approvals as required
}

test_slots_that_cannot_be_judged_block if {
	_said_with({"production": {"slots": "release_approver"}}) == {
		"prod-eu asks for approvals in a way that cannot be read; counted: none; not counted: none",
	}
	_said_with({"production": {"slots": numbers.range(1, 9)}}) == {
		"prod-eu asks for 9 approvals, more than the 8 that can be judged; counted: none; not counted: none",
	}
	_said_with({"production": {}}) == {
		"prod-eu is in tier production, for which no approvals are configured; counted: none; not counted: none",
	}
}

test_a_finding_survives_the_loss_of_everything if {
	messages := {finding.message | some finding in rule.violations} with input as {}
	messages == {
		"(missing) is in tier (missing), for which no approvals are configured; counted: none; not counted: none",
	}
}

test_an_approval_without_fields_does_not_count if {
	_said([fixture.replace("/approvals/ap-2", {})]) == _lacks_one(
		"p-bob",
		"(missing) (approver not active, expired, no second factor, nonce used, not an approval, not yet valid, other digest, other environment, signature, signed by another, too old)",
	)
}
