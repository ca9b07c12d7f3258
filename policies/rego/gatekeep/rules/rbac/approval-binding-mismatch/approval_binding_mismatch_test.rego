package gatekeep.rules.rbac["approval-binding-mismatch_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.rbac["approval-binding-mismatch"] as rule

_other := sprintf("sha256:%s", [crypto.sha256("other")])

_said(ops) := found if {
	doc := fixture.patch(ops)
	found := {[finding.at, finding.message] | some finding in rule.violations} with input as doc
		with data.gatekeep.org as fixture.org
}

_for(what) := {
	["ap-2", sprintf("Approval ap-2 by dave is not for this request: it is for %s", [what])],
}

test_approvals_of_this_request_are_nothing_to_tell if _said([]) == set()

test_an_approval_for_another_digest_says_so if {
	digest := fixture.replace("/approvals/ap-2/digest", _other)
	binding := fixture.replace("/approvals/ap-2/binding", _other)
	_said([digest]) == _for(sprintf("another digest (%s)", [_other]))
	_said([digest, binding]) == _for(sprintf("another digest (%s)", [_other]))
}

test_an_approval_for_another_environment_says_so if {
	environment := fixture.replace("/approvals/ap-2/environment", "staging")
	binding := fixture.replace("/approvals/ap-2/binding", _other)
	_said([environment]) == _for("another environment (staging)")
	_said([environment, binding]) == _for("another environment (staging)")
}

test_an_approval_for_another_request_says_so if {
	_said([
		fixture.replace("/approvals/ap-2/binding", _other),
	]) == _for(sprintf("another request (%s)", [_other]))
}

test_an_approval_may_differ_in_two_ways if {
	_said([
		fixture.replace("/approvals/ap-2/digest", _other),
		fixture.replace("/approvals/ap-2/environment", "staging"),
	]) == _for(sprintf("another digest (%s) and another environment (staging)", [_other]))
}

test_each_approval_is_a_finding_of_its_own if {
	{at | some [at, _] in _said([fixture.replace("/request/binding", _other)])} == {"ap-1", "ap-2"}
}

test_an_approval_without_fields_is_for_nothing if {
	_said([fixture.replace("/approvals/ap-2", {})]) == {[
		"ap-2",
		"Approval ap-2 by (missing) is not for this request: it is for another digest ((missing)) and another environment ((missing))",
	]}
}

test_other_problems_are_told_elsewhere if {
	_said([fixture.replace("/approvals/ap-2/expires_at", "2026-11-23T09:00:00Z")]) == set()
}
