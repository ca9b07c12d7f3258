package gatekeep.lib.excuse_test

import data.gatekeep.fixture
import data.gatekeep.lib.excuse

_rule := "supply_chain/vuln-blocking"

_index := {
	_rule: {"severity": "block", "waivable": true},
	"rbac/approvals-insufficient": {"severity": "block", "waivable": true},
	"rbac/jit-grant-invalid": {"severity": "block", "waivable": false},
	"gate/clock-untrusted": {"severity": "block", "waivable": false},
	"freeze/calendar-unusable": {"severity": "block", "waivable": true},
	"other/rule": {"severity": "block", "waivable": true},
}

_waiver := {
	"id": "w1",
	"rule": _rule,
	"term": "CVE-2026-9999",
	"scope": {"environments": ["prod-eu"], "services": ["payments"]},
	"reason": "Vendor fix lands 5 December; WAF rule 44 in place",
	"ticket": "https://tickets.example/SEC-1",
	"requested_by": "alice",
	"granted_by": ["dave"],
	"not_before": "2026-11-20T00:00:00Z",
	"expires_at": "2026-12-10T00:00:00Z",
	"verification": {"status": "verified", "signer": "dave", "principal": "dave"},
}

_finding := {"rule": _rule, "message": "m", "at": "CVE-2026-9999"}

_problems_in(waiver, ops) := problems if {
	problems := excuse.waiver_problems(waiver) with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
		with data.gatekeep.index as _index
}

_problems(ops) := _problems_in(json.patch(_waiver, ops), [])

test_a_live_scoped_waiver_has_no_problem if _problems([]) == set()

test_each_check_fails_on_its_own if {
	some_cases := [
		["signature", "/verification/status", "unsigned_allowed"],
		["not yet valid", "/not_before", "2026-11-23T10:00:00Z"],
		["expired", "/expires_at", "2026-11-23T10:00:00Z"],
		["longer than allowed", "/expires_at", "2026-12-20T00:00:01Z"],
		["scope", "/scope/environments", ["staging"]],
		["scope", "/scope/environments", []],
		["scope", "/scope/services", ["ledger"]],
		["signed by no granter", "/verification/principal", "waivers"],
		["requester", "/requested_by", "ghost"],
		["reason", "/reason", "   because          "],
		["ticket", "/ticket", " "],
	]
	every case in some_cases {
		_problems([fixture.replace(case[1], case[2])]) == {case[0]}
	}
}

test_granters_must_hold_the_role if {
	every granters in [[], ["bob"], ["ghost"]] {
		_problems([fixture.replace("/granted_by", granters)]) == {"granters", "signed by no granter"}
	}
}

test_a_missing_field_fails_its_check if {
	some_cases := {
		"/verification": {"signature", "signed by no granter"},
		"/not_before": {"not yet valid", "longer than allowed"},
		"/expires_at": {"expired", "longer than allowed"},
		"/scope": {"scope"},
		"/scope/environments": {"scope"},
		"/scope/services": {"scope"},
		"/granted_by": {"granters", "signed by no granter"},
		"/requested_by": {"requester"},
		"/reason": {"reason"},
		"/ticket": {"ticket"},
	}
	every path, want in some_cases {
		_problems([fixture.remove(path)]) == want
	}
}

test_a_revoked_waiver_excuses_nothing if {
	_problems([fixture.add("/revoked_at", "2026-11-22T00:00:00Z")]) == {"revoked"}
}

test_a_rule_that_is_not_waivable_stays if {
	_problems([
		fixture.replace("/rule", "rbac/jit-grant-invalid"),
		fixture.replace("/granted_by", []),
	]) == {
		"rule is not waivable",
		"longer than allowed",
		"granters",
		"signed by no granter",
	}
	"rule is not waivable" in _problems([fixture.replace("/rule", "gate/clock-untrusted")])
	"rule is not waivable" in _problems([fixture.replace("/rule", "supply_chain/no-such-rule")])
	"rule is not waivable" in _problems([fixture.remove("/rule")])
}

test_a_family_without_granters_cannot_be_waived if {
	_problems([fixture.replace("/rule", "other/rule")]) == {"longer than allowed", "granters"}
}

test_the_length_is_that_of_the_family_and_the_severity if {
	waiver := object.union(_waiver, {"expires_at": "2027-01-20T00:00:00Z"})
	_problems_in(waiver, []) == {"longer than allowed"}
	index := {_rule: {"severity": "warn", "waivable": true}}
	problems := excuse.waiver_problems(waiver) with input as fixture.input_doc
		with data.gatekeep.org as fixture.org
		with data.gatekeep.index as index
	problems == set()
}

test_who_wants_the_deployment_does_not_grant if {
	_problems([fixture.replace("/requested_by", "dave")]) == {"granters"}
	_problems_in(_waiver, [fixture.replace("/request/on_behalf_of", "dave")]) == {"granters"}
	_problems_in(_waiver, [fixture.replace("/request/actor/principal", "dave")]) == {"granters"}
	_problems_in(_waiver, [fixture.replace("/identities/alice/person", "p-dave")]) == {"granters"}
}

test_a_departed_granter_does_not_count if {
	_problems_in(_waiver, [fixture.replace("/identities/dave/status", "disabled")]) == {"granters"}
}

test_two_granters_are_two_people if {
	freeze := object.union(
		_waiver,
		{
			"rule": "freeze/calendar-unusable",
			"expires_at": "2026-11-26T00:00:00Z",
			"verification": {"principal": "frank"},
		},
	)
	_problems_in(object.union(freeze, {"granted_by": ["frank", "grace"]}), []) == set()
	_problems_in(object.union(freeze, {"granted_by": ["frank", "frank"]}), []) == {"granters"}
	_problems_in(
		object.union(freeze, {"granted_by": ["frank", "grace"]}),
		[fixture.replace("/identities/grace/person", "p-frank")],
	) == {"granters"}
}

test_a_scope_with_digests_must_list_the_subject if {
	_problems([fixture.add("/scope/subject_digests", [fixture.digest])]) == set()
	_problems([fixture.add("/scope/subject_digests", ["sha256:00"])]) == {"scope"}
	_problems([fixture.add("/scope/subject_digests", [])]) == set()
}

_excuse(ops, finding) := id if {
	id := excuse.of(finding.rule, finding) with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
		with data.gatekeep.index as _index
}

_with(waiver) := [fixture.add("/waivers/-", waiver)]

test_a_waiver_excuses_the_thing_that_it_names if {
	_excuse(_with(_waiver), _finding) == "w1"
	not _excuse([], _finding)
	not _excuse(_with(_waiver), object.union(_finding, {"at": "CVE-2026-1111"}))
	not _excuse(_with(_waiver), object.union(_finding, {"rule": "freeze/calendar-unusable"}))
	not _excuse(_with(object.union(_waiver, {"ticket": ""})), _finding)
}

test_a_waiver_without_a_term_excuses_only_where_the_organisation_says_so if {
	blanket := object.remove(_waiver, ["term"])
	not _excuse(_with(blanket), _finding)
	_excuse(_with(blanket), _finding) == "w1" with data.gatekeep.params.waivers.blanket_rules as [
		_rule,
	]
	empty := object.union(_waiver, {"term": ""})
	not _excuse(_with(empty), _finding)
}

test_of_two_waivers_the_first_by_id_is_named if {
	ops := array.concat(_with(object.union(_waiver, {"id": "w2"})), _with(_waiver))
	_excuse(ops, _finding) == "w1"
}

_grant := {
	"id": "g1",
	"principal": "mallory",
	"environment": "prod-eu",
	"service": "payments",
	"incident": "INC-7",
	"covers": ["rbac/approvals-insufficient", "rbac/jit-grant-invalid", "freeze/calendar-unusable"],
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

_lack := {"rule": "rbac/approvals-insufficient", "message": "m", "at": "prod-eu"}

test_a_grant_excuses_in_an_emergency if {
	_excuse(_emergency, _lack) == "g1"
	not _excuse(array.concat(_emergency, [fixture.replace("/request/emergency", false)]), _lack)
	not _excuse(array.concat(_emergency, [fixture.remove("/request/emergency")]), _lack)
	not _excuse(array.concat(_emergency, [fixture.replace("/grants/g1/uses", 1)]), _lack)
}

test_a_grant_excuses_only_what_it_and_the_organisation_list if {
	not _excuse(array.concat(_emergency, [fixture.replace("/grants/g1/covers", [])]), _lack)
	not _excuse(_emergency, object.union(_lack, {"rule": "freeze/calendar-unusable"}))
	unwaivable := object.union(_lack, {"rule": "rbac/jit-grant-invalid"})
	coverable := ["rbac/jit-grant-invalid"]
	not _excuse(_emergency, unwaivable) with data.gatekeep.params.rbac.break_glass_coverable as coverable
}

test_of_two_grants_the_first_by_id_is_named if {
	ops := [fixture.add("/grants/g0", object.union(_grant, {"id": "g0"}))]
	_excuse(array.concat(_emergency, ops), _lack) == "g0"
}
