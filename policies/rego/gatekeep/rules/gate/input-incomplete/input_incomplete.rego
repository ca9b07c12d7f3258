# METADATA
# title: Input is complete and well typed
# description: |
#   The host checks the schema before; this repeats the part without which other rules
#   would pass for want of something to look at, such as an absent or a truncated list.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, SI-10 information input validation
# custom:
#   severity: block
#   stages: [build, plan, predeploy, admission, postdeploy, periodic]
#   waivable: false
#   evidence: []
#   remedy: Fix what gathers the facts; a missing one is never guessed.
package gatekeep.rules.gate["input-incomplete"]

import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: an incomplete input is not a denial; it leaves the gate unable to judge
violations := set()

# METADATA
# description: one finding for each fact that is missing, of another type or truncated
unseen contains finding if {
	some [path, want] in _incomplete
	message := sprintf("Input field %v is missing, has the wrong type or was truncated (%v)", [
		path,
		want,
	])
	finding := result.fail(rego.metadata.chain(), message, path)
}

_incomplete contains ["stage", want] if {
	not _stage_known
	known := {stage | some stage, _ in data.gatekeep.params.gate.required_input}
	want := sprintf("want one of %v", [text.list(known)])
}

_incomplete contains [path, sprintf("want %v", [type])] if {
	some path, type in data.gatekeep.params.gate.required_input[input.stage]
	not _typed(object.get(input, split(path, "/"), null), type)
}

_incomplete contains [path, "want one entry or more"] if {
	some path in _never_empty
	object.get(input, split(path, "/"), null) in [[], {}]
}

# The class of a datum that has no name may be any.
_incomplete contains ["service/data_classes", "want names"] if {
	some class in input.service.data_classes
	not _typed(class, "string")
}

# What an organisation lays over the policy may not take away what is asked of an input.
_incomplete contains [path, sprintf("want the %v of the policy", [type])] if {
	some path, type in {
		"params/gate/counted_input": "array",
		"params/gate/required_input": "object",
		"org/baseline_regimes": "array",
		"org/regime_triggers": "object",
	}
	not _told(path, type)
}

_incomplete contains [sprintf("org/regime_triggers/%v", [class]), "want the array of the policy"] if {
	some class, regimes in data.gatekeep.org.regime_triggers
	not is_array(regimes)
}

_told("params/gate/counted_input", "array") if {
	is_array(data.gatekeep.params.gate.counted_input)
	count(data.gatekeep.params.gate.counted_input) > 0
}

_told("params/gate/required_input", "object") if {
	is_object(data.gatekeep.params.gate.required_input[input.stage])
	count(data.gatekeep.params.gate.required_input[input.stage]) > 0
}

_told("params/gate/required_input", "object") if {
	is_object(data.gatekeep.params.gate.required_input)
	not _stage_known
}

_told("org/baseline_regimes", "array") if is_array(data.gatekeep.org.baseline_regimes)

_told("org/regime_triggers", "object") if is_object(data.gatekeep.org.regime_triggers)

_incomplete contains [path, want] if {
	some path in data.gatekeep.params.gate.counted_input
	entries := object.get(input, split(path, "/"), [])
	told := object.get(input, ["completeness", path], "(missing)")
	not _counted(entries, told)
	want := sprintf("want %v entries, as completeness tells", [told])
}

# OPA reads what a negated expression holds first: a missing stage would hide the finding.
_stage_known if data.gatekeep.params.gate.required_input[input.stage]

# Rules walk these; with nothing in them they would find nothing.
_never_empty := {"service/data_classes", "subject/artifacts"}

# An empty text says as little as none.
_typed(value, "string") if {
	is_string(value)
	value != ""
}

_typed(value, type) if {
	type != "string"
	type_name(value) == type
}

_counted(entries, told) if {
	type_name(entries) in {"array", "object"}
	count(entries) == told
}
