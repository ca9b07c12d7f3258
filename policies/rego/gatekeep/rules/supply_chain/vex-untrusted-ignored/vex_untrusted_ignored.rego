# METADATA
# title: VEX that is not believed is ignored
# description: |
#   Names VEX documents that lift nothing because the trust policy does not let their
#   signer speak. The signer decides, not the author that the document names.
# related_resources:
#   - ref: https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
# custom:
#   severity: warn
#   stages: [predeploy]
#   waivable: false
#   evidence: [vex]
#   remedy: Have the product security team sign the statement.
package gatekeep.rules.supply_chain["vex-untrusted-ignored"]

import data.gatekeep.lib.statement
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: the list of documents that were not believed
needs := {"rejected", "vex"}

# METADATA
# description: each VEX document that was not believed, save one about something else
violations contains finding if {
	some id, rejection in input.rejected
	rejection.kind == "vex"
	object.get(rejection, "reason", "") != "subject_mismatch"
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("VEX document %v from %v was ignored: %v", [
			text.field(rejection, "name"),
			text.field(rejection, "source"),
			_why(rejection),
		]),
		id,
	)
}

# METADATA
# description: each vulnerability with a statement that stands on no believed document
violations contains finding if {
	some id, statements in input.vex
	some said in statements
	not text.field(said, "attestation") in statement.ids("vex")
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("VEX statement for %s was ignored: %v is not a believed VEX document", [
			id,
			text.field(said, "attestation"),
		]),
		id,
	)
}

_why(rejection) := sprintf("%v, signer %v", [reason, rejection.signer]) if {
	reason := text.field(rejection, "reason")
	rejection.signer != ""
} else := text.field(rejection, "reason")
