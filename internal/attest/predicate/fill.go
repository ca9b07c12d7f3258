package predicate

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/handwritten"
)

// fill reads a gatekeep.dev predicate written as YAML or JSON, and puts in what the
// options know and the file leaves out.
func fill(kind string, file []byte, o WrapOptions) ([]byte, error) {
	document, err := handwritten.Object(file)
	if err != nil {
		return nil, fmt.Errorf("wrapping %s: %w", kind, err)
	}
	set := func(object map[string]any, name, value string) {
		if _, stands := object[name]; !stands && value != "" {
			object[name] = value
		}
	}
	at := func(t time.Time) string {
		if o.Now.IsZero() {
			return ""
		}
		return t.UTC().Format(time.RFC3339)
	}
	now, end := at(o.Now), ""
	if o.ValidFor > 0 {
		end = at(o.Now.Add(o.ValidFor))
	}
	switch kind {
	case "approval":
		set(document, "principal", o.Principal)
		set(document, "binding", o.Binding)
		set(document, "nonce", o.Nonce)
		set(document, "intent", "deploy")
		set(document, "approvedAt", now)
		set(document, "expiresAt", end)
		if _, stands := document["request"]; !stands && (o.Digest != "" || o.Environment != "") {
			document["request"] = map[string]any{}
		}
		if request, ok := document["request"].(map[string]any); ok {
			set(request, "digest", o.Digest)
			set(request, "environment", o.Environment)
		}
	case "waiver", "break-glass-grant", "freeze-exemption":
		set(document, "notBefore", now)
		set(document, "expiresAt", end)
		if kind == "freeze-exemption" {
			set(document, "binding", o.Binding)
		}
		if kind == "break-glass-grant" {
			set(document, "grantedBy", o.Principal)
			set(document, "environment", o.Environment)
			set(document, "service", o.Service)
		}
	case "rollout-plan":
		set(document, "binding", o.Binding)
	case "break-glass-review":
		set(document, "reviewedAt", now)
		if _, stands := document["reviewers"]; !stands && o.Principal != "" {
			document["reviewers"] = []any{o.Principal}
		}
	case "calendar":
		if _, stands := document["source"]; !stands && now != "" {
			document["source"] = map[string]any{"system": "native", "fetchedAt": now}
		}
	case "data-flow":
		set(document, "service", o.Service)
	case "residency":
		set(document, "service", o.Service)
		set(document, "environment", o.Environment)
		set(document, "declaredAt", now)
	case "incident":
		set(document, "observedAt", now)
	}
	return json.Marshal(document)
}
