package gatekeep.rules.freeze["exemption-invalid_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.freeze["exemption-invalid"] as rule

_exemption := {
	"id": "x1", "window": "fw", "binding": fixture.binding,
	"not_before": "2026-11-23T09:00:00Z", "expires_at": "2026-11-23T12:00:00Z",
	"granted_by": ["frank", "grace"], "reason": "Tariff change ordered by the regulator",
	"uses": 0, "max_uses": 1,
	"verification": {"status": "verified", "signer": "frank", "principal": "frank"},
}

_doc(exemptions) := fixture.patch([fixture.replace("/freeze_exemptions", exemptions)])

_found(exemptions) := found if {
	found := {[f.message, f.at] | some f in rule.violations} with input as _doc(exemptions)
		with data.gatekeep.org as fixture.org
}

test_a_valid_exemption_passes if _found([_exemption]) == set()

test_without_an_exemption_there_is_nothing_to_judge if {
	rule.applies == false with input as fixture.input_doc
	count(rule.violations) == 0 with input as fixture.input_doc
}

test_where_exemptions_are_not_known_to_be_none_it_applies if {
	every doc in [_doc([_exemption]), {}, {"freeze_exemptions": {}}, {"freeze_exemptions": null}] {
		_no_say_on_applies(doc)
	}
}

_no_say_on_applies(doc) if object.get(rule, "applies", "unsaid") == "unsaid" with input as doc

test_a_finding_carries_the_rule_and_only_warns if {
	rule.violations == {{
		"rule": "freeze/exemption-invalid",
		"message": "Exemption x1 cannot be used: expired, used up",
		"at": "x1",
		"severity": "warn",
		"remedy": "Request a new exemption that is bound to this request.",
	}} with input as _doc([object.union(
		_exemption,
		{"expires_at": "2026-11-23T09:59:59Z", "uses": 1},
	)])
		with data.gatekeep.org as fixture.org
}

test_each_exemption_is_judged_by_itself if {
	other := object.union(_exemption, {"id": "x2", "reason": "please"})
	_found([_exemption, other]) == {["Exemption x2 cannot be used: no reason", "x2"]}
}

test_an_empty_exemption_fails_every_check if {
	every empty in [{}, null] {
		_found([empty]) == {[
			concat("", [
				"Exemption (missing) cannot be used: expired, longer than allowed, no id, no reason, ",
				"no window, not yet valid, other request, signature, signed by no granter, ",
				"too few authorised granters, used up",
			]),
			"(missing)",
		]}
	}
}

test_without_state_earlier_uses_cannot_be_seen if {
	stateless := json.patch(_doc([_exemption]), [fixture.replace("/gate/state_declared", false)])
	rule.notes == {
		"the bundle declares no state: earlier uses of an exemption cannot be seen",
	} with input as stateless
	rule.notes == set() with input as _doc([_exemption])
}

test_it_needs_what_exemptions_are_judged_against if {
	rule.needs == {"freeze_exemptions", "request.binding", "clock.now_ns", "clock.uncertainty_ns"}
}
