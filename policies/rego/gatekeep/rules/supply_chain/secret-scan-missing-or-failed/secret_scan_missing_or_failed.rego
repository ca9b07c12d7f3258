# METADATA
# title: Secret scans passed for all scopes
# description: |
#   Each scope has a believed secret scan whose findings are all closed, and no later one
#   with an open finding. A scan of the artifact counts for the artifacts it is about; one
#   of the history up to the commit of the request, and not of a shallow clone.
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
	not _clean(scans, scope)
	finding := result.fail(rego.metadata.chain(), _message(scope, scope, scans), scope)
}

# METADATA
# description: one finding for each artifact without a clean scan of it
violations contains finding if {
	some scope in data.gatekeep.params.supply_chain.secret_scan_scopes
	scope in _scopes_of_artifacts
	some digest in statement.artifacts
	scans := [scan | some scan in _scans(scope); statement.covers(scan, digest)]
	not _clean(scans, scope)
	what := sprintf("%s %s", [scope, statement.artifact(digest)])
	finding := result.fail(rego.metadata.chain(), _message(what, scope, scans), digest)
}

# scopes that another artifact's scan cannot speak for
_scopes_of_artifacts := {"artifact", "image_layers"}

_closed := {"rotated", "false_positive_confirmed"}

_scans(scope) := [scan |
	some scan in statement.of_kind("secret-scan")
	scope in scan.claims.scopes
]

_clean(scans, scope) if {
	some scan in scans
	_all_closed(scan)
	count(_gaps(scan, scope)) == 0
	every other in scans {
		_no_objection(other, scan)
	}
}

# why a scan did not see what it was to search. What it found counts in any case
_gaps(scan, "source_history") := {gap | some gap in _checks; not _check(gap, scan)}

_gaps(_, scope) := set() if scope != "source_history"

_checks := {"it is of another commit", "it is of a shallow clone"}

_check("it is of another commit", scan) if scan.claims.to_commit == input.subject.commit

# without a commit the scan is tied to the artifact that it is about
_check("it is of another commit", scan) if {
	input.subject.commit == ""
	some digest in statement.artifacts
	statement.covers(scan, digest)
}

_check("it is of a shallow clone", scan) if scan.claims.shallow == false

_all_closed(scan) if {
	is_array(scan.claims.findings)
	every secret in scan.claims.findings {
		secret.status in _closed
	}
}

_no_objection(other, _) if _all_closed(other)

_no_objection(other, scan) if clock.ns(other.claims.finished_at) < clock.ns(scan.claims.finished_at)

_message(what, scope, scans) := sprintf("Secret scanning of %s is not proven: %s", [what, _why(scans, scope)])

_why([], _) := "no believed scan covers it"

_why(scans, scope) := concat("; ", [said |
	some said in [_not_closed(scans), _unseen(scans, scope)]
	said != ""
]) if {
	count(scans) > 0
}

_not_closed(scans) := _list("not closed: %s", {said |
	some scan in scans
	not _all_closed(scan)
	some said in _open(scan)
})

_unseen(scans, scope) := _list("not searched: %s", {said |
	some scan in scans
	some gap in _gaps(scan, scope)
	said := sprintf("%s: %s", [scan.id, gap])
})

_list(format, said) := sprintf(format, [text.list(said)]) if {
	count(said) > 0
} else := ""

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
