package gatekeep.rules.supply_chain["sast-missing-or-stale_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.supply_chain["sast-missing-or-stale"] as rule

_violations(ops) := found if {
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

_said(ops) := {[finding.at, finding.message] | some finding in _violations(ops)}

_sast := fixture.statement("sast")

_item(field) := sprintf("/attestations/items/%s/%s", [_sast, field])

_claim(field) := sprintf("/attestations/items/%s/claims/%s", [_sast, field])

_unusable(why) := {[
	"c0ffee",
	sprintf("No usable static analysis of commit c0ffee: %s: %s", [_sast, why]),
]}

_result := fixture.base.attestations.items[_sast]

_absent := {["c0ffee", "No usable static analysis of commit c0ffee: none is attested"]}

test_a_full_recent_successful_run_on_the_commit_passes if _violations([]) == set()

test_no_believed_result_fails if {
	_violations([fixture.replace("/attestations/by_kind/sast", [])]) == {{
		"rule": "supply_chain/sast-missing-or-stale",
		"message": "No usable static analysis of commit c0ffee: none is attested",
		"at": "c0ffee",
		"severity": "block",
		"remedy": "Run static analysis on all of the commit and attest tool, ruleset and coverage.",
	}}
	_said([fixture.remove("/attestations")]) == _absent
	_said([fixture.remove(_item("verification"))]) == _absent
}

test_each_thing_wrong_with_a_result_is_named if {
	wrong := {
		"source_commit": ["dead", "another commit"],
		"execution_successful": [false, "did not run to the end"],
		"files_analyzed": [0, "no files analysed"],
		"scope": ["diff", "not a full scan"],
		"finished_at": ["2026-11-16T09:00:00Z", "finished too long ago or at an unknown time"],
	}
	every field, said in wrong {
		_said([fixture.replace(_claim(field), said[0])]) == _unusable(said[1])
	}
	_said([fixture.replace(_claim("files_analyzed"), "many")]) == _unusable("no files analysed")
	_said([
		fixture.replace(_claim("finished_at"), "2026-11-24T09:00:00Z"),
	]) == _unusable("finished too long ago or at an unknown time")
}

test_a_missing_field_never_helps if {
	missing := {
		"source_commit": "another commit",
		"execution_successful": "did not run to the end",
		"scope": "not a full scan",
		"finished_at": "finished too long ago or at an unknown time",
	}
	every field, why in missing {
		_said([fixture.remove(_claim(field))]) == _unusable(why)
		_said([fixture.replace(_claim(field), null)]) == _unusable(why)
	}
	_said([fixture.remove(_item("claims"))]) == _unusable(concat(", ", [
		"another commit", "did not run to the end",
		"finished too long ago or at an unknown time", "not a full scan",
	]))
}

test_a_tool_that_does_not_count_files_is_accepted if {
	_violations([fixture.remove(_claim("files_analyzed"))]) == set()
	_violations([fixture.replace(_claim("files_analyzed"), null)]) == set()
}

test_one_usable_result_among_others_is_enough if {
	ops := [
		fixture.add("/attestations/items/sha256:other", json.patch(_result, [
			fixture.replace("/id", "sha256:other"),
			fixture.replace("/claims/scope", "diff"),
		])),
		fixture.add("/attestations/by_kind/sast/-", "sha256:other"),
	]
	_violations(ops) == set()
	no_more := array.concat(ops, [fixture.replace(_claim("source_commit"), "dead")])
	{message | some [_, message] in _said(no_more)} == {concat("", [
		sprintf("No usable static analysis of commit c0ffee: %s: another commit; ", [_sast]),
		"sha256:other: not a full scan",
	])}
}

_with_params(changes, ops) := {finding.message | some finding in found} if {
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.params.supply_chain as object.union(data.gatekeep.params.supply_chain, changes)
}

test_only_listed_tools_count_where_there_is_a_list if {
	_with_params({"sast_tools": ["CodeQL"]}, []) == set()
	_with_params(
		{"sast_tools": ["Semgrep"]},
		[],
	) == {message | some [_, message] in _unusable("tool not accepted")}
	count(_with_params({"sast_tools": ["CodeQL"]}, [fixture.remove(_claim("tool"))])) == 1
}

test_rulesets_are_compared_number_by_number if {
	every enough in ["2026.11", "2026.9", "v2026.11", "2025"] {
		_with_params({"min_ruleset": enough}, []) == set()
	}
	every more in ["2026.12", "2026.110", "2027", "2026.11.1", "latest"] {
		_with_params({"min_ruleset": more}, []) == {concat("", [
			sprintf("No usable static analysis of commit c0ffee with ruleset %s or later: ", [more]),
			sprintf("%s: ruleset too old", [_sast]),
		])}
	}
}

test_a_ruleset_that_cannot_be_compared_must_be_the_same if {
	named := fixture.replace(_claim("ruleset_version"), "latest")
	_with_params({"min_ruleset": "latest"}, [named]) == set()
	count(_with_params({"min_ruleset": "2026.1"}, [named])) == 1
	number := fixture.replace(_claim("ruleset_version"), 2027)
	count(_with_params({"min_ruleset": "2026.1"}, [number])) == 1
	count(_with_params({"min_ruleset": "2026.1"}, [fixture.remove(_claim("ruleset_version"))])) == 1
}

test_missing_parameters_accept_nothing if {
	found := rule.violations with input as fixture.input_doc
		with data.gatekeep.params.supply_chain as {}
	{finding.at | some finding in found} == {"c0ffee"}
}

_no_commit := fixture.replace("/subject/commit", "")

test_without_a_commit_a_result_about_the_artifact_counts if {
	_violations([_no_commit]) == set()
	_violations([_no_commit, fixture.remove(_claim("source_commit"))]) == set()
}

test_without_a_commit_each_artifact_needs_a_result_about_it if {
	shown := sprintf("%s (linux/amd64)", [fixture.digest])
	_said([_no_commit, fixture.replace(_item("subject_digests"), ["sha256:other"])]) == {[
		fixture.digest,
		sprintf("No usable static analysis of %s: none is attested", [shown]),
	]}
	_said([_no_commit, fixture.replace(_claim("scope"), "diff")]) == {[
		fixture.digest,
		sprintf("No usable static analysis of %s: %s: not a full scan", [shown, _sast]),
	]}
	arm := fixture.add(
		"/subject/artifacts/sha256:arm",
		{"name": "payments", "covered_by": ["sha256:arm"]},
	)
	_said([_no_commit, arm]) == {[
		"sha256:arm",
		"No usable static analysis of sha256:arm: none is attested",
	]}
}

test_it_needs_to_know_the_commit if {
	rule.needs == {"subject.commit"}
	rule.observed == {fixture.digest} with input as fixture.input_doc
	rule.observed == set() with input as {}
}
