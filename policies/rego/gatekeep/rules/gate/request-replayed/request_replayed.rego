# METADATA
# title: Request is fresh and used once
# description: |
#   A request that opened the gate once must not open it again. Its nonce was never used
#   up, and it was made a short while ago.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, SC-23 session authenticity and IA-2(8) replay resistance
# custom:
#   severity: block
#   stages: [predeploy]
#   waivable: false
#   evidence: []
#   remedy: Send a new request.
package gatekeep.rules.gate["request-replayed"]

import data.gatekeep.lib.clock
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: age and use cannot be judged without a clock and the nonces that were used
needs := {"clock.now_ns", "clock.uncertainty_ns", "state.consumed_nonces"}

# METADATA
# description: one finding for each reason not to honour the request
violations contains finding if {
	some why in _problems
	id := text.show(["request", "id"])
	message := sprintf("Request %v cannot be honoured: %v", [id, why])
	finding := result.fail(rego.metadata.chain(), message, id)
}

_problems contains "it has no nonce" if not _has_nonce

_problems contains why if {
	_has_nonce
	not _unused
	why := sprintf("its nonce %v was used before", [input.request.nonce])
}

_problems contains why if {
	not _fresh
	why := sprintf("it was made at %v, which is not within the last %v minutes", [
		text.show(["request", "requested_at"]),
		data.gatekeep.params.gate.max_request_age_min,
	])
}

_has_nonce if {
	is_string(input.request.nonce)
	input.request.nonce != ""
}

_unused if {
	is_array(input.state.consumed_nonces)
	not input.request.nonce in input.state.consumed_nonces
}

_fresh if {
	made := clock.ns(input.request.requested_at)
	made <= clock.now + clock.skew
	max_age := data.gatekeep.params.gate.max_request_age_min * clock.minute
	clock.certainly_before(made + max_age)
}

# METADATA
# description: what cannot be seen without state
notes contains "the bundle declares no state: a request sent twice cannot be seen" if {
	input.gate.state_declared == false
}
