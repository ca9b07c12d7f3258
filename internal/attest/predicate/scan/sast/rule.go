package sast

import "strings"

// rule finds the description of the rule, after section 3.27.7: by index into the
// rules of the driver or of an extension, else by id. Some writers leave an index of
// 0 where they mean none, so it counts only where the id agrees.
func (r *sarifResult) rule(components []sarifComponent, rules map[string]sarifRule) sarifRule {
	from := components[0]
	if i := r.Rule.Component.Index; i != nil && *i >= 0 && *i+1 < len(components) {
		from = components[*i+1]
	}
	index := r.Rule.Index
	if index == nil {
		index = r.RuleIndex
	}
	id := either(r.RuleID, r.Rule.ID)
	if index != nil && *index >= 0 && *index < len(from.Rules) && (id == "" || from.Rules[*index].is(id)) {
		return from.Rules[*index]
	}
	if rule, known := rules["guid:"+r.Rule.GUID]; known {
		return rule
	}
	for ; id != ""; id = id[:max(strings.LastIndexByte(id, '/'), 0)] {
		if rule, known := rules[id]; known {
			return rule
		}
	}
	return sarifRule{}
}

// ruleIndex finds rules by id, and by "guid:" and guid; of several alike the first.
func ruleIndex(components []sarifComponent) map[string]sarifRule {
	rules := map[string]sarifRule{}
	for _, c := range components {
		for _, rule := range c.Rules {
			for _, name := range []string{rule.ID, "guid:" + rule.GUID} {
				if _, known := rules[name]; !known && name != "" && name != "guid:" {
					rules[name] = rule
				}
			}
		}
	}
	return rules
}

// is tells whether the id of a result names the rule. Section 3.5.4: an id with
// further parts ("CA1000/1") is of the rule without them.
func (r sarifRule) is(id string) bool {
	return r.ID != "" && (r.ID == id || strings.HasPrefix(id, r.ID+"/"))
}
