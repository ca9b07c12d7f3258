package gatekeep.rules.supply_chain["vuln-blocking_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.supply_chain["vuln-blocking"] as rule

_violations(ops) := found if {
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

_said(ops) := {[finding.at, finding.message] | some finding in _violations(ops)}

_critical := {
	"id": "CVE-2026-9999",
	"severity": "critical",
	"purl": "pkg:npm/left@1.0.0",
	"first_seen": "2026-11-23T08:00:00Z",
	"attestations": [fixture.statement("vulns")],
}

_undated := object.remove(_critical, ["first_seen"])

_adding(finding) := [fixture.add("/findings/sca/CVE-2026-9999 pkg:npm~1left@1.0.0", finding)]

_with(changes) := _said(_adding(object.union(_critical, changes)))

_without(field) := _said(_adding(object.remove(_critical, [field])))

_stands(message) := {["CVE-2026-9999", message]}

_past(severity, days, since) := _stands(sprintf(
	"CVE-2026-9999 (%s) in pkg:npm/left@1.0.0 is past its limit of %s days, first seen %s",
	[severity, days, since],
))

_exploited(id) := {[id, sprintf("%s (low) in pkg:npm/left@1.0.0 is exploited in the wild", [id])]}

test_a_finding_within_its_days_passes if _violations([]) == set()

test_a_critical_finding_fails_at_once if {
	_violations(_adding(_critical)) == {{
		"rule": "supply_chain/vuln-blocking",
		"message": concat("", [
			"CVE-2026-9999 (critical) in pkg:npm/left@1.0.0 is past its limit of 0 days, ",
			"first seen 2026-11-23T08:00:00Z",
		]),
		"at": "CVE-2026-9999",
		"severity": "block",
		"remedy": "Upgrade the component, publish a signed VEX statement, or get a waiver for this id.",
	}}
}

test_a_finding_past_its_days_fails if {
	_with({"severity": "high", "first_seen": "2026-11-16T10:00:01Z"}) == set()
	_with({
		"severity": "high",
		"first_seen": "2026-11-16T10:00:00Z",
	}) == _past("high", "7", "2026-11-16T10:00:00Z")
	_with({"severity": "medium", "first_seen": "2026-10-24T10:00:01Z"}) == set()
	_with({
		"severity": "medium",
		"first_seen": "2026-10-24T10:00:00Z",
	}) == _past("medium", "30", "2026-10-24T10:00:00Z")
}

test_a_severity_without_end_never_fails if {
	_with({"severity": "low", "first_seen": "2020-01-01T00:00:00Z"}) == set()
	_said(_adding(object.union(_undated, {"severity": "negligible"}))) == set()
}

test_a_severity_that_the_table_lacks_has_no_grace if {
	_with({"severity": "unknown"}) == _past("unknown", "0", "2026-11-23T08:00:00Z")
	_with({"severity": "severe"}) == _past("severe", "0", "2026-11-23T08:00:00Z")
	_without("severity") == _past("unknown", "0", "2026-11-23T08:00:00Z")
}

test_a_finding_that_nobody_knows_the_age_of_has_no_grace if {
	undated := object.union(_undated, {"severity": "high"})
	_said(_adding(undated)) == _past("high", "7", "at an unknown time")
	_with({
		"severity": "high",
		"first_seen": "2027-01-01T00:00:00Z",
	}) == _past("high", "7", "2027-01-01T00:00:00Z")
}

test_a_missing_table_gives_no_grace if {
	found := rule.violations with input as fixture.input_doc
		with data.gatekeep.org as fixture.org
		with data.gatekeep.params.supply_chain as {}
	{finding.at | some finding in found} == {"CVE-2026-1111"}
}

test_what_is_exploited_fails_whatever_its_severity if {
	log4shell := object.union(_critical, {"id": "CVE-2021-44228", "severity": "low"})
	_said(_adding(log4shell)) == _exploited("CVE-2021-44228")
	fresh := {"severity": "high", "aliases": ["CVE-2021-44228"]}
	_with(fresh) == _stands("CVE-2026-9999 (high) in pkg:npm/left@1.0.0 is exploited in the wild")
}

test_what_is_exploited_under_an_alias_fails if {
	_said(_adding(object.union(_critical, {
		"id": "GHSA-jfh8-c2jp-5v3q",
		"severity": "low",
		"aliases": ["CVE-2021-44228"],
	}))) == _exploited("GHSA-jfh8-c2jp-5v3q")
}

test_what_a_feed_has_for_exploited_fails_whatever_its_severity if {
	low := {"severity": "low", "exploited": true}
	_with(low) == _exploited("CVE-2026-9999")
	_with(object.union(low, {"exploited": false})) == set()
	lifted := array.concat(_adding(object.union(_critical, low)), [_vex(fixture.statement("vex"))])
	_said(lifted) == set()
}

test_a_policy_may_set_aside_what_a_feed_says_and_not_the_list if {
	every setting in [{"exploited_blocks": true}, {}, {"exploited_blocks": "no"}] {
		_with_setting(setting, "CVE-2026-9999") == _exploited("CVE-2026-9999")
	}
	off := {"exploited_blocks": false}
	_with_setting(off, "CVE-2026-9999") == set()
	_with_setting(off, "CVE-2021-44228") == _exploited("CVE-2021-44228")
}

_with_setting(setting, id) := {[finding.at, finding.message] | some finding in found} if {
	changes := {"severity": "low", "exploited": true, "id": id}
	found := rule.violations with input as fixture.patch(_adding(object.union(_critical, changes)))
		with data.gatekeep.org as fixture.org
		with data.gatekeep.params.supply_chain as object.union(
			{"remediation_days": {"low": null, "medium": 30, "high": 7}},
			setting,
		)
}

test_a_finding_without_a_name_cannot_be_looked_up_and_fails if {
	tolerated := object.union(_critical, {"severity": "low"})
	_said(_adding(tolerated)) == set()
	every id in ["", null, 7] {
		count(_said(_adding(object.union(tolerated, {"id": id})))) == 1
	}
	count(_said(_adding(object.remove(tolerated, ["id"])))) == 1
}

test_missing_fields_never_help if {
	every field in ["id", "severity", "purl", "first_seen", "attestations"] {
		count(_without(field)) == 1
	}
	_said(_adding(null)) == {[
		"CVE-2026-9999 pkg:npm/left@1.0.0",
		concat("", [
			"CVE-2026-9999 pkg:npm/left@1.0.0 (unknown) in (missing) is past its limit ",
			"of 0 days, first seen at an unknown time",
		]),
	]}
}

test_one_vulnerability_in_two_components_is_named_for_each if {
	ops := array.concat(_adding(_critical), [fixture.add(
		"/findings/sca/CVE-2026-9999 pkg:npm~1right@2.0.0",
		object.union(_critical, {"purl": "pkg:npm/right@2.0.0"}),
	)])
	{at | some [at, _] in _said(ops)} == {"CVE-2026-9999"}
	count(_said(ops)) == 2
}

_vex(attestation) := fixture.add("/vex/CVE-2026-9999", [{
	"attestation": attestation,
	"products": ["pkg:npm/left@1.0.0"],
	"status": "not_affected",
	"justification": "vulnerable_code_not_in_execute_path",
	"timestamp": "2026-11-23T09:00:00Z",
}])

_noted(grounds) := {sprintf("CVE-2026-9999 in pkg:npm/left@1.0.0 is lifted by VEX %s: %s", [
	fixture.statement("vex"),
	grounds,
])}

test_a_believed_vex_statement_lifts_and_is_noted if {
	ops := array.concat(_adding(_critical), [_vex(fixture.statement("vex"))])
	_violations(ops) == set()
	noted := _noted("not_affected, vulnerable_code_not_in_execute_path")
	rule.notes == noted with input as fixture.patch(ops)
	rule.notes == set() with input as fixture.input_doc
}

test_the_note_of_a_fix_has_no_justification if {
	every justification in [[], [fixture.add("/vex/CVE-2026-9999/0/justification", "")]] {
		ops := array.flatten([
			_adding(_critical),
			_vex(fixture.statement("vex")),
			fixture.replace("/vex/CVE-2026-9999/0/status", "fixed"),
			fixture.remove("/vex/CVE-2026-9999/0/justification"),
			justification,
		])
		_violations(ops) == set()
		rule.notes == _noted("fixed") with input as fixture.patch(ops)
	}
}

test_what_lifts_a_finding_without_an_id_is_noted_by_its_place if {
	nameless := object.union(object.remove(_critical, ["id", "purl"]), {"aliases": ["CVE-2026-9999"]})
	said := fixture.replace("/vex/CVE-2026-9999/0/products", [fixture.digest])
	ops := array.flatten([_adding(nameless), _vex(fixture.statement("vex")), said])
	_violations(ops) == set()
	notes := rule.notes with input as fixture.patch(ops)
	notes == {sprintf("%s in (missing) is lifted by VEX %s: %s", [
		"CVE-2026-9999 pkg:npm/left@1.0.0",
		fixture.statement("vex"),
		"not_affected, vulnerable_code_not_in_execute_path",
	])}
}

test_a_vex_statement_that_is_not_believed_lifts_nothing if {
	ops := array.concat(_adding(_critical), [_vex(fixture.statement("prov"))])
	_said(ops) == _past("critical", "0", "2026-11-23T08:00:00Z")
}

test_it_needs_the_list_and_somebody_who_looked if {
	rule.needs == {"findings.sca"}
	rule.observed == {fixture.statement("vulns")} with input as fixture.input_doc
	rule.observed == set() with input as fixture.patch([
		fixture.replace("/attestations/by_kind/vulns", []),
	])
	elsewhere := fixture.replace(
		sprintf("/attestations/items/%s/subject_digests", [fixture.statement("vulns")]),
		["sha256:other"],
	)
	rule.observed == set() with input as fixture.patch([elsewhere])
	rule.observed == set() with input as {}
}

test_without_the_list_any_vulnerability_may_be_on_it if {
	every list in [null, ["CVE-2021-44228"], "none"] {
		found := rule.violations with input as fixture.patch(_adding(object.union(_critical, {"severity": "low"})))
			with data.gatekeep.org as {"kev": list}
		_exploited("CVE-2026-9999") - {[finding.at, finding.message] | some finding in found} == set()
	}
}
