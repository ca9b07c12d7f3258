package gatekeep.scenario.supply_chain_test

import data.gatekeep.fixture
import data.gatekeep.verdict

# Attacks on the supply chain, judged by the whole gate.

_items(name) := sprintf("/attestations/items/%s", [fixture.statement(name)])

_only_warns := {"gate/unverifiable-attestation-ignored"}

# what the host does with a statement that it does not believe: it is not among the
# statements, and the record says why
_rejecting(name, reason) := [
	fixture.remove(_items(name)),
	fixture.replace(sprintf("/attestations/by_kind/%s", [item.kind]), []),
	fixture.add(sprintf("/rejected/%s", [item.id]), {
		"id": item.id,
		"kind": item.kind,
		"predicate_type": item.predicate_type,
		"reason": reason,
		"detail": "as the host tells it",
		"signer": "builder",
		"source": "registry",
		"name": name,
	}),
] if {
	item := fixture.base.attestations.items[fixture.statement(name)]
}

# a verdict with rules that failed and rules that could not look
_blinded(failed, unknown, warnings) := {
	"outcome": "fail",
	"fail": failed,
	"unknown": unknown,
	"warn": warnings,
}

# every finding of the rules that failed: the thing and the rule
_named(doc) := {[result.rule, finding.at] |
	some result in fixture.decide(doc).results
	result.outcome == "fail"
	result.severity == "block"
	some finding in result.findings
}

# S01: provenance whose signature does not verify, or by an unknown key
_forged(reason) := fixture.patch(_rejecting("prov", reason))

_no_provenance := fixture.failed({"supply_chain/provenance-missing"}, _only_warns)

test_s01_forged_provenance_is_no_provenance if {
	fixture.verdict(_forged("signature_invalid")) == _no_provenance
}

test_s01b_provenance_by_a_key_that_nobody_knows_is_no_provenance if {
	fixture.verdict(_forged("signer_unknown")) == _no_provenance
}

# S02: the build signs its own scan, with its genuine identity
_own_scan := fixture.patch(array.concat(
	_rejecting("vulns", "signer_not_trusted"),
	[fixture.replace("/findings/sca", {})],
))

test_s02_a_scan_signed_by_the_builder_is_no_scan if {
	fixture.verdict(_own_scan) == _blinded(
		{"supply_chain/vuln-scan-missing-or-stale"},
		{"supply_chain/vuln-blocking"},
		_only_warns,
	)
}

# S09: an SBOM of another image, and another document than the attested one
_other_sbom := fixture.patch(array.concat(
	_rejecting("sbom", "subject_mismatch"),
	[fixture.replace("/sboms", {})],
))

test_s09a_an_sbom_of_another_digest_is_no_sbom if {
	fixture.verdict(_other_sbom) == _blinded(
		{"supply_chain/sbom-missing"},
		{"supply_chain/component-denied"},
		_only_warns,
	)
}

_swapped_sbom := fixture.patch([fixture.replace(
	sprintf("%s/claims/content_digest", [_items("sbom")]),
	sprintf("sha256:%s", [crypto.sha256("another document")]),
)])

test_s09b_another_document_than_the_attested_one_is_no_sbom if {
	fixture.verdict(_swapped_sbom) == fixture.failed({"supply_chain/sbom-missing"}, set())
}

# S10: who may lift a critical finding, and when
_critical := fixture.add("/findings/sca/CVE-2026-9999 pkg:npm~1left@1.0.0", {
	"id": "CVE-2026-9999",
	"severity": "critical",
	"purl": "pkg:npm/left@1.0.0",
	"first_seen": "2026-11-23T08:00:00Z",
	"attestations": [fixture.statement("vulns")],
})

_said(status, time, product) := {
	"attestation": fixture.statement("vex"),
	"products": [product],
	"status": status,
	"justification": "vulnerable_code_not_in_execute_path",
	"timestamp": time,
}

_vex(statements) := fixture.patch([_critical, fixture.add("/vex/CVE-2026-9999", statements)])

_untrusted_vex := fixture.patch(array.concat([_critical], _rejecting("vex", "signer_not_trusted")))

test_s10a_vex_of_a_signer_that_may_not_say_so_lifts_nothing if {
	fixture.verdict(_untrusted_vex) == fixture.failed(
		{"supply_chain/vuln-blocking"},
		_only_warns | {"supply_chain/vex-untrusted-ignored"},
	)
}

test_s10b_believed_vex_lifts if {
	doc := _vex([_said("not_affected", "2026-11-23T09:00:00Z", "pkg:npm/left@1.0.0")])
	fixture.verdict(doc) == fixture.opened
}

_superseded_vex := _vex([
	_said("not_affected", "2026-11-20T09:00:00Z", "pkg:npm/left@1.0.0"),
	_said("affected", "2026-11-22T09:00:00Z", "pkg:npm/left@1.0.0"),
])

test_s10c_the_newest_statement_wins if {
	fixture.verdict(_superseded_vex) == fixture.failed({"supply_chain/vuln-blocking"}, set())
	_named(_superseded_vex) == {["supply_chain/vuln-blocking", "CVE-2026-9999"]}
}

_other_product_vex := _vex([_said("not_affected", "2026-11-23T09:00:00Z", "pkg:npm/right@2.0.0")])

test_s10d_vex_about_another_product_lifts_nothing if {
	fixture.verdict(_other_product_vex) == fixture.failed({"supply_chain/vuln-blocking"}, set())
}

# S26: an index of two platforms. The subject is the index; what would run are its images.
_amd := sprintf("sha256:%s", [crypto.sha256("amd64")])

_arm := sprintf("sha256:%s", [crypto.sha256("arm64")])

_platform(digest, platform) := {
	"name": "registry.acme.dev/payments",
	"platform": platform,
	"covered_by": [digest, fixture.digest],
}

_index := [
	fixture.replace("/subject/kind", "oci_index"),
	fixture.replace("/subject/artifacts", {
		_amd: _platform(_amd, "linux/amd64"),
		_arm: _platform(_arm, "linux/arm64"),
	}),
	fixture.replace(sprintf("%s/subject_digests", [_items("sbom")]), [_amd, _arm]),
	fixture.replace(sprintf("%s/subject_digests", [_items("vulns")]), [_amd, _arm]),
	fixture.replace("/sboms", {
		_amd: fixture.base.sboms[fixture.digest],
		_arm: fixture.base.sboms[fixture.digest],
	}),
]

_half_scanned := fixture.patch(array.concat(_index, [fixture.replace(
	sprintf("%s/subject_digests", [_items("vulns")]),
	[_amd],
)]))

_half_listed := fixture.patch(array.concat(_index, [fixture.remove(sprintf("/sboms/%s", [_arm]))]))

test_s26_two_platforms_with_evidence_of_both_open if {
	fixture.verdict(fixture.patch(_index)) == fixture.opened
}

test_s26_a_platform_that_was_not_scanned_shuts_the_gate if {
	fixture.verdict(_half_scanned) == fixture.failed(
		{"supply_chain/vuln-scan-missing-or-stale"},
		set(),
	)
	_named(_half_scanned) == {["supply_chain/vuln-scan-missing-or-stale", _arm]}
}

test_s26_a_platform_without_sbom_shuts_the_gate if {
	fixture.verdict(_half_listed) == fixture.failed({"supply_chain/sbom-missing"}, set())
	_named(_half_listed) == {["supply_chain/sbom-missing", _arm]}
}

test_s26_evidence_about_the_index_is_not_evidence_about_its_platforms if {
	doc := fixture.patch(array.concat(_index, [fixture.replace(
		sprintf("%s/subject_digests", [_items("vulns")]),
		[fixture.digest],
	)]))
	_named(doc) == {
		["supply_chain/vuln-scan-missing-or-stale", _amd],
		["supply_chain/vuln-scan-missing-or-stale", _arm],
	}
}

# Laws over all of these. They ask the rules that matter instead of the whole gate: it
# stays shut as long as one rule that blocks neither passes nor is excused.

_shut := {
	"forged provenance": _forged("signature_invalid"),
	"own scan": _own_scan,
	"other sbom": _other_sbom,
	"swapped sbom": _swapped_sbom,
	"untrusted vex": _untrusted_vex,
	"superseded vex": _superseded_vex,
	"other product": _other_product_vex,
	"half scanned": _half_scanned,
	"half listed": _half_listed,
}

_outcome(rule, doc) := outcome if {
	outcome := verdict.outcome(rule) with input as doc
		with data.gatekeep.org as fixture.org
		with data.sboms as fixture.sboms
}

_stands(rule, doc) if {
	data.gatekeep.index[rule].severity == "block"
	_outcome(rule, doc) in {"fail", "indeterminate"}
}

_without(doc, id) := fixture.counted(json.patch(doc, [
	fixture.remove(sprintf("/attestations/items/%s", [id])),
	fixture.replace(sprintf("/attestations/by_kind/%s", [kind]), others),
])) if {
	kind := doc.attestations.items[id].kind
	others := [other | some other in doc.attestations.by_kind[kind]; other != id]
}

# statements of a shut request without which the rule that shut it is content
_opening(name, rule) := {id |
	some id, _ in _shut[name].attestations.items
	not _stands(rule, _without(_shut[name], id))
}

test_no_removal_opens_forged_provenance if {
	_opening("forged provenance", "supply_chain/provenance-missing") == set()
}

test_no_removal_opens_own_scan if {
	_opening("own scan", "supply_chain/vuln-scan-missing-or-stale") == set()
}

test_no_removal_opens_other_sbom if {
	_opening("other sbom", "supply_chain/sbom-missing") == set()
}

test_no_removal_opens_swapped_sbom if {
	_opening("swapped sbom", "supply_chain/sbom-missing") == set()
}

test_no_removal_opens_untrusted_vex if {
	_opening("untrusted vex", "supply_chain/vuln-blocking") == set()
}

test_no_removal_opens_superseded_vex if {
	_opening("superseded vex", "supply_chain/vuln-blocking") == set()
}

test_no_removal_opens_other_product if {
	_opening("other product", "supply_chain/vuln-blocking") == set()
}

test_no_removal_opens_half_scanned if {
	_opening("half scanned", "supply_chain/vuln-scan-missing-or-stale") == set()
}

test_no_removal_opens_half_listed if {
	_opening("half listed", "supply_chain/sbom-missing") == set()
}

test_removing_an_attestation_that_was_relied_on_shuts_an_open_gate if {
	relying := {
		"prov": "supply_chain/provenance-missing",
		"sbom": "supply_chain/sbom-missing",
		"vulns": "supply_chain/vuln-scan-missing-or-stale",
		"secrets": "supply_chain/secret-scan-missing-or-failed",
		"sast": "supply_chain/sast-missing-or-stale",
	}
	every name, rule in relying {
		_outcome(rule, fixture.input_doc) == "pass"
		_stands(rule, _without(fixture.input_doc, fixture.statement(name)))
	}
}

_kinds_read := {"prov", "sbom", "vulns", "vex", "secrets", "sast"}

# statements about something else, each of a kind that rules read
_unrelated(doc) := fixture.counted(json.patch(doc, array.concat(
	[op |
		some name in _kinds_read
		op := fixture.add(sprintf("/attestations/items/other-%s", [name]), _elsewhere(name))
	],
	[op |
		some name in _kinds_read
		kind := _elsewhere(name).kind
		ids := array.concat(doc.attestations.by_kind[kind], [sprintf("other-%s", [name])])
		op := fixture.replace(sprintf("/attestations/by_kind/%s", [kind]), ids)
	],
)))

_elsewhere(name) := object.union(fixture.base.attestations.items[fixture.statement(name)], {
	"id": sprintf("other-%s", [name]),
	"subject_digests": [sprintf("sha256:%s", [crypto.sha256("something else")])],
	"claims": {"source_commit": "dead"},
})

# the rules that read statements of these kinds
_reading := {rule |
	some rule, said in data.gatekeep.index
	some name in _kinds_read
	fixture.base.attestations.items[fixture.statement(name)].kind in said.evidence
}

# what each of them said
_outcomes(doc) := {rule: _outcome(rule, doc) | some rule in _reading}

_unchanged(name) if _outcomes(_unrelated(_shut[name])) == _outcomes(_shut[name])

test_adding_unrelated_attestations_shuts_no_gate if {
	fixture.verdict(_unrelated(fixture.input_doc)) == fixture.opened
}

test_every_rule_that_reads_these_kinds_is_asked if {
	count(_outcomes(fixture.input_doc)) == 11
}

test_adding_unrelated_attestations_helps_no_forged_provenance if _unchanged("forged provenance")

test_adding_unrelated_attestations_helps_no_own_scan if _unchanged("own scan")

test_adding_unrelated_attestations_helps_no_other_sbom if _unchanged("other sbom")

test_adding_unrelated_attestations_helps_no_swapped_sbom if _unchanged("swapped sbom")

test_adding_unrelated_attestations_helps_no_untrusted_vex if _unchanged("untrusted vex")

test_adding_unrelated_attestations_helps_no_superseded_vex if _unchanged("superseded vex")

test_adding_unrelated_attestations_helps_no_other_product if _unchanged("other product")

test_adding_unrelated_attestations_helps_no_platform_that_was_not_scanned if {
	_unchanged("half scanned")
}

test_adding_unrelated_attestations_helps_no_platform_without_sbom if _unchanged("half listed")
