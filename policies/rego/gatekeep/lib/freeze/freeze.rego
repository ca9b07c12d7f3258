# METADATA
# title: Freeze windows
# description: which freezes may be running, and which exemptions let this request through
package gatekeep.lib.freeze

import data.gatekeep.lib.clock
import data.gatekeep.lib.person

# METADATA
# description: freezes that may be running now, by id of the occurrence
running[id] := occurrence if {
	some id, occurrence in input.calendar.occurrences
	occurrence.kind == "freeze"
	covers(occurrence.scope)
	clock.maybe_within(occurrence.start_ns, occurrence.end_ns)
}

# METADATA
# description: true where the scope of a window meets this request
covers(scope) if {
	person.covers(scope)
	covers_region(scope)
}

# METADATA
# description: a window without regions covers all; one with regions any that is targeted
covers_region(scope) if not "regions" in object.keys(scope)

covers_region(scope) if {
	some region in scope.regions
	region in targets
}

# METADATA
# description: the regions of this wave, or that of the environment where none are given
targets := {region | some region in input.action.targets} if {
	count(input.action.targets) > 0
} else := {input.environment.region}

# METADATA
# description: how long the rollout may take, in nanoseconds; assumed where no plan says
rollout := input.rollout.max_duration_ns if {
	is_number(input.rollout.max_duration_ns)
} else := data.gatekeep.params.freeze.assumed_rollout_min * clock.minute

# METADATA
# description: ids of the valid exemptions that let this request through a running freeze
used_exemptions contains exemption.id if {
	some _, occurrence in running
	not input.action.type in occurrence.allowed_actions
	some exemption in valid_exemptions
	exemption.window == occurrence.window
}

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
	"signature", "other request", "not yet valid", "expired", "longer than allowed",
	"too few authorised granters", "no reason", "used up",
}

# METADATA
# description: one named check of an exemption
exemption_check("signature", exemption) if exemption.verification.status == "verified"

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
	count(granters(exemption)) >= data.gatekeep.params.freeze.min_exemption_granters
}

exemption_check("no reason", exemption) if {
	count(trim_space(exemption.reason)) >= data.gatekeep.params.freeze.min_reason_chars
}

exemption_check("used up", exemption) if {
	is_number(exemption.uses)
	is_number(exemption.max_uses)
	exemption.uses < exemption.max_uses
}

# METADATA
# description: the people who granted it, may do so, and did not ask for the deployment
granters(exemption) := {who |
	some principal in exemption.granted_by
	person.has_role(principal, "freeze_exemption_approver")
	who := person.active(principal)
	not who in requesters
}

# METADATA
# description: the people who ask for the deployment
requesters := {who |
	some principal in [input.request.actor.principal, input.request.on_behalf_of]
	who := person.id(principal)
}
