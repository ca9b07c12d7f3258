# METADATA
# title: A bill of materials exists for each artifact
# description: |
#   Each artifact that would run has a believed SBOM about exactly its digest, and the
#   document that was loaded is the one that was signed.
# related_resources:
#   - ref: https://www.ntia.gov/report/2021/minimum-elements-software-bill-materials-sbom
# custom:
#   severity: block
#   stages: [predeploy, admission]
#   waivable: true
#   evidence: [sbom]
#   remedy: Generate the SBOM from the built artifact of each platform and attest it.
package gatekeep.rules.supply_chain["sbom-missing"]

import data.gatekeep.lib.statement
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: the artifacts that would run
observed := statement.artifacts

# METADATA
# description: one finding for each artifact without a usable SBOM
violations contains finding if {
	some digest in statement.artifacts
	not _described(digest)
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("No usable SBOM of %s: %s", [statement.artifact(digest), _why(digest)]),
		digest,
	)
}

_described(digest) if {
	some entry in input.sboms[digest]
	count(_problems(entry, digest)) == 0
}

_problems(entry, digest) := {name | some name in _checks; not _check(name, entry, digest)}

_checks := {
	"not attested for this digest", "loaded document is not the attested one",
	"document not loaded", "too few components",
}

_check("not attested for this digest", entry, digest) if {
	some item in statement.about("sbom", digest)
	item.id == entry.attestation
}

_check("loaded document is not the attested one", entry, _) if {
	input.attestations.items[entry.attestation].claims.content_digest == entry.ref
}

_check("document not loaded", entry, _) if is_object(data.sboms[entry.ref].by_purl)

_check("too few components", entry, _) if {
	is_number(entry.component_count)
	is_number(data.gatekeep.params.supply_chain.min_components)
	entry.component_count >= data.gatekeep.params.supply_chain.min_components
}

# what is wrong with each SBOM of the artifact
_why(digest) := concat("; ", sort([said |
	some entry in input.sboms[digest]
	said := sprintf("%v: %s", [text.field(entry, "attestation"), text.list(_problems(entry, digest))])
])) if {
	count(input.sboms[digest]) > 0
} else := "none is attested"
