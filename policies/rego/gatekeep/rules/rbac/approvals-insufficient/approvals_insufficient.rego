# METADATA
# title: Enough independent, authorised people approved exactly this change
# description: |
#   Each slot that the tier asks for must be filled by another person, who holds its role
#   now, did not ask for or write the change, and signed a live approval of this request.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, AC-5 separation of duties
#   - ref: https://slsa.dev/spec/v1.2/source-requirements
#     description: SLSA v1.2, source track, two-party review
# custom:
#   severity: block
#   stages: [predeploy]
#   waivable: true
#   evidence: [approval]
#   remedy: Get the missing approvals for exactly this request.
package gatekeep.rules.rbac["approvals-insufficient"]

import data.gatekeep.lib.approval
import data.gatekeep.lib.person
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: without these nobody can say what is asked for, and whether it is met
needs := {
	"approvals",
	"clock.now_ns",
	"clock.uncertainty_ns",
	"environment.name",
	"environment.tier",
	"request.actor.principal",
	"request.binding",
	"source.contributors",
	"state.consumed_nonces",
	"subject.digest",
}

# METADATA
# description: one finding where the slots are not filled, naming who counts and who does not
violations contains finding if {
	not approval.slots_filled
	environment := text.show(["environment", "name"])
	message := sprintf("%v %s; counted: %s; not counted: %s", [
		environment,
		_wanted,
		text.list(_counted),
		text.list(_not_counted),
	])
	finding := result.fail(rego.metadata.chain(), message, environment)
}

# METADATA
# description: the approvals that count, for the record of an open gate too
notes contains sprintf("counted: %s", [text.list(_counted)]) if count(_counted) > 0

default _wanted := "asks for approvals in a way that cannot be read"

_wanted := sprintf("is in tier %v, for which no approvals are configured", [tier]) if {
	not approval.slots
	tier := text.show(["environment", "tier"])
}

_wanted := sprintf("asks for %d approvals, more than the %d that can be judged", [
	count(approval.slots),
	approval.max_slots,
]) if {
	is_array(approval.slots)
	count(approval.slots) > approval.max_slots
}

_wanted := sprintf("needs %s", [concat(", ", roles)]) if {
	is_array(approval.slots)
	count(approval.slots) <= approval.max_slots
	roles := [sprintf("%v", [role]) | some role in approval.slots]
}

_counted contains who if {
	some who in approval.counted_people
	_fills_a_slot(who)
}

_counted contains sprintf("%v (holds no role that is asked for)", [who]) if {
	some who in approval.counted_people
	not _fills_a_slot(who)
}

_fills_a_slot(who) if {
	some id in approval.counted_ids
	principal := input.approvals[id].principal
	person.active(principal) == who
	some role in approval.slots
	person.has_role(principal, role)
}

_not_counted contains sprintf("%v (%s)", [text.field(word, "principal"), text.list(reasons)]) if {
	some _, word in input.approvals
	reasons := approval.reasons(word)
	count(reasons) > 0
}
