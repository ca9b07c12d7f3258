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
# description: ids of the documents whose statements lift a finding; none where it stands
lifting(finding) := {said.attestation | some said in lifters(finding)}

# METADATA
# description: the statements that lift a finding; none where it stands
lifters(finding) := [said |
	some id in own_names(finding)
	some said in input.vex[id]
	count(problems(said, finding)) == 0
	not contradicted(said, finding)
	speaks_there(said, finding)
]

# METADATA
# description: |
#   true where the statement is attested to every artifact in which the finding was found,
#   or to what covers it: VEX for one platform says nothing of another
speaks_there(said, finding) if {
	document := input.attestations.items[said.attestation]
	count(finding.attestations) > 0
	every id in finding.attestations {
		found := found_in(id)
		count(found) > 0
		every digest in found {
			statement.covers(document, digest)
		}
	}
}

# METADATA
# description: what is said about the vulnerability under its id and its aliases
statements(finding) := [said |
	some id in names(finding)
	some said in input.vex[id]
]

# METADATA
# description: |
#   the names that are those of one vulnerability alone. An advisory of a distribution or
#   of an ecosystem may be about several: what is said of it lifts nothing by an alias
own_names(finding) := {id |
	some id in names(finding)
	regex.match(`^(CVE-[0-9]{4}-[0-9]+|GHSA(-[0-9a-z]{4}){3})$`, id)
} | {id | id := finding.id}

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

check("other product", said, finding) if {
	finding.purl != ""
	finding.purl in said.products
}

check("other product", said, finding) if {
	some product in said.products
	covers(product, finding)
}

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
	not elsewhere(other, said, finding)
}

# METADATA
# description: true where one statement was certainly made before another
older(other, said) if clock.ns(other.timestamp) < clock.ns(said.timestamp)

# METADATA
# description: true where a statement is certainly dated in the future
ahead(said) if clock.certainly_before(clock.ns(said.timestamp))

# METADATA
# description: |
#   true where a statement names products, and none of them is or holds the component. A
#   range in which the component may lie is one of them, and so is what cannot be
#   compared with it, unless the advisory that lifts sets it apart in its own tree
elsewhere(other, said, finding) if {
	ranges := object.get(other, "ranges", [])
	count(other.products) + count(ranges) > 0
	every product in other.products {
		set_apart(product, other, said)
		distinct(product, finding.purl)
		not product in subject_digests
	}
	every range in ranges {
		name(range.purl) != name(finding.purl)
	}
}

# METADATA
# description: true where a product is not one that could be anything
set_apart(product, _, _) if not product in {"", "product-tree"}

set_apart("product-tree", other, said) if other.attestation == said.attestation

# METADATA
# description: |
#   true where a product is the component: of its name; of its version, or of all where
#   the product has none; with each qualifier and the subpath that the product has
covers(product, finding) if {
	split(product, ":")[0] == "pkg"
	name(product) == name(finding.purl)
	version(product) in {"", version(finding.purl)}
	every purl in written(finding) {
		count(qualifiers(product) - qualifiers(purl)) == 0
		subpath(product) in {"", subpath(purl)}
	}
}

# METADATA
# description: true where two purls name different packages, or different versions of one
distinct(product, purl) if name(product) != name(purl)

distinct(product, purl) if {
	versions := {version(product), version(purl)}
	count(versions) == 2
	every version in versions {
		version != ""
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
# description: |
#   the purls that scanners wrote for the component of a finding, with qualifiers and
#   subpath; the one that it is listed by where they wrote no more
written(finding) := finding.purls if {
	count(finding.purls) > 0
} else := [finding.purl]

# METADATA
# description: a package URL without qualifiers and subpath
without_qualifiers(purl) := split(split(purl, "#")[0], "?")[0]

# METADATA
# description: type, namespace and name of a package URL
name(purl) := concat("/", array.concat(array.slice(segments, 0, last), [called])) if {
	segments := split(without_qualifiers(purl), "/")
	last := count(segments) - 1
	called := split(segments[last], "@")[0] # an "@" before that is part of a namespace
}

# METADATA
# description: |
#   version of a package URL as it is encoded, empty where there is none; those of Go
#   without the "v" that some leave out
version(purl) := substring(written_version, 1, -1) if {
	split(purl, "/")[0] == "pkg:golang"
	written_version := _written_version(purl)
	substring(written_version, 0, 1) == "v"
} else := _written_version(purl)

_written_version(purl) := split(segments[count(segments) - 1], "@")[1] if {
	segments := split(without_qualifiers(purl), "/")
} else := ""

# METADATA
# description: the qualifiers of a package URL, each as key=value
qualifiers(purl) := {pair | some pair in split(split(split(purl, "#")[0], "?")[1], "&")}

# METADATA
# description: the subpath of a package URL, empty where there is none
subpath(purl) := path if {
	path := split(purl, "#")[1]
} else := ""
