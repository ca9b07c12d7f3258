# METADATA
# title: Subject is pinned by digest
# description: |
#   A tag can be moved after it was judged. The subject, each thing that would run and all
#   that covers them are named by what they contain.
# related_resources:
#   - ref: https://github.com/opencontainers/image-spec/blob/main/descriptor.md
#     description: OCI image specification, digests
#   - ref: https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
#     description: in-toto Statement v1, subjects are matched by digest
# custom:
#   severity: block
#   stages: [build, predeploy, admission]
#   waivable: false
#   evidence: []
#   remedy: Deploy by digest, not by tag.
package gatekeep.rules.gate["subject-digest-pinned"]

import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: what would run
needs := {"subject.artifacts"}

# METADATA
# description: one finding for each thing that is not named by a digest
violations contains finding if {
	some [what, name] in _loose
	message := sprintf("%v %v is not identified by a sha256 or sha512 digest", [what, name])
	finding := result.fail(rego.metadata.chain(), message, name)
}

_loose contains ["Subject", text.show(["subject", "ref"])] if {
	not _subject_pinned
}

_loose contains ["Artifact", name] if {
	some name, _ in input.subject.artifacts
	not pinned(name)
}

_loose contains ["Cover of an artifact,", name] if {
	some artifact in input.subject.artifacts
	some name in artifact.covered_by
	not pinned(name)
}

# OPA reads the arguments of a negated call first: a missing one would hide the finding.
_subject_pinned if pinned(input.subject.digest)

# METADATA
# description: true for a digest of an algorithm that is not known to collide
pinned(digest) if {
	is_string(digest)
	regex.match(`^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$`, digest)
}
