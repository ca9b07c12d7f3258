package policy

import (
	"fmt"
	"strings"
	"testing/fstest"
)

// ruleSource is a rule with the parts that most rules have.
func ruleSource(family, rule string) string {
	return fmt.Sprintf(`# METADATA
# title: Data stays in an allowed region
# description: every store that holds personal data is in an allowed region
# related_resources:
#   - ref: https://eur-lex.europa.eu/eli/reg/2016/679/oj
#     description: GDPR Art. 44
# custom:
#   severity: block
#   stages: [predeploy, admission]
#   waivable: true
#   evidence: [plan]
#   remedy: Move the store to an allowed region.
package gatekeep.rules.%s[%q]

import data.gatekeep.result

# METADATA
# description: facts without which this rule cannot speak
needs := {"resources"}

# METADATA
# description: the resources that were looked at
observed := {address | some address, _ in input.resources}

# METADATA
# description: one violation for each resource outside the allowed regions
violations contains finding if {
	some address, resource in input.resources
	not resource.region in {"eu-west-1", "eu-central-1"}
	finding := result.fail(
		rego.metadata.chain(),
		sprintf("%%s is in %%v", [address, object.get(resource, "region", "no region")]),
		address,
	)
}
`, family, rule)
}

// Router and maker of findings of a small policy. The router says one outcome for
// each rule that the one regime names.
const (
	testMain = `package gatekeep.main

decision := {
	"outcome": outcome,
	"results": [r | some r in results],
	"effects": {"consume_nonces": {input.request.nonce}, "use_grants": [], "use_exemptions": [], "approvals": [], "obligations": [], "close_obligations": []},
}

default outcome := "indeterminate"

outcome := "fail" if "fail" in {r.outcome | some r in results}

outcome := "pass" if {
	count(results) > 0
	{r.outcome | some r in results} == {"pass"}
}

results contains result if {
	some control in data.gatekeep.regimes.core.controls
	some rule in control.rules
	result := {
		"regime": "core", "control": control.id, "rule": rule, "severity": "block",
		"outcome": said(rule), "findings": {f | some f in found(rule)}, "notes": [],
	}
}

said(rule) := "indeterminate" if not found(rule)

else := "fail" if count(found(rule)) > 0

else := "pass"

found(rule) := data.gatekeep.rules[family][name].violations if [family, name] := split(rule, "/")
`
	testResult = `package gatekeep.result

fail(chain, message, at) := {
	"rule": concat("/", array.slice(link.path, 2, 4)),
	"message": message,
	"at": at,
	"severity": link.annotations.custom.severity,
	"remedy": link.annotations.custom.remedy,
} if {
	some link in chain
	link.annotations.scope == "package"
	link.path[1] == "rules"
}
`
)

// library is a policy of n rules, all named by the one control of the regime core.
func library(n int) fstest.MapFS {
	tree := fstest.MapFS{}
	add := func(name, text string) { tree[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644} }
	add("gatekeep/main/main.rego", testMain)
	add("gatekeep/result/result.rego", testResult)
	add("gatekeep/params/gate/data.yaml", "limit: 5\nwords: [a, b]\nnested: {kept: 1, replaced: 2}\n")
	add("gatekeep/org/data.yaml", "baseline_regimes: []\nregime_triggers: {ephi: [hipaa]}\n")
	add("gatekeep/regimes/core/data.yaml", "title: Core\ncontrols:\n  - id: c-1\n    rules: ["+strings.Join(libraryRules(n), ", ")+"]\n")
	for _, id := range libraryRules(n) {
		family, rule, _ := strings.Cut(id, "/")
		add(ruleFile(id), ruleSource(family, rule))
		add(strings.TrimSuffix(ruleFile(id), ".rego")+"_test.rego", "package broken because nobody reads tests")
	}
	return tree
}

func libraryRules(n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf("family_%d/rule-%d", i%5, i)
	}
	return ids
}
