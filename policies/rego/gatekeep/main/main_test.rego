package gatekeep.main_test

import data.gatekeep.fixture
import data.gatekeep.main

# Two small rules under one made-up regime: what the router does must not depend on
# which rules exist.
_index := {
	"demo/first": {
		"title": "First",
		"severity": "block",
		"stages": ["predeploy"],
		"waivable": true,
		"evidence": [],
		"remedy": "Do it right.",
	},
	"demo/second": {
		"title": "Second",
		"severity": "warn",
		"stages": ["predeploy"],
		"waivable": false,
		"evidence": ["sbom"],
		"remedy": "Do it well.",
	},
}

_finding := {"rule": "demo/first", "message": "m", "at": "x", "severity": "block", "remedy": "Do it right."}

_regime(rules) := {"demo": {"controls": [{"id": "d-1", "rules": rules}]}}

_rules(first, second) := {"demo": {"first": first, "second": second}}

_clean := {"violations": set()}

_core := {"core": {"controls": [{"id": "c", "rules": ["demo/second"]}]}}

_doc := object.union(fixture.input_doc, {
	"regimes": ["demo"],
	"service": {"regimes": [], "data_classes": ["none"]},
	"environment": {"regimes": []},
})

_decide(doc, controls, rules) := decision if {
	decision := main.decision with input as doc
		with data.gatekeep.org as {}
		with data.gatekeep.index as _index
		with data.gatekeep.regimes as object.union(_core, controls)
		with data.gatekeep.rules as rules
}

_outcomes(decision) := {[result.rule, result.outcome] | some result in decision.results; result.regime == "demo"}

test_a_clean_rule_passes if {
	decision := _decide(_doc, _regime(["demo/first"]), _rules(_clean, _clean))
	decision.outcome == "pass"
	_outcomes(decision) == {["demo/first", "pass"]}
}

test_a_violation_fails if {
	decision := _decide(_doc, _regime(["demo/first"]), _rules({"violations": {_finding}}, _clean))
	decision.outcome == "fail"
	_outcomes(decision) == {["demo/first", "fail"]}
	every _, used in decision.effects {
		used == []
	}
}

test_a_warning_does_not_shut if {
	rules := _rules(_clean, {"violations": {object.union(_finding, {"rule": "demo/second", "severity": "warn"})}})
	decision := _decide(_doc, _regime(["demo/first", "demo/second"]), rules)
	decision.outcome == "pass"
	_outcomes(decision) == {["demo/first", "pass"], ["demo/second", "fail"]}
}

test_a_regime_nobody_declared_is_not_a_pass if {
	decision := _decide(_doc, {}, _rules(_clean, _clean))
	decision.outcome == "indeterminate"
}

test_an_unknown_regime_beside_a_good_one_keeps_the_gate_shut if {
	doc := object.union(_doc, {"regimes": ["demo", "nope"]})
	decision := _decide(doc, _regime(["demo/first"]), _rules(_clean, _clean))
	decision.outcome == "indeterminate"
}

test_a_regime_without_rules_is_not_declared if {
	decision := _decide(_doc, {"demo": {"controls": [{"id": "d-1", "rules": []}]}}, _rules(_clean, _clean))
	decision.outcome == "indeterminate"
}

test_a_rule_nobody_wrote_is_indeterminate if {
	decision := _decide(_doc, _regime(["demo/first", "demo/third"]), _rules(_clean, _clean))
	decision.outcome == "indeterminate"
	["demo/third", "indeterminate"] in _outcomes(decision)
}

test_a_rule_that_is_not_loaded_is_indeterminate if {
	decision := _decide(_doc, _regime(["demo/first"]), {"demo": {"second": _clean}})
	decision.outcome == "indeterminate"
}

test_nothing_asked_is_not_a_pass if {
	decision := _decide(object.union(_doc, {"regimes": []}), _regime(["demo/first"]), _rules(_clean, _clean))
	decision.outcome == "indeterminate"
}

test_a_stage_nobody_listed_is_not_a_pass if {
	decision := _decide(object.union(_doc, {"stage": "periodic"}), _regime(["demo/first"]), _rules(_clean, _clean))
	decision.outcome == "indeterminate"
	_outcomes(decision) == {["demo/first", "not_applicable"]}
}

test_a_rule_that_does_not_apply_says_so_and_nothing_said_is_not_a_pass if {
	rules := _rules(object.union(_clean, {"applies": false}), _clean)
	decision := _decide(_doc, _regime(["demo/first"]), rules)
	decision.outcome == "indeterminate"
	_outcomes(decision) == {["demo/first", "not_applicable"]}
}

test_a_missing_fact_is_indeterminate if {
	rules := _rules(object.union(_clean, {"needs": {"clock.now_ns", "no.such.fact"}}), _clean)
	decision := _decide(_doc, _regime(["demo/first"]), rules)
	decision.outcome == "indeterminate"
	{finding.at | some result in decision.results; some finding in result.findings} == {"no.such.fact"}
}

test_an_empty_look_is_indeterminate if {
	rules := _rules(object.union(_clean, {"observed": set()}), _clean)
	_decide(_doc, _regime(["demo/first"]), rules).outcome == "indeterminate"
	seen := _rules(object.union(_clean, {"observed": {"x"}}), _clean)
	_decide(_doc, _regime(["demo/first"]), seen).outcome == "pass"
}

test_what_a_rule_could_not_see_is_indeterminate_even_beside_no_violation if {
	rules := _rules(object.union(_clean, {"unseen": {_finding}}), _clean)
	decision := _decide(_doc, _regime(["demo/first"]), rules)
	decision.outcome == "indeterminate"
	{finding.at | some result in decision.results; some finding in result.findings} == {"x"}
}

_failing_source := object.union(_doc, {"evidence_errors": [{"source": "registry", "kind": "source_unreachable", "detail": "no answer", "required": true}]})

test_lack_of_evidence_is_not_held_against_a_request_while_a_source_failed if {
	second := {"violations": {object.union(_finding, {"rule": "demo/second"})}}
	index := json.patch(_index, [{"op": "replace", "path": "/demo~1second/severity", "value": "block"}])
	decision := main.decision with input as _failing_source
		with data.gatekeep.org as {}
		with data.gatekeep.index as index
		with data.gatekeep.regimes as object.union(_core, _regime(["demo/second"]))
		with data.gatekeep.rules as _rules(_clean, second)
	decision.outcome == "indeterminate"
	{finding.at | some result in decision.results; some finding in result.findings} == {"x"}
}

test_a_rule_without_evidence_still_fails_while_a_source_failed if {
	decision := _decide(_failing_source, _regime(["demo/first"]), _rules({"violations": {_finding}}, _clean))
	decision.outcome == "fail"
}

test_block_becomes_warn_only_where_the_date_is_certainly_ahead if {
	some_day := {
		"2026-11-23T10:00:01Z": "pass",
		"2026-11-23T10:00:00Z": "fail",
		"2026-11-22T10:00:00Z": "fail",
		"some day": "fail",
	}
	every date, want in some_day {
		index := json.patch(_index, [{"op": "add", "path": "/demo~1first/effective_on", "value": date}])
		decision := main.decision with input as _doc
			with data.gatekeep.org as {}
			with data.gatekeep.index as index
			with data.gatekeep.regimes as _regime(["demo/first", "demo/second"])
			with data.gatekeep.rules as _rules({"violations": {_finding}}, _clean)
			with data.gatekeep.regimes.core as {"controls": [{"id": "c", "rules": ["demo/second"]}]}
		decision.outcome == want
	}
}

test_a_missing_clock_softens_nothing if {
	index := json.patch(_index, [{"op": "add", "path": "/demo~1first/effective_on", "value": "2030-01-01T00:00:00Z"}])
	decision := main.decision with input as object.remove(_doc, ["clock"])
		with data.gatekeep.org as {}
		with data.gatekeep.index as index
		with data.gatekeep.regimes as _regime(["demo/first"])
		with data.gatekeep.rules as _rules({"violations": {_finding}}, _clean)
	decision.outcome == "fail"
}

test_another_schema_is_not_judged if {
	doc := object.union(_doc, {"schema": "gatekeep.dev/input/v0"})
	_decide(doc, _regime(["demo/first"]), _rules(_clean, _clean)).outcome == "indeterminate"
}

test_regimes_only_add if {
	doc := object.union(_doc, {
		"regimes": ["asked"],
		"service": {"regimes": ["of-service"], "data_classes": ["customer_pii"]},
		"environment": {"regimes": ["of-environment"]},
	})
	got := main.active with input as doc
		with data.gatekeep.org as {"baseline_regimes": ["baseline"], "regime_triggers": {"customer_pii": ["triggered"]}}
	got == {"core", "asked", "of-service", "of-environment", "baseline", "triggered"}
}

test_an_open_gate_says_what_it_uses_up if {
	decision := _decide(_doc, _regime(["demo/first"]), _rules(_clean, _clean))
	decision.effects.consume_nonces == ["an-1", "an-2", "n-1"]
	decision.effects.approvals == ["ap-1", "ap-2"]
}

test_an_emergency_that_excused_nothing_still_uses_its_grant if {
	grant := {
		"id": "g-1",
		"principal": "mallory",
		"environment": "prod-eu",
		"service": "payments",
		"incident": "INC-7",
		"covers": [],
		"not_before": "2026-11-23T09:30:00Z",
		"expires_at": "2026-11-23T10:30:00Z",
		"uses": 0,
		"max_uses": 1,
		"granted_by": "erin",
		"reason": "Checkout is down",
		"verification": {"status": "verified", "signer": "erin", "principal": "erin"},
	}
	doc := fixture.patch([
		fixture.replace("/request/emergency", true),
		fixture.replace("/request/actor", {"principal": "mallory"}),
		fixture.add("/grants/g-1", grant),
	])
	fixture.decide(doc).effects.use_grants == ["g-1"]
}
