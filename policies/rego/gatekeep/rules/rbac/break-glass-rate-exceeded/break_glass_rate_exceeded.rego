# METADATA
# title: Emergency deployment is not the normal path
# description: |
#   A service that was deployed in an emergency too often of late must find out why its
#   normal path is too slow before it is deployed that way again.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, AC-2(2) temporary and emergency accounts
# custom:
#   severity: block
#   stages: [predeploy]
#   waivable: true
#   evidence: []
#   remedy: Escalate to the role that may waive this rule, and fix why the normal path is too slow.
package gatekeep.rules.rbac["break-glass-rate-exceeded"]

import data.gatekeep.lib.clock
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: only a request that is certainly no emergency goes without
applies := false if input.request.emergency == false

# METADATA
# description: uses of which service, up to what time
needs := {
	"clock.now_ns",
	"clock.uncertainty_ns",
	"request.emergency",
	"service.name",
	"state.break_glass_uses",
}

# METADATA
# description: a gate that remembers nothing cannot count
unseen contains finding if {
	not input.gate.state_declared == true
	message := "Without state earlier emergency deployments cannot be counted"
	finding := result.fail(rego.metadata.chain(), message, "state")
}

# METADATA
# description: one finding where the service has used up its emergencies
violations contains finding if {
	not _within_limit
	service := text.show(["service", "name"])
	message := sprintf("%d emergency deployments of %v in %v days (limit %v)", [
		count(_recent),
		service,
		_days,
		_limit,
	])
	finding := result.fail(rego.metadata.chain(), message, service)
}

_within_limit if {
	is_number(_limit)
	count(_recent) < _limit
}

# every use that is not certainly older than the window
_recent := [use |
	some use in input.state.break_glass_uses
	not _of_another_service(use)
	not _long_ago(use)
]

_of_another_service(use) if {
	is_string(use.service)
	use.service != input.service.name
}

_long_ago(use) if {
	window := data.gatekeep.params.rbac.break_glass_window_days * clock.day
	clock.certainly_after(clock.ns(use.used_at) + window)
}

default _days := "(missing)"

_days := data.gatekeep.params.rbac.break_glass_window_days

default _limit := "(missing)"

_limit := data.gatekeep.params.rbac.break_glass_max_uses
