package policy

import "github.com/open-policy-agent/opa/v1/version"

// EngineVersion is the release of OPA that decides, for example "1.22.2".
func EngineVersion() string { return version.Version }
