# METADATA
# title: The actor may deploy here
# description: |
#   The actor must have an active account that holds the role of the action for this
#   environment and service; a workload must also be the one registered for the service.
#   In an emergency a usable grant stands in for the role, and for nothing else.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, CM-5 access restrictions for change, AC-6 least privilege
# custom:
#   severity: block
#   stages: [predeploy, admission]
#   waivable: true
#   evidence: []
#   remedy: Deploy with the identity of the service, or request the role.
package gatekeep.rules.rbac["deployer-not-authorized"]

import data.gatekeep.lib.grant
import data.gatekeep.lib.person
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: who does what where, and when
needs := {
	"action.type",
	"clock.now_ns",
	"clock.uncertainty_ns",
	"environment.name",
	"environment.tier",
	"identities",
	"request.actor.principal",
	"service.name",
}

# METADATA
# description: one finding where the actor fails a check, with all that it fails
violations contains finding if {
	count(_problems) > 0
	principal := text.show(["request", "actor", "principal"])
	message := sprintf("%v may not %v %v in %v: %s", [
		principal,
		text.show(["action", "type"]),
		text.show(["service", "name"]),
		text.show(["environment", "name"]),
		text.list(_problems),
	])
	finding := result.fail(rego.metadata.chain(), message, principal)
}

# METADATA
# description: a grant that stood in for the role belongs in the record
notes contains note if {
	count(_problems) == 0
	not _holds_role
	note := sprintf("%v does not hold the role %v and deploys by emergency grant %s", [
		text.show(["request", "actor", "principal"]),
		_role,
		text.list(grant.usable),
	])
}

_role := data.gatekeep.params.rbac.deploy_roles[input.action.type]

_actor := input.identities[input.request.actor.principal]

# every check that the actor must pass, and what is said of one who does not; an
# undefined check counts as failed
_checks := {
	"account": "not an active account of a human or a workload",
	"role": _lack_of_role,
	"workload": "not the workload identity that is registered for the service",
}

default _lack_of_role := "no role is configured for this action"

_lack_of_role := sprintf("does not hold the role %s", [_role]) if is_string(_role)

_problems contains problem if {
	some name, problem in _checks
	not _check(name)
}

_check("account") if {
	_actor.type in {"human", "workload"}
	_actor.status == "active"
}

_check("role") if _holds_role

_check("role") if {
	is_string(_role)
	input.request.emergency == true
	count(grant.usable) > 0
}

_check("workload") if _actor.type == "human"

_check("workload") if {
	_actor.type == "workload"
	some registered in data.gatekeep.org.workload_identities[input.service.name]
	every field in ["principal", "issuer", "subject"] {
		registered[field] == input.request.actor[field]
	}
}

_holds_role if person.has_role(input.request.actor.principal, _role)
