# METADATA
# title: The bill of materials is true
# description: |
#   Where the gate made the SBOM of an artifact itself (gatekeep check --verify-sbom),
#   every component that it found stands in each attested SBOM of that artifact.
#   Components are compared by type, name and version. With the parameter
#   sbom_absent_blocks, the reverse is asked as well.
# related_resources:
#   - ref: https://www.ntia.gov/report/2021/minimum-elements-software-bill-materials-sbom
# custom:
#   severity: block
#   stages: [predeploy]
#   waivable: true
#   evidence: [sbom]
#   remedy: Generate the SBOM from the built artifact, with everything in it, and attest it again.
package gatekeep.rules.supply_chain["sbom-untrue"]

import data.gatekeep.lib.statement
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: nothing is asked where the gate was not told to look into the artifacts
applies := false if {
	object.get(input, "sbom_checks", "not looked") == "not looked"
	data.gatekeep.params.supply_chain.verify_sbom == false
}

# METADATA
# description: what the gate found must be handed over where the organisation asks for it
needs := {"sbom_checks"}

# METADATA
# description: the artifacts that the gate looked into
observed := {digest | some digest, _ in input.sbom_checks}

# METADATA
# description: one finding for each attested SBOM that leaves a component out
violations contains finding if {
	some digest, checks in input.sbom_checks
	some check in checks
	_some(check, "undeclared")
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("SBOM %v of %s does not declare %v that are in it: %s", [
			text.field(check, "attestation"),
			statement.artifact(digest),
			_number(check, "undeclared_count"),
			text.list({purl | some purl in check.undeclared}),
		]),
		digest,
	)
}

# METADATA
# description: one finding for each attested SBOM that declares what is not there
violations contains finding if {
	data.gatekeep.params.supply_chain.sbom_absent_blocks != false
	some digest, checks in input.sbom_checks
	some check in checks
	_some(check, "absent")
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("SBOM %v of %s declares %v that are not in it: %s", [
			text.field(check, "attestation"),
			statement.artifact(digest),
			_number(check, "absent_count"),
			text.list({purl | some purl in check.absent}),
		]),
		digest,
	)
}

# METADATA
# description: an artifact that was not looked into, or without any SBOM to hold against it
unseen contains finding if {
	some digest in statement.artifacts
	count(object.get(input.sbom_checks, digest, [])) == 0
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("No attested SBOM of %s was held against the artifact", [statement.artifact(digest)]),
		digest,
	)
}

# true where there are some, or nobody can say that there are none
_some(check, list) if not _none(check, list)

_none(check, list) if {
	check[list] == []
	check[sprintf("%s_count", [list])] == 0
}

_number(check, field) := object.get(check, field, "an unknown number of components")
