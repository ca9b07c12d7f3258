# METADATA
# title: Earlier emergency deployments were reviewed
# description: |
#   Who used emergency access and owes its review does not get it again, and neither does
#   the service, until the review is closed.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, AC-2(2) temporary and emergency accounts
#   - ref: https://www.ecfr.gov/current/title-45/section-164.308
#     description: 45 CFR 164.308(a)(1)(ii)(D), information system activity review
# custom:
#   severity: block
#   stages: [predeploy]
#   waivable: false
#   evidence: [break-glass-review]
#   remedy: Hold and sign the review of the earlier emergency deployment first.
package gatekeep.rules.rbac["break-glass-review-overdue"]

import data.gatekeep.lib.clock
import data.gatekeep.lib.duty as duties
import data.gatekeep.lib.person
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: only a request that is certainly no emergency goes without
applies := false if input.request.emergency == false

# METADATA
# description: whose duties, of which service, and what time it is
needs := {
	"clock.now_ns",
	"clock.uncertainty_ns",
	"request.actor.principal",
	"request.emergency",
	"service.name",
	"state.obligations",
}

# METADATA
# description: a gate that remembers nothing cannot know what is still to be reviewed
unseen contains finding if {
	not input.gate.state_declared == true
	message := "Without state it cannot be known whether earlier emergencies were reviewed"
	finding := result.fail(rego.metadata.chain(), message, "state")
}

# METADATA
# description: one finding for each review that is overdue
violations contains finding if {
	some duty in input.state.obligations
	not _is_other(duty)
	_concerns(duty)
	not duties.done(duty)
	not _has_time(duty)
	id := text.field(duty, "id")
	message := sprintf("%v has not had emergency deployment %v of %v reviewed (review was due %v)", [
		text.field(duty, "principal"),
		id,
		text.field(duty, "service"),
		text.field(duty, "due_at"),
	])
	finding := result.fail(rego.metadata.chain(), message, id)
}

_is_other(duty) if {
	is_string(duty.kind)
	duty.kind != "break_glass_review"
}

_has_time(duty) if clock.certainly_before(clock.ns(duty.due_at))

# a duty concerns whoever has it, through whichever account, and the service
_concerns(duty) if duty.service == input.service.name

_concerns(duty) if duty.principal in _askers

_concerns(duty) if {
	some principal in _askers
	person.id(principal) == person.id(duty.principal)
}

_askers contains input.request.actor.principal

_askers contains input.request.on_behalf_of
