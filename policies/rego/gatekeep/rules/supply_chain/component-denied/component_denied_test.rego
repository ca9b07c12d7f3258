package gatekeep.rules.supply_chain["component-denied_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.supply_chain["component-denied"] as rule

_violations(ops) := found if {
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
		with data.sboms as fixture.sboms
}

_denied := "pkg:npm/event-stream@3.3.6"

_ref := fixture.sbom_ref

_holding(name) := {_ref: {"by_purl": {_denied: name}}}

_found(sboms) := found if {
	found := rule.violations with input as fixture.input_doc
		with data.gatekeep.org as fixture.org
		with data.sboms as sboms
}

test_no_denied_component_passes if _violations([]) == set()

test_a_denied_component_is_named if {
	_found(_holding("event-stream")) == {{
		"rule": "supply_chain/component-denied",
		"message": sprintf(
			"Component %s of %s (linux/amd64) is denied: malicious release",
			[_denied, fixture.digest],
		),
		"at": _denied,
		"severity": "block",
		"remedy": "Remove the component or replace it.",
	}}
}

test_a_denied_component_without_a_name_is_found if {
	every name in [false, null, ""] {
		count(_found(_holding(name))) == 1
	}
}

test_a_denied_component_in_the_second_sbom_of_a_platform_is_found if {
	doc := fixture.patch([
		fixture.add("/subject/artifacts/sha256:arm", {
			"name": "payments",
			"platform": "linux/arm64",
			"covered_by": ["sha256:arm"],
		}),
		fixture.add("/sboms/sha256:arm", [{"ref": _ref}, {"ref": "sha256:second"}]),
	])
	found := rule.violations with input as doc
		with data.gatekeep.org as fixture.org
		with data.sboms as object.union(fixture.sboms, {"sha256:second": {"by_purl": {_denied: "x"}}})
	{finding.message | some finding in found} == {
		sprintf("Component %s of sha256:arm (linux/arm64) is denied: malicious release", [_denied]),
	}
}

test_another_version_is_not_denied if {
	_found({_ref: {"by_purl": {"pkg:npm/event-stream@4.0.0": "event-stream"}}}) == set()
}

test_sboms_that_are_not_loaded_are_not_looked_into if {
	rule.observed == set() with input as fixture.input_doc with data.sboms as {}
	rule.observed == set() with input as fixture.patch([
		fixture.replace("/sboms", {}),
	])
		with data.sboms as fixture.sboms
	rule.observed == set() with input as fixture.patch([fixture.remove("/sboms")])
		with data.sboms as fixture.sboms
	rule.observed == {_ref} with input as fixture.input_doc with data.sboms as fixture.sboms
}

_unseen(ops) := {[finding.at, finding.message] | some finding in found} if {
	found := rule.unseen with input as fixture.patch(ops) with data.sboms as fixture.sboms
}

test_an_sbom_that_is_not_loaded_beside_a_loaded_one_is_not_passed_over if {
	more := sprintf("/sboms/%s/-", [fixture.digest])
	_unseen([]) == set()
	_unseen([fixture.add(more, {"ref": "sha256:gone"})]) == {[
		fixture.digest,
		sprintf("SBOM sha256:gone of %s (linux/amd64) is not loaded", [fixture.digest]),
	]}
	_unseen([fixture.add(more, {})]) == {[
		fixture.digest,
		sprintf("SBOM (missing) of %s (linux/amd64) is not loaded", [fixture.digest]),
	]}
}

test_a_list_that_cannot_be_read_hides_what_is_denied if {
	every list in [null, [_denied], ""] {
		found := rule.unseen with input as fixture.input_doc
			with data.sboms as fixture.sboms
			with data.gatekeep.org as {"denied_components": list}
		{finding.message | some finding in found} == {"The list of denied components cannot be read"}
	}
	count(rule.unseen) == 1 with input as fixture.input_doc
		with data.sboms as fixture.sboms
		with data.gatekeep.org as {}
}

_hidden(sboms, org) := found if {
	found := rule.unseen with input as fixture.input_doc
		with data.gatekeep.org as org
		with data.sboms as sboms
}

_unnamed(name, versions) := {_ref: {"by_purl": {}, "unidentified_by_name": {name: versions}}}

# a component that nobody can name may be the denied one
test_a_component_of_the_denied_name_without_purl_cannot_be_judged if {
	count(_hidden(_unnamed("event-stream", ["3.3.6"]), fixture.org)) == 1
	count(_hidden(_unnamed("event-stream", ["1.0.0", ""]), fixture.org)) == 1
	_hidden(_unnamed("event-stream", ["1.0.0"]), fixture.org) == set()
	_hidden(_unnamed("event", ["3.3.6"]), fixture.org) == set()
	_hidden({_ref: {"by_purl": {}}}, fixture.org) == set()
}

test_namespaces_are_part_of_the_name if {
	scoped := object.union(fixture.org, {"denied_components": {"pkg:npm/%40babel/core@7.0.0": "x"}})
	grouped := object.union(fixture.org, {"denied_components": {"pkg:maven/org.apache/log4j@2.14.1": "x"}})
	every name in ["core", "@babel/core"] {
		count(_hidden(_unnamed(name, ["7.0.0"]), scoped)) == 1
	}
	every name in ["log4j", "org-apache/log4j", "org-apache:log4j"] {
		count(_hidden(_unnamed(name, ["2.14.1"]), grouped)) == 1
	}
}

_denying(purl) := object.union(fixture.org, {"denied_components": {purl: "x"}})

# the same name and version in the spellings that generators have for them
test_spellings_of_an_unnamed_component_are_one if {
	every purl, found in {
		"pkg:golang/github.com/docker/docker@v20.10.1+incompatible": {"docker": "v20.10.1+incompatible"},
		"pkg:golang/github.com/docker/docker@v20.10.1%2Bincompatible": {"github-com/docker/docker": "20.10.1+incompatible"},
		"pkg:deb/debian/g++@4:12.2.0+dfsg": {"g++": "4:12.2.0+dfsg"},
		"pkg:pypi/foo-bar@1.0": {"foo-bar": " 1.0 "},
		"pkg:generic/foo@1.0/2": {"foo": "1.0/2"},
		"pkg:npm/@babel/core@7.0.0": {"@babel/core": "V7.0.0"},
	} {
		some name, version in found
		count(_hidden(_unnamed(name, [version]), _denying(purl))) == 1
		_hidden(_unnamed(name, ["9.9"]), _denying(purl)) == set()
	}
}

test_a_version_that_is_not_told_may_be_any if {
	every version in ["", "NOASSERTION", "UNKNOWN", "(devel)"] {
		count(_hidden(_unnamed("event-stream", [version]), fixture.org)) == 1
	}
}
