package attest

import (
	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/statement"
)

// Unverified indexes the SBOMs among these documents without asking who signed them, by
// the Ref of their SBOMRef. It is for judging again what was believed once, where the
// trust policy of then was erased.
func Unverified(documents []Envelope) map[string]map[string]any {
	indexes := map[string]map[string]any{}
	for _, e := range documents {
		sbom := claimedSBOM(e.Bytes)
		if sbom != nil {
			indexes[sbom.Ref] = sbom.Index
		}
	}
	return indexes
}

// claimedSBOM is the SBOM that a document claims to hold, or nil.
func claimedSBOM(data []byte) *predicate.SBOM {
	d, why := envelope.Open(data)
	if why != nil {
		return nil
	}
	st, why := statement.Of(d)
	if why != nil {
		return nil
	}
	typ, known := predicate.Lookup(st.PredicateType)
	if !known || typ.Kind != "sbom" {
		return nil
	}
	content, err := typ.Decode(st.Predicate)
	if err != nil || content == nil {
		return nil
	}
	return content.SBOM
}
