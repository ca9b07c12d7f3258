// Package roots holds the trusted roots of the public Sigstore instances, so that
// nothing has to be fetched to verify what they signed.
//
// production.json is targets/trusted_root.json of github.com/sigstore/root-signing at
// 60cf2ce8b2e45d600dc17c4421e8c751e75772be, staging.json that of
// github.com/sigstore/root-signing-staging at ed88d5dc6c56bfdbf1a78219364e6d3e4ecfe0c9.
// Both are licensed under Apache-2.0.
package roots

import _ "embed"

// Names of the embedded roots, as trust policies and flags give them.
const (
	Production = "sigstore-production"
	Staging    = "sigstore-staging"
)

//go:embed production.json
var production []byte

//go:embed staging.json
var staging []byte

// Root is one embedded trusted_root.json.
type Root struct {
	Name string
	JSON []byte // Sigstore trusted root v0.1 or v0.2
	Date string // day on which it was taken, 2006-01-02
}

// Named finds an embedded root.
func Named(name string) (Root, bool) {
	for _, r := range []Root{{Production, production, taken}, {Staging, staging, taken}} {
		if r.Name == name {
			return r, true
		}
	}
	return Root{}, false
}

// taken is the day on which the copies were taken from the commits named above.
const taken = "2026-11-23"
