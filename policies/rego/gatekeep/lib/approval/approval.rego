# METADATA
# title: Approvals
# description: |
#   Which approvals count for this request, and why each of the others does not. Checks
#   are named, and an undefined check counts as failed.
package gatekeep.lib.approval

import data.gatekeep.lib.clock
import data.gatekeep.lib.person

# METADATA
# description: ids of the live approvals of this request by people who are independent
counted_ids contains id if {
	some id, approval in input.approvals
	count(problems(approval)) == 0
}

# METADATA
# description: nonces of the approvals that count, to be used up when the gate opens
counted_nonces contains input.approvals[id].nonce if some id in counted_ids

# METADATA
# description: the people whose approvals count
counted_people contains person.active(input.approvals[id].principal) if some id in counted_ids

# METADATA
# description: |
#   ids of the approvals that are live and for this request, independent or not: what
#   is left when the question who gave them is set aside
live_ids contains id if {
	some id, approval in input.approvals
	problems(approval) & checks_of_the_paper == set()
}

# METADATA
# description: names of the checks that an approval fails
problems(approval) := {name | some name in checks; not check(name, approval)}

# METADATA
# description: names of the checks that an approval fails, without those that others imply
reasons(approval) := {name | some name in problems(approval); not implied(name, approval)}

# METADATA
# description: |
#   what goes without saying: an approval for another digest or environment is for
#   another request, and of an account that nobody knows it cannot be said who it is
implied("other request", approval) if {
	problems(approval) & {"other digest", "other environment"} != set()
}

implied("requester or contributor", approval) if not known(approval)

# METADATA
# description: true where the account that approved belongs to somebody
known(approval) if person.id(approval.principal)

# METADATA
# description: checks of the approval itself
checks_of_the_paper := {
	"signature", "signed by another", "other digest", "other environment", "other request",
	"not an approval", "revoked", "not yet valid", "expired", "too old", "nonce used",
}

# METADATA
# description: every check that an approval must pass to count
checks := checks_of_the_paper | checks_of_the_person

# METADATA
# description: checks of who gave the approval
checks_of_the_person := {"approver not active", "no second factor", "requester or contributor"}

# METADATA
# description: |
#   one named check of an approval. Digest and environment stand in it for people to read
#   and may be empty; what ties it to the request is the binding
check("signature", approval) if approval.verification.status == "verified"

check("signed by another", approval) if approval.verification.principal == approval.principal

check("other digest", approval) if approval.digest == input.subject.digest

check("other digest", approval) if approval.digest == ""

check("other environment", approval) if approval.environment == input.environment.name

check("other environment", approval) if approval.environment == ""

check("other request", approval) if approval.binding == input.request.binding

check("not an approval", approval) if approval.decision == "approve"

check("revoked", approval) if object.get(approval, "revoked_at", "") == ""

check("not yet valid", approval) if clock.certainly_after(clock.ns(approval.approved_at))

check("expired", approval) if clock.certainly_before(clock.ns(approval.expires_at))

check("too old", approval) if {
	age := (clock.now + clock.skew) - clock.ns(approval.approved_at)
	age <= data.gatekeep.params.rbac.max_approval_age_h * clock.hour
}

check("nonce used", approval) if {
	approval.nonce != ""
	not approval.nonce in input.state.consumed_nonces
}

check("approver not active", approval) if person.active(approval.principal)

check("no second factor", approval) if input.identities[approval.principal].mfa == true

check("requester or contributor", approval) if not person.id(approval.principal) in conflicted

# METADATA
# description: |
#   everyone who must not approve: the actor, the person behind it, and every contributor
#   since the last deployed commit
conflicted contains who if who := person.id(input.request.actor.principal)

conflicted contains who if who := person.id(input.request.on_behalf_of)

conflicted contains who if {
	some contributor in input.source.contributors
	who := person.id(contributor)
}

# METADATA
# description: the roles that must each be filled by another person, for this tier
slots := data.gatekeep.params.rbac.required_approvals[input.environment.tier].slots

# METADATA
# description: the people who could fill a slot of each role
holders := {role: people |
	some role in slots
	people := {who |
		some id in counted_ids
		principal := input.approvals[id].principal
		person.has_role(principal, role)
		who := person.active(principal)
	}
}

# METADATA
# description: |
#   Hall's condition: the slots can be filled by distinct people if every set of slots has
#   at least as many people who could fill one of them. Slots of one role have the same
#   people, so it holds for every set if it holds for all slots of every set of roles
slots_filled if {
	is_array(slots)
	count(slots) <= max_slots
	every roles in sets_of_roles {
		pool := {who | some role in roles; some who in holders[role]}
		count(pool) >= count([role | some role in slots; role in roles])
	}
}

# METADATA
# description: the most slots that are judged; as many roles make 256 sets
max_slots := 8

# METADATA
# description: every set of roles; the bits of a number say which roles are in the set
sets_of_roles := {roles |
	asked := [role | some role in {role | some role in slots}]
	some number in numbers.range(0, bits.lsh(1, count(asked)) - 1)
	roles := {role |
		some place, role in asked
		bits.and(number, bits.lsh(1, place)) != 0
	}
}
