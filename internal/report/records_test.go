package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatekeep-dev/gatekeep"
)

// Findings of the records below, by the names that real rules have.
func finding(rule, message, at, remedy string) gatekeep.Finding {
	return gatekeep.Finding{Rule: rule, Message: message, At: at, Severity: "block", Remedy: remedy}
}

func result(regime, control, rule string, outcome gatekeep.Outcome, findings ...gatekeep.Finding) gatekeep.Result {
	return gatekeep.Result{
		Regime: regime, Control: control, Rule: rule, Outcome: outcome, Severity: "block",
		Findings: append([]gatekeep.Finding{}, findings...), Notes: []string{},
	}
}

// record is one that opens: three regimes, all content.
func record() gatekeep.Record {
	digest := func(hex string) string { return "sha256:" + strings.Repeat(hex, 64) }
	return gatekeep.Record{
		Schema: gatekeep.RecordSchema, ID: "dec-0123456789abcdef0123456789abcdef", Mode: gatekeep.Enforce,
		DecidedAt: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC),
		Engine:    gatekeep.Engine{Gatekeep: "1.0.0", OPA: "1.22.2", Go: "go1.26.8"},
		Case: gatekeep.Case{
			Schema:    gatekeep.CaseSchema,
			Request:   gatekeep.Request{ID: "req-1", Stage: "predeploy", Environment: "prod-eu", Service: "payments", Action: "deploy"},
			Subject:   gatekeep.Subject{Kind: gatekeep.KindImage, Name: "registry.example/shop/payments", Digest: digest("a")},
			Policy:    gatekeep.PolicyRef{Origin: "directory", Name: "acme-baseline", Digest: digest("b"), Revision: 42, SignatureVerified: true, Signer: "platform-team"},
			Sources:   []gatekeep.SourceReport{{Name: "registry.example/shop/payments (referrers)", Status: gatekeep.SourceRead, Required: true, Count: 5}},
			Envelopes: []gatekeep.EnvelopeRef{},
		},
		Facts:    gatekeep.Digests{Input: digest("c"), Decision: digest("d"), Binding: digest("e")},
		Accepted: []gatekeep.Signed{},
		Rejected: []gatekeep.Rejection{},
		Regimes: []gatekeep.Regime{
			{ID: "core", Title: "Invariants of the gate", Controls: []gatekeep.Control{{ID: "core-1", Title: "The clock can be trusted"}, {ID: "core-2", Title: "No request is replayed"}}},
			{ID: "pci_dss", Title: "PCI DSS v4.0.1", Controls: []gatekeep.Control{{ID: "6.3.3", Title: "Known vulnerabilities are fixed in time"}, {ID: "6.5.1", Title: "Changes are approved"}}},
			{ID: "soc2", Title: "SOC 2 Trust Services Criteria", Controls: []gatekeep.Control{{ID: "CC7.1", Title: "Vulnerabilities are detected"}, {ID: "CC8.1", Title: "Changes are authorised, tested and approved"}}},
		},
		Decision: gatekeep.Decision{
			Outcome: gatekeep.Pass, Policy: digest("b"), Input: digest("c"),
			Results: []gatekeep.Result{
				result("core", "core-1", "gate/clock-untrusted", gatekeep.Pass),
				result("core", "core-2", "gate/request-replayed", gatekeep.NotApplicable),
				result("pci_dss", "6.3.3", "supply-chain/vuln-blocking", gatekeep.Pass),
				result("pci_dss", "6.3.3", "supply-chain/vuln-scan-stale", gatekeep.Pass),
				result("pci_dss", "6.5.1", "rbac/approvals-insufficient", gatekeep.Pass),
				result("soc2", "CC7.1", "supply-chain/vuln-blocking", gatekeep.Pass),
				result("soc2", "CC8.1", "rbac/approvals-insufficient", gatekeep.Pass),
				result("soc2", "CC8.1", "freeze/active-window", gatekeep.NotApplicable),
			},
		},
	}
}

// said replaces what a rule says, wherever it is asked.
func said(r *gatekeep.Record, rule string, outcome gatekeep.Outcome, findings ...gatekeep.Finding) {
	for i := range r.Decision.Results {
		if r.Decision.Results[i].Rule == rule {
			r.Decision.Results[i].Outcome, r.Decision.Results[i].Findings = outcome, findings
		}
	}
}

var vulnerable = finding("supply-chain/vuln-blocking",
	"CVE-2026-9999 (critical) in pkg:npm/left@1.0.0 is past its limit of 7 days, or exploited in the wild",
	"CVE-2026-9999", "Upgrade the component, publish a trusted VEX statement, or get a waiver for this id.")

func shut() gatekeep.Record {
	r := record()
	r.Decision.Outcome = gatekeep.Fail
	r.Case.Policy.SignatureVerified, r.Case.Policy.UnsignedAllowed, r.Case.Policy.Signer = false, true, ""
	said(&r, "supply-chain/vuln-blocking", gatekeep.Fail, vulnerable)
	said(&r, "rbac/approvals-insufficient", gatekeep.Fail, finding("rbac/approvals-insufficient", "1 of 2 approvals by people who did not write the change", "sha256:"+strings.Repeat("e", 64), "Ask a second release approver."))
	said(&r, "gate/clock-untrusted", gatekeep.Fail, finding("gate/clock-untrusted", "no ledger confirms the clock", "", "Give the gate a state folder."))
	r.Decision.Results[0].Severity = "warn"
	r.Decision.Results[4].Notes = []string{"people were looked up in the directory of 2026-11-23"}
	r.Decision.Results[6].Notes = r.Decision.Results[4].Notes
	r.Rejected = []gatekeep.Rejection{
		{ID: "sha256:1", Reason: gatekeep.ReasonSignatureInvalid, Detail: "signature does not verify under key \"scanner\"", Kind: "vuln_scan", Name: "scan.json", Source: "./attestations"},
		{ID: "sha256:2", Reason: gatekeep.ReasonSignerNotTrusted, Detail: "signer \"builder\" may not say vuln_scan", Kind: "vuln_scan", Name: "sha256:77", Source: "registry.example/shop/payments (referrers)"},
		{ID: "sha256:3", Reason: gatekeep.ReasonSignatureInvalid, Detail: "signature does not verify under key \"scanner\"", Kind: "sbom", Name: "bom.json", Source: "./attestations"},
	}
	return r
}

func couldNotJudge() gatekeep.Record {
	r := record()
	r.Decision.Outcome = gatekeep.Indeterminate
	said(&r, "supply-chain/vuln-blocking", gatekeep.Indeterminate, finding("supply-chain/vuln-blocking", "missing fact: findings.sca", "findings.sca", "Attest a vulnerability scan of this artifact."))
	said(&r, "rbac/approvals-insufficient", gatekeep.Indeterminate)
	r.Case.Sources = append(r.Case.Sources,
		gatekeep.SourceReport{Name: "tickets.example", Status: gatekeep.SourceFailed, Reason: gatekeep.ReasonSourceTimeout, Detail: "no answer within 10s", Required: true},
		gatekeep.SourceReport{Name: "./attestations", Status: gatekeep.SourceEmpty})
	return r
}

func waived() gatekeep.Record {
	r := record()
	excused := vulnerable
	excused.Excuse = "waiver-2026-017"
	said(&r, "supply-chain/vuln-blocking", gatekeep.Waived, excused)
	r.Decision.Effects.Obligations = []gatekeep.Obligation{{ID: "ob-1", Kind: "break_glass_review", Principal: "alice", Service: "payments", Status: "open", DueAt: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)}}
	return r
}

func warnMode() gatekeep.Record {
	r := shut()
	r.Mode = gatekeep.Warn
	other := vulnerable
	other.At, other.Message, other.Excuse = "CVE-2026-1111", "CVE-2026-1111 (high) in pkg:npm/right@2.0.0 is past its limit of 30 days", "waiver-2026-017"
	said(&r, "supply-chain/vuln-blocking", gatekeep.Fail, vulnerable, other)
	return r
}

// silent is shut, and no rule says why.
func silent() gatekeep.Record {
	r := record()
	r.Decision.Outcome = gatekeep.Indeterminate
	for i := range r.Decision.Results {
		r.Decision.Results[i].Outcome = gatekeep.NotApplicable
	}
	r.Decision.Results = r.Decision.Results[:5]
	return r
}

// long has more of everything than a screen holds.
func long() gatekeep.Record {
	r := shut()
	var findings []gatekeep.Finding
	for i := range 30 {
		findings = append(findings, finding("supply-chain/vuln-blocking", fmt.Sprintf("CVE-2026-%04d (high) in pkg:npm/left@1.0.0 is past its limit", i), fmt.Sprintf("CVE-2026-%04d", i), "Upgrade the component."))
		r.Rejected = append(r.Rejected, gatekeep.Rejection{ID: fmt.Sprint("sha256:", i), Reason: gatekeep.ReasonUnsigned, Detail: "no signature", Name: fmt.Sprintf("scan-%02d.json", i), Source: "./attestations"})
		r.Decision.Results = append(r.Decision.Results, result("nist", fmt.Sprintf("AC-%d", i), "rbac/roles", []gatekeep.Outcome{gatekeep.Pass, gatekeep.NotApplicable, gatekeep.Waived, gatekeep.Fail}[i%4]))
	}
	said(&r, "supply-chain/vuln-blocking", gatekeep.Fail, findings...)
	return r
}

// attack is text that tries to leave every format that it is put into.
const attack = "\x1b[2J\x1b[31mred\x1b]8;;https://evil.example\x07link\x1b]8;;\x07\u009b5m\r\nOPEN\x00\u202eesrever\u200b " +
	"]]><!--><script>alert(1)</script> | **bold** `code` ``` [text](https://evil.example) ![i](https://evil.example/i.png) @everyone #1 www.evil.example <img src=x> </details> &lt; \xff\xfe \U000e0041 ✗"

func hostile() gatekeep.Record {
	r := shut()
	r.ID, r.Mode, r.Case.Subject.Name, r.Case.Subject.Digest = attack, gatekeep.Mode(attack), attack, attack
	r.Case.Request.Service, r.Case.Request.Environment, r.Case.Request.Action = attack, attack, attack
	r.Case.Policy.Name, r.Case.Policy.Digest, r.Facts.Binding, r.Engine.Gatekeep = attack, attack, attack, attack
	bad := gatekeep.Finding{Rule: attack, Message: attack, At: attack, Remedy: attack}
	badExcused := bad
	badExcused.Excuse = attack
	r.Decision.Results = []gatekeep.Result{
		{Regime: attack, Control: attack, Rule: attack, Outcome: gatekeep.Fail, Severity: "block", Findings: []gatekeep.Finding{bad, badExcused}, Notes: []string{attack}},
		{Regime: attack, Control: "2", Rule: attack, Outcome: gatekeep.Indeterminate, Severity: "block", Findings: []gatekeep.Finding{bad}},
		{Regime: attack, Control: "2", Rule: "x/y", Outcome: gatekeep.Indeterminate, Severity: "warn", Findings: []gatekeep.Finding{bad}},
	}
	r.Regimes = []gatekeep.Regime{{ID: attack, Title: attack, Controls: []gatekeep.Control{{ID: attack, Title: attack}}}}
	r.Rejected = []gatekeep.Rejection{{ID: attack, Reason: gatekeep.Reason(attack), Detail: attack, Kind: attack, Name: attack, Source: attack}}
	r.Case.Sources = []gatekeep.SourceReport{{Name: attack, Status: gatekeep.SourceFailed, Reason: gatekeep.Reason(attack), Detail: attack}}
	r.Decision.Effects.Obligations = []gatekeep.Obligation{{ID: attack, Kind: attack, Principal: attack, Service: attack}}
	return r
}

// records are all of them, by the name of their golden files.
func records() map[string]gatekeep.Record {
	return map[string]gatekeep.Record{
		"open": record(), "shut": shut(), "could-not-judge": couldNotJudge(), "waived": waived(),
		"warn-mode": warnMode(), "silent": silent(), "long": long(), "hostile": hostile(),
	}
}
