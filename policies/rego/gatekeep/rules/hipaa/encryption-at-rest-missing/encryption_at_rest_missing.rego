# METADATA
# title: Electronic health information is encrypted at rest
# description: |
#   Every resource that may hold electronic protected health information is encrypted at
#   rest, with an approved key where the organisation lists keys.
# related_resources:
#   - ref: https://www.ecfr.gov/current/title-45/section-164.312
#     description: 45 CFR 164.312(a)(2)(iv), encryption and decryption (addressable)
# custom:
#   severity: block
#   stages: [plan, predeploy, admission]
#   waivable: true
#   evidence: [iac-plan, residency]
#   remedy: Encrypt with an approved key, or record the decision not to as a waiver.
package gatekeep.rules.hipaa["encryption-at-rest-missing"]

# The control asks for this at plan and admission. It is asked before deployment too,
# because that is where one gate may be all that a team runs.

import data.gatekeep.lib.class
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: only a service whose classes are told, and none of them ephi, goes without
applies := false if {
	class.none_of(input.service.data_classes, data.gatekeep.params.hipaa.ephi_classes)
}

# METADATA
# description: what the service holds, and in what
needs := {"resources", "service.data_classes"}

# METADATA
# description: the resources that were judged; health information must lie somewhere
observed := {address | some address, _ in input.resources}

# METADATA
# description: one finding for each resource that would hold ephi and is not safe
violations contains finding if {
	some address, resource in input.resources
	not resource.actions == ["delete"]
	not resource.holds_data == false
	not _holds_none(resource)
	problems := [problem | some name, problem in _checks(resource); not _check(name, resource)]
	count(problems) > 0
	message := sprintf("%v would hold ePHI %s", [address, concat(" and ", problems)])
	finding := result.fail(rego.metadata.chain(), message, address)
}

_holds_none(resource) if {
	class.none_of(resource.data_classes, data.gatekeep.params.hipaa.ephi_classes)
}

# what is said where a check fails; an undefined check counts as failed
_checks(resource) := {
	"encrypted": "without encryption at rest",
	"key": sprintf("under a key that is not approved (%v)", [text.field(resource, "key")]),
}

_check("encrypted", resource) if resource.encrypted_at_rest == true

_check("key", _) if data.gatekeep.params.hipaa.approved_keys == []

_check("key", resource) if resource.key in data.gatekeep.params.hipaa.approved_keys
