package gatekeep.scenario.gate_freeze_test

import data.gatekeep.fixture
import data.gatekeep.verdict

# Hard cases for the gate's own invariants and for freezes, judged by all rules at once.
# Each compares the whole verdict, so that a rule that speaks out of turn is seen.

_ns(text) := time.parse_rfc3339_ns(text)

_freeze(start, end) := fixture.add("/calendar/occurrences/o1", {
	"window": "fw",
	"kind": "freeze",
	"title": "Year end",
	"tz": "America/New_York",
	"scope": {"tiers": ["production"]},
	"start_ns": _ns(start),
	"end_ns": _ns(end),
	"allowed_actions": ["rollback"],
})

_frozen := _freeze("2026-11-23T05:00:00Z", "2026-11-30T05:00:00Z")

_exemption(start, end) := {
	"id": "x1",
	"window": "fw",
	"binding": fixture.binding,
	"not_before": start,
	"expires_at": end,
	"granted_by": ["frank", "grace"],
	"reason": "Tariff change ordered by the regulator",
	"uses": 0,
	"max_uses": 1,
	"verification": {"status": "verified", "signer": "frank", "principal": "frank"},
}

_live := _exemption("2026-11-23T09:00:00Z", "2026-11-23T12:00:00Z")

_exempted(exemption) := fixture.patch([
	_frozen,
	fixture.replace("/freeze_exemptions", [exemption]),
])

_stands := fixture.failed({"freeze/active-window-blocks"}, {"freeze/exemption-invalid"})

# The golden request at another moment, with everything that ages moved along.
_at(text, ops) := fixture.patch(array.concat([op | some op in _moved(_ns(text))], ops))

_moved(t) := [
	fixture.replace("/clock/now", time.format(t)),
	fixture.replace("/clock/now_ns", t),
	fixture.replace("/clock/floor_ns", t - 60000000000),
	fixture.replace("/request/requested_at", time.format(t - 180000000000)),
	fixture.replace("/gate/policy/expires_at", time.format(t + 604800000000000)),
	fixture.replace("/calendar/fetched_ns", t - 300000000000),
	fixture.replace("/calendar/horizon_start_ns", t - 86400000000000),
	fixture.replace("/calendar/horizon_end_ns", t + 1209600000000000),
]

# What freezes alone make of a moment: evidence of other kinds ages too, and is not asked.
_freezes_say(doc) := {[rule, outcome] |
	some control in data.gatekeep.regimes.freeze.controls
	some rule in control.rules
	outcome := verdict.outcome(rule) with input as doc with data.gatekeep.org as fixture.org
	outcome in {"fail", "indeterminate"}
}

test_00_the_golden_request_is_accepted if {
	fixture.verdict(fixture.input_doc) == fixture.opened
}

test_06_an_exemption_after_its_expiry if {
	late := _exemption("2026-11-22T10:00:00Z", "2026-11-23T09:59:59Z")
	fixture.verdict(_exempted(late)) == _stands
}

test_06b_a_live_exemption_opens_and_is_used_up if {
	fixture.verdict(_exempted(_live)) == fixture.opened
	fixture.decide(_exempted(_live)).effects.use_exemptions == ["x1"]
}

test_06c_an_exemption_that_ends_within_the_uncertainty_of_the_clock if {
	brief := _exemption("2026-11-23T09:00:00Z", "2026-11-23T10:00:00.4Z")
	fixture.verdict(_exempted(brief)) == _stands
}

test_06d_an_exemption_that_nobody_signed if {
	fixture.verdict(_exempted(object.remove(_live, ["verification"]))) == _stands
}

test_06e_an_exemption_with_one_granter_named_twice if {
	fixture.verdict(_exempted(object.union(_live, {"granted_by": ["frank", "frank"]}))) == _stands
}

test_06f_a_freeze_without_any_exemption if {
	fixture.verdict(fixture.patch([_frozen])) == fixture.failed({"freeze/active-window-blocks"}, set())
}

# 02:30 does not exist on 8 March 2026 in New York; the freeze begins as the clock changes.
test_07_a_freeze_that_begins_in_the_gap_of_a_clock_change if {
	spring := _freeze("2026-03-08T07:00:00Z", "2026-03-08T10:00:00Z")
	_freezes_say(_at("2026-03-08T07:00:00Z", [spring])) == {["freeze/active-window-blocks", "fail"]}
	_freezes_say(_at("2026-03-08T06:59:59Z", [spring])) == {["freeze/rollout-would-overlap", "fail"]}
	_freezes_say(_at("2026-03-08T10:00:01Z", [spring])) == set()
}

# 01:30 exists twice on 1 November 2026 in New York; the freeze ends with the second.
test_07b_a_freeze_that_ends_in_the_fold_of_a_clock_change if {
	autumn := _freeze("2026-10-31T04:00:00Z", "2026-11-01T06:30:00Z")
	_freezes_say(_at("2026-11-01T06:10:00Z", [autumn])) == {["freeze/active-window-blocks", "fail"]}
	_freezes_say(_at("2026-11-01T06:30:01Z", [autumn])) == set()
}

test_15_an_older_policy_than_the_newest_that_was_used if {
	older := fixture.patch([fixture.replace("/gate/policy/revision", 41)])
	fixture.verdict(older) == fixture.failed({"gate/policy-bundle-downgraded"}, set())
}

_downgraded := fixture.failed({"gate/policy-bundle-downgraded"}, set())

test_15b_a_policy_that_nobody_signed if {
	unsigned := fixture.patch([fixture.replace("/gate/policy/signature_verified", false)])
	fixture.verdict(unsigned) == _downgraded
}

test_15b_a_policy_of_which_nobody_says_who_signed_it if {
	unsaid := fixture.patch([fixture.remove("/gate/policy/signature_verified")])
	fixture.verdict(unsaid) == _downgraded
}

test_15c_a_downgrade_cannot_be_waived if {
	waived := fixture.patch([
		fixture.replace("/gate/policy/revision", 41),
		fixture.add("/waivers/0", {
			"id": "w1",
			"rule": "gate/policy-bundle-downgraded",
			"term": fixture.base.gate.policy.digest,
			"scope": {"environments": ["prod-eu"], "services": ["payments"]},
			"reason": "The newest bundle does not load",
			"ticket": "SEC-1",
			"requested_by": "alice",
			"granted_by": ["dave"],
			"not_before": "2026-11-20T00:00:00Z",
			"expires_at": "2026-12-10T00:00:00Z",
			"verification": {"status": "verified", "signer": "dave"},
		}),
	])
	fixture.verdict(waived) == fixture.failed({"gate/policy-bundle-downgraded"}, set())
}

test_16_a_clock_that_was_set_back if {
	ahead := fixture.base.clock.now_ns + 3600000000000
	back := fixture.patch([fixture.replace("/clock/floor_ns", ahead)])
	fixture.verdict(back) == fixture.unknown({"gate/clock-untrusted"}, set())
}

# Whatever compares a time cannot speak without the uncertainty; nothing may be softened.
test_16b_a_clock_of_unknown_uncertainty if {
	verdict := fixture.verdict(fixture.patch([fixture.remove("/clock/uncertainty_ns")]))
	verdict.outcome != "pass"
	blind := {
		"gate/clock-untrusted", "gate/input-incomplete", "gate/policy-bundle-downgraded",
		"gate/request-replayed", "freeze/active-window-blocks", "freeze/calendar-unusable",
		"freeze/rollout-would-overlap",
	}
	blind - verdict.unknown == set()
}

test_17_a_whole_request_sent_again if {
	again := fixture.patch([fixture.replace("/state/consumed_nonces", ["n-1"])])
	fixture.verdict(again) == fixture.failed({"gate/request-replayed"}, set())
}

test_17b_a_request_sent_again_an_hour_later if {
	later := fixture.patch([fixture.replace("/request/requested_at", "2026-11-23T09:00:00Z")])
	fixture.verdict(later) == fixture.failed({"gate/request-replayed"}, set())
}

_down := {
	"source": "change system",
	"kind": "source_timeout",
	"detail": "no answer in 30s",
	"required": true,
}

test_18_a_needed_source_that_is_down if {
	down := fixture.patch([fixture.add("/evidence_errors/0", _down)])
	fixture.verdict(down) == fixture.unknown({"gate/evidence-source-unavailable"}, set())
}

test_18b_a_source_that_is_down_and_not_needed if {
	optional := object.union(_down, {"required": false})
	fixture.verdict(fixture.patch([fixture.add("/evidence_errors/0", optional)])) == fixture.opened
}

# The calendar may be what could not be read: it is not held against the request.
test_18c_no_calendar_while_a_source_is_down if {
	fixture.verdict(fixture.patch([
		fixture.add("/evidence_errors/0", _down),
		fixture.remove("/calendar"),
	])) == fixture.unknown(
		{
			"freeze/active-window-blocks",
			"freeze/calendar-unusable",
			"freeze/rollout-would-overlap",
			"gate/evidence-source-unavailable",
		},
		set(),
	)
}

_unusable := fixture.failed({"freeze/calendar-unusable"}, set())

test_21a_a_calendar_that_ends_before_the_rollout if {
	ended := fixture.replace("/calendar/horizon_end_ns", fixture.base.clock.now_ns)
	fixture.verdict(fixture.patch([ended])) == _unusable
}

test_21a_a_calendar_that_was_fetched_two_hours_ago if {
	old := fixture.replace("/calendar/fetched_ns", fixture.base.clock.now_ns - 7200000000000)
	fixture.verdict(fixture.patch([old])) == _unusable
}

test_21a_a_calendar_that_nobody_signed if {
	fixture.verdict(fixture.patch([fixture.replace("/calendar/verified", false)])) == _unusable
}

test_21b_no_calendar if {
	fixture.verdict(fixture.patch([fixture.remove("/calendar")])) == {
		"outcome": "fail",
		"fail": {"freeze/calendar-unusable"},
		"unknown": {"freeze/active-window-blocks", "freeze/rollout-would-overlap"},
		"warn": set(),
	}
}

test_21c_a_calendar_of_which_a_part_is_missing if {
	short := json.patch(fixture.input_doc, [fixture.replace("/completeness/calendar~1occurrences", 1)])
	fixture.verdict(short) == fixture.unknown({"gate/input-incomplete"}, set())
}

test_21d_a_stage_that_nobody_knows if {
	doc := fixture.patch([fixture.replace("/stage", "prod-ish")])
	fixture.verdict(doc) == fixture.unknown(set(), set())
}

test_22_a_rollout_that_would_run_into_a_freeze if {
	soon := fixture.patch([_freeze("2026-11-23T11:00:00Z", "2026-11-30T05:00:00Z")])
	fixture.verdict(soon) == fixture.failed({"freeze/rollout-would-overlap"}, set())
}

_other_plan := concat("", ["sha256:", crypto.sha256("another plan")])

test_24_a_plan_that_was_changed_after_the_approval if {
	swapped := fixture.patch([fixture.replace("/request/plan", _other_plan)])
	fixture.verdict(swapped) == fixture.failed({"gate/binding-mismatch"}, set())
}

# A finding that came with the first page only: the scanner saw more than was handed over.
test_25_a_truncated_list if {
	cut := json.patch(fixture.input_doc, [fixture.replace("/completeness/findings~1sca", 100)])
	fixture.verdict(cut) == fixture.unknown({"gate/input-incomplete"}, set())
}

_forged := {
	"id": fixture.statement("forged"),
	"predicate_type": "https://slsa.dev/provenance/v1",
	"kind": "provenance",
	"reason": "signature_invalid",
	"detail": "no key verifies it",
	"source": "attestations",
	"name": "forged.json",
}

# Anybody may push a document; it neither helps nor stops a release.
test_a_document_that_nobody_believes_only_warns if {
	forged := fixture.patch([fixture.replace("/rejected", {_forged.id: _forged})])
	fixture.verdict(forged) == {
		"outcome": "pass",
		"fail": set(),
		"unknown": set(),
		"warn": {"gate/unverifiable-attestation-ignored"},
	}
}

test_a_tag_is_no_subject if {
	tagged := fixture.patch([fixture.replace("/subject/digest", "latest")])
	{
		"gate/binding-mismatch",
		"gate/subject-digest-pinned",
	} - fixture.said(tagged, "fail", "block") == set()
}

# Nothing at all can be judged, and nothing is denied.
test_an_empty_input_opens_nothing if {
	verdict := fixture.verdict({})
	verdict.outcome == "indeterminate"
	verdict.fail == set()
}

test_the_policy_of_the_program_without_state_opens if {
	embedded := object.remove(
		object.union(fixture.base.gate.policy, {"origin": "embedded", "signature_verified": false}),
		["expires_at", "floor_revision", "signer"],
	)
	doc := fixture.patch([
		fixture.replace("/gate/policy", embedded),
		fixture.replace("/gate/state_declared", false),
		fixture.remove("/clock/floor_ns"),
	])
	fixture.verdict(doc) == fixture.opened
	said := {note | some result in fixture.decide(doc).results; some note in result.notes}
	want := {
		"the bundle declares no state: a clock that was set back cannot be seen",
		"the bundle declares no state: a request sent twice cannot be seen",
		"the bundle declares no state: an older policy cannot be seen",
		"the policy is compiled into the program: its integrity is the program's",
	}
	want - said == set()
}
