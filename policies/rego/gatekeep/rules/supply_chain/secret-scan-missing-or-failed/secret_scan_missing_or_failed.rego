# METADATA
# title: Secret scans passed for all scopes
# description: |
#   Each scope has a believed secret scan whose findings are all closed, and no later one
#   with an open finding. A scan of the artifact counts for the artifacts it is about.
# related_resources:
#   - ref: https://doi.org/10.6028/NIST.SP.800-218
# custom:
#   severity: block
#   stages: [build, predeploy]
#   waivable: true
#   evidence: [secret-scan]
#   remedy: Rotate what was found, run the scanner over the scope and attest the result.
package gatekeep.rules.supply_chain["secret-scan-missing-or-failed"]

import data.gatekeep.lib.clock
import data.gatekeep.lib.statement
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: the artifacts that would run
observed := statement.artifacts

# METADATA
# description: without scopes nothing would be asked for
unseen contains finding if {
	not _scopes_told
	message := "No scope is configured that a secret scan must cover"
	finding := result.fail(rego.metadata.chain(), message, "secret_scan_scopes")
}

_scopes_told if {
	is_array(data.gatekeep.params.supply_chain.secret_scan_scopes)
	count(data.gatekeep.params.supply_chain.secret_scan_scopes) > 0
}

# METADATA
# description: one finding for each scope of the source or the build without a clean scan
violations contains finding if {
	some scope in data.gatekeep.params.supply_chain.secret_scan_scopes
	not scope in _scopes_of_artifacts
	scans := _scans(scope)
	not _clean(scans)
	finding := result.fail(rego.metadata.chain(), _message(scope, scans), scope)
}

# METADATA
# description: one finding for each artifact without a clean scan of it
violations contains finding if {
	some scope in data.gatekeep.params.supply_chain.secret_scan_scopes
	scope in _scopes_of_artifacts
	some digest in statement.artifacts
	scans := [scan | some scan in _scans(scope); statement.covers(scan, digest)]
	not _clean(scans)
	what := sprintf("%s %s", [scope, statement.artifact(digest)])
	finding := result.fail(rego.metadata.chain(), _message(what, scans), digest)
}

# scopes that another artifact's scan cannot speak for
_scopes_of_artifacts := {"artifact", "image_layers"}

_closed := {"rotated", "false_positive_confirmed"}

_scans(scope) := [scan |
	some scan in statement.of_kind("secret-scan")
	scope in scan.claims.scopes
]

_clean(scans) if {
	some scan in scans
	_all_closed(scan)
	every other in scans {
		_no_objection(other, scan)
	}
}

_all_closed(scan) if {
	is_array(scan.claims.findings)
	every secret in scan.claims.findings {
		secret.status in _closed
	}
}

_no_objection(other, _) if _all_closed(other)

_no_objection(other, scan) if clock.ns(other.claims.finished_at) < clock.ns(scan.claims.finished_at)

_message(what, scans) := sprintf("Secret scanning of %s is not proven: %s", [what, _why(scans)])

_why([]) := "no believed scan covers it"

_why(scans) := sprintf("not closed: %s", [text.list({said |
	some scan in scans
	not _all_closed(scan)
	some said in _open(scan)
})]) if {
	count(scans) > 0
}

# what is open in a scan, or that it does not say
_open(scan) := {said |
	some secret in scan.claims.findings
	not text.field(secret, "status") in _closed
	said := sprintf("%v %v at %v (%v)", [
		text.field(secret, "kind"),
		text.field(secret, "fingerprint"),
		text.field(secret, "location"),
		text.field(secret, "status"),
	])
} if {
	is_array(scan.claims.findings)
} else := {sprintf("%s lists no findings", [scan.id])}
