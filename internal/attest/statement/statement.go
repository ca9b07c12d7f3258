// Package statement reads in-toto statements: what is said, and of what.
package statement

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/gatekeep-dev/gatekeep"
	"github.com/gatekeep-dev/gatekeep/internal/attest/envelope"
	"github.com/gatekeep-dev/gatekeep/internal/attest/predicate/imagesignature"
	"github.com/gatekeep-dev/gatekeep/internal/attest/refusal"
	"github.com/gatekeep-dev/gatekeep/internal/strictjson"
)

// MaxSubjects bounds one statement. Release attestations with thousands of files are
// real.
const MaxSubjects = 10_000

// ImageSigned is the type of a signature on an image, as cosign 3 writes it. Its
// predicate is empty.
const ImageSigned = imagesignature.Type

// Statement is one in-toto statement.
type Statement struct {
	PredicateType string
	Subjects      []string // "sha256:..", "gitCommit:..", sorted, each once
	Predicate     json.RawMessage
	Count         int    // of subjects, with a digest or without
	Odd           string // a digest that can be none of its algorithm, for messages; it matches nothing
}

// hexDigits are the lengths that a digest of each known algorithm may have. A Git
// commit is SHA-1, or SHA-256 in repositories that use it.
var hexDigits = map[string][]int{
	"sha256": {64}, "sha384": {96}, "sha512": {128}, "sha1": {40}, "gitCommit": {40, 64},
}

// Of reads the statement that a document holds. A signature of an image is one about
// the digest of the manifest.
func Of(d *envelope.Document) (*Statement, *refusal.Refusal) {
	if !d.Image {
		return Parse(d.Payload)
	}
	manifest, why := envelope.ImageDigest(d.Payload)
	if why != nil {
		return nil, why
	}
	return &Statement{PredicateType: ImageSigned, Subjects: []string{manifest}, Predicate: json.RawMessage(`{}`), Count: 1}, nil
}

// Parse reads a statement. In-toto Attestation Framework v1, "Statement": _type is
// one of two URIs, subject is a list, predicateType a URI that is compared whole;
// unknown fields are ignored.
func Parse(payload []byte) (*Statement, *refusal.Refusal) {
	members, err := strictjson.Members(payload, envelope.Limits())
	if err != nil {
		return nil, malformed("%v", err)
	}
	typ, _ := envelope.Text(members["_type"])
	switch s := string(typ); s {
	case "https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1":
	case "link", "layout":
		return nil, malformed("an in-toto %s is no statement; links count through a layout of the trust policy only", s)
	default:
		return nil, malformed("_type %.100q is no version that is read", s)
	}
	predicateType, err := envelope.Text(members["predicateType"])
	if err != nil || len(predicateType) == 0 {
		return nil, malformed("predicateType is missing or no text")
	}
	st := &Statement{PredicateType: string(predicateType), Predicate: envelope.OrNull(members["predicate"])}
	if why := st.readSubjects(envelope.OrNull(members["subject"])); why != nil {
		return nil, why
	}
	return st, nil
}

// readSubjects collects the digests of all subjects. Names and URIs are not read:
// nothing is ever matched by them. GitHub's release attestations have no name and a
// SHA-1 only; such a subject can be a commit and never an artifact.
func (st *Statement) readSubjects(raw []byte) *refusal.Refusal {
	var subjects []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &subjects); err != nil {
		return malformed("subject: %v", err)
	}
	switch {
	case len(subjects) == 0:
		return malformed("it has no subject, so it is about nothing")
	case len(subjects) > MaxSubjects:
		return refusal.New(gatekeep.ReasonTooLarge, "%d subjects are over the bound of %d", len(subjects), MaxSubjects)
	}
	for i, s := range subjects {
		var digests map[string]string
		if err := json.Unmarshal(envelope.OrNull(s["digest"]), &digests); err != nil {
			return malformed("subject[%d].digest: %v", i, err)
		}
		// In order of their names: of two odd ones always the same is told.
		for _, algorithm := range slices.Sorted(maps.Keys(digests)) {
			value := digests[algorithm]
			lengths, known := hexDigits[algorithm]
			if !known {
				continue
			}
			// In-toto DigestSet: sha256 and its like are lower-case hex. Examples of the
			// specifications shorten them; what is none can be no subject here.
			if _, err := hex.DecodeString(value); err != nil || !slices.Contains(lengths, len(value)) || !lower(value) {
				if st.Odd == "" {
					st.Odd = fmt.Sprintf("subject[%d].digest.%s %.140q is not lower-case hex of the right length", i, algorithm, value)
				}
				continue
			}
			st.Subjects = append(st.Subjects, algorithm+":"+value)
		}
	}
	st.Count = len(subjects)
	slices.Sort(st.Subjects)
	st.Subjects = slices.Compact(st.Subjects)
	return nil
}

func malformed(format string, args ...any) *refusal.Refusal {
	return refusal.New(gatekeep.ReasonStatementMalformed, "reading statement: %s", fmt.Sprintf(format, args...))
}

func lower(s string) bool {
	return !slices.ContainsFunc([]byte(s), func(c byte) bool { return 'A' <= c && c <= 'F' })
}

// Has tells whether the statement is about a digest.
func (st *Statement) Has(d string) bool {
	_, found := slices.BinarySearch(st.Subjects, d)
	return found
}

// Summary names what a statement is about, for a message.
func (st *Statement) Summary() string {
	about := "nothing with a digest that is known here"
	switch n := len(st.Subjects); {
	case n == 1:
		about = st.Subjects[0]
	case n > 1:
		about = fmt.Sprintf("%s and %d more", st.Subjects[0], n-1)
	}
	if st.Odd != "" {
		about += "; " + st.Odd
	}
	return about
}
