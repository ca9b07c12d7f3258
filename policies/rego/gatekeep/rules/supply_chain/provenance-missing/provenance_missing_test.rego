package gatekeep.rules.supply_chain["provenance-missing_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.supply_chain["provenance-missing"] as rule

_violations(ops) := found if {
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
		with data.sboms as fixture.sboms
}

_said(ops) := {[finding.at, finding.message] | some finding in _violations(ops)}

_prov := fixture.statement("prov")

_subjects := sprintf("/attestations/items/%s/subject_digests", [_prov])

_arm := sprintf("sha256:%s", [crypto.sha256("arm64")])

_index := sprintf("sha256:%s", [crypto.sha256("index")])

# a second platform, and an index that both belong to
_two_platforms := [
	fixture.add(
		sprintf("/subject/artifacts/%s", [_arm]),
		{"name": "payments", "platform": "linux/arm64", "covered_by": [_arm, _index]},
	),
	fixture.add(sprintf("/subject/artifacts/%s/covered_by/-", [fixture.digest]), _index),
]

_message(artifact) := sprintf("No believed build provenance for %s", [artifact])

_unproven := {[fixture.digest, _message(sprintf("%s (linux/amd64)", [fixture.digest]))]}

test_an_artifact_with_believed_provenance_passes if _violations([]) == set()

test_an_artifact_without_provenance_is_named if {
	ops := [fixture.remove(sprintf("/attestations/items/%s", [_prov]))]
	_violations(ops) == {{
		"rule": "supply_chain/provenance-missing",
		"message": _message(sprintf("%s (linux/amd64)", [fixture.digest])),
		"at": fixture.digest,
		"severity": "block",
		"remedy": "Build on an approved builder that signs provenance.",
	}}
}

test_provenance_about_something_else_does_not_count if {
	_said([fixture.replace(_subjects, [_arm])]) == _unproven
}

test_provenance_of_the_index_covers_each_platform if {
	ops := array.concat(_two_platforms, [fixture.replace(_subjects, [_index])])
	_violations(ops) == set()
}

test_a_platform_without_provenance_is_named if {
	_said(_two_platforms) == {[_arm, _message(sprintf("%s (linux/arm64)", [_arm]))]}
}

test_missing_fields_never_help if {
	every field in ["kind", "verification", "verification/status", "subject_digests"] {
		_said([fixture.remove(sprintf("/attestations/items/%s/%s", [_prov, field]))]) == _unproven
	}
	_said([fixture.remove("/attestations/by_kind/provenance")]) == _unproven
	_said([fixture.remove("/attestations")]) == _unproven
	covered := sprintf("/subject/artifacts/%s/covered_by", [fixture.digest])
	_said([fixture.remove(covered)]) == _unproven
}

test_nothing_that_would_run_is_nothing_to_look_at if {
	every path in ["/subject", "/subject/artifacts"] {
		rule.observed == set() with input as fixture.patch([fixture.remove(path)])
	}
	rule.observed == {fixture.digest} with input as fixture.input_doc
}
