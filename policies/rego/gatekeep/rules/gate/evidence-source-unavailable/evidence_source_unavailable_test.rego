package gatekeep.rules.gate["evidence-source-unavailable_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.gate["evidence-source-unavailable"] as rule

_failure := {
	"source": "registry.acme.dev/payments (referrers)",
	"kind": "source_timeout",
	"detail": "no answer in 30s",
	"required": true,
}

_found(failures) := found if {
	doc := fixture.patch([fixture.replace("/evidence_errors", failures)])
	found := {[f.message, f.at] | some f in rule.unseen} with input as doc
}

_notes(failures) := found if {
	found := rule.notes with input as fixture.patch([fixture.replace("/evidence_errors", failures)])
}

_message := concat(" ", [
	"Evidence source registry.acme.dev/payments (referrers)",
	"could not be read (source_timeout): no answer in 30s",
])

test_no_failure_passes if {
	_found([]) == set()
	_notes([]) == set()
	count(rule.violations) == 0 with input as {}
}

test_a_finding_carries_the_rule if {
	rule.unseen == {{
		"rule": "gate/evidence-source-unavailable",
		"message": _message,
		"at": _failure.source,
		"severity": "block",
		"remedy": "Restore the source and try again.",
	}} with input as fixture.patch([fixture.replace("/evidence_errors", [_failure])])
}

test_only_a_source_that_is_certainly_not_needed_is_passed_over if {
	optional := object.union(_failure, {"required": false})
	_found([optional]) == set()
	_notes([optional]) == {sprintf("%s; it is not needed", [_message])}
	_found([object.remove(_failure, ["required"])]) == {[_message, _failure.source]}
	_found([object.union(_failure, {"required": null})]) == {[_message, _failure.source]}
	_notes([_failure]) == set()
}

test_each_failure_is_told if {
	other := object.union(_failure, {"source": "incidents"})
	{at | some [_, at] in _found([_failure, other])} == {"incidents", _failure.source}
}

test_an_empty_failure_is_one_too if {
	_found([{}]) == {
		["Evidence source (missing) could not be read ((missing)): (missing)", "(missing)"],
	}
}

test_the_list_of_failures_must_be_there if rule.needs == {"evidence_errors"}
