# METADATA
# title: Built from the expected source by an allowed builder
# description: |
#   Each artifact that has provenance has one that names a builder, source, build type and
#   ref which the organisation expects of the service, and the commit of the request.
# related_resources:
#   - ref: https://slsa.dev/spec/v1.2/verifying-artifacts
# custom:
#   severity: block
#   stages: [predeploy, admission]
#   waivable: false
#   evidence: [provenance]
#   remedy: Build from the registered repository with the registered workflow.
package gatekeep.rules.supply_chain["provenance-unexpected"]

import data.gatekeep.lib.statement
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: facts without which provenance cannot be compared
needs := {"service.name", "subject.commit"}

# METADATA
# description: the artifacts that would run
observed := statement.artifacts

# METADATA
# description: |
#   false where artifacts are named and none has provenance, which is for another rule to say
applies := false if {
	count(statement.artifacts) > 0
	is_object(input.attestations.items)
	is_object(input.attestations.by_kind)
	count(_built) == 0
}

# artifacts with provenance
_built contains digest if {
	some digest in statement.artifacts
	count(statement.covering("provenance", digest)) > 0
}

# METADATA
# description: a service of which nothing is expected meets no expectation
violations contains finding if {
	not _registered
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("No expectation registered for service %s", [text.show(["service", "name"])]),
		text.show(["service", "name"]),
	)
}

# METADATA
# description: one finding for each artifact none of whose provenance is as expected
violations contains finding if {
	_registered
	some digest in _built
	not _expected(digest)
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("Provenance of %s does not meet the expectations of service %s: %s", [
			statement.artifact(digest),
			text.show(["service", "name"]),
			concat("; ", sort([_said(item) | some item in statement.covering("provenance", digest)])),
		]),
		digest,
	)
}

_registered if is_object(_expectation)

_expectation := data.gatekeep.org.expectations[input.service.name]

_expected(digest) if {
	some item in statement.covering("provenance", digest)
	count(_differences(item)) == 0
}

# fields of the claims by their name in messages
_fields := {
	"builder": "builder_id",
	"source": "source_uri",
	"build type": "build_type",
	"ref": "source_ref",
	"commit": "source_commit",
}

# names of the fields in which provenance is not as expected
_differences(item) := {name | some name, _ in _fields; not _meets(name, item)}

_meets("builder", item) if item.claims.builder_id in _expectation.builders

_meets("source", item) if item.claims.source_uri == _expectation.source_uri

_meets("build type", item) if item.claims.build_type in _expectation.build_types

_meets("ref", item) if glob.match(_expectation.ref_glob, ["/"], item.claims.source_ref)

_meets("commit", item) if {
	input.subject.commit != ""
	item.claims.source_commit == input.subject.commit
}

_said(item) := sprintf("%s differs in %s", [item.id, text.list([described |
	some name in _differences(item)
	described := sprintf("%s %v", [name, object.get(item, ["claims", _fields[name]], "(missing)")])
])])
