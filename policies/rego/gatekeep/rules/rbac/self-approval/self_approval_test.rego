package gatekeep.rules.rbac["self-approval_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.rbac["self-approval"] as rule

_said(ops) := found if {
	doc := fixture.patch(ops)
	found := {[finding.at, finding.message] | some finding in rule.violations} with input as doc
		with data.gatekeep.org as fixture.org
}

_by(who) := [
	fixture.replace("/approvals/ap-1/principal", who),
	fixture.replace("/approvals/ap-1/verification/principal", who),
]

test_approvals_by_others_are_nothing_to_tell if _said([]) == set()

test_a_second_account_is_the_same_person if {
	_said(_by("alice-alt")) == {[
		"alice-alt",
		"Approval ap-1 by alice-alt does not count: the same person (p-alice) as contributor alice, requester alice of this change",
	]}
}

test_a_contributor_is_told if {
	_said(_by("mallory")) == {[
		"mallory",
		"Approval ap-1 by mallory does not count: the same person (p-mallory) as contributor mallory of this change",
	]}
}

test_the_actor_is_told_human_or_workload if {
	_said([fixture.replace("/request/actor/principal", "bob")]) == {[
		"bob",
		"Approval ap-1 by bob does not count: the same person (p-bob) as actor bob of this change",
	]}
	_said([fixture.replace("/identities/workload:cd/person", "p-bob")]) == {[
		"bob",
		"Approval ap-1 by bob does not count: the same person (p-bob) as actor workload:cd of this change",
	]}
}

test_each_approval_is_a_finding_of_its_own if {
	count(_said([
		fixture.replace("/source/contributors", ["bob", "dave"]),
		fixture.add("/approvals/ap-3", object.union(fixture.base.approvals["ap-1"], {"nonce": "an-3"})),
	])) == 3
}

test_an_approval_that_is_not_live_is_not_told_here if {
	_said(array.concat(
		_by("mallory"),
		[fixture.replace("/approvals/ap-1/expires_at", "2026-11-23T09:00:00Z")],
	)) == set()
	_said(array.concat(_by("mallory"), [fixture.remove("/approvals/ap-1/binding")])) == set()
	_said(array.concat(_by("mallory"), [fixture.remove("/approvals/ap-1/verification")])) == set()
}

test_missing_parts_of_the_request_leave_the_others_in_force if {
	every path in ["/request/actor", "/request/on_behalf_of"] {
		_said(array.concat(_by("mallory"), [fixture.remove(path)])) == _said(_by("mallory"))
	}
}
