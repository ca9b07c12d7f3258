# METADATA
# title: Duties
# description: what an emergency deployment leaves to be done, and what counts as done
package gatekeep.lib.duty

import data.gatekeep.lib.clock
import data.gatekeep.lib.person

# METADATA
# description: |
#   the review that the use of a grant leaves behind, due some hours from now. A grant is
#   named by its own id, whatever key it has in the input
left_by(key) := {
	"id": sprintf("%s@%s", [input.grants[key].id, input.request.id]),
	"kind": "break_glass_review",
	"grant": input.grants[key].id,
	"principal": input.request.actor.principal,
	"service": input.service.name,
	"status": "open",
	"due_at": time.format(clock.now + (data.gatekeep.params.rbac.review_due_h * clock.hour)),
}

# METADATA
# description: ids of open duties that a believed review answers
answered contains obligation.id if {
	some obligation in input.state.obligations
	obligation.status == "open"
	reviewed(obligation)
}

# METADATA
# description: true where the duty is closed, or a believed review answers it
done(obligation) if obligation.status == "closed"

done(obligation) if reviewed(obligation)

# METADATA
# description: |
#   a review answers a duty when it names it, was held by now, and is signed by a living
#   person who is among its reviewers and is not the one whose deployment is reviewed
reviewed(obligation) if {
	some review in input.break_glass_reviews
	review.verification.status == "verified"
	review.grant == obligation.grant
	obligation.id in review.uses
	clock.certainly_after(clock.ns(review.reviewed_at))
	review.verification.principal in review.reviewers
	reviewer := person.active(review.verification.principal)
	reviewer != person.id(obligation.principal)
}
