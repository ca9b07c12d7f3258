package gatekeep.rules.gate["request-replayed_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.gate["request-replayed"] as rule

_found(ops) := found if {
	found := {f.message | some f in rule.violations} with input as fixture.patch(ops)
}

_says(why) := sprintf("Request req-1 cannot be honoured: %s", [why])

_made(at) := _says(sprintf("it was made at %v, which is not within the last 15 minutes", [at]))

_stateless := fixture.replace("/gate/state_declared", false)

_used := fixture.replace("/state/consumed_nonces", ["n-0", "n-1"])

test_a_fresh_request_passes if _found([]) == set()

test_a_finding_carries_the_rule if {
	rule.violations == {{
		"rule": "gate/request-replayed",
		"message": _says("its nonce n-1 was used before"),
		"at": "req-1",
		"severity": "block",
		"remedy": "Send a new request.",
	}} with input as fixture.patch([_used])
}

test_a_request_without_a_nonce_fails if {
	every op in [
		fixture.remove("/request/nonce"),
		fixture.replace("/request/nonce", ""),
		fixture.replace("/request/nonce", null),
	] {
		_found([op]) == {_says("it has no nonce")}
		_found([op, _stateless]) == {_says("it has no nonce")}
	}
}

test_used_nonces_that_are_no_list_are_not_trusted if {
	_found([fixture.replace("/state/consumed_nonces", "n-0")]) == {
		_says("its nonce n-1 was used before"),
	}
	_found([_used, fixture.remove("/gate/state_declared")]) == {_says("its nonce n-1 was used before")}
}

test_without_state_a_second_use_cannot_be_seen if {
	_found([fixture.replace("/state/consumed_nonces", []), _stateless]) == set()
	_found([_used, _stateless]) == _found([_used])
	rule.notes == {
		"the bundle declares no state: a request sent twice cannot be seen",
	} with input as fixture.patch([_stateless])
	rule.notes == set() with input as fixture.input_doc
}

test_a_request_grows_old if {
	_found([fixture.replace("/request/requested_at", "2026-11-23T09:45:00.6Z")]) == set()
	every at in ["2026-11-23T09:45:00.5Z", "2026-11-23T09:45:00Z", "2025-11-23T10:00:00Z"] {
		_found([fixture.replace("/request/requested_at", at)]) == {_made(at)}
		_found([fixture.replace("/request/requested_at", at), _stateless]) == {_made(at)}
	}
}

test_a_request_from_the_future_is_not_fresh if {
	_found([fixture.replace("/request/requested_at", "2026-11-23T10:00:00.5Z")]) == set()
	_found([fixture.replace("/request/requested_at", "2026-11-23T10:00:00.6Z")]) == {
		_made("2026-11-23T10:00:00.6Z"),
	}
}

test_a_request_that_does_not_say_when_is_not_fresh if {
	_found([fixture.remove("/request/requested_at")]) == {_made("(missing)")}
	_found([fixture.replace("/request/requested_at", "just now")]) == {_made("just now")}
	_found([fixture.replace("/request/requested_at", null)]) == {_made(null)}
}

test_no_request_at_all_fails if {
	_found([fixture.remove("/request")]) == {
		"Request (missing) cannot be honoured: it has no nonce",
		concat(" ", [
			"Request (missing) cannot be honoured:",
			"it was made at (missing), which is not within the last 15 minutes",
		]),
	}
}

test_it_needs_a_clock_and_the_used_nonces if {
	rule.needs == {"clock.now_ns", "clock.uncertainty_ns", "state.consumed_nonces"}
}
