package gatekeep.rules.supply_chain["sast-blocking_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.supply_chain["sast-blocking"] as rule

_violations(ops) := found if {
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

_said(ops) := {[finding.at, finding.message] | some finding in _violations(ops)}

_flaw := {
	"rule": "go/sql-injection",
	"severity": "high",
	"location": "db.go:12",
	"baseline_state": "new",
	"first_seen": "2026-11-20T10:00:00Z",
	"attestation": fixture.statement("sast"),
}

_with(changes) := _said([fixture.add("/findings/sast/f1", object.union(_flaw, changes))])

_without(fields) := _said([fixture.add("/findings/sast/f1", object.remove(_old, fields))])

# a flaw that would be tolerated, being known for three days of fourteen
_old := object.union(_flaw, {"baseline_state": "unchanged"})

_stands(severity, state, since) := {["f1", sprintf(
	"go/sql-injection (%s) at db.go:12, %s, first seen %s",
	[severity, state, since],
)]}

_then := "2026-11-20T10:00:00Z"

_new := _stands("high", "new", _then)

test_no_flaws_pass if _violations([]) == set()

test_a_new_flaw_of_a_blocking_severity_fails if {
	_violations([fixture.add("/findings/sast/f1", _flaw)]) == {{
		"rule": "supply_chain/sast-blocking",
		"message": "go/sql-injection (high) at db.go:12, new, first seen 2026-11-20T10:00:00Z",
		"at": "f1",
		"severity": "block",
		"remedy": "Fix the code, or get a waiver for this fingerprint.",
	}}
	_with({"baseline_state": "updated"}) == _stands("high", "updated", _then)
}

test_a_flaw_of_another_severity_passes if {
	every severity in ["medium", "low"] {
		_with({"severity": severity}) == set()
	}
}

test_a_flaw_of_unknown_severity_could_be_the_worst if {
	_with({"severity": "unknown"}) == _stands("unknown", "new", _then)
	_without(["severity"]) == _stands("(missing)", "unchanged", _then)
}

test_a_flaw_that_is_gone_passes if _with({"baseline_state": "absent"}) == set()

test_a_known_flaw_passes_within_its_days if {
	_with({"baseline_state": "unchanged", "first_seen": "2026-11-09T10:00:01Z"}) == set()
	_with({
		"baseline_state": "unchanged",
		"first_seen": "2026-11-09T10:00:00Z",
	}) == _stands("high", "unchanged", "2026-11-09T10:00:00Z")
	critical := {"baseline_state": "unchanged", "severity": "critical"}
	_with(critical) == _stands("critical", "unchanged", _then)
}

test_a_severity_without_end_is_tolerated_where_known if {
	ops := [fixture.add("/findings/sast/f1", _old)]
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.params.supply_chain.sast_grace_days as {"high": null}
	found == set()
}

test_only_a_suppression_kept_outside_the_code_counts if {
	_with({"suppression": "external"}) == set()
	every kind in ["in_source", "inSource", "accepted", "", null] {
		_with({"suppression": kind}) == _new
	}
}

test_missing_fields_never_help if {
	_with({"baseline_state": "unchanged"}) == set()
	_without(["baseline_state"]) == _stands("high", "(missing)", _then)
	_without(["first_seen"]) == _stands("high", "unchanged", "at an unknown time")
	_said([fixture.add("/findings/sast/f1", null)]) == {[
		"f1",
		"(missing) ((missing)) at (missing), (missing), first seen at an unknown time",
	]}
}

test_missing_parameters_tolerate_nothing if {
	ops := [fixture.add("/findings/sast/f1", object.union(_old, {"severity": "low"}))]
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.params.supply_chain as {}
	{finding.at | some finding in found} == {"f1"}
}

test_it_needs_the_list_and_somebody_who_looked if {
	rule.needs == {"findings.sast"}
	rule.observed == {fixture.statement("sast")} with input as fixture.input_doc
	rule.observed == set() with input as {}
}
