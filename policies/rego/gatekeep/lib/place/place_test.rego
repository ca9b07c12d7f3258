package gatekeep.lib.place_test

import data.gatekeep.fixture
import data.gatekeep.lib.place

_names(ops) := names if {
	names := {name | some name, _ in place.all} with input as fixture.patch(ops)
}

_two := {
	"a": {"address": "a", "provider": "aws", "region": "eu-west-1", "attestation": "x"},
	"b": {"address": "b", "attestation": "x"},
}

test_resources_and_targets_are_places if {
	doc := fixture.patch([fixture.replace("/resources", _two)])
	place.all == {
		"a": {"provider": "aws", "region": "eu-west-1"},
		"b": {"provider": "", "region": ""},
		"target:eu-central-1": {"provider": "aws", "region": "eu-central-1"},
	} with input as doc
}

test_the_region_of_the_environment_stands_in_for_targets if {
	ops := [
		fixture.replace("/resources", {}),
		fixture.replace("/action/targets", []),
		fixture.replace("/environment/region", "eu-north-1"),
	]
	_names(ops) == {"target:eu-north-1"}
	_names([fixture.replace("/resources", {}), fixture.remove("/action/targets")]) == {
		"target:eu-central-1",
	}
}

test_a_deployment_to_nowhere_has_no_place if {
	_names([
		fixture.replace("/resources", {}),
		fixture.replace("/action/targets", []),
		fixture.remove("/environment/region"),
	]) == set()
}

test_only_proof_takes_a_resource_away if {
	some_ops := [
		[fixture.add("/resources/b/actions", ["delete"])],
		[fixture.add("/resources/b/holds_data", false)],
		[fixture.add("/resources/b/data_classes", ["telemetry"])],
	]
	every ops in some_ops {
		_names(array.concat([fixture.replace("/resources", _two)], ops)) == {"a", "target:eu-central-1"}
	}
	other_ops := [
		[fixture.add("/resources/b/actions", ["delete", "create"])],
		[fixture.add("/resources/b/holds_data", null)],
		[fixture.add("/resources/b/data_classes", [])],
		[fixture.add("/resources/b/data_classes", ["telemetry", "customer_pii"])],
	]
	every ops in other_ops {
		_names(array.concat([fixture.replace("/resources", _two)], ops)) == {
			"a",
			"b",
			"target:eu-central-1",
		}
	}
}

test_without_parameters_every_class_may_be_personal if {
	doc := fixture.patch([
		fixture.replace("/resources", _two),
		fixture.add("/resources/b/data_classes", ["telemetry"]),
	])
	names := {name | some name, _ in place.all} with input as doc with data.gatekeep.params.gdpr as {}
	names == {"a", "b", "target:eu-central-1"}
}

test_a_target_without_provider_is_still_a_place if {
	doc := fixture.patch([fixture.remove("/environment/provider"), fixture.replace("/resources", {})])
	place.all == {"target:eu-central-1": {"provider": "", "region": "eu-central-1"}} with input as doc
}

test_a_jurisdiction_is_that_of_a_listed_region if {
	place.jurisdiction({"provider": "aws", "region": "eu-central-1"}) == "EU"
	place.jurisdiction({"provider": "azure", "region": "eastus"}) == "US"
	not place.jurisdiction({"provider": "gcp", "region": "eu-central-1"})
	not place.jurisdiction({"provider": "aws", "region": ""})
	not place.jurisdiction({"provider": "", "region": "eu-central-1"})
}
