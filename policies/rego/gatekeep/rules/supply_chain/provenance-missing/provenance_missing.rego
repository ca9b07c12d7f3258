# METADATA
# title: Build provenance exists and is believed
# description: |
#   Each artifact that would run has build provenance, about itself or about the index it
#   belongs to, whose signer the trust policy lets say so.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.2/verifying-artifacts
# custom:
#   severity: block
#   stages: [predeploy, admission]
#   waivable: true
#   evidence: [provenance]
#   remedy: Build on an approved builder that signs provenance.
package gatekeep.rules.supply_chain["provenance-missing"]

import data.gatekeep.lib.statement
import data.gatekeep.result

# METADATA
# description: the artifacts that would run
observed := statement.artifacts

# METADATA
# description: one finding for each artifact without believed provenance
violations contains finding if {
	some digest in statement.artifacts
	count(statement.covering("provenance", digest)) == 0
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("No believed build provenance for %s", [statement.artifact(digest)]),
		digest,
	)
}
