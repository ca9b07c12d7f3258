# METADATA
# title: A business associate agreement covers each processor
# description: |
#   Every processor of electronic protected health information has a business associate
#   agreement on record that is in date and covers the service. Whether its content is
#   enough is for counsel.
# related_resources:
#   - ref: https://www.ecfr.gov/current/title-45/section-164.308
#     description: 45 CFR 164.308(b)(1), business associate contracts
#   - ref: https://www.ecfr.gov/current/title-45/section-164.314
#     description: 45 CFR 164.314(a), organizational requirements
# custom:
#   severity: block
#   stages: [plan, predeploy]
#   waivable: true
#   evidence: [data-flow]
#   remedy: Record the agreement, or take the processor out of the data flow.
package gatekeep.rules.hipaa["baa-missing"]

import data.gatekeep.lib.class
import data.gatekeep.lib.clock
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: only a service whose classes are told, and none of them ephi, goes without
applies := false if {
	class.none_of(input.service.data_classes, data.gatekeep.params.hipaa.ephi_classes)
}

# METADATA
# description: what the service holds, and who processes it
needs := {
	"clock.now_ns",
	"clock.uncertainty_ns",
	"data_flow.processors",
	"service.data_classes",
	"service.name",
}

# METADATA
# description: one finding for each processor without an agreement, or where nobody names them
violations contains finding if {
	some [at, message] in _lacking
	finding := result.fail(rego.metadata.chain(), message, at)
}

_lacking contains ["data-flow", message] if {
	not input.data_flow.declared == true
	message := sprintf("No trusted data-flow statement says who processes ePHI for %v", [
		text.show(["service", "name"]),
	])
}

_lacking contains [name, message] if {
	some processor in input.data_flow.processors
	not _sees_none(processor)
	problems := {problem | some problem in _checks; not _check(problem, processor)}
	count(problems) > 0
	name := text.field(processor, "name")
	message := sprintf("%v would process ePHI for %v without a current agreement: %s", [
		name,
		text.show(["service", "name"]),
		text.list(problems),
	])
}

_sees_none(processor) if class.none_of(processor.classes, data.gatekeep.params.hipaa.ephi_classes)

# an undefined check counts as failed
_checks := {"no business associate agreement", "expired", "service not in its scope"}

_check("no business associate agreement", processor) if processor.contract.kind == "baa"

_check("expired", processor) if clock.certainly_before(clock.ns(processor.contract.expires_at))

_check("service not in its scope", processor) if input.service.name in processor.contract.scope
