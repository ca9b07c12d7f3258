# METADATA
# title: No blocking finding of static analysis
# description: |
#   No finding of a blocking severity is new, or open for longer than its severity allows.
#   A comment in the code suppresses nothing; a decision kept outside of the code does.
# related_resources:
#   - ref: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
#   - ref: https://doi.org/10.6028/NIST.SP.800-218
# custom:
#   severity: block
#   stages: [build, predeploy]
#   waivable: true
#   evidence: [sast]
#   remedy: Fix the code, or get a waiver for this fingerprint.
package gatekeep.rules.supply_chain["sast-blocking"]

import data.gatekeep.lib.age
import data.gatekeep.lib.statement
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: the list of what static analysis found
needs := {"findings.sast"}

# METADATA
# description: the results of static analysis
observed := statement.ids("sast")

# METADATA
# description: one finding for each flaw that may not stay
violations contains finding if {
	some fingerprint, flaw in input.findings.sast
	not _tolerated(flaw)
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("%v (%v) at %v, %v, %s", [
			text.field(flaw, "rule"),
			text.field(flaw, "severity"),
			text.field(flaw, "location"),
			text.field(flaw, "baseline_state"),
			age.since(flaw),
		]),
		fingerprint,
	)
}

# severities that an analyser may give; any other could be the worst
_severities := {"critical", "high", "medium", "low"}

_tolerated(flaw) if {
	flaw.severity in _severities
	is_array(data.gatekeep.params.supply_chain.sast_block)
	count(data.gatekeep.params.supply_chain.sast_block) > 0
	not flaw.severity in data.gatekeep.params.supply_chain.sast_block
}

_tolerated(flaw) if flaw.suppression == "external"

_tolerated(flaw) if flaw.baseline_state == "absent"

_tolerated(flaw) if {
	flaw.baseline_state == "unchanged"
	age.within(flaw.first_seen, _days(flaw))
}

_tolerated(flaw) if {
	flaw.baseline_state == "unchanged"
	_days(flaw) == null
}

_days(flaw) := age.days(
	object.get(data.gatekeep.params.supply_chain, "sast_grace_days", {}),
	text.field(flaw, "severity"),
)
