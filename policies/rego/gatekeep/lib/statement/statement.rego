# METADATA
# title: Statements
# description: |
#   The host verified signatures and signers before a statement reached the input. What
#   is asked again here is what a rule relies on: its kind, its status and its subject.
package gatekeep.lib.statement

# METADATA
# description: believed statements of a kind, whatever they are about
of_kind(kind) := [item |
	some id in object.get(input.attestations.by_kind, kind, [])
	item := input.attestations.items[id]
	item.kind == kind
	item.verification.status in {"verified", "unsigned_allowed"}
]

# METADATA
# description: believed statements of a kind about an artifact or what it belongs to
covering(kind, digest) := [item |
	some item in of_kind(kind)
	some covered in input.subject.artifacts[digest].covered_by
	covered in item.subject_digests
]

# METADATA
# description: believed statements of a kind about exactly this digest
about(kind, digest) := [item |
	some item in of_kind(kind)
	digest in item.subject_digests
]

# METADATA
# description: name and platform of an artifact, for messages
artifact(digest) := sprintf("%s (%s)", [digest, platform]) if {
	platform := input.subject.artifacts[digest].platform
	platform != ""
} else := digest
