package gatekeep.rules.supply_chain["sbom-missing_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.supply_chain["sbom-missing"] as rule

_violations(ops) := found if {
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
		with data.sboms as fixture.sboms
}

_said(ops) := {[finding.at, finding.message] | some finding in _violations(ops)}

_sbom := fixture.statement("sbom")

_entry(field) := sprintf("/sboms/%s/0/%s", [fixture.digest, field])

_message(why) := sprintf("No usable SBOM of %s (linux/amd64): %s", [fixture.digest, why])

_unusable(why) := {[fixture.digest, _message(sprintf("%s: %s", [_sbom, why]))]}

_unloaded := "document not loaded, loaded document is not the attested one"

_unattested := "loaded document is not the attested one, not attested for this digest"

_absent := {[fixture.digest, _message("none is attested")]}

test_an_attested_loaded_sbom_passes if _violations([]) == set()

test_an_artifact_without_sbom_fails if {
	_violations([fixture.replace("/sboms", {})]) == {{
		"rule": "supply_chain/sbom-missing",
		"message": _message("none is attested"),
		"at": fixture.digest,
		"severity": "block",
		"remedy": "Generate the SBOM from the built artifact of each platform and attest it.",
	}}
	_said([fixture.replace(sprintf("/sboms/%s", [fixture.digest]), [])]) == _absent
	_said([fixture.remove("/sboms")]) == _absent
}

test_an_sbom_attested_for_another_digest_fails if {
	item := sprintf("/attestations/items/%s", [_sbom])
	want := _unusable("not attested for this digest")
	_said([fixture.replace(sprintf("%s/subject_digests", [item]), ["sha256:other"])]) == want
	_said([fixture.replace(sprintf("%s/kind", [item]), "vex")]) == want
	_said([fixture.replace(sprintf("%s/verification/status", [item]), "unverified")]) == want
}

test_an_sbom_of_the_index_does_not_describe_a_platform if {
	ops := [
		fixture.add(sprintf("/subject/artifacts/%s/covered_by/-", [fixture.digest]), "sha256:index"),
		fixture.replace(sprintf("/attestations/items/%s/subject_digests", [_sbom]), ["sha256:index"]),
	]
	_said(ops) == _unusable("not attested for this digest")
}

test_another_document_than_the_attested_one_fails if {
	ops := [
		fixture.replace(sprintf("/attestations/items/%s/claims/content_digest", [_sbom]), "sha256:other"),
	]
	_said(ops) == _unusable("loaded document is not the attested one")
}

test_a_document_that_is_not_loaded_fails if {
	found := rule.violations with input as fixture.input_doc with data.sboms as {}
	{finding.message | some finding in found} == {
		_message(sprintf("%s: document not loaded", [_sbom])),
	}
}

test_too_few_components_fail if {
	every count in [0, "812", null] {
		_said([fixture.replace(_entry("component_count"), count)]) == _unusable("too few components")
	}
	_violations([fixture.replace(_entry("component_count"), 1)]) == set()
}

test_missing_fields_never_help if {
	_said([fixture.remove(_entry("component_count"))]) == _unusable("too few components")
	_said([fixture.remove(_entry("ref"))]) == _unusable(_unloaded)
	_said([fixture.remove(_entry("attestation"))]) == {[fixture.digest, _message(concat(", ", [
		"(missing): loaded document is not the attested one",
		"not attested for this digest",
	]))]}
	_said([
		fixture.remove(sprintf("/attestations/items/%s/claims", [_sbom])),
	]) == _unusable("loaded document is not the attested one")
	_said([fixture.remove(sprintf("/attestations/items/%s", [_sbom]))]) == _unusable(_unattested)
}

test_a_platform_without_its_own_sbom_is_named if {
	ops := [fixture.add("/subject/artifacts/sha256:arm", {
		"name": "payments",
		"platform": "linux/arm64",
		"covered_by": ["sha256:arm"],
	})]
	_said(ops) == {["sha256:arm", "No usable SBOM of sha256:arm (linux/arm64): none is attested"]}
}

test_one_usable_sbom_among_several_is_enough if {
	broken := {"attestation": "sha256:gone", "ref": "sha256:gone", "component_count": 5}
	_violations([fixture.add(sprintf("/sboms/%s/-", [fixture.digest]), broken)]) == set()
}

test_nothing_that_would_run_is_nothing_to_look_at if {
	rule.observed == set() with input as fixture.patch([fixture.replace("/subject/artifacts", {})])
	rule.observed == {fixture.digest} with input as fixture.input_doc
}
