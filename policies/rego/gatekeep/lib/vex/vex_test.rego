package gatekeep.lib.vex_test

import data.gatekeep.fixture
import data.gatekeep.lib.vex

_id := fixture.statement("vex")

_purl := "pkg:deb/debian/left@1.0.0?arch=amd64"

_finding := {
	"id": "CVE-2026-9999",
	"aliases": ["GHSA-xxxx-xxxx-xxxx"],
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
		fixture.add("/vex/GHSA-xxxx-xxxx-xxxx", [_good]),
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

_product_lifts(product) if _lifted([_with({"products": [product]})])

_product_stands(product) if _stands([_with({"products": [product]})])

test_the_product_must_be_the_component if {
	_product_lifts("pkg:deb/debian/left@1.0.0")
	_product_lifts(_purl)
	_product_stands("pkg:deb/debian/left@1.0.1")
	_product_stands("pkg:deb/debian/leftpad@1.0.0")
	_product_stands("pkg:deb/ubuntu/left@1.0.0")
	_product_stands("pkg:deb/debian/left@1.0.0/more")
	_product_stands("left@1.0.0")
	_product_stands("")
	_stands([_with({"products": []})])
	_stands([object.remove(_good, ["products"])])
}

test_a_product_without_version_is_every_version_of_it if {
	_product_lifts("pkg:deb/debian/left")
	_product_lifts("pkg:deb/debian/left?arch=amd64")
	_product_stands("pkg:deb/debian")
	_product_stands("pkg:deb")
	_product_stands("pkg:")
}

test_a_component_has_what_the_product_names_and_may_have_more if {
	every qualifiers in ["?arch=amd64", "?arch=amd64&distro=12", ""] {
		_of_amd64(sprintf("pkg:deb/debian/left@1.0.0%s", [qualifiers]))
	}
	every qualifiers in ["?arch=arm64", "?arch=amd64&distro=11", "?epoch=1", "?arch=amd64#lib", "?"] {
		not _of_amd64(sprintf("pkg:deb/debian/left@1.0.0%s", [qualifiers]))
	}
}

_of_amd64(product) if {
	found := object.union(_finding, {
		"purl": "pkg:deb/debian/left@1.0.0",
		"purls": ["pkg:deb/debian/left@1.0.0?arch=amd64&distro=12"],
	})
	vex.lifting(found) == {_id} with input as _doc([_with({"products": [product]})])
}

test_what_was_found_with_several_qualifiers_needs_a_product_for_all if {
	found := object.union(_finding, {
		"purl": "pkg:deb/debian/left@1.0.0",
		"purls": ["pkg:deb/debian/left@1.0.0?arch=amd64", "pkg:deb/debian/left@1.0.0?arch=arm64"],
	})
	lifted := {product |
		some product in ["pkg:deb/debian/left@1.0.0", "pkg:deb/debian/left", _purl]
		ids := vex.lifting(found) with input as _doc([_with({"products": [product]})])
		count(ids) > 0
	}
	lifted == {"pkg:deb/debian/left@1.0.0", "pkg:deb/debian/left"}
}

test_a_subpath_must_be_that_of_the_component if {
	found := object.union(_finding, {"purl": "pkg:golang/a/b@1.0.0#cmd/x"})
	lifted := {product |
		some product in [
			"pkg:golang/a/b@1.0.0#cmd/x",
			"pkg:golang/a/b@1.0.0",
			"pkg:golang/a/b@v1.0.0#cmd/y",
		]
		ids := vex.lifting(found) with input as _doc([_with({"products": [product]})])
		count(ids) > 0
	}
	lifted == {"pkg:golang/a/b@1.0.0#cmd/x", "pkg:golang/a/b@1.0.0"}
}

test_a_version_of_go_is_the_same_with_and_without_its_letter if {
	found := object.union(_finding, {"purl": "pkg:golang/a/b@v1.0.0"})
	every product in ["pkg:golang/a/b@1.0.0", "pkg:golang/a/b@v1.0.0"] {
		vex.lifting(found) == {_id} with input as _doc([_with({"products": [product]})])
	}
	vex.lifting(found) == set() with input as _doc([_with({"products": ["pkg:golang/a/b@v1.0.1"]})])
}

test_a_name_with_an_encoded_scope_is_one_name if {
	found := object.union(_finding, {"purl": "pkg:npm/%40acme/left@1.0.0"})
	every product in ["pkg:npm/%40acme/left@1.0.0", "pkg:npm/%40acme/left"] {
		vex.lifting(found) == {_id} with input as _doc([_with({"products": [product]})])
	}
	every product in ["pkg:npm/left@1.0.0", "pkg:npm/%40acme", "pkg:npm/@evil/left@1.0.0"] {
		vex.lifting(found) == set() with input as _doc([_with({"products": [product]})])
	}
}

test_a_range_lifts_nothing_and_speaks_against_what_may_lie_in_it if {
	range := {"ranges": [{"purl": "pkg:deb/debian/left", "range": "vers:deb/<2"}], "products": []}
	_stands([_with(range)])
	affected := object.union(range, {"status": "affected"})
	_stands([_good, _with(affected)])
	elsewhere := {"ranges": [{"purl": "pkg:deb/debian/right", "range": "vers:deb/<2"}]}
	_lifted([_good, _with(object.union(affected, elsewhere))])
	_stands([_good, _with(object.union(affected, {"ranges": null}))])
}

test_a_statement_that_cannot_be_taken_at_its_word_lifts_nothing if {
	void := {"status": "under_investigation", "void": "fixed, but the advisory is a draft"}
	_stands([_with(void)])
	_stands([_good, _with(void)])
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
	there := fixture.add(
		sprintf("/attestations/items/%s/subject_digests/-", [fixture.statement("vex")]),
		arm,
	)

	# VEX that is attested to one platform only says nothing of the other
	alone := fixture.add("/vex/CVE-2026-9999", [_with({"products": [index]})])
	vex.lifting(_finding) == set() with input as fixture.patch(array.concat(ops, [alone]))
	lifted := {product |
		some product in [fixture.digest, arm, index]
		said := fixture.add("/vex/CVE-2026-9999", [_with({"products": [product]})])
		ids := vex.lifting(_finding) with input as fixture.patch(array.concat(ops, [there, said]))
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

test_a_statement_about_all_versions_speaks_against if {
	_stands([_good, _with({"status": "affected", "products": ["pkg:deb/debian/left"]})])
	_lifted([_good, _with({"status": "affected", "products": ["pkg:deb/debian/left@2.0.0"]})])
}

test_parts_of_a_package_url if {
	every rest in ["?a=b@c/d#e@f", "#e?g", ""] {
		purl := sprintf("pkg:npm/a/left@1.0.0%s", [rest])
		vex.without_qualifiers(purl) == "pkg:npm/a/left@1.0.0"
		vex.name(purl) == "pkg:npm/a/left"
		vex.version(purl) == "1.0.0"
	}
	vex.name("pkg:npm/@a/left") == "pkg:npm/@a/left"
	vex.version("pkg:npm/@a/left") == ""
	vex.version("left") == ""
	vex.name("") == ""
	vex.qualifiers("pkg:npm/left@1.0.0?a=b&c=d#e") == {"a=b", "c=d"}
	vex.qualifiers("pkg:npm/left@1.0.0#e?a=b") == set()
	vex.subpath("pkg:npm/left@1.0.0?a=b#e/f") == "e/f"
	vex.subpath("pkg:npm/left@1.0.0") == ""
}

# what is newer and may be about the component speaks against it, whatever it names
test_a_newer_word_on_what_cannot_be_compared_contradicts if {
	newer := {"status": "affected", "timestamp": "2026-11-22T10:00:00Z"}
	_stands([_good, _with(object.union(newer, {"products": [""]}))])
	_stands([_good, _with(object.union(newer, {"products": ["pkg:npm/other@1", ""]}))])
	_lifted([_good, _with(object.union(newer, {"products": ["pkg:npm/other@1"]}))])
	_lifted([_good, _with({"status": "affected", "timestamp": "2026-11-22T08:00:00Z", "products": [""]})])
}

# an advisory sets its products apart from each other, and not from those of others
test_an_advisory_sets_apart_only_its_own_products if {
	tree := {"status": "affected", "products": ["product-tree"]}
	_lifted([_good, _with(tree)])
	_stands([_good, _with(object.union(tree, {"attestation": fixture.statement("prov")}))])
}

test_an_empty_purl_is_no_product if {
	vex.lifting(object.union(_finding, {"purl": ""})) == set() with input as _doc([_with({"products": [""]})])
}

# several vulnerabilities share the advisory of a distribution
test_what_is_said_of_a_shared_advisory_lifts_only_a_finding_of_that_name if {
	shared := object.union(_finding, {"aliases": ["DSA-1-1", "GO-2026-1"]})
	every id in ["DSA-1-1", "GO-2026-1"] {
		said := fixture.patch([fixture.add(concat("", ["/vex/", id]), [_good])])
		vex.lifting(shared) == set() with input as said
		vex.lifting(object.union(shared, {"id": id})) == {_id} with input as said
	}
	against := fixture.patch([
		fixture.add("/vex/CVE-2026-9999", [_good]),
		fixture.add("/vex/DSA-1-1", [_with({"status": "affected"})]),
	])
	vex.lifting(shared) == set() with input as against
}
