package gatekeep.rules.gate["unverifiable-attestation-ignored_test"]

import data.gatekeep.fixture
import data.gatekeep.rules.gate["unverifiable-attestation-ignored"] as rule

_id := fixture.statement("forged")

_document := {
	"id": _id,
	"predicate_type": "https://slsa.dev/provenance/v1",
	"kind": "provenance",
	"reason": "signature_invalid",
	"detail": "no key of signer builder verifies it",
	"source": "attestations",
	"name": "forged.json",
}

_found(documents) := found if {
	doc := fixture.patch([fixture.replace("/rejected", documents)])
	found := {[f.message, f.at] | some f in rule.violations} with input as doc
}

_message := concat(" ", [
	"Attestation forged.json (https://slsa.dev/provenance/v1) was ignored:",
	"signature_invalid (no key of signer builder verifies it)",
])

test_nothing_rejected_passes if _found({}) == set()

test_a_finding_carries_the_rule_and_only_warns if {
	rule.violations == {{
		"rule": "gate/unverifiable-attestation-ignored",
		"message": _message,
		"at": _id,
		"severity": "warn",
		"remedy": "Remove the document or have it signed by somebody who is trusted to say it.",
	}} with input as fixture.patch([fixture.replace("/rejected", {_id: _document})])
}

test_each_document_is_told if {
	other := fixture.statement("other")
	documents := {_id: _document, other: _document}
	_found(documents) == {[_message, _id], [_message, other]}
}

test_missing_fields_hide_nothing if {
	_found({_id: {}}) == {
		["Attestation (missing) ((missing)) was ignored: (missing) ((missing))", _id],
	}
	_found({_id: null}) == {
		["Attestation (missing) ((missing)) was ignored: (missing) ((missing))", _id],
	}
}

test_the_list_of_rejected_documents_must_be_there if rule.needs == {"rejected"}
