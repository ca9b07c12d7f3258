# METADATA
# title: Freeze exemption is valid
# description: |
#   An exemption that fails one of its checks is reported and never used. The freeze that
#   it names then stands as if there were none.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, CM-3(1) prohibition of changes until approved
# custom:
#   severity: warn
#   stages: [predeploy]
#   waivable: false
#   evidence: [freeze-exemption]
#   remedy: Request a new exemption that is bound to this request.
package gatekeep.rules.freeze["exemption-invalid"]

import data.gatekeep.lib.freeze
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: what exemptions are judged against
needs := {"freeze_exemptions", "request.binding", "clock.now_ns", "clock.uncertainty_ns"}

# METADATA
# description: one finding for each exemption that fails a check
violations contains finding if {
	some exemption in input.freeze_exemptions
	problems := freeze.exemption_problems(exemption)
	count(problems) > 0
	id := text.field(exemption, "id")
	message := sprintf("Exemption %v cannot be used: %v", [id, text.list(problems)])
	finding := result.fail(rego.metadata.chain(), message, id)
}

# METADATA
# description: false where there is no exemption to judge
applies := false if {
	is_array(input.freeze_exemptions)
	count(input.freeze_exemptions) == 0
}

# METADATA
# description: what cannot be seen without state
notes contains "the bundle declares no state: earlier uses of an exemption cannot be seen" if {
	input.gate.state_declared == false
	count(input.freeze_exemptions) > 0
}
