# METADATA
# title: No vulnerability past its remediation time
# description: |
#   No known vulnerability in an artifact that would run is exploited in the wild or open
#   for longer than its severity allows, unless a believed VEX statement lifts it. What a
#   believed feed says of exploitation counts beside the list of the organisation, unless
#   params.supply_chain.exploited_blocks is false.
# related_resources:
#   - ref: https://www.cisa.gov/known-exploited-vulnerabilities-catalog
#   - ref: https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
# custom:
#   severity: block
#   stages: [predeploy, admission, periodic]
#   waivable: true
#   evidence: [vulns, vex]
#   remedy: Upgrade the component, publish a signed VEX statement, or get a waiver for this id.
package gatekeep.rules.supply_chain["vuln-blocking"]

import data.gatekeep.lib.age
import data.gatekeep.lib.statement
import data.gatekeep.lib.text
import data.gatekeep.lib.vex
import data.gatekeep.result

# METADATA
# description: the list of what the scans found
needs := {"findings.sca"}

# METADATA
# description: the scans that looked at something that would run
observed contains scan.id if {
	some digest in statement.artifacts
	some scan in statement.covering("vulns", digest)
}

# METADATA
# description: one finding for each vulnerability of a component that may not stay
violations contains finding if {
	some key, vulnerability in input.findings.sca
	count(vex.lifting(vulnerability)) == 0
	not _tolerated(vulnerability)
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("%v (%s) in %v %s", [
			_name(vulnerability, key),
			_severity(vulnerability),
			text.field(vulnerability, "purl"),
			_why(vulnerability),
		]),
		_name(vulnerability, key),
	)
}

# METADATA
# description: what was lifted, by which documents and on what grounds
notes contains sprintf("%v in %v is lifted by VEX %v: %v", [
	_name(vulnerability, key),
	text.field(vulnerability, "purl"),
	said.attestation,
	_grounds(said),
]) if {
	some key, vulnerability in input.findings.sca
	some said in vex.lifters(vulnerability)
}

_grounds(said) := sprintf("%v, %v", [said.status, said.justification]) if {
	said.justification != ""
} else := text.field(said, "status")

# not known to be exploited, and either of no concern or certainly within its days
_tolerated(vulnerability) if {
	_unexploited(vulnerability)
	_days(vulnerability) == null
}

_tolerated(vulnerability) if {
	_unexploited(vulnerability)
	age.within(vulnerability.first_seen, _days(vulnerability))
}

# what has no name cannot be looked up
_unexploited(vulnerability) if {
	is_string(vulnerability.id)
	vulnerability.id != ""
	not _exploited(vulnerability)
}

_exploited(_) if not _kev_told

_exploited(vulnerability) if {
	some id in vex.names(vulnerability)
	data.gatekeep.org.kev[id]
}

_exploited(vulnerability) if {
	vulnerability.exploited
	object.get(data.gatekeep.params.supply_chain, "exploited_blocks", true) != false
}

# without the list any vulnerability may be on it
_kev_told if is_object(data.gatekeep.org.kev)

_name(vulnerability, key) := id if {
	id := vulnerability.id
} else := key

_severity(vulnerability) := severity if {
	severity := vulnerability.severity
} else := "unknown"

_days(vulnerability) := age.days(
	object.get(data.gatekeep.params.supply_chain, "remediation_days", {}),
	_severity(vulnerability),
)

_why(vulnerability) := "is exploited in the wild" if {
	_exploited(vulnerability)
} else := sprintf("is past its limit of %v days, %s", [
	_days(vulnerability),
	age.since(vulnerability),
])
