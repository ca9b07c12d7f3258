# METADATA
# title: Freeze windows
# description: |
#   Which freezes may be running, and which exemptions let this request through. A freeze
#   is set aside only on proof: another place, a time that has certainly not come or is
#   certainly over, an action that it allows, or a valid exemption.
package gatekeep.lib.freeze

import data.gatekeep.lib.clock
import data.gatekeep.lib.person

# METADATA
# description: freezes that are about this request, by id of the occurrence
freezes[id] := occurrence if {
	some id, occurrence in input.calendar.occurrences
	not of_another_kind(occurrence)
	not elsewhere(occurrence)
}

# METADATA
# description: freezes that may be running now, by id of the occurrence
running[id] := occurrence if {
	some id, occurrence in freezes
	not ahead(occurrence)
	not over(occurrence)
}

# The checks below take a whole occurrence: OPA reads the arguments of a negated call
# before the call, so that "not f(x.missing)" is undefined and would set a freeze aside.

# METADATA
# description: true for windows that are no freeze
of_another_kind(occurrence) if occurrence.kind in {"allow", "maintenance"}

# METADATA
# description: true where the occurrence has certainly not begun
ahead(occurrence) if clock.certainly_before(occurrence.start_ns)

# METADATA
# description: true where the occurrence is certainly over
over(occurrence) if clock.certainly_after(occurrence.end_ns)

# METADATA
# description: true where one dimension of the scope names other places only
elsewhere(occurrence) if {
	some dimension, here in places
	there := occurrence.scope[dimension]
	names(here)
	names(there)
	{place | some place in here} & {place | some place in there} == set()
}

# METADATA
# description: where this request goes, by dimension of a scope
places := {
	"environments": [input.environment.name],
	"tiers": [input.environment.tier],
	"services": [input.service.name],
	"regions": targets,
}

# METADATA
# description: |
#   true for a list of one name or more; an empty one, or one with an empty name, would
#   mean "nothing" where its author meant something
names(xs) if {
	is_array(xs)
	count(xs) > 0
	every x in xs {
		is_string(x)
		x != ""
	}
}

# METADATA
# description: the regions of this wave, or that of the environment where none are given
targets := input.action.targets if {
	count(input.action.targets) > 0
} else := [input.environment.region]

# METADATA
# description: true where a rollout plan says how long it may take
planned if {
	input.rollout.declared == true
	is_number(input.rollout.max_duration_ns)
	input.rollout.max_duration_ns >= 0
}

# METADATA
# description: how long the rollout may take, in nanoseconds; assumed where no plan says
rollout := input.rollout.max_duration_ns if {
	planned
} else := data.gatekeep.params.freeze.assumed_rollout_min * clock.minute

# METADATA
# description: the moment by which the rollout is certainly over, in nanoseconds
rollout_end := (clock.now + clock.skew) + rollout

# METADATA
# description: true where the freeze lets this kind of action through
allows(occurrence) if input.action.type in occurrence.allowed_actions

# METADATA
# description: |
#   id of the exemption that lets this request through a running freeze, by id of the
#   occurrence; the first where several would, so that only one is used up
exempt[id] := ids[0] if {
	some id, occurrence in running
	not allows(occurrence)
	ids := sort([exemption.id |
		some exemption in valid_exemptions
		exemption.window == occurrence.window
	])
}

# METADATA
# description: ids of the exemptions that this request uses up
used_exemptions contains exempt[_]

# METADATA
# description: exemptions that pass every check
valid_exemptions contains exemption if {
	some exemption in input.freeze_exemptions
	count(exemption_problems(exemption)) == 0
}

# METADATA
# description: names of the checks that an exemption fails
exemption_problems(exemption) := {name |
	some name in exemption_checks
	not exemption_check(name, exemption)
}

# METADATA
# description: every check that an exemption must pass
exemption_checks := {
	"signature", "signed by no granter", "no id", "no window", "other request", "not yet valid", "expired",
	"longer than allowed", "too few authorised granters", "no reason", "used up",
}

# METADATA
# description: one named check of an exemption
exemption_check("signature", exemption) if exemption.verification.status == "verified"

exemption_check("signed by no granter", exemption) if {
	exemption.verification.principal in exemption.granted_by
}

exemption_check("no id", exemption) if names([exemption.id])

exemption_check("no window", exemption) if names([exemption.window])

exemption_check("other request", exemption) if exemption.binding == input.request.binding

exemption_check("not yet valid", exemption) if {
	clock.certainly_after(clock.ns(exemption.not_before))
}

exemption_check("expired", exemption) if clock.certainly_before(clock.ns(exemption.expires_at))

exemption_check("longer than allowed", exemption) if {
	length := clock.ns(exemption.expires_at) - clock.ns(exemption.not_before)
	length <= data.gatekeep.params.freeze.max_exemption_h * clock.hour
}

exemption_check("too few authorised granters", exemption) if {
	least := data.gatekeep.params.freeze.min_exemption_granters
	is_positive(least)
	count(granters(exemption)) >= least
}

exemption_check("no reason", exemption) if {
	least := data.gatekeep.params.freeze.min_reason_chars
	is_positive(least)
	count(trim_space(exemption.reason)) >= least
}

exemption_check("used up", exemption) if {
	is_number(exemption.uses)
	is_number(exemption.max_uses)
	exemption.uses < exemption.max_uses
}

# METADATA
# description: |
#   true for a number above nothing; Rego orders values of different types, so that every
#   count would be as large as null
is_positive(n) if {
	is_number(n)
	n > 0
}

# METADATA
# description: |
#   the people who granted it, may do so, and did not ask for the deployment; nobody where
#   it is not known who asks
granters(exemption) := {who |
	every asker in askers {
		person.id(asker)
	}
	some principal in exemption.granted_by
	person.has_role(principal, "freeze_exemption_approver")
	who := person.active(principal)
	not who in {asking | some asker in askers; asking := person.id(asker)}
}

# METADATA
# description: the accounts that ask for the deployment
askers := {input.request.actor.principal} | ({input.request.on_behalf_of} - {""})
