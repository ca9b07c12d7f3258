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
#   a component that no package URL names with its version may be the denied one whose
#   name it has, where its version is the denied one or is not told
unseen contains finding if {
	some purl, _ in data.gatekeep.org.denied_components
	some ref in observed
	some name in _names(purl)
	versions := data.sboms[ref].unidentified_by_name[name]
	some version in versions
	_plain(version) in (_untold | {_plain(_version(purl))})
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("Component %q of %s has no readable package URL with its version, and may be %s, which is denied", [
			name,
			text.list(_of(ref)),
			purl,
		]),
		purl,
	)
}

# what generators write where they do not know the version
_untold := {"", "noassertion", "none", "unknown", "(devel)"}

# the names that a denied component may stand under where no package URL names it
_names(purl) := {_fold(name) | some name in {path[count(path) - 1], concat("/", path), concat(":", path)}} if {
	path := _path(purl)
}

# namespace and name, decoded. What follows the last @ is the version.
_path(purl) := [_decode(segment) | some segment in array.slice(segments, 1, count(segments))] if {
	parts := split(purl, "@")
	segments := split(concat("@", array.slice(parts, 0, count(parts) - 1)), "/")
}

_version(purl) := _decode(parts[count(parts) - 1]) if parts := split(purl, "@")

# a plus sign stands for itself in a package URL
_decode(part) := urlquery.decode(replace(part, "+", "%2B"))

# as the index folds names
_fold(name) := regex.replace(lower(trim_space(name)), `[-_.]+`, "-")

_plain(version) := trim_prefix(lower(trim_space(version)), "v")

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
