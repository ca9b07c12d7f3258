# METADATA
# title: Personal data stays in allowed jurisdictions
# description: |
#   Every resource that may hold personal data and every region that is deployed to lies in
#   an allowed jurisdiction, or in one for which a transfer is recorded, approved by the
#   data protection officer and not due for review. Each place is judged by itself.
# related_resources:
#   - ref: https://eur-lex.europa.eu/eli/reg/2016/679/oj
#     description: Regulation (EU) 2016/679, Articles 44 to 46 and 49
# custom:
#   severity: block
#   stages: [plan, predeploy, admission]
#   waivable: true
#   evidence: [iac-plan, residency, data-flow]
#   remedy: Use an allowed region, or record a valid transfer to the destination.
package gatekeep.rules.gdpr["region-not-allowed"]

import data.gatekeep.lib.class
import data.gatekeep.lib.clock
import data.gatekeep.lib.place
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: only a service whose classes are told, and none of them personal, goes without
applies := false if {
	class.none_of(input.service.data_classes, data.gatekeep.params.gdpr.personal_classes)
}

# METADATA
# description: what the service holds, where, and which transfers are recorded
needs := {"data_flow.transfers", "resources", "service.data_classes"}

# METADATA
# description: the places that were judged
observed := {name | some name, _ in place.all}

# METADATA
# description: one finding for each place in a jurisdiction that is not allowed
violations contains finding if {
	some name, where in place.all
	jurisdiction := place.jurisdiction(where)
	not jurisdiction in _allowed
	not _transfer_recorded(jurisdiction)
	message := sprintf("%v would hold personal data in %v/%v (%v); allowed: %s; transfers to %v: %s", [
		name,
		where.provider,
		where.region,
		jurisdiction,
		text.list(_allowed),
		jurisdiction,
		text.list(_transfers(jurisdiction)),
	])
	finding := result.fail(rego.metadata.chain(), message, name)
}

_allowed contains jurisdiction if {
	some jurisdiction in data.gatekeep.params.gdpr.allowed_jurisdictions
}

_transfer_recorded(jurisdiction) if {
	some transfer in input.data_flow.transfers
	transfer.destination == jurisdiction
	count(_problems(transfer)) == 0
}

# the transfers to a jurisdiction, with what is wrong with each
_transfers(jurisdiction) := {sprintf("%v (%s)", [
	text.field(transfer, "mechanism"),
	text.list(_problems(transfer)),
]) |
	some transfer in input.data_flow.transfers
	transfer.destination == jurisdiction
}

# an undefined check counts as failed
_problems(transfer) := {name |
	some name in {"mechanism not accepted", "not approved by the officer", "review overdue"}
	not _check(name, transfer)
}

_check("mechanism not accepted", transfer) if {
	transfer.mechanism in data.gatekeep.params.gdpr.accepted_mechanisms[transfer.destination]
}

_check("not approved by the officer", transfer) if transfer.dpo_approved == true

_check("review overdue", transfer) if clock.certainly_before(clock.ns(transfer.review_due))
