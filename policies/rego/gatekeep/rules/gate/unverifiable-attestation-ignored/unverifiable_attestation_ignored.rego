# METADATA
# title: Attestations that failed verification are reported, never used
# description: |
#   A document that nobody trusted signed counts as absent. It only warns, since otherwise
#   anybody who can push one could stop a release.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.1/verifying-artifacts
#     description: SLSA v1.1, verifying artifacts
#   - ref: https://github.com/in-toto/attestation/blob/main/docs/validation.md
#     description: in-toto attestation validation model
# custom:
#   severity: warn
#   stages: [predeploy, admission]
#   waivable: false
#   evidence: []
#   remedy: Remove the document or have it signed by somebody who is trusted to say it.
package gatekeep.rules.gate["unverifiable-attestation-ignored"]

import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: the list of documents that were not believed
needs := {"rejected"}

# METADATA
# description: one finding for each document that was found and not believed
violations contains finding if {
	some id, document in input.rejected
	message := sprintf("Attestation %v (%v) was ignored: %v (%v)", [
		text.field(document, "name"),
		text.field(document, "predicate_type"),
		text.field(document, "reason"),
		text.field(document, "detail"),
	])
	finding := result.fail(rego.metadata.chain(), message, id)
}
