package gatekeep.rules.supply_chain["vex-untrusted-ignored_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.supply_chain["vex-untrusted-ignored"] as rule

_violations(ops) := found if {
	found := rule.violations with input as fixture.patch(ops)
		with data.gatekeep.org as fixture.org
}

_said(ops) := {[finding.at, finding.message] | some finding in _violations(ops)}

_rejection := {
	"id": "sha256:r",
	"kind": "vex",
	"predicate_type": "https://openvex.dev/ns/v0.2.0",
	"reason": "signer_not_trusted",
	"detail": "signer may not say vex",
	"signer": "builder",
	"source": "registry",
	"name": "vex.json",
}

_rejecting(rejection) := [fixture.add("/rejected/sha256:r", rejection)]

_ignored(why) := {[
	"sha256:r",
	sprintf("VEX document vex.json from registry was ignored: %s", [why]),
]}

test_no_rejected_document_passes if _violations([]) == set()

test_a_document_of_a_signer_that_may_not_say_vex_is_named if {
	_violations(_rejecting(_rejection)) == {{
		"rule": "supply_chain/vex-untrusted-ignored",
		"message": "VEX document vex.json from registry was ignored: signer_not_trusted, signer builder",
		"at": "sha256:r",
		"severity": "warn",
		"remedy": "Have the product security team sign the statement.",
	}}
}

test_a_document_without_a_known_signer_is_named if {
	every reason in ["unsigned", "signature_invalid", "signer_unknown", "expired", "some_new_reason"] {
		changed := object.union(_rejection, {"reason": reason})
		_said(_rejecting(object.remove(changed, ["signer"]))) == _ignored(reason)
		_said(_rejecting(object.union(changed, {"signer": ""}))) == _ignored(reason)
	}
}

test_a_document_about_something_else_is_no_news if {
	_violations(_rejecting(object.union(_rejection, {"reason": "subject_mismatch"}))) == set()
}

test_a_rejected_document_of_another_kind_is_for_another_rule if {
	_violations(_rejecting(object.union(_rejection, {"kind": "sbom"}))) == set()
	_violations(_rejecting(object.remove(_rejection, ["kind"]))) == set()
}

test_missing_fields_never_silence_it if {
	bare := {"kind": "vex"}
	_said(_rejecting(bare)) == {[
		"sha256:r",
		"VEX document (missing) from (missing) was ignored: (missing)",
	]}
}

test_a_statement_that_stands_on_no_believed_document_is_named if {
	_said([fixture.add("/vex/CVE-2026-9999", [{"attestation": fixture.statement("vex")}])]) == set()
	prov := fixture.statement("prov")
	_said([
		fixture.add("/vex/CVE-2026-9999", [{"attestation": prov}]),
	]) == {["CVE-2026-9999", _unbelieved(prov)]}
	_said([fixture.add("/vex/CVE-2026-9999", [{}])]) == {["CVE-2026-9999", _unbelieved("(missing)")]}
}

_unbelieved(id) := sprintf(
	"VEX statement for CVE-2026-9999 was ignored: %s is not a believed VEX document",
	[id],
)

test_it_needs_the_lists if rule.needs == {"rejected", "vex"}
