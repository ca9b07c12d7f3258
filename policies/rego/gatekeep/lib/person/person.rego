# METADATA
# title: People
# description: accounts belong to people, people hold roles; rules count people
package gatekeep.lib.person

import data.gatekeep.lib.clock

# METADATA
# description: |
#   whose account this is, whatever its status: for finding conflicts, where a departed
#   author still counts
id(principal) := person if {
	person := input.identities[principal].person
	is_string(person)
	startswith(person, "p-")
}

# METADATA
# description: whose account this is, if it is a living account of a human; for approving
active(principal) := id(principal) if {
	identity := input.identities[principal]
	identity.type == "human"
	identity.status == "active"
}

# METADATA
# description: true where a live binding of the role covers this request
has_role(principal, role) if {
	some binding in data.gatekeep.org.roles[role].bindings
	some group in binding.groups
	group in input.identities[principal].groups
	covers(binding.scope)
	clock.certainly_before(clock.ns(binding.expires_at))
}

# METADATA
# description: true where a scope covers this environment, tier and service
covers(scope) if {
	is_object(scope)
	covers_value(scope, "environments", input.environment.name)
	covers_value(scope, "tiers", input.environment.tier)
	covers_value(scope, "services", input.service.name)
}

# METADATA
# description: an absent dimension means any; a present one must list the value
covers_value(scope, dimension, _) if not dimension in object.keys(scope)

covers_value(scope, dimension, value) if value in scope[dimension]
