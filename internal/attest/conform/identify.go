package conform

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"strings"

	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// oscalModels are the roots that an OSCAL document may have.
var oscalModels = []string{
	"catalog", "profile", "component-definition", "system-security-plan", "assessment-plan",
	"assessment-results", "plan-of-action-and-milestones", "mapping-collection",
}

// Identify tells format and version by what a document says of itself, as Check wants
// them. Both are empty if it is of no format in the table; the version may be one that
// is not Known.
func Identify(data []byte) (format, version string) {
	if trimmed := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\uFEFF"))); bytes.HasPrefix(trimmed, []byte("<")) {
		return identifyXML(trimmed)
	}
	members, err := strictjson.Members(data, strictjson.Limits{Bytes: MaxBytes, Depth: MaxDepth})
	if err != nil {
		return "", ""
	}
	if text(members["bomFormat"]) == "CycloneDX" {
		return "cyclonedx-json", text(members["specVersion"])
	}
	if v, ok := strings.CutPrefix(text(members["spdxVersion"]), "SPDX-"); ok {
		return "spdx-json", v
	}
	if v := text(members["version"]); v != "" && members["runs"] != nil {
		return "sarif", v
	}
	context := text(members["@context"])
	if v, ok := strings.CutPrefix(context, "https://spdx.org/rdf/"); ok {
		v, _, _ = strings.Cut(v, "/")
		return "spdx3-json", v
	}
	// "Fixed to https://openvex.dev/ns before 1.0 is released" (OpenVEX, Document): the
	// bare name says no version, so the last one counts.
	if v, ok := strings.CutPrefix(context, "https://openvex.dev/ns"); ok {
		if v == "" {
			return "openvex", "0.2.0"
		}
		return "openvex", strings.TrimPrefix(v, "/v")
	}
	var csaf struct {
		Version string `json:"csaf_version"`
	}
	if json.Unmarshal(members["document"], &csaf) == nil && csaf.Version != "" {
		return "csaf", csaf.Version
	}
	for _, model := range oscalModels {
		var root struct {
			Metadata struct {
				Version string `json:"oscal-version"`
			} `json:"metadata"`
		}
		if json.Unmarshal(members[model], &root) == nil && root.Metadata.Version != "" {
			return "oscal", root.Metadata.Version
		}
	}
	return "", ""
}

func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// identifyXML looks at the namespace of the root.
func identifyXML(data []byte) (format, version string) {
	d := xml.NewDecoder(bytes.NewReader(data))
	for {
		t, err := d.Token()
		if err != nil {
			return "", ""
		}
		if root, ok := t.(xml.StartElement); ok {
			v, ok := strings.CutPrefix(root.Name.Space, "http://cyclonedx.org/schema/bom/")
			if !ok || root.Name.Local != "bom" {
				return "", ""
			}
			return "cyclonedx-xml", v
		}
	}
}
