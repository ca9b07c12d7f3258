# METADATA
# title: Statements
# description: |
#   The host verified signatures and signers before a statement reached the input. What
#   is asked again here is what a rule relies on: its kind, its status and its subject.
package gatekeep.lib.statement

# METADATA
# description: digests of the things that would run
artifacts contains digest if some digest, _ in input.subject.artifacts

# METADATA
# description: |
#   true where a statement is believed; its kind is what it says itself, so a wrong
#   entry in the list of a kind cannot lend it another
believed(item) if item.verification.status in {"verified", "unsigned_allowed"}

# METADATA
# description: believed statements of a kind, whatever they are about
of_kind(kind) := [item |
	some id in input.attestations.by_kind[kind]
	item := input.attestations.items[id]
	item.kind == kind
	believed(item)
]

# METADATA
# description: ids of the believed statements of a kind
ids(kind) := {item.id | some item in of_kind(kind)}

# METADATA
# description: believed statements of a kind about an artifact or what it belongs to
covering(kind, digest) := [item |
	some item in of_kind(kind)
	covers(item, digest)
]

# METADATA
# description: true where a statement is about an artifact or what it belongs to
covers(item, digest) if {
	some covered in input.subject.artifacts[digest].covered_by
	covered in item.subject_digests
}

# METADATA
# description: believed statements of a kind about exactly this digest
about(kind, digest) := [item |
	some item in of_kind(kind)
	digest in item.subject_digests
]

# METADATA
# description: digest and platform of an artifact, for messages
artifact(digest) := sprintf("%s (%s)", [digest, platform]) if {
	platform := input.subject.artifacts[digest].platform
	platform != ""
} else := digest
