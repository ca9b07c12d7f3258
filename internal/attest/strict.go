package attest

import (
	"encoding/json"
	"strings"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/conform"
	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/attest/refusal"
	"github.com/gatekeep-dev/gatekeep/internal/attest/statement"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// ownTypes is what the URIs of gatekeep's types begin with. The decoders of those that are
// known hold every predicate against its schema, strict or not; a later version of one is
// a type like any other that nobody here reads.
const ownTypes = "https://gatekeep.dev/"

// conforms holds the document of a statement against the published schema of its
// format. A format without a schema here does not conform: whoever asks for strict
// means that somebody looked.
func conforms(schemas *conform.Checker, st *statement.Statement, content *predicate.Content) *refusal.Refusal {
	document := []byte(st.Predicate)
	if _, known := predicate.Lookup(st.PredicateType); known && strings.HasPrefix(st.PredicateType, ownTypes) {
		members, err := strictjson.Members(document, envelope.Limits())
		if document = members["sarif"]; err != nil || document == nil {
			return nil
		}
	}
	// Cosign attests documents that are no JSON as a string.
	if text := ""; len(document) > 0 && document[0] == '"' && json.Unmarshal(document, &text) == nil {
		document = []byte(text)
	}
	format, version := conform.Identify(document)
	violation := func(what string, args ...any) *refusal.Refusal {
		return refusal.New(gatekeep.ReasonSchemaViolation, what, args...)
	}
	if !conform.Known(format, version) {
		return violation("the trust policy is strict, and there is no schema here for %.40q in version %.40q of %.200q", format, version, st.PredicateType)
	}
	// What was read must be what is judged.
	if b := content.SBOM; b != nil && (!strings.HasPrefix(format, b.Format) || version != b.SpecVersion) {
		return violation("it was read as %.40q %.40q and says that it is %.40q %.40q", b.Format, b.SpecVersion, format, version)
	}
	result, err := schemas.Check(format, version, document)
	switch {
	case err != nil:
		return violation("%v", err)
	case result.OK():
		return nil
	case len(result.Violations) == 0:
		return violation("no schema judged it")
	}
	first := result.Violations[0]
	return violation("it breaks %s at %s: %s (%d breaches in all)", result.Schema, first.At, first.What, len(result.Violations))
}
