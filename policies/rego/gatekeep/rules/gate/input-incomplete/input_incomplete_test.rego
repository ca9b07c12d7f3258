package gatekeep.rules.gate["input-incomplete_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.gate["input-incomplete"] as rule

_found(doc) := found if {
	found := {[f.message, f.at] | some f in rule.unseen} with input as doc
}

_says(path, want) := [
	sprintf("Input field %s is missing, has the wrong type or was truncated (%s)", [path, want]),
	path,
]

_required := data.gatekeep.params.gate.required_input.predeploy

_paths(doc) := {found[1] | some found in _found(doc)}

test_a_complete_input_passes if {
	_found(fixture.input_doc) == set()
	count(rule.violations) == 0 with input as {}
}

test_every_stage_is_known if {
	every stage in ["build", "plan", "predeploy", "admission", "postdeploy", "periodic"] {
		_found(fixture.patch([fixture.replace("/stage", stage)])) == set()
	}
}

test_a_finding_carries_the_rule if {
	[message, at] := _says("service/name", "want string")
	rule.unseen == {{
		"rule": "gate/input-incomplete",
		"message": message,
		"at": at,
		"severity": "block",
		"remedy": "Fix what gathers the facts; a missing one is never guessed.",
	}} with input as fixture.patch([fixture.remove("/service/name")])
}

# No required fact lies below another, so one look finds whatever is wrong with any.
_wants := {_says(path, sprintf("want %s", [type])) | some path, type in _required}

_all(ops) := _found(json.patch(fixture.input_doc, ops))

test_each_required_fact_is_missed if {
	missed := _all([fixture.remove(sprintf("/%s", [path])) | some path, _ in _required])
	_wants - missed == set()
}

test_one_missing_fact_does_not_hide_behind_the_others if {
	every path in ["clock/now_ns", "clock/uncertainty_ns", "gate/state_declared", "waivers", "identities"] {
		_says(path, sprintf("want %s", [_required[path]])) in _all([fixture.remove(sprintf("/%s", [path]))])
	}
}

test_null_is_not_there if {
	found := _all([fixture.replace(sprintf("/%s", [path]), null) | some path, _ in _required])
	_wants - found == set()
}

_of_another_type := {"string": 1, "number": "1", "boolean": "true", "array": "a", "object": ["a"]}

test_another_type_is_not_there if {
	found := _all([fixture.replace(sprintf("/%s", [path]), _of_another_type[type]) |
		some path, type in _required
	])
	_wants - found == set()
}

test_an_empty_text_is_not_there if {
	_found(fixture.patch([fixture.replace("/request/binding", "")])) == {
		_says("request/binding", "want string"),
	}
}

test_no_classes_of_data_and_nothing_to_run_are_not_a_statement if {
	_found(fixture.patch([fixture.replace("/service/data_classes", [])])) == {_says(
		"service/data_classes",
		"want one entry or more",
	)}
	_found(fixture.patch([fixture.replace("/subject/artifacts", {})])) == {_says(
		"subject/artifacts",
		"want one entry or more",
	)}
}

test_a_class_without_a_name_is_no_statement if {
	every class in ["", null, 1] {
		_found(fixture.patch([fixture.add("/service/data_classes/0", class)])) == {_says(
			"service/data_classes",
			"want names",
		)}
	}
}

_array(path) := {_says(path, "want the array of the policy")}

_object(path) := {_says(path, "want the object of the policy")}

test_an_overlay_does_not_end_the_counting if {
	uncounted := object.union(fixture.base, {"completeness": {}})
	every list in [null, [], "approvals", {}] {
		found := _found(uncounted) with data.gatekeep.params.gate.counted_input as list
		found == _array("params/gate/counted_input")
	}
}

test_an_overlay_does_not_end_the_asking if {
	every table in [null, {}, []] {
		found := _found(fixture.input_doc) with data.gatekeep.params.gate.required_input.predeploy as table
		found == _object("params/gate/required_input")
	}
	every table in [null, []] {
		found := _found(fixture.input_doc) with data.gatekeep.params.gate.required_input as table
		found == _object("params/gate/required_input") | {_says("stage", "want one of none")}
	}
}

test_an_overlay_does_not_lose_the_regimes if {
	every list in [null, "rbac", {}] {
		found := _found(fixture.input_doc) with data.gatekeep.org.baseline_regimes as list
		found == _array("org/baseline_regimes")
	}
	every table in [null, []] {
		found := _found(fixture.input_doc) with data.gatekeep.org.regime_triggers as table
		found == _object("org/regime_triggers")
	}
	every list in [null, "gdpr", {}] {
		found := _found(fixture.input_doc) with data.gatekeep.org.regime_triggers.ephi as list
		found == _array("org/regime_triggers/ephi")
	}
}

_stages := "want one of admission, build, periodic, plan, postdeploy, predeploy"

test_an_unknown_stage_is_a_finding if {
	_found(fixture.patch([fixture.replace("/stage", "prod-ish")])) == {_says("stage", _stages)}
	_found(fixture.patch([fixture.remove("/stage")])) == {_says("stage", _stages)}
}

_counts := fixture.input_doc.completeness

test_every_counted_list_is_counted_in_the_fixture if {
	object.keys(_counts) == {path | some path in data.gatekeep.params.gate.counted_input}
}

test_a_truncated_list_is_seen if {
	_all([fixture.replace(_count(path), told + 1) | some path, told in _counts]) == {said |
		some path, told in _counts
		said := _says(path, sprintf("want %v entries, as completeness tells", [told + 1]))
	}
	_all([fixture.replace(_count("vex"), 1)]) == {_says(
		"vex",
		"want 1 entries, as completeness tells",
	)}
}

test_a_list_that_nobody_counted_is_not_complete if {
	_all([fixture.remove(_count(path)) | some path, _ in _counts]) == {said |
		some path, _ in _counts
		said := _says(path, "want (missing) entries, as completeness tells")
	}
	_all([fixture.remove(_count("vex"))]) == {_says(
		"vex",
		"want (missing) entries, as completeness tells",
	)}
}

_count(path) := sprintf("/completeness/%s", [replace(path, "/", "~1")])

test_text_is_not_counted_as_a_list if {
	doc := json.patch(fixture.input_doc, [
		fixture.replace("/waivers", "abc"),
		fixture.replace("/completeness/waivers", 3),
	])
	_found(doc) == {
		_says("waivers", "want array"),
		_says("waivers", "want 3 entries, as completeness tells"),
	}
}

test_an_absent_calendar_has_no_occurrences_to_count if {
	_found(fixture.patch([fixture.remove("/calendar")])) == set()
}

test_nothing_at_all_is_incomplete if {
	counted := {path | some path in data.gatekeep.params.gate.counted_input}
	_paths({}) == counted | {"stage"}
	_paths({"stage": "build"}) == counted | object.keys(_required)
}
