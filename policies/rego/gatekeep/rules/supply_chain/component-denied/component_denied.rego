# METADATA
# title: No denied component
# description: |
#   No component on the organisation's deny list stands in an SBOM of an artifact that
#   would run. The list is looked up in the index of each SBOM.
# related_resources:
#   - ref: https://github.com/package-url/purl-spec
# custom:
#   severity: block
#   stages: [predeploy]
#   waivable: true
#   evidence: [sbom]
#   remedy: Remove the component or replace it.
package gatekeep.rules.supply_chain["component-denied"]

import data.gatekeep.lib.statement
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: the SBOMs that could be looked into
observed contains ref if {
	some entry in input.sboms[_]
	_loaded(entry)
	ref := entry.ref
}

# METADATA
# description: an SBOM that was handed over and is not loaded hides its components
unseen contains finding if {
	some digest, entries in input.sboms
	some entry in entries
	not _loaded(entry)
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("SBOM %v of %s is not loaded", [
			text.field(entry, "ref"),
			statement.artifact(digest),
		]),
		digest,
	)
}

# METADATA
# description: without the list nothing can be looked for
unseen contains finding if {
	not _denied_told
	message := "The list of denied components cannot be read"
	finding := result.fail(rego.metadata.chain(), message, "denied_components")
}

# METADATA
# description: |
#   a component without a readable package URL that has the name, and the version or none,
#   of a denied one may be it
unseen contains finding if {
	some purl, _ in data.gatekeep.org.denied_components
	some ref in observed
	some name in _names(purl)
	some version in data.sboms[ref].unidentified_by_name[name]
	version in {"", _version(purl)}
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("Component %q of %s has no readable package URL, and may be %s, which is denied", [
			name,
			text.list(_of(ref)),
			purl,
		]),
		purl,
	)
}

# the names that a denied component may stand under where no package URL names it
_names(purl) := {lower(last), lower(concat("/", array.slice(segments, 1, count(segments)))), lower(concat(":", array.slice(segments, 1, count(segments))))} if {
	segments := _segments(purl)
	last := segments[count(segments) - 1]
}

# type, namespace and name, decoded
_segments(purl) := [urlquery.decode(segment) |
	some i, raw in segments
	segment := {true: split(raw, "@")[0], false: raw}[i == (count(segments) - 1)]
] if {
	segments := split(purl, "/")
}

_version(purl) := urlquery.decode(split(segments[count(segments) - 1], "@")[1]) if {
	segments := split(purl, "/")
}

_denied_told if is_object(data.gatekeep.org.denied_components)

# METADATA
# description: one finding for each denied component of each SBOM that holds it
violations contains finding if {
	some purl, reason in data.gatekeep.org.denied_components
	some ref in observed
	_ = data.sboms[ref].by_purl[purl]
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("Component %s of %s is denied: %v", [purl, text.list(_of(ref)), reason]),
		purl,
	)
}

_loaded(entry) if is_object(data.sboms[entry.ref].by_purl)

# the artifacts that an SBOM describes
_of(ref) := {statement.artifact(digest) |
	some digest, entries in input.sboms
	some entry in entries
	entry.ref == ref
}
