# METADATA
# title: Gate
# description: |
#   The one entrypoint. It finds the regimes that are active, asks every rule that
#   their controls name, and says an outcome for each. Silence is never a pass.
package gatekeep.main

import data.gatekeep.lib.approval
import data.gatekeep.lib.duty
import data.gatekeep.lib.freeze
import data.gatekeep.lib.grant
import data.gatekeep.verdict

# METADATA
# title: Decision
# description: outcome of the whole request, what each rule said, and what an open gate uses up
# entrypoint: true
decision := {
	"outcome": outcome,
	"results": results,
	"effects": effects,
}

# METADATA
# description: |
#   the regimes that judge this request. They only add: the caller, the service, the
#   environment, the organisation and the classes of data can each bring one in, and
#   nothing takes one out
active contains "core"

active contains regime if some regime in input.regimes

active contains regime if some regime in input.service.regimes

active contains regime if some regime in input.environment.regimes

active contains regime if some regime in data.gatekeep.org.baseline_regimes

active contains regime if {
	some class in input.service.data_classes
	some regime in data.gatekeep.org.regime_triggers[class]
}

# METADATA
# description: one result for each active regime, control and rule
results contains result if {
	some regime in active
	some control in data.gatekeep.regimes[regime].controls
	some rule in control.rules
	said := verdicts[rule]
	result := object.union({"regime": regime, "control": control.id, "rule": rule}, said)
}

# METADATA
# description: a regime that nobody declared is not a pass
results contains result if {
	some regime in active
	not declared(regime)
	result := {
		"regime": regime,
		"control": "",
		"rule": "",
		"outcome": "indeterminate",
		"severity": "block",
		"findings": [{
			"rule": "",
			"message": sprintf("no such regime: %q", [regime]),
			"at": regime,
			"severity": "block",
			"remedy": "Name a regime that the policy declares.",
		}],
		"notes": [],
	}
}

# METADATA
# description: true where the regime has at least one control that names a rule
declared(regime) if count(data.gatekeep.regimes[regime].controls[_].rules) > 0

# METADATA
# description: what each rule that was asked says; a rule under many controls speaks once
verdicts[rule] := verdict.of(rule) if {
	some regime in active
	some control in data.gatekeep.regimes[regime].controls
	some rule in control.rules
}

# METADATA
# description: the gate opens only where something was asked and nothing stands against it
default outcome := "indeterminate"

outcome := "fail" if {
	some result in standing
	result.outcome == "fail"
}

outcome := "pass" if {
	input.schema == "gatekeep.dev/input/v1"
	count(standing) == 0
	spoken
}

# METADATA
# description: |
#   what stands against opening: every result that is not known to be good. A result
#   is set aside only where its severity is certainly "warn"
standing contains result if {
	some result in results
	result.severity != "warn"
	not result.outcome in {"pass", "waived", "not_applicable"}
}

# METADATA
# description: a rule outside the gate's own invariants looked and was content
spoken if {
	some result in results
	result.regime != "core"
	result.outcome in {"pass", "waived"}
}

# METADATA
# description: what an open gate uses up, for the host to commit in one step
default effects := {
	"consume_nonces": [],
	"use_grants": [],
	"use_exemptions": [],
	"approvals": [],
	"obligations": [],
	"close_obligations": [],
}

effects := {
	"consume_nonces": sort({input.request.nonce | input.request.nonce != ""} | approval.counted_nonces),
	"use_grants": sort(used_grants),
	"use_exemptions": sort(freeze.used_exemptions),
	"approvals": sort(approval.counted_ids),
	"obligations": [duty.left_by(id) | some id in sort(used_grants)],
	"close_obligations": sort(duty.answered),
} if {
	outcome == "pass"
}

# METADATA
# description: |
#   the grants that an emergency used: those that excused a finding, and where none was
#   needed for that the first that let it through at all
used_grants := excusing_grants if {
	count(excusing_grants) > 0
} else := {sort(grant.usable)[0]} if {
	input.request.emergency == true
	count(grant.usable) > 0
} else := set()

# METADATA
# description: ids of the grants that excused a finding
excusing_grants contains finding.excuse if {
	some result in results
	result.outcome == "waived"
	some finding in result.findings
	input.grants[finding.excuse]
}
