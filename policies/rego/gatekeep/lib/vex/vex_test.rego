package gatekeep.lib.vex_test

import data.gatekeep.fixture
import data.gatekeep.lib.vex

_id := fixture.statement("vex")

_purl := "pkg:deb/debian/left@1.0.0?arch=amd64"

_finding := {
	"id": "CVE-2026-9999",
	"aliases": ["GHSA-xxxx"],
	"purl": _purl,
	"attestations": [fixture.statement("vulns")],
}

_good := {
	"attestation": _id,
	"products": [_purl],
	"status": "not_affected",
	"justification": "vulnerable_code_not_in_execute_path",
	"timestamp": "2026-11-22T09:00:00Z",
}

_with(changes) := object.union(_good, changes)

_doc(statements) := fixture.patch([fixture.add("/vex/CVE-2026-9999", statements)])

_lifting(statements) := ids if ids := vex.lifting(_finding) with input as _doc(statements)

_lifted(statements) if _lifting(statements) == {_id}

_stands(statements) if _lifting(statements) == set()

test_a_believed_statement_about_the_component_lifts if {
	_lifted([_good])
	_lifted([object.remove(_with({"status": "fixed"}), ["justification"])])
}

test_a_finding_without_statements_stands if {
	_stands([])
	vex.lifting(_finding) == set() with input as {}
	vex.lifting({}) == set() with input as _doc([_good])
	vex.lifting(null) == set() with input as _doc([_good])
}

test_a_statement_under_an_alias_counts if {
	vex.lifting(_finding) == {_id} with input as fixture.patch([
		fixture.add("/vex/GHSA-xxxx", [_good]),
	])
	vex.lifting(_finding) == set() with input as fixture.patch([
		fixture.add("/vex/CVE-2026-1", [_good]),
	])
}

test_only_a_believed_vex_document_lifts if {
	_stands([_with({"attestation": fixture.statement("prov")})])
	_stands([_with({"attestation": "sha256:gone"})])
	_stands([object.remove(_good, ["attestation"])])
}

test_another_status_does_not_lift if {
	every status in ["affected", "under_investigation", "", null] {
		_stands([_with({"status": status})])
	}
	_stands([object.remove(_good, ["status"])])
}

test_not_affected_needs_an_accepted_justification if {
	_stands([_with({"justification": "we_are_sure"})])
	_stands([object.remove(_good, ["justification"])])
}

test_the_product_must_be_the_component if {
	_lifted([_with({"products": ["pkg:deb/debian/left@1.0.0"]})])
	_stands([_with({"products": ["pkg:deb/debian/left@1.0.0?arch=arm64"]})])
	_stands([_with({"products": ["pkg:deb/debian/left@1.0.1"]})])
	_stands([_with({"products": []})])
	_stands([object.remove(_good, ["products"])])
}

test_a_digest_lifts_where_it_covers_every_artifact_that_the_finding_is_in if {
	_lifted([_with({"products": [fixture.digest]})])
	_stands([_with({"products": [fixture.sbom_ref]})])
	unscanned := object.union(_finding, {"attestations": ["sha256:gone"]})
	vex.lifting(unscanned) == set() with input as _doc([_with({"products": [fixture.digest]})])
	nowhere := object.union(_finding, {"attestations": []})
	vex.lifting(nowhere) == set() with input as _doc([_with({"products": [fixture.digest]})])
}

test_a_digest_of_one_platform_does_not_lift_what_is_in_two if {
	arm := sprintf("sha256:%s", [crypto.sha256("arm64")])
	index := sprintf("sha256:%s", [crypto.sha256("index")])
	ops := [
		fixture.add(
			sprintf("/subject/artifacts/%s", [arm]),
			{"name": "a", "platform": "linux/arm64", "covered_by": [arm, index]},
		),
		fixture.add(sprintf("/subject/artifacts/%s/covered_by/-", [fixture.digest]), index),
		fixture.add(
			sprintf("/attestations/items/%s/subject_digests/-", [fixture.statement("vulns")]),
			arm,
		),
	]
	lifted := {product |
		some product in [fixture.digest, arm, index]
		said := fixture.add("/vex/CVE-2026-9999", [_with({"products": [product]})])
		ids := vex.lifting(_finding) with input as fixture.patch(array.concat(ops, [said]))
		count(ids) > 0
	}
	lifted == {index}
}

test_the_newest_statement_decides if {
	later := {"timestamp": "2026-11-22T10:00:00Z"}
	_stands([_good, _with(object.union(later, {"status": "affected"}))])
	_lifted([_with({"status": "affected"}), _with(later)])
}

test_of_equally_new_statements_the_worst_decides if {
	_stands([_good, _with({"status": "under_investigation"})])
	_stands([_good, _with({"justification": "we_are_sure"})])
}

test_statements_dated_ahead_are_ignored if {
	ahead := {"timestamp": "2026-11-23T10:00:01Z"}
	_stands([_with(ahead)])
	_lifted([_good, _with(object.union(ahead, {"status": "affected"}))])
}

test_a_statement_of_unreadable_date_lifts_nothing_and_still_speaks_against if {
	every time in ["", "some day", null] {
		_stands([_with({"timestamp": time})])
		_stands([_good, _with({"timestamp": time, "status": "affected"})])
	}
}

test_a_statement_about_another_product_does_not_speak_against if {
	_lifted([_good, _with({"status": "affected", "products": ["pkg:deb/debian/right@2"]})])
	_lifted([_good, _with({"status": "affected", "products": [fixture.sbom_ref]})])
}

test_a_statement_that_may_be_about_the_component_speaks_against if {
	_stands([
		_good,
		_with({"status": "affected", "products": ["pkg:deb/debian/left@1.0.0?arch=arm64"]}),
	])
	_stands([_good, _with({"status": "affected", "products": [fixture.digest]})])
	_stands([_good, _with({"status": "affected", "products": []})])
	_stands([_good, _with({"status": "affected", "products": [""]})])
}

test_qualifiers_and_subpath_are_set_aside if {
	vex.without_qualifiers("pkg:npm/left@1.0.0?a=b#c") == "pkg:npm/left@1.0.0"
	vex.without_qualifiers("pkg:npm/left@1.0.0#c?d") == "pkg:npm/left@1.0.0"
	vex.without_qualifiers("pkg:npm/left@1.0.0") == "pkg:npm/left@1.0.0"
}
