# METADATA
# title: Independence of approvers can be proven
# description: |
#   In production each contributor, the actor and who it acts for must belong to a known
#   person. Somebody unknown could be the same person as an approver.
# related_resources:
#   - ref: https://csrc.nist.gov/pubs/sp/800/53/r5/upd1/final
#     description: NIST SP 800-53 Rev. 5, AC-5 separation of duties
#   - ref: https://slsa.dev/spec/v1.2/source-requirements
#     description: SLSA v1.2, source track, strong identities of contributors
# custom:
#   severity: block
#   stages: [predeploy]
#   waivable: true
#   evidence: [source-review]
#   remedy: Map the account to a person, or have the commits re-authored and reviewed.
package gatekeep.rules.rbac["contributor-unmapped"]

import data.gatekeep.lib.person
import data.gatekeep.result

# METADATA
# description: only a tier that is certainly below production goes without
applies := false if input.environment.tier in {"staging", "development"}

# METADATA
# description: whose change it is must be told
needs := {"request.actor.principal", "source.contributors"}

# METADATA
# description: one finding for each account that belongs to nobody known
violations contains finding if {
	some at, message in _unprovable
	finding := result.fail(rego.metadata.chain(), message, at)
}

_unprovable[principal] := sprintf("%v has a part in this change and %s", [
	principal,
	"is not mapped to a person, so approvers cannot be shown to be independent",
]) if {
	some principal in _accounts
	not person.id(principal)
}

_unprovable["contributors"] := sprintf("%s, %s", [
	"Nobody says who contributed to this change",
	"so approvers cannot be shown to be independent",
]) if {
	not _contributors_told
}

_contributors_told if count(input.source.contributors) > 0

_accounts contains principal if some principal in input.source.contributors

_accounts contains input.request.actor.principal

_accounts contains input.request.on_behalf_of if input.request.on_behalf_of != ""
