# METADATA
# title: Rollout ends before the next freeze
# description: |
#   A rollout that may still be moving when a freeze begins would leave two versions live
#   for its whole length. A freeze that allows this kind of action does not stand in its
#   way.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, CM-3 configuration change control
# custom:
#   severity: block
#   stages: [predeploy]
#   waivable: true
#   evidence: [calendar, rollout-plan]
#   remedy: Start earlier, shorten the rollout, or schedule it after the freeze.
package gatekeep.rules.freeze["rollout-would-overlap"]

import data.gatekeep.lib.clock
import data.gatekeep.lib.freeze
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: without windows and a clock nothing says that no freeze is near
needs := {"calendar.occurrences", "clock.now_ns", "clock.uncertainty_ns"}

# METADATA
# description: a rollout whose end is not known may enter any freeze
unseen contains finding if {
	not _end_known
	message := "Nobody says how long the rollout may last, and no length is assumed"
	finding := result.fail(rego.metadata.chain(), message, "rollout")
}

_end_known if is_number(freeze.rollout_end)

# METADATA
# description: one finding for each freeze that the rollout may enter
violations contains finding if {
	some id, occurrence in freeze.freezes
	freeze.ahead(occurrence)
	freeze.rollout_end > occurrence.start_ns
	not freeze.allows(occurrence)
	message := sprintf("Rollout may run until %v and would enter freeze %q starting %v", [
		clock.show(freeze.rollout_end),
		text.field(occurrence, "title"),
		clock.show(occurrence.start_ns),
	])
	finding := result.fail(rego.metadata.chain(), message, id)
}

# METADATA
# description: how long the rollout was taken to last where no plan says
notes contains note if {
	not freeze.planned
	note := sprintf("no plan says how long the rollout may last: %v minutes are assumed", [
		data.gatekeep.params.freeze.assumed_rollout_min,
	])
}
