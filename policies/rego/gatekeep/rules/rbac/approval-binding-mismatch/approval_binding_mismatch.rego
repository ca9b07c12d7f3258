# METADATA
# title: Approvals are for this request
# description: |
#   An approval that was signed for another digest, another environment or another request
#   is shown here and never counted.
# related_resources:
#   - ref: https://www.ecfr.gov/current/title-21/section-11.70
#     description: 21 CFR 11.70, a signature is linked to its record
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, AU-10 non-repudiation
# custom:
#   severity: warn
#   stages: [predeploy]
#   waivable: false
#   evidence: [approval]
#   remedy: Ask for an approval of this request.
package gatekeep.rules.rbac["approval-binding-mismatch"]

import data.gatekeep.lib.approval
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: what approvals are compared with
needs := {"approvals", "environment.name", "request.binding", "subject.digest"}

# METADATA
# description: one finding for each approval that was given for something else
violations contains finding if {
	some id, word in input.approvals
	others := {other | some name in approval.reasons(word); other := _other(name, word)}
	count(others) > 0
	message := sprintf("Approval %v by %v is not for this request: it is for %s", [
		id,
		text.field(word, "principal"),
		concat(" and ", sort(others)),
	])
	finding := result.fail(rego.metadata.chain(), message, id)
}

# what an approval was given for instead
_other("other digest", word) := _another("digest", text.field(word, "digest"))

_other("other environment", word) := _another("environment", text.field(word, "environment"))

_other("other request", word) := _another("request", text.field(word, "binding"))

_another(what, which) := sprintf("another %s (%v)", [what, which])
