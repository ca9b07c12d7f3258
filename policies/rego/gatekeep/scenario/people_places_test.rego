package gatekeep.scenario.people_places_test

import data.gatekeep.fixture

# Hard cases for people, emergencies, waivers and places, judged by all rules at once.
# Each compares the whole verdict, so that a rule that speaks out of turn is seen.

_hex(name) := sprintf("sha256:%s", [crypto.sha256(name)])

_patched(ops) := fixture.verdict(fixture.patch(ops))

_short(warnings) := fixture.failed({"rbac/approvals-insufficient"}, warnings)

# One approval is given by somebody else, properly signed.
_by(id, who) := [
	fixture.replace(sprintf("/approvals/%s/principal", [id]), who),
	fixture.replace(sprintf("/approvals/%s/verification/principal", [id]), who),
]

test_the_golden_request_opens if fixture.verdict(fixture.input_doc) == fixture.opened

# Self-approval

test_s03_a_second_account_of_the_requester_does_not_approve if {
	_patched(_by("ap-1", "alice-alt")) == _short({"rbac/self-approval"})
}

test_s04_the_author_does_not_approve_what_a_bot_started if {
	ops := array.concat(
		_by("ap-1", "mallory"),
		[fixture.replace("/identities/mallory/groups", ["release-approvers"])],
	)
	_patched(ops) == _short({"rbac/self-approval"})
}

test_the_actor_does_not_approve if {
	ops := array.concat(
		_by("ap-2", "dave"),
		[
			fixture.replace("/request/actor", {"principal": "dave"}),
			fixture.add("/identities/dave/groups/-", "deployers"),
		],
	)
	_patched(ops) == _short({"rbac/self-approval"})
}

test_the_person_accountable_for_the_actor_does_not_approve if {
	_patched([fixture.replace("/identities/workload:cd/person", "p-dave")]) == _short({
		"rbac/self-approval",
	})
}

test_s05_one_person_with_both_roles_does_not_fill_both if {
	_patched(array.concat(_by("ap-1", "carol"), _by("ap-2", "carol"))) == _short(set())
}

test_s05b_a_second_person_does if _patched(_by("ap-1", "carol")) == fixture.opened

# Approvals of something else, or of another time

test_s08_an_approval_of_another_request_is_not_used_again if {
	_patched([fixture.replace("/approvals/ap-2/binding", _hex("other"))]) == _short({
		"rbac/approval-binding-mismatch",
	})
}

test_s08_an_approval_of_another_digest_is_not_used_again if {
	_patched([
		fixture.replace("/approvals/ap-2/binding", _hex("other")),
		fixture.replace("/approvals/ap-2/digest", _hex("image")),
	]) == _short({"rbac/approval-binding-mismatch"})
}

test_s08_an_approval_for_another_environment_is_not_used_again if {
	_patched([
		fixture.replace("/approvals/ap-2/binding", _hex("other")),
		fixture.replace("/approvals/ap-2/environment", "staging"),
	]) == _short({"rbac/approval-binding-mismatch"})
}

test_an_expired_approval_does_not_count if {
	_patched([fixture.replace("/approvals/ap-2/expires_at", "2026-11-23T09:59:59Z")]) == _short(set())
}

# What the messages tell of four approvals that do not count, each for its own reason.
test_each_approval_that_does_not_count_says_why if {
	ap := fixture.base.approvals["ap-2"]
	doc := fixture.patch([
		fixture.replace("/request/actor", {"principal": "mallory"}),
		fixture.replace("/approvals/ap-1", object.union(fixture.base.approvals["ap-1"], {
			"principal": "mallory",
			"verification": {"status": "verified", "signer": "mallory", "principal": "mallory"},
		})),
		fixture.replace(
			"/approvals/ap-2",
			object.union(ap, {"digest": _hex("image"), "binding": _hex("a")}),
		),
		fixture.add("/approvals/ap-3", object.union(ap, {"environment": "staging", "binding": _hex("b")})),
		fixture.add("/approvals/ap-4", object.union(ap, {"expires_at": "2026-11-23T09:30:00Z"})),
	])
	messages := {finding.message |
		some result in fixture.decide(doc).results
		result.regime == "rbac"
		result.outcome == "fail"
		some finding in result.findings
	}
	messages == {
		concat("", [
			"prod-eu needs release_approver, security_approver; counted: none; not counted: ",
			"dave (expired), dave (other digest), dave (other environment), ",
			"mallory (requester or contributor)",
		]),
		concat("", [
			"Approval ap-1 by mallory does not count: the same person (p-mallory) ",
			"as actor mallory, contributor mallory of this change",
		]),
		sprintf(
			"Approval ap-2 by dave is not for this request: it is for another digest (%s)",
			[_hex("image")],
		),
		"Approval ap-3 by dave is not for this request: it is for another environment (staging)",
	}
}

test_s08b_a_digest_swapped_after_approval_has_nothing if {
	_patched([
		fixture.replace("/subject/digest", _hex("image")),
		fixture.replace("/subject/ref", sprintf("registry.acme.dev/payments@%s", [_hex("image")])),
		fixture.replace("/subject/artifacts", {_hex("image"): {
			"name": "registry.acme.dev/payments",
			"platform": "linux/amd64",
			"covered_by": [_hex("image")],
		}}),
		fixture.replace("/sboms", {}),
	]) == {
		"outcome": "fail",
		"fail": {
			"gate/binding-mismatch",
			"rbac/approvals-insufficient",
			"supply_chain/provenance-missing",
			"supply_chain/sbom-missing",
			"supply_chain/vuln-scan-missing-or-stale",
			"supply_chain/secret-scan-missing-or-failed",
		},
		"unknown": {"supply_chain/component-denied", "supply_chain/vuln-blocking"},
		"warn": {"rbac/approval-binding-mismatch"},
	}
}

test_s08c_an_approval_whose_nonce_was_used_does_not_count if {
	_patched([fixture.replace("/state/consumed_nonces", ["an-2"])]) == _short(set())
}

test_s23_an_approver_who_left_does_not_count if {
	_patched([fixture.replace("/identities/dave/status", "disabled")]) == _short(set())
}

test_a_contributor_whom_nobody_knows_shuts_the_gate if {
	_patched([fixture.replace("/source/contributors", ["alice", "ghost"])]) == fixture.failed(
		{"rbac/contributor-unmapped"},
		set(),
	)
}

test_an_actor_without_the_role_shuts_the_gate if {
	_patched([fixture.replace("/request/actor", {"principal": "olga"})]) == fixture.failed(
		{"rbac/deployer-not-authorized"},
		set(),
	)
}

# Places

_seventeen(field) := sprintf("/resources/aws_s3_bucket.b[17]/%s", [field])

_abroad := fixture.replace(_seventeen("region"), "us-east-1")

_not_allowed := fixture.failed({"gdpr/region-not-allowed"}, set())

_undetermined := fixture.failed({"gdpr/region-undetermined"}, set())

_places_told(doc) := {finding.at |
	some result in fixture.decide(doc).results
	result.outcome == "fail"
	some finding in result.findings
}

test_s11_one_resource_of_thirty_is_abroad if {
	_patched([_abroad]) == _not_allowed
	_places_told(fixture.patch([_abroad])) == {"aws_s3_bucket.b[17]"}
}

test_s11b_a_recorded_transfer_opens if {
	_patched([
		fixture.replace(_seventeen("region"), "eu-west-2"),
		fixture.add("/data_flow/transfers/-", {
			"destination": "UK",
			"mechanism": "adequacy",
			"dpo_approved": true,
			"review_due": "2027-01-01T00:00:00Z",
		}),
	]) == fixture.opened
}

test_s12_a_region_known_only_after_apply_is_not_allowed if {
	_patched([fixture.remove("/resources/aws_s3_bucket.b[3]/region")]) == _undetermined
}

test_a_region_that_nobody_listed_is_not_allowed if {
	_patched([fixture.replace(_seventeen("region"), "xx-moon-1")]) == _undetermined
}

test_a_service_of_which_nobody_says_where_its_data_lies_is_not_allowed if {
	_patched([fixture.replace("/resources", {})]) == _undetermined
}

test_s20_taking_the_regimes_away_takes_nothing_away if {
	_patched([
		fixture.replace("/service/regimes", []),
		fixture.replace("/environment/regimes", []),
		_abroad,
	]) == _not_allowed
}

# Emergencies. The actor is a human who may deploy; approvals are what is missing.

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

_emergency(grant, ops) := fixture.patch(array.concat(
	[
		fixture.replace("/request/emergency", true),
		fixture.replace("/request/actor", {"principal": "mallory"}),
		fixture.replace("/approvals", {}),
		fixture.add("/grants/g1", grant),
	],
	ops,
))

_no_grant := fixture.failed({"rbac/approvals-insufficient", "rbac/jit-grant-invalid"}, set())

test_s13_a_live_grant_opens_and_is_used_up if {
	doc := _emergency(_grant, [])
	fixture.verdict(doc) == fixture.opened
	fixture.decide(doc).effects == {
		"consume_nonces": ["n-1"],
		"use_grants": ["g1"],
		"use_exemptions": [],
		"approvals": [],
		"obligations": [{
			"id": "g1@req-1",
			"kind": "break_glass_review",
			"grant": "g1",
			"principal": "mallory",
			"service": "payments",
			"status": "open",
			"due_at": "2026-11-24T10:00:00Z",
		}],
		"close_obligations": [],
	}
}

test_s13b_not_again_while_the_review_is_overdue if {
	duty := {
		"id": "ob-1",
		"kind": "break_glass_review",
		"principal": "mallory",
		"service": "payments",
		"status": "open",
		"due_at": "2026-11-22T10:00:00Z",
	}
	doc := _emergency(_grant, [fixture.add("/state/obligations/-", duty)])
	fixture.verdict(doc) == fixture.failed({"rbac/break-glass-review-overdue"}, set())
}

test_s13c_not_as_the_normal_path if {
	uses := [{
		"id": sprintf("u%d", [day]),
		"grant": "g0",
		"service": "payments",
		"principal": "mallory",
		"used_at": sprintf("2026-11-%dT10:00:00Z", [day]),
	} |
		some day in [10, 14, 18]
	]
	doc := _emergency(_grant, [fixture.replace("/state/break_glass_uses", uses)])
	fixture.verdict(doc) == fixture.failed({"rbac/break-glass-rate-exceeded"}, set())
}

test_a_gate_without_state_does_not_open_in_an_emergency if {
	verdict := fixture.verdict(_emergency(_grant, [fixture.replace("/gate/state_declared", false)]))
	verdict.outcome == "indeterminate"
	verdict.fail == set()
	{"rbac/break-glass-review-overdue", "rbac/break-glass-rate-exceeded"} & verdict.unknown == {
		"rbac/break-glass-review-overdue",
		"rbac/break-glass-rate-exceeded",
	}
}

test_an_emergency_excuses_only_what_the_grant_covers if {
	fixture.verdict(_emergency(_grant, [_abroad])) == _not_allowed
}

test_an_emergency_excuses_nothing_where_the_grant_covers_nothing if {
	fixture.verdict(_emergency(object.union(_grant, {"covers": []}), [])) == _short(set())
}

test_s14_an_expired_grant_is_no_grant if {
	fixture.verdict(_emergency(
		object.union(_grant, {
			"not_before": "2026-11-23T08:59:59Z",
			"expires_at": "2026-11-23T09:59:59Z",
		}),
		[],
	)) == _no_grant
}

test_s14b_an_endless_grant_is_no_grant if {
	fixture.verdict(_emergency(object.remove(_grant, ["expires_at"]), [])) == _no_grant
}

test_s14c_a_grant_to_oneself_is_no_grant if {
	self := object.union(_grant, {
		"granted_by": "mallory",
		"verification": {"status": "verified", "signer": "mallory", "principal": "mallory"},
	})
	commander := fixture.add("/identities/mallory/groups/-", "incident-commanders")
	fixture.verdict(_emergency(self, [commander])) == _no_grant
}

# Waivers

_critical := fixture.add("/findings/sca/CVE-2026-9999 pkg:npm~1left@1.0.0", {
	"id": "CVE-2026-9999",
	"severity": "critical",
	"purl": "pkg:npm/left@1.0.0",
	"first_seen": "2026-11-23T08:00:00Z",
	"attestations": [fixture.statement("vulns")],
})

_waiver := {
	"id": "w1",
	"rule": "supply_chain/vuln-blocking",
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

_waived_by(waivers) := _patched([_critical, fixture.replace("/waivers", waivers)])

_stands := fixture.failed({"supply_chain/vuln-blocking"}, set())

test_a_critical_vulnerability_shuts_the_gate if _waived_by([]) == _stands

test_s19_a_live_waiver_opens if _waived_by([_waiver]) == fixture.opened

test_s19b_a_waiver_of_another_vulnerability_does_not if {
	_waived_by([object.union(_waiver, {"term": "CVE-2026-1111"})]) == _stands
}

test_s19c_a_waiver_granted_by_who_asked_does_not if {
	_waived_by([object.union(_waiver, {"granted_by": ["alice"]})]) == _stands
}

test_s19c_a_waiver_granted_by_who_wanted_it_does_not if {
	_waived_by([object.union(_waiver, {"requested_by": "dave"})]) == _stands
}

test_s19d_a_waiver_that_ends_this_second_does_not if {
	_waived_by([object.union(_waiver, {"expires_at": "2026-11-23T10:00:00Z"})]) == _stands
}

test_s19e_no_waiver_touches_the_gate_itself if {
	ops := [
		fixture.replace("/gate/policy/revision", 41),
		fixture.replace("/waivers", [
		object.union(_waiver, {"id": id, "rule": "gate/policy-bundle-downgraded", "term": term}) |
			some id, term in {"w1": "", "w2": "gate.policy.revision", "w3": "41"}
		]),
	]
	_patched(ops) == fixture.failed({"gate/policy-bundle-downgraded"}, set())
}

test_s19f_a_waiver_for_a_year_does_not if {
	_waived_by([object.union(_waiver, {"expires_at": "2027-11-20T00:00:00Z"})]) == _stands
}

test_s19g_two_waivers_do_not_quarrel if {
	_waived_by([_waiver, object.union(_waiver, {"id": "w2"})]) == fixture.opened
}

test_s19h_a_waiver_of_everything_does_not if {
	_waived_by([object.remove(_waiver, ["term"])]) == _stands
}

test_s19h_a_waiver_of_an_empty_name_does_not if {
	_waived_by([object.union(_waiver, {"term": ""})]) == _stands
}

# Health information

_ephi(ops) := _patched(array.concat(
	[fixture.replace("/service/data_classes", ["ephi"])],
	ops,
))

_processor(contract) := fixture.replace("/data_flow/processors", [{
	"name": "mailer",
	"classes": ["ephi"],
	"contract": contract,
}])

_baa := {"kind": "baa", "expires_at": "2027-06-30T00:00:00Z", "scope": ["payments"]}

test_health_information_that_is_safe_opens if _ephi([_processor(_baa)]) == fixture.opened

test_one_plain_resource_of_thirty_shuts_the_gate if {
	_ephi([fixture.replace(_seventeen("encrypted_at_rest"), false)]) == fixture.failed(
		{"hipaa/encryption-at-rest-missing"},
		set(),
	)
}

_no_agreement := fixture.failed({"hipaa/baa-missing"}, set())

test_a_processor_without_an_agreement_shuts_the_gate if {
	_ephi([_processor(object.union(_baa, {"kind": "dpa"}))]) == _no_agreement
}

test_a_processor_whose_agreement_has_ended_shuts_the_gate if {
	ended := object.union(_baa, {"expires_at": "2026-11-23T10:00:00Z"})
	_ephi([_processor(ended)]) == _no_agreement
}

test_processors_that_nobody_declared_shut_the_gate if {
	_ephi([fixture.replace("/data_flow/declared", false)]) == _no_agreement
}

test_health_information_that_lies_nowhere_is_not_judged_safe if {
	_ephi([fixture.replace("/resources", {})]) == {
		"outcome": "fail",
		"fail": {"gdpr/region-undetermined"},
		"unknown": {"hipaa/encryption-at-rest-missing"},
		"warn": set(),
	}
}
