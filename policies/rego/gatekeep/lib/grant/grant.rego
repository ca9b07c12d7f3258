# METADATA
# title: Emergency grants
# description: |
#   Which grants are live, scoped and within their limits. Checks are named, and an
#   undefined check counts as failed, so a missing field can never help.
package gatekeep.lib.grant

import data.gatekeep.lib.clock
import data.gatekeep.lib.person

# METADATA
# description: ids of the grants that pass every check
usable contains id if {
	some id, grant in input.grants
	count(problems(grant)) == 0
}

# METADATA
# description: names of the checks that a grant fails
problems(grant) := {name | some name in checks; not check(name, grant)}

# METADATA
# description: every check that a grant must pass
checks := {
	"signature", "principal", "environment", "service", "not yet valid", "expired",
	"longer than allowed", "used up", "granter", "incident",
}

# METADATA
# description: one named check of a grant
check("signature", grant) if grant.verification.status == "verified"

check("principal", grant) if grant.principal == input.request.actor.principal

check("environment", grant) if grant.environment == input.environment.name

check("service", grant) if grant.service == input.service.name

check("not yet valid", grant) if clock.certainly_after(clock.ns(grant.not_before))

check("expired", grant) if clock.certainly_before(clock.ns(grant.expires_at))

check("longer than allowed", grant) if {
	length := clock.ns(grant.expires_at) - clock.ns(grant.not_before)
	length <= data.gatekeep.params.rbac.max_grant_h * clock.hour
}

check("used up", grant) if {
	is_number(grant.uses)
	is_number(grant.max_uses)
	grant.uses < grant.max_uses
}

check("granter", grant) if {
	granter := person.active(grant.granted_by)
	person.has_role(grant.granted_by, "break_glass_granter")
	grant.verification.principal == grant.granted_by
	person.id(grant.principal)
	not granter in askers(grant)
}

check("incident", grant) if input.state.incidents[grant.incident].status in {"open", "mitigating"}

# METADATA
# description: the people whom the grant serves, and so may not give it
askers(grant) := {who | who := person.id(grant.principal)} | behind

# METADATA
# description: the person on whose behalf the request was made, as far as it is told
behind contains who if who := person.id(input.request.on_behalf_of)
