package gatekeep.rules.supply_chain["provenance-unexpected_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.supply_chain["provenance-unexpected"] as rule

_violations(ops) := found if {
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
		with data.sboms as fixture.sboms
}

_said(ops) := {[finding.at, finding.message] | some finding in _violations(ops)}

_prov := fixture.statement("prov")

_claim(name) := sprintf("/attestations/items/%s/claims/%s", [_prov, name])

_message(differences) := sprintf(
	"Provenance of %s (linux/amd64) does not meet the expectations of service payments: %s",
	[fixture.digest, differences],
)

_differs(differences) := {[
	fixture.digest,
	_message(sprintf("%s differs in %s", [_prov, differences])),
]}

_none := {["payments", "No expectation registered for service payments"]}

_without_org(field) := {[finding.at, finding.message] | some finding in found} if {
	found := rule.violations with input as fixture.input_doc
		with data.gatekeep.org as json.patch(fixture.org, [fixture.remove(field)])
}

test_provenance_as_expected_passes if _violations([]) == set()

test_another_builder_fails if {
	_violations([fixture.replace(_claim("builder_id"), "https://evil.example")]) == {{
		"rule": "supply_chain/provenance-unexpected",
		"message": _message(sprintf("%s differs in builder https://evil.example", [_prov])),
		"at": fixture.digest,
		"severity": "block",
		"remedy": "Build from the registered repository with the registered workflow.",
	}}
}

_fields := {
	"builder_id": "builder",
	"source_uri": "source",
	"build_type": "build type",
	"source_ref": "ref",
	"source_commit": "commit",
}

test_each_field_that_differs_is_named if {
	every field, name in _fields {
		_said([fixture.replace(_claim(field), "x")]) == _differs(sprintf("%s x", [name]))
	}
}

test_each_field_that_is_null_is_named if {
	every field, name in _fields {
		_said([fixture.replace(_claim(field), null)]) == _differs(sprintf("%s null", [name]))
	}
}

test_each_field_that_is_missing_is_named if {
	every field, name in _fields {
		_said([fixture.remove(_claim(field))]) == _differs(sprintf("%s (missing)", [name]))
	}
}

test_all_that_differs_is_named if {
	ops := [
		fixture.replace(_claim("builder_id"), "https://evil.example"),
		fixture.replace(_claim("source_commit"), "dead"),
	]
	_said(ops) == _differs("builder https://evil.example, commit dead")
}

test_provenance_without_claims_fails if {
	ops := [fixture.remove(sprintf("/attestations/items/%s/claims", [_prov]))]
	_said(ops) == _differs(concat(", ", [
		"build type (missing)", "builder (missing)", "commit (missing)",
		"ref (missing)", "source (missing)",
	]))
}

test_a_ref_outside_the_glob_fails if {
	_said([
		fixture.replace(_claim("source_ref"), "refs/heads/main/x"),
	]) == _differs("ref refs/heads/main/x")
}

test_another_commit_in_the_request_fails if {
	_said([fixture.replace("/subject/commit", "beef")]) == _differs("commit c0ffee")
}

test_an_empty_commit_is_no_match_for_an_empty_commit if {
	ops := [fixture.replace("/subject/commit", ""), fixture.replace(_claim("source_commit"), "")]
	_said(ops) == _differs("commit ")
}

test_one_expected_provenance_among_others_is_enough if {
	other := json.patch(fixture.base.attestations.items[_prov], [
		fixture.replace("/id", "sha256:other"),
		fixture.replace("/claims/builder_id", "https://evil.example"),
	])
	ops := [
		fixture.add("/attestations/items/sha256:other", other),
		fixture.add("/attestations/by_kind/provenance/-", "sha256:other"),
	]
	_violations(ops) == set()
	both := array.concat(ops, [fixture.replace(_claim("source_ref"), "refs/heads/dev")])
	_said(both) == {[fixture.digest, _message(sprintf("%s; %s", [
		sprintf("%s differs in ref refs/heads/dev", [_prov]),
		"sha256:other differs in builder https://evil.example",
	]))]}
}

test_each_platform_needs_expected_provenance if {
	ops := [
		fixture.add("/subject/artifacts/sha256:arm", {
			"name": "payments",
			"platform": "linux/arm64",
			"covered_by": ["sha256:arm"],
		}),
		fixture.add("/attestations/items/sha256:other", object.union(
			fixture.base.attestations.items[_prov],
			{
				"id": "sha256:other",
				"subject_digests": ["sha256:arm"],
				"claims": {"source_ref": "refs/tags/v1"},
			},
		)),
		fixture.add("/attestations/by_kind/provenance/-", "sha256:other"),
	]
	_said(ops) == {["sha256:arm", concat("", [
		"Provenance of sha256:arm (linux/arm64) does not meet the expectations of service ",
		"payments: sha256:other differs in ref refs/tags/v1",
	])]}
}

test_a_service_without_expectation_fails if {
	_without_org("/expectations/payments") == _none
	_without_org("/expectations") == _none
}

test_an_unknown_service_has_no_expectation if {
	_said([fixture.remove("/service")]) == {[
		"(missing)",
		"No expectation registered for service (missing)",
	]}
	_said([fixture.replace("/service/name", "other")]) == {[
		"other",
		"No expectation registered for service other",
	]}
}

test_an_expectation_that_lacks_a_field_is_not_met if {
	fields := {
		"builders": "builder https://github.com/actions/runner/github-hosted",
		"source_uri": "source git+https://github.com/acme/payments",
		"build_types": "build type https://actions.github.io/buildtypes/workflow/v1",
		"ref_glob": "ref refs/heads/main",
	}
	every field, differences in fields {
		_without_org(sprintf("/expectations/payments/%s", [field])) == _differs(differences)
	}
}

test_it_has_nothing_to_say_only_where_no_artifact_has_provenance if {
	rule.applies == false with input as fixture.patch([
		fixture.replace("/attestations/by_kind/provenance", []),
	])
	not rule.applies == false with input as fixture.input_doc
	every path in [
		"/attestations",
		"/attestations/items",
		"/attestations/by_kind",
		"/subject/artifacts",
	] {
		not rule.applies == false with input as fixture.patch([fixture.remove(path)])
	}
}

test_it_needs_the_service_and_the_commit if {
	rule.needs == {"service.name", "subject.commit"}
	rule.observed == {fixture.digest} with input as fixture.input_doc
}
