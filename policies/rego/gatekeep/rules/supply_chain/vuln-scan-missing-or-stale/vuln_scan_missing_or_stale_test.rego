package gatekeep.rules.supply_chain["vuln-scan-missing-or-stale_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.supply_chain["vuln-scan-missing-or-stale"] as rule

_violations(ops) := found if {
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
		with data.sboms as fixture.sboms
}

_said(ops) := {[finding.at, finding.message] | some finding in _violations(ops)}

_vulns := fixture.statement("vulns")

_item(field) := sprintf("/attestations/items/%s/%s", [_vulns, field])

_message(why) := concat("", [
	sprintf("No vulnerability scan of %s (linux/amd64) finished within 24 h ", [fixture.digest]),
	"with a database no older than 48 h: ",
	why,
])

_stale(why) := {[fixture.digest, _message(sprintf("%s %s", [_vulns, why]))]}

_absent := {[fixture.digest, _message("none is attested")]}

_scan := fixture.base.attestations.items[_vulns]

_finished := "finished 2026-11-23T08:00:00Z (recent)"

_database := "has a database of 2026-11-23T05:00:00Z (recent)"

test_a_recent_scan_passes if _violations([]) == set()

test_an_artifact_without_scan_fails if {
	_violations([fixture.remove(sprintf("/attestations/items/%s", [_vulns]))]) == {{
		"rule": "supply_chain/vuln-scan-missing-or-stale",
		"message": _message("none is attested"),
		"at": fixture.digest,
		"severity": "block",
		"remedy": "Scan the artifact of each platform again with a current database.",
	}}
	_said([fixture.replace("/attestations/by_kind/vulns", [])]) == _absent
	_said([fixture.remove("/attestations")]) == _absent
}

test_a_scan_is_recent_up_to_its_last_certain_moment if {
	_violations([fixture.replace(_item("claims/scan_finished_on"), "2026-11-22T10:00:00.5Z")]) == set()
	_said([
		fixture.replace(_item("claims/scan_finished_on"), "2026-11-22T10:00:00.4Z"),
	]) == _stale(concat(", ", [
		"finished 2026-11-22T10:00:00.4Z (too old)",
		_database,
	]))
}

test_a_scan_from_the_future_fails if {
	_said([
		fixture.replace(_item("claims/scan_finished_on"), "2026-11-23T11:00:00Z"),
	]) == _stale(concat(", ", [
		"finished 2026-11-23T11:00:00Z (in the future)",
		_database,
	]))
}

test_an_old_database_fails if {
	_violations([fixture.replace(_item("claims/db_last_update"), "2026-11-21T10:00:00.5Z")]) == set()
	_said([
		fixture.replace(_item("claims/db_last_update"), "2026-11-21T10:00:00Z"),
	]) == _stale(concat(", ", [
		_finished,
		"has a database of 2026-11-21T10:00:00Z (too old)",
	]))
}

test_a_scan_that_does_not_say_how_old_its_database_is_fails if {
	want := _stale(concat(", ", [_finished, "does not say how old its database is"]))
	_said([fixture.remove(_item("claims/db_last_update"))]) == want
	_said([fixture.replace(_item("claims/db_last_update"), "")]) == want
}

test_missing_fields_never_help if {
	_said([fixture.remove(_item("claims/scan_finished_on"))]) == _stale(concat(", ", [
		"does not say when it finished",
		_database,
	]))
	_said([fixture.remove(_item("claims"))]) == _stale(concat(", ", [
		"does not say when it finished",
		"does not say how old its database is",
	]))
	_said([fixture.replace(_item("claims/scan_finished_on"), null)]) == _stale(concat(", ", [
		"finished null (unknown)",
		_database,
	]))
	every field in ["kind", "verification", "subject_digests"] {
		_said([fixture.remove(_item(field))]) == _absent
	}
}

test_a_missing_limit_makes_no_scan_recent if {
	found := rule.violations with input as fixture.input_doc
		with data.gatekeep.params.supply_chain as {}
	{finding.at | some finding in found} == {fixture.digest}
}

test_a_scan_of_the_index_is_not_a_scan_of_its_platform if {
	ops := [
		fixture.add(sprintf("/subject/artifacts/%s/covered_by/-", [fixture.digest]), "sha256:index"),
		fixture.replace(_item("subject_digests"), ["sha256:index"]),
	]
	_said(ops) == _absent
}

test_a_platform_that_was_not_scanned_is_named if {
	ops := [fixture.add("/subject/artifacts/sha256:arm", {
		"name": "payments",
		"platform": "linux/arm64",
		"covered_by": ["sha256:arm"],
	})]
	{at | some [at, _] in _said(ops)} == {"sha256:arm"}
	some [_, message] in _said(ops)
	contains(message, "sha256:arm (linux/arm64)")
}

test_one_recent_scan_among_old_ones_is_enough if {
	ops := [
		fixture.add("/attestations/items/sha256:old", json.patch(_scan, [
			fixture.replace("/id", "sha256:old"),
			fixture.replace("/claims/scan_finished_on", "2026-11-01T08:00:00Z"),
		])),
		fixture.add("/attestations/by_kind/vulns/-", "sha256:old"),
	]
	_violations(ops) == set()
}

test_nothing_that_would_run_is_nothing_to_look_at if {
	rule.observed == set() with input as fixture.patch([fixture.replace("/subject/artifacts", {})])
	rule.observed == {fixture.digest} with input as fixture.input_doc
}
