# METADATA
# title: An emergency deployment has a live, scoped grant
# description: |
#   Whoever claims an emergency must hold a signed, short grant for this person, service
#   and environment, given by an incident commander who is somebody else, against an
#   incident that is going on, and not yet used up.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, AC-2(2) temporary and emergency accounts
#   - ref: https://www.ecfr.gov/current/title-45/section-164.312
#     description: 45 CFR 164.312(a)(2)(ii), emergency access procedure
# custom:
#   severity: block
#   stages: [predeploy]
#   waivable: false
#   evidence: [break-glass-grant, incident]
#   remedy: Ask an incident commander for a grant for this person, service and environment.
package gatekeep.rules.rbac["jit-grant-invalid"]

import data.gatekeep.lib.grant
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: only a request that is certainly no emergency goes without
applies := false if input.request.emergency == false

# METADATA
# description: what a grant is held against
needs := {
	"clock.now_ns",
	"clock.uncertainty_ns",
	"environment.name",
	"grants",
	"request.actor.principal",
	"request.emergency",
	"service.name",
	"state.incidents",
}

# METADATA
# description: one finding where no grant is usable, with what is wrong with each
violations contains finding if {
	count(grant.usable) == 0
	principal := text.show(["request", "actor", "principal"])
	message := sprintf("Emergency deployment by %v has no usable grant: %s", [principal, _why])
	finding := result.fail(rego.metadata.chain(), message, principal)
}

# METADATA
# description: the grants that the emergency rests on, for the record
notes contains sprintf("emergency grants in force: %s", [text.list(grant.usable)]) if {
	count(grant.usable) > 0
}

default _why := "none was found"

_why := text.list({sprintf("%v (%s)", [id, text.list(grant.problems(given))]) |
	some id, given in input.grants
}) if {
	count(input.grants) > 0
}
