package gatekeep.rules.rbac["contributor-unmapped_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.rbac["contributor-unmapped"] as rule

_at(ops) := found if {
	found := {finding.at | some finding in rule.violations} with input as fixture.patch(ops)
}

test_known_contributors_are_provable if _at([]) == set()

test_an_unknown_contributor_is_told if {
	findings := rule.violations with input as fixture.patch([
		fixture.add("/source/contributors/-", "ghost"),
	])
	findings == {{
		"rule": "rbac/contributor-unmapped",
		"message": "ghost has a part in this change and is not mapped to a person, so approvers cannot be shown to be independent",
		"at": "ghost",
		"severity": "block",
		"remedy": "Map the account to a person, or have the commits re-authored and reviewed.",
	}}
}

test_an_account_without_a_person_is_unknown if {
	_at([fixture.replace("/identities/mallory/person", "")]) == {"mallory"}
	_at([fixture.remove("/identities/mallory")]) == {"mallory"}
	_at([fixture.replace("/source/contributors", ["alice", null])]) == {null}
}

test_who_asks_must_be_known_too if {
	_at([fixture.replace("/request/actor/principal", "workload:other")]) == {"workload:other"}
	_at([fixture.replace("/request/on_behalf_of", "ghost")]) == {"ghost"}
	_at([fixture.replace("/request/on_behalf_of", "")]) == set()
}

test_a_departed_contributor_is_known if {
	_at([fixture.replace("/identities/mallory/status", "disabled")]) == set()
}

test_an_empty_list_proves_nothing if {
	findings := rule.violations with input as fixture.patch([
		fixture.replace("/source/contributors", []),
	])
	{[finding.at, finding.message] | some finding in findings} == {[
		"contributors",
		"Nobody says who contributed to this change, so approvers cannot be shown to be independent",
	]}
	_at([fixture.remove("/source/contributors")]) == {"contributors"}
}

test_only_a_tier_below_production_goes_without if {
	every tier in ["staging", "development"] {
		rule.applies == false with input as fixture.patch([fixture.replace("/environment/tier", tier)])
	}
	every tier in ["production", "", null, "lunar"] {
		not rule.applies == false with input as fixture.patch([
			fixture.replace("/environment/tier", tier),
		])
	}
	not rule.applies == false with input as fixture.patch([fixture.remove("/environment/tier")])
}
