# METADATA
# title: A vulnerability scan is present and recent
# description: |
#   Each artifact that would run has a believed vulnerability scan about exactly its
#   digest, finished lately, with a database that was up to date.
# related_resources:
#   - ref: https://github.com/in-toto/attestation/blob/main/spec/predicates/vulns_02.md
# custom:
#   severity: block
#   stages: [predeploy, admission, periodic]
#   waivable: true
#   evidence: [vulns]
#   remedy: Scan the artifact of each platform again with a current database.
package gatekeep.rules.supply_chain["vuln-scan-missing-or-stale"]

import data.gatekeep.lib.age
import data.gatekeep.lib.statement
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: the artifacts that would run
observed := statement.artifacts

# METADATA
# description: one finding for each artifact without a recent scan
violations contains finding if {
	some digest in statement.artifacts
	not _scanned(digest)
	finding := result.fail(
		rego.metadata.chain(),
		sprintf(
			"No vulnerability scan of %s finished within %v h with a database no older than %v h: %s",
			[
				statement.artifact(digest),
				text.field(data.gatekeep.params.supply_chain, "scan_max_age_h"),
				text.field(data.gatekeep.params.supply_chain, "db_max_age_h"),
				_why(digest),
			],
		),
		digest,
	)
}

_scanned(digest) if {
	some scan in statement.about("vulns", digest)
	_age_of_scan(scan) == "recent"
	_age_of_database(scan) == "recent"
}

_finished(scan) := object.get(scan, ["claims", "scan_finished_on"], "")

_updated(scan) := object.get(scan, ["claims", "db_last_update"], "")

_age_of_scan(scan) := age.of(_finished(scan), data.gatekeep.params.supply_chain.scan_max_age_h)

_age_of_database(scan) := age.of(_updated(scan), data.gatekeep.params.supply_chain.db_max_age_h)

# how old each scan of the artifact is
_why(digest) := concat("; ", sort([said |
	some scan in statement.about("vulns", digest)
	said := sprintf("%s %s, %s", [scan.id, _finish_told(scan), _database_told(scan)])
])) if {
	count(statement.about("vulns", digest)) > 0
} else := "none is attested"

_finish_told(scan) := "does not say when it finished" if {
	_finished(scan) == ""
} else := sprintf("finished %v (%s)", [_finished(scan), _age_of_scan(scan)])

_database_told(scan) := "does not say how old its database is" if {
	_updated(scan) == ""
} else := sprintf("has a database of %v (%s)", [_updated(scan), _age_of_database(scan)])
