package gatekeep.scenario.overlay_test

import data.gatekeep.fixture
import data.gatekeep.main
import data.gatekeep.verdict

# What an organisation lays over the policy may be wrong: null, empty, of another type, or
# without an entry. Each case names the rule that must not be content with it, which keeps
# the gate shut; nothing is taken from silence.

_set(path, value) := fixture.replace(path, value)

_outcome(rule, doc, params, org) := outcome if {
	outcome := verdict.outcome(rule) with input as doc
		with data.gatekeep.params as json.patch(data.gatekeep.params, params)
		with data.gatekeep.org as json.patch(fixture.org, org)
		with data.sboms as fixture.sboms
}

_content := {"pass", "waived", "not_applicable"}

# the cases of a table, [rule, path, value], in which the rule is content
_content_with_params(doc, cases) := {[rule, path, value] |
	some [rule, path, value] in cases
	_outcome(rule, doc, [_set(path, value)], []) in _content
}

_content_with_org(doc, cases) := {[rule, path, value] |
	some [rule, path, value] in cases
	_outcome(rule, doc, [], [_set(path, value)]) in _content
}

# Every case below starts from a request that the rule accepts.
_accepted(cases) if {
	every rule in {case[0] | some case in cases} {
		_outcome(rule, fixture.input_doc, [], []) in _content
	}
}

_people := {
	["rbac/approvals-insufficient", "/roles", null],
	["rbac/approvals-insufficient", "/roles", {}],
	["rbac/approvals-insufficient", "/roles/release_approver", null],
	["rbac/approvals-insufficient", "/roles/release_approver/bindings", null],
	["rbac/approvals-insufficient", "/roles/release_approver/bindings", []],
	["rbac/approvals-insufficient", "/roles/release_approver/bindings/0/scope", null],
	["rbac/approvals-insufficient", "/roles/release_approver/bindings/0/scope/tiers", null],
	["rbac/approvals-insufficient", "/roles/release_approver/bindings/0/scope/tiers", []],
	["rbac/approvals-insufficient", "/roles/release_approver/bindings/0/groups", null],
	["rbac/approvals-insufficient", "/roles/release_approver/bindings/0/expires_at", null],
	["rbac/approvals-insufficient", "/roles/release_approver/bindings/0/expires_at", ""],
}

_machines := {
	["rbac/deployer-not-authorized", "/roles", null],
	["rbac/deployer-not-authorized", "/workload_identities", null],
	["rbac/deployer-not-authorized", "/workload_identities/payments", []],
	["rbac/deployer-not-authorized", "/workload_identities/payments", [{}]],
}

test_people_whom_the_organisation_does_not_name_may_nothing if {
	_accepted(_people)
	_content_with_org(fixture.input_doc, _people) == set()
}

test_machines_that_the_organisation_does_not_name_may_nothing if {
	_accepted(_machines)
	_content_with_org(fixture.input_doc, _machines) == set()
}

_evidence := {
	["supply_chain/provenance-unexpected", "/expectations", null],
	["supply_chain/provenance-unexpected", "/expectations/payments", {}],
	["supply_chain/provenance-unexpected", "/expectations/payments/builders", null],
	["supply_chain/provenance-unexpected", "/expectations/payments/builders", []],
	["supply_chain/provenance-unexpected", "/expectations/payments/ref_glob", null],
	["supply_chain/provenance-unexpected", "/expectations/payments/ref_glob", ""],
	["supply_chain/component-denied", "/denied_components", null],
	["supply_chain/component-denied", "/denied_components", ["pkg:npm/event-stream@3.3.6"]],
	["supply_chain/vuln-blocking", "/kev", null],
	["supply_chain/vuln-blocking", "/kev", ["CVE-2021-44228"]],
	["gate/input-incomplete", "/baseline_regimes", null],
	["gate/input-incomplete", "/regime_triggers", null],
	["gate/input-incomplete", "/regime_triggers/ephi", null],
}

test_lists_that_the_organisation_does_not_give_are_not_empty_lists if {
	_accepted(_evidence)
	_content_with_org(fixture.input_doc, _evidence) == set()
}

_limits := {
	["supply_chain/vuln-blocking", "/supply_chain/remediation_days", {}],
	["supply_chain/vuln-blocking", "/supply_chain/remediation_days", null],
	["supply_chain/vuln-blocking", "/supply_chain/remediation_days", [30]],
	["supply_chain/vuln-blocking", "/supply_chain/remediation_days/medium", "30"],
	["supply_chain/vuln-blocking", "/supply_chain/remediation_days/medium", false],
	["supply_chain/vuln-scan-missing-or-stale", "/supply_chain/scan_max_age_h", null],
	["supply_chain/vuln-scan-missing-or-stale", "/supply_chain/db_max_age_h", null],
	["supply_chain/sbom-missing", "/supply_chain/min_components", null],
	["supply_chain/secret-scan-missing-or-failed", "/supply_chain/secret_scan_scopes", null],
	["supply_chain/secret-scan-missing-or-failed", "/supply_chain/secret_scan_scopes", []],
	["supply_chain/secret-scan-missing-or-failed", "/supply_chain/secret_scan_scopes", "artifact"],
	["supply_chain/secret-scan-missing-or-failed", "/supply_chain/secret_scan_scopes", [null]],
	["supply_chain/sast-missing-or-stale", "/supply_chain/sast_tools", null],
	["supply_chain/sast-missing-or-stale", "/supply_chain/sast_tools", ""],
	["supply_chain/sast-missing-or-stale", "/supply_chain/min_ruleset", null],
	["supply_chain/sast-missing-or-stale", "/supply_chain/sast_max_age_h", null],
}

test_limits_on_evidence_that_mean_nothing_accept_none if {
	_accepted(_limits)
	_content_with_params(fixture.input_doc, _limits) == set()
}

_rules_of_the_house := {
	["rbac/approvals-insufficient", "/rbac/required_approvals", null],
	["rbac/approvals-insufficient", "/rbac/required_approvals/production", null],
	["rbac/approvals-insufficient", "/rbac/required_approvals/production", {}],
	["rbac/approvals-insufficient", "/rbac/required_approvals/production/slots", null],
	["rbac/approvals-insufficient", "/rbac/required_approvals/production/slots", {}],
	["rbac/approvals-insufficient", "/rbac/required_approvals/production/slots", [null]],
	["rbac/approvals-insufficient", "/rbac/max_approval_age_h", null],
	["rbac/deployer-not-authorized", "/rbac/deploy_roles", null],
	["rbac/deployer-not-authorized", "/rbac/deploy_roles/deploy", null],
	["rbac/deployer-not-authorized", "/rbac/deploy_roles/deploy", ""],
}

_times_and_places := {
	["freeze/calendar-unusable", "/freeze/max_calendar_age_min", null],
	["freeze/calendar-unusable", "/freeze/min_tzdata", null],
	["freeze/calendar-unusable", "/freeze/min_tzdata", ""],
	["gdpr/region-not-allowed", "/gdpr/allowed_jurisdictions", null],
	["gdpr/region-not-allowed", "/gdpr/allowed_jurisdictions", []],
	["gdpr/region-undetermined", "/gdpr/regions", null],
	["gdpr/region-undetermined", "/gdpr/regions/aws", {}],
}

_invariants := {
	["gate/input-incomplete", "/gate/required_input/predeploy", null],
	["gate/input-incomplete", "/gate/counted_input", null],
	["gate/input-incomplete", "/gate/counted_input", []],
	["gate/clock-untrusted", "/gate/max_clock_uncertainty_s", null],
	["gate/clock-untrusted", "/gate/clock_sources", null],
	["gate/clock-untrusted", "/gate/clock_sources", []],
	["gate/request-replayed", "/gate/max_request_age_min", null],
}

test_limits_on_people_that_mean_nothing_accept_none if {
	_accepted(_rules_of_the_house)
	_content_with_params(fixture.input_doc, _rules_of_the_house) == set()
}

test_limits_on_times_and_places_that_mean_nothing_accept_none if {
	_accepted(_times_and_places)
	_content_with_params(fixture.input_doc, _times_and_places) == set()
}

test_limits_of_the_gate_that_mean_nothing_accept_none if {
	_accepted(_invariants)
	_content_with_params(fixture.input_doc, _invariants) == set()
}

# Without a plan its length is assumed; where nothing is assumed, it may last for ever.
test_a_rollout_of_unknown_length_may_enter_any_freeze if {
	doc := fixture.patch([_set("/rollout/declared", false)])
	path := "/freeze/assumed_rollout_min"
	every value in [null, "120"] {
		_content_with_params(doc, {
			["freeze/calendar-unusable", path, value],
			["freeze/rollout-would-overlap", path, value],
		}) == set()
	}
}

# Which classes of data are judged at all

_abroad := fixture.patch([_set("/resources/aws_s3_bucket.b[17]/region", "us-east-1")])

_unknown_place := fixture.patch([fixture.remove("/resources/aws_s3_bucket.b[17]/region")])

_plain := fixture.patch([
	_set("/service/data_classes", ["ephi"]),
	_set("/resources/aws_s3_bucket.b[17]/encrypted_at_rest", false),
	_set("/data_flow/declared", false),
])

test_no_list_of_classes_makes_data_harmless if {
	every value in [null, [], "customer_pii", {}, [""]] {
		path := "/gdpr/personal_classes"
		_content_with_params(_abroad, {["gdpr/region-not-allowed", path, value]}) == set()
		_content_with_params(_unknown_place, {["gdpr/region-undetermined", path, value]}) == set()
	}
}

test_no_list_of_health_classes_makes_data_harmless if {
	every value in [null, [], "ephi", {}] {
		path := "/hipaa/ephi_classes"
		_content_with_params(_plain, {
			["hipaa/encryption-at-rest-missing", path, value],
			["hipaa/baa-missing", path, value],
		}) == set()
	}
}

test_keys_are_any_only_where_the_list_is_empty if {
	doc := fixture.patch([_set("/service/data_classes", ["ephi"])])
	rule := "hipaa/encryption-at-rest-missing"
	_content_with_params(doc, {[rule, "/hipaa/approved_keys", []]}) == {[rule, "/hipaa/approved_keys", []]}
	_content_with_params(doc, {
		[rule, "/hipaa/approved_keys", null],
		[rule, "/hipaa/approved_keys", ""],
		[rule, "/hipaa/approved_keys", {}],
		[rule, "/hipaa/approved_keys", ["alias/other"]],
	}) == set()
}

# What may stay in the code

_flawed := fixture.patch([fixture.add("/findings/sast/f1", {
	"rule": "sql-injection",
	"severity": "critical",
	"location": "a.go:1",
	"baseline_state": "new",
	"attestation": fixture.statement("sast"),
})])

test_no_list_of_severities_tolerates_a_flaw if {
	every value in [null, [], "high", {}] {
		_content_with_params(_flawed, {["supply_chain/sast-blocking", "/supply_chain/sast_block", value]}) == set()
	}
	_content_with_params(_flawed, {["supply_chain/sast-blocking", "/supply_chain/sast_grace_days", null]}) == set()
}

# Excuses. A count is as large as null, so a limit that is none must not be met.

_critical := fixture.add("/findings/sca/CVE-2026-9999 pkg:npm~1left@1.0.0", {
	"id": "CVE-2026-9999",
	"severity": "critical",
	"purl": "pkg:npm/left@1.0.0",
	"first_seen": "2026-11-23T08:00:00Z",
	"attestations": [fixture.statement("vulns")],
})

_waiver(changes) := object.union(
	{
		"id": "w1",
		"rule": "supply_chain/vuln-blocking",
		"term": "CVE-2026-9999",
		"scope": {"environments": ["prod-eu"], "services": ["payments"]},
		"reason": "Vendor fix lands 5 December; WAF rule 44 in place",
		"ticket": "https://tickets.example/SEC-1",
		"requested_by": "alice",
		"granted_by": ["dave"],
		"not_before": "2026-11-20T00:00:00Z",
		"expires_at": "2026-12-10T00:00:00Z",
		"verification": {"status": "verified", "signer": "dave", "principal": "dave"},
	},
	changes,
)

_waived(changes) := fixture.patch([_critical, _set("/waivers", [_waiver(changes)])])

_by_nobody := {
	"granted_by": ["olga"],
	"verification": {"status": "verified", "signer": "olga", "principal": "olga"},
}

_vulnerable(path, values) := {["supply_chain/vuln-blocking", path, value] | some value in values}

test_a_waiver_needs_somebody_who_may_grant_it if {
	_outcome("supply_chain/vuln-blocking", _waived({}), [], []) == "waived"
	path := "/waivers/families/supply_chain/granters"
	_content_with_params(_waived(_by_nobody), _vulnerable(path, [null, false, 0, -1, "", "1", []])) == set()
}

test_a_waiver_needs_a_reason if {
	path := "/waivers/min_reason_chars"
	_content_with_params(_waived({"reason": ""}), _vulnerable(path, [null, false, 0, ""])) == set()
}

test_terms_of_waivers_that_mean_nothing_allow_none if {
	_content_with_params(_waived({}), {
		["supply_chain/vuln-blocking", "/waivers/families", null],
		["supply_chain/vuln-blocking", "/waivers/families/supply_chain", null],
		["supply_chain/vuln-blocking", "/waivers/families/supply_chain/role", null],
		["supply_chain/vuln-blocking", "/waivers/families/supply_chain/max_days", null],
		["supply_chain/vuln-blocking", "/waivers/families/supply_chain/max_days", {}],
		["supply_chain/vuln-blocking", "/waivers/families/supply_chain/max_days/block", null],
	}) == set()
}

_exempted(changes) := fixture.patch([
	fixture.add("/calendar/occurrences/o1", {
		"window": "fw",
		"kind": "freeze",
		"title": "Year end",
		"tz": "America/New_York",
		"scope": {"tiers": ["production"]},
		"start_ns": time.parse_rfc3339_ns("2026-11-23T05:00:00Z"),
		"end_ns": time.parse_rfc3339_ns("2026-11-30T05:00:00Z"),
		"allowed_actions": ["rollback"],
	}),
	_set("/freeze_exemptions", [object.union(
		{
			"id": "x1",
			"window": "fw",
			"binding": fixture.binding,
			"not_before": "2026-11-23T09:00:00Z",
			"expires_at": "2026-11-23T12:00:00Z",
			"granted_by": ["frank", "grace"],
			"reason": "Tariff change ordered by the regulator",
			"uses": 0,
			"max_uses": 1,
			"verification": {"status": "verified", "signer": "frank", "principal": "frank"},
		},
		changes,
	)]),
])

_frozen(path, values) := {["freeze/active-window-blocks", path, value] | some value in values}

test_an_exemption_needs_somebody_who_may_grant_it if {
	_outcome("freeze/active-window-blocks", _exempted({}), [], []) == "pass"
	_content_with_params(
		_exempted(_by_nobody),
		_frozen("/freeze/min_exemption_granters", [null, false, 0, -1, "", "2", []]),
	) == set()
}

test_an_exemption_needs_a_reason_and_an_end if {
	_content_with_params(
		_exempted({"reason": ""}),
		_frozen("/freeze/min_reason_chars", [null, false, 0, ""]),
	) == set()
	_content_with_params(_exempted({}), _frozen("/freeze/max_exemption_h", [null, 0])) == set()
}

_emergency(changes) := fixture.patch([
	_set("/request/emergency", true),
	_set("/request/actor", {"principal": "mallory"}),
	_set("/approvals", {}),
	fixture.add("/grants/g1", object.union(
		{
			"id": "g1",
			"principal": "mallory",
			"environment": "prod-eu",
			"service": "payments",
			"incident": "INC-7",
			"covers": ["rbac/approvals-insufficient"],
			"not_before": "2026-11-23T09:30:00Z",
			"expires_at": "2026-11-23T10:30:00Z",
			"uses": 0,
			"max_uses": 1,
			"granted_by": "erin",
			"reason": "Checkout is down",
			"verification": {"status": "verified", "signer": "erin", "principal": "erin"},
		},
		changes,
	)),
])

test_an_emergency_has_limits if {
	_outcome("rbac/approvals-insufficient", _emergency({}), [], []) == "waived"
	_content_with_params(_emergency({}), {
		["rbac/approvals-insufficient", "/rbac/max_grant_h", null],
		["rbac/approvals-insufficient", "/rbac/break_glass_coverable", null],
		["rbac/approvals-insufficient", "/rbac/break_glass_coverable", []],
		["rbac/jit-grant-invalid", "/rbac/max_grant_h", null],
		["rbac/break-glass-rate-exceeded", "/rbac/break_glass_max_uses", null],
		["rbac/break-glass-rate-exceeded", "/rbac/break_glass_max_uses", "3"],
	}) == set()
}

test_a_grant_to_oneself_is_none_where_nobody_is_behind_the_request if {
	self := _emergency({
		"granted_by": "mallory",
		"verification": {"status": "verified", "signer": "mallory", "principal": "mallory"},
	})
	doc := json.patch(self, [
		fixture.add("/identities/mallory/groups/-", "incident-commanders"),
		fixture.remove("/request/on_behalf_of"),
	])
	not _outcome("rbac/approvals-insufficient", doc, [], []) in _content
	not _outcome("rbac/jit-grant-invalid", doc, [], []) in _content
}

# The router: catalogues and index

_decide(doc, index, regimes) := decision if {
	decision := main.decision with input as doc
		with data.gatekeep.org as fixture.org
		with data.sboms as fixture.sboms
		with data.gatekeep.index as index
		with data.gatekeep.regimes as regimes
}

_index_with(ops) := json.patch(data.gatekeep.index, ops)

_regimes_with(ops) := json.patch(data.gatekeep.regimes, ops)

test_a_rule_without_an_entry_in_the_index_shuts_the_gate if {
	index := _index_with([fixture.remove("/gdpr~1region-not-allowed")])
	decision := _decide(fixture.input_doc, index, data.gatekeep.regimes)
	decision.outcome == "indeterminate"
	{result.rule | some result in decision.results; result.outcome == "indeterminate"} == {
		"gdpr/region-not-allowed",
	}
}

test_an_index_that_is_empty_shuts_the_gate if {
	decision := _decide(fixture.input_doc, {}, data.gatekeep.regimes)
	decision.outcome == "indeterminate"
	{result.severity | some result in decision.results} == {"block"}
}

_severity_of_abroad(value) := severity if {
	index := _index_with([_set("/gdpr~1region-not-allowed/severity", value)])
	severity := verdict.severity("gdpr/region-not-allowed") with input as _abroad
		with data.gatekeep.index as index
}

test_only_the_word_warn_softens if {
	every value in [null, "", "info", "WARN", ["warn"], false] {
		_severity_of_abroad(value) == "block"
	}
	_severity_of_abroad("warn") == "warn"
}

test_a_date_that_is_none_softens_nothing if {
	every value in [null, "", "soon", 2030, "2030-01-01"] {
		index := _index_with([fixture.add("/gdpr~1region-not-allowed/effective_on", value)])
		severity := verdict.severity("gdpr/region-not-allowed") with input as _abroad
			with data.gatekeep.index as index
		severity == "block"
	}
}

test_stages_that_are_no_list_excuse_no_rule if {
	every value in [null, "build", {"stage": "build"}] {
		index := _index_with([_set("/gdpr~1region-not-allowed/stages", value)])
		outcome := verdict.outcome("gdpr/region-not-allowed") with input as _abroad
			with data.gatekeep.index as index
		outcome == "fail"
	}
}

test_a_control_that_names_a_rule_twice_asks_it_once if {
	rules := data.gatekeep.regimes.gdpr.controls[0].rules
	regimes := _regimes_with([_set("/gdpr/controls/0/rules", array.concat(rules, rules))])
	twice := _decide(_abroad, data.gatekeep.index, regimes)
	once := _decide(_abroad, data.gatekeep.index, data.gatekeep.regimes)
	twice == once
	twice.outcome == "fail"
}

test_a_regime_without_controls_is_not_declared if {
	every controls in [null, [], [{"id": "a", "rules": null}], [{"id": "a"}]] {
		regimes := {"gdpr": {"controls": controls}}
		not main.declared("gdpr") with data.gatekeep.regimes as regimes
	}
}

test_a_regime_that_is_emptied_shuts_the_gate if {
	regimes := _regimes_with([_set("/gdpr/controls", [])])
	_decide(fixture.input_doc, data.gatekeep.index, regimes).outcome == "indeterminate"
}

test_a_rule_under_the_name_of_another_thing_shuts_the_gate if {
	every name in [null, "", "gdpr", "gdpr/", "gdpr/region-not-allowed/x"] {
		not _outcome(name, fixture.input_doc, [], []) in _content
	}
}
