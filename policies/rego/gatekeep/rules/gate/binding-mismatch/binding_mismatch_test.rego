package gatekeep.rules.gate["binding-mismatch_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.gate["binding-mismatch"] as rule

_found(ops) := found if {
	found := {[f.message, f.at] | some f in rule.violations} with input as fixture.patch(ops)
}

_binding(ops) := binding if {
	binding := rule.binding with input as fixture.patch(ops)
}

# A request whose binding is that of its fields, whatever they are.
_bound(ops) := array.concat(ops, [fixture.replace("/request/binding", _binding(ops))])

_mismatch(given, computed) := [
	sprintf("Request binding %v does not match the recomputed %v", [given, computed]),
	given,
]

_cannot(field, why) := [sprintf("Request binding cannot hold %s: it %s", [field, why]), field]

_other := concat("", ["sha256:", crypto.sha256("other")])

_gone := "(not to be computed: a field is missing)"

test_the_binding_of_the_request_passes if _found([]) == set()

test_the_binding_is_the_digest_of_these_lines if {
	text := concat("\n", [
		"gatekeep-binding-v1", "payments", "deploy", fixture.digest, "prod-eu", "eu-central-1",
		fixture.base.request.plan, "-", "-", "-",
	])
	fixture.binding == concat("", ["sha256:", crypto.sha256(text)])
	_binding([]) == fixture.binding
}

test_a_finding_carries_the_rule if {
	[message, at] := _mismatch(_other, fixture.binding)
	rule.violations == {{
		"rule": "gate/binding-mismatch",
		"message": message,
		"at": at,
		"severity": "block",
		"remedy": "Build the request again from the final inputs.",
	}} with input as fixture.patch([fixture.replace("/request/binding", _other)])
}

test_each_field_is_bound if {
	bound := {
		"/service/name": "ledger",
		"/action/type": "promote",
		"/subject/digest": _other,
		"/environment/name": "prod-us",
		"/action/targets": ["us-east-1"],
		"/request/plan": _other,
		"/request/change": "CHG0042",
	}
	every path, value in bound {
		ops := [fixture.replace(path, value)]
		_binding(ops) != fixture.binding
		_found(ops) == {_mismatch(fixture.binding, _binding(ops))}
	}
	count({_binding([fixture.replace(path, value)]) | some path, value in bound}) == count(bound)
}

test_the_order_of_targets_does_not_matter if {
	one := [fixture.replace("/action/targets", ["eu-west-1", "eu-central-1"])]
	other := [fixture.replace("/action/targets", ["eu-central-1", "eu-west-1"])]
	_binding(one) == _binding(other)
}

test_an_empty_plan_and_change_count_as_none if {
	lines := rule.lines with input as fixture.patch([fixture.replace("/request/plan", "")])
	lines == [
		"gatekeep-binding-v1", "payments", "deploy", fixture.digest, "prod-eu", "eu-central-1",
		"-", "-", "-", "-",
	]
	_found(_bound([fixture.replace("/request/plan", "")])) == set()
	_found(_bound([
		fixture.replace("/request/change", "CHG0042"),
		fixture.replace("/action/targets", []),
	])) == set()
}

test_a_missing_field_does_not_match if {
	every path in [
		"/service/name", "/action/type", "/subject/digest", "/environment/name", "/action/targets",
		"/request/plan", "/request/change",
	] {
		_found([fixture.remove(path)]) == {_mismatch(fixture.binding, _gone)}
	}
	_found([fixture.remove("/request/binding")]) == {_mismatch("(missing)", fixture.binding)}
	_found([fixture.remove("/request")]) == {_mismatch("(missing)", _gone)}
}

test_a_missing_field_and_a_missing_binding_do_not_match_each_other if {
	_found([fixture.remove("/request/binding"), fixture.remove("/service/name")]) == {
		_mismatch("(missing)", _gone),
	}
}

test_a_field_with_a_line_break_could_pass_for_two if {
	every field, path in {
		"service.name": "/service/name",
		"action.type": "/action/type",
		"subject.digest": "/subject/digest",
		"environment.name": "/environment/name",
		"request.plan": "/request/plan",
		"request.change": "/request/change",
	} {
		every value in ["a\nb", "a\rb", "a\n"] {
			_found(_bound([fixture.replace(path, value)])) == {_cannot(field, "has a line break")}
		}
	}
}

test_targets_that_could_pass_for_others_are_refused if {
	want := {
		"a\nb": "has a line break",
		"a,b": "has a comma in a name",
		"": "has an empty name",
	}
	every target, why in want {
		_found(_bound([fixture.replace("/action/targets", ["eu-central-1", target])])) == {
			_cannot("action.targets", why),
		}
	}
}

test_it_needs_every_field_that_is_bound if {
	rule.needs == {
		"service.name", "action.type", "action.targets", "subject.digest", "environment.name",
		"request.plan", "request.change",
	}
}
