package gatekeep.rules.gate["subject-digest-pinned_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.gate["subject-digest-pinned"] as rule

_found(ops) := found if {
	found := {[f.message, f.at] | some f in rule.violations} with input as fixture.patch(ops)
}

_why := "is not identified by a sha256 or sha512 digest"

_ref := fixture.base.subject.ref

_hex(n) := concat("", [substring("0123456789abcdef", i % 16, 1) | some i in numbers.range(1, n)])

test_a_subject_that_is_named_by_digest_passes if {
	_found([]) == set()
	_found([fixture.replace("/subject/digest", sprintf("sha512:%s", [_hex(128)]))]) == set()
}

test_a_finding_carries_the_rule if {
	rule.violations == {{
		"rule": "gate/subject-digest-pinned",
		"message": sprintf("Subject %s %s", [_ref, _why]),
		"at": _ref,
		"severity": "block",
		"remedy": "Deploy by digest, not by tag.",
	}} with input as fixture.patch([fixture.replace("/subject/digest", "latest")])
}

test_anything_else_is_no_digest if {
	every digest in [
		"",
		"latest",
		_hex(64),
		sprintf("sha256:%s", [_hex(63)]),
		sprintf("sha256:%s", [_hex(65)]),
		sprintf("sha256:%s", [upper(_hex(64))]),
		sprintf("sha512:%s", [_hex(64)]),
		sprintf("md5:%s", [_hex(32)]),
		sprintf("x@sha256:%s", [_hex(64)]),
		sprintf("sha256:%s\n", [_hex(64)]),
		null,
		7,
	] {
		_found([fixture.replace("/subject/digest", digest)]) == {
			[sprintf("Subject %s %s", [_ref, _why]), _ref],
		}
	}
}

test_a_missing_digest_fails if {
	_found([fixture.remove("/subject/digest")]) == {[sprintf("Subject %s %s", [_ref, _why]), _ref]}
	_found([fixture.remove("/subject/digest"), fixture.remove("/subject/ref")]) == {[
		sprintf("Subject (missing) %s", [_why]),
		"(missing)",
	]}
}

test_everything_that_would_run_is_named_by_digest if {
	arm := {"name": "x", "covered_by": [fixture.digest]}
	_found([fixture.add("/subject/artifacts/arm64", arm)]) == {[
		sprintf("Artifact arm64 %s", [_why]),
		"arm64",
	]}
}

test_what_covers_it_is_named_by_digest if {
	path := sprintf("/subject/artifacts/%s/covered_by/0", [fixture.digest])
	_found([fixture.replace(path, "index")]) == {
		[sprintf("Cover of an artifact, index %s", [_why]), "index"],
	}
}

test_it_needs_to_know_what_would_run if rule.needs == {"subject.artifacts"}
