// Package strictjson is the door for JSON that somebody else wrote. It refuses what
// two parsers could read in two ways: duplicate keys, invalid UTF-8, unpaired
// surrogates, trailing data; and what would cost too much to read: size and depth.
//
// The grammar is that of RFC 8259; the further rules are those of I-JSON, RFC 7493
// section 2. One pass, no allocation for values.
//
// One trap remains for callers: encoding/json matches the fields of a struct without
// regard to case, so "Payload" fills a field named "payload". Where that matters,
// read the names with Members.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// Limits bound a document. Zero values refuse: a Bytes of zero every document, a
// Depth of zero every object and array.
type Limits struct {
	Bytes int64 // of the whole document
	Depth int   // of nested objects and arrays; at most maxDepth
}

// maxDepth is where encoding/json gives up, whatever a caller asks for.
const maxDepth = 10_000

// Error tells where a document breaks which rule.
type Error struct {
	Offset int64  // bytes from the start
	Reason string // for people
}

// Error is the reason with its offset.
func (e *Error) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}

// Check reads data once and refuses it, with an *Error, unless it is exactly one
// JSON value within limits that every parser reads alike.
func Check(data []byte, limits Limits) error {
	return check(data, limits, nil)
}

// check is Check; members, where not nil, receives the members of the outermost
// object.
func check(data []byte, limits Limits, members map[string]json.RawMessage) error {
	if int64(len(data)) > limits.Bytes {
		return &Error{limits.Bytes, fmt.Sprintf("document of %d bytes is over the bound of %d", len(data), limits.Bytes)}
	}
	// RFC 8259 section 8.1: JSON text exchanged between systems MUST be encoded using
	// UTF-8, and implementations MUST NOT add a byte order mark.
	if !utf8.Valid(data) {
		return &Error{firstInvalid(data), "invalid UTF-8"}
	}
	s := scanner{data: data, depth: min(limits.Depth, maxDepth), members: members}
	s.space()
	if err := s.value(0); err != nil {
		return err
	}
	s.space()
	if s.pos != len(data) {
		return s.fail("data after the end of the document")
	}
	return nil
}

// Unmarshal is Check followed by json.Unmarshal. Members that into has no field for
// are ignored.
func Unmarshal(data []byte, limits Limits, into any) error {
	if err := Check(data, limits); err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("decoding JSON: %w", err)
	}
	return nil
}

// Members is Check followed by a reading of one object into its members by their
// exact names; the values are parts of data, not copies. A document that is no
// object is an error.
func Members(data []byte, limits Limits) (map[string]json.RawMessage, error) {
	members := map[string]json.RawMessage{}
	if err := check(data, limits, members); err != nil {
		return nil, err
	}
	if start := bytes.TrimLeft(data, " \t\r\n"); start[0] != '{' {
		return nil, &Error{0, "not an object"}
	}
	return members, nil
}

// firstInvalid is the offset of the first byte that is not UTF-8.
func firstInvalid(data []byte) int64 {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n <= 1 {
			return int64(i)
		}
		i += n
	}
	return int64(len(data))
}
