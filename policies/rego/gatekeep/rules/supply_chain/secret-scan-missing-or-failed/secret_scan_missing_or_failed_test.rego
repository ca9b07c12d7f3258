package gatekeep.rules.supply_chain["secret-scan-missing-or-failed_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.supply_chain["secret-scan-missing-or-failed"] as rule

_violations(ops) := found if {
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

_said(ops) := {[finding.at, finding.message] | some finding in _violations(ops)}

_scan := fixture.statement("secrets")

_claims(field) := sprintf("/attestations/items/%s/claims%s", [_scan, field])

_shown := sprintf("artifact %s (linux/amd64)", [fixture.digest])

# the same thing wrong with every scope
_each(why) := {
	["source_history", _message("source_history", why)],
	["build_log", _message("build_log", why)],
	[fixture.digest, _message(_shown, why)],
}

_message(what, why) := sprintf("Secret scanning of %s is not proven: %s", [what, why])

_unscanned := _each("no believed scan covers it")

_secret := {"fingerprint": "f1", "kind": "aws_key", "location": "a.go:1", "status": "open"}

# another scan of every scope
_another(changes) := [
	fixture.add("/attestations/items/sha256:other", object.union(
		fixture.base.attestations.items[_scan],
		{"id": "sha256:other", "claims": object.union(
			{"scopes": ["source_history", "artifact", "build_log"], "findings": []},
			changes,
		)},
	)),
	fixture.replace("/attestations/by_kind/secret-scan", ["sha256:other", _scan]),
]

test_clean_scans_of_all_scopes_pass if _violations([]) == set()

test_a_scope_that_was_not_scanned_is_named if {
	_violations([fixture.replace(_claims("/scopes"), ["source_history", "artifact"])]) == {{
		"rule": "supply_chain/secret-scan-missing-or-failed",
		"message": "Secret scanning of build_log is not proven: no believed scan covers it",
		"at": "build_log",
		"severity": "block",
		"remedy": "Rotate what was found, run the scanner over the scope and attest the result.",
	}}
	_said([fixture.replace(_claims("/scopes"), ["source_history", "build_log"])]) == {[
		fixture.digest,
		_message(_shown, "no believed scan covers it"),
	]}
}

test_scopes_may_be_proven_by_different_scans if {
	ops := array.concat(
		[fixture.replace(_claims("/scopes"), ["source_history", "artifact"])],
		_another({"scopes": ["build_log"]}),
	)
	_violations(ops) == set()
}

test_without_believed_scan_no_scope_is_proven if {
	_said([fixture.replace("/attestations/by_kind/secret-scan", [])]) == _unscanned
	every field in ["kind", "verification", "claims"] {
		_said([fixture.remove(sprintf("/attestations/items/%s/%s", [_scan, field]))]) == _unscanned
	}
}

test_an_open_secret_is_named if {
	_said([
		fixture.replace(_claims("/findings"), [_secret]),
	]) == _each("not closed: aws_key f1 at a.go:1 (open)")
}

test_a_closed_secret_passes if {
	every status in ["rotated", "false_positive_confirmed"] {
		_violations([
			fixture.replace(_claims("/findings"), [object.union(_secret, {"status": status})]),
		]) == set()
	}
}

test_one_open_secret_among_closed_ones_is_named if {
	secrets := [
		object.union(_secret, {"status": "rotated"}),
		object.union(_secret, {"fingerprint": "f2"}),
	]
	_said([
		fixture.replace(_claims("/findings"), secrets),
	]) == _each("not closed: aws_key f2 at a.go:1 (open)")
}

test_missing_fields_never_help if {
	_said([fixture.remove(_claims("/scopes"))]) == _unscanned
	unlisted := _each(sprintf("not closed: %s lists no findings", [_scan]))
	_said([fixture.remove(_claims("/findings"))]) == unlisted
	_said([fixture.replace(_claims("/findings"), null)]) == unlisted
	bare := _each("not closed: (missing) (missing) at (missing) ((missing))")
	every secret in [{}, null, "f1"] {
		_said([fixture.replace(_claims("/findings"), [secret])]) == bare
	}
}

test_a_later_scan_with_an_open_secret_speaks_against_a_clean_one if {
	open := {"findings": [_secret]}
	want := _each("not closed: aws_key f1 at a.go:1 (open)")
	_said(_another(object.union(open, {"finished_at": "2026-11-23T09:00:00Z"}))) == want
	_said(_another(object.union(open, {"finished_at": "2026-11-23T08:00:00Z"}))) == want
	_said(_another(open)) == want
}

test_a_clean_scan_after_the_secret_was_closed_passes if {
	_violations(_another({"findings": [_secret], "finished_at": "2026-11-23T07:00:00Z"})) == set()
}

test_two_clean_scans_pass if _violations(_another({})) == set()

test_a_scan_of_one_platform_does_not_speak_for_another if {
	arm := fixture.add("/subject/artifacts/sha256:arm", {
		"name": "payments",
		"platform": "linux/arm64",
		"covered_by": ["sha256:arm"],
	})
	_said([arm]) == {[
		"sha256:arm",
		_message("artifact sha256:arm (linux/arm64)", "no believed scan covers it"),
	]}
	subjects := sprintf("/attestations/items/%s/subject_digests/-", [_scan])
	_violations([arm, fixture.add(subjects, "sha256:arm")]) == set()
}

test_nothing_that_would_run_is_nothing_to_look_at if {
	rule.observed == set() with input as fixture.patch([fixture.replace("/subject/artifacts", {})])
	rule.observed == {fixture.digest} with input as fixture.input_doc
}

test_no_scopes_are_not_all_scopes if {
	every scopes in [null, [], {}, "artifact"] {
		found := rule.unseen with input as fixture.input_doc
			with data.gatekeep.params.supply_chain.secret_scan_scopes as scopes
		{[finding.at, finding.message] | some finding in found} == {[
			"secret_scan_scopes",
			"No scope is configured that a secret scan must cover",
		]}
	}
	rule.unseen == set() with input as fixture.input_doc
}

_gap(why) := {["source_history", _message("source_history", sprintf("not searched: %s: %s", [_scan, why]))]}

test_the_history_of_another_commit_is_not_that_of_this_one if {
	want := _gap("it is of another commit")
	_said([fixture.replace(_claims("/to_commit"), "beef")]) == want
	_said([fixture.replace(_claims("/to_commit"), "")]) == want
	_said([fixture.remove(_claims("/to_commit"))]) == want
}

test_a_shallow_clone_is_not_the_history if {
	want := _gap("it is of a shallow clone")
	every shallow in [true, null, "false"] {
		_said([fixture.replace(_claims("/shallow"), shallow)]) == want
	}
	_said([fixture.remove(_claims("/shallow"))]) == want
}

test_what_a_shallow_scan_found_is_open_all_the_same if {
	secret := {"findings": [_secret], "shallow": true, "to_commit": "beef"}
	count(_said(_another(object.union(secret, {"finished_at": "2026-11-23T09:00:00Z"})))) == 3
	_violations(_another(object.union(secret, {"finished_at": "2026-11-23T07:00:00Z"}))) == set()
}

test_without_a_commit_the_history_is_that_of_the_artifact if {
	nowhere := fixture.replace("/subject/commit", "")
	_violations([nowhere]) == set()
	subjects := sprintf("/attestations/items/%s/subject_digests", [_scan])
	["source_history", _message("source_history", sprintf("not searched: %s: %s", [_scan, "it is of another commit"]))] in _said([nowhere, fixture.replace(subjects, ["sha256:other"])])
}
