# METADATA
# title: Excuses
# description: |
#   A violation is excused by a waiver that names it, or by an emergency grant that
#   covers its rule. Checks are named, and an undefined check counts as failed, so a
#   missing field can never help.
package gatekeep.lib.excuse

import data.gatekeep.lib.clock
import data.gatekeep.lib.grant
import data.gatekeep.lib.person

# METADATA
# description: id of what excuses the violation; undefined where nothing does
of(rule, violation) := waivers(rule, violation)[0] if {
	count(waivers(rule, violation)) > 0
} else := grants(rule)[0] if {
	count(grants(rule)) > 0
}

# METADATA
# description: sorted ids of the waivers that excuse the violation
waivers(rule, violation) := sort([waiver.id |
	some waiver in input.waivers
	waiver.rule == rule
	term_covered(waiver, violation)
	count(waiver_problems(waiver)) == 0
])

# METADATA
# description: |
#   a waiver names the thing that it excuses; one without a term only where the
#   organisation allows it for the rule
term_covered(waiver, violation) if waiver.term == violation.at

term_covered(waiver, _) if {
	object.get(waiver, "term", "") == ""
	waiver.rule in data.gatekeep.params.waivers.blanket_rules
}

# METADATA
# description: names of the checks that a waiver fails
waiver_problems(waiver) := {name | some name in waiver_checks; not waiver_check(name, waiver)}

# METADATA
# description: every check that a waiver must pass
waiver_checks := {
	"rule is not waivable", "signature", "signed by no granter", "not yet valid", "expired", "longer than allowed",
	"revoked", "scope", "granters", "requester", "reason", "ticket",
}

# METADATA
# description: one named check of a waiver
waiver_check("rule is not waivable", waiver) if data.gatekeep.index[waiver.rule].waivable == true

waiver_check("signature", waiver) if waiver.verification.status == "verified"

waiver_check("signed by no granter", waiver) if waiver.verification.principal in waiver.granted_by

waiver_check("not yet valid", waiver) if clock.certainly_after(clock.ns(waiver.not_before))

waiver_check("expired", waiver) if clock.certainly_before(clock.ns(waiver.expires_at))

waiver_check("longer than allowed", waiver) if {
	length := clock.ns(waiver.expires_at) - clock.ns(waiver.not_before)
	length <= terms(waiver).max_days[data.gatekeep.index[waiver.rule].severity] * clock.day
}

waiver_check("revoked", waiver) if object.get(waiver, "revoked_at", "") == ""

waiver_check("scope", waiver) if {
	input.environment.name in waiver.scope.environments
	input.service.name in waiver.scope.services
	scope_covers_subject(waiver.scope)
}

waiver_check("granters", waiver) if {
	people := {who |
		some principal in waiver.granted_by
		person.has_role(principal, terms(waiver).role)
		who := person.active(principal)
		not who in interested(waiver)
	}
	count(people) >= at_least_one(terms(waiver).granters)
}

waiver_check("requester", waiver) if person.active(waiver.requested_by)

waiver_check("reason", waiver) if {
	count(trim_space(waiver.reason)) >= at_least_one(data.gatekeep.params.waivers.min_reason_chars)
}

waiver_check("ticket", waiver) if trim_space(waiver.ticket) != ""

# METADATA
# description: |
#   a number of one or more; undefined for anything else. Rego orders values of different
#   types, so that every count would be as large as null
at_least_one(n) := n if {
	is_number(n)
	n >= 1
}

# METADATA
# description: who may grant waivers of a family of rules, how many it takes and for how long
terms(waiver) := data.gatekeep.params.waivers.families[split(waiver.rule, "/")[0]]

# METADATA
# description: the people who want the deployment, and so may not excuse it
interested(waiver) := {who | who := person.id(waiver.requested_by)} | askers

# METADATA
# description: the people who ask for the deployment, as far as they are told
askers contains who if who := person.id(input.request.actor.principal)

askers contains who if who := person.id(input.request.on_behalf_of)

# METADATA
# description: a scope without digests covers every subject; one with digests must list this one
scope_covers_subject(scope) if count(object.get(scope, "subject_digests", [])) == 0

scope_covers_subject(scope) if input.subject.digest in scope.subject_digests

# METADATA
# description: |
#   sorted ids of the live grants that excuse the rule in an emergency: the rule must be
#   waivable, and both the organisation and the grant must list it
grants(rule) := sort([id |
	input.request.emergency == true
	data.gatekeep.index[rule].waivable == true
	rule in data.gatekeep.params.rbac.break_glass_coverable
	some id in grant.usable
	rule in input.grants[id].covers
])
