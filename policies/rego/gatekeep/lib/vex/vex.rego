# METADATA
# title: VEX
# description: |
#   Which findings a vulnerability exchange statement lifts. The newest statement about a
#   vulnerability in a product decides, and of equally new ones the worst. Lifting needs
#   positive proof; whatever cannot be read speaks against it.
# related_resources:
#   - ref: https://github.com/openvex/spec/blob/main/OPENVEX-SPEC.md
package gatekeep.lib.vex

import data.gatekeep.lib.clock
import data.gatekeep.lib.statement

# METADATA
# description: ids of the statements that lift a finding; none where it stands
lifting(finding) := {said.attestation |
	some said in statements(finding)
	count(problems(said, finding)) == 0
	not contradicted(said, finding)
}

# METADATA
# description: what is said about the vulnerability under its id and its aliases
statements(finding) := [said |
	some id in names(finding)
	some said in input.vex[id]
]

# METADATA
# description: every name that a vulnerability has
names(finding) := {id | id := finding.id} | {id | some id in finding.aliases}

# METADATA
# description: names of the checks that a statement fails, so that it cannot lift the finding
problems(said, finding) := {name | some name in checks; not check(name, said, finding)}

# METADATA
# description: every check that a statement must pass to lift a finding
checks := {"not believed", "from the future", "other product", "affected", "no justification"}

# METADATA
# description: one named check of a statement
check("not believed", said, _) if said.attestation in statement.ids("vex")

check("from the future", said, _) if clock.certainly_after(clock.ns(said.timestamp))

check("other product", said, finding) if finding.purl in said.products

check("other product", said, finding) if without_qualifiers(finding.purl) in said.products

check("other product", said, finding) if wherever_found(said, finding)

check("affected", said, _) if said.status in {"not_affected", "fixed"}

check("no justification", said, _) if said.status == "fixed"

check("no justification", said, _) if {
	said.justification in data.gatekeep.params.supply_chain.vex_justifications
}

# METADATA
# description: |
#   true where another statement, which cannot lift the finding itself, is not certainly
#   older, and neither certainly ahead nor certainly about something else
contradicted(said, finding) if {
	some other in statements(finding)
	count(problems(other, finding)) > 0
	not older(other, said)
	not ahead(other)
	not elsewhere(other, finding)
}

# METADATA
# description: true where one statement was certainly made before another
older(other, said) if clock.ns(other.timestamp) < clock.ns(said.timestamp)

# METADATA
# description: true where a statement is certainly dated in the future
ahead(said) if clock.certainly_before(clock.ns(said.timestamp))

# METADATA
# description: true where a statement names products, and none of them is or holds the component
elsewhere(said, finding) if {
	count(said.products) > 0
	every product in said.products {
		product != ""
		without_qualifiers(product) != without_qualifiers(finding.purl)
		not product in subject_digests
	}
}

# METADATA
# description: every digest that names the subject, one of its artifacts or what covers them
subject_digests contains input.subject.digest

subject_digests contains digest if {
	some _, artifact in input.subject.artifacts
	some digest in artifact.covered_by
}

# METADATA
# description: |
#   true where the products of a statement are digests that cover every artifact in which
#   the finding was found
wherever_found(said, finding) if {
	count(finding.attestations) > 0
	every id in finding.attestations {
		found := found_in(id)
		count(found) > 0
		every digest in found {
			some covered in input.subject.artifacts[digest].covered_by
			covered in said.products
		}
	}
}

# METADATA
# description: the artifacts that a scan is about
found_in(id) := {digest |
	some digest in statement.artifacts
	statement.covers(input.attestations.items[id], digest)
}

# METADATA
# description: a package URL without qualifiers and subpath
without_qualifiers(purl) := split(split(purl, "#")[0], "?")[0]
