# METADATA
# title: Policy bundle is signed, current and not older than before
# description: |
#   The rules themselves are evidence. A policy from a directory must be signed and not
#   expired, and none may be older than the newest that was ever used.
# related_resources:
#   - ref: https://theupdateframework.github.io/specification/latest/
#     description: The Update Framework, rollback and freeze attacks
#   - ref: https://www.openpolicyagent.org/docs/latest/management-bundles/
#     description: Open Policy Agent, bundle revisions and signing
# custom:
#   severity: block
#   stages: [build, plan, predeploy, admission, postdeploy, periodic]
#   waivable: false
#   evidence: []
#   remedy: Fetch the current bundle.
package gatekeep.rules.gate["policy-bundle-downgraded"]

import data.gatekeep.lib.clock
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: an expiry cannot be judged without a clock
needs := {"clock.now_ns", "clock.uncertainty_ns"}

# METADATA
# description: one finding for each reason not to judge by this policy
violations contains finding if {
	some why in _problems
	message := sprintf("Policy bundle revision %v rejected: %v", [
		text.show(["gate", "policy", "revision"]),
		why,
	])
	at := text.show(["gate", "policy", "digest"])
	finding := result.fail(rego.metadata.chain(), message, at)
}

# METADATA
# description: false where the policy is part of the program and there is no state to compare with
applies := false if {
	_embedded
	_stateless
}

_problems contains "its origin is neither the program nor a directory" if {
	not _origin_known
}

_problems contains "it is not signed by a trusted key" if {
	not _embedded
	not input.gate.policy.signature_verified == true
	not input.gate.policy.unsigned_allowed == true
}

_problems contains "it is signed without an expiry" if {
	not _embedded
	input.gate.policy.signature_verified == true
	object.get(input, ["gate", "policy", "expires_at"], null) == null
}

_problems contains why if {
	not _embedded
	expiry := object.get(input, ["gate", "policy", "expires_at"], null)
	expiry != null
	not _current
	why := sprintf("it expired at %v", [expiry])
}

_problems contains why if {
	not _stateless
	not _not_older
	why := sprintf("the newest revision that was used is %v", [
		text.show(["gate", "policy", "floor_revision"]),
	])
}

# OPA reads the arguments of a negated call first: a missing one would hide the finding.
_origin_known if input.gate.policy.origin in {"embedded", "directory"}

_current if clock.certainly_before(clock.ns(input.gate.policy.expires_at))

_embedded if input.gate.policy.origin == "embedded"

# A revision that was recorded counts whether or not the bundle declares where.
_stateless if {
	input.gate.state_declared == false
	not _floor_told
}

_floor_told if is_number(input.gate.policy.floor_revision)

# Rego orders values of different types, so that text would be newer than any number.
_not_older if {
	is_number(input.gate.policy.revision)
	is_number(input.gate.policy.floor_revision)
	input.gate.policy.revision >= input.gate.policy.floor_revision
}

# METADATA
# description: on whose word the policy was believed, and what could not be compared
notes contains "the policy is compiled into the program: its integrity is the program's" if {
	_embedded
}

notes contains "the operator allowed a policy that is not signed by a trusted key" if {
	not _embedded
	not input.gate.policy.signature_verified == true
	input.gate.policy.unsigned_allowed == true
}

notes contains "the bundle declares no state: an older policy cannot be seen" if _stateless
