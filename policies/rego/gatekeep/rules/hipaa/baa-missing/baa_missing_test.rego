package gatekeep.rules.hipaa["baa-missing_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.hipaa["baa-missing"] as rule

_processor := {
	"name": "mailer",
	"classes": ["ephi"],
	"contract": {
		"kind": "baa",
		"expires_at": "2027-06-30T00:00:00Z",
		"scope": ["payments"],
	},
}

_ephi(processor) := [
	fixture.replace("/service/data_classes", ["ephi"]),
	fixture.replace("/data_flow/processors", [processor]),
]

_said_with(processor, ops) := found if {
	doc := fixture.patch(array.concat(_ephi(processor), ops))
	found := {[finding.at, finding.message] | some finding in rule.violations} with input as doc
}

_said(ops) := _said_with(json.patch(_processor, ops), [])

_lacks(what) := {
	[
		"mailer",
		sprintf("mailer would process ePHI for payments without a current agreement: %s", [what]),
	],
}

test_a_processor_with_an_agreement_is_covered if _said([]) == set()

test_no_processor_needs_no_agreement if {
	_said_with(_processor, [fixture.replace("/data_flow/processors", [])]) == set()
}

test_a_finding_is_about_the_processor if {
	processor := object.union(_processor, {"contract": {"kind": "dpa"}})
	findings := rule.violations with input as fixture.patch(_ephi(processor))
	findings == {{
		"rule": "hipaa/baa-missing",
		"message": "mailer would process ePHI for payments without a current agreement: no business associate agreement",
		"at": "mailer",
		"severity": "block",
		"remedy": "Record the agreement, or take the processor out of the data flow.",
	}}
}

test_an_agreement_must_pass_every_check if {
	some_cases := {
		"no business associate agreement": [fixture.replace("/contract/kind", "dpa")],
		"expired": [fixture.replace("/contract/expires_at", "2026-11-23T10:00:00.5Z")],
		"service not in its scope": [fixture.replace("/contract/scope", ["ledger"])],
		"expired, service not in its scope": [
			fixture.remove("/contract/expires_at"),
			fixture.remove("/contract/scope"),
		],
		"expired, no business associate agreement, service not in its scope": [
			fixture.remove("/contract"),
		],
	}
	every what, ops in some_cases {
		_said(ops) == _lacks(what)
	}
}

test_only_a_processor_that_certainly_sees_none_goes_without if {
	_said([fixture.remove("/contract"), fixture.replace("/classes", ["telemetry"])]) == set()
	every ops in [
		[fixture.replace("/classes", [])],
		[fixture.remove("/classes")],
		[fixture.replace("/classes", ["telemetry", "ephi"])],
	] {
		_said(array.concat(
			[fixture.replace("/contract/kind", "dpa")],
			ops,
		)) == _lacks("no business associate agreement")
	}
}

test_a_processor_without_a_name_is_still_told if {
	{at | some [at, _] in _said([fixture.remove("/contract"), fixture.remove("/name")])} == {
		"(missing)",
	}
}

test_somebody_must_name_the_processors if {
	message := "No trusted data-flow statement says who processes ePHI for payments"
	_said_with(_processor, [fixture.replace("/data_flow/declared", false)]) == {["data-flow", message]}
	_said_with(_processor, [fixture.remove("/data_flow")]) == {["data-flow", message]}
}

_goes_without(classes) if {
	rule.applies == false with input as fixture.patch([
		fixture.replace("/service/data_classes", classes),
	])
}

test_only_a_service_that_certainly_holds_no_ephi_goes_without if {
	_goes_without(["customer_pii"])
	not _goes_without(["ephi"])
	not _goes_without([])
	not rule.applies == false with input as fixture.patch([fixture.remove("/service/data_classes")])
}
