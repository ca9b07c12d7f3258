# METADATA
# title: Needed evidence sources were readable
# description: |
#   Evidence that is not there and evidence that could not be looked at are different
#   things. While a source that is needed cannot be read, nothing can be judged.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, SC-24 fail in known state
# custom:
#   severity: block
#   stages: [build, plan, predeploy, admission]
#   waivable: false
#   evidence: []
#   remedy: Restore the source and try again.
package gatekeep.rules.gate["evidence-source-unavailable"]

import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: a source that cannot be read is not a denial
violations := set()

# METADATA
# description: the list of failures itself must be there
needs := {"evidence_errors"}

# METADATA
# description: one finding for each needed source that could not be read
unseen contains finding if {
	some failure in input.evidence_errors
	not failure.required == false
	source := text.field(failure, "source")
	finding := result.fail(rego.metadata.chain(), _failure(failure), source)
}

# METADATA
# description: sources that could not be read and are not needed
notes contains sprintf("%v; it is not needed", [_failure(failure)]) if {
	some failure in input.evidence_errors
	failure.required == false
}

_failure(failure) := sprintf("Evidence source %v could not be read (%v): %v", [
	text.field(failure, "source"),
	text.field(failure, "kind"),
	text.field(failure, "detail"),
])
