package gatekeep.rules.gdpr["region-not-allowed_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.gdpr["region-not-allowed"] as rule

_said(ops) := found if {
	doc := fixture.patch(ops)
	found := {[finding.at, finding.message] | some finding in rule.violations} with input as doc
}

_at(ops) := {at | some [at, _] in _said(ops)}

_moved(region) := fixture.replace("/resources/aws_s3_bucket.b[17]/region", region)

test_thirty_places_in_the_union_are_allowed if {
	_said([]) == set()
	count(rule.observed) == 31 with input as fixture.input_doc
}

test_one_of_thirty_in_another_jurisdiction_is_told if {
	findings := rule.violations with input as fixture.patch([_moved("us-east-1")])
	findings == {{
		"rule": "gdpr/region-not-allowed",
		"message": "aws_s3_bucket.b[17] would hold personal data in aws/us-east-1 (US); allowed: EEA, EU; transfers to US: none",
		"at": "aws_s3_bucket.b[17]",
		"severity": "block",
		"remedy": "Use an allowed region, or record a valid transfer to the destination.",
	}}
}

test_a_target_is_a_place if {
	_at([fixture.replace("/action/targets", ["eu-central-1", "us-east-1"])]) == {"target:us-east-1"}
	_at([
		fixture.replace("/action/targets", []),
		fixture.replace("/environment/region", "us-east-1"),
	]) == {
		"target:us-east-1",
	}
}

test_only_proof_takes_a_resource_away if {
	_at([_moved("us-east-1"), fixture.remove("/resources/aws_s3_bucket.b[17]/holds_data")]) == {
		"aws_s3_bucket.b[17]",
	}
	_at([
		_moved("us-east-1"),
		fixture.replace("/resources/aws_s3_bucket.b[17]/holds_data", false),
	]) == set()
	_at([
		_moved("us-east-1"),
		fixture.replace("/resources/aws_s3_bucket.b[17]/actions", ["delete"]),
	]) == set()
	_at([
		_moved("us-east-1"),
		fixture.add("/resources/aws_s3_bucket.b[17]/data_classes", ["none"]),
	]) == set()
	_at([
		_moved("us-east-1"),
		fixture.add("/resources/aws_s3_bucket.b[17]/data_classes", ["customer_pii"]),
	]) == {
		"aws_s3_bucket.b[17]",
	}
}

test_a_region_that_is_not_listed_is_told_by_another_rule if _said([_moved("xx-moon-1")]) == set()

_transfer := {
	"destination": "UK",
	"mechanism": "adequacy",
	"dpo_approved": true,
	"review_due": "2027-01-01T00:00:00Z",
}

_route(ops) := [
	_moved("eu-west-2"),
	fixture.add("/data_flow/transfers/-", json.patch(_transfer, ops)),
]

_transfers(text) := {[
	"aws_s3_bucket.b[17]",
	sprintf(
		"aws_s3_bucket.b[17] would hold personal data in aws/eu-west-2 (UK); allowed: EEA, EU; transfers to UK: %s",
		[text],
	),
]}

test_a_recorded_transfer_allows_its_destination if {
	_said(_route([])) == set()
	_said(_route([fixture.replace("/destination", "US")])) == _transfers("none")
}

test_a_transfer_must_pass_every_check if {
	some_cases := {
		"scc (mechanism not accepted)": [fixture.replace("/mechanism", "scc")],
		"adequacy (not approved by the officer)": [fixture.replace("/dpo_approved", false)],
		"adequacy (review overdue)": [fixture.replace("/review_due", "2026-11-23T10:00:00.5Z")],
		"(missing) (mechanism not accepted)": [fixture.remove("/mechanism")],
		"adequacy (not approved by the officer, review overdue)": [
			fixture.remove("/dpo_approved"),
			fixture.remove("/review_due"),
		],
	}
	every text, ops in some_cases {
		_said(_route(ops)) == _transfers(text)
	}
}

test_without_parameters_nothing_is_allowed if {
	found := {finding.at | some finding in rule.violations} with input as fixture.patch([
		fixture.replace("/resources", {}),
	])
		with data.gatekeep.params.gdpr.allowed_jurisdictions as []
	found == {"target:eu-central-1"}
}

_goes_without(classes) if {
	rule.applies == false with input as fixture.patch([
		fixture.replace("/service/data_classes", classes),
	])
}

test_only_a_service_that_certainly_holds_nothing_personal_goes_without if {
	_goes_without(["none"])
	not _goes_without(["none", "customer_pii"])
	not _goes_without(["ephi"])
	not _goes_without([])
	not rule.applies == false with input as fixture.patch([fixture.remove("/service/data_classes")])
}

test_a_deployment_to_nowhere_shows_nothing if {
	observed := rule.observed with input as fixture.patch([
		fixture.replace("/resources", {}),
		fixture.replace("/action/targets", []),
		fixture.remove("/environment/region"),
	])
	observed == set()
}
