package attest

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate"
	"github.com/gatekeep-dev/gatekeep/internal/digest"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// statement is an in-toto statement: what is said, and of what.
type statement struct {
	predicateType string
	subjects      []string // "sha256:..", "gitCommit:..", sorted, each once
	predicate     json.RawMessage
}

// hexDigits are the lengths that a digest of each known algorithm may have. A Git
// commit is SHA-1, or SHA-256 in repositories that use it.
var hexDigits = map[string][]int{
	"sha256": {64}, "sha384": {96}, "sha512": {128}, "sha1": {40}, "gitCommit": {40, 64},
}

// parseStatement reads a statement. In-toto Attestation Framework v1, "Statement":
// _type is one of two URIs, subject is a list, predicateType a URI that is compared
// whole; unknown fields are ignored.
func parseStatement(payload []byte) (*statement, *refusal) {
	malformed := func(format string, args ...any) *refusal {
		return refuse(gatekeep.ReasonStatementMalformed, "reading statement: %s", fmt.Sprintf(format, args...))
	}
	members, err := strictjson.Members(payload, limits())
	if err != nil {
		return nil, malformed("%v", err)
	}
	typ, _ := text(members["_type"])
	if s := string(typ); s != "https://in-toto.io/Statement/v1" && s != "https://in-toto.io/Statement/v0.1" {
		return nil, malformed("_type %.100q is no version that is read", s)
	}
	predicateType, err := text(members["predicateType"])
	if err != nil || len(predicateType) == 0 {
		return nil, malformed("predicateType is missing or no text")
	}
	st := &statement{predicateType: string(predicateType), predicate: orNull(members["predicate"])}
	var subjects []map[string]json.RawMessage
	if err := json.Unmarshal(orNull(members["subject"]), &subjects); err != nil {
		return nil, malformed("subject: %v", err)
	}
	switch {
	case len(subjects) == 0:
		return nil, malformed("it has no subject, so it is about nothing")
	case len(subjects) > MaxSubjects:
		return nil, refuse(gatekeep.ReasonTooLarge, "%d subjects are over the bound of %d", len(subjects), MaxSubjects)
	}
	for i, s := range subjects {
		var digests map[string]string
		if err := json.Unmarshal(orNull(s["digest"]), &digests); err != nil {
			return nil, malformed("subject[%d].digest: %v", i, err)
		}
		for algorithm, value := range digests {
			lengths, known := hexDigits[algorithm]
			if !known {
				continue
			}
			// In-toto DigestSet: sha256 and its like are lower-case hex.
			if _, err := hex.DecodeString(value); err != nil || !slices.Contains(lengths, len(value)) || !lower(value) {
				return nil, malformed("subject[%d].digest.%s %.140q is not lower-case hex of the right length", i, algorithm, value)
			}
			st.subjects = append(st.subjects, algorithm+":"+value)
		}
	}
	slices.Sort(st.subjects)
	st.subjects = slices.Compact(st.subjects)
	return st, nil
}

func lower(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(c byte) bool { return 'A' <= c && c <= 'F' })
}

// has tells whether the statement is about a digest.
func (st *statement) has(d string) bool {
	_, found := slices.BinarySearch(st.subjects, d)
	return found
}

// isAbout tells whether a statement of a type is about what was asked, as far as
// that shows without reading the predicate as its type.
func (st *statement) isAbout(typ predicate.Type, about About) bool {
	return slices.ContainsFunc(typ.About, func(kind predicate.About) bool {
		switch kind {
		case predicate.Artifact:
			return slices.ContainsFunc(about.Digests, st.has)
		case predicate.Commit:
			// In-toto DigestSet: gitCommit names a commit; GitHub writes sha1.
			return about.Commit != "" && (st.has("gitCommit:"+about.Commit) || st.has("sha1:"+about.Commit))
		case predicate.Plan:
			return about.Plan != "" && st.has(about.Plan)
		case predicate.Self:
			_, d, err := digest.JCS(st.predicate)
			return err == nil && st.has(d)
		}
		return false
	})
}

// bindingHolds checks a statement about a request. It need not be this request:
// rules report an approval of another one. But the digest that the statement is
// about must be the binding that its predicate states, or one could be shown and
// the other counted.
func (st *statement) bindingHolds(typ predicate.Type, c *predicate.Content) bool {
	binding := bindingOf(c)
	return slices.Contains(typ.About, predicate.Binding) && digest.Valid(binding) && st.has(binding)
}

// bindingOf is the binding that a predicate states, or "".
func bindingOf(c *predicate.Content) string {
	switch {
	case c.Approval != nil:
		return c.Approval.Binding
	case c.Exemption != nil:
		return c.Exemption.Binding
	}
	binding, _ := c.Claims["binding"].(string)
	return binding
}

// summary names what a statement is about, for a message.
func (st *statement) summary() string {
	switch len(st.subjects) {
	case 0:
		return "nothing with a digest that is known here"
	case 1:
		return st.subjects[0]
	}
	return fmt.Sprintf("%s and %d more", st.subjects[0], len(st.subjects)-1)
}
