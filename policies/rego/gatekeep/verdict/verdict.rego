# METADATA
# title: Verdict
# description: |
#   What one rule says, from the parts that its package defines:
#     violations  what it holds against the request (a set made by result.fail)
#     unseen      what it could not look at; any entry makes it indeterminate
#     needs       paths of input without which it cannot speak
#     applies     false where it has nothing to say
#     observed    what it looked at; where defined and empty it cannot speak
#     notes       what the record must say whatever the outcome
#   Only violations must be there. The outcomes are tried from the one that keeps the
#   gate shut to the one that opens it, and each needs positive proof.
package gatekeep.verdict

import data.gatekeep.lib.clock
import data.gatekeep.lib.excuse

# METADATA
# description: everything that the decision says about one rule
of(rule) := {
	"outcome": outcome(rule),
	"severity": severity(rule),
	"findings": sort(findings(rule)),
	"notes": sort(notes(rule)),
}

# METADATA
# description: the one outcome of a rule
outcome(rule) := "indeterminate" if {
	not written(rule)
} else := "not_applicable" if {
	stages := data.gatekeep.index[rule].stages
	is_array(stages)
	not input.stage in stages
} else := "not_applicable" if {
	applies(rule) == false
} else := "indeterminate" if {
	count(blind(rule)) > 0
} else := "pass" if {
	count(violations(rule)) == 0
} else := "waived" if {
	every violation in violations(rule) {
		excuse.of(rule, violation)
	}
} else := "indeterminate" if {
	could_not_look(rule)
} else := "fail"

# METADATA
# description: the rule is in the index, and its package is loaded
written(rule) if {
	data.gatekeep.index[rule]
	is_set(violations(rule))
}

# METADATA
# description: violations of the rule; undefined where its package is not loaded
violations(rule) := data.gatekeep.rules[family][name].violations if [family, name] := split(rule, "/")

# METADATA
# description: false only where the rule says so
applies(rule) := data.gatekeep.rules[family][name].applies if [family, name] := split(rule, "/")

# METADATA
# description: everything that keeps the rule from speaking
blind(rule) := (unseen(rule) | missing(rule)) | looked_at_nothing(rule)

# METADATA
# description: what the rule itself says that it could not look at
unseen(rule) := data.gatekeep.rules[family][name].unseen if {
	[family, name] := split(rule, "/")
} else := set()

# METADATA
# description: facts that the rule needs and the input lacks
missing(rule) := {finding |
	[family, name] := split(rule, "/")
	some need in data.gatekeep.rules[family][name].needs
	not has(need)
	finding := own(rule, sprintf("missing fact: %s", [need]), need)
}

# METADATA
# description: a fact is there when its path ends in something other than null
has(need) if object.get(input, split(need, "."), null) != null

# METADATA
# description: a rule that defines what it observes must have observed something
looked_at_nothing(rule) := {own(rule, "nothing was there to look at", "")} if {
	[family, name] := split(rule, "/")
	count(data.gatekeep.rules[family][name].observed) == 0
} else := set()

# METADATA
# description: |
#   a rule that reads evidence cannot hold a lack of evidence against a request while a
#   source of evidence could not be read: "not there" and "could not look" differ
could_not_look(rule) if {
	count(data.gatekeep.index[rule].evidence) > 0
	some failure in input.evidence_errors
	not failure.required == false
}

# METADATA
# description: base severity, softened to warn only where effective_on is certainly in the future
default severity(_) := "block"

severity(rule) := "warn" if {
	data.gatekeep.index[rule].severity == "warn"
} else := "warn" if {
	clock.certainly_before(clock.ns(data.gatekeep.index[rule].effective_on))
}

# METADATA
# description: findings to show, each violation with the excuse that covers it
findings(rule) := {own(rule, "the rule is not written or not loaded", "")} if {
	not written(rule)
} else := blind(rule) if {
	outcome(rule) == "indeterminate"
	not could_not_look(rule)
} else := blind(rule) | violations(rule) if {
	outcome(rule) == "indeterminate"
} else := excused(rule) if {
	outcome(rule) in {"waived", "fail"}
} else := set()

# METADATA
# description: the violations, with the id of the waiver or grant that excuses each
excused(rule) := {with_excuse |
	some violation in violations(rule)
	with_excuse := object.union(violation, _excuse(rule, violation))
}

_excuse(rule, violation) := {"excuse": excuse.of(rule, violation)} if {
	excuse.of(rule, violation)
} else := {}

# METADATA
# description: what the rule wants in the record
notes(rule) := data.gatekeep.rules[family][name].notes if {
	[family, name] := split(rule, "/")
} else := set()

# METADATA
# description: a finding that the verdict itself makes about a rule
own(rule, message, at) := {
	"rule": rule,
	"message": message,
	"at": at,
	"severity": severity(rule),
	"remedy": object.get(data.gatekeep.index, [rule, "remedy"], "Write the rule, or name one that exists."),
}
