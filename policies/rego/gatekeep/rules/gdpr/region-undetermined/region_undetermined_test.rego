package gatekeep.rules.gdpr["region-undetermined_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.gdpr["region-undetermined"] as rule

_said(ops) := found if {
	doc := fixture.patch(ops)
	found := {[finding.at, finding.message] | some finding in rule.violations} with input as doc
}

_unknown(name, why) := {
	[name, sprintf("Location of %s cannot be determined (%s); treated as not allowed", [name, why])],
}

_not_told := "no region is told, or it is known only after the plan is applied"

_no_declaration := [
	"resources",
	"No trusted plan or residency declaration says where the data lies",
]

test_listed_regions_are_known if _said([]) == set()

test_a_finding_is_about_the_place if {
	findings := rule.violations with input as fixture.patch([
		fixture.remove("/resources/aws_s3_bucket.b[3]/region"),
	])
	findings == {{
		"rule": "gdpr/region-undetermined",
		"message": "Location of aws_s3_bucket.b[3] cannot be determined (no region is told, or it is known only after the plan is applied); treated as not allowed",
		"at": "aws_s3_bucket.b[3]",
		"severity": "block",
		"remedy": "Make the region explicit in the plan, or declare where the data lies.",
	}}
}

test_a_region_that_is_empty_or_not_listed_is_unknown if {
	_said([fixture.replace("/resources/aws_s3_bucket.b[3]/region", "")]) == _unknown(
		"aws_s3_bucket.b[3]",
		_not_told,
	)
	_said([fixture.replace("/resources/aws_s3_bucket.b[3]/region", "xx-moon-1")]) == _unknown(
		"aws_s3_bucket.b[3]",
		"aws/xx-moon-1 is not a listed region",
	)
	_said([fixture.replace("/resources/aws_s3_bucket.b[3]/region", "global")]) == _unknown(
		"aws_s3_bucket.b[3]",
		"aws/global is not a listed region",
	)
}

test_a_region_is_one_of_its_provider if {
	_said([fixture.replace("/resources/aws_s3_bucket.b[3]/provider", "gcp")]) == _unknown(
		"aws_s3_bucket.b[3]",
		"gcp/eu-central-1 is not a listed region",
	)
	_said([fixture.remove("/resources/aws_s3_bucket.b[3]/provider")]) == _unknown(
		"aws_s3_bucket.b[3]",
		"/eu-central-1 is not a listed region",
	)
}

test_a_target_must_be_listed_too if {
	_said([fixture.replace("/action/targets", ["eu-central-1", "xx-moon-1"])]) == _unknown(
		"target:xx-moon-1",
		"aws/xx-moon-1 is not a listed region",
	)
	_said([
		fixture.replace("/action/targets", []),
		fixture.replace("/environment/region", ""),
	]) == _unknown(
		"target:",
		_not_told,
	)
}

test_a_resource_without_data_may_be_anywhere if {
	_said([
		fixture.remove("/resources/aws_s3_bucket.b[3]/region"),
		fixture.replace("/resources/aws_s3_bucket.b[3]/holds_data", false),
	]) == set()
}

test_somebody_must_say_where_the_data_lies if {
	_said([fixture.replace("/resources", {})]) == {_no_declaration}
	_said([fixture.remove("/resources")]) == {_no_declaration}
}

test_a_deployment_to_nowhere_is_told if {
	_said([
		fixture.replace("/resources", {}),
		fixture.replace("/action/targets", []),
		fixture.remove("/environment/region"),
	]) == {_no_declaration, ["deployment", "No resource and no target says where the data would lie"]}
}

test_without_a_table_every_place_is_unknown if {
	found := {finding.at | some finding in rule.violations} with input as fixture.input_doc
		with data.gatekeep.params.gdpr as {}
	count(found) == 31
}

_goes_without(classes) if {
	rule.applies == false with input as fixture.patch([
		fixture.replace("/service/data_classes", classes),
	])
}

test_only_a_service_that_certainly_holds_nothing_personal_goes_without if {
	_goes_without(["none"])
	not _goes_without(["customer_pii"])
	not _goes_without([])
	not rule.applies == false with input as fixture.patch([fixture.remove("/service/data_classes")])
}
