package gatekeep.rules.gate["policy-bundle-downgraded_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.gate["policy-bundle-downgraded"] as rule

_found(ops) := found if {
	found := {f.message | some f in rule.violations} with input as fixture.patch(ops)
}

_says(revision, why) := sprintf("Policy bundle revision %v rejected: %s", [revision, why])

_field(name) := sprintf("/gate/policy/%s", [name])

_set(name, value) := fixture.add(_field(name), value)

_drop(name) := fixture.remove(_field(name))

_stateless := fixture.replace("/gate/state_declared", false)

_unsigned := _says(42, "it is not signed by a trusted key")

_floor(revision, floor) := _says(
	revision,
	sprintf("the newest revision that was used is %v", [floor]),
)

test_a_signed_and_current_policy_passes if {
	_found([]) == set()
	_found([_set("revision", 43)]) == set()
}

test_a_finding_carries_the_rule if {
	rule.violations == {{
		"rule": "gate/policy-bundle-downgraded",
		"message": _floor(41, 42),
		"at": fixture.base.gate.policy.digest,
		"severity": "block",
		"remedy": "Fetch the current bundle.",
	}} with input as fixture.patch([_set("revision", 41)])
}

test_a_directory_must_be_signed if {
	_found([_set("signature_verified", false)]) == {_unsigned}
	_found([_drop("signature_verified")]) == {_unsigned}
	_found([_set("signature_verified", "true")]) == {_unsigned}
	_found([_drop("signature_verified"), _drop("unsigned_allowed")]) == {_unsigned}
}

test_the_operator_may_allow_an_unsigned_directory if {
	unsigned := [_set("signature_verified", false), _set("unsigned_allowed", true)]
	_found(unsigned) == set()
	_found(array.concat(unsigned, [_drop("expires_at")])) == set()
	rule.notes == {
		"the operator allowed a policy that is not signed by a trusted key",
	} with input as fixture.patch(unsigned)
}

test_a_signed_policy_must_say_when_it_expires if {
	_found([_drop("expires_at")]) == {_says(42, "it is signed without an expiry")}
	_found([_set("expires_at", null)]) == {_says(42, "it is signed without an expiry")}
}

test_an_expiry_must_be_certainly_ahead if {
	every time in ["2026-11-23T10:00:00.5Z", "2026-11-22T10:00:00Z", "some day", ""] {
		_found([_set("expires_at", time)]) == {_says(42, sprintf("it expired at %s", [time]))}
	}
	_found([_set("expires_at", "2026-11-23T10:00:00.6Z")]) == set()
}

test_an_expiry_of_an_unsigned_policy_counts_too if {
	_found([
		_set("signature_verified", false),
		_set("unsigned_allowed", true),
		_set("expires_at", "2026-11-22T10:00:00Z"),
	]) == {_says(42, "it expired at 2026-11-22T10:00:00Z")}
}

test_an_older_revision_than_the_newest_is_refused if {
	_found([_set("revision", 41)]) == {_floor(41, 42)}
	_found([_drop("floor_revision")]) == {_floor(42, "(missing)")}
	_found([_drop("revision")]) == {_floor("(missing)", 42)}
	_found([_set("revision", "43")]) == {_floor("43", 42)}
	_found([_set("floor_revision", null)]) == {_floor(42, null)}
}

test_without_state_an_older_revision_cannot_be_seen if {
	_found([_stateless, _drop("floor_revision"), _set("revision", 41)]) == set()
	rule.notes == {
		"the bundle declares no state: an older policy cannot be seen",
	} with input as fixture.patch([_stateless, _drop("floor_revision")])
}

test_a_newest_revision_that_is_told_counts_without_state if {
	_found([_stateless, _set("revision", 41)]) == {_floor(41, 42)}
	_found(array.concat(_embedded, [_stateless, _set("revision", 41)])) == {_floor(41, 42)}
	rule.notes == set() with input as fixture.patch([_stateless])
}

test_state_is_believed_absent_only_where_that_is_declared if {
	_found([fixture.remove("/gate/state_declared"), _set("revision", 41)]) == {_floor(41, 42)}
}

_embedded := [
	_set("origin", "embedded"), _set("signature_verified", false),
	_drop("expires_at"), _drop("signer"),
]

test_the_policy_of_the_program_needs_no_signature if {
	_found(_embedded) == set()
	rule.notes == {
		"the policy is compiled into the program: its integrity is the program's",
	} with input as fixture.patch(_embedded)
}

test_the_policy_of_the_program_may_be_too_old_as_well if {
	_found(array.concat(_embedded, [_set("revision", 41)])) == {_floor(41, 42)}
}

test_the_policy_of_the_program_without_state_leaves_nothing_to_ask if {
	nothing := array.concat(_embedded, [_stateless, _drop("floor_revision")])
	rule.applies == false with input as fixture.patch(nothing)
	not rule.applies with input as fixture.patch(_embedded)
	every ops in [[], _embedded, [_stateless], array.concat(_embedded, [_stateless])] {
		_no_say_on_applies(fixture.patch(ops))
	}
}

_no_say_on_applies(doc) if object.get(rule, "applies", "unsaid") == "unsaid" with input as doc

test_another_origin_is_refused if {
	why := "its origin is neither the program nor a directory"
	_found([_set("origin", "mail")]) == {_says(42, why)}
	_found([_drop("origin")]) == {_says(42, why)}
}

test_no_policy_at_all_is_refused if {
	_found([fixture.remove("/gate/policy")]) == {
		_says("(missing)", "its origin is neither the program nor a directory"),
		_says("(missing)", "it is not signed by a trusted key"),
		_floor("(missing)", "(missing)"),
	}
}

test_an_expiry_needs_a_clock if rule.needs == {"clock.now_ns", "clock.uncertainty_ns"}
