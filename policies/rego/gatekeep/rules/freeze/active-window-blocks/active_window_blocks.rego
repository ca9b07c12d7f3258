# METADATA
# title: No deployment during an active freeze
# description: |
#   A freeze that may be running, is about this request and does not allow its kind of
#   action keeps the gate shut, unless a valid exemption for this one request names it.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, CM-3 configuration change control
#   - ref: https://www.rfc-editor.org/rfc/rfc5545
#     description: RFC 5545, recurrence rules from which windows are expanded
# custom:
#   severity: block
#   stages: [predeploy, admission]
#   waivable: false
#   evidence: [calendar]
#   remedy: Wait until the freeze ends, or request an exemption for this request.
package gatekeep.rules.freeze["active-window-blocks"]

import data.gatekeep.lib.clock
import data.gatekeep.lib.freeze
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: without windows and a clock nothing says that no freeze is running
needs := {"calendar.occurrences", "clock.now_ns", "clock.uncertainty_ns"}

# METADATA
# description: one finding for each freeze that stands in the way
violations contains finding if {
	some id, occurrence in freeze.running
	not freeze.allows(occurrence)
	not freeze.exempt[id]
	message := sprintf("%v is frozen by %q until %v (%v)", [
		text.show(["environment", "name"]),
		text.field(occurrence, "title"),
		clock.show(text.field(occurrence, "end_ns")),
		text.field(occurrence, "tz"),
	])
	finding := result.fail(rego.metadata.chain(), message, id)
}

# METADATA
# description: what let the request through a freeze that may be running
notes contains note if {
	some id, exemption in freeze.exempt
	note := sprintf("exemption %v lets this request through freeze %v", [exemption, id])
}

notes contains note if {
	some id, occurrence in freeze.running
	freeze.allows(occurrence)
	note := sprintf("freeze %v allows action %v", [id, text.show(["action", "type"])])
}
