package conform

import "strings"

// table names the schema of each version of each format. schemas/SOURCES.md says where
// they come from.
//
// CycloneDX 1.2 and 1.3 have a lenient and a strict JSON schema; the tests of the
// specification hold documents against the strict one, and so does this package. Both
// list one value for "$schema" and have another as their own identifier, so a document
// that names the schema breaks it: that member is not judged.
//
// Patches of OSCAL only mend; each document is held against the last of its line.
var table = []schema{
	{Format{"cyclonedx-json", "1.2", "http://cyclonedx.org/schema/bom-1.2b.schema.json"}, "bom-1.2-strict.schema.json", "/$schema"},
	{Format{"cyclonedx-json", "1.3", "http://cyclonedx.org/schema/bom-1.3a.schema.json"}, "bom-1.3-strict.schema.json", "/$schema"},
	{Format{"cyclonedx-json", "1.4", "http://cyclonedx.org/schema/bom-1.4.schema.json"}, "bom-1.4.schema.json", ""},
	{Format{"cyclonedx-json", "1.5", "http://cyclonedx.org/schema/bom-1.5.schema.json"}, "bom-1.5.SNAPSHOT.schema.json", ""},
	{Format{"cyclonedx-json", "1.6", "http://cyclonedx.org/schema/bom-1.6.schema.json"}, "bom-1.6.SNAPSHOT.schema.json", ""},
	{Format{"cyclonedx-json", "1.7", "http://cyclonedx.org/schema/bom-1.7.schema.json"}, "bom-1.7.SNAPSHOT.schema.json", ""},
	{Format{"cyclonedx-xml", "1.0", "http://cyclonedx.org/schema/bom/1.0"}, "bom-1.0.SNAPSHOT.xsd", ""},
	{Format{"cyclonedx-xml", "1.1", "http://cyclonedx.org/schema/bom/1.1"}, "bom-1.1.SNAPSHOT.xsd", ""},
	{Format{"cyclonedx-xml", "1.2", "http://cyclonedx.org/schema/bom/1.2"}, "bom-1.2.SNAPSHOT.xsd", ""},
	{Format{"cyclonedx-xml", "1.3", "http://cyclonedx.org/schema/bom/1.3"}, "bom-1.3.SNAPSHOT.xsd", ""},
	{Format{"cyclonedx-xml", "1.4", "http://cyclonedx.org/schema/bom/1.4"}, "bom-1.4.SNAPSHOT.xsd", ""},
	{Format{"cyclonedx-xml", "1.5", "http://cyclonedx.org/schema/bom/1.5"}, "bom-1.5.SNAPSHOT.xsd", ""},
	{Format{"cyclonedx-xml", "1.6", "http://cyclonedx.org/schema/bom/1.6"}, "bom-1.6.SNAPSHOT.xsd", ""},
	{Format{"cyclonedx-xml", "1.7", "http://cyclonedx.org/schema/bom/1.7"}, "bom-1.7.SNAPSHOT.xsd", ""},
	{Format{"spdx-json", "2.2", "https://gatekeep.dev/schema/spdx-2.2.json"}, "spdx-2.2-mandatory.schema.json", ""},
	{Format{"spdx-json", "2.3", "http://spdx.org/rdf/terms/2.3"}, "spdx-schema-2.3.json", ""},
	{Format{"spdx3-json", "3.0.1", "https://spdx.org/schema/3.0.1/spdx-json-schema.json"}, "spdx-3.0.1.schema.json", ""},
	{Format{"sarif", "2.1.0", "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"}, "sarif-2.1.0.schema.json", ""},
	{Format{"openvex", "0.2.0", "https://gatekeep.dev/schema/openvex-0.2.0.json"}, "openvex-0.2.0.schema.json", ""},
	{Format{"csaf", "2.0", "https://docs.oasis-open.org/csaf/csaf/v2.0/csaf_json_schema.json"}, "csaf_json_schema.json", ""},
	{Format{"oscal", "1.0.0", "http://csrc.nist.gov/ns/oscal/1.0/1.0.6/oscal-complete-schema.json"}, "oscal_complete_schema-1-0-6.json", ""},
	{Format{"oscal", "1.0.1", "http://csrc.nist.gov/ns/oscal/1.0/1.0.6/oscal-complete-schema.json"}, "oscal_complete_schema-1-0-6.json", ""},
	{Format{"oscal", "1.0.2", "http://csrc.nist.gov/ns/oscal/1.0/1.0.6/oscal-complete-schema.json"}, "oscal_complete_schema-1-0-6.json", ""},
	{Format{"oscal", "1.0.3", "http://csrc.nist.gov/ns/oscal/1.0/1.0.6/oscal-complete-schema.json"}, "oscal_complete_schema-1-0-6.json", ""},
	{Format{"oscal", "1.0.4", "http://csrc.nist.gov/ns/oscal/1.0/1.0.6/oscal-complete-schema.json"}, "oscal_complete_schema-1-0-6.json", ""},
	{Format{"oscal", "1.0.5", "http://csrc.nist.gov/ns/oscal/1.0/1.0.6/oscal-complete-schema.json"}, "oscal_complete_schema-1-0-6.json", ""},
	{Format{"oscal", "1.0.6", "http://csrc.nist.gov/ns/oscal/1.0/1.0.6/oscal-complete-schema.json"}, "oscal_complete_schema-1-0-6.json", ""},
	{Format{"oscal", "1.1.0", "http://csrc.nist.gov/ns/oscal/1.0/1.1.3/oscal-complete-schema.json"}, "oscal_complete_schema-1-1-3.json", ""},
	{Format{"oscal", "1.1.1", "http://csrc.nist.gov/ns/oscal/1.0/1.1.3/oscal-complete-schema.json"}, "oscal_complete_schema-1-1-3.json", ""},
	{Format{"oscal", "1.1.2", "http://csrc.nist.gov/ns/oscal/1.0/1.1.3/oscal-complete-schema.json"}, "oscal_complete_schema-1-1-3.json", ""},
	{Format{"oscal", "1.1.3", "http://csrc.nist.gov/ns/oscal/1.0/1.1.3/oscal-complete-schema.json"}, "oscal_complete_schema-1-1-3.json", ""},
}

// locations are the schemas that other schemas refer to, as they call them.
var locations = map[string]string{
	"http://cyclonedx.org/schema/spdx.schema.json":                       "spdx.SNAPSHOT.schema.json",
	"http://cyclonedx.org/schema/spdx.SNAPSHOT.schema.json":              "spdx.SNAPSHOT.schema.json",
	"http://cyclonedx.org/schema/jsf-0.82.schema.json":                   "jsf-0.82.SNAPSHOT.schema.json",
	"http://cyclonedx.org/schema/jsf-0.82.SNAPSHOT.schema.json":          "jsf-0.82.SNAPSHOT.schema.json",
	"http://cyclonedx.org/schema/cryptography-defs.SNAPSHOT.schema.json": "cryptography-defs.SNAPSHOT.schema.json",
	"http://spdx.org/rdf/terms":                                          "spdx-schema-2.2.json",
	"https://www.first.org/cvss/cvss-v2.0.json":                          "cvss-v2.0.json",
	"https://www.first.org/cvss/cvss-v3.0.json":                          "cvss-v3.0.json",
	"https://www.first.org/cvss/cvss-v3.1.json":                          "cvss-v3.1.json",
}

// imports are the schemas that XML schemas import, by namespace.
var imports = map[string]string{"http://cyclonedx.org/schema/spdx": "spdx.SNAPSHOT.xsd"}

func (s schema) isXML() bool { return strings.HasSuffix(s.file, ".xsd") }
