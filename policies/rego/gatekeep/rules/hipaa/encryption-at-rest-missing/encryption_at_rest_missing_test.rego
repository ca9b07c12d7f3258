package gatekeep.rules.hipaa["encryption-at-rest-missing_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.hipaa["encryption-at-rest-missing"] as rule

_address := "aws_s3_bucket.b[17]"

_ephi := fixture.replace("/service/data_classes", ["ephi"])

_field(name) := sprintf("/resources/aws_s3_bucket.b[17]/%s", [name])

_plain := fixture.replace(_field("encrypted_at_rest"), false)

_said(ops) := found if {
	doc := fixture.patch(array.concat([_ephi], ops))
	found := {[finding.at, finding.message] | some finding in rule.violations} with input as doc
}

_unsafe(what) := {[_address, sprintf("aws_s3_bucket.b[17] would hold ePHI %s", [what])]}

test_encrypted_resources_are_safe if {
	_said([]) == set()
	count(rule.observed) == 30 with input as fixture.patch([_ephi])
}

test_a_plain_resource_is_told if {
	findings := rule.violations with input as fixture.patch([_ephi, _plain])
	findings == {{
		"rule": "hipaa/encryption-at-rest-missing",
		"message": "aws_s3_bucket.b[17] would hold ePHI without encryption at rest",
		"at": _address,
		"severity": "block",
		"remedy": "Encrypt with an approved key, or record the decision not to as a waiver.",
	}}
}

test_encryption_must_be_told if {
	_said([fixture.remove(_field("encrypted_at_rest"))]) == _unsafe("without encryption at rest")
	_said([
		fixture.replace(_field("encrypted_at_rest"), "true"),
	]) == _unsafe("without encryption at rest")
}

test_only_proof_takes_a_resource_away if {
	_said([_plain, fixture.replace(_field("actions"), ["delete"])]) == set()
	_said([_plain, fixture.replace(_field("holds_data"), false)]) == set()
	_said([_plain, fixture.add(_field("data_classes"), ["none"])]) == set()
	every ops in [
		[fixture.replace(_field("actions"), ["delete", "create"])],
		[fixture.remove(_field("actions"))],
		[fixture.remove(_field("holds_data"))],
		[fixture.add(_field("data_classes"), ["none", "ephi"])],
		[fixture.add(_field("data_classes"), [])],
	] {
		_said(array.concat([_plain], ops)) == _unsafe("without encryption at rest")
	}
}

_said_with(keys, ops) := messages if {
	doc := fixture.patch(array.concat([_ephi], ops))
	messages := {[finding.at, finding.message] | some finding in rule.violations} with input as doc
		with data.gatekeep.params.hipaa as {"ephi_classes": ["ephi"], "approved_keys": keys}
}

test_any_key_will_do_where_none_is_listed if {
	_said([fixture.remove(_field("key"))]) == set()
	_said([fixture.replace(_field("key"), "")]) == set()
}

test_where_keys_are_listed_it_must_be_one_of_them if {
	keys := ["alias/payments"]
	_said_with(keys, []) == set()
	_said_with(
		keys,
		[fixture.replace(_field("key"), "alias/other")],
	) == _unsafe("under a key that is not approved (alias/other)")
	_said_with(
		keys,
		[fixture.remove(_field("key"))],
	) == _unsafe("under a key that is not approved ((missing))")
	_said_with(
		keys,
		[_plain, fixture.replace(_field("key"), "")],
	) == _unsafe("without encryption at rest and under a key that is not approved ()")
}

test_a_list_of_keys_that_cannot_be_read_approves_none if {
	count(_said_with(null, [])) == 30
}

_goes_without(classes) if {
	rule.applies == false with input as fixture.patch([
		fixture.replace("/service/data_classes", classes),
	])
}

test_only_a_service_that_certainly_holds_no_ephi_goes_without if {
	_goes_without(["customer_pii"])
	not _goes_without(["customer_pii", "ephi"])
	not _goes_without([])
	not rule.applies == false with input as fixture.patch([fixture.remove("/service/data_classes")])
}

test_health_information_must_lie_somewhere if {
	rule.observed == set() with input as fixture.patch([_ephi, fixture.replace("/resources", {})])
	rule.observed == set() with input as fixture.patch([_ephi, fixture.remove("/resources")])
}
