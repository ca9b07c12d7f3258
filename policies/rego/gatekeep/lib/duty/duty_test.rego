package gatekeep.lib.duty_test

import data.gatekeep.fixture
import data.gatekeep.lib.duty

_owed := {
	"id": "g-1@req-0",
	"kind": "break_glass_review",
	"grant": "g-1",
	"principal": "mallory",
	"service": "payments",
	"status": "open",
	"due_at": "2026-11-24T10:00:00Z",
}

_review := {
	"grant": "g-1",
	"uses": ["g-1@req-0"],
	"outcome": "justified",
	"reviewers": ["erin", "bob"],
	"reviewed_at": "2026-11-23T08:00:00Z",
	"verification": {"status": "verified", "signer": "erin", "principal": "erin"},
}

_answered(changes) := ids if {
	ids := duty.answered with input as fixture.patch([
		fixture.add("/state/obligations/-", _owed),
		fixture.add("/break_glass_reviews", [object.union(_review, changes)]),
	])
}

test_a_use_leaves_a_review_due_a_day_later if {
	left := duty.left_by("g-1@sha256:00") with input as fixture.patch([fixture.add("/grants/g-1@sha256:00", {"id": "g-1"})])
	left == {
		"id": "g-1@req-1",
		"kind": "break_glass_review",
		"grant": "g-1",
		"principal": "workload:cd",
		"service": "payments",
		"status": "open",
		"due_at": "2026-11-24T10:00:00Z",
	}
}

test_a_review_answers_what_it_names if _answered({}) == {"g-1@req-0"}

test_no_review_answers_nothing if {
	ids := duty.answered with input as fixture.patch([fixture.add("/state/obligations/-", _owed)])
	ids == set()
}

test_a_review_that_fails_any_check_answers_nothing if {
	every changes in [
		{"verification": {"status": "unsigned_allowed"}},
		{"verification": {"principal": "mallory"}, "reviewers": ["mallory"]},
		{"verification": {"principal": "dave"}},
		{"grant": "g-2"},
		{"uses": ["g-1@req-9"]},
		{"reviewed_at": "2026-11-23T11:00:00Z"},
		{"reviewed_at": "soon"},
	] {
		_answered(changes) == set()
	}
}

test_a_closed_duty_is_done_without_a_review if {
	duty.done(object.union(_owed, {"status": "closed"})) with input as fixture.input_doc
	not duty.done(_owed) with input as fixture.input_doc
}

test_a_reviewed_duty_is_done if {
	duty.done(_owed) with input as fixture.patch([fixture.add("/break_glass_reviews", [_review])])
}
