# METADATA
# title: It is known where personal data lies
# description: |
#   The region of every place that may hold personal data is told before the deployment and
#   listed with its jurisdiction, and a signed plan or residency declaration says what
#   places there are. What is unknown is not allowed.
# related_resources:
#   - ref: https://eur-lex.europa.eu/eli/reg/2016/679/oj
#     description: Regulation (EU) 2016/679, Articles 30 and 44
# custom:
#   severity: block
#   stages: [plan, predeploy, admission]
#   waivable: true
#   evidence: [iac-plan, residency, data-flow]
#   remedy: Make the region explicit in the plan, or declare where the data lies.
package gatekeep.rules.gdpr["region-undetermined"]

import data.gatekeep.lib.class
import data.gatekeep.lib.place
import data.gatekeep.result

# METADATA
# description: only a service whose classes are told, and none of them personal, goes without
applies := false if {
	class.none_of(input.service.data_classes, data.gatekeep.params.gdpr.personal_classes)
}

# METADATA
# description: what the service holds, and where
needs := {"action.targets", "resources", "service.data_classes"}

# METADATA
# description: one finding for each place that cannot be found, or where there is none
violations contains finding if {
	some name, message in _unknown
	finding := result.fail(rego.metadata.chain(), message, name)
}

_unknown[name] := sprintf("Location of %v cannot be determined (%s); treated as not allowed", [
	name,
	_hint(where),
]) if {
	some name, where in place.all
	not place.jurisdiction(where)
}

_unknown["resources"] := "No trusted plan or residency declaration says where the data lies" if {
	not _resources_told
}

_unknown["deployment"] := "No resource and no target says where the data would lie" if {
	count(place.all) == 0
	not _resources_told
}

_resources_told if count(input.resources) > 0

_hint(where) := "no region is told, or it is known only after the plan is applied" if {
	where.region == ""
} else := sprintf("%v/%v is not a listed region", [where.provider, where.region])
