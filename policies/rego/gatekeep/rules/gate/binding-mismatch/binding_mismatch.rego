# METADATA
# title: Binding covers exactly what will be deployed
# description: |
#   Approvals, exemptions and grants name the binding of a request. It is computed again
#   here from what would be deployed, so that none of them can be moved to anything else.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/fips/180-4/upd1/final
#     description: FIPS 180-4, SHA-256
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, AU-10(1) association of identities and AU-10(2) binding
# custom:
#   severity: block
#   stages: [predeploy, admission]
#   waivable: false
#   evidence: []
#   remedy: Build the request again from the final inputs.
package gatekeep.rules.gate["binding-mismatch"]

import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: fields without which there is nothing to compare with
needs := {
	"service.name", "action.type", "action.targets", "subject.digest", "environment.name",
	"request.plan", "request.change",
}

# METADATA
# description: a binding that is not that of the request, and fields that could pass for others
violations contains finding if {
	some [message, at] in _problems
	finding := result.fail(rego.metadata.chain(), message, at)
}

_problems contains [message, given] if {
	not _same
	given := text.show(["request", "binding"])
	message := sprintf("Request binding %v does not match the recomputed %v", [given, _computed])
}

_problems contains [message, field] if {
	some [field, why] in _ambiguous
	message := sprintf("Request binding cannot hold %v: it %v", [field, why])
}

_same if input.request.binding == binding

_computed := binding if {
	binding
} else := "(not to be computed: a field is missing)"

# METADATA
# description: digest over the lines, as approvals carry it
binding := sprintf("sha256:%s", [crypto.sha256(concat("\n", lines))])

# METADATA
# description: what a request is bound to, in the order in which it is hashed
lines := [
	"gatekeep-binding-v1",
	input.service.name,
	input.action.type,
	input.subject.digest,
	input.environment.name,
	concat(",", sort(input.action.targets)),
	_or_dash(input.request.plan),
	"-", # digest of a migration set
	"-", # digest of a flag set
	_or_dash(input.request.change),
]

_or_dash("") := "-"

_or_dash(text) := text if text != ""

# A field with a separator in it could pass for two.
_ambiguous contains [field, "has a line break"] if {
	some field, path in {
		"service.name": ["service", "name"],
		"action.type": ["action", "type"],
		"subject.digest": ["subject", "digest"],
		"environment.name": ["environment", "name"],
		"request.plan": ["request", "plan"],
		"request.change": ["request", "change"],
	}
	regex.match(`[\r\n]`, text.show(path))
}

_ambiguous contains ["action.targets", "has a line break"] if {
	some target in input.action.targets
	regex.match(`[\r\n]`, target)
}

_ambiguous contains ["action.targets", "has a comma in a name"] if {
	some target in input.action.targets
	contains(target, ",")
}

_ambiguous contains ["action.targets", "has an empty name"] if "" in input.action.targets
