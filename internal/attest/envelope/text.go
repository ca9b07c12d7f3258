package envelope

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
)

// OrNull is a member that may be absent.
func OrNull(raw json.RawMessage) []byte {
	if len(raw) == 0 {
		return []byte("null")
	}
	return raw
}

var errNotText = errors.New("is missing or no text")

// Text is a JSON string without its quotes. Where it has no escapes, which is all
// of base64, nothing is copied.
func Text(raw json.RawMessage) ([]byte, error) {
	if len(raw) < 2 || raw[0] != '"' {
		return nil, errNotText
	}
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return inner, nil
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return nil, errNotText
	}
	return []byte(s), nil
}

// fromBase64 reads a JSON string of base64. DSSE protocol: either standard or
// URL-safe encoding is allowed. Both are read strictly, padded or not: no line
// breaks, no stray bits.
func fromBase64(raw json.RawMessage) ([]byte, error) {
	encoded, err := Text(raw)
	if err != nil {
		return nil, err
	}
	if bytes.IndexByte(encoded, '\n') >= 0 || bytes.IndexByte(encoded, '\r') >= 0 {
		return nil, errors.New("has a line break in its base64")
	}
	encoding := base64.StdEncoding
	if bytes.IndexByte(encoded, '-') >= 0 || bytes.IndexByte(encoded, '_') >= 0 {
		encoding = base64.URLEncoding
	}
	if n := len(encoded); n > 0 && encoded[n-1] != '=' && n%4 != 0 {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	out := make([]byte, encoding.DecodedLen(len(encoded)))
	n, err := encoding.Strict().Decode(out, encoded)
	if err != nil {
		return nil, err
	}
	return out[:n], nil
}
