# METADATA
# title: Static analysis ran on this commit
# description: |
#   A believed result of static analysis is about the commit of the request, ran to the
#   end over all of the source, lately, and with an accepted tool and ruleset. Where the
#   request names no commit, each artifact needs a result about itself.
# related_resources:
#   - ref: https://doi.org/10.6028/NIST.SP.800-218
#   - ref: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
# custom:
#   severity: block
#   stages: [build, predeploy]
#   waivable: true
#   evidence: [sast]
#   remedy: Run static analysis on all of the commit and attest tool, ruleset and coverage.
package gatekeep.rules.supply_chain["sast-missing-or-stale"]

import data.gatekeep.lib.age
import data.gatekeep.lib.statement
import data.gatekeep.lib.text
import data.gatekeep.result

# METADATA
# description: the commit, which may be empty, is what a result must be about
needs := {"subject.commit"}

# METADATA
# description: the artifacts that would run
observed := statement.artifacts

# METADATA
# description: a finding where no result is about the commit of the request
violations contains finding if {
	input.subject.commit != ""
	results := statement.of_kind("sast")
	not _proven(results, _checks)
	finding := result.fail(
		rego.metadata.chain(),
		_message(sprintf("commit %v", [input.subject.commit]), results, _checks),
		input.subject.commit,
	)
}

# METADATA
# description: where no commit is named, a finding for each artifact without a result about it
violations contains finding if {
	input.subject.commit == ""
	some digest in statement.artifacts
	results := statement.covering("sast", digest)
	not _proven(results, _checks - {"another commit"})
	finding := result.fail(
		rego.metadata.chain(),
		_message(statement.artifact(digest), results, _checks - {"another commit"}),
		digest,
	)
}

_params := data.gatekeep.params.supply_chain

_proven(results, checks) if {
	some item in results
	count(_problems(item, checks)) == 0
}

_problems(item, checks) := {name | some name in checks; not _check(name, item)}

_checks := {
	"another commit", "did not run to the end", "no files analysed", "tool not accepted",
	"ruleset too old", "not a full scan", "finished too long ago or at an unknown time",
}

_check("another commit", item) if item.claims.source_commit == input.subject.commit

_check("did not run to the end", item) if item.claims.execution_successful == true

# many tools do not tell how many files they read; none at all is a failed run
_check("no files analysed", item) if object.get(item, ["claims", "files_analyzed"], null) == null

_check("no files analysed", item) if {
	is_number(item.claims.files_analyzed)
	item.claims.files_analyzed > 0
}

_check("tool not accepted", _) if _params.sast_tools == []

_check("tool not accepted", item) if item.claims.tool in _params.sast_tools

_check("ruleset too old", _) if _params.min_ruleset == ""

_check("ruleset too old", item) if {
	is_string(_params.min_ruleset)
	item.claims.ruleset_version == _params.min_ruleset
}

_check("ruleset too old", item) if {
	_params.min_ruleset != ""
	_numbers(item.claims.ruleset_version) >= _numbers(_params.min_ruleset)
}

_check("not a full scan", item) if item.claims.scope == "full"

_check("finished too long ago or at an unknown time", item) if {
	age.of(item.claims.finished_at, _params.sast_max_age_h) == "recent"
}

# a version of numbers and dots, comparable number by number
_numbers(version) := [to_number(part) | some part in split(trim_prefix(version, "v"), ".")] if {
	is_string(version)
	regex.match(`^v?[0-9]+(\.[0-9]+)*$`, version)
}

_message(what, results, checks) := sprintf("No usable static analysis of %s%s: %s", [
	what,
	_ruleset,
	_why(results, checks),
])

_ruleset := sprintf(" with ruleset %s or later", [_params.min_ruleset]) if {
	_params.min_ruleset != ""
} else := ""

_why([], _) := "none is attested"

_why(results, checks) := concat("; ", sort([said |
	some item in results
	said := sprintf("%s: %s", [item.id, text.list(_problems(item, checks))])
])) if {
	count(results) > 0
}
