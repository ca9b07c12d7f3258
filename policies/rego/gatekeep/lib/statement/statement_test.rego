package gatekeep.lib.statement_test

import data.gatekeep.fixture
import data.gatekeep.lib.statement

_vulns := fixture.statement("vulns")

_item(field) := sprintf("/attestations/items/%s/%s", [_vulns, field])

_index := sprintf("sha256:%s", [crypto.sha256("index")])

_ids(items) := {item.id | some item in items}

_covering(ops) := ids if {
	ids := _ids(statement.covering("vulns", fixture.digest)) with input as fixture.patch(ops)
}

_about(ops) := ids if {
	ids := _ids(statement.about("vulns", fixture.digest)) with input as fixture.patch(ops)
}

test_a_believed_statement_of_the_kind_is_found if {
	_about([]) == {_vulns}
	_covering([]) == {_vulns}
	statement.ids("vulns") == {_vulns} with input as fixture.input_doc
	statement.of_kind("nothing") == [] with input as fixture.input_doc
}

test_an_unsigned_statement_that_the_trust_policy_allows_is_believed if {
	_about([fixture.replace(_item("verification/status"), "unsigned_allowed")]) == {_vulns}
}

test_a_statement_of_any_other_status_is_not_believed if {
	every status in ["invalid_signature", "", null] {
		_about([fixture.replace(_item("verification/status"), status)]) == set()
	}
	_about([fixture.remove(_item("verification"))]) == set()
}

test_a_statement_listed_under_another_kind_does_not_change_kind if {
	_about([fixture.replace(_item("kind"), "sbom")]) == set()
}

test_a_statement_that_the_list_of_its_kind_lacks_is_not_seen if {
	_about([fixture.replace("/attestations/by_kind/vulns", [])]) == set()
	statement.ids("vulns") == set() with input as fixture.patch([fixture.remove("/attestations")])
}

test_a_statement_about_the_index_covers_its_platforms_and_is_not_about_them if {
	ops := [
		fixture.replace(_item("subject_digests"), [_index]),
		fixture.add(sprintf("/subject/artifacts/%s/covered_by/-", [fixture.digest]), _index),
	]
	_covering(ops) == {_vulns}
	_about(ops) == set()
}

test_a_statement_about_two_covering_digests_is_listed_once if {
	covered := sprintf("/subject/artifacts/%s/covered_by/-", [fixture.digest])
	ops := [
		fixture.replace(_item("subject_digests"), [_index, fixture.digest]),
		fixture.add(covered, _index),
	]
	items := statement.covering("vulns", fixture.digest) with input as fixture.patch(ops)
	count(items) == 1
}

test_a_statement_about_something_else_covers_nothing if {
	_covering([fixture.replace(_item("subject_digests"), [_index])]) == set()
	_covering([fixture.remove(_item("subject_digests"))]) == set()
}

test_artifacts_are_the_things_that_would_run if {
	statement.artifacts == {fixture.digest} with input as fixture.input_doc
	statement.artifacts == set() with input as {}
}

test_an_artifact_is_shown_with_its_platform_where_it_has_one if {
	platform := sprintf("/subject/artifacts/%s/platform", [fixture.digest])
	shown := sprintf("%s (linux/amd64)", [fixture.digest])
	statement.artifact(fixture.digest) == shown with input as fixture.input_doc
	without := fixture.patch([fixture.remove(platform)])
	statement.artifact(fixture.digest) == fixture.digest with input as without
	statement.artifact(fixture.digest) == fixture.digest with input as fixture.patch([
		fixture.replace(platform, ""),
	])
	statement.artifact("sha256:other") == "sha256:other" with input as {}
}
