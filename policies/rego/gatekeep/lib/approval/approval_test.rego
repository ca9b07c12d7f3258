package gatekeep.lib.approval_test

import data.gatekeep.fixture
import data.gatekeep.lib.approval

_other := sprintf("sha256:%s", [crypto.sha256("other")])

# problems of the first approval after a patch of the whole request
_problems(ops) := problems if {
	doc := fixture.patch(ops)
	problems := approval.problems(doc.approvals["ap-1"]) with input as doc
		with data.gatekeep.org as fixture.org
}

_reasons(ops) := reasons if {
	doc := fixture.patch(ops)
	reasons := approval.reasons(doc.approvals["ap-1"]) with input as doc
		with data.gatekeep.org as fixture.org
}

_by(who) := [
	fixture.replace("/approvals/ap-1/principal", who),
	fixture.replace("/approvals/ap-1/verification/principal", who),
]

test_a_live_approval_by_somebody_independent_has_no_problem if {
	_problems([]) == set()
	_reasons([]) == set()
}

test_each_check_fails_on_its_own if {
	some_cases := [
		["signature", "/approvals/ap-1/verification/status", "unsigned_allowed"],
		["signed by another", "/approvals/ap-1/verification/principal", "dave"],
		["other digest", "/approvals/ap-1/digest", _other],
		["other environment", "/approvals/ap-1/environment", "prod-us"],
		["other request", "/approvals/ap-1/binding", _other],
		["not an approval", "/approvals/ap-1/decision", "reject"],
		["not yet valid", "/approvals/ap-1/approved_at", "2026-11-23T10:00:00Z"],
		["expired", "/approvals/ap-1/expires_at", "2026-11-23T10:00:00.5Z"],
		["too old", "/approvals/ap-1/approved_at", "2026-11-20T10:00:00Z"],
		["nonce used", "/state/consumed_nonces", ["an-1"]],
		["nonce used", "/approvals/ap-1/nonce", ""],
		["approver not active", "/identities/bob/status", "disabled"],
		["approver not active", "/identities/bob/type", "workload"],
		["no second factor", "/identities/bob/mfa", false],
		["requester or contributor", "/source/contributors", ["bob"]],
	]
	every case in some_cases {
		_problems([fixture.replace(case[1], case[2])]) == {case[0]}
	}
}

test_a_revoked_approval_does_not_count if {
	_problems([fixture.add("/approvals/ap-1/revoked_at", "2026-11-23T09:30:00Z")]) == {"revoked"}
	_problems([fixture.add("/approvals/ap-1/revoked_at", null)]) == {"revoked"}
}

test_a_missing_field_fails_its_check if {
	some_cases := {
		"/approvals/ap-1/verification": {"signature", "signed by another"},
		"/approvals/ap-1/verification/principal": {"signed by another"},
		"/approvals/ap-1/digest": {"other digest"},
		"/approvals/ap-1/environment": {"other environment"},
		"/approvals/ap-1/binding": {"other request"},
		"/approvals/ap-1/decision": {"not an approval"},
		"/approvals/ap-1/approved_at": {"not yet valid", "too old"},
		"/approvals/ap-1/expires_at": {"expired"},
		"/approvals/ap-1/nonce": {"nonce used"},
		"/identities/bob": {
			"approver not active",
			"no second factor",
			"requester or contributor",
		},
		"/clock/now_ns": {"not yet valid", "expired", "too old"},
		"/clock/uncertainty_ns": {"not yet valid", "expired", "too old"},
		"/state/consumed_nonces": {"nonce used"},
		"/request/binding": {"other request"},
		"/subject/digest": {"other digest"},
		"/environment/name": {"other environment"},
	}
	every path, want in some_cases {
		_problems([fixture.remove(path)]) == want
	}
}

test_an_approval_without_principal_counts_for_nobody if {
	_problems([fixture.remove("/approvals/ap-1/principal")]) == {
		"signed by another",
		"approver not active",
		"no second factor",
		"requester or contributor",
	}
}

test_who_asks_does_not_approve if {
	_problems(array.concat(_by("mallory"), [
		fixture.replace("/request/actor/principal", "mallory"),
		fixture.replace("/source/contributors", ["alice"]),
	])) == {"requester or contributor"}
	_problems(array.concat(_by("alice"), [fixture.replace("/source/contributors", ["mallory"])])) == {
		"requester or contributor",
	}
}

test_the_person_accountable_for_the_bot_does_not_approve if {
	_problems([fixture.replace("/identities/workload:cd/person", "p-bob")]) == {
		"requester or contributor",
	}
}

test_a_bot_does_not_approve if {
	_problems(_by("workload:cd")) == {"approver not active", "requester or contributor"}
}

test_a_departed_contributor_still_conflicts if {
	_problems([
		fixture.add("/identities/bob-old", {
			"type": "human",
			"status": "disabled",
			"person": "p-bob",
			"groups": [],
			"mfa": false,
		}),
		fixture.replace("/source/contributors", ["bob-old"]),
	]) == {"requester or contributor"}
}

test_what_an_approval_does_not_say_is_in_its_binding if {
	unsaid := [
		fixture.replace("/approvals/ap-1/digest", ""),
		fixture.replace("/approvals/ap-1/environment", ""),
	]
	_problems(unsaid) == set()
	_problems(array.concat(unsaid, [fixture.replace("/approvals/ap-1/binding", _other)])) == {
		"other request",
	}
}

test_reasons_name_what_an_approval_was_for if {
	_reasons([
		fixture.replace("/approvals/ap-1/digest", _other),
		fixture.replace("/approvals/ap-1/binding", _other),
	]) == {"other digest"}
	_reasons([
		fixture.replace("/approvals/ap-1/environment", "staging"),
		fixture.replace("/approvals/ap-1/binding", _other),
	]) == {"other environment"}
	_reasons([fixture.replace("/approvals/ap-1/binding", _other)]) == {"other request"}
}

test_of_an_unknown_account_nobody_says_that_it_asked if {
	ops := [fixture.replace("/identities/bob/person", "")]
	_problems(ops) == {"approver not active", "requester or contributor"}
	_reasons(ops) == {"approver not active"}
	_reasons([fixture.remove("/identities/bob")]) == {"approver not active", "no second factor"}
	_reasons(_by("mallory")) == {"requester or contributor"}
}

test_ids_nonces_and_people_of_what_counts if {
	doc := fixture.patch([fixture.replace("/approvals/ap-2/decision", "reject")])
	approval.counted_ids == {"ap-1"} with input as doc with data.gatekeep.org as fixture.org
	approval.counted_nonces == {"an-1"} with input as doc with data.gatekeep.org as fixture.org
	approval.counted_people == {"p-bob"} with input as doc with data.gatekeep.org as fixture.org
}

test_a_live_approval_may_be_by_anybody if {
	doc := fixture.patch(array.concat(_by("mallory"), [fixture.replace("/approvals/ap-2/nonce", "n-0")]))
	approval.live_ids == {"ap-1"} with input as doc with data.gatekeep.org as fixture.org
	approval.counted_ids == set() with input as doc with data.gatekeep.org as fixture.org
}

_filled(ops) if {
	approval.slots_filled with input as fixture.patch(ops) with data.gatekeep.org as fixture.org
}

test_each_slot_takes_another_person if {
	_filled([])
	_filled(_by("carol"))
	not _filled([fixture.remove("/approvals/ap-1")])
	not _filled([fixture.replace("/approvals/ap-2/principal", "ghost")])
	not _filled([fixture.replace("/approvals", {})])
}

test_one_person_with_both_roles_fills_one_slot if {
	not _filled(array.concat(_by("carol"), [
		fixture.replace("/approvals/ap-2/principal", "carol"),
		fixture.replace("/approvals/ap-2/verification/principal", "carol"),
	]))
}

test_what_a_tier_asks_for if {
	_filled([fixture.replace("/environment/tier", "staging")])
	_filled([fixture.replace("/environment/tier", "development"), fixture.replace("/approvals", {})])
	not _filled([fixture.replace("/environment/tier", "staging"), fixture.replace("/approvals", {})])
	not _filled([fixture.replace("/environment/tier", "lunar")])
	not _filled([fixture.remove("/environment/tier")])
}

_filled_with(slots) if {
	approval.slots_filled with input as fixture.input_doc
		with data.gatekeep.org as fixture.org
		with data.gatekeep.params.rbac.required_approvals as {"production": {"slots": slots}}
}

test_slots_that_cannot_be_read_are_not_filled if {
	_filled_with([])
	_filled_with(["release_approver"])
	not _filled_with("release_approver")
	not _filled_with(null)
	not _filled_with({})
	not _filled_with(["release_approver", "release_approver"])
	not _filled_with(["release_approver", "no_such_role"])
}

# Bob may release, dave may answer for security, carol may do either.
_filled_by_three(slots) if {
	third := object.union(fixture.base.approvals["ap-1"], {
		"principal": "carol",
		"nonce": "an-3",
		"verification": {"status": "verified", "signer": "carol", "principal": "carol"},
	})
	approval.slots_filled with input as fixture.patch([fixture.add("/approvals/ap-3", third)])
		with data.gatekeep.org as fixture.org
		with data.gatekeep.params.rbac.required_approvals as {"production": {"slots": slots}}
}

test_slots_of_one_role_take_as_many_people if {
	_filled_by_three(["release_approver", "security_approver", "security_approver"])
	_filled_by_three(["release_approver", "security_approver", "release_approver"])
	not _filled_by_three(["security_approver", "security_approver", "security_approver"])
	not _filled_by_three([
		"release_approver",
		"security_approver",
		"release_approver",
		"security_approver",
	])
}

# eight slots can be tried; of nine nobody says that they are filled
_crowd := {sprintf("ap-%d", [n]): object.union(fixture.base.approvals["ap-1"], {
	"principal": sprintf("u-%d", [n]),
	"nonce": sprintf("an-%d", [n]),
	"verification": {"status": "verified", "signer": "u", "principal": sprintf("u-%d", [n])},
}) |
	some n in numbers.range(1, 9)
}

_people := {sprintf("u-%d", [n]): object.union(fixture.base.identities.bob, {"person": sprintf("p-%d", [n])}) |
	some n in numbers.range(1, 9)
}

_filled_by_crowd(slots) if {
	approval.slots_filled with input as fixture.patch([
		fixture.replace("/approvals", _crowd),
		fixture.replace("/identities", object.union(fixture.base.identities, _people)),
	])
		with data.gatekeep.org as fixture.org
		with data.gatekeep.params.rbac.required_approvals as {"production": {"slots": slots}}
}

test_up_to_eight_slots_are_judged if {
	eight := [slot | some _ in numbers.range(1, 8); slot := "release_approver"]
	_filled_by_crowd(eight)
	not _filled_by_crowd(array.concat(eight, ["release_approver"]))
}
