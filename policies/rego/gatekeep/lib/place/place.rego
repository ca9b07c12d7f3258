# METADATA
# title: Places
# description: |
#   Where a deployment would put personal data: each resource that may hold some, and
#   each region that is targeted.
package gatekeep.lib.place

import data.gatekeep.lib.class

# METADATA
# description: provider and region of every place that may hold personal data, by name
all[address] := location(resource) if {
	some address, resource in input.resources
	not resource.actions == ["delete"]
	not resource.holds_data == false
	not holds_nothing_personal(resource)
}

all[name] := location({"provider": provider, "region": region}) if {
	provider := object.get(input, ["environment", "provider"], "")
	some region in targets
	name := sprintf("target:%v", [region])
}

# METADATA
# description: true where the classes of what a resource holds are told, and none is personal
holds_nothing_personal(resource) if {
	class.none_of(resource.data_classes, data.gatekeep.params.gdpr.personal_classes)
}

# METADATA
# description: the regions of this wave, or that of the environment where none are given
targets := {region | some region in input.action.targets} if {
	count(input.action.targets) > 0
} else := {input.environment.region}

# METADATA
# description: provider and region, each an empty string where it is not told
location(thing) := {
	"provider": object.get(thing, "provider", ""),
	"region": object.get(thing, "region", ""),
}

# METADATA
# description: |
#   the jurisdiction that a place lies in; undefined where the region is not told, is
#   known only after the plan is applied, or is not listed
jurisdiction(place) := data.gatekeep.params.gdpr.regions[place.provider][place.region]
