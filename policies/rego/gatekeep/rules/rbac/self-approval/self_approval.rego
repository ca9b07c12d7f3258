# METADATA
# title: Nobody approves their own change
# description: |
#   A live approval of this request by the actor, by the person behind it or by a
#   contributor, through whichever account. It is shown here and never counted.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, AC-5 separation of duties
# custom:
#   severity: warn
#   stages: [predeploy]
#   waivable: false
#   evidence: [approval]
#   remedy: Ask somebody who did not ask for the change or work on it.
package gatekeep.rules.rbac["self-approval"]

import data.gatekeep.lib.approval
import data.gatekeep.lib.person
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: whose change it is must be known
needs := {"approvals", "request.actor.principal", "source.contributors"}

# METADATA
# description: one finding for each live approval by somebody whose change it is
violations contains finding if {
	some id in approval.live_ids
	principal := text.field(input.approvals[id], "principal")
	who := person.id(principal)
	who in approval.conflicted
	message := sprintf("Approval %v by %v does not count: the same person (%s) as %s of this change", [
		id,
		principal,
		who,
		text.list(_parts(who)),
	])
	finding := result.fail(rego.metadata.chain(), message, principal)
}

# what a person has to do with the change, and through which account
_parts(who) := {sprintf("%s %v", [part, principal]) |
	some [part, principal] in _accounts
	person.id(principal) == who
}

_accounts contains ["actor", input.request.actor.principal]

_accounts contains ["requester", input.request.on_behalf_of]

_accounts contains ["contributor", principal] if some principal in input.source.contributors
