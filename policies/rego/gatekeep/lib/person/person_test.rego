package gatekeep.lib.person_test

import data.gatekeep.fixture
import data.gatekeep.lib.person

_id(ops, principal) := who if {
	who := person.id(principal) with input as fixture.patch(ops)
}

_active(ops, principal) := who if {
	who := person.active(principal) with input as fixture.patch(ops)
}

_has_role(ops, principal, role) if {
	person.has_role(principal, role) with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

test_accounts_of_one_human_are_one_person if {
	_id([], "alice") == "p-alice"
	_id([], "alice-alt") == "p-alice"
}

test_an_account_without_a_person_has_none if {
	not _id([], "ghost")
	not _id([fixture.replace("/identities/bob/person", "")], "bob")
	not _id([fixture.replace("/identities/bob/person", "bob")], "bob")
	not _id([fixture.replace("/identities/bob/person", 7)], "bob")
	not _id([fixture.remove("/identities/bob/person")], "bob")
}

test_a_departed_person_is_still_the_same_person if {
	ops := [fixture.replace("/identities/bob/status", "disabled")]
	_id(ops, "bob") == "p-bob"
	not _active(ops, "bob")
}

test_only_a_living_account_of_a_human_is_active if {
	_active([], "bob") == "p-bob"
	not _active([], "workload:cd")
	not _active([fixture.remove("/identities/bob/status")], "bob")
	not _active([fixture.remove("/identities/bob/type")], "bob")
}

test_a_role_is_held_through_a_group if {
	_has_role([], "bob", "release_approver")
	not _has_role([], "bob", "security_approver")
	not _has_role([], "bob", "no_such_role")
	not _has_role([], "ghost", "release_approver")
	not _has_role([fixture.replace("/identities/bob/groups", [])], "bob", "release_approver")
}

test_a_role_holds_where_its_scope_says if {
	_has_role([fixture.replace("/environment/tier", "staging")], "bob", "release_approver")
	not _has_role([fixture.replace("/environment/tier", "development")], "bob", "release_approver")
	not _has_role([fixture.remove("/environment/tier")], "bob", "release_approver")
	_has_role([], "workload:cd", "deployer")
	not _has_role([fixture.replace("/service/name", "ledger")], "workload:cd", "deployer")
}

_binding(expires_at) := {"roles": {"release_approver": {"bindings": [{
	"groups": ["release-approvers"],
	"scope": {},
	"expires_at": expires_at,
}]}}}

test_a_role_ends_with_its_binding if {
	some_times := {
		"2026-11-23T10:00:01Z": true,
		"2026-11-23T10:00:00.5Z": false,
		"2026-11-22T10:00:00Z": false,
		"never": false,
		"": false,
	}
	every expires_at, want in some_times {
		held := {true |
			person.has_role("bob", "release_approver") with input as fixture.input_doc
				with data.gatekeep.org as _binding(expires_at)
		}
		count(held) == count({true | want})
	}
}

test_a_binding_without_scope_or_end_gives_nothing if {
	every field in ["scope", "expires_at", "groups"] {
		org := json.patch(
			_binding("2027-01-01T00:00:00Z"),
			[{"op": "remove", "path": sprintf("/roles/release_approver/bindings/0/%s", [field])}],
		)
		not person.has_role("bob", "release_approver") with input as fixture.input_doc
			with data.gatekeep.org as org
	}
}

test_an_absent_dimension_means_any_and_a_present_one_must_list_the_value if {
	some_scopes := [
		[{}, true],
		[{"environments": ["prod-eu"]}, true],
		[{"environments": ["prod-eu"], "tiers": ["production"], "services": ["payments"]}, true],
		[{"environments": ["prod-us"]}, false],
		[{"environments": ["prod-eu"], "tiers": ["staging"]}, false],
		[{"services": []}, false],
		[{"services": null}, false],
		[null, false],
		["any", false],
	]
	every case in some_scopes {
		covered := {true | person.covers(case[0]) with input as fixture.input_doc}
		count(covered) == count({true | case[1]})
	}
}
