package gatekeep.rules.supply_chain["sbom-untrue_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.supply_chain["sbom-untrue"] as rule

_sbom := fixture.statement("sbom")

_true := {
	"attestation": _sbom,
	"ref": "sha256:ref",
	"generator": "gatekeep-sbom",
	"generated": "sha256:made",
	"components": 3,
	"undeclared": [],
	"undeclared_count": 0,
	"absent": [],
	"absent_count": 0,
}

_lodash := "pkg:npm/lodash@4.17.20"

_hiding := object.union(_true, {"undeclared": [_lodash], "undeclared_count": 1})

_boasting := object.union(_true, {"absent": [_lodash], "absent_count": 1})

_checked(checks) := fixture.patch([fixture.add("/sbom_checks", checks)])

_said(checks) := {[finding.at, finding.message] |
	some finding in rule.violations with input as _checked(checks)
}

_unseen(checks) := {[finding.at, finding.message] |
	some finding in rule.unseen with input as _checked(checks)
}

_strict := {"verify_sbom": true, "sbom_absent_blocks": true}

test_a_true_sbom_passes if {
	_said({fixture.digest: [_true]}) == set()
	_unseen({fixture.digest: [_true]}) == set()
}

test_a_component_left_out_is_named if {
	found := rule.violations with input as _checked({fixture.digest: [_true, _hiding]})
	found == {{
		"rule": "supply_chain/sbom-untrue",
		"message": sprintf(
			"SBOM %s of %s (linux/amd64) does not declare 1 that are in it: %s",
			[_sbom, fixture.digest, _lodash],
		),
		"at": fixture.digest,
		"severity": "block",
		"remedy": "Generate the SBOM from the built artifact, with everything in it, and attest it again.",
	}}
}

test_a_component_too_many_is_named_where_it_is_asked if {
	checks := {fixture.digest: [_boasting]}
	_said(checks) == set()
	found := {finding.message |
		some finding in rule.violations with input as _checked(checks)
			with data.gatekeep.params.supply_chain as _strict
	}
	found == {sprintf(
		"SBOM %s of %s (linux/amd64) declares 1 that are not in it: %s",
		[_sbom, fixture.digest, _lodash],
	)}
}

test_a_count_without_names_still_fails if {
	counted := object.union(_true, {"undeclared_count": 2})
	named := object.union(_true, {"undeclared": [_lodash]})
	every check in [counted, named, object.remove(_true, ["undeclared"]), object.remove(_true, ["undeclared_count"])] {
		count(_said({fixture.digest: [check]})) == 1
	}
}

test_an_artifact_that_was_not_looked_into_is_unseen if {
	every checks in [{}, {fixture.digest: []}, {"sha256:other": [_true]}] {
		_unseen(checks) == {[fixture.digest, sprintf(
			"No attested SBOM of %s (linux/amd64) was held against the artifact",
			[fixture.digest],
		)]}
	}
}

test_it_applies_where_the_gate_looked_or_must_look if {
	rule.applies == false with input as fixture.input_doc
	not _no_say with input as fixture.input_doc
	_no_say with input as _checked({})
	_no_say with input as fixture.input_doc with data.gatekeep.params.supply_chain as _strict
	_no_say with input as fixture.input_doc with data.gatekeep.params.supply_chain as {}
}

_no_say if not rule.applies == false

test_what_was_looked_into_is_observed if {
	rule.observed == {fixture.digest} with input as _checked({fixture.digest: [_true]})
	rule.needs == {"sbom_checks"}
}
